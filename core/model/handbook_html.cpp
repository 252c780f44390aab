#include <algorithm>
#include <string>

#include "model/handbook.h"

namespace caravan::model {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        // XML, which SVG once was, has no place for the other controls.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out.push_back(c);
    }
  }
  return out;
}

/// A wider chart is scrolled rather than shrunk until nobody can read it.
constexpr int widest_fit = 1500;

constexpr const char* style = R"css(
:root{color:#1f2329;background:#fff;font:15px/1.6 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
:lang(zh-TW){font-family:system-ui,"Noto Sans","Noto Sans CJK TC","PingFang TC","Microsoft JhengHei",sans-serif}
body{max-width:1080px;margin:0 auto;padding:24px}
h1{font-size:28px;margin:8px 0 20px}
h2{font-size:22px;margin:44px 0 12px;padding-bottom:6px;border-bottom:2px solid #1677ff}
h3{font-size:18px;margin:34px 0 8px;padding-left:9px;border-left:4px solid #1677ff}
h4{font-size:15.5px;margin:22px 0 6px}
h5,h6{font-size:14.5px;margin:16px 0 4px}
h2 code,h3 code,h4 code,h5 code,h6 code{font-size:.72em;font-weight:400;color:#5c6370;background:none}
p{margin:6px 0}
a{color:#0958d9}
ul{margin:6px 0;padding-left:22px}
code{font:.88em ui-monospace,"DejaVu Sans Mono",Consolas,monospace;background:#f2f3f5;padding:1px 4px;border-radius:3px;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:8px 0 14px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
caption{text-align:left;font-weight:600;padding:4px 0}
th,td{border:1px solid #d0d4da;padding:5px 8px;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#f2f5fa;font-weight:600;overflow-wrap:normal}
td p{margin:0 0 3px}
td p:last-child{margin:0}
nav ul{list-style:none;padding-left:0;columns:2;column-gap:32px}
nav li{break-inside:avoid-column}
nav ul ul{columns:1;padding-left:18px}
.tag{display:inline-block;border:1px solid;border-radius:4px;padding:0 5px;font-size:.92em;line-height:1.45;margin-right:3px}
.open{color:#0b49b0;background:#e6f4ff}
.waiting{color:#874d00;background:#fff7e6}
.done{color:#235c0c;background:#f6ffed}
.cancelled{color:#434343;background:#f5f5f5}
.place{border-bottom:1px dashed #5c6370}
.foreign sup{font-size:10px;color:#5c6370;margin-left:2px}
figure{margin:8px 0}
summary{cursor:pointer;font-size:13.5px;color:#0958d9}
svg{display:block;max-width:none}
.fit{max-width:100%;height:auto}
svg text{fill:#1f2329;font-size:13px}
svg .sub{font-size:11px}
svg .step{font-size:11.5px}
svg rect{stroke-width:1.3}
svg .n-open{fill:#e6f4ff;stroke:#1677ff}
svg .n-waiting{fill:#fff7e6;stroke:#d46b08}
svg .n-done{fill:#f6ffed;stroke:#389e0d}
svg .n-cancelled{fill:#f5f5f5;stroke:#595959}
svg polyline{fill:none;stroke:#5c6370;stroke-width:1.3;stroke-linejoin:round}
svg .dashed{stroke-dasharray:5 4}
svg .head{fill:#5c6370}
@page{size:A4;margin:15mm 13mm}
@media print{
:root{font-size:10.5pt}
body{max-width:none;padding:0}
h2{break-before:page}
h2:first-of-type,nav h2{break-before:auto}
h2,h3,h4,h5,h6,caption{break-after:avoid}
table{font-size:8.5pt}
thead{display:table-header-group}
tr,figure,li{break-inside:avoid}
.scroll{overflow:visible}
svg{max-width:100%;height:auto}
a{color:inherit;text-decoration:none}
summary,details:not([open]){display:none}
}
)css";

class Html {
 public:
  explicit Html(const Handbook& book) : book_(book) {}

  std::string write() {
    out_ = "<!DOCTYPE html>\n<html lang=\"" + escaped(book_.locale) + "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
           escaped(book_.title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<header><h1>" + escaped(book_.title) + "</h1></header>\n<nav aria-labelledby=\"contents\"><h2 id=\"contents\">" +
           escaped(book_.contents) + "</h2>\n<ul>\n";
    for (const HandbookSection& one : book_.sections) {
      out_ += "<li><a href=\"#" + escaped(one.id) + "\">" + line(one.title) + "</a>";
      if (one.id.starts_with("part-")) {
        out_ += "<ul>";
        for (const HandbookSection& inner : one.sections) out_ += "<li><a href=\"#" + escaped(inner.id) + "\">" + line(inner.title) + "</a></li>";
        out_ += "</ul>";
      }
      out_ += "</li>\n";
    }
    out_ += "</ul></nav>\n<main>\n";
    for (const HandbookSection& one : book_.sections) section(one, 2);
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  static std::string line(const HandbookLine& spans) {
    std::string out;
    for (const HandbookSpan& span : spans) {
      if (!span.language.empty()) out += "<span class=\"foreign\" lang=\"" + escaped(span.language) + "\">";
      const std::string text = escaped(span.text);
      switch (span.kind) {
        case HandbookSpan::Kind::text: out += text; break;
        case HandbookSpan::Kind::strong: out += "<strong>" + text + "</strong>"; break;
        case HandbookSpan::Kind::code: out += "<code>" + text + "</code>"; break;
        case HandbookSpan::Kind::place: out += "<span class=\"place\">" + text + "</span>"; break;
        case HandbookSpan::Kind::category: out += "<span class=\"tag " + escaped(span.to) + "\">" + text + "</span>"; break;
        case HandbookSpan::Kind::link: out += "<a href=\"#" + escaped(span.to) + "\">" + text + "</a>"; break;
      }
      if (!span.language.empty()) out += "<sup>" + escaped(span.language) + "</sup></span>";
    }
    return out;
  }

  void section(const HandbookSection& one, int level) {
    const std::string tag = "h" + std::to_string(std::min(level, 6));
    // Parts alone are landmarks: more of them, with names that come again, help nobody.
    out_ += "<section" + (level == 2 ? " aria-labelledby=\"" + escaped(one.id) + "\"" : std::string()) + ">\n<" + tag + " id=\"" + escaped(one.id) + "\">" + line(one.title);
    if (!one.name.empty()) out_ += " <code>" + escaped(one.name) + "</code>";
    out_ += "</" + tag + ">\n";
    for (const HandbookBlock& block : one.blocks) write(block, line(one.title));
    for (const HandbookSection& inner : one.sections) section(inner, level + 1);
    out_ += "</section>\n";
  }

  void list(const std::vector<HandbookLine>& lines) {
    out_ += "<ul>\n";
    for (const HandbookLine& one : lines) out_ += "<li>" + line(one) + "</li>\n";
    out_ += "</ul>\n";
  }

  void write(const HandbookBlock& block, const std::string& heading) {
    switch (block.kind) {
      case HandbookBlock::Kind::paragraph:
        for (const HandbookLine& one : block.lines) out_ += "<p>" + line(one) + "</p>\n";
        break;
      case HandbookBlock::Kind::list: list(block.lines); break;
      case HandbookBlock::Kind::table: table(block.table); break;
      case HandbookBlock::Kind::chart:
        out_ += "<figure>\n";
        if (block.chart.width > 0) chart(block.chart, heading);
        out_ += "<details" + std::string(block.chart.width > 0 ? "" : " open") + "><summary>" + escaped(book_.in_words) + "</summary>\n";
        list(block.lines);
        out_ += "</details>\n</figure>\n";
        break;
    }
  }

  void table(const HandbookTable& table) {
    out_ += "<div class=\"scroll\"><table>\n";
    if (!table.caption.empty()) out_ += "<caption>" + escaped(table.caption) + "</caption>\n";
    out_ += "<thead><tr>";
    for (const std::string& head : table.head) out_ += "<th scope=\"col\">" + escaped(head) + "</th>";
    out_ += "</tr></thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
      out_ += "<tr>";
      for (const HandbookCell& cell : row) {
        out_ += "<td>";
        for (const HandbookLine& one : cell) out_ += cell.size() == 1 ? line(one) : "<p>" + line(one) + "</p>";
        out_ += "</td>";
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n";
  }

  static std::string pair(int x, int y) { return std::to_string(x) + "," + std::to_string(y); }

  void arrow(int x, int y, bool leftwards) {
    const int back = leftwards ? 8 : -8;
    out_ += "<polygon class=\"head\" points=\"" + pair(x, y) + " " + pair(x + back, y - 4) + " " + pair(x + back, y + 4) + "\"/>\n";
  }

  void text(int x, int y, const char* style_class, bool middle, const std::string& said, const std::string& language) {
    out_ += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"" + (middle ? " text-anchor=\"middle\"" : "");
    if (*style_class != '\0') out_ += std::string(" class=\"") + style_class + "\"";
    if (!language.empty()) out_ += " lang=\"" + escaped(language) + "\"";
    out_ += ">" + escaped(said) + "</text>\n";
  }

  void chart(const FlowChart& chart, const std::string& heading) {
    const std::string width = std::to_string(chart.width), height = std::to_string(chart.height);
    // What can be scrolled must be reached with the keyboard, too.
    out_ += "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"" + escaped(chart.title.empty() ? heading : chart.title) + "\">\n<svg xmlns=\"http://www.w3.org/2000/svg\"" + (chart.width <= widest_fit ? " class=\"fit\"" : "") +
            " role=\"img\" aria-label=\"" +
            escaped(chart.title) + "\" width=\"" + width + "\" height=\"" + height + "\" viewBox=\"0 0 " + width + " " + height + "\">\n";
    for (const FlowEdge& edge : chart.edges) {
      if (edge.points.size() < 2) continue;
      out_ += std::string("<polyline") + (edge.dashed ? " class=\"dashed\"" : "") + " points=\"";
      for (std::size_t i = 0; i < edge.points.size(); ++i) out_ += (i > 0 ? " " : "") + pair(edge.points[i].first, edge.points[i].second);
      out_ += "\"/>\n";
      const auto& end = edge.points.back();
      arrow(end.first, end.second, edge.points[edge.points.size() - 2].first > end.first);
    }
    for (const FlowNode& node : chart.nodes) {
      if (node.initial) {
        out_ += "<circle class=\"head\" cx=\"" + std::to_string(chart.start.first) + "\" cy=\"" + std::to_string(chart.start.second) + "\" r=\"5\"/>\n<polyline points=\"" +
                pair(chart.start.first, chart.start.second) + " " + pair(node.x, chart.start.second) + "\"/>\n";
        arrow(node.x, chart.start.second, false);
      }
      out_ += "<rect class=\"n-" + escaped(node.category) + "\" x=\"" + std::to_string(node.x) + "\" y=\"" + std::to_string(node.y) + "\" width=\"" + std::to_string(node.width) +
              "\" height=\"" + std::to_string(node.height) + "\" rx=\"7\"/>\n";
      const int lines = static_cast<int>(node.lines.size()), middle = node.x + node.width / 2;
      int y = node.y + (node.height - 16 * lines - 14) / 2 + 13;
      for (const std::string& one : node.lines) {
        text(middle, y, "", true, one, node.language);
        y += 16;
      }
      text(middle, y, "sub", true, node.category_label, {});
    }
    for (const FlowEdge& edge : chart.edges) {
      int y = edge.label_y - 13 * (static_cast<int>(edge.lines.size()) - 1);
      for (const std::string& one : edge.lines) {
        text(edge.label_x, y, "step", false, one, {});
        y += 13;
      }
    }
    out_ += "</svg></div>\n";
  }

  const Handbook& book_;
  std::string out_;
};

}  // namespace

std::string handbook_html(const Handbook& handbook) { return Html(handbook).write(); }

}  // namespace caravan::model

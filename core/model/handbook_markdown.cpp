#include <algorithm>
#include <string>

#include "model/handbook.h"

namespace caravan::model {
namespace {

/// A text as CommonMark shows it, letter for letter.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\n':
      case '\r':
      case '\t': out.push_back(' '); break;
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '|':
      case '~':
      case '$': out.push_back('\\'); [[fallthrough]];
      default: out.push_back(c);
    }
  }
  return out;
}

/// What a line must not begin with, for it would be a heading or a list.
std::string at_start(std::string line) {
  std::size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '9') ++digits;
  if (digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')')) return line.insert(digits, "\\");
  if (!line.empty() && std::string_view("#+-=").find(line[0]) != std::string_view::npos) return "\\" + line;
  return line;
}

std::string code_span(std::string_view text, bool in_table) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  const std::string fence(longest + 1, '`');
  std::string inner;
  for (const char c : text) {
    if (c == '|' && in_table) inner += "\\|";
    else inner.push_back(c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
  }
  const bool pad = inner.empty() || inner.front() == '`' || inner.back() == '`';
  return fence + (pad ? " " : "") + inner + (pad ? " " : "") + fence;
}

class Markdown {
 public:
  explicit Markdown(const Handbook& book) : book_(book) {}

  std::string write() {
    out_ = "# " + escaped(book_.title) + "\n\n## " + escaped(book_.contents) + "\n\n";
    for (const HandbookSection& one : book_.sections) {
      entry(one, 0);
      if (one.id.starts_with("part-")) {
        for (const HandbookSection& inner : one.sections) entry(inner, 1);
      }
    }
    for (const HandbookSection& one : book_.sections) section(one, 2);
    return std::move(out_);
  }

 private:
  void entry(const HandbookSection& one, int depth) {
    out_ += std::string(static_cast<std::size_t>(2 * depth), ' ') + "- [" + line(one.title, false) + "](#" + one.id + ")\n";
  }

  std::string line(const HandbookLine& spans, bool in_table) const {
    std::string out;
    for (const HandbookSpan& span : spans) {
      switch (span.kind) {
        case HandbookSpan::Kind::text: out += escaped(span.text); break;
        case HandbookSpan::Kind::strong:
        case HandbookSpan::Kind::category: out += "**" + escaped(span.text) + "**"; break;
        case HandbookSpan::Kind::code: out += code_span(span.text, in_table); break;
        case HandbookSpan::Kind::place: out += "⟨" + escaped(span.text) + "⟩"; break;
        case HandbookSpan::Kind::link: out += "[" + escaped(span.text) + "](#" + span.to + ")"; break;
      }
      if (!span.language.empty()) out += " \\[" + escaped(span.language) + "\\]";
    }
    return out;
  }

  void section(const HandbookSection& one, std::size_t level) {
    out_ += "\n<a id=\"" + one.id + "\"></a>\n\n" + std::string(std::min<std::size_t>(level, 6), '#') + " " + line(one.title, false);
    if (!one.name.empty()) out_ += " " + code_span(one.name, false);
    out_ += "\n";
    for (const HandbookBlock& block : one.blocks) write(block);
    for (const HandbookSection& inner : one.sections) section(inner, level + 1);
  }

  void write(const HandbookBlock& block) {
    out_ += "\n";
    switch (block.kind) {
      case HandbookBlock::Kind::paragraph:
        for (const HandbookLine& one : block.lines) out_ += at_start(line(one, false)) + "\n";
        break;
      case HandbookBlock::Kind::chart:
        mermaid(block.chart);
        out_ += escaped(book_.in_words) + "\n\n";
        [[fallthrough]];
      case HandbookBlock::Kind::list:
        for (const HandbookLine& one : block.lines) out_ += "- " + at_start(line(one, false)) + "\n";
        break;
      case HandbookBlock::Kind::table: table(block.table); break;
    }
  }

  void table(const HandbookTable& table) {
    if (!table.caption.empty()) out_ += "**" + escaped(table.caption) + "**\n\n";
    out_ += "|";
    for (const std::string& head : table.head) out_ += " " + escaped(head) + " |";
    out_ += "\n|";
    for (std::size_t i = 0; i < table.head.size(); ++i) out_ += "---|";
    out_ += "\n";
    for (const auto& row : table.rows) {
      out_ += "|";
      for (const HandbookCell& cell : row) {
        std::string text;
        for (const HandbookLine& one : cell) text += (text.empty() ? "" : "<br>") + line(one, true);
        out_ += " " + text + " |";
      }
      out_ += "\n";
    }
  }

  /// A label between quotes of Mermaid, which knows entities by `#`.
  static std::string mermaid_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
      switch (c) {
        case '#': out += "#35;"; break;
        case '"': out += "#quot;"; break;
        case '<': out += "#lt;"; break;
        case '>': out += "#gt;"; break;
        case '&': out += "#amp;"; break;
        case '`': out += "#96;"; break;
        case '\\': out += "#92;"; break;
        case '\n':
        case '\r':
        case '\t': out.push_back(' '); break;
        default: out.push_back(c);
      }
    }
    return out;
  }

  void mermaid(const FlowChart& chart) {
    out_ += "```mermaid\nflowchart LR\n";
    for (std::size_t i = 0; i < chart.nodes.size(); ++i) {
      const FlowNode& node = chart.nodes[i];
      out_ += "  s" + std::to_string(i) + (node.initial ? "([\"" : "[\"") + mermaid_text(node.label) + "<br>" + mermaid_text(node.category_label) +
              (node.initial ? "\"])" : "\"]") + ":::" + node.category + "\n";
    }
    for (const FlowEdge& edge : chart.edges) {
      out_ += "  s" + std::to_string(edge.from) + (edge.dashed ? " -.->" : " -->") + "|\"" + std::to_string(edge.number) + " " + mermaid_text(edge.label) + "\"| s" +
              std::to_string(edge.to) + "\n";
    }
    out_ += "  classDef open fill:#e6f4ff,stroke:#1677ff\n  classDef waiting fill:#fff7e6,stroke:#d46b08\n"
            "  classDef done fill:#f6ffed,stroke:#389e0d\n  classDef cancelled fill:#f5f5f5,stroke:#595959\n```\n\n";
  }

  const Handbook& book_;
  std::string out_;
};

}  // namespace

std::string handbook_markdown(const Handbook& handbook) { return Markdown(handbook).write(); }

}  // namespace caravan::model

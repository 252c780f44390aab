#include "model/handbook_chart.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

namespace caravan::model {
namespace {

constexpr double node_em = 13, label_em = 11.5;
constexpr int node_width = 116, row_gap = 20, margin = 12;
constexpr int label_line = 13, label_width = 104;
constexpr int track = 9, in_port = 13, lane = 10;
/// Beyond, nobody reads a chart, and laying it out takes long.
constexpr std::size_t most_nodes = 120, most_edges = 400;

/// Length in bytes of the character at `at`; 1 where it is none.
std::size_t character(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return std::min(length, text.size() - at);
}

bool is_wide(std::string_view one) { return one.size() >= 3 && static_cast<unsigned char>(one[0]) >= 0xE2; }

/// A state, or the place where a line passes a column.
struct Item {
  int node = -1, edge = -1;
  int y = 0, height = 0;
  double wanted = 0;
};

/// One end of a line at a state's side.
struct Port {
  std::size_t edge = 0;
  bool incoming = false;
  int height = 0;
  double other = 0;  ///< height of what it leads to, to put ports in order
};

class Layout {
 public:
  explicit Layout(FlowChart& chart) : chart_(chart), count_(chart.nodes.size()) {}

  void run() {
    if (count_ == 0) return;
    columns();
    sizes();
    order();
    place();
    ports();
    straighten();
    tracks();
    draw();
  }

 private:
  FlowNode& node(std::size_t at) { return chart_.nodes[at]; }
  int column(std::size_t at) const { return column_[at]; }
  bool forward(const FlowEdge& edge) const { return column_[edge.to] > column_[edge.from]; }
  bool beside(const FlowEdge& edge) const { return column_[edge.to] == column_[edge.from] && edge.from != edge.to; }
  static bool loop(const FlowEdge& edge) { return edge.from == edge.to; }

  void columns() {
    column_.assign(count_, -1);
    std::deque<std::size_t> queue;
    const auto first = std::find_if(chart_.nodes.begin(), chart_.nodes.end(), [](const FlowNode& one) { return one.initial; });
    std::size_t next = first == chart_.nodes.end() ? 0 : static_cast<std::size_t>(first - chart_.nodes.begin());
    for (std::size_t seen = 0; next < count_; ++seen) {
      // What cannot be reached begins anew, in the first column.
      column_[next] = 0;
      queue.push_back(next);
      while (!queue.empty()) {
        const std::size_t from = queue.front();
        queue.pop_front();
        for (const FlowEdge& edge : chart_.edges) {
          if (edge.from != from || column_[edge.to] >= 0) continue;
          column_[edge.to] = column_[from] + 1;
          queue.push_back(edge.to);
        }
      }
      next = static_cast<std::size_t>(std::find(column_.begin(), column_.end(), -1) - column_.begin());
    }
    items_.resize(static_cast<std::size_t>(*std::max_element(column_.begin(), column_.end())) + 1);
  }

  void sizes() {
    in_.assign(count_, {});
    right_.assign(count_, {});
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      FlowEdge& edge = chart_.edges[i];
      edge.lines = broken(std::to_string(edge.number) + " " + edge.label, label_em, label_width, 2);
      const int above = static_cast<int>(edge.lines.size()) * label_line + 5;
      right_[edge.from].push_back({i, false, loop(edge) ? above + 12 : above, 0});
      if (beside(edge)) right_[edge.to].push_back({i, true, in_port, 0});
      else if (!loop(edge)) in_[edge.to].push_back({i, true, in_port, 0});
    }
    for (std::size_t i = 0; i < count_; ++i) {
      FlowNode& one = node(i);
      one.lines = broken(one.label, node_em, node_width - 16, 3);
      one.width = node_width;
      int right = 10;
      for (const Port& port : right_[i]) right += port.height;
      const int left = 10 + in_port * static_cast<int>(in_[i].size() + (one.initial ? 1 : 0));
      one.height = std::max({static_cast<int>(one.lines.size()) * 16 + 28, right, left});
      items_[static_cast<std::size_t>(column(i))].push_back({static_cast<int>(i), -1, 0, one.height, 0});
    }
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      const FlowEdge& edge = chart_.edges[i];
      for (int at = column(edge.from) + 1; at < column(edge.to); ++at)
        items_[static_cast<std::size_t>(at)].push_back({-1, static_cast<int>(i), 0, 8, 0});
    }
  }

  /// Where an edge is in a column: its state or the place where it passes.
  double height_of(std::size_t edge, int at) const {
    const FlowEdge& one = chart_.edges[edge];
    const auto& column = items_[static_cast<std::size_t>(at)];
    for (const Item& item : column) {
      if (item.edge == static_cast<int>(edge)) return item.y + item.height / 2.0;
      if (item.node >= 0 && ((at == column_[one.from] && item.node == static_cast<int>(one.from)) || (at == column_[one.to] && item.node == static_cast<int>(one.to))))
        return item.y + item.height / 2.0;
    }
    return 0;
  }

  /// Mean height of what an item is joined with in the column before (or behind); its own where there is nothing.
  double mean(const Item& item, int at, bool before) const {
    double sum = 0;
    int number = 0;
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      const FlowEdge& edge = chart_.edges[i];
      if (!forward(edge)) continue;
      const bool here = item.edge == static_cast<int>(i) || (item.node >= 0 && static_cast<std::size_t>(item.node) == (before ? edge.to : edge.from));
      if (!here) continue;
      sum += height_of(i, before ? at - 1 : at + 1);
      ++number;
    }
    return number == 0 ? item.y + item.height / 2.0 : sum / number;
  }

  static void stack(std::vector<Item>& column) {
    int y = 0;
    for (Item& item : column) {
      item.y = y;
      y += item.height + row_gap;
    }
  }

  void order() {
    for (auto& column : items_) stack(column);
    for (int pass = 0; pass < 4; ++pass) {
      const bool before = pass % 2 == 0;
      for (std::size_t n = 1; n < items_.size(); ++n) {
        const std::size_t at = before ? n : items_.size() - 1 - n;
        for (Item& item : items_[at]) item.wanted = mean(item, static_cast<int>(at), before);
        std::stable_sort(items_[at].begin(), items_[at].end(), [](const Item& a, const Item& b) { return a.wanted < b.wanted; });
        stack(items_[at]);
      }
    }
  }

  void place() {
    // Left to right, each as near as may be to those it comes from.
    for (std::size_t at = 1; at < items_.size(); ++at) {
      int bottom = std::numeric_limits<int>::min() / 2;
      for (Item& item : items_[at]) item.wanted = mean(item, static_cast<int>(at), true);
      for (Item& item : items_[at]) {
        item.y = std::max(static_cast<int>(item.wanted) - item.height / 2, bottom + row_gap);
        bottom = item.y + item.height;
      }
      // A column that had to give way downwards goes up by half of that.
      double off = 0;
      for (const Item& item : items_[at]) off += item.y + item.height / 2.0 - item.wanted;
      const int up = items_[at].empty() ? 0 : static_cast<int>(off / static_cast<double>(items_[at].size()));
      for (Item& item : items_[at]) item.y -= up;
    }
    int top = std::numeric_limits<int>::max();
    for (const auto& column : items_) {
      for (const Item& item : column) top = std::min(top, item.y);
    }
    bottom_ = 0;
    for (auto& column : items_) {
      for (Item& item : column) {
        item.y += margin - top;
        bottom_ = std::max(bottom_, item.y + item.height);
        if (item.node >= 0) node(static_cast<std::size_t>(item.node)).y = item.y;
      }
    }
  }

  void ports() {
    out_y_.assign(chart_.edges.size(), 0);
    in_y_.assign(chart_.edges.size(), 0);
    const auto middle = [&](std::size_t at) { return node(at).y + node(at).height / 2.0; };
    for (std::size_t i = 0; i < count_; ++i) {
      for (Port& port : right_[i]) {
        const FlowEdge& edge = chart_.edges[port.edge];
        if (beside(edge)) port.other = middle(port.incoming ? edge.from : edge.to);
        else if (loop(edge)) port.other = middle(i);
        else if (forward(edge)) port.other = height_of(port.edge, column(i) + 1);
        else port.other = 1e9;  // goes below everything
      }
      const auto by_height = [](const Port& a, const Port& b) { return a.other < b.other; };
      std::stable_sort(right_[i].begin(), right_[i].end(), by_height);
      int height = 0;
      for (const Port& port : right_[i]) height += port.height;
      int y = node(i).y + (node(i).height - height) / 2;
      for (const Port& port : right_[i]) {
        const bool self = loop(chart_.edges[port.edge]);
        y += port.height;
        (port.incoming ? in_y_ : out_y_)[port.edge] = y - (port.incoming ? in_port / 2 : 2) - (self ? 12 : 0);
        if (self) in_y_[port.edge] = y - 3;
      }
      for (Port& port : in_[i]) {
        const FlowEdge& edge = chart_.edges[port.edge];
        port.other = forward(edge) ? height_of(port.edge, column(i) - 1) : 1e9;
      }
      std::stable_sort(in_[i].begin(), in_[i].end(), by_height);
      const int number = static_cast<int>(in_[i].size()) + (node(i).initial ? 1 : 0);
      y = node(i).y + (node(i).height - number * in_port) / 2 + in_port / 2;
      if (node(i).initial) {
        chart_.start.second = y;
        y += in_port;
      }
      for (const Port& port : in_[i]) {
        in_y_[port.edge] = y;
        y += in_port;
      }
    }
  }

  /// A line that would all but go straight on does.
  void straighten() {
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      const FlowEdge& edge = chart_.edges[i];
      const FlowNode& target = node(edge.to);
      const bool alone = in_[edge.to].size() == 1 && !target.initial;
      if (forward(edge) && column(edge.to) == column(edge.from) + 1 && alone && std::abs(out_y_[i] - in_y_[i]) <= 10) in_y_[i] = out_y_[i];
    }
  }

  /// A vertical piece of a line in a gap between two columns; gap 0 is before the first one.
  struct Piece {
    std::size_t edge = 0;
    int from = 0, to = 0;
    int x = 0;
  };

  void add_piece(std::size_t gap, std::size_t edge, int from, int to) {
    if (from != to) gaps_[gap].push_back({edge, from, to, 0});
  }

  void tracks() {
    gaps_.assign(items_.size() + 1, {});
    lane_y_.assign(chart_.edges.size(), 0);
    int below = bottom_ + 14;
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      const FlowEdge& edge = chart_.edges[i];
      const auto from = static_cast<std::size_t>(column(edge.from)), to = static_cast<std::size_t>(column(edge.to));
      if (loop(edge)) continue;
      if (beside(edge)) {
        add_piece(from + 1, i, out_y_[i], in_y_[i]);
      } else if (forward(edge)) {
        int y = out_y_[i];
        for (std::size_t at = from + 1; at <= to; ++at) {
          const int next = at == to ? in_y_[i] : static_cast<int>(height_of(i, static_cast<int>(at)));
          add_piece(at, i, y, next);
          y = next;
        }
      } else {
        lane_y_[i] = below;
        below += lane;
        add_piece(from + 1, i, out_y_[i], lane_y_[i]);
        add_piece(to, i, lane_y_[i], in_y_[i]);
      }
    }
    bottom_ = below;
    int x = margin;
    for (std::size_t gap = 0; gap < gaps_.size(); ++gap) {
      int labels = 0;
      if (gap == 0) {
        chart_.start.first = x + 4;
        labels = 16;
      } else {
        for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
          if (column(chart_.edges[i].from) != static_cast<int>(gap) - 1) continue;
          for (const std::string& line : chart_.edges[i].lines) labels = std::max(labels, static_cast<int>(text_width(line, label_em)) + 14);
        }
      }
      label_end_.push_back(x + labels);
      // Those that go up, by where they begin; then those that go down, the other way round: so they cross least.
      auto& pieces = gaps_[gap];
      std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
        const bool up_a = a.to < a.from, up_b = b.to < b.from;
        if (up_a != up_b) return up_a;
        return up_a ? a.from < b.from : a.from > b.from;
      });
      x += labels + 4;
      for (Piece& piece : pieces) {
        piece.x = x;
        x += track;
      }
      x += 14;  // the arrow's head
      if (gap == items_.size()) break;
      for (const Item& item : items_[gap]) {
        if (item.node >= 0) node(static_cast<std::size_t>(item.node)).x = x;
      }
      x += node_width;
    }
    chart_.width = x;
    chart_.height = bottom_ + margin;
  }

  const Piece* piece(std::size_t gap, std::size_t edge) const {
    for (const Piece& one : gaps_[gap]) {
      if (one.edge == edge) return &one;
    }
    return nullptr;
  }

  void draw() {
    for (std::size_t i = 0; i < chart_.edges.size(); ++i) {
      FlowEdge& edge = chart_.edges[i];
      const auto from = static_cast<std::size_t>(column(edge.from)), to = static_cast<std::size_t>(column(edge.to));
      const FlowNode &source = node(edge.from), &target = node(edge.to);
      const int right = source.x + source.width;
      edge.label_x = right + 6;
      edge.label_y = out_y_[i] - 4;
      auto& points = edge.points;
      points = {{right, out_y_[i]}};
      const auto turn = [&](std::size_t gap) {
        if (const Piece* one = piece(gap, i)) {
          points.emplace_back(one->x, one->from);
          points.emplace_back(one->x, one->to);
        }
      };
      if (loop(edge)) {
        const int x = label_end_[from + 1];
        points.insert(points.end(), {{x, out_y_[i]}, {x, in_y_[i]}, {right, in_y_[i]}});
        continue;
      }
      if (beside(edge)) {
        turn(from + 1);
        points.emplace_back(right, in_y_[i]);
        continue;
      }
      if (forward(edge)) {
        for (std::size_t at = from + 1; at <= to; ++at) turn(at);
      } else {
        turn(from + 1);
        turn(to);
      }
      points.emplace_back(target.x, in_y_[i]);
    }
  }

  FlowChart& chart_;
  const std::size_t count_;
  std::vector<int> column_, out_y_, in_y_, lane_y_, label_end_;
  std::vector<std::vector<Item>> items_;          ///< by column, from above
  std::vector<std::vector<Port>> in_, right_;     ///< by node: at its left side; at its right side
  std::vector<std::vector<Piece>> gaps_;
  int bottom_ = 0;
};

}  // namespace

double text_width(std::string_view text, double em) {
  double width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
    width += is_wide(text.substr(at, length)) ? 1.0 : text[at] >= 'A' && text[at] <= 'Z' ? 0.68 : 0.54;
    at += length;
  }
  return width * em;
}

std::vector<std::string> broken(std::string_view text, double em, double width, std::size_t most) {
  // What stays together: a Chinese character, or what stands between blanks.
  std::vector<std::string> pieces;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
    const std::string_view one = text.substr(at, length);
    at += length;
    if (is_wide(one)) {
      pieces.emplace_back(one);
      open = false;
    } else if (open) {
      pieces.back() += one;
    } else {
      pieces.emplace_back(one);
      open = true;
    }
    if (one == " ") open = false;
  }
  const auto trimmed = [](std::string line) {
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
  };
  const auto cut = [&](const std::string& line) {
    std::string out;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t length = character(line, at);
      if (text_width(out, em) + 2 * em > width) break;
      out.append(line, at, length);
      at += length;
    }
    return trimmed(out) + "…";
  };
  std::vector<std::string> lines{""};
  for (const std::string& piece : pieces) {
    if (!lines.back().empty() && text_width(trimmed(lines.back() + piece), em) > width) {
      if (lines.size() == most) {
        lines.back() = cut(lines.back() + piece);
        return lines;
      }
      lines.back() = trimmed(lines.back());
      lines.emplace_back();
    }
    lines.back() += piece;
  }
  for (std::string& line : lines) {
    line = trimmed(line);
    if (text_width(line, em) > width) line = cut(line);
  }
  return lines;
}

void lay_out(FlowChart& chart) {
  std::erase_if(chart.edges, [&](const FlowEdge& edge) { return edge.from >= chart.nodes.size() || edge.to >= chart.nodes.size(); });
  if (chart.nodes.size() <= most_nodes && chart.edges.size() <= most_edges) Layout(chart).run();
}

}  // namespace caravan::model

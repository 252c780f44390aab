#pragma once

#include <string>
#include <utility>
#include <vector>

/// A chart of states and the steps between them, laid out: states in columns by their distance from the first one, steps as
/// lines of horizontal and vertical pieces that pass no state, each with its label where it leaves. Pure.
namespace caravan::model {

struct FlowNode {
  std::string id, label;
  std::string category, category_label;
  std::string language;            ///< of the label, where it is another one than the chart's
  bool initial = false;
  // Laid out, in pixels from the left upper corner.
  std::vector<std::string> lines;  ///< the label, broken
  int x = 0, y = 0, width = 0, height = 0;
};

struct FlowEdge {
  int number = 0;                  ///< of the step; one step from several states is several edges
  std::size_t from = 0, to = 0;    ///< nodes
  std::string label;
  bool dashed = false;             ///< taken by itself
  // Laid out.
  std::vector<std::string> lines;  ///< number and label, broken
  int label_x = 0, label_y = 0;    ///< left end of the last line's base
  std::vector<std::pair<int, int>> points;  ///< the last one at the state it leads to
};

struct FlowChart {
  std::string title;
  std::vector<FlowNode> nodes;
  std::vector<FlowEdge> edges;
  int width = 0, height = 0;
  std::pair<int, int> start{0, 0};         ///< where a record comes from: left of the first state
};

/// Lays out nodes and edges. Edges that name no node are left out. Of more than 120 states or 400 lines no chart is made: its
/// width stays 0.
void lay_out(FlowChart& chart);

/// How wide a text is at about 1 em a Chinese character.
double text_width(std::string_view text, double em);
/// At most `most` lines not wider than `width` pixels, broken at blanks or between Chinese characters; an ellipsis tells what is cut.
std::vector<std::string> broken(std::string_view text, double em, double width, std::size_t most);

}  // namespace caravan::model

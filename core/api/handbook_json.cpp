#include "api/handbook_json.h"

#include <algorithm>
#include <unordered_map>

#include "api/json_writer.h"
#include "model/pages.h"
#include "records/access.h"

namespace caravan::api {
namespace {

void write(JsonWriter& json, const model::HandbookLine& line) {
  json.begin_array();
  for (const model::HandbookSpan& span : line) {
    json.begin_object().member("kind", model::to_string(span.kind)).member("text", span.text);
    if (!span.to.empty()) json.member("to", span.to);
    if (!span.language.empty()) json.member("language", span.language);
    json.end_object();
  }
  json.end_array();
}

void write(JsonWriter& json, const std::vector<model::HandbookLine>& lines) {
  json.begin_array();
  for (const model::HandbookLine& line : lines) write(json, line);
  json.end_array();
}

void write(JsonWriter& json, const std::vector<std::string>& texts) {
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

void write(JsonWriter& json, const model::HandbookTable& table) {
  json.begin_object().member_or_null("caption", table.caption).key("head");
  write(json, table.head);
  json.key("rows").begin_array();
  for (const auto& row : table.rows) {
    json.begin_array();
    for (const model::HandbookCell& cell : row) write(json, cell);
    json.end_array();
  }
  json.end_array().end_object();
}

JsonWriter& number(JsonWriter& json, std::string_view name, int value) { return json.member(name, std::int64_t{value}); }

void write(JsonWriter& json, std::pair<int, int> point) { json.begin_array().number(point.first).number(point.second).end_array(); }

void write(JsonWriter& json, const model::FlowChart& chart) {
  json.begin_object().member("title", chart.title);
  number(number(json, "width", chart.width), "height", chart.height).key("start");
  write(json, chart.start);
  json.key("nodes").begin_array();
  for (const model::FlowNode& node : chart.nodes) {
    json.begin_object().member("id", node.id).member("label", node.label).member_or_null("language", node.language);
    json.member("category", node.category).member("category_label", node.category_label).member("initial", node.initial);
    number(number(number(number(json, "x", node.x), "y", node.y), "width", node.width), "height", node.height).key("lines");
    write(json, node.lines);
    json.end_object();
  }
  json.end_array().key("edges").begin_array();
  for (const model::FlowEdge& edge : chart.edges) {
    number(json.begin_object(), "number", edge.number).member("label", edge.label).member("dashed", edge.dashed);
    json.member("from", chart.nodes[edge.from].id).member("to", chart.nodes[edge.to].id);
    number(number(json, "label_x", edge.label_x), "label_y", edge.label_y).key("lines");
    write(json, edge.lines);
    json.key("points").begin_array();
    for (const auto& point : edge.points) write(json, point);
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void write(JsonWriter& json, const model::HandbookSection& section) {
  json.begin_object().member("id", section.id).member_or_null("name", section.name).key("title");
  write(json, section.title);
  json.key("blocks").begin_array();
  for (const model::HandbookBlock& block : section.blocks) {
    json.begin_object().member("kind", model::to_string(block.kind)).key("lines");
    write(json, block.lines);
    json.key("table");
    if (block.kind == model::HandbookBlock::Kind::table) write(json, block.table);
    else json.null();
    json.key("chart");
    if (block.kind == model::HandbookBlock::Kind::chart) write(json, block.chart);
    else json.null();
    json.end_object();
  }
  json.end_array().key("sections").begin_array();
  for (const model::HandbookSection& inner : section.sections) write(json, inner);
  json.end_array().end_object();
}

}  // namespace

model::HandbookScope handbook_scope(const records::RecordService& records, const records::Context& context) {
  model::HandbookScope scope;
  if (records::is_administrator(context)) return scope;
  scope.everything = false;
  scope.entity = [&](const model::Entity& entity) { return records.may(context, entity, model::Operation::read); };
  const auto rights = std::make_shared<std::unordered_map<const model::Entity*, records::FieldRights>>();
  scope.right = [&context, rights](const model::Entity& entity, const model::Field& field) {
    const auto found = rights->find(&entity);
    return (found != rights->end() ? found : rights->emplace(&entity, records::field_rights(context, entity)).first)->second.of(field);
  };
  scope.holds = [&](const model::Role& role) { return records::holds_role(context, role.name); };
  scope.page = [&](const model::Page& page) {
    return page.roles.empty() || std::any_of(page.roles.begin(), page.roles.end(), [&](const std::string& role) { return records::holds_role(context, role); });
  };
  return scope;
}

std::string handbook_json(const model::Handbook& handbook) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("locale", handbook.locale).member("title", handbook.title).member("hash", handbook.hash);
  json.member("contents", handbook.contents).member("in_words", handbook.in_words).key("sections").begin_array();
  for (const model::HandbookSection& section : handbook.sections) write(json, section);
  json.end_array().end_object();
  return out;
}

}  // namespace caravan::api

#include "api/expand.h"

#include <algorithm>

#include "api/json_writer.h"
#include "api/titles.h"
#include "records/by_ids.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using records::Record;

constexpr std::size_t most_names = 30, most_paths = 10;  ///< names in all, and those with a point
constexpr std::size_t at_once = 1024;                    ///< ids in one query

bool is_list(const Field& field) { return field.type == model::FieldType::refs; }
bool is_reference(const Field& field) { return (field.type == model::FieldType::ref || is_list(field)) && field.target != nullptr; }

}  // namespace

Expansion::Expansion(const Call& call, const Entity& entity) {
  const std::string* text = call.request.parameter("expand");
  if (text == nullptr) return;
  std::string_view list = *text;
  std::size_t names = 0, paths = 0;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view path = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (path.empty()) continue;
    paths += path.find('.') != std::string_view::npos;
    if (++names > most_names || paths > most_paths) throw refusal(call, ErrorCode::invalid_argument, "expand_many");
    add(call, entity, path);
  }
  for (const Node& node : roots_) {
    references_.push_back(node.field);
    lists_each_ += is_list(*node.field);
  }
}

Expansion::Node& Expansion::node_for(std::vector<Node>& nodes, const Field& field) {
  for (Node& node : nodes) {
    if (node.field == &field) return node;
  }
  nodes.push_back({&field, {}, {}});
  return nodes.back();
}

void Expansion::add(const Call& call, const Entity& entity, std::string_view path) {
  const std::string_view whole = path;
  const Entity* at = &entity;
  std::vector<Node>* nodes = &roots_;
  Node* parent = nullptr;
  for (int references = 0; !path.empty();) {
    const auto dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    const Field* field = at->field(name);
    if (field == nullptr) throw refusal(call, ErrorCode::invalid_argument, "unknown_field", {"expand", shown(name), at->full_name});
    if (!is_reference(*field)) {
      if (parent == nullptr || !path.empty()) throw refusal(call, ErrorCode::invalid_argument, "not_a_reference", {shown(whole)});
      if (std::find(parent->fields.begin(), parent->fields.end(), field) == parent->fields.end()) parent->fields.push_back(field);
      return;
    }
    if (++references > 2) throw refusal(call, ErrorCode::invalid_argument, "expand_deep", {shown(whole)});
    parent = &node_for(*nodes, *field);
    nodes = &parent->children;
    at = field->target;
  }
}

void Expansion::want(std::pair<std::vector<std::int64_t>, std::vector<std::uint32_t>>& place, const Node& node) {
  auto& slots = place.second;
  const auto add = [&](std::uint32_t slot) {
    if (std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(slot);
  };
  add(model::slot_number);
  if (node.field->target->title != nullptr) add(node.field->target->title->slot);
  for (const Field* field : node.fields) add(field->slot);
  for (const Node& child : node.children) add(child.field->slot);
}

void Expansion::read(const records::RecordService& records, const records::Context& context,
                     const std::unordered_map<const Entity*, std::pair<std::vector<std::int64_t>, std::vector<std::uint32_t>>>& wanted,
                     Targets& targets) {
  for (const auto& [entity, want] : wanted) {
    std::vector<std::int64_t> ids = want.first;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    auto& found = targets[entity];
    for (std::size_t at = 0; at < ids.size(); at += at_once) {
      const std::vector<std::int64_t> some(ids.begin() + static_cast<std::ptrdiff_t>(at),
                                           ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + at_once)));
      for (Record& record : records.get_many(context, *entity, some, want.second)) found.emplace(record.id(), std::move(record));
    }
  }
}

void Expansion::load(const records::RecordService& records, const records::Context& context, const std::vector<std::int64_t>& ids,
                     const Lists& lists) {
  std::unordered_map<const Entity*, std::pair<std::vector<std::int64_t>, std::vector<std::uint32_t>>> wanted;
  std::size_t list = 0;
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    auto& place = wanted[roots_[i].field->target];
    want(place, roots_[i]);
    if (is_list(*roots_[i].field)) {
      for (std::size_t at = list++; at < lists.size(); at += lists_each_) place.first.insert(place.first.end(), lists[at].begin(), lists[at].end());
      continue;
    }
    for (std::size_t at = i; at < ids.size(); at += roots_.size()) {
      if (ids[at] > 0) place.first.push_back(ids[at]);
    }
  }
  read(records, context, wanted, targets_[0]);
  wanted.clear();
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    for (const Node& child : roots_[i].children) {
      auto& place = wanted[child.field->target];
      want(place, child);
      for (const auto& [id, record] : targets_[0][roots_[i].field->target]) {
        const auto next = records::ids_of(record[child.field->slot]);
        place.first.insert(place.first.end(), next.begin(), next.end());
      }
    }
  }
  read(records, context, wanted, targets_[1]);
}

const Record* Expansion::target(const Node& node, std::int64_t id, std::size_t level) const {
  const auto of_entity = targets_[level].find(node.field->target);
  if (id <= 0 || of_entity == targets_[level].end()) return nullptr;
  const auto found = of_entity->second.find(id);
  return found == of_entity->second.end() ? nullptr : &found->second;
}

void Expansion::write_node(std::string& out, bool& first, const Node& node, std::int64_t id, const std::vector<std::int64_t>* list,
                           std::size_t level, std::string_view locale) const {
  const Record* one = list == nullptr ? target(node, id, level) : nullptr;
  if (list == nullptr && one == nullptr) return;
  out += first ? "\"" : ",\"";
  first = false;
  out += node.field->name + "\":";
  if (list == nullptr) {
    write_target(out, node, *one, level, locale);
    return;
  }
  out.push_back('[');
  bool first_item = true;
  for (const std::int64_t each : *list) {
    const Record* record = target(node, each, level);
    if (record == nullptr) continue;
    if (!first_item) out.push_back(',');
    first_item = false;
    write_target(out, node, *record, level, locale);
  }
  out.push_back(']');
}

void Expansion::write_target(std::string& out, const Node& node, const Record& record, std::size_t level, std::string_view locale) const {
  out += "{\"id\":\"" + std::to_string(record.id()) + "\",\"title\":";
  records::write_json_string(out, title_of(record, locale));
  for (const Field* field : node.fields) {
    if (field->slot == model::slot_id) continue;
    if (record.restricted() != nullptr && (*record.restricted())[field->slot] == model::FieldRight::hidden) continue;
    const expr::Value& value = record[field->slot];
    out += ",\"" + field->name + "\":";
    records::write_value(out, *field, value);
    if (field->type != model::FieldType::money) continue;
    const auto* amount = value.as<Decimal>();
    out += ",\"" + field->name + "_currency\":";
    if (amount != nullptr && amount->has_currency()) records::write_json_string(out, amount->currency_code());
    else out += "null";
  }
  if (!node.children.empty()) {
    out += ",\"expanded\":{";
    bool first_child = true;
    for (const Node& child : node.children) {
      const auto next = records::ids_of(record[child.field->slot]);
      write_node(out, first_child, child, next.empty() ? 0 : next.front(), is_list(*child.field) ? &next : nullptr, level + 1, locale);
    }
    out.push_back('}');
  }
  out.push_back('}');
}

void Expansion::write(std::string& out, std::size_t at, const std::vector<std::int64_t>& ids, const Lists& lists, std::string_view locale) const {
  out += "\"expanded\":{";
  bool first = true;
  std::size_t list = at * lists_each_;
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const bool listed = is_list(*roots_[i].field);
    write_node(out, first, roots_[i], ids[at * roots_.size() + i], listed ? &lists[list++] : nullptr, 0, locale);
  }
  out.push_back('}');
}

}  // namespace caravan::api

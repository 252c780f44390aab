#include <algorithm>

#include "model/builder_state.h"

// Sensitive fields: what can be said of a value that lies sealed in the database.

namespace caravan::model {
namespace {

/// The sensitive field that the program reads; nullptr where it reads none.
const Field* sensitive_read(const Catalog& catalog, const expr::Program* program) {
  if (program == nullptr) return nullptr;
  for (const expr::ReadField& read : expr::read_fields(*program)) {
    const Entity* entity = read.type != nullptr ? catalog.entity(read.type->name()) : nullptr;
    if (entity == nullptr || read.slot >= entity->fields.size()) continue;
    if (entity->fields[read.slot]->sensitive) return entity->fields[read.slot].get();
  }
  return nullptr;
}

/// Whether a value of the field tells no more than a yes or a no.
bool tells_little(const Field& field) { return field.type == FieldType::boolean; }

}  // namespace

void Builder::build_sensitive(const Node& node, Field& field) {
  const Node* word = node.get("sensitive");
  if (!flag_of(word, false)) return;
  only_for(node, "sensitive", field.type == FieldType::text, field, "text");
  if (field.type != FieldType::text) return;
  field.sensitive = true;
  field.hash_column = field.name + "_hash";
  const std::string subject = "field " + quoted(field.name);
  if (field.search) {
    diagnostics_.error(node.entry("search")->at, "sensitive-search",
                       subject + " is sensitive, and what is sealed cannot be searched for parts of it",
                       "remove `search`; a filter finds equal values: `record." + field.name + " == \"…\"`");
  }
  if (field.right >= FieldRight::read) {
    diagnostics_.warning(word->at, "sensitive-open",
                         subject + " is sensitive, but shown in full to every role that says nothing about it",
                         "add `right: masked` or `right: hidden`, and give the roles that need it `read` or `write`");
  }
}

void Builder::check_sensitive(const Draft& draft) {
  const Entity& entity = *draft.entity;
  /// Where these keys of the document were said; the last one that is there.
  const auto at = [&](std::initializer_list<std::string_view> keys) {
    Place place = draft.document->at;
    const Node* node = &draft.document->root;
    for (const std::string_view key : keys) {
      const Entry* entry = node->is_map() ? node->entry(key) : nullptr;
      if (entry == nullptr) break;
      place = entry->value.is_scalar() ? entry->value.at : entry->at;
      node = &entry->value;
    }
    return place;
  };
  if (entity.title != nullptr && entity.title->sensitive) {
    diagnostics_.error(at({"title"}), "sensitive-title",
                       "the title shows the sensitive field " + quoted(entity.title->name) + " wherever the record is referred to",
                       "name another field");
  }
  for (const Index& index : entity.indexes) {
    for (const Field* field : index.fields) {
      if (!field->sensitive || index.unique) continue;
      diagnostics_.error(at({"indexes", index.name}), "sensitive-order",
                         "index " + quoted(index.name) + " cannot order the sensitive field " + quoted(field->name),
                         "remove it: equal values are found by the index that every sensitive field has");
    }
  }
  // Statements that are made once for all, without the key.
  const auto keyless = [&](const expr::Program* program, const Place& place) {
    if (sensitive_read(*catalog_, program) == nullptr) return;
    const expr::Value none[1];
    const auto condition = expr::to_sql(*program, expr::Dialect::sqlite, "t", {none, 1, {}, "UTC"});
    if (!condition.refused) return;
    diagnostics_.error(place, "not-in-sql", "the database cannot test this: " + condition.refused->message, "compare it with null alone, or leave it out");
  };
  for (const auto& field : entity.fields) {
    if (field->rollup) keyless(field->rollup->where.get(), at({"fields", field->name, "rollup", "where"}));
  }
  for (const Exclusive& rule : entity.exclusive) keyless(rule.where.get(), at({"exclusive", rule.name, "where"}));
  const auto tell = [&](const Place& place, const Field* told, const std::string& holder) {
    diagnostics_.error(place, "tells-sensitive", holder + " would hold the sensitive field " + quoted(told->name) + " in the clear",
                       "make it sensitive, too, or leave the value out; a bool may tell whether it equals something");
  };
  for (const auto& field : entity.fields) {
    if (field->sensitive || tells_little(*field)) continue;
    if (const Field* told = sensitive_read(*catalog_, field->compute.get())) {
      tell(at({"fields", field->name, "compute"}), told, "computed field " + quoted(field->name));
    }
  }
  const auto check = [&](const Effect& effect, const Place& place) {
    for (const auto& [field, program] : effect.with) {
      if (field->sensitive || tells_little(*field)) continue;
      if (const Field* told = sensitive_read(*catalog_, program.get())) tell(place, told, "field " + quoted(field->name));
    }
    for (const auto& [name, program] : effect.values) {
      if (const Field* told = sensitive_read(*catalog_, program.get())) tell(place, told, "the queue (value " + quoted(name) + ")");
    }
  };
  if (!entity.workflow) return;
  for (const auto& state : entity.workflow->states) {
    for (const Effect& effect : state->enter) check(effect, at({"workflow", "states", state->name, "enter", effect.name}));
    for (const Effect& effect : state->exit) check(effect, at({"workflow", "states", state->name, "exit", effect.name}));
  }
  for (const auto& transition : entity.workflow->transitions) {
    for (const Effect& effect : transition->effects) check(effect, at({"workflow", "transitions", transition->name, "do", effect.name}));
  }
}

void Builder::check_sensitive_views() {
  for (const auto& [view, document] : declared_views_) {
    for (const SortKey& key : view->sort) {
      if (!key.field->sensitive) continue;
      const Entry* sort = document->root.entry("sort");
      diagnostics_.error(sort ? sort->at : document->at, "sensitive-order",
                         "the sensitive field " + quoted(key.field->name) + " has no order in the database", "sort by another field");
    }
  }
}

}  // namespace caravan::model

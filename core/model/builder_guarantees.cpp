#include <algorithm>

#include "model/builder_state.h"

// What the gate guarantees whoever writes at the same time: rollups, exclusive times, ledgers, numbers without gaps.

namespace caravan::model {
namespace {

bool adds_up(FieldType type) {
  return type == FieldType::integer || type == FieldType::decimal || type == FieldType::money;
}
bool compares(FieldType type) { return adds_up(type) || type == FieldType::date || type == FieldType::instant; }

std::string type_of(const Field& field) {
  std::string out = to_string(field.type);
  if (field.type == FieldType::decimal || field.type == FieldType::money) out += " of scale " + std::to_string(field.scale);
  return out;
}

bool same_type(const Field& a, const Field& b) {
  return a.type == b.type && ((a.type != FieldType::decimal && a.type != FieldType::money) || a.scale == b.scale);
}

}  // namespace

void Builder::build_entity_guarantees(const Document& document, Entity& entity) {
  entity.ledger = flag_of(document.root.get("ledger"), false);
  entity.gap_free = flag_of(document.root.get("gap_free"), false);
  const std::string subject = "entity " + quoted(entity.full_name);
  const auto contradiction = [&](std::string_view word, std::string why, std::string hint) {
    diagnostics_.error(document.root.entry(word)->at, "contradiction", subject + " " + std::move(why), std::move(hint));
  };
  if (entity.gap_free && !document.root.entry("number")) {
    contradiction("gap_free", "has no numbers that could be without gaps", "add `number: \"…{seq:6}\"`, or remove `gap_free`");
  }
  if (!entity.ledger) return;
  if (entity.module == "core") {
    contradiction("ledger", "belongs to the core, which changes its records", "remove `ledger`");
  } else if (document.root.entry("workflow")) {
    contradiction("ledger", "is a ledger, whose records never change, and has a workflow", "remove one of the two");
  }
}

std::shared_ptr<const expr::Program> Builder::compile_own_condition(const Node* node, const Entity& entity, const std::string& subject) {
  if (!node) return nullptr;
  expr::Environment environment = catalog_->record_environment(entity);
  environment.variables.resize(1);
  std::shared_ptr<const expr::Program> program = compile_condition(*node, entity, environment, true);
  if (!program) return nullptr;
  if (!expr::followed_types(*program).empty()) {
    diagnostics_.error(node->at, "not-own-fields",
                       "`where` of " + subject + " reads other records, whose changes nobody would notice here",
                       "ask only for fields of " + entity.full_name + " itself");
  } else if (expr::varies(*program)) {
    diagnostics_.error(node->at, "not-own-fields", "`where` of " + subject + " asks for the time, which changes without a write",
                       "ask only for fields of " + entity.full_name);
  }
  for (const expr::ReadField& read : expr::read_fields(*program)) {
    if (read.type == &entity && read.slot < entity.fields.size() && entity.fields[read.slot]->sensitive) {
      diagnostics_.error(node->at, "not-own-fields", "`where` of " + subject + " reads " + quoted(entity.fields[read.slot]->name) + ", which is sealed",
                         "ask for another field");
    }
  }
  return program;
}

void Builder::build_rollups(Draft& draft) {
  Entity& entity = *draft.entity;
  for (const auto& owned : entity.fields) {
    Field& field = *owned;
    const auto found = draft.nodes.find(&field);
    const Entry* entry = found == draft.nodes.end() || found->second->bad ? nullptr : found->second->entry("rollup");
    if (!entry) continue;
    field.read_only = true;
    if (entry->bad || entry->value.bad || !entry->value.is_map()) continue;
    const Node& node = entry->value;
    const std::string subject = "the rollup " + quoted(field.name);
    for (const char* word : {"compute", "default", "default_expr", "required", "read_only", "visible", "sensitive"}) {
      if (const Entry* other = found->second->entry(word); other && !other->value.bad) {
        diagnostics_.error(other->at, "contradiction", "field " + quoted(field.name) + " is a rollup, so " + tick(word) + " means nothing",
                           "remove one of the two");
      }
    }
    if (entity.ledger) {
      diagnostics_.error(entry->at, "contradiction",
                         quoted(entity.full_name) + " is a ledger, whose records never change, so " + quoted(field.name) + " could not be kept up",
                         "remove the rollup, or `ledger`");
    }
    build_rollup(draft, field, *entry, node, subject);
  }
}

void Builder::build_rollup(Draft& draft, Field& field, const Entry& entry, const Node& node, const std::string& subject) {
  Entity& entity = *draft.entity;
  Rollup rollup;
  const Entry* what = nullptr;
  int kinds = 0;
  for (const auto& [word, kind] : {std::pair("count", Rollup::Kind::count), std::pair("sum", Rollup::Kind::sum),
                                   std::pair("min", Rollup::Kind::min), std::pair("max", Rollup::Kind::max)}) {
    const Entry* one = node.entry(word);
    if (!one || one->value.is_null()) continue;
    if (one->value.bad) return;
    ++kinds;
    what = one;
    rollup.kind = kind;
  }
  if (kinds != 1 || (rollup.kind == Rollup::Kind::count && !flag_of(&what->value, false))) {
    diagnostics_.error(entry.at, "rollup-type", subject + (kinds > 1 ? " has several of `count`, `sum`, `min`, `max`" : " says not what it holds"),
                       "write one of `count: true`, `sum: FIELD`, `min: FIELD`, `max: FIELD`");
    return;
  }
  const Node *of = node.get("of"), *by = node.get("by");
  if (!of || !by || of->bad || by->bad) return;  // reported as missing
  const Entity* child = find_entity({of->text, of->at}, entity.module);
  Draft* children = child ? draft_of(child) : nullptr;
  if (!children) return;
  rollup.of = child;
  rollup.by = find_field(*children, {by->text, by->at});
  if (!rollup.by) return;
  if (!children->vague.contains(rollup.by) && (rollup.by->type != FieldType::ref || rollup.by->target != &entity)) {
    diagnostics_.error(by->at, "wrong-reference", quoted(rollup.by->name) + " of " + child->full_name + " is no reference to " + entity.full_name,
                       "name a field of type ref with `to: " + entity.full_name + "`");
    return;
  }
  const bool vague = draft.vague.contains(&field);
  if (rollup.kind == Rollup::Kind::count) {
    if (!vague && field.type != FieldType::integer) {
      diagnostics_.error(what->at, "rollup-type", subject + " is a count, and the field is of type " + to_string(field.type), "make it `type: int`");
    }
  } else {
    rollup.field = find_field(*children, {what->value.text, what->value.at});
    if (!rollup.field) return;
    const bool sum = rollup.kind == Rollup::Kind::sum;
    if (!vague && !children->vague.contains(rollup.field)) {
      if (!(sum ? adds_up(rollup.field->type) : compares(rollup.field->type))) {
        diagnostics_.error(what->value.at, "rollup-type",
                           quoted(rollup.field->name) + " is of type " + to_string(rollup.field->type) + ", which " +
                               (sum ? "cannot be added up" : "has no smallest or greatest value here"),
                           sum ? "name a field of type int, decimal or money" : "name a field of type int, decimal, money, date or instant");
      } else if (!same_type(field, *rollup.field)) {
        diagnostics_.error(what->value.at, "rollup-type",
                           subject + " is of type " + type_of(field) + ", " + quoted(rollup.field->name) + " of type " + type_of(*rollup.field),
                           "give both the same type and `scale`");
      }
    }
    if (field.right >= FieldRight::read && rollup.field->right < FieldRight::read) {
      diagnostics_.warning(entry.at, "tells-hidden",
                           "field " + quoted(field.name) + " may be read by all, but is made of " + quoted(rollup.field->name) + " of " +
                               child->full_name + ", which is " + to_string(rollup.field->right),
                           "give it a `right` of its own");
    }
  }
  rollup.where = compile_own_condition(node.get("where"), *child, subject);
  field.rollup = std::move(rollup);
  children->entity->rolled_up.push_back(&field);
}

void Builder::check_rollup_cycles() {
  // A field hangs on those that it is computed from, of the same record, and on those of other records that it is made of.
  const auto reads = [](const expr::Program& program, const Entity& entity, std::vector<const Field*>& out) {
    for (const expr::ReadField& read : expr::read_fields(program)) {
      if (read.type == &entity && read.slot < entity.fields.size()) out.push_back(entity.fields[read.slot].get());
    }
  };
  std::unordered_map<const Field*, const Draft*> owners;
  std::unordered_map<const Field*, std::vector<const Field*>> edges;
  for (const Draft& draft : drafts_) {
    for (const auto& field : draft.entity->fields) {
      owners[field.get()] = &draft;
      if (field->compute) reads(*field->compute, *draft.entity, edges[field.get()]);
      if (!field->rollup) continue;
      std::vector<const Field*>& out = edges[field.get()];
      out.push_back(field->rollup->by);
      if (field->rollup->field) out.push_back(field->rollup->field);
      if (field->rollup->where) reads(*field->rollup->where, *field->rollup->of, out);
    }
  }
  enum class Mark : std::uint8_t { fresh, open, done };
  std::unordered_map<const Field*, Mark> marks;
  for (const Draft& draft : drafts_) {
    for (const auto& start : draft.entity->fields) {
      if (!start->rollup || marks[start.get()] != Mark::fresh) continue;
      std::vector<std::pair<const Field*, std::size_t>> way{{start.get(), 0}};
      marks[start.get()] = Mark::open;
      while (!way.empty()) {
        const Field* field = way.back().first;
        const std::vector<const Field*>& next = edges[field];
        if (way.back().second == next.size()) {
          marks[field] = Mark::done;
          way.pop_back();
          continue;
        }
        const Field* read = next[way.back().second++];
        Mark& mark = marks[read];
        if (mark == Mark::fresh) {
          mark = Mark::open;
          way.emplace_back(read, 0);
        } else if (mark == Mark::open) {
          const auto name = [&](const Field* one) { return owners.at(one)->entity->full_name + "." + one->name; };
          std::string circle;
          const Field* blamed = nullptr;
          bool inside = false;
          for (const auto& [one, index] : way) {
            inside = inside || one == read;
            if (!inside) continue;
            circle += name(one) + " → ";
            if (one->rollup) blamed = one;
          }
          if (!blamed) continue;  // a circle of computed fields alone is told elsewhere
          const auto node = owners.at(blamed)->nodes.find(blamed);
          diagnostics_.error(node->second->entry("rollup")->at, "rollup-cycle", "the rollup " + quoted(blamed->name) + " is made of itself: " + circle + name(read),
                             "let one of them be made of stored fields only");
        }
      }
    }
  }
}

void Builder::build_exclusive(Draft& draft) {
  Entity& entity = *draft.entity;
  for (const Entry* entry : placed(draft.document->root.get("exclusive"))) {
    if (entry->bad || entry->value.bad) continue;
    const Node& node = entry->value;
    const std::string subject = "exclusive rule " + quoted(entry->key);
    Exclusive rule;
    rule.name = entry->key;
    rule.origin = to_origin(entry->at);
    rule.message = text_of(node.get("message"), "the message of " + subject);
    const auto named = [&](std::string_view word) -> const Field* {
      const Node* one = node.get(word);
      if (!one || one->bad) return nullptr;  // reported
      const Field* field = find_field(draft, {one->text, one->at});
      return field && draft.vague.contains(field) ? nullptr : field;
    };
    rule.resource = named("resource");
    rule.from = named("from");
    rule.to = named("to");
    if (rule.resource && rule.resource->type != FieldType::ref) {
      diagnostics_.error(node.get("resource")->at, "exclusive-type",
                         "the resource " + quoted(rule.resource->name) + " is of type " + to_string(rule.resource->type) + ", so there is no row to guard it by",
                         "name a field of type ref");
      rule.resource = nullptr;
    }
    for (const auto& [word, field] : {std::pair("from", &rule.from), std::pair("to", &rule.to)}) {
      if (!*field || (*field)->type == FieldType::date || (*field)->type == FieldType::instant) continue;
      diagnostics_.error(node.get(word)->at, "exclusive-type", quoted((*field)->name) + " is of type " + to_string((*field)->type) + ", which is no time",
                         "name a field of type date or instant");
      *field = nullptr;
    }
    if (rule.from && rule.to && rule.from->type != rule.to->type) {
      diagnostics_.error(node.get("to")->at, "exclusive-type",
                         quoted(rule.from->name) + " is of type " + to_string(rule.from->type) + ", " + quoted(rule.to->name) + " of type " + to_string(rule.to->type),
                         "both are dates, or both are instants");
      rule.to = nullptr;
    } else if (rule.from && rule.from == rule.to && rule.from->type == FieldType::instant) {
      diagnostics_.error(node.get("to")->at, "exclusive-type", "it ends at the instant at which it begins, so it takes no time", "name another field");
    }
    rule.where = compile_own_condition(node.get("where"), entity, subject);
    if (rule.resource && rule.from && rule.to) entity.exclusive.push_back(std::move(rule));
  }
  if (!entity.ledger) return;
  for (const auto& field : entity.fields) {
    const auto found = draft.nodes.find(field.get());
    if (found == draft.nodes.end()) continue;
    if (const Entry* rule = found->second->entry("delete"); rule && !rule->value.bad && rule->value.text != "restrict") {
      diagnostics_.error(rule->at, "contradiction",
                         quoted(entity.full_name) + " is a ledger, so its records can be neither changed nor deleted with what they refer to",
                         "write `delete: restrict`");
    }
    if (const Entry* sealed = found->second->entry("sensitive"); sealed && field->sensitive) {
      diagnostics_.error(sealed->at, "contradiction",
                         quoted(entity.full_name) + " is a ledger, and what is sealed has to be written anew when the key changes",
                         "remove one of the two");
    }
  }
}

}  // namespace caravan::model

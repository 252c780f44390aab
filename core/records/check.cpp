#include <algorithm>

#include "base/error.h"
#include "records/attachments.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/messages.h"
#include "records/work.h"
#include "storage/schema.h"

// What a write must pass: what may be set, types, references, invariants, unique keys.

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;

/// What a client may set: its own fields, the owner, and the key under which another system knows the record.
bool settable(const Field& field) {
  if (field.compute) return false;
  if (!field.system) return !field.read_only;
  return field.slot == model::slot_owner || field.slot == model::slot_external_source || field.slot == model::slot_external_id;
}

}  // namespace

bool TransactionWork::begins_elsewhere(const Record& record) const {
  return record.version() == 0 && record.entity().workflow && context_.source.starts_with("import ") && is_administrator(context_);
}

std::vector<FieldError> TransactionWork::put_input(Record& record, Input input, bool by_transition) {
  std::vector<FieldError> mistakes;
  // What a definition orders, and what a step's form asks for, are not the actor's own choice.
  const FieldRights rights = by_transition ? FieldRights() : field_rights(context_, record.entity());
  for (auto& [field, value] : input) {
    if (!rights.writable(*field)) {
      const bool hidden = rights.of(*field) == model::FieldRight::hidden;
      mistakes.push_back({field->name, hidden ? "unknown_field" : "read_only",
                          hidden ? message("unknown_field", context_.locale, {field->name})
                                 : message("read_only", context_.locale, {label(*field)})});
      continue;
    }
    if (field->slot == model::slot_state && !by_transition && begins_elsewhere(record)) {
      const auto* state = value.as<std::string>();
      if (state == nullptr) continue;  // where new records begin
      if (record.entity().workflow->state(*state) == nullptr) {
        mistakes.push_back({field->name, "unknown_choice", message("unknown_state", context_.locale, {*state})});
        continue;
      }
      record.set(field->slot, std::move(value));
      continue;
    }
    const bool elsewhere = field->read_only && begins_elsewhere(record);
    const bool allowed = settable(*field) || ((by_transition || elsewhere) && !field->system && !field->compute && !field->rollup);
    if (!allowed) {
      mistakes.push_back({field->name, "read_only", message("read_only", context_.locale, {label(*field)})});
      continue;
    }
    record.set(field->slot, std::move(value));
  }
  return mistakes;
}

void TransactionWork::take_input(Record& record, Input input, bool by_transition) {
  if (auto mistakes = put_input(record, std::move(input), by_transition); !mistakes.empty())
    throw Error(ErrorCode::invalid_record, message("invalid_record", context_.locale), std::move(mistakes));
}

void TransactionWork::check_references(const Record& record, const Record* before, Authority authority,
                                       const model::Transition* transition, std::vector<FieldError>& mistakes) {
  to_check_.clear();
  for (const auto& field : record.entity().fields) {
    if (field->type == model::FieldType::refs && field->target != nullptr) {
      const bool ordered = authority == Authority::definition || (transition != nullptr && !transition->asks_for(*field));
      for (const std::int64_t id : new_references(*field, record, before)) {
        auto target = fetch(*field->target, id, Lock::shared);
        if (target && (ordered || may(context_, Operation::read, *target, follow_))) continue;
        if (target && field->target->full_name == "core.user" && id == context_.actor.user_id) continue;
        if (target && shared(session_, context_, *field->target, id, Operation::read)) continue;
        mistakes.push_back(unknown_reference(*field));
        break;
      }
      continue;
    }
    if (field->type != model::FieldType::ref || field->target == nullptr) {
      if (!record.entity().files || !model::is_file(*field)) continue;
      const auto* file = record[field->slot].as<std::int64_t>();
      if (file == nullptr || (before != nullptr && (*before)[field->slot].same_as(record[field->slot]))) continue;
      if (is_attached(session_, record.entity(), record.id(), field->name, *file)) continue;
      mistakes.push_back({field->name, "unknown_reference", message("unknown_attachment", context_.locale, {label(*field)})});
      continue;
    }
    const auto* id = record[field->slot].as<std::int64_t>();
    if (id == nullptr || (before != nullptr && (*before)[field->slot].same_as(record[field->slot]))) continue;
    // What a definition orders is set by its right; what a step's form asks for, by the actor's.
    const bool ordered = authority == Authority::definition || (transition != nullptr && !transition->asks_for(*field));
    // Where no rule need look at the target, the insert itself sees whether there is one.
    if (before == nullptr && field->target != &record.entity() && to_check_.size() < most_references &&
        (ordered || may_always(context_, *field->target, Operation::read))) {
      to_check_.push_back(field.get());
      continue;
    }
    auto target = fetch(*field->target, *id, Lock::shared);
    if (target && (ordered || may(context_, Operation::read, *target, follow_))) continue;
    // The actor himself may be named even where he may not read the users.
    if (target && field->target->full_name == "core.user" && *id == context_.actor.user_id) continue;
    if (target && shared(session_, context_, *field->target, *id, Operation::read)) continue;
    mistakes.push_back(unknown_reference(*field));
  }
}

FieldError TransactionWork::unknown_reference(const Field& field) const {
  return {field.name, "unknown_reference", message("unknown_reference", context_.locale, {label(field), label(*field.target)})};
}

void TransactionWork::refuse_references(const Record& record) {
  std::vector<FieldError> mistakes;
  for (const Field* field : to_check_) {
    if (!fetch(*field->target, *record[field->slot].as<std::int64_t>(), Lock::shared)) mistakes.push_back(unknown_reference(*field));
  }
  if (mistakes.empty()) throw Error(ErrorCode::retry, "What the record refers to came and went while it was being written.");
  redact_mistakes(field_rights(context_, record.entity()), record.entity(), context_.locale, mistakes);
  std::string text = mistakes.size() == 1 ? mistakes.front().message : message("invalid_record", context_.locale);
  throw Error(ErrorCode::invalid_record, std::move(text), std::move(mistakes));
}

void TransactionWork::check_values(Record& record, const Record* before, std::vector<FieldError>& mistakes) {
  const Entity& entity = record.entity();
  compute_fields(context_, record, follow_, &mistakes);
  for (const auto& field : entity.fields) {
    if (field->system && field->slot != model::slot_external_source && field->slot != model::slot_external_id) continue;
    const bool changed = before == nullptr || !(*before)[field->slot].same_as(record[field->slot]);
    if (changed) {
      expr::Value value = record[field->slot];
      if (auto mistake = check_value(*context_.catalog, *field, value, context_.locale)) {
        mistakes.push_back(std::move(*mistake));
        continue;
      }
      record.set(field->slot, std::move(value));
    }
    if (field->required && !field->visible && record[field->slot].is_null()) {
      mistakes.push_back({field->name, "required", message("required", context_.locale, {label(*field)})});
    }
  }
  // Roles decide everything else, so no grant on users alone is enough to give them.
  if (entity.full_name == "core.user" && !is_administrator(context_)) {
    const Field& roles = *entity.field("roles");
    const expr::Value none;
    if (!(before ? (*before)[roles.slot] : none).same_as(record[roles.slot])) {
      mistakes.push_back({roles.name, "forbidden", message("read_only", context_.locale, {label(roles)})});
    }
    // Nor does anybody move himself to where the rules give him more.
    const Field& department = *entity.field("department");
    if (before != nullptr && before->id() == context_.actor.user_id && !(*before)[department.slot].same_as(record[department.slot])) {
      mistakes.push_back({department.name, "forbidden", message("read_only", context_.locale, {label(department)})});
    }
  }
}

void TransactionWork::check_invariants(Record& record, std::vector<FieldError>& mistakes,
                                       const std::function<bool(const expr::Program&)>& told) {
  for (const auto& invariant : record.entity().invariants) {
    if (told && !told(*invariant.check)) continue;
    const auto result = evaluate(*invariant.check, context_, record, follow_);
    const bool* holds = result.value.as<bool>();
    // An empty flag that is the whole rule is unknown, as in the database.
    const bool passes = result.value.is_null() || (holds && *holds);
    if (result.outcome == expr::Outcome::unknown || (result.outcome == expr::Outcome::value && passes)) continue;
    const std::string& text = invariant.message.in(context_.locale);
    mistakes.push_back({"", "invariant:" + invariant.name,
                        text.empty() ? message("invariant", context_.locale, {invariant.name}) : text});
  }
}

void TransactionWork::check(Record& record, const Record* before, Authority authority, const model::Transition* transition,
                            std::vector<FieldError> mistakes) {
  const Entity& entity = record.entity();
  check_values(record, before, mistakes);
  if (!entity.conditional.empty()) check_conditions(record, before, mistakes);
  if (guards(entity)) lock_guarded(record, before);
  check_references(record, before, authority, transition, mistakes);
  if (mistakes.empty()) check_invariants(record, mistakes);
  if (mistakes.empty() && !entity.exclusive.empty()) check_exclusive(record, before, mistakes);
  if (!mistakes.empty()) {
    redact_mistakes(field_rights(context_, entity), entity, context_.locale, mistakes);
    std::string text = mistakes.size() == 1 ? mistakes.front().message : message("invalid_record", context_.locale);
    throw Error(ErrorCode::invalid_record, std::move(text), std::move(mistakes));
  }
}

void TransactionWork::refuse_duplicate(const Entity& entity, const std::string& key) {
  for (const auto& index : entity.indexes) {
    if (!index.unique || !key.ends_with(storage::index_name(entity, index))) continue;
    // Fields that the actor may not read are not named; nor is the sentence said that was written for those who may.
    const FieldRights rights = field_rights(context_, entity);
    const bool all = std::all_of(index.fields.begin(), index.fields.end(), [&](const Field* field) { return rights.readable(*field); });
    const std::string& text = index.message.in(context_.locale);
    std::string names;
    for (const Field* field : index.fields) {
      if (rights.readable(*field)) names += (names.empty() ? "" : " + ") + label(*field);
    }
    const std::string sentence = !all && names.empty()    ? message("duplicate_hidden", context_.locale)
                                 : !all || text.empty() ? message("duplicate", context_.locale, {names})
                                                        : text;
    std::vector<FieldError> mistakes;
    for (const Field* field : index.fields) {
      if (rights.readable(*field)) mistakes.push_back({field->name, "duplicate", sentence});
    }
    if (mistakes.empty()) mistakes.push_back({"", "duplicate", sentence});
    throw Error(ErrorCode::conflict, sentence, std::move(mistakes));
  }
  const Field& external = *entity.fields[model::slot_external_id];
  throw Error(ErrorCode::conflict, message("duplicate", context_.locale, {label(external)}),
              {{external.name, "duplicate", message("duplicate", context_.locale, {label(external)})}});
}

}  // namespace caravan::records

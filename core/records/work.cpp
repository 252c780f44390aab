#include "records/work.h"

#include "base/error.h"
#include "base/time_zone.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/messages.h"
#include "storage/schema.h"

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

TransactionWork::TransactionWork(const Context& context, storage::Session& session, storage::Sequences& sequences,
                                 std::shared_ptr<const Plans> plans, std::shared_ptr<const Hooks> hooks)
    : context_(context), session_(session), sequences_(sequences), plans_(std::move(plans)), hooks_(std::move(hooks)) {
  follow_ = std::make_shared<Follow>([this](const Entity& entity, std::int64_t id) { return follow(entity, id); });
}

std::shared_ptr<const expr::RecordView> TransactionWork::follow(const Entity& entity, std::int64_t id) {
  auto record = fetch(entity, id, Lock::none);
  if (!record) return nullptr;
  record->set_follow(follow_);
  return std::make_shared<Record>(std::move(*record));
}

std::int64_t TransactionWork::take(std::string_view sequence) {
  const std::int64_t n = sequences_.try_next(sequence);
  if (n == 0) {
    missing_ = sequence;
    throw Error(ErrorCode::retry, "A block of numbers must be leased first.");
  }
  return n;
}

std::string TransactionWork::label(const Field& field) const {
  const std::string& text = field.label.in(context_.locale);
  return text.empty() ? field.name : text;
}

std::optional<Record> TransactionWork::fetch(const Entity& entity, std::int64_t id, Lock lock) {
  const EntityPlan& plan = plans_->of(entity);
  storage::Statement& statement = session_.prepare(lock == Lock::exclusive ? plan.lock_by_id
                                                    : lock == Lock::shared  ? plan.share_by_id
                                                                            : plan.select_by_id);
  statement.bind(1, id);
  std::optional<Record> record;
  if (statement.step()) record = read_row(plan, statement);
  statement.reset();
  return record;
}

Record TransactionWork::load(const Entity& entity, std::int64_t id, bool for_update) {
  auto record = fetch(entity, id, for_update ? Lock::exclusive : Lock::none);
  if (!record || !may(context_, Operation::read, *record, follow_)) {
    throw Error(ErrorCode::not_found, message("not_found", context_.locale, {label(entity)}));
  }
  return std::move(*record);
}

std::optional<Record> TransactionWork::find_external(const Entity& entity, std::string_view source, std::string_view external_id) {
  const EntityPlan& plan = plans_->of(entity);
  storage::Statement& statement = session_.prepare(plan.select_external);
  statement.bind(1, source);
  statement.bind(2, external_id);
  std::optional<Record> record;
  if (statement.step()) record = read_row(plan, statement);
  statement.reset();
  if (record && !may(context_, Operation::read, *record, follow_)) return std::nullopt;
  return record;
}

void TransactionWork::take_input(Record& record, Input input, bool by_transition) {
  std::vector<FieldError> mistakes;
  for (auto& [field, value] : input) {
    const bool allowed = settable(*field) || (by_transition && !field->system && !field->compute);
    if (!allowed) {
      mistakes.push_back({field->name, "read_only", message("read_only", context_.locale, {label(*field)})});
      continue;
    }
    record.set(field->slot, std::move(value));
  }
  if (!mistakes.empty()) {
    throw Error(ErrorCode::invalid_record, message("invalid_record", context_.locale), std::move(mistakes));
  }
}

void TransactionWork::run_hooks(HookPoint point, Record& record, const Record* before, const model::Transition* transition) {
  if (!hooks_ || !hooks_->any(point, record.entity())) return;
  HookCall call{context_, *this, record, before, transition};
  hooks_->run(point, call);
}

void TransactionWork::check_references(const Record& record, const Record* before, Authority authority,
                                       const model::Transition* transition, std::vector<FieldError>& mistakes) {
  for (const auto& field : record.entity().fields) {
    if (field->type != model::FieldType::ref || field->target == nullptr) continue;
    const auto* id = record[field->slot].as<std::int64_t>();
    if (id == nullptr || (before != nullptr && (*before)[field->slot].same_as(record[field->slot]))) continue;
    auto target = fetch(*field->target, *id, Lock::shared);
    // What a definition orders is set by its right; what a step's form asks for, by the actor's.
    const bool ordered = authority == Authority::definition || (transition != nullptr && !transition->asks_for(*field));
    if (target && (ordered || may(context_, Operation::read, *target, follow_))) continue;
    // An owner may be the actor himself even where he may not read the users.
    if (target && field->slot == model::slot_owner && *id == context_.actor.user_id) continue;
    mistakes.push_back({field->name, "unknown_reference",
                        message("unknown_reference", context_.locale, {label(*field), label(*field->target)})});
  }
}

void TransactionWork::check(Record& record, const Record* before, Authority authority, const model::Transition* transition) {
  const Entity& entity = record.entity();
  std::vector<FieldError> mistakes;
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
    if (field->required && record[field->slot].is_null()) {
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
  }
  check_references(record, before, authority, transition, mistakes);
  if (mistakes.empty()) {
    for (const auto& invariant : entity.invariants) {
      const auto result = evaluate(*invariant.check, context_, record, follow_);
      const bool* holds = result.value.as<bool>();
      if (result.outcome == expr::Outcome::unknown || (result.outcome == expr::Outcome::value && holds && *holds)) continue;
      const std::string& text = invariant.message.in(context_.locale);
      mistakes.push_back({"", "invariant:" + invariant.name,
                          text.empty() ? message("invariant", context_.locale, {invariant.name}) : text});
    }
  }
  if (!mistakes.empty()) {
    std::string text = mistakes.size() == 1 ? mistakes.front().message : message("invalid_record", context_.locale);
    throw Error(ErrorCode::invalid_record, std::move(text), std::move(mistakes));
  }
}

std::string TransactionWork::next_number(const Entity& entity) {
  const std::string_view format = entity.number_format;
  const std::string today = format_date(local_date(context_.now, context_.catalog->agency.time_zone).value_or(Date()));
  const std::string_view year = std::string_view(today).substr(0, 4);
  std::string sequence = "number:" + entity.full_name;
  if (format.find("{yyyy}") != std::string_view::npos) sequence.append("/").append(year);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '{') {
      out.push_back(format[i]);
      continue;
    }
    const auto end = format.find('}', i);
    if (end == std::string_view::npos) {
      out.append(format.substr(i));
      break;
    }
    const std::string_view word = format.substr(i + 1, end - i - 1);
    i = end;
    if (word == "yyyy") {
      out.append(year);
    } else if (word == "mm") {
      out.append(today, 5, 2);
    } else if (word.starts_with("seq")) {
      std::size_t width = 0;
      for (const char c : word.substr(std::min<std::size_t>(word.size(), 4))) width = width * 10 + static_cast<std::size_t>(c - '0');
      const std::string digits = std::to_string(take(sequence));
      if (digits.size() < width) out.append(width - digits.size(), '0');
      out += digits;
    }
  }
  return out;
}

void TransactionWork::refuse_duplicate(const Entity& entity, const std::string& key) {
  for (const auto& index : entity.indexes) {
    if (!index.unique || !key.ends_with(storage::index_name(entity, index))) continue;
    const std::string& text = index.message.in(context_.locale);
    std::string names;
    std::vector<FieldError> mistakes;
    for (const Field* field : index.fields) names += (names.empty() ? "" : " + ") + label(*field);
    const std::string sentence = text.empty() ? message("duplicate", context_.locale, {names}) : text;
    for (const Field* field : index.fields) mistakes.push_back({field->name, "duplicate", sentence});
    throw Error(ErrorCode::conflict, sentence, std::move(mistakes));
  }
  const Field& external = *entity.fields[model::slot_external_id];
  throw Error(ErrorCode::conflict, message("duplicate", context_.locale, {label(external)}),
              {{external.name, "duplicate", message("duplicate", context_.locale, {label(external)})}});
}

void TransactionWork::insert(const Record& record) {
  const EntityPlan& plan = plans_->of(record.entity());
  storage::Statement& statement = session_.prepare(plan.insert);
  int index = 1;
  for (const auto& field : record.entity().fields) index = bind_field(statement, index, *field, record[field->slot]);
  try {
    statement.step();
    statement.reset();
  } catch (const Error& error) {
    statement.reset();
    std::string key;
    if (storage::DuplicateKey::is(error, &key)) refuse_duplicate(record.entity(), key);
    throw;
  }
}

void TransactionWork::write_changes(const Record& before, Record& record) {
  const EntityPlan& plan = plans_->of(record.entity());
  std::vector<const Field*> changed;
  for (const auto& field : record.entity().fields) {
    if (field->slot == model::slot_version || field->slot == model::slot_updated_at) continue;
    if (!before[field->slot].same_as(record[field->slot])) changed.push_back(field.get());
  }
  record.set(model::slot_version, expr::Value(before.version() + 1));
  record.set(model::slot_updated_at, expr::Value(context_.now));
  storage::Statement& statement = session_.prepare(update_statement(plan, plans_->dialect(), changed));
  int index = 1;
  for (const Field* field : changed) index = bind_field(statement, index, *field, record[field->slot]);
  statement.bind(index++, record.version());
  statement.bind(index++, record[model::slot_updated_at], plan.slots[model::slot_updated_at].type);
  statement.bind(index++, before.id());
  statement.bind(index++, before.version());
  std::int64_t affected = 0;
  try {
    statement.step();
    affected = statement.affected();
    statement.reset();
  } catch (const Error& error) {
    statement.reset();
    std::string key;
    if (storage::DuplicateKey::is(error, &key)) refuse_duplicate(record.entity(), key);
    throw;
  }
  if (affected != 1) throw Error(ErrorCode::retry, "The record changed between reading and writing it.");
}

void TransactionWork::write_event(const Record& record, const Record* before, std::string_view action, std::string_view note) {
  const bool removed = action == "delete";
  std::string changes = "{";
  const auto add = [&](std::string_view name, std::string_view old_value, std::string_view new_value) {
    if (changes.size() > 1) changes.push_back(',');
    changes += "\"";
    changes += name;
    changes += "\":[";
    changes += old_value;
    changes.push_back(',');
    changes += new_value;
    changes.push_back(']');
  };
  const auto currency = [](const expr::Value& value) -> std::string {
    const auto* d = value.as<Decimal>();
    return d != nullptr && d->has_currency() ? "\"" + std::string(d->currency_code()) + "\"" : "null";
  };
  const expr::Value none;
  for (const auto& field : record.entity().fields) {
    if (field->slot == model::slot_id || field->slot == model::slot_version || field->slot == model::slot_updated_at ||
        field->slot == model::slot_created_at) {
      continue;
    }
    const expr::Value& old_value = before != nullptr ? (*before)[field->slot] : none;
    const expr::Value& new_value = removed ? none : record[field->slot];
    if (old_value.same_as(new_value)) continue;
    std::string old_text, new_text;
    write_value(old_text, *field, old_value);
    write_value(new_text, *field, new_value);
    if (old_text != new_text) add(field->name, old_text, new_text);
    if (field->type == model::FieldType::money && currency(old_value) != currency(new_value)) {
      add(field->currency_column, currency(old_value), currency(new_value));
    }
  }
  changes.push_back('}');
  storage::Statement& statement = session_.prepare(
      "INSERT INTO event (id, entity, record_id, version, at, actor_id, actor_name, request_id, source, action, changes, note) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  static const storage::ColumnType instant{storage::ColumnType::Kind::instant, 0, 0};
  statement.bind(1, take("event"));
  statement.bind(2, std::string_view(record.entity().full_name));
  statement.bind(3, record.id());
  statement.bind(4, record.version());
  statement.bind(5, expr::Value(context_.now), instant);
  if (context_.actor.user_id != 0) statement.bind(6, context_.actor.user_id);
  else statement.bind_null(6);
  statement.bind(7, std::string_view(context_.actor.name));
  statement.bind(8, std::string_view(context_.request_id));
  statement.bind(9, std::string_view(context_.source));
  statement.bind(10, action);
  statement.bind(11, std::string_view(changes));
  if (note.empty()) statement.bind_null(12);
  else statement.bind(12, note);
  statement.step();
  statement.reset();
}

Record TransactionWork::create(const Entity& entity, Input input, Authority authority) {
  const auto forbid = [&] { throw Error(ErrorCode::forbidden, message("forbidden_create", context_.locale, {label(entity)})); };
  if (authority == Authority::actor && !may_ever(context_, entity, Operation::create)) forbid();
  Record record(entity);
  // A definition's effects may fill fields that people cannot.
  take_input(record, std::move(input), authority == Authority::definition);
  for (const auto& field : entity.fields) {
    if (!field->default_value || !record[field->slot].is_null()) continue;
    auto result = evaluate(*field->default_value, context_, record, follow_);
    if (result.outcome == expr::Outcome::value) record.set(field->slot, std::move(result.value));
  }
  record.set(model::slot_version, expr::Value(std::int64_t{1}));
  record.set(model::slot_created_at, expr::Value(context_.now));
  record.set(model::slot_updated_at, expr::Value(context_.now));
  if (entity.workflow) record.set(model::slot_state, expr::Value(entity.workflow->initial->name));
  run_hooks(HookPoint::before_create, record, nullptr, nullptr);
  check(record, nullptr, authority, nullptr);
  if (authority == Authority::actor && !may(context_, Operation::create, record, follow_)) forbid();
  record.set(model::slot_id, expr::Value(take("record")));
  if (!entity.number_format.empty()) record.set(model::slot_number, expr::Value(next_number(entity)));
  insert(record);
  write_event(record, nullptr, "create", {});
  run_hooks(HookPoint::after_create, record, nullptr, nullptr);
  return record;
}

Record TransactionWork::update(const Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> expected_version) {
  Record stored = load(entity, id, true);
  if (!may(context_, Operation::update, stored, follow_)) {
    throw Error(ErrorCode::forbidden, message("forbidden_update", context_.locale, {label(entity)}));
  }
  if (expected_version && *expected_version != stored.version()) {
    throw Error(ErrorCode::stale, message("stale", context_.locale, {label(entity), std::to_string(stored.version())}));
  }
  Record record = stored;
  take_input(record, std::move(input), false);
  const auto differs = [&] {
    for (const auto& field : entity.fields) {
      if (!stored[field->slot].same_as(record[field->slot])) return true;
    }
    return false;
  };
  if (!differs()) return stored;
  run_hooks(HookPoint::before_update, record, &stored, nullptr);
  check(record, &stored, Authority::actor, nullptr);
  if (!differs()) return stored;
  write_changes(stored, record);
  write_event(record, &stored, "update", {});
  run_hooks(HookPoint::after_update, record, &stored, nullptr);
  return record;
}

void TransactionWork::remove(const Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) {
  Record stored = load(entity, id, true);
  if (!may(context_, Operation::remove, stored, follow_)) {
    throw Error(ErrorCode::forbidden, message("forbidden_delete", context_.locale, {label(entity)}));
  }
  if (expected_version && *expected_version != stored.version()) {
    throw Error(ErrorCode::stale, message("stale", context_.locale, {label(entity), std::to_string(stored.version())}));
  }
  run_hooks(HookPoint::before_delete, stored, &stored, nullptr);
  const EntityPlan& plan = plans_->of(entity);
  for (const auto& [referrer, field] : plan.referrers) {
    storage::Statement& statement =
        session_.prepare("SELECT 1 FROM " + storage::quote(plans_->dialect(), referrer->table_name) + " WHERE " +
                         storage::quote(plans_->dialect(), field->column) + " = ? LIMIT 1");
    statement.bind(1, id);
    const bool used = statement.step();
    statement.reset();
    if (used) throw Error(ErrorCode::conflict, message("referenced", context_.locale, {label(entity), label(*referrer)}));
  }
  storage::Statement& statement = session_.prepare(plan.remove);
  statement.bind(1, id);
  statement.bind(2, stored.version());
  statement.step();
  const auto affected = statement.affected();
  statement.reset();
  if (affected != 1) throw Error(ErrorCode::retry, "The record changed between reading and deleting it.");
  Record last = stored;
  last.set(model::slot_version, expr::Value(stored.version() + 1));
  write_event(last, &stored, "delete", {});
  run_hooks(HookPoint::after_delete, stored, &stored, nullptr);
}

Record TransactionWork::apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) {
  Record record = stored;
  take_input(record, std::move(input), true);
  record.set(model::slot_state, expr::Value(transition.to->name));
  run_hooks(HookPoint::before_transition, record, &stored, &transition);
  check(record, &stored, Authority::actor, &transition);
  write_changes(stored, record);
  write_event(record, &stored, "transition:" + transition.name, note);
  run_hooks(HookPoint::after_transition, record, &stored, &transition);
  return record;
}

}  // namespace caravan::records

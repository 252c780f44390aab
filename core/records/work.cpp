#include "records/work.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/messages.h"
#include "records/seal.h"
#include "records/violation.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;

}  // namespace

TransactionWork::TransactionWork(const Context& context, storage::Session& session, storage::Sequences& sequences,
                                 std::shared_ptr<const Plans> plans, std::shared_ptr<const Hooks> hooks, int undo_days)
    : context_(context), session_(session), sequences_(sequences), plans_(std::move(plans)), hooks_(std::move(hooks)),
      source_(context.source), undo_days_(undo_days) {
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
  if (statement.step()) {
    record = read_row(plan, statement);
    if (lock == Lock::exclusive) record->set_chain(std::string(statement.text(plan.chain_column)));
  }
  statement.reset();
  return record;
}

Record TransactionWork::load(const Entity& entity, std::int64_t id, bool for_update, Authority authority) {
  auto record = fetch(entity, id, for_update ? Lock::exclusive : Lock::none);
  if (!record || (authority == Authority::actor && !may(context_, Operation::read, *record, follow_, session_))) {
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
  if (record && !may(context_, Operation::read, *record, follow_, session_)) return std::nullopt;
  return record;
}

void TransactionWork::run_hooks(HookPoint point, Record& record, const Record* before, const model::Transition* transition) {
  if (!hooks_ || !hooks_->any(point, record.entity())) return;
  HookCall call{context_, *this, record, before, transition};
  hooks_->run(point, call);
}

namespace {

/// At the agency, as ISO text.
std::string today_of(const Context& context) {
  return format_date(local_date(context.now, context.catalog->agency.time_zone).value_or(Date()));
}

/// Counters with and without gaps are the same, so that no number comes twice where a definition changes.
std::string sequence_name(const Context& context, const Entity& entity) {
  std::string sequence = "number:" + entity.full_name;
  if (entity.number_format.find("{yyyy}") != std::string::npos) sequence.append("/").append(today_of(context), 0, 4);
  return sequence;
}

}  // namespace

std::string number_sequence(const Context& context, const Entity& entity) {
  return entity.number_format.empty() || entity.gap_free ? std::string() : sequence_name(context, entity);
}

std::string TransactionWork::next_number(const Entity& entity) {
  const std::string_view format = entity.number_format;
  const std::string today = today_of(context_);
  const std::string_view year = std::string_view(today).substr(0, 4);
  const std::string sequence = sequence_name(context_, entity);
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
      const std::string digits = std::to_string(entity.gap_free ? take_without_gap(sequence) : take(sequence));
      if (digits.size() < width) out.append(width - digits.size(), '0');
      out += digits;
    }
  }
  return out;
}

void TransactionWork::insert(const Record& record) {
  const EntityPlan& plan = plans_->of(record.entity());
  storage::Statement& statement = session_.prepare(plan.insert);
  int index = 1;
  SealedRow sealed(plan.keys, record.entity(), record.id());
  for (const auto& field : record.entity().fields) index = bind_field(statement, index, *field, record[field->slot], sealed);
  statement.bind(index, std::string_view(record.chain()));
  try {
    statement.step();
    statement.reset();
  } catch (const Error& error) {
    statement.reset();
    std::string key;
    if (storage::DuplicateKey::is(error, &key)) refuse_duplicate(record.entity(), key);
    refuse_violation(context_, record.entity(), error);
    throw;
  }
  if (!plan.links.empty()) write_links(record, nullptr);
  wrote(record);
}

void TransactionWork::insert(const Record& record, const NewEvent& event) {
  const EntityPlan& plan = plans_->of(record.entity());
  storage::Statement& statement = session_.prepare(to_check_.empty() ? plan.insert : insert_referring(*plans_, plan, to_check_));
  int index = 1;
  SealedRow sealed(plan.keys, record.entity(), record.id());
  for (const auto& field : record.entity().fields) index = bind_field(statement, index, *field, record[field->slot], sealed);
  statement.bind(index++, std::string_view(record.chain()));
  for (const Field* field : to_check_) statement.bind(index++, *record[field->slot].as<std::int64_t>());
  std::int64_t written = 0;
  try {
    written = write_with_event(statement, record, event);
  } catch (const Error& error) {
    std::string key;
    if (storage::DuplicateKey::is(error, &key)) refuse_duplicate(record.entity(), key);
    refuse_violation(context_, record.entity(), error);
    throw;
  }
  if (written == 0) refuse_references(record);
  if (!plan.links.empty()) write_links(record, nullptr);
  wrote(record);
  if (!record.entity().rolled_up.empty()) roll_up(nullptr, &record);
}

void TransactionWork::write_changes(const Record& before, Record& record, std::string_view action, std::string_view note) {
  const EntityPlan& plan = plans_->of(record.entity());
  if (record.entity().ledger) refuse_ledger(record.entity());
  std::vector<const Field*> changed;
  for (const auto& field : record.entity().fields) {
    if (field->slot == model::slot_version || field->slot == model::slot_updated_at) continue;
    if (!before[field->slot].same_as(record[field->slot])) changed.push_back(field.get());
  }
  record.set(model::slot_version, expr::Value(before.version() + 1));
  record.set(model::slot_updated_at, expr::Value(context_.now));
  const NewEvent event = next_event(record, &before, action, note);
  storage::Statement& statement = session_.prepare(update_statement(plan, plans_->dialect(), changed));
  int index = 1;
  SealedRow sealed(plan.keys, record.entity(), record.id());
  for (const Field* field : changed) index = bind_field(statement, index, *field, record[field->slot], sealed);
  statement.bind(index++, record.version());
  statement.bind(index++, record[model::slot_updated_at], plan.slots[model::slot_updated_at].type);
  statement.bind(index++, std::string_view(record.chain()));
  statement.bind(index++, before.id());
  statement.bind(index++, before.version());
  std::int64_t affected = 0;
  try {
    affected = write_with_event(statement, record, event);
  } catch (const Error& error) {
    std::string key;
    if (storage::DuplicateKey::is(error, &key)) refuse_duplicate(record.entity(), key);
    refuse_violation(context_, record.entity(), error);
    throw;
  }
  if (affected != 1) refuse_lost(before);
  if (!plan.links.empty()) write_links(record, &before);
  wrote(record);
  if (!record.entity().rolled_up.empty()) roll_up(&before, &record);
}

void TransactionWork::refuse_lost(const Record& before) const {
  // Running again helps against others, not against oneself.
  for (const auto& [entity, id, version] : written_) {
    if (id == before.id() && version > before.version()) {
      throw Error(ErrorCode::internal, "A before_ hook changed " + before.entity().full_name +
                                           " itself while it was being written; it should set its fields on the record it is given.");
    }
  }
  throw Error(ErrorCode::retry, "The record changed between reading and writing it.");
}

Record TransactionWork::current(Record record) {
  const auto newest = std::find_if(written_.rbegin(), written_.rend(), [&](const auto& w) { return w.id == record.id(); });
  if (newest == written_.rend() || newest->version == record.version()) return record;
  auto now = fetch(record.entity(), record.id(), Lock::exclusive);
  return now ? std::move(*now) : std::move(record);
}

std::string TransactionWork::set_source(std::string source) {
  source.resize(cut_text(source, 200).size());
  return std::exchange(source_, std::move(source));
}

Record TransactionWork::create(const Entity& entity, Input input, Authority authority) {
  const auto forbid = [&] { throw Error(ErrorCode::forbidden, message("forbidden_create", context_.locale, {label(entity)})); };
  if (authority == Authority::actor && !may_ever(context_, entity, Operation::create)) forbid();
  Record record(entity);
  // What a definition orders obeys no conditions.
  const auto given = authority == Authority::actor ? under_conditions(entity, input) : std::vector<const Field*>();
  // A definition's effects may fill fields that people cannot.
  take_input(record, std::move(input), authority == Authority::definition);
  set_defaults(record);
  for (const RollupPlan& rollup : plans_->of(entity).rollups) record.set(rollup.field->slot, empty_rollup(*context_.catalog, *rollup.field));
  std::vector<FieldError> mistakes;
  if (!given.empty()) mistakes = judge_changes(context_, record, blank(entity), given, follow_);
  run_hooks(HookPoint::before_create, record, nullptr, nullptr);
  check(record, nullptr, authority, nullptr, std::move(mistakes));
  if (authority == Authority::actor && !may(context_, Operation::create, record, follow_)) forbid();
  record.set(model::slot_id, expr::Value(take("record")));
  if (!entity.number_format.empty()) record.set(model::slot_number, expr::Value(next_number(entity)));
  const NewEvent event = next_event(record, nullptr, "create", {});
  insert(record, event);
  run_hooks(HookPoint::after_create, record, nullptr, nullptr);
  return current(std::move(record));
}

Record TransactionWork::update(const Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> expected_version,
                               Authority authority) {
  Record stored = load(entity, id, true, authority);
  if (authority == Authority::actor && !entity.ledger && !may(context_, Operation::update, stored, follow_, session_)) {
    throw Error(ErrorCode::forbidden, message("forbidden_update", context_.locale, {label(entity)}));
  }
  if (expected_version && *expected_version != stored.version()) {
    throw Error(ErrorCode::stale, message("stale", context_.locale, {label(entity), std::to_string(stored.version())}));
  }
  Record record = stored;
  // What a definition orders obeys no conditions.
  const auto given = authority == Authority::actor ? under_conditions(entity, input) : std::vector<const Field*>();
  take_input(record, std::move(input), authority == Authority::definition);
  const auto differs = [&] {
    for (const auto& field : entity.fields) {
      if (!stored[field->slot].same_as(record[field->slot])) return true;
    }
    return false;
  };
  if (!differs()) return stored;
  if (entity.ledger) refuse_ledger(entity);
  std::vector<FieldError> mistakes;
  if (!given.empty()) mistakes = judge_changes(context_, record, stored, given, follow_);
  run_hooks(HookPoint::before_update, record, &stored, nullptr);
  check(record, &stored, authority, nullptr, std::move(mistakes));
  if (!differs()) return stored;
  write_changes(stored, record, "update", {});
  run_hooks(HookPoint::after_update, record, &stored, nullptr);
  return current(std::move(record));
}

void TransactionWork::remove(const Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) {
  Record stored = load(entity, id, true, Authority::actor);
  if (entity.ledger) refuse_ledger(entity);
  if (!may(context_, Operation::remove, stored, follow_)) {
    throw Error(ErrorCode::forbidden, message("forbidden_delete", context_.locale, {label(entity)}));
  }
  if (expected_version && *expected_version != stored.version()) {
    throw Error(ErrorCode::stale, message("stale", context_.locale, {label(entity), std::to_string(stored.version())}));
  }
  remove_stored(std::move(stored), {});
}

void TransactionWork::delete_row(const Record& stored) {
  storage::Statement& statement = session_.prepare(plans_->of(stored.entity()).remove);
  statement.bind(1, stored.id());
  statement.bind(2, stored.version());
  std::int64_t affected = 0;
  try {
    statement.step();
    affected = statement.affected();
  } catch (const Error&) {
    statement.reset();
    throw;
  }
  statement.reset();
  if (affected != 1) refuse_lost(stored);
  if (!plans_->of(stored.entity()).links.empty()) remove_links(stored);
}

Record TransactionWork::remark(const Record& stored, std::string_view action, std::string note) {
  Record record = stored;
  write_changes(stored, record, action, note);
  return record;
}

Record TransactionWork::put_back(const Record& stored, Record wanted, std::string action, std::string note) {
  for (const RollupPlan& rollup : plans_->of(stored.entity()).rollups) wanted.set(rollup.field->slot, stored[rollup.field->slot]);
  run_hooks(HookPoint::before_update, wanted, &stored, nullptr);
  check(wanted, &stored, Authority::definition, nullptr);
  write_changes(stored, wanted, action, note);
  run_hooks(HookPoint::after_update, wanted, &stored, nullptr);
  return current(std::move(wanted));
}

bool TransactionWork::enqueue(const jobs::NewJob& job) {
  const bool added = jobs::enqueue(session_, take("job"), job, context_.now);
  announced_ = announced_ || added;
  return added;
}

void TransactionWork::recompute(Record& record) {
  const Record before = record;
  std::vector<FieldError> ignored;
  compute_fields(context_, record, follow_, &ignored);
  for (const auto& field : record.entity().fields) {
    if (!field->compute || before[field->slot].same_as(record[field->slot])) continue;
    expr::Value value = record[field->slot];
    const bool failed = std::any_of(ignored.begin(), ignored.end(), [&](const FieldError& one) { return one.field == field->name; });
    record.set(field->slot, failed || check_value(*context_.catalog, *field, value, context_.locale) ? before[field->slot] : std::move(value));
  }
}

Record TransactionWork::relabel(const Record& stored, std::uint32_t slot, expr::Value value, std::string_view note) {
  Record record = stored;
  record.set(slot, std::move(value));
  recompute(record);
  if (guards(stored.entity())) lock_guarded(record, &stored);
  write_changes(stored, record, "update", note);
  return record;
}

Record TransactionWork::apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) {
  Record record = stored;
  take_input(record, std::move(input), true);
  record.set(model::slot_state, expr::Value(transition.to->name));
  run_hooks(HookPoint::before_transition, record, &stored, &transition);
  check(record, &stored, Authority::actor, &transition);
  write_changes(stored, record, "transition:" + transition.name, note);
  run_hooks(HookPoint::after_transition, record, &stored, &transition);
  return current(std::move(record));
}

}  // namespace caravan::records

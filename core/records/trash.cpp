#include "records/trash.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/moves.h"
#include "records/seal.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;
constexpr std::int64_t micros_per_day = 86'400'000'000;
constexpr int most_scanned = 2000;  ///< rows that one page of the trash looks at

std::string title_of(const Record& record, std::string_view locale) {
  const Field* field = record.entity().title;
  const auto* text = field != nullptr ? record[field->slot].as<std::string>() : nullptr;
  if (text != nullptr) return *text;
  const auto* words = field != nullptr ? text_in(record[field->slot], locale) : nullptr;
  return words != nullptr ? *words : std::string();
}

/// Whether the user has roles: who brings him back gives them to him, which is for administrators.
bool gives_roles(const Record& record) {
  const Entity& entity = record.entity();
  return entity.full_name == "core.user" && !record[entity.field("roles")->slot].is_null();
}

/// Whether the actor may bring it back: who may delete it as it was, or who deleted it and may create the like.
enum class Undo { yes, seen, no };
Undo undo_right(const Context& context, Buried& buried, const std::shared_ptr<const Follow>& follow) {
  const bool own = buried.by != 0 && buried.by == context.actor.user_id;
  const bool seen = may(context, Operation::read, buried.record, follow);
  if (gives_roles(buried.record) && !is_administrator(context)) return seen ? Undo::seen : Undo::no;
  if (seen && may(context, Operation::remove, buried.record, follow)) return Undo::yes;
  if (own && may(context, Operation::create, buried.record, follow)) return Undo::yes;
  return seen ? Undo::seen : Undo::no;
}

std::string select_deleted(bool list) {
  return std::string("SELECT record_id, version, row_json, chain, deleted_at, deleted_by, purge_at") + (list ? ", number, title" : "") +
         " FROM deleted_record ";
}

Buried read_buried(const Keys* keys, const Entity& entity, storage::Statement& statement) {
  const std::string row = open_json(keys, entity.full_name, &entity, "deleted", statement.integer(0), std::string(statement.text(2)));
  Buried buried{parse_row(entity, row), {}, {}, 0};
  buried.record.set(model::slot_id, expr::Value(statement.integer(0)));
  buried.record.set(model::slot_version, expr::Value(statement.integer(1)));
  buried.record.set_chain(std::string(statement.text(3)));
  if (const auto at = statement.value(4, storage::instant_column); at.as<Timestamp>()) buried.at = *at.as<Timestamp>();
  buried.by = statement.integer(5);
  if (const auto until = statement.value(6, storage::instant_column); until.as<Timestamp>()) buried.until = *until.as<Timestamp>();
  return buried;
}

}  // namespace

void write_row(std::string& out, const Record& record) {
  out.push_back('{');
  bool first = true;
  const auto key = [&](std::string_view name) {
    if (!first) out.push_back(',');
    first = false;
    write_json_string(out, name);
    out.push_back(':');
  };
  for (const auto& field : record.entity().fields) {
    const expr::Value& value = record[field->slot];
    if (value.is_null()) continue;
    key(field->name);
    write_value(out, *field, value);
    const auto* money = field->type == model::FieldType::money ? value.as<Decimal>() : nullptr;
    if (money == nullptr || !money->has_currency()) continue;
    key(field->currency_column);
    write_json_string(out, money->currency_code());
  }
  out.push_back('}');
}

Record parse_row(const Entity& entity, std::string_view json) {
  const Json row = parse_json(json);
  Record record(entity);
  for (const auto& field : entity.fields) {
    const Json* stored = row.find(field->name);
    if (stored == nullptr) continue;
    auto value = value_from_json(*field, *stored);
    if (!value) continue;  // the field has another type by now
    if (const Json* code = field->type == model::FieldType::money ? row.find(field->currency_column) : nullptr) {
      const auto* amount = value->as<Decimal>();
      const auto* text = code->as<std::string>();
      if (amount != nullptr && text != nullptr) {
        Decimal money = *amount;
        money.set_currency(*text);
        value = expr::Value(money);
      }
    }
    record.set(field->slot, std::move(*value));
  }
  return record;
}

std::optional<Buried> find_deleted(storage::Session& session, const Keys* keys, const Entity& entity, std::int64_t id, Timestamp now, bool lock) {
  const bool locks = lock && session.dialect() == storage::Dialect::mysql;
  storage::Statement& statement =
      session.prepare(select_deleted(false) + "WHERE record_id = ? AND entity = ? AND purge_at > ?" + (locks ? " FOR UPDATE" : ""));
  statement.bind(1, id);
  statement.bind(2, std::string_view(entity.full_name));
  statement.bind(3, expr::Value(now), storage::instant_column);
  std::optional<Buried> buried;
  if (statement.step()) buried = read_buried(keys, entity, statement);
  statement.reset();
  return buried;
}

std::int64_t purge_deleted(storage::Session& session, Timestamp now, std::int64_t limit) {
  std::vector<std::int64_t> ids;
  {
    storage::Query select(session, "SELECT record_id FROM deleted_record WHERE purge_at <= ? ORDER BY purge_at LIMIT ?", now, limit);
    while (select.next()) ids.push_back(select.integer(0));
  }
  std::int64_t purged = 0;
  for (const std::int64_t id : ids) {
    // Restored and deleted again meanwhile, it has another time.
    if (storage::run_sql(session, "DELETE FROM deleted_record WHERE record_id = ? AND purge_at <= ?", id, now) != 1) continue;
    ++purged;
    storage::run_sql(session, "DELETE FROM record_share WHERE record_id = ?", id);
  }
  return purged;
}

void TransactionWork::keep_deleted(const Record& last) {
  if (undo_days_ <= 0) {
    storage::Statement& shares = session_.prepare("DELETE FROM record_share WHERE record_id = ?");
    shares.bind(1, last.id());
    shares.step();
    shares.reset();
    return;
  }
  std::string row;
  write_row(row, last);
  if (plans_->of(last.entity()).seals) row = seal_json(need_keys(plans_->catalog()), last.entity(), "deleted", last.id(), std::move(row));
  const auto* number = last[model::slot_number].as<std::string>();
  const std::string title = title_of(last, context_.catalog->agency.locale);
  storage::Statement& statement = session_.prepare(
      "INSERT INTO deleted_record (record_id, entity, version, number, title, row_json, chain, deleted_at, deleted_by, purge_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(1, last.id());
  statement.bind(2, std::string_view(last.entity().full_name));
  statement.bind(3, last.version());
  if (number != nullptr) statement.bind(4, cut_text(*number, 100));
  else statement.bind_null(4);
  if (!title.empty()) statement.bind(5, cut_text(title, 200));
  else statement.bind_null(5);
  statement.bind(6, std::string_view(row));
  statement.bind(7, std::string_view(last.chain()));
  statement.bind(8, expr::Value(context_.now), storage::instant_column);
  if (context_.actor.user_id != 0) statement.bind(9, context_.actor.user_id);
  else statement.bind_null(9);
  statement.bind(10, expr::Value(Timestamp{context_.now.micros + undo_days_ * micros_per_day, 0}), storage::instant_column);
  statement.step();
  statement.reset();
}

void TransactionWork::take_moves(Record& record, std::vector<FieldError>& gone) const {
  const Entity& entity = record.entity();
  for (const Move& move : moves_of(*context_.catalog)) {
    if (move.entity != &entity) continue;
    if (auto value = moved_value(move, record[move.field->slot])) record.set(move.field->slot, std::move(*value));
  }
  const expr::Value state = record[model::slot_state];
  if (entity.workflow == nullptr) {
    record.set(model::slot_state, {});
  } else if (const auto* name = state.as<std::string>(); name == nullptr) {
    record.set(model::slot_state, expr::Value(entity.workflow->initial->name));
  } else if (entity.workflow->state(*name) == nullptr) {
    const Field& field = *entity.fields[model::slot_state];
    gone.push_back({field.name, "value_gone", message("value_gone", context_.locale, {label(field), *name})});
  }
  for (const auto& field : entity.fields) {
    if (field->system || field->choices == nullptr) continue;
    const expr::Value& value = record[field->slot];
    const auto judge = [&](const expr::Value& one) {
      const auto* name = one.as<std::string>();
      if (name == nullptr || field->choices->option(*name) != nullptr) return true;
      gone.push_back({field->name, "value_gone", message("value_gone", context_.locale, {label(*field), *name})});
      return false;
    };
    if (const expr::List* list = value.as_list()) std::all_of(list->begin(), list->end(), judge);
    else judge(value);
  }
}

Record TransactionWork::restore(const Entity& entity, std::int64_t id) {
  auto buried = find_deleted(session_, keys_of(plans_->catalog()), entity, id, context_.now, true);
  const Undo right = buried ? undo_right(context_, *buried, follow_) : Undo::no;
  if (right == Undo::no) throw Error(ErrorCode::not_found, message("not_deleted", context_.locale, {label(entity)}));
  if (right == Undo::seen) throw Error(ErrorCode::forbidden, message("forbidden_restore", context_.locale, {label(entity)}));

  Record record = std::move(buried->record);
  // Of two deleted ones that each need the other, the first to come back lets go.
  const auto waits_for_this = [&](const Entity& other, std::int64_t other_id) {
    const auto found = find_deleted(session_, keys_of(plans_->catalog()), other, other_id, context_.now, false);
    return found && std::any_of(other.fields.begin(), other.fields.end(), [&](const auto& field) {
      if (field->target != &entity || field->on_delete == model::DeleteRule::clear) return false;
      const expr::Value& value = found->record[field->slot];
      const expr::Value wanted(id);
      const expr::List* list = value.as_list();
      return list != nullptr ? std::any_of(list->begin(), list->end(), [&](const auto& one) { return one.same_as(wanted); }) : value.same_as(wanted);
    });
  };
  std::vector<FieldError> gone;
  for (const auto& field : entity.fields) {
    bool clears = field->on_delete == model::DeleteRule::clear;
    if (field->type == model::FieldType::refs && field->target != nullptr) {
      const expr::List* list = record[field->slot].as_list();
      expr::List left;
      for (const expr::Value& one : list ? *list : expr::List()) {
        const auto* target = one.as<std::int64_t>();
        if (target == nullptr) continue;
        if (*target == id || fetch(*field->target, *target, Lock::shared)) left.push_back(one);
        else clears = clears || (!field->required && waits_for_this(*field->target, *target));
      }
      if (list == nullptr || left.size() == list->size()) continue;
      if (clears) record.set(field->slot, left.empty() ? expr::Value() : expr::Value(std::move(left)));
      else gone.push_back({field->name, "unknown_reference", message("reference_gone", context_.locale, {label(*field), label(*field->target)})});
      continue;
    }
    const auto* target = field->type == model::FieldType::ref && field->target != nullptr ? record[field->slot].as<std::int64_t>() : nullptr;
    if (target == nullptr || (*target == id && field->target == &entity) || fetch(*field->target, *target, Lock::shared)) continue;
    if (clears || (!field->required && waits_for_this(*field->target, *target))) {
      record.set(field->slot, {});
      continue;
    }
    gone.push_back({field->name, "unknown_reference", message("reference_gone", context_.locale, {label(*field), label(*field->target)})});
  }
  take_moves(record, gone);
  if (!gone.empty()) {
    redact_mistakes(field_rights(context_, entity), entity, context_.locale, gone);
    std::string sentence = gone.front().message;
    throw Error(ErrorCode::conflict, std::move(sentence), std::move(gone));
  }
  // Whoever referred to it let go of it when it was deleted.
  for (const RollupPlan& rollup : plans_->of(entity).rollups) record.set(rollup.field->slot, empty_rollup(*context_.catalog, *rollup.field));
  recompute(record);
  if (guards(entity)) lock_guarded(record, nullptr);
  std::vector<FieldError> mistakes;
  check_invariants(record, mistakes);
  if (mistakes.empty() && !entity.exclusive.empty()) check_exclusive(record, nullptr, mistakes);
  if (!mistakes.empty()) {
    redact_mistakes(field_rights(context_, entity), entity, context_.locale, mistakes);
    std::string sentence = mistakes.front().message;
    throw Error(ErrorCode::conflict, std::move(sentence), std::move(mistakes));
  }
  record.set(model::slot_version, expr::Value(record.version() + 1));
  record.set(model::slot_updated_at, expr::Value(context_.now));
  const NewEvent event = next_event(record, nullptr, "restore", {});
  insert(record);
  storage::Statement& statement = session_.prepare("DELETE FROM deleted_record WHERE record_id = ?");
  statement.bind(1, id);
  statement.step();
  statement.reset();
  write_event(record, event);
  if (!entity.rolled_up.empty()) roll_up(nullptr, &record);
  run_hooks(HookPoint::after_restore, record, nullptr, nullptr);
  return current(std::move(record));
}

Record TransactionWork::erase_history(const Entity& entity, std::int64_t id, std::string note) {
  Record stored = load(entity, id, true, Authority::actor);
  if (!is_administrator(context_)) throw Error(ErrorCode::forbidden, message("forbidden_update", context_.locale, {label(entity)}));
  Record record = stored;
  write_changes(stored, record, "erase", note);
  // The event just written is the only one of this version.
  storage::Statement& find = session_.prepare("SELECT id FROM event WHERE entity = ? AND record_id = ? AND version = ?");
  find.bind(1, std::string_view(entity.full_name));
  find.bind(2, id);
  find.bind(3, record.version());
  const std::int64_t by = find.step() ? find.integer(0) : 0;
  find.reset();
  storage::Statement& erase = session_.prepare(
      "UPDATE event SET changes = NULL, note = NULL, actor_name = NULL, salt = NULL, erased_by = ? "
      "WHERE entity = ? AND record_id = ? AND version < ? AND erased_by IS NULL");
  erase.bind(1, by);
  erase.bind(2, std::string_view(entity.full_name));
  erase.bind(3, id);
  erase.bind(4, record.version());
  erase.step();
  erase.reset();
  return record;
}

std::optional<Timestamp> RecordService::undo_until(const Context& context) const {
  const int days = undo_days_.load();
  if (days <= 0) return std::nullopt;
  return Timestamp{context.now.micros + days * micros_per_day, 0};
}

bool RecordService::may_restore(const Context& context, const Entity& entity, std::int64_t id) const {
  std::optional<Buried> buried;
  {
    auto session = database_.read();
    buried = find_deleted(*session, keys_of(*context.catalog), entity, id, context.now, false);
  }
  return buried && undo_right(context, *buried, follow(context)) == Undo::yes;
}

DeletedPage RecordService::deleted(const Context& context, const Entity& entity, const std::string& after, std::uint32_t limit) const {
  if (limit < 1 || limit > 200) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 200.");
  std::int64_t at = INT64_MAX, id = INT64_MAX;
  if (!after.empty()) {
    const char* end = after.data() + after.size();
    const auto first = std::from_chars(after.data(), end, at);
    const auto second = first.ec == std::errc() && first.ptr != end && *first.ptr == '.' ? std::from_chars(first.ptr + 1, end, id)
                                                                                          : std::from_chars_result{end, std::errc::invalid_argument};
    if (second.ec != std::errc() || second.ptr != end) throw Error(ErrorCode::invalid_argument, "after: this is no cursor of this list.");
  }
  DeletedPage page;
  const auto follow = this->follow(context);
  const FieldRights rights = field_rights(context, entity);
  for (int scanned = 0;;) {
    std::vector<std::pair<Buried, std::pair<std::string, std::string>>> batch;
    {
      auto session = database_.read();
      storage::Statement& statement = session->prepare(
          select_deleted(true) + "WHERE entity = ? AND purge_at > ? AND (? = 0 OR deleted_at < ? OR (deleted_at = ? AND record_id < ?)) "
                                 "ORDER BY deleted_at DESC, record_id DESC LIMIT 200");
      const bool begins = at == INT64_MAX;
      const expr::Value before(begins ? context.now : Timestamp{at, 0});
      statement.bind(1, std::string_view(entity.full_name));
      statement.bind(2, expr::Value(context.now), storage::instant_column);
      statement.bind(3, static_cast<std::int64_t>(!begins));
      statement.bind(4, before, storage::instant_column);
      statement.bind(5, before, storage::instant_column);
      statement.bind(6, id);
      while (statement.step()) {
        Buried buried = read_buried(keys_of(*context.catalog), entity, statement);
        batch.emplace_back(std::move(buried), std::pair(std::string(statement.text(7)), std::string(statement.text(8))));
      }
      statement.reset();
    }
    for (auto& [buried, names] : batch) {
      if (page.items.size() == limit || scanned == most_scanned) {
        page.next = std::to_string(at) + "." + std::to_string(id);
        return page;
      }
      ++scanned;
      at = buried.at.micros;
      id = buried.record.id();
      if (undo_right(context, buried, follow) != Undo::yes) continue;
      if (!rights.readable(*entity.fields[model::slot_number])) names.first.clear();
      if (entity.title != nullptr && !rights.readable(*entity.title)) names.second.clear();
      page.items.push_back({id, buried.record.version(), std::move(names.first), std::move(names.second), buried.at, buried.until, buried.by});
    }
    if (batch.size() < 200) return page;
  }
}

}  // namespace caravan::records

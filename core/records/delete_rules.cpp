#include <algorithm>

#include "base/error.h"
#include "records/by_ids.h"
#include "records/messages.h"
#include "records/work.h"
#include "storage/query.h"

// Lists of references and their links, and what becomes of records whose target is deleted.

namespace caravan::records {
namespace {

using model::DeleteRule;
using model::Entity;
using model::Field;

constexpr std::size_t deepest_cascade = 32;
constexpr std::size_t most_carried = 2000;  ///< records deleted or changed with one
constexpr std::size_t at_once = 200;

std::vector<std::int64_t> sorted_ids(const expr::Value& value) {
  auto ids = ids_of(value);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<std::int64_t> without(const std::vector<std::int64_t>& all, const std::vector<std::int64_t>& taken) {
  std::vector<std::int64_t> left;
  std::set_difference(all.begin(), all.end(), taken.begin(), taken.end(), std::back_inserter(left));
  return left;
}

}  // namespace

std::vector<std::int64_t> new_references(const Field& field, const Record& record, const Record* before) {
  return without(sorted_ids(record[field.slot]), before != nullptr ? sorted_ids((*before)[field.slot]) : std::vector<std::int64_t>());
}

void TransactionWork::write_links(const Record& record, const Record* before) {
  for (const EntityPlan::Links& links : plans_->of(record.entity()).links) {
    if (before != nullptr && (*before)[links.field->slot].same_as(record[links.field->slot])) continue;
    const std::vector<std::int64_t> now = sorted_ids(record[links.field->slot]);
    const std::vector<std::int64_t> then = before != nullptr ? sorted_ids((*before)[links.field->slot]) : std::vector<std::int64_t>();
    const std::vector<std::int64_t> gone = without(then, now);
    if (gone.size() == then.size() && !then.empty()) {
      storage::run_sql(session_, links.remove, record.id());
    } else {
      for (const std::int64_t target : gone) storage::run_sql(session_, links.remove_one, record.id(), target);
    }
    const std::vector<std::int64_t> added = without(now, then);
    for (std::size_t at = 0; at < added.size();) {
      const std::size_t left = added.size() - at, rows = left >= 64 ? 64 : left >= 16 ? 16 : left >= 4 ? 4 : 1;
      storage::Query insert(session_, links.insert + storage::repeated("(?, ?)", ", ", rows));
      for (std::size_t i = 0; i < rows; ++i) {
        insert.add(record.id());
        insert.add(added[at + i]);
      }
      insert.next();
      at += rows;
    }
  }
}

void TransactionWork::remove_links(const Record& record) {
  for (const EntityPlan::Links& links : plans_->of(record.entity()).links) storage::run_sql(session_, links.remove, record.id());
}

std::vector<std::int64_t> TransactionWork::referring(const Entity& referrer, const Field& field, std::int64_t target, std::size_t limit) {
  const auto name = [&](std::string_view text) { return storage::quote(plans_->dialect(), text); };
  const EntityPlan& plan = plans_->of(referrer);
  std::string sql = "SELECT r." + plan.id_column + " FROM ";
  // Joined with the table: links of records that were deleted while no definition named the field do not count.
  if (field.type == model::FieldType::refs) {
    sql += name(field.link_table) + " l JOIN " + plan.from_table + " r ON r." + plan.id_column + " = l.record WHERE l.target = ?";
  } else {
    sql += plan.from_table + " r WHERE r." + name(field.column) + " = ?";
  }
  sql += " LIMIT " + std::to_string(limit);
  // Locked, so that a reference made since this transaction began to read counts, and none is made until it ends.
  if (plans_->dialect() == storage::Dialect::mysql) sql += field.on_delete == DeleteRule::restrict ? " LOCK IN SHARE MODE" : " FOR UPDATE";
  std::vector<std::int64_t> ids;
  storage::Query query(session_, sql, target);
  while (query.next()) ids.push_back(query.integer(0));
  return ids;
}

void TransactionWork::release_referrers(const Record& stored) {
  const Entity& entity = stored.entity();
  const EntityPlan& plan = plans_->of(entity);
  const auto going = [&](std::int64_t id) { return std::find(deleting_.begin(), deleting_.end(), id) != deleting_.end(); };
  const auto each = [&](DeleteRule rule, const auto& visit) {
    for (const auto& [referrer, field] : plan.referrers) {
      if (field->on_delete != rule) continue;
      for (bool more = true; more;) {
        more = false;
        for (const std::int64_t id : referring(*referrer, *field, stored.id(), at_once + deleting_.size())) {
          if (going(id)) continue;
          if (++carried_ > most_carried || deleting_.size() > deepest_cascade) {
            throw Error(ErrorCode::conflict, message("referenced_many", context_.locale, {label(entity), std::to_string(most_carried)}));
          }
          more = visit(*referrer, *field, id) || more;
        }
      }
    }
  };
  const auto note = [&] { return message("with_target", context_.locale, {label(entity), name_of(stored)}); };
  // Those that are deleted with it first: what is left is cleared, and what then still refers to it keeps it.
  each(DeleteRule::cascade, [&](const Entity& referrer, const Field&, std::int64_t id) {
    auto child = fetch(referrer, id, Lock::exclusive);
    if (!child) return false;
    remove_stored(std::move(*child), note());
    return true;
  });
  each(DeleteRule::clear, [&](const Entity& referrer, const Field& field, std::int64_t id) {
    return clear_reference(referrer, field, id, stored, note());
  });
  for (const auto& [referrer, field] : plan.referrers) {
    if (field->on_delete != DeleteRule::restrict) continue;
    const auto ids = referring(*referrer, *field, stored.id(), deleting_.size() + 1);
    if (std::all_of(ids.begin(), ids.end(), going)) continue;
    throw Error(ErrorCode::conflict, message("referenced", context_.locale, {label(entity), label(*referrer)}));
  }
}

bool TransactionWork::clear_reference(const Entity& referrer, const Field& field, std::int64_t id, const Record& target, const std::string& note) {
  auto stored = fetch(referrer, id, Lock::exclusive);
  if (!stored) return false;
  Record record = *stored;
  if (const expr::List* list = record[field.slot].as_list()) {
    expr::List left;
    for (const expr::Value& one : *list) {
      if (const auto* other = one.as<std::int64_t>(); other == nullptr || *other != target.id()) left.push_back(one);
    }
    record.set(field.slot, left.empty() ? expr::Value() : expr::Value(std::move(left)));
  } else {
    record.set(field.slot, {});
  }
  if (record[field.slot].same_as((*stored)[field.slot])) return false;
  run_hooks(HookPoint::before_update, record, &*stored, nullptr);
  try {
    check(record, &*stored, Authority::definition, nullptr);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_record) throw;
    throw Error(ErrorCode::conflict, message("referenced_needed", context_.locale, {label(target.entity()), label(referrer), error.message()}));
  }
  write_changes(*stored, record, "update", note);
  run_hooks(HookPoint::after_update, record, &*stored, nullptr);
  return true;
}

void TransactionWork::remove_stored(Record stored, const std::string& note) {
  struct Going {
    explicit Going(std::vector<std::int64_t>& all) : ids(all) {}
    ~Going() { ids.pop_back(); }
    std::vector<std::int64_t>& ids;
  };
  if (stored.entity().ledger) refuse_ledger(stored.entity());
  if (deleting_.empty()) carried_ = 0;  // of each deletion, however many the transaction makes
  deleting_.push_back(stored.id());
  const Going going(deleting_);
  run_hooks(HookPoint::before_delete, stored, &stored, nullptr);
  if (!plans_->of(stored.entity()).referrers.empty()) {
    release_referrers(stored);
    stored = current(std::move(stored));  // what was deleted with it may have changed it
  }
  Record last = stored;
  last.set(model::slot_version, expr::Value(stored.version() + 1));
  const NewEvent event = next_event(last, &stored, "delete", note);
  delete_row(stored);
  keep_deleted(last);
  wrote(last);
  write_event(last, event);
  if (!stored.entity().rolled_up.empty()) {
    locked_.clear();
    roll_up(&stored, nullptr);
  }
  run_hooks(HookPoint::after_delete, stored, &stored, nullptr);
}

}  // namespace caravan::records

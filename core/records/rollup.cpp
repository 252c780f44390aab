#include "records/rollup.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"
#include "records/access.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/messages.h"
#include "records/work.h"
#include "storage/guarantees.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::FieldType;
using model::Rollup;

bool is_amount(const Field& field) { return field.type == FieldType::decimal || field.type == FieldType::money; }

/// What a child adds to a rollup: `parent` 0 where it does not count.
struct Part {
  std::int64_t parent = 0;
  expr::Value value;
  bool operator==(const Part& other) const { return parent == other.parent && (parent == 0 || value.same_as(other.value)); }
};

Part share_of(const Rollup& rollup, const Record* child) {
  Part share;
  if (child == nullptr) return share;
  const auto* parent = (*child)[rollup.by->slot].as<std::int64_t>();
  if (parent == nullptr) return share;
  if (rollup.field != nullptr && (*child)[rollup.field->slot].is_null()) return share;
  if (rollup.where) {
    const expr::Value variables[1] = {
        expr::Value(std::shared_ptr<const expr::RecordView>(std::shared_ptr<const void>(), static_cast<const expr::RecordView*>(child)))};
    if (!rollup.where->evaluate({variables, 1, {}, "UTC"}).is_true()) return share;
  }
  share.parent = *parent;
  share.value = rollup.field != nullptr ? (*child)[rollup.field->slot] : expr::Value(std::int64_t{1});
  return share;
}

/// -1, 0, 1; nullopt where the two do not compare, as amounts of two currencies.
std::optional<int> order(const expr::Value& a, const expr::Value& b) {
  const auto sign = [](auto result) { return result < 0 ? -1 : result > 0 ? 1 : 0; };
  if (const auto *x = a.as<Decimal>(), *y = b.as<Decimal>(); x != nullptr && y != nullptr) {
    const auto result = compare(*x, *y);
    if (result == std::partial_ordering::unordered) return std::nullopt;
    return sign(result);
  }
  if (const auto *x = a.as<std::int64_t>(), *y = b.as<std::int64_t>(); x != nullptr && y != nullptr) return *x < *y ? -1 : *x > *y;
  if (const auto *x = a.as<Date>(), *y = b.as<Date>(); x != nullptr && y != nullptr) return x->days < y->days ? -1 : x->days > y->days;
  if (const auto *x = a.as<Timestamp>(), *y = b.as<Timestamp>(); x != nullptr && y != nullptr)
    return x->micros < y->micros ? -1 : x->micros > y->micros;
  return std::nullopt;
}

/// The rollup's value after a child's share `left` and another `entered` (null: none); nullopt where the value does not tell and
/// the children must be counted. `overflow`: it would not fit.
std::optional<expr::Value> moved(const Rollup& rollup, const expr::Value& present, const expr::Value& left, const expr::Value& entered, bool& overflow) {
  if (present.is_null()) return std::nullopt;
  if (rollup.kind == Rollup::Kind::min || rollup.kind == Rollup::Kind::max) {
    const int better = rollup.kind == Rollup::Kind::min ? -1 : 1;
    const std::optional<int> in = entered.is_null() ? std::optional<int>(-better) : order(entered, present);
    const std::optional<int> out = left.is_null() ? std::optional<int>(-better) : order(left, present);
    if (!in || !out) return std::nullopt;
    if (*in == better || (*in == 0 && !entered.is_null())) return entered;
    if (*out != -better) return std::nullopt;  // the best one left
    return present;
  }
  if (const auto* whole = present.as<std::int64_t>()) {
    std::int64_t sum = *whole;
    const auto *minus = left.as<std::int64_t>(), *plus = entered.as<std::int64_t>();
    // In this order the sum on the way is one that was there.
    if (minus != nullptr && __builtin_sub_overflow(sum, *minus, &sum)) overflow = true;
    if (plus != nullptr && __builtin_add_overflow(sum, *plus, &sum)) overflow = true;
    return expr::Value(sum);
  }
  const auto* amount = present.as<Decimal>();
  if (amount == nullptr) return std::nullopt;
  Decimal sum = *amount;
  for (const auto& [value, plus] : {std::pair(&left, false), std::pair(&entered, true)}) {
    const auto* one = value->as<Decimal>();
    if (one == nullptr) continue;
    if (one->currency != sum.currency) return std::nullopt;
    const auto next = plus ? add(sum, *one) : subtract(sum, *one);
    if (!next) {
      overflow = true;
      return present;
    }
    sum = *next;
  }
  return expr::Value(sum);
}

std::string place_of(const Field& field, const Entity& entity) { return entity.full_name + "." + field.name; }

}  // namespace

RollupPlan rollup_plan(const Field& field, storage::Dialect dialect) {
  const Rollup& rollup = *field.rollup;
  const auto name = [&](const std::string& column) { return "r." + storage::quote(dialect, column); };
  RollupPlan plan;
  plan.field = &field;
  const bool money = rollup.field != nullptr && rollup.field->type == FieldType::money;
  const std::string of = rollup.field != nullptr ? name(rollup.field->column) : std::string();
  const char* function = rollup.kind == Rollup::Kind::sum ? "SUM(" : rollup.kind == Rollup::Kind::min ? "MIN(" : "MAX(";
  plan.sql = std::string("SELECT ") + (money ? name(rollup.field->currency_column) : std::string("NULL")) + ", " +
             (rollup.field == nullptr ? std::string("COUNT(*)") : function + of + ")") + " FROM " + storage::quote(dialect, rollup.of->table_name) +
             " r WHERE " + name(rollup.by->column) + " = ?";
  if (rollup.field != nullptr) plan.sql += " AND " + of + " IS NOT NULL";
  if (rollup.where) {
    const expr::Value variables[1];
    auto condition =
        expr::to_sql(*rollup.where, dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite, "r", {variables, 1, {}, "UTC"});
    if (!condition.refused) {
      plan.sql += " AND (" + condition.sql + ")";
      plan.parameters = std::move(condition.parameters);
    }
  }
  if (money) plan.sql += " GROUP BY " + name(rollup.field->currency_column);
  // What the transaction's first look at the database showed may be old by now.
  if (dialect == storage::Dialect::mysql) plan.sql += " LOCK IN SHARE MODE";
  return plan;
}

expr::Value empty_rollup(const model::Catalog& catalog, const Field& field) {
  const Rollup& rollup = *field.rollup;
  if (rollup.kind == Rollup::Kind::min || rollup.kind == Rollup::Kind::max) return {};
  if (!is_amount(field)) return expr::Value(std::int64_t{0});
  Decimal none{0, field.scale};
  if (field.type == FieldType::money) none.set_currency(catalog.agency.currency);
  return expr::Value(none);
}

expr::Value TransactionWork::count_rollup(const RollupPlan& plan, std::int64_t parent) {
  const Field& field = *plan.field;
  const Rollup& rollup = *field.rollup;
  storage::Statement& statement = session_.prepare(plan.sql);
  statement.bind(1, parent);
  int index = 2;
  for (const expr::Value& parameter : plan.parameters) statement.bind(index++, parameter);
  expr::Value value;
  bool several = false, too_large = false;
  while (statement.step()) {
    if (statement.is_null(1)) continue;
    several = several || !value.is_null();
    if (rollup.field == nullptr) {
      value = expr::Value(statement.integer(1));
    } else if (field.type == FieldType::integer) {
      const std::string text(statement.text(1));  // SUM is a decimal on MariaDB
      std::int64_t whole = 0;
      too_large = std::from_chars(text.data(), text.data() + text.size(), whole).ec != std::errc() || too_large;
      value = expr::Value(whole);
    } else {
      value = statement.value(1, storage::column_type(field));
      if (const auto* amount = value.as<Decimal>(); amount != nullptr && field.type == FieldType::money && !statement.is_null(0)) {
        Decimal money = *amount;
        money.set_currency(statement.text(0));
        value = expr::Value(money);
      }
    }
  }
  statement.reset();
  if (too_large) refuse_rollup(*rollup.by, "too_large", message("rollup_too_large", context_.locale, {label(field)}));
  if (several) refuse_rollup(*rollup.by, "mixed_currencies", message("mixed_currencies", context_.locale, {label(field), label(*rollup.field)}));
  return value.is_null() ? empty_rollup(*context_.catalog, field) : value;
}

void TransactionWork::refuse_rollup(const Field& by, std::string code, std::string text) const {
  throw Error(ErrorCode::invalid_record, text, {{by.name, std::move(code), text}});
}

void TransactionWork::collect_parents(const Record* before, const Record* after, std::vector<RowLock>& rows) const {
  for (const Field* field : (after != nullptr ? *after : *before).entity().rolled_up) {
    const Rollup& rollup = *field->rollup;
    const Part from = share_of(rollup, before), to = share_of(rollup, after);
    if (from == to) continue;
    if (from.parent != 0) rows.push_back({rollup.by->target, from.parent, {}});
    if (to.parent != 0) rows.push_back({rollup.by->target, to.parent, {}});
  }
}

void TransactionWork::roll_up(const Record* before, const Record* after) {
  struct Change {
    const Field* field;
    expr::Value left, entered;
  };
  std::vector<Record> locked = std::exchange(locked_, {});
  std::map<std::pair<std::int64_t, const Entity*>, std::vector<Change>> parents;  // in the order of their ids
  const Entity& entity = (after != nullptr ? *after : *before).entity();
  for (const Field* field : entity.rolled_up) {
    const Rollup& rollup = *field->rollup;
    Part from = share_of(rollup, before), to = share_of(rollup, after);
    if (from == to) continue;
    const Entity* parent = rollup.by->target;
    if (from.parent == to.parent) {
      parents[{from.parent, parent}].push_back({field, std::move(from.value), std::move(to.value)});
      continue;
    }
    if (from.parent != 0) parents[{from.parent, parent}].push_back({field, std::move(from.value), {}});
    if (to.parent != 0) parents[{to.parent, parent}].push_back({field, {}, std::move(to.value)});
  }
  for (auto& [key, changes] : parents) {
    const auto& [id, parent] = key;
    // Whoever is being deleted needs no value any more.
    if (std::find(deleting_.begin(), deleting_.end(), id) != deleting_.end()) continue;
    const auto held = std::find_if(locked.begin(), locked.end(), [&](const Record& one) { return one.id() == id && &one.entity() == parent; });
    std::optional<Record> stored;
    if (held != locked.end()) {
      stored = current(std::move(*held));
      locked.erase(held);
    } else {
      stored = fetch(*parent, id, Lock::exclusive);
    }
    if (!stored) continue;
    Record record = *stored;
    const auto& plans = plans_->of(*parent).rollups;
    for (const Change& change : changes) {
      const Rollup& rollup = *change.field->rollup;
      bool overflow = false;
      auto value = moved(rollup, record[change.field->slot], change.left, change.entered, overflow);
      if (overflow) refuse_rollup(*rollup.by, "too_large", message("rollup_too_large", context_.locale, {label(*change.field)}));
      if (!value) {
        const auto plan = std::find_if(plans.begin(), plans.end(), [&](const RollupPlan& one) { return one.field == change.field; });
        value = count_rollup(*plan, id);
      }
      record.set(change.field->slot, std::move(*value));
    }
    write_rolled_up(*stored, record, *changes.front().field->rollup);
  }
}

void TransactionWork::write_rolled_up(const Record& stored, Record& record, const Rollup& via) {
  const Entity& entity = record.entity();
  const auto same = [&] {
    return std::all_of(entity.fields.begin(), entity.fields.end(), [&](const auto& f) { return stored[f->slot].same_as(record[f->slot]); });
  };
  if (same()) return;
  const SourceScope scope(*this, "rollup " + via.of->full_name);
  std::vector<FieldError> mistakes;
  try {
    run_hooks(HookPoint::before_update, record, &stored, nullptr);
    compute_fields(context_, record, follow_, &mistakes);
    // What is as it was is not judged again: a child need not wait until somebody mends the parent.
    for (const auto& field : entity.fields) {
      if (field->system || stored[field->slot].same_as(record[field->slot])) continue;
      expr::Value value = record[field->slot];
      if (auto mistake = check_value(*context_.catalog, *field, value, context_.locale)) mistakes.push_back(std::move(*mistake));
      else record.set(field->slot, std::move(value));
    }
    if (guards(entity)) lock_guarded(record, &stored);
    check_references(record, &stored, Authority::definition, nullptr, mistakes);
    if (mistakes.empty()) check_invariants(record, mistakes);
    if (mistakes.empty() && !entity.exclusive.empty()) check_exclusive(record, &stored, mistakes);
    if (mistakes.empty()) write_changes(stored, record, "update", {});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_record) throw;
    mistakes = error.fields();
    if (mistakes.empty()) mistakes.push_back({"", "invalid_record", error.message()});
  }
  if (!mistakes.empty()) refuse_parent(stored, *via.by, std::move(mistakes));
  run_hooks(HookPoint::after_update, record, &stored, nullptr);
}

void TransactionWork::refuse_parent(const Record& parent, const Field& by, std::vector<FieldError> mistakes) {
  // The client wrote a child, so the mistake is told at the child's reference; the parent is named to who may see it.
  const Entity& entity = parent.entity();
  const FieldRights rights = field_rights(context_, entity);
  redact_mistakes(rights, entity, context_.locale, mistakes);
  std::string prefix = label(entity);
  Record copy = parent;
  const auto* number = parent[model::slot_number].as<std::string>();
  if (number != nullptr && rights.readable(*entity.fields[model::slot_number]) && may(context_, model::Operation::read, copy, follow_, session_))
    prefix += " " + *number;
  prefix += context_.locale.starts_with("zh") ? "：" : ": ";
  for (FieldError& mistake : mistakes) {
    mistake.field = by.name;
    mistake.message = prefix + mistake.message;
  }
  std::string text = mistakes.front().message;
  throw Error(ErrorCode::invalid_record, std::move(text), std::move(mistakes));
}

bool TransactionWork::refill(const Entity& entity, std::int64_t id, const std::vector<const Field*>& fields) {
  auto stored = fetch(entity, id, Lock::exclusive);
  if (!stored) return false;
  Record record = *stored;
  for (const RollupPlan& plan : plans_->of(entity).rollups) {
    if (std::find(fields.begin(), fields.end(), plan.field) != fields.end()) record.set(plan.field->slot, count_rollup(plan, id));
  }
  write_rolled_up(*stored, record, *fields.front()->rollup);
  return std::any_of(fields.begin(), fields.end(), [&](const Field* f) { return !(*stored)[f->slot].same_as(record[f->slot]); });
}

RollupFill fill_rollups(const RecordService& records, std::shared_ptr<const model::Catalog> catalog, Timestamp now, bool again) {
  constexpr std::int64_t rows_per_transaction = 100;
  RollupFill done;
  struct Due {
    const Entity* entity;
    std::vector<const Field*> fields;
    std::vector<std::string> next;  ///< what `rollup_state` says of each when it is done
  };
  std::vector<Due> due;
  {
    std::vector<std::pair<const Entity*, const Field*>> wanted;
    for (const auto& entity : catalog->entities) {
      for (const auto& field : entity->fields) {
        if (field->rollup) wanted.emplace_back(entity.get(), field.get());
      }
    }
    if (wanted.empty()) return done;
    std::map<std::string, std::string, std::less<>> known;
    auto session = records.database().read();
    storage::Query query(*session, "SELECT name, definition FROM rollup_state");
    while (query.next()) known[query.text(0)] = query.text(1);
    for (const auto& [entity, field] : wanted) {
      const auto found = known.find(place_of(*field, *entity));
      const std::string signature = storage::rollup_signature(*field);
      const std::string_view state = found != known.end() && found->second.ends_with(signature) ? std::string_view(found->second) : std::string_view();
      if (!state.empty() && (!again || state == signature)) continue;
      if (due.empty() || due.back().entity != entity) due.push_back({entity, {}, {}});
      due.back().fields.push_back(field);
      due.back().next.push_back((state.empty() ? "2 " : state.starts_with("2 ") ? "1 " : "") + signature);
    }
  }
  Context context;
  context.actor.system = true;
  context.catalog = catalog;
  context.source = "schema";
  context.now = now;
  context.locale = catalog->agency.locale;
  // Children before parents: what a rollup is made of may be a rollup itself. As they make no circle, the rounds end.
  std::vector<Due> ordered;
  const auto hangs_on = [&](const Due& one) {
    return std::any_of(due.begin(), due.end(), [&](const Due& other) {
      return other.entity != one.entity && std::any_of(one.fields.begin(), one.fields.end(), [&](const Field* f) { return f->rollup->of == other.entity; });
    });
  };
  while (!due.empty()) {
    auto next = std::find_if(due.begin(), due.end(), [&](const Due& one) { return !hangs_on(one); });
    if (next == due.end()) next = due.begin();  // two entities that count each other's records: deltas see to the rest
    ordered.push_back(std::move(*next));
    due.erase(next);
  }
  for (const Due& one : ordered) {
    const storage::Dialect dialect = records.database().dialect();
    const std::string id_column = storage::quote(dialect, one.entity->fields[model::slot_id]->column);
    std::int64_t last = 0;
    for (bool more = true; more;) {
      std::vector<std::int64_t> ids;
      {
        auto session = records.database().read();
        storage::Query query(*session, "SELECT " + id_column + " FROM " + storage::quote(dialect, one.entity->table_name) + " WHERE " + id_column +
                                           " > ? ORDER BY " + id_column + " LIMIT ?",
                             last, rows_per_transaction);
        while (query.next()) ids.push_back(query.integer(0));
      }
      more = static_cast<std::int64_t>(ids.size()) == rows_per_transaction;
      if (ids.empty()) break;
      last = ids.back();
      std::int64_t changed = 0, refused = 0;
      records.transact(
          context,
          [&](Work& work) {
            changed = refused = 0;
            auto& transaction = dynamic_cast<TransactionWork&>(work);
            for (const std::int64_t id : ids) {
              Savepoint savepoint(work.session());
              try {
                if (transaction.refill(*one.entity, id, one.fields)) ++changed;
                savepoint.keep();
              } catch (const Error& error) {
                if (!is_refusal(error)) throw;
                savepoint.undo();
                ++refused;
              }
            }
          },
          static_cast<std::int64_t>(ids.size()));
      done.changed += changed;
      done.refused += refused;
    }
    records.database().transact([&](storage::Session& session) {
      for (std::size_t i = 0; i < one.fields.size(); ++i) {
        const std::string name = place_of(*one.fields[i], *one.entity);
        storage::run_sql(session, "DELETE FROM rollup_state WHERE name = ?", name);
        storage::run_sql(session, "INSERT INTO rollup_state (name, definition) VALUES (?, ?)", name, one.next[i]);
      }
    });
    for (const Field* field : one.fields) done.fields.push_back(place_of(*field, *one.entity));
  }
  return done;
}

}  // namespace caravan::records

#include "records/moves.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"
#include "records/work.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;

constexpr std::size_t batch = 200;
constexpr std::size_t shown_ids = 5;

/// Ids of records that hold the value, from the one after `after` on. Those of a list are candidates: the value may be part of another.
std::vector<std::int64_t> holders(storage::Session& session, const Move& move, std::int64_t after) {
  const auto name = [&](std::string_view text) { return storage::quote(session.dialect(), text); };
  const bool list = move.field->type == model::FieldType::multi;
  const std::string id = name(move.entity->fields[model::slot_id]->column), column = name(move.field->column);
  const std::string test = move.from.empty()                               ? column + " IS NULL"
                           : !list                                         ? column + " = ?"
                           : session.dialect() == storage::Dialect::sqlite ? "instr(" + column + ", ?) > 0"
                                                                           : "LOCATE(?, " + column + ") > 0";
  storage::Statement& query = session.prepare("SELECT " + id + " FROM " + name(move.entity->table_name) + " WHERE " + test + " AND " + id +
                                              " > ? ORDER BY " + id + " LIMIT " + std::to_string(batch));
  int index = 1;
  if (!move.from.empty()) query.bind(index++, std::string_view(move.from));
  query.bind(index, after);
  std::vector<std::int64_t> ids;
  while (query.step()) ids.push_back(query.integer(0));
  query.reset();
  return ids;
}

/// Calls `each` for batches of holders until there are no more.
template <class Each>
void in_batches(const RecordService& records, const Move& move, const Each& each) {
  std::int64_t after = 0;
  for (;;) {
    std::vector<std::int64_t> ids;
    {
      const auto session = records.database().read();
      ids = holders(*session, move, after);
    }
    if (ids.empty()) return;
    each(ids);
    if (ids.size() < batch) return;
    after = ids.back();
  }
}

bool breaks(const model::Invariant& invariant, const Context& context, Record record, const std::shared_ptr<const Follow>& follow) {
  const auto result = evaluate(*invariant.check, context, record, follow);
  const bool* holds = result.value.as<bool>();
  return result.outcome == expr::Outcome::value && holds != nullptr && !*holds;
}

}  // namespace

std::optional<expr::Value> moved_value(const Move& move, const expr::Value& value) {
  if (move.from.empty()) return value.is_null() ? std::optional(expr::Value(move.to)) : std::nullopt;
  if (const auto* text = value.as<std::string>()) return *text == move.from ? std::optional(expr::Value(move.to)) : std::nullopt;
  const expr::List* list = value.as_list();
  if (list == nullptr) return std::nullopt;
  const auto is = [](const expr::Value& one, const std::string& name) {
    const auto* text = one.as<std::string>();
    return text != nullptr && *text == name;
  };
  if (std::none_of(list->begin(), list->end(), [&](const auto& one) { return is(one, move.from); })) return std::nullopt;
  // In the order of the list of choices, each once.
  expr::List out;
  const auto holds = [&](const std::string& name) {
    return std::any_of(list->begin(), list->end(), [&](const auto& one) { return is(one, name) || (name == move.to && is(one, move.from)); });
  };
  for (const model::ChoiceOption& option : move.field->choices->options) {
    if (holds(option.name)) out.push_back(expr::Value(option.name));
  }
  for (const expr::Value& one : *list) {
    const auto* text = one.as<std::string>();
    if (text != nullptr && *text != move.from && move.field->choices->option(*text) == nullptr) out.push_back(one);
  }
  return expr::Value(std::move(out));
}

std::vector<Move> moves_of(const model::Catalog& catalog, const model::Catalog* present) {
  std::vector<Move> moves;
  for (const auto& entity : catalog.entities) {
    if (entity->ledger) continue;  // what stands in it stays
    if (entity->workflow) {
      const Entity* before = present != nullptr ? present->entity(entity->full_name) : nullptr;
      if (before != nullptr && !before->workflow)
        moves.push_back({entity.get(), entity->fields[model::slot_state].get(), {}, entity->workflow->initial->name});
      for (const auto& [from, to] : entity->workflow->moved) moves.push_back({entity.get(), entity->fields[model::slot_state].get(), from, to});
    }
    for (const auto& field : entity->fields) {
      const bool chosen = !field->system && !field->compute && field->choices != nullptr && !field->column.empty() && !field->sensitive &&
                          (field->type == model::FieldType::choice || field->type == model::FieldType::multi);
      if (!chosen) continue;
      for (const auto& [from, to] : field->choices->moved) moves.push_back({entity.get(), field.get(), from, to});
    }
  }
  return moves;
}

std::vector<model::Diagnostic> check_moves(const RecordService& records, const Context& context, const std::vector<Move>& moves) {
  std::vector<model::Diagnostic> found;
  for (const Move& move : moves) {
    if (move.entity->invariants.empty()) continue;
    std::vector<std::int64_t> counts(move.entity->invariants.size());
    std::vector<std::string> ids(move.entity->invariants.size());
    const auto follow = records.follow(context);
    in_batches(records, move, [&](const std::vector<std::int64_t>& some) {
      for (const Record& stored : records.get_many(context, *move.entity, some)) {
        auto value = moved_value(move, stored[move.field->slot]);
        if (!value) continue;
        Record next = stored;
        // All that is moved of the record, so that each step is asked of what comes of it in the end.
        for (const Move& other : moves) {
          if (other.entity != move.entity) continue;
          if (auto one = moved_value(other, next[other.field->slot])) next.set(other.field->slot, std::move(*one));
        }
        std::vector<FieldError> ignored;
        compute_fields(context, next, follow, &ignored);
        for (std::size_t i = 0; i < counts.size(); ++i) {
          const model::Invariant& invariant = move.entity->invariants[i];
          if (!breaks(invariant, context, next, follow) || (!invariant.in_database && breaks(invariant, context, stored, follow))) continue;
          if (static_cast<std::size_t>(++counts[i]) <= shown_ids) ids[i] += (ids[i].empty() ? "" : ", ") + std::to_string(stored.id());
        }
      }
    });
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const model::Invariant& invariant = move.entity->invariants[i];
      found.push_back({model::Diagnostic::Severity::error, invariant.origin, "moved-breaks-rule",
                       std::to_string(counts[i]) + (counts[i] == 1 ? " record of " : " records of ") + move.entity->full_name +
                           (counts[i] == 1 ? " (id " : " (ids ") + ids[i] + (counts[i] > static_cast<std::int64_t>(shown_ids) ? ", …" : "") +
                           ") would break the invariant \"" + invariant.name + "\" when moved from \"" + move.from + "\" to \"" + move.to + "\"",
                       "mend them first, or move them elsewhere"});
    }
  }
  return found;
}

std::int64_t move_records(const RecordService& records, const Context& context, const std::vector<Move>& moves) {
  std::int64_t total = 0;
  for (const Move& move : moves) {
    const std::string note = message("moved_by_definitions", context.catalog->agency.locale, {move.from.empty() ? std::string_view("–") : move.from, move.to});
    // Rows that hang on others lock those, too: then one at a time, so that no two transactions wait for each other.
    const bool guarded = !move.entity->rolled_up.empty() || !move.entity->exclusive.empty();
    const auto move_some = [&](std::span<const std::int64_t> ids) {
      std::int64_t moved = 0;
      records.transact(
          context,
          [&](Work& work) {
            moved = 0;
            auto& transaction = static_cast<TransactionWork&>(work);  // the only kind of Work that transact() makes
            for (const std::int64_t id : ids) {
              try {
                const Record stored = work.load(*move.entity, id, true);
                // Another node, or somebody, was faster.
                auto value = moved_value(move, stored[move.field->slot]);
                if (!value) continue;
                transaction.relabel(stored, move.field->slot, std::move(*value), note);
                ++moved;
              } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;  // deleted meanwhile
              }
            }
          },
          static_cast<std::int64_t>(ids.size()));
      total += moved;
    };
    in_batches(records, move, [&](const std::vector<std::int64_t>& ids) {
      const std::span<const std::int64_t> all(ids);
      if (!guarded) return move_some(all);
      for (std::size_t i = 0; i < ids.size(); ++i) move_some(all.subspan(i, 1));
    });
  }
  return total;
}

}  // namespace caravan::records

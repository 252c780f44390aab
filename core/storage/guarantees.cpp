#include "storage/guarantees.h"

#include <algorithm>

#include "model/digest.h"

namespace caravan::storage {
namespace {

using Safety = SchemaStep::Safety;

struct LedgerTrigger {
  const char* prefix;
  const char* event;
};
constexpr LedgerTrigger ledger_triggers[] = {{"lu_", "UPDATE"}, {"ld_", "DELETE"}};

std::string trigger_name(const LedgerTrigger& trigger, const std::string& table) { return key_name(trigger.prefix, table, "_ledger"); }

std::string create_trigger(Dialect dialect, const LedgerTrigger& trigger, const std::string& table) {
  const std::string head = "CREATE TRIGGER " + quote(dialect, trigger_name(trigger, table)) + " BEFORE " + trigger.event + " ON " + quote(dialect, table) +
                           " FOR EACH ROW ";
  if (dialect == Dialect::sqlite) return head + "BEGIN SELECT RAISE(ABORT, 'caravan:ledger'); END";
  return head + "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'caravan:ledger'";
}

std::string drop_trigger(Dialect dialect, const LedgerTrigger& trigger, const std::string& table) {
  return "DROP TRIGGER IF EXISTS " + quote(dialect, trigger_name(trigger, table));
}

/// Whether a step that is made without a word rewrites rows of the table.
bool rewrites(const SchemaStep& step) {
  if (step.safety == Safety::leftover) return false;
  return std::any_of(step.sql.begin(), step.sql.end(), [](const std::string& sql) {
    return sql.starts_with("UPDATE") || sql.starts_with("DELETE") || sql.find(" RENAME ") != std::string::npos || sql.starts_with("DROP TABLE") ||
           sql.find(" MODIFY ") != std::string::npos;
  });
}

}  // namespace

std::string rollup_signature(const model::Field& field) {
  const model::Rollup& rollup = *field.rollup;
  model::Digest digest;
  digest.add_delimited("1");
  digest.add_delimited(std::to_string(static_cast<int>(rollup.kind)));
  digest.add_delimited(rollup.of->full_name);
  digest.add_delimited(rollup.by->name);
  digest.add_delimited(rollup.field != nullptr ? rollup.field->name : std::string());
  digest.add_delimited(rollup.where ? rollup.where->source() : std::string());
  digest.add_delimited(std::to_string(static_cast<int>(field.type)) + "," + std::to_string(field.scale));
  return digest.hex();
}

std::string exclusive_index_name(const model::Entity& entity, const model::Exclusive& rule) {
  return key_name("ix_", entity.table_name, "_excl_" + rule.name);
}

void add_exclusive_indexes(const model::Entity& entity, WantedTable& table) {
  for (const model::Exclusive& rule : entity.exclusive) {
    table.indexes.push_back({exclusive_index_name(entity, rule), {rule.resource->column, rule.from->column}, false});
  }
}

GuaranteePlan::GuaranteePlan(Session& session, const FoundTables& found) : session_(session), found_(found) {
  Statement& find = session.prepare(session.dialect() == Dialect::sqlite
                                        ? "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                                        : "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()");
  while (find.step()) triggers_.emplace(find.text(0));
  find.reset();
  if (!found.contains("rollup_state")) return;
  Statement& states = session.prepare("SELECT name, definition FROM rollup_state");
  while (states.step()) {
    std::string name(states.text(0));
    counted_[std::move(name)] = std::string(states.text(1));
  }
  states.reset();
}

void GuaranteePlan::ledger(const model::Entity& entity, std::size_t from, std::vector<SchemaStep>& steps) const {
  const Dialect dialect = session_.dialect();
  const std::string& table = entity.table_name;
  std::size_t there = 0;
  for (const LedgerTrigger& trigger : ledger_triggers) there += triggers_.contains(trigger_name(trigger, table)) ? 1 : 0;
  if (!entity.ledger && there == 0) return;
  std::vector<std::string> drop, lock;
  for (const LedgerTrigger& trigger : ledger_triggers) drop.push_back(drop_trigger(dialect, trigger, table));
  if (!entity.ledger) {
    steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(from),
                 {Safety::additive, table, "let rows of " + table + " be changed again: it is no ledger any more", std::move(drop)});
    return;
  }
  const bool rewritten = std::any_of(steps.begin() + static_cast<std::ptrdiff_t>(from), steps.end(), rewrites);
  if (there == std::size(ledger_triggers) && !rewritten) return;
  lock = drop;
  for (const LedgerTrigger& trigger : ledger_triggers) lock.push_back(create_trigger(dialect, trigger, table));
  if (there != 0 && rewritten) {
    steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(from),
                 {Safety::additive, table, "let rows of the ledger " + table + " be changed by the steps that follow", std::move(drop)});
  }
  steps.push_back({Safety::additive, table, "let nobody change or delete rows of " + table + ", a ledger", std::move(lock)});
}

void GuaranteePlan::rollups(const model::Entity& entity, std::vector<SchemaStep>& steps) const {
  for (const auto& field : entity.fields) {
    if (!field->rollup) continue;
    const auto counted = counted_.find(entity.full_name + "." + field->name);
    if (counted != counted_.end() && counted->second.ends_with(rollup_signature(*field))) continue;
    Statement& any = session_.prepare("SELECT 1 FROM " + quote(session_.dialect(), entity.table_name) + " LIMIT 1");
    const bool rows = any.step();
    any.reset();
    if (!rows) continue;
    // Through the gate, with history, as soon as the definitions are in use.
    steps.push_back({Safety::additive, entity.table_name,
                     "count " + field->name + " of " + entity.table_name + " from the rows of " + field->rollup->of->table_name +
                         ", when the definitions come into use",
                     {}});
  }
}

void GuaranteePlan::add(const model::Entity& entity, std::size_t from, std::vector<SchemaStep>& steps) const {
  ledger(entity, from, steps);
  if (found_.contains(entity.table_name)) rollups(entity, steps);
}

}  // namespace caravan::storage

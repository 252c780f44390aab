#include "storage/constraints.h"

#include <algorithm>
#include <cstdio>

#include "expr/sql_text.h"

namespace caravan::storage {
namespace {

constexpr std::string_view own_prefix = "ck_";
constexpr std::size_t hash_digits = 12;
constexpr std::size_t longest_base = 64 - 1 - hash_digits;  ///< a name is at most 64 characters on MariaDB

/// FNV-1a; only tells apart.
std::string hash_of(std::string_view text, std::size_t digits) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(h));
  return std::string(buffer, 16).substr(16 - digits);
}

/// Name of the invariant's constraint up to the hash of what it says.
std::string base_name(std::string_view table, std::string_view invariant) {
  std::string base = std::string(own_prefix) + std::string(table) + "$" + std::string(invariant);
  if (base.size() <= longest_base) return base;
  const std::string hash = hash_of(base, 8);
  return base.substr(0, longest_base - hash.size() - 1) + "_" + hash;
}

std::string trigger(std::string_view name, char event) { return std::string(name) + "$" + event; }

}  // namespace

std::vector<WantedConstraint> entity_constraints(const model::Entity& entity, Dialect dialect) {
  std::vector<WantedConstraint> constraints;
  for (const model::Invariant& invariant : entity.invariants) {
    if (!invariant.in_database || !invariant.check) continue;
    const bool sqlite = dialect == Dialect::sqlite;
    // In a trigger the row is NEW, elsewhere its columns stand bare.
    auto bare = expr::to_row_rule(*invariant.check, sqlite ? expr::Dialect::sqlite : expr::Dialect::mysql, {});
    auto rule = sqlite ? expr::to_row_rule(*invariant.check, expr::Dialect::sqlite, "NEW") : bare;
    if (!bare || !rule) continue;
    WantedConstraint constraint;
    std::string said = *rule;
    for (const expr::ReadField& read : expr::read_fields(*invariant.check)) {
      const model::Field& field = *entity.fields[read.slot];
      constraint.columns.push_back(field.column);
      if (!field.currency_column.empty()) constraint.columns.push_back(field.currency_column);
      said += "\n" + field.column + " " + type_word(column_type(field));
    }
    constraint.invariant = invariant.name;
    constraint.name = base_name(entity.table_name, invariant.name) + "$" + hash_of(said, hash_digits);
    constraint.rule = std::move(*rule);
    constraint.condition = std::move(*bare);
    constraints.push_back(std::move(constraint));
  }
  return constraints;
}

bool is_own_constraint(std::string_view name) { return name.starts_with(own_prefix) && name.find('$') != std::string_view::npos; }

const model::Invariant* violated_invariant(const model::Entity& entity, std::string_view constraint) {
  for (const model::Invariant& invariant : entity.invariants) {
    const std::string base = base_name(entity.table_name, invariant.name);
    if (constraint.size() == base.size() + 1 + hash_digits && constraint.starts_with(base) && constraint[base.size()] == '$') return &invariant;
  }
  return nullptr;
}

std::string mysql_constraint_clause(const WantedConstraint& constraint) {
  return "CONSTRAINT " + quote(Dialect::mysql, constraint.name) + " CHECK (" + constraint.rule + ")";
}

std::string mysql_add_constraints(const std::string& table, const std::vector<WantedConstraint>& constraints) {
  std::string sql = "ALTER TABLE " + quote(Dialect::mysql, table);
  for (const WantedConstraint& constraint : constraints) {
    sql += (&constraint == &constraints.front() ? " ADD " : ", ADD ") + mysql_constraint_clause(constraint);
  }
  return sql;
}

std::string mysql_drop_constraint(const std::string& table, std::string_view name) {
  return "ALTER TABLE " + quote(Dialect::mysql, table) + " DROP CONSTRAINT " + quote(Dialect::mysql, name);
}

void mysql_find_constraints(Session& session, FoundTables& tables) {
  Statement& found = session.prepare(
      "SELECT table_name, constraint_name FROM information_schema.table_constraints "
      "WHERE constraint_schema = DATABASE() AND table_schema = DATABASE() AND constraint_type = 'CHECK'");
  while (found.step()) {
    const auto table = tables.find(found.text(0));
    if (table != tables.end() && is_own_constraint(found.text(1))) table->second.constraints.emplace(found.text(1));
  }
  found.reset();
}

std::vector<std::string> sqlite_add_constraint(const std::string& table, const WantedConstraint& constraint) {
  std::vector<std::string> out;
  for (const char event : {'i', 'u'}) {
    // The names come from definitions and hold no quote. Unknown is NULL, and so is its opposite: it passes.
    out.push_back("CREATE TRIGGER IF NOT EXISTS " + quote(Dialect::sqlite, trigger(constraint.name, event)) +
                  (event == 'i' ? " BEFORE INSERT ON " : " BEFORE UPDATE ON ") + quote(Dialect::sqlite, table) + " FOR EACH ROW WHEN NOT (" +
                  constraint.rule + ") BEGIN SELECT RAISE(ABORT, 'caravan:" + constraint.name + "'); END");
  }
  // Triggers do not look at the rows that are there; this does, where one stands against the rule.
  out.push_back("UPDATE " + quote(Dialect::sqlite, table) + " SET version = version WHERE NOT (" + constraint.condition + ")");
  return out;
}

std::vector<std::string> sqlite_drop_constraint(std::string_view name) {
  return {"DROP TRIGGER IF EXISTS " + quote(Dialect::sqlite, trigger(name, 'i')),
          "DROP TRIGGER IF EXISTS " + quote(Dialect::sqlite, trigger(name, 'u'))};
}

void sqlite_find_constraints(Session& session, FoundTables& tables) {
  // One trigger of a pair alone is no constraint; adding it makes the other.
  Statement& found = session.prepare(
      "SELECT i.tbl_name, i.name FROM sqlite_master i JOIN sqlite_master u ON u.type = 'trigger' AND u.tbl_name = i.tbl_name "
      "AND u.name = substr(i.name, 1, length(i.name) - 1) || 'u' WHERE i.type = 'trigger' AND substr(i.name, -2) = '$i'");
  while (found.step()) {
    const std::string_view name = found.text(1);
    const auto table = tables.find(found.text(0));
    if (table != tables.end() && is_own_constraint(name)) table->second.constraints.emplace(name.substr(0, name.size() - 2));
  }
  found.reset();
}

}  // namespace caravan::storage

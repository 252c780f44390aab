#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/tables.h"

/// Invariants that the database keeps, too: CHECK constraints on MariaDB, a pair of triggers on SQLite.
namespace caravan::storage {

/// The constraints of an entity's invariants that the database can keep (Invariant::in_database). A constraint's name holds a hash
/// of its SQL and of the types it compares, so that a changed one has another name: MariaDB writes conditions anew, and their
/// texts cannot be compared.
std::vector<WantedConstraint> entity_constraints(const model::Entity& entity, Dialect dialect);

/// Whether Caravan made the constraint of this name.
bool is_own_constraint(std::string_view name);

/// The invariant that a constraint of this name stands for (see ConstraintViolation); nullptr where the entity has none.
const model::Invariant* violated_invariant(const model::Entity& entity, std::string_view constraint);

// SQL of the dialects. Constraints of one table are added together: MariaDB copies the table once.
std::string mysql_constraint_clause(const WantedConstraint& constraint);
std::string mysql_add_constraints(const std::string& table, const std::vector<WantedConstraint>& constraints);
std::string mysql_drop_constraint(const std::string& table, std::string_view name);
void mysql_find_constraints(Session& session, FoundTables& tables);

std::vector<std::string> sqlite_add_constraint(const std::string& table, const WantedConstraint& constraint);
std::vector<std::string> sqlite_drop_constraint(std::string_view name);
void sqlite_find_constraints(Session& session, FoundTables& tables);

}  // namespace caravan::storage

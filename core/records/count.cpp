#include <algorithm>
#include <optional>

#include "records/query.h"

namespace caravan::records {
namespace {

constexpr std::int64_t windows = 32;             ///< places in the table that a sample looks at
constexpr std::int64_t first_window = 400;       ///< rows at each
constexpr std::int64_t longest_window = 3'200;   ///< where few of them fulfil the condition
constexpr std::int64_t enough_hits = 40;         ///< within a factor of 2 beyond reasonable doubt
constexpr std::int64_t most_looked = 2 * exact_count;  ///< records that hold frequent words, of which is asked what else they fulfil
constexpr std::int64_t lag = 500;                ///< records that the index may not have caught up with, see SearchIndex::waiting()

/// Rows of the table: what the database believes, or 0.
std::int64_t believed_rows(storage::Session& session, const EntityPlan& plan) {
  if (session.dialect() == storage::Dialect::sqlite) return 0;
  storage::Statement& statement =
      session.prepare("SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?");
  statement.bind(1, std::string_view(plan.entity->table_name));
  const std::int64_t rows = statement.step() ? statement.integer(0) : 0;
  statement.reset();
  return rows;
}

/// Looks at some rows from each of several places of the table, in the order of ids. How many ids a window spans tells how
/// dense the rows lie there, how many of its rows fulfil the condition how dense those lie.
std::int64_t estimate(storage::Session& session, const EntityPlan& plan, const Condition& condition) {
  const std::string id = "r." + storage::quote(session.dialect(), plan.entity->fields[model::slot_id]->column);
  storage::Statement& ends = session.prepare("SELECT MIN(" + id + "), MAX(" + id + ")" + plan.from);
  std::int64_t first = 0, last = -1;
  if (ends.step() && !ends.is_null(0)) {
    first = ends.integer(0);
    last = ends.integer(1);
  }
  ends.reset();
  if (last < first) return 0;
  const std::int64_t believed = believed_rows(session, plan);
  double result = 0;
  for (std::int64_t length = first_window; length <= longest_window; length *= 2) {
    const std::string sql = "SELECT COUNT(*), SUM(n.m), MAX(n.i) FROM (SELECT " + id + " AS i, CASE WHEN " +
                            (condition.sql.empty() ? std::string("1 = 1") : condition.sql) + " THEN 1 ELSE 0 END AS m" + plan.from + " WHERE " + id +
                            " >= ? ORDER BY " + id + " LIMIT " + std::to_string(length) + ") n";
    storage::Statement& window = session.prepare(sql);
    const double span = static_cast<double>(last) - static_cast<double>(first) + 1;
    std::int64_t seen = 0, hits = 0, at = first;
    double density = 0;  // sum over the windows of hits by id
    int looked = 0;
    for (std::int64_t i = 0; i < windows && at <= last; ++i) {
      // Evenly over the table, never over the same rows twice.
      const auto start = std::max(at, first + static_cast<std::int64_t>(span * static_cast<double>(i) / windows));
      if (start > last) break;
      const int next = bind_parameters(window, condition.parameters);
      window.bind(next, start);
      std::int64_t rows = 0, fit = 0, end = start;
      if (window.step() && !window.is_null(2)) {
        rows = window.integer(0);
        fit = window.integer(1);
        end = window.integer(2);
      }
      window.reset();
      if (rows == 0) break;
      seen += rows;
      hits += fit;
      density += static_cast<double>(fit) / (static_cast<double>(end) - static_cast<double>(start) + 1);
      ++looked;
      at = end + 1;
    }
    if (seen == 0) return 0;
    result = believed > 0 ? static_cast<double>(believed) * static_cast<double>(hits) / static_cast<double>(seen)
                          : span * density / std::max(looked, 1);
    if (hits >= enough_hits) break;
  }
  return static_cast<std::int64_t>(std::min(result, 9e17));
}

/// Of the first records that hold the words, those that fulfil the rest; nullopt where that is all of them and they must be counted as they are now.
std::optional<RowCount> count_hits(storage::Session& session, const EntityPlan& plan, const Searched& searched) {
  // Without anything else to ask the rows need not be looked at; some may be gone, and the index not know it yet.
  const bool bare = searched.rest.sql.empty();
  const std::int64_t most = bare ? exact_count + lag : most_looked;
  const std::string hits = "(" + searched.hits.sql + " LIMIT " + std::to_string(most) + ") s";
  const std::string fits = "SUM(CASE WHEN r." + plan.id_column + " IS NOT NULL AND " + searched.rest.sql + " THEN 1 ELSE 0 END)";
  storage::Statement& counting = session.prepare(bare ? "SELECT COUNT(*), 0 FROM " + hits
                                                      : "SELECT COUNT(*), " + fits + " FROM " + hits + " LEFT JOIN " + plan.from_table + " r ON r." + plan.id_column + " = s.id");
  // In the order of the places in the text.
  bind_parameters(counting, searched.hits.parameters, bare ? 1 : bind_parameters(counting, searched.rest.parameters));
  std::int64_t looked = 0, fit = 0;
  if (counting.step()) {
    looked = counting.integer(0);
    fit = bare ? looked - lag : counting.integer(1);
  }
  counting.reset();
  if (looked == most) return RowCount{std::clamp(fit, std::int64_t{0}, exact_count), false};
  if (bare || !searched.settled) return std::nullopt;
  return fit <= exact_count ? RowCount{fit, true} : RowCount{exact_count, false};
}

}  // namespace

RowCount count_rows(storage::Session& session, const EntityPlan& plan, const Condition& condition, const Searched& searched) {
  if (!searched.hits.sql.empty()) {
    if (const auto bounded = count_hits(session, plan, searched)) return *bounded;
  }
  storage::Statement& counting =
      session.prepare("SELECT COUNT(*) FROM (SELECT 1" + plan.from + condition.where() + " LIMIT " + std::to_string(exact_count + 1) + ") n");
  bind_parameters(counting, condition.parameters);
  const std::int64_t rows = counting.step() ? counting.integer(0) : 0;
  counting.reset();
  if (rows <= exact_count) return {rows, true};
  if (!searched.hits.sql.empty()) return {exact_count, false};
  const std::int64_t about = std::max(estimate(session, plan, condition), exact_count + 1);
  // Two digits that mean something: more would pretend to know.
  std::int64_t unit = 1;
  while (about / unit >= 1000) unit *= 10;
  return {std::max((about + unit / 2) / unit * unit, exact_count + 1), false};
}

const char* word_of_total(std::int64_t rows, bool exact) { return exact ? "exact" : rows > exact_count ? "estimate" : "at_least"; }

}  // namespace caravan::records

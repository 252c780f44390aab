#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

/// Where full-text search keeps which records hold which words. The words are made by the caller: letters, digits and marks only.
/// See docs/adr/0032-search-and-matching.md.
namespace caravan::storage {

struct SearchTerm {
  std::string text;
  bool prefix = false;          ///< words that begin so
  auto operator<=>(const SearchTerm&) const = default;
};

struct SearchDocument {
  std::int64_t record = 0;
  std::string words;            ///< each once, sorted, with blanks between; empty: the record is not to be found
};

/// `SELECT record FROM from WHERE where`: records of one entity that hold all terms.
struct SearchSelect {
  std::string from, record, where;
  std::vector<expr::Value> parameters;
  std::int64_t base = 0;        ///< what `order` is more than the record's id
  bool distinct = false;        ///< records come once by SELECT DISTINCT alone
  std::string order;            ///< what to sort by, descending, at no cost; empty: a record may come twice, and sorting would read all
};

/// A condition on one record: true where it holds all terms.
struct SearchCondition {
  std::string sql;
  std::vector<expr::Value> parameters;
};

/// Entities are numbers below 2^15, records below 2^47. Stateless; thread-safe.
class SearchStore {
 public:
  virtual ~SearchStore() = default;
  static std::unique_ptr<SearchStore> open(Dialect dialect);
  /// Makes what the table definitions do not. On the writer's session, before anything else.
  virtual void prepare(Session& session) const = 0;
  /// What is kept of these records; on MariaDB nobody else changes it until the transaction ends.
  virtual std::map<std::int64_t, std::string> kept(Session& session, std::int64_t entity, std::span<const std::int64_t> records) const = 0;
  /// The records of which something is kept, after `after` up to `until`, in order, at most `limit`.
  virtual std::vector<std::int64_t> records(Session& session, std::int64_t entity, std::int64_t after, std::int64_t until, std::int64_t limit) const = 0;
  /// Puts documents in place of those in `kept`; returns how many changed.
  virtual std::int64_t put(Session& session, std::int64_t entity, std::span<const SearchDocument> documents,
                           const std::map<std::int64_t, std::string>& kept) const = 0;
  /// Those of `entities` in which some record may hold all terms, or `whole` where that is not empty.
  virtual std::set<std::int64_t> holding(Session& session, const std::set<std::int64_t>& entities, const std::vector<SearchTerm>& terms, const std::string& whole) const = 0;
  /// `terms`: at least one. `session`: asked which of them are rare; null: a guess is made. `narrowed`: for a join in which a condition
  /// may let few records through; on SQLite only where it does, and finds them by an index. `all`: not only the newest are wanted.
  virtual SearchSelect select(Session* session, std::int64_t entity, std::vector<SearchTerm> terms, bool narrowed = false, bool all = false) const = 0;
  /// For records that are gone through anyway, in another order: looks each one's words up by its id, which `record` names.
  virtual SearchCondition holds(std::int64_t entity, const std::vector<SearchTerm>& terms, const std::string& record) const = 0;
};

std::unique_ptr<SearchStore> sqlite_search_store();
std::unique_ptr<SearchStore> mysql_search_store();

}  // namespace caravan::storage

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "records/access.h"
#include "records/plans.h"
#include "records/query_cache.h"
#include "records/rows.h"
#include "records/service.h"

/// From a client's list query to SQL. Nothing here talks to the database.
namespace caravan::records {

/// A client's filter, compiled and found to be expressible in SQL.
struct CompiledFilter {
  std::shared_ptr<const expr::Program> program;
  bool varies = true;          ///< with the user or the time; else `fixed` is its SQL, always
  expr::SqlCondition fixed;
};

/// What is kept of queries, as long as their Catalog is in use. Thread-safe.
struct QueryCache {
  BoundedCache<CompiledFilter> filters{2048, 256 * 1024};
  BoundedCache<RowShape> shapes{1024, 64 * 1024};  ///< by the fields asked for; of actors who see all fields
  BoundedCache<std::vector<std::string>> currencies{128, 64 * 1024};  ///< met so far, by money field
  std::mutex mutex;                    ///< of `numbers`
  std::set<std::string> numbers;       ///< sequences that batches have run out of: of the next ones, they are filled before
};

/// A condition on alias `r`; empty text: none.
struct Condition {
  std::string sql;
  std::vector<expr::Value> parameters;
  /// ` WHERE …`, or nothing.
  std::string where() const { return sql.empty() ? std::string() : " WHERE " + sql; }
  Condition& also(std::string_view more);
  /// Adds the bare text of `(column IN (…))`.
  Condition& also_in(std::string_view column, std::vector<expr::Value> values);
  /// And one of these ids; none: nothing fulfils it.
  Condition& among(std::string_view column, const std::vector<std::int64_t>& ids);
};

/// How the search index answered `q`.
struct Searched {
  bool few = false;   ///< the records stand in the condition one by one
  Condition each;     ///< else: the whole condition again, of which the words are looked up row by row
  Condition rest;     ///< and the condition without the words
  Condition hits;     ///< `SELECT record AS id …` of the records that the index finds, in no order
  bool settled = true;  ///< false: the index has not caught up, so that some of `hits` may hold the words no more, and others hold them
};

/// Between filters that must all hold: no character of an expression.
inline constexpr char filter_separator = '\x1e';

/// A client's filter (or several, see above) and words, with the actor's rule; fields that he may not read are refused in the filter (forbidden) and
/// left out of the words' search. Throws invalid_argument naming what is wrong.
Condition condition_of(const Context& context, const Plans& plans, const EntityPlan& plan, const ReadRule& rule,
                       const FieldRights& rights, const std::string& filter, std::string_view q, Searched* searched = nullptr);

struct ListStatement {
  Condition where;                       ///< without the cursor
  Searched searched;                     ///< how the index answered the words
  /// Words that many records hold: statements that find the page's ids and sort keys among the next rows in the list's order, among more and more of
  /// them. The first that finds a whole page (limit + 1) says which it is, see found_statement(); where none does, `sql` finds it.
  std::vector<Condition> windows;
  std::string found_select, found_tail;
  std::string sql;                       ///< selects limit + 1 rows of `select_list`
  std::vector<expr::Value> parameters;   ///< of `sql`
  std::vector<model::SortKey> sort;      ///< with the final key on id
};

/// The keys of a client's `sort` with the final one on id; empty: the default view's, without what the actor may not read.
/// Throws invalid_argument, and forbidden for fields that he may not read.
std::vector<model::SortKey> sort_keys(const Context& context, const model::Entity& entity, const FieldRights& rights, std::string_view text);

/// `select_list` may be completed by the caller with what the sort keys need: see sort_keys(). Throws invalid_argument
/// naming what is wrong in filter, sort, cursor or limit.
ListStatement list_statement(const Context& context, const Plans& plans, const EntityPlan& plan, const ReadRule& rule,
                             const FieldRights& rights, const ListQuery& query, std::vector<model::SortKey> sort,
                             std::string_view select_list);

/// The statement that reads these records of the list; of what changed meanwhile, only what still fulfils filter and rule.
Condition found_statement(const ListStatement& statement, const EntityPlan& plan, const std::vector<std::int64_t>& ids);

/// Opaque cursor after a row with these values, one per key; valid for the same sort only.
std::string make_cursor(const std::vector<model::SortKey>& sort, const std::vector<expr::Value>& last);
std::string make_cursor(const std::vector<model::SortKey>& sort, const Record& last);

/// Binds from `index` on; returns the next free index.
int bind_parameters(storage::Statement& statement, const std::vector<expr::Value>& parameters, int index = 1);

/// How many rows fulfil a condition: exactly up to `exact_count`; past it an estimate from a sample, which is more than that. Not exact and not more than
/// that: there are at least so many, and nobody looked further.
struct RowCount {
  std::int64_t rows = 0;
  bool exact = true;
};
inline constexpr std::int64_t exact_count = 10'000;
/// `searched`: words that many records hold are not estimated; of a bounded number of their records is looked which fulfil the rest.
RowCount count_rows(storage::Session& session, const EntityPlan& plan, const Condition& condition, const Searched& searched = {});
/// The word for it: `exact`, `estimate` or `at_least`.
const char* word_of_total(std::int64_t rows, bool exact);

/// Base64 without padding, for what a client hands back as it got it.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

/// Calls `use` with each name of a comma-separated list; empty ones are passed over.
template <class Use>
void each_name(std::string_view list, const Use& use) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (!name.empty()) use(name);
  }
}

}  // namespace caravan::records

#include <algorithm>

#include "storage/query.h"
#include "storage/search_store.h"

namespace caravan::storage {
namespace {

constexpr std::int64_t entity_unit = std::int64_t{1} << 47;

/// An FTS5 table for all entities: the rowid is the entity's number and the record's.
class SqliteSearch final : public SearchStore {
 public:
  void prepare(Session& session) const override {
    session.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS search_text USING fts5(words, detail=none, columnsize=0, "
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")");
  }

  std::map<std::int64_t, std::string> kept(Session& session, std::int64_t entity, std::span<const std::int64_t> records) const override {
    std::map<std::int64_t, std::string> out;
    for (const std::int64_t record : records) {
      Query query(session, "SELECT words FROM search_text WHERE rowid = ?", entity * entity_unit + record);
      if (query.next()) out.emplace(record, query.text(0));
    }
    return out;
  }

  std::vector<std::int64_t> records(Session& session, std::int64_t entity, std::int64_t after, std::int64_t until, std::int64_t limit) const override {
    const std::int64_t base = entity * entity_unit;
    std::vector<std::int64_t> out;
    Query query(session, "SELECT rowid FROM search_text WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?", base + after, base + std::min(until, entity_unit - 1), limit);
    while (query.next()) out.push_back(query.integer(0) - base);
    return out;
  }

  std::int64_t put(Session& session, std::int64_t entity, std::span<const SearchDocument> documents,
                   const std::map<std::int64_t, std::string>& kept) const override {
    std::int64_t changed = 0;
    for (const SearchDocument& document : documents) {
      const auto before = kept.find(document.record);
      if (before != kept.end() ? before->second == document.words : document.words.empty()) continue;
      ++changed;
      const std::int64_t row = entity * entity_unit + document.record;
      if (before != kept.end()) run_sql(session, "DELETE FROM search_text WHERE rowid = ?", row);
      if (!document.words.empty()) run_sql(session, "INSERT INTO search_text (rowid, words) VALUES (?, ?)", row, document.words);
    }
    return changed;
  }

  SearchSelect select(Session* session, std::int64_t entity, std::vector<SearchTerm> terms) const override {
    const std::int64_t base = entity * entity_unit;
    SearchSelect select;
    // FTS5 gathers all that begins so before it shows the first: where the other words are rare, or the beginning is frequent, it is
    // looked for in what the others find.
    std::vector<SearchTerm> whole, begun;
    for (const SearchTerm& term : terms) (term.prefix ? begun : whole).push_back(term);
    if (session != nullptr && !whole.empty() && !begun.empty()) {
      std::vector<SearchTerm> same = begun;
      for (SearchTerm& term : same) term.prefix = false;
      if (!frequent(*session, base, whole) || frequent(*session, base, same)) terms = whole;
      else begun.clear();
    } else {
      begun.clear();
    }
    const std::string match = match_of(terms);
    select.from = "search_text s";
    select.record = "(s.rowid - " + std::to_string(base) + ")";
    select.where = "s.search_text MATCH ? AND s.rowid >= ? AND s.rowid < ?";
    select.parameters = {expr::Value(match), expr::Value(base), expr::Value(base + entity_unit)};
    for (const SearchTerm& term : begun) {
      select.where += " AND (' ' || s.words) LIKE ?";
      select.parameters.emplace_back("% " + term.text + "%");
    }
    select.order = "s.rowid";
    select.base = base;
    return select;
  }

 private:
  static std::string match_of(const std::vector<SearchTerm>& terms) {
    std::string match;
    for (const SearchTerm& term : terms) match += (match.empty() ? "\"" : " AND \"") + term.text + (term.prefix ? "\" *" : "\"");
    return match;
  }

  static bool frequent(Session& session, std::int64_t base, const std::vector<SearchTerm>& terms) {
    constexpr std::int64_t many = 2000;
    const std::string match = match_of(terms);
    Query count(session, "SELECT COUNT(*) FROM (SELECT 1 FROM search_text s WHERE s.search_text MATCH ? AND s.rowid >= ? AND s.rowid < ? LIMIT ?)", match, base, base + entity_unit, many);
    return count.next() && count.integer(0) == many;
  }
};

}  // namespace

std::unique_ptr<SearchStore> sqlite_search_store() {
  return std::make_unique<SqliteSearch>();
}

}  // namespace caravan::storage

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
    // Beginnings of up to five characters have lists of their own (one of four is gathered from those of five): of any other one FTS5
    // gathers all words that begin so before it shows the first.
    const std::string options = "words, detail=none, columnsize=0, prefix='1 2 3 5', tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\"";
    {
      Query there(session, "SELECT sql FROM sqlite_schema WHERE name = 'search_text'");
      if (there.next() && there.text(0).find(options) != std::string::npos) return;
    }
    session.execute("DROP TABLE IF EXISTS search_text");
    session.execute("CREATE VIRTUAL TABLE search_text USING fts5(" + options + ")");
    // Whatever was in a table of another kind is built anew.
    Query states(session, "SELECT 1 FROM sqlite_schema WHERE name = 'search_state'");
    if (states.next()) run_sql(session, "UPDATE search_state SET definition = '', complete = 0, built_to = 0");
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

  std::set<std::int64_t> holding(Session& session, const std::set<std::int64_t>& entities, const std::vector<SearchTerm>& terms, const std::string& whole) const override {
    std::string match = "(" + match_of(terms) + ")";
    if (!whole.empty()) match += " OR \"" + whole + "\"";
    std::set<std::int64_t> out;
    // From entity to entity, the one with the highest number first.
    for (auto at = entities.rbegin(); at != entities.rend();) {
      std::int64_t found = 0;
      {
        Query query(session, "SELECT s.rowid FROM search_text s WHERE s.search_text MATCH ? AND s.rowid < ? ORDER BY s.rowid DESC LIMIT 1", match, (*at + 1) * entity_unit);
        if (!query.next()) break;
        found = query.integer(0) / entity_unit;
      }
      while (at != entities.rend() && *at > found) ++at;
      if (at != entities.rend() && *at == found) out.insert(*at++);
    }
    return out;
  }

  SearchSelect select(Session*, std::int64_t entity, std::vector<SearchTerm> terms, bool narrowed, bool) const override {
    const std::int64_t base = entity * entity_unit;
    SearchSelect select;
    select.from = "search_text s";
    select.record = "(s.rowid - " + std::to_string(base) + ")";
    select.order = "s.rowid";
    select.base = base;
    if (narrowed) {
      select.where = among_words("s", terms, select.parameters);
      return select;
    }
    select.where = "s.search_text MATCH ? AND s.rowid >= ? AND s.rowid < ?";
    select.parameters = {expr::Value(match_of(terms)), expr::Value(base), expr::Value(base + entity_unit)};
    return select;
  }

  SearchCondition holds(std::int64_t entity, const std::vector<SearchTerm>& terms, const std::string& record) const override {
    SearchCondition condition;
    condition.sql = "(SELECT " + among_words("d", terms, condition.parameters) + " FROM search_text d WHERE d.rowid = " + std::to_string(entity * entity_unit) + " + " + record + ")";
    return condition;
  }

 private:
  /// That a record's words, which are looked into, have all terms.
  static std::string among_words(const std::string& table, const std::vector<SearchTerm>& terms, std::vector<expr::Value>& parameters) {
    std::string sql;
    for (const SearchTerm& term : terms) {
      sql += (sql.empty() ? "(' ' || " : " AND (' ' || ") + table + ".words || ' ') LIKE ?";
      parameters.emplace_back("% " + term.text + (term.prefix ? "%" : " %"));
    }
    return sql;
  }

  static std::string match_of(const std::vector<SearchTerm>& terms) {
    std::string match;
    for (const SearchTerm& term : terms) match += (match.empty() ? "\"" : " AND \"") + term.text + (term.prefix ? "\" *" : "\"");
    return match;
  }
};

}  // namespace

std::unique_ptr<SearchStore> sqlite_search_store() {
  return std::make_unique<SqliteSearch>();
}

}  // namespace caravan::storage

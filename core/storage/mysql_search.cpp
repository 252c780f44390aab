#include <algorithm>
#include <forward_list>
#include <numeric>
#include <utility>

#include "base/words.h"
#include "storage/query.h"
#include "storage/search_store.h"

namespace caravan::storage {
namespace {

constexpr std::int64_t most_counted = 2000;
constexpr std::int64_t many_counted = 100'000;  ///< where several words are frequent and all their records are gone through
constexpr std::size_t many_rows = 500;  ///< of one insert

/// Words that begin with `prefix` are from it up to this one.
std::string beyond(const std::string& prefix) {
  return prefix + "\xF4\x8F\xBF\xBF";
}

/// An inverted table (entity, term, record) in its primary key's order, beside it each record's words: InnoDB's own full-text
/// index reads every record that has a word before it shows the first.
class MysqlSearch final : public SearchStore {
 public:
  void prepare(Session&) const override {}

  std::map<std::int64_t, std::string> kept(Session& session, std::int64_t entity, std::span<const std::int64_t> records) const override {
    std::map<std::int64_t, std::string> out;
    in_parts(records.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
      Query query(session, "SELECT record, words FROM search_document WHERE entity = ? AND record IN (" + repeated("?", ", ", places) + ") FOR UPDATE", entity);
      for (std::size_t i = 0; i < places; ++i) query.add(records[begin + std::min(i, count - 1)]);
      while (query.next()) out.emplace(query.integer(0), trimmed(query.text(1)));
    });
    return out;
  }

  std::vector<std::int64_t> records(Session& session, std::int64_t entity, std::int64_t after, std::int64_t until, std::int64_t limit) const override {
    std::vector<std::int64_t> out;
    Query query(session, "SELECT record FROM search_document WHERE entity = ? AND record > ? AND record <= ? ORDER BY record LIMIT ?", entity, after, until, limit);
    while (query.next()) out.push_back(query.integer(0));
    return out;
  }

  std::int64_t put(Session& session, std::int64_t entity, std::span<const SearchDocument> documents,
                   const std::map<std::int64_t, std::string>& kept) const override {
    using Posting = std::pair<std::string_view, std::int64_t>;
    std::vector<Posting> added, gone;
    std::vector<std::string> texts;  // with a blank at either end, so that a whole word is `% word %`
    std::vector<const SearchDocument*> changed;
    std::vector<std::int64_t> removed;
    for (const SearchDocument& document : documents) {
      const auto found = kept.find(document.record);
      const std::string_view before = found != kept.end() ? std::string_view(found->second) : std::string_view();
      if (before == document.words) continue;
      const auto old_words = split_words(before), new_words = split_words(document.words);
      // Both are sorted.
      for (const auto word : new_words) {
        if (!std::binary_search(old_words.begin(), old_words.end(), word)) added.emplace_back(word, document.record);
      }
      for (const auto word : old_words) {
        if (!std::binary_search(new_words.begin(), new_words.end(), word)) gone.emplace_back(word, document.record);
      }
      if (document.words.empty()) removed.push_back(document.record);
      else changed.push_back(&document);
    }
    // In the index's order: neighbours share pages, and two writers do not wait for each other in a circle.
    std::sort(added.begin(), added.end());
    std::sort(gone.begin(), gone.end());
    for (const auto& [word, record] : gone) run_sql(session, "DELETE FROM search_term WHERE entity = ? AND term = ? AND record = ?", entity, word, record);
    const auto insert = [&](std::size_t begin, std::size_t count, std::size_t places) {
      Query query(session, "INSERT IGNORE INTO search_term (entity, term, record) VALUES " + repeated("(?, ?, ?)", ", ", places));
      for (std::size_t i = 0; i < places; ++i) {
        const Posting& posting = added[begin + std::min(i, count - 1)];
        query.add(entity);
        query.add(posting.first);
        query.add(posting.second);
      }
      query.next();
    };
    // A large batch in large statements, what is left in small ones.
    std::size_t done = 0;
    for (; added.size() - done >= many_rows; done += many_rows) insert(done, many_rows, many_rows);
    in_parts(added.size() - done, [&](std::size_t begin, std::size_t count, std::size_t places) { insert(done + begin, count, places); });
    for (const std::int64_t record : removed) run_sql(session, "DELETE FROM search_document WHERE entity = ? AND record = ?", entity, record);
    in_parts(changed.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
      texts.clear();
      for (std::size_t i = 0; i < count; ++i) texts.push_back(" " + changed[begin + i]->words + " ");
      Query query(session, "REPLACE INTO search_document (entity, record, words) VALUES " + repeated("(?, ?, ?)", ", ", places));
      for (std::size_t i = 0; i < places; ++i) {
        const std::size_t at = std::min(i, count - 1);
        query.add(entity);
        query.add(changed[begin + at]->record);
        query.add(texts[at]);
      }
      query.next();
    });
    return static_cast<std::int64_t>(changed.size() + removed.size());
  }

  std::set<std::int64_t> holding(Session& session, const std::set<std::int64_t>& entities, const std::vector<SearchTerm>& terms, const std::string& whole) const override {
    std::string sql = "SELECT (1 = 1";
    for (const SearchTerm& term : terms) sql += " AND EXISTS (SELECT 1 FROM search_term WHERE " + held(term) + ")";
    sql += ")";
    const SearchTerm alone{whole, false};
    if (!whole.empty()) sql += " OR EXISTS (SELECT 1 FROM search_term WHERE " + held(alone) + ")";
    std::set<std::int64_t> out;
    for (const std::int64_t entity : entities) {
      std::forward_list<std::string> ends;
      Query query(session, sql);
      for (const SearchTerm& term : terms) add_held(query, entity, term, ends);
      if (!whole.empty()) add_held(query, entity, alone, ends);
      if (query.next() && query.integer(0) != 0) out.insert(entity);
    }
    return out;
  }

  SearchSelect select(Session* session, std::int64_t entity, std::vector<SearchTerm> terms, bool narrowed, bool all) const override {
    // The rarest word leads; the others are looked for at its records. A frequent beginning leads only where there is no word, or the order does not matter.
    std::vector<std::int64_t> found(terms.size(), -1);
    const bool counted = terms.size() > 1 || (session && terms.front().prefix);
    for (std::size_t i = 0; i < terms.size() && counted; ++i) {
      // Longer words are rarer, mostly.
      found[i] = session ? count(*session, entity, terms[i], most_counted) : most_counted - static_cast<std::int64_t>(std::min<std::size_t>(terms[i].text.size(), 100));
      if (terms[i].prefix && (!session || found[i] >= most_counted)) found[i] = many_counted + 1;
    }
    std::vector<std::size_t> order(terms.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto rarest_first = [&] { std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return found[a] < found[b]; }); };
    rarest_first();
    if (all && session && terms.size() > 1 && found[order[0]] == most_counted) {
      for (std::size_t i = 0; i < terms.size(); ++i) found[i] = count(*session, entity, terms[i], many_counted);
      // A record may have several words that begin so, and its other words are then looked for here and there.
      for (std::size_t i = 0; i < terms.size(); ++i) found[i] *= terms[i].prefix ? 2 : 1;
      rarest_first();
    }
    const std::int64_t fewest = found[order[0]];
    SearchSelect select;
    select.record = "s.record";
    select.order = "s.record";
    const SearchTerm& first = terms[order[0]];
    if (first.prefix && narrowed && fewest > most_counted) {
      // Of the many that begin so few may be let through: the database goes by the condition's own index, or from the newest on.
      select.from = "search_document s";
      select.where = "s.entity = ?";
      select.parameters.emplace_back(entity);
      for (const SearchTerm& term : terms) select.where += " AND " + among_words("s", term, select.parameters);
      return select;
    }
    select.parameters = {expr::Value(entity), expr::Value(first.text)};
    if (first.prefix) select.parameters.emplace_back(beyond(first.text));
    select.from = "search_term s";
    select.where = held(first, "s.");
    // A record may have several words that begin so: of few they are sorted out.
    select.distinct = first.prefix && fewest >= 0 && fewest < most_counted;
    if (first.prefix && !select.distinct) select.order.clear();
    // One value each: what EXISTS says, the database may turn round and begin with.
    for (std::size_t i = 1; i < order.size(); ++i) {
      const SearchTerm& term = terms[order[i]];
      if (term.prefix) {
        select.where += " AND (SELECT " + among_words("d", term, select.parameters) + " FROM search_document d WHERE d.entity = s.entity AND d.record = s.record)";
      } else {
        select.where += " AND (SELECT 1 FROM search_term t WHERE t.entity = s.entity AND t.term = ? AND t.record = s.record)";
        select.parameters.emplace_back(term.text);
      }
    }
    return select;
  }

  SearchCondition holds(std::int64_t entity, const std::vector<SearchTerm>& terms, const std::string& record) const override {
    SearchCondition condition;
    condition.sql = "(SELECT ";
    for (const SearchTerm& term : terms) {
      if (!condition.parameters.empty()) condition.sql += " AND ";
      condition.sql += among_words("d", term, condition.parameters);
    }
    condition.sql += " FROM search_document d WHERE d.entity = ? AND d.record = " + record + ")";
    condition.parameters.emplace_back(entity);
    return condition;
  }

 private:
  static std::string trimmed(std::string words) {
    if (words.starts_with(' ')) words.erase(0, 1);
    if (words.ends_with(' ')) words.pop_back();
    return words;
  }

  /// That a record's words have the term.
  static std::string among_words(const std::string& table, const SearchTerm& term, std::vector<expr::Value>& parameters) {
    parameters.emplace_back("% " + term.text + (term.prefix ? "%" : " %"));
    return table + ".words LIKE ?";
  }

  static std::string held(const SearchTerm& term, const std::string& table = {}) {
    const std::string of = table + "entity = ? AND " + table + "term ";
    return term.prefix ? of + ">= ? AND " + table + "term < ?" : of + "= ?";
  }

  /// `ends`: texts that stay as long as the query.
  static void add_held(Query& query, std::int64_t entity, const SearchTerm& term, std::forward_list<std::string>& ends) {
    query.add(entity);
    query.add(term.text);
    if (term.prefix) query.add(ends.emplace_front(beyond(term.text)));
  }

  static std::int64_t count(Session& session, std::int64_t entity, const SearchTerm& term, std::int64_t most) {
    std::forward_list<std::string> ends;
    Query query(session, "SELECT COUNT(*) FROM (SELECT 1 FROM search_term WHERE " + held(term) + " LIMIT ?) t");
    add_held(query, entity, term, ends);
    query.add(most);
    return query.next() ? query.integer(0) : 0;
  }
};

}  // namespace

std::unique_ptr<SearchStore> mysql_search_store() {
  return std::make_unique<MysqlSearch>();
}

std::unique_ptr<SearchStore> SearchStore::open(Dialect dialect) {
  return dialect == Dialect::mysql ? mysql_search_store() : sqlite_search_store();
}

}  // namespace caravan::storage

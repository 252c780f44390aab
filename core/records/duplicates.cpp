#include "records/duplicates.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "base/decimal.h"
#include "base/error.h"
#include "jobs/schedule.h"
#include "records/by_ids.h"
#include "records/draft.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/query.h"
#include "records/seal.h"
#include "records/search.h"
#include "records/value_text.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::MatchRule;

constexpr std::size_t most_sharing = 200;   ///< records with a key in common; of more, the key says nothing
constexpr std::int64_t rows_at_once = 1000;
constexpr std::size_t most_candidates = 300;

/// As the rules compare it; money of another currency is another value.
std::string text_of(const expr::Value& value) {
  std::string text = cell_text(value).value_or("");
  const auto* money = value.as<Decimal>();
  return money != nullptr && money->has_currency() ? text + " " + std::string(money->currency_code()) : text;
}

/// A rule that asks for equality, as one that weighs.
MatchRule weighing(const model::DuplicateRule& rule) {
  MatchRule out;
  out.name = rule.name;
  model::MatchKey key;
  for (const Field* field : rule.fields) {
    out.inputs.push_back({field->name, field, model::Comparator::exact});
    model::MatchCompare compare;
    compare.name = field->name;
    compare.inputs = {out.inputs.size() - 1};
    compare.agree = 1;
    compare.disagree = -1000;
    out.compares.push_back(std::move(compare));
    model::MatchKeyPart part;
    part.input = out.inputs.size() - 1;
    key.parts.push_back(part);
  }
  out.keys.push_back(std::move(key));
  out.threshold = static_cast<double>(rule.fields.size());
  return out;
}

}  // namespace

bool weighs(const Entity& entity) {
  return std::any_of(entity.duplicates.begin(), entity.duplicates.end(), [](const model::DuplicateRule& rule) { return rule.match != nullptr; });
}

MatchSubject subject_of(const Matcher& matcher, const EntityPlan& plan, const Record& record, const FieldRights* rights) {
  std::vector<std::string> texts;
  for (const model::MatchInput& input : matcher.rule().inputs) {
    const Field& field = *input.field;
    std::string& text = texts.emplace_back(rights != nullptr && !rights->readable(field) ? std::string() : text_of(record[field.slot]));
    if (!field.sensitive || text.empty()) continue;
    // What becomes words of the index and numbers in memory must not be found by trying all passports. Another hash than that of the row.
    text = compared_whole(text);
    if (!text.empty()) text = plan.keys == nullptr ? std::string() : plan.keys->hash(plan.entity->full_name, field.name + " alike", text);
  }
  const std::vector<std::string_view> values(texts.begin(), texts.end());
  return matcher.prepare(values);
}

std::vector<std::string> match_words(const MatchRule& rule, const std::vector<std::uint64_t>& keys) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == 0) continue;
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(keys[i]));
    // A private character, which no text's word has.
    words.push_back("\xEE\x80\x81" + rule.name.substr(0, 30) + "\xEE\x80\x81" + digits);
    std::erase_if(words.back(), [](char c) { return c == '_'; });  // which is no letter to every index
  }
  return words;
}

void add_match_words(std::set<std::string, std::less<>>& words, const EntityPlan& plan, const Record& record) {
  for (const model::DuplicateRule& rule : record.entity().duplicates) {
    if (!rule.match) continue;
    const Matcher matcher(*rule.match);
    for (std::string& word : match_words(*rule.match, matcher.keys(subject_of(matcher, plan, record, nullptr)))) words.insert(std::move(word));
  }
}

Duplicate TransactionWork::alike(const Record& record, const model::DuplicateRule& rule, const FieldRights& rights, const ReadRule& read) {
  Duplicate duplicate;
  duplicate.rule = &rule;
  const SearchIndex* index = plans_->search();
  const auto state = index ? index->of(record.entity().full_name) : std::nullopt;
  if (!state) return duplicate;
  const Matcher matcher(*rule.match);
  const EntityPlan& plan = plans_->of(record.entity());
  const MatchSubject subject = subject_of(matcher, plan, record, &rights);
  std::set<std::int64_t> ids;
  for (const std::string& word : match_words(*rule.match, matcher.keys(subject))) {
    const storage::SearchSelect select = index->store().select(&session_, state->number, {{word, false}});
    storage::Statement& statement = session_.prepare("SELECT " + select.record + " FROM " + select.from + " WHERE " + select.where + " ORDER BY " + select.order + " DESC LIMIT " +
                                                     std::to_string(most_candidates));
    bind_parameters(statement, select.parameters);
    while (statement.step()) ids.insert(statement.integer(0));
    statement.reset();
  }
  ids.erase(record.id());
  std::vector<std::pair<double, Record>> found;
  const std::vector<std::int64_t> all(ids.begin(), ids.end());
  std::string conditions;
  std::vector<expr::Value> parameters;
  if (rule.where) {
    const UserActivation activation(context_);
    expr::SqlCondition condition = expr::to_sql(*rule.where, sql_dialect(plans_->dialect()), "r", activation.get());
    if (condition.refused) return duplicate;
    conditions = " AND (" + condition.sql + ")";
    parameters = std::move(condition.parameters);
  }
  if (read.kind == ReadRule::Kind::condition) {
    conditions += " AND (" + read.sql + ")";
    parameters.insert(parameters.end(), read.parameters.begin(), read.parameters.end());
  }
  each_record(session_, plan, all, [&](Record other) {
    const double score = matcher.score(subject, subject_of(matcher, plan, other, &rights));
    if (score >= rule.match->threshold) found.emplace_back(score, std::move(other));
  }, conditions, parameters);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second.id() > b.second.id(); });
  duplicate.more = found.size() > most_duplicates;
  for (std::size_t i = 0; i < std::min(found.size(), most_duplicates); ++i) {
    duplicate.items.push_back(std::move(found[i].second));
    redact(rights, duplicate.items.back());
  }
  return duplicate;
}

DuplicatePage Duplicates::list(const Context& context, const Entity& entity, bool dismissed, const std::string& after, std::uint32_t limit) const {
  if (limit < 1 || limit > 200) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 200.");
  if (!service_.may(context, entity, model::Operation::update)) throw Error(ErrorCode::forbidden, message("forbidden_update", context.locale, {entity.label.in(context.locale)}));
  std::int64_t score = INT64_MAX, first = 0, second = 0;
  if (!after.empty()) {
    const auto text = from_base64url(after);
    long long a = 0, b = 0, c = 0;
    if (!text || std::sscanf(text->c_str(), "%lld/%lld/%lld", &a, &b, &c) != 3) throw Error(ErrorCode::invalid_argument, "after: the `next` of the page before.");
    score = a;
    first = b;
    second = c;
  }
  const FieldRights rights = field_rights(context, entity);
  DuplicatePage page;
  constexpr int most_rounds = 20;
  for (int round = 0; round < most_rounds; ++round) {
    struct Row {
      std::int64_t first, second, score;
      std::string rule;
      Timestamp found_at;
    };
    std::vector<Row> rows;
    {
      auto session = service_.database().read();
      storage::Query query(*session,
                           "SELECT first_id, second_id, score, rule, found_at FROM duplicate_pair WHERE entity = ? AND state = ? AND "
                           "(score < ? OR (score = ? AND (first_id > ? OR (first_id = ? AND second_id > ?)))) ORDER BY score DESC, first_id, second_id LIMIT 200",
                           entity.full_name, dismissed ? "dismissed" : "open", score, score, first, first, second);
      while (query.next()) rows.push_back({query.integer(0), query.integer(1), query.integer(2), query.text(3), query.instant(4).value_or(Timestamp{})});
    }
    std::set<std::int64_t> ids;
    for (const Row& row : rows) ids.insert({row.first, row.second});
    std::map<std::int64_t, Record> records;
    const std::vector<std::int64_t> all(ids.begin(), ids.end());
    for (Record& record : service_.get_many(context, entity, all)) {
      const std::int64_t id = record.id();
      records.emplace(id, std::move(record));
    }
    for (const Row& row : rows) {
      const auto a = records.find(row.first), b = records.find(row.second);
      const auto rule = std::find_if(entity.duplicates.begin(), entity.duplicates.end(), [&](const model::DuplicateRule& one) { return one.name == row.rule; });
      // That two have something in common would tell of a field that the actor may not read.
      const bool told = a != records.end() && b != records.end() && rule != entity.duplicates.end() &&
                        (rule->match ? std::all_of(rule->match->inputs.begin(), rule->match->inputs.end(), [&](const model::MatchInput& one) { return rights.readable(*one.field); })
                                     : std::all_of(rule->fields.begin(), rule->fields.end(), [&](const Field* one) { return rights.readable(*one); }));
      if (told && page.items.size() == limit) {
        page.next = to_base64url(std::to_string(score) + "/" + std::to_string(first) + "/" + std::to_string(second));
        return page;
      }
      score = row.score;
      first = row.first;
      second = row.second;
      if (told) page.items.push_back({a->second, b->second, row.rule, static_cast<double>(row.score) / 100, dismissed, row.found_at});
    }
    if (rows.size() < 200) return page;
  }
  page.next = to_base64url(std::to_string(score) + "/" + std::to_string(first) + "/" + std::to_string(second));
  return page;
}

void Duplicates::decide(const Context& context, const Entity& entity, std::int64_t first, std::int64_t second, bool dismissed) const {
  for (const std::int64_t id : {first, second}) {
    if (!service_.rights(context, service_.get(context, entity, id)).update)
      throw Error(ErrorCode::forbidden, message("forbidden_update", context.locale, {entity.label.in(context.locale)}));
  }
  std::int64_t changed = 0;
  service_.database().transact([&](storage::Session& session) {
    storage::Query update(session, "UPDATE duplicate_pair SET state = ?, decided_at = ?, decided_by = ? WHERE first_id = ? AND second_id = ? AND entity = ?");
    update.add(dismissed ? "dismissed" : "open");
    update.add(context.now);
    update.add_or_null(context.actor.user_id);
    update.add(std::min(first, second));
    update.add(std::max(first, second));
    update.add(entity.full_name);
    update.next();
    changed = update.affected();
  });
  if (changed == 0) throw Error(ErrorCode::not_found, message("no_duplicate", context.locale));
}

bool Duplicates::start(const Context& context, const Entity& entity) const {
  bool added = false;
  service_.transact(context, [&](Work& work) {
    jobs::NewJob job;
    job.queue = duplicates_queue;
    job.kind = duplicates_kind;
    job.priority = 250;
    job.payload = "{\"entity\":";
    write_json_string(job.payload, entity.full_name);
    job.payload += "}";
    job.unique_key = std::string(duplicates_kind) + "/" + entity.full_name;
    job.actor_id = context.actor.user_id;
    added = work.enqueue(job);
  });
  return added;
}

void Duplicates::run(jobs::Attempt& attempt, const std::shared_ptr<const model::Catalog>& catalog, Timestamp now) const {
  const Json payload = parse_json(attempt.job().payload);
  const Json* named = payload.find("entity");
  const auto* name = named ? named->as<std::string>() : nullptr;
  const Entity* entity = name ? catalog->entity(*name) : nullptr;
  if (entity == nullptr) return;
  Context context;
  context.actor.system = true;
  context.catalog = catalog;
  context.now = now;
  const auto plans = Search::plans(service_, context);
  const EntityPlan& plan = plans->of(*entity);
  for (const model::DuplicateRule& rule : entity->duplicates) {
    const MatchRule own = rule.match ? MatchRule() : weighing(rule);
    const Matcher matcher(rule.match ? *rule.match : own);
    std::string where;
    std::vector<expr::Value> parameters;
    if (rule.where) {
      const UserActivation activation(context);
      expr::SqlCondition condition = expr::to_sql(*rule.where, sql_dialect(plans->dialect()), "r", activation.get());
      if (condition.refused) continue;
      where = " AND (" + condition.sql + ")";
      parameters = std::move(condition.parameters);
    }
    // Each key's owners: 16 bytes a record and key, so that a million records take little memory.
    const std::size_t passes = matcher.rule().keys.size();
    std::vector<std::vector<std::pair<std::uint64_t, std::int64_t>>> owners(passes);
    std::int64_t after = 0, seen = 0;
    for (bool more = true; more;) {
      if (attempt.stopping()) {
        attempt.postpone(0);
        return;
      }
      auto session = service_.database().read();
      storage::Statement& statement =
          session->prepare("SELECT " + plan.select_list + plan.from + " WHERE r." + plan.id_column + " > ?" + where + " ORDER BY r." + plan.id_column + " LIMIT ?");
      statement.bind(1, after);
      statement.bind(bind_parameters(statement, parameters, 2), rows_at_once);
      std::int64_t rows = 0;
      while (statement.step()) {
        const Record record = read_row(plan, statement, true);
        after = record.id();
        ++rows;
        const auto keys = matcher.keys(subject_of(matcher, plan, record, nullptr));
        for (std::size_t i = 0; i < passes; ++i) {
          if (keys[i] != 0) owners[i].emplace_back(keys[i], after);
        }
      }
      statement.reset();
      more = rows == rows_at_once;
      attempt.progress(seen += rows, 0, rule.name);
    }
    const auto crowded = [&](std::size_t pass, std::uint64_t hash) {
      const auto range = std::equal_range(owners[pass].begin(), owners[pass].end(), std::pair(hash, std::int64_t{0}), [](const auto& a, const auto& b) { return a.first < b.first; });
      return range.second - range.first > static_cast<std::ptrdiff_t>(most_sharing);
    };
    for (auto& list : owners) std::sort(list.begin(), list.end());
    struct Known {
      MatchSubject subject;
      std::vector<std::uint64_t> keys;
    };
    const auto fetch = [&](const std::vector<std::int64_t>& ids) {
      std::map<std::int64_t, Known> out;
      auto session = service_.database().read();
      each_record(*session, plan, ids, [&](const Record& record) {
        Known known{subject_of(matcher, plan, record, nullptr), {}};
        known.keys = matcher.keys(known.subject);
        out.insert_or_assign(record.id(), std::move(known));
      });
      return out;
    };
    std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> found;
    const auto write = [&] {
      if (found.empty()) return;
      service_.database().transact([&](storage::Session& session) {
        for (const auto& [first, second, score] : found) {
          // What was dismissed stays so.
          if (storage::run_sql(session, "UPDATE duplicate_pair SET score = ?, rule = ?, found_at = ? WHERE first_id = ? AND second_id = ?", score, rule.name, now, first, second) > 0) continue;
          storage::run_sql(session, "INSERT INTO duplicate_pair (first_id, second_id, entity, rule, score, state, found_at) VALUES (?, ?, ?, ?, ?, 'open', ?)", first, second, entity->full_name,
                           rule.name, score, now);
        }
      });
      found.clear();
    };
    for (std::size_t pass = 0; pass < passes; ++pass) {
      const auto& list = owners[pass];
      for (std::size_t from = 0, to = 0; from < list.size(); from = to) {
        while (to < list.size() && list[to].first == list[from].first) ++to;
        if (to - from < 2 || to - from > most_sharing) continue;
        if (attempt.stopping()) {
          attempt.postpone(0);
          return;
        }
        std::vector<std::int64_t> ids;
        for (std::size_t i = from; i < to; ++i) ids.push_back(list[i].second);
        const auto known = fetch(ids);
        for (auto a = known.begin(); a != known.end(); ++a) {
          for (auto b = std::next(a); b != known.end(); ++b) {
            bool earlier = false;
            for (std::size_t k = 0; k < pass && !earlier; ++k) {
              const std::uint64_t key = a->second.keys[k];
              earlier = key != 0 && key == b->second.keys[k] && !crowded(k, key);
            }
            if (earlier) continue;
            const double score = matcher.score(a->second.subject, b->second.subject);
            if (score >= matcher.rule().threshold) found.emplace_back(a->first, b->first, std::llround(score * 100));
          }
        }
        if (found.size() >= 200) write();
        attempt.progress(seen, 0, rule.name);
      }
    }
    write();
    // What is not found any more is no question any more.
    jobs::in_small_transactions(service_.database(), attempt, [&](storage::Session& session) {
      return storage::run_sql(session, "DELETE FROM duplicate_pair WHERE entity = ? AND rule = ? AND state = 'open' AND found_at < ?" + std::string(session.dialect() == storage::Dialect::mysql ? " LIMIT 500" : ""),
                              entity->full_name, rule.name, now);
    });
  }
}

}  // namespace caravan::records

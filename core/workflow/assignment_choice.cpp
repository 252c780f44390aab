#include "workflow/assignment_choice.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "records/access.h"
#include "records/json.h"
#include "records/turns.h"
#include "storage/query.h"
#include "workflow/working_time.h"

namespace caravan::workflow {

using model::Assignment;
using records::Context;
using records::Record;

void spread_roles(Record& user) {
  const std::uint32_t slot = user.entity().field("roles")->slot;
  const auto* text = user[slot].as<std::string>();
  if (text == nullptr) return;
  expr::List names;
  try {
    const records::Json json = records::parse_json(*text);
    if (const auto* list = json.as<records::Json::Array>()) {
      for (const records::Json& one : *list) {
        if (const auto* name = one.as<std::string>()) names.emplace_back(*name);
      }
    }
  } catch (const Error&) {  // a list that was written past the gate gives no role
  }
  user.set(slot, expr::Value(std::move(names)));
}

Presence presence_of(records::Work& work) {
  Presence out{records::active_user_records(work), {}};
  for (Record& user : out.users) spread_roles(user);
  const model::Entity* absences = work.context().catalog->entity("core.absence");
  if (absences == nullptr) return out;
  const storage::Dialect dialect = work.session().dialect();
  const auto column = [&](const char* name) { return storage::quote(dialect, absences->field(name)->column); };
  storage::Query query(work.session(),
                       "SELECT " + column("user") + " FROM " + storage::quote(dialect, absences->table_name) + " WHERE (" + column("to") + " > ? OR " + column("to") +
                           " IS NULL) AND " + column("from") + " <= ?",
                       work.context().now, work.context().now);
  while (query.next()) out.absent.insert(query.integer(0));
  return out;
}

bool holds_one(const model::Catalog& catalog, const Record& user, const std::vector<std::string>& roles) {
  if (roles.empty()) return true;
  const auto wanted = [&](const model::Role& role) { return std::find(roles.begin(), roles.end(), role.name) != roles.end(); };
  if (std::any_of(catalog.everyone.begin(), catalog.everyone.end(), [&](const model::Role* role) { return wanted(*role); })) return true;
  const expr::List* held = user[user.entity().field("roles")->slot].as_list();
  if (held == nullptr) return false;
  return std::any_of(held->begin(), held->end(), [&](const expr::Value& one) {
    const auto* name = one.as<std::string>();
    const model::Role* role = name ? catalog.role(*name) : nullptr;
    return role != nullptr && std::any_of(role->all.begin(), role->all.end(), [&](const model::Role* each) { return wanted(*each); });
  });
}

bool works_at(const model::WorkingHours& calendar, Timestamp at) {
  return working_between(&calendar, at, Timestamp{at.micros + 1}) > 0;
}

expr::Evaluation evaluate_pair(const expr::Program& program, const Context& context, Record& record, const Record* candidate,
                               const std::shared_ptr<const records::Follow>& follow) {
  const auto borrowed = [](const expr::RecordView& view) {
    return std::shared_ptr<const expr::RecordView>(std::shared_ptr<const expr::RecordView>(), &view);
  };
  Record user;
  if (candidate != nullptr) {
    user = *candidate;
    user.set_follow(follow);
  }
  record.set_follow(follow);
  const expr::Value variables[2] = {expr::Value(borrowed(record)), candidate != nullptr ? expr::Value(borrowed(user)) : expr::Value()};
  expr::Activation activation{variables, 2, context.now, context.catalog->agency.time_zone};
  activation.calendar = context.catalog->agency.calendar;
  auto result = program.evaluate(activation);
  record.set_follow(nullptr);
  return result;
}

std::optional<double> number_of(const expr::Evaluation& result) {
  if (result.outcome != expr::Outcome::value) return std::nullopt;
  std::optional<double> out;
  if (const auto* whole = result.value.as<std::int64_t>()) out = static_cast<double>(*whole);
  else if (const auto* positive = result.value.as<std::uint64_t>()) out = static_cast<double>(*positive);
  else if (const auto* real = result.value.as<double>()) out = *real;
  else if (const auto* decimal = result.value.as<Decimal>()) out = static_cast<double>(decimal->unscaled) / std::pow(10.0, decimal->scale);
  return out && std::isfinite(*out) ? out : std::nullopt;
}

OpenCondition open_condition(const Assignment& rule, const Context& context, storage::Dialect dialect) {
  OpenCondition out;
  if (!rule.open) return out;
  const expr::Value variables[1];
  expr::Activation constants{variables, 1, context.now, context.catalog->agency.time_zone};
  constants.calendar = context.catalog->agency.calendar;
  constants.hash = context.catalog->keys.get();
  auto condition = expr::to_sql(*rule.open, dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite, "r", constants);
  if (condition.refused) throw Error(ErrorCode::internal, "What is open by assignment " + rule.name + " cannot be asked of the database: " + condition.refused->message);
  out.sql = " AND (" + condition.sql + ")";
  out.parameters = std::move(condition.parameters);
  return out;
}

std::map<std::int64_t, std::int64_t> loads_of(records::Work& work, const Assignment& rule, const std::vector<std::int64_t>& users) {
  std::map<std::int64_t, std::int64_t> out;
  storage::Session& session = work.session();
  const storage::Dialect dialect = session.dialect();
  const OpenCondition open = open_condition(rule, work.context(), dialect);
  const std::string column = "r." + storage::quote(dialect, rule.field->column);
  const std::string from = " FROM " + storage::quote(dialect, rule.entity->table_name) + " r WHERE " + column + " IN (";
  storage::in_parts(users.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    storage::Statement& statement =
        session.prepare("SELECT " + column + ", COUNT(*)" + from + storage::repeated("?", ", ", places) + ")" + open.sql + " GROUP BY " + column);
    int index = 0;
    for (std::size_t i = 0; i < places; ++i) statement.bind(++index, users[begin + std::min(i, count - 1)]);
    for (const auto& parameter : open.parameters) statement.bind(++index, parameter);
    while (statement.step()) out[statement.integer(0)] = statement.integer(1);
    statement.reset();
  });
  return out;
}

namespace {

std::string text_of(const expr::Value& value) {
  if (const auto* whole = value.as<std::int64_t>()) return std::to_string(*whole);
  if (const auto* positive = value.as<std::uint64_t>()) return std::to_string(*positive);
  if (const auto* decimal = value.as<Decimal>()) return format_decimal(*decimal);
  char buffer[40];
  const auto* real = value.as<double>();
  return real ? std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, *real).ptr) : std::string();
}

std::map<std::int64_t, std::int64_t> turns_of(storage::Session& session, const Assignment& rule) {
  std::map<std::int64_t, std::int64_t> out;
  storage::Query query(session, "SELECT user_id, turn FROM assignment_turn WHERE rule = ?", rule.name);
  while (query.next()) out[query.integer(0)] = query.integer(1);
  return out;
}

}  // namespace

Choice choose(records::Work& work, const Assignment& rule, Record& record, const Presence& presence,
              const std::shared_ptr<const records::Follow>& follow, bool fallback) {
  const Context& context = work.context();
  Choice out;
  std::vector<const Record*> users;
  std::vector<std::int64_t> able;
  for (const Record& user : presence.users) {
    if (!holds_one(*context.catalog, user, fallback ? rule.fallback_roles : rule.roles)) continue;
    Candidate one;
    one.id = user.id();
    const bool* available = user[user.entity().field("available")->slot].as<bool>();
    if (available != nullptr && !*available) one.fit = "away";
    else if (presence.absent.contains(one.id)) one.fit = "absent";
    else if (!fallback && rule.candidate && !evaluate_pair(*rule.candidate, context, record, &user, follow).is_true()) one.fit = "unsuitable";
    else able.push_back(one.id);
    out.candidates.push_back(std::move(one));
    users.push_back(&user);
  }
  if (able.empty()) return out;
  const bool loads = rule.strategy == Assignment::Strategy::load || rule.capacity > 0;
  auto load = loads ? loads_of(work, rule, able) : std::map<std::int64_t, std::int64_t>();
  auto turn = turns_of(work.session(), rule);
  const auto key = [&](const Candidate& one) {
    // Who has no score goes behind all that have one.
    return std::tuple(!one.score, one.score ? -*one.score : 0.0, rule.strategy == Assignment::Strategy::load ? one.load : 0, one.turn, one.id);
  };
  Candidate* best = nullptr;
  for (std::size_t i = 0; i < out.candidates.size(); ++i) {
    Candidate& one = out.candidates[i];
    if (!one.fit.empty()) continue;
    if (loads) one.load = load[one.id];
    if (!fallback && rule.capacity > 0 && one.load >= rule.capacity) {
      one.fit = "full";
      continue;
    }
    one.turn = turn[one.id];
    if (!fallback && rule.score) {
      const auto result = evaluate_pair(*rule.score, context, record, users[i], follow);
      one.score = number_of(result);
      if (one.score) one.score_text = text_of(result.value);
    }
    if (best == nullptr || key(one) < key(*best)) best = &one;
  }
  if (best == nullptr) return out;
  for (Candidate& one : out.candidates) {
    if (!one.fit.empty() || &one == best) continue;
    one.fit = one.score != best->score                                                          ? "score"
              : rule.strategy == Assignment::Strategy::load && one.load != best->load ? "load"
                                                                                                : "turn";
  }
  best->fit = "chosen";
  out.chosen = best;
  return out;
}

}  // namespace caravan::workflow

#include "workflow/approval_store.h"

#include <algorithm>
#include <cstdlib>

#include "records/json.h"
#include "storage/query.h"

namespace caravan::workflow {

using records::Json;

const char* const approval_columns =
    "a.id, a.entity, a.record_id, a.transition, a.state, a.asked_by, a.asked_for, a.asked_at, a.steps, a.step, a.step_at, a.input_fields, "
    "a.input_row, a.basis, a.comment, a.ended_at, a.ended_by, a.reason";

namespace {

void write_list(std::string& out, std::string_view name, const std::vector<std::string>& list) {
  out += ",\"" + std::string(name) + "\":[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out.push_back(',');
    records::write_json_string(out, list[i]);
  }
  out.push_back(']');
}

std::vector<std::string> texts_of(const std::vector<std::int64_t>& ids) {
  std::vector<std::string> out;
  for (const std::int64_t id : ids) out.push_back(std::to_string(id));
  return out;
}

std::string pack_steps(const std::vector<AskedStep>& steps) {
  std::string out = "[";
  for (const AskedStep& step : steps) {
    out += out.size() > 1 ? ",{\"name\":" : "{\"name\":";
    records::write_json_string(out, step.name);
    out += ",\"label\":{";
    bool first = true;
    for (const auto& [locale, text] : step.label.all()) {
      if (!first) out.push_back(',');
      first = false;
      records::write_json_string(out, locale);
      out.push_back(':');
      records::write_json_string(out, text);
    }
    out.push_back('}');
    write_list(out, "roles", step.roles);
    write_list(out, "users", texts_of(step.users));
    out += std::string(",\"all\":") + (step.all ? "true" : "false") + ",\"self\":" + (step.self ? "true" : "false") +
           ",\"remind\":" + std::to_string(step.remind_seconds) + "}";
  }
  return out + "]";
}

std::vector<std::string> texts(const Json* list) {
  std::vector<std::string> out;
  const auto* array = list != nullptr ? list->as<Json::Array>() : nullptr;
  for (const Json& one : array != nullptr ? *array : Json::Array()) {
    if (const auto* text = one.as<std::string>()) out.push_back(*text);
  }
  return out;
}

std::int64_t number(std::string_view text) { return std::strtoll(std::string(text).c_str(), nullptr, 10); }

bool flag(const Json& object, std::string_view name) {
  const Json* member = object.find(name);
  const bool* value = member != nullptr ? member->as<bool>() : nullptr;
  return value != nullptr && *value;
}

std::vector<AskedStep> unpack_steps(const std::string& text) {
  std::vector<AskedStep> out;
  const Json json = records::parse_json(text);
  const auto* array = json.as<Json::Array>();
  for (const Json& one : array != nullptr ? *array : Json::Array()) {
    AskedStep step;
    if (const Json* name = one.find("name"); name != nullptr && name->as<std::string>() != nullptr) step.name = *name->as<std::string>();
    const Json* label = one.find("label");
    const auto* labels = label != nullptr ? label->as<Json::Object>() : nullptr;
    for (const auto& [locale, value] : labels != nullptr ? *labels : Json::Object()) {
      if (const auto* said = value.as<std::string>()) step.label.set(locale, *said);
    }
    step.roles = texts(one.find("roles"));
    for (const std::string& id : texts(one.find("users"))) step.users.push_back(number(id));
    step.all = flag(one, "all");
    step.self = flag(one, "self");
    const Json* remind = one.find("remind");
    if (const auto* seconds = remind != nullptr ? remind->as<Json::Number>() : nullptr) step.remind_seconds = number(seconds->text);
    out.push_back(std::move(step));
  }
  return out;
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : " ") + one;
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Approval read(storage::Query& query) {
  Approval approval;
  approval.id = query.integer(0);
  approval.entity = query.text(1);
  approval.record_id = query.integer(2);
  approval.transition = query.text(3);
  approval.state = query.text(4);
  approval.asked_by = query.integer(5);
  for (const std::string& id : split(query.text(6))) approval.asked_for.push_back(number(id));
  approval.asked_at = query.instant(7).value_or(Timestamp());
  approval.steps = unpack_steps(query.text(8));
  approval.step = static_cast<std::size_t>(query.integer(9));
  approval.step_at = query.instant(10).value_or(Timestamp());
  approval.input_fields = split(query.text(11));
  approval.input_row = query.text(12);
  approval.basis = query.text(13);
  approval.comment = query.text(14);
  approval.ended_at = query.instant(15);
  approval.ended_by = query.integer(16);
  approval.reason = query.text(17);
  return approval;
}

void read_rest(storage::Session& session, Approval& approval) {
  {
    storage::Query query(session, "SELECT step, user_id, for_user, verdict, comment, at, version FROM approval_decision WHERE approval_id = ? ORDER BY number",
                         approval.id);
    while (query.next()) {
      approval.decisions.push_back({static_cast<std::size_t>(query.integer(0)), query.integer(1), query.integer(2), query.text(3), query.text(4),
                                    query.instant(5).value_or(Timestamp()), query.integer(6)});
    }
  }
  if (!approval.waits()) return;
  storage::Query query(session, "SELECT kind, who FROM approval_seat WHERE approval_id = ? ORDER BY kind, who", approval.id);
  while (query.next()) approval.seats.push_back({query.text(0), query.text(1)});
}

}  // namespace

std::optional<Approval> find_approval(storage::Session& session, std::int64_t id, bool lock) {
  std::optional<Approval> found;
  {
    const std::string sql = std::string("SELECT ") + approval_columns + " FROM approval a WHERE a.id = ?" +
                            (lock && session.dialect() == storage::Dialect::mysql ? " FOR UPDATE" : "");
    storage::Query query(session, sql, id);
    if (query.next()) found = read(query);
  }
  if (found) read_rest(session, *found);
  return found;
}

std::vector<Approval> waiting_approvals(storage::Session& session, std::string_view entity, std::int64_t record_id) {
  std::vector<Approval> all;
  {
    static const std::string sql =
        std::string("SELECT ") + approval_columns + " FROM approval a WHERE a.entity = ? AND a.record_id = ? AND a.state = ? ORDER BY a.asked_at, a.id";
    storage::Query query(session, sql, entity, record_id, records::approval_waits);
    while (query.next()) all.push_back(read(query));
  }
  for (Approval& approval : all) read_rest(session, approval);
  return all;
}

void insert_approval(storage::Session& session, const Approval& approval) {
  const std::string waits = approval.entity + "/" + std::to_string(approval.record_id) + "/" + approval.transition;
  const std::string colleagues = joined(texts_of(approval.asked_for)), fields = joined(approval.input_fields), steps = pack_steps(approval.steps);
  storage::Query query(session,
                       "INSERT INTO approval (id, entity, record_id, transition, state, waits, asked_by, asked_at, steps, step, step_at, basis, asked_for, "
                       "input_fields, input_row, comment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       approval.id, approval.entity, approval.record_id, approval.transition, approval.state, waits, approval.asked_by, approval.asked_at,
                       steps, static_cast<std::int64_t>(approval.step), approval.step_at, approval.basis);
  query.add_or_null(std::string_view(colleagues));
  query.add_or_null(std::string_view(fields));
  query.add_or_null(std::string_view(approval.input_row));
  query.add_or_null(std::string_view(approval.comment));
  query.next();
}

void write_step(storage::Session& session, const Approval& approval) {
  storage::run_sql(session, "UPDATE approval SET step = ?, step_at = ? WHERE id = ?", static_cast<std::int64_t>(approval.step), approval.step_at, approval.id);
}

void write_seats(storage::Session& session, const Approval& approval) {
  storage::run_sql(session, "DELETE FROM approval_seat WHERE approval_id = ?", approval.id);
  for (const Seat& seat : approval.seats) {
    storage::run_sql(session, "INSERT INTO approval_seat (approval_id, kind, who) VALUES (?, ?, ?)", approval.id, seat.kind, seat.who);
  }
}

void add_decision(storage::Session& session, Approval& approval, ApprovalDecision decision) {
  storage::Query query(session, "INSERT INTO approval_decision (approval_id, number, step, user_id, verdict, at, for_user, comment, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       approval.id, static_cast<std::int64_t>(approval.decisions.size()), static_cast<std::int64_t>(decision.step), decision.user_id,
                       decision.verdict, decision.at);
  query.add_or_null(decision.for_user);
  query.add_or_null(std::string_view(decision.comment));
  query.add_or_null(decision.version);
  query.next();
  approval.decisions.push_back(std::move(decision));
}

void write_end(storage::Session& session, Approval& approval) {
  approval.seats.clear();
  approval.input_fields.clear();
  approval.input_row.clear();
  storage::run_sql(session, "DELETE FROM approval_seat WHERE approval_id = ?", approval.id);
  storage::Query query(session,
                       "UPDATE approval SET waits = NULL, input_fields = NULL, input_row = NULL, state = ?, ended_at = ?, ended_by = ?, reason = ? WHERE id = ?",
                       approval.state, approval.ended_at, approval.ended_by);
  query.add_or_null(std::string_view(approval.reason));
  query.add(approval.id);
  query.next();
}

}  // namespace caravan::workflow

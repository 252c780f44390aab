#include <algorithm>

#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/json.h"

namespace caravan::api {
namespace {

using model::Entity;
using records::Input;
using records::Json;
using records::RowResult;

constexpr std::size_t most_rows = 1000;

enum class Action : std::uint8_t { create, update, remove, transition, restore };

struct Item {
  std::int64_t id = 0;
  std::optional<std::int64_t> version;
  const Json* input = nullptr;  ///< its own, or that of all
};

struct Bulk {
  Action action = Action::update;
  std::vector<Item> items;
  std::string transition, comment;
  bool atomic = false;
  bool dry_run = false;
  bool more = false;  ///< the filter finds more than the limit
};

[[noreturn]] void refuse(const Call& call, std::string_view text, std::initializer_list<std::string_view> arguments = {}) {
  throw refusal(call, ErrorCode::invalid_argument, text, arguments);
}

Action action_of(const Call& call, const Json& body) {
  const std::string name = required_text(call, body, "action");
  if (name == "create") return Action::create;
  if (name == "update") return Action::update;
  if (name == "delete") return Action::remove;
  if (name == "transition") return Action::transition;
  if (name == "restore") return Action::restore;
  refuse(call, "bulk_action", {shown(name)});
}

std::optional<std::int64_t> whole_number(const Json& json) {
  const auto* number = json.as<Json::Number>();
  return number ? parse_id(number->text) : std::nullopt;
}

/// The common `input` or an item's own; nullptr where absent.
const Json* input_member(const Call& call, const Json& object) {
  const Json* input = object.find("input");
  if (input == nullptr || input->is_null()) return nullptr;
  if (input->as<Json::Object>() == nullptr) refuse(call, "member_object", {"input"});
  return input;
}

Item item_of(const Call& call, const Json& json, Action action, const Json* common) {
  const auto* object = json.as<Json::Object>();
  if (object == nullptr) refuse(call, "bulk_item");
  Item item;
  for (const auto& [name, value] : *object) {
    if (name == "id") {
      const auto* text = value.as<std::string>();
      const auto id = text ? parse_id(*text) : std::nullopt;
      if (!id) refuse(call, "bulk_item");
      item.id = *id;
    } else if (name == "version") {
      if (value.is_null()) continue;
      item.version = whole_number(value);
      if (!item.version) refuse(call, "bulk_item");
    } else if (name != "input") {
      refuse(call, "unknown_member", {shown(name), "id, version, input"});
    }
  }
  if ((item.id == 0) != (action == Action::create)) refuse(call, "bulk_item");
  item.input = input_member(call, json);
  if (item.input == nullptr) item.input = common;
  return item;
}

std::size_t limit_of(const Call& call, const Json& body) {
  const Json* limit = body.find("limit");
  if (limit == nullptr || limit->is_null()) return most_rows;
  const auto number = whole_number(*limit);
  if (!number || *number > static_cast<std::int64_t>(most_rows)) refuse(call, "bulk_limit", {std::to_string(most_rows)});
  return static_cast<std::size_t>(*number);
}

/// What the filter finds, at the versions that it was seen with: what changes in between is refused as stale.
void find_items(const Call& call, const Entity& entity, const std::string& filter, std::size_t limit, const Json* common, Bulk& bulk) {
  records::ListQuery query;
  query.filter = filter;
  query.sort = "id";
  query.limit = 200;
  for (;;) {
    const records::Page page = call.services.records.list(call.context, entity, query);
    for (const records::Record& record : page.items) {
      if (bulk.items.size() == limit) {
        bulk.more = true;
        return;
      }
      bulk.items.push_back({record.id(), record.version(), common});
    }
    if (page.next.empty()) return;
    query.after = page.next;
  }
}

bool flag_member(const Call& call, const Json& body, std::string_view name) {
  const Json* member = body.find(name);
  if (member == nullptr || member->is_null()) return false;
  const bool* value = member->as<bool>();
  if (value == nullptr) refuse(call, "flag", {name});
  return *value;
}

Bulk parse(const Call& call, const Entity& entity, const Json& body) {
  Bulk bulk;
  bulk.action = action_of(call, body);
  bulk.comment = text_member(call, body, "comment").value_or("");
  bulk.transition = text_member(call, body, "transition").value_or("");
  if (bulk.transition.empty() == (bulk.action == Action::transition)) refuse(call, "bulk_transition");
  bulk.atomic = flag_member(call, body, "atomic");
  bulk.dry_run = flag_member(call, body, "dry_run");
  const Json* common = input_member(call, body);
  const Json* items = body.find("items");
  const auto filter = text_member(call, body, "filter");
  if ((items == nullptr) == !filter) refuse(call, "bulk_rows");
  if (filter) {
    if (bulk.action == Action::create || bulk.action == Action::restore) refuse(call, "bulk_rows");
    find_items(call, entity, *filter, limit_of(call, body), common, bulk);
    return bulk;
  }
  const auto* list = items->as<Json::Array>();
  if (list == nullptr) refuse(call, "bulk_rows");
  if (list->size() > most_rows) refuse(call, "bulk_limit", {std::to_string(most_rows)});
  for (const Json& json : *list) bulk.items.push_back(item_of(call, json, bulk.action, common));
  return bulk;
}

RowResult run_row(const Call& call, records::Work& work, const Entity& entity, const Bulk& bulk, const Item& item) {
  const auto input = [&] {
    static const Json none{Json::Data(Json::Object())};
    return records::parse_input(call.context, entity, item.input ? *item.input : none);
  };
  const auto done = [](const records::Record& record) { return RowResult{record.id(), record.version(), std::nullopt, 0}; };
  switch (bulk.action) {
    case Action::create: return done(work.create(entity, input()));
    case Action::update: return done(work.update(entity, item.id, input(), item.version));
    case Action::remove: work.remove(entity, item.id, item.version); return {item.id, 0, std::nullopt, 0};
    case Action::restore: return done(work.restore(entity, item.id));
    case Action::transition: {
      const auto taken = workflow::Transitions::take_in(work, entity, item.id, bulk.transition, input(), bulk.comment, item.version, workflow::Consent::asked);
      RowResult result = done(taken.record);
      result.approval = taken.approval;
      return result;
    }
  }
  throw Error(ErrorCode::internal, "a bulk action is not known");
}

void write_items(const Call& call, JsonWriter& json, const Bulk& bulk, const std::vector<RowResult>& results) {
  json.key("items").begin_array();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const RowResult& result = results[i];
    const std::int64_t id = result.id != 0 && !bulk.dry_run ? result.id : bulk.items[i].id;
    json.begin_object().member_or_null("id", id != 0 ? std::to_string(id) : std::string());
    json.member("status", result.refused ? "refused" : result.approval != 0 ? "waiting" : "done");
    if (result.approval != 0 && !bulk.dry_run) json.member("approval", std::to_string(result.approval));
    if (result.version != 0 && !bulk.dry_run) json.member("version", result.version);
    else json.key("version").null();
    if (result.refused) json.key("error").raw(problem(*result.refused, call.context.request_id, call.context.locale).body);
    json.end_object();
  }
  json.end_array();
}

std::int64_t refused_in(const std::vector<RowResult>& results) {
  return std::count_if(results.begin(), results.end(), [](const RowResult& r) { return r.refused.has_value(); });
}

void answer(Call& call, const Bulk& bulk, const std::vector<RowResult>& results) {
  start_answer(call);
  const std::int64_t refused = refused_in(results);
  JsonWriter json(call.response.body);
  json.begin_object();
  write_items(call, json, bulk, results);
  const std::int64_t waiting = std::count_if(results.begin(), results.end(), [](const RowResult& r) { return !r.refused && r.approval != 0; });
  json.member("done", static_cast<std::int64_t>(results.size()) - refused - waiting).member("refused", refused);
  if (waiting > 0) json.member("waiting", waiting);
  json.member("more", bulk.more);
  if (bulk.dry_run) json.member("dry_run", true);
  json.end_object();
  const auto until = call.services.records.undo_until(call.context);
  if (bulk.action == Action::remove && until && !bulk.dry_run) call.response.headers.emplace_back("Undo-Until", format_timestamp(*until));
}

[[noreturn]] void refuse_all(const Call& call, const Bulk& bulk, const std::vector<RowResult>& results) {
  Refusal refused = refusal(call, ErrorCode::invalid_record, "bulk_refused", {std::to_string(refused_in(results))});
  refused.name = "bulk_refused";
  JsonWriter json(refused.members);
  write_items(call, json, bulk, results);
  throw refused;
}

}  // namespace

void change_records(Call& call) {
  const Entity& entity = entity_of(call);
  const Json body = json_object(call, {"action", "items", "filter", "limit", "input", "transition", "comment", "atomic", "dry_run"});
  const Bulk bulk = parse(call, entity, body);
  // Row by row it is several transactions, so its key is claimed before them.
  if ((!bulk.atomic || bulk.dry_run) && call.once != nullptr) call.once->claim_alone();
  records::Context context = call.context;
  context.source = "bulk";
  const records::RowStep step = [&](records::Work& work, std::size_t row) { return run_row(call, work, entity, bulk, bulk.items[row]); };
  if (bulk.dry_run) return answer(call, bulk, records::try_rows(call.services.records, context, bulk.items.size(), step));
  const auto results = records::run_rows(
      call.services.records, context, bulk.items.size(), bulk.atomic, step,
      [&](const std::vector<RowResult>& done) { answer(call, bulk, done); });
  if (bulk.atomic && refused_in(results) > 0) refuse_all(call, bulk, results);
  for (const RowResult& result : results) {
    if (!result.refused) tell_auth(call, entity, result.id);
  }
}

}  // namespace caravan::api

// Full-text search across entities, and its index.
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "jobs/queue.h"
#include "records/query.h"
#include "records/search.h"

namespace caravan::api {
namespace {

using model::Entity;

records::Search search_of(const Call& call) {
  if (!records::Search::exists(call.services.records)) throw refusal(call, ErrorCode::not_found, "no_route");
  return records::Search(call.services.records);
}

/// The entities that a list of names means, by comma or as JSON; one that the caller may not read does not exist.
const Entity* readable_entity(const Call& call, std::string_view name) {
  const Entity* entity = call.context.catalog->entity(name);
  if (entity == nullptr || !call.services.records.may(call.context, *entity, model::Operation::read))
    throw refusal(call, ErrorCode::invalid_argument, "unknown_entity", {shown(name)});
  return entity;
}

/// The fragment as pieces, each with whether it was looked for.
void write_fragment(JsonWriter& json, const records::Fragment& fragment) {
  json.begin_array();
  std::size_t at = 0;
  const std::string_view text = fragment.text;
  const auto piece = [&](std::size_t end, bool hit) {
    if (end > at) json.begin_object().member("text", text.substr(at, end - at)).member("hit", hit).end_object();
    at = std::max(at, end);
  };
  for (const auto& [from, to] : fragment.marks) {
    piece(from, false);
    piece(to, true);
  }
  piece(text.size(), false);
  json.end_array();
}

}  // namespace

void search_records(Call& call) {
  check_parameters(call, {"q", "entities", "limit", "after"});
  const records::Search search = search_of(call);
  records::SearchQuery query;
  if (const std::string* q = call.request.parameter("q")) query.q = *q;
  if (const std::string* after = call.request.parameter("after")) query.after = *after;
  if (const std::string* limit = call.request.parameter("limit")) {
    const auto number = parse_id(*limit);
    if (!number || *number > 100) throw refusal(call, ErrorCode::invalid_argument, "limit_search");
    query.limit = static_cast<std::uint32_t>(*number);
  }
  if (const std::string* names = call.request.parameter("entities")) {
    records::each_name(*names, [&](std::string_view name) { query.entities.push_back(readable_entity(call, name)); });
  }
  const records::SearchAnswer answer = search.find(call.context, query);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::SearchHit& hit : answer.hits) {
    const Entity& entity = hit.record.entity();
    json.begin_object().member("entity", entity.full_name).member("entity_label", label_of(entity.label, entity.full_name, call.context.locale));
    json.member("id", std::to_string(hit.record.id())).member("title", title_of(hit.record, call.context.locale));
    const auto* number = hit.record[model::slot_number].as<std::string>();
    json.member_or_null("number", number ? std::string_view(*number) : std::string_view());
    json.member("field", hit.field->name).member("field_label", label_of(*hit.field, call.context.locale)).member("rank", std::int64_t{hit.rank});
    write_fragment(json.key("fragment"), hit.fragment);
    json.end_object();
  }
  json.end_array().member_or_null("next", answer.next).key("building").begin_array();
  for (const Entity* entity : answer.building) json.string(entity->full_name);
  json.end_array().end_object();
  if (!answer.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", answer.next));
}

void show_search_index(Call& call) {
  check_parameters(call, {});
  const records::Search search = search_of(call);
  std::int64_t waiting = 0, dead = 0;
  double lag = 0;
  if (call.services.jobs != nullptr) {
    for (const jobs::QueueStats& queue : call.services.jobs->stats()) {
      if (queue.queue != records::search_queue) continue;
      waiting = queue.ready + queue.waiting + queue.running;
      dead = queue.dead;
      lag = queue.oldest_ready_seconds;
    }
  }
  JsonWriter json(call.response.body);
  json.begin_object().member("waiting", waiting).member("dead", dead).member("lag_seconds", static_cast<std::int64_t>(lag + 0.5)).key("items").begin_array();
  for (const auto& [name, state] : search.index().states()) {
    const Entity* entity = call.context.catalog->entity(name);
    if (entity == nullptr) continue;
    json.begin_object().member("entity", name).member("complete", state.complete).key("fields").begin_array();
    for (const model::Field* field : records::searched_fields(*entity)) json.string(field->name);
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void rebuild_search_index(Call& call) {
  check_parameters(call, {});
  const records::Json body = json_object(call, {"entities"});
  const records::Search search = search_of(call);
  std::vector<const Entity*> entities;
  if (const records::Json* names = body.find("entities"); names != nullptr && !names->is_null()) {
    const auto* list = names->as<records::Json::Array>();
    if (list == nullptr) throw refusal(call, ErrorCode::invalid_argument, "entities_list");
    for (const records::Json& one : *list) {
      const auto* name = one.as<std::string>();
      if (name == nullptr) throw refusal(call, ErrorCode::invalid_argument, "entities_list");
      entities.push_back(readable_entity(call, *name));
    }
  } else {
    for (const auto& entity : call.context.catalog->entities) entities.push_back(entity.get());
  }
  const std::size_t started = search.index().rebuild(*call.context.catalog, entities, call.services.jobs != nullptr ? call.services.jobs->now() : call.context.now);
  if (call.services.jobs != nullptr) call.services.jobs->wake();
  call.response.status = 202;
  JsonWriter(call.response.body).begin_object().member("entities", static_cast<std::int64_t>(started)).end_object();
}

}  // namespace caravan::api

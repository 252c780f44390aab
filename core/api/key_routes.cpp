#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "records/looks.h"
#include "records/seal.h"

// The keys of sensitive fields, and who looked at what, for administrators.

namespace caravan::api {
namespace {

void write_key(JsonWriter& json, const records::KeyInfo& key, std::int64_t uses) {
  json.begin_object().member("id", key.id).member("fingerprint", key.fingerprint).member("current", key.current).member("uses", uses).end_object();
}

std::int64_t uses_of(const Call& call, std::string_view id) {
  auto session = call.services.records.database().read();
  return records::key_uses(*session, *call.context.catalog, id);
}

const records::KeyInfo& key_of(const Call& call, const std::vector<records::KeyInfo>& keys, std::string_view id) {
  for (const records::KeyInfo& key : keys) {
    if (key.id == id) return key;
  }
  throw refusal(call, ErrorCode::not_found, "no_key", {shown(id)});
}

/// Registers what the file holds now.
void register_keys(const Call& call, const records::Keys& keys) {
  call.services.records.database().transact([&](storage::Session& session) { records::check_keys(session, keys, call.context.now); });
}

}  // namespace

void list_keys(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  if (const records::Keys* keys = records::keys_of(*call.context.catalog)) {
    for (const auto& key : keys->list()) write_key(json, key, uses_of(call, key.id));
  }
  json.end_array().end_object();
}

void add_key(Call& call) {
  check_parameters(call, {});
  const records::Json body = json_object(call, {"use"});
  const std::string use = text_member(call, body, "use").value_or("now");
  if (use != "now" && use != "later") throw field_refusal(call, "use", "unknown_choice", "key_use");
  const records::Keys& keys = records::need_keys(*call.context.catalog);
  const std::string id = keys.add(use == "now");
  register_keys(call, keys);
  call.response.status = 201;
  call.response.headers.emplace_back("Location", "/api/v1/admin/keys/" + id);
  JsonWriter json(call.response.body);
  write_key(json, key_of(call, keys.list(), id), 0);
}

void rotate_keys(Call& call) {
  check_parameters(call, {});
  const records::Json body = json_object(call, {"key", "after"});
  const records::Keys& keys = records::need_keys(*call.context.catalog);
  if (const auto id = text_member(call, body, "key")) {
    keys.reload();
    key_of(call, keys.list(), *id);
    keys.make_current(*id);
    register_keys(call, keys);
  }
  const records::Resealed part =
      records::reseal(call.services.records.database(), *call.context.catalog, text_member(call, body, "after").value_or(""));
  JsonWriter json(call.response.body);
  json.begin_object().member("key", keys.current()).member("values", part.values).member_or_null("next", part.next).end_object();
}

void remove_key(Call& call) {
  check_parameters(call, {});
  const records::Keys& keys = records::need_keys(*call.context.catalog);
  const std::string id(call.arguments[0]);
  if (key_of(call, keys.list(), id).current) throw refusal(call, ErrorCode::conflict, "key_current", {id});
  if (const std::int64_t uses = uses_of(call, id); uses > 0) {
    throw refusal(call, ErrorCode::conflict, "key_used", {id, std::to_string(uses)});
  }
  call.services.records.database().transact([&](storage::Session& session) { records::forget_key(session, id); });
  keys.remove(id);
  call.response.status = 204;
}

void list_looks(Call& call) {
  check_parameters(call, {"entity", "id", "user", "limit", "before"});
  records::LookQuery query;
  const auto number = [&](std::string_view name, std::int64_t& target) {
    const std::string* given = call.request.parameter(name);
    if (given == nullptr || given->empty()) return;
    const auto id = parse_id(*given);
    if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(*given)});
    target = *id;
  };
  if (const std::string* entity = call.request.parameter("entity")) query.entity = *entity;
  number("id", query.record);
  number("user", query.user);
  number("before", query.before);
  const std::uint32_t limit = limit_parameter(call);
  query.limit = limit;
  std::vector<records::Look> looks;
  {
    auto session = call.services.records.database().read();
    looks = records::find_looks(*session, query);
  }
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::Look& look : looks) {
    json.begin_object().member("id", std::to_string(look.id)).member("entity", look.entity).member("record", std::to_string(look.record_id));
    json.key("fields").begin_array();
    for (std::string_view rest = look.fields; !rest.empty();) {
      const auto comma = rest.find(',');
      json.string(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    json.end_array().member("at", format_timestamp(look.at));
    json.member_or_null("user", look.user_id != 0 ? std::to_string(look.user_id) : std::string()).member("username", look.username);
    json.member("request_id", look.request_id).member("source", look.source).end_object();
  }
  const std::string next = looks.size() == limit ? std::to_string(looks.back().id) : std::string();
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "before", next));
}

}  // namespace caravan::api

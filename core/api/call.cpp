#include "api/call.h"

#include <algorithm>
#include <charconv>

#include "api/messages.h"
#include "api/negotiate.h"
#include "base/text.h"

namespace caravan::api {
namespace {

constexpr std::size_t max_json_body = 1024 * 1024;

std::string joined(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

bool contains(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string_view shown(std::string_view text) {
  return cut_text(text, 64);
}

Refusal refusal(const Call& call, ErrorCode code, std::string_view text,
                std::initializer_list<std::string_view> arguments) {
  return {code, say(text, call.context.locale, arguments)};
}

Refusal field_refusal(const Call& call, std::string_view field, std::string_view code,
                      std::string_view text) {
  return {ErrorCode::invalid_record, say("invalid_record", call.context.locale),
          std::vector<FieldError>{{std::string(field), std::string(code), say(text, call.context.locale)}}};
}

const model::Entity& entity_of(const Call& call) {
  const model::Entity* entity = call.context.catalog->entity(call.arguments[0]);
  if (entity == nullptr)
    throw refusal(call, ErrorCode::not_found, "unknown_entity", {shown(call.arguments[0])});
  return *entity;
}

std::int64_t id_of(const Call& call) {
  const auto id = parse_id(call.arguments[1]);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[1])});
  return *id;
}

void check_json_body(const Call& call, bool merge_patch) {
  if (call.request.body.empty()) return;
  const std::string type = media_type(call.request.header("Content-Type"));
  if (type != "application/json" && !(merge_patch && type == "application/merge-patch+json")) {
    Refusal error = refusal(call, ErrorCode::invalid_argument, "content_type",
                            {merge_patch ? "application/merge-patch+json" : "application/json"});
    error.status = 415;
    if (merge_patch)
      error.headers.emplace_back("Accept-Patch", "application/merge-patch+json, application/json");
    throw error;
  }
  if (call.request.body.size() > max_json_body)
    throw refusal(call, ErrorCode::too_large, "body_too_large", {std::to_string(max_json_body / 1024)});
}

records::Json json_object(const Call& call, std::initializer_list<std::string_view> members) {
  check_json_body(call);
  records::Json json =
      records::parse_json(call.request.body.empty() ? std::string_view("{}") : call.request.body);
  const auto* object = json.as<records::Json::Object>();
  if (object == nullptr) throw refusal(call, ErrorCode::invalid_argument, "body_object");
  for (const auto& [name, value] : *object) {
    if (!contains(members, name))
      throw refusal(call, ErrorCode::invalid_argument, "unknown_member", {shown(name), joined(members)});
  }
  return json;
}

std::optional<std::string> text_member(const Call& call, const records::Json& object, std::string_view name) {
  const records::Json* value = object.find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  const auto* text = value->as<std::string>();
  if (text == nullptr) throw refusal(call, ErrorCode::invalid_argument, "member_string", {name});
  return *text;
}

std::string required_text(const Call& call, const records::Json& object, std::string_view name) {
  auto text = text_member(call, object, name);
  if (!text) throw refusal(call, ErrorCode::invalid_argument, "member_required", {name});
  return std::move(*text);
}

void check_parameters(const Call& call, std::initializer_list<std::string_view> names) {
  const auto& query = call.request.query;
  for (std::size_t i = 0; i < query.size(); ++i) {
    if (!contains(names, query[i].first))
      throw refusal(call, ErrorCode::invalid_argument, "unknown_parameter",
                    {shown(query[i].first), joined(names)});
    for (std::size_t j = 0; j < i; ++j) {
      if (query[j].first == query[i].first)
        throw refusal(call, ErrorCode::invalid_argument, "repeated_parameter", {query[i].first});
    }
  }
}

std::uint32_t limit_parameter(const Call& call) {
  const std::string* text = call.request.parameter("limit");
  if (text == nullptr || text->empty()) return 50;
  const auto limit = parse_id(*text);
  if (!limit || *limit > 200) throw refusal(call, ErrorCode::invalid_argument, "limit");
  return static_cast<std::uint32_t>(*limit);
}

bool flag_parameter(const Call& call, std::string_view name) {
  const std::string* text = call.request.parameter(name);
  if (text == nullptr || text->empty() || *text == "0" || *text == "false") return false;
  if (*text == "1" || *text == "true") return true;
  throw refusal(call, ErrorCode::invalid_argument, "flag", {name});
}

std::string entity_tag(std::int64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

void tell_auth(const Call& call, const model::Entity& entity, std::int64_t id) {
  if (entity.full_name == "core.user") call.services.auth.forget(id);
}

std::string next_link(const Request& request, std::string_view parameter, std::string_view next) {
  std::string link = "<";
  std::string_view path = request.path;
  while (!path.empty()) {
    const auto slash = path.find('/', 1);
    link += "/" + percent_encode(path.substr(1, slash == std::string_view::npos ? slash : slash - 1));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  link += "?";
  for (const auto& [name, value] : request.query) {
    if (name != parameter) link += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  return link + std::string(parameter) + "=" + percent_encode(next) + ">; rel=\"next\"";
}

std::optional<std::int64_t> expected_version(const Call& call, bool required) {
  const std::string_view header = call.request.header("If-Match");
  if (header.empty()) {
    if (required) throw refusal(call, ErrorCode::precondition_required, "if_match_required");
    return std::nullopt;
  }
  const auto tags = parse_entity_tags(header);
  if (!tags || (!tags->any && tags->tags.size() != 1))
    throw refusal(call, ErrorCode::invalid_argument, "if_match_malformed");
  if (tags->any) return std::nullopt;
  // A well-formed tag that is no version of ours is simply not the current one.
  return parse_id(tags->tags.front()).value_or(0);
}

}  // namespace caravan::api

#include <algorithm>
#include <map>

#include "api/call.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "expr/expression.h"
#include "model/process.h"
#include "records/access.h"
#include "records/codec.h"
#include "workflow/assignment.h"

// Queues, and why somebody got a record.

namespace caravan::api {
namespace {

const std::string& text_or(const model::Text& text, const std::string& otherwise, const std::string& locale) {
  const std::string& found = text.in(locale);
  return found.empty() ? otherwise : found;
}

const model::Assignment* rule_of(const model::Catalog& catalog, std::string_view name) {
  const auto found = std::find_if(catalog.assignments.begin(), catalog.assignments.end(), [&](const auto& one) { return one->name == name; });
  return found == catalog.assignments.end() ? nullptr : found->get();
}

std::int64_t number_of(const records::Json* json) {
  const auto* text = json ? json->as<std::string>() : nullptr;
  if (text != nullptr) return std::strtoll(text->c_str(), nullptr, 10);
  const auto* number = json ? json->as<records::Json::Number>() : nullptr;
  return number ? std::strtoll(number->text.c_str(), nullptr, 10) : 0;
}

const records::Json::Array& list_of(const records::Json& json, std::string_view name) {
  static const records::Json::Array none;
  const records::Json* member = json.find(name);
  const auto* list = member ? member->as<records::Json::Array>() : nullptr;
  return list ? *list : none;
}

void raw(JsonWriter& json, std::string_view name, const records::Json* value) {
  json.key(name);
  if (value == nullptr) {
    json.null();
    return;
  }
  std::string text;
  value->write(text);
  json.raw(text);
}

}  // namespace

void list_queues(Call& call) {
  check_parameters(call, {});
  const std::string& locale = call.context.locale;
  const auto queues = workflow::queues_of(call.services.records, call.context);
  JsonWriter json(call.response.body);
  json.begin_object().member("available", queues.available).key("items").begin_array();
  for (const workflow::QueueInfo& one : queues.items) {
    json.begin_object().member("name", one.rule->name).member("label", text_or(one.rule->label, one.rule->name, locale));
    json.member("entity", one.rule->entity->full_name).member("entity_label", text_or(one.rule->entity->plural, one.rule->entity->full_name, locale));
    json.member("strategy", model::to_string(one.rule->strategy)).member("waiting", one.waiting).end_object();
  }
  json.end_array().end_object();
}

void take_from_queue(Call& call) {
  check_parameters(call, {});
  const model::Assignment* rule = rule_of(*call.context.catalog, call.arguments[0]);
  // A queue of records that he may not see is none.
  if (rule == nullptr || !records::may_ever(call.context, *rule->entity, model::Operation::read)) {
    throw refusal(call, ErrorCode::not_found, "unknown_queue", {shown(call.arguments[0])});
  }
  const records::Record record = workflow::take_next(call.services.records, call.context, *rule);
  call.response.headers.emplace_back("ETag", entity_tag(record.version()));
  records::write_json(call.response.body, record);
}

void list_assignments(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {});
  const model::Catalog& catalog = *call.context.catalog;
  const std::string& locale = call.context.locale;
  const auto decisions = workflow::decisions_of(call.services.records, call.context, entity, id_of(call));
  std::vector<records::Json> why;
  std::vector<std::int64_t> ids;
  for (const auto& one : decisions) {
    why.push_back(records::parse_json(one.why));
    if (one.user_id != 0) ids.push_back(one.user_id);
    for (const auto& candidate : list_of(why.back(), "candidates")) ids.push_back(number_of(candidate.find("user")));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  // Of users only those whom the caller may see; of the others, how many there are.
  std::map<std::int64_t, std::string> names;
  const model::Entity& users = *catalog.entity("core.user");
  const model::Field& name = *users.field("name");
  constexpr std::size_t at_once = 500;
  for (std::size_t at = 0; at < ids.size(); at += at_once) {
    const std::vector<std::int64_t> part(ids.begin() + static_cast<std::ptrdiff_t>(at), ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + at_once)));
    for (const records::Record& user : call.services.records.get_many(call.context, users, part, {name.slot})) {
      const auto* text = user[name.slot].as<std::string>();
      names[user.id()] = text ? *text : std::string();
    }
  }
  JsonWriter json(call.response.body);
  const auto person = [&](std::int64_t id) {
    const auto found = names.find(id);
    if (found == names.end()) json.null();
    else json.begin_object().member("id", std::to_string(id)).member("name", found->second).end_object();
  };
  const auto label = [&](const std::string& rule) {
    const model::Assignment* found = rule_of(catalog, rule);
    return found != nullptr ? text_or(found->label, rule, locale) : rule;
  };
  json.begin_object().key("items").begin_array();
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const workflow::Decision& one = decisions[i];
    const model::Field* field = entity.field(one.field);
    const model::Assignment* rule = rule_of(catalog, one.rule);
    // A score tells what it is made of.
    const bool scores = rule != nullptr && (!rule->score || records::reads_only_readable(call.context, *rule->score));
    json.begin_object().member("id", std::to_string(one.id)).member("field", one.field);
    json.member("field_label", field != nullptr ? text_or(field->label, one.field, locale) : one.field);
    json.member("rule", one.rule).member("label", label(one.rule)).member("outcome", one.outcome).key("user");
    if (one.user_id == 0) json.null();
    else person(one.user_id);
    json.member("at", format_timestamp(one.at));
    const records::Json* fallback = why[i].find("fallback");
    const bool* fell = fallback ? fallback->as<bool>() : nullptr;
    json.member("fallback", fell != nullptr && *fell).key("rules").begin_array();
    for (const auto& skipped : list_of(why[i], "rules")) {
      const auto* of = skipped.find("rule") ? skipped.find("rule")->as<std::string>() : nullptr;
      const auto* reason = skipped.find("why") ? skipped.find("why")->as<std::string>() : nullptr;
      if (of == nullptr || reason == nullptr) continue;
      json.begin_object().member("rule", *of).member("label", label(*of)).member("why", *reason).end_object();
    }
    json.end_array().key("candidates").begin_array();
    std::int64_t hidden = 0;
    for (const auto& candidate : list_of(why[i], "candidates")) {
      const std::int64_t id = number_of(candidate.find("user"));
      if (!names.contains(id)) {
        ++hidden;
        continue;
      }
      const auto* fit = candidate.find("fit") ? candidate.find("fit")->as<std::string>() : nullptr;
      json.begin_object().key("user");
      person(id);
      json.member("fit", fit ? *fit : std::string());
      raw(json, "score", scores ? candidate.find("score") : nullptr);
      raw(json, "load", candidate.find("load"));
      raw(json, "turn", candidate.find("turn"));
      json.end_object();
    }
    json.end_array().member("hidden", hidden).end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

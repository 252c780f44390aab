#include <algorithm>
#include <set>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "model/pages.h"
#include "records/codec.h"
#include "records/draft.h"

// What a form shows while it is filled in; and the settings, which rules read.

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using records::Json;

/// Reads what can be read; what cannot is a mistake of its field.
void read_values(const Call& call, const Entity& entity, const Json::Object& values, records::DraftQuery& query) {
  Json::Object left = values;
  for (;;) {
    try {
      query.input = records::parse_input(call.context, entity, Json(Json::Data(left)));
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_record || error.fields().empty()) throw;
      std::set<std::string, std::less<>> wrong;
      for (const FieldError& mistake : error.fields()) {
        wrong.insert(mistake.field);
        query.mistakes.push_back(mistake);
      }
      const auto known = left.size();
      std::erase_if(left, [&](const auto& member) {
        const std::string& name = member.first;
        return wrong.contains(name) || (name.ends_with("_currency") && wrong.contains(std::string_view(name).substr(0, name.size() - 9)));
      });
      if (left.size() == known) throw;  // a mistake of no member
    }
  }
}

const model::Transition& transition_of(const Call& call, const Entity& entity, const records::Record& record, const std::string& name) {
  for (const workflow::Available& available : call.services.transitions.available(call.context, record)) {
    if (available.transition->name != name) continue;
    if (!available.allowed) throw Refusal(ErrorCode::forbidden, available.why);
    return *available.transition;
  }
  throw refusal(call, ErrorCode::not_found, "no_step", {shown(name), entity.full_name});
}

void write_duplicate(JsonWriter& json, const Call& call, const Entity& entity, const records::Duplicate& duplicate) {
  const std::string& locale = call.context.locale;
  json.begin_object().member("rule", duplicate.rule->name);
  const std::string& message = duplicate.rule->message.in(locale);
  json.member("message", message.empty() ? say("probable_duplicates", locale, {label_of(entity.label, entity.full_name, locale)}) : message);
  json.member("more", duplicate.more).key("items").begin_array();
  for (const records::Record& record : duplicate.items) {
    const auto* number = record[model::slot_number].as<std::string>();
    json.begin_object().member("id", std::to_string(record.id())).member_or_null("number", number ? std::string_view(*number) : std::string_view());
    json.member("title", title_of(record, locale)).member_or_null("state", record.state());
    const auto* created = record[model::slot_created_at].as<Timestamp>();
    json.member_or_null("created_at", created ? format_timestamp(*created) : std::string()).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

void draft_record(Call& call) {
  const Entity& entity = entity_of(call);
  const Json body = json_object(call, {"id", "transition", "values"});
  records::DraftQuery query;
  if (const auto id = text_member(call, body, "id")) {
    query.id = parse_id(*id);
    if (!query.id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(*id)});
  }
  if (const auto name = text_member(call, body, "transition")) {
    if (!query.id) throw refusal(call, ErrorCode::invalid_argument, "member_required", {"id"});
    query.transition = &transition_of(call, entity, call.services.records.get(call.context, entity, *query.id), *name);
  }
  if (const Json* values = body.find("values"); values != nullptr && !values->is_null()) {
    const auto* object = values->as<Json::Object>();
    if (object == nullptr) throw refusal(call, ErrorCode::invalid_argument, "member_object", {"values"});
    read_values(call, entity, *object, query);
  }
  const records::DraftAnswer answer = call.services.records.draft(call.context, entity, query);

  call.response.headers.emplace_back("Cache-Control", "no-store");
  JsonWriter json(call.response.body);
  json.begin_object().key("fields").begin_object();
  for (const records::DraftField& one : answer.fields) {
    json.key(one.field->name).begin_object().member("visible", one.visible).member("required", one.required).member("read_only", one.read_only);
    if (one.options) {
      json.key("options").begin_array();
      for (const std::string_view option : *one.options) json.string(option);
      json.end_array();
    }
    json.end_object();
  }
  json.end_object().key("computed").begin_object();
  for (const records::DraftField& one : answer.fields) {
    if (!one.field->compute) continue;
    const expr::Value& value = answer.record[one.field->slot];
    json.key(one.field->name);
    records::write_value(json.value_follows(), *one.field, value);
    if (one.field->type != model::FieldType::money) continue;
    const auto* amount = value.as<Decimal>();
    json.member_or_null(one.field->name + "_currency", amount && amount->has_currency() ? std::string_view(amount->currency_code()) : std::string_view());
  }
  json.end_object().key("errors").begin_array();
  for (const FieldError& mistake : answer.mistakes) {
    json.begin_object().member("field", mistake.field).member("code", mistake.code).member("message", mistake.message).end_object();
  }
  json.end_array().key("duplicates").begin_array();
  for (const records::Duplicate& duplicate : answer.duplicates) write_duplicate(json, call, entity, duplicate);
  json.end_array().end_object();
}

void tell_duplicates(Call& call, const records::Record& record) {
  if (record.entity().duplicates.empty()) return;
  std::vector<records::Duplicate> duplicates;
  try {
    duplicates = call.services.records.duplicates(call.context, record);
  } catch (const Error&) {
    return;  // the record is made, whatever became of the warning
  }
  std::string found;
  for (const records::Duplicate& duplicate : duplicates) {
    found += (found.empty() ? "" : ", ") + duplicate.rule->name + "=\"";
    for (std::size_t i = 0; i < duplicate.items.size(); ++i) found += (i == 0 ? "" : " ") + std::to_string(duplicate.items[i].id());
    found += "\"";
  }
  if (!found.empty()) call.response.headers.emplace_back("Caravan-Duplicates", std::move(found));
}

void list_settings(Call& call) {
  check_parameters(call, {});
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& group : call.context.catalog->settings) {
    json.begin_object().member("module", group->module).member("label", label_of(group->label, group->module, locale)).key("settings").begin_array();
    for (const model::Setting& setting : group->settings) {
      const Field& field = setting.field;
      json.begin_object().member("name", field.name).member("path", "settings." + group->module + "." + field.name);
      json.member("label", label_of(field, locale)).member("help", field.help.in(locale)).member("type", model::to_string(field.type));
      json.key("value");
      records::write_value(json.value_follows(), field, setting.value);
      json.key("default");
      records::write_value(json.value_follows(), field, setting.default_value);
      const model::ChoiceOption* option = field.choices && setting.value.as<std::string>() ? field.choices->option(*setting.value.as<std::string>()) : nullptr;
      json.member_or_null("value_label", option ? label_of(option->label, option->name, locale) : std::string_view());
      json.member("file", setting.origin.file).member("line", std::int64_t{setting.origin.line}).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

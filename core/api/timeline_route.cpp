#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using records::Json;

/// A change of one field as the history keeps it: `[old, new]`.
struct Change {
  const std::string* name;
  const Field* field;  ///< null where the definitions have none of this name any more
  const Json* old_value;
  const Json* new_value;
};

std::vector<Change> changes_of(const Entity& entity, const Json& changes) {
  std::vector<Change> list;
  const auto* object = changes.as<Json::Object>();
  if (object == nullptr) return list;
  for (const auto& [name, pair] : *object) {
    const auto* values = pair.as<Json::Array>();
    if (values != nullptr && values->size() == 2)
      list.push_back({&name, entity.field(name), &(*values)[0], &(*values)[1]});
  }
  return list;
}

/// The ids that the value of a reference, or of a list of them, names.
std::vector<std::int64_t> references(const Change& change, const Json& value) {
  std::vector<std::int64_t> ids;
  if (change.field == nullptr || change.field->target == nullptr) return ids;
  const auto add = [&](const Json& one) {
    const auto* text = one.as<std::string>();
    if (const auto id = text ? parse_id(*text) : std::nullopt) ids.push_back(*id);
  };
  if (change.field->type == model::FieldType::ref) add(value);
  if (const auto* list = value.as<Json::Array>(); list != nullptr && change.field->type == model::FieldType::refs) {
    for (const Json& one : *list) add(one);
  }
  return ids;
}

/// How a person reads the value of a choice, a state or a reference, of lists of them, and of texts by language; "" where it is
/// none or not to be seen.
std::string text_of(const Entity& entity, const Change& change, const Json& value, const Titles& titles, std::string_view locale) {
  if (change.field == nullptr) return {};
  const Field& field = *change.field;
  std::string out;
  const auto add = [&](std::string_view text) {
    if (!text.empty()) out.append(out.empty() ? "" : ", ").append(text);
  };
  const auto option = [&](const std::string& name) {
    const model::ChoiceOption* found = field.choices->option(name);
    add(found ? label_of(found->label, name, locale) : std::string_view(name));
  };
  for (const std::int64_t id : references(change, value)) {
    if (const std::string* title = titles.find(*field.target, id)) add(*title);
  }
  if (!out.empty()) return out;
  if (field.type == model::FieldType::localized) {
    const auto typed = records::value_from_json(field, value);
    const auto* words = typed ? records::text_in(*typed, locale) : nullptr;
    return words ? *words : std::string();
  }
  if (const auto* list = value.as<Json::Array>(); list != nullptr && field.type == model::FieldType::multi && field.choices) {
    for (const Json& one : *list) {
      if (const auto* name = one.as<std::string>()) option(*name);
    }
    return out;
  }
  const auto* text = value.as<std::string>();
  if (text == nullptr) return {};
  if (field.slot == model::slot_state && entity.workflow) {
    const model::State* state = entity.workflow->state(*text);
    add(state ? label_of(state->label, state->name, locale) : std::string_view(*text));
  } else if (field.type == model::FieldType::choice && field.choices) {
    option(*text);
  }
  return out;
}

std::string_view label_of_change(const Entity& entity, const Change& change, std::string_view locale) {
  if (change.field != nullptr) return label_of(*change.field, locale);
  // The currency of an amount is shown under the amount's label.
  const std::string_view name = *change.name;
  if (name.ends_with("_currency")) {
    const Field* money = entity.field(name.substr(0, name.size() - 9));
    if (money != nullptr && money->type == model::FieldType::money) return label_of(*money, locale);
  }
  return name;
}

}  // namespace

void show_timeline(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  check_parameters(call, {"limit", "before"});
  const std::uint32_t limit = limit_parameter(call);
  std::int64_t before = 0;
  if (const std::string* text = call.request.parameter("before"); text != nullptr && !text->empty()) {
    const auto event = parse_id(*text);
    if (!event) throw refusal(call, ErrorCode::invalid_argument, "event_id");
    before = *event;
  }
  // One more tells whether there is a next page; 200 is the most the gate gives.
  auto events = call.services.records.timeline(call.context, entity, id, before,
                                               std::min<std::uint32_t>(limit + 1, 200));
  const bool more = events.size() > limit || (limit == 200 && events.size() == 200);
  if (events.size() > limit) events.resize(limit);

  std::vector<Json> parsed;
  parsed.reserve(events.size());
  Titles titles;
  for (const records::Event& event : events) {
    parsed.push_back(event.changes.empty() ? Json() : records::parse_json(event.changes));
    for (const Change& change : changes_of(entity, parsed.back())) {
      for (const Json* value : {change.old_value, change.new_value}) {
        for (const std::int64_t target : references(change, *value)) titles.want(*change.field->target, target);
      }
    }
  }
  titles.load(call.services.records, call.context);

  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (std::size_t i = 0; i < events.size(); ++i) {
    const records::Event& event = events[i];
    json.begin_object().member("id", std::to_string(event.id)).member("at", format_timestamp(event.at));
    json.key("actor")
        .begin_object()
        .member("id", std::to_string(event.actor_id))
        .member("name", event.actor_name)
        .end_object();
    json.member("source", event.source).member("action", event.action).member("version", event.version);
    const bool step = event.action.starts_with("transition:") || event.action.starts_with("undo:") || event.action.starts_with("approval_");
    if (const auto colon = event.action.find(':'); step && colon != std::string::npos) {
      const std::string_view name = std::string_view(event.action).substr(colon + 1);
      const model::Transition* transition = entity.workflow ? entity.workflow->transition(name) : nullptr;
      json.key("transition").begin_object().member("name", name);
      json.member("label", transition ? label_of(transition->label, name, locale) : name).end_object();
    }
    json.key("changes").begin_array();
    for (const Change& change : changes_of(entity, parsed[i])) {
      json.begin_object()
          .member("field", *change.name)
          .member("label", label_of_change(entity, change, locale));
      change.old_value->write(json.key("old").value_follows());
      change.new_value->write(json.key("new").value_follows());
      json.member_or_null("old_text", text_of(entity, change, *change.old_value, titles, locale));
      json.member_or_null("new_text", text_of(entity, change, *change.new_value, titles, locale))
          .end_object();
    }
    json.end_array().member("note", event.note).member("request_id", event.request_id).end_object();
  }
  const std::string next = more && !events.empty() ? std::to_string(events.back().id) : std::string();
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "before", next));
}

}  // namespace caravan::api

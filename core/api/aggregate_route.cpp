#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "api/view_parameter.h"
#include "records/aggregate.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::FieldType;
using records::AggregateGroup;
using records::Bucket;

void write_group(std::string& out, const AggregateGroup& group, const expr::Value& value) {
  const auto* day = value.as<Date>();
  if (group.bucket != Bucket::none && day != nullptr) out += "\"" + format_date(*day) + "\"";
  else records::write_value(out, *group.field, value);
}

/// How people call the group; "" where its value says it all, or where it may not be seen.
std::string label_of_group(const Entity& entity, const AggregateGroup& group, const expr::Value& value, const Titles& titles,
                           std::string_view locale) {
  if (const auto* day = value.as<Date>(); day && group.bucket != Bucket::none) return records::bucket_label(group.bucket, *day);
  if (const auto* text = value.as<std::string>()) {
    if (group.field->slot == model::slot_state && entity.workflow) {
      const model::State* state = entity.workflow->state(*text);
      return state ? std::string(label_of(state->label, state->name, locale)) : std::string();
    }
    if (group.field->type == FieldType::choice && group.field->choices) {
      const model::ChoiceOption* option = group.field->choices->option(*text);
      return option ? std::string(label_of(option->label, option->name, locale)) : std::string();
    }
  }
  if (const auto* id = value.as<std::int64_t>(); id && group.field->type == FieldType::ref && group.field->target) {
    const std::string* title = titles.find(*group.field->target, *id);
    return title ? *title : std::string();
  }
  return {};
}

}  // namespace

void aggregate_records(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"view", "group", "measure", "filter", "q", "sort", "limit", "after"});
  const auto text = [&](std::string_view name) {
    const std::string* value = call.request.parameter(name);
    return value ? *value : std::string();
  };
  records::AggregateQuery query;
  query.group = text("group");
  query.measure = text("measure");
  query.filter = filter_with(view_parameter(call, entity), text("filter"));
  query.q = text("q");
  query.sort = text("sort");
  query.after = text("after");
  if (const std::string limit = text("limit"); !limit.empty()) {
    const auto number = parse_id(limit);
    if (!number || *number > 1000) throw refusal(call, ErrorCode::invalid_argument, "limit_groups");
    query.limit = static_cast<std::uint32_t>(*number);
  }
  const records::AggregateResult result = call.services.records.aggregate(call.context, entity, query);
  Titles titles;
  for (const records::AggregateRow& row : result.rows) {
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
      const model::Field& field = *result.groups[i].field;
      const auto* id = row.group[i].as<std::int64_t>();
      if (id != nullptr && field.type == FieldType::ref && field.target != nullptr) titles.want(*field.target, *id);
    }
  }
  titles.load(call.services.records, call.context);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::AggregateRow& row : result.rows) {
    json.begin_object().key("group").begin_object();
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
      write_group(json.key(result.groups[i].name).value_follows(), result.groups[i], row.group[i]);
    }
    json.end_object().key("label").begin_object();
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
      const std::string label = label_of_group(entity, result.groups[i], row.group[i], titles, call.context.locale);
      if (!label.empty()) json.member(result.groups[i].name, label);
    }
    json.end_object();
    for (std::size_t m = 0; m < result.measures.size(); ++m) {
      records::write_measure(json.key(result.measures[m].name).value_follows(), result.measures[m], row.cells[m]);
    }
    json.end_object();
  }
  json.end_array().member_or_null("next", result.next).end_object();
  if (!result.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", result.next));
}

}  // namespace caravan::api

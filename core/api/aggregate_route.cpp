#include "api/group_labels.h"
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/view_parameter.h"
#include "records/aggregate.h"

namespace caravan::api {

void aggregate_records(Call& call) {
  const model::Entity& entity = entity_of(call);
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
  for (const records::AggregateRow& row : result.rows) want_titles(titles, result.groups, row.group);
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

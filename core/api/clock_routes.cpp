#include "api/call.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "model/process.h"
#include "workflow/clocks.h"
#include "workflow/working_time.h"

// The clocks of a record.

namespace caravan::api {
namespace {

void moment(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& at) {
  if (at) json.member(name, format_timestamp(*at));
  else json.key(name).null();
}

const std::string& text_or(const model::Text& text, const std::string& otherwise, const std::string& locale) {
  const std::string& found = text.in(locale);
  return found.empty() ? otherwise : found;
}

}  // namespace

void list_clocks(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {});
  const std::string& locale = call.context.locale;
  const auto clocks = workflow::clocks_of(call.services.records, call.context, entity, id_of(call));
  JsonWriter json(call.response.body);
  json.begin_object().member("now", format_timestamp(call.context.now)).key("items").begin_array();
  for (const workflow::ClockInfo& clock : clocks) {
    const model::WorkingHours* hours = clock.rule->calendar;
    json.begin_object().member("name", clock.rule->name).member("label", text_or(clock.rule->label, clock.rule->name, locale));
    json.member("run", clock.number).member("state", workflow::to_string(clock.run.state()));
    moment(json, "started_at", clock.run.started);
    moment(json, "paused_at", clock.run.state() == workflow::ClockState::paused ? std::optional(clock.run.marks.back()) : std::nullopt);
    moment(json, "due_at", clock.due);
    moment(json, "met_at", clock.run.met_at);
    moment(json, "breached_at", clock.breached_at);
    if (clock.run.limit) {
      json.member("limit_seconds", *clock.run.limit / workflow::micros_per_second);
      json.member("remaining_seconds", (*clock.run.limit - clock.elapsed) / workflow::micros_per_second);
    } else {
      json.key("limit_seconds").null().key("remaining_seconds").null();
    }
    json.member("elapsed_seconds", clock.elapsed / workflow::micros_per_second);
    if (hours != nullptr) json.member("calendar", text_or(hours->label, hours->name, locale));
    else json.key("calendar").null();
    json.member("time_zone", hours != nullptr ? hours->time_zone : call.context.catalog->agency.time_zone);
    json.key("lines").begin_array();
    for (const workflow::ClockLine& line : clock.lines) {
      json.begin_object().member("kind", line.kind).member("text", line.text);
      moment(json, "from", line.from);
      moment(json, "to", line.to);
      json.member("seconds", line.seconds).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

#include "app/simulation.h"

#include "api/json_writer.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "base/error.h"

namespace caravan::app {

std::shared_ptr<const model::Catalog> changed_definitions(const Settings& settings, const std::filesystem::path& config, const plugin::PluginRegistry& plugins) {
  if (!std::filesystem::is_directory(config)) throw Error(ErrorCode::invalid_argument, "There is no folder " + config.string() + " that this process can read.");
  Overrides overrides;
  overrides.config = config.string();
  overrides.data = settings.data.string();
  overrides.plugins = settings.plugins.string();
  auto changed = load_settings(overrides, std::filesystem::read_symlink("/proc/self/exe"));
  std::vector<model::Diagnostic> diagnostics = std::move(changed.diagnostics);
  std::shared_ptr<const model::Catalog> catalog;
  if (changed.settings) {
    auto loaded = model::load_catalog(definition_layers(*changed.settings, plugins), plugins.modules());
    diagnostics.insert(diagnostics.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
    catalog = std::move(loaded.catalog);
  }
  if (catalog) return catalog;
  std::vector<FieldError> mistakes;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == model::Diagnostic::Severity::error) mistakes.push_back({diagnostic.at.file, diagnostic.code, model::to_string(diagnostic)});
  }
  throw Error(ErrorCode::invalid_argument, "The definitions of " + config.string() + " have mistakes; caravan check lists them.", std::move(mistakes));
}

workflow::SimulationQuery simulation_query(const records::Json& json) {
  workflow::SimulationQuery query;
  query.entity = json_text(json, "entity");
  query.after = json_text(json, "after");
  const auto moment = [&](const char* name) -> std::optional<Timestamp> {
    const std::string text = json_text(json, name);
    if (text.empty()) return std::nullopt;
    if (const auto at = parse_timestamp(text)) return at;
    if (const auto day = parse_date(text)) return Timestamp{std::int64_t{day->days} * 86'400'000'000};
    throw Error(ErrorCode::invalid_argument, "\"" + text + "\" is no moment; write e.g. 2026-09-30 or 2026-09-30T17:00:00+08:00.");
  };
  query.since = moment("since");
  query.until = moment("until");
  return query;
}

std::string simulation_json(const workflow::SimulationPart& part, const model::Catalog& present, const model::Catalog& next) {
  std::string out;
  api::JsonWriter json(out);
  const auto moment = [&](const char* name, const std::optional<Timestamp>& at) {
    json.member_or_null(name, at ? format_timestamp(*at) : std::string());
  };
  json.begin_object().member("present", present.hash).member("changed", next.hash).member("until", format_timestamp(part.until));
  json.member("records", part.records).member("events", part.events).member("erased", part.erased).member("headless", part.headless);
  json.member("sealed", part.sealed).member("unexplained", part.unexplained).member("schedules", part.schedules);
  json.member("assignments", part.assignments);
  json.key("reasons").begin_object();
  for (const auto& [reason, count] : part.reasons) json.member(reason, count);
  json.end_object().key("states").begin_array();
  for (const auto& state : part.states) {
    json.begin_object().member("entity", state.entity).member("state", state.state).member("records", state.records).member_or_null("next", state.next);
    json.member("entity_gone", state.entity_gone).end_object();
  }
  json.end_array().key("problems").begin_array();
  for (const auto& problem : part.problems) json.string(model::to_string(problem));
  json.end_array().key("items").begin_array();
  for (const auto& [entity, record] : part.changed) {
    json.begin_object().member("entity", entity).member("id", std::to_string(record.id)).member_or_null("number", record.number);
    json.member_or_null("state", record.state).member_or_null("next_state", record.next_state).key("differences").begin_array();
    for (const auto& one : record.differences) {
      json.begin_object().member("rule", one.rule).member("kind", one.kind).member_or_null("what", one.what);
      moment("present", one.present);
      moment("changed", one.next);
      json.member("follows", one.follows).end_object();
    }
    json.end_array().key("fields").begin_object();
    for (const auto& field : record.fields) json.key(field.field).begin_array().raw(field.present).raw(field.next).end_array();
    json.end_object().end_object();
  }
  json.end_array().member_or_null("next", part.next).end_object();
  return out;
}

}  // namespace caravan::app

#include <algorithm>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/multipart.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "model/import_map.h"
#include "records/import.h"

namespace caravan::api {
namespace {

void write_diagnostics(JsonWriter& json, const std::vector<model::Diagnostic>& diagnostics,
                       model::Diagnostic::Severity severity) {
  json.begin_array();
  for (const model::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != severity) continue;
    json.begin_object().member("file", diagnostic.at.file).member("line", std::int64_t{diagnostic.at.line});
    json.member("column", std::int64_t{diagnostic.at.column})
        .member("code", diagnostic.code)
        .member("message", diagnostic.message);
    json.member("hint", diagnostic.hint).end_object();
  }
  json.end_array();
}

/// Refuses with all mistakes where there are any.
void check_diagnostics(const Call& call, const std::vector<model::Diagnostic>& diagnostics,
                       std::string_view text) {
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(), [](const model::Diagnostic& d) {
    return d.severity == model::Diagnostic::Severity::error;
  });
  if (errors == 0) return;
  Refusal refused = refusal(call, ErrorCode::invalid_record, text, {std::to_string(errors)});
  refused.members = "\"errors\":";
  JsonWriter json(refused.members);
  write_diagnostics(json, diagnostics, model::Diagnostic::Severity::error);
  throw refused;
}

/// A map of the definitions; a name without a module is of the entity's.
const model::ImportMap* import_map(const model::Catalog& catalog, const model::Entity& entity, const std::string& name) {
  const std::string full = name.find('.') == std::string::npos ? entity.module + "." + name : name;
  for (const auto& map : catalog.import_maps) {
    if (map->name == full) return map.get();
  }
  return nullptr;
}

}  // namespace

void list_import_maps(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& map : call.context.catalog->import_maps) {
    if (map->entity != &entity) continue;
    json.begin_object().member("name", map->name).member("label", map->label.in(call.context.locale)).member("source", map->source).end_object();
  }
  json.end_array().end_object();
}

void import_records(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {"dry_run", "map"});
  const std::string* named = call.request.parameter("map");
  const bool dry_run = flag_parameter(call, "dry_run");
  const std::string_view content_type = call.request.header("Content-Type");
  if (media_type(content_type) != "multipart/form-data") {
    Refusal error = refusal(call, ErrorCode::invalid_argument, "content_type", {"multipart/form-data"});
    error.status = 415;
    throw error;
  }
  const auto parts = parse_multipart(content_type, call.request.body);
  const auto part = [&](std::string_view name) -> const Part& {
    const auto found =
        std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
    if (found == parts.end()) throw refusal(call, ErrorCode::invalid_argument, "part_missing", {name});
    return *found;
  };
  const Part& file_part = part("file");
  for (const Part& p : parts) {
    if (p.name != "file" && (p.name != "map" || named != nullptr))
      throw refusal(call, ErrorCode::invalid_argument, "unknown_member",
                    {shown(p.name), named != nullptr ? "file" : "map, file"});
  }
  model::ImportMapResult loaded;
  const model::ImportMap* map = nullptr;
  if (named != nullptr) {
    map = import_map(*call.context.catalog, entity, *named);
    if (map == nullptr) throw refusal(call, ErrorCode::not_found, "no_import_map", {shown(*named)});
  } else {
    const Part& map_part = part("map");
    model::SourceFile source;
    source.name = map_part.file_name.empty() ? "map" : map_part.file_name;
    source.text = map_part.data;
    loaded = model::load_import_map(source, *call.context.catalog);
    check_diagnostics(call, loaded.diagnostics, "map_refused");
    if (!loaded.map) throw Error(ErrorCode::internal, "an import map without mistakes was not loaded");
    map = &*loaded.map;
  }
  if (map->entity != &entity) {
    throw refusal(call, ErrorCode::invalid_argument, "map_entity",
                  {map->entity ? map->entity->full_name : std::string("?"), entity.full_name});
  }
  records::Context context = call.context;
  context.source = "import " + map->name;
  const records::ImportReport report = records::import_csv(call.services.records, context, *map, file_part.data, dry_run);

  JsonWriter json(call.response.body);
  json.begin_object()
      .member("rows", report.rows)
      .member("created", report.created)
      .member("updated", report.updated);
  json.member("unchanged", report.unchanged).member("failed", report.failed).key("notes").begin_object();
  for (const auto& [note, count] : report.notes) json.member(note, count);
  json.end_object().key("errors").begin_array();
  for (const records::RowError& error : report.errors) {
    json.begin_object()
        .member("row", error.row)
        .member("column", error.column)
        .member("message", error.message)
        .end_object();
  }
  json.end_array().member("error_file", report.error_file).end_object();
}

void list_plugins(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  const auto names = [&](std::string_view key, const std::vector<std::string>& list) {
    json.key(key).begin_array();
    for (const std::string& name : list) json.string(name);
    json.end_array();
  };
  for (const PluginInfo& plugin :
       call.services.plugins ? call.services.plugins() : std::vector<PluginInfo>()) {
    json.begin_object()
        .member("name", plugin.name)
        .member("version", plugin.version)
        .member("label", plugin.label);
    json.member("state", plugin.state).member("file", plugin.file).member("sdk", plugin.sdk);
    json.member_or_null("error", plugin.error);
    json.member("hooks", plugin.hooks);
    names("routes", plugin.routes);
    json.end_object();
  }
  json.end_array().end_object();
}

namespace {

std::int64_t revision_id(const Call& call, std::string_view text) {
  const auto id = parse_id(text);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_revision", {shown(text)});
  return *id;
}

void answer_reload(Call& call, const ReloadResult& result) {
  check_diagnostics(call, result.diagnostics, "reload_refused");
  JsonWriter json(call.response.body);
  json.begin_object().member("hash", result.hash).member("changed", result.changed);
  if (!result.diagnostics.empty()) {
    json.key("warnings");
    write_diagnostics(json, result.diagnostics, model::Diagnostic::Severity::warning);
  }
  json.end_object();
}

}  // namespace

void reload(Call& call) {
  if (!call.services.reload) throw refusal(call, ErrorCode::not_found, "no_route");
  answer_reload(call, call.services.reload(call.context));
}

void list_revisions(Call& call) {
  check_parameters(call, {"limit", "before"});
  if (!call.services.revisions) throw refusal(call, ErrorCode::not_found, "no_route");
  const std::uint32_t limit = limit_parameter(call);
  const std::string* before = call.request.parameter("before");
  auto revisions = call.services.revisions(before ? revision_id(call, *before) : 0, limit + 1);
  const bool more = revisions.size() > limit;
  if (more) revisions.pop_back();
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const RevisionInfo& revision : revisions) {
    json.begin_object()
        .member("id", std::to_string(revision.id))
        .member("hash", revision.hash)
        .member("created_at", format_timestamp(revision.created_at))
        .member("author", revision.author)
        .member("note", revision.note)
        .member("active", revision.active)
        .end_object();
  }
  json.end_array().key("next");
  if (more) {
    const std::string next = std::to_string(revisions.back().id);
    json.string(next);
    call.response.headers.emplace_back("Link", next_link(call.request, "before", next));
  } else {
    json.null();
  }
  json.end_object();
}

void activate_revision(Call& call) {
  check_parameters(call, {});
  if (!call.services.activate_revision) throw refusal(call, ErrorCode::not_found, "no_route");
  answer_reload(call, call.services.activate_revision(call.context, revision_id(call, call.arguments[0])));
}

void plugin_route(Call& call) {
  std::optional<Response> response;
  if (call.services.plugin_route)
    response = call.services.plugin_route(call.context, call.request, call.arguments[0], call.arguments[1]);
  if (!response) throw refusal(call, ErrorCode::not_found, "no_route");
  call.response = std::move(*response);
}

}  // namespace caravan::api

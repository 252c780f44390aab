#include <algorithm>

#include "api/diagnostics_json.h"
#include "api/file_answer.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/multipart.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "base/text.h"
#include "model/import_map.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/import_runs.h"
#include "records/import_source.h"
#include "storage/sequence.h"

namespace caravan::api {
namespace {

constexpr std::size_t longest_file_name = 200;

/// A map of the definitions; a name without a module is of the entity's.
const model::ImportMap* import_map(const model::Catalog& catalog, const model::Entity* entity, std::string_view name) {
  const bool bare = name.find('.') == std::string_view::npos;
  const std::string full = bare && entity != nullptr ? entity->module + "." + std::string(name) : std::string(name);
  for (const auto& map : catalog.import_maps) {
    if (map->name == full) return map.get();
  }
  return nullptr;
}

void write_counts(JsonWriter& json, const records::ImportReport& report) {
  json.member("rows", report.rows).member("created", report.created).member("updated", report.updated);
  json.member("unchanged", report.unchanged).member("failed", report.failed).member("encoding", report.encoding).key("notes").begin_object();
  for (const auto& [note, count] : report.notes) json.member(note, count);
  json.end_object();
}

void write_errors(JsonWriter& json, const std::vector<records::RowError>& errors) {
  json.key("errors").begin_array();
  for (const records::RowError& error : errors) {
    json.begin_object().member("row", error.row).member("column", error.column).member("message", error.message).end_object();
  }
  json.end_array();
}

void write_run(JsonWriter& json, const records::ImportRun& run, bool errors) {
  json.begin_object().member("id", std::to_string(run.id)).member("entity", run.entity).member("map", run.map).member("state", run.state);
  json.member("dry_run", run.dry_run).member("file_name", run.file_name).member("file_bytes", run.file_bytes).member("done", run.done);
  json.member("by", run.actor_name).member("created_at", format_timestamp(run.created_at));
  json.member_or_null("finished_at", run.finished_at ? format_timestamp(*run.finished_at) : std::string()).member_or_null("message", run.message);
  write_counts(json, run.report);
  if (errors) write_errors(json, run.report.errors);
  json.end_object();
}

std::int64_t run_of(const Call& call) {
  const auto id = parse_id(call.arguments[0]);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_import");
  return *id;
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
  check_parameters(call, {"dry_run", "map", "job", "source"});
  const model::Catalog& catalog = *call.context.catalog;
  const std::string* named = call.request.parameter("map");
  const bool dry_run = flag_parameter(call, "dry_run"), job = flag_parameter(call, "job");
  // The path names an entity, or a map of the definitions.
  const model::ImportMap* map = named == nullptr && catalog.entity(call.arguments[0]) == nullptr ? import_map(catalog, nullptr, call.arguments[0]) : nullptr;
  const model::Entity& entity = map != nullptr ? *map->entity : entity_of(call);
  const auto parts = form_parts(call);
  const auto part = [&](std::string_view name) -> const Part& {
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
    if (found == parts.end()) throw refusal(call, ErrorCode::invalid_argument, "part_missing", {name});
    return *found;
  };
  const Part& file_part = part("file");
  const bool known = named != nullptr || map != nullptr;
  for (const Part& p : parts) {
    if (p.name != "file" && (p.name != "map" || known))
      throw refusal(call, ErrorCode::invalid_argument, "unknown_member", {shown(p.name), known ? "file" : "map, file"});
  }
  model::ImportMapResult loaded;
  model::ImportMap plain;
  std::string map_text;
  const bool with_map = std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.name == "map"; });
  if (!known && !with_map) {
    // Columns are fields. Where it comes from is said, so that the same file is known again.
    const std::string* source = call.request.parameter("source");
    if (source == nullptr || source->empty() || source->size() > 64) throw refusal(call, ErrorCode::invalid_argument, "import_source");
    plain = records::plain_map(entity, *source, file_part.data);
    map = &plain;
  }
  if (map == &plain) {
  } else if (named != nullptr) {
    map = import_map(catalog, &entity, *named);
    if (map == nullptr) throw refusal(call, ErrorCode::not_found, "no_import_map", {shown(*named)});
  } else if (map == nullptr) {
    const Part& map_part = part("map");
    model::SourceFile source;
    source.name = map_part.file_name.empty() ? "map" : map_part.file_name;
    source.text = map_text = map_part.data;
    loaded = model::load_import_map(source, catalog);
    check_diagnostics(call, loaded.diagnostics, "map_refused");
    if (!loaded.map) throw Error(ErrorCode::internal, "an import map without mistakes was not loaded");
    map = &*loaded.map;
  }
  if (map->entity != &entity) {
    throw refusal(call, ErrorCode::invalid_argument, "map_entity", {map->entity ? map->entity->full_name : std::string("?"), entity.full_name});
  }
  records::Context context = call.context;
  context.source = "import " + map->name;
  JsonWriter json(call.response.body);
  if (job) {
    if (call.services.files == nullptr || call.services.jobs == nullptr) throw Error(ErrorCode::unavailable, "This server keeps no files.");
    records::NewImport wanted;
    wanted.map = map;
    wanted.map_text = map_text;
    wanted.file_name = std::string(cut_text(file_part.file_name, longest_file_name));
    wanted.file = call.services.files->put(file_part.data);
    wanted.dry_run = dry_run;
    storage::Sequences sequences(call.services.records.database(), 1);
    std::int64_t id = 0;
    try {
      id = records::start_import(call.services.records, sequences, context, wanted);
    } catch (const Error& error) {
      // Where the connection was lost in the commit, the run may be there: then only the sweep can tell.
      if (records::is_refusal(error)) call.services.files->remove(wanted.file.name);
      throw;
    }
    call.response.status = 202;
    call.response.headers.emplace_back("Location", "/api/v1/imports/" + std::to_string(id));
    const auto run = records::find_import(*call.services.records.database().read(), id);
    write_run(json, *run, true);
    return;
  }
  const records::ImportReport report = records::import_csv(call.services.records, context, *map, file_part.data, dry_run);
  json.begin_object();
  write_counts(json, report);
  write_errors(json, report.errors);
  json.member("error_file", report.error_file).end_object();
}

void list_imports(Call& call) {
  check_parameters(call, {"limit", "after"});
  const std::uint32_t limit = limit_parameter(call);
  auto runs = records::list_imports(*call.services.records.database().read(), id_cursor(call), limit + 1);
  const std::string next = runs.size() > limit ? std::to_string(runs[limit - 1].id) : std::string();
  if (runs.size() > limit) runs.resize(limit);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& run : runs) write_run(json, run, false);
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", next));
}

void show_import(Call& call) {
  check_parameters(call, {});
  const auto run = records::find_import(*call.services.records.database().read(), run_of(call));
  if (!run) throw refusal(call, ErrorCode::not_found, "no_import");
  JsonWriter json(call.response.body);
  write_run(json, *run, true);
}

void show_import_errors(Call& call) {
  check_parameters(call, {});
  const std::int64_t id = run_of(call);
  if (!records::find_import(*call.services.records.database().read(), id, 0)) throw refusal(call, ErrorCode::not_found, "no_import");
  if (call.services.files == nullptr) throw Error(ErrorCode::unavailable, "This server keeps no files.");
  FileWriter file(*call.services.files);
  bool json_lines = false, first = true;
  records::write_import_errors(call.services.records.database(), id, [&](std::string_view text) {
    if (first && !text.empty()) {
      json_lines = text.starts_with('{');
      first = false;
    }
    file.write(text);
  });
  answer_file(call.response, file.finish(), json_lines ? "application/jsonl" : "text/csv; charset=utf-8", json_lines ? "errors.jsonl" : "errors.csv", false);
}

}  // namespace caravan::api

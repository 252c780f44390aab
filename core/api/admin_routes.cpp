#include <algorithm>

#include "api/diagnostics_json.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/page_end.h"
#include "api/released.h"
#include "api/routes.h"

namespace caravan::api {

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
  answer_reload(call, [&] {
    const Released away(call);
    return call.services.reload(away.context);
  }());
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
  end_page(call, json, "before", more ? std::to_string(revisions.back().id) : std::string());
}

void activate_revision(Call& call) {
  check_parameters(call, {});
  if (!call.services.activate_revision) throw refusal(call, ErrorCode::not_found, "no_route");
  const auto id = revision_id(call, call.arguments[0]);
  answer_reload(call, [&] {
    const Released away(call);
    return call.services.activate_revision(away.context, id);
  }());
}

void plugin_route(Call& call) {
  std::optional<Response> response;
  if (call.services.plugin_route)
    response = call.services.plugin_route(call.context, call.request, call.arguments[0], call.arguments[1]);
  if (!response) throw refusal(call, ErrorCode::not_found, "no_route");
  call.response = std::move(*response);
}

}  // namespace caravan::api

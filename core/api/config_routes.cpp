#include <algorithm>

#include "api/definition_admin.h"
#include "api/diagnostics_json.h"
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/page_end.h"
#include "api/plugin_admin.h"
#include "api/released.h"
#include "api/routes.h"
#include "model/check_codes.h"
#include "model/digest.h"
#include "records/json.h"

namespace caravan::api {
namespace {

DefinitionAdmin& admin_of(Call& call) {
  DefinitionAdmin* admin = call.services.plugin_admin ? call.services.plugin_admin->definitions() : nullptr;
  if (admin == nullptr) throw refusal(call, ErrorCode::not_found, "no_route");
  return *admin;
}

void write_text(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.key(key);
  if (text) json.string(*text);
  else json.null();
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const auto& text : texts) json.string(text);
  json.end_array();
}

void write_document(JsonWriter& json, const model::SourceDocument& document, bool text) {
  json.begin_object().member("layer", document.layer).member("file", document.file).member("line", std::int64_t{document.line});
  if (text) json.member("text", document.text);
  json.end_object();
}

void write_side(JsonWriter& json, std::string_view key, const std::optional<model::SourceDocument>& document) {
  json.key(key);
  if (document) write_document(json, *document, true);
  else json.null();
}

void write_saying(JsonWriter& json, const model::Saying& saying) {
  json.begin_object().member("value", saying.value).member("removed", saying.removed).member("layer", saying.layer).member("file", saying.at.file);
  json.member("line", std::int64_t{saying.at.line}).end_object();
}

void write_saying(JsonWriter& json, std::string_view key, const std::optional<model::Saying>& saying) {
  json.key(key);
  if (saying) write_saying(json, *saying);
  else json.null();
}

void write_findings(JsonWriter& json, const std::vector<DefinitionFinding>& findings) {
  json.key("findings").begin_array();
  for (const auto& finding : findings) {
    const auto& one = finding.diagnostic;
    json.begin_object().member("severity", one.severity == model::Diagnostic::Severity::error ? "error" : "warning");
    json.member_or_null("kind", finding.kind).member_or_null("name", finding.name).member("known", finding.known);
    json.member("file", one.at.file).member("line", std::int64_t{one.at.line}).member("column", std::int64_t{one.at.column});
    json.member("code", one.code).member("message", one.message).member("hint", one.hint);
    json.member("explained", model::find_check_code(one.code) != nullptr).end_object();
  }
  json.end_array();
}

void write_plan(JsonWriter& json, const DefinitionCheck& check) {
  json.key("plan");
  if (!check.planned) {
    json.null();
    return;
  }
  json.begin_object().key("steps").begin_array();
  for (const auto& step : check.plan) {
    json.begin_object().member("table", step.table).member("what", step.what);
    write_texts(json, "samples", step.samples);
    json.member("loses", step.loses).member("blocked", step.blocked).end_object();
  }
  json.end_array().member_or_null("confirm", check.confirm).end_object();
}

std::int64_t revision_of(const Call& call, std::string_view text) {
  const auto id = parse_id(text);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_revision", {shown(text)});
  return *id;
}

/// `base` and `documents` of a body; without a base: of the revision in use.
DefinitionDraft draft_of(const Call& call, const records::Json& body) {
  DefinitionDraft draft;
  if (const auto base = text_member(call, body, "base")) draft.base = revision_of(call, *base);
  const records::Json* documents = body.find("documents");
  if (documents == nullptr || documents->is_null()) return draft;
  const auto* list = documents->as<records::Json::Array>();
  if (list == nullptr || list->size() > 500) throw refusal(call, ErrorCode::invalid_argument, "config_documents");
  for (const auto& one : *list) {
    const auto* members = one.as<records::Json::Object>();
    if (members == nullptr || std::any_of(members->begin(), members->end(), [](const auto& member) {
          return member.first != "kind" && member.first != "name" && member.first != "text";
        }))
      throw refusal(call, ErrorCode::invalid_argument, "config_documents");
    draft.edits.push_back({required_text(call, one, "kind"), required_text(call, one, "name"), text_member(call, one, "text")});
    const auto& added = draft.edits.back();
    if (std::any_of(draft.edits.begin(), draft.edits.end() - 1, [&](const auto& other) { return other.kind == added.kind && other.name == added.name; }))
      throw refusal(call, ErrorCode::invalid_argument, "config_documents");
  }
  return draft;
}

/// A part of a problem's body.
template <class Write>
std::string members(const Write& write) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write(json);
  json.end_object();
  return out.substr(1, out.size() - 2);
}

}  // namespace

void list_definitions(Call& call) {
  check_parameters(call, {});
  const auto [base, definitions] = admin_of(call).list();
  JsonWriter json(call.response.body);
  json.begin_object().member("base", std::to_string(base)).key("items").begin_array();
  for (const auto& one : definitions) {
    json.begin_object().member("kind", one.kind).member("name", one.name);
    // As people know it, where it is in use and has a label.
    const model::Entity* entity = one.kind == "entity" ? call.context.catalog->entity(one.name) : nullptr;
    json.member_or_null("label", entity ? entity->label.in(call.context.locale) : std::string());
    json.member("edited", one.edited).key("sources").begin_array();
    for (const auto& document : one.documents) write_document(json, document, false);
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void show_definition(Call& call) {
  check_parameters(call, {});
  const auto found = admin_of(call).show(std::string(call.arguments[0]), std::string(call.arguments[1]));
  if (!found) throw refusal(call, ErrorCode::not_found, "no_definition", {shown(call.arguments[0]), shown(call.arguments[1])});
  JsonWriter json(call.response.body);
  json.begin_object().member("kind", found->first.kind).member("name", found->first.name).member("edited", found->first.edited).key("sources").begin_array();
  for (const auto& document : found->first.documents) write_document(json, document, true);
  json.end_array().key("words").begin_array();
  for (const auto& word : found->second) {
    json.begin_object().member("path", word.path).key("sayings").begin_array();
    for (const auto& saying : word.sayings) write_saying(json, saying);
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void check_definitions(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"base", "documents", "plan"});
  const DefinitionDraft draft = draft_of(call, body);
  const records::Json* plan = body.find("plan");
  if (plan != nullptr && !plan->is_null() && plan->as<bool>() == nullptr) throw refusal(call, ErrorCode::invalid_argument, "flag_member", {"plan"});
  const auto check = admin_of(call).check(draft, plan != nullptr && plan->as<bool>() != nullptr && *plan->as<bool>());
  JsonWriter json(call.response.body);
  json.begin_object().member("base", std::to_string(check.in_use)).member("stale", draft.base != 0 && draft.base != check.in_use).member("sound", check.sound);
  write_findings(json, check.findings);
  write_plan(json, check);
  json.end_object();
}

void publish_definitions(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"base", "documents", "comment", "leftovers", "confirm"});
  DefinitionDraft draft = draft_of(call, body);
  if (draft.base == 0) throw refusal(call, ErrorCode::invalid_argument, "config_base");
  const std::string comment = required_text(call, body, "comment");
  const auto characters = std::count_if(comment.begin(), comment.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  if (comment.find_first_not_of(" \t\r\n") == std::string::npos || characters > 500) throw field_refusal(call, "comment", "required", "config_comment");
  const std::string word = text_member(call, body, "leftovers").value_or("");
  if (!word.empty() && word != "keep" && word != "drop") throw refusal(call, ErrorCode::invalid_argument, "config_leftovers");
  const Leftovers leftovers = word == "keep" ? Leftovers::keep : word == "drop" ? Leftovers::drop : Leftovers::ask;
  const std::string confirm = text_member(call, body, "confirm").value_or("");
  const Publication done = [&] {
    DefinitionAdmin& admin = admin_of(call);
    const Released away(call);
    return admin.publish(away.context, draft, comment, leftovers, confirm);
  }();
  switch (done.outcome) {
    case Publication::Outcome::refused: {
      std::vector<model::Diagnostic> diagnostics;
      for (const auto& one : done.check.findings) diagnostics.push_back(one.diagnostic);
      check_diagnostics(call, diagnostics, "reload_refused");
      throw Error(ErrorCode::internal, "A publication was refused without a reason.");
    }
    case Publication::Outcome::stale: {
      Refusal refused = refusal(call, ErrorCode::conflict, "config_stale", {std::to_string(done.revision)});
      refused.name = "definitions_stale";
      refused.members = members([&](JsonWriter& json) {
        json.member("base", std::to_string(done.revision)).key("collisions").begin_array();
        for (const auto& one : done.collisions) {
          json.begin_object().member("kind", one.kind).member("name", one.name);
          write_text(json, "before", one.base);
          write_text(json, "theirs", one.theirs);
          write_text(json, "mine", one.mine);
          json.end_object();
        }
        json.end_array();
      });
      throw refused;
    }
    case Publication::Outcome::unconfirmed: {
      Refusal refused = refusal(call, ErrorCode::conflict, "config_unconfirmed");
      refused.name = "definitions_unconfirmed";
      refused.members = members([&](JsonWriter& json) { write_plan(json, done.check); });
      throw refused;
    }
    case Publication::Outcome::done: break;
  }
  JsonWriter json(call.response.body);
  json.begin_object().member("revision", std::to_string(done.revision)).member("hash", done.result.hash).member("changed", done.result.changed);
  write_texts(json, "dropped", done.dropped);
  json.member_or_null("not_dropped", done.not_dropped).key("warnings");
  write_diagnostics(json, done.result.diagnostics, model::Diagnostic::Severity::warning);
  json.end_object();
}

void compare_definitions(Call& call) {
  check_parameters(call, {"from", "to"});
  const auto side = [&](const char* name) {
    const std::string* text = call.request.parameter(name);
    if (text == nullptr) throw refusal(call, ErrorCode::invalid_argument, "config_compare");
    return revision_of(call, *text);
  };
  const auto from = side("from"), to = side("to");
  const auto differences = admin_of(call).compare(from, to);
  JsonWriter json(call.response.body);
  json.begin_object().member("from", std::to_string(from)).member("to", std::to_string(to)).key("items").begin_array();
  for (const auto& one : differences) {
    json.begin_object().member("kind", one.kind).member("name", one.name).member("layer", one.layer);
    write_side(json, "before", one.before);
    write_side(json, "after", one.after);
    json.end_object();
  }
  json.end_array().end_object();
}

void show_definition_upgrade(Call& call) {
  check_parameters(call, {"from"});
  const std::string* from = call.request.parameter("from");
  const auto upgrade = admin_of(call).upgrade(from ? revision_of(call, *from) : 0);
  JsonWriter json(call.response.body);
  json.begin_object().member_or_null("from", upgrade.from == 0 ? std::string() : std::to_string(upgrade.from)).member("to", std::to_string(upgrade.to));
  json.key("plugins").begin_array();
  for (const auto& one : upgrade.plugins) json.begin_object().member("name", one.name).member("change", one.change).end_object();
  json.end_array().key("items").begin_array();
  for (const auto& one : upgrade.changes) {
    json.begin_object().member("kind", one.kind).member("name", one.name).member("path", one.path).member("effect", model::to_string(one.effect));
    write_saying(json, "before", one.old_default);
    write_saying(json, "after", one.new_default);
    write_saying(json, "agency", one.agency);
    json.end_object();
  }
  json.end_array().end_object();
}

void list_definition_history(Call& call) {
  check_parameters(call, {"limit", "before"});
  const std::uint32_t limit = limit_parameter(call);
  const std::string* before = call.request.parameter("before");
  write_page(call, admin_of(call).history(before ? revision_of(call, *before) : 0, limit + 1), limit, [](JsonWriter& json, const auto& one) {
    json.begin_object().member("id", std::to_string(one.id)).member("at", format_timestamp(one.at)).member("action", one.action);
    json.member("revision", one.revision).member("by", one.by).member_or_null("detail", one.detail).member_or_null("request_id", one.request_id).end_object();
  });
}

void show_definition_schema(Call& call) {
  check_parameters(call, {});
  static const std::string schema = model::definitions_schema();
  static const std::string tag = [] {
    model::Digest digest;
    digest.add(schema);
    return "\"" + digest.hex().substr(0, 16) + "\"";
  }();
  call.response.headers.emplace_back("ETag", tag);
  call.response.headers.emplace_back("Cache-Control", "no-cache");
  if (has_seen(call.request.header("If-None-Match"), tag)) {
    call.response.status = 304;
    return;
  }
  call.response.body = schema;
}

void explain_check_code(Call& call) {
  check_parameters(call, {});
  const model::CheckCode* code = model::find_check_code(call.arguments[0]);
  if (code == nullptr) throw refusal(call, ErrorCode::not_found, "no_check_code", {shown(call.arguments[0])});
  JsonWriter json(call.response.body);
  json.begin_object().member("code", code->code).member("severity", code->error ? "error" : "warning").member("what", code->what);
  json.member_or_null("wrong", code->wrong).member_or_null("right", code->right).end_object();
}

}  // namespace caravan::api

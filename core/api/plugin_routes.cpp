#include <algorithm>

#include "api/diagnostics_json.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/multipart.h"
#include "api/negotiate.h"
#include "api/page_end.h"
#include "api/plugin_admin.h"
#include "api/released.h"
#include "api/routes.h"
#include "api/titles.h"
#include "model/pages.h"
#include "records/codec.h"
#include "records/json.h"

namespace caravan::api {
namespace {

PluginAdmin& admin_of(Call& call) {
  if (call.services.plugin_admin == nullptr) throw refusal(call, ErrorCode::not_found, "no_route");
  return *call.services.plugin_admin;
}

template <class Work>
auto released(Call& call, Work&& work) {
  PluginAdmin& admin = admin_of(call);
  const Released away(call);
  return work(admin, away.context);
}

std::string name_of(const Call& call) { return std::string(call.arguments[0]); }

bool flag_member(const Call& call, const records::Json& object, std::string_view name) {
  const records::Json* member = object.find(name);
  if (member == nullptr || member->is_null()) return false;
  const bool* flag = member->as<bool>();
  if (flag == nullptr) throw refusal(call, ErrorCode::invalid_argument, "flag_member", {name});
  return *flag;
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const auto& text : texts) json.string(text);
  json.end_array();
}

void write_plugin(JsonWriter& json, const PluginDetail& plugin) {
  const PluginInfo& info = plugin.info;
  json.begin_object().member("name", info.name).member("version", info.version).member("label", info.label).member("kind", plugin.kind);
  json.member("state", info.state).member("file", info.file).member("sdk", info.sdk).member_or_null("error", info.error);
  json.member("hooks", info.hooks);
  write_texts(json, "routes", info.routes);
  json.member("hash", plugin.hash).member("vendor", plugin.vendor).member("description", plugin.description);
  json.member("signature", plugin.signature).member_or_null("signed_by", plugin.signed_by).member("installed", plugin.installed);
  write_texts(json, "requires", plugin.requires_);
  write_texts(json, "dependents", plugin.dependents);
  json.key("decided");
  if (plugin.decided.empty()) {
    json.null();
  } else {
    json.begin_object().member("on", plugin.decided == "on").member("by", plugin.decided_by).member("at", format_timestamp(plugin.decided_at)).end_object();
  }
  json.key("versions").begin_array();
  for (const auto& one : plugin.versions) {
    json.begin_object().member("version", one.version).member("file", one.file).member("hash", one.hash).member("used", one.used);
    json.member_or_null("error", one.error).end_object();
  }
  json.end_array().key("migrations").begin_array();
  for (const auto& one : plugin.migrations) {
    json.begin_object().member("name", one.name).member_or_null("version", one.version).member("records", one.records);
    json.member_or_null("done_at", one.done_at ? format_timestamp(*one.done_at) : std::string()).end_object();
  }
  json.end_array().key("health").begin_object().member("calls", plugin.calls).member("errors", plugin.errors);
  json.member("refusals", plugin.refusals).member("paused", plugin.paused).key("callbacks").begin_array();
  for (const auto& one : plugin.callbacks) {
    json.begin_object().member("name", one.name).member("calls", one.calls).member("errors", one.errors).member("refusals", one.refusals);
    json.member("late", one.late).member("micros", one.micros).member("longest_micros", one.longest_micros);
    json.member("paused_seconds", std::int64_t{one.paused_seconds}).end_object();
  }
  json.end_array().end_object().end_object();
}

void answer_change(Call& call, const PluginChange& change) {
  check_diagnostics(call, change.result.diagnostics, "reload_refused");
  JsonWriter json(call.response.body);
  json.begin_object().member("hash", change.result.hash).member("changed", change.result.changed);
  write_texts(json, "on", change.on);
  write_texts(json, "off", change.off);
  json.member("restarting", change.restarting).member("restart_needed", change.restart_needed);
  if (!change.result.diagnostics.empty()) {
    json.key("warnings");
    write_diagnostics(json, change.result.diagnostics, model::Diagnostic::Severity::warning);
  }
  json.end_object();
}

void write_preview(JsonWriter& json, const PurgePreview& preview) {
  json.key("tables").begin_array();
  for (const auto& one : preview.tables) json.begin_object().member("table", one.table).member("rows", one.rows).end_object();
  json.end_array();
}

PluginDetail find_plugin(Call& call) {
  for (auto& one : admin_of(call).list(call.context)) {
    if (one.info.name == call.arguments[0]) return one;
  }
  throw refusal(call, ErrorCode::not_found, "no_plugin", {shown(call.arguments[0])});
}

}  // namespace

void list_plugins(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  std::vector<PluginDetail> plugins;
  if (call.services.plugin_admin != nullptr) {
    plugins = call.services.plugin_admin->list(call.context);
  } else if (call.services.plugins) {
    for (auto& info : call.services.plugins()) plugins.emplace_back().info = std::move(info);
  }
  for (const auto& plugin : plugins) write_plugin(json, plugin);
  json.end_array().end_object();
}

void show_plugin(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  write_plugin(json, find_plugin(call));
}

void install_plugin(Call& call) {
  check_parameters(call, {});
  const Part file = form_file(call);
  const PluginDetail plugin = released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.install(context, file.data); });
  call.response.status = 201;
  call.response.headers.emplace_back("Location", "/api/v1/admin/plugins/" + plugin.info.name);
  JsonWriter json(call.response.body);
  write_plugin(json, plugin);
}

void enable_plugin(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"version", "dependencies"});
  const std::string version = text_member(call, body, "version").value_or("");
  const bool dependencies = flag_member(call, body, "dependencies");
  const std::string name = name_of(call);
  answer_change(call, released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.enable(context, name, version, dependencies); }));
}

void disable_plugin(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"dependents"});
  const bool dependents = flag_member(call, body, "dependents");
  const std::string name = name_of(call);
  answer_change(call, released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.disable(context, name, dependents); }));
}

void upgrade_plugin(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"version"});
  const std::string version = text_member(call, body, "version").value_or("");
  const std::string name = name_of(call);
  answer_change(call, released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.upgrade(context, name, version); }));
}

void remove_plugin(Call& call) {
  check_parameters(call, {});
  const std::string name = name_of(call);
  released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.remove(context, name); });
  call.response.status = 204;
}

void clear_quarantine(Call& call) {
  check_parameters(call, {});
  const std::string name = name_of(call);
  answer_change(call, released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.clear_quarantine(context, name); }));
}

void preview_purge(Call& call) {
  check_parameters(call, {});
  const PurgePreview preview = admin_of(call).preview_purge(call.context, name_of(call));
  JsonWriter json(call.response.body);
  json.begin_object();
  write_preview(json, preview);
  json.member("confirm", preview.confirm).end_object();
}

void purge_plugin(Call& call) {
  check_parameters(call, {});
  const auto body = json_object(call, {"confirm"});
  const std::string confirm = required_text(call, body, "confirm"), name = name_of(call);
  const PurgeResult result = released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.purge(context, name, confirm); });
  JsonWriter json(call.response.body);
  json.begin_object();
  write_preview(json, result.purged);
  json.member("backup", result.backup).end_object();
}

void list_plugin_history(Call& call) {
  check_parameters(call, {"limit", "before"});
  const std::uint32_t limit = limit_parameter(call);
  std::int64_t before = 0;
  if (const std::string* text = call.request.parameter("before"); text != nullptr && !text->empty()) {
    const auto id = parse_id(*text);
    if (!id) throw refusal(call, ErrorCode::invalid_argument, "cursor");
    before = *id;
  }
  write_page(call, admin_of(call).history(name_of(call), before, limit + 1), limit, [](JsonWriter& json, const auto& one) {
    json.begin_object().member("id", std::to_string(one.id)).member("at", format_timestamp(one.at)).member("action", one.action);
    json.member_or_null("version", one.version).member_or_null("by", one.by).member_or_null("detail", one.detail);
    json.member_or_null("request_id", one.request_id).end_object();
  });
}

void show_plugin_settings(Call& call) {
  check_parameters(call, {});
  const PluginDetail plugin = find_plugin(call);
  const auto own = admin_of(call).own_settings(plugin.info.name);
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("settings").begin_array();
  for (const auto& group : call.context.catalog->settings) {
    if (group->module != plugin.info.name) continue;
    for (const model::Setting& setting : group->settings) {
      const model::Field& field = setting.field;
      json.begin_object().member("name", field.name).member("label", label_of(field, locale)).member("help", field.help.in(locale));
      json.member("type", model::to_string(field.type)).key("value");
      records::write_value(json.value_follows(), field, setting.value);
      json.key("default");
      records::write_value(json.value_follows(), field, setting.default_value);
      json.member("changed_here", std::find(own.begin(), own.end(), field.name) != own.end());
      json.member("file", setting.origin.file).member("line", std::int64_t{setting.origin.line}).key("options").begin_array();
      if (field.choices) {
        for (const auto& option : field.choices->options)
          json.begin_object().member("name", option.name).member("label", label_of(option.label, option.name, locale)).end_object();
      }
      json.end_array().end_object();
    }
  }
  json.end_array().end_object();
}

void change_plugin_settings(Call& call) {
  check_parameters(call, {});
  const PluginDetail plugin = find_plugin(call);
  check_json_body(call, true);
  const records::Json body = records::parse_json(call.request.body);
  const auto* members = body.as<records::Json::Object>();
  if (members == nullptr) throw refusal(call, ErrorCode::invalid_argument, "body_object");
  std::vector<std::pair<std::string, std::optional<std::string>>> values;
  for (const auto& [name, value] : *members) {
    const model::Setting* setting = nullptr;
    for (const auto& group : call.context.catalog->settings) {
      for (const auto& one : group->settings) {
        if (group->module == plugin.info.name && one.field.name == name) setting = &one;
      }
    }
    if (setting == nullptr) throw field_refusal(call, name, "unknown_field", "no_setting");
    if (value.is_null()) {
      values.emplace_back(name, std::nullopt);
      continue;
    }
    if (value.as<records::Json::Object>() != nullptr || value.as<records::Json::Array>() != nullptr) throw field_refusal(call, name, "wrong_type", "setting_value");
    std::string text;
    value.write(text);
    values.emplace_back(name, std::move(text));
  }
  const ReloadResult result =
      released(call, [&](PluginAdmin& admin, const records::Context& context) { return admin.change_settings(context, plugin.info.name, values); });
  check_diagnostics(call, result.diagnostics, "reload_refused");
  show_plugin_settings(call);
}

}  // namespace caravan::api

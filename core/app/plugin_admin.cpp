#include "app/plugin_admin.h"

#include <sodium.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <mutex>
#include <set>

#include "api/json_writer.h"
#include "app/plugin_migrations.h"
#include "app/restart.h"
#include "app/runtime.h"
#include "base/error.h"
#include "model/parse_cache.h"
#include "plugin/quarantine.h"
#include "storage/query.h"
#include "storage/tables.h"

namespace caravan::app {
namespace {

using plugin::PluginInfo;
using plugin::PluginRegistry;
using plugin::PluginStep;
using plugin::Version;

constexpr std::size_t max_plugin_bytes = 64u << 20;

bool refused(const api::ReloadResult& result) {
  return std::any_of(result.diagnostics.begin(), result.diagnostics.end(),
                     [](const auto& one) { return one.severity == model::Diagnostic::Severity::error; });
}

std::string joined(const std::vector<std::string>& texts, const char* between) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : between) + text;
  return out;
}

Error no_plugin(const std::string& name) {
  return {ErrorCode::not_found, "There is no plugin \"" + name + "\"."};
}

Version version_of(const std::string& text) {
  const auto version = plugin::parse_version(text);
  if (!version) throw Error(ErrorCode::invalid_argument, "\"" + text + "\" is not a version: write it as 1.2.3.");
  return *version;
}

const char* trust_word(plugin::Trust::State state) {
  switch (state) {
    case plugin::Trust::State::unsigned_file: return "unsigned";
    case plugin::Trust::State::damaged: return "damaged";
    case plugin::Trust::State::unknown: return "unknown";
    case plugin::Trust::State::trusted: return "trusted";
  }
  return "";
}

std::map<std::string, Version> running_versions(const PluginRegistry& plugins, const std::map<std::string, std::string>& running) {
  std::map<std::string, Version> out;
  for (const PluginInfo& info : plugins.list()) {
    const auto found = running.find(info.name);
    if (found == running.end() || found->second != info.hash) continue;
    if (const auto version = plugin::parse_version(info.version)) out.emplace(info.name, *version);
  }
  return out;
}

/// Who needs whom, of what runs.
std::vector<std::string> dependents_of(const std::string& name, const std::vector<PluginInfo>& list, const std::map<std::string, std::string>& running) {
  std::vector<std::string> out;
  for (const PluginInfo& info : list) {
    const auto used = running.find(info.name);
    if (used != running.end() && used->second == info.hash && info.requires_.contains(name)) out.push_back(info.name);
  }
  return out;
}

std::string fingerprint(const api::PurgePreview& preview) {
  std::string text;
  for (const auto& table : preview.tables) text += table.table + ":" + std::to_string(table.rows) + "\n";
  std::array<unsigned char, crypto_generichash_blake2b_BYTES_MIN> hash{};
  crypto_generichash_blake2b(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  std::array<char, 2 * hash.size() + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return hex.data();
}

}  // namespace

std::vector<api::PluginDetail> PluginAdministration::list(const records::Context& context) {
  const auto infos = runtime_.plugins_->list();
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  const auto decisions = runtime_.store_->decisions();
  const auto routes = runtime_.plugins_->routes();
  std::vector<api::PluginDetail> out;
  for (const PluginInfo& info : infos) {
    const auto used = running.find(info.name);
    const bool in_use = used != running.end() && used->second == info.hash;
    const api::PluginVersion version{info.version, info.file, info.hash, in_use, in_use ? "" : info.error};
    auto known = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.info.name == info.name; });
    if (known != out.end()) {
      known->versions.push_back(version);
      if (!in_use) continue;
    } else {
      out.emplace_back();
      known = out.end() - 1;
      known->versions.push_back(version);
    }
    api::PluginDetail& shown = *known;
    shown.info.name = info.name;
    shown.info.version = info.version;
    shown.info.label = info.label.in(context.locale);
    shown.info.state = plugin::to_string(info.state);
    shown.info.file = info.file;
    shown.info.sdk = info.sdk;
    shown.info.error = info.error;
    shown.info.hooks = static_cast<std::int64_t>(info.hooks);
    for (const auto& route : routes) {
      if (in_use && route.plugin == info.name) shown.info.routes.push_back(route.method + " /api/v1/plugins/" + route.plugin + route.path);
    }
    shown.kind = plugin::to_string(info.kind);
    shown.hash = info.hash;
    shown.vendor = info.vendor;
    shown.description = info.description.in(context.locale);
    shown.signature = trust_word(info.trust.state);
    shown.signed_by = info.trust.by;
    shown.installed = info.installed;
    shown.requires_.clear();
    for (const auto& [name, range] : info.requires_) shown.requires_.push_back(name + " " + range);
    shown.dependents = dependents_of(info.name, infos, running);
    if (const auto decided = decisions.find(info.name); decided != decisions.end()) {
      shown.decided = decided->second.wanted;
      shown.decided_by = decided->second.by;
      shown.decided_at = decided->second.at;
    }
  }
  for (const PluginInfo& info : infos) {
    const auto used = running.find(info.name);
    if (used == running.end() || used->second != info.hash || info.migrations.empty()) continue;
    const auto states = runtime_.migrations_->states(info.name);
    for (auto& one : out) {
      if (one.info.name != info.name) continue;
      for (const auto& migration : info.migrations) {
        const auto state = std::find_if(states.begin(), states.end(), [&](const auto& known) { return known.name == migration.name; });
        if (state == states.end()) one.migrations.push_back({migration.name, "", 0, std::nullopt});
        else one.migrations.push_back({state->name, state->version, state->records, state->done_at});
      }
    }
  }
  for (const auto& report : runtime_.plugins_->report()) {
    for (auto& one : out) {
      if (one.info.name != report.plugin) continue;
      one.calls += report.calls;
      one.errors += report.errors;
      one.refusals += report.refusals;
      one.paused += report.paused_seconds > 0 ? 1 : 0;
      const auto micros = [](std::chrono::nanoseconds time) { return std::chrono::duration_cast<std::chrono::microseconds>(time).count(); };
      one.callbacks.push_back({report.callback, report.calls, report.errors, report.refusals, report.late, micros(report.time), micros(report.longest), report.paused_seconds});
    }
  }
  return out;
}

void PluginAdministration::look(const std::string& name) {
  const auto decisions = runtime_.store_->decisions();
  write_decisions(runtime_.settings_.data / "plugins", decisions);
  auto options = registry_options(runtime_.settings_, decisions);
  runtime_.store_->fetch(options.installed, options.pinned);
  runtime_.plugins_->rescan(std::move(options));
  const auto infos = runtime_.plugins_->list();
  if (std::none_of(infos.begin(), infos.end(), [&](const auto& one) { return one.name == name; })) throw no_plugin(name);
}

api::PluginChange PluginAdministration::change(const records::Context& context, const std::string& action, const std::string& name,
                                               const plugin::Puzzle& puzzle, const std::function<bool(const PluginStep&)>& allowed, const std::string& how) {
  const plugin::Solution solution = plugin::resolve(puzzle);
  const auto tell = [&](const std::string& end) {
    return Error(ErrorCode::conflict, joined(solution.conflicts, " ") + (solution.conflicts.empty() ? "" : " ") + end);
  };
  if (!solution.possible) throw tell("No choice of the files that are here solves that: install another version.");
  std::vector<std::string> steps, unasked;
  for (const PluginStep& step : solution.further) {
    steps.push_back(plugin::to_string(step));
    if (!allowed(step)) unasked.push_back(steps.back());
  }
  if (!unasked.empty()) throw tell("The smallest change that solves it: " + joined(steps, "; ") + ". " + how);

  auto& plugins = *runtime_.plugins_;
  const auto running = PluginRegistry::hashes(plugins.running());
  std::map<std::string, std::string> wanted;
  for (const auto& [one, version] : solution.use) {
    const auto used = running.find(one);
    const auto now = puzzle.running.find(one);
    // The file that runs stays, unless another version is asked for.
    wanted[one] = used != running.end() && now != puzzle.running.end() && now->second == version ? used->second : plugins.hash_of(one, version);
  }
  const auto infos = plugins.list();
  const auto version_text = [&](const std::string& hash) {
    const auto found = std::find_if(infos.begin(), infos.end(), [&](const auto& one) { return one.hash == hash; });
    return found == infos.end() ? std::string() : found->version;
  };
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < wanted.size() + running.size(); ++i) ids.push_back(runtime_.store_->new_event_id());
  const auto decisions = runtime_.store_->decisions();
  const auto done = runtime_.change_plugins(context, wanted, action + " " + name, [&](storage::Session& session) {
    std::size_t id = 0;
    const auto decide = [&](const std::string& one, bool on, const std::string& hash, const std::string& previous, const char* deed) {
      PluginDecision decision;
      decision.name = one;
      decision.wanted = on ? "on" : "off";
      decision.config = config_word(runtime_.settings_, one);
      decision.hash = hash;
      decision.version = version_text(hash);
      decision.previous = previous;
      decision.by = context.actor.username.empty() ? "system" : context.actor.username;
      decision.at = context.now;
      PluginStore::decide(session, decision);
      PluginStore::record(session, ids[id++], context, {0, one, deed, decision.version, hash, {}, {}, one == name ? "" : "for " + action + " " + name, {}});
    };
    for (const auto& [one, hash] : wanted) {
      const auto used = running.find(one);
      if (used == running.end()) decide(one, true, hash, "", "enabled");
      else if (used->second != hash) decide(one, true, hash, used->second, "upgraded");
    }
    for (const auto& [one, hash] : running) {
      if (!wanted.contains(one)) decide(one, false, hash, "", "disabled");
    }
  });
  api::PluginChange out;
  out.result = done.result;
  if (refused(done.result)) {
    std::string why;
    for (const auto& one : done.result.diagnostics) {
      if (one.severity == model::Diagnostic::Severity::error) why += (why.empty() ? "" : "\n") + model::to_string(one);
    }
    runtime_.store_->record(context, {0, name, action + " refused", "", "", {}, {}, why, {}});
    return out;
  }
  out.on = done.started;
  out.off = done.stopped;
  out.restarting = done.restarting;
  out.restart_needed = done.restart_needed;
  spdlog::info("Plugins: {} {} by {}.", action, name, context.actor.username.empty() ? "the system" : context.actor.username);
  return out;
}

api::PluginChange PluginAdministration::enable(const records::Context& context, const std::string& name, const std::string& version, bool dependencies) {
  const std::lock_guard lock(runtime_.reloading_);
  look(name);
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  plugin::Puzzle puzzle{runtime_.plugins_->available(), running_versions(*runtime_.plugins_, running)};
  if (running.contains(name)) {
    if (!version.empty() && puzzle.running.contains(name) && puzzle.running.at(name) != version_of(version))
      throw Error(ErrorCode::conflict, "The plugin " + name + " " + to_string(puzzle.running.at(name)) + " is on; to use another version, upgrade it.");
    api::PluginChange nothing;
    nothing.result.hash = runtime_.catalog()->hash;
    return nothing;
  }
  if (!version.empty()) {
    puzzle.wanted[name] = version_of(version);
  } else {
    // The one that would be used by itself, where there are several.
    puzzle.wanted[name] = std::nullopt;
    const auto decisions = runtime_.store_->decisions();
    if (const auto known = decisions.find(name); known != decisions.end() && !known->second.hash.empty()) {
      for (const PluginInfo& info : runtime_.plugins_->list()) {
        if (info.name == name && info.hash == known->second.hash) puzzle.wanted[name] = plugin::parse_version(info.version);
      }
    }
  }
  bool any = false;
  for (const auto& one : puzzle.files) any = any || one.name == name;
  if (!any) {
    for (const PluginInfo& info : runtime_.plugins_->list()) {
      if (info.name == name && !info.error.empty()) throw Error(ErrorCode::conflict, "The plugin " + name + " cannot be used: " + info.error + ".");
    }
  }
  return change(context, "enable", name, puzzle, [&](const PluginStep& step) { return dependencies && step.kind == PluginStep::Kind::switch_on; },
                "What is only to be switched on is, with the word `dependencies`; other versions you bring into use by an upgrade.");
}

api::PluginChange PluginAdministration::disable(const records::Context& context, const std::string& name, bool dependents) {
  const std::lock_guard lock(runtime_.reloading_);
  look(name);
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  if (!running.contains(name)) {
    // Off at the next start, too.
    const auto decisions = runtime_.store_->decisions();
    const auto known = decisions.find(name);
    if (known == decisions.end() || known->second.wanted != "off") {
      PluginDecision decision = known == decisions.end() ? PluginDecision() : known->second;
      decision.name = name;
      decision.wanted = "off";
      decision.config = config_word(runtime_.settings_, name);
      decision.by = context.actor.username.empty() ? "system" : context.actor.username;
      decision.at = context.now;
      const auto id = runtime_.store_->new_event_id();
      runtime_.store_->database().transact([&](storage::Session& session) {
        PluginStore::decide(session, decision);
        PluginStore::record(session, id, context, {0, name, "disabled", "", "", {}, {}, "", {}});
      });
      look(name);
    }
    api::PluginChange nothing;
    nothing.result.hash = runtime_.catalog()->hash;
    return nothing;
  }
  plugin::Puzzle puzzle{runtime_.plugins_->available(), running_versions(*runtime_.plugins_, running)};
  // What runs can be solved with even where its file is gone.
  puzzle.unwanted.insert(name);
  return change(context, "disable", name, puzzle, [&](const PluginStep& step) { return dependents && step.kind == PluginStep::Kind::switch_off; },
                "What needs it is switched off with it by the word `dependents`.");
}

api::PluginChange PluginAdministration::upgrade(const records::Context& context, const std::string& name, const std::string& version) {
  const std::lock_guard lock(runtime_.reloading_);
  look(name);
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  plugin::Puzzle puzzle{runtime_.plugins_->available(), running_versions(*runtime_.plugins_, running)};
  if (!running.contains(name)) throw Error(ErrorCode::conflict, "The plugin " + name + " is off: enable the version that you want.");
  std::optional<Version> target;
  if (version.empty()) {
    for (const auto& one : puzzle.files) {
      if (one.name == name && (!target || *target < one.version)) target = one.version;
    }
  } else {
    target = version_of(version);
  }
  if (target && puzzle.running.contains(name) && puzzle.running.at(name) == *target) {
    // Where an upgrade failed at its start, that is to be tried no more.
    const auto decisions = runtime_.store_->decisions();
    if (const auto known = decisions.find(name); known != decisions.end() && !known->second.hash.empty() && known->second.hash != running.at(name)) {
      PluginDecision decision = known->second;
      decision.hash = running.at(name);
      decision.version = to_string(*target);
      decision.previous.clear();
      const auto id = runtime_.store_->new_event_id();
      runtime_.store_->database().transact([&](storage::Session& session) {
        PluginStore::decide(session, decision);
        PluginStore::record(session, id, context, {0, name, "kept", decision.version, decision.hash, {}, {}, "the version before", {}});
      });
    }
    api::PluginChange nothing;
    nothing.result.hash = runtime_.catalog()->hash;
    return nothing;
  }
  puzzle.wanted[name] = target;
  return change(context, "upgrade", name, puzzle, [](const PluginStep&) { return false; }, "Do that first, or at once with another version of " + name + ".");
}

api::PluginDetail PluginAdministration::install(const records::Context& context, std::string_view bytes) {
  if (bytes.size() > max_plugin_bytes) throw Error(ErrorCode::too_large, "A plugin's file has at most 64 MiB.");
  const std::lock_guard lock(runtime_.reloading_);
  const auto options = registry_options(runtime_.settings_, {});
  const bool library = bytes.starts_with("\x7f" "ELF");
  const auto aside = options.installed / (std::string(".upload-") + std::to_string(::getpid()) + (library ? ".so" : ".pack.yaml"));
  write_plugin_file(aside, bytes);
  const std::unique_ptr<const std::filesystem::path, void (*)(const std::filesystem::path*)> cleaner(&aside, [](const std::filesystem::path* path) {
    std::error_code ignored;
    std::filesystem::remove(*path, ignored);
  });
  const PluginInfo info = PluginRegistry::inspect(aside, options);
  if (info.state == plugin::PluginState::refused) throw Error(ErrorCode::invalid_argument, "This file cannot be installed: " + info.error + ".");
  const std::string ending = library ? ".so" : ".pack.yaml";
  std::string file = info.name + "-" + info.version + ending;
  for (const PluginInfo& other : runtime_.plugins_->list()) {
    if (other.hash == info.hash) throw Error(ErrorCode::conflict, "The same file is here already, as " + other.file + ".");
    if (other.name == info.name && other.version == info.version)
      throw Error(ErrorCode::conflict, "Another file of " + info.name + " " + info.version + " is here already, " + other.file +
                                           ": two files of one version cannot be told apart. Raise the version, or remove that one first.");
    if (other.file == file && other.installed) file = info.name + "-" + info.version + "-" + info.hash.substr(0, 8) + ending;
  }
  runtime_.store_->keep_file(info.hash, file, bytes);
  const auto decisions = runtime_.store_->decisions();
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  const auto id = runtime_.store_->new_event_id();
  runtime_.store_->database().transact([&](storage::Session& session) {
    // Whatever caravan.yaml says of files that are there: what was installed is off until somebody switches it on.
    if (!running.contains(info.name) && !decisions.contains(info.name)) {
      PluginDecision decision;
      decision.name = info.name;
      decision.wanted = "off";
      decision.config = config_word(runtime_.settings_, info.name);
      decision.by = context.actor.username.empty() ? "system" : context.actor.username;
      decision.at = context.now;
      PluginStore::decide(session, decision);
    }
    PluginStore::record(session, id, context, {0, info.name, "installed", info.version, info.hash, {}, {}, file + ", " + info.trust.sentence(), {}});
  });
  write_plugin_file(options.installed / file, bytes);  // not before: what a start finds there undecided would be switched on
  look(info.name);
  for (auto& one : list(context)) {
    if (one.info.name != info.name) continue;
    // Of the file that was installed; `state` is the plugin's.
    one.info.version = info.version;
    one.info.file = file;
    one.hash = info.hash;
    one.signature = trust_word(info.trust.state);
    one.signed_by = info.trust.by;
    return one;
  }
  throw no_plugin(info.name);
}

void PluginAdministration::remove(const records::Context& context, const std::string& name) {
  const std::lock_guard lock(runtime_.reloading_);
  look(name);
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  if (running.contains(name)) throw Error(ErrorCode::conflict, "The plugin " + name + " is on: switch it off first.");
  const auto folder = runtime_.settings_.data / "plugins";
  std::vector<PluginInfo> files;
  for (const PluginInfo& info : runtime_.plugins_->list()) {
    if (info.name == name && info.installed) files.push_back(info);
  }
  if (files.empty())
    throw Error(ErrorCode::conflict, "The file of the plugin " + name + " is in the server's own folder, " + runtime_.settings_.plugins.string() +
                                         ", and was not installed here: it stays off, or is deleted there.");
  const auto decisions = runtime_.store_->decisions();
  for (const PluginInfo& info : files) {
    runtime_.store_->drop_file(info.hash);
    std::filesystem::remove(folder / info.file);
    runtime_.store_->record(context, {0, name, "removed", info.version, info.hash, {}, {}, info.file, {}});
  }
  // Stays off where its file turns up again.
  if (const auto known = decisions.find(name); known != decisions.end()) {
    PluginDecision decision = known->second;
    decision.wanted = "off";
    decision.hash = decision.previous = "";
    runtime_.store_->database().transact([&](storage::Session& session) { PluginStore::decide(session, decision); });
  }
  auto options = registry_options(runtime_.settings_, runtime_.store_->decisions());
  runtime_.plugins_->rescan(std::move(options));
}

std::vector<std::string> PluginAdministration::tables_of(const std::string& module) const {
  // By what was ever published with it, since its file may be gone.
  std::set<std::string> tables;
  std::set<std::string> seen;
  std::int64_t before = 0;
  for (int looked = 0; looked < 50;) {
    const auto page = runtime_.revisions_->list(before, 100);
    if (page.empty()) break;
    for (const Revision& revision : page) {
      before = revision.id;
      const auto used = revision.plugins.find(module);
      if (used == revision.plugins.end() || !seen.insert(used->second).second || looked++ >= 50) continue;
      const Documents documents = runtime_.revisions_->read(revision.id);
      const auto loaded = model::load_catalog(documents.layers, documents.modules);
      if (!loaded.catalog) continue;
      for (const auto& entity : loaded.catalog->entities) {
        if (entity->module != module) continue;
        tables.insert(entity->table_name);
        for (const auto& field : entity->fields) {
          if (!field->link_table.empty()) tables.insert(field->link_table);
        }
      }
    }
  }
  // What another one defines now stays.
  for (const auto& entity : runtime_.catalog()->entities) {
    tables.erase(entity->table_name);
    for (const auto& field : entity->fields) tables.erase(field->link_table);
  }
  auto session = runtime_.database_->read();
  const auto found = (session->dialect() == storage::Dialect::mysql ? storage::mysql_schema(*session) : storage::sqlite_schema())->find(*session);
  std::vector<std::string> out;
  for (const auto& table : tables) {
    if (found.contains(table)) out.push_back(table);
  }
  return out;
}

api::PurgePreview PluginAdministration::preview_purge(const records::Context&, const std::string& name) {
  if (runtime_.store_->history(name, 0, 1).empty()) {
    const auto infos = runtime_.plugins_->list();
    if (std::none_of(infos.begin(), infos.end(), [&](const auto& one) { return one.name == name; })) throw no_plugin(name);
  }
  if (PluginRegistry::hashes(runtime_.plugins_->running()).contains(name))
    throw Error(ErrorCode::conflict, "The plugin " + name + " is on: switch it off before its data is deleted.");
  api::PurgePreview preview;
  for (const auto& table : tables_of(name)) {
    auto session = runtime_.database_->read();
    storage::Query query(*session, "SELECT COUNT(*) FROM " + storage::quote(session->dialect(), table));
    query.next();
    preview.tables.push_back({table, query.integer(0)});
  }
  preview.confirm = fingerprint(preview);
  return preview;
}

api::PurgeResult PluginAdministration::purge(const records::Context& context, const std::string& name, const std::string& confirm) {
  const std::lock_guard lock(runtime_.reloading_);
  api::PurgeResult result;
  result.purged = preview_purge(context, name);
  if (result.purged.tables.empty()) throw Error(ErrorCode::conflict, "There is no data of the plugin " + name + ".");
  if (result.purged.confirm != confirm)
    throw Error(ErrorCode::conflict, "What would be deleted is not what was confirmed: look at it again, and send its `confirm`.");
  runtime_.nodes_->wait_for(runtime_.catalog()->hash, 20);

  // A copy first.
  std::string moment = format_timestamp(context.now);
  std::erase_if(moment, [](char c) { return c == ':' || c == '-'; });
  const auto folder = runtime_.settings_.data / "purged" / (name + "-" + moment);
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, std::filesystem::perm_options::replace);
  result.backup = folder.string();
  {
    auto session = runtime_.database_->read();
    const auto dialect = session->dialect();
    const auto found = (dialect == storage::Dialect::mysql ? storage::mysql_schema(*session) : storage::sqlite_schema())->find(*session);
    for (const auto& table : result.purged.tables) {
      std::string columns;
      std::vector<std::string> names;
      for (const auto& [column, type] : found.find(table.table)->second.columns) {
        names.push_back(column);
        columns += (columns.empty() ? "CAST(" : ", CAST(") + storage::quote(dialect, column) + (dialect == storage::Dialect::mysql ? " AS CHAR)" : " AS TEXT)");
      }
      std::ofstream file(folder / (table.table + ".jsonl"), std::ios::binary);
      storage::Statement& query = session->prepare("SELECT " + columns + " FROM " + storage::quote(dialect, table.table));
      std::int64_t rows = 0;
      for (; query.step(); ++rows) {
        std::string line;
        api::JsonWriter json(line);
        json.begin_object();
        for (std::size_t i = 0; i < names.size(); ++i) {
          if (query.is_null(static_cast<int>(i))) json.key(names[i]).null(); else json.member(names[i], std::string(query.text(static_cast<int>(i))));
        }
        json.end_object();
        file << line << '\n';
      }
      query.reset();
      file.close();
      if (!file) throw Error(ErrorCode::unavailable, "The copy of " + table.table + " cannot be written to " + folder.string() + ". Nothing was deleted.");
      if (rows != table.rows) throw Error(ErrorCode::conflict, "Rows of " + table.table + " have changed meanwhile. Nothing was deleted; look at it again.");
    }
  }
  {
    storage::Transaction transaction = runtime_.database_->begin();
    auto steps = storage::plan_schema(*transaction, *runtime_.catalog(), false, storage::Constraints::keep);
    std::erase_if(steps, [&](const storage::SchemaStep& step) {
      return step.safety != storage::SchemaStep::Safety::leftover ||
             std::none_of(result.purged.tables.begin(), result.purged.tables.end(), [&](const auto& one) { return one.table == step.table; });
    });
    storage::apply_schema(*transaction, steps, true);
    transaction.commit();
  }
  std::string detail;
  for (const auto& table : result.purged.tables) detail += table.table + ": " + std::to_string(table.rows) + "; ";
  runtime_.store_->record(context, {0, name, "purged", "", "", {}, {}, detail + "copy in " + result.backup, {}});
  return result;
}

api::PluginChange PluginAdministration::clear_quarantine(const records::Context& context, const std::string& name) {
  const std::lock_guard lock(runtime_.reloading_);
  look(name);
  plugin::Quarantine quarantine(runtime_.settings_.data);
  if (!quarantine.clear(name)) throw Error(ErrorCode::conflict, "The plugin " + name + " is not in quarantine.");
  runtime_.store_->record(context, {0, name, "quarantine cleared", "", "", {}, {}, "", {}});
  api::PluginChange out;
  out.result.hash = runtime_.catalog()->hash;
  // Whatever crashed may have left its marks in this process.
  out.restarting = request_restart("the plugin " + name + " was let out of quarantine");
  out.restart_needed = !out.restarting;
  return out;
}

std::vector<api::PluginDeed> PluginAdministration::history(const std::string& name, std::int64_t before, std::uint32_t limit) {
  std::vector<api::PluginDeed> out;
  for (auto& one : runtime_.store_->history(name, before, limit))
    out.push_back({one.id, std::move(one.action), std::move(one.version), std::move(one.by), std::move(one.detail), std::move(one.request_id), one.at});
  return out;
}

std::vector<std::string> PluginAdministration::own_settings(const std::string& name) {
  std::vector<std::string> out;
  for (const auto& [setting, value] : runtime_.store_->settings(name)) out.push_back(setting);
  return out;
}

api::ReloadResult PluginAdministration::change_settings(const records::Context& context, const std::string& name,
                                                        const std::vector<std::pair<std::string, std::optional<std::string>>>& values) {
  const std::lock_guard lock(runtime_.reloading_);
  const auto running = PluginRegistry::hashes(runtime_.plugins_->running());
  if (!running.contains(name)) throw Error(ErrorCode::conflict, "The plugin " + name + " is off.");
  auto all = runtime_.store_->all_settings();
  std::string detail;
  for (const auto& [setting, value] : values) {
    if (value) all[name][setting] = *value; else all[name].erase(setting);
    detail += (detail.empty() ? "" : ", ") + setting + (value ? ": " + *value : " as in the files");
  }
  const auto id = runtime_.store_->new_event_id();
  return runtime_.change_settings(context, settings_layer(all, running), [&](storage::Session& session) {
    for (const auto& [setting, value] : values) PluginStore::set_setting(session, name, setting, value, context.actor.username, context.now);
    PluginStore::record(session, id, context, {0, name, "settings", "", "", {}, {}, detail, {}});
  });
}

}  // namespace caravan::app

#include "app/plugin_store.h"

#include <fcntl.h>
#include <sodium.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/json_writer.h"
#include "base/error.h"
#include "plugin/quarantine.h"
#include "records/file_store.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::app {
namespace {

using storage::Query;

constexpr std::size_t part_bytes = 512 * 1024;

std::string to_base64(std::string_view bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.resize(out.size() - 1);
  return out;
}

std::string from_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0)
    throw Error(ErrorCode::internal, "A stored plugin file was damaged in the database.");
  out.resize(size);
  return out;
}

/// A statement failed for what the server does not know, as for a table that is not there; a database that does not answer is `unavailable`.
bool may_lack_tables(const Error& error) { return error.code() == ErrorCode::internal; }

bool same_bytes(const std::filesystem::path& path, const std::string& hash) {
  return std::filesystem::exists(path) && records::sha256_of(app::read_file(path)) == hash;
}

}  // namespace

std::map<std::string, PluginDecision> PluginStore::decisions() const {
  std::map<std::string, PluginDecision> out;
  try {
    const auto session = database_.read();
    Query query(*session, "SELECT name, wanted, config, hash, version, previous, actor_name, at FROM plugin_decision ORDER BY name");
    while (query.next()) {
      PluginDecision one{query.text(0), query.text(1), query.text(2), query.text(3), query.text(4), query.text(5), query.text(6), query.instant(7).value_or(Timestamp())};
      out.emplace(one.name, std::move(one));
    }
  } catch (const Error& error) {
    if (!may_lack_tables(error) || !out.empty()) throw;
  }
  return out;
}

void PluginStore::decide(storage::Session& session, const PluginDecision& decision) {
  forget(session, decision.name);
  storage::run_sql(session, "INSERT INTO plugin_decision (name, wanted, config, hash, version, previous, actor_name, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   decision.name, decision.wanted, decision.config, decision.hash, decision.version, decision.previous, decision.by, decision.at);
}

void PluginStore::forget(storage::Session& session, const std::string& name) {
  storage::run_sql(session, "DELETE FROM plugin_decision WHERE name = ?", name);
}

void PluginStore::record(storage::Session& session, std::int64_t id, const records::Context& context, const PluginEvent& event) {
  const std::string by = context.actor.system && context.actor.username.empty() ? "system" : context.actor.username;
  storage::run_sql(session, "INSERT INTO plugin_event (id, plugin, action, version, hash, actor_id, actor_name, request_id, at, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   id, event.plugin, event.action, event.version, event.hash, context.actor.user_id, by, context.request_id, context.now, event.detail);
}

void PluginStore::record(const records::Context& context, const PluginEvent& event) {
  const std::int64_t id = new_event_id();
  database_.transact([&](storage::Session& session) { record(session, id, context, event); });
}

std::vector<PluginEvent> PluginStore::history(const std::string& plugin, std::int64_t before, std::uint32_t limit) const {
  const auto session = database_.read();
  Query query(*session,
              "SELECT id, plugin, action, version, hash, actor_name, request_id, at, detail FROM plugin_event WHERE plugin = ? AND id < ? ORDER BY id DESC LIMIT ?",
              plugin, before > 0 ? before : INT64_MAX, std::int64_t{limit});
  std::vector<PluginEvent> out;
  while (query.next()) {
    out.push_back({query.integer(0), query.text(1), query.text(2), query.text(3), query.text(4), query.text(5), query.text(6), query.text(8),
                   query.instant(7).value_or(Timestamp())});
  }
  return out;
}

void PluginStore::keep_file(const std::string& hash, const std::string& file, std::string_view bytes) {
  const auto parts = static_cast<std::int64_t>((bytes.size() + part_bytes - 1) / part_bytes);
  database_.transact([&](storage::Session& session) {
    storage::run_sql(session, "DELETE FROM plugin_file WHERE hash = ?", hash);
    for (std::int64_t part = 0; part < parts; ++part) {
      storage::run_sql(session, "INSERT INTO plugin_file (hash, part, file, parts, content) VALUES (?, ?, ?, ?, ?)", hash, part, file, parts,
                       to_base64(bytes.substr(static_cast<std::size_t>(part) * part_bytes, part_bytes)));
    }
  });
}

std::vector<PluginStore::StoredFile> PluginStore::files() const {
  const auto session = database_.read();
  Query query(*session, "SELECT file, hash FROM plugin_file WHERE part = 0 ORDER BY file");
  std::vector<StoredFile> out;
  while (query.next()) out.push_back({query.text(0), query.text(1)});
  return out;
}

std::string PluginStore::read_file(const std::string& hash) const {
  const auto session = database_.read();
  Query query(*session, "SELECT content, parts FROM plugin_file WHERE hash = ? ORDER BY part", hash);
  std::string out;
  std::int64_t seen = 0, parts = 0;
  for (; query.next(); ++seen) {
    out += from_base64(query.text(0));
    parts = query.integer(1);
  }
  if (seen == 0) throw Error(ErrorCode::not_found, "The database holds no plugin file with the hash " + hash.substr(0, 12) + "….");
  if (seen != parts || records::sha256_of(out) != hash) throw Error(ErrorCode::internal, "A stored plugin file was damaged in the database.");
  return out;
}

void PluginStore::drop_file(const std::string& hash) {
  database_.transact([&](storage::Session& session) { storage::run_sql(session, "DELETE FROM plugin_file WHERE hash = ?", hash); });
}

std::vector<std::string> PluginStore::fetch(const std::filesystem::path& folder, const std::map<std::string, std::string>& wanted) const {
  std::vector<std::string> written;
  std::vector<StoredFile> stored;
  try {
    stored = files();
  } catch (const Error& error) {
    if (!may_lack_tables(error)) throw;
    return written;
  }
  for (const StoredFile& one : stored) {
    const auto path = folder / one.file;
    const bool used = std::any_of(wanted.begin(), wanted.end(), [&](const auto& pair) { return pair.second == one.hash; });
    if (!used || one.file.find('/') != std::string::npos || same_bytes(path, one.hash)) continue;
    write_plugin_file(path, read_file(one.hash));
    written.push_back(one.file);
  }
  return written;
}

void write_plugin_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  const auto aside = path.parent_path() / ("." + path.filename().string() + "." + std::to_string(::getpid()));
  const int file = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const auto fail = [&](const char* what) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    ::unlink(aside.c_str());
    throw Error(ErrorCode::unavailable, std::string("Cannot ") + what + " " + path.string() + ": " + why);
  };
  if (file < 0) fail("write");
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("write");
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(file) != 0 || ::rename(aside.c_str(), path.c_str()) != 0) fail("write");
  ::close(file);
}

std::map<std::string, std::string> PluginStore::settings(const std::string& plugin) const {
  auto all = all_settings();
  return std::move(all[plugin]);
}

std::map<std::string, std::map<std::string, std::string>> PluginStore::all_settings() const {
  std::map<std::string, std::map<std::string, std::string>> out;
  try {
    const auto session = database_.read();
    Query query(*session, "SELECT plugin, name, value FROM plugin_setting ORDER BY plugin, name");
    while (query.next()) out[query.text(0)][query.text(1)] = query.text(2);
  } catch (const Error& error) {
    if (!may_lack_tables(error) || !out.empty()) throw;
  }
  return out;
}

void PluginStore::set_setting(storage::Session& session, const std::string& plugin, const std::string& name, const std::optional<std::string>& value,
                              const std::string& by, Timestamp at) {
  storage::run_sql(session, "DELETE FROM plugin_setting WHERE plugin = ? AND name = ?", plugin, name);
  if (value) storage::run_sql(session, "INSERT INTO plugin_setting (plugin, name, value, actor_name, at) VALUES (?, ?, ?, ?, ?)", plugin, name, *value, by, at);
}

namespace {

constexpr const char* decisions_file = ".decisions.json";

}  // namespace

void write_decisions(const std::filesystem::path& folder, const std::map<std::string, PluginDecision>& decisions) noexcept {
  try {
    if (decisions.empty() && !std::filesystem::exists(folder / decisions_file)) return;
    std::string text;
    api::JsonWriter json(text);
    json.begin_array();
    for (const auto& [name, one] : decisions) {
      json.begin_object().member("name", name).member("wanted", one.wanted).member("config", one.config).member("hash", one.hash);
      json.member("previous", one.previous).end_object();
    }
    json.end_array();
    write_plugin_file(folder / decisions_file, text);
  } catch (const std::exception& error) {
    spdlog::warn("Commands without a database do not learn which plugins are on: {}", error.what());
  }
}

std::map<std::string, PluginDecision> read_decisions(const std::filesystem::path& folder) {
  std::map<std::string, PluginDecision> out;
  try {
    if (!std::filesystem::exists(folder / decisions_file)) return out;
    const auto json = records::parse_json(app::read_file(folder / decisions_file));
    const auto* list = json.as<records::Json::Array>();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      const auto text = [&](const char* name) {
        const auto* member = (*list)[i].find(name);
        const auto* said = member ? member->as<std::string>() : nullptr;
        return said ? *said : std::string();
      };
      PluginDecision one;
      one.name = text("name");
      one.wanted = text("wanted");
      one.config = text("config");
      one.hash = text("hash");
      one.previous = text("previous");
      if (!one.name.empty()) out.emplace(one.name, std::move(one));
    }
  } catch (const Error&) {
    out.clear();
  }
  return out;
}

std::string config_word(const Settings& settings, const std::string& name) {
  if (!settings.enabled) return "all";
  const auto found = settings.enabled->find(name);
  return found != settings.enabled->end() && found->second ? "on" : "off";
}

std::vector<std::string> outdated(const Settings& settings, const std::map<std::string, PluginDecision>& decisions) {
  std::vector<std::string> out;
  for (const auto& [name, one] : decisions) {
    if (!one.wanted.empty() && one.config != config_word(settings, name)) out.push_back(name);
  }
  return out;
}

void decide_for(storage::Session& session, const Settings& settings, const records::Context& context, const std::map<std::string, std::string>& running,
                const std::map<std::string, std::string>& wanted, const std::map<std::string, PluginDecision>& decisions) {
  const auto decide = [&](const std::string& name, bool on, const std::string& hash) {
    const auto known = decisions.find(name);
    PluginDecision one = known == decisions.end() ? PluginDecision() : known->second;
    one.name = name;
    one.wanted = on ? "on" : "off";
    one.config = config_word(settings, name);
    one.hash = hash;
    one.version.clear();
    one.previous.clear();
    one.by = context.actor.username;
    one.at = context.now;
    PluginStore::decide(session, one);
  };
  for (const auto& [name, hash] : wanted) {
    const auto used = running.find(name);
    if (used == running.end() || used->second != hash) decide(name, true, hash);
  }
  for (const auto& [name, hash] : running) {
    if (!wanted.contains(name)) decide(name, false, hash);
  }
}

model::SourceLayer settings_layer(const std::map<std::string, std::map<std::string, std::string>>& settings, const std::map<std::string, std::string>& plugins) {
  model::SourceLayer layer{"console", {}};
  for (const auto& [plugin, values] : settings) {
    if (!plugins.contains(plugin) || values.empty()) continue;
    std::string text = "kind: settings\nname: " + plugin + "\nsettings:\n";
    for (const auto& [name, value] : values) text += "  " + name + ": {value: " + value + "}\n";
    layer.files.push_back({"console:settings/" + plugin + ".yaml", std::move(text), ""});
  }
  return layer;
}

plugin::RegistryOptions registry_options(const Settings& settings, const std::map<std::string, PluginDecision>& decisions) {
  plugin::RegistryOptions options;
  options.directory = settings.plugins;
  options.installed = settings.data / "plugins";
  if (settings.enabled) {
    options.enabled.emplace();
    for (const auto& [name, on] : *settings.enabled) {
      if (on) options.enabled->insert(name);
    }
  }
  const auto old = outdated(settings, decisions);
  for (const auto& [name, one] : decisions) {
    if (!one.hash.empty()) options.pinned[name] = one.hash;
    if (!one.previous.empty()) options.fallback[name] = one.previous;
    if (!one.wanted.empty() && std::find(old.begin(), old.end(), name) == old.end()) options.decided[name] = one.wanted == "on";
  }
  options.trusted = settings.trusted_keys;
  options.require_signature = settings.require_signature;
  for (auto& one : plugin::Quarantine(settings.data).list()) options.quarantined[one.plugin] = std::move(one.why);
  options.instance.log = [](int level, std::string_view plugin, std::string_view message) {
    static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    spdlog::log(levels[std::clamp(level, 0, 3)], "plugin {}: {}", plugin, message);
  };
  return options;
}

}  // namespace caravan::app

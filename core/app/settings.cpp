#include "app/settings.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "model/diagnostics.h"
#include "model/yaml_tree.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;
using model::Diagnostics;
using model::Node;

constexpr int least_memory_mb = 256;

class Reader {
 public:
  Reader(Settings& settings, Diagnostics& diagnostics) : settings_(settings), diagnostics_(diagnostics) {}

  void read(const Node& root) {
    known(root, {"http", "database", "data", "plugins", "packs", "console", "log", "limits", "records", "jobs", "keys_file", "mail", "webhooks", "worker", "metrics"});
    if (const Node* http = map(root, "http")) {
      known(*http, {"address", "port", "workers", "trusted_proxies", "max_connections", "max_connections_per_address", "queue", "max_spooled_mb"});
      text(*http, "address", settings_.http.address);
      int port = settings_.http.port;
      number(*http, "port", 0, 65535, port);
      settings_.http.port = static_cast<std::uint16_t>(port);
      number(*http, "workers", 1, 256, settings_.http.workers);
      number(*http, "max_connections", 16, 1'000'000, settings_.http.max_connections);
      number(*http, "max_connections_per_address", 1, 1'000'000, settings_.http.max_connections_per_address);
      number(*http, "queue", 1, 100'000, settings_.http.queue);
      int spooled = static_cast<int>(settings_.http.max_spooled_bytes >> 20);
      number(*http, "max_spooled_mb", 64, 10'000'000, spooled);
      settings_.http.max_spooled_bytes = static_cast<std::uint64_t>(spooled) << 20;
      list(*http, "trusted_proxies", settings_.http.trusted_proxies);
    }
    if (const Node* database = map(root, "database")) {
      known(*database, {"url"});
      text(*database, "url", settings_.database_url);
    }
    path(root, "data", settings_.data);
    path(root, "keys_file", settings_.keys_file);
    if (const Node* plugins = map(root, "plugins")) {
      known(*plugins, {"directory", "enabled", "trusted_keys", "require_signature", "deadline_seconds", "route_deadline_seconds"});
      path(*plugins, "directory", settings_.plugins);
      seconds(*plugins, "deadline_seconds", settings_.deadlines.inside);
      seconds(*plugins, "route_deadline_seconds", settings_.deadlines.outside);
      flag(*plugins, "require_signature", settings_.require_signature);
      if (const Node* keys = map(*plugins, "trusted_keys")) {
        for (const auto& entry : keys->entries) {
          if (const std::string mistake = plugin::mistake_in_key(entry.value.text); !mistake.empty())
            diagnostics_.error(entry.value.at, "bad-key", mistake);
          else
            settings_.trusted_keys[entry.key] = entry.value.text;
        }
      }
      if (const Node* enabled = map(*plugins, "enabled")) {
        settings_.enabled.emplace();
        for (const auto& entry : enabled->entries) {
          bool on = false;
          flag(entry.value, on);
          (*settings_.enabled)[entry.key] = on;
        }
      }
    }
    if (const Node* worker = map(root, "worker")) {
      known(*worker, {"memory_mb"});
      number(*worker, "memory_mb", 0, 100'000'000, settings_.memory_mb);
      if (settings_.memory_mb > 0 && settings_.memory_mb < least_memory_mb) {
        diagnostics_.error(worker->get("memory_mb")->at, "bad-number", "`memory_mb` is less than a server needs",
                           "0 for three quarters of the machine, or " + std::to_string(least_memory_mb) + " and more");
      }
    }
    if (const Node* metrics = map(root, "metrics")) {
      known(*metrics, {"address", "port"});
      text(*metrics, "address", settings_.metrics.address);
      number(*metrics, "port", 0, 65535, settings_.metrics.port);
    }
    list(root, "packs", settings_.packs);
    if (const Node* records = map(root, "records")) {
      known(*records, {"undo_days", "look_days"});
      number(*records, "look_days", 1, 36500, settings_.look_days);
      number(*records, "undo_days", 0, 3650, settings_.undo_days);
    }
    if (const Node* jobs = map(root, "jobs")) {
      known(*jobs, {"workers", "lease_seconds", "poll_milliseconds", "queues"});
      number(*jobs, "workers", 1, 256, settings_.jobs.workers);
      number(*jobs, "lease_seconds", 5, 3600, settings_.jobs.lease_seconds);
      number(*jobs, "poll_milliseconds", 50, 60'000, settings_.jobs.poll_milliseconds);
      if (const Node* queues = map(*jobs, "queues")) {
        for (const auto& entry : queues->entries) {
          jobs::QueueLimit limit;
          limit.queue = entry.key;
          if (!entry.value.is_map()) {
            diagnostics_.error(entry.value.at, "wrong-kind", "a queue must be a map, such as `{at_once: 2}`");
            continue;
          }
          known(entry.value, {"at_once"});
          number(entry.value, "at_once", 1, 256, limit.at_once);
          settings_.jobs.limits.push_back(std::move(limit));
        }
      }
    }
    if (const Node* console = map(root, "console")) {
      known(*console, {"directory"});
      path(*console, "directory", settings_.console);
    }
    if (const Node* mail = map(root, "mail")) read_mail(*mail);
    if (const Node* webhooks = map(root, "webhooks")) {
      known(*webhooks, {"secret_file", "allow_private"});
      path(*webhooks, "secret_file", settings_.webhook_secret);
      flag(*webhooks, "allow_private", settings_.webhooks_private);
    }
    if (const Node* limits = map(root, "limits")) {
      known(*limits, {"requests_per_second", "burst", "anonymous_per_second", "anonymous_burst"});
      count(*limits, "requests_per_second", 0, settings_.limits.user.per_second);
      count(*limits, "burst", 1, settings_.limits.user.burst);
      count(*limits, "anonymous_per_second", 0, settings_.limits.anonymous.per_second);
      count(*limits, "anonymous_burst", 1, settings_.limits.anonymous.burst);
    }
    if (const Node* log = map(root, "log")) {
      known(*log, {"level"});
      text(*log, "level", settings_.log_level);
      static const std::vector<std::string_view> levels{"trace", "debug", "info", "warn", "error"};
      if (std::find(levels.begin(), levels.end(), settings_.log_level) == levels.end()) {
        diagnostics_.error(log->get("level")->at, "unknown-level", "there is no level " + model::quoted(settings_.log_level),
                           model::suggest(settings_.log_level, levels));
      }
    }
  }

 private:
  void read_mail(const Node& mail) {
    known(mail, {"server", "from", "user", "password_file", "tls", "timeout_seconds"});
    text(mail, "server", settings_.mail.url);
    text(mail, "from", settings_.mail.from);
    text(mail, "user", settings_.mail.user);
    number(mail, "timeout_seconds", 1, 600, settings_.mail.timeout_seconds);
    if (!settings_.mail.url.empty() && !settings_.mail.url.starts_with("smtp://") && !settings_.mail.url.starts_with("smtps://"))
      diagnostics_.error(mail.get("server")->at, "bad-address", model::quoted(settings_.mail.url) + " is no mail server", "write e.g. smtp://mail.example.com:587");
    if (!settings_.mail.url.empty() && settings_.mail.from.find('@') == std::string::npos)
      diagnostics_.error(mail.at, "missing-word", "`mail` has no `from`", "add the address that mail comes from");
    std::string tls;
    text(mail, "tls", tls);
    using Tls = channels::MailServer::Tls;
    if (tls == "opportunistic") settings_.mail.tls = Tls::opportunistic;
    else if (tls == "none") settings_.mail.tls = Tls::none;
    else if (!tls.empty() && tls != "required")
      diagnostics_.error(mail.get("tls")->at, "unknown-value", "`tls` cannot be " + model::quoted(tls), "required, opportunistic or none");
    fs::path password;
    path(mail, "password_file", password);
    if (password.empty()) return;
    try {
      settings_.mail.password = read_file(password);
      while (!settings_.mail.password.empty() && (settings_.mail.password.back() == '\n' || settings_.mail.password.back() == '\r')) settings_.mail.password.pop_back();
    } catch (const Error& error) {
      diagnostics_.error(mail.get("password_file")->at, "no-file", error.message(), "name a file that the server can read");
    }
  }
  void flag(const Node& node, std::string_view key, bool& target) {
    const Node* value = node.get(key);
    if (value == nullptr || value->is_null()) return;
    if (value->is_scalar() && (value->text == "true" || value->text == "false")) target = value->text == "true";
    else diagnostics_.error(value->at, "wrong-kind", "`" + std::string(key) + "` must be true or false");
  }
  void known(const Node& node, const std::vector<std::string_view>& words) {
    for (const auto& entry : node.entries) {
      if (entry.bad || std::find(words.begin(), words.end(), entry.key) != words.end()) continue;
      diagnostics_.error(entry.at, "unknown-setting", "unknown setting " + model::quoted(entry.key), model::suggest(entry.key, words));
    }
  }
  const Node* map(const Node& node, std::string_view key) {
    const Node* value = node.get(key);
    if (value == nullptr || value->is_null()) return nullptr;
    if (value->is_map()) return value;
    diagnostics_.error(value->at, "wrong-kind", "`" + std::string(key) + "` must be a map");
    return nullptr;
  }
  /// An empty text leaves the default.
  void text(const Node& node, std::string_view key, std::string& target) {
    const Node* value = node.get(key);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_scalar()) diagnostics_.error(value->at, "wrong-kind", "`" + std::string(key) + "` must be a text");
    else if (!value->text.empty()) target = value->text;
  }
  void path(const Node& node, std::string_view key, fs::path& target) {
    std::string said;
    text(node, key, said);
    if (!said.empty()) target = said;
  }
  void number(const Node& node, std::string_view key, int low, int high, int& target) {
    const Node* value = node.get(key);
    if (value == nullptr || value->is_null()) return;
    int parsed = 0;
    const char* end = value->text.data() + value->text.size();
    const auto [stopped, error] = std::from_chars(value->text.data(), end, parsed);
    if (!value->is_scalar() || error != std::errc() || stopped != end || parsed < low || parsed > high) {
      diagnostics_.error(value->at, "bad-number", "`" + std::string(key) + "` must be a number",
                         "from " + std::to_string(low) + " to " + std::to_string(high));
      return;
    }
    target = parsed;
  }
  void seconds(const Node& node, std::string_view key, double& target) {
    int parsed = static_cast<int>(target);
    number(node, key, 1, 3600, parsed);
    target = parsed;
  }
  void count(const Node& node, std::string_view key, int low, std::uint32_t& target) {
    int parsed = static_cast<int>(target);
    number(node, key, low, 1'000'000, parsed);
    target = static_cast<std::uint32_t>(parsed);
  }
  void flag(const Node& value, bool& target) {
    if (value.is_scalar() && (value.text == "true" || value.text == "false")) target = value.text == "true";
    else diagnostics_.error(value.at, "wrong-kind", "this must be true or false");
  }
  void list(const Node& node, std::string_view key, std::vector<std::string>& target) {
    const Node* value = node.get(key);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_list()) {
      diagnostics_.error(value->at, "wrong-kind", "`" + std::string(key) + "` must be a list");
      return;
    }
    target.clear();
    for (const Node& item : value->items) target.push_back(item.text);
  }

  Settings& settings_;
  Diagnostics& diagnostics_;
};

void read_yaml_files(const fs::path& root, const std::set<std::string>& left_out, model::SourceLayer& layer) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().filename().string();
    std::error_code unreadable;
    if (it->is_directory(unreadable)) {
      if (name.starts_with('.') || (it.depth() == 0 && left_out.count(name) != 0)) it.disable_recursion_pending();
      continue;
    }
    const auto extension = it->path().extension();
    if (extension != ".yaml" && extension != ".yml") continue;
    // Hidden files are editors' own.
    if (name.starts_with('.') || (it.depth() == 0 && left_out.count(name) != 0)) continue;
    files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) layer.files.push_back({file.lexically_normal().string(), read_file(file), ""});
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream content;
  if (stream) content << stream.rdbuf();
  if (!stream) throw Error(ErrorCode::invalid_argument, "The file " + path.string() + " cannot be read.");
  return content.str();
}

SettingsResult load_settings(const Overrides& overrides, const fs::path& binary) {
  SettingsResult result;
  Settings settings;
  settings.http.max_anonymous_body_bytes = 1024 * 1024;
  settings.http.is_upload = [](std::string_view method, std::string_view target) {
    target = target.substr(0, target.find('?'));
    return method == "POST" && (target.starts_with("/api/v1/import/") || (target.starts_with("/api/v1/records/") && target.ends_with("/attachments")));
  };
  // build/PRESET/caravan in a source tree, or PREFIX/bin/caravan where it is installed.
  const fs::path home = binary.parent_path();
  const auto first_existing = [](std::initializer_list<fs::path> candidates) {
    for (const auto& candidate : candidates) {
      if (fs::exists(candidate)) return candidate.lexically_normal();
    }
    return candidates.begin()->lexically_normal();
  };
  settings.config = overrides.config ? fs::path(*overrides.config)
                                     : first_existing({home / "../../config", home / "../share/caravan/config", "/etc/caravan"});
  settings.plugins = first_existing({home / "plugins", home / "../lib/caravan/plugins"});
  settings.console = first_existing({home / "../../core/console/dist", home / "../share/caravan/console"});
  settings.data = "data";

  const fs::path file = settings.config / "caravan.yaml";
  if (overrides.config && !fs::is_directory(settings.config)) {
    throw Error(ErrorCode::invalid_argument, "The configuration folder " + settings.config.string() + " does not exist.");
  }
  const std::string content = fs::exists(file) ? read_file(file) : std::string();
  model::YamlDocument document(file.lexically_normal().string(), content, "the settings");
  if (const Node* root = document.root()) Reader(settings, document.diagnostics()).read(*root);
  const bool failed = document.diagnostics().failed();
  result.diagnostics = document.diagnostics().take();
  if (failed) return result;
  if (overrides.data) settings.data = *overrides.data;
  if (overrides.database) settings.database_url = *overrides.database;
  if (overrides.plugins) settings.plugins = *overrides.plugins;
  if (overrides.console) settings.console = *overrides.console;
  if (overrides.address) settings.http.address = *overrides.address;
  if (overrides.port) settings.http.port = static_cast<std::uint16_t>(*overrides.port);
  settings.data = fs::absolute(settings.data).lexically_normal();
  if (settings.data.filename().empty()) settings.data = settings.data.parent_path();
  if (settings.keys_file.empty()) settings.keys_file = settings.data.string() + ".keys";
  settings.keys_file = fs::absolute(settings.keys_file).lexically_normal();
  if (settings.database_url.empty()) settings.database_url = "sqlite://" + (settings.data / "caravan.db").string();
  settings.http.admin_socket = settings.admin_socket().string();
  settings.safe_mode = overrides.safe_mode;
  result.settings = std::move(settings);
  return result;
}

std::vector<model::SourceLayer> configuration_layers(const Settings& settings) {
  std::vector<model::SourceLayer> layers;
  if (settings.safe_mode) return layers;
  for (const std::string& pack : settings.packs) {
    const fs::path folder = settings.config / "packs" / pack;
    if (pack.find('/') != std::string::npos || !fs::is_directory(folder)) {
      throw Error(ErrorCode::invalid_argument, "There is no pack \"" + pack + "\": the folder " + folder.string() + " does not exist.");
    }
    model::SourceLayer layer{"pack " + pack, {}};
    read_yaml_files(folder, {}, layer);
    layers.push_back(std::move(layer));
  }
  model::SourceLayer agency{"agency", {}};
  if (fs::is_directory(settings.config)) {
    read_yaml_files(settings.config, {"caravan.yaml", "packs", "examples", "deploy", "imports"}, agency);
  }
  layers.push_back(std::move(agency));
  return layers;
}

}  // namespace caravan::app

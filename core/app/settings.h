#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/rate_limit.h"
#include "channels/transfer.h"
#include "http/front_door.h"
#include "jobs/queue.h"
#include "model/loader.h"
#include "plugin/watchdog.h"
#include "plugin/signature.h"

namespace caravan::app {

/// What the person at the command line said; it wins over caravan.yaml.
struct Overrides {
  std::optional<std::string> config, data, database, plugins, console, address;
  std::optional<int> port;
  bool safe_mode = false;
};

/// Settings of a server: caravan.yaml under the command line.
struct Settings {
  std::filesystem::path config;             ///< folder; may not exist (then nothing but defaults)
  std::filesystem::path data;
  std::string database_url;                 ///< never empty: sqlite://DATA/caravan.db by default
  std::filesystem::path plugins;            ///< folder of *.so
  std::optional<std::map<std::string, bool>> enabled;  ///< absent: every plugin in the folder
  plugin::TrustedKeys trusted_keys;         ///< whose plugins and packs are known; by the agency's name for them
  bool require_signature = false;           ///< plugins and packs are installed only where a trusted key signed them
  std::vector<std::string> packs;
  std::filesystem::path console;            ///< folder of the built console; may not exist
  std::string log_level = "info";
  std::filesystem::path keys_file;          ///< of sensitive fields; DATA.keys by default, beside the data folder
  int look_days = 365;                      ///< how long it is kept who saw sensitive values
  int undo_days = 30;                       ///< how long deleted records can be restored; 0: not at all
  http::FrontDoorOptions http;
  channels::MailServer mail;                ///< without `url`: mail is not sent
  std::filesystem::path webhook_secret;     ///< file; DATA/webhook.secret by default, made where it is not there
  bool webhooks_private = false;            ///< webhooks may go to this machine and private networks
  jobs::QueueOptions jobs;                  ///< threads, lease and limits of the durable queue
  /// Without plugins, packs and the agency's definitions, and without jobs: for an administrator to mend what does not start.
  bool safe_mode = false;
  plugin::Deadlines deadlines;              ///< of plugins' callbacks
  int memory_mb = 0;                        ///< what the server's process may take; 0: three quarters of the machine's
  struct Metrics {
    std::string address = "127.0.0.1";
    int port = 0;                           ///< 0: off
  } metrics;
  /// Of each user, and of each address without a session or token.
  api::RateLimits limits{{500, 5000}, {50, 1000}};

  std::filesystem::path admin_socket() const { return data / "admin.sock"; }
};

struct SettingsResult {
  std::optional<Settings> settings;         ///< absent where there is a mistake
  std::vector<model::Diagnostic> diagnostics;
};

/// Reads CONFIG/caravan.yaml. `binary`: path of this program, from which the default folders are found.
SettingsResult load_settings(const Overrides& overrides, const std::filesystem::path& binary);

/// The agency's layer and the packs': every *.yaml under the configuration folder but caravan.yaml, packs/, examples/, deploy/
/// and imports/. Throws Error(invalid_argument) where a named pack or a file cannot be read.
std::vector<model::SourceLayer> configuration_layers(const Settings& settings);

/// The whole file. Throws Error(invalid_argument) naming it.
std::string read_file(const std::filesystem::path& path);

}  // namespace caravan::app

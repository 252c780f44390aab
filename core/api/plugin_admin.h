#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"

namespace caravan::api {

class DefinitionAdmin;

/// What a change of plugins came to.
struct PluginChange {
  ReloadResult result;                 ///< with an error among the diagnostics nothing has changed
  std::vector<std::string> on, off;    ///< plugins that were switched on and off by it, with those that belong to them
  bool restarting = false;             ///< a fresh process takes over in a moment
  bool restart_needed = false;         ///< the server must be restarted by hand before all of it holds
};

struct PluginVersion {
  std::string version, file, hash;
  bool used = false;
  std::string error;  ///< why it cannot be used
};

/// What one callback has done since the process began. Times in microseconds, with what the server did for it.
struct PluginCallback {
  std::string name;                    ///< `before_create of sales.order`
  std::int64_t calls = 0, errors = 0, refusals = 0;
  std::int64_t late = 0;               ///< calls that took longer than they may
  std::int64_t micros = 0, longest_micros = 0;
  int paused_seconds = 0;              ///< for how long it is not called, after repeated errors
};

/// A change of data that its manifest asks for.
struct PluginMigration {
  std::string name;
  std::string version;  ///< with which it began; "": it waits
  std::int64_t records = 0;
  std::optional<Timestamp> done_at;
};

/// All that is known of one plugin or pack.
struct PluginDetail {
  PluginInfo info;                     ///< of the file that is in use, or would be
  std::string kind;                    ///< library or pack
  std::string hash, vendor, description;
  std::string signature;               ///< unsigned, damaged, unknown or trusted
  std::string signed_by;               ///< name of the trusted key
  bool installed = false;              ///< its file was installed into the data folder
  std::vector<std::string> requires_;  ///< `billing >=0.1`
  std::vector<std::string> dependents; ///< plugins in use that need it
  std::string decided;                 ///< on, off: said while the server ran; "": caravan.yaml says it
  std::string decided_by;
  Timestamp decided_at{};
  std::vector<PluginVersion> versions; ///< all files of it
  std::vector<PluginMigration> migrations;
  std::int64_t calls = 0, errors = 0, refusals = 0, paused = 0;  ///< since the process began; callbacks whose breaker is open
  std::vector<PluginCallback> callbacks;
};

struct PluginDeed {
  std::int64_t id = 0;
  std::string action, version, by, detail, request_id;
  Timestamp at{};
};

/// What a purge would delete.
struct PurgePreview {
  struct Table {
    std::string table;
    std::int64_t rows = 0;
  };
  std::vector<Table> tables;
  std::string confirm;  ///< to be sent back; another one as soon as a row more or less is there
};
struct PurgeResult {
  PurgePreview purged;
  std::string backup;  ///< folder with the rows, on the server
};

struct PluginSetting {
  std::string name;
  std::string value;     ///< JSON
  bool from_console = false;
};

/// Administers plugins in a running server. Whoever calls is an administrator. All of it is written into the plugin's history. Thread-safe; changes
/// are made one after another. `context.catalog` of a change is null: a request must not hold what is to be left.
class PluginAdmin {
 public:
  virtual ~PluginAdmin() = default;
  virtual std::vector<PluginDetail> list(const records::Context& context) = 0;
  /// Throws conflict saying what is in the way and how to solve it. `dependencies`: also what it needs. `version`: that one; "": the one that would be used.
  virtual PluginChange enable(const records::Context& context, const std::string& name, const std::string& version, bool dependencies) = 0;
  /// `dependents`: also what needs it.
  virtual PluginChange disable(const records::Context& context, const std::string& name, bool dependents) = 0;
  /// Keeps the file beside the others and uses nothing of it yet. Throws invalid_argument saying what is wrong with it. Returns name and version.
  virtual PluginDetail install(const records::Context& context, std::string_view bytes) = 0;
  /// Uses another version of what is on, and checks everything before. `version` "": the newest that is here.
  virtual PluginChange upgrade(const records::Context& context, const std::string& name, const std::string& version) = 0;
  /// Deletes the installed files of a plugin that is off. The data stays.
  virtual void remove(const records::Context& context, const std::string& name) = 0;
  virtual PurgePreview preview_purge(const records::Context& context, const std::string& name) = 0;
  virtual PurgeResult purge(const records::Context& context, const std::string& name, const std::string& confirm) = 0;
  /// Lets its code run again.
  virtual PluginChange clear_quarantine(const records::Context& context, const std::string& name) = 0;
  virtual std::vector<PluginDeed> history(const std::string& name, std::int64_t before, std::uint32_t limit) = 0;
  /// Sets settings of the plugin's module in the console's overlay: name → value as JSON; nullopt takes it away again.
  virtual ReloadResult change_settings(const records::Context& context, const std::string& name,
                                       const std::vector<std::pair<std::string, std::optional<std::string>>>& values) = 0;
  /// Names that the overlay sets.
  virtual std::vector<std::string> own_settings(const std::string& name) = 0;
  /// What is said of definitions in the console, see api/definition_admin.h; null: nothing can be.
  virtual DefinitionAdmin* definitions() { return nullptr; }
};

}  // namespace caravan::api

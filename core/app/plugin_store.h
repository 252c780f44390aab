#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "base/date_time.h"
#include "plugin/registry.h"
#include "records/context.h"
#include "storage/database.h"
#include "storage/sequence.h"

namespace caravan::app {

/// What was decided about a plugin while a server ran; see docs/adr/0030-plugins-in-a-running-server.md for what wins over what.
struct PluginDecision {
  std::string name;
  std::string wanted;    ///< on, off; "": as caravan.yaml says
  std::string config;    ///< what caravan.yaml said then: on, off, all
  std::string hash;      ///< of the file to be used; "": the one in the server's own folder
  std::string version;
  std::string previous;  ///< hash of the file before an upgrade, which is used again where the new one cannot be loaded
  std::string by;
  Timestamp at{};
};

/// One deed of somebody, for the history.
struct PluginEvent {
  std::int64_t id = 0;
  std::string plugin, action, version, hash, by, request_id, detail;
  Timestamp at{};
};

/// The tables of plugins that every node on the database shares. Thread-safe.
class PluginStore {
 public:
  PluginStore(storage::Database& database, storage::Sequences& sequences) : database_(database), sequences_(sequences) {}

  /// By name; none where the database has no tables yet.
  std::map<std::string, PluginDecision> decisions() const;
  static void decide(storage::Session& session, const PluginDecision& decision);
  static void forget(storage::Session& session, const std::string& name);

  /// Under this instead of a plugin's name stands what was done with the definitions as a whole.
  static constexpr const char* definitions = "-";
  std::int64_t new_event_id() { return sequences_.next("plugin_event"); }
  static void record(storage::Session& session, std::int64_t id, const records::Context& context, const PluginEvent& event);
  /// In a transaction of its own.
  void record(const records::Context& context, const PluginEvent& event);
  /// Newest first; `before`: id, or 0.
  std::vector<PluginEvent> history(const std::string& plugin, std::int64_t before, std::uint32_t limit) const;

  /// Keeps a file for every node; the same bytes are kept once.
  void keep_file(const std::string& hash, const std::string& file, std::string_view bytes);
  struct StoredFile {
    std::string file, hash;
  };
  std::vector<StoredFile> files() const;
  /// Throws not_found.
  std::string read_file(const std::string& hash) const;
  void drop_file(const std::string& hash);
  /// Writes the stored files that are wanted and not in the folder into it; names of those that were written.
  std::vector<std::string> fetch(const std::filesystem::path& folder, const std::map<std::string, std::string>& wanted) const;

  /// Name of a setting → value as JSON; what the console says on top of the files.
  std::map<std::string, std::string> settings(const std::string& plugin) const;
  std::map<std::string, std::map<std::string, std::string>> all_settings() const;
  static void set_setting(storage::Session& session, const std::string& plugin, const std::string& name, const std::optional<std::string>& value,
                          const std::string& by, Timestamp at);

  storage::Database& database() const { return database_; }

 private:
  storage::Database& database_;
  storage::Sequences& sequences_;
};

/// The decisions by which `wanted` (name → hash) runs from now on instead of `running`.
void decide_for(storage::Session& session, const Settings& settings, const records::Context& context, const std::map<std::string, std::string>& running,
                const std::map<std::string, std::string>& wanted, const std::map<std::string, PluginDecision>& decisions);
/// What the console says of settings, as a layer above the agency's; of those modules only.
model::SourceLayer settings_layer(const std::map<std::string, std::map<std::string, std::string>>& settings, const std::map<std::string, std::string>& plugins);

/// Writes the file at once or not at all. Throws unavailable.
void write_plugin_file(const std::filesystem::path& path, std::string_view bytes);
/// A copy of the decisions in the folder of installed files, for commands that have no database at hand. Reading: none where there is no sound copy.
void write_decisions(const std::filesystem::path& folder, const std::map<std::string, PluginDecision>& decisions) noexcept;
std::map<std::string, PluginDecision> read_decisions(const std::filesystem::path& folder);
/// What caravan.yaml says of a plugin: on, off, or all where it lists none.
std::string config_word(const Settings& settings, const std::string& name);
/// Decisions that are older than what caravan.yaml says now: the file was changed since, and wins.
std::vector<std::string> outdated(const Settings& settings, const std::map<std::string, PluginDecision>& decisions);
/// How the plugins' folders are read under these decisions.
plugin::RegistryOptions registry_options(const Settings& settings, const std::map<std::string, PluginDecision>& decisions);

}  // namespace caravan::app

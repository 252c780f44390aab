#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/date_time.h"
#include "jobs/queue.h"
#include "plugin/registry.h"
#include "records/service.h"
#include "storage/sequence.h"

namespace caravan::app {

inline constexpr const char* migration_kind = "plugins.migration";

/// How far one has come.
struct MigrationState {
  std::string plugin, name, version;
  std::int64_t records = 0;  ///< changed so far
  std::optional<Timestamp> done_at;
};

/// Changes of data that plugins ask for in their manifests (`migrations:`): each is done once, forward only, by the durable queue, in transactions
/// of some records through the gate with the system's rights, in the order of ids. How far it has come is written in the same transaction: after a kill it
/// goes on where it was, and no record is changed twice. A record that the action refuses stops it; the job is tried again, and is a dead letter in the
/// end, which says which record it was. Thread-safe.
class PluginMigrations {
 public:
  using CatalogInUse = std::function<std::shared_ptr<const model::Catalog>()>;
  /// All outlive the object. Its handler is registered with the queue, which is not started yet.
  PluginMigrations(const records::RecordService& records, CatalogInUse catalog, const plugin::PluginRegistry& plugins, jobs::Queue& queue,
                   storage::Sequences& sequences);
  /// Adds a job for each plugin in use that has some to be done. After a start, and whenever plugins were switched on.
  void plan();
  std::vector<MigrationState> states(const std::string& plugin) const;

 private:
  void run(jobs::Attempt& attempt) const;
  /// False where it must be left for later, as the server stops.
  bool migrate(jobs::Attempt& attempt, const std::string& plugin, const std::string& version, const plugin::Migration& migration) const;
  /// The plugin's file that is used.
  std::optional<plugin::PluginInfo> used(const std::string& plugin) const;

  const records::RecordService& records_;
  const CatalogInUse catalog_;
  const plugin::PluginRegistry& plugins_;
  jobs::Queue& queue_;
  storage::Sequences& sequences_;
};

}  // namespace caravan::app

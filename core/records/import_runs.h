#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/queue.h"
#include "records/file_store.h"
#include "records/import.h"

/// Imports as durable jobs: the file lies in the file store, what was done is written in the transaction of each batch, so that an
/// import goes on exactly where a killed server left it.
namespace caravan::records {

inline constexpr const char* import_kind = "records.import";
inline constexpr const char* import_queue = "import";

struct ImportRun {
  std::int64_t id = 0;
  std::string entity, map;              ///< the map's name
  std::string file_name;                ///< as the client said
  std::int64_t file_bytes = 0;
  std::string state;                    ///< waiting, running, done, failed
  bool dry_run = false;
  std::int64_t actor_id = 0;            ///< 0: the system
  std::string actor_name;
  Timestamp created_at;
  std::optional<Timestamp> finished_at;
  std::int64_t done = 0;                ///< rows
  ImportReport report;                  ///< so far; without `errors` unless asked for
  std::string message;                  ///< why it failed
};

/// What is handed in.
struct NewImport {
  const model::ImportMap* map = nullptr;
  std::string map_text;                 ///< the YAML of a map that is no definition; else empty
  std::string file_name;
  FileStore::Stored file;
  bool dry_run = false;
};

/// Adds the run and its job; returns its id.
std::int64_t start_import(const RecordService& records, storage::Sequences& sequences, const Context& context, const NewImport& wanted);
/// With its first errors. Whoever may import sees all runs.
std::optional<ImportRun> find_import(storage::Session& session, std::int64_t id, std::size_t errors = 1000);
/// Newest first; `before`: an id, 0: from the newest.
std::vector<ImportRun> list_imports(storage::Session& session, std::int64_t before, std::uint32_t limit);
/// The rows that failed, as a file; calls `write` with piece after piece.
void write_import_errors(storage::Database& database, std::int64_t id, const std::function<void(std::string_view)>& write);
/// Forgets runs that ended so many days ago; files go with them. How many.
std::int64_t purge_imports(storage::Database& database, const FileStore& files, Timestamp now, int days);

/// Does what the queue holds.
class ImportJobs {
 public:
  /// References outlive it. `actor`: who a user is now; nullopt where he is no more.
  ImportJobs(const RecordService& records, const FileStore& files, std::function<std::shared_ptr<const model::Catalog>()> catalog,
             std::function<std::optional<Actor>(std::int64_t)> actor, const Clock& clock)
      : records_(records), files_(files), catalog_(std::move(catalog)), actor_(std::move(actor)), clock_(clock) {}
  void operator()(jobs::Attempt& attempt) const;

 private:
  void run(jobs::Attempt& attempt, std::int64_t id) const;
  const RecordService& records_;
  const FileStore& files_;
  std::function<std::shared_ptr<const model::Catalog>()> catalog_;
  std::function<std::optional<Actor>(std::int64_t)> actor_;
  const Clock& clock_;
};

}  // namespace caravan::records

#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/api.h"
#include "app/nodes.h"
#include "app/plugin_store.h"
#include "app/revisions.h"
#include "app/settings.h"
#include "auth/service.h"
#include "jobs/queue.h"
#include "jobs/schedule.h"
#include "plugin/registry.h"
#include "records/outbox.h"
#include "records/seal.h"
#include "records/service.h"
#include "storage/database.h"
#include "storage/schema.h"
#include "storage/sequence.h"
#include "workflow/rule_jobs.h"
#include "workflow/transitions.h"

namespace caravan::api {
class EventHub;
class PluginAdmin;
}
namespace caravan::channels {
class Delivery;
}
namespace caravan::model {
class ParseCache;
}
namespace caravan::records {
class FileStore;
class ImportJobs;
}
namespace caravan::workflow {
class Assignments;
class Clocks;
struct SimulationQuery;
}

namespace caravan::app {

/// The plugins of the folder and the Catalog that they, the packs and the agency make; without a database.
struct Definitions {
  std::unique_ptr<plugin::PluginRegistry> plugins;
  model::LoadResult loaded;
};
/// The layers in the order of their merge: core, plugins, packs, agency.
std::vector<model::SourceLayer> definition_layers(const Settings& settings, const plugin::PluginRegistry& plugins);
/// Reads manifests and definitions; runs no plugin's code. Plugins that are refused add a diagnostic.
/// `cache`: of documents parsed before; may be null.
Definitions load_definitions(const Settings& settings, model::ParseCache* cache = nullptr);

/// All parts of a server, wired. Construction opens the database, brings its schema up to the Catalog (additive steps
/// only) and loads the plugins' code. Thread-safe after construction.
class Runtime {
 public:
  enum class Schema {
    update,  ///< additive steps are done at once
    leave    ///< nothing is changed: for commands that show or do it themselves
  };
  /// Throws Error with a message for an administrator; its fields hold the diagnostics of faulty definitions.
  explicit Runtime(const Settings& settings, Schema schema = Schema::update);
  ~Runtime();

  api::Handler& handler() { return *handler_; }
  /// From now on takes over, within a second, what other nodes on the same database publish. For a server.
  void follow_other_nodes();
  std::shared_ptr<const model::Catalog> catalog() const { return catalog_.load(); }
  /// Reads the packs' and the agency's files again, publishes them as a revision and swaps the Catalog; with a mistake among
  /// them nothing changes. Other nodes on the database follow within a second.
  api::ReloadResult reload(const records::Context& context);
  /// Puts an earlier revision in use, here and on every node. Throws not_found.
  api::ReloadResult activate(const records::Context& context, std::int64_t revision);
  /// Begins to work on the durable queue. For a server.
  void start_jobs();
  /// Ends that: what runs may end for `seconds`. Before the requests' end, so that nothing new is begun meanwhile.
  void stop_jobs(int seconds);
  records::Context system_context(std::string source) const;
  /// Where the database has no user yet: makes `admin`. Returns the password if it was generated, else "".
  bool make_administrator(std::string& generated);
  /// A notice in the console to everybody whose role has all rights; `code`: of records/messages.h.
  void tell_administrators(std::string_view code, std::initializer_list<std::string_view> arguments);
  std::vector<plugin::CallbackReport> plugin_report() const { return plugins_->report(); }
  /// Connections to the database: those of requests, and on MariaDB those of jobs.
  std::vector<std::pair<const char*, storage::PoolFigures>> pool_figures() const;
  std::vector<jobs::QueueStats> queue_stats() const { return queue_->stats(); }
  std::vector<std::string> quarantined() const;  ///< names of the plugins whose code is not run
  /// Adds a user with roles and password; throws conflict where the name is taken.
  std::int64_t add_user(const std::string& username, const std::string& name, const std::vector<std::string>& roles,
                        const std::string& password);
  void set_password(const std::string& username, const std::string& password);
  /// Of the database with what the files ask for; with what is in use where they have mistakes or have not changed.
  /// Replays a part of the history under the definitions of a changed configuration folder, see app/simulation.h. Writes nothing.
  /// Backs up database and files into a folder, see records/backup.h; what is in it, as JSON.
  std::string backup(const std::string& folder) const;
  std::string simulate(const std::string& config, const workflow::SimulationQuery& query) const;
  std::vector<storage::SchemaStep> plan_schema();
  /// Returns the plan; what it holds beyond additive steps was done only with `allow_destructive`, and after every live node has left
  /// earlier Catalogs, for which it waits at most so many seconds. Throws conflict, with nothing changed, naming nodes that have not.
  std::vector<storage::SchemaStep> apply_schema(bool allow_destructive, int wait_seconds = 30);

  /// Brings another set of plugins, by name and hash of file, into use in this process, on every node, and for later starts: checks
  /// their definitions with everything else, brings the schema up to them, starts what is new, and publishes; then what is left
  /// out is drained and stopped. With an error among the diagnostics nothing has changed. Where a plugin runs that is to be replaced by another
  /// file, a fresh process takes over afterwards. Throws conflict where they do not fit together or one cannot be started.
  struct PluginChange {
    api::ReloadResult result;
    std::vector<std::string> started, stopped;
    bool restarting = false;        ///< a fresh process comes
    bool restart_needed = false;    ///< it would have to, and nobody starts it: an administrator must
  };
  /// `decided`: in the transaction that publishes.
  PluginChange change_plugins(const records::Context& context, const std::map<std::string, std::string>& wanted, std::string_view note,
                              const std::function<void(storage::Session&)>& decided);

 private:
  friend class PluginAdministration;
  friend class DefinitionAdministration;
  std::int64_t user_id(const std::string& username);

  Settings settings_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::Sequences> sequences_;
  std::unique_ptr<PluginStore> store_;
  std::unique_ptr<class PluginMigrations> migrations_;
  std::unique_ptr<plugin::PluginRegistry> plugins_;
  std::atomic<std::shared_ptr<const model::Catalog>> catalog_;
  std::unique_ptr<records::RecordService> records_;
  std::unique_ptr<workflow::Transitions> transitions_;
  std::unique_ptr<auth::AuthService> auth_;
  std::unique_ptr<api::EventHub> events_;
  std::unique_ptr<channels::Delivery> outbound_;
  std::unique_ptr<api::PluginAdmin> plugin_admin_;
  std::shared_ptr<records::SearchIndex> search_;
  std::unique_ptr<records::FileStore> files_;
  std::unique_ptr<api::Handler> handler_;
  std::unique_ptr<storage::Database> job_database_;  ///< connections of their own, on MariaDB; null: database_
  std::unique_ptr<records::RecordService> job_records_;
  std::unique_ptr<records::EventDelivery> delivery_;
  std::unique_ptr<workflow::Clocks> clocks_;
  std::unique_ptr<workflow::Assignments> assignments_;
  std::unique_ptr<workflow::RuleJobs> rules_;
  std::unique_ptr<records::ImportJobs> imports_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Schedule> schedule_;
  /// What requests and jobs write passes the same rules, plugins and listeners.
  void equip(records::RecordService& service);
  void make_queue();
  /// A job that a plugin added; see plugin::job_kind.
  void run_plugin_job(jobs::Attempt& attempt) const;
  /// Where the clocks of the definitions in use were not planned yet by them: adds the job that does.
  void plan_clocks(const model::Catalog& catalog);
  /// Gives the Catalog the keys of sensitive fields, where it has any or the database has had; `write`: makes the file where
  /// nothing was sealed yet, and compares the keys with the database. Throws invalid_argument where the file is missing or wrong.
  void give_keys(model::Catalog& catalog, bool write);
  /// The same, and what is stored is sealed and opened as the Catalog says.
  void bring_keys(model::Catalog& catalog);
  std::shared_ptr<const records::Keys> keys_;
  void publish_files(model::LoadResult loaded);
  /// Brings schema and records up to a Catalog before it is used: adds what is missing, and moves the records whose state or option
  /// is no more. What stands against it is returned as errors, and `present` (may be null) fits the database as before.
  std::vector<model::Diagnostic> bring_up(const std::shared_ptr<model::Catalog>& next, const model::Catalog* present);
  /// Moves what the Catalog in use orders, with requests on an earlier one in mind that ended late. Returns how many.
  std::int64_t move_stragglers();
  /// Counts rollups that are new or were changed; see records/rollup.h.
  void count_rollups(bool again = false);
  /// Puts a Catalog in use; requests under way end on the one that they began with.
  void use(std::shared_ptr<const model::Catalog> next);
  void drop_earlier_statements();
  /// Checks the documents, brings the schema up to them, calls `publish` and swaps the Catalog; what stops it is a diagnostic.
  template <class Publish>
  api::ReloadResult swap(const Documents& documents, const Publish& publish);
  Documents documents_of_files() const { return documents_of(plugins_->running()); }
  /// `edits`: what the console says of definitions; null: as in the revision in use.
  Documents documents_of(const plugin::Selection& plugins, const model::SourceLayer* edits = nullptr) const;
  /// What is in use, with these plugins instead; files that were edited meanwhile count at the next reload.
  Documents documents_in_use(const plugin::Selection& plugins) const;
  /// What the console says of definitions, on top of what is in use, as a revision of its own. Throws conflict where another revision is in use than `instead_of`.
  api::ReloadResult publish_edits(const records::Context& context, model::SourceLayer edits, std::string_view note, std::int64_t instead_of,
                                  const std::function<void(storage::Session&)>& also);
  /// The console's settings, on top of what is in use.
  api::ReloadResult change_settings(const records::Context& context, model::SourceLayer settings, const std::function<void(storage::Session&)>& also);
  /// Reads the plugins' part of caravan.yaml, the decisions and the folders again. Mistakes in the file are returned, and then nothing has changed.
  std::vector<model::Diagnostic> read_plugins_again();
  /// Without the lock. Drains and stops what is not in the selection.
  void stop_plugins(const plugin::Selection& selection, PluginChange& change);
  template <class Publish>
  PluginChange change(const plugin::Selection& selection, const Documents& documents, const Publish& publish);
  /// Where what is in use was not made of the files: what they would make now counts as published, so that only their next change wins.
  std::int64_t publish_over(const records::Context& context, const Documents& documents, const std::string& hash, std::string_view note,
                            const std::function<void(storage::Session&)>& also, std::int64_t instead_of, bool own = false);
  /// What the files ask for, where that is not what is in use.
  std::shared_ptr<const model::Catalog> wanted_catalog() const;
  /// Takes over what another node has put in use.
  void follow();
  std::string unready() const;
  /// What changes the definitions waits until the server has them all again. Throws conflict.
  void refuse_in_safe_mode() const;

  std::unique_ptr<Nodes> nodes_;
  std::unique_ptr<Revisions> revisions_;
  std::mutex reloading_;
  std::int64_t revision_ = 0;        ///< in use here, under reloading_
  std::atomic<std::shared_ptr<const std::string>> unready_;  ///< why this node cannot follow the others; null where it does
  std::mutex follow_mutex_;
  std::condition_variable stop_following_;
  bool stopping_ = false;
  std::thread follower_;
  std::thread warming_;  ///< makes tables that a first request would wait for
};

}  // namespace caravan::app

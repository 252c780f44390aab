#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "model/loader.h"
#include "plugin/gate.h"
#include "plugin/instance.h"
#include "plugin/manifest.h"
#include "plugin/resolve.h"
#include "plugin/signature.h"
#include "plugin/version.h"
#include "records/hooks.h"

namespace caravan::plugin {

/// `quarantined`: its definitions are in use, its code is not; see docs/plugins.md, "When a plugin fails".
enum class PluginState : std::uint8_t { enabled, refused, disabled, quarantined };
const char* to_string(PluginState state);

enum class PluginKind : std::uint8_t {
  library,  ///< `NAME.so`: definitions and code
  pack      ///< `NAME-VERSION.pack.yaml`: definitions only
};
const char* to_string(PluginKind kind);

/// What the administrator sees of one plugin file.
struct PluginInfo {
  std::string name;     ///< of the manifest; the file's stem where that could not be read
  std::string version;  ///< empty where unknown
  model::Text label;
  model::Text description;
  std::string vendor;
  PluginState state = PluginState::refused;
  PluginKind kind = PluginKind::library;
  std::string file;                   ///< `sales.so`
  std::string hash;                   ///< SHA-256 of the file, hex
  std::string sdk;                    ///< ABI version it was built with, `0.1`; empty for a pack
  std::string error;                  ///< why it was refused or quarantined; may have several lines
  std::size_t hooks = 0, routes = 0;  ///< registered; 0 before load()
  bool installed = false;             ///< the file is in RegistryOptions::installed
  Trust trust;                        ///< who signed it
  std::vector<Migration> migrations;  ///< of the data, by its manifest
  std::map<std::string, std::string> requires_;  ///< plugins it needs, with the range of versions
};

struct RouteInfo {
  std::string plugin;
  std::string method;
  std::string path;        ///< below `/api/v1/plugins/PLUGIN`, `/items/{id}`
  std::string permission;  ///< what a role lists: `sales.pipeline`; empty: every signed-in user
};

struct RegistryOptions {
  std::filesystem::path directory;
  std::optional<std::set<std::string>> enabled;  ///< names; nullopt: all that are there
  InstanceOptions instance;
  std::filesystem::path installed = {};  ///< a second folder, of what was installed while the server ran; may not exist
  /// Decided while the server ran, by name; wins over `enabled`.
  std::map<std::string, bool> decided = {};
  /// Which file of a plugin is used where there are several, by its hash. Else the one in `directory`, else the newest installed.
  std::map<std::string, std::string> pinned = {};
  /// Where load() cannot load the chosen file of a plugin, the one with this hash is tried.
  std::map<std::string, std::string> fallback = {};
  /// From the quarantine (quarantine.h), name → why: the plugin counts as enabled and its definitions are in use, since packs and
  /// other plugins refer to them; its code is not loaded. Its routes and actions, and every before_* write of entities of its module,
  /// are refused as unavailable; all else works on.
  std::map<std::string, std::string> quarantined = {};
  TrustedKeys trusted = {};
  bool require_signature = false;
};

class PluginFile;  // registry.cpp

/// Plugins that fit together, in order of dependency, packs last. Immutable.
using Selection = std::vector<std::shared_ptr<const PluginFile>>;

/// The plugins of a directory. scan() reads and checks the files without executing anything of them, which is
/// enough for list(), layers() and modules(); load() runs their code. One faulty plugin does not keep others
/// away. Afterwards start() and stop() change which of them run, while requests go on: what a plugin registered is only found
/// by requests whose Catalog has its module, so that each request sees one state of things from its beginning to its end.
/// scan, load, rescan, start, stop and unload are for one thread at a time; everything else is thread-safe.
class PluginRegistry {
 public:
  /// Throws Error(invalid_argument) where the directory cannot be read.
  static std::unique_ptr<PluginRegistry> scan(RegistryOptions options);
  ~PluginRegistry();

  /// Loads the enabled ones in order of dependency, once. What fails becomes refused, with all that need it.
  void load(GateFactory gates);
  /// Disables and destroys in reverse order; from then on hooks are unavailable. No call may be inside. Also
  /// done by the destructor. The libraries stay mapped.
  void unload() noexcept;

  /// Reads the folders again, with other decisions; `directory` and `instance` stay. What runs, runs on. Throws as scan().
  void rescan(RegistryOptions options);
  /// What is enabled by the decisions of the last scan, and fits together.
  Selection enabled() const;
  /// What runs; before load(): what will.
  Selection running() const;
  /// The same, as names and hashes of files.
  static std::map<std::string, std::string> hashes(const Selection& selection);
  /// Exactly those files, wherever they are; throws Error(conflict) naming what is missing or does not fit together.
  Selection select(const std::map<std::string, std::string>& hashes) const;
  /// All files that could be used, for resolve().
  std::vector<Available> available() const;
  /// Hash of the file of that version: the pinned one, else the one of the server's own folder; "" where there is none.
  std::string hash_of(const std::string& name, const Version& version) const;
  /// Plugins of which this process has run another file already: they need a fresh process.
  std::vector<std::string> stale(const Selection& selection) const;
  /// Creates and enables what is in the selection and does not run. Throws Error with the plugin's reason, and then nothing has changed.
  /// Returns the names of those that were started.
  std::vector<std::string> start(const Selection& selection);
  /// Takes out what runs and is not in the selection: no call enters it any more; waits until none is inside, disables and destroys it, in
  /// reverse order of dependency. Returns the names of those in which a call still was after `most`: they are left as they are, for ever.
  std::vector<std::string> stop(const Selection& selection, std::chrono::milliseconds most);

  /// One file as the folders' files are examined; `refused` where it cannot be used.
  static PluginInfo inspect(const std::filesystem::path& file, const RegistryOptions& options);
  /// All files found, then enabled names without a file; by name.
  std::vector<PluginInfo> list() const;
  /// What the callbacks of the running ones have done since they were started.
  std::vector<CallbackReport> report() const;
  /// Definitions of what runs, in order of dependency; files are named `sales.so:definitions/order.yaml`.
  std::vector<model::SourceLayer> layers() const { return layers(running()); }
  static std::vector<model::SourceLayer> layers(const Selection& selection);
  /// Navigation groups of what runs, in order of display.
  std::vector<model::Module> modules() const { return modules(running()); }
  static std::vector<model::Module> modules(const Selection& selection);
  /// The plugins' part in writes, for RecordService::set_hooks. Valid beyond the registry.
  std::shared_ptr<const records::Hooks> hooks() const;

  /// Answers a request below `/api/v1/plugins/{plugin}`; `rest` is what follows, `/pipeline`. nullopt where
  /// there is no such route. Throws forbidden where no role of the actor holds the route's permission, and
  /// what the plugin refuses with.
  std::optional<api::Response> handle(const records::Context& context, const api::Request& request,
                                      std::string_view plugin, std::string_view rest) const;
  std::vector<RouteInfo> routes() const;
  /// What plugins compute, and the channels that they offer. Valid beyond the registry.
  std::shared_ptr<const records::Functions> functions() const;
  std::shared_ptr<const channels::OtherChannels> channels() const;
  /// Does a job of job_kind; `work` may begin its transaction late. Throws unavailable where its plugin does not run.
  void run_job(const jobs::Job& job, const JobPayload& payload, records::Work& work) const;
  static JobPayload job_payload(const jobs::Job& job);
  /// What does not fit together: hooks on unknown entities, roles with permissions that no route has. One
  /// sentence each, for the log; after load().
  std::vector<std::string> mistakes(const model::Catalog& catalog) const;

 private:
  struct State;
  struct Offers;

 public:
  explicit PluginRegistry(std::shared_ptr<State> state) : state_(std::move(state)) {}  ///< for scan()

 private:
  std::shared_ptr<State> state_;
};

}  // namespace caravan::plugin

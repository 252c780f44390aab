#pragma once

#include <filesystem>
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
#include "records/hooks.h"

namespace caravan::plugin {

enum class PluginState : std::uint8_t { enabled, refused, disabled };
const char* to_string(PluginState state);

/// What the administrator sees of one plugin file.
struct PluginInfo {
  std::string name;     ///< of the manifest; the file's stem where that could not be read
  std::string version;  ///< empty where unknown
  model::Text label;
  model::Text description;
  std::string vendor;
  PluginState state = PluginState::refused;
  std::string file;                   ///< `sales.so`
  std::string hash;                   ///< SHA-256 of the file, hex
  std::string sdk;                    ///< ABI version it was built with, `0.1`
  std::string error;                  ///< why it was refused; may have several lines
  std::size_t hooks = 0, routes = 0;  ///< registered; 0 before load()
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
};

/// The plugins of a directory. scan() reads and checks the files without executing anything of them, which is
/// enough for list(), layers() and modules(); load() runs their code. One faulty plugin does not keep others
/// away. scan, load and unload belong to one control thread; after load() everything else is thread-safe.
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

  /// All files found, then enabled names without a file; by name.
  std::vector<PluginInfo> list() const;
  /// Definitions of the enabled plugins, in order of dependency; files are named
  /// `sales.so:definitions/order.yaml`.
  std::vector<model::SourceLayer> layers() const;
  /// Navigation groups of the enabled plugins, in order of display.
  std::vector<model::Module> modules() const;
  /// The plugins' part in writes, for RecordService::set_hooks. Valid beyond the registry.
  std::shared_ptr<const records::Hooks> hooks() const;

  /// Answers a request below `/api/v1/plugins/{plugin}`; `rest` is what follows, `/pipeline`. nullopt where
  /// there is no such route. Throws forbidden where no role of the actor holds the route's permission, and
  /// what the plugin refuses with.
  std::optional<api::Response> handle(const records::Context& context, const api::Request& request,
                                      std::string_view plugin, std::string_view rest) const;
  std::vector<RouteInfo> routes() const;
  /// What does not fit together: hooks on unknown entities, roles with permissions that no route has. One
  /// sentence each, for the log; after load().
  std::vector<std::string> mistakes(const model::Catalog& catalog) const;

 private:
  struct State;

 public:
  explicit PluginRegistry(std::shared_ptr<State> state) : state_(std::move(state)) {}  ///< for scan()

 private:
  std::shared_ptr<State> state_;
};

}  // namespace caravan::plugin

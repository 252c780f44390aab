#include "plugin/registry.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <unordered_map>
#include <utility>

#include "api/problem.h"
#include "model/process.h"
#include "plugin/image.h"
#include "plugin/loader.h"
#include "plugin/manifest.h"
#include "records/access.h"

namespace caravan::plugin {
namespace {

struct Plugin {
  PluginInfo info;
  std::optional<Image> image;
  Manifest manifest;
  std::unique_ptr<Instance> instance;

  bool enabled() const { return info.state == PluginState::enabled; }
  void refuse(std::string why) {
    info.state = PluginState::refused;
    info.error = std::move(why);
    info.hooks = info.routes = 0;
  }
};

const Version& sdk_version() {
  static const Version version{CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, {}};
  return version;
}

Plugin examine(const std::filesystem::path& path) {
  Plugin out;
  out.info.file = path.filename().string();
  out.info.name = path.stem().string();
  try {
    out.image = Image::open(path);
    const Image& image = *out.image;
    out.info.hash = image.hash;
    out.info.sdk = std::to_string(image.abi_major) + "." + std::to_string(image.abi_minor);
    if (image.abi_major != CARAVAN_ABI_MAJOR)
      throw Error(ErrorCode::invalid_argument,
                  "it was built for version " + out.info.sdk + " of the plugin ABI, this server has " +
                      std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(CARAVAN_ABI_MINOR) +
                      ": build it with this server's SDK");
    out.manifest = parse_manifest(image.manifest, image.file_name + ":plugin.yaml");
    out.info.name = out.manifest.name;
    out.info.version = to_string(out.manifest.version);
    out.info.label = out.manifest.label;
    out.info.description = out.manifest.description;
    out.info.vendor = out.manifest.vendor;
    if (!out.manifest.sdk.contains(sdk_version()))
      throw Error(ErrorCode::invalid_argument, "it works with SDK " + out.manifest.sdk.text() +
                                                   ", this server has " + to_string(sdk_version()));
    out.info.state = PluginState::enabled;
  } catch (const Error& error) {
    out.refuse(error.message());
  }
  return out;
}

/// "which is disabled" and the like; empty where `needed` is there and fits.
std::string trouble_with(const Plugin* needed, const VersionRange& range) {
  if (needed == nullptr) return "which is not installed";
  if (needed->info.state == PluginState::disabled) return "which is disabled";
  if (needed->info.state == PluginState::refused) return "which was refused";
  if (!range.contains(needed->manifest.version)) return "but " + needed->info.version + " is installed";
  return {};
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return out;
  for (;;) {
    const auto end = path.find('/');
    out.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return out;
    path.remove_prefix(end + 1);
  }
}

/// How well a route fits: nullopt not at all, else a larger value for more literal segments further left.
std::optional<std::uint64_t> match(const RouteCallback& route, const std::vector<std::string_view>& path,
                                   Parameters& parameters) {
  if (route.segments.size() != path.size()) return std::nullopt;
  parameters.clear();
  std::uint64_t rank = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string& segment = route.segments[i];
    if (segment.starts_with('{')) {
      if (path[i].empty()) return std::nullopt;
      parameters.emplace_back(std::string_view(segment).substr(1, segment.size() - 2), path[i]);
    } else if (segment != path[i]) {
      return std::nullopt;
    }
    rank = rank << 1 | (segment.starts_with('{') ? 0 : 1);
  }
  return rank;
}

struct BoundHook {
  Instance* instance;
  HookCallback* callback;
};

}  // namespace

const char* to_string(PluginState state) {
  switch (state) {
    case PluginState::enabled:
      return "enabled";
    case PluginState::refused:
      return "refused";
    case PluginState::disabled:
      return "disabled";
  }
  return "";
}

/// Shared with the hooks object, so that a RecordService may outlive the registry.
struct PluginRegistry::State : records::Hooks {
  RegistryOptions options;
  std::vector<Plugin> plugins;     ///< by name
  std::vector<std::size_t> order;  ///< enabled ones, by dependency
  GateFactory gates;
  bool loaded = false;
  std::atomic<bool> stopped{false};
  std::unordered_map<std::string_view, std::array<std::vector<BoundHook>, CARAVAN_ACTION + 1>>
      by_entity;  ///< keys in the instances

  const Plugin* find(std::string_view name) const {
    const auto it =
        std::find_if(plugins.begin(), plugins.end(), [&](const Plugin& p) { return p.info.name == name; });
    return it == plugins.end() ? nullptr : &*it;
  }

  void run_action(const std::vector<BoundHook>* hooks, records::HookCall& call) const;
  void check_duplicates();
  void apply_enabled();
  void check_dependencies();
  void sort_by_dependency();

  const std::vector<BoundHook>* bound(records::HookPoint point, const model::Entity& entity) const {
    const auto it = point > records::HookPoint::action ? by_entity.end() : by_entity.find(entity.full_name);
    return it == by_entity.end() ? nullptr : &it->second[static_cast<std::size_t>(point)];
  }
  bool any(records::HookPoint point, const model::Entity& entity) const override {
    const auto* hooks = bound(point, entity);
    return hooks != nullptr && !hooks->empty();
  }
  void run(records::HookPoint point, records::HookCall& call) const override {
    const auto* hooks = bound(point, call.record.entity());
    if (point == records::HookPoint::action) return run_action(hooks, call);
    if (hooks == nullptr) return;
    if (stopped.load(std::memory_order_acquire))
      throw Error(ErrorCode::unavailable, "The server is stopping its plugins.");
    for (const BoundHook& hook : *hooks) hook.instance->run_hook(*hook.callback, call, gates);
  }
};

void PluginRegistry::State::run_action(const std::vector<BoundHook>* hooks, records::HookCall& call) const {
  for (std::size_t i = 0; hooks != nullptr && i < hooks->size(); ++i) {
    const BoundHook& hook = (*hooks)[i];
    if (hook.callback->action != call.event->action) continue;
    if (stopped.load(std::memory_order_acquire)) throw Error(ErrorCode::unavailable, "The server is stopping its plugins.");
    return hook.instance->run_hook(*hook.callback, call, gates);
  }
  throw Error(ErrorCode::unavailable, "No plugin offers the action " + call.event->action + " for " + call.record.entity().full_name +
                                          "; is the plugin that does switched on?");
}

void PluginRegistry::State::check_duplicates() {
  std::map<std::string, std::vector<Plugin*>> by_name;
  for (Plugin& plugin : plugins) {
    if (!plugin.manifest.name.empty()) by_name[plugin.manifest.name].push_back(&plugin);
  }
  for (const auto& [name, same] : by_name) {
    if (same.size() < 2) continue;
    std::string files;
    for (const Plugin* plugin : same) files += (files.empty() ? "" : ", ") + plugin->info.file;
    for (Plugin* plugin : same)
      plugin->refuse("several files hold the plugin " + name + ": " + files + "; keep one");
  }
}

void PluginRegistry::State::apply_enabled() {
  if (!options.enabled) return;
  for (Plugin& plugin : plugins) {
    if (!options.enabled->contains(plugin.info.name)) {
      plugin.info.state =
          PluginState::disabled;  // a faulty file that nobody asked for is no trouble, but says why
    }
  }
  for (const std::string& name : *options.enabled) {
    if (find(name) != nullptr) continue;
    Plugin missing;
    missing.info.name = name;
    missing.refuse("no file in " + options.directory.string() + " holds this plugin");
    plugins.push_back(std::move(missing));
  }
}

void PluginRegistry::State::check_dependencies() {
  for (bool changed = true; changed;) {
    changed = false;
    for (Plugin& plugin : plugins) {
      if (!plugin.enabled()) continue;
      std::string why;
      for (const auto& [name, range] : plugin.manifest.dependencies) {
        const std::string trouble = trouble_with(find(name), range);
        if (!trouble.empty())
          why += (why.empty() ? "" : "; ") +
                 ("it needs the plugin " + name + " " + range.text() + ", " + trouble);
      }
      if (why.empty()) continue;
      plugin.refuse(why);
      changed = true;
    }
  }
}

void PluginRegistry::State::sort_by_dependency() {
  // Repeatedly the first by name whose needs are met: the same order on every node.
  order.clear();
  std::set<std::string_view> done;
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      const Plugin& plugin = plugins[i];
      if (!plugin.enabled() || done.contains(plugin.info.name)) continue;
      const auto& needs = plugin.manifest.dependencies;
      if (!std::all_of(needs.begin(), needs.end(),
                       [&](const auto& need) { return done.contains(need.first); }))
        continue;
      done.insert(plugin.info.name);
      order.push_back(i);
      progress = true;
      break;
    }
  }
  std::string circle;
  for (const Plugin& plugin : plugins) {
    if (plugin.enabled() && !done.contains(plugin.info.name))
      circle += (circle.empty() ? "" : ", ") + plugin.info.name;
  }
  for (Plugin& plugin : plugins) {
    if (plugin.enabled() && !done.contains(plugin.info.name))
      plugin.refuse("it needs itself, directly or through others, or a plugin that does: " + circle);
  }
}

std::unique_ptr<PluginRegistry> PluginRegistry::scan(RegistryOptions options) {
  auto state = std::make_shared<State>();
  state->options = std::move(options);
  const std::filesystem::path& directory = state->options.directory;
  std::error_code error;
  std::filesystem::directory_iterator files(directory, error);
  if (error)
    throw Error(ErrorCode::invalid_argument,
                "The plugin directory " + directory.string() + " cannot be read: " + error.message() + ".");
  std::vector<std::filesystem::path> paths;
  for (; files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (error)
      throw Error(ErrorCode::invalid_argument,
                  "The plugin directory " + directory.string() + " cannot be read: " + error.message() + ".");
    const std::string name = files->path().filename().string();
    if (files->path().extension() == ".so" && !name.starts_with('.')) paths.push_back(files->path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) state->plugins.push_back(examine(path));
  state->check_duplicates();
  state->apply_enabled();
  std::stable_sort(state->plugins.begin(), state->plugins.end(),
                   [](const Plugin& a, const Plugin& b) { return a.info.name < b.info.name; });
  state->check_dependencies();
  state->sort_by_dependency();
  return std::make_unique<PluginRegistry>(std::move(state));
}

PluginRegistry::~PluginRegistry() {
  unload();
}

void PluginRegistry::load(GateFactory gates) {
  State& state = *state_;
  if (state.loaded) throw Error(ErrorCode::internal, "The plugins are loaded already.");
  state.loaded = true;
  state.gates = std::move(gates);
  for (const std::size_t i : state.order) {
    Plugin& plugin = state.plugins[i];
    state.check_dependencies();  // one before may have failed
    if (!plugin.enabled()) continue;
    try {
      Library library = load_library(*plugin.image);
      auto instance = std::make_unique<Instance>(plugin.info.name, library.table, std::move(library.claim),
                                                 state.options.instance);
      instance->start();
      plugin.info.hooks = instance->hooks().size();
      plugin.info.routes = instance->routes().size();
      plugin.instance = std::move(instance);
    } catch (const Error& error) {
      plugin.refuse(error.message());
      if (state.options.instance.log)
        state.options.instance.log(CARAVAN_LOG_ERROR, plugin.info.name, "refused: " + error.message());
    }
  }
  std::erase_if(state.order, [&](std::size_t i) { return !state.plugins[i].enabled(); });

  for (const std::size_t i : state.order) {
    Instance& instance = *state.plugins[i].instance;
    for (HookCallback& hook : instance.hooks())
      state.by_entity[hook.entity][static_cast<std::size_t>(hook.point)].push_back({&instance, &hook});
  }
  for (auto& [entity, points] : state.by_entity) {
    for (auto& hooks : points) {
      std::stable_sort(hooks.begin(), hooks.end(), [](const BoundHook& a, const BoundHook& b) {
        return a.callback->order < b.callback->order;
      });
    }
  }
}

void PluginRegistry::unload() noexcept {
  State& state = *state_;
  if (state.stopped.exchange(true)) return;
  for (auto it = state.order.rbegin(); it != state.order.rend(); ++it) {
    if (state.plugins[*it].instance) state.plugins[*it].instance->stop();
  }
}

std::vector<PluginInfo> PluginRegistry::list() const {
  std::vector<PluginInfo> out;
  for (const Plugin& plugin : state_->plugins) out.push_back(plugin.info);
  return out;
}

std::vector<model::SourceLayer> PluginRegistry::layers() const {
  std::vector<model::SourceLayer> out;
  for (const std::size_t i : state_->order) {
    const Plugin& plugin = state_->plugins[i];
    model::SourceLayer layer{"plugin " + plugin.info.name, {}};
    for (const Image::File& file : plugin.image->definitions)
      layer.files.push_back({plugin.info.file + ":" + file.name, file.text, plugin.info.name});
    out.push_back(std::move(layer));
  }
  return out;
}

std::vector<model::Module> PluginRegistry::modules() const {
  std::vector<model::Module> out;
  for (const std::size_t i : state_->order) {
    const Manifest& manifest = state_->plugins[i].manifest;
    out.push_back({manifest.name, manifest.label, manifest.icon, manifest.order});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.order < b.order; });
  return out;
}

std::shared_ptr<const records::Hooks> PluginRegistry::hooks() const {
  return state_;
}

std::optional<api::Response> PluginRegistry::handle(const records::Context& context,
                                                    const api::Request& request, std::string_view plugin,
                                                    std::string_view rest) const {
  const State& state = *state_;
  if (state.stopped.load(std::memory_order_acquire))
    throw Error(ErrorCode::unavailable, "The server is stopping its plugins.");
  const Plugin* found = state.find(plugin);
  if (found == nullptr || !found->instance) return std::nullopt;
  const auto path = split_path(rest);
  if (path.size() > 32) return std::nullopt;

  RouteCallback* best = nullptr;
  std::uint64_t best_rank = 0;
  Parameters parameters, candidate;
  std::set<std::string_view> methods;
  for (RouteCallback& route : found->instance->routes()) {
    const auto rank = match(route, path, candidate);
    if (!rank) continue;
    methods.insert(route.method);
    const bool fits = route.method == request.method || (request.method == "HEAD" && route.method == "GET");
    if (fits && (best == nullptr || *rank > best_rank)) {
      best = &route;
      best_rank = *rank;
      parameters = candidate;
    }
  }
  if (best == nullptr) {
    if (methods.empty()) return std::nullopt;
    std::string allowed;
    for (const std::string_view method : methods) allowed.append(allowed.empty() ? "" : ", ").append(method);
    api::Refusal refused(ErrorCode::invalid_argument, "Allowed here: " + allowed + ".");
    refused.status = 405;
    refused.name = "method_not_allowed";
    refused.headers.emplace_back("Allow", allowed);
    return api::problem(refused, context.request_id);
  }
  if (!best->permission.empty()) {
    const std::string permission = found->info.name + "." + best->permission;
    bool held = context.actor.system || records::is_administrator(context);
    if (!held && context.catalog) {
      records::each_role(context, [&](const model::Role& role, const records::Actor&) {
        return held = std::find(role.routes.begin(), role.routes.end(), permission) != role.routes.end();
      });
    }
    if (!held) throw Error(ErrorCode::forbidden, "None of your roles allows " + permission + ".");
  }
  std::string full(rest);
  if (!full.starts_with('/')) full.insert(0, 1, '/');
  return found->instance->run_route(*best, context, request, full, parameters, state.gates);
}

std::vector<RouteInfo> PluginRegistry::routes() const {
  std::vector<RouteInfo> out;
  for (const std::size_t i : state_->order) {
    const Plugin& plugin = state_->plugins[i];
    if (!plugin.instance) continue;
    for (const RouteCallback& route : std::as_const(*plugin.instance).routes())
      out.push_back({plugin.info.name, route.method, route.path,
                     route.permission.empty() ? "" : plugin.info.name + "." + route.permission});
  }
  return out;
}

std::vector<std::string> PluginRegistry::mistakes(const model::Catalog& catalog) const {
  std::vector<std::string> out;
  for (const std::size_t i : state_->order) {
    const Plugin& plugin = state_->plugins[i];
    if (!plugin.instance) continue;
    for (const HookCallback& hook : std::as_const(*plugin.instance).hooks()) {
      if (catalog.entity(hook.entity) == nullptr)
        out.push_back("The plugin " + plugin.info.name + " has a hook for " + hook.label +
                      ", which is not defined; it never runs.");
    }
  }
  std::set<std::string> actions;
  for (const std::size_t i : state_->order) {
    if (!state_->plugins[i].instance) continue;
    for (const HookCallback& hook : std::as_const(*state_->plugins[i].instance).hooks()) {
      if (!hook.action.empty()) actions.insert(hook.action + " " + hook.entity);
    }
  }
  model::each_effect(catalog, [&](const model::Effect& effect) {
    if (effect.kind != model::Effect::Kind::call || effect.action.starts_with("core.") || effect.entity == nullptr) return;
    if (actions.contains(effect.action + " " + effect.entity->full_name)) return;
    out.push_back(effect.origin.file + ":" + std::to_string(effect.origin.line) + ":" + std::to_string(effect.origin.column) +
                  ": no plugin offers the action " + effect.action + " for " + effect.entity->full_name + "; the rule will fail.");
  });
  std::set<std::string> permissions;
  for (const RouteInfo& route : routes()) permissions.insert(route.permission);
  for (const auto& role : catalog.roles) {
    for (const std::string& permission : role->routes) {
      if (!permissions.contains(permission))
        out.push_back("The role " + role->name + " allows the route " + permission +
                      ", which no plugin has.");
    }
  }
  return out;
}

}  // namespace caravan::plugin

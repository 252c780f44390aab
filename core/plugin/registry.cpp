#include "plugin/registry.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "api/problem.h"
#include "model/functions.h"
#include "model/process.h"
#include "plugin/image.h"
#include "plugin/loader.h"
#include "plugin/manifest.h"
#include "plugin/pack.h"
#include "plugin/presence.h"
#include "records/access.h"
#include "records/json.h"

namespace caravan::plugin {

/// A file of the folders as it was found. Immutable but for the image, which belongs to the control thread.
class PluginFile {
 public:
  PluginInfo info;  ///< `enabled` where nothing is wrong with the file itself
  std::filesystem::path path;
  Manifest manifest;
  std::vector<Image::File> definitions;
  std::shared_ptr<Image> image;  ///< null where it could not be read, and of packs
  Signature signature;
};

namespace {

using FilePointer = std::shared_ptr<const PluginFile>;

const Version& sdk_version() {
  static const Version version{CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, {}};
  return version;
}

void refuse(PluginInfo& info, std::string why) {
  info.state = PluginState::refused;
  info.error = std::move(why);
  info.hooks = info.routes = 0;
}

void take_manifest(PluginFile& out) {
  out.info.name = out.manifest.name;
  out.info.version = to_string(out.manifest.version);
  out.info.label = out.manifest.label;
  out.info.description = out.manifest.description;
  out.info.vendor = out.manifest.vendor;
  out.info.migrations = out.manifest.migrations;
  for (const auto& [name, range] : out.manifest.dependencies) out.info.requires_.emplace(name, range.text());
}

void read_library(PluginFile& out) {
  out.image = std::make_shared<Image>(Image::open(out.path));
  Image& image = *out.image;
  out.info.hash = image.hash;
  out.info.sdk = std::to_string(image.abi_major) + "." + std::to_string(image.abi_minor);
  if (image.abi_major != CARAVAN_ABI_MAJOR)
    throw Error(ErrorCode::invalid_argument,
                "it was built for version " + out.info.sdk + " of the plugin ABI, this server has " +
                    std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(CARAVAN_ABI_MINOR) +
                    ": build it with this server's SDK");
  out.manifest = parse_manifest(image.manifest, image.file_name + ":plugin.yaml");
  out.definitions = std::move(image.definitions);
  out.signature = image.signature;
  take_manifest(out);
  if (!out.manifest.sdk.contains(sdk_version()))
    throw Error(ErrorCode::invalid_argument,
                "it works with SDK " + out.manifest.sdk.text() + ", this server has " + to_string(sdk_version()));
}

constexpr std::string_view pack_ending = ".pack.yaml";
bool is_pack(const std::filesystem::path& path) { return path.filename().string().ends_with(pack_ending); }

void read_pack_file(PluginFile& out) {
  out.info.kind = PluginKind::pack;
  std::ifstream stream(out.path, std::ios::binary);
  std::string bytes;
  std::array<char, 65536> part{};
  while (stream && bytes.size() <= max_pack) {
    stream.read(part.data(), part.size());
    bytes.append(part.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof() && bytes.size() <= max_pack) throw Error(ErrorCode::invalid_argument, "it cannot be read");
  Pack pack = read_pack(bytes, out.info.file);
  out.info.hash = pack.hash;
  out.manifest = std::move(pack.manifest);
  out.definitions.push_back({out.info.file, std::move(pack.definitions)});
  out.signature = std::move(pack.signature);
  take_manifest(out);
}

FilePointer examine(const std::filesystem::path& path, bool installed, const RegistryOptions& options) {
  auto out = std::make_shared<PluginFile>();
  out->path = path;
  out->info.file = path.filename().string();
  out->info.name = path.stem().string();
  out->info.installed = installed;
  try {
    if (is_pack(path)) read_pack_file(*out);
    else read_library(*out);
    out->info.trust = judge(out->signature, options.trusted);
    if (!out->info.trust.allowed(options.require_signature))
      throw Error(ErrorCode::invalid_argument, "it is " + out->info.trust.sentence());
    out->info.state = PluginState::enabled;
  } catch (const Error& error) {
    refuse(out->info, error.message());
  }
  return out;
}

/// A file with what is decided about it.
struct Row {
  FilePointer file;  ///< null for a name without a file
  PluginInfo info;
  /// Its definitions are in use; in quarantine too.
  bool enabled() const { return info.state == PluginState::enabled || info.state == PluginState::quarantined; }
};

const Row* find_row(const std::vector<Row>& rows, std::string_view name) {
  const Row* out = nullptr;
  for (const Row& row : rows) {
    // Of several files of one plugin the one that is used speaks for it.
    if (row.info.name == name && (out == nullptr || row.enabled())) out = &row;
  }
  return out;
}

/// "which is disabled" and the like; empty where `needed` is there and fits.
std::string trouble_with(const Row* needed, const VersionRange& range) {
  if (needed == nullptr) return "which is not installed";
  if (needed->info.state == PluginState::disabled) return "which is disabled";
  if (needed->info.state == PluginState::refused) return "which was refused";
  if (!range.contains(needed->file->manifest.version)) return "but " + needed->info.version + " is installed";
  return {};
}

void check_dependencies(std::vector<Row>& rows) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Row& row : rows) {
      if (!row.enabled()) continue;
      std::string why;
      for (const auto& [name, range] : row.file->manifest.dependencies) {
        const std::string trouble = trouble_with(find_row(rows, name), range);
        if (!trouble.empty())
          why += (why.empty() ? "" : "; ") + ("it needs the plugin " + name + " " + range.text() + ", " + trouble);
      }
      if (why.empty()) continue;
      refuse(row.info, why);
      changed = true;
    }
  }
}

/// Order of dependency; refuses what needs itself.
Selection sort_by_dependency(std::vector<Row>& rows) {
  // Repeatedly the first by name whose needs are met: the same order on every node.
  Selection order;
  std::set<std::string_view> done;
  for (bool progress = true; progress;) {
    progress = false;
    for (const Row& row : rows) {
      if (!row.enabled() || done.contains(row.info.name)) continue;
      const auto& needs = row.file->manifest.dependencies;
      if (!std::all_of(needs.begin(), needs.end(), [&](const auto& need) { return done.contains(need.first); }))
        continue;
      done.insert(row.info.name);
      order.push_back(row.file);
      progress = true;
      break;
    }
  }
  std::string circle;
  for (const Row& row : rows) {
    if (row.enabled() && !done.contains(row.info.name)) circle += (circle.empty() ? "" : ", ") + row.info.name;
  }
  for (Row& row : rows) {
    if (row.enabled() && !done.contains(row.info.name))
      refuse(row.info, "it needs itself, directly or through others, or a plugin that does: " + circle);
  }
  // Definitions of packs change those of plugins.
  std::stable_partition(order.begin(), order.end(), [](const FilePointer& file) { return file->info.kind == PluginKind::library; });
  return order;
}

/// Of several files of one plugin one is used: the pinned one, else the one of the server's own folder, else the newest installed.
void choose_files(std::vector<Row>& rows, const RegistryOptions& options) {
  std::map<std::string, std::vector<Row*>> by_name;
  for (Row& row : rows) {
    if (row.file && !row.file->manifest.name.empty()) by_name[row.file->manifest.name].push_back(&row);
  }
  for (const auto& [name, same] : by_name) {
    if (same.size() < 2) continue;
    Row* chosen = nullptr;
    if (const auto pinned = options.pinned.find(name); pinned != options.pinned.end()) {
      for (Row* row : same) {
        if (chosen == nullptr && row->info.hash == pinned->second) chosen = row;
      }
    }
    if (chosen == nullptr) {
      std::vector<Row*> own;
      std::copy_if(same.begin(), same.end(), std::back_inserter(own), [](const Row* row) { return !row->info.installed; });
      if (own.size() > 1) {
        std::string files;
        for (const Row* row : own) files += (files.empty() ? "" : ", ") + row->info.file;
        for (Row* row : same) refuse(row->info, "several files hold the plugin " + name + ": " + files + "; keep one");
        continue;
      }
      chosen = own.empty() ? *std::max_element(same.begin(), same.end(),
                                               [](const Row* a, const Row* b) { return a->file->manifest.version < b->file->manifest.version; })
                           : own.front();
    }
    for (Row* row : same) {
      if (row != chosen && row->enabled()) row->info.state = PluginState::disabled;
    }
  }
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

/// What a plugin has registered, for those who ask while it may be stopped.
struct HookShape {
  std::string label, entity, action;
  records::HookPoint point{};
};

/// A plugin in use.
struct Active {
  FilePointer file;
  std::unique_ptr<Instance> instance;  ///< null for a pack, and in quarantine
  std::string quarantined;             ///< why; empty: it is not
  std::vector<HookShape> hooks;
  std::vector<RouteInfo> routes;
  std::set<std::string> functions, channels;  ///< `sales.classify`
  bool always = false;  ///< for every request; else for those whose Catalog has its module
  mutable Presence inside;

  const std::string& name() const { return file->info.name; }
};
using ActivePointer = std::shared_ptr<Active>;

bool serves(const Active& plugin, const records::Context& context) {
  if (plugin.always || !context.catalog) return true;
  const auto& modules = context.catalog->modules;
  return std::any_of(modules.begin(), modules.end(), [&](const model::Module& one) { return one.name == plugin.name(); });
}

struct BoundHook {
  Active* plugin;
  HookCallback* callback;  ///< null: the plugin was stopped
};
using Points = std::array<std::vector<BoundHook>, CARAVAN_ACTION + 1>;

/// What runs, as requests see it. Immutable.
struct Snapshot {
  std::vector<ActivePointer> running;  ///< in order of dependency
  std::vector<ActivePointer> gone;     ///< stopped, without instance: for requests on a Catalog that still has them
  std::vector<ActivePointer> closed;   ///< in quarantine
  std::unordered_map<std::string, Points> by_entity;

  Active* find(std::string_view name) const {
    for (const auto& one : running) {
      if (one->name() == name) return one.get();
    }
    return nullptr;
  }
};

/// Calls that are about to be made; their plugins are not stopped meanwhile.
class Calls {
 public:
  Calls() = default;
  ~Calls() {
    for (std::size_t i = 0; i < count_; ++i) at(i).plugin->inside.leave(at(i).stripe);
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  void add(Active& plugin, HookCallback* hook) {
    if (count_ >= few_.size()) more_.emplace_back();  // before it is counted, for it may throw
    const std::size_t stripe = plugin.inside.enter();
    ++count_;
    at(count_ - 1) = {&plugin, hook, stripe};
  }
  struct One {
    Active* plugin = nullptr;
    HookCallback* hook = nullptr;
    std::size_t stripe = 0;
  };
  std::size_t size() const { return count_; }
  One& at(std::size_t i) { return i < few_.size() ? few_[i] : more_[i - few_.size()]; }

 private:
  std::array<One, 8> few_;
  std::vector<One> more_;
  std::size_t count_ = 0;
};

bool guards(records::HookPoint point) {
  using enum records::HookPoint;
  return point == before_create || point == before_update || point == before_delete || point == before_transition;
}

Error in_quarantine(const Active& plugin) {
  return {ErrorCode::unavailable, "The plugin " + plugin.name() + " is in quarantine: " + plugin.quarantined, {{plugin.name(), "plugin_quarantined", ""}}};
}

Error stopping() {
  return {ErrorCode::unavailable, "The server is stopping its plugins."};
}

void release(Active& plugin) noexcept {
  if (plugin.instance) plugin.instance->stop();
  plugin.instance.reset();
}

}  // namespace

const char* to_string(PluginState state) {
  switch (state) {
    case PluginState::enabled:
      return "enabled";
    case PluginState::refused:
      return "refused";
    case PluginState::disabled:
      return "disabled";
    case PluginState::quarantined:
      return "quarantined";
  }
  return "";
}

const char* to_string(PluginKind kind) {
  return kind == PluginKind::pack ? "pack" : "library";
}

/// Shared with the hooks object, so that a RecordService may outlive the registry.
struct PluginRegistry::State : records::Hooks {
  RegistryOptions options;
  GateFactory gates;
  bool loaded = false;
  std::atomic<bool> stopped{false};
  std::map<std::string, std::string> mapped;  ///< name → hash of the file that this process has loaded
  std::vector<ActivePointer> stuck;          ///< taken out with a call inside; never destroyed

  mutable std::mutex mutex;                ///< of the two below, which are replaced as a whole
  std::shared_ptr<const std::vector<Row>> rows;
  std::shared_ptr<const Snapshot> snapshot;
  Selection selected;                      ///< of the last scan; control thread
  std::atomic<const Snapshot*> current{nullptr};
  Readers readers;

  std::shared_ptr<const std::vector<Row>> all_rows() const {
    const std::lock_guard lock(mutex);
    return rows;
  }
  std::shared_ptr<const Snapshot> in_use() const {
    const std::lock_guard lock(mutex);
    return snapshot;
  }
  void set_rows(std::vector<Row> next) {
    auto replaced = std::make_shared<const std::vector<Row>>(std::move(next));
    const std::lock_guard lock(mutex);
    rows = std::move(replaced);
  }

  std::vector<Row> read_folders() const;
  Selection decide(std::vector<Row>& found) const;
  void publish(std::vector<ActivePointer> running, std::vector<ActivePointer> gone);
  ActivePointer begin(const FilePointer& file, bool always);
  /// The file of before an upgrade that failed; null where that fails, too.
  ActivePointer fall_back(std::vector<Row>& found, const std::string& name, const std::string& hash, const std::string& why);
  void refresh_rows();

  /// The instance of a plugin that serves the request, which is not stopped while `calls` lives; null where it does not run.
  Instance* enter(std::string_view plugin, const records::Context& context, Calls& calls) const {
    if (stopped.load(std::memory_order_acquire)) throw stopping();
    const Readers::Look look(readers);
    Active* const found = current.load(std::memory_order_seq_cst)->find(plugin);
    if (found == nullptr || !serves(*found, context)) return nullptr;
    if (!found->quarantined.empty()) throw in_quarantine(*found);
    if (!found->instance) return nullptr;
    calls.add(*found, nullptr);
    return found->instance.get();
  }
  /// Calls `use` with the instance and its callback `PLUGIN.NAME` of that list. Throws unavailable where there is none.
  template <class List, class Use>
  auto with_named(std::string_view full, const char* what, const records::Context& context, List list, Use&& use) const {
    const auto dot = full.find('.');
    const std::string_view plugin = full.substr(0, dot), name = dot == std::string_view::npos ? full : full.substr(dot + 1);
    Calls calls;
    if (Instance* const instance = enter(plugin, context, calls)) {
      for (auto& callback : (instance->*list)()) {
        if (callback.name == name) return use(*instance, callback);
      }
    }
    throw Error(ErrorCode::unavailable, std::string("No plugin offers the ") + what + " " + std::string(full) + "; is the plugin that does switched on?");
  }

  /// What is to be called at a point: only a look, so that a call may last without keeping anybody from a change.
  void collect(records::HookPoint point, const records::HookCall& call, Calls& calls) const;
  bool any(records::HookPoint point, const model::Entity& entity) const override {
    if (point > records::HookPoint::action) return false;
    const Readers::Look look(readers);
    const Snapshot& now = *current.load(std::memory_order_seq_cst);
    for (const auto& plugin : now.closed) {
      if (point == records::HookPoint::action || (guards(point) && entity.module == plugin->name())) return true;
    }
    const auto found = now.by_entity.find(entity.full_name);
    return found != now.by_entity.end() && !found->second[static_cast<std::size_t>(point)].empty();
  }
  void run(records::HookPoint point, records::HookCall& call) const override {
    if (point > records::HookPoint::action) return;
    Calls calls;
    collect(point, call, calls);
    for (std::size_t i = 0; i < calls.size(); ++i) calls.at(i).plugin->instance->run_hook(*calls.at(i).hook, call, gates);
    if (point == records::HookPoint::action && calls.size() == 0) {
      throw Error(ErrorCode::unavailable, "No plugin offers the action " + call.event->action + " for " + call.record.entity().full_name +
                                              "; is the plugin that does switched on?");
    }
  }
};

void PluginRegistry::State::collect(records::HookPoint point, const records::HookCall& call, Calls& calls) const {
  const Readers::Look look(readers);
  const Snapshot& now = *current.load(std::memory_order_seq_cst);
  // What its code would have refused must not pass for want of it.
  for (const auto& plugin : now.closed) {
    const bool asked = point == records::HookPoint::action ? call.event->action.starts_with(plugin->name() + ".")
                                                           : guards(point) && call.record.entity().module == plugin->name();
    if (asked && serves(*plugin, call.context)) throw in_quarantine(*plugin);
  }
  const auto found = now.by_entity.find(call.record.entity().full_name);
  if (found == now.by_entity.end()) return;
  for (const BoundHook& hook : found->second[static_cast<std::size_t>(point)]) {
    if (!serves(*hook.plugin, call.context)) continue;
    if (point == records::HookPoint::action && (hook.callback == nullptr || hook.callback->action != call.event->action)) continue;
    if (stopped.load(std::memory_order_acquire)) throw stopping();
    // It is of an earlier state of things and must not be done without what belongs to it.
    if (hook.callback == nullptr)
      throw Error(ErrorCode::unavailable, "The plugin " + hook.plugin->name() + " was switched off meanwhile; try again.");
    calls.add(*hook.plugin, hook.callback);
    if (point == records::HookPoint::action) return;
  }
}

void PluginRegistry::State::publish(std::vector<ActivePointer> running, std::vector<ActivePointer> gone) {
  auto next = std::make_shared<Snapshot>();
  next->running = std::move(running);
  next->gone = std::move(gone);
  for (const auto& plugin : next->running) {
    if (!plugin->quarantined.empty()) next->closed.push_back(plugin);
    if (!plugin->instance) continue;
    for (HookCallback& hook : plugin->instance->hooks())
      next->by_entity[hook.entity][static_cast<std::size_t>(hook.point)].push_back({plugin.get(), &hook});
  }
  for (auto& [entity, points] : next->by_entity) {
    for (auto& hooks : points) {
      std::stable_sort(hooks.begin(), hooks.end(),
                       [](const BoundHook& a, const BoundHook& b) { return a.callback->order < b.callback->order; });
    }
  }
  for (const auto& plugin : next->gone) {
    for (const HookShape& hook : plugin->hooks) {
      auto& hooks = next->by_entity[hook.entity][static_cast<std::size_t>(hook.point)];
      hooks.insert(hooks.begin(), {plugin.get(), nullptr});
    }
  }
  std::shared_ptr<const Snapshot> old = next;
  {
    const std::lock_guard lock(mutex);
    snapshot.swap(old);
    current.store(snapshot.get(), std::memory_order_seq_cst);
  }
  readers.wait_for_readers();
}

ActivePointer PluginRegistry::State::begin(const FilePointer& file, bool always) {
  auto out = std::make_shared<Active>();
  out->file = file;
  out->always = always;
  if (file->info.kind == PluginKind::pack) return out;
  const std::string& name = file->info.name;
  if (const auto why = options.quarantined.find(name); why != options.quarantined.end()) {
    out->quarantined = why->second.empty() ? "its code is not run" : why->second;
    return out;
  }
  if (const auto other = mapped.find(name); other != mapped.end() && other->second != file->info.hash)
    throw Error(ErrorCode::conflict, "another file of this plugin was loaded into this process before; it needs a fresh one");
  // A library stays mapped, with the descriptor that it was mapped from.
  std::shared_ptr<Image> image = file->image;
  if (image->descriptor() < 0) {
    image = std::make_shared<Image>(Image::open(file->path));
    if (image->hash != file->info.hash) throw Error(ErrorCode::conflict, "its file was changed since it was read");
  }
  Library library = [&] {
    const Mark constructors(mark_id(name, "its static constructors", MarkKind::loading), 0);
    return load_library(*image);
  }();
  mapped[name] = file->info.hash;
  auto instance = std::make_unique<Instance>(name, library.table, std::move(library.claim), options.instance);
  instance->start();
  for (const HookCallback& hook : instance->hooks()) out->hooks.push_back({hook.label, hook.entity, hook.action, hook.point});
  for (const RouteCallback& route : instance->routes())
    out->routes.push_back({name, route.method, route.path, route.permission.empty() ? "" : name + "." + route.permission});
  for (const FunctionCallback& function : instance->functions()) out->functions.insert(name + "." + function.name);
  for (const ChannelCallback& channel : instance->channels()) out->channels.insert(name + "." + channel.name);
  out->instance = std::move(instance);
  return out;
}

ActivePointer PluginRegistry::State::fall_back(std::vector<Row>& found, const std::string& name, const std::string& hash, const std::string& why) {
  for (Row& row : found) {
    if (!row.file || row.info.name != name || row.info.hash != hash || row.file->info.state == PluginState::refused) continue;
    try {
      mapped.erase(name);
      auto plugin = begin(row.file, true);
      row.info.state = PluginState::enabled;
      row.info.hooks = plugin->hooks.size();
      row.info.routes = plugin->routes.size();
      row.info.error = "the version that was to replace it failed: " + why;
      if (options.instance.log) options.instance.log(CARAVAN_LOG_WARNING, name, "version " + row.info.version + " is used on");
      return plugin;
    } catch (const Error& error) {
      refuse(row.info, error.message());
    }
  }
  return nullptr;
}

std::vector<Row> PluginRegistry::State::read_folders() const {
  const auto read = [&](const std::filesystem::path& directory, bool installed, std::vector<Row>& out) {
    std::error_code error;
    std::filesystem::directory_iterator files(directory, error);
    std::vector<std::filesystem::path> paths;
    for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
      const std::string name = files->path().filename().string();
      if ((files->path().extension() == ".so" || is_pack(files->path())) && !name.starts_with('.')) paths.push_back(files->path());
    }
    if (error) {
      if (installed && error == std::errc::no_such_file_or_directory) return;
      throw Error(ErrorCode::invalid_argument,
                  "The plugin directory " + directory.string() + " cannot be read: " + error.message() + ".");
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      const FilePointer file = examine(path, installed, options);
      out.push_back({file, file->info});
    }
  };
  std::vector<Row> found;
  read(options.directory, false, found);
  if (!options.installed.empty()) read(options.installed, true, found);
  return found;
}

Selection PluginRegistry::State::decide(std::vector<Row>& found) const {
  choose_files(found, options);
  const auto wanted = [&](const std::string& name) {
    if (const auto decided = options.decided.find(name); decided != options.decided.end()) return decided->second;
    return !options.enabled || options.enabled->contains(name);
  };
  for (Row& row : found) {
    // A faulty file that nobody asked for is no trouble, but says why.
    if (!wanted(row.info.name)) row.info.state = PluginState::disabled;
    const auto why = options.quarantined.find(row.info.name);
    if (why == options.quarantined.end() || !row.enabled() || row.info.kind == PluginKind::pack) continue;
    row.info.state = PluginState::quarantined;
    row.info.error = why->second;
  }
  std::set<std::string> names;
  if (options.enabled) names = *options.enabled;
  for (const auto& [name, on] : options.decided) on ? (void)names.insert(name) : (void)names.erase(name);
  for (const std::string& name : names) {
    if (find_row(found, name) != nullptr) continue;
    Row missing;
    missing.info.name = name;
    refuse(missing.info, "no file in " + options.directory.string() + " holds this plugin");
    found.push_back(std::move(missing));
  }
  std::stable_sort(found.begin(), found.end(), [](const Row& a, const Row& b) { return a.info.name < b.info.name; });
  check_dependencies(found);
  return sort_by_dependency(found);
}

/// What the administrator sees follows what runs.
void PluginRegistry::State::refresh_rows() {
  const auto now = in_use();
  std::vector<Row> next = *all_rows();
  std::set<const Active*> shown;
  for (Row& row : next) {
    const Active* plugin = now->find(row.info.name);
    if (plugin != nullptr && row.file && plugin->file->info.hash == row.info.hash && plugin->file->path == row.file->path) {
      row.file = plugin->file;
      row.info.state = plugin->quarantined.empty() ? PluginState::enabled : PluginState::quarantined;
      row.info.error = plugin->quarantined;
      row.info.hooks = plugin->hooks.size();
      row.info.routes = plugin->routes.size();
      shown.insert(plugin);
    } else if (row.enabled()) {
      row.info.state = PluginState::disabled;
      row.info.hooks = row.info.routes = 0;
    }
  }
  for (const auto& plugin : now->running) {
    if (shown.contains(plugin.get())) continue;
    Row row{plugin->file, plugin->file->info};  // its file is gone; it runs nevertheless
    if (!plugin->quarantined.empty()) row.info.state = PluginState::quarantined;
    row.info.hooks = plugin->hooks.size();
    row.info.routes = plugin->routes.size();
    next.push_back(std::move(row));
  }
  std::stable_sort(next.begin(), next.end(), [](const Row& a, const Row& b) { return a.info.name < b.info.name; });
  set_rows(std::move(next));
}

std::unique_ptr<PluginRegistry> PluginRegistry::scan(RegistryOptions options) {
  auto state = std::make_shared<State>();
  state->options = std::move(options);
  std::vector<Row> found = state->read_folders();
  state->selected = state->decide(found);
  state->set_rows(std::move(found));
  state->publish({}, {});
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
  std::vector<Row> rows = *state.all_rows();
  std::vector<ActivePointer> running;
  for (const FilePointer& file : state.selected) {
    check_dependencies(rows);  // one before may have failed
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.file == file; });
    if (row == rows.end() || !row->enabled()) continue;
    try {
      running.push_back(state.begin(file, true));
      row->info.hooks = running.back()->hooks.size();
      row->info.routes = running.back()->routes.size();
    } catch (const Error& error) {
      refuse(row->info, error.message());
      if (state.options.instance.log)
        state.options.instance.log(CARAVAN_LOG_ERROR, row->info.name, "refused: " + error.message());
      if (const auto before = state.options.fallback.find(row->info.name); before != state.options.fallback.end()) {
        if (auto plugin = state.fall_back(rows, before->first, before->second, error.message())) running.push_back(std::move(plugin));
      }
    }
  }
  state.set_rows(std::move(rows));
  state.publish(std::move(running), {});
}

void PluginRegistry::unload() noexcept {
  State& state = *state_;
  if (state.stopped.exchange(true)) return;
  const auto now = state.in_use();
  for (auto it = now->running.rbegin(); it != now->running.rend(); ++it) {
    if ((*it)->instance) (*it)->instance->stop();
  }
}

void PluginRegistry::rescan(RegistryOptions options) {
  State& state = *state_;
  options.directory = state.options.directory;
  options.instance = state.options.instance;
  // Where several files hold what runs, nothing was decided: the one that runs stays.
  for (const auto& one : state.in_use()->running) options.pinned.try_emplace(one->name(), one->file->info.hash);
  state.options = std::move(options);
  std::vector<Row> found = state.read_folders();
  // What runs keeps the file that was read when it was loaded.
  const auto now = state.in_use();
  for (Row& row : found) {
    const Active* plugin = now->find(row.info.name);
    if (plugin != nullptr && plugin->file->info.hash == row.info.hash && plugin->file->path == row.file->path) row.file = plugin->file;
  }
  state.selected = state.decide(found);
  state.set_rows(std::move(found));
  state.refresh_rows();
}

Selection PluginRegistry::enabled() const { return state_->selected; }

Selection PluginRegistry::running() const {
  if (!state_->loaded) return state_->selected;
  Selection out;
  for (const auto& plugin : state_->in_use()->running) out.push_back(plugin->file);
  return out;
}

std::map<std::string, std::string> PluginRegistry::hashes(const Selection& selection) {
  std::map<std::string, std::string> out;
  for (const auto& file : selection) out.emplace(file->info.name, file->info.hash);
  return out;
}

Selection PluginRegistry::select(const std::map<std::string, std::string>& hashes) const {
  const auto rows = state_->all_rows();
  std::vector<Row> chosen;
  std::string trouble;
  const auto tell = [&](const std::string& name, const std::string& why) {
    trouble += (trouble.empty() ? "" : "; ") + ("the plugin " + name + ": " + why);
  };
  for (const auto& [name, hash] : hashes) {
    const Row* found = nullptr;
    for (const Row& row : *rows) {
      if (row.file && row.info.name == name && row.info.hash == hash && (found == nullptr || row.enabled())) found = &row;
    }
    if (found == nullptr) {
      tell(name, "no file here has the hash " + hash.substr(0, 12) + "…");
    } else if (found->file->info.state == PluginState::refused) {
      tell(name, found->file->info.error);
    } else {
      chosen.push_back({found->file, found->file->info});
    }
  }
  check_dependencies(chosen);
  Selection out = sort_by_dependency(chosen);
  for (const Row& row : chosen) {
    if (!row.enabled()) tell(row.info.name, row.info.error);
  }
  if (!trouble.empty()) throw Error(ErrorCode::conflict, "These plugins cannot be used together: " + trouble + ".");
  return out;
}

std::vector<Available> PluginRegistry::available() const {
  std::vector<Available> out;
  for (const Row& row : *state_->all_rows()) {
    if (row.file && row.file->info.state == PluginState::enabled) out.push_back({row.info.name, row.file->manifest.version, row.file->manifest.dependencies});
  }
  return out;
}

std::string PluginRegistry::hash_of(const std::string& name, const Version& version) const {
  const auto pinned = state_->options.pinned.find(name);
  std::string out;
  bool own = false;
  for (const Row& row : *state_->all_rows()) {
    if (!row.file || row.info.name != name || row.file->info.state != PluginState::enabled || row.file->manifest.version != version) continue;
    if (pinned != state_->options.pinned.end() && pinned->second == row.info.hash) return row.info.hash;
    if (out.empty() || (!own && !row.info.installed)) {
      out = row.info.hash;
      own = !row.info.installed;
    }
  }
  return out;
}

std::vector<std::string> PluginRegistry::stale(const Selection& selection) const {
  std::vector<std::string> out;
  for (const auto& file : selection) {
    const auto other = state_->mapped.find(file->info.name);
    if (file->info.kind == PluginKind::library && other != state_->mapped.end() && other->second != file->info.hash) out.push_back(file->info.name);
  }
  return out;
}

std::vector<std::string> PluginRegistry::start(const Selection& selection) {
  State& state = *state_;
  const auto now = state.in_use();
  std::vector<ActivePointer> running, begun;
  std::vector<std::string> names;
  for (const auto& file : selection) {
    const auto same = std::find_if(now->running.begin(), now->running.end(), [&](const auto& one) { return one->name() == file->info.name; });
    if (same != now->running.end() && ((*same)->file->info.hash == file->info.hash || file->info.kind == PluginKind::library)) {
      // Another binary of it waits for a fresh process; see stale().
      running.push_back(*same);
      continue;
    }
    try {
      begun.push_back(state.begin(file, false));
    } catch (const Error& error) {
      for (auto it = begun.rbegin(); it != begun.rend(); ++it) release(**it);
      throw Error(ErrorCode::conflict, "The plugin " + file->info.name + " was not switched on: " + error.message());
    }
    running.push_back(begun.back());
    names.push_back(file->info.name);
  }
  // What leaves, stays until stop().
  for (const auto& one : now->running) {
    if (std::none_of(running.begin(), running.end(), [&](const auto& other) { return other->name() == one->name(); })) running.push_back(one);
  }
  if (names.empty()) return names;
  auto gone = now->gone;
  std::erase_if(gone, [&](const auto& one) { return std::find(names.begin(), names.end(), one->name()) != names.end(); });
  state.publish(std::move(running), std::move(gone));
  state.refresh_rows();
  return names;
}

std::vector<std::string> PluginRegistry::stop(const Selection& selection, std::chrono::milliseconds most) {
  State& state = *state_;
  const auto now = state.in_use();
  std::vector<ActivePointer> running, leaving;
  for (const auto& one : now->running) {
    const bool stays = std::any_of(selection.begin(), selection.end(), [&](const auto& file) { return file->info.name == one->name(); });
    (stays ? running : leaving).push_back(one);
  }
  if (leaving.empty()) return {};
  auto gone = now->gone;
  for (const auto& one : leaving) {
    if (one->hooks.empty()) continue;
    auto shape = std::make_shared<Active>();
    shape->file = one->file;
    shape->hooks = one->hooks;
    gone.push_back(std::move(shape));
  }
  state.publish(std::move(running), std::move(gone));
  std::vector<std::string> stuck;
  const auto until = std::chrono::steady_clock::now() + most;
  for (auto it = leaving.rbegin(); it != leaving.rend(); ++it) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if ((*it)->inside.wait_idle(std::max(left, std::chrono::milliseconds(0)))) {
      release(**it);
    } else {
      state.stuck.push_back(*it);
      stuck.push_back((*it)->name());
    }
  }
  state.refresh_rows();
  return stuck;
}

PluginInfo PluginRegistry::inspect(const std::filesystem::path& file, const RegistryOptions& options) {
  return examine(file, true, options)->info;
}

std::vector<PluginInfo> PluginRegistry::list() const {
  std::vector<PluginInfo> out;
  for (const Row& row : *state_->all_rows()) out.push_back(row.info);
  return out;
}

std::vector<CallbackReport> PluginRegistry::report() const {
  Calls inside;
  {
    const Readers::Look look(state_->readers);
    for (const auto& one : state_->current.load(std::memory_order_seq_cst)->running) {
      if (one->instance) inside.add(*one, nullptr);
    }
  }
  std::vector<CallbackReport> out;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    for (auto& callback : inside.at(i).plugin->instance->report()) out.push_back(std::move(callback));
  }
  return out;
}

std::vector<model::SourceLayer> PluginRegistry::layers(const Selection& selection) {
  std::vector<model::SourceLayer> out;
  for (const auto& file : selection) {
    const bool pack = file->info.kind == PluginKind::pack;
    model::SourceLayer layer{(pack ? "pack " : "plugin ") + file->info.name, {}};
    for (const Image::File& one : file->definitions)
      layer.files.push_back({pack ? file->info.file : file->info.file + ":" + one.name, one.text, pack ? "" : file->info.name, file->manifest.edition});
    out.push_back(std::move(layer));
  }
  return out;
}

std::vector<model::Module> PluginRegistry::modules(const Selection& selection) {
  std::vector<model::Module> out;
  for (const auto& file : selection) {
    if (file->info.kind == PluginKind::library) out.push_back({file->manifest.name, file->manifest.label, file->manifest.icon, file->manifest.order});
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
  if (state.stopped.load(std::memory_order_acquire)) throw stopping();
  const auto path = split_path(rest);
  if (path.size() > 32) return std::nullopt;

  Calls calls;  // keeps the plugin from being stopped until the end
  {
    const Readers::Look look(state.readers);
    Active* const found = state.current.load(std::memory_order_seq_cst)->find(plugin);
    if (found == nullptr || !serves(*found, context)) return std::nullopt;
    if (!found->quarantined.empty()) throw in_quarantine(*found);
    if (!found->instance) return std::nullopt;
    calls.add(*found, nullptr);
  }
  Active& found = *calls.at(0).plugin;
  RouteCallback* best = nullptr;
  std::uint64_t best_rank = 0;
  Parameters parameters, candidate;
  std::set<std::string_view> methods;
  for (RouteCallback& route : found.instance->routes()) {
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
    const std::string permission = found.name() + "." + best->permission;
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
  return found.instance->run_route(*best, context, request, full, parameters, state.gates);
}

namespace {

using records::Json;

std::string text_of(const Json& payload, std::string_view name) {
  const Json* member = payload.find(name);
  const auto* text = member != nullptr ? member->as<std::string>() : nullptr;
  if (text == nullptr) throw Error(ErrorCode::invalid_argument, "The payload of a plugin's job lacks \"" + std::string(name) + "\".");
  return *text;
}

}  // namespace

JobPayload PluginRegistry::job_payload(const jobs::Job& job) {
  const Json payload = records::parse_json(job.payload);
  return {text_of(payload, "plugin"), text_of(payload, "name"), text_of(payload, "payload")};
}

void PluginRegistry::run_job(const jobs::Job& job, const JobPayload& payload, records::Work& work) const {
  state_->with_named(payload.plugin + "." + payload.name, "job", work.context(), &Instance::jobs,
                     [&](Instance& instance, JobCallback& callback) { instance.run_job(callback, work, job, payload, state_->gates); });
}

/// Through the registry's state, which outlives it.
struct PluginRegistry::Offers final : records::Functions, channels::OtherChannels {
  explicit Offers(std::shared_ptr<const State> state_) : state(std::move(state_)) {}
  bool has(std::string_view function) const override {
    for (const auto& plugin : state->in_use()->running) {
      if (plugin->functions.contains(std::string(function))) return true;
    }
    return false;
  }
  records::NamedValues call(const records::Context& context, std::string_view function, const records::NamedValues& arguments) const override {
    return state->with_named(function, "function", context, &Instance::functions,
                             [&](Instance& instance, FunctionCallback& callback) { return instance.run_function(callback, context, arguments); });
  }
  void send(const records::Context& context, const channels::OutgoingMessage& message) const override {
    state->with_named(message.channel, "channel", context, &Instance::channels,
                      [&](Instance& instance, ChannelCallback& callback) { instance.run_channel(callback, context, message); });
  }
  std::shared_ptr<const State> state;
};

std::shared_ptr<const records::Functions> PluginRegistry::functions() const { return std::make_shared<const Offers>(state_); }

std::shared_ptr<const channels::OtherChannels> PluginRegistry::channels() const { return std::make_shared<const Offers>(state_); }

std::vector<RouteInfo> PluginRegistry::routes() const {
  std::vector<RouteInfo> out;
  for (const auto& plugin : state_->in_use()->running) out.insert(out.end(), plugin->routes.begin(), plugin->routes.end());
  return out;
}

std::vector<std::string> PluginRegistry::mistakes(const model::Catalog& catalog) const {
  std::vector<std::string> out;
  std::set<std::string> actions, channels;
  const auto functions = this->functions();
  for (const auto& plugin : state_->in_use()->running) {
    for (const HookShape& hook : plugin->hooks) {
      if (catalog.entity(hook.entity) == nullptr)
        out.push_back("The plugin " + plugin->name() + " has a hook for " + hook.label + ", which is not defined; it never runs.");
      if (!hook.action.empty()) actions.insert(hook.action + " " + hook.entity);
    }
    channels.insert(plugin->channels.begin(), plugin->channels.end());
  }
  model::each_effect(catalog, [&](const model::Effect& effect) {
    if (effect.kind != model::Effect::Kind::call || effect.action.starts_with("core.") || effect.entity == nullptr) return;
    const std::string at = effect.origin.file + ":" + std::to_string(effect.origin.line) + ":" + std::to_string(effect.origin.column);
    if (!effect.into.empty()) {
      if (!functions->has(effect.action)) out.push_back(at + ": no plugin offers the function " + effect.action + "; the rule will fail.");
      return;
    }
    if (actions.contains(effect.action + " " + effect.entity->full_name)) return;
    out.push_back(at + ": no plugin offers the action " + effect.action + " for " + effect.entity->full_name + "; the rule will fail.");
  });
  for (const auto& function : catalog.functions) {
    if (!functions->has(function->name)) {
      out.push_back(function->origin.file + ":" + std::to_string(function->origin.line) + ":" + std::to_string(function->origin.column) +
                    ": no plugin offers the function " + function->name + "; imports and reports that call it will fail.");
    }
  }
  for (const auto& message : catalog.messages) {
    if (message->channel.find('.') == std::string::npos || channels.contains(message->channel)) continue;
    out.push_back("The message " + message->name + " goes by the channel " + message->channel + ", which no plugin offers; it will not be sent.");
  }
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

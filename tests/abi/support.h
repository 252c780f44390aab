#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "caravan/abi.h"
#include "model/loader.h"
#include "plugin/registry.h"
#include "support/scratch.h"

namespace caravan::plugin {

/// A version of the ABI by its minor number, e.g. `0.3`.
inline std::string abi_version(int minor) { return std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(minor); }

inline std::filesystem::path plugins(const char* set) {
  return std::filesystem::path(ABI_PLUGINS) / set;
}

using test::Scratch;

/// What plugins logged: `in_c: created`.
struct Log {
  std::mutex mutex;
  std::vector<std::string> lines;
  LogSink sink() {
    return [this](int, std::string_view plugin, std::string_view message) {
      const std::lock_guard lock(mutex);
      lines.push_back(std::string(plugin) + ": " + std::string(message));
    };
  }
  bool has(std::string_view part) {
    const std::lock_guard lock(mutex);
    for (const auto& line : lines) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

/// No database: hooks see it only as the transaction that they are in.
class FakeWork final : public records::Work {
 public:
  explicit FakeWork(const records::Context& context) : context_(context) {}
  const records::Context& context() const override { return context_; }
  storage::Session& session() override { none(); }
  records::Record load(const model::Entity&, std::int64_t, bool, records::Authority) override { none(); }
  std::optional<records::Record> find_external(const model::Entity&, std::string_view,
                                               std::string_view) override {
    none();
  }
  std::shared_ptr<const expr::RecordView> follow(const model::Entity&, std::int64_t) override { none(); }
  records::Record create(const model::Entity&, records::Input, records::Authority) override { none(); }
  records::Record update(const model::Entity&, std::int64_t, records::Input,
                         std::optional<std::int64_t>, records::Authority) override {
    none();
  }
  void remove(const model::Entity&, std::int64_t, std::optional<std::int64_t>) override { none(); }
  records::Record put_back(const records::Record&, records::Record, std::string, std::string) override { none(); }
  bool enqueue(const jobs::NewJob&) override { none(); }
  records::Record remark(const records::Record&, std::string_view, std::string) override { none(); }
  records::Record restore(const model::Entity&, std::int64_t) override { none(); }
  records::Record erase_history(const model::Entity&, std::int64_t, std::string) override { none(); }
  records::Record current(records::Record record) override { return record; }
  std::string set_source(std::string) override { return {}; }
  records::Record apply_transition(const records::Record&, const model::Transition&, records::Input,
                                   std::string) override {
    none();
  }

 private:
  [[noreturn]] static void none() { throw Error(ErrorCode::internal, "the fake has no database"); }
  const records::Context& context_;
};

/// Records in memory; runs the hooks as the real gate does. A name `fake:CODE` makes a write fail.
class FakeStore {
 public:
  std::map<std::int64_t, records::Record> rows;
  std::shared_ptr<const records::Hooks> hooks;

  GateFactory gates() {
    return [this](const records::Context& context, records::Work*) -> std::unique_ptr<Gate> {
      return std::make_unique<FakeGate>(*this, context);
    };
  }
  records::Record create(const records::Context& context, const model::Entity& entity, records::Input input) {
    records::Record record(entity);
    for (auto& [field, value] : input) record.set(field->slot, std::move(value));
    if (const auto* name = record[entity.field("name")->slot].as<std::string>()) {
      if (*name == "fake:conflict") throw Error(ErrorCode::conflict, "The fake refuses.");
      if (*name == "fake:retry") throw Error(ErrorCode::retry, "deadlock");
    }
    FakeWork work(context);
    records::HookCall call{context, work, record};
    if (hooks) hooks->run(records::HookPoint::before_create, call);
    record.set(model::slot_id, expr::Value(std::int64_t{100} + static_cast<std::int64_t>(rows.size())));
    record.set(model::slot_version, expr::Value(1));
    rows.insert_or_assign(record.id(), record);
    if (hooks) hooks->run(records::HookPoint::after_create, call);
    return record;
  }

 private:
  class FakeGate final : public Gate {
   public:
    FakeGate(FakeStore& store, const records::Context& context) : store_(store), context_(context) {}
    records::Record get(const model::Entity&, std::int64_t id) override {
      const auto it = store_.rows.find(id);
      if (it == store_.rows.end()) throw Error(ErrorCode::not_found, "There is no such record.");
      return it->second;
    }
    records::Page list(const model::Entity&, const records::ListQuery&) override {
      records::Page page;
      for (const auto& [id, record] : store_.rows) page.items.push_back(record);
      return page;
    }
    records::Record create(const model::Entity& entity, records::Input input) override {
      return store_.create(context_, entity, std::move(input));
    }
    records::Record update(const model::Entity& entity, std::int64_t id, records::Input input,
                           std::int64_t version) override {
      records::Record record = get(entity, id);
      if (record.version() != version) throw Error(ErrorCode::stale, "Somebody changed it.");
      for (auto& [field, value] : input) record.set(field->slot, std::move(value));
      record.set(model::slot_version, expr::Value(version + 1));
      store_.rows.insert_or_assign(id, record);
      return record;
    }
    void remove(const model::Entity& entity, std::int64_t id, std::int64_t) override {
      get(entity, id);
      store_.rows.erase(id);
    }
    // What the fake has not is tried over the server's own gate, see over_the_gate.h.
    records::Record transition(const model::Entity&, std::int64_t, std::string_view, records::Input, std::string, std::int64_t) override { none(); }
    records::Record publish(const model::Entity&, std::int64_t, const model::Happening&, std::string, std::int64_t) override { none(); }
    bool enqueue(const jobs::NewJob&) override { none(); }
    void transact(const std::function<void(records::Work&)>&) override { none(); }

   private:
    [[noreturn]] static void none() { throw Error(ErrorCode::internal, "the fake store has no such thing"); }
    FakeStore& store_;
    const records::Context& context_;
  };
};

/// The plugins of a directory, their Catalog, and a user who may call their routes. Copies the files, since a
/// process has one instance of a file at a time.
struct Host {
  explicit Host(RegistryOptions options) {
    for (const auto& file : std::filesystem::directory_iterator(options.directory))
      std::filesystem::copy(file.path(), copies.path);
    options.directory = copies.path;
    if (!options.instance.log) options.instance.log = log.sink();
    registry = PluginRegistry::scan(std::move(options));
    registry->load(store.gates());
    store.hooks = registry->hooks();
    std::vector<model::SourceLayer> layers{model::core_layer()};
    for (auto& layer : registry->layers()) layers.push_back(std::move(layer));
    model::LoadResult loaded = model::load_catalog(layers, registry->modules());
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == model::Diagnostic::Severity::error)
        ADD_FAILURE() << model::to_string(diagnostic);
    }
    catalog = loaded.catalog;
    context.catalog = catalog;
    context.actor.user_id = 42;
    context.actor.username = "wang";
    context.actor.name = "王芳";
    context.actor.roles = {"core.administrator"};
    context.now = Timestamp{1'790'000'000'000'000};
    context.locale = "zh-CN";
  }

  PluginInfo info(std::string_view name) const {
    for (auto& one : registry->list()) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << "no plugin " << name;
    return {};
  }
  const model::Entity& entity(const std::string& name) const { return *catalog->entity(name); }
  /// Creates an item of that name, through the hooks.
  records::Record make(const std::string& plugin, std::string_view name) {
    const model::Entity& item = entity(plugin + ".item");
    return store.create(context, item,
                        {{item.field("name"), name.empty() ? expr::Value() : expr::Value(name)}});
  }
  std::optional<api::Response> get(std::string_view plugin, std::string_view path,
                                   std::string_view method = "GET") {
    api::Request request;
    request.method = method;
    return registry->handle(context, request, plugin, path);
  }

  Scratch copies;
  Log log;
  FakeStore store;
  std::unique_ptr<PluginRegistry> registry;
  std::shared_ptr<const model::Catalog> catalog;
  records::Context context;
};

/// The error that `work` throws; fails the test where it throws none.
template <class Work>
Error error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::internal, "");
}

}  // namespace caravan::plugin

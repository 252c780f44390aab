#include "app/plugin_migrations.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "plugin/instance.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::app {
namespace {

using storage::Query;

constexpr std::uint32_t batch = 50;

struct Progress {
  std::int64_t last = 0, records = 0;
  bool begun = false, done = false;
};

Progress progress_of(storage::Session& session, const std::string& plugin, const std::string& name) {
  Query query(session, "SELECT last_id, records, done_at FROM plugin_migration WHERE plugin = ? AND name = ?", plugin, name);
  if (!query.next()) return {};
  return {query.integer(0), query.integer(1), true, query.instant(2).has_value()};
}

}  // namespace

PluginMigrations::PluginMigrations(const records::RecordService& records, CatalogInUse catalog, const plugin::PluginRegistry& plugins, jobs::Queue& queue,
                                   storage::Sequences& sequences)
    : records_(records), catalog_(std::move(catalog)), plugins_(plugins), queue_(queue), sequences_(sequences) {
  queue_.handle(migration_kind, [this](jobs::Attempt& attempt) { run(attempt); });
}

std::optional<plugin::PluginInfo> PluginMigrations::used(const std::string& plugin) const {
  const auto running = plugin::PluginRegistry::hashes(plugins_.running());
  const auto found = running.find(plugin);
  for (auto& info : plugins_.list()) {
    if (found != running.end() && info.name == plugin && info.hash == found->second && info.state == plugin::PluginState::enabled) return info;
  }
  return std::nullopt;
}

std::vector<MigrationState> PluginMigrations::states(const std::string& plugin) const {
  const auto session = records_.database().read();
  Query query(*session, "SELECT plugin, name, version, records, done_at FROM plugin_migration WHERE plugin = ? ORDER BY begun_at, name", plugin);
  std::vector<MigrationState> out;
  while (query.next()) out.push_back({query.text(0), query.text(1), query.text(2), query.integer(3), query.instant(4)});
  return out;
}

void PluginMigrations::plan() {
  for (const auto& [name, hash] : plugin::PluginRegistry::hashes(plugins_.running())) {
    const auto info = used(name);
    if (!info || info->migrations.empty()) continue;
    {
      const auto session = records_.database().read();
      const bool all = std::all_of(info->migrations.begin(), info->migrations.end(), [&](const auto& one) { return progress_of(*session, name, one.name).done; });
      if (all) continue;
    }
    jobs::NewJob job;
    job.queue = plugin::job_queue;
    job.kind = migration_kind;
    job.payload = "{\"plugin\":\"" + name + "\"}";  // a name of small letters
    job.unique_key = "migration:" + name;
    const std::int64_t id = sequences_.next("job");
    records_.database().transact([&](storage::Session& session) { jobs::enqueue(session, id, job, queue_.now()); });
    queue_.wake();
  }
}

void PluginMigrations::run(jobs::Attempt& attempt) const {
  const auto payload = records::parse_json(attempt.job().payload);
  const auto* member = payload.find("plugin");
  const auto* plugin = member ? member->as<std::string>() : nullptr;
  if (plugin == nullptr) throw Error(ErrorCode::invalid_argument, "The job names no plugin.");
  const auto info = used(*plugin);
  if (!info) return;  // switched off meanwhile; planned again when it is on
  for (const auto& migration : info->migrations) {
    if (!migrate(attempt, *plugin, info->version, migration)) {
      attempt.postpone(1000);
      return;
    }
  }
}

bool PluginMigrations::migrate(jobs::Attempt& attempt, const std::string& plugin, const std::string& version, const plugin::Migration& migration) const {
  auto& database = records_.database();
  records::Context context;
  context.actor.system = true;
  context.catalog = catalog_();
  context.source = "migration " + plugin + "." + migration.name;
  context.request_id = attempt.job().request_id;
  const model::Entity* entity = context.catalog->entity(migration.entity);
  if (entity == nullptr)
    throw Error(ErrorCode::invalid_argument, "The migration " + migration.name + " of the plugin " + plugin + " is about " + migration.entity + ", which is not defined.");
  Progress progress;
  {
    const auto session = database.read();
    progress = progress_of(*session, plugin, migration.name);
  }
  if (progress.done) return true;
  if (!progress.begun) {
    database.transact([&](storage::Session& session) {
      if (progress_of(session, plugin, migration.name).begun) return;
      storage::run_sql(session, "INSERT INTO plugin_migration (plugin, name, version, last_id, records, begun_at) VALUES (?, ?, ?, 0, 0, ?)", plugin, migration.name,
                       version, queue_.now());
    });
  }
  const auto hooks = plugins_.hooks();
  for (int lost = 0;;) {
    if (attempt.stopping()) return false;
    context.now = queue_.now();
    records::ListQuery query;
    query.filter = "record.id > " + std::to_string(progress.last) + (migration.where.empty() ? "" : " && (" + migration.where + ")");
    query.sort = "id";
    query.limit = batch;
    const auto page = records_.list(context, *entity, query);
    if (page.items.empty()) break;
    const std::int64_t last = page.items.back().id();
    bool taken = false;
    std::int64_t at = 0;
    try {
      records_.transact(context, [&](records::Work& work) {
        // Whoever moves the mark does the records; a second worker finds it moved.
        taken = storage::run_sql(work.session(), "UPDATE plugin_migration SET last_id = ?, records = records + ? WHERE plugin = ? AND name = ? AND last_id = ?", last,
                                 static_cast<std::int64_t>(page.items.size()), plugin, migration.name, progress.last) == 1;
        if (!taken) return;
        for (const auto& item : page.items) {
          at = item.id();
          records::Record record = work.load(*entity, at, true);
          records::Event event;
          event.action = migration.action;
          event.changes = "{}";
          records::HookCall call{work.context(), work, record, nullptr, nullptr, &event};
          hooks->run(records::HookPoint::action, call);
        }
      });
    } catch (Error& error) {
      // Deleted between the list and its lock: the next look does not find it.
      if (error.code() == ErrorCode::not_found && ++lost < 10) continue;
      throw error.add_context("migration " + migration.name + " of the plugin " + plugin + ", record " + std::to_string(at) + " of " + migration.entity);
    }
    if (taken) {
      progress.last = last;
      progress.records += static_cast<std::int64_t>(page.items.size());
    } else {
      const auto session = database.read();
      progress = progress_of(*session, plugin, migration.name);
      if (progress.done) return true;
    }
    attempt.progress(progress.records, 0, migration.name);
  }
  database.transact([&](storage::Session& session) {
    storage::run_sql(session, "UPDATE plugin_migration SET done_at = ? WHERE plugin = ? AND name = ? AND done_at IS NULL", queue_.now(), plugin, migration.name);
  });
  spdlog::info("The migration {} of the plugin {} is done: {} records.", migration.name, plugin, progress.records);
  return true;
}

}  // namespace caravan::app

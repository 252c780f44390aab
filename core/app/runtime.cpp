#include "app/runtime.h"

#include <sodium.h>
#include <spdlog/spdlog.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "app/plugin_admin.h"
#include "app/plugin_migrations.h"
#include "app/restart.h"
#include "app/simulation.h"
#include "base/error.h"
#include "api/event_hub.h"
#include "api/json_writer.h"
#include "channels/delivery.h"
#include "channels/outbound.h"
#include "channels/stranger_bound.h"
#include "records/data_check.h"
#include "records/duplicates.h"
#include "records/attachments.h"
#include "records/backup.h"
#include "records/fold.h"
#include "records/import_runs.h"
#include "model/parse_cache.h"
#include "records/moves.h"
#include "records/search.h"
#include "records/rollup.h"
#include "records/looks.h"
#include "records/once.h"
#include "records/share.h"
#include "records/trash.h"
#include "workflow/approvals.h"
#include "workflow/assignment.h"
#include "workflow/clocks.h"
#include "workflow/rules.h"
#include "workflow/undo.h"

namespace caravan::app {
namespace {

/// An enabled plugin that is refused would silently take its department away.
void add_refusals(const plugin::PluginRegistry& plugins, std::vector<model::Diagnostic>& diagnostics) {
  for (const auto& info : plugins.list()) {
    if (info.state != plugin::PluginState::refused) continue;
    model::Diagnostic diagnostic;
    diagnostic.severity = model::Diagnostic::Severity::warning;
    diagnostic.at.file = info.file.empty() ? info.name : info.file;
    diagnostic.code = "plugin-refused";
    diagnostic.message = "the plugin " + info.name + " is left out: " + info.error;
    diagnostics.push_back(std::move(diagnostic));
  }
}

/// The bytes that sign webhooks; made where the file is not there.
std::string webhook_secret(const Settings& settings) {
  const auto path = settings.webhook_secret.empty() ? settings.data / "webhook.secret" : settings.webhook_secret;
  if (std::filesystem::exists(path)) {
    if (auto secret = channels::secret_of(read_file(path))) return *secret;
    throw Error(ErrorCode::invalid_argument, path.string() + " holds no secret of webhooks (`whsec_` and 24 to 64 bytes in base 64); remove it for a new one");
  }
  std::string secret(32, '\0');
  randombytes_buf(secret.data(), secret.size());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::string text = channels::secret_text(secret) + "\n";
  if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    if (file >= 0) ::close(file);
    throw Error(ErrorCode::unavailable, "Cannot write the secret of webhooks, " + path.string());
  }
  ::close(file);
  return secret;
}

bool has_error(const std::vector<model::Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const auto& one) { return one.severity == model::Diagnostic::Severity::error; });
}

model::Diagnostic failure(std::string file, const std::exception& error) {
  model::Diagnostic diagnostic;
  diagnostic.at.file = std::move(file);
  diagnostic.code = "reload-failed";
  diagnostic.message = error.what();
  return diagnostic;
}

[[noreturn]] void refuse(const std::vector<model::Diagnostic>& diagnostics) {
  std::string text = "The definitions have mistakes:";
  std::vector<FieldError> fields;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity != model::Diagnostic::Severity::error) continue;
    text += "\n" + model::to_string(diagnostic);
    fields.push_back({diagnostic.at.file, diagnostic.code, diagnostic.message});
  }
  throw Error(ErrorCode::invalid_argument, std::move(text), std::move(fields));
}

}  // namespace

std::vector<model::SourceLayer> definition_layers(const Settings& settings, const plugin::PluginRegistry& plugins) {
  std::vector<model::SourceLayer> layers{model::core_layer()};
  for (auto& layer : plugins.layers()) layers.push_back(std::move(layer));
  for (auto& layer : configuration_layers(settings)) layers.push_back(std::move(layer));
  return layers;
}

Definitions load_definitions(const Settings& settings, model::ParseCache* cache) {
  Definitions definitions;
  definitions.plugins = plugin::PluginRegistry::scan(registry_options(settings, read_decisions(settings.data / "plugins")));
  definitions.loaded = cache == nullptr ? model::load_catalog(definition_layers(settings, *definitions.plugins), definitions.plugins->modules())
                                        : model::load_catalog(definition_layers(settings, *definitions.plugins), definitions.plugins->modules(), *cache);
  add_refusals(*definitions.plugins, definitions.loaded.diagnostics);
  return definitions;
}

Runtime::Runtime(const Settings& settings, Schema schema) : settings_(settings) {
  if (sodium_init() < 0) throw Error(ErrorCode::internal, "libsodium cannot start.");
  std::filesystem::create_directories(settings_.data);
  storage::DatabaseOptions options;
  options.connections = std::max(8, settings_.http.workers * 2);
  database_ = storage::Database::open(settings_.database_url, options);
  sequences_ = std::make_unique<storage::Sequences>(*database_);
  records_ = std::make_unique<records::RecordService>(*database_, *sequences_);
  search_ = std::make_shared<records::SearchIndex>(*database_, *sequences_);
  records_->set_search(search_);
  transitions_ = std::make_unique<workflow::Transitions>(*records_);

  store_ = std::make_unique<PluginStore>(*database_, *sequences_);
  {
    const auto decisions = store_->decisions();
    write_decisions(settings_.data / "plugins", decisions);
    auto reading = registry_options(settings_, decisions);
    if (settings_.safe_mode) {
      reading.enabled.emplace();
      reading.decided.clear();
    }
    if (const auto fetched = store_->fetch(reading.installed, reading.pinned); !fetched.empty()) spdlog::info("{} installed plugin files were taken from the database.", fetched.size());
    plugins_ = plugin::PluginRegistry::scan(std::move(reading));
  }
  plugins_->load(plugin::gate_over(*records_));
  const Documents files = documents_of_files();
  model::LoadResult loaded = model::load_catalog(files.layers, files.modules);
  add_refusals(*plugins_, loaded.diagnostics);
  for (const auto& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == model::Diagnostic::Severity::warning) spdlog::warn("{}", model::to_string(diagnostic));
  }
  if (!loaded.catalog) refuse(loaded.diagnostics);
  // Which Catalog is used is told by a table; constraints and records follow when that is known.
  if (schema == Schema::update) storage::update_schema(*database_, *loaded.catalog, false, storage::Constraints::keep);
  for (const auto& mistake : plugins_->mistakes(*loaded.catalog)) spdlog::warn("{}", mistake);
  plugin_admin_ = std::make_unique<PluginAdministration>(*this);
  nodes_ = std::make_unique<Nodes>(*database_);
  nodes_->set_let_go([this] { drop_earlier_statements(); });
  revisions_ = std::make_unique<Revisions>(*database_);
  const bool whole = schema == Schema::update && !settings_.safe_mode;  // the core alone is no revision of the definitions
  if (whole) {
    for (int tries = 0;; ++tries) {
      try {
        publish_files(std::move(loaded));
        break;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::conflict || tries == 5) throw;
        // Another server has published meanwhile.
        const Documents again = documents_of_files();
        loaded = model::load_catalog(again.layers, again.modules);
        if (!loaded.catalog) refuse(loaded.diagnostics);
      }
    }
  } else {
    give_keys(*loaded.catalog, false);
    catalog_.store(std::move(loaded.catalog));
  }
  if (whole) count_rollups();
  equip(*records_);
  events_ = std::make_unique<api::EventHub>(*records_);
  auth_ = auth::AuthService::make(*database_, *sequences_, Clock::system());
  files_ = std::make_unique<records::FileStore>(settings_.data / "files");
  make_queue();

  handler_ = std::make_unique<api::Api>(api::Services{
      *records_, *transitions_, *auth_, Clock::system(), [this] { return catalog_.load(); },
      [this] {
        try {
          auto session = database_->read();
          storage::Statement& statement = session->prepare("SELECT 1");
          const bool answers = statement.step();
          statement.reset();
          return answers;
        } catch (const Error&) {
          return false;
        }
      },
      [this](const records::Context& context, const api::Request& request, std::string_view plugin, std::string_view rest) {
        return plugins_->handle(context, request, plugin, "/" + std::string(rest));
      },
      [this] {
        std::vector<api::PluginInfo> list;
        for (const auto& info : plugins_->list()) {
          api::PluginInfo shown;
          shown.name = info.name;
          shown.version = info.version;
          shown.label = info.label.in(catalog_.load()->agency.locale);
          shown.state = plugin::to_string(info.state);
          shown.file = info.file;
          shown.sdk = info.sdk;
          shown.error = info.error;
          shown.hooks = static_cast<std::int64_t>(info.hooks);
          for (const auto& route : plugins_->routes()) {
            if (route.plugin == info.name) shown.routes.push_back(route.method + " /api/v1/plugins/" + route.plugin + route.path);
          }
          list.push_back(std::move(shown));
        }
        return list;
      },
      [this](const records::Context& context) { return reload(context); },
      [this](std::int64_t before, std::uint32_t limit) {
        std::vector<api::RevisionInfo> list;
        for (auto& one : revisions_->list(before, limit)) list.push_back({one.id, one.hash, one.author, one.note, one.created_at, one.active});
        return list;
      },
      [this](const records::Context& context, std::int64_t id) { return activate(context, id); },
      [this] { return unready(); }, events_.get(), queue_.get(),
      std::filesystem::is_directory(settings_.console) ? settings_.console.string() : std::string(), settings_.limits, rules_.get(), files_.get(), plugin_admin_.get()});
}

void Runtime::equip(records::RecordService& service) {
  service.set_undo_days(settings_.undo_days);
  service.set_extension(std::make_shared<workflow::Ports>(std::make_shared<channels::Outbound>(plugins_->hooks(), plugins_->functions())));
  service.set_functions(plugins_->functions());
  service.set_hooks(workflow::with_clocks(std::make_shared<workflow::Rules>(plugins_->hooks())));
  service.set_watcher([this](const std::vector<records::Written>& written) {
    if (events_) events_->written(written);
  });
}

std::vector<std::pair<const char*, storage::PoolFigures>> Runtime::pool_figures() const {
  std::vector<std::pair<const char*, storage::PoolFigures>> out;
  for (const auto& one : database_->figures()) out.emplace_back("requests", one);
  if (!job_database_) return out;
  for (const auto& one : job_database_->figures()) out.emplace_back("jobs", one);
  return out;
}

void Runtime::make_queue() {
  storage::Database* database = database_.get();
  if (database_->dialect() == storage::Dialect::mysql) {
    // Of its own, so that jobs take no request's connection. An SQLite database is opened once only.
    storage::DatabaseOptions options;
    options.connections = settings_.jobs.workers * 2 + 2;
    job_database_ = storage::Database::open(settings_.database_url, options);
    database = job_database_.get();
  }
  job_records_ = std::make_unique<records::RecordService>(*database, *sequences_);
  job_records_->set_search(search_);
  equip(*job_records_);
  jobs::QueueOptions options = settings_.jobs;
  options.alone = database_->dialect() == storage::Dialect::sqlite;
  // Half of the workers at most, so that slow jobs of plugins do not keep others waiting; caravan.yaml may say otherwise.
  if (std::none_of(options.limits.begin(), options.limits.end(), [](const auto& limit) { return limit.queue == plugin::job_queue; })) {
    options.limits.push_back({.queue = plugin::job_queue, .at_once = std::max(1, options.workers / 2)});
  }
  bool events_named = false;
  for (auto& limit : options.limits) {
    if (limit.queue != records::outbox_queue) continue;
    events_named = true;
    limit.batch = 256;
    limit.gather_milliseconds = 100;
  }
  if (std::none_of(options.limits.begin(), options.limits.end(), [](const jobs::QueueLimit& limit) { return limit.queue == records::search_queue; }))
    options.limits.push_back({.queue = records::search_queue, .at_once = 1, .batch = 128, .gather_milliseconds = 50});
  if (std::none_of(options.limits.begin(), options.limits.end(), [](const jobs::QueueLimit& limit) { return limit.queue == records::duplicates_queue; }))
    options.limits.push_back({.queue = records::duplicates_queue, .at_once = 1});
  if (!events_named) options.limits.push_back({.queue = records::outbox_queue, .at_once = 1, .batch = 256, .gather_milliseconds = 100});
  queue_ = std::make_unique<jobs::Queue>(*database, Clock::system(), std::move(options));
  delivery_ = std::make_unique<records::EventDelivery>(*job_records_, [this] { return catalog_.load(); }, Clock::system());
  queue_->handle_batch(records::outbox_kind, [this](std::span<jobs::Attempt* const> attempts) { (*delivery_)(attempts); });
  records_->set_wake([this] { queue_->wake(); });
  job_records_->set_wake([this] { queue_->wake(); });

  const records::Search search(*job_records_, [this] { return catalog_.load(); });
  queue_->handle_batch(records::search_kind, [search](std::span<jobs::Attempt* const> attempts) { search.keep_up(attempts); });
  queue_->handle(records::duplicates_kind, [this](jobs::Attempt& attempt) { records::Duplicates(*job_records_).run(attempt, catalog_.load(), queue_->now()); });
  queue_->handle(records::search_build_kind, [search](jobs::Attempt& attempt) { search.build(attempt); });

  clocks_ = std::make_unique<workflow::Clocks>(*job_records_, [this] { return catalog_.load(); }, [this] { return queue_->now(); });
  queue_->handle(workflow::clock_timer_kind, [this](jobs::Attempt& attempt) { clocks_->timer(attempt); });
  queue_->handle(workflow::clock_action_kind, [this](jobs::Attempt& attempt) { clocks_->action(attempt); });
  queue_->handle(workflow::clock_plan_kind, [this](jobs::Attempt& attempt) { clocks_->plan(attempt); });

  migrations_ = std::make_unique<PluginMigrations>(*job_records_, [this] { return catalog_.load(); }, *plugins_, *queue_, *sequences_);
  assignments_ = std::make_unique<workflow::Assignments>(*job_records_, [this] { return catalog_.load(); }, *queue_);
  rules_ = std::make_unique<workflow::RuleJobs>(*job_records_, [this] { return catalog_.load(); }, *queue_, *sequences_);

  outbound_ = std::make_unique<channels::Delivery>(*job_records_, [this] { return catalog_.load(); }, Clock::system(),
                                                   channels::Settings{settings_.mail, webhook_secret(settings_), settings_.webhooks_private},
                                                   plugins_->channels());
  queue_->handle(channels::message_kind, [this](jobs::Attempt& attempt) { outbound_->message(attempt); });
  queue_->handle(plugin::job_kind, [this](jobs::Attempt& attempt) { run_plugin_job(attempt); });
  queue_->handle(channels::webhook_kind, [this](jobs::Attempt& attempt) { outbound_->webhook(attempt); });

  imports_ = std::make_unique<records::ImportJobs>(*job_records_, *files_, [this] { return catalog_.load(); },
                                                   [this](std::int64_t user) { return auth_->actor_of(user); }, Clock::system());
  queue_->handle(records::import_kind, [this](jobs::Attempt& attempt) { (*imports_)(attempt); });

  schedule_ = std::make_unique<jobs::Schedule>(*queue_, *database, *sequences_);
  schedule_->every(600, "purge.attachments", [this, database](jobs::Attempt& attempt) {
    for (int round = 0; round < 100 && !attempt.stopping() && records::sweep_attachments(*database, *files_, *catalog_.load()) > 0; ++round) {}
  });
  schedule_->every(3600, "purge.imports", [this, database](jobs::Attempt& attempt) {
    while (!attempt.stopping() && records::purge_imports(*database, *files_, queue_->now(), 30) > 0) {}
  });
  const auto purge = [this, database](const char* name, std::int64_t (*part)(storage::Session&, Timestamp)) {
    schedule_->every(600, name, [this, database, part](jobs::Attempt& attempt) {
      jobs::in_small_transactions(*database, attempt, [&](storage::Session& session) { return part(session, queue_->now()); });
    });
  };
  schedule_->every(3600, "purge.clocks", [this, database](jobs::Attempt& attempt) {
    jobs::in_small_transactions(*database, attempt,
                                [&](storage::Session& session) { return workflow::purge_clocks(session, queue_->now(), settings_.undo_days); });
  });
  schedule_->every(20, "assignment.waiting", [this](jobs::Attempt& attempt) { assignments_->sweep(attempt); });
  purge("purge.assignment_decisions", [](storage::Session& session, Timestamp now) { return workflow::purge_decisions(session, now); });
  schedule_->every(60, "definitions.move_records", [this](jobs::Attempt&) { move_stragglers(); });
  schedule_->every(60, "definitions.count_rollups", [this](jobs::Attempt&) { count_rollups(true); });
  purge("purge.deleted_records", [](storage::Session& session, Timestamp now) { return records::purge_deleted(session, now); });
  purge("purge.idempotency_keys", [](storage::Session& session, Timestamp now) { return records::purge_keys(session, now); });
  schedule_->every(600, "purge.looks", [this, database](jobs::Attempt& attempt) {
    jobs::in_small_transactions(*database, attempt, [&](storage::Session& session) {
      return records::purge_looks(session, queue_->now(), settings_.look_days);
    });
  });
  purge("purge.automation_runs", [](storage::Session& session, Timestamp now) { return workflow::purge_runs(session, now); });
  purge("purge.approvals", [](storage::Session& session, Timestamp now) { return workflow::purge_approvals(session, now); });
  purge("purge.undo_steps", [](storage::Session& session, Timestamp now) { return workflow::purge_undo(session, now); });
  purge("purge.public_message_counts", [](storage::Session& session, Timestamp now) { return channels::purge_stranger_counts(session, now); });
  purge("purge.expired_shares", [](storage::Session& session, Timestamp now) { return records::purge_shares(session, now); });
}

void Runtime::run_plugin_job(jobs::Attempt& attempt) const {
  const jobs::Job& job = attempt.job();
  const plugin::JobPayload payload = plugin::PluginRegistry::job_payload(job);
  // What a plugin has left to do waits while it is switched off.
  if (!plugin::PluginRegistry::hashes(plugins_->running()).contains(payload.plugin)) return attempt.postpone(60'000);
  records::Context context = system_context("plugin " + payload.plugin);
  context.locale = context.catalog->agency.locale;
  context.request_id = job.request_id;
  context.now = queue_->now();
  delivery_->run_late(context, attempt, [&](records::Work& work) { plugins_->run_job(job, payload, work); });
}

std::string Runtime::backup(const std::string& folder) const {
  const auto made = records::make_backup(*database_, *files_, folder, "caravan " CARAVAN_VERSION, format_timestamp(Clock::system().now()));
  std::int64_t rows = 0;
  for (const auto& table : made.tables) rows += table.rows;
  std::string keys, body;
  for (const auto& key : made.keys) keys += (keys.empty() ? "" : ", ") + key;
  api::JsonWriter json(body);
  json.begin_object().member("tables", static_cast<std::int64_t>(made.tables.size())).member("rows", rows);
  json.member("files", static_cast<std::int64_t>(made.files.size())).member("keys", keys).end_object();
  return body;
}

void Runtime::start_jobs() {
  warming_ = std::thread([] {
    try {
      records::warm_up_folding();
    } catch (const std::exception& error) {
      spdlog::warn("Texts cannot be compared: {}", error.what());
    }
  });
  queue_->start();
  schedule_->start();
  plan_clocks(*catalog_.load());
  rules_->plan_soon();
  migrations_->plan();
  search_->follow(*catalog_.load(), queue_->now());
  queue_->wake();
}

void Runtime::plan_clocks(const model::Catalog& catalog) {
  const std::int64_t id = sequences_->next("job");
  database_->transact([&](storage::Session& session) { workflow::enqueue_clock_plan(session, id, catalog, queue_->now()); });
  queue_->wake();
}

void Runtime::stop_jobs(int seconds) {
  queue_->stop(seconds);
}

void Runtime::follow_other_nodes() {
  if (database_->dialect() == storage::Dialect::sqlite || follower_.joinable()) return;  // SQLite belongs to one process
  nodes_->join();
  nodes_->beat(catalog_.load()->hash);
  follower_ = std::thread([this] {
    int turns = 0;
    std::unique_lock lock(follow_mutex_);
    while (!stop_following_.wait_for(lock, std::chrono::milliseconds(700), [this] { return stopping_; })) {
      lock.unlock();
      try {
        follow();
        if (++turns % 3 == 0) nodes_->beat(catalog_.load()->hash);
      } catch (const std::exception& error) {
        spdlog::warn("The definitions in use on other nodes cannot be read: {}", error.what());
      }
      lock.lock();
    }
  });
}

Runtime::~Runtime() {
  {
    const std::lock_guard lock(follow_mutex_);
    stopping_ = true;
  }
  stop_following_.notify_all();
  if (follower_.joinable()) follower_.join();
  if (warming_.joinable()) warming_.join();
  // Requests have ended; plugins go before what they call.
  if (queue_) queue_->stop();
  events_.reset();
  handler_.reset();
  if (records_) records_->set_hooks(nullptr);
  if (job_records_) job_records_->set_hooks(nullptr);
  if (plugins_) plugins_->unload();
  if (sequences_) sequences_->release();
}

records::Context Runtime::system_context(std::string source) const {
  records::Context context;
  context.actor.system = true;
  context.catalog = catalog_.load();
  context.source = std::move(source);
  context.request_id = "local";
  context.now = Clock::system().now();
  return context;
}

Documents Runtime::documents_of(const plugin::Selection& plugins, const model::SourceLayer* edits) const {
  Documents documents;
  documents.layers.push_back(model::core_layer());
  for (auto& layer : plugin::PluginRegistry::layers(plugins)) documents.layers.push_back(std::move(layer));
  for (auto& layer : configuration_layers(settings_)) documents.layers.push_back(std::move(layer));
  documents.modules = plugin::PluginRegistry::modules(plugins);
  documents.plugins = plugin::PluginRegistry::hashes(plugins);
  if (!settings_.safe_mode) {
    auto said = edits ? *edits : Revisions(*database_).edits();
    if (!said.files.empty()) documents.layers.push_back(std::move(said));
  }
  if (auto console = settings_layer(store_->all_settings(), documents.plugins); !console.files.empty()) documents.layers.push_back(std::move(console));
  return documents;
}

void Runtime::publish_files(model::LoadResult loaded) {
  const std::int64_t active = revisions_->active();  // before its edits are read
  const Documents files = documents_of_files();
  // Files that are as they were when they were last published leave in use what an administrator has chosen since.
  if (active != 0 && revisions_->published_files() == loaded.catalog->hash && revisions_->find(active).hash != loaded.catalog->hash) {
    const Documents chosen = revisions_->read(active);
    auto earlier = model::load_catalog(chosen.layers, chosen.modules);
    if (chosen.plugins == files.plugins && earlier.catalog) {
      spdlog::info("Revision {} of the definitions is in use, not the files of {}, which have not changed since they were published.", active,
                   settings_.config.string());
      if (const auto found = bring_up(earlier.catalog, nullptr); has_error(found)) refuse(found);
      revision_ = active;
      catalog_.store(std::move(earlier.catalog));
      return;
    }
  }
  std::shared_ptr<const model::Catalog> in_use;
  if (active != 0 && revisions_->find(active).hash != loaded.catalog->hash) {
    // What a change of the files would strand is refused here as at a reload.
    const Documents used = revisions_->read(active);
    const auto present = model::load_catalog(used.layers, used.modules);
    if (present.catalog) {
      auto session = database_->read();
      const auto found = records::check_data(*session, *loaded.catalog, {present.catalog.get(), false});
      for (const auto& one : found) {
        if (one.severity == model::Diagnostic::Severity::warning) spdlog::warn("{}", model::to_string(one));
      }
      if (has_error(found)) refuse(found);
      in_use = present.catalog;
    }
  }
  if (const auto found = bring_up(loaded.catalog, in_use.get()); has_error(found)) refuse(found);
  revision_ = revisions_->publish(files, loaded.catalog->hash, "system", "start", Clock::system().now(), {}, active);
  catalog_.store(std::move(loaded.catalog));
}

template <class Publish>
api::ReloadResult Runtime::swap(const Documents& documents, const Publish& publish) {
  const auto old_catalog = catalog_.load();
  api::ReloadResult result;
  result.hash = old_catalog->hash;
  model::LoadResult loaded = model::load_catalog(documents.layers, documents.modules);
  result.diagnostics = std::move(loaded.diagnostics);
  if (!loaded.catalog) return result;
  // A plugin without definitions changes nothing but the list of modules.
  const auto names = [](const model::Catalog& catalog) {
    std::set<std::string> out;
    for (const auto& module : catalog.modules) out.insert(module.name);
    return out;
  };
  const bool changed = loaded.catalog->hash != old_catalog->hash || names(*loaded.catalog) != names(*old_catalog);
  if (changed) {
    auto session = database_->read();
    for (auto& found : records::check_data(*session, *loaded.catalog, {old_catalog.get(), false})) result.diagnostics.push_back(std::move(found));
    if (has_error(result.diagnostics)) return result;
  }
  if (changed) {
    for (auto& found : bring_up(loaded.catalog, old_catalog.get())) result.diagnostics.push_back(std::move(found));
    if (has_error(result.diagnostics)) return result;
  } else {
    bring_keys(*loaded.catalog);
  }
  revision_ = publish(*loaded.catalog);
  result.hash = loaded.catalog->hash;
  result.changed = changed;
  if (changed) {
    use(std::move(loaded.catalog));
    plan_clocks(*catalog_.load());
    rules_->plan_soon();
    search_->follow(*catalog_.load(), queue_->now());
    move_stragglers();
    count_rollups();
  }
  unready_.store(nullptr);
  return result;
}

std::vector<model::Diagnostic> Runtime::bring_up(const std::shared_ptr<model::Catalog>& next, const model::Catalog* present) {
  const auto moves = records::moves_of(*next, present);
  // Rules of before may forbid where records go, rules of after where they are.
  storage::update_schema(*database_, *next, false, moves.empty() ? storage::Constraints::all : storage::Constraints::drop);
  bring_keys(*next);
  if (moves.empty()) return {};
  const records::RecordService mover(*database_, *sequences_);  // without hooks: this is no deed of anybody
  auto context = system_context("definitions");
  context.catalog = next;
  auto found = records::check_moves(mover, context, moves);
  if (has_error(found)) {
    if (present != nullptr) storage::update_schema(*database_, *present);
    return found;
  }
  if (const auto moved = records::move_records(mover, context, moves); moved > 0) {
    spdlog::info("{} records were moved out of states and options that the definitions no longer have.", moved);
  }
  storage::update_schema(*database_, *next);
  return {};
}

void Runtime::count_rollups(bool again) {
  const auto filled = records::fill_rollups(records::RecordService(*database_, *sequences_), catalog_.load(), Clock::system().now(), again);
  if (filled.changed > 0) spdlog::info("{} records have had their rollups counted.", filled.changed);
  if (filled.refused > 0) spdlog::warn("The rollups of {} records could not be counted: their own rules do not allow it, or their children are of several currencies.", filled.refused);
}

std::int64_t Runtime::move_stragglers() {
  const auto context = system_context("definitions");
  const auto moves = records::moves_of(*context.catalog);
  if (moves.empty()) return 0;
  return records::move_records(records::RecordService(*database_, *sequences_), context, moves);
}

void Runtime::use(std::shared_ptr<const model::Catalog> next) {
  const std::string hash = next->hash;
  nodes_->left(catalog_.exchange(std::move(next)));
  drop_earlier_statements();
  try {
    nodes_->beat(hash);
  } catch (const Error& error) {
    spdlog::warn("Other servers are not told yet which definitions are in use here: {}", error.what());
  }
}

void Runtime::drop_earlier_statements() {
  // Statements are kept for the Catalog that was asked for last; asking for those of the one in use lets another go.
  const auto context = system_context("definitions");
  records_->follow(context);
  if (job_records_) job_records_->follow(context);
}

std::vector<model::Diagnostic> Runtime::read_plugins_again() {
  Overrides overrides;
  overrides.config = settings_.config.string();
  overrides.data = settings_.data.string();
  if (std::filesystem::is_directory(settings_.config)) {
    auto read = load_settings(overrides, std::filesystem::read_symlink("/proc/self/exe"));
    if (!read.settings) return std::move(read.diagnostics);
    settings_.enabled = std::move(read.settings->enabled);
    settings_.packs = std::move(read.settings->packs);
    settings_.trusted_keys = std::move(read.settings->trusted_keys);
    settings_.require_signature = read.settings->require_signature;
  }
  auto options = registry_options(settings_, store_->decisions());
  store_->fetch(options.installed, options.pinned);
  plugins_->rescan(std::move(options));
  return {};
}

void Runtime::stop_plugins(const plugin::Selection& selection, PluginChange& change) {
  const auto stays = plugin::PluginRegistry::hashes(selection);
  const auto running = plugin::PluginRegistry::hashes(plugins_->running());
  if (std::all_of(running.begin(), running.end(), [&](const auto& one) { return stays.contains(one.first); })) return;
  // Requests and jobs on the earlier definitions still find them, for a while; afterwards what needs one is told to come again.
  nodes_->wait_released(std::chrono::seconds(3));
  for (const auto& name : plugins_->stop(selection, std::chrono::seconds(15))) {
    spdlog::error("The plugin {} is switched off, but a call in it has not returned.", name);
    change.restart_needed = true;
  }
}

/// Starts what is new, puts the definitions in use, stops what is left out.
template <class Publish>
Runtime::PluginChange Runtime::change(const plugin::Selection& selection, const Documents& documents, const Publish& publish) {
  PluginChange change;
  const plugin::Selection before = plugins_->running();
  const auto stale = plugins_->stale(selection);
  change.started = plugins_->start(selection);
  const auto undo = [&] {
    try {
      plugins_->start(before);  // a pack of another version took the place of the earlier one
      plugins_->stop(before, std::chrono::seconds(5));
    } catch (const Error& error) {
      spdlog::error("After a refused change the plugins of before could not be switched on again: {}", error.message());
    }
  };
  bool published = false;
  try {
    change.result = swap(documents, [&](const model::Catalog& catalog) {
      const auto revision = publish(catalog);
      published = true;
      return revision;
    });
  } catch (...) {
    if (!published) undo();
    throw;
  }
  if (has_error(change.result.diagnostics)) {
    undo();
    return change;
  }
  write_decisions(settings_.data / "plugins", store_->decisions());
  const auto now = plugin::PluginRegistry::hashes(selection);
  for (const auto& [name, hash] : plugin::PluginRegistry::hashes(before)) {
    if (!now.contains(name)) change.stopped.push_back(name);
  }
  stop_plugins(selection, change);
  if (!change.started.empty()) {
    if (migrations_) migrations_->plan();
    for (const auto& mistake : plugins_->mistakes(*catalog_.load())) spdlog::warn("{}", mistake);
  }
  if (!stale.empty() || change.restart_needed) {
    change.restarting = request_restart(stale.empty() ? "a plugin that was switched off does not return" : "another version of the plugin " + stale.front() + " is to be used");
    change.restart_needed = !change.restarting;
  }
  return change;
}

Documents Runtime::documents_in_use(const plugin::Selection& plugins) const {
  if (revision_ == 0) return documents_of(plugins);
  Documents used = revisions_->read(revision_);
  std::erase_if(used.layers, [&](const model::SourceLayer& layer) {
    if (layer.name == "core" || layer.name == "console" || layer.name.starts_with("plugin ")) return true;
    return layer.name.starts_with("pack ") && used.plugins.contains(layer.name.substr(5));
  });
  Documents documents;
  documents.layers.push_back(model::core_layer());
  for (auto& layer : plugin::PluginRegistry::layers(plugins)) documents.layers.push_back(std::move(layer));
  for (auto& layer : used.layers) documents.layers.push_back(std::move(layer));
  documents.modules = plugin::PluginRegistry::modules(plugins);
  documents.plugins = plugin::PluginRegistry::hashes(plugins);
  if (auto console = settings_layer(store_->all_settings(), documents.plugins); !console.files.empty()) documents.layers.push_back(std::move(console));
  return documents;
}

std::int64_t Runtime::publish_over(const records::Context& context, const Documents& documents, const std::string& hash, std::string_view note,
                                   const std::function<void(storage::Session&)>& also, std::int64_t instead_of, bool own) {
  const bool of_files = revision_ == 0 || revisions_->find(revision_).hash == revisions_->published_files();
  const auto revision = revisions_->publish(documents, hash, context.actor.username, note, Clock::system().now(), also, instead_of, own);
  if (!of_files) {
    try {
      const Documents files = documents_of(plugins_->select(documents.plugins));
      const auto loaded = model::load_catalog(files.layers, files.modules);
      if (loaded.catalog) revisions_->set_published_files(loaded.catalog->hash);
    } catch (const Error& error) {
      spdlog::warn("The files of {} cannot be read: {}", settings_.config.string(), error.what());
    }
  }
  return revision;
}

Runtime::PluginChange Runtime::change_plugins(const records::Context& context, const std::map<std::string, std::string>& wanted, std::string_view note,
                                              const std::function<void(storage::Session&)>& decided) {
  const plugin::Selection selection = plugins_->select(wanted);
  const Documents documents = documents_in_use(selection);
  return change(selection, documents, [&](const model::Catalog& catalog) { return publish_over(context, documents, catalog.hash, note, decided, revision_); });
}

api::ReloadResult Runtime::change_settings(const records::Context& context, model::SourceLayer settings, const std::function<void(storage::Session&)>& also) {
  Documents documents = documents_in_use(plugins_->running());
  std::erase_if(documents.layers, [](const auto& layer) { return layer.name == "console"; });
  if (!settings.files.empty()) documents.layers.push_back(std::move(settings));
  return swap(documents, [&](const model::Catalog& catalog) { return publish_over(context, documents, catalog.hash, "settings", also, revision_); });
}

api::ReloadResult Runtime::publish_edits(const records::Context& context, model::SourceLayer edits, std::string_view note, std::int64_t instead_of,
                                         const std::function<void(storage::Session&)>& also) {
  Documents documents = documents_in_use(plugins_->running());
  replace_edits(documents, std::move(edits));
  return swap(documents, [&](const model::Catalog& catalog) { return publish_over(context, documents, catalog.hash, note, also, instead_of, true); });
}

api::ReloadResult Runtime::reload(const records::Context& context) {
  refuse_in_safe_mode();
  const std::lock_guard lock(reloading_);
  try {
    const auto before = settings_;
    if (auto mistakes = read_plugins_again(); !mistakes.empty()) {
      api::ReloadResult result;
      result.hash = catalog_.load()->hash;
      result.diagnostics = std::move(mistakes);
      if (has_error(result.diagnostics)) return result;
    }
    const auto decisions = store_->decisions();
    const auto old = outdated(settings_, decisions);
    // What runs is not replaced by another file by the way: that is an upgrade.
    auto wanted = plugin::PluginRegistry::hashes(plugins_->enabled());
    const auto running = plugin::PluginRegistry::hashes(plugins_->running());
    std::vector<model::Diagnostic> notes;
    for (auto& [name, hash] : wanted) {
      const auto used = running.find(name);
      if (used == running.end() || used->second == hash) continue;
      hash = used->second;
      notes.push_back(failure(name, Error(ErrorCode::conflict, "another file of the plugin " + name + " is in the folder; it is used after a restart")));
      notes.back().severity = model::Diagnostic::Severity::warning;
      notes.back().code = "plugin-file-changed";
    }
    const plugin::Selection selection = plugins_->select(wanted);
    const std::int64_t in_use = revisions_->active();  // before its edits are read
    const Documents documents = documents_of(selection);
    const auto settle = [&](storage::Session& session) {
      for (const auto& name : old) {
        PluginDecision kept = decisions.at(name);
        kept.wanted.clear();  // caravan.yaml was changed since
        PluginStore::decide(session, kept);
      }
    };
    auto done = change(selection, documents, [&](const model::Catalog& catalog) {
      return revisions_->publish(documents, catalog.hash, context.actor.username, "", Clock::system().now(), settle, in_use);
    });
    if (has_error(done.result.diagnostics)) settings_ = before;
    add_refusals(*plugins_, notes);
    for (auto& note : notes) done.result.diagnostics.push_back(std::move(note));
    return std::move(done.result);
  } catch (const std::exception& error) {
    // Unreadable files, and what the database's rows do not allow.
    api::ReloadResult result;
    result.hash = catalog_.load()->hash;
    result.diagnostics.push_back(failure(settings_.config.string(), error));
    return result;
  }
}

api::ReloadResult Runtime::activate(const records::Context& context, std::int64_t revision) {
  refuse_in_safe_mode();
  const std::lock_guard lock(reloading_);
  const Documents documents = revisions_->read(revision);
  plugin::Selection selection;
  try {
    store_->fetch(settings_.data / "plugins", documents.plugins);
    if (documents.plugins != plugin::PluginRegistry::hashes(plugins_->running())) read_plugins_again();
    selection = plugins_->select(documents.plugins);
    if (!plugins_->stale(selection).empty()) throw Error(ErrorCode::conflict, "another version of " + plugins_->stale(selection).front() + " runs");
  } catch (const Error& error) {
    throw Error(ErrorCode::conflict, "Revision " + std::to_string(revision) +
                                         " was published with other plugin files than this server has; put those in place and restart first: " + error.message());
  }
  const auto running = plugin::PluginRegistry::hashes(plugins_->running());
  const auto decisions = store_->decisions();
  try {
    // With it comes what the console said then, so that the files would make something else than when they were last published.
    std::string files;
    if (const auto edits = edits_of(documents); !same_texts(edits, revisions_->edits())) {
      const Documents with_files = documents_of(selection, &edits);
      if (const auto loaded = model::load_catalog(with_files.layers, with_files.modules); loaded.catalog) files = loaded.catalog->hash;
    }
    const auto event = store_->new_event_id();
    auto done = change(selection, documents, [&](const model::Catalog&) {
      const auto also = [&](storage::Session& session) {
        decide_for(session, settings_, context, running, documents.plugins, decisions);
        PluginStore::record(session, event, context, {0, PluginStore::definitions, "restored", std::to_string(revision), "", {}, {}, "", {}});
      };
      revisions_->activate(revision, also, files);
      return revision;
    });
    if (done.result.changed) spdlog::info("Revision {} of the definitions put in use by {}.", revision, context.actor.username);
    return std::move(done.result);
  } catch (const std::exception& error) {
    api::ReloadResult result;
    result.hash = catalog_.load()->hash;
    result.diagnostics.push_back(failure("revision " + std::to_string(revision), error));
    return result;
  }
}

void Runtime::follow() {
  std::unique_lock lock(reloading_, std::try_to_lock);
  if (!lock) return;  // this node is publishing
  const std::int64_t active = revisions_->active();
  if (active == revision_ || active == 0) return;
  const auto refuse = [&](const std::string& why) {
    const auto known = unready_.load();
    if (known && *known == why) return;
    spdlog::error("{}", why);
    unready_.store(std::make_shared<const std::string>(why));
  };
  const std::string subject = "Revision " + std::to_string(active) + " of the definitions is in use on other nodes, but this one ";
  const Documents documents = revisions_->read(active);
  const plugin::Selection before = plugins_->running();
  plugin::Selection selection;
  try {
    if (documents.plugins != plugin::PluginRegistry::hashes(before)) {
      auto options = registry_options(settings_, store_->decisions());
      store_->fetch(options.installed, documents.plugins);
      plugins_->rescan(std::move(options));
    }
    selection = plugins_->select(documents.plugins);
  } catch (const Error& error) {
    refuse(subject + "has other plugin files: put the same ones in place and restart it. " + error.message());
    return;
  }
  if (const auto stale = plugins_->stale(selection); !stale.empty()) {
    // A fresh process reads all of it anew.
    if (!request_restart("another node uses another version of the plugin " + stale.front())) refuse(subject + "must be restarted to use another version of the plugin " + stale.front() + ".");
    return;
  }
  model::LoadResult loaded = model::load_catalog(documents.layers, documents.modules);
  if (!loaded.catalog) {
    refuse(subject + "finds mistakes in it: is it of another version of Caravan?");
    return;
  }
  try {
    give_keys(*loaded.catalog, true);
    plugins_->start(selection);
  } catch (const Error& error) {
    refuse(subject + "cannot: " + error.message());
    return;
  }
  revision_ = active;
  use(std::move(loaded.catalog));
  unready_.store(nullptr);
  write_decisions(settings_.data / "plugins", store_->decisions());
  PluginChange change;
  stop_plugins(selection, change);
  if (change.restart_needed) request_restart("a plugin that was switched off does not return");
  spdlog::info("Revision {} of the definitions, published by another node, is in use.", active);
}

void Runtime::refuse_in_safe_mode() const {
  if (settings_.safe_mode)
    throw Error(ErrorCode::conflict, "The server is in safe mode, without plugins and the agency's definitions. Mend what kept it from starting, then restart it without safe mode.");
}

std::string Runtime::unready() const {
  if (settings_.safe_mode) return "The server is in safe mode: plugins, packs and the agency's definitions are left out.";
  const auto why = unready_.load();
  return why ? *why : std::string();
}

bool Runtime::make_administrator(std::string& generated) {
  if (auth_->has_users()) return false;
  const char* given = std::getenv("CARAVAN_ADMIN_PASSWORD");
  std::string password = given ? given : "";
  if (password.empty()) password = generated = auth::random_password();
  add_user("admin", "Administrator", {"core.administrator"}, password);
  return true;
}

std::int64_t Runtime::add_user(const std::string& username, const std::string& name, const std::vector<std::string>& roles,
                               const std::string& password) {
  const auto context = system_context("cli");
  const model::Entity& users = *context.catalog->entity("core.user");
  std::string list = "[";
  for (const auto& role : roles) {
    if (context.catalog->role(role) == nullptr) {
      std::string known;
      for (const auto& other : context.catalog->roles) known += (known.empty() ? "" : ", ") + other->name;
      throw Error(ErrorCode::invalid_argument, "There is no role \"" + role + "\"; there are: " + known + ".");
    }
    list += (list.size() > 1 ? ",\"" : "\"") + role + "\"";
  }
  list += "]";
  const records::Record user = records_->create(context, users,
                                                {{users.field("username"), expr::Value(username)},
                                                 {users.field("name"), expr::Value(name)},
                                                 {users.field("roles"), expr::Value(list)}});
  try {
    auth_->set_password(user.id(), password);
  } catch (const Error&) {
    records_->remove(context, users, user.id(), std::nullopt);
    throw;
  }
  return user.id();
}

std::int64_t Runtime::user_id(const std::string& username) {
  const auto context = system_context("cli");
  records::ListQuery query;
  query.limit = 1;
  std::string literal;
  for (const char c : username) {
    if (c == '"' || c == '\\') literal.push_back('\\');
    literal.push_back(c);
  }
  query.filter = "record.username == \"" + literal + "\"";
  const auto page = records_->list(context, *context.catalog->entity("core.user"), query);
  if (page.items.empty()) throw Error(ErrorCode::not_found, "There is no user \"" + username + "\".");
  return page.items.front().id();
}

void Runtime::set_password(const std::string& username, const std::string& password) {
  auth_->set_password(user_id(username), password);
}

std::shared_ptr<const model::Catalog> Runtime::wanted_catalog() const {
  const auto in_use = catalog_.load();
  try {
    const Documents files = documents_of_files();
    auto loaded = model::load_catalog(files.layers, files.modules);
    // Files that have not changed since leave what an administrator has chosen.
    if (loaded.catalog && loaded.catalog->hash != in_use->hash && loaded.catalog->hash != revisions_->published_files()) return loaded.catalog;
  } catch (const Error& error) {
    spdlog::warn("The files of {} cannot be read, so the schema is compared with the definitions in use: {}", settings_.config.string(), error.what());
  }
  return in_use;
}

std::string Runtime::simulate(const std::string& config, const workflow::SimulationQuery& query) const {
  const auto present = catalog_.load(), next = changed_definitions(settings_, config, *plugins_);
  return simulation_json(workflow::simulate(*database_, present, next, query), *present, *next);
}

std::vector<storage::SchemaStep> Runtime::plan_schema() {
  const auto wanted = wanted_catalog();
  auto session = database_->read();
  return storage::plan_schema(*session, *wanted);
}

std::vector<storage::SchemaStep> Runtime::apply_schema(bool allow_destructive, int wait_seconds) {
  const std::lock_guard lock(reloading_);
  if (const auto wanted = wanted_catalog(); wanted->hash != catalog_.load()->hash) {
    auto session = database_->read();
    for (const auto& step : storage::plan_schema(*session, *wanted, false)) {
      if (step.safety != storage::SchemaStep::Safety::destructive || step.blocked) continue;
      throw Error(ErrorCode::conflict, "The files of " + settings_.config.string() + " ask for what cannot be done under the definitions in use: " + step.what +
                                           ". Stop the servers, run `caravan schema apply --allow-destructive`, and start them");
    }
  }
  if (allow_destructive) {
    // The table of nodes may be new.
    {
      storage::Transaction transaction = database_->begin();
      auto adding = storage::plan_schema(*transaction, *catalog_.load(), false, storage::Constraints::keep);
      std::erase_if(adding, [](const storage::SchemaStep& step) { return step.safety != storage::SchemaStep::Safety::additive || step.blocked; });
      storage::apply_schema(*transaction, adding, false);
      transaction.commit();
    }
    nodes_->wait_for(catalog_.load()->hash, wait_seconds);
  }
  auto steps = storage::update_schema(*database_, *catalog_.load(), allow_destructive);
  // A Catalog of ours, which nobody else uses yet: this is for commands that leave the schema as it is at first.
  bring_keys(*std::const_pointer_cast<model::Catalog>(catalog_.load()));
  count_rollups();
  return steps;
}

void Runtime::give_keys(model::Catalog& catalog, bool write) {
  if (!keys_) {
    bool used = false;
    try {
      auto session = database_->read();
      used = records::has_keys(*session);
    } catch (const Error&) {
      if (write) throw;
      // A database that has no tables yet.
    }
    if (!used && !records::any_sensitive(catalog)) return;
    const bool there = std::filesystem::exists(settings_.keys_file);
    if (!there && !write) return;
    if (!there && !used) {
      records::Keys::create(settings_.keys_file);
      spdlog::info("The keys of sensitive fields were made: {}. Keep a copy apart from the database's backups; without it their values are lost.",
                   settings_.keys_file.string());
    }
    keys_ = std::make_shared<const records::Keys>(settings_.keys_file);
  }
  catalog.keys = keys_;
  if (write) database_->transact([&](storage::Session& session) { records::check_keys(session, *keys_, Clock::system().now()); });
}

void Runtime::bring_keys(model::Catalog& catalog) {
  give_keys(catalog, true);
  if (const auto changed = records::seal_stored(*database_, catalog, Clock::system().now()); changed > 0) {
    spdlog::info("{} stored values were sealed or opened, as the definitions say.", changed);
  }
}

}  // namespace caravan::app

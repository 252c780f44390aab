#include "app/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "base/error.h"

namespace caravan::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  MetricFamily& family(const char* name, const char* help, MetricType type) {
    MetricFamily& family = families_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
    return family;
  }
  static void add(MetricFamily& to, double value, Labels labels = {}) {
    ClientMetric& metric = to.metric.emplace_back();
    metric.label = std::move(labels);
    if (to.type == MetricType::Counter) metric.counter.value = value;
    else metric.gauge.value = value;
  }
  void one(const char* name, const char* help, MetricType type, double value) { add(family(name, help, type), value); }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void add_requests(Families& families, const MeasuredHandler& requests) {
  auto& counts = families.family("caravan_http_requests_total", "Requests that were answered", MetricType::Counter);
  for (std::size_t method = 0; method < MeasuredHandler::methods.size(); ++method) {
    for (int status = 100; status < 600; ++status) {
      if (const auto count = requests.count(method, status))
        Families::add(counts, static_cast<double>(count), {{"method", MeasuredHandler::methods[method]}, {"status", std::to_string(status)}});
    }
  }
  auto& latency = families.family("caravan_http_request_duration_seconds", "From the complete request to its answer", MetricType::Histogram);
  auto& histogram = latency.metric.emplace_back().histogram;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < MeasuredHandler::bounds.size(); ++i) {
    sum += requests.bucket(i);
    histogram.bucket.push_back({sum, MeasuredHandler::bounds[i]});
  }
  sum += requests.bucket(MeasuredHandler::bounds.size());
  histogram.bucket.push_back({sum, std::numeric_limits<double>::infinity()});
  histogram.sample_count = sum;
  histogram.sample_sum = requests.seconds();
}

void add_plugins(Families& families, const std::vector<plugin::CallbackReport>& reports) {
  auto& calls = families.family("caravan_plugin_calls_total", "Calls of plugins' callbacks", MetricType::Counter);
  for (const auto& one : reports) Families::add(calls, static_cast<double>(one.calls), {{"plugin", one.plugin}, {"callback", one.callback}});
  const auto counter = [&](const char* name, const char* help, std::int64_t plugin::CallbackReport::*count) {
    auto& family = families.family(name, help, MetricType::Counter);
    for (const auto& one : reports) Families::add(family, static_cast<double>(one.*count), {{"plugin", one.plugin}, {"callback", one.callback}});
  };
  counter("caravan_plugin_errors_total", "Calls that failed by the plugin's fault", &plugin::CallbackReport::errors);
  counter("caravan_plugin_refusals_total", "Calls that refused what was asked", &plugin::CallbackReport::refusals);
  counter("caravan_plugin_late_total", "Calls that took longer than they may", &plugin::CallbackReport::late);
  auto& time = families.family("caravan_plugin_seconds_total", "Time spent in callbacks, with what the server did for them", MetricType::Counter);
  auto& longest = families.family("caravan_plugin_longest_seconds", "The longest call", MetricType::Gauge);
  auto& paused = families.family("caravan_plugin_paused", "1 while the callback is paused after repeated errors", MetricType::Gauge);
  const auto seconds = [](std::chrono::nanoseconds given) { return std::chrono::duration<double>(given).count(); };
  for (const auto& one : reports) {
    const Labels labels{{"plugin", one.plugin}, {"callback", one.callback}};
    Families::add(time, seconds(one.time), labels);
    Families::add(longest, seconds(one.longest), labels);
    Families::add(paused, one.paused_seconds > 0 ? 1 : 0, labels);
  }
}

void add_queue(Families& families, const std::vector<jobs::QueueStats>& stats) {
  auto& jobs = families.family("caravan_jobs", "Jobs of the durable queue", MetricType::Gauge);
  for (const auto& one : stats) {
    for (const auto& [state, count] : {std::pair("ready", one.ready), std::pair("waiting", one.waiting), std::pair("running", one.running), std::pair("dead", one.dead)})
      Families::add(jobs, static_cast<double>(count), {{"queue", one.queue}, {"state", state}});
  }
  auto& lag = families.family("caravan_jobs_lag_seconds", "How long the oldest job that is due has been waiting", MetricType::Gauge);
  for (const auto& one : stats) Families::add(lag, one.oldest_ready_seconds, {{"queue", one.queue}});
}

void add_pools(Families& families, const std::vector<std::pair<const char*, storage::PoolFigures>>& pools) {
  const auto add = [&](const char* name, const char* help, MetricType type, const auto& value) {
    auto& family = families.family(name, help, type);
    for (const auto& [pool, figures] : pools) Families::add(family, static_cast<double>(figures.*value), {{"pool", pool}, {"kind", figures.kind}});
  };
  using storage::PoolFigures;
  add("caravan_database_connections_max", "Most connections to the database at once", MetricType::Gauge, &PoolFigures::size);
  add("caravan_database_connections_open", "Connections to the database that are open", MetricType::Gauge, &PoolFigures::open);
  add("caravan_database_connections_used", "Connections to the database that are in use", MetricType::Gauge, &PoolFigures::used);
  add("caravan_database_waiting", "Threads that wait for a connection to the database", MetricType::Gauge, &PoolFigures::waiting);
  add("caravan_database_timeouts_total", "How often a thread waited for a connection in vain", MetricType::Counter, &PoolFigures::timeouts);
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

api::Response MeasuredHandler::handle(const api::Request& request) {
  const auto began = std::chrono::steady_clock::now();
  api::Response response = next_.handle(request);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - began).count();
  const auto method = static_cast<std::size_t>(std::find(methods.begin(), methods.end() - 1, request.method) - methods.begin());
  const auto status = static_cast<std::size_t>(std::clamp(response.status, 100, 599) - 100);
  counts_[method][status].fetch_add(1, std::memory_order_relaxed);
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(nanos) / 1e9) - bounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  nanos_.fetch_add(nanos, std::memory_order_relaxed);
  return response;
}

std::string metrics_text(const MetricSources& sources) {
  Families families;
  families.one("caravan_worker_restarts_total", "How often the worker was replaced since the server was started", MetricType::Counter, sources.restarts);
  families.one("caravan_safe_mode", "1 in safe mode", MetricType::Gauge, sources.safe_mode ? 1 : 0);
  families.one("process_resident_memory_bytes", "Resident memory", MetricType::Gauge, resident_bytes());
  if (sources.quarantined) {
    auto& family = families.family("caravan_plugin_quarantined", "1 for each plugin in quarantine", MetricType::Gauge);
    for (const auto& name : sources.quarantined()) Families::add(family, 1, {{"plugin", name}});
  }
  if (sources.door) {
    const auto counters = sources.door();
    families.one("caravan_connections", "Open connections", MetricType::Gauge, counters.open_connections);
    families.one("caravan_streams", "Connections that listen to events", MetricType::Gauge, counters.streams);
    families.one("caravan_requests_queued", "Complete requests that wait for a thread", MetricType::Gauge, counters.queued);
    families.one("caravan_connections_accepted_total", "Connections accepted", MetricType::Counter, static_cast<double>(counters.accepted));
    families.one("caravan_requests_refused_total", "Requests and connections turned away", MetricType::Counter, static_cast<double>(counters.refused));
    families.one("caravan_requests_timed_out_total", "Requests that did not arrive, or answers that were not read, in time", MetricType::Counter,
                 static_cast<double>(counters.timed_out));
  }
  if (sources.requests != nullptr) add_requests(families, *sources.requests);
  if (sources.pools) add_pools(families, sources.pools());
  if (sources.plugins) add_plugins(families, sources.plugins());
  if (sources.queue) {
    try {
      add_queue(families, sources.queue());
    } catch (const Error& error) {
      spdlog::warn("The queue's figures are left out of the metrics: {}", error.message());
    }
  }
  return families.text();
}

class MetricsListener::Page final : public api::Handler {
 public:
  explicit Page(MetricSources sources) : sources_(std::move(sources)) {}
  api::Response handle(const api::Request& request) override {
    api::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (request.path != "/metrics") {
      response.status = 404;
      response.body = "There is only /metrics here.\n";
    } else if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
      response.headers.emplace_back("Allow", "GET, HEAD");
    } else {
      try {
        response.body = metrics_text(sources_);
      } catch (const std::exception& error) {
        spdlog::error("metrics: {}", error.what());
        response.status = 500;
      }
    }
    return response;
  }

 private:
  const MetricSources sources_;
};

MetricsListener::MetricsListener(const Settings::Metrics& settings, MetricSources sources) : page_(std::make_unique<Page>(std::move(sources))) {
  http::FrontDoorOptions options;
  options.address = settings.address;
  options.port = static_cast<std::uint16_t>(settings.port);
  options.workers = 1;
  options.max_connections = 64;
  options.max_body_bytes = 4096;
  door_ = http::FrontDoor::start(options, *page_);
}

MetricsListener::~MetricsListener() = default;

}  // namespace caravan::app

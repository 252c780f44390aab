#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/message.h"
#include "app/settings.h"
#include "http/front_door.h"
#include "jobs/queue.h"
#include "plugin/accounting.h"
#include "storage/database.h"

namespace caravan::app {

/// Counts the requests that pass to another handler, and how long these took. Takes no lock. Thread-safe.
class MeasuredHandler final : public api::Handler {
 public:
  explicit MeasuredHandler(api::Handler& next) : next_(next) {}
  api::Response handle(const api::Request& request) override;

  static constexpr std::array<double, 12> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};  ///< seconds
  static constexpr std::array<const char*, 6> methods{"GET", "POST", "PATCH", "PUT", "DELETE", "other"};
  std::uint64_t count(std::size_t method, int status) const { return counts_[method][static_cast<std::size_t>(status - 100)].load(std::memory_order_relaxed); }
  std::uint64_t bucket(std::size_t bucket) const { return buckets_[bucket].load(std::memory_order_relaxed); }  ///< the last one: beyond all bounds
  double seconds() const { return static_cast<double>(nanos_.load(std::memory_order_relaxed)) / 1e9; }

 private:
  api::Handler& next_;
  std::array<std::array<std::atomic<std::uint64_t>, 500>, methods.size()> counts_{};
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
  std::atomic<std::int64_t> nanos_{0};
};

/// Where the figures come from; each is called from the listener's thread. `queue` may throw Error: then its figures are left out.
struct MetricSources {
  const MeasuredHandler* requests = nullptr;
  std::function<http::FrontDoor::Counters()> door;
  std::function<std::vector<plugin::CallbackReport>()> plugins;
  std::function<std::vector<jobs::QueueStats>()> queue;
  std::function<std::vector<std::pair<const char*, storage::PoolFigures>>()> pools;  ///< by what they are for
  std::function<std::vector<std::string>()> quarantined;  ///< names
  int restarts = 0;  ///< of the worker since the server was started
  bool safe_mode = false;
};

/// In Prometheus' text format.
std::string metrics_text(const MetricSources& sources);

/// `GET /metrics` on a socket of its own, without a log-in: for the monitoring only. Throws Error(unavailable) where the socket is taken.
class MetricsListener {
 public:
  MetricsListener(const Settings::Metrics& settings, MetricSources sources);
  ~MetricsListener();
  std::uint16_t port() const { return door_->port(); }

 private:
  class Page;
  std::unique_ptr<Page> page_;
  std::unique_ptr<http::FrontDoor> door_;
};

}  // namespace caravan::app

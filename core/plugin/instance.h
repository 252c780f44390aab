#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/message.h"
#include "caravan/abi.h"
#include "channels/other.h"
#include "plugin/accounting.h"
#include "plugin/breaker.h"
#include "plugin/crash_mark.h"
#include "plugin/gate.h"
#include "records/functions.h"
#include "records/hooks.h"

namespace caravan::plugin {

/// Receives what plugins log, and what the host has to say of them. `level` as in abi.h. Thread-safe.
using LogSink = std::function<void(int level, std::string_view plugin, std::string_view message)>;

struct InstanceOptions {
  LogSink log;
  std::function<std::chrono::steady_clock::time_point()> clock =
      &std::chrono::steady_clock::now;  ///< of the breakers
};

// Function types without noexcept: a callback compiled without our header may still throw, and is caught.
using HookFunction = caravan_status (*)(void*, caravan_call, const caravan_hook_event*);
using RouteFunction = caravan_status (*)(void*, caravan_call, const caravan_request*);

struct HookCallback {
  std::string label;  ///< `before_create of sales.order`, for messages
  records::HookPoint point{};
  std::string entity;
  std::string action;  ///< of HookPoint::action: `PLUGIN.ACTION`
  int order = 0;
  HookFunction run = nullptr;
  void* user = nullptr;
  Breaker breaker;
  Account account;
  MarkId mark = 0;  ///< given when the plugin has started
};

struct RouteCallback {
  std::string label;  ///< `GET /items/{id}`
  std::string method, path;
  std::vector<std::string> segments;  ///< a parameter keeps its braces
  std::string permission;             ///< without the plugin's name; may be empty
  RouteFunction run = nullptr;
  void* user = nullptr;
  Breaker breaker;
  Account account;
  MarkId mark = 0;
};

using JobFunction = caravan_status (*)(void*, caravan_call, const caravan_job_event*);
using ComputeFunction = caravan_status (*)(void*, caravan_call, const caravan_function_call*);
using ChannelFunction = caravan_status (*)(void*, caravan_call, const caravan_message*);

/// A callback that is known by its name alone.
template <class Function>
struct NamedCallback {
  std::string label;  ///< `job recount`
  std::string name;   ///< without the plugin's
  Function run = nullptr;
  void* user = nullptr;
  Breaker breaker;
  Account account;
  MarkId mark = 0;
};
using JobCallback = NamedCallback<JobFunction>;
using FunctionCallback = NamedCallback<ComputeFunction>;
using ChannelCallback = NamedCallback<ChannelFunction>;

/// Kind of the jobs that plugins add; the payload names plugin and job.
inline constexpr const char* job_kind = "plugins.job";
inline constexpr const char* job_queue = "plugins";

/// What a job of job_kind is about.
struct JobPayload {
  std::string plugin, name, payload;
};

using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;

/// One loaded plugin: its table, the functions that it is given, and what it registered. run_hook and
/// run_route are thread-safe; the rest belongs to the control thread. Its address stays the same from start()
/// on.
class Instance {
 public:
  /// `library`: kept as long as the instance.
  Instance(std::string name, const caravan_plugin& table, std::shared_ptr<void> library,
           InstanceOptions options);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// create and enable. Throws Error with the plugin's reason.
  void start();
  /// disable and destroy; no call may be inside.
  void stop() noexcept;

  const std::string& name() const { return name_; }
  std::deque<HookCallback>& hooks() { return hooks_; }
  std::deque<RouteCallback>& routes() { return routes_; }
  const std::deque<HookCallback>& hooks() const { return hooks_; }
  const std::deque<RouteCallback>& routes() const { return routes_; }
  std::deque<JobCallback>& jobs() { return jobs_; }
  std::deque<FunctionCallback>& functions() { return functions_; }
  std::deque<ChannelCallback>& channels() { return channels_; }

  /// Throws the refusal; internal errors name the plugin and the callback.
  void run_hook(HookCallback& hook, records::HookCall& call, const GateFactory& gates);
  api::Response run_route(RouteCallback& route, const records::Context& context, const api::Request& request,
                          std::string_view path, const Parameters& parameters, const GateFactory& gates);

  /// `work` may begin its transaction late.
  void run_job(JobCallback& job, records::Work& work, const jobs::Job& attempt, const JobPayload& payload, const GateFactory& gates);
  records::NamedValues run_function(FunctionCallback& function, const records::Context& context, const records::NamedValues& arguments);
  void run_channel(ChannelCallback& channel, const records::Context& context, const channels::OutgoingMessage& message);

  void log(int level, std::string_view message) const;
  /// What each of its callbacks has done. Thread-safe from start() on.
  std::vector<CallbackReport> report() const;

 private:
  friend struct HostFunctions;
  void lifecycle(const char* label, int kind, const std::function<caravan_status(caravan_call)>& run);
  void check_breaker(const Breaker& breaker, const std::string& label) const;
  /// Runs the code of a callback, marked and timed, whatever leaves it; throws what the caller is told where it did not succeed.
  template <class Call, class Callback, class Run>
  void enter(Call& call, Callback& callback, const Run& run);
  template <class Call, class Callback>
  Account::Outcome settle(Call& call, caravan_status status, Callback& callback, std::optional<Error>& failure);

  std::shared_ptr<void> library_;
  std::string name_;
  caravan_plugin table_;
  InstanceOptions options_;
  caravan_host host_{};
  void* instance_ = nullptr;
  bool created_ = false, enabled_ = false;
  std::deque<HookCallback> hooks_;
  std::deque<RouteCallback> routes_;
  std::deque<JobCallback> jobs_;
  std::deque<FunctionCallback> functions_;
  std::deque<ChannelCallback> channels_;
};

}  // namespace caravan::plugin

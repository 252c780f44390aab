#include "plugin/instance.h"

#include <cstddef>
#include <utility>

#include "plugin/call.h"
#include "plugin/status.h"
#include "plugin/values.h"

namespace caravan::plugin {
namespace {

/// Lifecycle calls have no request: the server itself acts, and no Catalog is there yet.
records::Context server_context() {
  records::Context out;
  out.actor.system = true;
  out.source = "server";
  out.now = Clock::system().now();
  return out;
}

caravan_string view(std::string_view text) { return {text.data(), text.size()}; }

/// Lines of a log must not be forged by what a plugin writes into them.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

const char* status_name(caravan_status status) {
  switch (status) {
    case CARAVAN_RETRY:
      return "retry without cause";
    case CARAVAN_INTERNAL:
      return "internal error";
    case CARAVAN_E_CALL:
      return "a call that is over or belongs to another thread";
    case CARAVAN_E_HANDLE:
      return "a record or field of another call";
    case CARAVAN_E_TYPE:
      return "a value of another type than the field's";
    case CARAVAN_E_READ_ONLY:
      return "a record or field that may not be set there";
    case CARAVAN_E_UNSUPPORTED:
      return "a function that is not available in such a call";
    case CARAVAN_E_UNKNOWN_NAME:
      return "an unknown entity or field";
    case CARAVAN_E_ARGUMENT:
      return "a malformed argument";
    default:
      return "a status that does not exist";
  }
}

}  // namespace

Instance::Instance(std::string name, const caravan_plugin& table, std::shared_ptr<void> library,
                   InstanceOptions options)
    : library_(std::move(library)),
      name_(std::move(name)),
      table_(table),
      options_(std::move(options)),
      host_(host_functions()) {
  host_.self = this;
  mark_code(name_, reinterpret_cast<const void*>(table_.create));
}

Instance::~Instance() {
  stop();
}

void Instance::log(int level, std::string_view message) const {
  if (options_.log) options_.log(level, name_, one_line(message));
}

void Instance::check_breaker(const Breaker& breaker, const std::string& label) const {
  const int seconds = breaker.seconds_left(options_.clock());
  if (seconds == 0) return;
  Error error(ErrorCode::unavailable, "The plugin " + name_ + " is paused in " + label +
                                          " after repeated errors; try again in " + std::to_string(seconds) +
                                          " seconds.",
              {{name_, "plugin_paused", ""}});
  error.retry_after = seconds;
  throw error;
}

template <class CallType, class Callback, class Run>
void Instance::enter(CallType& call, Callback& callback, const Run& run) {
  caravan_status status = CARAVAN_INTERNAL;
  const auto began = std::chrono::steady_clock::now();
  {
    const Mark mark(callback.mark, call.id);
    call.mark = &mark;
    try {
      status = run();
    } catch (...) {
      call.said = CARAVAN_INTERNAL;
      call.message = "an exception left the plugin";
    }
    call.was_late = mark.late();
    call.mark = nullptr;
  }
  std::optional<Error> failure;
  const Account::Outcome outcome = settle(call, status, callback, failure);
  callback.account.add(std::chrono::steady_clock::now() - began, outcome, call.was_late);
  if (failure) throw std::move(*failure);
}

/// Ends a call: what the caller is told goes to `failure` where it did not succeed.
template <class CallType, class Callback>
Account::Outcome Instance::settle(CallType& call, caravan_status status, Callback& callback,
                                  std::optional<Error>& failure) {
  const std::string& label = callback.label;
  const auto where = [&] { return "plugin " + name_ + ", " + label; };
  Breaker& breaker = callback.breaker;
  if (call.was_late) {
    const bool opened = breaker.failed(options_.clock());
    log(CARAVAN_LOG_WARNING, label + " took longer than it may" + (opened ? "; paused for 30 seconds" : ""));
  }
  if (call.host_error_final) {
    failure.emplace(*call.host_error).add_context(where());
    return call.was_late ? Account::Outcome::failed : Account::Outcome::refused;
  }
  if (status == CARAVAN_OK) {
    if (!call.was_late) breaker.succeeded();
    return Account::Outcome::succeeded;
  }
  // The plugin passed on what a function of the host answered: not its fault.
  if (call.host_error && status == call.host_status && call.said != status) {
    failure.emplace(*call.host_error).add_context(where());
    return call.was_late ? Account::Outcome::failed : Account::Outcome::refused;
  }
  const ErrorCode code = code_of(status);
  if (code != ErrorCode::internal) {
    if (!call.was_late) breaker.succeeded();
    std::string message = call.said == status && !call.message.empty()
                              ? call.message
                              : "The plugin " + name_ + " refuses (" + label + ").";
    std::vector<FieldError> fields;
    if (code == ErrorCode::invalid_record) fields = std::move(call.field_errors);
    failure.emplace(code, std::move(message), std::move(fields)).add_context(where());
    return Account::Outcome::refused;
  }
  const std::string detail =
      call.said == status && !call.message.empty() ? call.message : status_name(status);
  const bool opened = !call.was_late && breaker.failed(options_.clock());
  log(CARAVAN_LOG_ERROR, label + " failed: " + detail + (opened ? "; paused for 30 seconds" : ""));
  failure.emplace(ErrorCode::internal, "The plugin " + name_ + " failed in " + label + ".")
      .add_context(where() + ": " + detail);
  return Account::Outcome::failed;
}

std::vector<CallbackReport> Instance::report() const {
  std::vector<CallbackReport> out;
  const auto add = [&](const auto& callback) {
    const Account& account = callback.account;
    out.push_back({name_, callback.label, account.calls(), account.refusals(), account.errors(), account.late(),
                   account.time(), account.longest(), callback.breaker.seconds_left(options_.clock())});
  };
  for (const HookCallback& hook : hooks_) add(hook);
  for (const RouteCallback& route : routes_) add(route);
  for (const JobCallback& job : jobs_) add(job);
  for (const FunctionCallback& function : functions_) add(function);
  for (const ChannelCallback& channel : channels_) add(channel);
  return out;
}

void Instance::lifecycle(const char* label, int kind,
                         const std::function<caravan_status(caravan_call)>& run) {
  const std::string text = label;
  const records::Context context = server_context();
  Call call(static_cast<Call::Kind>(kind), *this, text);
  call.context = &context;
  const Mark mark(mark_id(name_, text, MarkKind::loading), call.id);
  caravan_status status = CARAVAN_INTERNAL;
  try {
    status = run(call.id);
  } catch (...) {
    call.said = CARAVAN_INTERNAL;
    call.message = "an exception left it";
  }
  if (status == CARAVAN_OK) return;
  std::string why;
  if (call.said == status && !call.message.empty())
    why = call.message;
  else if (call.host_error && call.host_status == status)
    why = call.host_error->message();
  else if (code_of(status) == ErrorCode::internal)
    why = status_name(status);
  else
    why = to_string(code_of(status));
  throw Error(code_of(status), "its function " + text + " failed: " + why);
}

void Instance::start() {
  // Through pointers without noexcept, as for the callbacks.
  caravan_status (*const create)(const caravan_host*, caravan_call, void**) = table_.create;
  caravan_status (*const enable)(void*, caravan_call) = table_.enable;
  try {
    lifecycle("create", static_cast<int>(Call::Kind::create),
              [&](caravan_call call) { return create(&host_, call, &instance_); });
    created_ = true;
    if (enable != nullptr)
      lifecycle("enable", static_cast<int>(Call::Kind::enable),
                [&](caravan_call call) { return enable(instance_, call); });
    enabled_ = true;
    for (HookCallback& hook : hooks_) {
      const bool after = hook.point == records::HookPoint::after_commit;
      hook.mark = mark_id(name_, hook.label, after ? MarkKind::outside : MarkKind::inside);
    }
    for (RouteCallback& route : routes_) route.mark = mark_id(name_, route.label, MarkKind::outside);
    for (JobCallback& job : jobs_) job.mark = mark_id(name_, job.label, MarkKind::outside);
    for (FunctionCallback& function : functions_) function.mark = mark_id(name_, function.label, MarkKind::inside);
    for (ChannelCallback& channel : channels_) channel.mark = mark_id(name_, channel.label, MarkKind::outside);
  } catch (...) {
    stop();
    throw;
  }
}

void Instance::stop() noexcept {
  void (*const disable)(void*) = table_.disable;
  void (*const destroy)(void*) = table_.destroy;
  const Mark mark(created_ ? mark_id(name_, "disable and destroy", MarkKind::outside) : 0, 0);
  try {
    if (enabled_ && disable != nullptr) disable(instance_);
  } catch (...) {
    log(CARAVAN_LOG_ERROR, "an exception left disable");
  }
  enabled_ = false;
  hooks_.clear();
  routes_.clear();
  jobs_.clear();
  functions_.clear();
  channels_.clear();
  try {
    if (created_) destroy(instance_);
  } catch (...) {
    log(CARAVAN_LOG_ERROR, "an exception left destroy");
  }
  created_ = false;
  instance_ = nullptr;
  library_.reset();
}

void Instance::run_hook(HookCallback& hook, records::HookCall& write, const GateFactory& gates) {
  check_breaker(hook.breaker, hook.label);
  using records::HookPoint;
  Call call(Call::Kind::hook, *this, hook.label);
  call.context = &write.context;
  call.work = &write.work;
  call.gates = &gates;
  const bool may_set = hook.point == HookPoint::before_create || hook.point == HookPoint::before_update ||
                       hook.point == HookPoint::before_transition;
  caravan_hook_event event{};
  event.struct_size = sizeof event;
  event.point = static_cast<std::uint32_t>(hook.point);
  event.entity = {hook.entity.data(), hook.entity.size()};
  event.record = call.add(&write.record, may_set ? Call::Entry::Mode::hook : Call::Entry::Mode::read_only);
  // read_only: nothing is ever set through the handle
  if (write.before != nullptr)
    event.before = call.add(const_cast<records::Record*>(write.before), Call::Entry::Mode::read_only);
  if (write.transition != nullptr)
    event.transition = {write.transition->name.data(), write.transition->name.size()};
  if (write.event != nullptr) {
    event.event_id = write.event->id;
    event.version = write.event->version;
    event.action = view(write.event->action);
    (hook.point == HookPoint::action ? event.payload : event.changes) = view(write.event->changes);
    event.caused_by = write.event->actor_id;
    event.caused_by_name = view(write.event->actor_name);
  }
  enter(call, hook, [&] { return hook.run(hook.user, call.id, &event); });
}

api::Response Instance::run_route(RouteCallback& route, const records::Context& context,
                                  const api::Request& request, std::string_view path,
                                  const Parameters& parameters, const GateFactory& gates) {
  check_breaker(route.breaker, route.label);
  records::Context own = context;
  own.source = "plugin " + name_;
  Call call(Call::Kind::route, *this, route.label);
  call.context = &own;
  call.gates = &gates;
  call.request = &request;
  call.parameters = &parameters;
  call.response.status = 204;
  call.response.content_type.clear();
  caravan_request asked{};
  asked.struct_size = sizeof asked;
  asked.method = {request.method.data(), request.method.size()};
  asked.path = {path.data(), path.size()};
  asked.body = {request.body.data(), request.body.size()};
  enter(call, route, [&] { return route.run(route.user, call.id, &asked); });
  return std::move(call.response);
}

void Instance::run_job(JobCallback& job, records::Work& work, const jobs::Job& attempt, const JobPayload& payload, const GateFactory& gates) {
  check_breaker(job.breaker, job.label);
  Call call(Call::Kind::job, *this, job.label);
  call.context = &work.context();
  call.work = &work;
  call.gates = &gates;
  const std::string key = attempt.idempotency_key();
  caravan_job_event event{};
  event.struct_size = sizeof event;
  event.attempt = attempt.attempt;
  event.max_attempts = attempt.max_attempts;
  event.name = view(job.name);
  event.payload = view(payload.payload);
  event.key = view(key);
  event.caused_by = attempt.actor_id;
  event.created_micros = attempt.created_at.micros;
  enter(call, job, [&] { return job.run(job.user, call.id, &event); });
}

records::NamedValues Instance::run_function(FunctionCallback& function, const records::Context& context, const records::NamedValues& arguments) {
  check_breaker(function.breaker, function.label);
  Call call(Call::Kind::function, *this, function.label);
  call.context = &context;
  std::vector<caravan_named_value> given(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    given[i].name = view(arguments[i].first);
    if (to_abi(arguments[i].second, call.texts, given[i].value) != CARAVAN_OK)
      throw Error(ErrorCode::invalid_argument, "The argument " + arguments[i].first + " of " + name_ + "." + function.name +
                                                   " is a list or a map: functions take single values.");
  }
  caravan_function_call asked{};
  asked.struct_size = sizeof asked;
  asked.name = view(function.name);
  asked.arguments = given.data();
  asked.count = given.size();
  enter(call, function, [&] { return function.run(function.user, call.id, &asked); });
  return std::move(call.answers);
}

void Instance::run_channel(ChannelCallback& channel, const records::Context& context, const channels::OutgoingMessage& message) {
  check_breaker(channel.breaker, channel.label);
  Call call(Call::Kind::channel, *this, channel.label);
  call.context = &context;
  caravan_message asked{};
  asked.struct_size = sizeof asked;
  asked.attempt = message.attempt;
  asked.id = message.id;
  asked.key = view(message.key);
  asked.channel = view(channel.name);
  asked.recipient = view(message.recipient);
  asked.subject = view(message.subject);
  asked.body = view(message.body);
  enter(call, channel, [&] { return channel.run(channel.user, call.id, &asked); });
}

}  // namespace caravan::plugin

#include "plugin/instance.h"

#include <cstddef>
#include <utility>

#include "plugin/call.h"
#include "plugin/status.h"

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
                                          " seconds.");
  error.retry_after = seconds;
  throw error;
}

/// Ends a call: returns where it succeeded, else throws what the caller is told.
template <class CallType>
void Instance::settle(CallType& call, caravan_status status, Breaker& breaker, const std::string& label) {
  const std::string where = "plugin " + name_ + ", " + label;
  if (call.host_error_final) throw Error(*call.host_error).add_context(where);
  if (status == CARAVAN_OK) {
    breaker.succeeded();
    return;
  }
  // The plugin passed on what a function of the host answered: not its fault.
  if (call.host_error && status == call.host_status && call.said != status)
    throw Error(*call.host_error).add_context(where);

  const ErrorCode code = code_of(status);
  if (code != ErrorCode::internal) {
    breaker.succeeded();
    std::string message = call.said == status && !call.message.empty()
                              ? call.message
                              : "The plugin " + name_ + " refuses (" + label + ").";
    std::vector<FieldError> fields;
    if (code == ErrorCode::invalid_record) fields = std::move(call.field_errors);
    throw Error(code, std::move(message), std::move(fields)).add_context(where);
  }
  const std::string detail =
      call.said == status && !call.message.empty() ? call.message : status_name(status);
  const bool opened = breaker.failed(options_.clock());
  log(CARAVAN_LOG_ERROR, label + " failed: " + detail + (opened ? "; paused for 30 seconds" : ""));
  throw Error(ErrorCode::internal, "The plugin " + name_ + " failed in " + label + ".")
      .add_context(where + ": " + detail);
}

void Instance::lifecycle(const char* label, int kind,
                         const std::function<caravan_status(caravan_call)>& run) {
  const std::string text = label;
  const records::Context context = server_context();
  Call call(static_cast<Call::Kind>(kind), *this, text);
  call.context = &context;
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
  } catch (...) {
    stop();
    throw;
  }
}

void Instance::stop() noexcept {
  void (*const disable)(void*) = table_.disable;
  void (*const destroy)(void*) = table_.destroy;
  try {
    if (enabled_ && disable != nullptr) disable(instance_);
  } catch (...) {
    log(CARAVAN_LOG_ERROR, "an exception left disable");
  }
  enabled_ = false;
  hooks_.clear();
  routes_.clear();
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
    const auto view = [](const std::string& text) { return caravan_string{text.data(), text.size()}; };
    event.event_id = write.event->id;
    event.version = write.event->version;
    event.action = view(write.event->action);
    event.changes = view(write.event->changes);
    event.caused_by = write.event->actor_id;
    event.caused_by_name = view(write.event->actor_name);
  }
  caravan_status status = CARAVAN_INTERNAL;
  try {
    status = hook.run(hook.user, call.id, &event);
  } catch (...) {
    call.said = CARAVAN_INTERNAL;
    call.message = "an exception left the plugin";
  }
  settle(call, status, hook.breaker, hook.label);
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
  caravan_status status = CARAVAN_INTERNAL;
  try {
    status = route.run(route.user, call.id, &asked);
  } catch (...) {
    call.said = CARAVAN_INTERNAL;
    call.message = "an exception left the plugin";
  }
  settle(call, status, route.breaker, route.label);
  return std::move(call.response);
}

}  // namespace caravan::plugin

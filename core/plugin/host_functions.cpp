// The server's side of the ABI: each function finds its call, checks what it was given and answers with a
// status.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "model/pages.h"
#include "jobs/queue.h"
#include "plugin/call.h"
#include "plugin/status.h"
#include "plugin/values.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/json.h"

namespace caravan::plugin {
namespace {

constexpr std::size_t max_name = 256;
constexpr std::size_t max_message = 8 * 1024;
constexpr std::size_t max_body = 64u << 20;
constexpr std::size_t max_payload = 1u << 20;
constexpr std::size_t max_named = 1000;  ///< jobs, functions, channels of one plugin

/// Misuse of the interface: becomes the status, and says nothing to the user.
struct Misuse {
  caravan_status status;
};

std::string_view text(caravan_string given, std::size_t longest) {
  if (given.size == 0) return {};
  if (given.data == nullptr || given.size > longest) throw Misuse{CARAVAN_E_ARGUMENT};
  return {given.data, given.size};
}

caravan_string view(std::string_view given) {
  return {given.data(), given.size()};
}

/// Sentences end up in answers and logs: bounded, and valid UTF-8.
std::string sentence(caravan_string given) {
  if (given.data == nullptr || given.size == 0) return {};
  std::string out(cut_text({given.data, given.size}, max_message));
  if (!valid_utf8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
  }
  return out;
}

template <class Work>
caravan_status on_call(caravan_call id, Work&& work) noexcept {
  Call* const call = Call::find(id);
  if (call == nullptr) return CARAVAN_E_CALL;
  const HostMark not_the_plugins_time;
  try {
    return work(*call);
  } catch (const Misuse& misuse) {
    return misuse.status;
  } catch (const Error& error) {
    const caravan_status status = status_of(error.code());
    // The first error that spoils a transaction stays; of others the last one counts.
    if (!call->host_error_final) {
      call->host_error = error;
      call->host_status = status;
      call->host_error_final =
          call->work != nullptr && (status == CARAVAN_RETRY || status == CARAVAN_UNAVAILABLE);
    }
    return status;
  } catch (const std::exception& error) {
    if (!call->host_error_final) {
      call->host_error = Error(ErrorCode::internal,
                               "The server failed while it served the plugin " + call->instance.name() + ".");
      call->host_error->add_context(error.what());
      call->host_status = CARAVAN_INTERNAL;
    }
    return CARAVAN_INTERNAL;
  }
}

/// As on_call, for writes: one that failed inside a hook may have left half of its work in the transaction.
template <class Work>
caravan_status on_write(caravan_call id, Work&& work) noexcept {
  return on_call(id, [&](Call& call) -> caravan_status {
    try {
      return work(call);
    } catch (const Error& error) {
      if (call.work != nullptr && !call.host_error_final) {
        call.host_error = error;
        call.host_status = status_of(error.code());
        call.host_error_final = true;
      }
      throw;
    }
  });
}

const model::Entity& entity_of(Call& call, caravan_string name) {
  if (call.context == nullptr || !call.context->catalog) throw Misuse{CARAVAN_E_UNSUPPORTED};
  const model::Entity* entity = call.context->catalog->entity(text(name, max_name));
  if (entity == nullptr) throw Misuse{CARAVAN_E_UNKNOWN_NAME};
  return *entity;
}

Call::Entry& entry_of(Call& call, caravan_record record) {
  Call::Entry* entry = call.entry(record);
  if (entry == nullptr) throw Misuse{CARAVAN_E_HANDLE};
  return *entry;
}

const model::Field& field_of(const Call::Entry& entry, caravan_string name) {
  const model::Field* field = entry.record->entity().field(text(name, max_name));
  if (field == nullptr) throw Misuse{CARAVAN_E_UNKNOWN_NAME};
  return *field;
}

const model::Field& field_of(const Call& call, const Call::Entry& entry, caravan_field handle) {
  const Call::Resolved* resolved = call.resolved(handle);
  if (resolved == nullptr || resolved->entity != &entry.record->entity()) throw Misuse{CARAVAN_E_HANDLE};
  return *resolved->field;
}

Gate& gate_of(Call& call) {
  call.check_deadline();
  Gate* gate = call.records();
  if (gate == nullptr) throw Misuse{CARAVAN_E_UNSUPPORTED};
  return *gate;
}

void need(const void* pointer) {
  if (pointer == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
}

/// Fills the caller's struct as far as it reaches; its struct_size stays.
template <class T>
void fill(T* out, T filled) {
  if (out->struct_size < 2 * sizeof(std::uint32_t)) throw Misuse{CARAVAN_E_ARGUMENT};
  filled.struct_size = out->struct_size;
  std::memcpy(out, &filled, std::min<std::size_t>(out->struct_size, sizeof(T)));
}

/// What the caller filled, the rest zeros. `least`: bytes that it must reach.
template <class T>
T taken(const T* from, std::size_t least) {
  need(from);
  T out{};
  if (from->struct_size < least) throw Misuse{CARAVAN_E_ARGUMENT};
  std::memcpy(&out, from, std::min<std::size_t>(from->struct_size, sizeof(T)));
  return out;
}

caravan_status read(Call& call, Call::Entry& entry, const model::Field& field, caravan_value* out) {
  (void)call;
  return to_abi(field, (*entry.record)[field.slot], entry.texts, *out);
}

caravan_status write(Call& call, Call::Entry& entry, const model::Field& field, const caravan_value& given) {
  using Mode = Call::Entry::Mode;
  if (entry.mode == Mode::read_only || field.compute != nullptr || field.rollup ||
      (field.system && field.slot != model::slot_owner))
    throw Misuse{CARAVAN_E_READ_ONLY};
  expr::Value value;
  if (const caravan_status status = from_abi(field, given, value); status != CARAVAN_OK) return status;
  if (auto mistake = records::check_value(*call.context->catalog, field, value, call.context->locale)) {
    const std::string message = mistake->message;
    throw Error(ErrorCode::invalid_record, message, {std::move(*mistake)});
  }
  entry.record->set(field.slot, std::move(value));
  entry.touched.insert(field.slot);
  return CARAVAN_OK;
}

records::Input input_of(const Call::Entry& entry) {
  records::Input out;
  for (const std::uint32_t slot : entry.touched)
    out.emplace_back(entry.record->entity().fields[slot].get(), (*entry.record)[slot]);
  return out;
}

bool is_word(std::string_view name, std::string_view also) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           also.find(c) != std::string_view::npos;
  });
}

[[noreturn]] void refuse_registration(std::string why) {
  throw Error(ErrorCode::invalid_argument, std::move(why));
}

std::vector<std::string> parse_path(std::string_view path) {
  const auto wrong = [&](const char* what) {
    refuse_registration("The route " + std::string(path.substr(0, max_name)) + " " + what +
                        ": a path is like /pipeline or /items/{id}.");
  };
  if (!path.starts_with('/') || path.size() > max_name) wrong("does not begin with /");
  std::vector<std::string> out;
  if (path == "/") return out;
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment.starts_with('{')) {
      if (!segment.ends_with('}') || !is_word(segment.substr(1, segment.size() - 2), ""))
        wrong("has a malformed parameter");
      if (std::find(out.begin(), out.end(), segment) != out.end()) wrong("names a parameter twice");
    } else {
      std::string lower(segment);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      if (!is_word(lower, ".~-") || segment == "." || segment == "..") wrong("has a malformed segment");
    }
    out.emplace_back(segment);
    at = end + 1;
  }
  return out;
}

/// The same requests would match both.
bool same_shape(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const std::string& x, const std::string& y) {
    return (x[0] == '{' && y[0] == '{') || x == y;
  });
}

bool token(std::string_view name) {
  return !name.empty() && name.size() <= max_name && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool header_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  });
}

std::string lower_case(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

}  // namespace

/// Has access to what an Instance registered.
struct HostFunctions {
  static void log(void* self, int32_t level, caravan_string message) noexcept {
    if (self == nullptr) return;
    try {
      static_cast<const Instance*>(self)->log(std::clamp<int>(level, CARAVAN_LOG_DEBUG, CARAVAN_LOG_ERROR),
                                              sentence(message));
    } catch (...) {  // a line lost is better than a plugin hurt
    }
  }

  static const void* extension(void*, caravan_string name) noexcept {
    static const caravan_functions functions{sizeof(caravan_functions), 0, &add_function, &answer};
    static const caravan_channels channels{sizeof(caravan_channels), 0, &add_channel};
    if (name.data == nullptr) return nullptr;
    const std::string_view wanted(name.data, name.size);
    if (wanted == CARAVAN_FUNCTIONS_AREA) return &functions;
    if (wanted == CARAVAN_CHANNELS_AREA) return &channels;
    return nullptr;
  }

  static caravan_status fail(caravan_call id, caravan_status code, caravan_string message) noexcept {
    return on_call(id, [&](Call& call) {
      call.said = code;
      call.message = sentence(message);
      return code;
    });
  }

  static caravan_status fail_field(caravan_call id, caravan_string field, caravan_string code,
                                   caravan_string message) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.field_errors.size() >= 200) throw Misuse{CARAVAN_E_ARGUMENT};
      call.field_errors.push_back(
          {std::string(text(field, max_name)), std::string(text(code, max_name)), sentence(message)});
      if (call.message.empty() || call.said != CARAVAN_INVALID_RECORD)
        call.message = call.field_errors.back().message;
      call.said = CARAVAN_INVALID_RECORD;
      return caravan_status{CARAVAN_INVALID_RECORD};
    });
  }

  static caravan_status call_info(caravan_call id, caravan_call_info* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const records::Context& context = *call.context;
      caravan_call_info info{};
      info.is_system = context.actor.system || context.actor.user_id == 0 ? 1 : 0;
      info.actor_id = context.actor.user_id;
      info.username = view(context.actor.username);
      info.actor_name = view(context.actor.name);
      info.locale = view(context.locale);
      info.request_id = view(context.request_id);
      info.source = view(context.source);
      info.now_micros = context.now.micros;
      fill(out, info);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status has_role(caravan_call id, caravan_string role, int32_t* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const std::string_view name = text(role, max_name);
      const auto& roles = call.context->actor.roles;
      const bool held = std::find(roles.begin(), roles.end(), name) != roles.end() ||
                        (call.context->catalog && records::holds_role(*call.context, name));
      *out = held ? 1 : 0;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status add_hook(caravan_call id, const caravan_hook* given) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::create) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const caravan_hook hook = taken(given, offsetof(caravan_hook, user) + sizeof given->user);
      const std::string_view entity = text(hook.entity, max_name);
      if (hook.point > CARAVAN_ACTION || hook.run == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
      if (!is_word(entity, "."))
        refuse_registration("A hook names the entity \"" + std::string(entity) +
                            "\": write it as MODULE.NAME.");
      auto& hooks = call.instance.hooks_;
      if (hooks.size() >= 10'000) refuse_registration("More than 10,000 hooks are registered.");
      HookCallback& out = hooks.emplace_back();
      out.point = static_cast<records::HookPoint>(hook.point);
      out.entity = entity;
      out.label = std::string(records::to_string(out.point)) + " of " + out.entity;
      if (out.point == records::HookPoint::action) {
        const std::string_view action = text(hook.action, max_name);
        if (!is_word(action, "")) refuse_registration("\"" + std::string(action) + "\" is no name of an action: small letters, digits and _.");
        out.action = call.instance.name() + "." + std::string(action);
        out.label = "action " + out.action + " of " + out.entity;
      }
      out.order = hook.order;
      out.run = hook.run;
      out.user = hook.user;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status add_route(caravan_call id, const caravan_route* given) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::create) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const caravan_route route = taken(given, offsetof(caravan_route, user) + sizeof given->user);
      const std::string_view method = text(route.method, max_name),
                             permission = text(route.permission, max_name);
      if (route.run == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
      const std::string path(text(route.path, max_name));
      static constexpr std::string_view methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
      if (std::find(std::begin(methods), std::end(methods), method) == std::end(methods))
        refuse_registration("The route " + path + " has the method \"" + std::string(method) +
                            "\": use GET, POST, PUT, PATCH or DELETE.");
      if (!permission.empty() && !is_word(permission, ""))
        refuse_registration("The route " + path + " has the permission \"" + std::string(permission) +
                            "\": use a-z, 0-9 and _.");
      auto segments = parse_path(path);
      auto& routes = call.instance.routes_;
      if (routes.size() >= 10'000) refuse_registration("More than 10,000 routes are registered.");
      for (const RouteCallback& other : routes) {
        if (other.method == method && same_shape(other.segments, segments))
          throw Error(ErrorCode::conflict, "The route " + std::string(method) + " " + path +
                                               " is registered already, as " + other.path + ".");
      }
      RouteCallback& out = routes.emplace_back();
      out.method = method;
      out.path = path;
      out.label = out.method + " " + out.path;
      out.segments = std::move(segments);
      out.permission = permission;
      out.run = route.run;
      out.user = route.user;
      return caravan_status{CARAVAN_OK};
    });
  }

  /// Jobs, functions and channels are registered alike.
  template <class Given, class Callback>
  static caravan_status add_named(caravan_call id, const Given* given, const char* what,
                                  std::deque<Callback> Instance::*list) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::create) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const Given one = taken(given, offsetof(Given, user) + sizeof given->user);
      const std::string_view name = text(one.name, max_name);
      if (one.run == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
      if (!is_word(name, "") || name.size() > 32)
        refuse_registration("\"" + std::string(name) + "\" cannot name a " + what + ": use a-z, 0-9 and _, at most 32.");
      auto& all = call.instance.*list;
      if (all.size() >= max_named) refuse_registration(std::string("More than 1,000 of a kind are registered: ") + what + ".");
      for (const Callback& other : all) {
        if (other.name == name) throw Error(ErrorCode::conflict, std::string("The ") + what + " " + other.name + " is registered already.");
      }
      Callback& out = all.emplace_back();
      out.name = name;
      out.label = std::string(what) + " " + out.name;
      out.run = one.run;
      out.user = one.user;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status add_job(caravan_call id, const caravan_job* job) noexcept {
    return add_named(id, job, "job", &Instance::jobs_);
  }
  static caravan_status add_function(caravan_call id, const caravan_function* function) noexcept {
    return add_named(id, function, "function", &Instance::functions_);
  }
  static caravan_status add_channel(caravan_call id, const caravan_channel* channel) noexcept {
    return add_named(id, channel, "channel", &Instance::channels_);
  }

  static caravan_status answer(caravan_call id, caravan_string name, const caravan_value* value) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::function) throw Misuse{CARAVAN_E_UNSUPPORTED};
      need(value);
      const std::string_view key = text(name, max_name);
      expr::Value out;
      if (value->type == CARAVAN_TEXT && value->as.text.size > max_payload) throw Misuse{CARAVAN_E_ARGUMENT};
      if (const caravan_status status = from_abi(*value, out); status != CARAVAN_OK) return status;
      for (auto& [known, answered] : call.answers) {
        if (known != key) continue;
        answered = std::move(out);
        return caravan_status{CARAVAN_OK};
      }
      if (!is_word(key, "") || call.answers.size() >= 64) throw Misuse{CARAVAN_E_ARGUMENT};
      call.answers.emplace_back(key, std::move(out));
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status find_field(caravan_call id, caravan_string entity, caravan_string name,
                                   caravan_field* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const model::Entity& of = entity_of(call, entity);
      const model::Field* field = of.field(text(name, max_name));
      if (field == nullptr) throw Misuse{CARAVAN_E_UNKNOWN_NAME};
      *out = call.resolve(of, *field);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status get(caravan_call id, caravan_record record, caravan_string field,
                            caravan_value* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      Call::Entry& entry = entry_of(call, record);
      return read(call, entry, field_of(entry, field), out);
    });
  }

  static caravan_status get_field(caravan_call id, caravan_record record, caravan_field field,
                                  caravan_value* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      Call::Entry& entry = entry_of(call, record);
      return read(call, entry, field_of(call, entry, field), out);
    });
  }

  static caravan_status set(caravan_call id, caravan_record record, caravan_string field,
                            const caravan_value* value) noexcept {
    return on_call(id, [&](Call& call) {
      need(value);
      Call::Entry& entry = entry_of(call, record);
      return write(call, entry, field_of(entry, field), *value);
    });
  }

  static caravan_status set_field(caravan_call id, caravan_record record, caravan_field field,
                                  const caravan_value* value) noexcept {
    return on_call(id, [&](Call& call) {
      need(value);
      Call::Entry& entry = entry_of(call, record);
      return write(call, entry, field_of(call, entry, field), *value);
    });
  }

  static caravan_status record_read(caravan_call id, caravan_string entity, int64_t record,
                                    caravan_record* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const model::Entity& of = entity_of(call, entity);
      *out = call.add(gate_of(call).get(of, record), Call::Entry::Mode::stored);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_list(caravan_call id, caravan_string entity, const caravan_query* given,
                                    caravan_page* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const model::Entity& of = entity_of(call, entity);
      caravan_query query{};
      if (given != nullptr) query = taken(given, 2 * sizeof(std::uint32_t));
      records::ListQuery ask;
      ask.filter = text(query.filter, 16 * 1024);
      ask.sort = text(query.sort, 4096);
      ask.q = text(query.words, 4096);
      ask.after = text(query.after, 4096);
      ask.limit = query.limit == 0 ? 50 : query.limit;
      if (ask.limit > 200) throw Misuse{CARAVAN_E_ARGUMENT};
      records::Page found = gate_of(call).list(of, ask);
      auto& handles = call.pages.emplace_back();
      handles.reserve(found.items.size());
      for (records::Record& record : found.items)
        handles.push_back(call.add(std::move(record), Call::Entry::Mode::stored));
      caravan_page page{};
      page.records = handles.data();
      page.count = handles.size();
      page.next = view(call.texts.emplace_back(std::move(found.next)));
      fill(out, page);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_new(caravan_call id, caravan_string entity, caravan_record* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      *out = call.add(records::Record(entity_of(call, entity)), Call::Entry::Mode::fresh);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_create(caravan_call id, caravan_record record) noexcept {
    return on_write(id, [&](Call& call) {
      Call::Entry& entry = entry_of(call, record);
      if (entry.mode != Call::Entry::Mode::fresh) throw Misuse{CARAVAN_E_UNSUPPORTED};
      stored(entry, gate_of(call).create(entry.record->entity(), input_of(entry)));
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_update(caravan_call id, caravan_record record) noexcept {
    return on_write(id, [&](Call& call) {
      Call::Entry& entry = entry_of(call, record);
      if (entry.mode != Call::Entry::Mode::stored) throw Misuse{CARAVAN_E_UNSUPPORTED};
      if (entry.touched.empty()) return caravan_status{CARAVAN_OK};
      stored(entry, gate_of(call).update(entry.record->entity(), entry.record->id(), input_of(entry),
                                         entry.record->version()));
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_delete(caravan_call id, caravan_record record) noexcept {
    return on_write(id, [&](Call& call) {
      Call::Entry& entry = stored_entry(call, record);
      gate_of(call).remove(entry.record->entity(), entry.record->id(), entry.record->version());
      entry.mode = Call::Entry::Mode::read_only;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_transition(caravan_call id, caravan_record record, caravan_string transition,
                                          caravan_string note) noexcept {
    return on_write(id, [&](Call& call) {
      Call::Entry& entry = stored_entry(call, record);
      const std::string_view name = text(transition, max_name);
      if (entry.record->entity().workflow == nullptr || entry.record->entity().workflow->transition(name) == nullptr)
        throw Misuse{CARAVAN_E_UNKNOWN_NAME};
      stored(entry, gate_of(call).transition(entry.record->entity(), entry.record->id(), name, input_of(entry), sentence(note),
                                             entry.record->version()));
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_publish(caravan_call id, caravan_record record, caravan_string event,
                                       caravan_string note) noexcept {
    return on_write(id, [&](Call& call) {
      Call::Entry& entry = stored_entry(call, record);
      const std::string_view name = text(event, max_name);
      const auto& events = entry.record->entity().events;
      const auto found = std::find_if(events.begin(), events.end(), [&](const model::Happening& one) { return one.name == name; });
      if (found == events.end()) throw Misuse{CARAVAN_E_UNKNOWN_NAME};
      stored(entry, gate_of(call).publish(entry.record->entity(), entry.record->id(), *found, sentence(note), entry.record->version()));
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status transact(caravan_call id, caravan_work_fn work, void* user) noexcept {
    return on_call(id, [&](Call& call) {
      if (work == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
      if (call.kind != Call::Kind::route) throw Misuse{CARAVAN_E_UNSUPPORTED};
      struct Undo {
        caravan_status status;
      };
      caravan_status (*const run)(void*, caravan_call) = work;  // it may throw where it was compiled without our header
      try {
        gate_of(call).transact([&](records::Work& transaction) {
          Call inner(Call::Kind::work, call.instance, call.label);
          inner.context = call.context;
          inner.work = &transaction;
          inner.gates = call.gates;
          const Mark mark(mark_id(call.instance.name(), call.label, MarkKind::inside), inner.id);
          inner.mark = &mark;
          caravan_status status = CARAVAN_INTERNAL;
          try {
            status = run(user, inner.id);
          } catch (...) {
            inner.said = CARAVAN_INTERNAL;
            inner.message = "an exception left the plugin";
          }
          if (inner.host_error_final) throw Error(*inner.host_error);
          if (status == CARAVAN_OK) return;
          if (inner.host_error && status == inner.host_status && inner.said != status) throw Error(*inner.host_error);
          call.said = inner.said;
          call.message = std::move(inner.message);
          call.field_errors = std::move(inner.field_errors);
          throw Undo{status};
        });
      } catch (const Undo& undo) {
        return undo.status;
      }
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status enqueue(caravan_call id, const caravan_new_job* given, int32_t* added) noexcept {
    return on_write(id, [&](Call& call) {
      const caravan_new_job wanted = taken(given, offsetof(caravan_new_job, unique) + sizeof given->unique);
      const std::string_view name = text(wanted.name, max_name), unique = text(wanted.unique, 128);
      const std::string_view payload = text(wanted.payload, max_payload);
      const auto& known = call.instance.jobs_;
      if (std::none_of(known.begin(), known.end(), [&](const JobCallback& one) { return one.name == name; }))
        throw Misuse{CARAVAN_E_UNKNOWN_NAME};
      if (!valid_utf8(payload) || !valid_utf8(unique) || wanted.max_attempts < 0 || wanted.max_attempts > 100 ||
          wanted.delay_micros < 0 || wanted.delay_micros > 366ll * 86'400'000'000)
        throw Misuse{CARAVAN_E_ARGUMENT};
      jobs::NewJob job;
      job.queue = job_queue;
      job.kind = job_kind;
      job.payload = "{\"plugin\":";
      records::write_json_string(job.payload, call.instance.name());
      job.payload += ",\"name\":";
      records::write_json_string(job.payload, name);
      job.payload += ",\"payload\":";
      records::write_json_string(job.payload, payload);
      job.payload += "}";
      if (wanted.max_attempts != 0) job.max_attempts = wanted.max_attempts;
      if (wanted.delay_micros != 0) job.run_at = Timestamp{call.context->now.micros + wanted.delay_micros};
      if (!unique.empty()) job.unique_key = "P/" + call.instance.name() + "/" + std::string(name) + "/" + std::string(unique);
      job.actor_id = call.context->actor.user_id;
      job.request_id = call.context->request_id;
      const bool is_new = gate_of(call).enqueue(job);
      if (added != nullptr) *added = is_new ? 1 : 0;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status record_release(caravan_call id, const caravan_record* records,
                                       size_t count) noexcept {
    return on_call(id, [&](Call& call) {
      if (count == 0) return caravan_status{CARAVAN_OK};
      need(records);
      // The hook's own record is not the plugin's to give back.
      for (size_t i = 0; i < count; ++i) {
        if (!entry_of(call, records[i]).own) throw Misuse{CARAVAN_E_HANDLE};
        call.release(records[i]);
      }
      return caravan_status{CARAVAN_OK};
    });
  }

  template <class Find>
  static caravan_status ask(caravan_call id, caravan_string name, caravan_string* out, Find&& find) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      *out = {nullptr, 0};
      if (call.request == nullptr) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const std::optional<std::string_view> found = find(call, text(name, max_name));
      if (!found) return caravan_status{CARAVAN_NOT_FOUND};
      *out = view(*found);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status path_parameter(caravan_call id, caravan_string name, caravan_string* out) noexcept {
    return ask(id, name, out, [](Call& call, std::string_view wanted) -> std::optional<std::string_view> {
      for (const auto& [key, value] : *call.parameters) {
        if (key == wanted) return value;
      }
      return std::nullopt;
    });
  }

  static caravan_status query_parameter(caravan_call id, caravan_string name, caravan_string* out) noexcept {
    return ask(id, name, out, [](Call& call, std::string_view wanted) -> std::optional<std::string_view> {
      const std::string* found = call.request->parameter(wanted);
      if (found == nullptr) return std::nullopt;
      return std::string_view(*found);
    });
  }

  static caravan_status request_header(caravan_call id, caravan_string name, caravan_string* out) noexcept {
    return ask(id, name, out, [](Call& call, std::string_view wanted) -> std::optional<std::string_view> {
      const std::string lower = lower_case(wanted);
      if (lower == "cookie" || lower == "authorization" || lower == "proxy-authorization" ||
          lower == "x-csrf-token")
        return std::nullopt;
      const std::string_view found = call.request->header(wanted);
      if (found.empty()) return std::nullopt;
      return found;
    });
  }

  static caravan_status respond(caravan_call id, int32_t status, caravan_string type,
                                caravan_string body) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::route) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const std::string_view content_type = text(type, max_name);
      if (body.size > max_body)
        throw Error(ErrorCode::too_large,
                    "The answer of the plugin " + call.instance.name() + " is larger than 64 MiB.");
      const std::string_view content = text(body, max_body);
      const bool bodiless = status == 204 || status == 304;
      if (status < 200 || status > 599 || !header_text(content_type) || (bodiless && !content.empty()) ||
          (!content.empty() && content_type.empty()))
        throw Misuse{CARAVAN_E_ARGUMENT};
      call.response.status = status;
      call.response.content_type = content_type;
      call.response.body = content;
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status respond_header(caravan_call id, caravan_string name, caravan_string value) noexcept {
    return on_call(id, [&](Call& call) {
      if (call.kind != Call::Kind::route) throw Misuse{CARAVAN_E_UNSUPPORTED};
      const std::string_view key = text(name, max_name), content = text(value, max_message);
      if (!token(key) || !header_text(content) || call.response.headers.size() >= 64)
        throw Misuse{CARAVAN_E_ARGUMENT};
      // The session and the framing of the connection are the server's.
      static constexpr std::string_view own[] = {"set-cookie",
                                                 "content-length",
                                                 "content-type",
                                                 "transfer-encoding",
                                                 "connection",
                                                 "keep-alive",
                                                 "upgrade",
                                                 "trailer",
                                                 "te",
                                                 "date",
                                                 "x-request-id",
                                                 "content-security-policy",
                                                 "strict-transport-security"};
      if (std::find(std::begin(own), std::end(own), lower_case(key)) != std::end(own))
        throw Misuse{CARAVAN_E_READ_ONLY};
      call.response.headers.emplace_back(key, content);
      return caravan_status{CARAVAN_OK};
    });
  }

  static caravan_status setting(caravan_call id, caravan_string name, caravan_value* out) noexcept {
    return on_call(id, [&](Call& call) {
      need(out);
      const std::string_view path = text(name, max_name);
      const std::size_t dot = path.find('.');
      const auto& catalog = call.context->catalog;
      if (catalog && dot != std::string_view::npos) {
        for (const auto& group : catalog->settings) {
          if (group->module != path.substr(0, dot)) continue;
          for (const model::Setting& one : group->settings) {
            if (one.field.name == path.substr(dot + 1)) return to_abi(one.field, one.value, call.texts, *out);
          }
        }
      }
      return caravan_status{CARAVAN_E_UNKNOWN_NAME};
    });
  }

 private:
  static Call::Entry& stored_entry(Call& call, caravan_record record) {
    Call::Entry& entry = entry_of(call, record);
    if (entry.mode != Call::Entry::Mode::stored) throw Misuse{CARAVAN_E_UNSUPPORTED};
    return entry;
  }
  static void stored(Call::Entry& entry, records::Record&& record) {
    entry.own = std::move(record);
    entry.record = &*entry.own;
    entry.mode = Call::Entry::Mode::stored;
    entry.touched.clear();
  }
};

caravan_host host_functions() {
  using F = HostFunctions;
  caravan_host out{};
  out.struct_size = sizeof out;
  out.abi_major = CARAVAN_ABI_MAJOR;
  out.abi_minor = CARAVAN_ABI_MINOR;
  out.log = &F::log;
  out.extension = &F::extension;
  out.fail = &F::fail;
  out.fail_field = &F::fail_field;
  out.call_info = &F::call_info;
  out.has_role = &F::has_role;
  out.add_hook = &F::add_hook;
  out.add_route = &F::add_route;
  out.find_field = &F::find_field;
  out.get = &F::get;
  out.get_field = &F::get_field;
  out.set = &F::set;
  out.set_field = &F::set_field;
  out.record_read = &F::record_read;
  out.record_list = &F::record_list;
  out.record_new = &F::record_new;
  out.record_create = &F::record_create;
  out.record_update = &F::record_update;
  out.record_release = &F::record_release;
  out.path_parameter = &F::path_parameter;
  out.query_parameter = &F::query_parameter;
  out.request_header = &F::request_header;
  out.respond = &F::respond;
  out.respond_header = &F::respond_header;
  out.setting = &F::setting;
  out.record_delete = &F::record_delete;
  out.record_transition = &F::record_transition;
  out.record_publish = &F::record_publish;
  out.transact = &F::transact;
  out.add_job = &F::add_job;
  out.enqueue = &F::enqueue;
  return out;
}

}  // namespace caravan::plugin

/// A server in memory, for unit tests of a plugin: hooks, routes, jobs, actions, functions and channels without a database or a
/// network. Link the test with the plugin's own sources (caravan_add_plugin_test).
///
///     using namespace caravan::sdk::testing;
///     Host host("library");
///     host.entity("library.book", {text("name", 200), integer("pages", 1)});
///     host.start();
///     Outcome made = host.create("library.book", {{"name", "Tao Te Ching"}, {"pages", 81}});
///     if (!made) throw std::runtime_error(made.message);
///
/// It answers with the same statuses as the server, frees texts when the server may, undoes what a failed call wrote, and runs jobs
/// and after_commit hooks only when it is told to. What it does not have: access rules (everybody may do everything), expressions
/// (a list's filter is answered by what Host::filter was given), invariants, computed fields, uniqueness, deadlocks.
///
/// For one thread; calls from others are answered as the server would.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caravan/abi.h"
#include "caravan/json.hpp"
#include "caravan/plugin.hpp"

namespace caravan::sdk::testing {

/// What a field holds; empty by default.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  Value(const char* text) : type_(CARAVAN_TEXT), text_(text) {}
  Value(std::string_view text) : type_(CARAVAN_TEXT), text_(text) {}
  Value(std::string text) : type_(CARAVAN_TEXT), text_(std::move(text)) {}
  Value(bool value) : type_(CARAVAN_BOOL), number_(value ? 1 : 0) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Value(T value) : type_(CARAVAN_INT), number_(static_cast<std::int64_t>(value)) {}
  Value(const Decimal& value) : type_(CARAVAN_DECIMAL), text_(value.str()), currency_(value.currency()) {}
  Value(Date value) : type_(CARAVAN_DATE), number_(value.time_since_epoch().count()) {}
  Value(Instant value) : type_(CARAVAN_INSTANT), number_(value.time_since_epoch().count()) {}
  Value(Id value) : type_(CARAVAN_REF), number_(value.value) {}
  static Value json(std::string document) {
    Value out(std::move(document));
    out.type_ = CARAVAN_JSON;
    return out;
  }
  static Value from(const caravan_value& value) {
    Value out;
    out.type_ = value.type;
    if (out.is_text()) out.text_ = view(value.as.text);
    else out.number_ = value.as.integer;
    if (value.currency[0] != 0) out.currency_.assign(value.currency, 3);
    return out;
  }
  std::uint32_t type() const { return type_; }
  bool empty() const { return type_ == CARAVAN_NULL; }
  /// Of texts, decimals and JSON.
  const std::string& text() const { return text_; }
  const std::string& currency() const { return currency_; }
  /// Of all others.
  std::int64_t number() const { return number_; }
  bool is_text() const { return type_ == CARAVAN_TEXT || type_ == CARAVAN_DECIMAL || type_ == CARAVAN_JSON; }
  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::uint32_t type_ = CARAVAN_NULL;
  std::int64_t number_ = 0;
  std::string text_, currency_;
};

using Values = std::vector<std::pair<std::string, Value>>;

/// A field of an entity, as far as the fake looks at it.
struct Field {
  std::string name;
  std::uint32_t type = CARAVAN_TEXT;
  std::optional<std::int64_t> min{}, max{};  ///< of a number; of a text `max` characters (bytes here)
  std::vector<std::string> choices{};
  bool read_only = false;                    ///< computed, or the server's own
  bool required = false;
};
inline Field text(std::string name, std::int64_t max = 0) {
  Field out{std::move(name)};
  if (max != 0) out.max = max;
  return out;
}
inline Field integer(std::string name, std::optional<std::int64_t> min = {}, std::optional<std::int64_t> max = {}) {
  Field out{std::move(name), CARAVAN_INT};
  out.min = min;
  out.max = max;
  return out;
}
inline Field boolean(std::string name) { return {std::move(name), CARAVAN_BOOL}; }
/// Also money.
inline Field decimal(std::string name) { return {std::move(name), CARAVAN_DECIMAL}; }
inline Field date(std::string name) { return {std::move(name), CARAVAN_DATE}; }
inline Field instant(std::string name) { return {std::move(name), CARAVAN_INSTANT}; }
inline Field ref(std::string name) { return {std::move(name), CARAVAN_REF}; }
inline Field json(std::string name) { return {std::move(name), CARAVAN_JSON}; }
inline Field choice(std::string name, std::vector<std::string> choices) {
  Field out{std::move(name)};
  out.choices = std::move(choices);
  return out;
}
inline Field required(Field field) {
  field.required = true;
  return field;
}
inline Field read_only(Field field) {
  field.read_only = true;
  return field;
}

/// A step of an entity's workflow.
struct Step {
  std::string name, from, to;
};

struct FieldMistake {
  std::string field, code, message;
};

/// How a call ended, as the server's client would see it.
struct Outcome {
  caravan_status status = CARAVAN_OK;
  std::string message;  ///< what the plugin or the server said
  std::vector<FieldMistake> fields;
  std::int64_t id = 0;  ///< of create: the record's
  explicit operator bool() const { return status == CARAVAN_OK; }
};

/// A route's answer. Where `outcome` is no success, `status` is its HTTP status.
struct Reply {
  int status = 204;
  std::string content_type, body;
  std::vector<std::pair<std::string, std::string>> headers;
  Outcome outcome;
};

struct Row {
  std::int64_t id = 0, version = 1;
  std::map<std::string, Value> values;
  Value operator[](const std::string& field) const {
    const auto found = values.find(field);
    return found == values.end() ? Value() : found->second;
  }
};

struct PendingJob {
  std::int64_t id = 0;
  std::string name, payload, unique;
  std::int64_t due_micros = 0;
  int attempts = 0, max_attempts = 12;
  bool dead = false;  ///< it will not be tried again
  std::string error;  ///< of the last attempt
};

struct LogLine {
  int level = CARAVAN_LOG_INFO;
  std::string text;
};

/// Who acts.
struct User {
  std::int64_t id = 42;  ///< 0: the server itself
  std::string username = "wang", name = "Wang Fang";
  std::vector<std::string> roles = {};
  std::string locale = "en";
};

namespace detail {

constexpr std::size_t max_name = 256, max_message = 8 * 1024, max_body = 64u << 20, max_payload = 1u << 20;
constexpr std::int64_t first_day = -719162, last_day = 2932896, day_micros = 86'400'000'000;

struct Misuse {
  caravan_status status;
};
/// A function of the host that failed with a message of the server's.
struct Failure {
  Outcome outcome;
};

inline std::string_view text(caravan_string given, std::size_t longest) {
  if (given.size == 0) return {};
  if (given.data == nullptr || given.size > longest) throw Misuse{CARAVAN_E_ARGUMENT};
  return {given.data, given.size};
}
inline bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      const unsigned low = k == 1 && lead == 0xE0 ? 0xA0u : k == 1 && lead == 0xF0 ? 0x90u : 0x80u;
      const unsigned high = k == 1 && lead == 0xED ? 0x9Fu : k == 1 && lead == 0xF4 ? 0x8Fu : 0xBFu;
      if (next < low || next > high) return false;
    }
    i += length;
  }
  return true;
}
inline std::string sentence(caravan_string given) {
  if (given.data == nullptr) return {};
  std::string out(given.data, std::min(given.size, max_message));
  if (!valid_utf8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
  }
  return out;
}
inline bool is_word(std::string_view name, std::string_view also = {}) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || also.find(c) != std::string_view::npos;
  });
}
inline std::string lower_case(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
inline bool header_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); });
}
inline bool token(std::string_view name) {
  return !name.empty() && name.size() <= max_name && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}
inline std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return out;
  for (;;) {
    const auto end = path.find('/');
    out.emplace_back(path.substr(0, end));
    if (end == std::string_view::npos) return out;
    path.remove_prefix(end + 1);
  }
}
template <class T>
T taken(const T* from, std::size_t least) {
  if (from == nullptr || from->struct_size < least) throw Misuse{CARAVAN_E_ARGUMENT};
  T out{};
  std::memcpy(static_cast<void*>(&out), from, std::min<std::size_t>(from->struct_size, sizeof(T)));
  return out;
}
template <class T>
void fill(T* out, T filled) {
  if (out->struct_size < 2 * sizeof(std::uint32_t)) throw Misuse{CARAVAN_E_ARGUMENT};
  filled.struct_size = out->struct_size;
  std::memcpy(static_cast<void*>(out), &filled, std::min<std::size_t>(out->struct_size, sizeof(T)));
}
inline void need(const void* pointer) {
  if (pointer == nullptr) throw Misuse{CARAVAN_E_ARGUMENT};
}
[[noreturn]] inline void refuse(caravan_status status, std::string message, std::vector<FieldMistake> fields = {}) {
  throw Failure{{status, std::move(message), std::move(fields), 0}};
}
}  // namespace detail

/// The fake server with one plugin in it.
class Host {
 public:
  /// `plugin_name` as in plugin.yaml. `plugin`: the table; the one that the test is linked with unless given.
  explicit Host(std::string plugin_name, const caravan_plugin& plugin = caravan_plugin_v1) : name_(std::move(plugin_name)) {
    std::memcpy(static_cast<void*>(&plugin_), &plugin, std::min<std::size_t>(plugin.struct_size, sizeof plugin_));
  }
  ~Host() { stop(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // ---- what the definitions say ----
  Host& entity(std::string entity_name, std::vector<Field> fields, std::vector<Step> steps = {}, std::vector<std::string> events = {}) {
    Entity& out = entities_[std::move(entity_name)];
    out.fields = std::move(fields);
    for (auto [system_name, type] : {std::pair{"id", CARAVAN_REF}, {"number", CARAVAN_TEXT}, {"version", CARAVAN_INT}, {"state", CARAVAN_TEXT},
                                     {"created_at", CARAVAN_INSTANT}, {"updated_at", CARAVAN_INSTANT}}) {
      Field field{system_name, static_cast<std::uint32_t>(type)};
      field.read_only = true;
      out.fields.push_back(field);
    }
    out.fields.push_back(Field{"owner", CARAVAN_REF});
    out.steps = std::move(steps);
    out.events = std::move(events);
    return *this;
  }
  Host& setting(std::string setting_name, Value value) {
    settings_[std::move(setting_name)] = std::move(value);
    return *this;
  }
  /// What a list with this filter (its very text) holds. A list with another one fails.
  Host& filter(std::string text, std::function<bool(const Row&)> holds) {
    filters_[std::move(text)] = std::move(holds);
    return *this;
  }

  // ---- the plugin's life ----
  /// create and enable. Throws std::runtime_error with the plugin's reason.
  void start() {
    host_ = table();
    Call call(*this, Kind::create);
    end_lifecycle("create", plugin_.create(&host_, call.id, &instance_), call);
    created_ = true;
    if (plugin_.enable != nullptr) {
      Call enabling(*this, Kind::enable);
      end_lifecycle("enable", plugin_.enable(instance_, enabling.id), enabling);
    }
    std::stable_sort(hooks_.begin(), hooks_.end(), [](const Hook& a, const Hook& b) { return a.order < b.order; });
    enabled_ = true;
  }
  void stop() noexcept {
    if (enabled_ && plugin_.disable != nullptr) plugin_.disable(instance_);
    if (created_) plugin_.destroy(instance_);
    enabled_ = created_ = false;
  }

  // ---- records, as clients change them ----
  Outcome create(const std::string& entity_name, const Values& values) {
    return run([&] {
      Row row;
      assign(of(entity_name), row, values);
      return create_row(entity_name, std::move(row));
    });
  }
  Outcome update(const std::string& entity_name, std::int64_t id, const Values& values) {
    return run([&] {
      Row row = stored(entity_name, id);
      assign(of(entity_name), row, values);
      return update_row(entity_name, std::move(row));
    });
  }
  Outcome remove(const std::string& entity_name, std::int64_t id) {
    return run([&] { return remove_row(entity_name, id, std::nullopt); });
  }
  Outcome transition(const std::string& entity_name, std::int64_t id, const std::string& step, const Values& values = {}) {
    return run([&] {
      Row row = stored(entity_name, id);
      assign(of(entity_name), row, values);
      return step_row(entity_name, std::move(row), step);
    });
  }
  /// What `call: PLUGIN.ACTION` in a definition does.
  Outcome action(const std::string& entity_name, std::int64_t id, const std::string& action_name, const std::string& payload = "{}") {
    return run([&] {
      Row row = stored(entity_name, id);
      bool found = false;
      for (const Hook& hook : hooks_) {
        if (hook.point != CARAVAN_ACTION || hook.entity != entity_name || hook.action != action_name) continue;
        found = true;
        run_hook(hook, entity_name, row, nullptr, {}, nullptr, payload);
      }
      if (!found) detail::refuse(CARAVAN_UNAVAILABLE, "no such action: " + action_name);
      return Outcome{};
    });
  }
  /// Puts a record there without hooks, checks and events; returns its id.
  std::int64_t add(const std::string& entity_name, const Values& values) {
    Row row;
    for (const auto& [field, value] : values) row.values[field] = value;
    row.id = ++last_id_;
    complete(entity_name, row, true);
    entities_.at(entity_name).rows[row.id] = row;
    return row.id;
  }
  /// Empty where the field is; throws std::out_of_range where there is no such record.
  Value get(const std::string& entity_name, std::int64_t id, const std::string& field) const { return entities_.at(entity_name).rows.at(id)[field]; }
  std::vector<Row> rows(const std::string& entity_name) const {
    std::vector<Row> out;
    for (const auto& [id, row] : entities_.at(entity_name).rows) out.push_back(row);
    return out;
  }

  // ---- everything else ----
  /// `path` below the plugin, `/items/7`.
  Reply request(const std::string& method, const std::string& path, const std::string& body = {},
                std::vector<std::pair<std::string, std::string>> query = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
    Reply reply;
    const Route* best = nullptr;
    std::vector<std::pair<std::string, std::string>> parameters;
    std::uint64_t best_rank = 0;
    bool other_method = false;
    const auto wanted = detail::split_path(path);
    for (const Route& route : routes_) {
      const auto segments = detail::split_path(route.path);
      if (segments.size() != wanted.size()) continue;
      std::uint64_t rank = 1;
      std::vector<std::pair<std::string, std::string>> found;
      bool fits = true;
      for (std::size_t i = 0; fits && i < wanted.size(); ++i) {
        const bool any = segments[i].starts_with('{');
        fits = any ? !wanted[i].empty() : segments[i] == wanted[i];
        if (any) found.emplace_back(segments[i].substr(1, segments[i].size() - 2), wanted[i]);
        rank = rank << 1 | (any ? 0u : 1u);
      }
      if (!fits) continue;
      if (route.method != method) {
        other_method = true;
        continue;
      }
      if (best != nullptr && rank <= best_rank) continue;
      best = &route;
      best_rank = rank;
      parameters = found;
    }
    if (best == nullptr) {
      reply.status = other_method ? 405 : 404;
      reply.outcome.status = other_method ? CARAVAN_INVALID_ARGUMENT : CARAVAN_NOT_FOUND;
      return reply;
    }
    if (permissions && !best->permission.empty() && !permissions->contains(best->permission)) {
      reply.status = 403;
      reply.outcome = {CARAVAN_FORBIDDEN, "the permission " + best->permission + " is lacking", {}, 0};
      return reply;
    }
    Call call(*this, Kind::route);
    call.query = std::move(query);
    call.headers = std::move(headers);
    call.parameters = std::move(parameters);
    call.reply = &reply;
    caravan_request asked{};
    asked.struct_size = sizeof asked;
    asked.method = view(method);
    asked.path = view(path);
    asked.body = view(body);
    const std::string source = std::exchange(source_, "plugin " + name_);
    reply.outcome = settle(call, best->run(best->user, call.id, &asked));
    source_ = source;
    if (!reply.outcome) {
      static constexpr int statuses[] = {200, 400, 401, 403, 404, 409, 412, 413, 422, 428, 429, 503, 503, 500};
      reply.status = reply.outcome.status <= CARAVAN_INTERNAL ? statuses[reply.outcome.status] : 500;
    }
    return reply;
  }

  /// Jobs that were enqueued and are not done, in the order in which they were.
  const std::vector<PendingJob>& jobs() const { return jobs_; }
  /// Runs every job that is due, once each, also those that are added meanwhile; how many attempts there were.
  int run_jobs() {
    int attempts = 0;
    std::set<std::int64_t> tried;
    for (std::size_t i = 0; i < jobs_.size();) {
      if (jobs_[i].dead || jobs_[i].due_micros > now_ || tried.contains(jobs_[i].id)) {
        ++i;
        continue;
      }
      tried.insert(jobs_[i].id);
      ++attempts;
      run_job(jobs_[i].id);
      i = 0;
    }
    return attempts;
  }
  /// One attempt of a job that was never enqueued.
  Outcome job(const std::string& job_name, const std::string& payload, int attempt = 1) {
    PendingJob one;
    one.id = ++last_id_;
    one.name = job_name;
    one.payload = payload;
    one.attempts = attempt;
    return attempt_job(one);
  }
  /// Runs the after_commit hooks for what was committed since; those that fail stay. How many ran through.
  int deliver_events() {
    int delivered = 0;
    std::vector<Event> waiting = std::exchange(events_, {});
    for (Event& event : waiting) {
      bool failed = false;
      for (const Hook& hook : hooks_) {
        if (hook.point != CARAVAN_AFTER_COMMIT || hook.entity != event.entity) continue;
        const Outcome outcome = as_system([&] {
          return run([&] {
            const auto& rows_now = of(event.entity).rows;
            const auto found = rows_now.find(event.row.id);
            Row row = found != rows_now.end() ? found->second : event.row;
            run_hook(hook, event.entity, row, nullptr, {}, &event, {});
            return Outcome{};
          });
        });
        failed = failed || !outcome;
        last_event_outcome = outcome;
      }
      if (failed) events_.push_back(std::move(event));
      else ++delivered;
    }
    return delivered;
  }
  /// Of the last after_commit hook that ran.
  Outcome last_event_outcome;

  struct Answers {
    Outcome outcome;
    std::map<std::string, Value> values;
  };
  /// Asks a function as definitions do.
  Answers ask(const std::string& function, const Values& arguments) {
    Answers out;
    for (const auto& one : functions_) {
      if (one.name != function) continue;
      Call call(*this, Kind::function);
      std::vector<caravan_named_value> given;
      for (const auto& [name, value] : arguments) given.push_back({view(name), call.hand_out(value)});
      caravan_function_call asked{};
      asked.struct_size = sizeof asked;
      asked.name = view(one.name);
      asked.arguments = given.data();
      asked.count = given.size();
      out.outcome = settle(call, one.run(one.user, call.id, &asked));
      if (out.outcome) out.values = std::move(call.answers);
      return out;
    }
    out.outcome = {CARAVAN_UNAVAILABLE, "no such function: " + function, {}, 0};
    return out;
  }
  /// Asks a function as an import does. `row`: the other cells, by column.
  Answers transform(const std::string& function, const std::string& value, const std::map<std::string, std::string>& row = {}, const std::string& column = "cell") {
    JsonWriter cells;
    cells.begin_object().key(column).text(value);
    for (const auto& [name, cell] : row) cells.key(name).text(cell);
    cells.end_object();
    return ask(function, {{"value", value}, {"column", column}, {"row", std::move(cells).str()}, {"row_number", 1}});
  }
  /// Asks a function as a report does, for one group.
  Answers measure(const std::string& function, const std::vector<std::string>& values, const std::string& currency = {}, const std::string& field = "field") {
    JsonWriter list;
    list.begin_array();
    for (const std::string& one : values) list.text(one);
    list.end_array();
    Values arguments{{"values", std::move(list).str()}, {"count", static_cast<std::int64_t>(values.size())}, {"field", field}};
    if (!currency.empty()) arguments.emplace_back("currency", currency);
    return ask(function, arguments);
  }
  /// Gives a channel a message.
  Outcome send(const std::string& channel, const std::string& recipient, const std::string& subject, const std::string& body, int attempt = 1) {
    for (const auto& one : channels_) {
      if (one.name != channel) continue;
      return as_system([&] {
        Call call(*this, Kind::channel);
        const std::string key = "message-1.job-1";
        caravan_message message{};
        message.struct_size = sizeof message;
        message.attempt = attempt;
        message.id = 1;
        message.key = view(key);
        message.channel = view(one.name);
        message.recipient = view(recipient);
        message.subject = view(subject);
        message.body = view(body);
        return settle(call, one.run(one.user, call.id, &message));
      });
    }
    return {CARAVAN_UNAVAILABLE, "no such channel: " + channel, {}, 0};
  }

  User user;                                        ///< who acts from now on
  std::optional<std::set<std::string>> permissions;  ///< those he holds; nullopt: all
  std::vector<LogLine> log;
  Instant now() const { return Instant(std::chrono::microseconds(now_)); }
  void advance(std::chrono::microseconds time) { now_ += time.count(); }

 private:
  enum class Kind { create, enable, hook, route, work, job, function, channel };
  struct Entity {
    std::vector<Field> fields;
    std::vector<Step> steps;
    std::vector<std::string> events;
    std::map<std::int64_t, Row> rows;
    const Field* field(std::string_view name) const {
      for (const Field& one : fields) {
        if (one.name == name) return &one;
      }
      return nullptr;
    }
  };
  struct Event {
    std::int64_t id = 0;
    std::string entity, action, changes;
    Row row;
    std::int64_t caused_by = 0;
    std::string caused_by_name;
  };
  struct Hook {
    std::uint32_t point = 0;
    std::string entity, action;
    std::int32_t order = 0;
    caravan_hook_fn run = nullptr;
    void* user = nullptr;
  };
  struct Route {
    std::string method, path, permission;
    caravan_route_fn run = nullptr;
    void* user = nullptr;
  };
  template <class Function>
  struct Named {
    std::string name;
    Function run = nullptr;
    void* user = nullptr;
  };

  /// One call; on the stack of its thread while it lasts.
  struct Call {
    struct Entry {
      enum class Mode { read_only, hook, fresh, stored } mode = Mode::read_only;
      std::string entity;
      Row own;
      Row* row = nullptr;
      bool owned = false;
      std::set<std::string> touched;
      std::map<std::string, std::unique_ptr<char[]>> texts;  ///< freed when the server may free them
    };
    Call(Host& host_, Kind kind_) : host(host_), kind(kind_) {
      static std::uint64_t last = 0;
      id = ++last;
      stack().push_back(this);
    }
    ~Call() { stack().pop_back(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    static std::vector<Call*>& stack() {
      static thread_local std::vector<Call*> calls;
      return calls;
    }
    static Call* find(caravan_call wanted) {
      for (Call* call : stack()) {
        if (call->id == wanted) return call;
      }
      return nullptr;
    }
    caravan_record add(std::string entity, Row* row, typename Entry::Mode mode) {
      auto entry = std::make_unique<Entry>();
      entry->mode = mode;
      entry->entity = std::move(entity);
      entry->row = row;
      entries.push_back(std::move(entry));
      return id << 32 | entries.size();
    }
    caravan_record add(std::string entity, Row row, typename Entry::Mode mode) {
      const caravan_record out = add(std::move(entity), nullptr, mode);
      entries.back()->own = std::move(row);
      entries.back()->row = &entries.back()->own;
      entries.back()->owned = true;
      return out;
    }
    Entry& entry(caravan_record record) {
      const std::uint64_t number = record & 0xFFFFFFFFu;
      if (record >> 32 != (id & 0xFFFFFFFFu) || number == 0 || number > entries.size() || !entries[number - 1]) throw detail::Misuse{CARAVAN_E_HANDLE};
      return *entries[number - 1];
    }
    /// Inside a transaction: hooks, jobs and what transact() runs.
    bool inside() const { return kind == Kind::hook || kind == Kind::work || kind == Kind::job; }
    bool has_records() const { return inside() || kind == Kind::route; }
    caravan_value hand_out(const Value& value) {
      texts.push_back(value.text());
      caravan_value out{};
      out.type = value.type();
      if (value.is_text()) out.as.text = view(texts.back());
      else out.as.integer = value.number();
      std::copy_n(value.currency().data(), std::min<std::size_t>(value.currency().size(), 3), out.currency);
      return out;
    }

    Host& host;
    const Kind kind;
    caravan_call id = 0;
    std::vector<std::unique_ptr<Entry>> entries;
    std::vector<std::pair<std::string, std::string>> fields;  ///< resolved: entity, field
    std::list<std::vector<caravan_record>> pages;
    std::list<std::string> texts;
    std::vector<std::pair<std::string, std::string>> query, headers, parameters;
    Reply* reply = nullptr;
    std::map<std::string, Value> answers;
    caravan_status said = CARAVAN_OK;
    std::string message;
    std::vector<FieldMistake> mistakes;
    std::optional<Outcome> host_error;
    bool host_error_final = false;
  };

  template <class Work>
  static caravan_status on_call(caravan_call id, Work&& work, bool write = false) noexcept {
    Call* const call = Call::find(id);
    if (call == nullptr) return CARAVAN_E_CALL;
    try {
      return work(*call);
    } catch (const detail::Misuse& misuse) {
      return misuse.status;
    } catch (const detail::Failure& failure) {
      if (!call->host_error_final) {
        call->host_error = failure.outcome;
        call->host_error_final = write && call->inside();
      }
      return failure.outcome.status;
    } catch (...) {
      return CARAVAN_INTERNAL;
    }
  }

  /// What the caller is told when a callback has ended.
  static Outcome settle(Call& call, caravan_status status) {
    if (call.host_error_final) return *call.host_error;
    if (status == CARAVAN_OK) return {};
    if (call.host_error && status == call.host_error->status && call.said != status) return *call.host_error;
    Outcome out;
    out.status = status < CARAVAN_INTERNAL && status != CARAVAN_RETRY && status > 0 ? status : CARAVAN_INTERNAL;
    if (call.said == status) {
      out.message = call.message;
      if (status == CARAVAN_INVALID_RECORD) out.fields = call.mistakes;
    }
    if (out.message.empty()) out.message = "the plugin ended with status " + std::to_string(status);
    return out;
  }
  static void end_lifecycle(const char* what, caravan_status status, Call& call) {
    const Outcome outcome = settle(call, status);
    if (!outcome) throw std::runtime_error(std::string(what) + " failed: " + outcome.message);
  }

  /// A transaction: what `work` wrote is undone where it fails.
  template <class Work>
  Outcome run(Work&& work) {
    auto entities = entities_;
    auto jobs = jobs_;
    auto events = events_;
    try {
      return work();
    } catch (const detail::Failure& failure) {
      entities_ = std::move(entities);
      jobs_ = std::move(jobs);
      events_ = std::move(events);
      return failure.outcome;
    }
  }
  template <class Work>
  Outcome as_system(Work&& work) {
    User server;
    server.id = 0;
    server.username = "system";
    server.name = "System";
    std::swap(user, server);
    struct Back {
      User &now, &before;
      ~Back() { std::swap(now, before); }
    } const back{user, server};
    return work();
  }

  Entity& of(const std::string& entity_name) {
    const auto found = entities_.find(entity_name);
    if (found == entities_.end()) throw std::invalid_argument("the test has not said what entity " + entity_name + " is: Host::entity");
    return found->second;
  }
  Row stored(const std::string& entity_name, std::int64_t id) {
    const auto& rows_now = of(entity_name).rows;
    const auto found = rows_now.find(id);
    if (found == rows_now.end()) detail::refuse(CARAVAN_NOT_FOUND, "There is no such record.");
    return found->second;
  }
  void assign(const Entity& entity_of, Row& row, const Values& values) {
    for (const auto& [name, value] : values) {
      const Field* field = entity_of.field(name);
      if (field == nullptr) throw std::invalid_argument("there is no field " + name);
      if (!value.empty() && value.type() != field->type) throw std::invalid_argument("the field " + name + " holds values of another type");
      check_rules(*field, value);
      row.values[name] = value;
    }
  }
  static void check_rules(const Field& field, const Value& value) {
    if (value.empty()) return;
    std::string why;
    if (!field.choices.empty() && std::find(field.choices.begin(), field.choices.end(), value.text()) == field.choices.end()) why = "is none of its choices";
    if (value.is_text() && field.max && static_cast<std::int64_t>(value.text().size()) > *field.max) why = "is too long";
    if (!value.is_text() && ((field.min && value.number() < *field.min) || (field.max && value.number() > *field.max))) why = "is out of range";
    if (!why.empty()) detail::refuse(CARAVAN_INVALID_RECORD, field.name + " " + why, {{field.name, "invalid", field.name + " " + why}});
  }
  void complete(const std::string& entity_name, Row& row, bool fresh) {
    const Entity& entity_of = of(entity_name);
    if (fresh) {
      row.values["created_at"] = now();
      if (!entity_of.steps.empty() && row["state"].empty()) row.values["state"] = entity_of.steps.front().from;
    }
    row.values["id"] = Id{row.id};
    row.values["version"] = row.version;
    row.values["updated_at"] = now();
  }
  static void check_required(const Entity& entity_of, const Row& row) {
    for (const Field& field : entity_of.fields) {
      if (field.required && row[field.name].empty())
        detail::refuse(CARAVAN_INVALID_RECORD, field.name + " is required", {{field.name, "required", field.name + " is required"}});
    }
  }
  void run_hooks(std::uint32_t point, const std::string& entity_name, Row& row, const Row* before, const std::string& step = {}) {
    for (const Hook& hook : hooks_) {
      if (hook.point == point && hook.entity == entity_name) run_hook(hook, entity_name, row, before, step, nullptr, {});
    }
  }
  void run_hook(const Hook& hook, const std::string& entity_name, Row& row, const Row* before, const std::string& step, const Event* event,
                const std::string& payload) {
    const auto depth = std::count_if(Call::stack().begin(), Call::stack().end(), [](const Call* one) { return one->kind == Kind::hook; });
    if (depth >= 8) detail::refuse(CARAVAN_INTERNAL, "Plugins' hooks set each other off more than 8 deep.");
    Call call(*this, Kind::hook);
    const bool may_set = hook.point == CARAVAN_BEFORE_CREATE || hook.point == CARAVAN_BEFORE_UPDATE || hook.point == CARAVAN_BEFORE_TRANSITION;
    caravan_hook_event told{};
    told.struct_size = sizeof told;
    told.point = hook.point;
    told.entity = view(hook.entity);
    told.record = call.add(entity_name, &row, may_set ? Call::Entry::Mode::hook : Call::Entry::Mode::read_only);
    Row earlier;
    if (before != nullptr) {
      earlier = *before;
      told.before = call.add(entity_name, &earlier, Call::Entry::Mode::read_only);
    }
    told.transition = view(step);
    told.action = view(hook.action);
    told.payload = view(payload);
    if (event != nullptr) {
      told.event_id = event->id;
      told.version = event->row.version;
      told.action = view(event->action);
      told.changes = view(event->changes);
      told.caused_by = event->caused_by;
      told.caused_by_name = view(event->caused_by_name);
    }
    const Outcome outcome = settle(call, hook.run(hook.user, call.id, &told));
    if (!outcome) throw detail::Failure{outcome};
  }
  void announce(const std::string& entity_name, const Row& row, const std::string& action) {
    const bool wanted = std::any_of(hooks_.begin(), hooks_.end(), [&](const Hook& hook) { return hook.point == CARAVAN_AFTER_COMMIT && hook.entity == entity_name; });
    if (!wanted) return;
    Event event;
    event.id = ++last_id_;
    event.entity = entity_name;
    event.action = action;
    event.changes = "{}";
    event.row = row;
    event.caused_by = user.id;
    event.caused_by_name = user.name;
    events_.push_back(std::move(event));
  }
  Outcome create_row(const std::string& entity_name, Row row) {
    complete(entity_name, row, true);
    row.values.erase("id");
    run_hooks(CARAVAN_BEFORE_CREATE, entity_name, row, nullptr);
    check_required(of(entity_name), row);
    row.id = ++last_id_;
    row.version = 1;
    complete(entity_name, row, false);
    of(entity_name).rows[row.id] = row;
    run_hooks(CARAVAN_AFTER_CREATE, entity_name, row, nullptr);
    announce(entity_name, row, "create");
    Outcome out;
    out.id = row.id;
    return out;
  }
  Outcome update_row(const std::string& entity_name, Row row) {
    const Row before = stored(entity_name, row.id);
    if (row.version != before.version) detail::refuse(CARAVAN_STALE, "The record was changed by somebody else meanwhile.");
    if (row.values == before.values) return {};
    run_hooks(CARAVAN_BEFORE_UPDATE, entity_name, row, &before);
    check_required(of(entity_name), row);
    write(entity_name, row);
    run_hooks(CARAVAN_AFTER_UPDATE, entity_name, row, &before);
    announce(entity_name, row, "update");
    return {};
  }
  Outcome remove_row(const std::string& entity_name, std::int64_t id, std::optional<std::int64_t> version) {
    Row row = stored(entity_name, id);
    if (version && *version != row.version) detail::refuse(CARAVAN_STALE, "The record was changed by somebody else meanwhile.");
    const Row before = row;
    run_hooks(CARAVAN_BEFORE_DELETE, entity_name, row, &before);
    of(entity_name).rows.erase(id);
    run_hooks(CARAVAN_AFTER_DELETE, entity_name, row, &before);
    announce(entity_name, row, "delete");
    return {};
  }
  Outcome step_row(const std::string& entity_name, Row row, const std::string& step_name) {
    const Row before = stored(entity_name, row.id);
    if (row.version != before.version) detail::refuse(CARAVAN_STALE, "The record was changed by somebody else meanwhile.");
    const auto& steps = of(entity_name).steps;
    const auto step = std::find_if(steps.begin(), steps.end(), [&](const Step& one) { return one.name == step_name; });
    if (step == steps.end()) detail::refuse(CARAVAN_NOT_FOUND, "There is no step " + step_name + ".");
    if (before["state"] != Value(step->from)) detail::refuse(CARAVAN_CONFLICT, "The record's state has no step " + step_name + ".");
    run_hooks(CARAVAN_BEFORE_TRANSITION, entity_name, row, &before, step_name);
    row.values["state"] = step->to;
    check_required(of(entity_name), row);
    write(entity_name, row);
    run_hooks(CARAVAN_AFTER_TRANSITION, entity_name, row, &before, step_name);
    announce(entity_name, row, "transition:" + step_name);
    return {};
  }
  void write(const std::string& entity_name, Row& row) {
    ++row.version;
    complete(entity_name, row, false);
    of(entity_name).rows[row.id] = row;
  }
  PendingJob* pending(std::int64_t id) {
    for (PendingJob& one : jobs_) {
      if (one.id == id) return &one;
    }
    return nullptr;
  }
  void run_job(std::int64_t id) {
    PendingJob attempt = *pending(id);
    ++attempt.attempts;
    const Outcome outcome = attempt_job(attempt);
    PendingJob* const job = pending(id);
    if (outcome) {
      std::erase_if(jobs_, [&](const PendingJob& one) { return one.id == id; });
      return;
    }
    job->attempts = attempt.attempts;
    job->error = outcome.message;
    job->dead = outcome.status == CARAVAN_INVALID_ARGUMENT || attempt.attempts >= job->max_attempts;
    job->due_micros = now_ + (std::int64_t{2'000'000} << std::min(attempt.attempts, 10));
  }
  Outcome attempt_job(const PendingJob& job) {
    for (const auto& one : job_callbacks_) {
      if (one.name != job.name) continue;
      return as_system([&] {
        return run([&] {
          Call call(*this, Kind::job);
          const std::string key = "job-" + std::to_string(job.id);
          caravan_job_event event{};
          event.struct_size = sizeof event;
          event.attempt = job.attempts;
          event.max_attempts = job.max_attempts;
          event.name = view(one.name);
          event.payload = view(job.payload);
          event.key = view(key);
          event.created_micros = now_;
          const Outcome outcome = settle(call, one.run(one.user, call.id, &event));
          if (!outcome) throw detail::Failure{outcome};
          return outcome;
        });
      });
    }
    return {CARAVAN_UNAVAILABLE, "no such job: " + job.name, {}, 0};
  }

  // ---- the functions that the plugin is given ----
  static const Field& field_of(Call& call, const typename Call::Entry& entry, caravan_string name) {
    const Field* field = call.host.of(entry.entity).field(detail::text(name, detail::max_name));
    if (field == nullptr) throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
    return *field;
  }
  static const Field& resolved(Call& call, const typename Call::Entry& entry, caravan_field handle) {
    const std::uint64_t number = handle & 0xFFFFFFFFu;
    if (handle >> 32 != (call.id & 0xFFFFFFFFu) || number == 0 || number > call.fields.size() || call.fields[number - 1].first != entry.entity)
      throw detail::Misuse{CARAVAN_E_HANDLE};
    return *call.host.of(entry.entity).field(call.fields[number - 1].second);
  }
  static std::string entity_name(Call& call, caravan_string name) {
    if (call.kind == Kind::create || call.kind == Kind::enable) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
    std::string out(detail::text(name, detail::max_name));
    if (!call.host.entities_.contains(out)) throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
    return out;
  }
  static void need_records(const Call& call) {
    if (!call.has_records()) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
  }
  static typename Call::Entry& stored_entry(Call& call, caravan_record record) {
    typename Call::Entry& entry = call.entry(record);
    if (entry.mode != Call::Entry::Mode::stored) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
    return entry;
  }
  static caravan_status read(typename Call::Entry& entry, const Field& field, caravan_value* out) {
    *out = {};
    const Value value = (*entry.row)[field.name];
    out->type = value.type();
    if (!value.is_text()) {
      out->as.integer = value.number();
      return CARAVAN_OK;
    }
    auto& text = entry.texts[field.name];
    text = std::make_unique<char[]>(value.text().size() + 1);
    std::copy(value.text().begin(), value.text().end(), text.get());
    out->as.text = {text.get(), value.text().size()};
    std::copy_n(value.currency().data(), std::min<std::size_t>(value.currency().size(), 3), out->currency);
    return CARAVAN_OK;
  }
  static caravan_status write(typename Call::Entry& entry, const Field& field, const caravan_value& given) {
    if (entry.mode == Call::Entry::Mode::read_only || field.read_only) throw detail::Misuse{CARAVAN_E_READ_ONLY};
    if (const caravan_status status = check(field.type, given); status != CARAVAN_OK) return status;
    Value value = Value::from(given);
    check_rules(field, value);
    entry.texts.erase(field.name);
    entry.row->values[field.name] = std::move(value);
    entry.touched.insert(field.name);
    return CARAVAN_OK;
  }
  static caravan_status check(std::uint32_t type, const caravan_value& value) {
    const bool is_text = value.type == CARAVAN_TEXT || value.type == CARAVAN_DECIMAL || value.type == CARAVAN_JSON;
    if (is_text && value.as.text.size != 0 && value.as.text.data == nullptr) return CARAVAN_E_ARGUMENT;
    if (value.type == CARAVAN_NULL) return CARAVAN_OK;
    if (value.type != type) return CARAVAN_E_TYPE;
    const std::int64_t n = is_text ? 0 : value.as.integer;
    bool sound = true;
    switch (type) {
      case CARAVAN_REF:
        sound = n > 0;
        break;
      case CARAVAN_BOOL:
        sound = n == 0 || n == 1;
        break;
      case CARAVAN_TEXT:
      case CARAVAN_JSON:
        sound = detail::valid_utf8(view(value.as.text));
        break;
      case CARAVAN_DATE:
        sound = n >= detail::first_day && n <= detail::last_day;
        break;
      case CARAVAN_INSTANT:
        sound = n >= detail::first_day * detail::day_micros && n < (detail::last_day + 1) * detail::day_micros;
        break;
      case CARAVAN_DECIMAL: {
        const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
        sound = Decimal::parse(view(value.as.text)).has_value() &&
                (value.currency[0] == 0 || (value.currency[3] == 0 && letter(value.currency[0]) && letter(value.currency[1]) && letter(value.currency[2])));
        break;
      }
      default:
        break;
    }
    return sound ? CARAVAN_OK : CARAVAN_E_ARGUMENT;
  }
  static void now_stored(typename Call::Entry& entry, Row row) {
    entry.texts.clear();
    entry.own = std::move(row);
    entry.row = &entry.own;
    entry.owned = true;
    entry.mode = Call::Entry::Mode::stored;
    entry.touched.clear();
  }
  /// A write of a route is a transaction of its own.
  template <class Work>
  static void write_through(Call& call, Work&& work) {
    if (call.inside()) {
      work();
      return;
    }
    const Outcome outcome = call.host.run([&] {
      work();
      return Outcome{};
    });
    if (!outcome) throw detail::Failure{outcome};
  }
  template <class Find>
  static caravan_status look_up(caravan_call id, caravan_string name, caravan_string* out, Find&& find) noexcept {
    return on_call(id, [&](Call& call) -> caravan_status {
      detail::need(out);
      *out = {nullptr, 0};
      if (call.kind != Kind::route) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
      const std::string* found = find(call, std::string(detail::text(name, detail::max_name)));
      if (found == nullptr) return CARAVAN_NOT_FOUND;
      *out = view(*found);
      return CARAVAN_OK;
    });
  }
  static const std::string* find_in(const std::vector<std::pair<std::string, std::string>>& list, const std::string& name) {
    for (const auto& [key, value] : list) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  template <class Given, class List>
  static caravan_status add_named(caravan_call id, const Given* given, List Host::*list) noexcept {
    return on_call(id, [&](Call& call) -> caravan_status {
      if (call.kind != Kind::create) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
      const Given one = detail::taken(given, offsetof(Given, user) + sizeof given->user);
      const std::string name(detail::text(one.name, detail::max_name));
      if (one.run == nullptr) throw detail::Misuse{CARAVAN_E_ARGUMENT};
      if (!detail::is_word(name) || name.size() > 32) detail::refuse(CARAVAN_INVALID_ARGUMENT, "\"" + name + "\" is no name");
      for (const auto& other : call.host.*list) {
        if (other.name == name) detail::refuse(CARAVAN_CONFLICT, name + " is registered already");
      }
      (call.host.*list).push_back({name, one.run, one.user});
      return CARAVAN_OK;
    });
  }
  static bool sound_path(std::string_view path) {
    if (!path.starts_with('/') || path.size() > detail::max_name) return false;
    if (path == "/") return true;
    std::set<std::string> parameters;
    for (const std::string& segment : detail::split_path(path)) {
      if (segment.starts_with('{')) {
        if (!segment.ends_with('}') || !detail::is_word(std::string_view(segment).substr(1, segment.size() - 2)) || !parameters.insert(segment).second) return false;
      } else if (!detail::is_word(detail::lower_case(segment), ".~-") || segment == "." || segment == "..") {
        return false;
      }
    }
    return true;
  }

  caravan_host table() {
    caravan_host out{};
    out.struct_size = sizeof out;
    out.abi_major = CARAVAN_ABI_MAJOR;
    out.abi_minor = CARAVAN_ABI_MINOR;
    out.self = this;
    out.log = [](void* self, std::int32_t level, caravan_string message) noexcept {
      if (self != nullptr) static_cast<Host*>(self)->log.push_back({level, detail::sentence(message)});
    };
    out.extension = [](void*, caravan_string name) noexcept -> const void* {
      static const caravan_functions functions{
          sizeof(caravan_functions), 0,
          [](caravan_call id, const caravan_function* given) noexcept { return add_named(id, given, &Host::functions_); },
          [](caravan_call id, caravan_string key, const caravan_value* value) noexcept {
            return on_call(id, [&](Call& call) -> caravan_status {
              if (call.kind != Kind::function) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
              detail::need(value);
              const std::string wanted(detail::text(key, detail::max_name));
              if (value->type == CARAVAN_JSON || value->type > CARAVAN_JSON) return CARAVAN_E_TYPE;
              if (const caravan_status status = check(value->type, *value); status != CARAVAN_OK) return status;
              if (!detail::is_word(wanted)) throw detail::Misuse{CARAVAN_E_ARGUMENT};
              call.answers[wanted] = Value::from(*value);
              return CARAVAN_OK;
            });
          }};
      static const caravan_channels channels{sizeof(caravan_channels), 0, [](caravan_call id, const caravan_channel* given) noexcept {
                                               return add_named(id, given, &Host::channels_);
                                             }};
      if (view(name) == CARAVAN_FUNCTIONS_AREA) return &functions;
      if (view(name) == CARAVAN_CHANNELS_AREA) return &channels;
      return nullptr;
    };
    out.fail = [](caravan_call id, caravan_status code, caravan_string message) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        call.said = code;
        call.message = detail::sentence(message);
        return code;
      });
    };
    out.fail_field = [](caravan_call id, caravan_string field, caravan_string code, caravan_string message) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (call.mistakes.size() >= 200) throw detail::Misuse{CARAVAN_E_ARGUMENT};
        call.mistakes.push_back({std::string(detail::text(field, detail::max_name)), std::string(detail::text(code, detail::max_name)), detail::sentence(message)});
        if (call.message.empty() || call.said != CARAVAN_INVALID_RECORD) call.message = call.mistakes.back().message;
        call.said = CARAVAN_INVALID_RECORD;
        return CARAVAN_INVALID_RECORD;
      });
    };
    out.call_info = [](caravan_call id, caravan_call_info* given) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(given);
        const User& who = call.host.user;
        caravan_call_info info{};
        info.is_system = who.id == 0 ? 1 : 0;
        info.actor_id = who.id;
        info.username = view(who.username);
        info.actor_name = view(who.name);
        info.locale = view(who.locale);
        info.request_id = view(std::string_view("test"));
        info.source = view(call.host.source_);
        info.now_micros = call.host.now_;
        detail::fill(given, info);
        return CARAVAN_OK;
      });
    };
    out.has_role = [](caravan_call id, caravan_string role, std::int32_t* held) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(held);
        const std::string_view wanted = detail::text(role, detail::max_name);
        const auto& roles = call.host.user.roles;
        *held = std::find(roles.begin(), roles.end(), wanted) != roles.end() ? 1 : 0;
        return CARAVAN_OK;
      });
    };
    out.add_hook = [](caravan_call id, const caravan_hook* given) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (call.kind != Kind::create) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
        const caravan_hook hook = detail::taken(given, offsetof(caravan_hook, user) + sizeof given->user);
        const std::string_view wanted = detail::text(hook.entity, detail::max_name), action = detail::text(hook.action, detail::max_name);
        if (hook.point > CARAVAN_ACTION || hook.run == nullptr) throw detail::Misuse{CARAVAN_E_ARGUMENT};
        if (!detail::is_word(wanted, ".") || (hook.point == CARAVAN_ACTION && !detail::is_word(action)))
          detail::refuse(CARAVAN_INVALID_ARGUMENT, "a hook names its entity as MODULE.NAME, an action by a word");
        call.host.hooks_.push_back({hook.point, std::string(wanted), std::string(action), hook.order, hook.run, hook.user});
        return CARAVAN_OK;
      });
    };
    out.add_route = [](caravan_call id, const caravan_route* given) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (call.kind != Kind::create) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
        const caravan_route route = detail::taken(given, offsetof(caravan_route, user) + sizeof given->user);
        const std::string method(detail::text(route.method, detail::max_name)), permission(detail::text(route.permission, detail::max_name));
        if (route.run == nullptr) throw detail::Misuse{CARAVAN_E_ARGUMENT};
        const std::string path(detail::text(route.path, detail::max_name));
        static const std::set<std::string> methods{"GET", "POST", "PUT", "PATCH", "DELETE"};
        if (!methods.contains(method) || (!permission.empty() && !detail::is_word(permission)) || !sound_path(path))
          detail::refuse(CARAVAN_INVALID_ARGUMENT, "the route " + method + " " + path + " is malformed");
        const auto shape = [](std::string_view text) {
          std::string out_shape;
          for (const std::string& segment : detail::split_path(text)) out_shape += "/" + (segment.starts_with('{') ? std::string("{}") : segment);
          return out_shape;
        };
        for (const Route& other : call.host.routes_) {
          if (other.method == method && shape(other.path) == shape(path)) detail::refuse(CARAVAN_CONFLICT, "the route " + path + " is registered already");
        }
        call.host.routes_.push_back({method, path, permission, route.run, route.user});
        return CARAVAN_OK;
      });
    };
    out.find_field = [](caravan_call id, caravan_string entity_text, caravan_string field, caravan_field* handle) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(handle);
        const std::string wanted = entity_name(call, entity_text);
        const Field* found = call.host.of(wanted).field(detail::text(field, detail::max_name));
        if (found == nullptr) throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
        call.fields.emplace_back(wanted, found->name);
        *handle = call.id << 32 | call.fields.size();
        return CARAVAN_OK;
      });
    };
    out.get = [](caravan_call id, caravan_record record, caravan_string field, caravan_value* value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(value);
        auto& entry = call.entry(record);
        return read(entry, field_of(call, entry, field), value);
      });
    };
    out.get_field = [](caravan_call id, caravan_record record, caravan_field field, caravan_value* value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(value);
        auto& entry = call.entry(record);
        return read(entry, resolved(call, entry, field), value);
      });
    };
    out.set = [](caravan_call id, caravan_record record, caravan_string field, const caravan_value* value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(value);
        auto& entry = call.entry(record);
        return write(entry, field_of(call, entry, field), *value);
      });
    };
    out.set_field = [](caravan_call id, caravan_record record, caravan_field field, const caravan_value* value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(value);
        auto& entry = call.entry(record);
        return write(entry, resolved(call, entry, field), *value);
      });
    };
    out.record_read = [](caravan_call id, caravan_string entity_text, std::int64_t record_id, caravan_record* record) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(record);
        const std::string wanted = entity_name(call, entity_text);
        need_records(call);
        *record = call.add(wanted, call.host.stored(wanted, record_id), Call::Entry::Mode::stored);
        return CARAVAN_OK;
      });
    };
    out.record_list = [](caravan_call id, caravan_string entity_text, const caravan_query* given, caravan_page* page) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status { return list(call, entity_text, given, page); });
    };
    out.record_new = [](caravan_call id, caravan_string entity_text, caravan_record* record) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(record);
        *record = call.add(entity_name(call, entity_text), Row(), Call::Entry::Mode::fresh);
        return CARAVAN_OK;
      });
    };
    out.record_create = [](caravan_call id, caravan_record record) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            auto& entry = call.entry(record);
            if (entry.mode != Call::Entry::Mode::fresh) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
            need_records(call);
            write_through(call, [&] {
              const std::int64_t made = call.host.create_row(entry.entity, *entry.row).id;
              now_stored(entry, call.host.stored(entry.entity, made));
            });
            return CARAVAN_OK;
          },
          true);
    };
    out.record_update = [](caravan_call id, caravan_record record) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            auto& entry = stored_entry(call, record);
            if (entry.touched.empty()) return CARAVAN_OK;
            need_records(call);
            write_through(call, [&] {
              call.host.update_row(entry.entity, *entry.row);
              now_stored(entry, call.host.stored(entry.entity, entry.row->id));
            });
            return CARAVAN_OK;
          },
          true);
    };
    out.record_delete = [](caravan_call id, caravan_record record) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            auto& entry = stored_entry(call, record);
            need_records(call);
            write_through(call, [&] { call.host.remove_row(entry.entity, entry.row->id, entry.row->version); });
            entry.mode = Call::Entry::Mode::read_only;
            return CARAVAN_OK;
          },
          true);
    };
    out.record_transition = [](caravan_call id, caravan_record record, caravan_string step, caravan_string) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            auto& entry = stored_entry(call, record);
            const std::string wanted(detail::text(step, detail::max_name));
            const auto& steps = call.host.of(entry.entity).steps;
            if (std::none_of(steps.begin(), steps.end(), [&](const Step& one) { return one.name == wanted; })) throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
            need_records(call);
            write_through(call, [&] {
              call.host.step_row(entry.entity, *entry.row, wanted);
              now_stored(entry, call.host.stored(entry.entity, entry.row->id));
            });
            return CARAVAN_OK;
          },
          true);
    };
    out.record_publish = [](caravan_call id, caravan_record record, caravan_string event, caravan_string) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            auto& entry = stored_entry(call, record);
            const std::string wanted(detail::text(event, detail::max_name));
            const auto& events = call.host.of(entry.entity).events;
            if (std::find(events.begin(), events.end(), wanted) == events.end()) throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
            need_records(call);
            write_through(call, [&] {
              Row row = call.host.stored(entry.entity, entry.row->id);
              if (row.version != entry.row->version) detail::refuse(CARAVAN_STALE, "The record was changed by somebody else meanwhile.");
              call.host.write(entry.entity, row);
              call.host.announce(entry.entity, row, "event:" + wanted);
              now_stored(entry, row);
            });
            return CARAVAN_OK;
          },
          true);
    };
    out.record_release = [](caravan_call id, const caravan_record* records, std::size_t count) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (count == 0) return CARAVAN_OK;
        detail::need(records);
        for (std::size_t i = 0; i < count; ++i) {
          if (!call.entry(records[i]).owned) throw detail::Misuse{CARAVAN_E_HANDLE};
          call.entries[(records[i] & 0xFFFFFFFFu) - 1].reset();
        }
        return CARAVAN_OK;
      });
    };
    out.path_parameter = [](caravan_call id, caravan_string name, caravan_string* value) noexcept {
      return look_up(id, name, value, [](Call& call, const std::string& wanted) { return find_in(call.parameters, wanted); });
    };
    out.query_parameter = [](caravan_call id, caravan_string name, caravan_string* value) noexcept {
      return look_up(id, name, value, [](Call& call, const std::string& wanted) { return find_in(call.query, wanted); });
    };
    out.request_header = [](caravan_call id, caravan_string name, caravan_string* value) noexcept {
      return look_up(id, name, value, [](Call& call, const std::string& wanted) -> const std::string* {
        const std::string lower = detail::lower_case(wanted);
        if (lower == "cookie" || lower == "authorization" || lower == "proxy-authorization" || lower == "x-csrf-token") return nullptr;
        for (const auto& [key, found] : call.headers) {
          if (detail::lower_case(key) == lower && !found.empty()) return &found;
        }
        return nullptr;
      });
    };
    out.respond = [](caravan_call id, std::int32_t status, caravan_string type, caravan_string body) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (call.kind != Kind::route) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
        const std::string_view content_type = detail::text(type, detail::max_name);
        if (body.size > detail::max_body) detail::refuse(CARAVAN_TOO_LARGE, "The answer is larger than 64 MiB.");
        const std::string_view content = detail::text(body, detail::max_body);
        const bool bodiless = status == 204 || status == 304;
        if (status < 200 || status > 599 || !detail::header_text(content_type) || (bodiless && !content.empty()) || (!content.empty() && content_type.empty()))
          throw detail::Misuse{CARAVAN_E_ARGUMENT};
        call.reply->status = status;
        call.reply->content_type = content_type;
        call.reply->body = content;
        return CARAVAN_OK;
      });
    };
    out.respond_header = [](caravan_call id, caravan_string name, caravan_string value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (call.kind != Kind::route) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
        const std::string_view key = detail::text(name, detail::max_name), content = detail::text(value, detail::max_message);
        if (!detail::token(key) || !detail::header_text(content) || call.reply->headers.size() >= 64) throw detail::Misuse{CARAVAN_E_ARGUMENT};
        static const std::set<std::string> own{"set-cookie", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "upgrade",
                                               "trailer", "te", "date", "x-request-id", "content-security-policy", "strict-transport-security"};
        if (own.contains(detail::lower_case(key))) throw detail::Misuse{CARAVAN_E_READ_ONLY};
        call.reply->headers.emplace_back(key, content);
        return CARAVAN_OK;
      });
    };
    out.setting = [](caravan_call id, caravan_string name, caravan_value* value) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        detail::need(value);
        const auto found = call.host.settings_.find(std::string(detail::text(name, detail::max_name)));
        if (found == call.host.settings_.end()) return CARAVAN_E_UNKNOWN_NAME;
        *value = call.hand_out(found->second);
        return CARAVAN_OK;
      });
    };
    out.transact = [](caravan_call id, caravan_work_fn work, void* user_data) noexcept {
      return on_call(id, [&](Call& call) -> caravan_status {
        if (work == nullptr) throw detail::Misuse{CARAVAN_E_ARGUMENT};
        if (call.kind != Kind::route) throw detail::Misuse{CARAVAN_E_UNSUPPORTED};
        const Outcome outcome = call.host.run([&] {
          Call inner(call.host, Kind::work);
          const Outcome done = settle(inner, work(user_data, inner.id));
          if (!done) throw detail::Failure{done};
          return done;
        });
        if (!outcome) throw detail::Failure{outcome};
        return CARAVAN_OK;
      });
    };
    out.add_job = [](caravan_call id, const caravan_job* given) noexcept { return add_named(id, given, &Host::job_callbacks_); };
    out.enqueue = [](caravan_call id, const caravan_new_job* given, std::int32_t* added) noexcept {
      return on_call(
          id,
          [&](Call& call) -> caravan_status {
            const caravan_new_job wanted = detail::taken(given, offsetof(caravan_new_job, unique) + sizeof given->unique);
            PendingJob job;
            job.name = detail::text(wanted.name, detail::max_name);
            job.unique = detail::text(wanted.unique, 128);
            job.payload = detail::text(wanted.payload, detail::max_payload);
            Host& host = call.host;
            if (std::none_of(host.job_callbacks_.begin(), host.job_callbacks_.end(), [&](const auto& one) { return one.name == job.name; }))
              throw detail::Misuse{CARAVAN_E_UNKNOWN_NAME};
            if (!detail::valid_utf8(job.payload) || !detail::valid_utf8(job.unique) || wanted.max_attempts < 0 || wanted.max_attempts > 100 ||
                wanted.delay_micros < 0 || wanted.delay_micros > 366 * detail::day_micros)
              throw detail::Misuse{CARAVAN_E_ARGUMENT};
            need_records(call);
            const bool waits = !job.unique.empty() && std::any_of(host.jobs_.begin(), host.jobs_.end(), [&](const PendingJob& one) {
              return !one.dead && one.name == job.name && one.unique == job.unique;
            });
            if (added != nullptr) *added = waits ? 0 : 1;
            if (waits) return CARAVAN_OK;
            job.id = ++host.last_id_;
            job.due_micros = host.now_ + wanted.delay_micros;
            if (wanted.max_attempts != 0) job.max_attempts = wanted.max_attempts;
            host.jobs_.push_back(std::move(job));
            return CARAVAN_OK;
          },
          true);
    };
    return out;
  }

  static caravan_status list(Call& call, caravan_string entity_text, const caravan_query* given, caravan_page* out) {
    detail::need(out);
    const std::string wanted = entity_name(call, entity_text);
    caravan_query query{};
    if (given != nullptr) query = detail::taken(given, 2 * sizeof(std::uint32_t));
    const std::string filter_text(detail::text(query.filter, 16 * 1024)), sort(detail::text(query.sort, 4096)), words(detail::text(query.words, 4096)),
        after(detail::text(query.after, 4096));
    const std::size_t limit = query.limit == 0 ? 50 : query.limit;
    if (limit > 200) throw detail::Misuse{CARAVAN_E_ARGUMENT};
    need_records(call);
    Host& host = call.host;
    std::vector<Row> found = host.rows(wanted);
    if (!filter_text.empty()) {
      const auto holds = host.filters_.find(filter_text);
      if (holds == host.filters_.end()) {
        host.log.push_back({CARAVAN_LOG_ERROR, "the test has not said what this filter means (Host::filter): " + filter_text});
        detail::refuse(CARAVAN_INVALID_ARGUMENT, "the test has not said what this filter means: " + filter_text);
      }
      std::erase_if(found, [&](const Row& row) { return !holds->second(row); });
    }
    if (!words.empty()) {
      std::erase_if(found, [&](const Row& row) {
        return std::none_of(row.values.begin(), row.values.end(), [&](const auto& one) { return one.second.type() == CARAVAN_TEXT && one.second.text().find(words) != std::string::npos; });
      });
    }
    // The last key first, each stable.
    std::vector<std::string> keys;
    for (std::size_t at = 0; at <= sort.size();) {
      const auto end = std::min(sort.find(',', at), sort.size());
      keys.push_back(sort.empty() ? "-id" : sort.substr(at, end - at));
      at = end + 1;
    }
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
      const bool down = key->starts_with('-');
      const std::string field = down ? key->substr(1) : *key;
      std::stable_sort(found.begin(), found.end(), [&](const Row& a, const Row& b) {
        const Value x = down ? b[field] : a[field], y = down ? a[field] : b[field];
        return x.is_text() || y.is_text() ? x.text() < y.text() : x.number() < y.number();
      });
    }
    const std::size_t first = after.empty() ? 0 : static_cast<std::size_t>(std::strtoull(after.c_str(), nullptr, 10));
    auto& handles = call.pages.emplace_back();
    for (std::size_t i = first; i < found.size() && handles.size() < limit; ++i) handles.push_back(call.add(wanted, found[i], Call::Entry::Mode::stored));
    caravan_page page{};
    page.records = handles.data();
    page.count = handles.size();
    page.next = view(call.texts.emplace_back(first + handles.size() < found.size() ? std::to_string(first + handles.size()) : std::string()));
    detail::fill(out, page);
    return CARAVAN_OK;
  }

  std::string name_;
  caravan_plugin plugin_{};
  caravan_host host_{};
  void* instance_ = nullptr;
  bool created_ = false, enabled_ = false;
  std::map<std::string, Entity> entities_;
  std::map<std::string, Value> settings_;
  std::map<std::string, std::function<bool(const Row&)>> filters_;
  std::vector<Hook> hooks_;
  std::vector<Route> routes_;
  std::vector<Named<caravan_job_fn>> job_callbacks_;
  std::vector<Named<caravan_function_fn>> functions_;
  std::vector<Named<caravan_channel_fn>> channels_;
  std::vector<PendingJob> jobs_;
  std::vector<Event> events_;
  std::string source_ = "api";
  std::int64_t last_id_ = 100, now_ = 1'790'000'000'000'000;
};

}  // namespace caravan::sdk::testing

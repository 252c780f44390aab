/// Caravan plugins in C++20: a header over the C ABI (abi.h). Nothing here crosses the boundary but what
/// abi.h says.
///
///     class Sales : public caravan::sdk::Plugin {
///       void setup(caravan::sdk::Setup& setup) override {
///         setup.on("sales.inquiry", Point::before_create, [](caravan::sdk::Hook& hook) { … });
///         setup.route("GET", "/pipeline", "pipeline", [](caravan::sdk::Request& request) { return …; });
///       }
///     };
///     CARAVAN_PLUGIN(Sales)
///
/// Lifecycle: everything here is stable since 1.0 unless it says `@since` another version or `@deprecated`.
///
/// Handlers run concurrently. What they throw becomes a status: a Refusal reaches the user with its message;
/// a failed call of the server passes through; everything else counts as an internal error of the plugin.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "caravan/abi.h"
#include "caravan/decimal.hpp"
#include "caravan/json.hpp"

namespace caravan::sdk {

using Date = std::chrono::sys_days;
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// Id of a record. A type of its own, so that it does not pass for a number.
struct Id {
  std::int64_t value = 0;
  bool operator==(const Id&) const = default;
};

enum class Status : caravan_status {
  invalid_argument = CARAVAN_INVALID_ARGUMENT,
  forbidden = CARAVAN_FORBIDDEN,
  not_found = CARAVAN_NOT_FOUND,
  conflict = CARAVAN_CONFLICT,
  stale = CARAVAN_STALE,
  too_large = CARAVAN_TOO_LARGE,
  invalid_record = CARAVAN_INVALID_RECORD,
  too_many_requests = CARAVAN_TOO_MANY_REQUESTS,
  unavailable = CARAVAN_UNAVAILABLE
};

enum class Point : std::uint32_t {
  before_create = CARAVAN_BEFORE_CREATE,
  after_create = CARAVAN_AFTER_CREATE,
  before_update = CARAVAN_BEFORE_UPDATE,
  after_update = CARAVAN_AFTER_UPDATE,
  before_delete = CARAVAN_BEFORE_DELETE,
  after_delete = CARAVAN_AFTER_DELETE,
  before_transition = CARAVAN_BEFORE_TRANSITION,
  after_transition = CARAVAN_AFTER_TRANSITION,
  after_commit = CARAVAN_AFTER_COMMIT,
  action = CARAVAN_ACTION
};

/// Thrown by a handler to refuse, with a sentence for the user.
class Refusal : public std::exception {
 public:
  Refusal(Status status, std::string message) : status_(status), message_(std::move(message)) {}
  /// One field's mistake; `code` is stable, for clients.
  Refusal(std::string field, std::string code, std::string message)
      : status_(Status::invalid_record),
        message_(std::move(message)),
        field_(std::move(field)),
        code_(std::move(code)) {}
  Status status() const noexcept { return status_; }
  const std::string& field() const noexcept { return field_; }
  const std::string& code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Status status_;
  std::string message_, field_, code_;
};

/// A call of the server that failed. The server keeps its own message; let it pass, or catch it to go on.
class HostError : public std::exception {
 public:
  HostError(caravan_status status, std::string what) : status_(status), what_(std::move(what)) {}
  caravan_status status() const noexcept { return status_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  caravan_status status_;
  std::string what_;
};

inline caravan_string view(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
inline std::string_view view(caravan_string text) noexcept {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

namespace detail {
inline void check(caravan_status status, const char* what, std::string_view name = {}) {
  if (status == CARAVAN_OK) return;
  std::string text = what;
  if (!name.empty()) text.append(" \"").append(name).append("\"");
  throw HostError(status, text + " failed with status " + std::to_string(status));
}
template <class T>
T copied(const T* from) noexcept {
  T out{};
  std::memcpy(static_cast<void*>(&out), static_cast<const void*>(from),
              std::min<std::size_t>(from->struct_size, sizeof(T)));
  return out;
}
}  // namespace detail

namespace detail {
/// A value on its way into the server, with what it borrows.
struct Outgoing {
  caravan_value value{};
  std::string digits;
};
inline void fill(Outgoing& out, std::string_view text) {
  out.value.type = CARAVAN_TEXT;
  out.value.as.text = view(text);
}
inline void fill(Outgoing& out, const char* text) { fill(out, std::string_view(text)); }
inline void fill(Outgoing& out, const std::string& text) { fill(out, std::string_view(text)); }
inline void number(Outgoing& out, std::uint32_t type, std::int64_t value) {
  out.value.type = type;
  out.value.as.integer = value;
}
template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) void fill(Outgoing& out, T value) {
  number(out, CARAVAN_INT, static_cast<std::int64_t>(value));
}
inline void fill(Outgoing& out, bool value) { number(out, CARAVAN_BOOL, value ? 1 : 0); }
inline void fill(Outgoing& out, const Decimal& value) {
  out.digits = value.str();
  out.value.type = CARAVAN_DECIMAL;
  out.value.as.text = view(out.digits);
  std::copy_n(value.currency().data(), std::min<std::size_t>(value.currency().size(), 3), out.value.currency);
}
inline void fill(Outgoing& out, Date value) { number(out, CARAVAN_DATE, value.time_since_epoch().count()); }
inline void fill(Outgoing& out, Instant value) { number(out, CARAVAN_INSTANT, value.time_since_epoch().count()); }
inline void fill(Outgoing& out, Id value) { number(out, CARAVAN_REF, value.value); }

/// What a value of the server holds; nullopt where it is empty. Its type was checked.
inline std::optional<std::int64_t> integer_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return value.as.integer;
}
inline std::optional<std::string> text_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return std::string(view(value.as.text));
}
inline std::optional<bool> boolean_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return value.as.integer != 0;
}
inline std::optional<Decimal> decimal_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return Decimal::parse(view(value.as.text), std::string_view(value.currency, value.currency[0] ? 3 : 0));
}
inline std::optional<Date> date_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return Date(std::chrono::days(value.as.integer));
}
inline std::optional<Instant> instant_of(const caravan_value& value) {
  if (value.type == CARAVAN_NULL) return std::nullopt;
  return Instant(std::chrono::microseconds(value.as.integer));
}
}  // namespace detail

/// A text in several languages; the first one is the fallback.
using Translations = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A record within a call. A light handle; texts are copied out.
class Record {
 public:
  Record(const caravan_host& host, caravan_call call, caravan_record record)
      : host_(&host), call_(call), record_(record) {}

  bool empty(std::string_view field) const { return raw(field).type == CARAVAN_NULL; }
  /// The getters give nullopt for an empty field, and throw HostError (CARAVAN_E_TYPE) for a field of another
  /// type.
  std::optional<std::string> text(std::string_view field) const { return detail::text_of(typed(field, CARAVAN_TEXT)); }
  std::optional<std::int64_t> integer(std::string_view field) const { return detail::integer_of(typed(field, CARAVAN_INT)); }
  std::optional<bool> boolean(std::string_view field) const { return detail::boolean_of(typed(field, CARAVAN_BOOL)); }
  std::optional<Decimal> decimal(std::string_view field) const { return detail::decimal_of(typed(field, CARAVAN_DECIMAL)); }
  std::optional<Date> date(std::string_view field) const { return detail::date_of(typed(field, CARAVAN_DATE)); }
  std::optional<Instant> instant(std::string_view field) const { return detail::instant_of(typed(field, CARAVAN_INSTANT)); }
  std::optional<Id> ref(std::string_view field) const {
    const auto value = detail::integer_of(typed(field, CARAVAN_REF));
    if (!value) return std::nullopt;
    return Id{*value};
  }
  /// Of a field of type json: the document as text.
  std::optional<std::string> json(std::string_view field) const { return detail::text_of(typed(field, CARAVAN_JSON)); }
  Id id() const { return ref("id").value_or(Id{}); }
  std::string state() const { return text("state").value_or(std::string()); }

  /// Text, whole number, bool, Decimal, Date, Instant or Id, as the field's type is.
  template <class T>
  void set(std::string_view field, const T& value) {
    detail::Outgoing out;
    detail::fill(out, value);
    put(field, out.value);
  }
  void set_json(std::string_view field, std::string_view document) {
    caravan_value v{};
    v.type = CARAVAN_JSON;
    v.as.text = view(document);
    put(field, v);
  }
  void clear(std::string_view field) { put(field, caravan_value{}); }

  /// Stores a record of Call::make.
  void create() { detail::check(host_->record_create(call_, record_), "creating a record"); }
  /// Stores what was set on a record of Call::read or a list.
  void update() { detail::check(host_->record_update(call_, record_), "updating a record"); }
  /// Deletes a record of Call::read or a list; it still shows what was there.
  void remove() { detail::check(host_->record_delete(call_, record_), "deleting a record"); }
  /// Takes a step of its workflow, with what was set on it as the fields of the step's form.
  void transition(std::string_view name, std::string_view note = {}) {
    detail::check(host_->record_transition(call_, record_, view(name), view(note)), "taking the step", name);
  }
  /// Tells one of its entity's `events`: others listen by `on: ENTITY.event.NAME`.
  void publish(std::string_view event, std::string_view note = {}) {
    detail::check(host_->record_publish(call_, record_, view(event), view(note)), "telling the event", event);
  }

  caravan_record handle() const { return record_; }

 private:
  caravan_value raw(std::string_view field) const {
    caravan_value value{};
    detail::check(host_->get(call_, record_, view(field), &value), "reading the field", field);
    return value;
  }
  caravan_value typed(std::string_view field, std::uint32_t type) const {
    const caravan_value value = raw(field);
    if (value.type != CARAVAN_NULL && value.type != type)
      detail::check(CARAVAN_E_TYPE, "reading the field", field);
    return value;
  }
  void put(std::string_view field, const caravan_value& value) {
    detail::check(host_->set(call_, record_, view(field), &value), "setting the field", field);
  }

  const caravan_host* host_;
  caravan_call call_;
  caravan_record record_;
};

/// A page asked for. Texts are borrowed for the call of list().
struct Query {
  std::string_view filter{};  ///< CEL over `record` and `user`
  std::string_view sort{};    ///< `-created_at,name`
  std::string_view words{};   ///< to be found in the fields marked `search`
  std::string_view after{};   ///< Page::next of the page before
  std::uint32_t limit = 50;   ///< 1 to 200
};

struct Page {
  std::vector<Record> items;
  std::string next;  ///< empty on the last page
};

/// The agency's settings by `MODULE.NAME`, e.g. `sales.max_discount`. Each getter gives nullopt where the setting is empty, and throws
/// HostError where there is none of that name (CARAVAN_E_UNKNOWN_NAME) or it is of another type (CARAVAN_E_TYPE).
class Settings {
 public:
  Settings(const caravan_host& host, caravan_call call) : host_(&host), call_(call) {}
  /// Of text and choice.
  std::optional<std::string> text(std::string_view name) const { return detail::text_of(typed(name, CARAVAN_TEXT)); }
  std::optional<std::int64_t> integer(std::string_view name) const { return detail::integer_of(typed(name, CARAVAN_INT)); }
  std::optional<bool> boolean(std::string_view name) const { return detail::boolean_of(typed(name, CARAVAN_BOOL)); }
  std::optional<Decimal> decimal(std::string_view name) const { return detail::decimal_of(typed(name, CARAVAN_DECIMAL)); }
  std::optional<Date> date(std::string_view name) const { return detail::date_of(typed(name, CARAVAN_DATE)); }

 private:
  caravan_value typed(std::string_view name, std::uint32_t type) const {
    caravan_value value{};
    detail::check(host_->setting(call_, view(name), &value), "reading the setting", name);
    if (value.type != CARAVAN_NULL && value.type != type) detail::check(CARAVAN_E_TYPE, "reading the setting", name);
    return value;
  }
  const caravan_host* host_;
  caravan_call call_;
};

/// How a job is to be done.
struct JobOptions {
  std::chrono::microseconds delay{0};  ///< not before so long from now
  std::string_view unique{};           ///< while a job of this name waits with the same text, another is not added
  int max_attempts = 0;                ///< 0: 12
};

/// What every callback has: who acts, and the records within his rights. Valid only until the handler
/// returns, and only on its thread.
class Call {
 public:
  Call(const caravan_host& host, caravan_call call) : host_(&host), call_(call) {
    info_.struct_size = sizeof info_;
    detail::check(host.call_info(call, &info_), "reading the call");
  }

  /// nullopt where the server itself acts.
  std::optional<Id> actor() const {
    if (info_.is_system || info_.actor_id == 0) return std::nullopt;
    return Id{info_.actor_id};
  }
  std::string_view username() const { return view(info_.username); }
  std::string_view actor_name() const { return view(info_.actor_name); }
  std::string_view locale() const { return view(info_.locale); }
  std::string_view request_id() const { return view(info_.request_id); }
  std::string_view source() const { return view(info_.source); }
  Instant now() const { return Instant(std::chrono::microseconds(info_.now_micros)); }
  bool has_role(std::string_view role) const {
    std::int32_t out = 0;
    detail::check(host_->has_role(call_, view(role), &out), "asking for the role", role);
    return out != 0;
  }
  Settings settings() const { return {*host_, call_}; }
  /// The text in the call's language, else of the same language, else the first.
  std::string say(Translations texts) const {
    const std::string_view wanted = locale(), language = wanted.substr(0, wanted.find('-'));
    std::string_view best;
    int rank = 0;
    for (const auto& [name, text] : texts) {
      const int r = name == wanted ? 3 : name.substr(0, name.find('-')) == language ? 2 : 1;
      if (r > rank) rank = r, best = text;
    }
    return std::string(best);
  }

  Record read(std::string_view entity, Id id) const {
    caravan_record out = 0;
    detail::check(host_->record_read(call_, view(entity), id.value, &out), "reading a record of", entity);
    return {*host_, call_, out};
  }
  /// As read(), but nullopt where there is none or the actor may not see it.
  std::optional<Record> find(std::string_view entity, Id id) const {
    caravan_record out = 0;
    const caravan_status status = host_->record_read(call_, view(entity), id.value, &out);
    if (status == CARAVAN_NOT_FOUND) return std::nullopt;
    detail::check(status, "reading a record of", entity);
    return Record(*host_, call_, out);
  }
  /// What the actor may see. In hooks: what is committed.
  Page list(std::string_view entity, const Query& query = {}) const {
    caravan_query q{};
    q.struct_size = sizeof q;
    q.limit = query.limit;
    q.filter = view(query.filter);
    q.sort = view(query.sort);
    q.words = view(query.words);
    q.after = view(query.after);
    caravan_page page{};
    page.struct_size = sizeof page;
    detail::check(host_->record_list(call_, view(entity), &q, &page), "listing", entity);
    Page out;
    out.items.reserve(page.count);
    for (std::size_t i = 0; i < page.count; ++i) out.items.emplace_back(*host_, call_, page.records[i]);
    out.next = view(page.next);
    return out;
  }
  /// Every record of the query, page by page, in memory of one page. The record is valid within `each` only.
  template <class Each>
  void for_each(std::string_view entity, Query query, Each&& each) const {
    query.limit = 200;
    std::string after;
    do {
      query.after = after;
      Page page = list(entity, query);
      for (Record& record : page.items) {
        each(record);
        const caravan_record handle = record.handle();
        detail::check(host_->record_release(call_, &handle, 1), "releasing a record");
      }
      after = std::move(page.next);
    } while (!after.empty());
  }
  /// A record to be filled and stored with Record::create.
  Record make(std::string_view entity) const {
    caravan_record out = 0;
    detail::check(host_->record_new(call_, view(entity), &out), "making a record of", entity);
    return {*host_, call_, out};
  }
  /// Adds a job of Setup::job to this call's transaction (in a route: at once); false where one with the same `unique` waits already.
  bool enqueue(std::string_view job, std::string_view payload = {}, const JobOptions& options = {}) const {
    caravan_new_job wanted{};
    wanted.struct_size = sizeof wanted;
    wanted.max_attempts = options.max_attempts;
    wanted.name = view(job);
    wanted.payload = view(payload);
    wanted.delay_micros = options.delay.count();
    wanted.unique = view(options.unique);
    std::int32_t added = 0;
    detail::check(host_->enqueue(call_, &wanted, &added), "adding the job", job);
    return added != 0;
  }

 protected:
  const caravan_host* host_;
  caravan_call call_;
  caravan_call_info info_{};
};

/// One write of a record, inside its transaction. May run again after a deadlock: no effects outside the
/// server. At Point::after_commit it comes later, from the server's queue, at least once: effects outside are allowed there,
/// under event_id(); do them before the first create() or update(), which begins a transaction. What is written then happens
/// exactly once.
class Hook : public Call {
 public:
  Hook(const caravan_host& host, caravan_call call, const caravan_hook_event& event)
      : Call(host, call), event_(detail::copied(&event)), record_(host, call, event_.record) {}
  Point point() const { return static_cast<Point>(event_.point); }
  std::string_view entity() const { return view(event_.entity); }
  /// Name of the transition; empty at other points.
  std::string_view transition() const { return view(event_.transition); }
  Record& record() { return record_; }
  /// As it was stored; nullopt on create.
  std::optional<Record> before() const {
    if (event_.before == 0) return std::nullopt;
    return Record(*host_, call_, event_.before);
  }
  /// Of an action: what the definition hands over, a JSON object.
  std::string_view payload() const { return view(event_.payload); }
  // Of after_commit; zero or empty at other points.
  /// The same each time this event is delivered.
  std::int64_t event_id() const { return event_.event_id; }
  /// The record's version that the change made; record() may be newer.
  std::int64_t version() const { return event_.version; }
  /// create, update, delete, restore, transition:NAME …
  std::string_view action() const { return view(event_.action); }
  /// JSON, field → [old, new].
  std::string_view changes() const { return view(event_.changes); }
  /// Whose change it was; nullopt: the system's. The hook itself acts with the server's rights.
  std::optional<Id> caused_by() const {
    if (event_.caused_by == 0) return std::nullopt;
    return Id{event_.caused_by};
  }
  std::string_view caused_by_name() const { return view(event_.caused_by_name); }

 private:
  caravan_hook_event event_;
  Record record_;
};

/// A job of Setup::job, on a worker's thread with the server's own rights, at least once. Talk to the outside first, under key(): the
/// first write begins a transaction, which also ends the job, so that what is written happens exactly once. An exception lets it be tried
/// again later; Refusal(Status::invalid_argument, …) ends it for good.
class Job : public Call {
 public:
  Job(const caravan_host& host, caravan_call call, const caravan_job_event& event)
      : Call(host, call), event_(detail::copied(&event)) {}
  std::string_view payload() const { return view(event_.payload); }
  /// The same for every attempt of this job.
  std::string_view key() const { return view(event_.key); }
  int attempt() const { return event_.attempt; }
  int max_attempts() const { return event_.max_attempts; }
  /// Who added it; nullopt: the server.
  std::optional<Id> caused_by() const {
    if (event_.caused_by == 0) return std::nullopt;
    return Id{event_.caused_by};
  }
  Instant created() const { return Instant(std::chrono::microseconds(event_.created_micros)); }

 private:
  caravan_job_event event_;
};

/// What a function of Setup::function is asked, by a definition, an import or a report. It computes: there are no records.
class Question : public Call {
 public:
  Question(const caravan_host& host, const caravan_functions& area, caravan_call call, const caravan_function_call& asked)
      : Call(host, call), area_(&area), asked_(detail::copied(&asked)) {}
  /// Arguments; nullopt where it is empty or was not given. HostError (CARAVAN_E_TYPE) where it is of another type.
  std::optional<std::string> text(std::string_view name) const { return detail::text_of(typed(name, CARAVAN_TEXT)); }
  std::optional<std::int64_t> integer(std::string_view name) const { return detail::integer_of(typed(name, CARAVAN_INT)); }
  std::optional<bool> boolean(std::string_view name) const { return detail::boolean_of(typed(name, CARAVAN_BOOL)); }
  std::optional<Decimal> decimal(std::string_view name) const { return detail::decimal_of(typed(name, CARAVAN_DECIMAL)); }
  std::optional<Date> date(std::string_view name) const { return detail::date_of(typed(name, CARAVAN_DATE)); }
  std::optional<Instant> instant(std::string_view name) const { return detail::instant_of(typed(name, CARAVAN_INSTANT)); }
  /// One of its answers; the only one is called `value`.
  template <class T>
  void answer(std::string_view name, const T& value) const {
    detail::Outgoing out;
    detail::fill(out, value);
    detail::check(area_->answer(call_, view(name), &out.value), "answering", name);
  }

 private:
  caravan_value typed(std::string_view name, std::uint32_t type) const {
    for (std::size_t i = 0; i < asked_.count; ++i) {
      if (view(asked_.arguments[i].name) != name) continue;
      const caravan_value& value = asked_.arguments[i].value;
      if (value.type != CARAVAN_NULL && value.type != type) detail::check(CARAVAN_E_TYPE, "reading the argument", name);
      return value;
    }
    return {};
  }
  const caravan_functions* area_;
  caravan_function_call asked_;
};

/// A cell of an import, for Setup::transform. `kind: function` with `for: transform` declares it, `call: PLUGIN.NAME` of an imported field names it.
class Cell : public Question {
 public:
  explicit Cell(const Question& asked) : Question(asked) {
    const std::string row = text("row").value_or("{}");
    detail::JsonReader(row).read('{', '}', [&](std::string name, std::string value) { row_.emplace_back(std::move(name), std::move(value)); });
  }
  /// What stands in it, trimmed, after the map's `transform`; never empty.
  std::string value() const { return text("value").value_or(std::string()); }
  /// Its column.
  std::string column() const { return text("column").value_or(std::string()); }
  /// Another cell of the row, trimmed; nullopt where the file has no such column.
  std::optional<std::string> in_row(std::string_view column) const {
    for (const auto& [name, value] : row_) {
      if (name == column) return value;
    }
    return std::nullopt;
  }
  /// Counted from 1.
  std::int64_t row_number() const { return integer("row_number").value_or(0); }

 private:
  std::vector<std::pair<std::string, std::string>> row_;
};

/// The values of one group of a report, for Setup::measure. `kind: function` with `for: measure` declares it, `call: PLUGIN.NAME` of a measure names it.
class Series : public Question {
 public:
  explicit Series(const Question& asked) : Question(asked) {
    const std::string values = text("values").value_or("[]");
    detail::JsonReader(values).read('[', ']', [&](std::string, std::string value) { values_.push_back(std::move(value)); });
  }
  /// One a record that has one, in no order; never none. As the API writes them: `12.50`, `2026-11-22`.
  const std::vector<std::string>& values() const { return values_; }
  /// The same as numbers; HostError where one is none.
  std::vector<Decimal> numbers() const {
    std::vector<Decimal> out;
    out.reserve(values_.size());
    for (const std::string& one : values_) {
      const auto number = Decimal::parse(one);
      if (!number) detail::check(CARAVAN_E_TYPE, "reading a value of", field());
      out.push_back(*number);
    }
    return out;
  }
  std::string field() const { return text("field").value_or(std::string()); }
  /// Of amounts of money: of all values, and of the answer; amounts in several currencies are asked apart. Else empty.
  std::string currency() const { return text("currency").value_or(std::string()); }

 private:
  std::vector<std::string> values_;
};

/// A message to be sent by a channel of Setup::channel, at least once: give key() to the outside.
class Message : public Call {
 public:
  Message(const caravan_host& host, caravan_call call, const caravan_message& message)
      : Call(host, call), message_(detail::copied(&message)) {}
  /// Of the record of core.message.
  Id id() const { return Id{message_.id}; }
  std::string_view key() const { return view(message_.key); }
  int attempt() const { return message_.attempt; }
  std::string_view recipient() const { return view(message_.recipient); }
  std::string_view subject() const { return view(message_.subject); }
  std::string_view body() const { return view(message_.body); }

 private:
  caravan_message message_;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;

  static Response json(std::string body) { return {200, "application/json", std::move(body), {}}; }
  static Response text(std::string body) { return {200, "text/plain; charset=utf-8", std::move(body), {}}; }
  static Response no_content() { return {204, {}, {}, {}}; }
};

/// A request to one of the plugin's routes, by a signed-in user who holds the route's permission.
class Request : public Call {
 public:
  Request(const caravan_host& host, caravan_call call, const caravan_request& request)
      : Call(host, call), request_(detail::copied(&request)) {}
  std::string_view method() const { return view(request_.method); }
  std::string_view path() const { return view(request_.path); }
  std::string_view body() const { return view(request_.body); }
  /// A `{name}` of the route's path, decoded; empty where the path has none of that name.
  std::string_view parameter(std::string_view name) const {
    return ask(host_->path_parameter, name).value_or(std::string_view());
  }
  std::optional<std::string_view> query(std::string_view name) const {
    return ask(host_->query_parameter, name);
  }
  std::optional<std::string_view> header(std::string_view name) const {
    return ask(host_->request_header, name);
  }
  /// What `work` does with the Call that it is given is one transaction; it may run again after a deadlock. What it throws undoes it, and
  /// is thrown on as a HostError that the client gets. Records of this request and of that Call are not each other's.
  template <class Work>
  void transact(Work&& work) const;

 private:
  std::optional<std::string_view> ask(caravan_status (*function)(caravan_call, caravan_string,
                                                                 caravan_string*) noexcept,
                                      std::string_view name) const {
    caravan_string out{};
    const caravan_status status = function(call_, view(name), &out);
    if (status == CARAVAN_NOT_FOUND) return std::nullopt;
    detail::check(status, "reading the request's", name);
    return view(out);
  }
  caravan_request request_;
};

using JobHandler = std::function<void(Job&)>;
using FunctionHandler = std::function<void(Question&)>;
using ChannelHandler = std::function<void(Message&)>;
using HookHandler = std::function<void(Hook&)>;
using RouteHandler = std::function<Response(Request&)>;

namespace detail {

/// Turns whatever `work` throws into a status. Nothing leaves.
template <class Work>
caravan_status guard(const caravan_host& host, caravan_call call, Work&& work) noexcept {
  try {
    work();
    return CARAVAN_OK;
  } catch (const Refusal& refusal) {
    const std::string_view message = refusal.what();
    if (!refusal.field().empty())
      return host.fail_field(call, view(refusal.field()), view(refusal.code()), view(message));
    return host.fail(call, static_cast<caravan_status>(refusal.status()), view(message));
  } catch (const HostError& error) {
    if (error.status() < CARAVAN_E_CALL) return error.status();  // the server knows why
    const std::string_view message = error.what();
    return host.fail(call, CARAVAN_INTERNAL, view(message));
  } catch (const std::exception& error) {
    const std::string_view message = error.what();
    return host.fail(call, CARAVAN_INTERNAL, view(message));
  } catch (...) {
    return host.fail(call, CARAVAN_INTERNAL, view(std::string_view("an exception of a type of its own")));
  }
}

/// A callback that is known by its name: job, function or channel.
template <class Handler, class Event>
struct Slot {
  const caravan_host* host;
  Handler handler;
  const caravan_functions* area = nullptr;
  static caravan_status run(void* user, caravan_call call, const Event* event) noexcept {
    auto& slot = *static_cast<Slot*>(user);
    return guard(*slot.host, call, [&] {
      if constexpr (std::is_same_v<Event, caravan_job_event>) {
        Job job(*slot.host, call, *event);
        slot.handler(job);
      } else if constexpr (std::is_same_v<Event, caravan_message>) {
        Message message(*slot.host, call, *event);
        slot.handler(message);
      } else {
        Question question(*slot.host, *slot.area, call, *event);
        slot.handler(question);
      }
    });
  }
};
using JobSlot = Slot<JobHandler, caravan_job_event>;
using FunctionSlot = Slot<FunctionHandler, caravan_function_call>;
using ChannelSlot = Slot<ChannelHandler, caravan_message>;

struct HookSlot {
  const caravan_host* host;
  HookHandler handler;
  static caravan_status run(void* user, caravan_call call, const caravan_hook_event* event) noexcept {
    auto& slot = *static_cast<HookSlot*>(user);
    return guard(*slot.host, call, [&] {
      Hook hook(*slot.host, call, *event);
      slot.handler(hook);
    });
  }
};

struct RouteSlot {
  const caravan_host* host;
  RouteHandler handler;
  static caravan_status run(void* user, caravan_call call, const caravan_request* raw) noexcept {
    auto& slot = *static_cast<RouteSlot*>(user);
    return guard(*slot.host, call, [&] {
      Request request(*slot.host, call, *raw);
      const Response response = slot.handler(request);
      check(slot.host->respond(call, response.status, view(response.content_type), view(response.body)),
            "answering");
      for (const auto& [name, value] : response.headers)
        check(slot.host->respond_header(call, view(name), view(value)), "answering with the header", name);
    });
  }
};

struct Slots {
  caravan_host host{};
  std::vector<std::unique_ptr<HookSlot>> hooks;
  std::vector<std::unique_ptr<RouteSlot>> routes;
  std::vector<std::unique_ptr<JobSlot>> jobs;
  std::vector<std::unique_ptr<FunctionSlot>> functions;
  std::vector<std::unique_ptr<ChannelSlot>> channels;
  caravan_functions function_area{};
};

}  // namespace detail

template <class Work>
void Request::transact(Work&& work) const {
  struct Both {
    const caravan_host* host;
    std::remove_reference_t<Work>* work;
    static caravan_status run(void* user, caravan_call inner) noexcept {
      auto& both = *static_cast<Both*>(user);
      return detail::guard(*both.host, inner, [&] {
        Call call(*both.host, inner);
        (*both.work)(call);
      });
    }
  } both{host_, &work};
  detail::check(host_->transact(call_, &Both::run, &both), "the transaction");
}

/// What setup() registers with. Only valid in setup().
class Setup {
 public:
  Setup(detail::Slots& slots, caravan_call call) : slots_(slots), call_(call) {}

  /// Runs `handler` at each such write of `entity`; smaller `order` earlier.
  void on(std::string_view entity, Point point, HookHandler handler, int order = 0) {
    auto slot = std::make_unique<detail::HookSlot>(detail::HookSlot{&slots_.host, std::move(handler)});
    caravan_hook hook{};
    hook.struct_size = sizeof hook;
    hook.point = static_cast<std::uint32_t>(point);
    hook.entity = view(entity);
    hook.order = order;
    hook.run = &detail::HookSlot::run;
    hook.user = slot.get();
    slots_.hooks.push_back(std::move(slot));
    detail::check(slots_.host.add_hook(call_, &hook), "registering a hook on", entity);
  }
  /// What `call: PLUGIN.NAME` in a definition does with a record of `entity`, inside the rule's transaction.
  void action(std::string_view entity, std::string_view name, HookHandler handler) {
    auto slot = std::make_unique<detail::HookSlot>(detail::HookSlot{&slots_.host, std::move(handler)});
    caravan_hook hook{};
    hook.struct_size = sizeof hook;
    hook.point = CARAVAN_ACTION;
    hook.entity = view(entity);
    hook.run = &detail::HookSlot::run;
    hook.user = slot.get();
    hook.action = view(name);
    slots_.hooks.push_back(std::move(slot));
    detail::check(slots_.host.add_hook(call_, &hook), "registering the action", name);
  }
  /// `path` is below `/api/v1/plugins/NAME`, e.g. `/items/{id}`. `permission` is what roles list as
  /// `NAME.permission`; empty: every signed-in user.
  void route(std::string_view method, std::string_view path, std::string_view permission,
             RouteHandler handler) {
    auto slot = std::make_unique<detail::RouteSlot>(detail::RouteSlot{&slots_.host, std::move(handler)});
    caravan_route route{};
    route.struct_size = sizeof route;
    route.method = view(method);
    route.path = view(path);
    route.permission = view(permission);
    route.run = &detail::RouteSlot::run;
    route.user = slot.get();
    slots_.routes.push_back(std::move(slot));
    detail::check(slots_.host.add_route(call_, &route), "registering the route", path);
  }
  /// Work that Call::enqueue adds.
  void job(std::string_view name, JobHandler handler) {
    add<caravan_job>(slots_.jobs, name, detail::JobSlot{&slots_.host, std::move(handler)}, slots_.host.add_job, "job");
  }
  /// What definitions call `PLUGIN.NAME`, e.g. a classifier. HostError (CARAVAN_E_UNSUPPORTED) where the server has no functions.
  void function(std::string_view name, FunctionHandler handler) {
    const auto& area = this->area<caravan_functions>(CARAVAN_FUNCTIONS_AREA);
    slots_.function_area = area;
    add<caravan_function>(slots_.functions, name, detail::FunctionSlot{&slots_.host, std::move(handler), &slots_.function_area}, area.add, "function");
  }
  /// What becomes of a cell in imports; nullopt leaves the field empty, a Refusal makes the row an error. HostError as function().
  void transform(std::string_view name, std::function<std::optional<std::string>(Cell&)> handler) {
    answering<Cell>(name, std::move(handler));
  }
  /// A figure of a group's values in reports; nullopt leaves it empty. HostError as function().
  void measure(std::string_view name, std::function<std::optional<Decimal>(Series&)> handler) {
    answering<Series>(name, std::move(handler));
  }
  /// A way for messages, `channel: PLUGIN.NAME`. HostError (CARAVAN_E_UNSUPPORTED) where the server has no channels.
  void channel(std::string_view name, ChannelHandler handler) {
    add<caravan_channel>(slots_.channels, name, detail::ChannelSlot{&slots_.host, std::move(handler)},
                         area<caravan_channels>(CARAVAN_CHANNELS_AREA).add, "channel");
  }

 private:
  template <class Asked, class Handler>
  void answering(std::string_view name, Handler handler) {
    function(name, [handler = std::move(handler)](Question& question) {
      Asked asked(question);
      if (const auto out = handler(asked)) question.answer("value", *out);
    });
  }
  template <class Area>
  Area area(std::string_view name) const {
    const void* raw = slots_.host.extension(slots_.host.self, view(name));
    if (raw == nullptr) throw HostError(CARAVAN_E_UNSUPPORTED, "this server has no " + std::string(name));
    return detail::copied(static_cast<const Area*>(raw));
  }
  template <class Described, class Slot>
  void add(std::vector<std::unique_ptr<Slot>>& slots, std::string_view name, Slot slot,
           caravan_status (*registers)(caravan_call, const Described*) noexcept, const char* what) {
    slots.push_back(std::make_unique<Slot>(std::move(slot)));
    Described described{};
    described.struct_size = sizeof described;
    described.name = view(name);
    described.run = &Slot::run;
    described.user = slots.back().get();
    detail::check(registers(call_, &described), "registering", std::string(what) + " " + std::string(name));
  }
  detail::Slots& slots_;
  caravan_call call_;
};

namespace detail {
template <class T>
struct Entry;
}

/// Base class of a plugin. One object a server; made and destroyed on the server's control thread.
class Plugin {
 public:
  virtual ~Plugin() = default;
  /// Registers hooks and routes. An exception refuses the plugin; the server goes on without it.
  virtual void setup(Setup& setup) = 0;
  /// Before the first callback; may start threads.
  virtual void enable() {}
  /// After the last callback; stops them.
  virtual void disable() noexcept {}

 protected:
  // Not in the constructor: there is no server yet.
  void debug(std::string_view text) const { log(CARAVAN_LOG_DEBUG, text); }
  void info(std::string_view text) const { log(CARAVAN_LOG_INFO, text); }
  void warning(std::string_view text) const { log(CARAVAN_LOG_WARNING, text); }
  void error(std::string_view text) const { log(CARAVAN_LOG_ERROR, text); }

 private:
  template <class T>
  friend struct detail::Entry;
  void log(int level, std::string_view text) const {
    if (slots_.host.log) slots_.host.log(slots_.host.self, level, view(text));
  }
  detail::Slots slots_;
};

namespace detail {

template <class T>
struct Entry {
  static caravan_status create(const caravan_host* raw, caravan_call call, void** instance) noexcept {
    // A server older than these functions cannot carry this plugin.
    if (raw->struct_size < offsetof(caravan_host, enqueue) + sizeof(raw->enqueue))
      return raw->fail ? raw->fail(call, CARAVAN_INTERNAL,
                                   view(std::string_view("the server is older than the plugin's SDK")))
                       : CARAVAN_INTERNAL;
    const caravan_host host = copied(raw);
    return guard(host, call, [&] {
      std::unique_ptr<Plugin> plugin = std::make_unique<T>();
      plugin->slots_.host = host;
      Setup setup(plugin->slots_, call);
      plugin->setup(setup);
      *instance = plugin.release();
    });
  }
  static void destroy(void* instance) noexcept {
    std::unique_ptr<Plugin>(static_cast<Plugin*>(instance)).reset();
  }
  static caravan_status enable(void* instance, caravan_call call) noexcept {
    auto& plugin = *static_cast<Plugin*>(instance);
    return guard(plugin.slots_.host, call, [&] { plugin.enable(); });
  }
  static void disable(void* instance) noexcept { static_cast<Plugin*>(instance)->disable(); }
};

}  // namespace detail
}  // namespace caravan::sdk

/// Once a plugin, at namespace scope of one source file: exports `Class` (derived from Plugin,
/// default-constructible).
#define CARAVAN_PLUGIN(Class)                                          \
  extern "C" CARAVAN_EXPORT const caravan_plugin caravan_plugin_v1 = { \
      sizeof(caravan_plugin),                                          \
      CARAVAN_ABI_MAJOR,                                               \
      CARAVAN_ABI_MINOR,                                               \
      0,                                                               \
      &::caravan::sdk::detail::Entry<Class>::create,                   \
      &::caravan::sdk::detail::Entry<Class>::destroy,                  \
      &::caravan::sdk::detail::Entry<Class>::enable,                   \
      &::caravan::sdk::detail::Entry<Class>::disable,                  \
      nullptr};

#include "records/outbox.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "base/error.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/work.h"
#include "records/seal.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;

constexpr int most_runs = 8;                                    ///< of a hook whose transaction lost a race
constexpr auto end_singly_after = std::chrono::milliseconds(500);  ///< in a slow batch each event is ended when it is done

std::int64_t number_of(const Json& object, std::string_view name) {
  const Json* member = object.find(name);
  const auto* number = member ? member->as<Json::Number>() : nullptr;
  if (number == nullptr) throw Error(ErrorCode::invalid_argument, "The payload of an event lacks \"" + std::string(name) + "\"");
  return std::strtoll(number->text.c_str(), nullptr, 10);
}

std::string text_of(const Json& object, std::string_view name) {
  const Json* member = object.find(name);
  const auto* text = member ? member->as<std::string>() : nullptr;
  if (text == nullptr) throw Error(ErrorCode::invalid_argument, "The payload of an event lacks \"" + std::string(name) + "\"");
  return *text;
}

}  // namespace

std::optional<TransactionWork::Announcement> TransactionWork::announcement(const Record& record, const NewEvent& event) {
  if (!hooks_ || !hooks_->any(HookPoint::after_commit, record.entity())) return std::nullopt;
  Announcement announcement;
  announcement.id = take("job");
  jobs::NewJob& job = announcement.job;
  job.queue = outbox_queue;
  job.kind = outbox_kind;
  job.payload.reserve(128);
  job.payload.append("{\"event\":").append(std::to_string(event.id)).append(",\"entity\":");
  write_json_string(job.payload, record.entity().full_name);
  job.payload.append(",\"record\":").append(std::to_string(record.id())).append(",\"version\":").append(std::to_string(record.version()));
  job.payload.append(",\"action\":");
  write_json_string(job.payload, event.action);
  job.payload.push_back('}');
  job.lane = record.id();
  job.lane_order = record.version();
  job.actor_id = context_.actor.user_id;
  job.request_id = context_.request_id;
  return announcement;
}

namespace {

/// A transaction that begins with the first write, so that a hook that talks to the outside holds none meanwhile.
class LateWork final : public Work {
 public:
  using Make = std::function<std::unique_ptr<TransactionWork>(storage::Session&)>;
  LateWork(const RecordService& service, const Context& context, std::function<storage::Transaction()> begin, Make make)
      : service_(service), context_(context), begin_(std::move(begin)), make_(std::move(make)) {}
  /// Set before the first call.
  void set_extension(std::shared_ptr<const Extension> extension) { extension_ = std::move(extension); }


  bool opened() const { return work_ != nullptr; }
  TransactionWork& open() {
    if (!work_) {
      transaction_.emplace(begin_());
      work_ = make_(**transaction_);
      work_->set_extension(extension_.get());
      if (!source_.empty()) work_->set_source(source_);
    }
    return *work_;
  }
  std::string missing() const { return work_ ? work_->missing_sequence() : std::string(); }
  bool announced() const { return work_ && work_->announced(); }
  std::vector<Written> written() const { return work_ ? work_->written() : std::vector<Written>(); }
  void commit() { transaction_->commit(); }

  const Context& context() const override { return context_; }
  storage::Session& session() override { return open().session(); }
  Record load(const Entity& entity, std::int64_t id, bool for_update, Authority authority) override {
    if (!work_ && !for_update) return service_.get(context_, entity, id);
    return open().load(entity, id, for_update, authority);
  }
  std::shared_ptr<const expr::RecordView> follow(const Entity& entity, std::int64_t id) override {
    if (!work_) return (*service_.follow(context_))(entity, id);
    return work_->follow(entity, id);
  }
  std::optional<Record> find_external(const Entity& entity, std::string_view source, std::string_view external_id) override {
    return open().find_external(entity, source, external_id);
  }
  Record create(const Entity& entity, Input input, Authority authority) override { return open().create(entity, std::move(input), authority); }
  Record update(const Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> version, Authority authority) override {
    return open().update(entity, id, std::move(input), version, authority);
  }
  void remove(const Entity& entity, std::int64_t id, std::optional<std::int64_t> version) override { open().remove(entity, id, version); }
  Record restore(const Entity& entity, std::int64_t id) override { return open().restore(entity, id); }
  Record erase_history(const Entity& entity, std::int64_t id, std::string note) override {
    return open().erase_history(entity, id, std::move(note));
  }
  Record current(Record record) override { return work_ ? work_->current(std::move(record)) : record; }
  std::string set_source(std::string source) override {
    if (work_) return work_->set_source(std::move(source));
    std::string before = source_.empty() ? context_.source : source_;
    source_ = std::move(source);
    return before;
  }
  Record put_back(const Record& stored, Record wanted, std::string action, std::string note) override {
    return open().put_back(stored, std::move(wanted), std::move(action), std::move(note));
  }
  bool enqueue(const jobs::NewJob& job) override { return open().enqueue(job); }
  const Extension* extension() const override { return extension_.get(); }
  Record remark(const Record& stored, std::string_view action, std::string note) override {
    return open().remark(stored, action, std::move(note));
  }
  Record apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) override {
    return open().apply_transition(stored, transition, std::move(input), std::move(note));
  }

 private:
  const RecordService& service_;
  const Context& context_;
  std::function<storage::Transaction()> begin_;
  Make make_;
  std::shared_ptr<const Extension> extension_;
  std::string source_;
  std::optional<storage::Transaction> transaction_;
  std::unique_ptr<TransactionWork> work_;  ///< goes before its transaction
};

/// The record as it was when it was deleted, as far as its history says.
Record from_history(storage::Database& database, const model::Catalog& catalog, const Entity& entity, std::int64_t id) {
  Record record(entity);
  std::string changes;
  std::int64_t version = 0;
  {
    auto session = database.read();
    // By version: ids come in blocks, of each node its own.
    storage::Statement& statement =
        session->prepare("SELECT version, changes, id FROM event WHERE entity = ? AND record_id = ? AND action = 'delete' ORDER BY version DESC, id DESC LIMIT 1");
    statement.bind(1, std::string_view(entity.full_name));
    statement.bind(2, id);
    if (statement.step()) {
      version = statement.integer(0);
      if (!statement.is_null(1)) changes = open_json(keys_of(catalog), entity.full_name, &entity, "event", statement.integer(2), std::string(statement.text(1)));
    }
    statement.reset();
  }
  record.set(model::slot_id, expr::Value(id));
  record.set(model::slot_version, expr::Value(version));
  if (changes.empty()) return record;
  const Json json = parse_json(changes);
  const auto* members = json.as<Json::Object>();
  if (members == nullptr) return record;
  const auto old_of = [](const Json& pair) -> const Json* {
    const auto* both = pair.as<Json::Array>();
    return both != nullptr && !both->empty() && !both->front().is_null() ? &both->front() : nullptr;
  };
  for (const auto& [name, pair] : *members) {
    const model::Field* field = entity.field(name);
    const Json* old = old_of(pair);
    if (field == nullptr || old == nullptr) continue;
    // System and computed fields are no input; their texts are read as a cell of a table is.
    try {
      if (kept_as_json(*field)) {
        if (auto value = value_from_json(*field, *old)) record.set(field->slot, std::move(*value));
        continue;
      }
      const auto* text = old->as<std::string>();
      const auto* number = old->as<Json::Number>();
      const auto* flag = old->as<bool>();
      if (text != nullptr || number != nullptr || flag != nullptr) {
        const std::string cell = text ? *text : number ? number->text : *flag ? "true" : "false";
        const bool as_it_is = field->type == model::FieldType::text || field->type == model::FieldType::choice || field->type == model::FieldType::json;
        if (field->type == model::FieldType::money) {
          auto amount = parse_decimal(cell);
          const Json* currency = json.find(field->currency_column);
          const Json* code = currency ? old_of(*currency) : nullptr;
          const auto* said = code ? code->as<std::string>() : nullptr;
          if (amount && said != nullptr && amount->set_currency(*said)) record.set(field->slot, expr::Value(*amount));
        } else {
          record.set(field->slot, as_it_is ? expr::Value(cell) : parse_text(catalog, *field, cell));
        }
      } else {
        std::string text_form;
        old->write(text_form);
        record.set(field->slot, expr::Value(text_form));
      }
    } catch (const Error&) {  // a value of a type that the field has no longer
    }
  }
  return record;
}

}  // namespace

struct EventDelivery::Delivery {
  jobs::Attempt* attempt = nullptr;
  const Entity* entity = nullptr;
  std::int64_t record_id = 0;
  Event event;
  bool done = false;  ///< ended in one way or the other
};

class EventDelivery::Batch {
 public:
  Batch(const EventDelivery& delivery, std::shared_ptr<const model::Catalog> catalog)
      : delivery_(delivery), service_(delivery.service_), clock_(delivery.clock_), hooks_(service_.hooks_.load()) {
    context_.actor.system = true;
    context_.catalog = std::move(catalog);
    context_.source = std::string("job ") + outbox_kind;
    context_.locale = context_.catalog->agency.locale;
    context_.now = clock_.now();
  }

  void read(std::span<jobs::Attempt* const> attempts) {
    for (jobs::Attempt* attempt : attempts) {
      try {
        const Json payload = parse_json(attempt->job().payload);
        Delivery one;
        one.attempt = attempt;
        one.entity = context_.catalog->entity(text_of(payload, "entity"));
        one.record_id = number_of(payload, "record");
        one.event.id = number_of(payload, "event");
        one.event.version = number_of(payload, "version");
        one.event.action = text_of(payload, "action");
        one.event.actor_id = attempt->job().actor_id;
        one.event.request_id = attempt->job().request_id;
        // Whose definition or plugin has gone has nothing to be told.
        if (one.entity != nullptr && hooks_ && hooks_->any(HookPoint::after_commit, *one.entity)) deliveries_.push_back(std::move(one));
      } catch (const Error& error) {
        attempt->fail(error);
      }
    }
    read_events();
    read_records();
  }

  void deliver() {
    const auto begun = std::chrono::steady_clock::now();
    for (Delivery& one : deliveries_) {
      if (one.attempt->stopping()) {
        one.attempt->postpone(0);
      } else if (stuck_.contains(one.record_id)) {
        one.attempt->postpone(500);
      } else {
        deliver(one);
        if (!one.done && std::chrono::steady_clock::now() - begun > end_singly_after) one.attempt->finish({});
      }
    }
  }

 private:
  void read_events() {
    std::map<std::int64_t, Event*> by_id;
    for (Delivery& one : deliveries_) by_id[one.event.id] = &one.event;
    auto session = service_.database_.read();
    std::vector<std::int64_t> ids;
    for (const auto& [id, event] : by_id) ids.push_back(id);
    constexpr std::size_t places = 64;
    std::string sql = "SELECT id, at, actor_id, actor_name, request_id, source, changes, note FROM event WHERE id IN (?";
    for (std::size_t i = 1; i < places; ++i) sql += ", ?";
    sql += ")";
    for (std::size_t begin = 0; begin < ids.size(); begin += places) {
      storage::Statement& statement = session->prepare(sql);
      for (std::size_t i = 0; i < places; ++i) statement.bind(static_cast<int>(i) + 1, ids[std::min(begin + i, ids.size() - 1)]);
      const auto text = [&](int column) { return statement.is_null(column) ? std::string() : std::string(statement.text(column)); };
      while (statement.step()) {
        Event& event = *by_id.at(statement.integer(0));
        const expr::Value at = statement.value(1, storage::instant_column);
        if (const auto* moment = at.as<Timestamp>()) event.at = *moment;
        event.actor_id = statement.is_null(2) ? 0 : statement.integer(2);
        event.actor_name = text(3);
        event.request_id = text(4);
        event.source = text(5);
        event.changes = text(6);
        event.note = text(7);
      }
      statement.reset();
    }
    const Keys* const keys = keys_of(*context_.catalog);
    for (Delivery& one : deliveries_) {
      one.event.changes = open_json(keys, one.entity->full_name, one.entity, "event", one.event.id, std::move(one.event.changes));
    }
  }

  void read_records() {
    std::map<const Entity*, std::vector<std::int64_t>> wanted;
    for (const Delivery& one : deliveries_) {
      auto& ids = wanted[one.entity];
      if (std::find(ids.begin(), ids.end(), one.record_id) == ids.end()) ids.push_back(one.record_id);
    }
    for (const auto& [entity, ids] : wanted) {
      for (Record& record : service_.get_many(context_, *entity, ids)) {
        const std::int64_t id = record.id();
        records_.emplace(id, std::move(record));
      }
    }
  }

  Record record_of(const Delivery& one) {
    const auto found = records_.find(one.record_id);
    if (!stale_ && found != records_.end()) return found->second;
    try {
      return service_.get(context_, *one.entity, one.record_id);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
    }
    return from_history(service_.database_, *context_.catalog, *one.entity, one.record_id);
  }

  void deliver(Delivery& one) {
    context_.request_id = one.event.request_id;
    context_.now = clock_.now();
    const model::Transition* transition = nullptr;
    constexpr std::string_view prefix = "transition:";
    if (one.event.action.starts_with(prefix) && one.entity->workflow) {
      transition = one.entity->workflow->transition(std::string_view(one.event.action).substr(prefix.size()));
    }
    try {
      Record record;
      const bool ended = delivery_.late(context_, hooks_, *one.attempt, [&](Work& work) {
        record = record_of(one);
        HookCall call{context_, work, record, nullptr, transition, &one.event};
        hooks_->run(HookPoint::after_commit, call);
      });
      if (ended) one.done = stale_ = true;
    } catch (const std::exception& failure) {
      one.done = true;
      stuck_.insert(one.record_id);
      one.attempt->fail(failure);
    }
  }

  const EventDelivery& delivery_;
  const RecordService& service_;
  const Clock& clock_;
  Context context_;
  std::shared_ptr<const Hooks> hooks_;
  std::vector<Delivery> deliveries_;
  std::map<std::int64_t, Record> records_;
  bool stale_ = false;               ///< a hook has written: what was read before may be out of date
  std::set<std::int64_t> stuck_;     ///< records whose event failed
};

EventDelivery::EventDelivery(const RecordService& service, std::function<std::shared_ptr<const model::Catalog>()> catalog, const Clock& clock)
    : service_(service), catalog_(std::move(catalog)), clock_(clock) {}

void EventDelivery::run_late(const Context& context, jobs::Attempt& attempt, const std::function<void(Work&)>& work) const {
  late(context, service_.hooks_.load(), attempt, work);
}

/// Whether something was written, and the attempt ended with it.
bool EventDelivery::late(const Context& context, const std::shared_ptr<const Hooks>& hooks, jobs::Attempt& attempt,
                         const std::function<void(Work&)>& job) const {
  std::vector<std::string> needed{"record", "event", "job"};
  const auto plans = service_.plans(context);
  for (int run = 1;; ++run) {
    std::string missing;
    std::exception_ptr failed;
    {
      LateWork work(service_, context,
                    [&] {
                      for (const auto& name : needed) service_.sequences_.refill(name, std::int64_t{1} << run);
                      return service_.database_.begin();
                    },
                    [&](storage::Session& session) {
                      return std::make_unique<TransactionWork>(context, session, service_.sequences_, plans, hooks, service_.undo_days_.load());
                    });
      work.set_extension(service_.extension_.load());
      try {
        job(work);
        if (work.missing().empty()) {
          if (!work.opened()) return false;  // ended with the others
          work.open().index_written();
          attempt.finish_in(work.session());
          work.commit();
          if (service_.watcher_) service_.watcher_(work.written());
          if (work.announced() && service_.wake_) service_.wake_();
          return true;
        }
      } catch (...) {
        failed = std::current_exception();
      }
      missing = work.missing();
    }  // rolled back: what follows needs the writer
    if (!missing.empty()) {
      if (run >= most_runs) throw Error(ErrorCode::internal, "A hook takes more numbers of " + missing + " than can be leased for it");
      if (std::find(needed.begin(), needed.end(), missing) == needed.end()) needed.push_back(missing);
      continue;
    }
    try {
      std::rethrow_exception(failed);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::retry || run >= most_runs) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(run * 2));
  }
}

void EventDelivery::operator()(std::span<jobs::Attempt* const> attempts) const {
  Batch batch(*this, catalog_());
  batch.read(attempts);
  batch.deliver();
}

}  // namespace caravan::records

#include "api/event_hub.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace caravan::api {
namespace {

constexpr auto gather_time = std::chrono::milliseconds(300);
/// How often it is asked whether a silent listener's session still holds.
constexpr auto ask_again = std::chrono::seconds(5);
/// How often somebody is told that there is something in an entity that he does not see.
constexpr auto unseen_every = std::chrono::seconds(2);
constexpr const char* notice_entity = "core.notice";

std::string record_event(std::string_view entity, std::int64_t id, std::int64_t version, bool gone) {
  std::string text = "event: record\ndata: {\"entity\":\"" + std::string(entity) + "\",\"id\":\"" + std::to_string(id) + "\"";
  text += gone ? ",\"gone\":true}\n\n" : ",\"version\":" + std::to_string(version) + "}\n\n";
  return text;
}

}  // namespace

class EventHub::Listener final : public EventStream {
 public:
  Listener(std::vector<Watch> watches, std::function<std::optional<records::Context>()> who,
           std::shared_ptr<std::atomic<std::size_t>> listening)
      : watches_(std::move(watches)), who_(std::move(who)), listening_(std::move(listening)) {
    listening_->fetch_add(1);
  }
  ~Listener() override { listening_->fetch_sub(1); }
  void open(Sink sink) override {
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
  }
  void closed() noexcept override {
    const std::lock_guard lock(mutex_);
    sink_ = nullptr;
    ended_ = true;
  }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  void give(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    if (sink_) sink_(text);
  }

  const std::vector<Watch>& watches() const { return watches_; }
  std::optional<records::Context> who() const { return who_(); }
  // Of the hub's thread:
  using Moment = std::chrono::steady_clock::time_point;
  Moment asked = std::chrono::steady_clock::now();
  std::int64_t user = 0;                          ///< once he was asked for
  std::unordered_map<std::string, Moment> owed;   ///< entities of which he is to hear `many`, and not before when
  std::unordered_map<std::string, Moment> unseen; ///< when he last did because of what he does not see
  bool owes(const std::string& entity, Moment now) const {
    const auto found = owed.find(entity);
    return found != owed.end() && found->second <= now;
  }

 private:
  const std::vector<Watch> watches_;
  const std::function<std::optional<records::Context>()> who_;
  const std::shared_ptr<std::atomic<std::size_t>> listening_;  ///< may outlive the hub
  mutable std::mutex mutex_;
  Sink sink_;
  bool ended_ = false;
};

EventHub::EventHub(const records::RecordService& records) : records_(records), thread_([this] { run(); }) {}

EventHub::~EventHub() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

std::shared_ptr<EventStream> EventHub::listen(std::vector<Watch> watches, std::function<std::optional<records::Context>()> who) {
  auto listener = std::make_shared<Listener>(std::move(watches), std::move(who), listening_);
  const std::lock_guard lock(mutex_);
  listeners_.push_back(listener);
  return listener;
}

void EventHub::written(const std::vector<records::Written>& what) {
  if (listening_->load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : what) {
    auto& changes = changes_[one.entity->full_name];
    const auto known = std::find_if(changes.begin(), changes.end(), [&](const Change& change) { return change.id == one.id; });
    if (known != changes.end()) known->version = std::max(known->version, one.version);
    else if (changes.size() <= most_told) changes.push_back({one.id, one.version});
  }
}

void EventHub::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    ready_.wait_for(lock, gather_time, [this] { return stopping_; });
    if (stopping_) return;
    std::vector<std::shared_ptr<Listener>> listeners;
    std::erase_if(listeners_, [&](const std::weak_ptr<Listener>& one) {
      auto listener = one.lock();
      if (!listener || listener->ended()) return true;
      listeners.push_back(std::move(listener));
      return false;
    });
    const Changes changes = std::exchange(changes_, {});
    lock.unlock();
    const auto notices = listeners.empty() ? std::nullopt : notices_in(changes, *listeners.front());
    for (const auto& listener : listeners) {
      try {
        tell(*listener, changes, notices);
      } catch (const std::exception& error) {
        spdlog::warn("A listener could not be told of changes: {}", error.what());
        for (const Watch& watch : listener->watches()) {
          if (changes.contains(watch.entity)) listener->owed[watch.entity] = {};
        }
      }
    }
    listeners.clear();
    lock.lock();
  }
}

std::optional<EventHub::Notices> EventHub::notices_in(const Changes& changes, Listener& any) const {
  const auto found = changes.find(notice_entity);
  if (found == changes.end() || found->second.size() > most_told) return std::nullopt;
  try {
    auto context = any.who();  // for the Catalog and the time
    const model::Entity* entity = context ? context->catalog->entity(notice_entity) : nullptr;
    const model::Field* user = entity != nullptr ? entity->field("user") : nullptr;
    if (user == nullptr) return std::nullopt;
    context->actor = {};
    context->actor.system = true;
    std::vector<std::int64_t> ids;
    for (const Change& change : found->second) ids.push_back(change.id);
    Notices notices;
    for (const auto& notice : records_.get_many(*context, *entity, ids, {model::slot_id, user->slot})) {
      if (const auto* id = notice[user->slot].as<std::int64_t>()) notices[*id].push_back(notice.id());
    }
    return notices;
  } catch (const std::exception& error) {
    spdlog::warn("It could not be found out whom new notices are for: {}", error.what());
    return std::nullopt;
  }
}

void EventHub::tell(Listener& listener, const Changes& changes, const std::optional<Notices>& notices) {
  const auto now = std::chrono::steady_clock::now();
  const auto for_others = [&](const Watch& watch) { return watch.entity == notice_entity && notices && listener.user != 0 && !notices->contains(listener.user); };
  const bool concerned = std::any_of(listener.watches().begin(), listener.watches().end(), [&](const Watch& watch) {
    return listener.owes(watch.entity, now) || (changes.contains(watch.entity) && !for_others(watch));
  });
  if (!concerned && now - listener.asked < ask_again) return;
  listener.asked = now;
  const auto context = listener.who();
  if (!context) {
    listener.give("event: bye\ndata: {}\n\n");
    listener.give({});  // ends it
    return;
  }
  listener.user = context->actor.user_id;
  std::string text;
  auto owed = listener.owed, unseen = listener.unseen;  // kept only where all can be told
  for (const Watch& watch : listener.watches()) {
    const model::Entity* entity = context->catalog->entity(watch.entity);
    if (entity == nullptr) continue;
    const bool all = watch.id == 0, owes = listener.owes(watch.entity, now);
    const auto found = changes.find(watch.entity);
    const auto many = [&] {
      if (records_.may(*context, *entity, model::Operation::read)) text += "event: many\ndata: {\"entity\":\"" + watch.entity + "\"}\n\n";
    };
    if (all && (owes || (found != changes.end() && found->second.size() > most_told))) {
      many();
      owed.erase(watch.entity);
      unseen[watch.entity] = now;
      continue;
    }
    std::vector<std::int64_t> ids;
    if (found != changes.end() && !for_others(watch)) {
      const bool his = all && watch.entity == notice_entity && notices && listener.user != 0;
      if (his) ids = notices->at(listener.user);
      for (const Change& change : found->second) {
        if (!his && (all || change.id == watch.id)) ids.push_back(change.id);
      }
    }
    // Among very many changes a single record's may be missing: then it is told to be on the safe side.
    if (!all && ids.empty() && (owes || (found != changes.end() && found->second.size() > most_told))) ids.push_back(watch.id);
    if (!all) owed.erase(watch.entity);
    if (ids.empty()) continue;
    const auto visible = records_.get_many(*context, *entity, ids, {model::slot_id, model::slot_version});
    for (const auto& record : visible) text += record_event(watch.entity, record.id(), record.version(), false);
    // He has seen this one; that it is no more (for him) is what he should know.
    if (!all && visible.empty()) text += record_event(watch.entity, watch.id, 0, true);
    // Something is gone, or is none of his: his lists may have been of it.
    if (!all || visible.size() >= ids.size()) continue;
    const auto last = unseen.find(watch.entity);
    if (last != unseen.end() && now - last->second < unseen_every) {
      owed[watch.entity] = last->second + unseen_every;
    } else {
      unseen[watch.entity] = now;
      many();
    }
  }
  listener.owed = std::move(owed);
  listener.unseen = std::move(unseen);
  if (!text.empty()) listener.give(text);
}

}  // namespace caravan::api

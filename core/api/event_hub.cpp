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
  std::chrono::steady_clock::time_point asked = std::chrono::steady_clock::now();  ///< of the hub's thread

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
    for (const auto& listener : listeners) {
      try {
        tell(*listener, changes);
      } catch (const std::exception& error) {
        spdlog::warn("A listener could not be told of changes: {}", error.what());
      }
    }
    listeners.clear();
    lock.lock();
  }
}

void EventHub::tell(Listener& listener, const Changes& changes) {
  const auto now = std::chrono::steady_clock::now();
  const bool concerned = std::any_of(listener.watches().begin(), listener.watches().end(),
                                     [&](const Watch& watch) { return changes.contains(watch.entity); });
  if (!concerned && now - listener.asked < ask_again) return;
  listener.asked = now;
  const auto context = listener.who();
  if (!context) {
    listener.give("event: bye\ndata: {}\n\n");
    listener.give({});  // ends it
    return;
  }
  std::string text;
  std::vector<std::string_view> told;
  for (const Watch& watch : listener.watches()) {
    const auto found = changes.find(watch.entity);
    const model::Entity* entity = found == changes.end() ? nullptr : context->catalog->entity(watch.entity);
    if (entity == nullptr) continue;
    const bool all = watch.id == 0;
    if (all && found->second.size() > most_told) {
      if (records_.may(*context, *entity, model::Operation::read)) text += "event: many\ndata: {\"entity\":\"" + watch.entity + "\"}\n\n";
      continue;
    }
    std::vector<std::int64_t> ids;
    for (const Change& change : found->second) {
      if (all || change.id == watch.id) ids.push_back(change.id);
    }
    // Among very many changes a single record's may be missing: then it is told to be on the safe side.
    if (!all && ids.empty() && found->second.size() > most_told) ids.push_back(watch.id);
    if (ids.empty()) continue;
    const auto visible = records_.get_many(*context, *entity, ids, {model::slot_id, model::slot_version});
    for (const auto& record : visible) text += record_event(watch.entity, record.id(), record.version(), false);
    // He has seen this one; that it is no more (for him) is what he should know.
    if (!all && visible.empty()) text += record_event(watch.entity, watch.id, 0, true);
  }
  if (!text.empty()) listener.give(text);
}

}  // namespace caravan::api

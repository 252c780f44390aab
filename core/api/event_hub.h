#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/event_stream.h"
#include "records/service.h"

namespace caravan::api {

/// What a listener wants to hear of: one record, or (id 0) all of an entity that he may read.
struct Watch {
  std::string entity;
  std::int64_t id = 0;
};

/// Tells listeners, within a third of a second, which records were written: the events `record` with entity, id and version, and
/// nothing of a record that the listener may not read at that moment. More than `most_told` changes of one entity in that time are one
/// event `many`; so is, where all of the entity is watched, what he may not (or no longer) read, at most every two seconds: it may have
/// left his lists. Thread-safe; one thread of its own.
class EventHub {
 public:
  static constexpr std::size_t most_told = 100;

  explicit EventHub(const records::RecordService& records);
  /// Ends its thread; streams that are open get nothing any more.
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  /// After a commit, see RecordService::set_watcher. Cheap while nobody listens.
  void written(const std::vector<records::Written>& what);
  /// `who`: the caller as he is now, nullopt where his session has ended (which ends the stream); called by the hub's thread.
  std::shared_ptr<EventStream> listen(std::vector<Watch> watches, std::function<std::optional<records::Context>()> who);
  std::size_t listeners() const { return listening_->load(); }

 private:
  class Listener;
  struct Change {
    std::int64_t id = 0, version = 0;
  };
  using Changes = std::unordered_map<std::string, std::vector<Change>>;  ///< by entity, newest version of each id
  /// Notices among the changes by the user to whom they are.
  using Notices = std::unordered_map<std::int64_t, std::vector<std::int64_t>>;

  void run();
  /// nullopt where that cannot be found out now.
  std::optional<Notices> notices_in(const Changes& changes, Listener& any) const;
  void tell(Listener& listener, const Changes& changes, const std::optional<Notices>& notices);

  const records::RecordService& records_;
  const std::shared_ptr<std::atomic<std::size_t>> listening_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  Changes changes_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace caravan::api

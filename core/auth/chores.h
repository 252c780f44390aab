#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/date_time.h"
#include "base/error.h"
#include "storage/database.h"

namespace caravan::auth {

/// Small writes that no request should wait for (when a session was last used, a failed attempt), done by one
/// thread soon after; and the deletion of what has expired, every ten minutes. What cannot be written is
/// dropped with a line in the log. The destructor writes what is waiting.
class Chores {
 public:
  using Work = std::function<void(storage::Session&)>;
  Chores(storage::Database& database, const Clock& clock);
  ~Chores();
  /// `name` identifies the chore: one that is waiting already is not added again; "" always is.
  void add(std::string name, Work work);

 private:
  void run();
  void write(std::vector<std::pair<std::string, Work>> batch);
  void purge();

  static constexpr std::size_t capacity = 10'000;
  storage::Database& database_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<std::pair<std::string, Work>> waiting_;
  std::unordered_set<std::string> names_;
  std::thread thread_;
};

}  // namespace caravan::auth

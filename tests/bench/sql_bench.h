#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "arguments.h"

/// The product's SQL in a bare loop over the plain client library, with prepared statements that are kept and the
/// same transactions, as well as the library can do it.
namespace caravan::bench {

struct Plan {
  std::string operation;  ///< read, list, create, patch or transition
  std::string table = "sales_inquiry";
  std::int64_t from = 1, to = 1;    ///< ids for read
  std::vector<std::string> states;  ///< for list
  std::int64_t block = 1000;        ///< numbers leased at once, as the product does under load
  /// `column=table` of the references that a create checks, and whose rows it locks.
  std::vector<std::pair<std::string, std::string>> references;
  std::vector<std::int64_t> records;  ///< ids for patch and transition, each thread its own part
  std::string field = "destination";  ///< what a patch changes
  std::string to_state;               ///< of the transition
  std::string action = "create";      ///< in the history
  bool outbox = false;                ///< a transition adds a row to `job`
};

/// The newest values of these columns are written again; `index` of a column, or npos.
template <class Names>
std::size_t column_of(const Names& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::string::npos : static_cast<std::size_t>(found - names.begin());
}

/// The ids of thread `index` of `count`, in order, again from the start at the end.
class OwnRecords {
 public:
  OwnRecords(const Plan& plan, std::size_t index, std::size_t count) {
    for (auto i = index; i < plan.records.size(); i += count) ids_.push_back(plan.records[i]);
  }
  std::int64_t next() { return ids_[at_++ % ids_.size()]; }

 private:
  std::vector<std::int64_t> ids_;
  std::size_t at_ = 0;
};

/// Numbers from blocks that `lease` fetches, as the product does. Thread-safe.
class Blocks {
 public:
  explicit Blocks(std::int64_t block) : block_(block) {}
  std::int64_t next(const std::string& name,
                    const std::function<std::int64_t(const std::string&, std::int64_t)>& lease) {
    const std::lock_guard lock(mutex_);
    auto& range = ranges_[name];
    if (range.first == range.second) {
      range.second = lease(name, block_);
      range.first = range.second - block_;
    }
    return range.first++;
  }

 private:
  const std::int64_t block_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::pair<std::int64_t, std::int64_t>> ranges_;
};

/// One thread's connection.
class Worker {
 public:
  virtual ~Worker() = default;
  /// One operation, with all rows and columns fetched. Returns the number of rows read or written.
  virtual int once(std::mt19937_64& random) = 0;
};

/// What the threads share.
class Target {
 public:
  virtual ~Target() = default;
  virtual std::unique_ptr<Worker> worker(std::size_t index, std::size_t count) = 0;
  /// Takes the rows of the outbox away while the others add them, a batch at a time; null where there is nothing to do.
  virtual std::unique_ptr<Worker> follower() { return nullptr; }
};

std::unique_ptr<Target> mysql_target(const Plan& plan, const std::string& socket,
                                     const std::string& database);
std::unique_ptr<Target> sqlite_target(const Plan& plan, const std::string& file);

}  // namespace caravan::bench

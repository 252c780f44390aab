#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "storage/database.h"

namespace caravan::app {

/// A server process on the database.
struct Node {
  std::string id;       ///< of the process, random
  std::string name;     ///< host and process, for people
  std::string catalog;  ///< hash of the one it uses
  std::int64_t older = 0;  ///< earlier ones that requests on it still use
  std::int64_t seconds = 0;  ///< since it was heard of
};

/// The server processes that share a database, in the table `node`: each says every two seconds which Catalog it uses, and how many
/// earlier ones its requests have not ended with. One that is not heard of for `gone_after` seconds counts as gone. On SQLite there
/// is only this process, and no row. Thread-safe.
class Nodes {
 public:
  static constexpr std::int64_t gone_after = 15;

  explicit Nodes(storage::Database& database);
  ~Nodes();
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;

  /// `let_go` is called before it is counted what this process holds of earlier Catalogs: caches that took one up again for a late
  /// request drop it. Before the first of the calls below.
  void set_let_go(std::function<void()> let_go) { let_go_ = std::move(let_go); }
  /// From now on this process is one of them.
  void join() { joined_ = true; }
  /// The Catalog in use here was replaced by another; it counts as in use until nobody holds it.
  void left(const std::shared_ptr<const model::Catalog>& old);
  /// Tells the others what is in use here.
  void beat(const std::string& catalog);
  /// Those that are alive, this one among them.
  std::vector<Node> alive() const;
  /// Waits until nothing in this process holds an earlier Catalog; false where something still did after `most`.
  bool wait_released(std::chrono::milliseconds most) const;
  /// Waits until every node uses the Catalog of that hash and no other; at most `seconds`, then conflict, naming those that do not.
  void wait_for(const std::string& catalog, int seconds) const;

 private:
  std::int64_t older() const;
  storage::Database& database_;
  const std::string id_, name_;
  bool joined_ = false;
  std::function<void()> let_go_;
  mutable std::mutex mutex_;
  mutable std::vector<std::weak_ptr<const model::Catalog>> older_;
};

}  // namespace caravan::app

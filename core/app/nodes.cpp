#include "app/nodes.h"

#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "storage/query.h"

namespace caravan::app {
namespace {

std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  return text.data();
}

std::string process_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = 0;
  return std::string(host.data()).substr(0, 150) + " (process " + std::to_string(getpid()) + ")";
}

}  // namespace

Nodes::Nodes(storage::Database& database) : database_(database), id_(random_id()), name_(process_name()) {}

Nodes::~Nodes() {
  if (!joined_ || database_.dialect() == storage::Dialect::sqlite) return;
  try {
    database_.transact([&](storage::Session& session) { storage::run_sql(session, "DELETE FROM node WHERE id = ?", id_); }, 1);
  } catch (...) {  // it is forgotten by itself
  }
}

void Nodes::left(const std::shared_ptr<const model::Catalog>& old) {
  const std::lock_guard lock(mutex_);
  older_.emplace_back(old);
}

std::int64_t Nodes::older() const {
  const auto count = [this] {
    const std::lock_guard lock(mutex_);
    std::erase_if(older_, [](const auto& one) { return one.expired(); });
    return static_cast<std::int64_t>(older_.size());
  };
  const auto held = count();
  if (held == 0 || !let_go_) return held;
  let_go_();
  return count();
}

void Nodes::beat(const std::string& catalog) {
  if (!joined_ || database_.dialect() == storage::Dialect::sqlite) return;
  database_.transact([&](storage::Session& session) {
    // The database's clock, so that the nodes' own may differ.
    storage::run_sql(session,
                     "INSERT INTO node (id, name, catalog, older, seen_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE "
                     "catalog = VALUES(catalog), older = VALUES(older), seen_at = VALUES(seen_at)",
                     id_, name_, catalog, older());
    storage::run_sql(session, "DELETE FROM node WHERE seen_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY");
  });
}

std::vector<Node> Nodes::alive() const {
  std::vector<Node> nodes;
  if (database_.dialect() == storage::Dialect::sqlite) return nodes;
  const auto session = database_.read();
  storage::Query query(*session,
                       "SELECT id, name, catalog, older, TIMESTAMPDIFF(SECOND, seen_at, UTC_TIMESTAMP(6)) FROM node "
                       "WHERE seen_at > UTC_TIMESTAMP(6) - INTERVAL ? SECOND ORDER BY name, id",
                       gone_after);
  while (query.next()) nodes.push_back({query.text(0), query.text(1), query.text(2), query.integer(3), query.integer(4)});
  return nodes;
}

bool Nodes::wait_released(std::chrono::milliseconds most) const {
  const auto until = std::chrono::steady_clock::now() + most;
  for (auto pause = std::chrono::milliseconds(1); older() > 0; pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

void Nodes::wait_for(const std::string& catalog, int seconds) const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    std::string behind;
    const auto name = [&](const std::string& node, const std::string& why) { behind += (behind.empty() ? "" : "; ") + node + " " + why; };
    for (const Node& node : alive()) {
      if (node.id == id_) continue;
      const std::string seen = " (heard of " + std::to_string(node.seconds) + " s ago)";
      if (node.catalog != catalog) name(node.name, "uses other definitions" + seen);
      else if (node.older > 0) name(node.name, "has not ended its requests on earlier definitions" + seen);
    }
    if (older() > 0) name("this server", "has not ended its requests on earlier definitions");
    if (behind.empty()) return;
    if (std::chrono::steady_clock::now() >= until) {
      throw Error(ErrorCode::conflict, "Nothing was changed, for what would be dropped may still be in use: " + behind +
                                           ". Reload or restart it, or stop it: a server that is not heard of for " + std::to_string(gone_after) +
                                           " s counts as gone.");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace caravan::app

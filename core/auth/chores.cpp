#include "auth/chores.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "base/error.h"
#include "storage/query.h"

namespace caravan::auth {

Chores::Chores(storage::Database& database, const Clock& clock) : database_(database), clock_(clock) {
  thread_ = std::thread([this] { run(); });
}

Chores::~Chores() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Chores::add(std::string name, Work work) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= capacity || (!name.empty() && !names_.insert(name).second)) return;
    waiting_.emplace_back(std::move(name), std::move(work));
  }
  changed_.notify_one();
}

void Chores::run() {
  constexpr auto purge_every = std::chrono::minutes(10);
  auto purge_at = std::chrono::steady_clock::now() + purge_every;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_until(lock, purge_at, [&] { return stopping_ || !waiting_.empty(); });
    auto batch = std::exchange(waiting_, {});
    names_.clear();
    const bool last = stopping_;
    lock.unlock();
    if (!batch.empty()) write(std::move(batch));
    if (!last && std::chrono::steady_clock::now() >= purge_at) {
      purge();
      purge_at = std::chrono::steady_clock::now() + purge_every;
    }
    if (last) return;
    lock.lock();
  }
}

void Chores::write(std::vector<std::pair<std::string, Work>> batch) {
  try {
    database_.transact([&](storage::Session& session) {
      for (auto& [name, work] : batch) work(session);
    });
  } catch (const std::exception& e) {
    spdlog::warn("auth: {} notes on sessions and logins were not written: {}", batch.size(), e.what());
  }
}

void Chores::purge() {
  try {
    const Timestamp now = clock_.now();
    database_.transact([&](storage::Session& session) {
      run_sql(session, "DELETE FROM login_session WHERE expires_at <= ?", now);
      run_sql(session, "DELETE FROM api_token WHERE expires_at IS NOT NULL AND expires_at <= ?", now);
    });
  } catch (const std::exception& e) {
    spdlog::warn("auth: expired sessions and tokens were not deleted: {}", e.what());
  }
}

}  // namespace caravan::auth

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "jobs/queue_state.h"

namespace caravan::jobs {
namespace {

constexpr std::size_t longest_error = 4000;
constexpr std::size_t longest_note = 500;

[[noreturn]] void refuse_lost(const Job& job) {
  throw Error(ErrorCode::conflict, "The lease of the job " + std::to_string(job.id) + " (" + job.kind +
                                       ") was lost: another attempt has it, and this one changes nothing");
}

}  // namespace

void Running::finish_in(storage::Session& session) {
  if (lost_) refuse_lost(job_);
  if (run_sql(session, "DELETE FROM job WHERE id = ? AND fence = ? AND state = 'running'", job_.id, fence_) != 1) {
    lose();
    refuse_lost(job_);
  }
  ended_ = true;
}

void Running::finish(const std::function<void(storage::Session&)>& effects) {
  if (!open() && !lost_) throw Error(ErrorCode::internal, "The job " + std::to_string(job_.id) + " was ended twice");
  try {
    queue_.database.transact([&](storage::Session& session) {
      // First: it takes the lock that keeps others from the job, and a lost lease shows before anything is done.
      finish_in(session);
      if (effects) effects(session);
    });
  } catch (...) {
    if (!lost_) ended_ = false;
    throw;
  }
}

void Running::fail(const std::exception& why) {
  if (lost_) return;
  std::string text = why.what();
  bool pointless = false;
  std::int64_t wait = queue_.back_off(job_.attempt);
  if (const auto* error = dynamic_cast<const Error*>(&why)) {
    for (const std::string& line : error->context()) text += "\n" + line;
    pointless = error->code() == ErrorCode::invalid_argument;
    wait = std::max<std::int64_t>(wait, std::int64_t{error->retry_after} * 1'000'000);
  }
  const bool dead = pointless || job_.attempt >= job_.max_attempts;
  const Timestamp now = queue_.now();
  ended_ = undone_ = true;
  if (!queue_.move_on(job_.id, fence_, dead ? "dead" : "waiting", dead ? now : Timestamp{now.micros + wait}, cut_text(text, longest_error), false)) {
    lost_ = true;
  }
}

void Running::postpone(int milliseconds) {
  if (lost_) return;
  ended_ = undone_ = true;
  const Timestamp at{queue_.now().micros + std::int64_t{std::max(milliseconds, 0)} * 1000};
  if (!queue_.move_on(job_.id, fence_, milliseconds > 0 ? "waiting" : "ready", at, {}, true)) lost_ = true;
}

bool Running::renew() {
  if (lost_) return false;
  const Timestamp until{queue_.now().micros + std::int64_t{queue_.options.lease_seconds} * 1'000'000};
  bool ours = false;
  queue_.database.transact([&](storage::Session& session) {
    ours = run_sql(session, "UPDATE job SET lease_until = ? WHERE id = ? AND fence = ? AND state = 'running'", until, job_.id, fence_) == 1;
  });
  if (!ours && open()) lose();
  return ours;
}

bool Running::progress(std::int64_t done, std::int64_t total, std::string_view note) {
  if (lost_) return false;
  const std::lock_guard lock(progress_mutex_);
  const auto present = Steady::now();
  if (last_progress_ != Steady::time_point{} && present - last_progress_ < std::chrono::milliseconds(500)) return true;
  last_progress_ = present;
  const Timestamp until{queue_.now().micros + std::int64_t{queue_.options.lease_seconds} * 1'000'000};
  const std::string_view shown = cut_text(note, longest_note);
  bool ours = false;
  queue_.database.transact([&](storage::Session& session) {
    ours = run_sql(session,
                   "UPDATE job SET progress_done = ?, progress_total = ?, progress_note = ?, lease_until = ? "
                   "WHERE id = ? AND fence = ? AND state = 'running'",
                   done, total, shown, until, job_.id, fence_) == 1;
  });
  if (!ours && open()) lose();
  return ours;
}

bool Running::stopping() const {
  return queue_.stopping.load(std::memory_order_relaxed);
}

}  // namespace caravan::jobs

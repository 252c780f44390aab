#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "records/service.h"

/// Internal to core/workflow: what rules have done so far in one transaction.
namespace caravan::workflow {

inline constexpr std::int64_t most_followers = 65'536;  ///< jobs of rules that follow from one of them, in all

struct Cascade final : records::Extension {
  std::vector<std::string> chain;  ///< rules that run, the outermost first
  std::size_t effects = 0;         ///< done so far for what set off the outermost rule
  std::size_t others = 0;          ///< of these, changes of other records
  /// Of transitions that are being taken: what follows from each waits until its effects are done.
  std::vector<std::function<void()>*> held;
  int settling = 0;
  int cancelling = 0;              ///< tasks are being cancelled: nothing has waited for that
  std::set<std::pair<std::int64_t, const model::Transition*>> taken;  ///< by themselves, for the change that is being settled
  // Of a job, where the actor is the system:
  std::int64_t set_off_by = 0;     ///< the user whose change led to it
  std::vector<std::string> before; ///< rules each of whose jobs led to the next, the first one first; at most most_depth
  std::int64_t share = most_followers;  ///< of the jobs that may follow from the one at hand, with those that follow from them
  std::int64_t followers = 0;           ///< jobs added to it by this one
};

inline Cascade& cascade_of(records::Work& work) {
  if (!work.attachment) work.attachment = std::make_unique<Cascade>();
  return static_cast<Cascade&>(*work.attachment);
}

/// The user who acts, or whose change the job goes back to that acts; 0: nobody.
inline std::int64_t set_off_by(records::Work& work) {
  return work.context().actor.user_id != 0 ? work.context().actor.user_id : cascade_of(work).set_off_by;
}

/// Keeps what follows from a transition until run().
class Hold {
 public:
  explicit Hold(records::Work& work) : cascade_(cascade_of(work)) { cascade_.held.push_back(&then_); }
  ~Hold() {
    if (open_) cascade_.held.pop_back();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  void run() {
    cascade_.held.pop_back();
    open_ = false;
    if (then_) then_();
  }

 private:
  Cascade& cascade_;
  std::function<void()> then_;
  bool open_ = true;
};

}  // namespace caravan::workflow

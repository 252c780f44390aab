#include "jobs/steady.h"

#include "storage/query.h"

namespace caravan::jobs {

void forget_attempts(storage::Session& session, std::int64_t job) {
  storage::run_sql(session, "UPDATE job SET attempts = 1 WHERE id = ? AND state = 'running' AND attempts > 1", job);
}

}  // namespace caravan::jobs

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

/// What automations and schedules did and why, or why not: rows of `automation_run`, kept for 30 days.
namespace caravan::workflow {

struct Run {
  std::int64_t id = 0;
  std::string rule;
  std::string kind = "automation";   ///< automation, schedule
  std::string entity;                ///< empty: without a record
  std::int64_t record_id = 0;
  std::string event;                 ///< what set it off: `created`, `state booked`, `at 2026-…`, `0 8 * * *` …
  Timestamp at;
  std::string outcome = "done";      ///< done, skipped, failed
  std::string reason;                ///< why not, or what was refused
  std::int64_t effects = 0;          ///< how many were done; of a schedule over records: how many records
};

/// Within the caller's transaction.
void write_run(storage::Session& session, Run run);

struct RunQuery {
  std::string rule, kind = "automation", outcome;
  std::int64_t record_id = 0;
  bool whole = false;                ///< of a schedule: runs, without their single records
  std::string after;                 ///< RunPage::next
  std::uint32_t limit = 50;
};
struct RunPage {
  std::vector<Run> items;            ///< newest first
  std::string next;
};
/// Throws invalid_argument for a cursor that is none.
RunPage list_runs(storage::Session& session, const RunQuery& query);

struct RunCounts {
  std::int64_t done = 0, skipped = 0, failed = 0;
};
/// By rule, since a moment.
std::map<std::string, RunCounts, std::less<>> count_runs(storage::Session& session, std::string_view kind, Timestamp since);

/// Forgets runs of more than 30 days ago, at most 500; returns how many.
std::int64_t purge_runs(storage::Session& session, Timestamp now);

}  // namespace caravan::workflow

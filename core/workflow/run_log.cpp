#include "workflow/run_log.h"

#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "storage/query.h"
#include "workflow/random_id.h"

namespace caravan::workflow {
namespace {

constexpr std::int64_t kept_micros = std::int64_t{30} * 86'400'000'000;
constexpr std::size_t longest_reason = 1000, longest_event = 100;

void cut(std::string& text, std::size_t bytes) { text.resize(cut_text(text, bytes).size()); }

}  // namespace

void write_run(storage::Session& session, Run run) {
  cut(run.reason, longest_reason);
  cut(run.event, longest_event);
  storage::Query query(session,
                       "INSERT INTO automation_run (id, rule, kind, entity, record_id, event, at, outcome, reason, effects) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       random_id(), run.rule, run.kind);
  query.add_or_null(std::string_view(run.entity));
  query.add_or_null(run.record_id);
  query.add(run.event);
  query.add(run.at);
  query.add(run.outcome);
  query.add_or_null(std::string_view(run.reason));
  query.add(run.effects);
  query.next();
}

RunPage list_runs(storage::Session& session, const RunQuery& wanted) {
  std::string sql = "SELECT id, rule, kind, entity, record_id, event, at, outcome, reason, effects FROM automation_run WHERE kind = ? AND rule = ?";
  if (!wanted.outcome.empty()) sql += " AND outcome = ?";
  if (wanted.record_id != 0) sql += " AND record_id = ?";
  if (wanted.whole) sql += " AND record_id IS NULL";
  Timestamp before;
  std::int64_t before_id = 0;
  if (!wanted.after.empty()) {
    const char* const end = wanted.after.data() + wanted.after.size();
    const auto [dot, first] = std::from_chars(wanted.after.data(), end, before.micros);
    const bool good = first == std::errc() && dot != end && *dot == '.';
    const auto [rest, second] = good ? std::from_chars(dot + 1, end, before_id) : std::from_chars_result{end, std::errc::invalid_argument};
    if (!good || second != std::errc() || rest != end) throw Error(ErrorCode::invalid_argument, "The cursor is none of this list.");
    sql += " AND (at < ? OR (at = ? AND id < ?))";
  }
  sql += " ORDER BY at DESC, id DESC LIMIT " + std::to_string(wanted.limit + 1);
  storage::Query query(session, sql, wanted.kind, wanted.rule);
  if (!wanted.outcome.empty()) query.add(wanted.outcome);
  if (wanted.record_id != 0) query.add(wanted.record_id);
  if (!wanted.after.empty()) {
    query.add(before);
    query.add(before);
    query.add(before_id);
  }
  RunPage page;
  while (query.next()) {
    if (page.items.size() == wanted.limit) {
      const Run& last = page.items.back();
      page.next = std::to_string(last.at.micros) + "." + std::to_string(last.id);
      continue;
    }
    Run& run = page.items.emplace_back();
    run.id = query.integer(0);
    run.rule = query.text(1);
    run.kind = query.text(2);
    run.entity = query.text(3);
    run.record_id = query.integer(4);
    run.event = query.text(5);
    run.at = query.instant(6).value_or(Timestamp());
    run.outcome = query.text(7);
    run.reason = query.text(8);
    run.effects = query.integer(9);
  }
  return page;
}

std::map<std::string, RunCounts, std::less<>> count_runs(storage::Session& session, std::string_view kind, Timestamp since) {
  std::map<std::string, RunCounts, std::less<>> counts;
  storage::Query query(session, "SELECT rule, outcome, COUNT(*) FROM automation_run WHERE kind = ? AND at >= ? GROUP BY rule, outcome", kind, since);
  while (query.next()) {
    RunCounts& one = counts[query.text(0)];
    const std::string outcome = query.text(1);
    (outcome == "done" ? one.done : outcome == "skipped" ? one.skipped : one.failed) = query.integer(2);
  }
  return counts;
}

std::int64_t purge_runs(storage::Session& session, Timestamp now) {
  return storage::delete_oldest(session, "automation_run", "at", Timestamp{now.micros - kept_micros}, 500);
}

}  // namespace caravan::workflow

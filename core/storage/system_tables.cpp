#include "storage/tables.h"

namespace caravan::storage {
namespace {

using Kind = ColumnType::Kind;
constexpr ColumnType integer{Kind::integer, 0, 0}, instant{Kind::instant, 0, 0}, long_text{Kind::text, 0, 0};
constexpr ColumnType text(std::uint32_t length) { return {Kind::text, 0, length}; }

}  // namespace

std::vector<WantedTable> system_tables(Dialect dialect) {
  std::vector<WantedTable> tables{
      {"schema_info", {{"id", integer, true}, {"version", integer, true}}, {"id"}, {}},
      // What the rollups of each definition were counted for, see guarantees.h.
      {"rollup_state", {{"name", text(150), true}, {"definition", text(80), true}}, {"name"}, {}},
      {"sequence_block", {{"name", text(190), true}, {"next_value", integer, true}}, {"name"}, {}},
      {"event",
       {{"id", integer, true},
        {"entity", text(100), true},
        {"record_id", integer, true},
        {"version", integer, true},
        {"at", instant, true},
        {"actor_id", integer},
        {"actor_name", text(200)},
        {"request_id", text(64)},
        {"source", text(200)},
        {"action", text(150), true},
        {"changes", long_text},
        {"note", long_text},
        // The chain, see records/history.h: what is said is committed to with a salt, and each event's hash holds the one before.
        {"salt", text(200)},  // sealed where a value of `changes` is
        {"commitment", text(43)},
        {"hash", text(43)},
        {"erased_by", integer}},  // the event that says that this one's content was erased
       {"id"},
       {{"ix_event$record", {"entity", "record_id", "version"}}}},
      {"credential",
       {{"user_id", integer, true},
        {"password_hash", text(200), true},
        {"failed_count", integer, true},
        {"locked_until", instant},
        {"changed_at", instant, true}},
       {"user_id"},
       {}},
      {"login_session",
       {{"id_hash", text(64), true},
        {"user_id", integer, true},
        {"csrf", text(64), true},
        {"created_at", instant, true},
        {"expires_at", instant, true},
        {"last_seen_at", instant, true}},
       {"id_hash"},
       {{"ix_login_session$user", {"user_id"}}, {"ix_login_session$expiry", {"expires_at"}}}},
      {"api_token",
       {{"id", integer, true},
        {"user_id", integer, true},
        {"token_hash", text(64), true},
        {"label", text(200)},
        {"created_at", instant, true},
        {"expires_at", instant},
        {"last_used_at", instant}},
       {"id"},
       {{"uq_api_token$hash", {"token_hash"}, true}, {"ix_api_token$user", {"user_id"}}}},
      // Records that somebody was shown beside his role's rules.
      {"record_share",
       {{"id", integer, true},
        {"entity", text(100), true},
        {"record_id", integer, true},
        {"grantee_kind", text(10), true},  // user, role, department
        {"grantee", text(100), true},      // the user's id, or a name
        {"level", text(10), true},         // read, update
        {"shared_by", integer},
        {"shared_at", instant, true},
        {"expires_at", instant},
        {"note", text(500)}},
       {"id"},
       {{"uq_record_share$grant", {"record_id", "grantee_kind", "grantee"}, true},
        {"ix_record_share$grantee", {"grantee_kind", "grantee", "entity"}}}},
      // Requests that carried an Idempotency-Key; `status` 0: under way.
      {"idempotency_key",
       {{"actor_id", integer, true},
        {"key_hash", text(43), true},
        {"fingerprint", text(43), true},
        {"status", integer, true},
        {"reply", long_text},
        {"created_at", instant, true}},
       {"actor_id", "key_hash"},
       {{"ix_idempotency_key$age", {"created_at"}}}},
      // What was deleted, until its time to undo has passed.
      {"deleted_record",
       {{"record_id", integer, true},
        {"entity", text(100), true},
        {"version", integer, true},
        {"number", text(100)},
        {"title", text(200)},
        {"row_json", long_text, true},
        {"chain", text(43)},
        {"deleted_at", instant, true},
        {"deleted_by", integer},
        {"purge_at", instant, true}},
       {"record_id"},
       {{"ix_deleted_record$entity", {"entity", "deleted_at"}}, {"ix_deleted_record$purge", {"purge_at"}}}},
      // The keys of sensitive fields by their fingerprints (records/seal.h); the keys themselves lie outside the database.
      {"seal_key", {{"id", text(32), true}, {"fingerprint", text(43), true}, {"created_at", instant, true}}, {"id"}, {}},
      // Fields of which every value is sealed.
      {"sealed_field", {{"entity", text(100), true}, {"field", text(64), true}, {"sealed_at", instant, true}}, {"entity", "field"}, {}},
      // Who saw sensitive values (records/looks.h).
      {"record_look",
       {{"id", integer, true},
        {"entity", text(100), true},
        {"record_id", integer, true},
        {"fields", text(500), true},
        {"at", instant, true},
        {"user_id", integer},
        {"username", text(200)},
        {"request_id", text(64)},
        {"source", text(200)}},
       {"id"},
       {{"ix_record_look$record", {"entity", "record_id", "id"}}, {"ix_record_look$user", {"user_id", "id"}}, {"ix_record_look$age", {"at"}}}},
      // Published definitions, see app/revisions.h.
      {"catalog_revision",
       {{"id", integer, true},
        {"hash", text(64), true},
        {"created_at", instant, true},
        {"author", text(200)},
        {"note", text(500)},
        {"plugins", long_text, true},
        {"documents", long_text, true}},
       {"id"},
       {{"ix_catalog_revision$hash", {"hash"}}}},
      // What was decided about plugins while a server ran, who did what with them, and the files that were installed: app/plugin_store.h.
      {"plugin_decision",
       {{"name", text(64), true},
        {"wanted", text(10), true},
        {"config", text(10), true},
        {"hash", text(64)},
        {"version", text(64)},
        {"previous", text(64)},
        {"actor_name", text(200)},
        {"at", instant, true}},
       {"name"},
       {}},
      {"plugin_event",
       {{"id", integer, true},
        {"plugin", text(64), true},
        {"action", text(40), true},
        {"version", text(64)},
        {"hash", text(64)},
        {"actor_id", integer},
        {"actor_name", text(200)},
        {"request_id", text(64)},
        {"at", instant, true},
        {"detail", long_text}},
       {"id"},
       {{"ix_plugin_event$plugin", {"plugin", "id"}}}},
      {"plugin_file",
       {{"hash", text(64), true}, {"part", integer, true}, {"file", text(120), true}, {"parts", integer, true}, {"content", long_text, true}},
       {"hash", "part"},
       {}},
      {"plugin_setting",
       {{"plugin", text(64), true}, {"name", text(150), true}, {"value", long_text, true}, {"actor_name", text(200)}, {"at", instant, true}},
       {"plugin", "name"},
       {}},
      // The server processes on the database, see app/nodes.h.
      {"node",
       {{"id", text(32), true}, {"name", text(200), true}, {"catalog", text(64), true}, {"older", integer, true}, {"seen_at", instant, true}},
       {"id"},
       {}},
      // The durable queue, see jobs/queue.h.
      {"job",
       {{"id", integer, true},
        {"queue", text(64), true},
        {"kind", text(100), true},
        {"payload", long_text},
        {"state", text(10), true},
        {"priority", integer, true},
        {"run_at", instant, true},
        {"attempts", integer, true},
        {"max_attempts", integer, true},
        {"lease_until", instant},
        {"worker", text(100)},
        {"fence", integer, true},
        {"unique_key", text(190)},  // while it waits; key_name also while it runs
        {"key_name", text(190)},
        {"lane", integer},
        {"lane_order", integer},
        {"progress_done", integer},
        {"progress_total", integer},
        {"progress_note", text(500)},
        {"last_error", long_text},
        {"actor_id", integer},
        {"request_id", text(64)},
        {"created_at", instant, true}},
       {"id"},
       {{"ix_job$ready", {"state", "queue", "priority", "run_at", "id"}},
        {"ix_job$time", {"state", "run_at", "id"}},
        {"ix_job$lane", {"lane", "lane_order"}},
        {"uq_job$unique", {"unique_key"}, true}}},
      // Runs of clocks with records, see workflow/clocks.h.
      {"record_clock",
       {{"record_id", integer, true},
        {"rule", text(100), true},
        {"run", integer, true},
        {"entity", text(100), true},
        {"state", text(10), true},        // running, paused, met
        {"started_at", instant, true},
        {"marks", long_text, true},       // when it was paused and went on
        {"limit_micros", integer},
        {"due_at", instant},
        {"met_at", instant},
        {"breached_at", instant},
        {"next_at", instant},             // of the timer
        {"fired", long_text},             // warnings and breaches that were
        {"gone_at", instant}},            // when the record was deleted
       {"record_id", "rule", "run"},
       {{"ix_record_clock$rule", {"rule", "state", "due_at"}},
        {"ix_record_clock$entity", {"entity", "state", "record_id"}},
        {"ix_record_clock$gone", {"gone_at"}}}},
      // Records that wait for somebody, and what rules of assignment decided, see workflow/assignment.h.
      {"assignment_wait",
       {{"record_id", integer, true},
        {"field", text(50), true},
        {"entity", text(100), true},
        {"rule", text(100), true},
        {"manual", integer, true},       // 1: until somebody takes it
        {"place", integer, true},        // by priority, the lowest first
        {"since", instant, true}},
       {"record_id", "field"},
       {{"ix_assignment_wait$rule", {"rule", "place", "since", "record_id"}},
        {"ix_assignment_wait$next", {"entity", "field", "manual", "place", "since", "record_id"}}}},
      {"assignment_turn", {{"rule", text(100), true}, {"user_id", integer, true}, {"turn", integer, true}}, {"rule", "user_id"}, {}},
      {"assignment_decision",
       {{"id", integer, true},
        {"entity", text(100), true},
        {"record_id", integer, true},
        {"field", text(50), true},
        {"rule", text(100), true},
        {"outcome", text(20), true},     // assigned, taken, waiting
        {"user_id", integer},
        {"at", instant, true},
        {"why", long_text, true}},
       {"id"},
       {{"ix_assignment_decision$record", {"record_id", "at", "id"}}, {"ix_assignment_decision$age", {"at"}}}},
      // What automations and schedules did, see workflow/run_log.h.
      {"automation_run",
       {{"id", integer, true},
        {"rule", text(100), true},
        {"kind", text(20), true},
        {"entity", text(100)},
        {"record_id", integer},
        {"event", text(100), true},
        {"at", instant, true},
        {"outcome", text(10), true},  // done, skipped, failed
        {"reason", text(1000)},
        {"effects", integer, true}},
       {"id"},
       {{"ix_automation_run$rule", {"kind", "rule", "at", "id"}}, {"ix_automation_run$age", {"at"}}}},
      // Steps that may be taken back, see workflow/undo.h.
      {"undo_step",
       {{"record_id", integer, true},
        {"entity", text(100), true},
        {"version", integer, true},
        {"transition", text(50), true},
        {"actor_id", integer, true},
        {"until", instant, true},
        {"blocked", integer, true},
        {"row_json", long_text, true}},
       {"record_id"},
       {{"ix_undo_step$until", {"until"}}}},
      // Steps of workflows that wait for approval, or did, see workflow/approval_store.h.
      {"approval",
       {{"id", integer, true},
        {"entity", text(100), true},
        {"record_id", integer, true},
        {"transition", text(50), true},
        {"state", text(10), true},        // waiting, approved, rejected, withdrawn, void
        {"waits", text(190)},             // while it waits: entity, record and transition
        {"asked_by", integer, true},
        {"asked_for", text(1000)},        // colleagues by whose right it was asked
        {"asked_at", instant, true},
        {"steps", long_text, true},       // as they were asked
        {"step", integer, true},
        {"step_at", instant, true},
        {"input_fields", long_text},
        {"input_row", long_text},         // what is sensitive in it is sealed
        {"basis", long_text, true},
        {"comment", long_text},
        {"ended_at", instant},
        {"ended_by", integer},
        {"reason", long_text}},
       {"id"},
       {{"ix_approval$record", {"entity", "record_id", "state"}},
        {"ix_approval$asked", {"asked_by", "asked_at", "id"}},
        {"ix_approval$state", {"state", "asked_at", "id"}},
        {"ix_approval$ended", {"ended_at"}},
        {"uq_approval$waits", {"waits"}, true}}},
      // Who may still decide about the step that is open, and who may not.
      {"approval_seat",
       {{"approval_id", integer, true}, {"kind", text(10), true}, {"who", text(100), true}},
       {"approval_id", "kind", "who"},
       {{"ix_approval_seat$who", {"kind", "who"}}}},
      {"approval_decision",
       {{"approval_id", integer, true},
        {"number", integer, true},
        {"step", integer, true},
        {"user_id", integer, true},
        {"for_user", integer},
        {"verdict", text(10), true},
        {"comment", long_text},
        {"at", instant, true}},
       {"approval_id", "number"},
       {}},
      {"setting", {{"name", text(190), true}, {"value", long_text}}, {"name"}, {}},
  };
  if (dialect == Dialect::sqlite) {
    // SQLite's own types do not tell a decimal's scale, nor an instant from an integer.
    tables.insert(tables.begin(), {"schema_column",
                                   {{"table_name", text(64), true}, {"column_name", text(64), true}, {"type", text(30), true}},
                                   {"table_name", "column_name"},
                                   {}});
  }
  return tables;
}

std::string set_version_sql(Dialect dialect) {
  const std::string version = std::to_string(schema_version);
  const std::string insert = "INSERT INTO schema_info (id, version) VALUES (1, " + version + ") ";
  return insert + (dialect == Dialect::sqlite ? "ON CONFLICT (id) DO UPDATE SET version = " : "ON DUPLICATE KEY UPDATE version = ") + version;
}

}  // namespace caravan::storage

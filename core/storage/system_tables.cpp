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
        {"source", text(64)},
        {"action", text(150), true},
        {"changes", long_text},
        {"note", long_text}},
       {"id"},
       {{"ix_event$record", {"entity", "record_id", "id"}}}},
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

#include "records/looks.h"

#include "base/error.h"
#include "base/text.h"
#include "storage/query.h"

namespace caravan::records {

std::string shown_fields(const Record& record) {
  std::string names;
  const auto* restricted = record.restricted();
  for (const auto& field : record.entity().fields) {
    if (!field->sensitive || record[field->slot].is_null()) continue;
    if (restricted != nullptr && (*restricted)[field->slot] < model::FieldRight::read) continue;
    names.append(names.empty() ? "" : ",").append(field->name);
  }
  return names;
}

void log_looks(storage::Database& database, storage::Sequences& sequences, const Context& context, const model::Entity& entity,
               const std::vector<Shown>& shown) {
  if (shown.empty() || context.actor.system || context.unlogged) return;
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < shown.size(); ++i) ids.push_back(sequences.next("look"));
  database.transact([&](storage::Session& session) {
    storage::in_parts(shown.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
      // Each part has as many rows as items: repeated ones would be other looks.
      const std::size_t rows = count == places ? places : 1;
      for (std::size_t at = begin; at < begin + count; at += rows) {
        storage::Query insert(session, "INSERT INTO record_look (id, entity, record_id, fields, at, user_id, username, request_id, source) VALUES " +
                                           storage::repeated("(?, ?, ?, ?, ?, ?, ?, ?, ?)", ", ", rows));
        for (std::size_t i = at; i < at + rows; ++i) {
          insert.add(ids[i]);
          insert.add(entity.full_name);
          insert.add(shown[i].record);
          insert.add(cut_text(shown[i].fields, 500));
          insert.add(context.now);
          insert.add_or_null(context.actor.user_id);
          insert.add(context.actor.username);
          insert.add(context.request_id);
          insert.add(context.source);
        }
        insert.next();
      }
    });
  });
}

std::vector<Look> find_looks(storage::Session& session, const LookQuery& query) {
  if (query.limit < 1 || query.limit > 200) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 200.");
  std::string sql = "SELECT id, entity, record_id, fields, at, user_id, username, request_id, source FROM record_look WHERE id < ?";
  if (!query.entity.empty()) sql += " AND entity = ?";
  if (query.record != 0) sql += " AND record_id = ?";
  if (query.user != 0) sql += " AND user_id = ?";
  sql += " ORDER BY id DESC LIMIT ?";
  storage::Query rows(session, sql);
  rows.add(query.before > 0 ? query.before : INT64_MAX);
  if (!query.entity.empty()) rows.add(query.entity);
  if (query.record != 0) rows.add(query.record);
  if (query.user != 0) rows.add(query.user);
  rows.add(static_cast<std::int64_t>(query.limit));
  std::vector<Look> found;
  while (rows.next()) {
    Look& look = found.emplace_back();
    look.id = rows.integer(0);
    look.entity = rows.text(1);
    look.record_id = rows.integer(2);
    look.fields = rows.text(3);
    look.at = rows.instant(4).value_or(Timestamp());
    look.user_id = rows.integer(5);
    look.username = rows.text(6);
    look.request_id = rows.text(7);
    look.source = rows.text(8);
  }
  return found;
}

std::int64_t purge_looks(storage::Session& session, Timestamp now, int days, std::int64_t limit) {
  return storage::delete_oldest(session, "record_look", "at", Timestamp{now.micros - std::int64_t{days} * 86'400'000'000, 0}, limit);
}

}  // namespace caravan::records

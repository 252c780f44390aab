#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "records/history.h"
#include "records/json.h"
#include "records/seal.h"
#include "storage/query.h"

// Sealed values that lie in the database already: of fields that became sensitive or are no longer, and under older keys.

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;

constexpr std::int64_t batch = 200;

std::string name(const storage::Session& session, std::string_view column) { return storage::quote(session.dialect(), column); }

/// Rows of a table, by id, `batch` at a time: `select` has the parameters (id, limit), `each` is called with the id and the texts of
/// the other columns after the statement was read. Returns the last id; 0 where there was none.
template <class Each>
std::int64_t walk(storage::Session& session, const std::string& select, int columns, std::int64_t after, std::int64_t limit, const Each& each) {
  std::vector<std::pair<std::int64_t, std::vector<std::optional<std::string>>>> rows;
  {
    storage::Statement& s = session.prepare(select);
    s.bind(1, after);
    s.bind(2, limit);
    while (s.step()) {
      auto& row = rows.emplace_back(s.integer(0), std::vector<std::optional<std::string>>());
      for (int i = 1; i <= columns; ++i) row.second.push_back(s.is_null(i) ? std::nullopt : std::optional<std::string>(s.text(i)));
    }
    s.reset();
  }
  for (const auto& [id, texts] : rows) each(id, texts);
  return rows.empty() ? 0 : rows.back().first;
}

struct SealedField {
  std::string entity, field;
};

std::vector<SealedField> sealed_fields(storage::Session& session) {
  std::vector<SealedField> all;
  storage::Query query(session, "SELECT entity, field FROM sealed_field ORDER BY entity, field");
  while (query.next()) all.push_back({query.text(0), query.text(1)});
  return all;
}

/// Seals or opens what is stored of one field.
class Turn {
 public:
  Turn(storage::Database& database, const Keys& keys, const Entity& entity, const Field& field)
      : database_(database), keys_(keys), entity_(entity), field_(field) {}

  std::int64_t seal() {
    rows(true);
    events();
    deleted();
    approvals();
    return changed_;
  }
  std::int64_t open() {
    rows(false);  // histories and deleted records stay sealed: they say so themselves
    return changed_;
  }

 private:
  /// A value is sealed where its hash stands beside it.
  void rows(bool seal) {
    in_batches([&](storage::Session& session, std::int64_t after) {
      const std::string id = name(session, entity_.fields[model::slot_id]->column), value = name(session, field_.column);
      const std::string hash = name(session, field_.name + "_hash"), table = name(session, entity_.table_name);
      const std::string which = seal ? " IS NULL" : " IS NOT NULL";
      return walk(session, "SELECT " + id + ", " + value + " FROM " + table + " WHERE " + id + " > ? AND " + value + " IS NOT NULL AND " + hash + which +
                               " ORDER BY " + id + " LIMIT ?" + (session.dialect() == storage::Dialect::mysql ? " FOR UPDATE" : ""),
                  1, after, batch, [&](std::int64_t row, const auto& texts) {
                    const SealPlace place{"row", entity_.full_name, row, field_.name};
                    const std::string sql = "UPDATE " + table + " SET " + value + " = ?, " + hash + " = ? WHERE " + id + " = ?";
                    storage::Query update(session, sql);
                    const std::string text = seal ? keys_.seal(*texts[0], place) : keys_.unseal(*texts[0], place);
                    const std::string hashed = seal ? keys_.hash(entity_.full_name, field_.name, *texts[0]) : std::string();
                    update.add(text);
                    update.add_or_null(std::string_view(hashed));
                    update.add(row);
                    update.next();
                    ++changed_;
                  });
    });
  }

  /// The salt of the commitment is sealed with the value: beside a salt in the clear it could be guessed.
  void events() {
    in_batches([&](storage::Session& session, std::int64_t after) {
      return walk(session, "SELECT id, changes, salt FROM event WHERE id > ? AND entity = '" + entity_.full_name + "' AND changes LIKE '%\"" + field_.name +
                               "\":[%' ORDER BY id LIMIT ?",
                  2, after, batch, [&](std::int64_t event, const auto& texts) {
                    const std::string sealed = seal_json(keys_, entity_, "event", event, *texts[0]);
                    if (sealed == *texts[0]) return;
                    std::string salt = texts[1].value_or("");
                    if (!salt.empty() && !salt.starts_with("v1:")) salt = keys_.seal(salt, {"salt", entity_.full_name, event, {}});
                    storage::Query update(session, "UPDATE event SET changes = ?, salt = ? WHERE id = ?");
                    update.add(sealed);
                    update.add_or_null(std::string_view(salt));
                    update.add(event);
                    update.next();
                    ++changed_;
                  });
    });
  }

  void deleted() {
    in_batches([&](storage::Session& session, std::int64_t after) {
      return walk(session, "SELECT record_id, row_json FROM deleted_record WHERE record_id > ? AND entity = '" + entity_.full_name +
                               "' ORDER BY record_id LIMIT ?",
                  1, after, batch, [&](std::int64_t record, const auto& texts) {
                    const std::string sealed = seal_json(keys_, entity_, "deleted", record, *texts[0]);
                    if (sealed == *texts[0]) return;
                    storage::run_sql(session, "UPDATE deleted_record SET row_json = ? WHERE record_id = ?", sealed, record);
                    ++changed_;
                  });
    });
  }

  void approvals() {
    in_batches([&](storage::Session& session, std::int64_t after) {
      return walk(session, "SELECT id, input_row FROM approval WHERE id > ? AND entity = '" + entity_.full_name +
                               "' AND input_row IS NOT NULL ORDER BY id LIMIT ?",
                  1, after, batch, [&](std::int64_t approval, const auto& texts) {
                    const std::string sealed = seal_json(keys_, entity_, "approval", approval, *texts[0]);
                    if (sealed == *texts[0]) return;
                    storage::run_sql(session, "UPDATE approval SET input_row = ? WHERE id = ?", sealed, approval);
                    ++changed_;
                  });
    });
  }

  template <class Part>
  void in_batches(const Part& part) {
    std::int64_t after = 0;
    do {
      std::int64_t last = 0;
      database_.transact([&](storage::Session& session) {
        if (session.dialect() == storage::Dialect::sqlite) session.execute("PRAGMA secure_delete = ON");
        const std::int64_t before = changed_;
        try {
          last = part(session, after);
        } catch (...) {
          changed_ = before;  // a lost race runs again
          throw;
        }
      });
      after = last;
    } while (after != 0);
  }

  storage::Database& database_;
  const Keys& keys_;
  const Entity& entity_;
  const Field& field_;
  std::int64_t changed_ = 0;
};

/// Free pages of the file still hold what lay in them, and the write-ahead log what was written.
void overwrite_free_pages(storage::Database& database) {
  if (database.dialect() != storage::Dialect::sqlite) return;
  storage::Transaction transaction = database.begin();
  transaction->execute("COMMIT");
  transaction->execute("VACUUM");
  transaction->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  transaction->execute("BEGIN IMMEDIATE");
  transaction.commit();
}

}  // namespace

std::int64_t seal_stored(storage::Database& database, const model::Catalog& catalog, Timestamp now) {
  std::vector<SealedField> before;
  {
    auto session = database.read();
    before = sealed_fields(*session);
  }
  std::int64_t changed = 0;
  for (const auto& entity : catalog.entities) {
    for (const auto& field : entity->fields) {
      const bool was = std::any_of(before.begin(), before.end(), [&](const auto& one) { return one.entity == entity->full_name && one.field == field->name; });
      if (field->sensitive == was) continue;
      const Keys& keys = need_keys(catalog);
      if (field->sensitive) {
        changed += Turn(database, keys, *entity, *field).seal();
        database.transact([&](storage::Session& session) {
          // Another node may have done the same.
          storage::run_sql(session, "DELETE FROM sealed_field WHERE entity = ? AND field = ?", entity->full_name, field->name);
          storage::run_sql(session, "INSERT INTO sealed_field (entity, field, sealed_at) VALUES (?, ?, ?)", entity->full_name, field->name, now);
          // Kept answers of requests may hold what is sealed from now on.
          if (changed > 0) storage::run_sql(session, "UPDATE idempotency_key SET reply = ? WHERE reply IS NOT NULL", "lost\n");
        });
      } else {
        changed += Turn(database, keys, *entity, *field).open();
        database.transact([&](storage::Session& session) {
          storage::run_sql(session, "DELETE FROM sealed_field WHERE entity = ? AND field = ?", entity->full_name, field->name);
        });
      }
    }
  }
  if (changed > 0) overwrite_free_pages(database);
  return changed;
}

namespace {

/// The places where sealed values lie, in the order of a rotation.
struct Stock {
  const Entity* entity = nullptr;  ///< of rows
  const Field* field = nullptr;
  std::string table;               ///< else: event, deleted_record, approval
};

std::vector<Stock> stocks(const model::Catalog& catalog) {
  std::vector<Stock> all;
  for (const auto& entity : catalog.entities) {
    for (const auto& field : entity->fields) {
      if (field->sensitive) all.push_back({entity.get(), field.get(), {}});
    }
  }
  all.push_back({nullptr, nullptr, "event"});
  all.push_back({nullptr, nullptr, "deleted_record"});
  all.push_back({nullptr, nullptr, "approval"});
  return all;
}

}  // namespace

Resealed reseal(storage::Database& database, const model::Catalog& catalog, const std::string& after, std::int64_t work) {
  const Keys& keys = need_keys(catalog);
  const std::string current = "v1:" + keys.current() + ":";
  /// Holds for JSON texts, and for salts, under any other key.
  std::string old_json = "1 = 0", old_salt = "1 = 0";
  for (const KeyInfo& key : keys.list()) {
    if (key.current) continue;
    old_json += " OR $ LIKE '%\"v1:" + key.id + ":%'";
    old_salt += " OR salt LIKE 'v1:" + key.id + ":%'";
  }
  const auto old = [&](std::string_view column) {
    std::string condition = old_json;
    for (std::size_t i = 0; (i = condition.find('$', i)) != std::string::npos;) condition.replace(i, 1, column);
    return "(" + condition + ")";
  };
  const auto all = stocks(catalog);
  std::size_t stock = 0;
  std::int64_t id = 0;
  if (!after.empty()) {
    const char* end = after.data() + after.size();
    const auto first = std::from_chars(after.data(), end, stock);
    const bool dotted = first.ec == std::errc() && first.ptr != end && *first.ptr == '.';
    const auto second = dotted ? std::from_chars(first.ptr + 1, end, id) : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (second.ec != std::errc() || second.ptr != end) throw Error(ErrorCode::invalid_argument, "after: this is no cursor of a rotation.");
  }
  Resealed result;
  for (std::int64_t done = 0; stock < all.size(); done += batch) {
    if (done >= work) {
      result.next = std::to_string(stock) + "." + std::to_string(id);
      return result;
    }
    const Stock& place = all[stock];
    std::int64_t last = 0, values = 0;
    database.transact([&](storage::Session& session) {
      values = 0;
      const std::string lock = session.dialect() == storage::Dialect::mysql ? " FOR UPDATE" : "";
      if (place.entity != nullptr) {
        const std::string key = name(session, place.entity->fields[model::slot_id]->column), value = name(session, place.field->column);
        const std::string table = name(session, place.entity->table_name);
        last = walk(session, "SELECT " + key + ", " + value + " FROM " + table + " WHERE " + key + " > ? AND " + value + " IS NOT NULL AND " + value +
                                 " NOT LIKE '" + current + "%' ORDER BY " + key + " LIMIT ?" + lock,
                    1, id, batch, [&](std::int64_t row, const auto& texts) {
                      const SealPlace where{"row", place.entity->full_name, row, place.field->name};
                      const std::string sealed = keys.seal(keys.unseal(*texts[0], where), where);
                      storage::run_sql(session, "UPDATE " + table + " SET " + value + " = ? WHERE " + key + " = ?", sealed, row);
                      ++values;
                    });
      } else if (place.table == "event") {
        last = walk(session, "SELECT id, entity, changes, salt FROM event WHERE id > ? AND salt IS NOT NULL AND (" + old_salt + " OR " + old("changes") +
                                 ") ORDER BY id LIMIT ?" + lock,
                    3, id, batch, [&](std::int64_t event, const auto& texts) {
                      const SealPlace where{"salt", *texts[0], event, {}};
                      std::string salt = *texts[2];
                      if (salt.starts_with("v1:")) salt = keys.seal(keys.unseal(salt, where), where);
                      const std::string changes = reseal_json(keys, *texts[0], catalog.entity(*texts[0]), "event", event, texts[1].value_or("{}"));
                      storage::run_sql(session, "UPDATE event SET changes = ?, salt = ? WHERE id = ?", changes, salt, event);
                      ++values;
                    });
      } else if (place.table == "approval") {
        last = walk(session, "SELECT id, entity, input_row FROM approval WHERE id > ? AND input_row IS NOT NULL AND " + old("input_row") + " ORDER BY id LIMIT ?" + lock,
                    2, id, batch, [&](std::int64_t approval, const auto& texts) {
                      const std::string row = reseal_json(keys, *texts[0], catalog.entity(*texts[0]), "approval", approval, *texts[1]);
                      storage::run_sql(session, "UPDATE approval SET input_row = ? WHERE id = ?", row, approval);
                      ++values;
                    });
      } else {
        last = walk(session, "SELECT record_id, entity, row_json FROM deleted_record WHERE record_id > ? AND " + old("row_json") +
                                 " ORDER BY record_id LIMIT ?" + lock,
                    2, id, batch, [&](std::int64_t record, const auto& texts) {
                      const std::string row = reseal_json(keys, *texts[0], catalog.entity(*texts[0]), "deleted", record, *texts[1]);
                      storage::run_sql(session, "UPDATE deleted_record SET row_json = ? WHERE record_id = ?", row, record);
                      ++values;
                    });
      }
    });
    result.values += values;
    id = last;
    if (last == 0) ++stock;
  }
  return result;
}

std::int64_t key_uses(storage::Session& session, const model::Catalog& catalog, std::string_view id) {
  const std::string text = "v1:" + std::string(id) + ":";
  std::int64_t uses = 0;
  const auto count = [&](const std::string& table, const std::string& column, const std::string& pattern) {
    storage::Query query(session, "SELECT COUNT(*) FROM " + table + " WHERE " + column + " LIKE ?", pattern);
    if (query.next()) uses += query.integer(0);
  };
  for (const Stock& place : stocks(catalog)) {
    if (place.entity != nullptr) count(name(session, place.entity->table_name), name(session, place.field->column), text + "%");
  }
  {
    storage::Query query(session, "SELECT COUNT(*) FROM event WHERE salt LIKE ? OR changes LIKE ?", text + "%", "%\"" + text + "%");
    if (query.next()) uses += query.integer(0);
  }
  count("deleted_record", "row_json", "%\"" + text + "%");
  count("approval", "input_row", "%\"" + text + "%");
  count("idempotency_key", "reply", text + "%");
  return uses;
}

}  // namespace caravan::records

#include "records/once.h"

#include "base/error.h"
#include "storage/query.h"

namespace caravan::records {
namespace {
constexpr std::int64_t under_way = 0, done = 1;

void insert_claim(storage::Session& session, const RequestKey& key) {
  storage::Statement& statement = session.prepare(
      "INSERT INTO idempotency_key (actor_id, key_hash, fingerprint, status, reply, created_at) VALUES (?, ?, ?, ?, ?, ?)");
  statement.bind(1, key.actor_id);
  statement.bind(2, std::string_view(key.key_hash));
  statement.bind(3, std::string_view(key.fingerprint));
  statement.bind(4, under_way);
  statement.bind_null(5);
  statement.bind(6, expr::Value(key.now), storage::instant_column);
  try {
    statement.step();
  } catch (const Error&) {
    statement.reset();
    throw;
  }
  statement.reset();
}

}  // namespace

void look_up_key(storage::Session& session, const RequestKey& key) {
  storage::Statement& statement =
      session.prepare("SELECT fingerprint, status, reply, created_at FROM idempotency_key WHERE actor_id = ? AND key_hash = ?");
  statement.bind(1, key.actor_id);
  statement.bind(2, std::string_view(key.key_hash));
  if (!statement.step()) {
    statement.reset();
    return;
  }
  const std::string fingerprint(statement.text(0));
  const std::int64_t status = statement.integer(1);
  std::string reply(statement.text(2));
  const auto created = statement.value(3, storage::instant_column);
  statement.reset();
  const auto* at = created.as<Timestamp>();
  if (at != nullptr && at->micros + key_life_micros <= key.now.micros) return;
  if (fingerprint != key.fingerprint) {
    throw Error(ErrorCode::invalid_record, "This Idempotency-Key was used for another request.",
                {{"", "idempotency_key_reused", "This Idempotency-Key was used for another request."}});
  }
  if (status == under_way) {
    Error error(ErrorCode::conflict, "The first request with this Idempotency-Key is still under way.",
                {{"", "idempotency_key_in_use", "The first request with this Idempotency-Key is still under way."}});
    error.retry_after = 1;
    throw error;
  }
  throw Replay{std::move(reply)};
}

void claim_key(storage::Session& session, const RequestKey& key) {
  try {
    insert_claim(session, key);
  } catch (const Error& error) {
    if (!storage::DuplicateKey::is(error, nullptr)) throw;
    look_up_key(session, key);  // returns where the key is too old to count, or gone
    release_key(session, key);
    try {
      insert_claim(session, key);
    } catch (const Error& again) {
      // Somebody else claimed it in between: run again and see.
      if (storage::DuplicateKey::is(again, nullptr)) throw Error(ErrorCode::retry, "Another request claimed the same key.");
      throw;
    }
  }
}

void keep_reply(storage::Session& session, const RequestKey& key, const std::string& reply) {
  storage::Statement& statement =
      session.prepare("UPDATE idempotency_key SET status = ?, reply = ? WHERE actor_id = ? AND key_hash = ?");
  statement.bind(1, done);
  statement.bind(2, std::string_view(reply));
  statement.bind(3, key.actor_id);
  statement.bind(4, std::string_view(key.key_hash));
  statement.step();
  statement.reset();
}

void release_key(storage::Session& session, const RequestKey& key) {
  storage::run_sql(session, "DELETE FROM idempotency_key WHERE actor_id = ? AND key_hash = ?", key.actor_id, key.key_hash);
}

std::int64_t purge_keys(storage::Session& session, Timestamp now, std::int64_t limit) {
  const bool mysql = session.dialect() == storage::Dialect::mysql;
  return storage::run_sql(session,
                          mysql ? "DELETE FROM idempotency_key WHERE created_at <= ? ORDER BY created_at LIMIT ?"
                                : "DELETE FROM idempotency_key WHERE (actor_id, key_hash) IN "
                                  "(SELECT actor_id, key_hash FROM idempotency_key WHERE created_at <= ? ORDER BY created_at LIMIT ?)",
                          Timestamp{now.micros - key_life_micros, 0}, limit);
}

}  // namespace caravan::records

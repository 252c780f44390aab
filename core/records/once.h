#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/date_time.h"
#include "storage/database.h"

/// Requests that carry a key and happen once, however often they are sent (docs/adr/0010-idempotency.md).
namespace caravan::records {

/// Port of RecordService::transact: what is claimed and kept in the transaction of the change. Not thread-safe.
class Once {
 public:
  virtual ~Once() = default;
  /// At the start of every attempt. Throws Replay where the call was done before, Error(conflict) with the field error
  /// `idempotency_key_in_use` or Error(invalid_record) with `idempotency_key_reused`.
  virtual void claim(storage::Session& session) = 0;
  /// Before the commit, when the answer is known.
  virtual void keep(storage::Session& session) = 0;
  /// After the commit.
  virtual void committed() = 0;
};

/// The answer of the first time. No Error: it passes through the gate as it is.
struct Replay {
  std::string reply;
};

/// A key in the table `idempotency_key`. The key itself is not kept, only its digest.
struct RequestKey {
  std::int64_t actor_id = 0;
  std::string key_hash;     ///< digest of the key
  std::string fingerprint;  ///< digest of what was asked
  Timestamp now;
};

constexpr std::int64_t key_life_micros = 86'400'000'000;  ///< a day

/// Throws as Once::claim() where the key was claimed before; claims nothing.
void look_up_key(storage::Session& session, const RequestKey& key);
/// Marks the key as under way; as Once::claim().
void claim_key(storage::Session& session, const RequestKey& key);
/// Keeps the answer of a claimed key. `reply`: at most 4 MiB of UTF-8.
void keep_reply(storage::Session& session, const RequestKey& key, const std::string& reply);
/// Takes back a claim that led to nothing.
void release_key(storage::Session& session, const RequestKey& key);
/// Forgets keys older than a day, at most `limit`; returns how many. Within the caller's transaction.
std::int64_t purge_keys(storage::Session& session, Timestamp now, std::int64_t limit = 500);

}  // namespace caravan::records

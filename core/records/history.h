#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/date_time.h"

/// The chain of a record's history (design §4; docs/adr/0009-history-chain.md). Every event of a record holds
///
///   commitment = H(salt, changes, note, actor_name)      what may have to be erased one day, committed to
///   hash       = H(previous, id, entity, record id, version, at, actor id, request id, source, action, commitment)
///
/// `previous` is the hash of the event before, "" for the first. The newest hash also stands in the record's row, column
/// `_chain`, and of a deleted record in `deleted_record.chain`. H is BLAKE2b with 32 bytes over the parts in this order, each
/// one encoded so that no two lists of parts give the same bytes: an integer as 8 bytes, a text as its length in 8 bytes and
/// its UTF-8, both little-endian; an integer that is absent as -2^63, an absent text as the length 2^64-1. `at` counts
/// microseconds since 1970 UTC. Salts are 16 random bytes. All are kept as base64url without padding.
namespace caravan::records {

/// What an event's hash covers in the clear.
struct EventFacts {
  std::string_view previous;
  std::int64_t id = 0;
  std::string_view entity;
  std::int64_t record_id = 0, version = 0;
  Timestamp at;
  std::optional<std::int64_t> actor_id;
  std::optional<std::string_view> request_id, source;
  std::string_view action;
};

/// What an event says; erased by setting all of it, and the salt, to NULL.
struct EventContent {
  std::optional<std::string_view> changes, note, actor_name;
};

/// 16 random bytes as text. Thread-safe; one call of the operating system serves many salts.
std::string random_salt();
std::string commitment(std::string_view salt, const EventContent& content);
std::string event_hash(const EventFacts& facts, std::string_view commitment);
/// H of the parts as texts; for keys and fingerprints.
std::string digest(std::initializer_list<std::string_view> parts);

}  // namespace caravan::records

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "records/context.h"
#include "records/record.h"
#include "storage/database.h"
#include "storage/sequence.h"

/// The log of looks: who saw sensitive values in the clear, of which records, when, in which request. Written before they are
/// delivered, one statement for all records of an answer; nothing is written for entities without sensitive fields.
namespace caravan::records {

/// What an answer shows.
struct Shown {
  std::int64_t record = 0;
  std::string fields;               ///< names with commas between
};

struct Look {
  std::int64_t id = 0;
  std::string entity;
  std::int64_t record_id = 0;
  std::string fields;
  Timestamp at;
  std::int64_t user_id = 0;         ///< 0: the system
  std::string username, request_id, source;
};

struct LookQuery {
  std::string entity;               ///< empty: all
  std::int64_t record = 0, user = 0;///< 0: all
  std::int64_t before = 0;          ///< id of the page before's last; 0: from the newest
  std::uint32_t limit = 50;         ///< 1 to 200
};

/// The sensitive fields that hold a value and are not redacted; empty where there is none.
std::string shown_fields(const Record& record);
/// Writes the looks of a person; the system's own are none. Not inside a transaction.
void log_looks(storage::Database& database, storage::Sequences& sequences, const Context& context, const model::Entity& entity,
               const std::vector<Shown>& shown);
/// Newest first.
std::vector<Look> find_looks(storage::Session& session, const LookQuery& query);
/// Forgets looks older than `days`; returns how many, at most `limit`.
std::int64_t purge_looks(storage::Session& session, Timestamp now, int days, std::int64_t limit = 1000);

}  // namespace caravan::records

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "records/record.h"
#include "storage/database.h"

/// What was deleted and may come back: rows of `deleted_record`.
namespace caravan::records {

/// Appends all values of the record as JSON, without loss: `{"field": value, …}`, empty ones left out.
void write_row(std::string& out, const Record& record);
/// What write_row() wrote, as far as the entity still has the fields. Id and version are there, the chain is not.
Record parse_row(const model::Entity& entity, std::string_view json);

struct Buried {
  Record record;                    ///< as it was, but with the version of its deletion and the chain of that event
  Timestamp at, until;
  std::int64_t by = 0;              ///< 0: the system
};
/// The deleted record; nullopt where there is none whose time to undo has not passed. `lock`: nobody else restores it.
std::optional<Buried> find_deleted(storage::Session& session, const class Keys* keys, const model::Entity& entity, std::int64_t id, Timestamp now, bool lock);

/// Forgets deleted records whose time to undo has passed, with what was shared of them, at most `limit`; returns how many.
/// Their history stays. Within the caller's transaction.
std::int64_t purge_deleted(storage::Session& session, Timestamp now, std::int64_t limit = 500);

}  // namespace caravan::records

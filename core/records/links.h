#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "storage/database.h"

/// Private links to records, for people without an account. Of a token, 256 random bits, only the hash is kept, by which the link is
/// found: how long that takes tells nothing of how much of a guess was right.
namespace caravan::records {

struct NewLink {
  std::string page, entity;
  std::int64_t record_id = 0;
  std::int64_t created_by = 0;       ///< a user; 0: a rule
  Timestamp created_at, expires_at;
};

struct Link {
  std::string id;                    ///< tells it from others of the record; not the token
  std::string page, entity;
  std::int64_t record_id = 0;
  std::int64_t created_by = 0;
  Timestamp created_at, expires_at;
  std::optional<Timestamp> used_at, revoked_at;
};

/// Keeps the link and returns its token, which nothing can tell again. Forgets links that expired a month ago.
std::string issue_link(storage::Session& session, const NewLink& link);
/// nullopt where there is none, or it has expired, was revoked, or served its one purpose.
std::optional<Link> find_link(storage::Session& session, std::string_view token, Timestamp now);
/// Says that the link has served; false where it has already, or is not valid any more. Its row stays locked.
bool use_link(storage::Session& session, std::string_view token, Timestamp now);
/// The record's links, newest first, at most 200.
std::vector<Link> links_of(storage::Session& session, std::string_view entity, std::int64_t record_id);
/// False where the record has no such link that is still valid.
bool revoke_link(storage::Session& session, std::string_view entity, std::int64_t record_id, std::string_view id, Timestamp now);

}  // namespace caravan::records

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "records/context.h"
#include "storage/database.h"

namespace caravan::records {

/// A user as those who write to him need him.
struct Holder {
  std::int64_t id = 0;
  std::string name, locale, email;  ///< the last two may be empty
  std::vector<std::string> roles;   ///< as given to him
};

/// The active users who hold one of the roles, by themselves or by a role that includes it, ordered by id. One query over the users;
/// rights are not asked.
std::vector<Holder> holders_of(storage::Session& session, const model::Catalog& catalog, const std::vector<std::string>& roles);
/// The active users among these ids, ordered by id.
std::vector<Holder> active_users(storage::Session& session, const std::vector<std::int64_t>& ids);

}  // namespace caravan::records

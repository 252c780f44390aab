#pragma once

#include <memory>
#include <optional>
#include <string>

#include "storage/database.h"
#include "storage/url.h"

namespace caravan::storage {

inline constexpr std::uint32_t choice_length = 100;  ///< characters of a stored choice

std::unique_ptr<Database> open_sqlite(const DatabaseUrl& url, const DatabaseOptions& options);
std::unique_ptr<Database> open_mysql(const DatabaseUrl& url, const DatabaseOptions& options);
/// Where the database lies; nullptr where it is of the other dialect.
const DatabaseUrl* sqlite_url(const Database& database);
const DatabaseUrl* mysql_url(const Database& database);
std::optional<int> sqlite_owner(const std::string& path);

}  // namespace caravan::storage

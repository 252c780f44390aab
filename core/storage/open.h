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
std::optional<int> sqlite_owner(const std::string& path);

}  // namespace caravan::storage

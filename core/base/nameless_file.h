#pragma once

#include <filesystem>

namespace caravan {

/// Descriptor of a new file in `directory` that has no name there: it is gone when it is closed, whatever happens. Readable and writable by
/// this user alone. The caller closes it. -1 where it cannot be made; errno says why.
int nameless_file(const std::filesystem::path& directory);

}  // namespace caravan

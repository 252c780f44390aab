#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "records/service.h"

namespace caravan::workflow {

/// At most so many characters, not bytes.
std::string shortened(std::string text, std::size_t characters);

/// A notice in the console to a user (`core.notice`), in the transaction and by the definition's authority; a text that is too long
/// is cut, an empty one is none. `entity` and `id`: what it is about; empty: nothing.
void give_notice(records::Work& work, std::int64_t user, std::string text, std::string_view entity, std::int64_t id, bool urgent = false);

}  // namespace caravan::workflow

#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace caravan::records {

/// The gate's own sentences for people, in en, zh-CN and zh-TW (English for any other locale). `{0}`, `{1}` … are
/// replaced by `arguments`. An unknown code yields the code itself.
std::string message(std::string_view code, std::string_view locale, std::initializer_list<std::string_view> arguments = {});

}  // namespace caravan::records

#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace caravan::api {

/// The API's own sentences for people, in en, zh-CN and zh-TW; `{0}`, `{1}` are replaced by `arguments`. An
/// unknown code yields the code itself.
std::string say(std::string_view code, std::string_view locale,
                std::initializer_list<std::string_view> arguments = {});

}  // namespace caravan::api

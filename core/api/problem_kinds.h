#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace caravan::api {

/// What one `code` of a problem means. The table is the one source of `/problems/{code}`, docs/problems.md and the OpenAPI
/// document.
struct ProblemKind {
  std::string_view code;
  std::string_view statuses;                ///< `413 414 431`
  std::array<std::string_view, 3> meaning;  ///< en, zh-CN, zh-TW: what happened and what to do about it
};
std::span<const ProblemKind> problem_kinds();

/// The page at `/problems/{code}`; "" where there is no such code.
std::string problem_page(std::string_view code, std::string_view locale);
/// docs/problems.md.
std::string problems_reference();

}  // namespace caravan::api

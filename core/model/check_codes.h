#pragma once

#include <span>
#include <string>
#include <string_view>

namespace caravan::model {

/// What stands behind the code of a diagnostic.
struct CheckCode {
  std::string_view code;
  bool error = true;        ///< refuses the definitions; else a warning
  std::string_view what;    ///< what is wrong, and why it matters
  std::string_view wrong;   ///< an example, in YAML; may be empty
  std::string_view right;   ///< the same, sound
  int edition = 2026;       ///< of the language that brought it: documents of an older one are only warned
};
/// All codes of definitions and import maps, by name.
std::span<const CheckCode> check_codes();
/// nullptr where there is no such code.
const CheckCode* find_check_code(std::string_view code);
/// The page of a code, in Markdown.
std::string explain_check(const CheckCode& code);
/// All pages: docs/checks.md.
std::string checks_reference();

}  // namespace caravan::model

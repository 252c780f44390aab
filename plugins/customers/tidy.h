#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace customers {

/// One space between words, none at the ends; the ideographic space U+3000 and the no-break space count as
/// spaces.
std::string tidy_name(std::string_view name);

/// Lower-cased, full-width ASCII folded; nullopt unless it has the shape of an address (`a.b@example.com`).
std::optional<std::string> tidy_email(std::string_view email);

/// Digits with an optional leading `+`: separators dropped, full-width digits folded, `00…` written as `+…`,
/// a Chinese mobile number (11 digits) as `+86…`. nullopt for letters, a `+` elsewhere, or other than 5 to 15
/// digits.
std::optional<std::string> tidy_phone(std::string_view phone);

}  // namespace customers

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace caravan {

/// An exact decimal of at most 18 digits, as DECIMAL(18,s) holds it: `unscaled` × 10^-`scale`.
/// With a currency it is an amount of money; amounts of different currencies neither compare nor add.
struct Decimal {
  std::int64_t unscaled = 0;
  std::uint8_t scale = 0;                ///< 0 to 18
  std::array<char, 3> currency{0, 0, 0}; ///< ISO 4217, or zeros for a plain number

  bool has_currency() const { return currency[0] != 0; }
  std::string_view currency_code() const { return has_currency() ? std::string_view(currency.data(), 3) : std::string_view(); }
  /// False where `code` is not three upper-case letters.
  bool set_currency(std::string_view code);
};

/// `-12000.00`: sign, digits, optional point; no exponent, at most 18 digits. nullopt where malformed.
std::optional<Decimal> parse_decimal(std::string_view text);
/// With exactly `scale` fraction digits: `12000.00`. The currency is not written.
std::string format_decimal(const Decimal& value);
/// Rounds half to even (or extends with zeros) to `scale`; nullopt on overflow of 18 digits.
std::optional<Decimal> rescale(const Decimal& value, std::uint8_t scale);

// Arithmetic keeps the currency and is exact, except division, which rounds half to even at scale
// max(a.scale, b.scale, 6). nullopt: overflow, division by zero, or two different currencies.
std::optional<Decimal> add(const Decimal& a, const Decimal& b);
std::optional<Decimal> subtract(const Decimal& a, const Decimal& b);
/// At most one of the two may carry a currency.
std::optional<Decimal> multiply(const Decimal& a, const Decimal& b);
/// money / money of one currency is a plain number; plain / money is refused.
std::optional<Decimal> divide(const Decimal& a, const Decimal& b);
/// By value (1.0 equals 1.00); unordered where the currencies differ.
std::partial_ordering compare(const Decimal& a, const Decimal& b);

}  // namespace caravan

#include "base/decimal.h"

#include <algorithm>

namespace caravan {
namespace {

__extension__ using wide = __int128;
constexpr int max_digits = 18;
constexpr std::int64_t max_unscaled = 999'999'999'999'999'999;

wide power_of_ten(int exponent) {
  wide value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

/// n / d, half to even; d > 0.
wide divide_half_even(wide n, wide d) {
  wide quotient = n / d;
  const wide rest = n % d;
  const wide twice = (rest < 0 ? -rest : rest) * 2;
  if (twice > d || (twice == d && quotient % 2 != 0)) quotient += n < 0 ? -1 : 1;
  return quotient;
}

std::optional<Decimal> make(wide unscaled, int scale, const std::array<char, 3>& currency) {
  // Trailing zeros give way before a value is called too large.
  while (scale > 0 && (unscaled > max_unscaled || unscaled < -max_unscaled) && unscaled % 10 == 0) {
    unscaled /= 10;
    --scale;
  }
  if (scale > max_digits) {
    unscaled = divide_half_even(unscaled, power_of_ten(scale - max_digits));
    scale = max_digits;
  }
  if (unscaled > max_unscaled || unscaled < -max_unscaled) return std::nullopt;
  return Decimal{static_cast<std::int64_t>(unscaled), static_cast<std::uint8_t>(scale), currency};
}

}  // namespace

bool Decimal::set_currency(std::string_view code) {
  if (code.size() != 3 || !std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return false;
  }
  std::copy(code.begin(), code.end(), currency.begin());
  return true;
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::int64_t unscaled = 0;
  int digits = 0, scale = -1;
  bool any = false;
  for (const char c : text) {
    if (c == '.') {
      if (scale >= 0) return std::nullopt;
      scale = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    any = true;
    if (digits > 0 || c != '0') ++digits;
    if (digits > max_digits) return std::nullopt;
    unscaled = unscaled * 10 + (c - '0');
    if (scale >= 0 && ++scale > max_digits) return std::nullopt;
  }
  if (!any || text.back() == '.' || text.front() == '.') return std::nullopt;
  return Decimal{negative ? -unscaled : unscaled, static_cast<std::uint8_t>(std::max(scale, 0)), {0, 0, 0}};
}

std::string format_decimal(const Decimal& value) {
  const bool negative = value.unscaled < 0;
  std::string digits = std::to_string(negative ? -value.unscaled : value.unscaled);
  if (value.scale > 0) {
    if (digits.size() <= value.scale) digits.insert(0, value.scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - value.scale, 1, '.');
  }
  return negative ? "-" + digits : digits;
}

std::optional<Decimal> rescale(const Decimal& value, std::uint8_t scale) {
  if (scale > max_digits) return std::nullopt;
  const wide unscaled = scale >= value.scale ? wide{value.unscaled} * power_of_ten(scale - value.scale)
                                             : divide_half_even(value.unscaled, power_of_ten(value.scale - scale));
  if (unscaled > max_unscaled || unscaled < -max_unscaled) return std::nullopt;
  return Decimal{static_cast<std::int64_t>(unscaled), scale, value.currency};
}

std::optional<Decimal> add(const Decimal& a, const Decimal& b) {
  if (a.currency != b.currency) return std::nullopt;
  const int scale = std::max(a.scale, b.scale);
  return make(wide{a.unscaled} * power_of_ten(scale - a.scale) + wide{b.unscaled} * power_of_ten(scale - b.scale),
              scale, a.currency);
}

std::optional<Decimal> subtract(const Decimal& a, const Decimal& b) {
  return add(a, Decimal{-b.unscaled, b.scale, b.currency});
}

std::optional<Decimal> multiply(const Decimal& a, const Decimal& b) {
  if (a.has_currency() && b.has_currency()) return std::nullopt;
  return make(wide{a.unscaled} * b.unscaled, a.scale + b.scale, a.has_currency() ? a.currency : b.currency);
}

std::optional<Decimal> divide(const Decimal& a, const Decimal& b) {
  if (b.unscaled == 0 || (b.has_currency() && a.currency != b.currency)) return std::nullopt;
  const int scale = std::max<int>({a.scale, b.scale, 6});
  // a/10^sa ÷ b/10^sb at `scale` digits = a × 10^(scale + sb - sa) / b; the exponent is never negative.
  const int exponent = scale + b.scale - a.scale;
  wide numerator = a.unscaled;
  for (int i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(numerator, wide{10}, &numerator)) return std::nullopt;
  }
  const wide divisor = b.unscaled < 0 ? -wide{b.unscaled} : wide{b.unscaled};
  const std::array<char, 3> none{0, 0, 0};
  return make(divide_half_even(b.unscaled < 0 ? -numerator : numerator, divisor), scale,
              b.has_currency() ? none : a.currency);
}

std::partial_ordering compare(const Decimal& a, const Decimal& b) {
  if (a.currency != b.currency) return std::partial_ordering::unordered;
  const int scale = std::max(a.scale, b.scale);
  const wide left = wide{a.unscaled} * power_of_ten(scale - a.scale);
  const wide right = wide{b.unscaled} * power_of_ten(scale - b.scale);
  if (left < right) return std::partial_ordering::less;
  return left > right ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

}  // namespace caravan

/// An exact decimal for plugins: what a DECIMAL or money field of the server holds, without double.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace caravan::sdk {

/// At most 18 digits: `unscaled` × 10^-`scale`, with a currency where it is money.
class Decimal {
 public:
  Decimal() = default;

  /// `-12000.00`, no exponent; nullopt where malformed. `currency` is three letters or empty.
  static std::optional<Decimal> parse(std::string_view text, std::string_view currency = {}) {
    Decimal out;
    const bool negative = !text.empty() && text[0] == '-';
    if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
    int digits = 0;
    bool point = false, before = false, after = false;
    for (const char c : text) {
      if (c == '.') {
        if (point) return std::nullopt;
        point = true;
      } else if (c >= '0' && c <= '9') {
        if (out.unscaled_ != 0 || c != '0') ++digits;
        if (digits > 18 || (point && out.scale_ == 18)) return std::nullopt;
        out.unscaled_ = out.unscaled_ * 10 + (c - '0');
        if (point) ++out.scale_;
        (point ? after : before) = true;
      } else {
        return std::nullopt;
      }
    }
    if (!before || (point && !after)) return std::nullopt;
    if (negative) out.unscaled_ = -out.unscaled_;
    if (!currency.empty() && currency.size() != 3) return std::nullopt;
    out.currency_ = currency;
    return out;
  }

  const std::string& currency() const { return currency_; }
  bool negative() const { return unscaled_ < 0; }
  bool zero() const { return unscaled_ == 0; }

  /// With all its fraction digits: `12000.00`.
  std::string str() const {
    std::string digits = std::to_string(unscaled_ < 0 ? -unscaled_ : unscaled_);
    if (digits.size() <= scale_) digits.insert(0, scale_ + 1u - digits.size(), '0');
    if (scale_ > 0) digits.insert(digits.size() - scale_, 1, '.');
    return unscaled_ < 0 ? "-" + digits : digits;
  }

  /// nullopt on overflow of 18 digits, or where the currencies differ. A zero without currency takes the
  /// other's.
  static std::optional<Decimal> sum(Decimal a, Decimal b) {
    if (a.currency_ != b.currency_) {
      if (a.zero() && a.currency_.empty())
        a.currency_ = b.currency_;
      else if (b.zero() && b.currency_.empty())
        b.currency_ = a.currency_;
      else
        return std::nullopt;
    }
    if (!a.widen(b.scale_) || !b.widen(a.scale_)) return std::nullopt;
    a.unscaled_ += b.unscaled_;  // both below 10^18: no overflow of 64 bits
    if (a.unscaled_ > limit || a.unscaled_ < -limit) return std::nullopt;
    return a;
  }

  /// nullopt on overflow of 18 digits.
  std::optional<Decimal> times(std::int64_t factor) const {
    Decimal out = *this;
    if (__builtin_mul_overflow(unscaled_, factor, &out.unscaled_) || out.unscaled_ > limit || out.unscaled_ < -limit) return std::nullopt;
    return out;
  }
  /// The same amount in a currency.
  Decimal in(std::string_view currency) const {
    Decimal out = *this;
    out.currency_ = currency;
    return out;
  }

  /// By value, whatever the currencies.
  friend bool operator<(const Decimal& a, const Decimal& b) {
    if (a.negative() != b.negative()) return a.unscaled_ < 0;
    Decimal x = a, y = b;
    // What has no room for so many digits is the larger one by far.
    if (!x.widen(b.scale_)) return a.negative();
    if (!y.widen(a.scale_)) return !b.negative();
    return x.unscaled_ < y.unscaled_;
  }
  /// By value: 1.0 equals 1.00; currencies must be equal too.
  friend bool operator==(Decimal a, Decimal b) {
    return a.currency_ == b.currency_ && a.widen(b.scale_) && b.widen(a.scale_) && a.unscaled_ == b.unscaled_;
  }

 private:
  static constexpr std::int64_t limit = 999'999'999'999'999'999;
  bool widen(std::uint8_t scale) {
    for (; scale_ < scale; ++scale_) {
      if (unscaled_ > limit / 10 || unscaled_ < -limit / 10) return false;
      unscaled_ *= 10;
    }
    return true;
  }
  std::int64_t unscaled_ = 0;
  std::uint8_t scale_ = 0;
  std::string currency_;
};

}  // namespace caravan::sdk

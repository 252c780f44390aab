#include "fees.h"

#include <algorithm>
#include <cctype>

namespace sales {

Fee fee_for(const std::vector<FeeRule>& rules, std::int64_t days_before, std::int64_t cents, Cause cause) {
  Fee fee;
  if (cause != Cause::customer || cents <= 0) return fee;
  const std::int64_t days = std::max<std::int64_t>(days_before, 0);
  const FeeRule* best = nullptr;
  for (const FeeRule& rule : rules) {
    if (rule.days_from <= days && (!best || rule.days_from > best->days_from)) best = &rule;
  }
  if (!best) return fee;
  fee.rule = best->name;
  fee.percent_hundredths = std::clamp<std::int64_t>(best->percent_hundredths, 0, 10'000);
  // In two parts, so that no price is too large for it.
  fee.cents =
      cents / 10'000 * fee.percent_hundredths + (cents % 10'000 * fee.percent_hundredths + 5'000) / 10'000;
  return fee;
}

Cause cause_of(const std::optional<std::string>& word) {
  if (word == "agency") return Cause::agency;
  if (word == "supplier") return Cause::supplier;
  if (word == "group") return Cause::group;
  if (word == "force") return Cause::force;
  return Cause::customer;
}

std::optional<std::int64_t> hundredths(const std::string& text) {
  const bool negative = !text.empty() && text[0] == '-';
  std::int64_t out = 0;
  int after = -1;
  bool digits = false;
  for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && after < 0) {
      after = 0;
    } else if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
      return std::nullopt;
    } else if (after >= 2) {
      if (c != '0') return std::nullopt;
    } else {
      if (out > 9'000'000'000'000'000) return std::nullopt;
      out = out * 10 + (c - '0');
      digits = true;
      if (after >= 0) ++after;
    }
  }
  if (!digits) return std::nullopt;
  for (int i = std::max(after, 0); i < 2; ++i) out *= 10;
  return negative ? -out : out;
}

std::string decimal_text(std::int64_t value) {
  const std::int64_t size = value < 0 ? -value : value;
  const std::string cents = std::to_string(size % 100);
  return (value < 0 ? "-" : "") + std::to_string(size / 100) + "." + (cents.size() < 2 ? "0" : "") + cents;
}

}  // namespace sales

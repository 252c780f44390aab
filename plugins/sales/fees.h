#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sales {

/// A row of the fee policy: from so many days before the departure, so much of the price.
struct FeeRule {
  std::int64_t days_from = 0;           ///< days before departure; 0: on the day itself
  std::int64_t percent_hundredths = 0;  ///< 2550: 25.5 %
  std::string name;
};

/// Why somebody leaves; only the customer's own wish costs a fee.
enum class Cause { customer, agency, supplier, group, force };

struct Fee {
  std::int64_t cents = 0;
  std::int64_t percent_hundredths = 0;
  std::string rule;  ///< name of the row; empty: none applies
};

/// The fee for leaving `days_before` days before departure (below zero: after it) of a price of `cents`. The
/// row with the greatest `days_from` that is not above `days_before` holds; of a departure that is past, the
/// one from day 0. Rounded half up to a cent. Of other causes than the customer's, and without a row,
/// nothing.
Fee fee_for(const std::vector<FeeRule>& rules, std::int64_t days_before, std::int64_t cents, Cause cause);

/// "customer", "agency" …; other words count as the customer's own wish.
Cause cause_of(const std::optional<std::string>& word);

/// Hundredths of a decimal text ("25.5" → 2550); nullopt for what is none or has more than two digits after
/// the point that are not zero.
std::optional<std::int64_t> hundredths(const std::string& text);
/// "1234.50"
std::string decimal_text(std::int64_t hundredths);

}  // namespace sales

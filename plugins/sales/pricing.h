#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sales {

/// A row of a product's season prices.
struct SeasonPrice {
  std::chrono::sys_days from, to;  ///< both included
  std::string kind;                ///< adult, child_bed …
  std::int64_t party_from = 1;     ///< for parties of so many and more
  std::int64_t cents = 0;
  std::int64_t single_cents = 0;  ///< supplement for a room alone; 0: none
  std::string season;
};

/// The price of a traveller on a day: of his kind, else (seniors and children) of an adult; of the rows for
/// the day the one for the greatest party that the order reaches, among these the season that begins last.
/// nullopt where there is none.
std::optional<SeasonPrice> price_for(const std::vector<SeasonPrice>& rows, const std::string& kind,
                                     std::chrono::sys_days on, std::int64_t party);

}  // namespace sales

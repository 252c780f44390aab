#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sales {

using Date = std::chrono::sys_days;

/// What the customer wants. What is empty does not count.
struct Need {
  std::vector<std::string> places;  ///< words of the destination: 丽江, 大理
  std::optional<Date> depart_on;
  int flexible_days = 3;  ///< earlier or later that will do
  std::optional<std::int64_t> days;
  std::int64_t party = 1;
  std::optional<std::int64_t> budget_cents;  ///< of one traveller
  std::optional<std::int64_t> hotel_stars;
  std::vector<std::string> interests;
};

/// One date on which a product can be had.
struct Offer {
  Date depart_on;
  std::int64_t seats = 0;
  std::int64_t price_cents = 0;  ///< of an adult; 0: the product's own
  std::string number;
};

struct Candidate {
  std::int64_t id = 0;
  std::string name, destination, highlights;
  std::int64_t days = 0, price_cents = 0;
  std::optional<std::int64_t> hotel_stars;
  std::vector<std::string> interests;
  std::optional<double> rating;  ///< 0 to 100
  std::vector<Offer> offers;     ///< departures that are on sale; empty where nobody plans departures
};

/// Why a product is recommended or not. `code` is stable: place, date, seats, budget, days, hotel, interest,
/// rating.
struct Reason {
  std::string code;
  bool good = true;
  std::string detail;  ///< e.g. the matching word, the departure's number, the price
};

struct Recommendation {
  std::int64_t id = 0;
  int score = 0;                 ///< 0 to 100
  bool fits = false;             ///< dates, seats and budget fit
  std::string departure;         ///< number of the departure that fits best; empty: none
  std::int64_t price_cents = 0;  ///< of an adult, on that departure
  std::vector<Reason> reasons;
};

/// Scores one product. What fits neither the dates (with seats for the party) nor the budget is not `fits`.
Recommendation score(const Need& need, const Candidate& candidate);

/// Those that fit first, then by score; at most `count`.
std::vector<Recommendation> recommend(const Need& need, const std::vector<Candidate>& candidates,
                                      std::size_t count);

/// Words of a destination or a list of wishes: split at blanks and the usual separators of Chinese and Latin
/// texts.
std::vector<std::string> words_of(std::string_view text);

}  // namespace sales

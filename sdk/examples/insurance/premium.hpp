#pragma once

#include <caravan/decimal.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace insurance {

/// What the trip costs to insure: `rate` a day and head at home, twice that in Asia, four times in the world. nullopt for an unknown zone, and
/// where it is too much for a decimal.
std::optional<caravan::sdk::Decimal> premium(const caravan::sdk::Decimal& rate, std::string_view zone, std::int64_t days, std::int64_t people);

/// Our zone for what other insurers write; nullopt where it is none.
std::optional<std::string> zone_of(std::string_view called);

/// `health`, `luggage` or `other`, and how sure that is.
std::pair<std::string_view, caravan::sdk::Decimal> topic_of(std::string_view wish);

}  // namespace insurance

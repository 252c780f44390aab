#pragma once

#include <caravan/decimal.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sales {

/// How many inquiries stand in each state, and their budgets by currency.
class Pipeline {
 public:
  void add(std::string_view state, const std::optional<caravan::sdk::Decimal>& budget);
  /// `{"count":3,"states":[{"state":"new","count":2,"budget":[{"currency":"CNY","amount":"12000.00"}]}]}`,
  /// states by name. An amount over 18 digits is null.
  std::string json() const;

 private:
  struct State {
    std::int64_t count = 0;
    std::map<std::string, std::optional<caravan::sdk::Decimal>>
        budgets;  ///< by currency; nullopt after an overflow
  };
  std::map<std::string, State, std::less<>> states_;
};

}  // namespace sales

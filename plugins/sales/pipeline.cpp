#include "pipeline.h"

#include <caravan/json.hpp>
#include <utility>

namespace sales {

void Pipeline::add(std::string_view state, const std::optional<caravan::sdk::Decimal>& budget) {
  State& of = states_[std::string(state)];
  ++of.count;
  if (!budget) return;
  const auto [sum, first] = of.budgets.try_emplace(budget->currency(), *budget);
  if (!first && sum->second) sum->second = caravan::sdk::Decimal::sum(*sum->second, *budget);
}

std::string Pipeline::json() const {
  caravan::sdk::JsonWriter out;
  std::int64_t all = 0;
  for (const auto& [name, state] : states_) all += state.count;
  out.begin_object().key("count").number(all).key("states").begin_array();
  for (const auto& [name, state] : states_) {
    out.begin_object().key("state").text(name).key("count").number(state.count).key("budget").begin_array();
    for (const auto& [currency, sum] : state.budgets) {
      out.begin_object().key("currency").text(currency).key("amount");
      if (sum)
        out.text(sum->str());
      else
        out.null();
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return std::move(out).str();
}

}  // namespace sales

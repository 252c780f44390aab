#include "premium.hpp"

#include <initializer_list>

namespace insurance {

using caravan::sdk::Decimal;

std::optional<Decimal> premium(const Decimal& rate, std::string_view zone, std::int64_t days, std::int64_t people) {
  const std::int64_t factor = zone == "home" ? 1 : zone == "asia" ? 2 : zone == "world" ? 4 : 0;
  if (factor == 0 || days < 1 || people < 1 || days > 10'000 || people > 10'000) return std::nullopt;
  return rate.times(factor * days * people);
}

std::optional<std::string> zone_of(std::string_view called) {
  for (const std::string_view name : {"home", "inland", "境内"}) {
    if (called == name) return "home";
  }
  for (const std::string_view name : {"asia", "Asia", "亚洲", "亞洲"}) {
    if (called == name) return "asia";
  }
  for (const std::string_view name : {"world", "Worldwide", "全球"}) {
    if (called == name) return "world";
  }
  return std::nullopt;
}

std::pair<std::string_view, Decimal> topic_of(std::string_view wish) {
  const auto holds = [&](std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
      if (wish.find(word) != std::string_view::npos) return true;
    }
    return false;
  };
  if (holds({"ill", "doctor", "hospital", "医", "病"})) return {"health", *Decimal::parse("0.90")};
  if (holds({"suitcase", "luggage", "lost", "行李"})) return {"luggage", *Decimal::parse("0.80")};
  return {"other", *Decimal::parse("0.30")};
}

}  // namespace insurance

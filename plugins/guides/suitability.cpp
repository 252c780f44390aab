#include "suitability.h"

#include <algorithm>
#include <map>

namespace guides {
namespace {

std::string text(Date date) {
  const std::chrono::year_month_day parts(date);
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(static_cast<int>(parts.year())) + "-" + two(static_cast<unsigned>(parts.month())) +
         "-" + two(static_cast<unsigned>(parts.day()));
}

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

Fit fit(const Duty& duty, const Guide& guide, int passport_days) {
  Fit out;
  out.id = guide.id;
  out.possible = true;
  const auto must = [&](bool holds, const char* code, std::string detail) {
    out.reasons.push_back({code, holds, std::move(detail)});
    out.possible = out.possible && holds;
  };
  const auto valid = [&](const std::optional<Date>& until, const char* code, int beyond) {
    must(until && *until >= duty.when.to + std::chrono::days(beyond), code,
         until ? text(*until) : std::string());
  };
  const auto clash = std::find_if(guide.busy.begin(), guide.busy.end(), [&](const Span& busy) {
    return busy.from <= duty.when.to && duty.when.from <= busy.to;
  });
  must(clash == guide.busy.end(), "free",
       clash == guide.busy.end() ? std::string() : text(clash->from) + " — " + text(clash->to));
  valid(guide.licence_until, "licence", 0);
  if (duty.role == "leader") valid(guide.leader_until, "leader", 0);
  if (duty.abroad) {
    valid(guide.passport_until, "passport", passport_days);
    valid(guide.visa_until, "visa", 0);
  }
  if (!duty.language.empty()) must(has(guide.languages, duty.language), "language", duty.language);
  if (!duty.region.empty()) must(has(guide.regions, duty.region), "region", duty.region);

  // Rating weighs most; who had least to do around these days is asked before others, so that work is shared.
  const double rating = std::clamp(guide.rating.value_or(70.0), 0.0, 100.0);
  if (guide.rating) out.reasons.push_back({"rating", rating >= 80, std::to_string(static_cast<int>(rating))});
  std::int64_t days = 0;
  for (const Span& busy : guide.busy) {
    const Date from = std::max(busy.from, duty.when.from - std::chrono::days(30)),
               to = std::min(busy.to, duty.when.to + std::chrono::days(30));
    if (from <= to) days += (to - from).count() + 1;
  }
  out.reasons.push_back({"load", days <= 30, std::to_string(days)});
  out.score = static_cast<int>(rating * 0.7 + std::max(0.0, 30.0 - static_cast<double>(days) / 2));
  return out;
}

std::vector<Fit> rank(const Duty& duty, const std::vector<Guide>& guides, int passport_days) {
  std::vector<Fit> out;
  std::map<std::int64_t, std::int64_t> rates;
  for (const Guide& guide : guides) {
    out.push_back(fit(duty, guide, passport_days));
    rates[guide.id] = guide.day_rate_cents;
  }
  std::sort(out.begin(), out.end(), [&](const Fit& a, const Fit& b) {
    if (a.possible != b.possible) return a.possible;
    if (a.score != b.score) return a.score > b.score;
    if (rates[a.id] != rates[b.id]) return rates[a.id] < rates[b.id];
    return a.id < b.id;
  });
  return out;
}

}  // namespace guides

#include "suitability.h"

#include <gtest/gtest.h>

namespace guides {
namespace {

Date day(unsigned month, unsigned of_month, int year = 2027) {
  return std::chrono::year_month_day{std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(of_month)};
}

Guide good(std::int64_t id) {
  Guide out;
  out.id = id;
  out.languages = {"zh", "ja"};
  out.regions = {"japan_korea"};
  out.licence_until = out.leader_until = day(12, 31);
  out.passport_until = day(12, 31, 2029);
  out.visa_until = day(12, 31);
  out.rating = 90;
  return out;
}

Duty tour() {
  return {"leader", "ja", "japan_korea", {day(4, 10), day(4, 16)}, true};
}

bool is_bad(const Fit& fit, const char* code) {
  for (const Reason& one : fit.reasons) {
    if (one.code == code) return !one.good;
  }
  return false;
}

TEST(Suitability, WhatForbidsAGuide) {
  EXPECT_TRUE(fit(tour(), good(1), 180).possible);
  const auto forbidden = [&](const char* code, auto&& spoil) {
    Guide guide = good(1);
    spoil(guide);
    const Fit result = fit(tour(), guide, 180);
    EXPECT_FALSE(result.possible) << code;
    EXPECT_TRUE(is_bad(result, code)) << code;
  };
  forbidden("free", [](Guide& g) { g.busy.push_back({day(4, 16), day(4, 20)}); });
  forbidden("licence", [](Guide& g) { g.licence_until = day(4, 15); });
  forbidden("licence", [](Guide& g) { g.licence_until.reset(); });
  forbidden("leader", [](Guide& g) { g.leader_until.reset(); });
  forbidden("passport", [](Guide& g) { g.passport_until = day(9, 1); });
  forbidden("visa", [](Guide& g) { g.visa_until = day(4, 12); });
  forbidden("language", [](Guide& g) { g.languages = {"zh"}; });
  forbidden("region", [](Guide& g) { g.regions.clear(); });
}

TEST(Suitability, AtHomeNeitherPassportNorRegistration) {
  Duty duty = tour();
  duty.role = "national";
  duty.abroad = false;
  Guide guide = good(1);
  guide.passport_until.reset();
  guide.visa_until.reset();
  guide.leader_until.reset();
  EXPECT_TRUE(fit(duty, guide, 180).possible);
}

TEST(Suitability, DaysBesideTheTourDoNotClash) {
  Guide guide = good(1);
  guide.busy = {{day(4, 1), day(4, 9)}, {day(4, 17), day(4, 20)}};
  EXPECT_TRUE(fit(tour(), guide, 180).possible);
  guide.licence_until = day(4, 16);
  EXPECT_TRUE(fit(tour(), guide, 180).possible) << "valid on the last day";
}

TEST(Suitability, PossibleThenBetterThenCheaper) {
  Guide busy = good(1), loved = good(2), tired = good(3), cheap = good(4), dear = good(5);
  busy.rating = 100;
  busy.busy = {tour().when};
  loved.rating = 99;
  tired.busy = {{day(3, 15), day(4, 8)}};
  cheap.day_rate_cents = 50'000;
  dear.day_rate_cents = 80'000;
  const auto order = rank(tour(), {busy, dear, tired, cheap, loved}, 180);
  std::vector<std::int64_t> ids;
  for (const Fit& one : order) ids.push_back(one.id);
  EXPECT_EQ(ids, (std::vector<std::int64_t>{2, 4, 5, 3, 1}));
  EXPECT_TRUE(rank(tour(), {}, 180).empty());
}

}  // namespace
}  // namespace guides

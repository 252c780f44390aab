#include "recommend.h"

#include <gtest/gtest.h>

namespace sales {
namespace {

Date day(int year, unsigned month, unsigned of_month) {
  return std::chrono::year_month_day{std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(of_month)};
}

Candidate yunnan() {
  Candidate c;
  c.id = 1;
  c.name = "云南全景六日";
  c.destination = "丽江·大理·昆明";
  c.days = 6;
  c.price_cents = 398'000;
  c.hotel_stars = 4;
  c.interests = {"nature", "culture"};
  c.rating = 92;
  c.offers = {{day(2027, 3, 12), 10, 0, "T2027-00001"}, {day(2027, 3, 20), 2, 0, "T2027-00002"}};
  return c;
}

Need wish() {
  Need n;
  n.places = {"丽江", "大理"};
  n.depart_on = day(2027, 3, 11);
  n.party = 4;
  n.budget_cents = 450'000;
  n.days = 6;
  n.hotel_stars = 4;
  n.interests = {"nature"};
  return n;
}

const Reason* reason(const Recommendation& r, const char* code) {
  for (const Reason& one : r.reasons) {
    if (one.code == code) return &one;
  }
  return nullptr;
}

TEST(Recommend, WhatFitsInAllIsSaidSo) {
  const Recommendation r = score(wish(), yunnan());
  EXPECT_TRUE(r.fits);
  EXPECT_GE(r.score, 90);
  EXPECT_EQ(r.departure, "T2027-00001");
  ASSERT_TRUE(reason(r, "place"));
  EXPECT_EQ(reason(r, "place")->detail, "丽江、大理");
  EXPECT_EQ(reason(r, "budget")->detail, "3980.00");
}

TEST(Recommend, WithoutSeatsOrTooDearItDoesNotFit) {
  Need many = wish();
  many.party = 11;
  EXPECT_FALSE(score(many, yunnan()).fits);
  EXPECT_FALSE(reason(score(many, yunnan()), "seats")->good);
  Need poor = wish();
  poor.budget_cents = 300'000;
  EXPECT_FALSE(score(poor, yunnan()).fits);
  EXPECT_FALSE(reason(score(poor, yunnan()), "budget")->good);
  Need late = wish();
  late.depart_on = day(2027, 6, 1);
  EXPECT_FALSE(score(late, yunnan()).fits);
  EXPECT_FALSE(reason(score(late, yunnan()), "date")->good);
}

TEST(Recommend, ADeparturesOwnPriceCounts) {
  Candidate dear = yunnan();
  dear.offers[0].price_cents = 500'000;
  EXPECT_FALSE(score(wish(), dear).fits);
}

TEST(Recommend, ADepartureWithinTheBudgetGoesBeforeANearerOne) {
  Candidate two = yunnan();
  Offer dear = two.offers[0];
  dear.depart_on = *wish().depart_on;
  dear.price_cents = 500'000;
  dear.number = "T2027-00009";
  two.offers.insert(two.offers.begin(), dear);
  const Recommendation r = score(wish(), two);
  EXPECT_TRUE(r.fits);
  EXPECT_EQ(r.departure, "T2027-00001");
  EXPECT_EQ(r.price_cents, 398'000);
}

TEST(Recommend, WhatFitsComesBeforeWhatScoresHigher) {
  Candidate other = yunnan();
  other.id = 2;
  other.destination = "三亚";
  other.name = "三亚五日";
  Candidate full = yunnan();
  full.id = 3;
  full.offers = {};
  const auto out = recommend(wish(), {full, other, yunnan()}, 3);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].id, 1);
  EXPECT_EQ(out[1].id, 2) << "it has seats on the day";
  EXPECT_EQ(out[2].id, 3);
  EXPECT_EQ(recommend(wish(), {full, other}, 1).size(), 1u);
  EXPECT_TRUE(recommend(wish(), {}, 3).empty());
}

TEST(Recommend, WithoutAWishNothingCountsAgainstIt) {
  const Recommendation r = score(Need{}, yunnan());
  EXPECT_TRUE(r.fits);
  EXPECT_EQ(r.departure, "T2027-00001");
}

TEST(Recommend, WordsOfADestination) {
  EXPECT_EQ(words_of("台北·花莲、垦丁"), (std::vector<std::string>{"台北", "花莲", "垦丁"}));
  EXPECT_EQ(words_of("Paris, Rome/Florence"), (std::vector<std::string>{"Paris", "Rome", "Florence"}));
  EXPECT_TRUE(words_of(" · ").empty());
}

}  // namespace
}  // namespace sales

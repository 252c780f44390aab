#include "pipeline.h"

#include <gtest/gtest.h>

namespace sales {
namespace {

using caravan::sdk::Decimal;

TEST(Pipeline, CountsAndAddsPerStateAndCurrency) {
  Pipeline pipeline;
  pipeline.add("won", Decimal::parse("100.10", "CNY"));
  pipeline.add("new", Decimal::parse("12000.00", "CNY"));
  pipeline.add("new", Decimal::parse("0.05", "CNY"));
  pipeline.add("new", Decimal::parse("300.00", "USD"));
  pipeline.add("new", std::nullopt);
  EXPECT_EQ(
      pipeline.json(),
      R"({"count":5,"states":[{"state":"new","count":4,"budget":[{"currency":"CNY","amount":"12000.05"},{"currency":"USD","amount":"300.00"}]},)"
      R"({"state":"won","count":1,"budget":[{"currency":"CNY","amount":"100.10"}]}]})");
}

TEST(Pipeline, IsEmptyWithoutInquiries) {
  EXPECT_EQ(Pipeline().json(), R"({"count":0,"states":[]})");
}

TEST(Pipeline, SaysNullInsteadOfAWrongSum) {
  Pipeline pipeline;
  for (int i = 0; i < 3; ++i) pipeline.add("new", Decimal::parse("9999999999999999.99", "CNY"));
  EXPECT_EQ(
      pipeline.json(),
      R"({"count":3,"states":[{"state":"new","count":3,"budget":[{"currency":"CNY","amount":null}]}]})");
}

TEST(Decimal, ReadsAndWritesExactly) {
  for (const char* text :
       {"0", "0.00", "-12000.00", "0.05", "-0.05", "999999999999999999", "0.000000000000000001"})
    EXPECT_EQ(Decimal::parse(text)->str(), text);
  for (const char* wrong :
       {"", "-", ".", "1.", ".5", "1e3", "1,000", "1.2.3", " 1", "1000000000000000000", "--1", "0x1", "１"})
    EXPECT_FALSE(Decimal::parse(wrong)) << wrong;
  EXPECT_EQ(Decimal::parse("1.0"), Decimal::parse("1.00"));
  EXPECT_NE(Decimal::parse("1.0", "CNY"), Decimal::parse("1.0", "USD"));
}

TEST(Decimal, AddsAcrossScalesAndNotAcrossCurrencies) {
  EXPECT_EQ(Decimal::sum(*Decimal::parse("0.1"), *Decimal::parse("0.25"))->str(), "0.35");
  EXPECT_EQ(Decimal::sum(*Decimal::parse("-1"), *Decimal::parse("0.25"))->str(), "-0.75");
  EXPECT_FALSE(Decimal::sum(*Decimal::parse("1", "CNY"), *Decimal::parse("1", "USD")));
  EXPECT_FALSE(Decimal::sum(*Decimal::parse("999999999999999999"), *Decimal::parse("1")));
  EXPECT_FALSE(Decimal::sum(*Decimal::parse("999999999999999999"), *Decimal::parse("0.1")));
  EXPECT_EQ(Decimal::sum(Decimal(), *Decimal::parse("1.50", "CNY"))->currency(), "CNY");
}

}  // namespace
}  // namespace sales

#include "base/decimal.h"

#include <gtest/gtest.h>

#include <random>

namespace caravan {
namespace {

Decimal dec(std::string_view text, std::string_view currency = {}) {
  auto d = parse_decimal(text).value();
  if (!currency.empty()) {
    EXPECT_TRUE(d.set_currency(currency));
  }
  return d;
}

std::string show(const std::optional<Decimal>& d) { return d ? format_decimal(*d) : "none"; }

TEST(Decimal, ParsesAndFormats) {
  for (const char* text : {"0", "1", "-1", "12000.00", "-0.05", "0.000000000000000001", "999999999999999999", "-99999999999999999.9"}) {
    ASSERT_TRUE(parse_decimal(text)) << text;
    EXPECT_EQ(format_decimal(*parse_decimal(text)), text);
  }
  EXPECT_EQ(show(parse_decimal("+7.50")), "7.50");
  EXPECT_EQ(show(parse_decimal("007")), "7");
}

TEST(Decimal, RefusesMalformedText) {
  for (const char* text : {"", "-", ".", "1.", ".5", "1e3", "1,000", " 1", "1 ", "--1", "1.2.3", "abc", "1000000000000000000", "0.0000000000000000001", "１"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
}

TEST(Decimal, CurrencyIsThreeUpperCaseLetters) {
  Decimal d = dec("1");
  EXPECT_FALSE(d.set_currency("cny"));
  EXPECT_FALSE(d.set_currency("CN"));
  EXPECT_FALSE(d.set_currency("CNYX"));
  EXPECT_FALSE(d.has_currency());
  EXPECT_TRUE(d.set_currency("CNY"));
  EXPECT_EQ(d.currency_code(), "CNY");
}

TEST(Decimal, RoundsHalfToEven) {
  EXPECT_EQ(show(rescale(dec("0.125"), 2)), "0.12");
  EXPECT_EQ(show(rescale(dec("0.135"), 2)), "0.14");
  EXPECT_EQ(show(rescale(dec("-0.125"), 2)), "-0.12");
  EXPECT_EQ(show(rescale(dec("-2.5"), 0)), "-2");
  EXPECT_EQ(show(rescale(dec("0.1251"), 2)), "0.13");
  EXPECT_EQ(show(rescale(dec("7"), 3)), "7.000");
  EXPECT_EQ(show(rescale(dec("999999999999999999"), 1)), "none");
  EXPECT_EQ(show(rescale(dec("1"), 19)), "none");
}

TEST(Decimal, Arithmetic) {
  EXPECT_EQ(show(add(dec("0.1"), dec("0.2"))), "0.3");
  EXPECT_EQ(show(subtract(dec("1"), dec("0.001"))), "0.999");
  EXPECT_EQ(show(multiply(dec("12000.00"), dec("0.85"))), "10200.0000");
  EXPECT_EQ(show(divide(dec("12000.00"), dec("7"))), "1714.285714");
  EXPECT_EQ(show(divide(dec("1"), dec("-8"))), "-0.125000");
  EXPECT_EQ(show(divide(dec("1"), dec("0"))), "none");
  EXPECT_EQ(show(add(dec("999999999999999999"), dec("1"))), "none");
  EXPECT_EQ(show(multiply(dec("999999999999999999"), dec("10"))), "none");
  // Zeros at the end give way before a value is too large.
  EXPECT_EQ(show(multiply(dec("100000000000.00"), dec("100000.00"))), "10000000000000000.0");
}

TEST(Decimal, CurrenciesDoNotMix) {
  EXPECT_FALSE(add(dec("1", "CNY"), dec("1", "USD")));
  EXPECT_FALSE(add(dec("1", "CNY"), dec("1")));
  EXPECT_EQ(add(dec("1", "CNY"), dec("2", "CNY"))->currency_code(), "CNY");
  EXPECT_FALSE(multiply(dec("1", "CNY"), dec("1", "CNY")));
  EXPECT_EQ(multiply(dec("3"), dec("2", "CNY"))->currency_code(), "CNY");
  EXPECT_FALSE(divide(dec("1"), dec("1", "CNY")));
  EXPECT_FALSE(divide(dec("6", "CNY"), dec("2", "CNY"))->has_currency());
  EXPECT_EQ(divide(dec("6", "CNY"), dec("2"))->currency_code(), "CNY");
  EXPECT_EQ(compare(dec("1", "CNY"), dec("1", "USD")), std::partial_ordering::unordered);
}

TEST(Decimal, ComparesByValue) {
  EXPECT_EQ(compare(dec("1.0"), dec("1.000")), std::partial_ordering::equivalent);
  EXPECT_EQ(compare(dec("-1"), dec("0.5")), std::partial_ordering::less);
  EXPECT_EQ(compare(dec("999999999999999999"), dec("0.000000000000000001")), std::partial_ordering::greater);
}

TEST(Decimal, RandomValuesKeepTheLaws) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto any = [&] { return Decimal{static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000, static_cast<std::uint8_t>(random() % 7), {0, 0, 0}}; };
    const Decimal a = any(), b = any();
    EXPECT_EQ(compare(*add(a, b), *add(b, a)), std::partial_ordering::equivalent);
    EXPECT_EQ(compare(*subtract(*add(a, b), b), a), std::partial_ordering::equivalent);
    EXPECT_EQ(compare(*parse_decimal(format_decimal(a)), a), std::partial_ordering::equivalent);
    if (b.unscaled == 0) continue;
    EXPECT_EQ(compare(*divide(*multiply(a, b), b), a), std::partial_ordering::equivalent) << format_decimal(a) << " " << format_decimal(b);
  }
}

}  // namespace
}  // namespace caravan

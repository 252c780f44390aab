#include "base/date_time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace caravan {
namespace {

constexpr std::int64_t micros_per_second = 1'000'000;

/// Reads exactly `count` digits at `pos`; -1 where there are none.
int digits(std::string_view text, std::size_t pos, std::size_t count) {
  if (pos + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = pos; i < pos + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

void two_digits(std::string& out, int value) {
  out.push_back(static_cast<char>('0' + value / 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

std::chrono::year_month_day civil(Date date) {
  return std::chrono::year_month_day{std::chrono::sys_days{std::chrono::days{date.days}}};
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int y = digits(text, 0, 4), m = digits(text, 5, 2), d = digits(text, 8, 2);
  if (y < 1 || m < 1 || d < 1) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year{y}, std::chrono::month{static_cast<unsigned>(m)},
                                        std::chrono::day{static_cast<unsigned>(d)}};
  if (!ymd.ok()) return std::nullopt;
  return Date{static_cast<std::int32_t>(std::chrono::sys_days{ymd}.time_since_epoch().count())};
}

void append_date(std::string& out, Date date) {
  const auto ymd = civil(date);
  const int year = static_cast<int>(ymd.year());
  if (year < 0 || year > 9999) {
    std::array<char, 32> buffer{};
    const int n = std::snprintf(buffer.data(), buffer.size(), "%04d", year);
    out.append(buffer.data(), static_cast<std::size_t>(n));
  } else {
    two_digits(out, year / 100);
    two_digits(out, year % 100);
  }
  out.push_back('-');
  two_digits(out, static_cast<int>(static_cast<unsigned>(ymd.month())));
  out.push_back('-');
  two_digits(out, static_cast<int>(static_cast<unsigned>(ymd.day())));
}

std::string format_date(Date date) {
  std::string text;
  append_date(text, date);
  return text;
}

std::optional<Timestamp> parse_timestamp_nanos(std::string_view text) {
  if (text.size() < 20) return std::nullopt;
  const auto date = parse_date(text.substr(0, 10));
  if (!date || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) return std::nullopt;
  const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (text[13] != ':' || text[16] != ':' || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59) {
    return std::nullopt;
  }
  std::size_t pos = 19;
  std::int64_t fraction = 0;  // nanoseconds
  if (text[pos] == '.') {
    std::int64_t unit = 1'000'000'000;
    const std::size_t start = ++pos;
    while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
      unit /= 10;
      fraction += (text[pos] - '0') * unit;
      ++pos;
    }
    if (pos == start || pos - start > 9) return std::nullopt;
  }
  if (pos >= text.size()) return std::nullopt;
  std::int64_t offset = 0;
  if (text[pos] == 'Z' || text[pos] == 'z') {
    if (pos + 1 != text.size()) return std::nullopt;
  } else if (text[pos] == '+' || text[pos] == '-') {
    const int oh = digits(text, pos + 1, 2), om = digits(text, pos + 4, 2);
    if (text.size() != pos + 6 || text[pos + 3] != ':' || oh < 0 || oh > 23 || om < 0 || om > 59) return std::nullopt;
    offset = (oh * 3600LL + om * 60LL) * (text[pos] == '-' ? -1 : 1);
  } else {
    return std::nullopt;
  }
  const std::int64_t seconds = date->days * 86'400LL + h * 3600LL + mi * 60LL + s - offset;
  if (seconds < min_timestamp_seconds || seconds > max_timestamp_seconds) return std::nullopt;
  return Timestamp{seconds * micros_per_second + fraction / 1000, static_cast<std::int16_t>(fraction % 1000)};
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  auto at = parse_timestamp_nanos(text);
  if (at) at->nanos = 0;
  return at;
}

void append_timestamp(std::string& out, Timestamp at) {
  std::int64_t seconds = at.micros / micros_per_second;
  std::int64_t fraction = at.micros % micros_per_second;
  if (fraction < 0) {
    fraction += micros_per_second;
    --seconds;
  }
  std::int64_t days = seconds / 86'400;
  std::int64_t rest = seconds % 86'400;
  if (rest < 0) {
    rest += 86'400;
    --days;
  }
  append_date(out, Date{static_cast<std::int32_t>(days)});
  const auto of_day = static_cast<int>(rest);
  out.push_back('T');
  two_digits(out, of_day / 3600);
  out.push_back(':');
  two_digits(out, of_day / 60 % 60);
  out.push_back(':');
  two_digits(out, of_day % 60);
  fraction = fraction * 1000 + at.nanos;
  if (fraction != 0) {
    out.push_back('.');
    for (std::int64_t unit = 100'000'000; fraction != 0; unit /= 10) {
      out.push_back(static_cast<char>('0' + fraction / unit));
      fraction %= unit;
    }
  }
  out.push_back('Z');
}

std::string format_timestamp(Timestamp at) {
  std::string text;
  append_timestamp(text, at);
  return text;
}

const Clock& Clock::system() {
  struct SystemClock final : Clock {
    Timestamp now() const override {
      const auto since = std::chrono::system_clock::now().time_since_epoch();
      return Timestamp{std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
    }
  };
  static const SystemClock clock;
  return clock;
}

}  // namespace caravan

#include "base/cron.h"

#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "base/time_zone.h"

namespace caravan {
namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int longest_search_days = 9 * 366;  // 29 February may be eight years away

struct FieldKind {
  std::string_view name;
  int low, high;
  std::span<const std::string_view> names;
};

std::optional<int> value_of(std::string_view text, const FieldKind& kind) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) {
    if (number < kind.low || number > kind.high) return std::nullopt;
    return number;
  }
  if (text.size() != 3) return std::nullopt;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::size_t i = 0; i < kind.names.size(); ++i) {
    if (kind.names[i] == lower) return static_cast<int>(i) + (kind.low == 1 ? 1 : 0);
  }
  return std::nullopt;
}

/// The values of one field as bits; 0 where it is malformed.
std::uint64_t bits_of(std::string_view field, const FieldKind& kind) {
  std::uint64_t bits = 0;
  while (true) {
    const auto comma = field.find(',');
    std::string_view part = field.substr(0, comma);
    int step = 1;
    const auto slash = part.find('/');
    if (slash != std::string_view::npos) {
      const std::string_view text = part.substr(slash + 1);
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
      if (text.empty() || error != std::errc() || end != text.data() + text.size() || step < 1 || step > kind.high) return 0;
      part = part.substr(0, slash);
    }
    int from = kind.low, to = kind.high;
    if (part != "*") {
      const auto dash = part.find('-');
      const auto first = value_of(part.substr(0, dash), kind);
      const auto last = dash == std::string_view::npos ? first : value_of(part.substr(dash + 1), kind);
      if (!first || !last || *first > *last) return 0;
      from = *first;
      to = dash == std::string_view::npos && slash != std::string_view::npos ? kind.high : *last;
    } else if (kind.high == 7) {
      to = 6;
    }
    for (int i = from; i <= to; i += step) bits |= std::uint64_t{1} << i;
    if (comma == std::string_view::npos) return bits;
    field.remove_prefix(comma + 1);
  }
}

/// Year, month and day of a date, from its ISO text, which every part of the program agrees on.
void parts_of(Date date, int& month, int& day) {
  const std::string text = format_date(date);
  month = (text[5] - '0') * 10 + text[6] - '0';
  day = (text[8] - '0') * 10 + text[9] - '0';
}

}  // namespace

std::optional<Cron> Cron::parse(std::string_view text, std::string* mistake) {
  const FieldKind kinds[] = {{"minute", 0, 59, {}}, {"hour", 0, 23, {}}, {"day of month", 1, 31, {}}, {"month", 1, 12, month_names},
                             {"day of week", 0, 7, day_names}};
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  const auto wrong = [&](std::string what) {
    if (mistake != nullptr) *mistake = std::move(what);
    return std::nullopt;
  };
  if (fields.size() != 5) return wrong("it has " + std::to_string(fields.size()) + " fields, not 5 (minute, hour, day of month, month, day of week)");
  std::uint64_t bits[5];
  for (int i = 0; i < 5; ++i) {
    bits[i] = bits_of(fields[static_cast<std::size_t>(i)], kinds[i]);
    if (bits[i] == 0) return wrong("\"" + std::string(fields[static_cast<std::size_t>(i)].substr(0, 40)) + "\" is no " + std::string(kinds[i].name));
  }
  Cron cron;
  cron.minutes_ = bits[0];
  cron.hours_ = static_cast<std::uint32_t>(bits[1]);
  cron.days_ = static_cast<std::uint32_t>(bits[2]);
  cron.months_ = static_cast<std::uint32_t>(bits[3]);
  cron.weekdays_ = static_cast<std::uint32_t>((bits[4] | bits[4] >> 7) & 0x7F);
  cron.any_day_ = fields[2].starts_with('*');
  cron.any_weekday_ = fields[4].starts_with('*');
  return cron;
}

bool Cron::day_fits(Date date) const {
  int month = 0, day = 0;
  parts_of(date, month, day);
  if ((months_ >> month & 1) == 0) return false;
  const int weekday = ((date.days + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  const bool by_day = (days_ >> day & 1) != 0, by_weekday = (weekdays_ >> weekday & 1) != 0;
  if (any_day_ || any_weekday_) return by_day && by_weekday;
  return by_day || by_weekday;
}

std::optional<Timestamp> Cron::next(Timestamp after, std::string_view zone, const std::function<bool(Date)>& counts) const {
  const auto start = local_date(after, zone);
  if (!start) return std::nullopt;
  // From the day before: a gap at midnight moves that day's last times.
  for (int i = -1; i < longest_search_days; ++i) {
    const Date date{start->days + i};
    if (!day_fits(date) || (counts && !counts(date))) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if ((hours_ >> hour & 1) == 0) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if ((minutes_ >> minute & 1) == 0) continue;
        const auto moment = from_local(date, hour * 3600 + minute * 60, zone);
        if (!moment || *moment <= after) continue;
        const auto shown = local_time(*moment, zone);
        if (shown && shown->date == date && shown->hour == hour && shown->minute == minute) return moment;
        // In a gap: its end is the last change of the offset before.
        const auto changes = offset_changes({moment->micros - 86'400'000'000}, *moment, zone, 16);
        const Timestamp end = changes && changes->size() > 1 ? changes->back().from : *moment;
        if (end > after) return end;
      }
    }
  }
  return std::nullopt;
}

}  // namespace caravan

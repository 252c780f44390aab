#include "base/time_zone.h"

#include <unicode/basictz.h>
#include <unicode/timezone.h>
#include <unicode/tztrans.h>
#include <unicode/unistr.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace caravan {
namespace {

constexpr std::int64_t micros_per_second = 1'000'000;
constexpr std::size_t max_zone_name = 64;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// `+08:00`, `-03:30`, `08:00` in seconds.
std::optional<int> fixed_offset(std::string_view zone) {
  int sign = 1;
  if (!zone.empty() && (zone[0] == '+' || zone[0] == '-')) {
    sign = zone[0] == '-' ? -1 : 1;
    zone.remove_prefix(1);
  }
  const auto digit = [&](std::size_t i) { return zone[i] >= '0' && zone[i] <= '9'; };
  if (zone.size() != 5 || zone[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const int hours = (zone[0] - '0') * 10 + (zone[1] - '0'), minutes = (zone[3] - '0') * 10 + (zone[4] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

std::unique_ptr<icu::TimeZone> open_zone(std::string_view name) {
  if (name.empty() || name.size() > max_zone_name) return nullptr;
  const icu::UnicodeString id = icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<int>(name.size())));
  UErrorCode status = U_ZERO_ERROR;
  UBool system = 0;
  icu::UnicodeString canonical;
  icu::TimeZone::getCanonicalID(id, canonical, system, status);
  if (U_FAILURE(status) || !system) return nullptr;
  return std::unique_ptr<icu::TimeZone>(icu::TimeZone::createTimeZone(id));
}

/// Opening a zone costs microseconds to milliseconds; each thread keeps the few that it uses.
const icu::TimeZone* zone_of_thread(std::string_view name) {
  constexpr std::size_t kept = 8;
  thread_local std::vector<std::pair<std::string, std::unique_ptr<icu::TimeZone>>> zones;
  for (const auto& [known, zone] : zones) {
    if (known == name) return zone.get();
  }
  auto zone = open_zone(name);
  if (!zone) return nullptr;
  if (zones.size() == kept) zones.erase(zones.begin());
  zones.emplace_back(std::string(name), std::move(zone));
  return zones.back().second.get();
}

/// Offset from UTC in seconds at a moment given in seconds; nullopt for an unknown zone.
std::optional<int> offset_at(std::int64_t utc_seconds, std::string_view zone) {
  if (zone == "UTC" || zone == "Z") return 0;
  if (const auto fixed = fixed_offset(zone)) return fixed;
  const icu::TimeZone* tz = zone_of_thread(zone);
  if (!tz) return std::nullopt;
  std::int32_t raw = 0, dst = 0;
  UErrorCode status = U_ZERO_ERROR;
  tz->getOffset(static_cast<double>(utc_seconds) * 1000.0, 0, raw, dst, status);
  if (U_FAILURE(status)) return std::nullopt;
  return (raw + dst) / 1000;
}

}  // namespace

bool is_time_zone(std::string_view name) { return name == "UTC" || zone_of_thread(name) != nullptr; }

std::optional<LocalTime> local_time(Timestamp at, std::string_view zone) {
  const std::int64_t utc = floor_div(at.micros, micros_per_second);
  const auto offset = offset_at(utc, zone);
  if (!offset) return std::nullopt;
  const std::int64_t local = utc + *offset;
  if (local < min_timestamp_seconds || local > max_timestamp_seconds) return std::nullopt;
  const std::int64_t days = floor_div(local, 86'400);
  const int second = static_cast<int>(local - days * 86'400);
  LocalTime result;
  result.date = Date{static_cast<std::int32_t>(days)};
  result.hour = second / 3600;
  result.minute = second / 60 % 60;
  result.second = second % 60;
  result.nanos = static_cast<int>((at.micros - utc * micros_per_second) * 1000 + at.nanos);
  result.offset_seconds = *offset;
  return result;
}

std::optional<Date> local_date(Timestamp at, std::string_view zone) {
  const auto local = local_time(at, zone);
  if (!local) return std::nullopt;
  return local->date;
}

std::optional<std::vector<OffsetChange>> offset_changes(Timestamp first, Timestamp last, std::string_view zone, std::size_t most) {
  const auto start = offset_at(floor_div(first.micros, micros_per_second), zone);
  if (!start) return std::nullopt;
  std::vector<OffsetChange> changes{{first, *start}};
  if (zone == "UTC" || zone == "Z" || fixed_offset(zone)) return changes;
  // Every zone that has a name in ICU is of this kind, by its documentation.
  const auto* tz = dynamic_cast<const icu::BasicTimeZone*>(zone_of_thread(zone));
  if (tz == nullptr) return std::nullopt;
  auto at = static_cast<double>(floor_div(first.micros, 1000));
  icu::TimeZoneTransition transition;
  while (tz->getNextTransition(at, 0, transition)) {
    at = transition.getTime();
    const Timestamp from{static_cast<std::int64_t>(at) * 1000};
    if (from > last) break;
    const auto offset = offset_at(floor_div(from.micros, micros_per_second), zone);
    if (!offset) return std::nullopt;
    if (*offset == changes.back().offset_seconds || from <= first) continue;  // only the zone's name changed
    if (changes.size() > most) return std::nullopt;
    changes.push_back({from, *offset});
  }
  return changes;
}

std::optional<Timestamp> from_local(Date date, int seconds_of_day, std::string_view zone) {
  const std::int64_t local = date.days * std::int64_t{86'400} + seconds_of_day;
  // The offset before a change of the clock is the one that holds a day earlier, at the latest.
  const auto before = offset_at(local - 86'400, zone);
  const auto after = offset_at(local + 86'400, zone);
  if (!before || !after) return std::nullopt;
  std::int64_t utc = local - *before;
  if (*before != *after && offset_at(utc, zone) != before) {
    // Past the change; where the result is not past it either, the local time was skipped.
    if (offset_at(local - *after, zone) == after) utc = local - *after;
  }
  if (utc < min_timestamp_seconds || utc > max_timestamp_seconds) return std::nullopt;
  return Timestamp{utc * micros_per_second};
}

}  // namespace caravan

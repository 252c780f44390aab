#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace caravan {

/// A calendar day without a zone: days since 1970-01-01 in the proleptic Gregorian calendar.
struct Date {
  std::int32_t days = 0;
  auto operator<=>(const Date&) const = default;
};

/// A moment: microseconds since 1970-01-01T00:00:00Z. `nanos` (0 to 999) refines it: only expressions compute with
/// them, storage and the API keep microseconds.
struct Timestamp {
  std::int64_t micros = 0;
  std::int16_t nanos = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// `2026-12-20`; nullopt unless it is a day that exists, year 0001 to 9999.
std::optional<Date> parse_date(std::string_view text);
std::string format_date(Date date);
/// Appends what format_date() returns.
void append_date(std::string& out, Date date);

/// RFC 3339 with any offset and up to nine fraction digits (cut to six); nullopt where malformed, or where the
/// moment in UTC lies outside the years 0001 to 9999.
std::optional<Timestamp> parse_timestamp(std::string_view text);
/// The same with all nine fraction digits.
std::optional<Timestamp> parse_timestamp_nanos(std::string_view text);
/// RFC 3339 in UTC, `2026-12-20T08:30:00Z`, with fraction digits only where they are not zero.
std::string format_timestamp(Timestamp at);
/// Appends what format_timestamp() returns.
void append_timestamp(std::string& out, Timestamp at);

/// The first and the last second that a Timestamp in an expression or in a record may have: years 0001 to 9999.
inline constexpr std::int64_t min_timestamp_seconds = -62'135'596'800;
inline constexpr std::int64_t max_timestamp_seconds = 253'402'300'799;

/// Source of the present moment; injected so that tests can move it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  /// The machine's clock; thread-safe.
  static const Clock& system();
};

}  // namespace caravan

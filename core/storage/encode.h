#pragma once

#include <string>
#include <string_view>

#include "storage/database.h"

/// Checks and conversions that both dialects share.
namespace caravan::storage {

const char* to_string(ColumnType::Kind kind);

/// Throws invalid_argument: parameter `index` cannot hold a value of this type. The value is not repeated.
[[noreturn]] void refuse_value(int index, const expr::Value& value, const ColumnType& type, std::string_view why = {});

/// The value as the column's type wants it (decimals in the column's scale, int for real …): `value` itself, or `scratch`.
/// Throws as refuse_value(). Null for null.
const expr::Value& fit(int index, const expr::Value& value, const ColumnType& type, expr::Value& scratch);

/// Throws invalid_argument unless the value's own type can be bound at all.
void check_bindable(int index, const expr::Value& value);

/// Parses a number that the database gave as text; throws internal where it is none.
std::int64_t parse_integer(std::string_view text);
double parse_real(std::string_view text);
/// The shortest text that reads back as the same number.
std::string format_real(double value);

/// First and last moment of the years 0001 to 9999, in microseconds.
inline constexpr std::int64_t first_instant = -62'135'596'800'000'000;
inline constexpr std::int64_t last_instant = 253'402'300'799'999'999;
inline constexpr std::int32_t first_day = -719'162;
inline constexpr std::int32_t last_day = 2'932'896;

// Errors with the marks that DuplicateKey, ConstraintViolation and ForeignKey look for.
Error duplicate_key(std::string key, std::string columns = {});
Error constraint_violation(std::string name);
Error foreign_key(bool missing);
Error lost_race(std::string why);

/// The SQL for a log line, cut at 500 characters.
std::string for_log(std::string_view sql);

}  // namespace caravan::storage

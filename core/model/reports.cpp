#include "model/reports.h"

#include <algorithm>

namespace caravan::model {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/// Past the string literal that begins at `at`.
std::size_t past_string(std::string_view source, std::size_t at, bool raw) {
  const char quote = source[at];
  const std::string three(3, quote);
  if (source.substr(at, 3) == three) {
    for (std::size_t i = at + 3; i < source.size(); ++i) {
      if (source[i] == '\\' && !raw) ++i;
      else if (source.substr(i, 3) == three) return i + 3;
    }
    return source.size();
  }
  for (std::size_t i = at + 1; i < source.size(); ++i) {
    if (source[i] == '\\' && !raw) ++i;
    else if (source[i] == quote) return i + 1;
  }
  return source.size();
}

Date month_start(int year, int month) {
  while (month < 1) month += 12, --year;
  while (month > 12) month -= 12, ++year;
  const std::string text = std::to_string(year) + (month < 10 ? "-0" : "-") + std::to_string(month) + "-01";
  return parse_date(text).value_or(Date());
}

Period months(int year, int month, int count) { return {month_start(year, month), Date{month_start(year, month + count).days - 1}}; }

}  // namespace

const char* to_string(ReportChart chart) {
  static constexpr const char* names[] = {"table", "bar", "line", "pie", "number"};
  return names[static_cast<std::size_t>(chart)];
}

const ReportParameter* Report::parameter(std::string_view wanted) const {
  for (const ReportParameter& one : parameters) {
    if (one.field.name == wanted) return &one;
  }
  return nullptr;
}

const ReportMeasure* Report::measure(std::string_view wanted) const {
  for (const ReportMeasure& one : measures) {
    if (one.name == wanted) return &one;
  }
  return nullptr;
}

const std::vector<std::string_view>& period_names() {
  static const std::vector<std::string_view> names{"today",        "yesterday",    "this_week",    "last_week",   "this_month",  "last_month",     "this_quarter",
                                                   "last_quarter", "this_year",    "last_year",    "last_7_days", "last_30_days", "last_90_days", "last_365_days"};
  return names;
}

std::optional<Period> period_named(std::string_view name, Date today) {
  const std::string day = format_date(today);
  const int year = std::stoi(day.substr(0, 4)), month = std::stoi(day.substr(5, 2));
  const int quarter = (month - 1) / 3 * 3 + 1;
  const auto days_back = [&](int days) { return Period{Date{today.days - days + 1}, today}; };
  if (name == "today") return days_back(1);
  if (name == "yesterday") return Period{Date{today.days - 1}, Date{today.days - 1}};
  if (name == "this_week" || name == "last_week") {
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    const std::int64_t since_monday = ((std::int64_t{today.days} + 3) % 7 + 7) % 7;
    const auto monday = static_cast<decltype(today.days)>(today.days - since_monday - (name == "last_week" ? 7 : 0));
    return Period{Date{monday}, Date{monday + 6}};
  }
  if (name == "this_month") return months(year, month, 1);
  if (name == "last_month") return months(year, month - 1, 1);
  if (name == "this_quarter") return months(year, quarter, 3);
  if (name == "last_quarter") return months(year, quarter - 3, 3);
  if (name == "this_year") return months(year, 1, 12);
  if (name == "last_year") return months(year - 1, 1, 12);
  if (name == "last_7_days") return days_back(7);
  if (name == "last_30_days") return days_back(30);
  if (name == "last_90_days") return days_back(90);
  if (name == "last_365_days") return days_back(365);
  return std::nullopt;
}

std::optional<std::string> with_parameters(
    std::string_view source, const std::function<std::optional<std::string>(std::string_view name, std::string_view part)>& literal) {
  std::string out;
  for (std::size_t i = 0; i < source.size();) {
    const char c = source[i];
    if (c == '"' || c == '\'') {
      const bool raw = i > 0 && (source[i - 1] == 'r' || source[i - 1] == 'R');
      const std::size_t end = past_string(source, i, raw);
      out += source.substr(i, end - i);
      i = end;
      continue;
    }
    if (!is_word(c)) {
      out += c;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < source.size() && is_word(source[end])) ++end;
    const bool member = i > 0 && source[i - 1] == '.';
    if (member || source.substr(i, end - i) != "params" || end >= source.size() || source[end] != '.') {
      out += source.substr(i, end - i);
      i = end;
      continue;
    }
    std::size_t name_end = end + 1;
    while (name_end < source.size() && is_word(source[name_end])) ++name_end;
    const std::string_view name = source.substr(end + 1, name_end - end - 1);
    std::size_t part_end = name_end;
    std::string_view part;
    if (name_end < source.size() && source[name_end] == '.') {
      std::size_t to = name_end + 1;
      while (to < source.size() && is_word(source[to])) ++to;
      const std::string_view one = source.substr(name_end + 1, to - name_end - 1);
      if (one == "from" || one == "to" || one == "start" || one == "end") {
        part = one;
        part_end = to;
      }
    }
    const auto text = literal(name, part);
    if (!text) return std::nullopt;
    out += *text;
    i = part_end;
  }
  return out;
}

}  // namespace caravan::model

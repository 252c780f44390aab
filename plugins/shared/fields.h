#pragma once

#include <caravan/json.hpp>
#include <caravan/plugin.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Small readings of fields that several of our plugins need. Header only, over the SDK.
namespace departments {

inline std::string id_text(caravan::sdk::Id id) {
  return std::to_string(id.value);
}

/// The text of a field; "" where it is empty.
inline std::string word(const caravan::sdk::Record& record, std::string_view field) {
  return record.text(field).value_or(std::string());
}

/// The text as a literal of a filter.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

/// `2027-03-01`
inline std::string day_text(std::chrono::sys_days date) {
  const std::chrono::year_month_day parts(date);
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(static_cast<int>(parts.year())) + "-" + two(static_cast<unsigned>(parts.month())) +
         "-" + two(static_cast<unsigned>(parts.day()));
}

/// The words of a list field, which the server hands over as a JSON list of plain words.
inline std::vector<std::string> list_of(const std::optional<std::string>& json) {
  std::vector<std::string> words;
  if (!json) return words;
  for (std::size_t at = 0; (at = json->find('"', at)) != std::string::npos;) {
    const std::size_t end = json->find('"', at + 1);
    if (end == std::string::npos) break;
    words.push_back(json->substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return words;
}

/// The whole text as a number; nullopt where it is none.
inline std::optional<std::int64_t> number_of(std::optional<std::string_view> text) {
  std::int64_t out = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [stop, code] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (code != std::errc() || stop != text->data() + text->size()) return std::nullopt;
  return out;
}

/// The key `reasons` of a ranking: why a candidate stands where it stands.
template <class Reasons>
void write_reasons(caravan::sdk::JsonWriter& out, const Reasons& reasons) {
  out.key("reasons").begin_array();
  for (const auto& reason : reasons)
    out.begin_object()
        .key("code")
        .text(reason.code)
        .key("good")
        .boolean(reason.good)
        .key("detail")
        .text(reason.detail)
        .end_object();
  out.end_array();
}

/// Calls `each` with the confirmed orders of a departure, also those on their way; with `over`, also those
/// that are back.
template <class Each>
void for_confirmed_orders(const caravan::sdk::Call& call, caravan::sdk::Id departure, Each&& each,
                          bool over = false) {
  const std::string filter = "record.departure == " + id_text(departure) +
                             " && record.state in ['confirmed', 'travelling'" + (over ? ", 'finished'" : "") +
                             "]";
  call.for_each("sales.order", {.filter = filter, .sort = "id"}, each);
}

}  // namespace departments

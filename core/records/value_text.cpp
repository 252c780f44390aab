#include "records/value_text.h"

#include "base/date_time.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/text.h"
#include "records/json.h"
#include "storage/encode.h"

namespace caravan::records {

std::optional<std::string> cell_text(const expr::Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* number = value.as<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value.as<std::uint64_t>()) return std::to_string(*number);
  if (const auto* yes = value.as<bool>()) return *yes ? "true" : "false";
  if (const auto* decimal = value.as<Decimal>()) return format_decimal(*decimal);
  if (const auto* day = value.as<Date>()) return format_date(*day);
  if (const auto* moment = value.as<Timestamp>()) return format_timestamp(*moment);
  if (const auto* number = value.as<double>()) return storage::format_real(*number);
  return std::nullopt;
}

std::vector<std::string> texts_in_list(std::string_view list) {
  std::vector<std::string> texts;
  const auto add = [&](std::string_view text) {
    if (const auto bare = without_blanks(text); !bare.empty()) texts.emplace_back(bare);
  };
  list = without_blanks(list);
  if (list.starts_with('[')) {
    const Json json = parse_json(list);
    const auto* items = json.as<Json::Array>();
    for (const Json& item : items ? *items : Json::Array()) {
      const auto* text = item.as<std::string>();
      if (text == nullptr) throw Error(ErrorCode::invalid_argument, "A list of texts is expected, or texts with semicolons between them.");
      add(*text);
    }
    return texts;
  }
  while (!list.empty()) {
    const auto end = list.find(';');
    add(list.substr(0, end));
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  }
  return texts;
}

}  // namespace caravan::records

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace caravan::records {

/// A parsed JSON value. Numbers keep their text, so that decimals stay exact.
class Json {
 public:
  struct Number { std::string text; };
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  using Data = std::variant<std::monostate, bool, Number, std::string, Array, Object>;

  Json() = default;
  explicit Json(Data data) : data_(std::move(data)) {}
  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  /// Member of an object; nullptr where absent or where this is no object.
  const Json* find(std::string_view name) const;
  /// Appends the value as JSON text.
  void write(std::string& out) const;

 private:
  friend struct JsonBuilder;
  Data data_;
};

/// Parses one JSON text. Throws Error(invalid_argument) with the byte offset for malformed text, bad UTF-8,
/// duplicate keys, and nesting over 32 levels. Iterative: hostile input cannot exhaust the stack.
Json parse_json(std::string_view text);

/// Appends `text` as a JSON string with its quotes.
void write_json_string(std::string& out, std::string_view text);

}  // namespace caravan::records

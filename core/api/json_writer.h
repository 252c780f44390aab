#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "records/json.h"

namespace caravan::api {

/// Appends JSON to a string and puts the commas. The caller keeps brackets and keys in order.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    comma();
    records::write_json_string(out_, name);
    out_.push_back(':');
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& string(std::string_view text) {
    comma();
    records::write_json_string(out_, text);
    return *this;
  }
  JsonWriter& number(std::int64_t value) {
    comma();
    char buffer[24];
    out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
    return *this;
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// A complete JSON value.
  JsonWriter& raw(std::string_view json) {
    comma();
    out_ += json;
    return *this;
  }
  /// For a value that the caller appends to out() itself.
  std::string& value_follows() {
    comma();
    return out_;
  }
  // Members of an object.
  JsonWriter& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, const std::string& text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  JsonWriter& member(std::string_view name, std::int64_t value) { return key(name).number(value); }
  /// The text, or null where it is empty.
  JsonWriter& member_or_null(std::string_view name, std::string_view text) {
    return text.empty() ? key(name).null() : key(name).string(text);
  }

 private:
  void comma() {
    if (needs_comma_) out_.push_back(',');
    needs_comma_ = true;
  }
  JsonWriter& open(char bracket) {
    comma();
    out_.push_back(bracket);
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_.push_back(bracket);
    needs_comma_ = true;
    return *this;
  }
  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace caravan::api

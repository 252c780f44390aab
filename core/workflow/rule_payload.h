#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "records/json.h"

/// Internal to core/workflow: what a rule's job was told.
namespace caravan::workflow {

/// Throws invalid_argument where something is missing: another attempt would not find it either.
class Payload {
 public:
  explicit Payload(std::string_view text) : json_(records::parse_json(text)) {}
  bool has(std::string_view name) const { return json_.find(name) != nullptr; }
  std::string text(std::string_view name) const {
    const auto* member = json_.find(name);
    const auto* text = member ? member->as<std::string>() : nullptr;
    if (text == nullptr) lacks(name);
    return *text;
  }
  /// Empty where it is missing.
  std::vector<std::string> list(std::string_view name) const {
    std::vector<std::string> out;
    const auto* member = json_.find(name);
    const auto* list = member ? member->as<records::Json::Array>() : nullptr;
    for (const records::Json& one : list != nullptr ? *list : records::Json::Array()) {
      if (const auto* text = one.as<std::string>()) out.push_back(*text);
    }
    return out;
  }
  std::int64_t number(std::string_view name) const {
    const auto* member = json_.find(name);
    const auto* number = member ? member->as<records::Json::Number>() : nullptr;
    if (number == nullptr) lacks(name);
    return std::strtoll(number->text.c_str(), nullptr, 10);
  }

 private:
  [[noreturn]] static void lacks(std::string_view name) {
    throw Error(ErrorCode::invalid_argument, "The payload of a rule's job lacks \"" + std::string(name) + "\"");
  }
  records::Json json_;
};

}  // namespace caravan::workflow

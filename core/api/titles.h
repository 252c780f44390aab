#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "records/service.h"

namespace caravan::api {

/// A field's label in a language; its name where it has none.
std::string_view label_of(const model::Field& field, std::string_view locale);
std::string_view label_of(const model::Text& label, std::string_view name, std::string_view locale);

/// What a reference to the record shows: its title field, else its number, else its id.
std::string title_of(const records::Record& record, std::string_view locale);

/// Titles of referenced records that the caller may see: collected first, then read with one query per
/// entity.
class Titles {
 public:
  void want(const model::Entity& entity, std::int64_t id) { wanted_[&entity].emplace(id, std::string()); }
  void load(const records::RecordService& records, const records::Context& context);
  /// nullptr where it was not asked for, is gone or may not be seen.
  const std::string* find(const model::Entity& entity, std::int64_t id) const;

 private:
  std::map<const model::Entity*, std::unordered_map<std::int64_t, std::string>> wanted_;
};

}  // namespace caravan::api

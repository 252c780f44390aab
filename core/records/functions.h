#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "expr/value.h"
#include "records/context.h"

namespace caravan::records {

/// Values with their names.
using NamedValues = std::vector<std::pair<std::string, expr::Value>>;

/// Port for what plugins compute for definitions, by `PLUGIN.FUNCTION`: null, bool, int, decimal, text, date and instant in and out. Thread-safe.
class Functions {
 public:
  virtual ~Functions() = default;
  virtual bool has(std::string_view function) const = 0;
  /// Throws unavailable where no plugin that is switched on offers it, and what the plugin refuses with.
  virtual NamedValues call(const Context& context, std::string_view function, const NamedValues& arguments) const = 0;
};

/// The answer called `value`; null where the function gave none.
expr::Value answer_of(const NamedValues& answers);
/// Whether the plugin itself failed or is paused, rather than the server.
bool is_plugins(const Error& error);

/// The value as the field's own type. Throws invalid_record naming the field and `source` where it is of another one.
expr::Value fitting(const model::Field& field, expr::Value value, std::string_view source, std::string_view locale);

}  // namespace caravan::records

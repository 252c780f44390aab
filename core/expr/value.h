#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/date_time.h"
#include "base/decimal.h"

namespace caravan::expr {

class Value;
class RecordView;

using List = std::vector<Value>;
/// Entries in insertion order; keys are unique by CEL equality.
using Map = std::vector<std::pair<Value, Value>>;

/// CEL bytes; apart from std::string so that the two do not mix.
struct Bytes {
  std::string data;
  bool operator==(const Bytes&) const = default;
};

/// CEL duration at full precision.
struct Duration {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;  ///< same sign as seconds
  bool operator==(const Duration&) const = default;
};

/// CEL's value of type `type`, e.g. `type(1)`.
struct TypeName {
  std::string name;
  bool operator==(const TypeName&) const = default;
};

/// What a field holds and what an expression yields. An empty field is null. Cheap to move; lists, maps and
/// records are shared and immutable.
class Value {
 public:
  using Data = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Decimal, std::string, Bytes,
                            Date, Timestamp, Duration, TypeName, std::shared_ptr<const List>,
                            std::shared_ptr<const Map>, std::shared_ptr<const RecordView>>;

  Value() = default;
  Value(bool v) : data_(v) {}
  Value(int v) : data_(std::int64_t{v}) {}
  Value(std::int64_t v) : data_(v) {}
  Value(std::uint64_t v) : data_(v) {}
  Value(double v) : data_(v) {}
  Value(Decimal v) : data_(v) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(Bytes v) : data_(std::move(v)) {}
  Value(Date v) : data_(v) {}
  Value(Timestamp v) : data_(v) {}
  Value(Duration v) : data_(v) {}
  Value(TypeName v) : data_(std::move(v)) {}
  Value(List v) : data_(std::make_shared<const List>(std::move(v))) {}
  Value(Map v) : data_(std::make_shared<const Map>(std::move(v))) {}
  Value(std::shared_ptr<const RecordView> v) : data_(std::move(v)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  /// The value as T, or nullptr where it is of another type.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  const List* as_list() const {
    const auto* p = std::get_if<std::shared_ptr<const List>>(&data_);
    return p ? p->get() : nullptr;
  }
  const Map* as_map() const {
    const auto* p = std::get_if<std::shared_ptr<const Map>>(&data_);
    return p ? p->get() : nullptr;
  }
  const Data& data() const { return data_; }

  /// Same type and same content; for storage and change detection, not CEL's `==`. Decimals compare with their scale.
  bool same_as(const Value& other) const;

 private:
  Data data_;
};

}  // namespace caravan::expr

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/date_time.h"
#include "base/error.h"
#include "storage/database.h"

/// Short forms for the few statements of this folder.
namespace caravan::auth {

inline constexpr storage::ColumnType instant_column{storage::ColumnType::Kind::instant, 0, 0};

inline void bind_one(storage::Statement& s, int index, std::int64_t value) {
  s.bind(index, value);
}
inline void bind_one(storage::Statement& s, int index, int value) {
  s.bind(index, std::int64_t{value});
}
inline void bind_one(storage::Statement& s, int index, std::string_view value) {
  s.bind(index, value);
}
inline void bind_one(storage::Statement& s, int index, const std::string& value) {
  s.bind(index, std::string_view(value));
}
inline void bind_one(storage::Statement& s, int index, const char* value) {
  s.bind(index, std::string_view(value));
}
inline void bind_one(storage::Statement& s, int index, Timestamp value) {
  s.bind(index, expr::Value(value), instant_column);
}
inline void bind_one(storage::Statement& s, int index, std::optional<Timestamp> value) {
  if (value) {
    bind_one(s, index, *value);
  } else {
    s.bind_null(index);
  }
}

/// A prepared statement with its parameters bound; reset when it goes out of scope.
class Query {
 public:
  template <class... Values>
  Query(storage::Session& session, std::string_view sql, const Values&... values)
      : statement_(session.prepare(sql)) {
    int index = 0;
    (bind_one(statement_, ++index, values), ...);
  }
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next() { return statement_.step(); }
  std::int64_t integer(int column) { return statement_.is_null(column) ? 0 : statement_.integer(column); }
  std::string text(int column) {
    return statement_.is_null(column) ? std::string() : std::string(statement_.text(column));
  }
  std::optional<Timestamp> instant(int column) {
    if (statement_.is_null(column)) return std::nullopt;
    const expr::Value value = statement_.value(column, instant_column);
    const auto* at = value.as<Timestamp>();
    return at ? std::optional(*at) : std::nullopt;
  }
  std::int64_t affected() { return statement_.affected(); }

 private:
  storage::Statement& statement_;
};

/// Executes a statement without result; returns the rows affected.
template <class... Values>
std::int64_t run_sql(storage::Session& session, std::string_view sql, const Values&... values) {
  Query query(session, sql, values...);
  query.next();
  return query.affected();
}

}  // namespace caravan::auth

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/date_time.h"
#include "storage/database.h"

/// Short forms for statements whose texts the code writes itself.
namespace caravan::storage {

inline constexpr ColumnType instant_column{ColumnType::Kind::instant, 0, 0};

inline void bind_one(Statement& s, int index, std::int64_t value) {
  s.bind(index, value);
}
inline void bind_one(Statement& s, int index, int value) {
  s.bind(index, std::int64_t{value});
}
inline void bind_one(Statement& s, int index, std::string_view value) {
  s.bind(index, value);
}
inline void bind_one(Statement& s, int index, const std::string& value) {
  s.bind(index, std::string_view(value));
}
inline void bind_one(Statement& s, int index, const char* value) {
  s.bind(index, std::string_view(value));
}
inline void bind_one(Statement& s, int index, Timestamp value) {
  s.bind(index, expr::Value(value), instant_column);
}

inline void bind_one(Statement& s, int index, std::optional<Timestamp> value) {
  if (value) {
    bind_one(s, index, *value);
  } else {
    s.bind_null(index);
  }
}

/// A prepared statement, reset when it goes out of scope. Texts that are bound live until then.
class Query {
 public:
  template <class... Values>
  Query(Session& session, std::string_view sql, const Values&... values) : statement_(session.prepare(sql)) {
    (add(values), ...);
  }
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  template <class Value>
  void add(const Value& value) {
    bind_one(statement_, ++index_, value);
  }
  void add_null() { statement_.bind_null(++index_); }
  void add_or_null(std::int64_t value) {
    if (value != 0) add(value);
    else add_null();
  }
  void add_or_null(std::string_view value) {
    if (!value.empty()) add(value);
    else add_null();
  }

  bool next() { return statement_.step(); }
  std::int64_t integer(int column) { return statement_.is_null(column) ? 0 : statement_.integer(column); }
  std::string text(int column) { return statement_.is_null(column) ? std::string() : std::string(statement_.text(column)); }
  std::optional<Timestamp> instant(int column) {
    if (statement_.is_null(column)) return std::nullopt;
    const expr::Value value = statement_.value(column, instant_column);
    const auto* at = value.as<Timestamp>();
    return at ? std::optional(*at) : std::nullopt;
  }
  std::int64_t affected() { return statement_.affected(); }

 private:
  Statement& statement_;
  int index_ = 0;
};

/// Executes a statement without result; returns the rows affected.
template <class... Values>
std::int64_t run_sql(Session& session, std::string_view sql, const Values&... values) {
  Query query(session, sql, values...);
  query.next();
  return query.affected();
}

/// Deletes at most `most` rows of `table` whose `column` is up to `until`, the oldest first; how many. `key` tells rows apart.
inline std::int64_t delete_oldest(Session& session, const std::string& table, const std::string& column, Timestamp until, std::int64_t most,
                                  const std::string& key = "id") {
  const std::string oldest = " FROM " + table + " WHERE " + column + " <= ? ORDER BY " + column + " LIMIT ?";
  return run_sql(session, session.dialect() == Dialect::mysql ? "DELETE" + oldest : "DELETE FROM " + table + " WHERE " + key + " IN (SELECT " + key + oldest + ")",
                 until, most);
}

/// Calls `each(begin, count, places)` for parts of `total` items so that few texts of statements come about: `places` is 64, 8
/// or 1, of which the first `count` are items and the rest repetitions of the last one.
template <class Each>
void in_parts(std::size_t total, Each&& each) {
  std::size_t at = 0;
  while (at < total) {
    const std::size_t left = total - at, places = left > 8 ? 64 : left > 1 ? 8 : 1, count = left < places ? left : places;
    each(at, count, places);
    at += count;
  }
}

/// `one, one, one`, `count` times.
inline std::string repeated(std::string_view one, std::string_view between, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(i == 0 ? "" : between).append(one);
  return out;
}

}  // namespace caravan::storage

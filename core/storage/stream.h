#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/database.h"

/// Results of any size, row by row, in constant memory, beside transactions: for exports and backups. On MariaDB the unbuffered
/// results of MySQL Connector/C++ on a connection of their own; on SQLite a reader that steps.
namespace caravan::storage {

/// One thread's. Errors as Session's.
class Stream {
 public:
  enum class Snapshot {
    statement,  ///< each query sees what was committed when it began
    consistent  ///< all queries see the moment of the first
  };
  /// `database` outlives it. Throws unavailable.
  static std::unique_ptr<Stream> open(Database& database, Snapshot snapshot = Snapshot::statement);
  virtual ~Stream() = default;
  /// The rows of a SELECT with `?` for parameters, to be stepped through; valid until the next query. Nothing can be bound to it.
  virtual Statement& query(const std::string& sql, const std::vector<expr::Value>& parameters = {}) = 0;
  virtual Dialect dialect() const = 0;
  virtual int columns() const = 0;  ///< of the present query
};

}  // namespace caravan::storage

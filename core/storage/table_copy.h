#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

/// Whole tables as they are, for backups: read at one moment while others write, and written into an empty database. Values are the
/// database's own texts and bytes, so a copy goes back to the same kind of database only.
namespace caravan::storage {

/// A row; absent: NULL. Valid during the call.
using RawRow = std::vector<std::optional<std::string_view>>;

/// All tables at one moment. One thread's. Errors as Session's.
class TableReader {
 public:
  /// Of a MariaDB database: one consistent snapshot.
  static std::unique_ptr<TableReader> open(Database& database);
  /// Of a file that copy_sqlite() made; leaves nothing beside it.
  static std::unique_ptr<TableReader> open_sqlite(const std::string& path);
  virtual ~TableReader() = default;
  virtual std::vector<std::string> tables() = 0;               ///< sorted
  virtual std::vector<std::string> columns(const std::string& table) = 0;
  virtual std::string create_sql(const std::string& table) = 0;
  /// In the order of the primary key.
  virtual void read(const std::string& table, const std::function<void(const RawRow&)>& row) = 0;
};

/// Copies the database's file by SQLite's backup API (https://www.sqlite.org/backup.html) as it is at one moment, while others write.
void copy_sqlite(Database& database, const std::string& to);
/// Reads the whole file, with its indexes. Throws unavailable where something in it is broken.
void check_sqlite(const std::string& path);
/// The path of a database's file; "" where it is none of SQLite's.
std::string sqlite_path(const std::string& url);

/// Writes rows into a MariaDB database.
class TableWriter {
 public:
  explicit TableWriter(Database& database);
  ~TableWriter();
  /// Tables that are there, with whether they hold rows.
  std::vector<std::pair<std::string, bool>> tables();
  void drop(const std::vector<std::string>& tables);
  void create(const std::string& sql);
  void begin(const std::string& table, const std::vector<std::string>& columns);
  void add(const RawRow& row);
  /// Commits what is left of the table.
  void end();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace caravan::storage

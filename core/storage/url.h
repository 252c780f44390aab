#pragma once

#include <string>

#include "storage/database.h"

namespace caravan::storage {

/// The parts of a database URL, percent-decoded.
struct DatabaseUrl {
  Dialect dialect = Dialect::sqlite;
  std::string path;                        ///< of SQLite: absolute
  std::string user, password, host, name;  ///< of MariaDB; host is empty where `socket` is set
  int port = 3306;
  std::string socket;
  std::string ssl_ca;                      ///< certificate file; TLS is demanded where set

  /// Without the password.
  std::string description() const;
};

/// Throws invalid_argument saying what is wrong; never repeats the password.
DatabaseUrl parse_url(const std::string& url);

}  // namespace caravan::storage

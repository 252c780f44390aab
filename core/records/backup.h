#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "records/file_store.h"
#include "storage/database.h"

/// Backups: a folder with the database as it was at one moment, the files that it speaks of, and a manifest with a checksum of every table and
/// file. Keys of sensitive fields are never in it: the manifest names those that its values need.
namespace caravan::records {

struct BackupTable {
  std::string name;
  std::int64_t rows = 0;
  std::string sha256;  ///< over all rows in the order of the primary key
};

struct BackupManifest {
  std::string dialect, program, created_at;
  std::vector<BackupTable> tables;
  std::vector<FileStore::Stored> files;
  std::vector<std::string> keys;  ///< ids of keys that sealed values need
};

/// Makes the backup in `folder`, which is made and must be empty, while others read and write. Throws invalid_argument, unavailable.
BackupManifest make_backup(storage::Database& database, const FileStore& files, const std::filesystem::path& folder, const std::string& program,
                           const std::string& now);

/// What the folder says of itself. Throws invalid_argument where it is no backup, or a newer one.
BackupManifest read_backup(const std::filesystem::path& folder);

struct RestoreOptions {
  std::string database_url;
  std::filesystem::path files;  ///< folder of the file store
  bool overwrite = false;       ///< what is there is lost
  bool verify = false;          ///< read everything again, and compare
};
struct RestoreResult {
  BackupManifest manifest;
  std::vector<std::string> differences;  ///< where `verify`: what is not equal; nothing should be
};
/// Brings a backup into an empty database. Throws, with nothing changed, conflict where there is data and not `overwrite`, or a server uses it, and
/// invalid_argument where a table or file of the backup is not what its manifest says.
RestoreResult restore_backup(const std::filesystem::path& folder, const RestoreOptions& options);

}  // namespace caravan::records

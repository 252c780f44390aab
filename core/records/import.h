#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/import_map.h"
#include "records/service.h"

namespace caravan::records {

struct RowError {
  std::int64_t row = 0;      ///< data row, counted from 1 after the header
  std::string column;        ///< of the file; empty where the mistake is the row's
  std::string message;
};

struct ImportReport {
  std::int64_t rows = 0, created = 0, updated = 0, unchanged = 0, failed = 0;
  std::map<std::string, std::int64_t> notes;  ///< what was mended or missing, and how often
  std::vector<RowError> errors;               ///< the first 1,000
  std::string error_file;                     ///< CSV of the failed rows with a column `error`; empty where none failed
};

/// Reads CSV (RFC 4180, UTF-8) and writes each row's records through the gate, in batches; the records of one row together
/// or not at all. Throws invalid_argument, before any row is written, where map and file do not fit or the CSV is
/// malformed. `dry_run`: everything but the commit, in one transaction.
ImportReport import_csv(const RecordService& records, const Context& context, const model::ImportMap& map, std::string_view csv,
                        bool dry_run);

}  // namespace caravan::records

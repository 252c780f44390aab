#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
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
  std::string line;          ///< of a batch: the row for the file of those that failed
};

struct ImportReport {
  std::int64_t rows = 0, created = 0, updated = 0, unchanged = 0, failed = 0;
  std::map<std::string, std::int64_t> notes;  ///< what was mended or missing, and how often
  std::vector<RowError> errors;               ///< the first 1,000
  std::string error_file;                     ///< the failed rows with a column `error`, as the file was written; empty where none failed
  std::string encoding;                       ///< of the file, as found out
  /// Adds the counts of a batch.
  void add(const ImportReport& batch);
};

class ImportSource;

/// What goes on beside the rows.
struct ImportSteps {
  std::int64_t skip = 0;                      ///< rows that an earlier attempt has done
  std::set<std::int64_t> failed = {};         ///< and which of them were refused
  /// After each batch, in its transaction (null: of a dry run): what is done so far, the batch alone, and how many rows are done. Called again where the
  /// transaction runs again.
  std::function<void(storage::Session*, const ImportReport& so_far, const ImportReport& batch, std::int64_t done)> kept;
  std::function<void(std::int64_t done, std::int64_t rows)> progress;  ///< after the commit
  std::function<Timestamp()> now;             ///< asked before each batch; else all happens at the context's moment
  std::function<bool()> stopping;             ///< true: ends between two batches with Error(unavailable)
};

/// Writes each row's records through the gate, in batches; the records of one row together or not at all. Throws invalid_argument,
/// before any row is written, where map and file do not fit. `dry_run`: everything but the commits;
/// what earlier batches have made counts for references and repeated external ids, but not for `unique` rules.
ImportReport import_rows(const RecordService& records, const Context& context, const model::ImportMap& map, ImportSource& source, bool dry_run,
                         const ImportSteps& steps);
/// First line of the file of rows that failed; empty where it has none.
std::string import_error_head(const model::ImportMap& map, const ImportSource& source);

/// A whole file, CSV or JSON lines, at once, with the report's `error_file`.
ImportReport import_csv(const RecordService& records, const Context& context, const model::ImportMap& map, std::string_view file, bool dry_run);

}  // namespace caravan::records

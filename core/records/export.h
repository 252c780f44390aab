#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "records/service.h"

/// Records as a file of any size, in constant memory, with the actor's rights: rows that he may not read are not there, hidden fields
/// have no column, masked ones show their mask, and who took what out is kept.
namespace caravan::records {

enum class ExportFormat : std::uint8_t { csv, jsonl, xlsx };

struct ExportQuery {
  ExportFormat format = ExportFormat::csv;
  std::string filter, sort, q;                 ///< as of a list; without `sort`, by id
  std::vector<const model::Field*> fields;     ///< columns, in order; empty: all that the actor sees
  bool guarded = true;                         ///< CSV: cells that a spreadsheet would take for a formula begin with `'`
  /// Columns and cells for people, in the context's language; null: technical names and values, which an import takes again.
  struct Labels {
    std::function<std::string(const model::Field&)> head;
    /// Before the cells of some records are asked for.
    std::function<void(const std::vector<Record>&)> prepare;
    std::function<std::string(const model::Field&, const Record&)> cell;
  };
  std::shared_ptr<Labels> labels;
};

struct ExportResult {
  std::int64_t rows = 0;
  std::int64_t cut = 0;                        ///< texts that were longer than a cell of a spreadsheet holds
};

/// Takes the file's bytes, piece by piece.
using ExportSink = std::function<void(std::string_view)>;

/// Writes the file: CSV and JSON lines to `sink`, XLSX to the file at `path`, with temporary files beside in `folder`. Throws as a list does.
ExportResult export_records(const RecordService& records, const Context& context, const model::Entity& entity, const ExportQuery& query,
                            const ExportSink& sink, const std::string& path = {}, const std::string& folder = {});

/// One entry of the log of exports.
struct ExportEntry {
  std::int64_t id = 0, user_id = 0, rows = 0;
  std::string entity, username, request_id, source, format, fields, filter;
  Timestamp at;
};
/// Newest first; `before`: an id, 0: from the newest.
std::vector<ExportEntry> list_exports(storage::Session& session, std::int64_t before, std::uint32_t limit);

/// The cell as a spreadsheet shows and never runs it: `'` before what begins with `=`, `+`, `-`, `@`, a tab or a line break. Reversible.
std::string guarded_cell(std::string text);
/// The text that guarded_cell() was given.
std::string_view unguarded_cell(std::string_view cell);

}  // namespace caravan::records

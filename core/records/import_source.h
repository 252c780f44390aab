#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/import_map.h"

/// Rows out of a file that somebody sent: CSV (RFC 4180) or JSON lines, in any encoding that ICU knows. libcsv and ICU stay inside
/// the .cpp.
namespace caravan::records {

/// How a file is written, as the map says or as was found out.
struct ImportFormat {
  model::ImportMap::Type type = model::ImportMap::Type::csv;
  char delimiter = ',';
  std::string encoding;              ///< `UTF-8`, `GB18030` …, as ICU names it
};

struct SourceRow {
  std::int64_t number = 0;           ///< counted from 1 after the header
  std::vector<std::string> cells;    ///< of JSON lines: by the header, empty where the line has no such member
};

/// One file, read from its beginning to its end. Memory is bounded by the longest row.
class ImportSource {
 public:
  /// `bytes` outlive it. Reads the file once to know that it is well-formed, and how many rows it has. Throws invalid_argument saying
  /// what is wrong and in which row.
  ImportSource(std::string_view bytes, const model::ImportMap& map);
  ~ImportSource();
  const ImportFormat& format() const;
  /// Names of the columns; of JSON lines, all members that some line has, in order of appearance.
  const std::vector<std::string>& header() const;
  std::int64_t rows() const;
  /// False after the last row. Cells are valid UTF-8, except those of a file that is said to be UTF-8 and is not.
  bool next(SourceRow& row);
  /// Begins again with the first row.
  void rewind();
  /// A row for the file of those that failed, with its line break. `extra`: names and values beside the row's own; they take the place of columns of
  /// that name. Without cells: the header, or nothing where there is none.
  std::string line(const std::vector<std::string>* cells, const std::vector<std::pair<std::string, std::string>>& extra) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The map of a file without one: its columns are fields of the entity, see model::plain_import_map(). Its name is `plain:SOURCE`.
model::ImportMap plain_map(const model::Entity& entity, const std::string& source, std::string_view bytes);
inline constexpr std::string_view plain_prefix = "plain:";

bool is_utf8(std::string_view text);
/// With U+FFFD for every byte that is no UTF-8: reports are read as text.
std::string readable(std::string_view text);
/// Appends a cell of CSV, in quotes where it needs them.
void write_csv_cell(std::string& out, std::string_view cell, char delimiter);

}  // namespace caravan::records

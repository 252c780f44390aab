#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/loader.h"

namespace caravan::model {

/// Where the value of a field comes from, and how a cell is treated. See docs/import.md for the words.
struct ImportField {
  enum class Source : std::uint8_t { column, text_template, value, record };
  enum class Unmapped : std::uint8_t { refuse, keep, note };
  enum class Empty : std::uint8_t { null, note, refuse };
  struct Mapped {
    std::string value;
    Origin at;
  };
  /// A piece of a template: literal text, or a column.
  struct Piece {
    bool column = false;
    std::string text;
  };

  const Field* field = nullptr;  ///< null for an external id
  Source source = Source::column;
  std::string text;              ///< the column, the value, or the record's name
  std::vector<Piece> pieces;     ///< of a template
  bool trim = true;
  std::map<std::string, Mapped, std::less<>> map;
  Unmapped unmapped = Unmapped::refuse;
  Empty empty = Empty::null;
  std::optional<Mapped> default_value;
  std::set<std::string, std::less<>> note;
  Origin at;
};

struct ImportRecord {
  std::string name;
  const Entity* entity = nullptr;
  ImportField external_id;
  std::vector<ImportField> fields;
};

/// How the rows of a file become records.
struct ImportMap {
  std::string name;
  Text label;                          ///< of those that are definitions
  Origin origin;
  const Entity* entity = nullptr;      ///< of the row's main record
  std::size_t main = 0;                ///< its index in `records`
  std::string source;
  char delimiter = ',';
  std::vector<ImportRecord> records;   ///< in the order in which a row makes them
};

struct ImportMapResult {
  std::optional<ImportMap> map;        ///< absent where there is an error
  std::vector<Diagnostic> diagnostics;
};

/// Parses and checks one import map against the Catalog, which outlives it. Never throws for bad input.
ImportMapResult load_import_map(const SourceFile& source, const Catalog& catalog);

}  // namespace caravan::model

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "expr/expression.h"
#include "model/catalog.h"
#include "model/loader.h"

namespace caravan::model {

/// Where the value of a field comes from, and how a cell is treated. See docs/import.md for the words.
struct ImportField {
  enum class Source : std::uint8_t { column, text_template, value, record, expression };
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
  /// Over `row`, `value` and `row_number`: the source itself, or what becomes of the cell of a column before `map`.
  std::shared_ptr<const expr::Program> program;
  std::string function;          ///< a plugin's, that changes the cell of a column after `program`; may be empty
  /// Of a reference: the cell is not an id but the value of a field by which the record is found.
  const Field* lookup = nullptr;
  enum class Missing : std::uint8_t { refuse, note, null } missing = Missing::refuse;
  std::string currency;          ///< column with the currency of an amount of money; may be empty
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
  std::shared_ptr<const expr::Program> when;  ///< over the same; whether the row makes it; null: always
  std::vector<ImportField> fields;
  bool sets_state = false;  ///< `state` may be among the fields, that in which a new record begins, and what is read-only
};

/// Something about rows that is counted in the report.
struct ImportNote {
  std::string name;
  Text label;
  std::shared_ptr<const expr::Program> when;  ///< over the same
};

/// Variables of a map's expressions, in their order.
enum ImportVariable : std::uint8_t { import_row, import_value, import_row_number };
const expr::Environment& import_environment();

/// How the rows of a file become records.
struct ImportMap {
  std::string name;
  Text label;                          ///< of those that are definitions
  Origin origin;
  const Entity* entity = nullptr;      ///< of the row's main record
  std::size_t main = 0;                ///< its index in `records`
  std::string source;
  enum class Type : std::uint8_t { detect, csv, jsonl } type = Type::detect;
  char delimiter = 0;                  ///< 0: found out from the file
  std::string encoding;                ///< ICU's name of it; empty: found out from the file
  /// What a row does whose main record an earlier row of the file has made.
  enum class Repeats : std::uint8_t { update, skip, refuse } repeats = Repeats::update;
  std::vector<ImportNote> notes;
  bool numbers_rows = false;           ///< some expression reads `row_number`
  bool guarded = false;                ///< cells of CSV begin with `'` where a spreadsheet would take them for a formula, as exports write them
  std::vector<ImportRecord> records;   ///< in the order in which a row makes them
};

/// The map of a file that an export wrote with technical names: columns are fields of the same name. A record is found again by its
/// `external_id` column, else by `id`; references point at what the same source brought before. Columns that are no fields are left out.
ImportMap plain_import_map(const Entity& entity, std::string source, const std::vector<std::string>& header);

struct ImportMapResult {
  std::optional<ImportMap> map;        ///< absent where there is an error
  std::vector<Diagnostic> diagnostics;
};

/// Parses and checks one import map against the Catalog, which outlives it. Never throws for bad input.
ImportMapResult load_import_map(const SourceFile& source, const Catalog& catalog);

}  // namespace caravan::model

#include "records/import.h"

#include <algorithm>
#include <csv.h>
#include <set>
#include <unicode/utf8.h>

#include "base/error.h"
#include "records/bulk.h"
#include "records/codec.h"

namespace caravan::records {
namespace {

using model::ImportField;
using Row = std::vector<std::string>;

constexpr std::size_t rows_per_transaction = 200;
constexpr std::size_t kept_errors = 1000;

/// The whole file as rows. Throws invalid_argument naming the row where the CSV breaks.
std::vector<Row> parse_csv(std::string_view text, char delimiter) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  struct State {
    std::vector<Row> rows;
    Row row;
  } state;
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error(ErrorCode::internal, "The CSV reader cannot start.");
  csv_set_delim(&parser, static_cast<unsigned char>(delimiter));
  // Cells are kept as they are; the map says what is trimmed.
  csv_set_space_func(&parser, [](unsigned char) { return 0; });
  const auto field = [](void* data, std::size_t size, void* target) {
    static_cast<State*>(target)->row.emplace_back(data ? static_cast<const char*>(data) : "", data ? size : 0);
  };
  const auto end = [](int, void* target) {
    auto* s = static_cast<State*>(target);
    s->rows.push_back(std::move(s->row));
    s->row.clear();
  };
  const std::size_t read = csv_parse(&parser, text.data(), text.size(), field, end, &state);
  const int finished = read == text.size() ? csv_fini(&parser, field, end, &state) : -1;
  const int error = csv_error(&parser);
  csv_free(&parser);
  if (finished != 0) {
    throw Error(ErrorCode::invalid_argument, "The CSV is malformed in row " + std::to_string(state.rows.size()) +
                                                 " (the header is row 0): " +
                                                 (error == CSV_EPARSE ? "a quote stands where none may, or is never closed."
                                                                      : csv_strerror(error)));
  }
  return std::move(state.rows);
}

bool valid_utf8(std::string_view text) {
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(reinterpret_cast<const std::uint8_t*>(text.data()), i, size, c);
    if (c < 0) return false;
  }
  return true;
}

void write_csv_row(std::string& out, const Row& row, char delimiter) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i) out.push_back(delimiter);
    const std::string& cell = row[i];
    if (cell.find_first_of("\"\r\n") == std::string::npos && cell.find(delimiter) == std::string::npos) {
      out += cell;
      continue;
    }
    out.push_back('"');
    for (const char c : cell) {
      if (c == '"') out.push_back('"');
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back('\n');
}

/// With U+FFFD for every byte that is no UTF-8: reports are read as text.
std::string readable(std::string_view text) {
  if (valid_utf8(text)) return std::string(text);
  std::string out;
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < size;) {
    const std::int32_t start = i;
    UChar32 c;
    U8_NEXT(reinterpret_cast<const std::uint8_t*>(text.data()), i, size, c);
    if (c < 0) out += "\xEF\xBF\xBD";
    else out.append(text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(i - start)));
  }
  return out;
}

/// In quotes, cut to about 60 bytes at a character's end.
std::string quoted(std::string_view cell) {
  std::size_t end = std::min<std::size_t>(cell.size(), 60);
  while (end < cell.size() && end > 0 && (static_cast<unsigned char>(cell[end]) & 0xC0) == 0x80) --end;
  return "\"" + readable(cell.substr(0, end)) + "\"";
}

/// The mistake of one row; undoes the row, never the import.
struct RowRefused {
  std::string column;
  std::string message;
};

class Importer {
 public:
  Importer(const Context& context, const model::ImportMap& map, const Row& header) : context_(context), map_(map), header_(header) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (!columns_.emplace(header[i], i).second) mistakes_.push_back({"", "duplicate-column", "The file has the column " + quoted(header[i]) + " twice."});
    }
    for (const auto& record : map.records) {
      check_columns(record.external_id);
      for (const auto& field : record.fields) {
        check_columns(field);
        check_values(field);
      }
    }
    if (mistakes_.empty()) return;
    std::string text = "The import map does not fit:";
    for (const auto& mistake : mistakes_) text += "\n" + mistake.message;
    throw Error(ErrorCode::invalid_argument, std::move(text), std::move(mistakes_));
  }

  /// Writes one row's records; adds to `notes` and says what became of the row.
  enum class Outcome { created, updated, unchanged };
  Outcome write(Work& work, const Row& row, std::map<std::string, std::int64_t>& notes) const {
    if (row.size() != header_.size()) {
      throw RowRefused{"", "The row has " + std::to_string(row.size()) + " cells, the header has " + std::to_string(header_.size()) + "."};
    }
    for (const auto& cell : row) {
      if (!valid_utf8(cell)) throw RowRefused{header_[static_cast<std::size_t>(&cell - row.data())], "The cell is not valid UTF-8."};
    }
    std::map<std::string_view, std::int64_t> made;
    Outcome outcome = Outcome::unchanged;
    for (std::size_t i = 0; i < map_.records.size(); ++i) {
      const model::ImportRecord& record = map_.records[i];
      const auto id = text_of(record.external_id, row, notes);
      if (!id || id->empty()) throw RowRefused{column_of(record.external_id), "The external id is empty."};
      if (id->size() > 190) throw RowRefused{column_of(record.external_id), "The external id has more than 190 bytes."};
      Input input;
      for (const auto& field : record.fields) input.emplace_back(field.field, value_of(field, row, made, notes));
      try {
        if (const auto stored = work.find_external(*record.entity, map_.source, *id)) {
          const Record changed = work.update(*record.entity, stored->id(), std::move(input), std::nullopt);
          made[record.name] = changed.id();
          if (changed.version() != stored->version() && outcome == Outcome::unchanged) outcome = Outcome::updated;
        } else {
          input.emplace_back(record.entity->fields[model::slot_external_source].get(), expr::Value(map_.source));
          input.emplace_back(record.entity->fields[model::slot_external_id].get(), expr::Value(*id));
          made[record.name] = work.create(*record.entity, std::move(input)).id();
          if (i == map_.main) outcome = Outcome::created;
          else if (outcome == Outcome::unchanged) outcome = Outcome::updated;
        }
      } catch (const Error& error) {
        refuse(record, error);
      }
    }
    return outcome;
  }

 private:
  std::string where(const model::Origin& at) const {
    return at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
  }

  void check_columns(const ImportField& field) {
    const auto check = [&](const std::string& column) {
      if (columns_.count(column) != 0) return;
      std::string names;
      for (const auto& name : header_) names += (names.empty() ? "" : ", ") + name;
      mistakes_.push_back({column, "unknown-column", where(field.at) + "the file has no column " + quoted(column) + "; it has " + names});
    };
    if (field.source == ImportField::Source::column) check(field.text);
    for (const auto& piece : field.pieces) {
      if (piece.column) check(piece.text);
    }
  }

  void check_values(const ImportField& field) {
    const auto check = [&](const std::string& value, const model::Origin& at) {
      try {
        parse_text(*context_.catalog, *field.field, value, context_.locale);
      } catch (const Error& error) {
        mistakes_.push_back({field.field->name, "bad-value", where(at) + quoted(value) + ": " + error.message()});
      }
    };
    for (const auto& [cell, mapped] : field.map) check(mapped.value, mapped.at);
    if (field.default_value) check(field.default_value->value, field.default_value->at);
    if (field.source == ImportField::Source::value) check(field.text, field.at);
  }

  const std::string& cell(const Row& row, const std::string& column) const { return row[columns_.at(column)]; }

  std::string column_of(const ImportField& field) const {
    if (field.source == ImportField::Source::column) return field.text;
    for (const auto& piece : field.pieces) {
      if (piece.column) return piece.text;
    }
    return {};
  }

  static std::string_view trimmed(const ImportField& field, std::string_view text) {
    if (!field.trim) return text;
    while (!text.empty() && std::string_view(" \t\r\n").find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
  }

  void note_empty(const ImportField& field, const std::string& column, std::map<std::string, std::int64_t>& notes) const {
    if (field.empty == ImportField::Empty::refuse) throw RowRefused{column, column + " is empty."};
    if (field.empty == ImportField::Empty::note) ++notes[column + " empty"];
  }

  /// The field's text for the row; nullopt leaves it empty.
  std::optional<std::string> text_of(const ImportField& field, const Row& row, std::map<std::string, std::int64_t>& notes) const {
    const auto fallback = [&]() -> std::optional<std::string> {
      if (field.default_value) return field.default_value->value;
      return std::nullopt;
    };
    if (field.source == ImportField::Source::value) return field.text;
    if (field.source == ImportField::Source::text_template) {
      std::string text;
      bool any = false, columns = false;
      for (const auto& piece : field.pieces) {
        if (!piece.column) {
          text += piece.text;
          continue;
        }
        columns = true;
        const std::string_view value = trimmed(field, cell(row, piece.text));
        if (value.empty()) note_empty(field, piece.text, notes);
        any = any || !value.empty();
        text += value;
      }
      return any || !columns ? std::optional<std::string>(std::move(text)) : fallback();
    }
    const std::string_view value = trimmed(field, cell(row, field.text));
    if (value.empty()) {
      note_empty(field, field.text, notes);
      return fallback();
    }
    if (field.map.empty()) {
      if (field.note.count(value) != 0) ++notes[field.text + " " + quoted(value)];
      return std::string(value);
    }
    if (const auto mapped = field.map.find(value); mapped != field.map.end()) {
      if (field.note.count(value) != 0) ++notes[field.text + " " + quoted(value) + " taken as " + quoted(mapped->second.value)];
      return mapped->second.value;
    }
    switch (field.unmapped) {
      case ImportField::Unmapped::keep: return std::string(value);
      case ImportField::Unmapped::note: ++notes[field.text + " " + quoted(value) + " is not in the map"]; return fallback();
      case ImportField::Unmapped::refuse: break;
    }
    throw RowRefused{field.text, field.text + " " + quoted(value) + " is not in the map."};
  }

  expr::Value value_of(const ImportField& field, const Row& row, const std::map<std::string_view, std::int64_t>& made,
                       std::map<std::string, std::int64_t>& notes) const {
    if (field.source == ImportField::Source::record) {
      const expr::Value id(made.at(field.text));
      return field.field->type == model::FieldType::refs ? expr::Value(expr::List{id}) : id;
    }
    const auto text = text_of(field, row, notes);
    if (!text) return {};
    try {
      return parse_text(*context_.catalog, *field.field, *text, context_.locale);
    } catch (const Error& error) {
      throw RowRefused{column_of(field), quoted(*text) + ": " + error.message()};
    }
  }

  [[noreturn]] void refuse(const model::ImportRecord& record, const Error& error) const {
    if (!is_refusal(error)) throw;
    RowRefused refused;
    std::set<std::string_view> said;  // fields that are wrong together have one sentence
    for (const auto& mistake : error.fields()) {
      for (const auto& field : record.fields) {
        if (refused.column.empty() && field.field->name == mistake.field) refused.column = column_of(field);
      }
      if (said.insert(mistake.message).second) refused.message += (refused.message.empty() ? "" : " ") + mistake.message;
    }
    if (refused.message.empty()) refused.message = error.message();
    throw refused;
  }

  const Context& context_;
  const model::ImportMap& map_;
  const Row& header_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<FieldError> mistakes_;
};

/// Ends a dry run's transaction.
struct DryRunOver {};

}  // namespace

ImportReport import_csv(const RecordService& records, const Context& context, const model::ImportMap& map, std::string_view csv,
                        bool dry_run) {
  const std::vector<Row> rows = parse_csv(csv, map.delimiter);
  if (rows.empty()) throw Error(ErrorCode::invalid_argument, "The file is empty; its first row must name the columns.");
  const Row& header = rows.front();
  for (const auto& name : header) {
    if (!valid_utf8(name)) throw Error(ErrorCode::invalid_argument, "The file's first row is not UTF-8; save the file as UTF-8.");
  }
  const Importer importer(context, map, header);
  // A file of failed rows that was mended has the last report's column `error`; it is written anew.
  const auto old_error = std::find(header.begin(), header.end(), "error");
  const auto error_column = old_error - header.begin();

  ImportReport report;
  report.rows = static_cast<std::int64_t>(rows.size()) - 1;
  const std::size_t step = dry_run ? std::max<std::size_t>(rows.size(), 1) : rows_per_transaction;
  for (std::size_t begin = 1; begin < rows.size(); begin += step) {
    const std::size_t end = std::min(begin + step, rows.size());
    ImportReport batch;
    try {
      records.transact(
          context,
          [&](Work& work) {
            batch = ImportReport();  // a batch that lost a race runs again from its start
            for (std::size_t i = begin; i < end; ++i) {
              std::map<std::string, std::int64_t> notes;
              Savepoint savepoint(work.session());
              try {
                switch (importer.write(work, rows[i], notes)) {
                  case Importer::Outcome::created: ++batch.created; break;
                  case Importer::Outcome::updated: ++batch.updated; break;
                  case Importer::Outcome::unchanged: ++batch.unchanged; break;
                }
                savepoint.keep();
                for (const auto& [note, count] : notes) batch.notes[note] += count;
              } catch (const RowRefused& refused) {
                savepoint.undo();
                ++batch.failed;
                batch.errors.push_back({static_cast<std::int64_t>(i), refused.column, refused.message});
                Row failed;
                for (const auto& cell : rows[i]) failed.push_back(readable(cell));
                // A row with too few or too many cells keeps them, so that it is refused again until it is mended.
                if (old_error == header.end()) failed.push_back(refused.message);
                else if (failed.size() == header.size()) failed[static_cast<std::size_t>(error_column)] = refused.message;
                write_csv_row(batch.error_file, failed, map.delimiter);
              }
            }
            if (dry_run) throw DryRunOver();
          },
          static_cast<std::int64_t>((end - begin) * map.records.size()));
    } catch (const DryRunOver&) {
    }
    report.created += batch.created;
    report.updated += batch.updated;
    report.unchanged += batch.unchanged;
    report.failed += batch.failed;
    for (const auto& [note, count] : batch.notes) report.notes[note] += count;
    for (auto& error : batch.errors) {
      if (report.errors.size() < kept_errors) report.errors.push_back(std::move(error));
    }
    report.error_file += batch.error_file;
  }
  if (report.failed > 0) {
    Row head = header;
    if (old_error == header.end()) head.emplace_back("error");
    std::string file;
    write_csv_row(file, head, map.delimiter);
    report.error_file = file + report.error_file;
  }
  return report;
}

}  // namespace caravan::records

#include "records/export.h"

#include <xlsxwriter.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/import_source.h"
#include "records/json.h"
#include "records/looks.h"
#include "records/messages.h"
#include "records/plans.h"
#include "records/query.h"
#include "records/rows.h"
#include "storage/query.h"
#include "storage/sequence.h"
#include "storage/stream.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::FieldType;

constexpr std::size_t records_at_once = 500;
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr lxw_row_t sheet_rows = LXW_ROW_MAX;      ///< 1,048,576
constexpr std::size_t longest_cell = 32'767;       ///< characters of a cell of XLSX
constexpr int exact_digits = 15;                   ///< of a number in a spreadsheet

/// Where a text is a formula to some spreadsheet.
bool is_formula(std::string_view text) { return !text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos; }

bool is_text(const Field& field) {
  switch (field.type) {
    case FieldType::text:
    case FieldType::localized:
    case FieldType::json:
    case FieldType::choice:
    case FieldType::multi: return true;
    default: return false;
  }
}

/// As an import takes it again.
std::string technical(const Field& field, const expr::Value& value) {
  if (value.is_null()) return {};
  std::string json;
  write_value(json, field, value);
  if (field.type == FieldType::json || field.type == FieldType::localized) return json;
  if (const auto* list = value.as_list()) {
    std::string out;
    for (const auto& one : *list) {
      const auto* text = one.as<std::string>();
      const auto* id = one.as<std::int64_t>();
      if (text != nullptr && text->find_first_of(";[ ") != std::string::npos) return json;
      out += (out.empty() ? "" : ";") + (text ? *text : id ? std::to_string(*id) : std::string());
    }
    return out;
  }
  if (const auto* text = value.as<std::string>()) return *text;
  // Numbers and days in quotes or bare.
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

std::string currency_of(const Context& context, const expr::Value& value) {
  const auto* amount = value.as<Decimal>();
  if (amount == nullptr) return {};
  const std::string code(amount->currency_code());
  return code.empty() ? context.catalog->agency.currency : code;
}

/// What rows become.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void begin() {}
  virtual void row(const Record& record) = 0;
  virtual void end() {}
  std::int64_t cut = 0;
};

struct Columns {
  const Context& context;
  const ExportQuery& query;
  std::vector<const Field*> fields;

  std::string head(const Field& field) const { return query.labels ? query.labels->head(field) : field.name; }
  std::string cell(const Field& field, const Record& record) const {
    return query.labels ? query.labels->cell(field, record) : technical(field, record[field.slot]);
  }
};

class CsvWriter final : public Writer {
 public:
  CsvWriter(const Columns& columns, const ExportSink& sink) : columns_(columns), sink_(sink) {}
  void begin() override {
    // Spreadsheets take a file without a mark for one of their own country's encoding.
    if (columns_.query.labels) out_ = "\xEF\xBB\xBF";
    bool first = true;
    for (const Field* field : columns_.fields) {
      add(columns_.head(*field), true, first);
      if (field->type == FieldType::money) add(columns_.query.labels ? columns_.head(*field) + " ¤" : field->name + "_currency", true, first);
    }
    out_ += "\r\n";
  }
  void row(const Record& record) override {
    bool first = true;
    for (const Field* field : columns_.fields) {
      add(columns_.cell(*field, record), is_text(*field) || columns_.query.labels != nullptr, first);
      if (field->type == FieldType::money) add(currency_of(columns_.context, record[field->slot]), false, first);
    }
    out_ += "\r\n";
    if (out_.size() >= piece_bytes) flush();
  }
  void end() override { flush(); }

 private:
  void add(std::string text, bool guard, bool& first) {
    if (!first) out_ += ',';
    first = false;
    // A number that is negative is a number.
    if (guard && columns_.query.guarded && !(columns_.query.labels && parse_decimal(text))) text = guarded_cell(std::move(text));
    write_csv_cell(out_, text, ',');
  }
  void flush() {
    sink_(out_);
    out_.clear();
  }
  const Columns& columns_;
  const ExportSink& sink_;
  std::string out_;
};

class JsonWriter final : public Writer {
 public:
  JsonWriter(const Columns& columns, const ExportSink& sink) : columns_(columns), sink_(sink) {
    for (const Field* field : columns.fields) slots_.push_back(field->slot);
  }
  void row(const Record& record) override {
    if (columns_.query.labels) {
      out_ += '{';
      bool first = true;
      for (const Field* field : columns_.fields) {
        if (!first) out_ += ',';
        first = false;
        write_json_string(out_, columns_.head(*field));
        out_ += ':';
        write_json_string(out_, columns_.cell(*field, record));
      }
      out_ += '}';
    } else {
      write_json(out_, record, slots_);
    }
    out_ += '\n';
    if (out_.size() >= piece_bytes) flush();
  }
  void end() override { flush(); }

 private:
  void flush() {
    sink_(out_);
    out_.clear();
  }
  const Columns& columns_;
  const ExportSink& sink_;
  std::vector<std::uint32_t> slots_;
  std::string out_;
};

/// libxlsxwriter in constant-memory mode (https://libxlsxwriter.github.io/working_with_memory.html). Texts are written as texts, never as formulas.
class XlsxWriter final : public Writer {
 public:
  XlsxWriter(const Columns& columns, const std::string& path, const std::string& folder) : columns_(columns), folder_(folder) {
    lxw_workbook_options options{};
    options.constant_memory = LXW_TRUE;
    options.tmpdir = folder_.empty() ? nullptr : folder_.data();
    book_ = workbook_new_opt(path.c_str(), &options);
    if (book_ == nullptr) throw Error(ErrorCode::unavailable, "The spreadsheet cannot be begun.");
    bold_ = workbook_add_format(book_);
    format_set_bold(bold_);
    day_ = workbook_add_format(book_);
    format_set_num_format(day_, "yyyy-mm-dd");
  }
  ~XlsxWriter() override {
    if (book_ != nullptr) workbook_close(book_);
  }
  void begin() override { new_sheet(); }
  void row(const Record& record) override {
    if (next_ == sheet_rows) new_sheet();
    lxw_col_t column = 0;
    for (const Field* field : columns_.fields) {
      const expr::Value& value = record[field->slot];
      if (value.is_null()) {
      } else if (const auto* day = value.as<Date>()) {
        // Days since 1899-12-30, as spreadsheets count.
        if (day->days >= 60 - 25'569) worksheet_write_number(sheet_, next_, column, static_cast<double>(day->days) + 25'569, day_);
        else text(column, format_date(*day));
      } else if (!number(*field, value, column)) {
        text(column, columns_.cell(*field, record));
      }
      ++column;
      if (field->type == FieldType::money) text(column++, currency_of(columns_.context, value));
    }
    ++next_;
  }
  void end() override {
    const lxw_error error = workbook_close(book_);
    book_ = nullptr;
    if (error != LXW_NO_ERROR) throw Error(ErrorCode::unavailable, std::string("The spreadsheet cannot be written: ") + lxw_strerror(error) + ".");
  }

 private:
  void new_sheet() {
    sheet_ = workbook_add_worksheet(book_, nullptr);
    if (sheet_ == nullptr) throw Error(ErrorCode::unavailable, "The spreadsheet cannot be written.");
    next_ = 0;
    lxw_col_t column = 0;
    for (const Field* field : columns_.fields) {
      text(column++, columns_.head(*field), bold_);
      if (field->type == FieldType::money) text(column++, columns_.query.labels ? columns_.head(*field) + " ¤" : field->name + "_currency", bold_);
    }
    worksheet_freeze_panes(sheet_, 1, 0);
    ++next_;
  }
  /// Numbers that a spreadsheet keeps exactly.
  bool number(const Field& field, const expr::Value& value, lxw_col_t column) {
    std::string digits;
    if (field.type == FieldType::integer && value.is<std::int64_t>()) digits = std::to_string(*value.as<std::int64_t>());
    else if (const auto* amount = value.as<Decimal>()) digits = format_decimal(Decimal{amount->unscaled, amount->scale, {0, 0, 0}});
    if (digits.empty()) return false;
    if (std::count_if(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }) > exact_digits) return false;
    worksheet_write_number(sheet_, next_, column, std::strtod(digits.c_str(), nullptr), nullptr);
    return true;
  }
  void text(lxw_col_t column, const std::string& text, lxw_format* format = nullptr) {
    if (text.empty()) return;
    std::string_view shown = text;
    // Characters are counted by their first bytes.
    if (text.size() > longest_cell) {
      std::size_t characters = 0, at = 0;
      while (at < text.size() && characters < longest_cell) {
        const auto lead = static_cast<unsigned char>(text[at]);
        characters += lead >= 0xF0 ? 2 : 1;
        at += lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
      }
      if (at < text.size()) {
        shown = shown.substr(0, at);
        while (!shown.empty() && characters-- > longest_cell) shown.remove_suffix(1);
        ++cut;
      }
    }
    worksheet_write_string(sheet_, next_, column, shown.size() == text.size() ? text.c_str() : std::string(shown).c_str(), format);
  }

  const Columns& columns_;
  std::string folder_;
  lxw_workbook* book_ = nullptr;
  lxw_worksheet* sheet_ = nullptr;
  lxw_format *bold_ = nullptr, *day_ = nullptr;
  lxw_row_t next_ = 0;
};

}  // namespace

std::string guarded_cell(std::string text) {
  if (is_formula(std::string_view(text).substr(std::min(text.find_first_not_of('\''), text.size())))) text.insert(text.begin(), '\'');
  return text;
}

std::string_view unguarded_cell(std::string_view cell) {
  if (cell.starts_with('\'') && is_formula(cell.substr(std::min(cell.find_first_not_of('\''), cell.size())))) cell.remove_prefix(1);
  return cell;
}

ExportResult export_records(const RecordService& records, const Context& context, const Entity& entity, const ExportQuery& query, const ExportSink& sink,
                            const std::string& path, const std::string& folder) {
  storage::Database& database = records.database();
  const Plans plans(context.catalog, database.dialect());
  const EntityPlan& plan = plans.of(entity);
  const FieldRights rights = field_rights(context, entity);
  ReadRule rule;
  {
    const auto session = database.read();
    rule = read_rule(context, entity, *session);
  }
  if (rule.kind == ReadRule::Kind::never) {
    throw Error(ErrorCode::forbidden, message("forbidden_read", context.locale, {entity.label.in(context.locale)}));
  }
  Columns columns{context, query, query.fields};
  if (columns.fields.empty()) {
    for (const auto& field : entity.fields) columns.fields.push_back(field.get());
  }
  std::erase_if(columns.fields, [&](const Field* field) { return rights.of(*field) == model::FieldRight::hidden; });
  std::vector<std::uint32_t> slots;
  std::string names;
  for (const Field* field : columns.fields) {
    slots.push_back(field->slot);
    names.append(names.empty() ? "" : ",").append(field->name);
  }
  const RowShape shape = row_shape(plan, plans.dialect(), slots, rights);
  const Condition where = condition_of(context, plans, plan, rule, rights, query.filter, query.q);
  std::string sql = "SELECT " + shape.select_list + plan.from + where.where();
  const auto sort = query.sort.empty() ? std::vector<model::SortKey>{{entity.fields[model::slot_id].get(), false}} : sort_keys(context, entity, rights, query.sort);
  bool first = true;
  for (const auto& key : sort) {
    sql += (first ? " ORDER BY r." : ", r.") + storage::quote(plans.dialect(), key.field->column) + (key.descending ? " DESC" : "");
    first = false;
  }

  std::unique_ptr<Writer> writer;
  switch (query.format) {
    case ExportFormat::csv: writer = std::make_unique<CsvWriter>(columns, sink); break;
    case ExportFormat::jsonl: writer = std::make_unique<JsonWriter>(columns, sink); break;
    case ExportFormat::xlsx: writer = std::make_unique<XlsxWriter>(columns, path, folder); break;
  }
  writer->begin();
  ExportResult result;
  storage::Sequences sequences(database, static_cast<std::int64_t>(records_at_once));
  std::vector<Record> batch;
  std::vector<Shown> shown;
  const auto write = [&] {
    if (query.labels && query.labels->prepare) query.labels->prepare(batch);
    for (const Record& record : batch) writer->row(record);
    result.rows += static_cast<std::int64_t>(batch.size());
    batch.clear();
    if (!shown.empty()) log_looks(database, sequences, context, entity, shown);
    shown.clear();
  };
  {
    const auto stream = storage::Stream::open(database);
    storage::Statement& rows = stream->query(sql, where.parameters);
    while (rows.step()) {
      Record& record = batch.emplace_back(read_row(entity, shape, rows));
      if (shape.tells_sensitive) {
        if (std::string fields = shown_fields(record); !fields.empty()) shown.push_back({record.id(), std::move(fields)});
      }
      if (rights.redacts()) redact(rights, record);
      if (batch.size() == records_at_once) write();
    }
    write();
  }
  writer->end();
  result.cut = writer->cut;

  static constexpr const char* formats[] = {"csv", "jsonl", "xlsx"};
  const std::int64_t id = storage::Sequences(database, 1).next("export_log");
  std::string filter = query.filter + (query.q.empty() ? "" : (query.filter.empty() ? "q: " : "; q: ") + query.q);
  std::replace(filter.begin(), filter.end(), filter_separator, ' ');
  database.transact([&](storage::Session& session) {
    storage::Query insert(session,
                          "INSERT INTO export_log (id, entity, at, user_id, username, request_id, source, format, fields, filter, exported) VALUES "
                          "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          id, entity.full_name, context.now);
    insert.add_or_null(context.actor.user_id);
    insert.add(context.actor.username);
    insert.add(context.request_id);
    insert.add(context.source);
    insert.add(formats[static_cast<int>(query.format)]);
    insert.add(names);
    insert.add(filter);
    insert.add(result.rows);
    insert.next();
  });
  return result;
}

std::vector<ExportEntry> list_exports(storage::Session& session, std::int64_t before, std::uint32_t limit) {
  std::vector<ExportEntry> entries;
  storage::Query query(session,
                       "SELECT id, entity, at, user_id, username, request_id, source, format, fields, filter, exported FROM export_log WHERE id < ? ORDER BY id DESC LIMIT ?",
                       before == 0 ? INT64_MAX : before, static_cast<std::int64_t>(limit));
  while (query.next()) {
    ExportEntry entry;
    entry.id = query.integer(0);
    entry.entity = query.text(1);
    entry.at = query.instant(2).value_or(Timestamp{});
    entry.user_id = query.integer(3);
    entry.username = query.text(4);
    entry.request_id = query.text(5);
    entry.source = query.text(6);
    entry.format = query.text(7);
    entry.fields = query.text(8);
    entry.filter = query.text(9);
    entry.rows = query.integer(10);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace caravan::records

#include "records/import.h"

#include <algorithm>
#include <chrono>
#include <charconv>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "records/access.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/export.h"
#include "records/functions.h"
#include "records/import_source.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/plans.h"
#include "records/query.h"
#include "records/value_text.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::ImportField;
using Row = std::vector<std::string>;
using Notes = std::map<std::string, std::int64_t>;

constexpr std::size_t rows_per_transaction = 200, rows_per_try = 1000;
constexpr std::size_t kept_errors = 1000;
constexpr int batches_not_asked = 10;      ///< after one most of whose records were there
constexpr int careful_batches = 5;         ///< after one in which a row was refused
constexpr std::size_t most_notes = 2000;  ///< different ones; the rest is counted together

void add_note(Notes& notes, const std::string& note, std::int64_t count = 1) {
  const auto found = notes.find(note);
  if (found != notes.end()) found->second += count;
  else if (notes.size() < most_notes) notes.emplace(note, count);
  else notes["further notes"] += count;
}

/// Which rows and main records the file has had so far: 16 bytes each at most.
class SeenHashes {
 public:
  bool has(std::uint64_t hash) const { return !slots_.empty() && slots_[place(hash)] != 0; }
  void add(std::uint64_t hash) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    std::uint64_t& slot = slots_[place(hash)];
    if (slot == 0) ++used_;
    slot = hash;
  }

 private:
  std::size_t place(std::uint64_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> before(std::max<std::size_t>(slots_.size() * 2, 1024));
    before.swap(slots_);
    for (const std::uint64_t hash : before) {
      if (hash != 0) slots_[place(hash)] = hash;
    }
  }
  std::vector<std::uint64_t> slots_;  ///< 0: free
  std::size_t used_ = 0;
};

/// Never 0.
std::uint64_t hash_of(std::string_view text, std::uint64_t before = 14695981039346656037u) {
  for (const char c : text) before = (before ^ static_cast<unsigned char>(c)) * 1099511628211u;
  before ^= before >> 32;
  return before == 0 ? 1 : before;
}

/// In quotes, cut to 60 bytes at a character's end.
std::string quoted(std::string_view cell) { return "\"" + readable(cut_text(cell, 60)) + "\""; }

/// The mistake of one row; undoes the row, never the import.
struct RowRefused {
  std::string column;
  std::string message;
};

/// A record that was not there when its batch began is there now: the row is undone and written again.
struct Appeared {};

/// A row was refused when some of its batch had been written in the hope that none would be: the batch is undone and written carefully.
struct Careless {};

class Importer {
 public:
  Importer(const RecordService& records, const Context& context, const model::ImportMap& map, const ImportSource& source, bool dry_run)
      : context_(context), map_(map), dry_run_(dry_run), header_(source.header()), decoded_(source.format().encoding != "UTF-8"), encoding_(source.format().encoding) {
    const Row& header = header_;
    needs_row_ = std::any_of(map.notes.begin(), map.notes.end(), [](const auto& note) { return note.when != nullptr; });
    for (const auto& record : map.records) {
      const auto reads = [](const ImportField& field) { return field.program != nullptr || !field.function.empty(); };
      needs_row_ = needs_row_ || record.when || reads(record.external_id) || std::any_of(record.fields.begin(), record.fields.end(), reads);
      for (const auto& field : record.fields) {
        if (!field.function.empty()) offered(records, field);
        if (field.lookup == nullptr) continue;
        looked_up_.insert(field.lookup);
        if (!plans_) plans_ = std::make_unique<Plans>(context.catalog, records.database().dialect());
        require_readable(context, *field.field->target, *field.lookup);
      }
    }
    const auto numbered = std::find(header.begin(), header.end(), "error_row");
    if (map.numbers_rows && numbered != header.end()) number_column_ = static_cast<std::size_t>(numbered - header.begin());
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

  /// What identifies the row's main record in the file; 0 where it makes none, or none that could be made.
  std::uint64_t main_id(const SourceRow& row) {
    Notes ignored;
    try {
      begin(row);
      if (row.cells.size() != header_.size() || !made(map_.records[map_.main])) return 0;
      const auto id = external_id(map_.records[map_.main], row.cells, ignored);
      return hash_of(id);
    } catch (const RowRefused&) {
      return 0;
    }
  }
  static std::uint64_t content(const SourceRow& row) {
    std::uint64_t hash = hash_of("");
    for (const auto& cell : row.cells) hash = hash_of(cell, hash_of(std::string_view("\0", 1), hash));
    return hash;
  }

  /// Of the row that was written last, as the file it came from first counted it.
  std::int64_t number() const { return number_; }

  /// Whether plugins have had so much of this batch's time that its transaction should end.
  bool long_in_functions() const { return in_functions_ >= std::chrono::milliseconds(500); }

  /// A new attempt at a batch: what was looked up may be gone. Asks at once which of its records are there.
  void begin_batch(storage::Session& session, const std::vector<SourceRow>& rows) {
    in_functions_ = {};
    found_.clear();
    made_now_.clear();
    absent_.clear();
    if (not_asking_ > 0) {
      --not_asking_;
      return;
    }
    for (const SourceRow& row : rows) {
      if (row.cells.size() != header_.size()) continue;
      begin(row);
      for (const model::ImportRecord& record : map_.records) {
        if (!record.external_id.function.empty()) continue;  // a plugin is asked when the row is written
        try {
          Notes ignored;
          if (!made(record)) continue;
          if (std::string id = external_id(record, row.cells, ignored); is_utf8(id)) absent_[record.entity].insert(std::move(id));
        } catch (const RowRefused&) {  // writing it says why
        }
      }
    }
    std::size_t asked = 0, left = 0;
    for (auto& [entity, absent] : absent_) {
      asked += absent.size();
      forget_present(session, *entity, absent);
      left += absent.size();
    }
    // A file that comes again: its records are looked for one by one in any case.
    if (left * 2 < asked) not_asking_ = batches_not_asked;
  }
  /// The row was undone, and what was found may have been made by it.
  void undone() {
    found_.clear();
    made_now_.resize(row_made_from_);
  }
  /// The batch is over. What a try has made is gone, and known here.
  void end_batch() {
    for (const std::uint64_t made : made_now_) made_.add(made);
    made_now_.clear();
  }

  Outcome write(Work& work, const SourceRow& source, Notes& notes) {
    const Row& row = source.cells;
    if (row.size() != header_.size()) {
      throw RowRefused{"", say("import_cells", {std::to_string(row.size()), std::to_string(header_.size())})};
    }
    for (const auto& cell : row) {
      const bool broken = decoded_ ? cell.find("\xEF\xBF\xBD") != std::string::npos : !is_utf8(cell);
      if (broken) throw RowRefused{header_[static_cast<std::size_t>(&cell - row.data())], say("import_encoding", {encoding_})};
    }
    begin(source);
    for (const auto& note : map_.notes) {
      if (evaluate(*note.when, "").is_true()) add_note(notes, note.label.empty() ? note.name : note.label.in(context_.locale));
    }
    std::map<std::string_view, std::int64_t> made_here;
    Outcome outcome = Outcome::unchanged;
    for (std::size_t i = 0; i < map_.records.size(); ++i) {
      const model::ImportRecord& record = map_.records[i];
      if (!made(record)) continue;
      const std::string id = external_id(record, row, notes);
      const bool before = dry_run_ && made_.has(made_key(*record.entity, *record.entity->fields[model::slot_external_id], id));
      Input input;
      elsewhere_.clear();
      for (const auto& field : record.fields) {
        const std::size_t known = elsewhere_.size();
        expr::Value value = value_of(work, field, row, made_here, notes);
        if (elsewhere_.size() == known) input.emplace_back(field.field, std::move(value));
      }
      bool creates = false;
      const auto asked = absent_.find(record.entity);
      const bool absent = asked != absent_.end() && asked->second.erase(id) != 0;
      try {
        if (const auto stored = absent ? std::nullopt : work.find_external(*record.entity, map_.source, id)) {
          // Here it goes its own way.
          if (record.sets_state) std::erase_if(input, [](const auto& one) { return one.first->slot == model::slot_state || one.first->read_only; });
          const Record changed = work.update(*record.entity, stored->id(), std::move(input), std::nullopt);
          made_here[record.name] = changed.id();
          note_made(changed);
          if (changed.version() != stored->version() && outcome == Outcome::unchanged) outcome = Outcome::updated;
        } else {
          creates = true;
          input.emplace_back(record.entity->fields[model::slot_external_source].get(), expr::Value(map_.source));
          input.emplace_back(record.entity->fields[model::slot_external_id].get(), expr::Value(id));
          made_here[record.name] = would_be_made;
          const Record made = work.create(*record.entity, std::move(input));
          made_here[record.name] = made.id();
          note_made(made);
        }
      } catch (const Error& error) {
        // Another's unique key, or the record itself: what a rule has made since the batch began.
        if (absent && error.code() == ErrorCode::conflict) throw Appeared();
        if (!lacks_only_what_is_elsewhere(error)) refuse(record, error);
      }
      if (creates && i == map_.main) outcome = before ? Outcome::updated : Outcome::created;
      else if (creates && outcome == Outcome::unchanged) outcome = Outcome::updated;
    }
    return outcome;
  }

 private:
  static constexpr std::int64_t would_be_made = 0;

  static std::uint64_t made_key(const model::Entity& entity, const model::Field& field, std::string_view text) {
    return hash_of(text, hash_of(field.name, hash_of(entity.full_name)));
  }

  /// By what a later batch of a try, when it is gone again, would have found it.
  void note_made(const Record& record) {
    if (!dry_run_) return;
    const auto note = [&](const model::Field& field) {
      const auto text = cell_text(record[field.slot]);
      if (text) made_now_.push_back(made_key(record.entity(), field, *text));
    };
    const model::Field& external = *record.entity().fields[model::slot_external_id];
    note(external);
    for (const auto& field : record.entity().fields) {
      if (field.get() != &external && looked_up_.count(field.get()) != 0) note(*field);
    }
  }

  /// Of a try: whether the record is refused only for references to what an earlier batch of it had made.
  bool lacks_only_what_is_elsewhere(const Error& error) const {
    return !elsewhere_.empty() && error.code() == ErrorCode::invalid_record && !error.fields().empty() &&
           std::all_of(error.fields().begin(), error.fields().end(), [&](const FieldError& mistake) {
             return mistake.code == "required" && std::any_of(elsewhere_.begin(), elsewhere_.end(), [&](const model::Field* field) { return field->name == mistake.field; });
           });
  }

  /// Leaves the external ids under which there is no record.
  void forget_present(storage::Session& session, const model::Entity& entity, std::unordered_set<std::string>& ids) const {
    constexpr std::size_t places = 256;
    const auto column = [&](model::SystemSlot slot) { return storage::quote(session.dialect(), entity.fields[slot]->column); };
    const std::string sql = "SELECT " + column(model::slot_external_id) + " FROM " + storage::quote(session.dialect(), entity.table_name) + " WHERE " +
                            column(model::slot_external_source) + " = ? AND " + column(model::slot_external_id) + " IN (" + storage::repeated("?", ", ", places) + ")";
    const std::vector<std::string> asked(ids.begin(), ids.end());
    for (std::size_t begin = 0; begin < asked.size(); begin += places) {
      storage::Query query(session, sql, map_.source);
      for (std::size_t i = 0; i < places; ++i) query.add(asked[std::min(begin + i, asked.size() - 1)]);
      while (query.next()) ids.erase(query.text(0));
    }
  }

  /// What the expressions see of the row.
  void begin(const SourceRow& row) {
    number_ = row.number;
    row_made_from_ = made_now_.size();
    if (number_column_ && *number_column_ < row.cells.size()) {
      const std::string& text = row.cells[*number_column_];
      std::int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code == std::errc() && end == text.data() + text.size() && number > 0) number_ = number;
    }
    row_json_.clear();
    if (!needs_row_) return;
    expr::Map cells;
    cells.reserve(row.cells.size());
    for (std::size_t i = 0; i < row.cells.size() && i < header_.size(); ++i) cells.emplace_back(expr::Value(header_[i]), expr::Value(std::string(without_blanks(row.cells[i]))));
    variables_[model::import_row] = expr::Value(std::move(cells));
    variables_[model::import_row_number] = expr::Value(number_);
  }

  expr::Evaluation evaluate(const expr::Program& program, std::string_view value) {
    variables_[model::import_value] = expr::Value(value);
    expr::Activation activation;
    activation.variables = variables_;
    activation.count = std::size(variables_);
    activation.now = context_.now;
    activation.time_zone = context_.catalog->agency.time_zone;
    return program.evaluate(activation);
  }

  /// An import of which every row would fail does not begin.
  void offered(const RecordService& records, const ImportField& field) {
    if (!functions_) functions_ = records.functions();
    if (functions_ && functions_->has(field.function)) return;
    throw Error(ErrorCode::unavailable, where(field.at) + "no plugin offers the function " + field.function + "; is the plugin that does switched on?");
  }

  /// What a plugin makes of the cell. What it refuses, and where it fails, is the row's mistake; a server that stops is not.
  expr::Value called(const ImportField& field, std::string_view value) {
    if (row_json_.empty()) {
      row_json_ = "{";
      for (const auto& [name, cell] : *variables_[model::import_row].as_map()) {
        if (row_json_.size() > 1) row_json_ += ",";
        write_json_string(row_json_, *name.as<std::string>());
        row_json_ += ":";
        write_json_string(row_json_, *cell.as<std::string>());
      }
      row_json_ += "}";
    }
    const auto began = std::chrono::steady_clock::now();
    try {
      auto answers = functions_->call(context_, field.function,
                                        {{"value", expr::Value(value)}, {"column", expr::Value(field.text)}, {"row", expr::Value(row_json_)}, {"row_number", expr::Value(number_)}});
      in_functions_ += std::chrono::steady_clock::now() - began;
      return answer_of(answers);
    } catch (const Error& error) {
      in_functions_ += std::chrono::steady_clock::now() - began;
      if (!is_refusal(error) && !is_plugins(error)) throw;
      throw RowRefused{field.text, quoted(value) + ": " + error.message()};
    }
  }

  /// The expression's value; null where it is not known. Throws RowRefused.
  expr::Value result_of(const ImportField& field, std::string_view value) {
    expr::Evaluation result = evaluate(*field.program, value);
    if (result.outcome == expr::Outcome::error) throw RowRefused{column_of(field), (value.empty() ? std::string() : quoted(value) + ": ") + result.message};
    return result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value();
  }

  bool made(const model::ImportRecord& record) {
    if (!record.when) return true;
    const expr::Evaluation result = evaluate(*record.when, "");
    if (result.outcome == expr::Outcome::error) throw RowRefused{"", say("import_when", {record.name, result.message})};
    return result.is_true();
  }

  std::string external_id(const model::ImportRecord& record, const Row& row, Notes& notes) {
    const auto id = text_of(record.external_id, row, notes);
    if (!id || id->empty()) throw RowRefused{column_of(record.external_id), say("import_id_empty", {})};
    if (id->size() > 190) throw RowRefused{column_of(record.external_id), say("import_id_long", {})};
    return *id;
  }

  /// Nothing of a map that nobody wrote.
  std::string where(const model::Origin& at) const {
    return at.file.empty() ? std::string() : at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
  }

  void check_columns(const ImportField& field) {
    const auto check = [&](const std::string& column) {
      if (columns_.count(column) != 0) return;
      std::string names;
      for (const auto& name : header_) names += (names.empty() ? "" : ", ") + name;
      mistakes_.push_back({column, "unknown-column", where(field.at) + "the file has no column " + quoted(column) + "; it has " + names});
    };
    if (field.source == ImportField::Source::column) check(field.text);
    if (!field.currency.empty()) check(field.currency);
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

  /// To whoever imports, in his language.
  std::string say(std::string_view code, std::initializer_list<std::string_view> arguments) const { return message(code, context_.locale, arguments); }

  static std::string_view trimmed(const ImportField& field, std::string_view text) { return field.trim ? without_blanks(text) : text; }

  void note_empty(const ImportField& field, const Row& row, const std::string& column, Notes& notes) const {
    if (field.empty == ImportField::Empty::refuse) throw RowRefused{column, say("import_empty", {column})};
    if (field.empty != ImportField::Empty::note) return;
    add_note(notes, column + " empty");
    if (!cell(row, column).empty()) add_note(notes, column + " holds only blanks");
  }

  /// The field's text for the row; nullopt leaves it empty.
  std::optional<std::string> text_of(const ImportField& field, const Row& row, Notes& notes) {
    const auto fallback = [&]() -> std::optional<std::string> {
      if (field.default_value) return field.default_value->value;
      return std::nullopt;
    };
    if (field.source == ImportField::Source::value) return field.text;
    if (field.source == ImportField::Source::expression) {
      const expr::Value value = result_of(field, "");
      return value.is_null() ? fallback() : text_of(field, value);
    }
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
        if (value.empty()) note_empty(field, row, piece.text, notes);
        any = any || !value.empty();
        text += value;
      }
      return any || !columns ? std::optional<std::string>(std::move(text)) : fallback();
    }
    std::string_view value = trimmed(field, cell(row, field.text));
    if (value.empty()) {
      note_empty(field, row, field.text, notes);
      return fallback();
    }
    std::string changed;
    if (field.program) {
      const expr::Value result = result_of(field, value);
      if (result.is_null()) return fallback();
      value = changed = text_of(field, result);
    }
    if (!field.function.empty()) {
      const expr::Value result = called(field, value);
      if (result.is_null()) return fallback();
      value = changed = text_of(field, result);
    }
    if (field.map.empty()) {
      if (field.note.count(value) != 0) add_note(notes, field.text + " " + quoted(value));
      return std::string(value);
    }
    if (const auto mapped = field.map.find(value); mapped != field.map.end()) {
      if (field.note.count(value) != 0) add_note(notes, field.text + " " + quoted(value) + " taken as " + quoted(mapped->second.value));
      return mapped->second.value;
    }
    switch (field.unmapped) {
      case ImportField::Unmapped::keep: return std::string(value);
      case ImportField::Unmapped::note: add_note(notes, field.text + " " + quoted(value) + " is not in the map"); return fallback();
      case ImportField::Unmapped::refuse: break;
    }
    throw RowRefused{field.text, say("import_unmapped", {field.text, quoted(value)})};
  }

  /// What an expression gave, as a cell would say it.
  std::string text_of(const ImportField& field, const expr::Value& value) const {
    if (auto text = cell_text(value)) return *std::move(text);
    if (const auto* list = value.as_list()) {
      std::string out = "[";
      for (const auto& one : *list) {
        if (out.size() > 1) out += ",";
        write_json_string(out, text_of(field, one));
      }
      return out + "]";
    }
    throw RowRefused{column_of(field), say("import_no_value", {})};
  }

  expr::Value value_of(Work& work, const ImportField& field, const Row& row, const std::map<std::string_view, std::int64_t>& made_here, Notes& notes) {
    if (field.source == ImportField::Source::record) {
      const auto found = made_here.find(field.text);
      if (found == made_here.end()) return {};
      if (found->second == would_be_made) {
        elsewhere_.push_back(field.field);
        return {};
      }
      const expr::Value id(found->second);
      return field.field->type == model::FieldType::refs ? expr::Value(expr::List{id}) : id;
    }
    const auto text = text_of(field, row, notes);
    if (!text) return {};
    if (field.lookup != nullptr) return look_up(work, field, *text, notes);
    try {
      expr::Value value = parse_text(*context_.catalog, *field.field, *text, context_.locale);
      const std::string_view currency = field.currency.empty() ? std::string_view() : without_blanks(cell(row, field.currency));
      if (const auto* amount = value.as<Decimal>(); amount != nullptr && !currency.empty()) {
        Decimal priced = *amount;
        if (!priced.set_currency(currency)) throw RowRefused{field.currency, say("import_currency", {quoted(currency)})};
        if (currency != context_.catalog->agency.currency) value = expr::Value(priced);
      }
      return value;
    } catch (const Error& error) {
      throw RowRefused{column_of(field), quoted(*text) + ": " + error.message()};
    }
  }

  expr::Value look_up(Work& work, const ImportField& field, const std::string& text, Notes& notes) {
    if (field.field->type == model::FieldType::ref) {
      const std::int64_t id = find(work, field, text, notes);
      return id == 0 ? expr::Value() : expr::Value(id);
    }
    expr::List ids;
    for (const auto& one : listed(field, text)) {
      const std::int64_t id = find(work, field, one, notes);
      const bool there = std::any_of(ids.begin(), ids.end(), [&](const expr::Value& other) { return *other.as<std::int64_t>() == id; });
      if (id != 0 && !there) ids.emplace_back(id);
    }
    if (ids.size() > most_elements) throw RowRefused{column_of(field), say("import_most", {column_of(field), std::to_string(most_elements)})};
    return ids.empty() ? expr::Value() : expr::Value(std::move(ids));
  }

  /// As an expression gave it, or with semicolons between.
  std::vector<std::string> listed(const ImportField& field, const std::string& text) const {
    try {
      return texts_in_list(text);
    } catch (const Error& error) {
      throw RowRefused{column_of(field), quoted(text) + ": " + error.message()};
    }
  }

  /// The record that the actor may read and whose field holds the text; 0 where there is none and that is no mistake.
  std::int64_t find(Work& work, const ImportField& field, const std::string& text, Notes& notes) {
    auto& known = found_[&field];
    if (const auto kept = known.find(text); kept != known.end()) return kept->second;
    const model::Entity& target = *field.field->target;
    const EntityPlan& plan = plans_->of(target);
    const ReadRule rule = read_rule(context_, target, work.session());
    expr::Value wanted;
    try {
      wanted = parse_text(*context_.catalog, *field.lookup, text, context_.locale);
    } catch (const Error& error) {
      throw RowRefused{column_of(field), quoted(text) + ": " + error.message()};
    }
    std::vector<std::int64_t> ids;
    if (rule.kind != ReadRule::Kind::never && !wanted.is_null()) {
      std::string sql = "SELECT " + std::string("r.") + plan.id_column + plan.from + " WHERE r." + storage::quote(plans_->dialect(), field.lookup->column) + " = ?";
      if (field.lookup->slot == model::slot_external_id) sql += " AND r." + storage::quote(plans_->dialect(), target.fields[model::slot_external_source]->column) + " = ?";
      if (rule.kind == ReadRule::Kind::condition) sql += " AND (" + rule.sql + ")";
      storage::Statement& statement = work.session().prepare(sql + " ORDER BY r." + plan.id_column + " LIMIT 2");
      int index = bind_field(statement, 1, *field.lookup, wanted);
      if (field.lookup->slot == model::slot_external_id) statement.bind(index++, std::string_view(map_.source));
      if (rule.kind == ReadRule::Kind::condition) bind_parameters(statement, rule.parameters, index);
      while (statement.step()) ids.push_back(statement.integer(0));
      statement.reset();
    }
    const std::string what = target.label.in(context_.locale) + " " + field.lookup->label.in(context_.locale) + " " + quoted(text);
    if (ids.size() > 1) throw RowRefused{column_of(field), say("import_several", {what})};
    if (const auto canonical = dry_run_ && ids.empty() ? cell_text(wanted) : std::nullopt; canonical && made_.has(made_key(target, *field.lookup, *canonical))) {
      elsewhere_.push_back(field.field);
      return 0;
    }
    if (ids.empty() && field.missing == ImportField::Missing::refuse) throw RowRefused{column_of(field), say("import_none", {what})};
    if (ids.empty() && field.missing == ImportField::Missing::note) add_note(notes, column_of(field) + " " + quoted(text) + " is not known");
    if (ids.empty()) return 0;
    return known.emplace(text, ids.front()).first->second;
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
  const bool dry_run_;
  const Row& header_;
  const bool decoded_;               ///< from another encoding: what could not be is U+FFFD
  const std::string encoding_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<FieldError> mistakes_;
  bool needs_row_ = false;           ///< some expression reads it
  std::optional<std::size_t> number_column_;
  std::int64_t number_ = 0;
  expr::Value variables_[3];
  std::shared_ptr<const Functions> functions_;  ///< where one is called
  std::chrono::steady_clock::duration in_functions_{};
  std::string row_json_;             ///< of the row, once a function was called
  std::unique_ptr<Plans> plans_;     ///< where something is looked up
  std::unordered_map<const ImportField*, std::unordered_map<std::string, std::int64_t>> found_;
  std::set<const model::Field*> looked_up_;
  /// External ids of which no record was there when the batch began, and none has been written since.
  std::map<const model::Entity*, std::unordered_set<std::string>> absent_;
  int not_asking_ = 0;                          ///< for so many batches
  SeenHashes made_;                             ///< of a try, by its earlier batches
  std::vector<std::uint64_t> made_now_;         ///< by this one
  std::size_t row_made_from_ = 0;               ///< where those of the row begin
  std::vector<const model::Field*> elsewhere_;  ///< of the record at hand: fields that refer to such
};

/// Ends the transaction of a dry run's batch: it is rolled back, so that nobody waits longer for it than for a batch of an import.
struct DryRunOver {};

}  // namespace

void ImportReport::add(const ImportReport& batch) {
  created += batch.created;
  updated += batch.updated;
  unchanged += batch.unchanged;
  failed += batch.failed;
  for (const auto& [note, count] : batch.notes) add_note(notes, note, count);
  for (const auto& error : batch.errors) {
    if (errors.size() < kept_errors) errors.push_back({error.row, error.column, error.message, {}});
  }
}

ImportReport import_rows(const RecordService& records, const Context& given, const model::ImportMap& map, ImportSource& source, bool dry_run,
                         const ImportSteps& steps) {
  Context context = given;
  Importer importer(records, context, map, source, dry_run);
  ImportReport report;
  report.rows = source.rows();
  report.encoding = source.format().encoding;
  SeenHashes seen, contents;
  using Repeats = model::ImportMap::Repeats;
  SourceRow next;
  std::int64_t done = 0;
  for (; done < steps.skip && source.next(next); ++done) {
    const auto content = Importer::content(next);
    if (const auto id = steps.failed.count(next.number) == 0 ? importer.main_id(next) : 0) seen.add(id);
    contents.add(content);
  }
  std::vector<SourceRow> rows;
  // Mostly no row is refused: none then needs a savepoint, nor to wait for the one before. Where one is, the batch is written again, and some after it,
  // each row for itself.
  int careful = 0;
  while (true) {
    while (rows.size() < (dry_run ? rows_per_try : rows_per_transaction) && source.next(next)) rows.push_back(std::move(next));
    if (rows.empty()) break;
    if (steps.now) context.now = steps.now();
    if (steps.stopping && steps.stopping()) throw Error(ErrorCode::unavailable, "The server is stopping.");
    ImportReport batch;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> fresh;
    std::int64_t handled = 0;
    const auto remember = [&] {
      for (const auto& [id, content] : fresh) {
        if (id != 0) seen.add(id);
        contents.add(content);
      }
      fresh.clear();
    };
    /// False where it must be done again.
    const auto write = [&](Work& work, const SourceRow& row) {
      const std::size_t before = fresh.size();
      Notes notes;
      std::uint64_t id = 0, content = 0;
      std::optional<Savepoint> savepoint;
      if (careful > 0) savepoint.emplace(work.session());
      const std::uint64_t statements = work.session().statement_count();
      const auto undo = [&] {
        if (savepoint) savepoint->undo();
        else if (work.session().statement_count() != statements) throw Careless();
        importer.undone();
      };
      try {
        id = importer.main_id(row);
        content = Importer::content(row);
        const bool earlier = contents.has(content);  // in another batch
        bool known = id != 0 && seen.has(id), equal = earlier;
        for (const auto& [other, by] : fresh) {
          known = known || (id != 0 && other == id);
          equal = equal || by == content;
        }
        if (equal) add_note(notes, "rows equal to an earlier one");
        else if (known) add_note(notes, "rows with the external id of an earlier one and other cells");
        if (known && map.repeats == Repeats::refuse) throw RowRefused{"", message("import_repeated", context.locale)};
        fresh.emplace_back(0, content);
        if (!known || map.repeats == Repeats::update) {
          const auto outcome = importer.write(work, row, notes);
          // What another batch of a try has made of the same row is gone.
          switch (dry_run && earlier && outcome == Importer::Outcome::updated ? Importer::Outcome::unchanged : outcome) {
            case Importer::Outcome::created: ++batch.created; break;
            case Importer::Outcome::updated: ++batch.updated; break;
            case Importer::Outcome::unchanged: ++batch.unchanged; break;
          }
        } else {
          ++batch.unchanged;
        }
        if (savepoint) savepoint->keep();
        fresh.back().first = id;  // what was refused has not been made
        for (const auto& [note, count] : notes) add_note(batch.notes, note, count);
      } catch (const Appeared&) {
        undo();
        fresh.resize(before);
        return false;
      } catch (const RowRefused& refused) {
        undo();
        ++batch.failed;
        std::vector<std::pair<std::string, std::string>> extra{{"error", refused.message}};
        if (map.numbers_rows) extra.emplace_back("error_row", std::to_string(importer.number()));
        batch.errors.push_back({row.number, refused.column, refused.message, source.line(&row.cells, extra)});
      }
      return true;
    };
    try {
      records.transact(
          context,
          [&](Work& work) {
            batch = ImportReport();  // a batch that lost a race runs again from its start
            fresh.clear();
            handled = 0;
            importer.begin_batch(work.session(), rows);
            auto& transaction = dynamic_cast<TransactionWork&>(work);
            if (careful == 0) transaction.write_unwaited();
            for (const auto& row : rows) {
              if (importer.long_in_functions()) break;  // others wait to write
              while (!write(work, row)) {  // at most once for each of its records
              }
              ++handled;
            }
            if (!transaction.written_as_meant()) throw Careless();
            if (dry_run) throw DryRunOver();
            if (steps.kept) {
              ImportReport so_far = report;
              so_far.add(batch);
              steps.kept(&work.session(), so_far, batch, done + handled);
            }
          },
          static_cast<std::int64_t>(rows.size()) * static_cast<std::int64_t>(map.records.size()));
    } catch (const DryRunOver&) {
    } catch (const Careless&) {
      careful = careful_batches;
      continue;
    }
    if (careful > 0) careful = batch.failed > 0 ? careful_batches : careful - 1;
    remember();
    importer.end_batch();
    rows.erase(rows.begin(), rows.begin() + handled);
    done += handled;
    report.add(batch);
    if (dry_run && steps.kept) steps.kept(nullptr, report, batch, done);
    if (steps.progress) steps.progress(done, report.rows);
  }
  return report;
}

std::string import_error_head(const model::ImportMap& map, const ImportSource& source) {
  if (source.format().type == model::ImportMap::Type::jsonl) return {};
  std::vector<std::pair<std::string, std::string>> extra{{"error", ""}};
  if (map.numbers_rows) extra.emplace_back("error_row", "");
  return source.line(nullptr, extra);
}

ImportReport import_csv(const RecordService& records, const Context& context, const model::ImportMap& map, std::string_view file, bool dry_run) {
  ImportSource source(file, map);
  std::string lines;
  ImportSteps steps;
  std::int64_t lines_of = -1;
  std::size_t before = 0;
  steps.kept = [&](storage::Session* session, const ImportReport&, const ImportReport& batch, std::int64_t done) {
    // The same batch again replaces what it said.
    if (session != nullptr && done == lines_of) lines.resize(before);
    before = lines.size();
    lines_of = done;
    for (const auto& error : batch.errors) lines += error.line;
  };
  ImportReport report = import_rows(records, context, map, source, dry_run, steps);
  if (report.failed > 0) report.error_file = import_error_head(map, source) + lines;
  return report;
}

}  // namespace caravan::records

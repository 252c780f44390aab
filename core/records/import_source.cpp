#include "records/import_source.h"

#include <csv.h>
#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "records/export.h"
#include "records/json.h"

namespace caravan::records {
namespace {

using model::ImportMap;
using Cells = std::vector<std::string>;

constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr std::size_t longest_line = 8u << 20;
constexpr std::size_t most_columns = 2000;
constexpr std::size_t guessed_from = 1u << 20;  ///< bytes that a guess of the encoding looks at

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view line_ends = "\r\n";  ///< old Macs end theirs with the first alone

[[noreturn]] void refuse(std::string text) { throw Error(ErrorCode::invalid_argument, std::move(text)); }

struct Closing {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
  void operator()(UCharsetDetector* detector) const { ucsdet_close(detector); }
};
using Converter = std::unique_ptr<UConverter, Closing>;

Converter open_converter(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  Converter converter(ucnv_open(name.c_str(), &status));
  if (U_FAILURE(status)) refuse("The encoding " + name + " is not known.");
  return converter;
}

/// Names that mean the one that nothing is converted from.
bool names_utf8(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  const char* standard = ucnv_getStandardName(name.c_str(), "IANA", &status);
  return standard != nullptr && std::string_view(standard) == "UTF-8";
}

struct Utf8Count {
  std::size_t characters = 0;  ///< beyond ASCII
  std::size_t broken = 0;
};

Utf8Count count_utf8(std::string_view text) {
  Utf8Count count;
  const auto size = static_cast<std::int64_t>(text.size());
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  for (std::int64_t i = 0; i < size;) {
    if (bytes[i] < 0x80) {
      ++i;
      continue;
    }
    UChar32 c;
    // ICU's macros count in 32 bits.
    std::int32_t step = 0;
    const auto left = static_cast<std::int32_t>(std::min<std::int64_t>(size - i, 8));
    U8_NEXT(bytes + i, step, left, c);
    if (c < 0) ++count.broken;
    else ++count.characters;
    i += std::max<std::int32_t>(step, 1);
  }
  return count;
}

/// Of the characters beyond ASCII that `encoding` makes of the bytes, how many are Chinese, from 0 to 1; 0 where some bytes are none of its.
double chinese_share(std::string_view bytes, const std::string& encoding) {
  const Converter converter = open_converter(encoding);
  UErrorCode status = U_ZERO_ERROR;
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  std::vector<UChar> text(bytes.size() + 1);
  const auto length = ucnv_toUChars(converter.get(), text.data(), static_cast<std::int32_t>(text.size()), bytes.data(), static_cast<std::int32_t>(bytes.size()), &status);
  if (U_FAILURE(status)) return 0;
  std::size_t beyond = 0, chinese = 0;
  for (std::int32_t i = 0; i < length; ++i) {
    const UChar c = text[static_cast<std::size_t>(i)];
    beyond += c >= 0x80;
    chinese += (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF00 && c <= 0xFF60);
  }
  return beyond == 0 ? 0 : static_cast<double>(chinese) / static_cast<double>(beyond);
}

/// The Chinese encoding that a short text is in, of which statistics of letters say nothing; empty: in none of them. Latin texts, too, are
/// pairs of bytes to those, but their letters beyond ASCII mostly stand alone.
std::string short_chinese(std::string_view sample) {
  std::size_t runs = 0, even = 0, frequent = 0, leads = 0;
  for (std::size_t i = 0; i < sample.size();) {
    std::size_t end = i;
    while (end < sample.size() && static_cast<unsigned char>(sample[end]) >= 0x80) ++end;
    if (end > i) {
      ++runs;
      even += (end - i) % 2 == 0;
    }
    i = end + 1;
  }
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const auto lead = static_cast<unsigned char>(sample[i]);
    if (lead < 0x80) continue;
    ++leads;
    frequent += lead >= 0xA1 && lead <= 0xC6;  // Big5's frequent characters and signs, and hardly a small letter of the Latin sets
    ++i;
  }
  constexpr double most = 0.9;
  const auto mostly = [](std::size_t some, std::size_t all) { return all > 0 && static_cast<double>(some) >= most * static_cast<double>(all); };
  if (mostly(even, runs) && chinese_share(sample, "GB18030") >= most) return "GB18030";
  if (mostly(frequent, leads) && chinese_share(sample, "Big5") >= most) return "Big5";
  return {};
}

/// What ICU takes the bytes for; those that agencies' files come in.
std::string guess(std::string_view bytes) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UCharsetDetector, Closing> detector(ucsdet_open(&status));
  // Lines of plain ASCII say nothing; those that have other bytes are looked at.
  std::string sample;
  for (std::string_view rest = bytes; !rest.empty() && sample.size() < guessed_from;) {
    const std::size_t end = std::min(rest.find_first_of(line_ends), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, std::min<std::size_t>(end, 64 * 1024));
    if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) sample += line;
    rest.remove_prefix(end);
  }
  constexpr std::size_t short_text = 4096;
  if (sample.size() <= short_text) {
    if (std::string chinese = short_chinese(sample); !chinese.empty()) return chinese;
  }
  ucsdet_setText(detector.get(), sample.data(), static_cast<std::int32_t>(sample.size()), &status);
  std::int32_t found = 0;
  const UCharsetMatch** matches = ucsdet_detectAll(detector.get(), &found, &status);
  for (std::int32_t i = 0; U_SUCCESS(status) && i < found; ++i) {
    const std::string name = ucsdet_getName(matches[i], &status);
    for (const char* known : {"GB18030", "Big5", "Shift_JIS", "EUC-JP", "EUC-KR", "windows-1252", "ISO-8859-1", "windows-1251"}) {
      if (name == known) return name == "ISO-8859-1" ? "windows-1252" : name;
    }
  }
  return "windows-1252";
}

/// The kind of UTF-16 that a text without a byte order mark is in, by where the zeros of its ASCII characters stand; empty: it is none.
std::string utf16_without_mark(std::string_view bytes) {
  const std::string_view sample = bytes.substr(0, 4096);
  std::size_t zeros[2] = {0, 0};
  for (std::size_t i = 0; i < sample.size(); ++i) zeros[i % 2] += sample[i] == '\0';
  const std::size_t enough = sample.size() / 20 + 3;  // a stray one makes no encoding
  if (zeros[1] >= enough && zeros[0] == 0) return "UTF-16LE";
  if (zeros[0] >= enough && zeros[1] == 0) return "UTF-16BE";
  return {};
}

/// `skip`: bytes of a byte order mark.
std::string detect_encoding(std::string_view bytes, std::size_t& skip) {
  const auto begins = [&](std::string_view mark) { return bytes.starts_with(mark); };
  skip = 0;
  if (begins(byte_order_mark)) {
    skip = byte_order_mark.size();
    return "UTF-8";
  }
  if (begins(std::string_view("\xFF\xFE\0\0", 4)) || begins(std::string_view("\0\0\xFE\xFF", 4))) return "UTF-32";
  if (begins("\xFF\xFE") || begins("\xFE\xFF")) return "UTF-16";
  if (begins("\x84\x31\x95\x33")) {
    skip = 4;
    return "GB18030";
  }
  if (std::string wide = utf16_without_mark(bytes); !wide.empty()) return wide;
  const Utf8Count count = count_utf8(bytes);
  // A broken cell or two does not make another encoding of a file; in another one hardly anything is UTF-8 by chance.
  if (count.broken > 0 && count.characters == 0 && bytes.size() <= guessed_from) {
    if (std::string found = short_chinese(bytes); !found.empty()) return found;
  }
  const bool few = count.broken <= 2 && (count.characters >= count.broken || count.characters == 0);
  if (few || count.broken <= count.characters / 4) return "UTF-8";
  return guess(bytes);
}

/// UTF-8 out of a file, a piece at a time.
class Decoder {
 public:
  Decoder(std::string_view bytes, const std::string& encoding) : rest_(bytes) {
    if (encoding == "UTF-8") return;
    from_ = open_converter(encoding);
    to_ = open_converter("UTF-8");
    pivot_.resize(chunk_bytes / 2);
    source_ = target_ = pivot_.data();
    out_.resize(chunk_bytes * 2);
  }

  /// Empty at the end. Valid until the next call. What cannot be decoded is U+FFFD.
  std::string_view next() {
    if (!from_) {
      const std::string_view piece = rest_.substr(0, chunk_bytes);
      rest_.remove_prefix(piece.size());
      return piece;
    }
    while (!done_) {
      UErrorCode status = U_ZERO_ERROR;
      char* out = out_.data();
      const char* in = rest_.data();
      const std::size_t size = std::min(rest_.size(), chunk_bytes);
      const bool last = size == rest_.size();
      ucnv_convertEx(to_.get(), from_.get(), &out, out_.data() + out_.size(), &in, rest_.data() + size, pivot_.data(), &source_, &target_,
                     pivot_.data() + pivot_.size(), static_cast<UBool>(first_), static_cast<UBool>(last), &status);
      first_ = false;
      rest_.remove_prefix(static_cast<std::size_t>(in - rest_.data()));
      if (U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR) refuse("The file cannot be read in its encoding.");
      if (status != U_BUFFER_OVERFLOW_ERROR && last) done_ = true;
      if (out != out_.data()) return {out_.data(), static_cast<std::size_t>(out - out_.data())};
    }
    return {};
  }

 private:
  std::string_view rest_;
  Converter from_, to_;
  std::vector<UChar> pivot_;
  UChar *source_ = nullptr, *target_ = nullptr;
  std::vector<char> out_;
  bool first_ = true, done_ = false;
};

/// Pieces of text to rows of CSV.
class CsvReader {
 public:
  explicit CsvReader(char delimiter) {
    if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error(ErrorCode::internal, "The CSV reader cannot start.");
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter));
    // Cells are kept as they are; the map says what is trimmed.
    csv_set_space_func(&parser_, [](unsigned char) { return 0; });
  }
  ~CsvReader() { csv_free(&parser_); }
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  void feed(std::string_view text) {
    if (begin_ && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    begin_ = false;
    pending_ += text.size();
    if (csv_parse(&parser_, text.data(), text.size(), cell, row_end, this) != text.size()) broken();
    if (size_ > longest_line || pending_ > longest_line) refuse("Row " + std::to_string(count_) + " has more than 8 MiB; a quote before it may not be closed.");
  }
  /// Whether some row has too many cells.
  bool wide() const { return wide_; }
  void finish() {
    if (csv_fini(&parser_, cell, row_end, this) != 0) broken();
  }
  bool pop(Cells& cells) {
    if (rows_.empty() && wide_) refuse("Row " + std::to_string(count_) + " has more than " + std::to_string(most_columns) + " columns; is it this file's delimiter that parts them?");
    if (rows_.empty()) return false;
    cells = std::move(rows_.front());
    rows_.pop_front();
    return true;
  }

 private:
  static void cell(void* data, std::size_t size, void* self) {
    auto* reader = static_cast<CsvReader*>(self);
    reader->wide_ = reader->wide_ || reader->row_.size() >= most_columns;
    if (reader->wide_) return;  // nothing is thrown through the parser
    reader->row_.emplace_back(data ? static_cast<const char*>(data) : "", data ? size : 0);
    reader->size_ += size + 1;
    reader->pending_ = 0;
  }
  static void row_end(int, void* self) {
    auto* reader = static_cast<CsvReader*>(self);
    if (reader->wide_) return;
    reader->size_ = 0;
    // A row of nothing, as spreadsheets add below the last one, is as little a row as a blank line.
    if (std::all_of(reader->row_.begin(), reader->row_.end(), [](const std::string& one) { return without_blanks(one).empty(); })) {
      reader->row_.clear();
      return;
    }
    reader->rows_.push_back(std::move(reader->row_));
    reader->row_.clear();
    ++reader->count_;
  }
  [[noreturn]] void broken() {
    const int error = csv_error(&parser_);
    refuse("The CSV is malformed in row " + std::to_string(count_) + " (the header is row 0): " +
           (error == CSV_EPARSE ? "a quote stands where none may, or is never closed." : csv_strerror(error)));
  }
  csv_parser parser_{};
  std::deque<Cells> rows_;
  Cells row_;
  std::size_t size_ = 0;     ///< of the cells of this row
  std::size_t pending_ = 0;  ///< bytes since the last cell ended
  std::int64_t count_ = 0;
  bool begin_ = true;
  bool wide_ = false;        ///< some row has too many cells
};

/// Pieces of text to lines that are not blank.
class LineReader {
 public:
  void feed(std::string_view text) {
    rest_.erase(0, at_);
    at_ = 0;
    rest_ += text;
    if (rest_.size() > longest_line && rest_.find_first_of(line_ends) == std::string::npos) refuse("Line " + std::to_string(number_ + 1) + " has more than 8 MiB.");
  }
  void finish() { ended_ = true; }
  /// Also counts blank lines, so that `number` is that of the file.
  bool pop(std::string& line, std::int64_t& number) {
    while (true) {
      const std::size_t end = rest_.find_first_of(line_ends, at_);  // a text of JSON holds neither as it is
      if (end == std::string::npos && (!ended_ || at_ == rest_.size())) return false;
      if (end != std::string::npos && end + 1 == rest_.size() && rest_[end] == '\r' && !ended_) return false;  // the rest of the end may come
      std::string_view one = std::string_view(rest_).substr(at_, end == std::string::npos ? end : end - at_);
      at_ = end == std::string::npos ? rest_.size() : end + 1;
      if (end != std::string::npos && rest_[end] == '\r' && at_ < rest_.size() && rest_[at_] == '\n') ++at_;
      number = ++number_;
      if (number == 1 && one.starts_with(byte_order_mark)) one.remove_prefix(byte_order_mark.size());
      if (without_blanks(one).empty()) continue;
      line = one;
      return true;
    }
  }

 private:
  std::string rest_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
  bool ended_ = false;
};

std::string cell_of(const Json& value) {
  if (value.is_null()) return {};
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* number = value.as<Json::Number>()) return number->text;
  std::string out;
  value.write(out);
  return out;
}

Json parse_line(const std::string& line, std::int64_t number) {
  try {
    Json json = parse_json(line);
    if (json.as<Json::Object>() == nullptr) refuse("it is no object.");
    return json;
  } catch (const Error& error) {
    refuse("Line " + std::to_string(number) + " is no JSON object: " + error.message());
  }
}

/// The columns that the map speaks of.
std::set<std::string> columns_of(const ImportMap& map) {
  std::set<std::string> columns;
  const auto add = [&](const model::ImportField& field) {
    if (field.source == model::ImportField::Source::column) columns.insert(field.text);
    for (const auto& piece : field.pieces) {
      if (piece.column) columns.insert(piece.text);
    }
  };
  for (const auto& record : map.records) {
    add(record.external_id);
    for (const auto& field : record.fields) add(field);
  }
  return columns;
}

}  // namespace

model::ImportMap plain_map(const model::Entity& entity, const std::string& source, std::string_view bytes) {
  const ImportSource probe(bytes, {});
  ImportMap map = model::plain_import_map(entity, source, probe.header());
  if (map.records.front().fields.empty()) refuse("None of the columns is a field of " + entity.full_name + " that can be set; name them so, or give an import map.");
  map.name = std::string(plain_prefix) + source;
  return map;
}

bool is_utf8(std::string_view text) { return count_utf8(text).broken == 0; }

std::string readable(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  const auto size = static_cast<std::int32_t>(std::min<std::size_t>(text.size(), INT32_MAX));
  for (std::int32_t i = 0; i < size;) {
    const std::int32_t start = i;
    UChar32 c;
    U8_NEXT(reinterpret_cast<const std::uint8_t*>(text.data()), i, size, c);
    if (c < 0) out += "\xEF\xBF\xBD";
    else out.append(text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(i - start)));
  }
  return out;
}

void write_csv_cell(std::string& out, std::string_view cell, char delimiter) {
  if (cell.find_first_of("\"\r\n") == std::string_view::npos && cell.find(delimiter) == std::string_view::npos) {
    out += cell;
    return;
  }
  out.push_back('"');
  for (const char c : cell) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

struct ImportSource::State {
  std::string_view bytes;
  ImportFormat format;
  Cells header;
  std::int64_t rows = 0, read = 0;
  std::unordered_map<std::string, std::size_t> places;  ///< of JSON lines
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<CsvReader> csv;
  LineReader lines;
  bool finished = false;
  bool guarded = false;

  void rewind() {
    decoder = std::make_unique<Decoder>(bytes, format.encoding);
    csv = format.type == ImportMap::Type::csv ? std::make_unique<CsvReader>(format.delimiter) : nullptr;
    lines = {};
    finished = false;
    read = 0;
  }
  /// Takes in one more piece; false at the end.
  bool more() {
    if (finished) return false;
    const std::string_view piece = decoder->next();
    if (piece.empty()) {
      finished = true;
      if (csv) csv->finish();
      else lines.finish();
    } else if (csv) {
      csv->feed(piece);
    } else {
      lines.feed(piece);
    }
    return true;
  }
  bool next_cells(Cells& cells) {
    while (!csv->pop(cells)) {
      if (!more()) return false;
    }
    return true;
  }
  bool next_line(std::string& line, std::int64_t& number) {
    while (!lines.pop(line, number)) {
      if (!more()) return false;
    }
    return true;
  }

  void detect(const ImportMap& map) {
    for (const char* const packed : {"PK\x03\x04", "\xD0\xCF\x11\xE0", "\x1F\x8B", "%PDF-", "Rar!", "7z\xBC\xAF"}) {
      if (bytes.starts_with(packed)) refuse("This is a spreadsheet or another packed file, no CSV: save it as CSV, or choose it in the console, which reads XLSX.");
    }
    std::size_t skip = 0;
    const std::string found = detect_encoding(bytes, skip);
    format.encoding = map.encoding.empty() ? found : names_utf8(map.encoding) ? "UTF-8" : map.encoding;
    if (format.encoding == found) bytes.remove_prefix(skip);
    format.type = map.type;
    if (format.type == ImportMap::Type::detect) {
      Decoder first(bytes, format.encoding);
      const std::string text(first.next());
      std::string_view begin = without_blanks(text);
      format.type = begin.starts_with('{') ? ImportMap::Type::jsonl : ImportMap::Type::csv;
      if (begin.starts_with('[') && without_blanks(begin.substr(1)).starts_with('{'))
        refuse("This is one list of JSON, no JSON lines: write each of its objects on a line of its own, without commas between them.");
    }
    format.delimiter = map.delimiter;
    // Excel's own first line says the delimiter.
    if (format.type == ImportMap::Type::csv && bytes.size() > 6 && bytes.starts_with("sep=") && (bytes[5] == '\r' || bytes[5] == '\n')) {
      if (format.delimiter == 0) format.delimiter = bytes[4];
      bytes.remove_prefix(bytes[5] == '\r' && bytes[6] == '\n' ? 7 : 6);
    }
    if (format.type == ImportMap::Type::csv && format.delimiter == 0) detect_delimiter(columns_of(map));
  }

  /// The one with which the first row has the most of the map's columns; of equals, the most columns.
  void detect_delimiter(const std::set<std::string>& wanted) {
    std::pair<std::size_t, std::size_t> best{0, 0};
    std::optional<Error> wide;
    format.delimiter = ',';
    for (const char candidate : {',', ';', '\t', '|'}) {
      Decoder decode(bytes, format.encoding);
      CsvReader reader(candidate);
      Cells cells;
      bool got = false;
      try {
        while (!(got = reader.pop(cells))) {
          const std::string_view piece = decode.next();
          if (piece.empty()) {
            reader.finish();
            got = reader.pop(cells);
            break;
          }
          reader.feed(piece);
        }
      } catch (const Error& error) {
        if (reader.wide()) wide = error;
        continue;  // with this one it is no CSV
      }
      if (!got) continue;
      const auto has = static_cast<std::size_t>(
          std::count_if(cells.begin(), cells.end(), [&](const std::string& one) { return wanted.count(one) != 0 || wanted.count(std::string(without_blanks(one))) != 0; }));
      if (const std::pair score{has, cells.size()}; score > best) {
        best = score;
        format.delimiter = candidate;
      }
    }
    if (wide && best.second <= 1) throw *wide;
  }
};

ImportSource::ImportSource(std::string_view bytes, const model::ImportMap& map) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.bytes = bytes;
  s.guarded = map.guarded;
  s.detect(map);
  s.rewind();
  if (s.format.type == ImportMap::Type::csv) {
    if (!s.next_cells(s.header)) refuse("The file is empty; its first row must name the columns.");
    for (const auto& name : s.header) {
      if (!is_utf8(name)) refuse("The file's first row is not UTF-8; save the file as UTF-8.");
    }
    const auto wanted = columns_of(map);
    for (auto& name : s.header) {
      if (wanted.count(name) == 0) name = std::string(without_blanks(name));
    }
    for (Cells cells; s.next_cells(cells);) ++s.rows;
  } else {
    std::string line;
    for (std::int64_t number = 0; s.next_line(line, number); ++s.rows) {
      const Json json = parse_line(line, number);
      for (const auto& [name, value] : *json.as<Json::Object>()) {
        if (!s.places.emplace(name, s.header.size()).second) continue;
        s.header.push_back(name);
        if (s.header.size() > most_columns) refuse("The lines have more than " + std::to_string(most_columns) + " members.");
      }
    }
    if (s.rows == 0) refuse("The file is empty.");
    // A member that no line has is a column that is empty.
    for (const auto& name : columns_of(map)) {
      if (s.places.emplace(name, s.header.size()).second) s.header.push_back(name);
    }
  }
  rewind();
}

void ImportSource::rewind() {
  state_->rewind();
  Cells skipped;
  if (state_->csv) state_->next_cells(skipped);
}

ImportSource::~ImportSource() = default;
const ImportFormat& ImportSource::format() const { return state_->format; }
const std::vector<std::string>& ImportSource::header() const { return state_->header; }
std::int64_t ImportSource::rows() const { return state_->rows; }

bool ImportSource::next(SourceRow& row) {
  State& s = *state_;
  if (s.csv) {
    if (!s.next_cells(row.cells)) return false;
    if (s.guarded) {
      for (auto& cell : row.cells) {
        if (const std::string_view plain = unguarded_cell(cell); plain.size() != cell.size()) cell = std::string(plain);
      }
    }
  } else {
    std::string line;
    std::int64_t number = 0;
    if (!s.next_line(line, number)) return false;
    row.cells.assign(s.header.size(), {});
    const Json json = parse_line(line, number);
    for (const auto& [name, value] : *json.as<Json::Object>()) row.cells[s.places.at(name)] = cell_of(value);
  }
  row.number = ++s.read;
  return true;
}

std::string ImportSource::line(const std::vector<std::string>* cells, const std::vector<std::pair<std::string, std::string>>& extra) const {
  const State& s = *state_;
  std::string out;
  const auto replaced = [&](const std::string& name) {
    const auto found = std::find_if(extra.begin(), extra.end(), [&](const auto& one) { return one.first == name; });
    return found == extra.end() ? nullptr : &found->second;
  };
  if (!s.csv) {
    if (cells == nullptr) return out;
    out = "{";
    const auto member = [&](const std::string& name, const std::string& text) {
      if (out.size() > 1) out += ",";
      write_json_string(out, name);
      out += ":";
      write_json_string(out, text);
    };
    for (std::size_t i = 0; i < cells->size(); ++i) {
      if (!(*cells)[i].empty() && replaced(s.header[i]) == nullptr) member(s.header[i], readable((*cells)[i]));
    }
    for (const auto& [name, text] : extra) member(name, text);
    return out + "}\n";
  }
  bool first = true;
  const auto cell = [&](std::string_view text) {
    if (!first) out.push_back(s.format.delimiter);
    first = false;
    write_csv_cell(out, text, s.format.delimiter);
  };
  const Cells& row = cells ? *cells : s.header;
  // A row with too few or too many cells keeps them, so that it is refused again until it is mended.
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string* other = cells && row.size() == s.header.size() ? replaced(s.header[i]) : nullptr;
    cell(other ? *other : readable(row[i]));
  }
  for (const auto& [name, text] : extra) {
    if (std::find(s.header.begin(), s.header.end(), name) == s.header.end()) cell(cells ? text : name);
  }
  return out + "\n";
}

}  // namespace caravan::records

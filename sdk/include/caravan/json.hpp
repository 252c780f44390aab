/// A small writer of JSON text for the answers of a plugin's routes, and a reader of what functions are given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace caravan::sdk {

/// Writes one JSON value; commas and escapes are its own affair. Nesting is the caller's: each begin with its
/// end.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    separate();
    quote(name);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  JsonWriter& text(std::string_view value) {
    separate();
    quote(value);
    return *this;
  }
  JsonWriter& number(std::int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }

  const std::string& str() const& { return out_; }
  std::string str() && { return std::move(out_); }

 private:
  JsonWriter& open(char c) {
    separate();
    out_ += c;
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char c) {
    out_ += c;
    fresh_ = false;
    return *this;
  }
  JsonWriter& raw(std::string_view value) {
    separate();
    out_ += value;
    return *this;
  }
  void separate() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void quote(std::string_view value) {
    static constexpr char hex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (byte < 0x20) {
        out_ += "\\u00";
        out_ += hex[byte >> 4];
        out_ += hex[byte & 15];
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }
  std::string out_;
  bool fresh_ = true;
};

namespace detail {

/// Reads flat JSON: a list or an object of texts, numbers, truth values and nulls, as the server writes it for functions.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}
  /// Each value as text, of an object with its name before it; false where the text is something else.
  template <class Each>
  bool read(char opens, char closes, Each&& each) {
    if (!take(opens)) return false;
    if (take(closes)) return end();
    do {
      std::string name, value;
      if (opens == '{' && (!quoted(name) || !take(':'))) return false;
      if (!scalar(value)) return false;
      each(std::move(name), std::move(value));
    } while (take(','));
    return take(closes) && end();
  }

 private:
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool end() {
    blanks();
    return at_ == text_.size();
  }
  bool take(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool scalar(std::string& out) {
    blanks();
    if (at_ < text_.size() && text_[at_] == '"') return quoted(out);
    while (at_ < text_.size() && std::string_view(" ,]}\n\t\r").find(text_[at_]) == std::string_view::npos) out += text_[at_++];
    if (out == "null") out.clear();
    else if (out.empty() || out.find_first_of("[{\"") != std::string::npos) return false;
    return true;
  }
  bool four(std::uint32_t& out) {
    if (text_.size() - at_ < 4) return false;
    out = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return false;
      out = out * 16 + static_cast<std::uint32_t>(digit);
    }
    return true;
  }
  static void utf8(std::string& out, std::uint32_t c) {
    const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return add(c);
    if (c < 0x800) return add(0xC0 | c >> 6), add(0x80 | (c & 63));
    if (c < 0x10000) return add(0xE0 | c >> 12), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
    add(0xF0 | c >> 18), add(0x80 | (c >> 12 & 63)), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
  }
  bool quoted(std::string& out) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) return false;
      const char escaped = text_[at_++];
      const auto place = std::string_view("\"\\/bfnrt").find(escaped);
      if (place != std::string_view::npos) {
        out += "\"\\/\b\f\n\r\t"[place];
        continue;
      }
      std::uint32_t unit = 0, low = 0;
      if (escaped != 'u' || !four(unit)) return false;
      if (unit >= 0xD800 && unit < 0xDC00) {
        if (text_.substr(at_, 2) != "\\u") return false;
        at_ += 2;
        if (!four(low) || low < 0xDC00 || low > 0xDFFF) return false;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      }
      utf8(out, unit);
    }
    return false;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace detail

}  // namespace caravan::sdk

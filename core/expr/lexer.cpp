#include "expr/lexer.h"

#include <charconv>

#include "expr/utf8.h"

namespace caravan::expr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::optional<Issue>& issue) : source_(source), issue_(issue) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (!issue_) {
      skip_space();
      Token token;
      token.offset = static_cast<std::uint32_t>(pos_);
      if (pos_ == source_.size()) {
        tokens.push_back(std::move(token));
        break;
      }
      scan(token);
      if (!issue_) tokens.push_back(std::move(token));
    }
    return tokens;
  }

 private:
  char at(std::size_t i) const { return i < source_.size() ? source_[i] : '\0'; }

  void fail(std::size_t offset, std::string message, std::string hint = {}) {
    if (!issue_) issue_ = issue_at(source_, static_cast<std::uint32_t>(offset), std::move(message), std::move(hint));
  }

  void skip_space() {
    while (pos_ < source_.size()) {
      const char c = source_[pos_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        ++pos_;
      } else if (c == '/' && at(pos_ + 1) == '/') {
        while (pos_ < source_.size() && source_[pos_] != '\n' && source_[pos_] != '\r') ++pos_;
      } else {
        return;
      }
    }
  }

  void scan(Token& token) {
    const char c = source_[pos_];
    if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) return number(token);
    if (c == '"' || c == '\'') return text(token, 0);
    if (is_letter(c)) {
      if (const std::size_t prefix = string_prefix(); prefix > 0) return text(token, prefix);
      const std::size_t start = pos_;
      while (is_letter(at(pos_)) || is_digit(at(pos_))) ++pos_;
      token.kind = Token::Kind::identifier;
      token.text = source_.substr(start, pos_ - start);
      return;
    }
    if (c == '`') return quoted_identifier(token);
    symbol(token);
  }

  /// Length of `r`, `b` or `br` where a quote follows; else 0.
  std::size_t string_prefix() const {
    std::size_t n = 0;
    if (at(pos_) == 'b' || at(pos_) == 'B') ++n;
    if (at(pos_ + n) == 'r' || at(pos_ + n) == 'R') ++n;
    const char quote = at(pos_ + n);
    return n > 0 && (quote == '"' || quote == '\'') ? n : 0;
  }

  void quoted_identifier(Token& token) {
    const std::size_t start = ++pos_;
    while (pos_ < source_.size() && source_[pos_] != '`') {
      const char c = source_[pos_];
      if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '/' && c != ' ') {
        return fail(pos_, "this character is not allowed between backquotes", "letters, digits, `_`, `.`, `-`, `/` and spaces");
      }
      ++pos_;
    }
    if (pos_ == source_.size()) return fail(start - 1, "the name in backquotes does not end", "add a closing `");
    if (pos_ == start) return fail(start - 1, "there is no name between the backquotes");
    token.kind = Token::Kind::quoted_identifier;
    token.text = source_.substr(start, pos_ - start);
    ++pos_;
  }

  void symbol(Token& token) {
    static constexpr std::string_view two[] = {"&&", "||", "==", "!=", "<=", ">="};
    static constexpr std::string_view one = "()[]{}.,:?+-*/%!<>";
    token.kind = Token::Kind::symbol;
    const std::string_view rest = source_.substr(pos_);
    for (const auto s : two) {
      if (rest.substr(0, 2) == s) {
        token.text = rest.substr(0, 2);
        pos_ += 2;
        return;
      }
    }
    if (one.find(rest[0]) != std::string_view::npos) {
      token.text = rest.substr(0, 1);
      ++pos_;
      return;
    }
    switch (rest[0]) {
      case '=': return fail(pos_, "a single `=` compares nothing", "write `==`");
      case '&': return fail(pos_, "`&` is not an operator", "write `&&`");
      case '|': return fail(pos_, "`|` is not an operator", "write `||`");
      default: break;
    }
    char32_t code = 0;
    const std::size_t n = utf8::decode(source_, pos_, code);
    const std::string shown(rest.substr(0, n));
    if (static_cast<unsigned char>(rest[0]) < 0x20 || rest[0] == 0x7F) return fail(pos_, "a control character is not allowed here");
    std::string hint;
    if (n > 1) hint = "text stands in quotes, e.g. \"" + shown + "\"";
    fail(pos_, "`" + shown + "` is not allowed here", hint);
  }

  void number(Token& token) {
    const std::size_t start = pos_;
    if (at(pos_) == '0' && (at(pos_ + 1) == 'x' || at(pos_ + 1) == 'X')) {
      pos_ += 2;
      const std::size_t digits = pos_;
      while (hex_value(at(pos_)) >= 0) ++pos_;
      if (pos_ == digits) return fail(start, "digits are missing after `0x`");
      return integer(token, start, digits, 16);
    }
    while (is_digit(at(pos_))) ++pos_;
    bool floating = false;
    if (at(pos_) == '.' && is_digit(at(pos_ + 1))) {
      floating = true;
      ++pos_;
      while (is_digit(at(pos_))) ++pos_;
    }
    if (at(pos_) == 'e' || at(pos_) == 'E') {
      std::size_t p = pos_ + 1;
      if (at(p) == '+' || at(p) == '-') ++p;
      if (is_digit(at(p))) {
        floating = true;
        while (is_digit(at(p))) ++p;
        pos_ = p;
      }
    }
    if (!floating) return integer(token, start, start, 10);
    token.kind = Token::Kind::floating;
    token.text = source_.substr(start, pos_ - start);
    std::string text(token.text);
    if (text.front() == '.') text.insert(0, 1, '0');
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token.number);
    if (error != std::errc() || end != text.data() + text.size()) return fail(start, "this number is out of the range of double");
    no_letter_follows();
  }

  void integer(Token& token, std::size_t start, std::size_t digits, int base) {
    const auto [end, error] = std::from_chars(source_.data() + digits, source_.data() + pos_, token.magnitude, base);
    if (error != std::errc() || end != source_.data() + pos_) {
      return fail(start, "this number is too large", "an int has at most 19 digits, an uint 20");
    }
    token.kind = Token::Kind::integer;
    if (at(pos_) == 'u' || at(pos_) == 'U') {
      token.kind = Token::Kind::unsigned_integer;
      ++pos_;
    }
    token.text = source_.substr(start, pos_ - start);
    no_letter_follows();
  }

  void no_letter_follows() {
    if (is_letter(at(pos_)) || is_digit(at(pos_))) fail(pos_, "a letter directly after a number", "put a space or an operator between them");
  }

  void text(Token& token, std::size_t prefix) {
    const std::size_t start = pos_;
    bool bytes = false, raw = false;
    for (std::size_t i = 0; i < prefix; ++i) {
      const char c = source_[pos_ + i];
      (c == 'b' || c == 'B' ? bytes : raw) = true;
    }
    pos_ += prefix;
    const char quote = source_[pos_];
    const bool triple = at(pos_ + 1) == quote && at(pos_ + 2) == quote;
    pos_ += triple ? 3 : 1;
    token.kind = bytes ? Token::Kind::bytes : Token::Kind::string;
    for (;;) {
      if (pos_ >= source_.size()) return fail(start, "this text does not end", triple ? "add the closing quotes" : "add the closing quote");
      const char c = source_[pos_];
      if (c == quote && (!triple || (at(pos_ + 1) == quote && at(pos_ + 2) == quote))) {
        pos_ += triple ? 3 : 1;
        break;
      }
      if (!triple && (c == '\n' || c == '\r')) {
        return fail(start, "this text does not end on its line", "add the closing quote, or use three quotes for text of several lines");
      }
      if (c == '\\' && !raw) {
        if (!escape(token.content, bytes)) return;
        continue;
      }
      token.content.push_back(c);
      ++pos_;
    }
    token.text = source_.substr(start, pos_ - start);
  }

  /// `count` digits of `base` at pos_, stepping over them.
  std::optional<char32_t> code(std::size_t count, int base) {
    char32_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++pos_) {
      const int digit = hex_value(at(pos_));
      if (digit < 0 || digit >= base) return std::nullopt;
      value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
    }
    return value;
  }

  bool escape(std::string& out, bool bytes) {
    const std::size_t start = pos_++;
    const char c = at(pos_);
    const auto bad = [&](std::string message, std::string hint = {}) {
      fail(start, std::move(message), std::move(hint));
      return false;
    };
    switch (c) {
      case '\\': case '?': case '"': case '\'': case '`': out.push_back(c); break;
      case 'a': out.push_back('\a'); break;
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'v': out.push_back('\v'); break;
      case 'x': case 'X': case '0': case '1': case '2': case '3': {
        const bool hex = c == 'x' || c == 'X';
        if (hex) ++pos_;
        const auto value = hex ? code(2, 16) : code(3, 8);
        if (!value) return bad(hex ? "`\\x` needs two hexadecimal digits" : "an octal escape needs three digits, 000 to 377");
        if (bytes) {
          out.push_back(static_cast<char>(*value));
        } else {
          utf8::append(out, *value);
        }
        return true;
      }
      case 'u': case 'U': {
        if (bytes) return bad("`\\u` is not allowed in bytes", "write the bytes with `\\x`");
        ++pos_;
        auto value = c == 'u' ? code(4, 16) : code(8, 16);
        if (!value) return bad(c == 'u' ? "`\\u` needs four hexadecimal digits" : "`\\U` needs eight hexadecimal digits");
        if (c == 'u' && *value >= 0xD800 && *value <= 0xDBFF && at(pos_) == '\\' && at(pos_ + 1) == 'u') {
          pos_ += 2;
          const auto low = code(4, 16);
          if (!low || *low < 0xDC00 || *low > 0xDFFF) return bad("this surrogate pair is not complete");
          value = 0x10000 + ((*value - 0xD800) << 10) + (*low - 0xDC00);
        }
        if (*value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF)) return bad("this is not a Unicode character");
        utf8::append(out, *value);
        return true;
      }
      default: return bad("this escape does not exist", "a backslash is written `\\\\`");
    }
    ++pos_;
    return true;
  }

  std::string_view source_;
  std::optional<Issue>& issue_;
  std::size_t pos_ = 0;
};

}  // namespace

Issue issue_at(std::string_view source, std::uint32_t offset, std::string message, std::string hint) {
  Issue issue{1, 1, std::move(message), std::move(hint)};
  const std::size_t end = std::min<std::size_t>(offset, source.size());
  for (std::size_t i = 0; i < end; ++i) {
    const char c = source[i];
    if (c == '\n' || (c == '\r' && !(i + 1 < source.size() && source[i + 1] == '\n'))) {
      ++issue.line;
      issue.column = 1;
    } else if (c != '\r' && (static_cast<unsigned char>(c) & 0xC0u) != 0x80u) {
      ++issue.column;
    }
  }
  return issue;
}

std::vector<Token> tokenize(std::string_view source, std::optional<Issue>& issue) { return Lexer(source, issue).run(); }

}  // namespace caravan::expr

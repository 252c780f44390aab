#include "model/builder_text.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace caravan::model {

std::string tick(std::string_view word) {
  return "`" + std::string(word) + "`";
}

bool is_currency(std::string_view code) {
  // ISO 4217, without funds and metals.
  constexpr std::string_view codes =
      "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
      "CAD CDF CHF CLP "
      "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
      "HNL HTG HUF IDR "
      "ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL "
      "MGA MKD MMK MNT "
      "MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
      "RUB RWF SAR SBD "
      "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
      "UYU UZS VED VES "
      "VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG ";
  return code.size() == 3 && code.find(' ') == std::string_view::npos &&
         codes.find(std::string(code) + " ") % 4 == 0;
}

bool is_color(std::string_view text) {
  constexpr std::string_view presets[] = {"blue", "purple",  "cyan",    "green",      "magenta",  "pink",
                                          "red",  "orange",  "yellow",  "volcano",    "geekblue", "lime",
                                          "gold", "default", "success", "processing", "error",    "warning"};
  if (std::find(std::begin(presets), std::end(presets), text) != std::end(presets)) return true;
  return text.size() == 7 && text.front() == '#' &&
         text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string_view::npos;
}

bool is_icon(std::string_view text) {
  return !text.empty() && text.size() <= 48 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t out = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string cel_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::vector<Token> scan(std::string_view source) {
  std::vector<Token> out;
  std::uint32_t line = 1, column = 1;
  std::size_t i = 0;
  const auto step = [&] {
    if (source[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(source[i]) & 0xC0) != 0x80) {
      ++column;
    }
    ++i;
  };
  const auto word_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (i < source.size()) {
    const char c = source[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      step();
      continue;
    }
    if (c == '/' && i + 1 < source.size() && source[i + 1] == '/') {
      while (i < source.size() && source[i] != '\n') step();
      continue;
    }
    Token token;
    token.line = line;
    token.column = column;
    if (word_part(c)) {
      token.kind = c >= '0' && c <= '9' ? Token::Kind::other : Token::Kind::word;
      while (i < source.size() && word_part(source[i])) {
        token.text += source[i];
        step();
      }
      // `r"…"` and its like: the letters belong to the string that follows.
      if (i < source.size() && (source[i] == '"' || source[i] == '\'') &&
          token.text.find_first_not_of("rRbB") == std::string::npos) {
        token.kind = Token::Kind::other;
        token.text.clear();
      }
      out.push_back(std::move(token));
      continue;
    }
    if (c == '"' || c == '\'') {
      token.kind = Token::Kind::text;
      const std::string fence(3, c);
      const bool triple = source.substr(i, 3) == fence;
      bool plain = !triple;
      for (int n = triple ? 3 : 1; n > 0; --n) step();
      while (i < source.size() && (triple ? source.substr(i, 3) != fence : source[i] != c)) {
        if (source[i] == '\\' && i + 1 < source.size()) {
          plain = false;
          step();
        }
        token.text += source[i];
        step();
      }
      for (int n = triple ? 3 : 1; n > 0 && i < source.size(); --n) step();
      if (!plain) token.kind = Token::Kind::other;
      out.push_back(std::move(token));
      continue;
    }
    token.kind = Token::Kind::sign;
    token.text = c;
    step();
    if (i < source.size() && source[i] == '=' && (c == '=' || c == '!' || c == '<' || c == '>')) {
      token.text += '=';
      step();
    }
    out.push_back(std::move(token));
  }
  return out;
}

bool is(const std::vector<Token>& tokens, std::size_t at, Token::Kind kind, std::string_view text) {
  return at < tokens.size() && tokens[at].kind == kind && tokens[at].text == text;
}

std::string_view member_at(const std::vector<Token>& tokens, std::size_t at, bool whole) {
  if (!is(tokens, at, Token::Kind::word, "record") || !is(tokens, at + 1, Token::Kind::sign, ".") ||
      at + 2 >= tokens.size() || tokens[at + 2].kind != Token::Kind::word) {
    return {};
  }
  if (at > 0 && is(tokens, at - 1, Token::Kind::sign, ".")) return {};
  if (whole && (is(tokens, at + 3, Token::Kind::sign, ".") || is(tokens, at + 3, Token::Kind::sign, "(")))
    return {};
  return tokens[at + 2].text;
}

}  // namespace caravan::model

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Internal to core/model: small readings of texts in definitions.
namespace caravan::model {

/// `` `word` ``
std::string tick(std::string_view word);
/// ISO 4217, without funds and metals.
bool is_currency(std::string_view code);
/// A preset of the console, or #rrggbb.
bool is_color(std::string_view text);
bool is_icon(std::string_view text);
std::optional<std::int64_t> integer_of(std::string_view text);
/// `24h`, `90m`, `1h30m`, `45s`; nullopt for anything else.
std::optional<std::int64_t> duration_seconds(std::string_view text);
/// As a literal of an expression.
std::string cel_string(std::string_view text);

/// What an expression reads, as far as static checks beyond its types need it.
struct Token {
  enum class Kind : std::uint8_t { word, text, sign, other } kind = Kind::other;
  std::string text;
  std::uint32_t line = 1, column = 1;
};

/// Tokens of a CEL source that has compiled. Only words, plain strings and signs are told apart.
std::vector<Token> scan(std::string_view source);
bool is(const std::vector<Token>& tokens, std::size_t at, Token::Kind kind, std::string_view text);
/// The member in `record.MEMBER` at `at`; "" where there is none, or, for `whole`, where a longer path begins.
std::string_view member_at(const std::vector<Token>& tokens, std::size_t at, bool whole);

}  // namespace caravan::model

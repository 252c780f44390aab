#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "expr/ast.h"

namespace caravan::expr {

struct Token {
  enum class Kind : std::uint8_t { end, identifier, quoted_identifier, integer, unsigned_integer, floating, string, bytes, symbol };
  Kind kind = Kind::end;
  std::string_view text;          ///< as written; of a quoted identifier without the quotes
  std::uint32_t offset = 0;
  std::uint64_t magnitude = 0;    ///< of integers; the sign is the parser's
  double number = 0;
  std::string content;            ///< of strings and bytes, escapes resolved
};

/// The tokens of `source`, the last one of kind end. On a mistake fills `issue`. Views point into `source`.
std::vector<Token> tokenize(std::string_view source, std::optional<Issue>& issue);

}  // namespace caravan::expr

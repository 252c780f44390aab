#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "expr/ast.h"

namespace caravan::expr {

/// One function of the library. A signature is a letter per argument, `>`, a letter for the result:
/// b bool, i int, u uint, d double, D decimal, s string, y bytes, t timestamp, r duration, a date, l list, S list(string),
/// m map, T type, * dyn. A receiver is the first argument.
struct Function {
  enum class Style : std::uint8_t { global, receiver, both };
  std::string_view name;
  Style style;
  std::vector<std::string_view> signatures;
  Builtin builtin;
  /// The result depends on nothing but the arguments.
  bool pure = true;
  /// A call with a literal that fails is a mistake of the expression, shown when it is compiled.
  bool conversion = false;
};

/// All functions of that name; empty where there is none.
std::span<const Function> functions(std::string_view name);
/// For "did you mean".
std::vector<std::string_view> function_names();
TypeKind kind_of_letter(char letter);

/// Compiles a regular expression; nullptr and the reason where it is malformed.
std::shared_ptr<const void> compile_pattern(const std::string& pattern, std::string& why);

/// math.greatest and math.least take any number of arguments; the checker makes one list of them.
bool is_variadic(std::string_view name);

/// Text forms; string() and format.
std::string format_double(double value);
std::string format_duration(const Duration& value);
/// `"%s, %d".format([…])`.
const Value* format(Frame& frame, const std::string& pattern, const List& args, Value& out);

}  // namespace caravan::expr

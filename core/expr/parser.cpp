#include "expr/parser.h"

#include <algorithm>
#include <limits>

#include "expr/lexer.h"
#include "expr/utf8.h"

namespace caravan::expr {
namespace {

constexpr std::string_view keywords[] = {"false", "in", "null", "true"};
constexpr std::string_view reserved[] = {"as",     "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
                                         "let",    "loop",  "package", "namespace", "return", "var", "void",     "while"};

bool is_keyword(std::string_view name) { return std::find(std::begin(keywords), std::end(keywords), name) != std::end(keywords); }
bool is_reserved(std::string_view name) { return std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved); }

/// Recursive descent. After the first mistake every function returns nullptr.
class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens, std::optional<Issue>& issue)
      : source_(source), tokens_(std::move(tokens)), issue_(issue) {}

  NodePtr run() {
    NodePtr node = expression();
    if (node && peek().kind != Token::Kind::end) {
      fail(peek().offset, "`" + std::string(peek().text) + "` is not expected here", "an operator, or the end of the expression");
    }
    return issue_ ? nullptr : std::move(node);
  }

 private:
  const Token& peek() const { return tokens_[pos_]; }
  const Token& take() { return tokens_[peek().kind == Token::Kind::end ? pos_ : pos_++]; }
  bool is(std::string_view symbol) const { return peek().kind == Token::Kind::symbol && peek().text == symbol; }
  bool accept(std::string_view symbol) {
    if (!is(symbol)) return false;
    ++pos_;
    return true;
  }
  bool is_word(std::string_view word) const { return peek().kind == Token::Kind::identifier && peek().text == word; }

  std::nullptr_t fail(std::uint32_t offset, std::string message, std::string hint = {}) {
    if (!issue_) issue_ = issue_at(source_, offset, std::move(message), std::move(hint));
    return nullptr;
  }

  bool expect(std::string_view symbol, std::string_view why) {
    if (accept(symbol)) return true;
    const Token& token = peek();
    const std::string found = token.kind == Token::Kind::end ? "the expression ends" : "`" + std::string(token.text) + "` stands";
    fail(token.offset, found + " where `" + std::string(symbol) + "` is expected", std::string(why));
    return false;
  }

  template <class... Children>
  NodePtr make(Op op, std::uint32_t offset, Children... children) {
    auto node = std::make_unique<Node>();
    node->op = op;
    node->offset = offset;
    (node->children.push_back(std::move(children)), ...);
    return measure(std::move(node));
  }

  /// Sets the height; refuses what would make later recursion deep.
  NodePtr measure(NodePtr node) {
    std::uint16_t height = 0;
    for (const auto& child : node->children) {
      if (!child) return nullptr;
      height = std::max(height, child->height);
    }
    node->height = static_cast<std::uint16_t>(height + 1);
    if (node->height > max_height) {
      return fail(node->offset, "the expression has too many operators in a row", "at most " + std::to_string(max_height));
    }
    return node;
  }

  NodePtr expression() {
    if (depth_ == max_nesting) {
      return fail(peek().offset, "the expression is nested too deeply", "at most " + std::to_string(max_nesting) + " levels");
    }
    ++depth_;
    NodePtr node = conditional();
    --depth_;
    return node;
  }

  NodePtr conditional() {
    NodePtr condition = logical(Op::logical_or);
    if (!condition || !is("?")) return condition;
    const std::uint32_t offset = take().offset;
    NodePtr yes = logical(Op::logical_or);
    if (!yes || !expect(":", "a conditional is written `condition ? value : other value`")) return nullptr;
    NodePtr no = expression();
    if (!no) return nullptr;
    return make(Op::conditional, offset, std::move(condition), std::move(yes), std::move(no));
  }

  NodePtr logical(Op op) {
    const std::string_view symbol = op == Op::logical_or ? "||" : "&&";
    NodePtr first = op == Op::logical_or ? logical(Op::logical_and) : relation();
    if (!first || !is(symbol)) return first;
    NodePtr node = make(op, peek().offset, std::move(first));
    while (accept(symbol)) {
      NodePtr next = op == Op::logical_or ? logical(Op::logical_and) : relation();
      if (!next) return nullptr;
      node->children.push_back(std::move(next));
    }
    return measure(std::move(node));
  }

  NodePtr relation() {
    NodePtr left = addition();
    while (left) {
      Op op;
      if (is("==")) op = Op::equal;
      else if (is("!=")) op = Op::not_equal;
      else if (is("<")) op = Op::less;
      else if (is("<=")) op = Op::less_equal;
      else if (is(">")) op = Op::greater;
      else if (is(">=")) op = Op::greater_equal;
      else if (is_word("in")) op = Op::in;
      else break;
      const std::uint32_t offset = take().offset;
      NodePtr right = addition();
      if (!right) return nullptr;
      left = make(op, offset, std::move(left), std::move(right));
    }
    return left;
  }

  NodePtr addition() {
    NodePtr left = multiplication();
    while (left && (is("+") || is("-"))) {
      const Token& token = take();
      NodePtr right = multiplication();
      if (!right) return nullptr;
      left = make(token.text == "+" ? Op::add : Op::subtract, token.offset, std::move(left), std::move(right));
    }
    return left;
  }

  NodePtr multiplication() {
    NodePtr left = unary();
    while (left && (is("*") || is("/") || is("%"))) {
      const Token& token = take();
      NodePtr right = unary();
      if (!right) return nullptr;
      const Op op = token.text == "*" ? Op::multiply : token.text == "/" ? Op::divide : Op::modulo;
      left = make(op, token.offset, std::move(left), std::move(right));
    }
    return left;
  }

  NodePtr unary() {
    if (!is("!") && !is("-")) return member(primary(false, 0));
    const std::string symbol(peek().text);
    std::vector<std::uint32_t> offsets;
    while (is(symbol)) offsets.push_back(take().offset);
    NodePtr node;
    const auto kind = peek().kind;
    if (symbol == "-" && (kind == Token::Kind::integer || kind == Token::Kind::floating || kind == Token::Kind::unsigned_integer)) {
      // A sign directly before a number belongs to it: -9223372036854775808 is an int.
      if (kind != Token::Kind::unsigned_integer) {
        const std::uint32_t offset = offsets.back();
        offsets.pop_back();
        node = member(primary(true, offset));
      } else {
        node = member(primary(false, 0));
      }
    } else {
      if (is("!") || is("-")) return fail(peek().offset, "`!` and `-` do not follow each other", "put parentheses between them");
      node = member(primary(false, 0));
    }
    for (; node && !offsets.empty(); offsets.pop_back()) {
      node = make(symbol == "!" ? Op::logical_not : Op::negate, offsets.back(), std::move(node));
    }
    return node;
  }

  bool list_of(NodePtr& node, std::string_view close, std::string_view why) {
    if (accept(close)) return true;
    for (;;) {
      NodePtr item = expression();
      if (!item) return false;
      node->children.push_back(std::move(item));
      if (accept(",")) {
        if (close != ")" && accept(close)) return true;  // a comma may end a list
        continue;
      }
      return expect(close, why);
    }
  }

  NodePtr member(NodePtr node) {
    while (node) {
      if (is(".")) {
        take();
        const Token& name = peek();
        if (name.kind != Token::Kind::identifier && name.kind != Token::Kind::quoted_identifier) {
          return fail(name.offset, "a name is missing after `.`");
        }
        const bool quoted = name.kind == Token::Kind::quoted_identifier;
        if (!quoted && is_keyword(name.text)) {
          return fail(name.offset, "`" + std::string(name.text) + "` cannot be a name", "write it in backquotes: `" + std::string(name.text) + "`");
        }
        take();
        if (!quoted && accept("(")) {
          auto call = make(Op::call, name.offset, std::move(node));
          if (!call) return nullptr;
          call->text = name.text;
          call->has_target = true;
          if (!list_of(call, ")", "a call ends with `)`")) return nullptr;
          node = measure(std::move(call));
        } else {
          node = make(Op::select, name.offset, std::move(node));
          if (node) {
            node->text = name.text;
            node->quoted = quoted;
          }
        }
      } else if (is("[")) {
        const std::uint32_t offset = take().offset;
        NodePtr key = expression();
        if (!key || !expect("]", "an index ends with `]`")) return nullptr;
        node = make(Op::index, offset, std::move(node), std::move(key));
      } else if (is("{") && (node->op == Op::identifier || node->op == Op::select)) {
        return fail(peek().offset, "messages are not supported", "a map is written `{\"key\": value}`");
      } else {
        break;
      }
    }
    return node;
  }

  NodePtr literal(std::uint32_t offset, Value value) {
    NodePtr node = make(Op::literal, offset);
    node->value = std::move(value);
    return node;
  }

  NodePtr primary(bool negative, std::uint32_t sign_offset) {
    const Token& token = take();
    const std::uint32_t offset = negative ? sign_offset : token.offset;
    switch (token.kind) {
      case Token::Kind::end: return fail(token.offset, pos_ == 0 ? "the expression is empty" : "the expression ends too early", "a value is expected");
      case Token::Kind::integer: {
        constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (token.magnitude > max + (negative ? 1 : 0)) {
          return fail(offset, "this number is out of the range of int", "-9223372036854775808 to 9223372036854775807");
        }
        return literal(offset, static_cast<std::int64_t>(negative ? 0 - token.magnitude : token.magnitude));
      }
      case Token::Kind::unsigned_integer: return literal(offset, token.magnitude);
      case Token::Kind::floating: return literal(offset, negative ? -token.number : token.number);
      case Token::Kind::string:
        // The source is well-formed and escapes are checked, so the content is too.
        return literal(offset, token.content);
      case Token::Kind::bytes: return literal(offset, Bytes{token.content});
      case Token::Kind::quoted_identifier: return fail(offset, "a name in backquotes stands only after `.`");
      case Token::Kind::identifier: return name(token, false);
      case Token::Kind::symbol: break;
    }
    if (token.text == ".") {
      const Token& next = take();
      if (next.kind != Token::Kind::identifier || is_keyword(next.text)) return fail(next.offset, "a name is missing after `.`");
      return name(next, true);
    }
    if (token.text == "(") {
      NodePtr node = expression();
      if (!node || !expect(")", "parentheses come in pairs")) return nullptr;
      if (node->op == Op::identifier || node->op == Op::select) {
        // (a.b).c is a selection even where a.b.c is a name.
        node->quoted = true;
      }
      return node;
    }
    if (token.text == "[") {
      NodePtr node = make(Op::list, offset);
      if (!list_of(node, "]", "a list ends with `]`")) return nullptr;
      return measure(std::move(node));
    }
    if (token.text == "{") {
      NodePtr node = make(Op::map, offset);
      if (accept("}")) return node;
      for (;;) {
        NodePtr key = expression();
        if (!key || !expect(":", "a map is written `{key: value}`")) return nullptr;
        NodePtr value = expression();
        if (!value) return nullptr;
        node->children.push_back(std::move(key));
        node->children.push_back(std::move(value));
        if (accept(",")) {
          if (accept("}")) break;
          continue;
        }
        if (!expect("}", "a map ends with `}`")) return nullptr;
        break;
      }
      return measure(std::move(node));
    }
    return fail(offset, "`" + std::string(token.text) + "` stands where a value is expected");
  }

  NodePtr name(const Token& token, bool leading_dot) {
    if (!leading_dot) {
      if (token.text == "true" || token.text == "false") return literal(token.offset, token.text == "true");
      if (token.text == "null") return literal(token.offset, Value());
      if (token.text == "in") return fail(token.offset, "`in` stands between a value and a list", "e.g. `x in [1, 2]`");
    }
    if (is_reserved(token.text)) {
      return fail(token.offset, "`" + std::string(token.text) + "` is a reserved word and cannot be a name");
    }
    NodePtr node = make(Op::identifier, token.offset);
    node->text = token.text;
    node->leading_dot = leading_dot;
    if (accept("(")) {
      node->op = Op::call;
      if (!list_of(node, ")", "a call ends with `)`")) return nullptr;
      return measure(std::move(node));
    }
    return node;
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::optional<Issue>& issue_;
  std::size_t pos_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

NodePtr parse(std::string_view source, std::optional<Issue>& issue) {
  if (source.size() > max_source) {
    issue = Issue{1, 1, "the expression is too long", "at most " + std::to_string(max_source / 1024) + " KiB"};
    return nullptr;
  }
  if (const std::size_t bad = utf8::find_malformed(source); bad != std::string_view::npos) {
    issue = issue_at(source, static_cast<std::uint32_t>(bad), "the expression is not valid UTF-8 here");
    return nullptr;
  }
  std::vector<Token> tokens = tokenize(source, issue);
  if (issue) return nullptr;
  return Parser(source, std::move(tokens), issue).run();
}

}  // namespace caravan::expr

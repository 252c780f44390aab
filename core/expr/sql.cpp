#include <algorithm>
#include <cmath>
#include <limits>

#include "expr/arithmetic.h"
#include "expr/ast.h"
#include "expr/evaluator.h"
#include "expr/utf8.h"

/// CEL to SQL.
///
/// A NULL in SQL stands for two things that CEL keeps apart: an empty field, which `==` compares like a value, and an
/// unknown or failed result, which makes everything but && and || unknown. So each scalar remembers which of the two
/// its NULL means (`computed`). Conditions are three-valued in the same way on both sides: true, false, NULL.
namespace caravan::expr {
namespace {

constexpr std::size_t max_sql = 64 * 1024;
constexpr std::size_t max_parameters = 30'000;
constexpr int max_references = 2;
constexpr std::int64_t exact_double = std::int64_t{1} << 53;

struct Sql {
  std::string text;
  std::vector<Value> parameters;

  Sql& add(std::string_view more) {
    text += more;
    return *this;
  }
  Sql& add(const Sql& more) {
    text += more.text;
    parameters.insert(parameters.end(), more.parameters.begin(), more.parameters.end());
    return *this;
  }
  Sql& bind(Value value) {
    text += '?';
    parameters.push_back(std::move(value));
    return *this;
  }
};

Sql sql(std::string_view text) { return Sql{std::string(text), {}}; }

struct Condition {
  enum class Known : std::uint8_t { no, is_true, is_false, is_unknown };
  Known known = Known::no;
  Sql sql;
};

struct Scalar {
  Sql sql;
  TypeKind kind = TypeKind::any;
  std::uint8_t scale = 0;  ///< of a decimal; SQLite holds value × 10^scale
  bool computed = false;   ///< NULL means unknown, not empty
  Sql currency;            ///< of an amount of money; else empty text
  const Node* sealed = nullptr;  ///< the member, where `sql` is its hash column: only equality can be asked of it
};

/// Constant or column.
struct Operand {
  const Node* node = nullptr;
  bool constant = false;
  Evaluation value;
  Scalar scalar;
};

/// A constant number in units of a column: floor(constant × 10^scale).
struct Bound {
  enum class Range : std::uint8_t { inside, above, below, unordered, mismatch };
  Range range = Range::inside;
  std::int64_t floor = 0;
  bool exact = true;
};

struct Refused {
  std::uint32_t offset;
  std::string reason, hint;
};

Condition known(Condition::Known k) {
  Condition c;
  c.known = k;
  c.sql = sql(k == Condition::Known::is_true ? "TRUE" : k == Condition::Known::is_false ? "FALSE" : "NULL");
  return c;
}
Condition known(bool b) { return known(b ? Condition::Known::is_true : Condition::Known::is_false); }
Condition unknown() { return known(Condition::Known::is_unknown); }
Condition condition_of(Sql text) {
  Condition c;
  c.sql = std::move(text);
  return c;
}

Condition negation(Condition c) {
  switch (c.known) {
    case Condition::Known::is_true: return known(false);
    case Condition::Known::is_false: return known(true);
    case Condition::Known::is_unknown: return c;
    case Condition::Known::no: break;
  }
  return condition_of(sql("(NOT ").add(c.sql).add(")"));
}

std::string_view symbol(Op op) {
  switch (op) {
    case Op::less: return " < ";
    case Op::less_equal: return " <= ";
    case Op::greater: return " > ";
    default: return " >= ";
  }
}

class Compiler {
 public:
  Compiler(Dialect dialect, std::string_view alias, const Activation& constants)
      : sqlite_(dialect == Dialect::sqlite), alias_(alias), constants_(constants) {}

  Condition condition(const Node& node) {
    if (!node.uses_record) return constant_condition(node);
    switch (node.op) {
      case Op::logical_and: return logical(node, Condition::Known::is_false, Condition::Known::is_true, " AND ");
      case Op::logical_or: return logical(node, Condition::Known::is_true, Condition::Known::is_false, " OR ");
      case Op::logical_not: return negation(condition(*node.children[0]));
      case Op::conditional: return conditional(node);
      case Op::equal: return equality(node);
      case Op::not_equal: return negation(equality(node));
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal: return relation(node);
      case Op::in: return membership(node);
      case Op::has_member: return condition_of(sql("(").add(column(node, true).sql).add(" IS NOT NULL)"));
      case Op::has_select:
        if (is_collection(*node.children[0])) return has_key(*node.children[0], node.text);
        refuse(node, "the content of a list or map field cannot be looked up in the database");
      case Op::exists:
        if (is_collection(*node.children[0])) return any_element(node);
        refuse_loop(node);
      case Op::member: {
        Scalar flag = column(node);
        if (flag.kind != TypeKind::boolean) refuse(node, "`" + node.text + "` is not a condition");
        return condition_of(std::move(flag.sql));
      }
      case Op::function:
        if (node.text == "startsWith" || node.text == "endsWith" || node.text == "contains") return text_test(node);
        refuse_function(node);
      case Op::all: case Op::exists_one: refuse_loop(node);
      default: refuse(node, "this cannot be decided in the database");
    }
  }

 private:
  [[noreturn]] static void refuse(const Node& node, std::string reason, std::string hint = {}) {
    throw Refused{node.offset, std::move(reason), std::move(hint)};
  }
  [[noreturn]] static void refuse_loop(const Node& node) {
    refuse(node, "a loop over values of the record cannot run in the database",
           "loops over constants, e.g. over user.roles, can, and `value in record.list`");
  }
  [[noreturn]] static void refuse_function(const Node& node) {
    refuse(node, "`" + node.text + "` of a field cannot be computed in the database",
           "size, startsWith, endsWith and contains can; a computed field can hold the value");
  }

  static void bounded(const Node& node, const Sql& s) {
    if (s.text.size() > max_sql || s.parameters.size() > max_parameters) refuse(node, "the condition is too large for the database");
  }

  std::string quote(std::string_view name) const {
    const char mark = sqlite_ ? '"' : '`';
    std::string out(1, mark);
    for (const char c : name) {
      out += c;
      if (c == mark) out += c;
    }
    return out + mark;
  }

  /// A constant that cannot be evaluated is neither true nor false, as in evaluate().
  Condition constant_condition(const Node& node) {
    const Evaluation e = evaluate_tree(node, constants_);
    const bool* b = e.value.as<bool>();
    return e.outcome == Outcome::value && b ? known(*b) : unknown();
  }

  Condition logical(const Node& node, Condition::Known decisive, Condition::Known neutral, std::string_view word) {
    std::vector<Condition> parts;
    bool decided = false, has_unknown = false;
    for (const auto& child : node.children) {
      Condition c = condition(*child);  // also where the outcome is decided: what is refused does not depend on constants
      decided = decided || c.known == decisive;
      if (c.known == neutral) continue;
      if (c.known == Condition::Known::is_unknown) {
        if (has_unknown) continue;
        has_unknown = true;
      }
      parts.push_back(std::move(c));
    }
    if (decided) return known(decisive);
    if (parts.empty()) return known(neutral);
    if (parts.size() == 1) return std::move(parts[0]);
    Sql all = sql("(");
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i) all.add(word);
      all.add(parts[i].sql);
    }
    bounded(node, all.add(")"));
    return condition_of(std::move(all));
  }

  Condition conditional(const Node& node) {
    Condition test = condition(*node.children[0]), yes = condition(*node.children[1]), no = condition(*node.children[2]);
    if (test.known == Condition::Known::is_unknown) return test;
    if (test.known != Condition::Known::no) return test.known == Condition::Known::is_true ? yes : no;
    return condition_of(sql("(CASE ").add(test.sql).add(" WHEN 1 THEN ").add(yes.sql).add(" WHEN 0 THEN ").add(no.sql).add(" END)"));
  }

  // ---- Operands ----------------------------------------------------------------------------------------------------

  /// `equality`: nothing but equality is asked of it, which a sealed member can answer.
  Operand operand(const Node& node, bool equality = false) {
    Operand o;
    o.node = &node;
    o.constant = !node.uses_record;
    if (o.constant) {
      o.value = evaluate_tree(node, constants_);
    } else {
      o.scalar = equality && node.op == Op::member ? column(node, true) : scalar(node);
    }
    return o;
  }

  Scalar scalar(const Node& node) {
    switch (node.op) {
      case Op::member: return column(node);
      case Op::negate: {
        if (node.type.kind != TypeKind::int64) refuse_arithmetic(node);
        const Scalar a = scalar(*node.children[0]);
        return checked_integer(node, Op::subtract, sql("0"), a.sql);
      }
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
      case Op::modulo: return arithmetic(node);
      case Op::function:
        if (node.text == "size" && node.children[0]->type.kind == TypeKind::string) {
          Scalar length;
          length.sql = sql(sqlite_ ? "length(" : "CHAR_LENGTH(").add(scalar(*node.children[0]).sql).add(")");
          length.kind = TypeKind::int64;
          length.computed = true;
          return length;
        }
        if (node.text == "size" && is_collection(*node.children[0])) return elements(*node.children[0]);
        if (node.type.kind != TypeKind::boolean) refuse_function(node);
        break;
      case Op::conditional:
        // Its NULL could be an empty field of the chosen side, or an unknown choice.
        refuse(node, "a choice between values cannot be compared in the database", "choose between conditions: `a ? b == 1 : c == 1`");
      case Op::index:
      case Op::select: return text_of_key(node);
      case Op::has_select: break;
      case Op::filter:
      case Op::transform: refuse(node, "a loop over values of the record cannot run in the database");
      default: break;
    }
    if (node.type.kind != TypeKind::boolean) refuse(node, "this value cannot be computed in the database");
    Scalar truth;
    truth.sql = condition(node).sql;
    truth.kind = TypeKind::boolean;
    truth.computed = true;
    return truth;
  }

  /// `column` of the record that `record` yields.
  Sql column_of(const Node& record, std::string_view column, int depth) {
    if (record.op == Op::variable && record.slot == 0) return sql(alias_.empty() ? quote(column) : quote(alias_) + "." + quote(column));
    if (record.op != Op::follow) refuse(record, "this record is not in reach of the database query");
    if (depth == max_references) refuse(record, "the database follows at most two references");
    const RecordType& target = *record.type.record;
    const Member* id = target.member("id");
    if (record.member->column.empty() || target.table().empty()) refuse(record, "`" + record.text + "` is not stored in the database");
    const std::string inner = quote("_r" + std::to_string(depth + 1));
    return sql("(SELECT " + inner + "." + quote(column) + " FROM " + quote(target.table()) + " AS " + inner + " WHERE " + inner + "." +
               quote(id && !id->column.empty() ? id->column : "id") + " = ")
        .add(column_of(*record.children[0], record.member->column, depth + 1))
        .add(")");
  }

  Scalar column(const Node& node, bool equality = false) {
    const Member& member = *node.member;
    if (member.column.empty()) refuse(node, "`" + node.text + "` is not stored in a column of the database");
    Scalar s;
    if (!member.hash_column.empty()) {
      if (!equality) {
        refuse(node, "`" + node.text + "` is sealed in the database, which can tell only whether it equals a text",
               "compare it by ==, != or in with texts, or with null");
      }
      s.sql = column_of(*node.children[0], member.hash_column, 0);
      s.kind = TypeKind::string;
      s.sealed = &node;
      return s;
    }
    s.sql = column_of(*node.children[0], member.column, 0);
    s.kind = member.type.kind;
    s.scale = member.scale;
    if (!member.currency_column.empty()) s.currency = column_of(*node.children[0], member.currency_column, 0);
    if (node.op == Op::has_member) return s;
    switch (s.kind) {
      case TypeKind::boolean: case TypeKind::int64: case TypeKind::decimal: case TypeKind::string: case TypeKind::date: case TypeKind::timestamp: return s;
      case TypeKind::list: case TypeKind::map:
        refuse(node, "`" + node.text + "` is " + to_string(member.type) + ", which the database does not compare as a whole",
               "ask for one element: `value in record." + node.text + "`");
      default: refuse(node, "`" + node.text + "` is " + to_string(member.type) + ", which the database cannot compare");
    }
  }

  // ---- Lists and maps that a field holds ---------------------------------------------------------------------------
  //
  // A column holds them as JSON: options `["a","b"]`, references `["12","7"]`, texts by language `{"en":"a"}`; an empty
  // one is NULL. Of references there is a row (record, target) in a table of their own, too.

  /// A field with a list or a map of known content.
  static bool is_collection(const Node& node) {
    if (node.op != Op::member || !node.uses_record || !node.member || !node.member->type.element) return false;
    return node.type.kind == TypeKind::list || node.type.kind == TypeKind::map;
  }

  Sql collection_column(const Node& node) {
    if (node.member->column.empty()) refuse(node, "`" + node.text + "` is not stored in a column of the database");
    return column_of(*node.children[0], node.member->column, 0);
  }

  static Sql where_filled(const Sql& column, const Sql& answer) {
    return sql("(CASE WHEN ").add(column).add(" IS NOT NULL THEN ").add(answer).add(" END)");
  }

  Scalar elements(const Node& range) {
    const Sql column = collection_column(range);
    Sql count = sqlite_ ? where_filled(column, sql("(SELECT COUNT(*) FROM json_each(").add(column).add("))")) : sql("JSON_LENGTH(").add(column).add(")");
    return computed(range, TypeKind::int64, std::move(count));
  }

  /// A key as part of a path; nullopt where no key of a field is such a text.
  static std::optional<std::string> path_of(std::string_view key) {
    for (const char c : key) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!plain) return std::nullopt;
    }
    if (key.empty()) return std::nullopt;
    return "'$.\"" + std::string(key) + "\"'";
  }

  Condition has_key(const Node& range, std::string_view key) {
    if (range.type.kind != TypeKind::map) refuse(range, "a list has no keys");
    const Sql column = collection_column(range);
    const auto path = path_of(key);
    if (!path) return if_known(false, column);
    if (sqlite_) return condition_of(where_filled(column, sql("(json_type(").add(column).add(", " + *path + ") IS NOT NULL)")));
    return condition_of(sql("JSON_CONTAINS_PATH(").add(column).add(", 'one', " + *path + ")"));
  }

  /// `record.name["en"]` and `record.name.en`.
  Scalar text_of_key(const Node& node) {
    const Node& range = *node.children[0];
    if (!is_collection(range) || range.type.kind != TypeKind::map || node.type.kind != TypeKind::string) {
      refuse(node, "the content of a list or map field cannot be looked up in the database");
    }
    std::optional<std::string> key;
    if (node.op == Op::select) {
      key = node.text;
    } else {
      if (node.children[1]->uses_record) refuse(*node.children[1], "the database looks up only a constant key");
      const Evaluation e = evaluate_tree(*node.children[1], constants_);
      if (const auto* text = e.value.as<std::string>(); e.outcome == Outcome::value && text) key = *text;
    }
    const Sql column = collection_column(range);
    const auto path = key ? path_of(*key) : std::nullopt;
    if (!path) return nothing(TypeKind::string);
    return computed(node, TypeKind::string, sql(sqlite_ ? "json_extract(" : "JSON_VALUE(").add(column).add(", " + *path + ")"));
  }

  /// Whether the list in `range` has the element. `absent`: an element that is an empty field is in no list; else that is unknown.
  Condition has_element(const Node& range, const Operand& element, bool absent) {
    if (range.type.kind == TypeKind::map) {
      if (!element.constant) refuse(*element.node, "the database looks up only a constant key");
      if (element.value.outcome != Outcome::value || element.value.value.is_null()) return unknown();
      const auto* key = element.value.value.as<std::string>();
      return key ? has_key(range, *key) : if_known(false, collection_column(range));
    }
    const Sql column = collection_column(range);
    const TypeKind kind = range.type.element->kind;
    Scalar one;
    one.kind = kind;
    if (element.constant) {
      if (element.value.outcome != Outcome::value) return unknown();
      const Value& v = element.value.value;
      if (v.is_null()) return absent ? if_known(false, column) : unknown();
      std::optional<Value> value;
      if (kind == TypeKind::int64) {
        const Bound b = bound(*element.node, one, v);
        if (b.range == Bound::Range::inside && b.exact) value = b.floor;
      } else {
        value = parameter(*element.node, one, v);
      }
      if (!value) return if_known(false, column);
      one.sql.bind(std::move(*value));
    } else {
      if (element.scalar.kind != kind) refuse(*element.node, "fields of different types are not compared in the database");
      one.sql = element.scalar.sql;
    }
    const bool asks = !element.constant && (!absent || element.scalar.computed);  // whether there is an element at all
    Sql has;
    if (kind == TypeKind::int64) {
      const RecordType& type = *range.children[0]->type.record;
      const Member* id = type.member("id");
      if (range.member->link_table.empty() || !id) refuse(range, "`" + range.text + "` is not stored in the database");
      const std::string link = quote(range.member->link_table);
      const Sql record = column_of(*range.children[0], id->column.empty() ? "id" : id->column, 0);
      if (element.constant) has.add("(").add(record).add(" IN (SELECT _l.record FROM " + link + " AS _l WHERE _l.target = ").add(one.sql).add("))");
      else has.add("EXISTS (SELECT 1 FROM " + link + " AS _l WHERE _l.record = ").add(record).add(" AND _l.target = ").add(one.sql).add(")");
    } else if (sqlite_) {
      has.add("EXISTS (SELECT 1 FROM json_each(").add(column).add(") AS _l WHERE _l.value = ").add(one.sql).add(")");
    } else {
      has.add("COALESCE(JSON_CONTAINS(").add(column).add(", JSON_QUOTE(").add(one.sql).add(")), FALSE)");
    }
    Sql test = sql("(CASE WHEN ").add(column).add(" IS NOT NULL");
    if (asks) test.add(" AND ").add(one.sql).add(" IS NOT NULL");
    test.add(" THEN ").add(has).add(" END)");
    bounded(range, test);
    return condition_of(std::move(test));
  }

  static bool uses_local(const Node& node) {
    if (node.op == Op::local) return true;
    for (const auto& child : node.children) {
      if (uses_local(*child)) return true;
    }
    return false;
  }

  /// `record.list.exists(x, x == value)` and `record.list.exists(x, x in constants)`.
  Condition any_element(const Node& node) {
    const Node &range = *node.children[0], &body = *node.children[1];
    const auto is_element = [&](const Node& n) { return n.op == Op::local && n.slot == node.slot; };
    if (range.type.kind == TypeKind::list && body.op == Op::equal) {
      const std::size_t at = is_element(*body.children[0]) ? 1 : 0;
      const Node& value = *body.children[at];
      if (is_element(*body.children[1 - at]) && !uses_local(value)) return has_element(range, operand(value), true);
    }
    if (range.type.kind == TypeKind::list && body.op == Op::in && is_element(*body.children[0]) && !uses_local(*body.children[1]) &&
        !body.children[1]->uses_record && body.children[1]->type.kind == TypeKind::list) {
      const Evaluation e = evaluate_tree(*body.children[1], constants_);
      const List* list = e.value.as_list();
      if (e.outcome != Outcome::value || !list) return unknown();
      Sql any = sql("(");
      for (const Value& v : *list) {
        if (v.is_null()) continue;
        Operand element;
        element.node = body.children[1].get();
        element.constant = true;
        element.value.value = v;
        if (any.text.size() > 1) any.add(" OR ");
        bounded(node, any.add(has_element(range, element, true).sql));
      }
      if (any.text.size() == 1) return if_known(false, collection_column(range));
      return condition_of(any.add(")"));
    }
    refuse_loop(node);
  }

  /// The text of a list as the column holds it; nullopt where no field can hold such a list.
  static std::optional<std::string> stored_list(const List& list) {
    if (list.empty()) return std::nullopt;  // an empty one is an empty field
    std::string out = "[";
    for (const Value& v : list) {
      out += out.size() > 1 ? ",\"" : "\"";
      if (const auto* text = v.as<std::string>()) {
        for (const char c : *text) {
          if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') return std::nullopt;
        }
        out += *text;
      } else if (const auto* number = v.as<std::int64_t>()) {
        out += std::to_string(*number);
      } else {
        return std::nullopt;
      }
      out += '"';
    }
    return out + "]";
  }

  Condition collections_equal(const Node& a, const Node& b, const Node& node) {
    if (!is_collection(a)) return collections_equal(b, a, node);
    const Sql column = collection_column(a);
    if (is_collection(b)) return condition_of(same(column, collection_column(b), true));
    if (b.uses_record) refuse(b, "a list is compared only with a constant or a field");
    const Evaluation e = evaluate_tree(b, constants_);
    if (b.type.kind == TypeKind::null) return condition_of(sql("(").add(column).add(" IS NULL)"));
    const bool typed = b.type.kind == TypeKind::list && (!b.type.element || b.type.element->kind == a.type.element->kind);
    if (a.type.kind == TypeKind::map || !typed) refuse(node, "this is not compared in the database as a whole", "ask for one element");
    if (e.outcome != Outcome::value) return unknown();
    if (e.value.is_null()) return condition_of(sql("(").add(column).add(" IS NULL)"));
    const List* list = e.value.as_list();
    const auto text = list ? stored_list(*list) : std::nullopt;
    return text ? condition_of(same(column, Sql{}.bind(*text), true)) : known(false);
  }

  Condition equality(const Node& node) {
    const Node &a = *node.children[0], &b = *node.children[1];
    if (is_collection(a) || is_collection(b)) return collections_equal(a, b, node);
    return equal(operand(a, true), operand(b, true), node);
  }

  // ---- Arithmetic --------------------------------------------------------------------------------------------------

  [[noreturn]] static void refuse_arithmetic(const Node& node) {
    refuse(node, "this arithmetic cannot run exactly in the database", "let a computed field hold the value and compare that");
  }

  Scalar nothing(TypeKind kind) {
    Scalar s;
    s.sql = sql("NULL");
    s.kind = kind;
    s.computed = true;
    return s;
  }

  Scalar computed(const Node& node, TypeKind kind, Sql text) {
    bounded(node, text);
    Scalar s;
    s.sql = std::move(text);
    s.kind = kind;
    s.computed = true;
    return s;
  }

  /// Overflow gives NULL: SQLite would go on with a double, MariaDB fail the whole query.
  Scalar checked_integer(const Node& node, Op op, const Sql& a, const Sql& b) {
    const std::string_view sign = op == Op::add ? " + " : op == Op::subtract ? " - " : " * ";
    if (sqlite_) {
      const Sql result = sql("(").add(a).add(sign).add(b).add(")");
      return computed(node, TypeKind::int64, sql("(CASE WHEN typeof").add(result).add(" = 'integer' THEN ").add(result).add(" END)"));
    }
    const Sql result = sql("(CAST(").add(a).add(" AS DECIMAL(20,0))").add(sign).add("CAST(").add(b).add(" AS DECIMAL(20,0)))");
    return computed(node, TypeKind::int64,
                    sql("(CASE WHEN ").add(result).add(" BETWEEN -9223372036854775808 AND 9223372036854775807 THEN ").add(result).add(" END)"));
  }

  Scalar between(const Node& node, TypeKind kind, const Sql& value, const Sql& low, const Sql& high) {
    return computed(node, kind, sql("(CASE WHEN ").add(value).add(" BETWEEN ").add(low).add(" AND ").add(high).add(" THEN ").add(value).add(" END)"));
  }

  Scalar arithmetic(const Node& node) {
    const Operand a = operand(*node.children[0]), b = operand(*node.children[1]);
    const TypeKind ka = node.children[0]->type.kind, kb = node.children[1]->type.kind;
    if (node.type.kind == TypeKind::int64 && ka == TypeKind::int64 && kb == TypeKind::int64) return integers(node, a, b);
    const bool dates = ka == TypeKind::date || kb == TypeKind::date;
    if (dates && node.type.kind == TypeKind::date) return shifted_date(node, a, b);
    if (dates && node.type.kind == TypeKind::int64) return days_between(node, a, b);
    if (node.type.kind == TypeKind::timestamp) return shifted_timestamp(node, a, b);
    if (node.type.kind == TypeKind::duration && ka == TypeKind::timestamp) return time_between(node, a, b);
    if (node.type.kind == TypeKind::decimal) refuse(node, "amounts are not computed in the database", "let a computed field hold the value and compare that");
    refuse_arithmetic(node);
  }

  Scalar integers(const Node& node, const Operand& a, const Operand& b) {
    const auto constant = [](const Operand& o) { return o.constant && o.value.outcome == Outcome::value ? o.value.value.as<std::int64_t>() : nullptr; };
    const bool division = node.op == Op::divide || node.op == Op::modulo;
    if (division && !b.constant) refuse(node, "the database divides only by a constant", "let a computed field hold the value and compare that");
    const auto *x = constant(a), *y = constant(b);
    if ((a.constant && !x) || (b.constant && !y) || (division && *y == 0)) return nothing(TypeKind::int64);
    const Sql left = a.constant ? Sql{}.bind(*x) : a.scalar.sql, right = b.constant ? Sql{}.bind(*y) : b.scalar.sql;
    if (!division) return checked_integer(node, node.op, left, right);
    if (*y == -1) {
      if (node.op == Op::divide) return checked_integer(node, Op::subtract, sql("0"), left);
      return computed(node, TypeKind::int64, sql("(CASE WHEN ").add(left).add(" > -9223372036854775808 THEN 0 END)"));
    }
    const std::string_view sign = node.op == Op::modulo ? " % " : sqlite_ ? " / " : " DIV ";
    return computed(node, TypeKind::int64, sql("(").add(left).add(sign).add(right).add(")"));
  }

  static const std::int64_t* constant_days(const Operand& o) {
    return o.constant && o.value.outcome == Outcome::value ? o.value.value.as<std::int64_t>() : nullptr;
  }

  Scalar shifted_date(const Node& node, const Operand& a, const Operand& b) {
    const Operand& date = node.children[0]->type.kind == TypeKind::date ? a : b;
    const Operand& days = &date == &a ? b : a;
    if (!days.constant) refuse(node, "the database adds only a constant number of days to a date");
    const auto* n = constant_days(days);
    constexpr std::int64_t all_days = 4'000'000;
    if (!n || *n > all_days || *n < -all_days || date.constant) return nothing(TypeKind::date);
    const std::int64_t shift = node.op == Op::subtract ? -*n : *n;
    if (!sqlite_) {
      // Asked of the date itself: within a statement that writes, MariaDB fails where the sum leaves the years 1 to 9999.
      const std::int64_t first = parse_date("0001-01-01")->days, last = parse_date("9999-12-31")->days;
      const std::int64_t low = std::max(first, first - shift), high = std::min(last, last - shift);
      if (low > high) return nothing(TypeKind::date);
      const auto day = [](std::int64_t number) { return sql("'" + format_date(Date{static_cast<std::int32_t>(number)}) + "'"); };
      return computed(node, TypeKind::date,
                      sql("(CASE WHEN ").add(date.scalar.sql).add(" BETWEEN ").add(day(low)).add(" AND ").add(day(high)).add(" THEN DATE_ADD(")
                          .add(date.scalar.sql).add(", INTERVAL ").bind(shift).add(" DAY) END)"));
    }
    const Sql result = sql("date(").add(date.scalar.sql).add(", ").bind(std::to_string(shift) + " days").add(")");
    return between(node, TypeKind::date, result, sql("'0001-01-01'"), sql("'9999-12-31'"));
  }

  /// A date operand, constant or not; nullopt where a constant has no value.
  std::optional<Sql> date_sql(const Operand& o) {
    if (!o.constant) return o.scalar.sql;
    const auto* d = o.value.outcome == Outcome::value ? o.value.value.as<Date>() : nullptr;
    if (!d) return std::nullopt;
    return Sql{}.bind(format_date(*d));
  }

  Scalar days_between(const Node& node, const Operand& a, const Operand& b) {
    const auto left = date_sql(a), right = date_sql(b);
    if (!left || !right) return nothing(TypeKind::int64);
    if (sqlite_) {
      return computed(node, TypeKind::int64, sql("CAST(julianday(").add(*left).add(") - julianday(").add(*right).add(") AS INTEGER)"));
    }
    return computed(node, TypeKind::int64, sql("DATEDIFF(").add(*left).add(", ").add(*right).add(")"));
  }

  Scalar shifted_timestamp(const Node& node, const Operand& a, const Operand& b) {
    const Operand& at = node.children[0]->type.kind == TypeKind::timestamp ? a : b;
    const Operand& by = &at == &a ? b : a;
    if (!by.constant || at.constant) refuse(node, "the database adds only a constant duration to a moment");
    const auto* d = by.value.outcome == Outcome::value ? by.value.value.as<Duration>() : nullptr;
    if (!d) return nothing(TypeKind::timestamp);
    const wide nanos = total_nanos(*d);
    if (nanos % 1000 != 0) refuse(node, "the database counts microseconds, not nanoseconds");
    const auto micros = static_cast<std::int64_t>(nanos / 1000) * (node.op == Op::subtract ? -1 : 1);
    if (!sqlite_) {
      constexpr std::int64_t first = min_timestamp_seconds * 1'000'000, last = max_timestamp_seconds * 1'000'000 + 999'999;
      const wide low = std::max<wide>(first, wide{first} - micros), high = std::min<wide>(last, wide{last} - micros);
      if (low > high) return nothing(TypeKind::timestamp);
      return computed(node, TypeKind::timestamp,
                      sql("(CASE WHEN ").add(at.scalar.sql).add(" BETWEEN ").bind(Timestamp{static_cast<std::int64_t>(low)}).add(" AND ")
                          .bind(Timestamp{static_cast<std::int64_t>(high)}).add(" THEN DATE_ADD(").add(at.scalar.sql).add(", INTERVAL ").bind(micros)
                          .add(" MICROSECOND) END)"));
    }
    return between(node, TypeKind::timestamp, sql("(").add(at.scalar.sql).add(" + ").bind(micros).add(")"),
                   sql(std::to_string(min_timestamp_seconds * 1'000'000)), sql(std::to_string(max_timestamp_seconds * 1'000'000 + 999'999)));
  }

  std::optional<Sql> timestamp_sql(const Operand& o) {
    if (!o.constant) return o.scalar.sql;
    const auto* t = o.value.outcome == Outcome::value ? o.value.value.as<Timestamp>() : nullptr;
    if (!t) return std::nullopt;
    if (t->nanos != 0) refuse(*o.node, "the database counts microseconds, not nanoseconds");
    return Sql{}.bind(*t);
  }

  /// In microseconds.
  Scalar time_between(const Node& node, const Operand& a, const Operand& b) {
    const auto left = timestamp_sql(a), right = timestamp_sql(b);
    if (!left || !right) return nothing(TypeKind::duration);
    const Sql result = sqlite_ ? sql("(").add(*left).add(" - ").add(*right).add(")")
                               : sql("TIMESTAMPDIFF(MICROSECOND, ").add(*right).add(", ").add(*left).add(")");
    return between(node, TypeKind::duration, result, sql("-9223372036854775"), sql("9223372036854775"));
  }

  // ---- Comparison --------------------------------------------------------------------------------------------------

  /// `value IS NOT NULL`, but NULL where it is NULL: the answer "true, if known".
  static Condition if_known(bool answer, const Sql& value) {
    if (answer) return condition_of(sql("(").add(value).add(" IS NOT NULL OR NULL)"));
    return condition_of(sql("(").add(value).add(" IS NULL AND NULL)"));
  }

  Bound bound(const Node& node, const Scalar& s, const Value& v) {
    Bound b;
    wide floor = 0;
    wide unit = 1;
    for (int i = 0; i < s.scale; ++i) unit *= 10;
    if (const auto* i = v.as<std::int64_t>()) {
      floor = wide{*i} * unit;
    } else if (const auto* u = v.as<std::uint64_t>()) {
      floor = wide{*u} * unit;
    } else if (const auto* d = v.as<Decimal>()) {
      wide part = 1;
      for (int k = d->scale; k < s.scale; ++k) part *= 10;
      wide divisor = 1;
      for (int k = s.scale; k < d->scale; ++k) divisor *= 10;
      const wide scaled = wide{d->unscaled} * part;
      floor = scaled / divisor - (scaled % divisor < 0 ? 1 : 0);
      b.exact = scaled % divisor == 0;
    } else if (const auto* x = v.as<double>(); x && s.kind == TypeKind::int64) {
      if (std::isnan(*x)) {
        b.range = Bound::Range::unordered;
        return b;
      }
      if (!(std::fabs(*x) <= static_cast<double>(exact_double))) {
        if (std::isfinite(*x)) refuse(node, "an int is not compared with a double of this size in the database", "write it as int");
        b.range = *x > 0 ? Bound::Range::above : Bound::Range::below;
        return b;
      }
      floor = static_cast<std::int64_t>(std::floor(*x));
      b.exact = std::floor(*x) == *x;
    } else {
      b.range = Bound::Range::mismatch;
      return b;
    }
    const wide max = s.kind == TypeKind::decimal ? wide{999'999'999'999'999'999} : wide{std::numeric_limits<std::int64_t>::max()};
    const wide min = s.kind == TypeKind::decimal ? -max : -max - 1;
    if (floor > max) {
      b.range = Bound::Range::above;
    } else if (floor < min) {
      b.range = Bound::Range::below;
    } else {
      b.floor = static_cast<std::int64_t>(floor);
    }
    return b;
  }

  static Value bound_parameter(const Scalar& s, std::int64_t floor) {
    if (s.kind == TypeKind::decimal) return Decimal{floor, s.scale, {0, 0, 0}};
    return floor;
  }

  /// A constant as the database holds such a column; nullopt where it is of another type.
  std::optional<Value> parameter(const Node& node, const Scalar& s, const Value& v) {
    switch (s.kind) {
      case TypeKind::boolean:
        if (v.is<bool>()) return v;
        break;
      case TypeKind::string:
        if (const auto* text = v.as<std::string>()) {
          if (text->find('\0') != std::string::npos) refuse(node, "text with a NUL character is not compared in the database");
          if (s.sealed == nullptr) return v;
          if (constants_.hash == nullptr) refuse(node, "`" + s.sealed->text + "` is sealed, and the key to compare it is not at hand here");
          return Value(constants_.hash->hash(s.sealed->children[0]->type.record->name(), s.sealed->member->name, *text));
        }
        break;
      case TypeKind::date:
        if (const auto* d = v.as<Date>()) return Value(format_date(*d));
        break;
      default: break;
    }
    return std::nullopt;
  }

  /// Whether a number, moment or duration; these are compared through a Bound.
  static bool is_measure(TypeKind k) {
    return k == TypeKind::int64 || k == TypeKind::decimal || k == TypeKind::timestamp || k == TypeKind::duration;
  }

  Bound measure(const Node& node, const Scalar& s, const Value& v) {
    Bound b;
    if (s.kind == TypeKind::timestamp) {
      const auto* t = v.as<Timestamp>();
      if (!t) {
        b.range = Bound::Range::mismatch;
      } else {
        b.floor = t->micros;
        b.exact = t->nanos == 0;
      }
      return b;
    }
    if (s.kind == TypeKind::duration) {
      const auto* d = v.as<Duration>();
      if (!d) {
        b.range = Bound::Range::mismatch;
      } else {
        const wide nanos = total_nanos(*d);
        b.exact = nanos % 1000 == 0;
        b.floor = static_cast<std::int64_t>(nanos / 1000 - (nanos % 1000 < 0 ? 1 : 0));
      }
      return b;
    }
    return bound(node, s, v);
  }

  static Value measure_parameter(const Scalar& s, std::int64_t floor) {
    if (s.kind == TypeKind::timestamp) return Timestamp{floor};
    if (s.kind == TypeKind::duration) return floor;
    return bound_parameter(s, floor);
  }

  /// The amounts' currencies do not contradict each other; empty text where there is nothing to ask.
  static Sql same_currency(const Scalar& s, const Value& v) {
    const auto* d = v.as<Decimal>();
    if (s.currency.text.empty() || !d || !d->has_currency()) return {};
    return sql("COALESCE(").add(s.currency).add(" = ").bind(std::string(d->currency_code())).add(", TRUE)");
  }
  static Sql same_currency(const Scalar& a, const Scalar& b) {
    if (a.currency.text.empty() || b.currency.text.empty()) return {};
    return sql("COALESCE(").add(a.currency).add(" = ").add(b.currency).add(", TRUE)");
  }

  /// Equal, for values of the same SQL type.
  Sql same(const Sql& a, const Sql& b, bool null_safe) const {
    return sql("(").add(a).add(!null_safe ? " = " : sqlite_ ? " IS " : " <=> ").add(b).add(")");
  }

  Condition equal_to_constant(const Scalar& s, const Operand& c) {
    if (c.value.outcome != Outcome::value) return unknown();
    const Value& v = c.value.value;
    if (v.is_null()) return s.computed ? if_known(false, s.sql) : condition_of(sql("(").add(s.sql).add(" IS NULL)"));
    std::optional<Value> bound_value;
    if (is_measure(s.kind)) {
      const Bound b = measure(*c.node, s, v);
      if (b.range == Bound::Range::inside && b.exact) bound_value = measure_parameter(s, b.floor);
    } else {
      bound_value = parameter(*c.node, s, v);
    }
    if (!bound_value) return s.computed ? if_known(false, s.sql) : known(false);
    Sql test = same(s.sql, Sql{}.bind(std::move(*bound_value)), !s.computed);
    if (const Sql currency = same_currency(s, v); !currency.text.empty()) {
      test = sql("(").add(test).add(" AND ").add(currency).add(")");
    }
    return condition_of(std::move(test));
  }

  /// Two columns in one unit: decimals of different scale, or a decimal and an int. On SQLite the one with fewer digits is
  /// multiplied; where that leaves the integers, the double is still on the right side of the other, which has 18 digits.
  void align(Scalar& a, Scalar& b) const {
    if (!sqlite_ || a.scale == b.scale) return;
    Scalar& smaller = a.scale < b.scale ? a : b;
    std::string factor = "1";
    for (int i = smaller.scale; i < std::max(a.scale, b.scale); ++i) factor += '0';
    smaller.sql = sql("(").add(smaller.sql).add(" * " + factor + ")");
    smaller.scale = std::max(a.scale, b.scale);
  }

  static bool comparable(const Scalar& a, const Scalar& b) {
    const auto number = [](TypeKind k) { return k == TypeKind::int64 || k == TypeKind::decimal; };
    return a.kind == b.kind || (number(a.kind) && number(b.kind));
  }

  Condition equal(Operand a, Operand b, const Node& node) {
    if (a.constant) std::swap(a, b);
    if (b.constant) return equal_to_constant(a.scalar, b);
    if (a.scalar.sealed != nullptr || b.scalar.sealed != nullptr) {
      refuse(node, "a sealed field is not compared with another field in the database", "compare it with a text or with null");
    }
    if (!comparable(a.scalar, b.scalar)) refuse(node, "fields of different types are not compared in the database");
    Scalar x = a.scalar, y = b.scalar;
    const Sql currency = same_currency(x, y);
    align(x, y);
    if (!x.computed && !y.computed) {
      Sql test = same(x.sql, y.sql, true);
      if (!currency.text.empty()) test = sql("(").add(test).add(" AND (").add(x.sql).add(" IS NULL OR ").add(currency).add("))");
      return condition_of(std::move(test));
    }
    if (x.computed && y.computed) return condition_of(same(x.sql, y.sql, false));
    // One NULL is unknown, the other an empty field.
    const Scalar& open = x.computed ? x : y;
    Sql test = sql("(CASE WHEN ").add(open.sql).add(" IS NOT NULL THEN ").add(same(x.sql, y.sql, true)).add(" END)");
    bounded(node, test);
    return condition_of(std::move(test));
  }

  Condition relation(const Node& node) {
    Operand a = operand(*node.children[0]), b = operand(*node.children[1]);
    Op op = node.op;
    if (a.constant) {
      std::swap(a, b);
      op = mirrored(op);
    }
    if (b.constant) return relation_to_constant(op, a.scalar, b);
    if (!comparable(a.scalar, b.scalar)) refuse(node, "fields of different types are not compared in the database");
    const Sql currency = same_currency(a.scalar, b.scalar);
    align(a.scalar, b.scalar);
    Sql test = sql("(").add(a.scalar.sql).add(symbol(op)).add(b.scalar.sql).add(")");
    if (!currency.text.empty()) test = sql("(CASE WHEN ").add(currency).add(" THEN ").add(test).add(" END)");
    bounded(node, test);
    return condition_of(std::move(test));
  }

  Condition relation_to_constant(Op op, const Scalar& s, const Operand& c) {
    if (c.value.outcome != Outcome::value || c.value.value.is_null()) return unknown();
    const Value& v = c.value.value;
    Condition test;
    if (is_measure(s.kind)) {
      const Bound b = measure(*c.node, s, v);
      const bool upward = op == Op::greater || op == Op::greater_equal;
      switch (b.range) {
        case Bound::Range::mismatch: return unknown();
        case Bound::Range::unordered: return if_known(false, s.sql);
        case Bound::Range::above: test = if_known(!upward, s.sql); break;
        case Bound::Range::below: test = if_known(upward, s.sql); break;
        case Bound::Range::inside: {
          // Between two values of the column: x < 2.5 is x <= 2, x >= 2.5 is x > 2.
          const Op exact = b.exact ? op : upward ? Op::greater : Op::less_equal;
          test = condition_of(sql("(").add(s.sql).add(symbol(exact)).bind(measure_parameter(s, b.floor)).add(")"));
        }
      }
    } else {
      auto value = parameter(*c.node, s, v);
      if (!value) return unknown();
      test = condition_of(sql("(").add(s.sql).add(symbol(op)).bind(std::move(*value)).add(")"));
    }
    if (const Sql currency = same_currency(s, v); !currency.text.empty()) {
      test = condition_of(sql("(CASE WHEN ").add(currency).add(" THEN ").add(test.sql).add(" END)"));
    }
    return test;
  }

  // ---- in ----------------------------------------------------------------------------------------------------------

  Condition membership(const Node& node) {
    const Node &item = *node.children[0], &range = *node.children[1];
    if (item.type.kind == TypeKind::null) refuse(node, "null is not searched in the database", "write `field == null`");
    const Operand left = operand(item, true);
    if (!range.uses_record) return in_constants(left, range);
    if (is_collection(range)) return has_element(range, left, false);
    if (range.op != Op::list) refuse(range, "a list that a field holds cannot be searched in the database");
    std::vector<Operand> elements;
    bool open = false;
    for (const auto& child : range.children) {
      elements.push_back(operand(*child, true));
      const Operand& e = elements.back();
      if (!e.constant && e.scalar.computed) refuse(*child, "a list of computed values cannot be searched in the database");
      open = open || (e.constant && e.value.outcome != Outcome::value);
    }
    if (open || (left.constant && (left.value.outcome != Outcome::value || left.value.value.is_null()))) return unknown();
    Sql any = sql("(");
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i) any.add(" OR ");
      if (left.constant && elements[i].constant) {
        const Activation none;
        Frame frame(none);
        any.add(known(equals(left.value.value, elements[i].value.value, frame)).sql);
      } else {
        any.add(equal(left, elements[i], node).sql);
      }
    }
    any.add(")");
    bounded(node, any);
    if (left.constant) return condition_of(std::move(any));
    return condition_of(sql("(CASE WHEN ").add(left.scalar.sql).add(" IS NOT NULL THEN ").add(any).add(" END)"));
  }

  Condition in_constants(const Operand& left, const Node& range) {
    const Evaluation e = evaluate_tree(range, constants_);
    const List* list = e.value.as_list();
    if (range.type.kind == TypeKind::map) refuse(range, "the keys of a map are not searched in the database", "write a list");
    if (e.outcome != Outcome::value || !list) return unknown();
    const Scalar& s = left.scalar;
    Sql test = sql("(").add(s.sql).add(" IN (");
    Sql by_currency;
    std::size_t count = 0;
    for (const Value& v : *list) {
      if (v.is_null()) continue;  // equals no field that holds a value
      if (!same_currency(s, v).text.empty()) {
        Operand element;
        element.node = &range;
        element.constant = true;
        element.value.value = v;
        by_currency.add(by_currency.text.empty() ? "" : " OR ").add(equal_to_constant(s, element).sql);
        continue;
      }
      std::optional<Value> value;
      if (is_measure(s.kind)) {
        const Bound b = measure(range, s, v);
        if (b.range == Bound::Range::inside && b.exact) value = measure_parameter(s, b.floor);
      } else {
        value = parameter(range, s, v);
      }
      if (!value) continue;
      if (count++) test.add(", ");
      test.bind(std::move(*value));
    }
    test.add("))");
    if (!by_currency.text.empty()) {
      if (count > 0) by_currency.add(" OR ").add(test);
      test = sql("(CASE WHEN ").add(s.sql).add(" IS NOT NULL THEN (").add(by_currency).add(") END)");
    } else if (count == 0) {
      return if_known(false, s.sql);
    }
    if (test.parameters.size() > max_parameters) refuse(range, "the list is too long for the database");
    return condition_of(std::move(test));
  }

  // ---- Text --------------------------------------------------------------------------------------------------------

  /// A text operand; nullopt where a constant has none.
  std::optional<Sql> text_sql(const Operand& o) {
    if (!o.constant) {
      if (o.scalar.kind != TypeKind::string) refuse(*o.node, "this is not text");
      return o.scalar.sql;
    }
    const auto* s = o.value.outcome == Outcome::value ? o.value.value.as<std::string>() : nullptr;
    if (!s) return std::nullopt;
    if (s->find('\0') != std::string::npos) refuse(*o.node, "text with a NUL character is not compared in the database");
    return Sql{}.bind(*s);
  }

  /// Case-sensitive on both: SQLite's LIKE is not, so it is not used there.
  Condition text_test(const Node& node) {
    const Operand whole = operand(*node.children[0]), part = operand(*node.children[1]);
    const auto h = text_sql(whole), n = text_sql(part);
    if (!h || !n) return unknown();
    if (node.text == "contains") {
      return condition_of(sqlite_ ? sql("(instr(").add(*h).add(", ").add(*n).add(") > 0)")
                                  : sql("(LOCATE(").add(*n).add(", ").add(*h).add(") > 0)"));
    }
    if (node.text == "startsWith") {
      if (!sqlite_ && part.constant) {
        // LIKE uses an index, LEFT does not.
        std::string pattern;
        for (const char c : *part.value.value.as<std::string>()) {
          if (c == '%' || c == '_' || c == '|') pattern += '|';
          pattern += c;
        }
        return condition_of(sql("(").add(*h).add(" LIKE ").bind(pattern + "%").add(" ESCAPE '|')"));
      }
      return condition_of(sqlite_ ? sql("(substr(").add(*h).add(", 1, length(").add(*n).add(")) = ").add(*n).add(")")
                                  : sql("(LEFT(").add(*h).add(", CHAR_LENGTH(").add(*n).add(")) = ").add(*n).add(")"));
    }
    if (!sqlite_) return condition_of(sql("(RIGHT(").add(*h).add(", CHAR_LENGTH(").add(*n).add(")) = ").add(*n).add(")"));
    return condition_of(sql("(length(").add(*n).add(") <= length(").add(*h).add(") AND substr(").add(*h).add(", length(").add(*h)
                            .add(") - length(").add(*n).add(") + 1) = ").add(*n).add(")"));
  }

  bool sqlite_;
  std::string_view alias_;
  const Activation& constants_;
};

}  // namespace

SqlCondition to_sql(const Program& program, Dialect dialect, std::string_view alias, const Activation& constants) {
  SqlCondition result;
  try {
    if (program.type().kind != TypeKind::boolean && program.type().kind != TypeKind::any) {
      throw Refused{0, "a condition is bool, not " + to_string(program.type()), {}};
    }
    Condition condition = Compiler(dialect, alias, constants).condition(program.root());
    result.sql = std::move(condition.sql.text);
    result.parameters = std::move(condition.sql.parameters);
  } catch (const Refused& refused) {
    result.refused = issue_at(program.source(), refused.offset, refused.reason, refused.hint);
  }
  return result;
}

}  // namespace caravan::expr

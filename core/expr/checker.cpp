#include "expr/checker.h"

#include <algorithm>
#include <array>

#include "expr/evaluator.h"
#include "expr/functions.h"

namespace caravan::expr {
namespace {

using K = TypeKind;

Type plain(K kind) {
  Type type;
  type.kind = kind;
  return type;
}

Type list_of(Type element) {
  Type type = plain(K::list);
  if (element.kind != K::any) type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

Type element_of(const Type& type) { return type.element ? *type.element : plain(K::any); }
Type key_of(const Type& type) { return type.key ? *type.key : plain(K::any); }

bool is_whole(K k) { return k == K::int64 || k == K::uint64; }
bool is_number(K k) { return is_whole(k) || k == K::float64 || k == K::decimal; }

/// May values of the two types be equal, by the types alone?
bool comparable(const Type& a, const Type& b) {
  if (a.kind == K::any || b.kind == K::any || a.kind == K::null || b.kind == K::null) return true;
  if ((a.kind == K::decimal && is_whole(b.kind)) || (b.kind == K::decimal && is_whole(a.kind))) return true;
  if (a.kind != b.kind) return false;
  if (a.kind == K::list) return comparable(element_of(a), element_of(b));
  if (a.kind == K::map) return comparable(key_of(a), key_of(b)) && comparable(element_of(a), element_of(b));
  if (a.kind == K::record) return a.record == b.record;
  return true;
}

/// The type of "either of the two"; nullopt where there is none but dyn.
std::optional<Type> join(const Type& a, const Type& b) {
  if (a.kind == K::null) return b;
  if (b.kind == K::null) return a;
  if (a.kind == K::any || b.kind == K::any) return plain(K::any);
  if (a.kind != b.kind) {
    if ((a.kind == K::decimal && is_whole(b.kind)) || (b.kind == K::decimal && is_whole(a.kind))) return plain(K::decimal);
    return std::nullopt;
  }
  if (a.kind == K::list) {
    // An empty list is a list of anything.
    if (!a.element) return b;
    if (!b.element) return a;
    const auto element = join(*a.element, *b.element);
    return list_of(element.value_or(plain(K::any)));
  }
  if (a.kind == K::map) {
    Type type = plain(K::map);
    if (const auto key = join(key_of(a), key_of(b)); key && key->kind != K::any) type.key = std::make_shared<const Type>(*key);
    if (const auto value = join(element_of(a), element_of(b)); value && value->kind != K::any) type.element = std::make_shared<const Type>(*value);
    return type;
  }
  if (a.kind == K::record && a.record != b.record) return std::nullopt;
  return a;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t up = row[j];
      row[j] = std::min({up + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = up;
    }
  }
  return row[b.size()];
}

template <class Names>
std::string did_you_mean(std::string_view name, const Names& names) {
  if (name.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = name.size() / 3 + 2;
  for (const std::string_view candidate : names) {
    if (candidate.size() > 64) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance || (distance == best_distance && !best.empty() && candidate < best)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? std::string() : "did you mean `" + std::string(best) + "`?";
}

const char* symbol(Op op) {
  switch (op) {
    case Op::add: return "+";
    case Op::subtract: return "-";
    case Op::multiply: return "*";
    case Op::divide: return "/";
    case Op::modulo: return "%";
    case Op::equal: return "==";
    case Op::not_equal: return "!=";
    case Op::less: return "<";
    case Op::less_equal: return "<=";
    case Op::greater: return ">";
    case Op::greater_equal: return ">=";
    default: return "?";
  }
}

class Checker {
 public:
  Checker(std::string_view source, const Environment& environment, std::vector<Issue>& issues)
      : source_(source), environment_(environment), issues_(issues) {}

  void run(NodePtr& root) {
    visit(root);
    if (!environment_.checked || !issues_.empty()) return;
    const K wanted = environment_.result, is = root->type.kind;
    if (wanted == K::any || is == K::any || is == wanted) return;
    if (wanted == K::decimal && is_whole(is)) return to_decimal(root);
    if (is == K::null && wanted != K::boolean) return;
    mistake(*root, "the result is " + to_string(root->type) + ", but " + to_string(plain(wanted)) + " is needed here",
            wanted == K::boolean ? "a condition compares something, e.g. `record.field == value`" : "");
  }

 private:
  bool lenient() const { return !environment_.checked; }
  /// Without a check every operand might be anything.
  K kind(const NodePtr& node) const { return lenient() ? K::any : node->type.kind; }

  void mistake(const Node& node, std::string message, std::string hint = {}) {
    issues_.push_back(issue_at(source_, node.offset, std::move(message), std::move(hint)));
  }

  /// A node that cannot be evaluated: a mistake, or without a check an error at evaluation.
  void fail(Node& node, std::string message, std::string hint = {}) {
    if (!lenient()) mistake(node, message, std::move(hint));
    node.op = Op::error;
    node.text = std::move(message);
    node.type = plain(K::any);
    node.children.clear();
  }

  void visit(NodePtr& node) {
    dispatch(node);
    finish(node);
  }

  void finish(NodePtr& node) {
    std::uint32_t weight = 1;
    bool uses_record = node->op == Op::variable && node->slot == 0;
    for (const auto& child : node->children) {
      weight += child->weight;
      uses_record = uses_record || child->uses_record;
      node->configured = node->configured || child->configured;
    }
    node->weight = weight;
    node->uses_record = uses_record;
    fold(node);
  }

  void dispatch(NodePtr& node) {
    switch (node->op) {
      case Op::literal: return literal(*node);
      case Op::identifier: return identifier(*node);
      case Op::select: return select(node);
      case Op::call: return call(node);
      case Op::index: return index(node);
      case Op::list: return list(*node);
      case Op::map: return map(*node);
      case Op::conditional: return conditional(*node);
      case Op::logical_and:
      case Op::logical_or:
      case Op::logical_not: {
        for (auto& child : node->children) {
          visit(child);
          if (kind(child) != K::boolean && kind(child) != K::any) {
            mistake(*child, std::string("`") + (node->op == Op::logical_and ? "&&" : node->op == Op::logical_or ? "||" : "!") +
                                "` takes bool, not " + to_string(child->type));
          }
        }
        node->type = plain(K::boolean);
        return;
      }
      case Op::negate: {
        visit(node->children[0]);
        const K k = kind(node->children[0]);
        node->type = plain(k);
        if (k != K::any && k != K::int64 && k != K::float64 && k != K::decimal) {
          mistake(*node, "`-` is not defined for " + to_string(node->children[0]->type));
          node->type = plain(K::any);
        }
        return;
      }
      case Op::add: case Op::subtract: case Op::multiply: case Op::divide: case Op::modulo: return arithmetic(*node);
      case Op::equal: case Op::not_equal: return equality(*node);
      case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: return relation(*node);
      case Op::in: return membership(*node);
      default: return;
    }
  }

  void literal(Node& node) {
    const Value& v = node.value;
    node.type = plain(v.is_null() ? K::null : v.is<bool>() ? K::boolean : v.is<std::int64_t>() ? K::int64 : v.is<std::uint64_t>() ? K::uint64
                      : v.is<double>() ? K::float64 : v.is<std::string>() ? K::string : K::bytes);
  }

  // ---- Names -------------------------------------------------------------------------------------------------------

  /// Makes `node` the variable or type of that name, if there is one.
  bool resolve(Node& node, const std::string& name, bool leading_dot) {
    std::string scope = leading_dot ? std::string() : environment_.container;
    for (;;) {
      const std::string candidate = scope.empty() ? name : scope + "." + name;
      for (std::size_t i = 0; i < environment_.variables.size(); ++i) {
        if (environment_.variables[i].name != candidate) continue;
        node.op = Op::variable;
        node.slot = static_cast<std::uint32_t>(i);
        node.type = environment_.variables[i].type;
        node.text = candidate;
        node.children.clear();
        return true;
      }
      if (environment_.constants) {
        if (const auto found = environment_.constants->find(candidate); found != environment_.constants->end()) {
          node.op = Op::literal;
          node.value = found->second.value;
          node.type = found->second.type;
          node.configured = true;
          node.children.clear();
          return true;
        }
      }
      static constexpr std::string_view types[] = {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type",
                                                   "decimal", "date", "dyn", "google.protobuf.Timestamp", "google.protobuf.Duration"};
      if (std::find(std::begin(types), std::end(types), candidate) != std::end(types)) {
        node.op = Op::literal;
        node.value = TypeName{candidate};
        node.type = plain(K::type);
        node.children.clear();
        return true;
      }
      if (scope.empty()) return false;
      const std::size_t dot = scope.rfind('.');
      scope.resize(dot == std::string::npos ? 0 : dot);
    }
  }

  void identifier(Node& node) {
    if (!node.leading_dot) {
      for (std::size_t i = locals_.size(); i-- > 0;) {
        if (locals_[i].name != node.text) continue;
        node.op = Op::local;
        node.slot = static_cast<std::uint32_t>(i);
        node.type = locals_[i].type;
        return;
      }
    }
    if (resolve(node, node.text, node.leading_dot)) return;
    std::string hint;
    std::vector<std::string_view> names;
    for (const auto& variable : environment_.variables) {
      names.push_back(variable.name);
      if (hint.empty() && variable.type.record && variable.type.record->member(node.text)) {
        hint = "a field is written `" + variable.name + "." + node.text + "`";
      }
    }
    for (const auto& local : locals_) names.push_back(local.name);
    if (hint.empty()) hint = did_you_mean(node.text, names);
    if (hint.empty() && !environment_.variables.empty() && environment_.variables.size() <= 8) {
      for (const auto& variable : environment_.variables) hint += (hint.empty() ? "known are: `" : ", `") + variable.name + "`";
    }
    if (hint.empty()) hint = "text stands in quotes";
    fail(node, "there is no `" + node.text + "`", hint);
  }

  /// `a.b.c` as written, if it is only names and its first one is no comprehension variable; else empty.
  std::string qualified_name(const Node& node, bool& leading_dot) const {
    if (node.op == Op::identifier) {
      leading_dot = node.leading_dot;
      if (!leading_dot && std::any_of(locals_.begin(), locals_.end(), [&](const auto& l) { return l.name == node.text; })) return {};
      return node.text;
    }
    if (node.op != Op::select || node.quoted || node.children[0]->quoted) return {};
    std::string prefix = qualified_name(*node.children[0], leading_dot);
    return prefix.empty() ? prefix : prefix + "." + node.text;
  }

  void select(NodePtr& node) {
    bool leading_dot = false;
    const std::string name = qualified_name(*node, leading_dot);
    if (!name.empty() && (resolve(*node, name, leading_dot) || unknown_constant(*node, name))) return;
    visit(node->children[0]);
    member(*node, Op::member, Op::select);
  }

  /// Whether `name` lies among the constants, but there is none of that name, nor one of whose value it could be a part.
  bool unknown_constant(Node& node, const std::string& name) {
    if (!environment_.constants || environment_.constants->empty()) return false;
    const std::string& first = environment_.constants->begin()->first;
    if (name.compare(0, name.find('.'), first, 0, first.find('.')) != 0) return false;
    std::vector<std::string_view> names;
    for (const auto& [path, constant] : *environment_.constants) {
      if (name.starts_with(path + ".")) return false;
      names.push_back(path);
    }
    fail(node, "there is no `" + name + "`", did_you_mean(name, names));
    return true;
  }

  /// `children[0].text`, or has() of it, where children[0] is checked.
  void member(Node& node, Op of_record, Op of_map) {
    NodePtr& target = node.children[0];
    node.type = plain(K::any);
    if (target->op == Op::error) return fail_silently(node);
    if (target->op == Op::member && target->member && target->member->reference) {
      // Going on from a reference: the record it points at instead of its id.
      target->op = Op::follow;
      target->type = plain(K::record);
      target->type.record = target->member->reference;
    }
    if (target->type.kind == K::record && target->type.record) {
      const RecordType& record = *target->type.record;
      const Member* found = record.member(node.text);
      if (!found) {
        return fail(node, std::string(record.name()) + " has no field `" + node.text + "`", did_you_mean(node.text, record.member_names()));
      }
      node.op = of_record;
      node.member = found;
      node.slot = found->slot;
      node.type = of_record == Op::member ? found->type : plain(K::boolean);
      return;
    }
    node.op = of_map;
    if (kind(target) == K::map) {
      const K key = key_of(target->type).kind;
      if (key != K::string && key != K::any) return fail(node, "the keys of this map are " + to_string(key_of(target->type)) + ", so it has no member `" + node.text + "`", "write `[key]`");
      node.type = of_map == Op::select ? element_of(target->type) : plain(K::boolean);
      return;
    }
    if (of_map == Op::has_select) node.type = plain(K::boolean);
    if (kind(target) == K::any) return;
    if (functions(node.text).empty()) {
      fail(node, "a value of type " + to_string(target->type) + " has no member `" + node.text + "`");
    } else {
      fail(node, "`" + node.text + "` is a function", "write `" + node.text + "()`");
    }
  }

  /// Follows from a mistake that is reported already.
  void fail_silently(Node& node) {
    node.op = Op::error;
    node.text = node.children.empty() ? std::string() : node.children[0]->text;
    node.type = plain(K::any);
    node.children.clear();
  }

  // ---- Calls and macros --------------------------------------------------------------------------------------------

  void call(NodePtr& node) {
    if (macro(node)) return;
    if (node->has_target) {
      // strings.quote(x): a receiver that is no value may be the namespace of the function.
      bool leading_dot = false;
      const std::string prefix = qualified_name(*node->children[0], leading_dot);
      if (!prefix.empty() && !functions(prefix + "." + node->text).empty()) {
        Node probe;
        if (!resolve(probe, prefix, leading_dot)) {
          node->text = prefix + "." + node->text;
          node->has_target = false;
          node->children.erase(node->children.begin());
        }
      }
    }
    for (auto& child : node->children) visit(child);
    if (is_variadic(node->text) && !node->has_target) gather_arguments(*node);
    function(*node);
  }

  /// One list instead of several arguments.
  void gather_arguments(Node& node) {
    if (node.children.size() < 2) return;
    auto all = std::make_unique<Node>();
    all->op = Op::list;
    all->offset = node.offset;
    all->children = std::move(node.children);
    node.children.clear();
    list_type(*all);
    // Numbers of different types: dyn. Anything else is a mistake that element types tell.
    for (const auto& child : all->children) {
      if (!is_number(kind(child)) && kind(child) != K::any) {
        mistake(*child, "`" + node.text + "` takes numbers, not " + to_string(child->type));
      }
    }
    finish(all);
    node.children.push_back(std::move(all));
  }

  void function(Node& node) {
    const auto candidates = functions(node.text);
    const std::size_t count = node.children.size();
    node.op = Op::function;
    if (candidates.empty()) {
      std::vector<std::string_view> names = function_names();
      for (const std::string_view name : {"has", "all", "exists", "exists_one", "map", "filter"}) names.push_back(name);
      return fail(node, "there is no function `" + node.text + "`", did_you_mean(node.text, names));
    }
    std::optional<Type> result;
    bool right_style = false;
    for (const Function& f : candidates) {
      if (f.style != Function::Style::both && (f.style == Function::Style::receiver) != node.has_target) continue;
      right_style = true;
      for (const std::string_view signature : f.signatures) {
        const std::size_t arity = signature.find('>');
        if (arity != count || !accepts(node, signature)) continue;
        node.builtin = f.builtin;
        const Type type = result_type(node, signature);
        // Several overloads fit where an argument is dyn.
        if (!result) {
          result = type;
        } else if (result->kind != type.kind) {
          result = plain(K::any);
        }
      }
      if (result) {
        node.type = *result;
        prepare(node, f);
        return;
      }
    }
    for (const auto& child : node.children) {
      if (child->op == Op::error && !lenient()) return fail_silently(node);
    }
    if (!right_style) {
      const bool receiver = candidates[0].style == Function::Style::receiver;
      return fail(node, "`" + node.text + "` is not called like this", receiver ? "write `value." + node.text + "(…)`" : "write `" + node.text + "(value)`");
    }
    std::string types;
    for (const auto& child : node.children) types += (types.empty() ? "" : ", ") + to_string(child->type);
    std::string known;
    for (const std::string_view signature : candidates[0].signatures) {
      std::string shape;
      for (std::size_t i = 0; signature[i] != '>'; ++i) shape += (i ? ", " : "") + to_string(plain(kind_of_letter(signature[i])));
      known += (known.empty() ? "it takes (" : " or (") + shape + ")";
    }
    const bool from_double = node.text == "decimal" && count == 1 && kind(node.children[0]) == K::float64;
    fail(node, "`" + node.text + "` does not take (" + types + ")", from_double ? "a decimal is written as text: decimal(\"12.50\")" : known);
  }

  bool accepts(const Node& node, std::string_view signature) const {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const K wanted = kind_of_letter(signature[i]);
      const NodePtr& argument = node.children[i];
      const K is = kind(argument);
      if (wanted == K::any || is == K::any || is == wanted) {
        if (signature[i] == 'S' && is == K::list && !comparable(element_of(argument->type), plain(K::string))) return false;
        continue;
      }
      if (is == K::null && lenient()) continue;
      return false;
    }
    return true;
  }

  Type result_type(const Node& node, std::string_view signature) const {
    const char letter = signature.back();
    if (letter == 'S') return list_of(plain(K::string));
    if (is_variadic(node.text) && letter == '*' && kind(node.children[0]) == K::list) {
      const Type element = element_of(node.children[0]->type);
      return is_number(element.kind) ? element : plain(K::any);
    }
    return plain(kind_of_letter(letter));
  }

  /// What can be done once for all evaluations.
  void prepare(Node& node, const Function& f) {
    if (f.name == "matches" && node.children[1]->op == Op::literal) {
      if (const auto* pattern = node.children[1]->value.as<std::string>()) {
        std::string why;
        node.prepared = compile_pattern(*pattern, why);
        if (!node.prepared) fail(node, why);
      }
      return;
    }
    const bool literals = std::all_of(node.children.begin(), node.children.end(), [](const auto& c) { return c->op == Op::literal; });
    // date("…") is constant, date(timestamp) depends on the zone.
    if (!literals || !(f.pure || (f.conversion && node.children[0]->value.is<std::string>() && node.children.size() == 1))) return;
    const Activation nothing;
    Evaluation evaluation = evaluate_tree(node, nothing);
    if (evaluation.outcome == Outcome::value) {
      become_literal(node, std::move(evaluation.value));
    } else if (f.conversion && evaluation.outcome == Outcome::error && !lenient()) {
      fail(node, evaluation.message);
    }
  }

  static void become_literal(Node& node, Value value) {
    node.op = Op::literal;
    node.value = std::move(value);
    node.children.clear();
  }

  /// Replaces an operator over literals by its result. What fails stays, to fail where it is evaluated.
  void fold(NodePtr& node) {
    switch (node->op) {
      case Op::list: case Op::map: case Op::negate: case Op::add: case Op::subtract: case Op::multiply: case Op::divide: case Op::modulo:
      case Op::equal: case Op::not_equal: case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: case Op::in:
      case Op::logical_not: case Op::index: case Op::select: case Op::has_select: break;
      default: return;
    }
    for (const auto& child : node->children) {
      if (child->op != Op::literal) return;
    }
    const Activation nothing;
    Evaluation evaluation = evaluate_tree(*node, nothing);
    if (evaluation.outcome == Outcome::value) become_literal(*node, std::move(evaluation.value));
  }

  bool macro(NodePtr& node) {
    const std::string& name = node->text;
    const std::size_t count = node->children.size() - (node->has_target ? 1 : 0);
    if (!node->has_target) {
      if (name != "has" || node->leading_dot || count != 1) return false;
      Node& argument = *node->children[0];
      if (argument.op != Op::select) {
        fail(*node, "`has` asks for a field", "e.g. `has(record.field)`");
        return true;
      }
      NodePtr selection = std::move(node->children[0]);
      selection->offset = node->offset;
      node = std::move(selection);
      visit(node->children[0]);
      member(*node, Op::has_member, Op::has_select);
      return true;
    }
    Op op;
    if (name == "all" && count == 2) op = Op::all;
    else if (name == "exists" && count == 2) op = Op::exists;
    else if ((name == "exists_one" || name == "existsOne") && count == 2) op = Op::exists_one;
    else if (name == "filter" && count == 2) op = Op::filter;
    else if (name == "map" && (count == 2 || count == 3)) op = Op::transform;
    else return false;
    comprehension(*node, op);
    return true;
  }

  void comprehension(Node& node, Op op) {
    const std::string name = node.text;
    const Node& variable = *node.children[1];
    if (variable.op != Op::identifier || variable.leading_dot) {
      mistake(variable, "the first argument of `" + name + "` is a name for the element", "e.g. `list." + name + "(x, …)`");
      return fail_silently(node);
    }
    if (locals_.size() == max_nesting) return fail(node, "loops are nested too deeply");
    NodePtr& range = node.children[0];
    visit(range);
    Type element = plain(K::any);
    if (kind(range) == K::list) {
      element = element_of(range->type);
    } else if (kind(range) == K::map) {
      element = key_of(range->type);
    } else if (kind(range) != K::any) {
      mistake(*range, "`" + name + "` needs a list or a map, not " + to_string(range->type));
    }
    node.slot = static_cast<std::uint32_t>(locals_.size());
    locals_.push_back({variable.text, element});
    node.children.erase(node.children.begin() + 1);
    for (std::size_t i = 1; i < node.children.size(); ++i) visit(node.children[i]);
    locals_.pop_back();
    node.op = op;
    const bool has_predicate = op != Op::transform || node.children.size() == 3;
    const NodePtr& predicate = node.children[1];
    if (has_predicate && kind(predicate) != K::boolean && kind(predicate) != K::any) {
      mistake(*predicate, "the condition of `" + name + "` is bool, not " + to_string(predicate->type));
    }
    node.type = op == Op::filter ? list_of(element) : op == Op::transform ? list_of(node.children.back()->type) : plain(K::boolean);
  }

  // ---- Operators ---------------------------------------------------------------------------------------------------

  void list_type(Node& node) {
    std::optional<Type> element;
    bool mixed = false;
    for (const auto& child : node.children) {
      if (!element) {
        element = child->type;
      } else if (const auto joined = join(*element, child->type); joined && joined->kind == K::decimal && element->kind != child->type.kind) {
        mixed = true;  // the elements stay what they are
      } else if (joined) {
        element = joined;
      } else {
        mixed = true;
      }
    }
    node.type = list_of(mixed || !element || lenient() ? plain(K::any) : *element);
  }

  void list(Node& node) {
    for (auto& child : node.children) visit(child);
    list_type(node);
  }

  void map(Node& node) {
    Type type = plain(K::map);
    std::optional<Type> key, value;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      visit(node.children[i]);
      const Type& is = node.children[i]->type;
      if (i % 2 == 0) {
        const K k = kind(node.children[i]);
        if (k != K::any && k != K::boolean && k != K::string && !is_whole(k)) {
          mistake(*node.children[i], "a map's key is int, uint, bool or string, not " + to_string(is));
        }
      }
      auto& joined = i % 2 == 0 ? key : value;
      if (!joined) {
        joined = is;
      } else {
        joined = join(*joined, is).value_or(plain(K::any));
      }
    }
    if (key && key->kind != K::any && !lenient()) type.key = std::make_shared<const Type>(*key);
    if (value && value->kind != K::any && !lenient()) type.element = std::make_shared<const Type>(*value);
    node.type = type;
  }

  /// An int where a decimal is wanted: exact, and then really of that type.
  void to_decimal(NodePtr& node) {
    auto call = std::make_unique<Node>();
    call->op = Op::function;
    call->text = "decimal";
    call->offset = node->offset;
    call->type = plain(K::decimal);
    call->builtin = functions("decimal")[0].builtin;
    call->children.push_back(std::move(node));
    node = std::move(call);
    prepare(*node, functions("decimal")[0]);
    finish(node);
  }

  void conditional(Node& node) {
    for (auto& child : node.children) visit(child);
    NodePtr& condition = node.children[0];
    if (kind(condition) != K::boolean && kind(condition) != K::any) {
      mistake(*condition, "the condition before `?` is bool, not " + to_string(condition->type));
    }
    if (lenient()) return;
    NodePtr &yes = node.children[1], &no = node.children[2];
    const auto joined = join(yes->type, no->type);
    if (!joined) {
      mistake(node, "the two sides of `:` are " + to_string(yes->type) + " and " + to_string(no->type), "both sides have one type, or write dyn(…)");
      return;
    }
    node.type = *joined;
    if (joined->kind == K::decimal) {
      if (is_whole(yes->type.kind)) to_decimal(yes);
      if (is_whole(no->type.kind)) to_decimal(no);
    }
  }

  void index(NodePtr& node) {
    visit(node->children[0]);
    visit(node->children[1]);
    const NodePtr &range = node->children[0], &key = node->children[1];
    node->type = plain(K::any);
    const K k = kind(key);
    switch (kind(range)) {
      case K::any: return;
      case K::list:
        node->type = element_of(range->type);
        if (k != K::int64 && k != K::any) mistake(*key, "a list is indexed by int, not " + to_string(key->type));
        return;
      case K::map:
        node->type = element_of(range->type);
        if (!comparable(key_of(range->type), key->type)) {
          mistake(*key, "the keys of this map are " + to_string(key_of(range->type)) + ", not " + to_string(key->type));
        }
        return;
      case K::record:
        mistake(*node, "a record has no index", "write `.field`");
        return;
      default: mistake(*node, "only lists and maps have an index, not " + to_string(range->type)); return;
    }
  }

  void no_operator(const Node& node, std::string hint = {}) {
    const K a = kind(node.children[0]), b = kind(node.children[1]);
    const auto both = [&](K x, K y) { return (a == x && b == y) || (a == y && b == x); };
    if (hint.empty()) {
      if (both(K::decimal, K::float64)) hint = "an exact number is written decimal(\"0.8\"), without double";
      else if (is_number(a) && is_number(b)) hint = "convert one side with int(), uint() or double()";
      else if (both(K::date, K::timestamp)) hint = "date(…) gives the day of a timestamp";
      else if (both(K::date, K::string)) hint = "a date is written date(\"2026-12-20\")";
      else if (both(K::timestamp, K::string)) hint = "a moment is written timestamp(\"2026-12-20T08:30:00Z\")";
      else if (both(K::date, K::duration)) hint = "add days as a number, e.g. `today() + 7`";
      else if (both(K::timestamp, K::int64)) hint = "add a duration, e.g. `now() + duration(\"24h\")`";
      else if (both(K::string, K::int64) && node.op == Op::add) hint = "convert with string()";
      else if (a == K::null || b == K::null) hint = "only `==` and `!=` take null; an empty field makes any other comparison unknown";
      else if (a == K::record || b == K::record) hint = "name a field, e.g. `.id`";
    }
    mistake(node, std::string("`") + symbol(node.op) + "` is not defined for " + to_string(node.children[0]->type) + " and " + to_string(node.children[1]->type), hint);
  }

  void arithmetic(Node& node) {
    visit(node.children[0]);
    visit(node.children[1]);
    const K a = kind(node.children[0]), b = kind(node.children[1]);
    const Op op = node.op;
    node.type = plain(K::any);
    const bool sum = op == Op::add || op == Op::subtract;
    if (a == K::any || b == K::any) {
      const K known = a == K::any ? b : a;
      const bool fits = known == K::any || (is_number(known) && !(op == Op::modulo && !is_whole(known))) ||
                        (sum && (known == K::timestamp || known == K::duration || known == K::date)) ||
                        (op == Op::add && (known == K::string || known == K::bytes || known == K::list));
      if (!fits) no_operator(node);
      return;
    }
    std::optional<K> result;
    if (a == b && (is_whole(a) || (is_number(a) && op != Op::modulo))) result = a;
    else if (op != Op::modulo && ((a == K::decimal && is_whole(b)) || (b == K::decimal && is_whole(a)))) result = K::decimal;
    else if (op == Op::add && a == b && (a == K::string || a == K::bytes || a == K::duration)) result = a;
    else if (op == Op::add && a == K::list && b == K::list) {
      node.type = join(node.children[0]->type, node.children[1]->type).value_or(plain(K::list));
      return;
    }
    else if (sum && a == K::timestamp && b == K::duration) result = K::timestamp;
    else if (op == Op::add && a == K::duration && b == K::timestamp) result = K::timestamp;
    else if (op == Op::subtract && a == K::timestamp && b == K::timestamp) result = K::duration;
    else if (op == Op::subtract && a == K::duration && b == K::duration) result = K::duration;
    else if (sum && a == K::date && b == K::int64) result = K::date;
    else if (op == Op::add && a == K::int64 && b == K::date) result = K::date;
    else if (op == Op::subtract && a == K::date && b == K::date) result = K::int64;
    if (result) {
      node.type = plain(*result);
    } else {
      no_operator(node);
    }
  }

  void equality(Node& node) {
    visit(node.children[0]);
    visit(node.children[1]);
    node.type = plain(K::boolean);
    if (lenient()) return;
    const NodePtr &a = node.children[0], &b = node.children[1];
    // Of a second record, as the one before a change, one may ask whether there is one.
    const auto second = [](const Node& one) { return one.op == Op::variable && one.slot != 0; };
    const bool asked = (kind(b) == K::null && second(*a)) || (kind(a) == K::null && second(*b));
    const bool record = kind(a) == K::record || kind(b) == K::record;
    if ((record && !asked) || !comparable(node.children[0]->type, node.children[1]->type)) no_operator(node);
  }

  void relation(Node& node) {
    visit(node.children[0]);
    visit(node.children[1]);
    node.type = plain(K::boolean);
    const K a = kind(node.children[0]), b = kind(node.children[1]);
    const auto ordered = [](K k) {
      return k == K::any || k == K::boolean || is_number(k) || k == K::string || k == K::bytes || k == K::date || k == K::timestamp || k == K::duration;
    };
    const bool numbers = is_number(a) && is_number(b) && !((a == K::decimal && b == K::float64) || (a == K::float64 && b == K::decimal));
    if (!ordered(a) || !ordered(b) || !(a == b || a == K::any || b == K::any || numbers)) no_operator(node);
  }

  void membership(Node& node) {
    visit(node.children[0]);
    visit(node.children[1]);
    node.type = plain(K::boolean);
    const NodePtr &item = node.children[0], &range = node.children[1];
    const K k = kind(range);
    if (k == K::any) return;
    if (k != K::list && k != K::map) {
      mistake(node, "`in` needs a list or a map on its right, not " + to_string(range->type), k == K::string ? "`text.contains(part)` searches in text" : "e.g. `in [\"a\", \"b\"]`");
      return;
    }
    const Type element = k == K::list ? element_of(range->type) : key_of(range->type);
    if (kind(item) == K::record || !comparable(element, item->type)) {
      mistake(node, to_string(item->type) + " is never in a " + to_string(range->type));
    }
  }

  struct Local {
    std::string name;
    Type type;
  };

  std::string_view source_;
  const Environment& environment_;
  std::vector<Issue>& issues_;
  std::vector<Local> locals_;
};

}  // namespace

void check(NodePtr& root, std::string_view source, const Environment& environment, std::vector<Issue>& issues) {
  Checker(source, environment, issues).run(root);
}

}  // namespace caravan::expr

#include "expr/analysis.h"

#include <algorithm>
#include <map>

#include "expr/ast.h"
#include "expr/evaluator.h"

namespace caravan::expr {
namespace {

constexpr std::size_t max_alternatives = 256;
constexpr std::size_t max_demands = 8192;  // of all alternatives together
constexpr std::uint32_t max_weight = 2000;

/// A member of a record, directly or through references: what constraints are about.
bool is_path(const Node& node) {
  if (node.op != Op::member && node.op != Op::follow) return false;
  const Node* at = node.children[0].get();
  while (at->op == Op::follow) at = at->children[0].get();
  return at->op == Op::variable;
}

/// The node as text that is equal for equal nodes.
void print(const Node& node, std::string& out) {
  out += std::to_string(static_cast<int>(node.op));
  switch (node.op) {
    case Op::variable: case Op::local: case Op::member: case Op::has_member: case Op::follow: out += '.' + std::to_string(node.slot); break;
    case Op::literal: {
      out += type_name(node.value);
      if (const auto* s = node.value.as<std::string>()) out += std::to_string(s->size()) + *s;
      else if (const auto* i = node.value.as<std::int64_t>()) out += std::to_string(*i);
      else if (const auto* b = node.value.as<bool>()) out += *b ? "t" : "f";
      else if (!node.value.is_null()) out += '@' + std::to_string(reinterpret_cast<std::uintptr_t>(&node));  // equals itself only
      break;
    }
    default: out += node.text;
  }
  out += '(';
  for (const auto& child : node.children) print(*child, out);
  out += ')';
}

std::string print(const Node& node) {
  std::string out;
  print(node, out);
  return out;
}

/// Something that one alternative demands.
struct Demand {
  enum class Kind : std::uint8_t { empty, filled, equal, unequal, less, less_equal, greater, greater_equal, among, none_of, holds, fails };
  Kind kind = Kind::holds;
  std::string subject;          ///< path or condition, printed
  const Node* path = nullptr;   ///< null for holds and fails
  std::vector<Value> values;
};

using Alternative = std::vector<Demand>;
struct Formula {
  std::vector<Alternative> alternatives;  ///< of which one must be possible; none: impossible
  bool too_large = false;
};

Formula impossible() { return {}; }
Formula given() {
  Formula f;
  f.alternatives.emplace_back();
  return f;
}
Formula demand(Demand d) {
  Formula f;
  f.alternatives.push_back({std::move(d)});
  return f;
}

Formula either(Formula a, Formula b) {
  a.too_large = a.too_large || b.too_large || a.alternatives.size() + b.alternatives.size() > max_alternatives;
  if (a.too_large) return a;
  for (auto& one : b.alternatives) a.alternatives.push_back(std::move(one));
  return a;
}

Formula both(const Formula& a, const Formula& b) {
  Formula f;
  const auto demands = [](const Formula& of) {
    std::size_t n = 0;
    for (const Alternative& one : of.alternatives) n += one.size();
    return n;
  };
  f.too_large = a.too_large || b.too_large || a.alternatives.size() * b.alternatives.size() > max_alternatives ||
                demands(a) * b.alternatives.size() + demands(b) * a.alternatives.size() > max_demands;
  if (f.too_large) return f;
  for (const auto& x : a.alternatives) {
    for (const auto& y : b.alternatives) {
      f.alternatives.push_back(x);
      f.alternatives.back().insert(f.alternatives.back().end(), y.begin(), y.end());
    }
  }
  return f;
}

Op negated(Op op) {
  switch (op) {
    case Op::less: return Op::greater_equal;
    case Op::less_equal: return Op::greater;
    case Op::greater: return Op::less_equal;
    default: return Op::less;
  }
}

/// What it takes for the condition to be `wanted` (which "unknown" never is).
class Reader {
 public:
  Formula read(const Node& node, bool wanted) const {
    switch (node.op) {
      case Op::literal: {
        const bool* b = node.value.as<bool>();
        return b && *b == wanted ? given() : impossible();
      }
      case Op::logical_not: return read(*node.children[0], !wanted);
      case Op::logical_and:
      case Op::logical_or: {
        const bool all = (node.op == Op::logical_and) == wanted;
        Formula f = read(*node.children[0], wanted);
        for (std::size_t i = 1; i < node.children.size() && !f.too_large; ++i) {
          Formula next = read(*node.children[i], wanted);
          f = all ? both(f, next) : either(std::move(f), std::move(next));
        }
        return f;
      }
      case Op::conditional:
        return either(both(read(*node.children[0], true), read(*node.children[1], wanted)),
                      both(read(*node.children[0], false), read(*node.children[2], wanted)));
      case Op::has_member: {
        Demand d = about(node, wanted ? Demand::Kind::filled : Demand::Kind::empty);
        d.subject = std::to_string(static_cast<int>(Op::member)) + d.subject.substr(std::to_string(static_cast<int>(Op::has_member)).size());
        return demand(std::move(d));
      }
      case Op::member:
        if (is_path(node) && node.type.kind == TypeKind::boolean) return demand(about(node, Demand::Kind::equal, {Value(wanted)}));
        break;
      case Op::equal: return equality(node, wanted);
      case Op::not_equal: return equality(node, !wanted);
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal: return relation(node, wanted ? node.op : negated(node.op));
      case Op::in: return membership(node, wanted);
      default: break;
    }
    return opaque(print(node), wanted);
  }

 private:
  static Demand about(const Node& path, Demand::Kind kind, std::vector<Value> values = {}) {
    Demand d;
    d.kind = kind;
    d.subject = print(path);
    d.path = &path;
    d.values = std::move(values);
    return d;
  }
  static Formula opaque(std::string subject, bool wanted) {
    Demand d;
    d.kind = wanted ? Demand::Kind::holds : Demand::Kind::fails;
    d.subject = std::move(subject);
    return demand(std::move(d));
  }

  Formula equality(const Node& node, bool wanted) const {
    const Node *a = node.children[0].get(), *b = node.children[1].get();
    if (a->op == Op::literal) std::swap(a, b);
    if (is_path(*a) && b->op == Op::literal) {
      if (b->value.is_null()) return demand(about(*a, wanted ? Demand::Kind::empty : Demand::Kind::filled));
      return demand(about(*a, wanted ? Demand::Kind::equal : Demand::Kind::unequal, {b->value}));
    }
    std::string x = print(*a), y = print(*b);
    if (x == y && is_path(*a)) return wanted ? given() : impossible();
    if (y < x) std::swap(x, y);
    return opaque("==" + x + y, wanted);
  }

  Formula relation(const Node& node, Op op) const {
    const Node *a = node.children[0].get(), *b = node.children[1].get();
    if (a->op == Op::literal) {
      std::swap(a, b);
      op = mirrored(op);
    }
    if (is_path(*a) && b->op == Op::literal) {
      if (b->value.is_null()) return impossible();
      const auto kind = op == Op::less ? Demand::Kind::less : op == Op::less_equal ? Demand::Kind::less_equal : op == Op::greater ? Demand::Kind::greater : Demand::Kind::greater_equal;
      return demand(about(*a, kind, {b->value}));
    }
    // a > b is b < a; a <= b is what b < a is not.
    if (op == Op::greater || op == Op::less_equal) std::swap(a, b);
    const bool strict = op == Op::less || op == Op::greater;
    const std::string x = print(*a), y = print(*b);
    if (x == y && is_path(*a)) return strict ? impossible() : demand(about(*a, Demand::Kind::filled));
    return opaque("<" + x + y, strict);
  }

  Formula membership(const Node& node, bool wanted) const {
    const Node &item = *node.children[0], &range = *node.children[1];
    const List* list = range.op == Op::literal ? range.value.as_list() : nullptr;
    if (!is_path(item) || !list) return opaque(print(node), wanted);
    std::vector<Value> values;
    for (const Value& v : *list) {
      if (!v.is_null()) values.push_back(v);
    }
    return demand(about(item, wanted ? Demand::Kind::among : Demand::Kind::none_of, std::move(values)));
  }
};

bool equal_values(const Value& a, const Value& b) {
  const auto o = order(a, b);
  return o ? *o == 0 : a.same_as(b);
}
bool among(const std::vector<Value>& all, const Value& v) {
  return std::any_of(all.begin(), all.end(), [&](const Value& one) { return equal_values(one, v); });
}

/// The values that are left for one path.
struct Room {
  bool empty = true, filled = true;
  std::optional<std::vector<Value>> values;
  std::vector<Value> not_values;
  std::optional<Value> low, high;
  bool above_low = false, below_high = false;  ///< strictly

  void at_least(const Value& v, bool strictly) {
    const auto o = low ? order(v, *low) : std::optional(std::partial_ordering::greater);
    if (o && (*o > 0 || (*o == 0 && strictly))) low = v, above_low = strictly;
  }
  void at_most(const Value& v, bool strictly) {
    const auto o = high ? order(v, *high) : std::optional(std::partial_ordering::less);
    if (o && (*o < 0 || (*o == 0 && strictly))) high = v, below_high = strictly;
  }
  void keep(const std::vector<Value>& kept) {
    if (!values) {
      values = kept;
      return;
    }
    std::erase_if(*values, [&](const Value& v) { return !among(kept, v); });
  }
  bool allows(const Value& v) const {
    if (among(not_values, v)) return false;
    if (low) {
      const auto o = order(v, *low);
      if (!o || *o < 0 || (*o == 0 && above_low)) return !o;
    }
    if (high) {
      const auto o = order(v, *high);
      if (!o || *o > 0 || (*o == 0 && below_high)) return !o;
    }
    return true;
  }
  bool possible() const {
    if (empty) return true;
    if (!filled) return false;
    if (values) return std::any_of(values->begin(), values->end(), [&](const Value& v) { return allows(v); });
    if (!low || !high) return true;
    const auto o = order(*low, *high);
    if (!o) return true;
    if (*o > 0) return false;
    if (*o == 0) return !above_low && !below_high && !among(not_values, *low);
    const auto *a = low->as<std::int64_t>(), *b = high->as<std::int64_t>();
    return !(a && b && above_low && below_high && *b - 1 == *a);
  }
};

class Finder {
 public:
  Finder(const Program& program, const FactSource& facts) : program_(program), facts_(facts) {}

  std::vector<Decided> run() {
    visit(program_.root(), true);
    return std::move(found_);
  }

 private:
  FieldFact fact(const Node& path, bool with_facts) const {
    const Node& from = *path.children[0];
    if (!with_facts || !facts_ || !from.type.record) return {};
    return facts_(*from.type.record, path.slot, from.op == Op::variable && from.slot == 0);
  }

  bool possible(const Alternative& alternative, bool with_facts) const {
    std::map<std::string_view, Room> rooms;
    std::map<std::string_view, bool> truths;
    for (const Demand& d : alternative) {
      if (!d.path) {
        const bool holds = d.kind == Demand::Kind::holds;
        const auto [known, fresh] = truths.emplace(d.subject, holds);
        if (!fresh && known->second != holds) return false;
        continue;
      }
      const FieldFact known = fact(*d.path, with_facts);
      const auto [at, fresh] = rooms.try_emplace(d.subject);
      Room& room = at->second;
      if (fresh) {
        room.empty = !known.filled;
        if (known.values) room.keep(*known.values);
        if (d.path->type.kind == TypeKind::boolean && d.path->op == Op::member) room.keep({Value(true), Value(false)});
        if (known.min) room.at_least(*known.min, false);
        if (known.max) room.at_most(*known.max, false);
      }
      using K = Demand::Kind;
      const bool strange = known.known && std::any_of(d.values.begin(), d.values.end(), [&](const Value& v) { return !among(*known.known, v); });
      if (d.kind != K::empty && d.kind != K::unequal) room.empty = false;
      if (strange && d.kind != K::unequal && d.kind != K::none_of) continue;
      switch (d.kind) {
        case K::empty: room.filled = false; break;
        case K::equal:
        case K::among: room.keep(d.values); break;
        case K::unequal:
        case K::none_of: room.not_values.insert(room.not_values.end(), d.values.begin(), d.values.end()); break;
        case K::less: room.at_most(d.values[0], true); break;
        case K::less_equal: room.at_most(d.values[0], false); break;
        case K::greater: room.at_least(d.values[0], true); break;
        case K::greater_equal: room.at_least(d.values[0], false); break;
        case K::filled: case K::holds: case K::fails: break;
      }
    }
    return std::all_of(rooms.begin(), rooms.end(), [](const auto& one) { return one.second.possible(); });
  }

  bool possible(const Formula& formula, bool with_facts) const {
    return formula.too_large ||
           std::any_of(formula.alternatives.begin(), formula.alternatives.end(), [&](const Alternative& a) { return possible(a, with_facts); });
  }

  /// Whether the answer can never be "unknown".
  bool known(const Node& node) const {
    const auto filled = [&](const Node& n) { return n.op == Op::literal ? !n.value.is_null() : is_path(n) && fact(n, true).filled; };
    switch (node.op) {
      case Op::literal: return node.value.is<bool>();
      case Op::logical_and: case Op::logical_or: case Op::logical_not: case Op::conditional:
        return std::all_of(node.children.begin(), node.children.end(), [&](const auto& c) { return known(*c); });
      case Op::equal: case Op::not_equal:
        return std::all_of(node.children.begin(), node.children.end(), [](const auto& c) { return c->op == Op::literal || is_path(*c); });
      case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: return filled(*node.children[0]) && filled(*node.children[1]);
      case Op::in: return filled(*node.children[0]) && node.children[1]->op == Op::literal;
      case Op::has_member: return true;
      case Op::member: return filled(node);
      default: return false;
    }
  }

  static std::pair<std::uint32_t, std::uint32_t> extent(const Node& node) {
    std::pair<std::uint32_t, std::uint32_t> e{node.offset, node.offset};
    for (const auto& child : node.children) {
      const auto inner = extent(*child);
      e = {std::min(e.first, inner.first), std::max(e.second, inner.second)};
    }
    return e;
  }

  /// The source of a node, from its first token to the end of its last word, number or text.
  std::string text_of(const Node& node, bool whole) const {
    const std::string& source = program_.source();
    if (whole) return source;
    const auto [from, last] = extent(node);
    std::size_t to = last;
    const auto part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0; };
    if (to < source.size() && (source[to] == '"' || source[to] == '\'')) {
      const char quote = source[to++];
      while (to < source.size() && source[to] != quote) to += source[to] == '\\' ? 2 : 1;
      if (to < source.size()) ++to;
    } else {
      while (to < source.size() && (part(source[to]) || (to == last && source[to] == '-'))) ++to;
    }
    return source.substr(from, std::min(to, source.size()) - from);
  }

  /// Whether something in the node was reported.
  bool visit(const Node& node, bool whole) {
    bool reported = false;
    for (const auto& child : node.children) reported = visit(*child, false) || reported;
    if (node.configured) return reported;  // decided by a setting, which is there to be changed
    if (reported || node.type.kind != TypeKind::boolean || node.weight > max_weight) return reported;
    if (node.op == Op::literal && !whole) return false;
    const Reader reader;
    const bool can_hold = possible(reader.read(node, true), true);
    bool decided = !can_hold;
    if (can_hold) {
      const Formula fails = reader.read(node, false);
      decided = !possible(fails, true) && (known(node) || !possible(fails, false));
    }
    if (!decided) return false;
    found_.push_back({can_hold, whole, text_of(node, whole), issue_at(program_.source(), extent(node).first, {})});
    return true;
  }

  const Program& program_;
  const FactSource& facts_;
  std::vector<Decided> found_;
};

void collect_texts(const Node& node, const std::string& source, std::vector<ComparedText>& out) {
  for (const auto& child : node.children) collect_texts(*child, source, out);
  if (node.op != Op::equal && node.op != Op::not_equal && node.op != Op::in) return;
  const auto member_of = [](const Node& n) -> const Node* { return n.op == Op::member && n.children[0]->type.record ? &n : nullptr; };
  const auto add = [&](const Node& member, const Node& literal) {
    const auto text = [&](const Value& v) {
      if (const auto* s = v.as<std::string>()) out.push_back({member.children[0]->type.record, member.slot, *s, issue_at(source, literal.offset, {})});
    };
    if (const List* list = literal.value.as_list()) {
      for (const Value& v : *list) text(v);
    } else {
      text(literal.value);
    }
  };
  const Node &a = *node.children[0], &b = *node.children[1];
  if (const Node* member = member_of(a); member && b.op == Op::literal) add(*member, b);
  if (const Node* member = member_of(b); member && a.op == Op::literal) add(*member, a);
}

}  // namespace

std::vector<Decided> find_decided(const Program& program, const FactSource& facts) { return Finder(program, facts).run(); }

std::vector<ComparedText> compared_texts(const Program& program) {
  std::vector<ComparedText> out;
  collect_texts(program.root(), program.source(), out);
  return out;
}

}  // namespace caravan::expr

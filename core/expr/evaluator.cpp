#include "expr/evaluator.h"

#include <cmath>

#include "expr/arithmetic.h"

namespace caravan::expr {
namespace {

const Value* put(Value& out, Value value) {
  out = std::move(value);
  return &out;
}

/// Long texts cost steps, so that a loop over them is bounded.
bool spend_on_text(const Value& value, Frame& frame) {
  const auto* text = value.as<std::string>();
  return !text || text->size() < 256 || frame.spend(text->size() / 256);
}

/// Entry of a map under `key`, compared as `==` does.
const Value* find(const Map& map, const Value& key, Frame& frame) {
  if (!frame.spend(map.size() / 8)) return nullptr;
  for (const auto& [k, v] : map) {
    if (equals(k, key, frame)) return &v;
  }
  return nullptr;
}

const Value* find(const Map& map, const std::string& key) {
  for (const auto& [k, v] : map) {
    const auto* text = k.as<std::string>();
    if (text && *text == key) return &v;
  }
  return nullptr;
}

/// The record that `node` yields; nullptr where there is none, or where frame.outcome says more.
const RecordView* record_of(const Node& node, Frame& frame) {
  if (node.op == Op::variable && node.slot < frame.activation.count) {
    const auto* view = frame.activation.variables[node.slot].as<std::shared_ptr<const RecordView>>();
    if (view) return view->get();
  }
  if (node.op == Op::follow) {
    const RecordView* from = record_of(*node.children[0], frame);
    if (!from) return nullptr;
    for (const auto& known : frame.followed) {
      if (known.from == from && known.slot == node.slot) return known.to.get();
    }
    if (!frame.spend(100)) return nullptr;
    frame.followed.push_back({from, node.slot, from->follow(node.slot)});
    return frame.followed.back().to.get();
  }
  Value scratch;
  const Value* value = evaluate(node, frame, scratch);
  if (!value || value->is_null()) return nullptr;
  const auto* view = value->as<std::shared_ptr<const RecordView>>();
  if (!view) return frame.fail("a record is expected, not " + type_name(*value));
  if (value == &scratch) frame.followed.push_back({nullptr, 0, *view});
  return view->get();
}

/// && and ||: `decisive` ends it; what is neither true nor false is remembered.
const Value* logical(const Node& node, Frame& frame, bool decisive) {
  Outcome kept = Outcome::value;
  std::string message;
  for (const auto& child : node.children) {
    Value scratch;
    const Value* value = evaluate(*child, frame, scratch);
    if (value) {
      if (const bool* b = value->as<bool>()) {
        if (*b == decisive) return &bool_value(decisive);
        continue;
      }
      if (value->is_null()) {
        kept = Outcome::unknown;
        continue;
      }
      frame.fail("`&&` and `||` take bool, not " + type_name(*value));
    }
    if (frame.outcome == Outcome::unknown) {
      kept = Outcome::unknown;
    } else if (kept == Outcome::value) {
      kept = Outcome::error;
      message = std::move(frame.message);
    }
    frame.outcome = Outcome::value;
  }
  if (kept == Outcome::value) return &bool_value(!decisive);
  frame.outcome = kept;
  frame.message = std::move(message);
  return nullptr;
}

const Value* relation(Op op, const Value& a, const Value& b, Frame& frame) {
  if (a.is_null() || b.is_null()) return frame.set_unknown();
  if (!spend_on_text(a, frame)) return nullptr;
  const auto result = order(a, b);
  if (!result) {
    if (currencies_differ(a, b)) return frame.fail("amounts of different currencies do not compare");
    return frame.fail("values of type " + type_name(a) + " and " + type_name(b) + " have no order");
  }
  switch (op) {
    case Op::less: return &bool_value(*result < 0);
    case Op::less_equal: return &bool_value(*result <= 0);
    case Op::greater: return &bool_value(*result > 0);
    default: return &bool_value(*result >= 0);
  }
}

const Value* contains(const Node& node, const Value& item, const Value& range, Frame& frame) {
  // An empty field is in no list and outside of none; the literal null is a value like others.
  if ((item.is_null() && node.children[0]->type.kind != TypeKind::null) || range.is_null()) return frame.set_unknown();
  if (const List* list = range.as_list()) {
    if (!frame.spend(list->size() / 8)) return nullptr;
    for (const Value& element : *list) {
      if (equals(element, item, frame)) return &bool_value(true);
      if (frame.outcome != Outcome::value) return nullptr;
    }
    return &bool_value(false);
  }
  if (const Map* map = range.as_map()) {
    const bool found = find(*map, item, frame) != nullptr;
    return frame.outcome == Outcome::value ? &bool_value(found) : nullptr;
  }
  return frame.fail("`in` needs a list or a map on its right, not " + type_name(range));
}

/// A list index given as int, uint or a whole double.
std::optional<std::size_t> list_index(const Value& key, std::size_t size) {
  if (const auto* i = key.as<std::int64_t>()) {
    if (*i >= 0 && static_cast<std::uint64_t>(*i) < size) return static_cast<std::size_t>(*i);
  } else if (const auto* u = key.as<std::uint64_t>()) {
    if (*u < size) return static_cast<std::size_t>(*u);
  } else if (const auto* d = key.as<double>()) {
    if (*d >= 0 && *d < static_cast<double>(size) && std::floor(*d) == *d) return static_cast<std::size_t>(*d);
  }
  return std::nullopt;
}

/// The element in place where the range is, else copied to `out`.
const Value* element(const Value* found, bool temporary, Value& out) { return temporary ? put(out, Value(*found)) : found; }

const Value* index(const Value& range, const Value& key, bool temporary, Frame& frame, Value& out) {
  if (range.is_null() || key.is_null()) return frame.set_unknown();
  if (const List* list = range.as_list()) {
    const auto i = list_index(key, list->size());
    if (i) return element(&(*list)[*i], temporary, out);
    if (!key.is<std::int64_t>() && !key.is<std::uint64_t>()) return frame.fail("a list is indexed by int, not by this " + type_name(key));
    return frame.fail("the index is outside of the list");
  }
  if (const Map* map = range.as_map()) {
    const Value* found = find(*map, key, frame);
    if (found) return element(found, temporary, out);
    return frame.outcome == Outcome::value ? frame.fail("there is no such key") : nullptr;
  }
  return frame.fail("only lists and maps have an index, not " + type_name(range));
}

bool is_key(const Value& value) {
  return value.is<bool>() || value.is<std::int64_t>() || value.is<std::uint64_t>() || value.is<std::string>();
}

const Value* build_map(const Node& node, Frame& frame, Value& out) {
  Map map;
  map.reserve(node.children.size() / 2);
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    Value key_scratch, value_scratch;
    const Value* key = evaluate(*node.children[i], frame, key_scratch);
    if (!key) return nullptr;
    if (key->is_null() && node.children[i]->type.kind != TypeKind::null) return frame.set_unknown();
    if (!is_key(*key)) return frame.fail("a map's key is int, uint, bool or string, not " + type_name(*key));
    if (find(map, *key, frame)) return frame.fail("the map has the same key twice");
    const Value* value = evaluate(*node.children[i + 1], frame, value_scratch);
    if (!value) return nullptr;
    map.emplace_back(*key, *value);
  }
  return put(out, std::move(map));
}

/// Calls `visit(element)` for each element of a list or key of a map until it returns false.
template <class Visit>
const Value* for_each(const Node& node, Frame& frame, Visit visit) {
  Value scratch;
  const Value* range = evaluate(*node.children[0], frame, scratch);
  if (!range) return nullptr;
  if (range->is_null()) return frame.set_unknown();
  const auto step = [&](const Value& item) {
    if (!frame.spend(node.weight)) return false;
    frame.locals[node.slot] = &item;
    return visit(item);
  };
  if (const List* list = range->as_list()) {
    for (const Value& item : *list) {
      if (!step(item)) break;
    }
  } else if (const Map* map = range->as_map()) {
    for (const auto& entry : *map) {
      if (!step(entry.first)) break;
    }
  } else {
    return frame.fail("a list or a map is expected, not " + type_name(*range));
  }
  return frame.outcome == Outcome::value ? &null_value() : nullptr;
}

/// The predicate's answer; nullopt where frame.outcome tells why there is none.
std::optional<bool> test(const Node& predicate, Frame& frame) {
  Value scratch;
  const Value* value = evaluate(predicate, frame, scratch);
  if (!value) return std::nullopt;
  if (const bool* b = value->as<bool>()) return *b;
  if (value->is_null()) {
    frame.set_unknown();
  } else {
    frame.fail("a condition is bool, not " + type_name(*value));
  }
  return std::nullopt;
}

const Value* quantifier(const Node& node, Frame& frame, bool decisive) {
  Outcome kept = Outcome::value;
  std::string message;
  bool decided = false;
  const bool done = for_each(node, frame, [&](const Value&) {
    const auto answer = test(*node.children[1], frame);
    if (answer) {
      decided = *answer == decisive;
      return !decided;
    }
    if (frame.steps > max_steps) return false;
    if (frame.outcome == Outcome::unknown) {
      kept = Outcome::unknown;
    } else if (kept == Outcome::value) {
      kept = Outcome::error;
      message = std::move(frame.message);
    }
    frame.outcome = Outcome::value;
    return true;
  });
  if (!done) return nullptr;
  if (decided) return &bool_value(decisive);
  if (kept == Outcome::value) return &bool_value(!decisive);
  frame.outcome = kept;
  frame.message = std::move(message);
  return nullptr;
}

const Value* exists_one(const Node& node, Frame& frame) {
  std::size_t count = 0;
  if (!for_each(node, frame, [&](const Value&) {
        const auto answer = test(*node.children[1], frame);
        if (answer && *answer) ++count;
        return answer.has_value();
      })) {
    return nullptr;
  }
  return &bool_value(count == 1);
}

const Value* filter_or_transform(const Node& node, Frame& frame, Value& out) {
  List result;
  const Node* predicate = node.op == Op::filter || node.children.size() == 3 ? node.children[1].get() : nullptr;
  const Node* body = node.op == Op::transform ? node.children.back().get() : nullptr;
  if (!for_each(node, frame, [&](const Value& item) {
        if (predicate) {
          const auto answer = test(*predicate, frame);
          if (!answer) return false;
          if (!*answer) return true;
        }
        if (!body) {
          result.push_back(item);
          return true;
        }
        Value scratch;
        const Value* value = evaluate(*body, frame, scratch);
        if (!value) return false;
        if (value == &scratch) {
          result.push_back(std::move(scratch));
        } else {
          result.push_back(*value);
        }
        return true;
      })) {
    return nullptr;
  }
  return put(out, std::move(result));
}

template <std::size_t N>
const Value* call(const Node& node, Frame& frame, Value& out) {
  std::array<Value, N> scratch;
  std::array<const Value*, N> args;
  for (std::size_t i = 0; i < N; ++i) {
    args[i] = evaluate(*node.children[i], frame, scratch[i]);
    if (!args[i]) return nullptr;
    if (args[i]->is_null() && node.children[i]->type.kind != TypeKind::null) return frame.set_unknown();
    if (!spend_on_text(*args[i], frame)) return nullptr;
  }
  const Value* value = node.builtin(frame, node, args.data(), N, out);
  for (std::size_t i = 0; i < N; ++i) {
    if (value == &scratch[i]) return put(out, std::move(scratch[i]));
  }
  return value;
}

std::partial_ordering compare_signed_unsigned(std::int64_t a, std::uint64_t b) {
  if (a < 0) return std::partial_ordering::less;
  return static_cast<std::uint64_t>(a) <=> b;
}

/// a with b × 10^-scale, exactly.
std::partial_ordering compare_wide(wide a, const Decimal& b) {
  for (int i = 0; i < b.scale; ++i) a *= 10;
  return a < b.unscaled ? std::partial_ordering::less
                        : a > b.unscaled ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

std::partial_ordering reverse(std::partial_ordering o) { return 0 <=> o; }

bool is_number(const Value& v) { return v.is<std::int64_t>() || v.is<std::uint64_t>() || v.is<double>() || v.is<Decimal>(); }

bool equal_maps(const Map& a, const Map& b, Frame& frame) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const Value* other = find(b, key, frame);
    if (!other || !equals(value, *other, frame)) return false;
  }
  return true;
}

}  // namespace

const Value& bool_value(bool b) {
  static const Value yes(true), no(false);
  return b ? yes : no;
}

const Value& null_value() {
  static const Value null;
  return null;
}

bool currencies_differ(const Value& a, const Value& b) {
  const auto *x = a.as<Decimal>(), *y = b.as<Decimal>();
  return x && y && x->has_currency() && y->has_currency() && x->currency != y->currency;
}

std::optional<std::partial_ordering> order(const Value& a, const Value& b) {
  if (const auto* x = a.as<std::int64_t>()) {
    if (const auto* y = b.as<std::int64_t>()) return *x <=> *y;
    if (const auto* y = b.as<std::uint64_t>()) return compare_signed_unsigned(*x, *y);
    if (const auto* y = b.as<double>()) return static_cast<double>(*x) <=> *y;
    if (const auto* y = b.as<Decimal>()) return compare_wide(*x, *y);
    return std::nullopt;
  }
  if (const auto* x = a.as<std::string>()) {
    const auto* y = b.as<std::string>();
    if (!y) return std::nullopt;
    return x->compare(*y) <=> 0;  // UTF-8 sorts by code point
  }
  if (const auto* x = a.as<Decimal>()) {
    if (const auto* y = b.as<Decimal>()) {
      if (currencies_differ(a, b)) return std::nullopt;
      Decimal other = *y;
      other.currency = x->currency;
      return compare(*x, other);
    }
    if (const auto* y = b.as<std::int64_t>()) return reverse(compare_wide(*y, *x));
    if (const auto* y = b.as<std::uint64_t>()) return reverse(compare_wide(*y, *x));
    return std::nullopt;
  }
  if (const auto* x = a.as<Date>()) {
    if (const auto* y = b.as<Date>()) return *x <=> *y;
    return std::nullopt;
  }
  if (const auto* x = a.as<Timestamp>()) {
    if (const auto* y = b.as<Timestamp>()) return *x <=> *y;
    return std::nullopt;
  }
  if (const auto* x = a.as<std::uint64_t>()) {
    if (const auto* y = b.as<std::uint64_t>()) return *x <=> *y;
    if (const auto* y = b.as<std::int64_t>()) return reverse(compare_signed_unsigned(*y, *x));
    if (const auto* y = b.as<double>()) return static_cast<double>(*x) <=> *y;
    if (const auto* y = b.as<Decimal>()) return compare_wide(*x, *y);
    return std::nullopt;
  }
  if (const auto* x = a.as<double>()) {
    if (const auto* y = b.as<double>()) return *x <=> *y;
    if (const auto* y = b.as<std::int64_t>()) return *x <=> static_cast<double>(*y);
    if (const auto* y = b.as<std::uint64_t>()) return *x <=> static_cast<double>(*y);
    return std::nullopt;
  }
  if (const auto* x = a.as<bool>()) {
    if (const auto* y = b.as<bool>()) return *x <=> *y;
    return std::nullopt;
  }
  if (const auto* x = a.as<Bytes>()) {
    if (const auto* y = b.as<Bytes>()) return x->data.compare(y->data) <=> 0;
    return std::nullopt;
  }
  if (const auto* x = a.as<Duration>()) {
    if (const auto* y = b.as<Duration>()) {
      if (x->seconds != y->seconds) return x->seconds <=> y->seconds;
      return x->nanos <=> y->nanos;
    }
  }
  return std::nullopt;
}

bool equals(const Value& a, const Value& b, Frame& frame) {
  if (a.data().index() != b.data().index()) {
    if (!is_number(a) || !is_number(b)) return false;
    const auto result = order(a, b);
    return result && *result == 0;
  }
  if (const auto* x = a.as<std::string>()) {
    const auto* y = b.as<std::string>();
    return x->size() == y->size() && spend_on_text(a, frame) && *x == *y;
  }
  if (a.is_null()) return true;
  if (const auto* x = a.as_list()) {
    const List* y = b.as_list();
    if (x->size() != y->size()) return false;
    if (!frame.spend(1 + x->size())) return false;
    for (std::size_t i = 0; i < x->size(); ++i) {
      if (!equals((*x)[i], (*y)[i], frame)) return false;
    }
    return true;
  }
  if (const auto* x = a.as_map()) return frame.spend(1 + x->size()) && equal_maps(*x, *b.as_map(), frame);
  if (const auto* x = a.as<TypeName>()) return *x == *b.as<TypeName>();
  if (const auto* x = a.as<std::shared_ptr<const RecordView>>()) return *x == *b.as<std::shared_ptr<const RecordView>>();
  const auto result = order(a, b);
  return result && *result == 0;
}

std::string type_name(const Value& value) {
  static const char* const names[] = {"null_type", "bool",  "int",       "uint",                      "double",
                                      "decimal",   "string", "bytes",    "date",                      "google.protobuf.Timestamp",
                                      "google.protobuf.Duration", "type", "list", "map", "record"};
  static_assert(std::variant_size_v<Value::Data> == sizeof names / sizeof *names);
  return names[value.data().index()];
}

const Value* evaluate(const Node& node, Frame& frame, Value& out) {
  switch (node.op) {
    case Op::literal: return &node.value;
    case Op::variable:
      if (node.slot >= frame.activation.count) return frame.fail("there is no value for `" + node.text + "`");
      return &frame.activation.variables[node.slot];
    case Op::local: return frame.locals[node.slot];
    case Op::member:
    case Op::has_member: {
      const RecordView* record = record_of(*node.children[0], frame);
      if (!record) {
        if (frame.outcome != Outcome::value) return nullptr;
        return node.op == Op::member ? &null_value() : &bool_value(false);
      }
      const Value* value = record->peek(node.slot);
      if (!value) value = put(out, record->get(node.slot));
      return node.op == Op::member ? value : &bool_value(!value->is_null());
    }
    case Op::follow: {
      const RecordView* record = record_of(node, frame);
      if (!record) return frame.outcome == Outcome::value ? &null_value() : nullptr;
      for (const auto& known : frame.followed) {
        if (known.to.get() == record) return put(out, Value(known.to));
      }
      return &null_value();
    }
    case Op::select:
    case Op::has_select: {
      Value scratch;
      const Value* target = evaluate(*node.children[0], frame, scratch);
      if (!target) return nullptr;
      if (target->is_null()) return frame.set_unknown();
      const Map* map = target->as_map();
      if (!map) return frame.fail("a value of type " + type_name(*target) + " has no member `" + node.text + "`");
      const Value* found = find(*map, node.text);
      if (node.op == Op::has_select) return &bool_value(found != nullptr);
      if (!found) return frame.fail("there is no key `" + node.text + "`");
      return element(found, target == &scratch, out);
    }
    case Op::index: {
      Value range_scratch, key_scratch;
      const Value* range = evaluate(*node.children[0], frame, range_scratch);
      if (!range) return nullptr;
      const Value* key = evaluate(*node.children[1], frame, key_scratch);
      if (!key) return nullptr;
      return index(*range, *key, range == &range_scratch, frame, out);
    }
    case Op::list: {
      List list;
      list.reserve(node.children.size());
      for (const auto& child : node.children) {
        Value scratch;
        const Value* value = evaluate(*child, frame, scratch);
        if (!value) return nullptr;
        if (value == &scratch) {
          list.push_back(std::move(scratch));
        } else {
          list.push_back(*value);
        }
      }
      return put(out, std::move(list));
    }
    case Op::map: return build_map(node, frame, out);
    case Op::conditional: {
      const auto answer = test(*node.children[0], frame);
      if (!answer) return nullptr;
      return evaluate(*node.children[*answer ? 1 : 2], frame, out);
    }
    case Op::logical_and: return logical(node, frame, false);
    case Op::logical_or: return logical(node, frame, true);
    case Op::logical_not: {
      const auto answer = test(*node.children[0], frame);
      return answer ? &bool_value(!*answer) : nullptr;
    }
    case Op::negate: {
      Value scratch;
      const Value* value = evaluate(*node.children[0], frame, scratch);
      if (!value) return nullptr;
      if (value->is_null()) return frame.set_unknown();
      return negate(*value, frame, out);
    }
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::modulo: {
      Value left, right;
      const Value* a = evaluate(*node.children[0], frame, left);
      if (!a) return nullptr;
      const Value* b = evaluate(*node.children[1], frame, right);
      if (!b) return nullptr;
      if (a->is_null() || b->is_null()) return frame.set_unknown();
      return arithmetic(node.op, *a, *b, frame, out);
    }
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
    case Op::in: {
      Value left, right;
      const Value* a = evaluate(*node.children[0], frame, left);
      if (!a) return nullptr;
      const Value* b = evaluate(*node.children[1], frame, right);
      if (!b) return nullptr;
      if (node.op == Op::in) return contains(node, *a, *b, frame);
      if (node.op == Op::equal || node.op == Op::not_equal) {
        const bool same = equals(*a, *b, frame);
        if (frame.outcome != Outcome::value) return nullptr;
        return &bool_value(same == (node.op == Op::equal));
      }
      return relation(node.op, *a, *b, frame);
    }
    case Op::function:
      switch (node.children.size()) {
        case 0: return call<0>(node, frame, out);
        case 1: return call<1>(node, frame, out);
        case 2: return call<2>(node, frame, out);
        case 3: return call<3>(node, frame, out);
        default: return call<4>(node, frame, out);
      }
    case Op::all: return quantifier(node, frame, false);
    case Op::exists: return quantifier(node, frame, true);
    case Op::exists_one: return exists_one(node, frame);
    case Op::filter:
    case Op::transform: return filter_or_transform(node, frame, out);
    case Op::identifier:
    case Op::call:
    case Op::error: break;
  }
  return frame.fail(node.text);
}

namespace {

/// Elements in all levels, stopping past the bound: a short expression can describe a huge tree of shared lists.
void count_elements(const Value& value, std::size_t& count) {
  if (++count > max_elements) return;
  if (const List* list = value.as_list()) {
    for (const Value& item : *list) {
      if (count > max_elements) return;
      count_elements(item, count);
    }
  } else if (const Map* map = value.as_map()) {
    for (const auto& [key, item] : *map) {
      if (count > max_elements) return;
      count_elements(item, count);
    }
  }
}

}  // namespace

Evaluation evaluate_tree(const Node& root, const Activation& activation) {
  Frame frame(activation);
  Value scratch;
  const Value* value = evaluate(root, frame, scratch);
  Evaluation result;
  if (value && (value->as_list() || value->as_map())) {
    std::size_t count = 0;
    count_elements(*value, count);
    if (count > max_elements) value = frame.fail("the result has too many elements");
  }
  if (!value) {
    result.outcome = frame.outcome;
    if (frame.outcome == Outcome::error) result.message = std::move(frame.message);
  } else if (value == &scratch) {
    result.value = std::move(scratch);
  } else {
    result.value = *value;
  }
  return result;
}

}  // namespace caravan::expr

#include "model/handbook_rules.h"

#include <algorithm>

#include "base/decimal.h"
#include "base/time_zone.h"
#include "expr/ast.h"
#include "model/process.h"

namespace caravan::model {
namespace {

using expr::Node;
using expr::Op;

/// The entity whose records the node yields; null for others.
const Entity* entity_of(const Node& node) { return dynamic_cast<const Entity*>(node.type.record); }

/// The field that a node reads, with its entity.
struct Read {
  const Entity* entity = nullptr;
  const Field* field = nullptr;
};
Read field_of(const Node& node) {
  if ((node.op != Op::member && node.op != Op::follow && node.op != Op::has_member) || node.children.empty()) return {};
  const Entity* entity = entity_of(*node.children[0]);
  if (entity == nullptr || node.slot >= entity->fields.size()) return {};
  return {entity, entity->fields[node.slot].get()};
}

bool is_null(const Node& node) { return node.op == Op::literal && node.value.is_null(); }

bool is_user(const Node& node) { return node.op == Op::variable && node.type.record == &user_type(); }
bool is_user_member(const Node& node, std::uint32_t slot) {
  return node.op == Op::member && node.slot == slot && !node.children.empty() && is_user(*node.children[0]);
}

bool is_moment(const Node& node) { return node.type.kind == expr::TypeKind::date || node.type.kind == expr::TypeKind::timestamp; }

/// What `decimal(x)` is about, which the checker puts around whole numbers.
const Node& bare(const Node& node) {
  return node.op == Op::function && node.text == "decimal" && node.children.size() == 1 ? *node.children[0] : node;
}

}  // namespace

std::string entity_section(const Entity& entity) { return "record-" + entity.full_name; }
std::string role_section(const Role& role) { return "post-" + role.name; }

bool HandbookSight::shows(const expr::Program& program) const {
  if (!scope_.entity && !scope_.right) return true;
  for (const expr::ReadField& read : expr::read_fields(program)) {
    const auto* entity = dynamic_cast<const Entity*>(read.type);
    if (entity == nullptr) continue;  // the user himself
    if (!shows(*entity) || read.slot >= entity->fields.size() || right(*entity, *entity->fields[read.slot]) < FieldRight::read) return false;
  }
  return true;
}

HandbookLine HandbookRules::field(const Entity& entity, const Field& field) const {
  if (!sight_.shows(entity, field)) return plain(std::string(words_.text(Phrase::hidden)));
  return words_.label(field.label, field.name);
}

HandbookLine HandbookRules::fields(const Entity& entity, const std::vector<const Field*>& fields) const {
  std::vector<HandbookLine> lines;
  for (const Field* one : fields) lines.push_back(field(entity, *one));
  return words_.joined(lines);
}

HandbookLine HandbookRules::role(std::string_view name) const {
  const Role* found = catalog_.role(name);
  if (found == nullptr) return code(std::string(name));
  HandbookSpan span = words_.span(found->label, found->name);
  if (linked_role && linked_role(*found)) {
    span.kind = HandbookSpan::Kind::link;
    span.to = role_section(*found);
  }
  return {span};
}

HandbookLine HandbookRules::roles(const std::vector<std::string>& names) const {
  std::vector<HandbookLine> lines;
  for (const std::string& name : names) lines.push_back(role(name));
  return words_.joined(lines);
}

HandbookLine HandbookRules::state(const State& state) const { return {words_.span(state.label, state.name, HandbookSpan::Kind::strong)}; }

HandbookLine HandbookRules::entity(const Entity& entity) const {
  HandbookSpan span = words_.span(entity.label, entity.full_name);
  if (linked_entity && linked_entity(entity)) {
    span.kind = HandbookSpan::Kind::link;
    span.to = entity_section(entity);
  }
  return {span};
}

HandbookLine HandbookRules::literal(const expr::Value& value, const Field* field, const Entity* entity) const {
  if (value.is_null()) return plain(std::string(words_.text(Phrase::nothing)));
  if (const auto* yes = value.as<bool>()) return plain(std::string(words_.text(*yes ? Phrase::yes : Phrase::no)));
  if (const auto* text = value.as<std::string>()) {
    if (field != nullptr && field->choices != nullptr) {
      if (const ChoiceOption* option = field->choices->option(*text)) return words_.label(option->label, option->name);
    }
    if (field != nullptr && field->slot == slot_state && entity != nullptr && entity->workflow) {
      if (const State* found = entity->workflow->state(*text)) return state(*found);
    }
    return words_.line(Phrase::quoted, {plain(*text)});
  }
  if (const auto* whole = value.as<std::int64_t>()) return plain(std::to_string(*whole));
  if (const auto* whole = value.as<std::uint64_t>()) return plain(std::to_string(*whole));
  if (const auto* decimal = value.as<Decimal>()) return plain(format_decimal(*decimal));
  if (const auto* date = value.as<Date>()) return plain(format_date(*date));
  if (const auto* at = value.as<Timestamp>()) return plain(format_timestamp(*at));
  if (const auto* duration = value.as<expr::Duration>()) return plain(words_.duration(duration->seconds));
  if (const expr::List* list = value.as_list()) {
    std::vector<HandbookLine> lines;
    for (const expr::Value& one : *list) lines.push_back(literal(one, field, entity));
    return words_.joined(lines);
  }
  return {};
}

HandbookLine HandbookRules::condition(const expr::Program& program) const {
  if (!sight_.shows(program)) return plain(std::string(words_.text(Phrase::hidden)));
  if (auto words = clause(program.root())) return *words;
  return code(program.source());
}

HandbookLine HandbookRules::value(const expr::Program& program, const Field* field, const Entity* entity) const {
  if (!sight_.shows(program)) return plain(std::string(words_.text(Phrase::hidden)));
  const Node& root = bare(program.root());
  if (root.op == Op::literal) {
    if (HandbookLine line = literal(root.value, field, entity); !line.empty()) return line;
  } else if (auto words = say(root)) {
    return *words;
  }
  return code(program.source());
}

HandbookRules::Words HandbookRules::member(const Node& node) const {
  const Node& target = *node.children[0];
  if (is_user(target)) {
    constexpr Phrase names[] = {Phrase::the_user,         Phrase::user_username,        Phrase::user_name_word,          Phrase::user_roles_word,
                                Phrase::user_locale_word, Phrase::user_department_word, Phrase::user_departments_word};
    if (node.slot >= std::size(names)) return std::nullopt;
    if (node.slot == user_id) return plain(std::string(words_.text(Phrase::the_user)));
    return words_.line(Phrase::of_user, {plain(std::string(words_.text(names[node.slot])))});
  }
  const Read read = field_of(node);
  if (read.field == nullptr) return std::nullopt;
  const HandbookLine name = words_.label(read.field->label, read.field->name);
  if (target.op == Op::variable) {
    if (target.text == "before") return words_.line(Phrase::before_change, {name});
    if (target.text == "candidate") return words_.line(Phrase::of_candidate, {name});
    if (read.field->slot == slot_id) return plain(std::string(words_.text(Phrase::this_record)));
    return name;
  }
  if (target.op != Op::follow) return std::nullopt;
  const auto owner = member(target);
  return owner ? Words(words_.line(Phrase::of_reference, {*owner, name})) : std::nullopt;
}

HandbookRules::Words HandbookRules::operand(const Node& given, const Node& given_other) const {
  const Node &node = bare(given), &other = bare(given_other);
  if (node.op == Op::literal) {
    const Read read = field_of(other);
    HandbookLine line = literal(node.value, read.field, read.entity);
    return line.empty() ? std::nullopt : Words(line);
  }
  return say(node);
}

HandbookRules::Words HandbookRules::comparison(const Node& node) const {
  const Node *left = &bare(*node.children[0]), *right = &bare(*node.children[1]);
  Op op = node.op;
  if (left->op == Op::literal && right->op != Op::literal) {
    std::swap(left, right);
    op = expr::mirrored(op);
  }
  const bool equal = op == Op::equal;
  if (equal || op == Op::not_equal) {
    if (is_null(*right)) {
      if (is_user_member(*left, user_id)) return equal ? Words(plain(std::string(words_.text(Phrase::nobody_acts)))) : std::nullopt;
      const auto subject = say(*left);
      return subject ? Words(words_.line(equal ? Phrase::is_empty : Phrase::is_filled, {*subject})) : std::nullopt;
    }
    if (const auto* flag = right->op == Op::literal ? right->value.as<bool>() : nullptr) {
      const auto subject = say(*left);
      const Read read = field_of(*left);
      if (!subject || read.field == nullptr) return std::nullopt;
      return words_.line(equal == *flag ? Phrase::is_true : Phrase::is_false, {*subject});
    }
    if (equal && (is_user_member(*right, user_id) || is_user_member(*left, user_id))) {
      const auto subject = say(is_user_member(*right, user_id) ? *left : *right);
      return subject ? Words(words_.line(Phrase::owned, {*subject})) : std::nullopt;
    }
  }
  const auto subject = operand(*left, *right), object = operand(*right, *left);
  if (!subject || !object) return std::nullopt;
  const bool moment = is_moment(*left) || is_moment(*right);
  switch (op) {
    case Op::equal: return words_.line(Phrase::is, {*subject, *object});
    case Op::not_equal: return words_.line(Phrase::is_not, {*subject, *object});
    case Op::less: return words_.line(moment ? Phrase::before : Phrase::less, {*subject, *object});
    case Op::less_equal: return words_.line(moment ? Phrase::not_after : Phrase::less_equal, {*subject, *object});
    case Op::greater: return words_.line(moment ? Phrase::after : Phrase::greater, {*subject, *object});
    case Op::greater_equal: return words_.line(moment ? Phrase::not_before : Phrase::greater_equal, {*subject, *object});
    default: return std::nullopt;
  }
}

HandbookRules::Words HandbookRules::membership(const Node& node, bool not_in) const {
  const Node &one = *node.children[0], &many = *node.children[1];
  if (is_user_member(many, user_roles)) {
    const auto* name = one.op == Op::literal ? one.value.as<std::string>() : nullptr;
    if (name == nullptr || not_in) return std::nullopt;
    return words_.line(Phrase::holds_role, {role(*name)});
  }
  if (is_user_member(many, user_departments)) {
    const auto subject = say(one);
    return subject && !not_in ? Words(words_.line(Phrase::in_departments, {*subject})) : std::nullopt;
  }
  const Read read = field_of(one);
  if (many.op == Op::literal || many.op == Op::list) {
    std::vector<HandbookLine> options;
    if (const expr::List* list = many.op == Op::literal ? many.value.as_list() : nullptr) {
      for (const expr::Value& value : *list) options.push_back(literal(value, read.field, read.entity));
    } else {
      for (const auto& child : many.children) {
        const auto words = operand(*child, one);
        if (!words) return std::nullopt;
        options.push_back(*words);
      }
    }
    const auto subject = say(one);
    if (!subject || options.empty()) return std::nullopt;
    return words_.line(not_in ? Phrase::none_of : Phrase::one_of, {*subject, words_.joined(options)});
  }
  const auto subject = operand(one, many), object = say(many);
  return subject && object && !not_in ? Words(words_.line(Phrase::among, {*subject, *object})) : std::nullopt;
}

HandbookRules::Words HandbookRules::clause(const Node& node) const {
  auto words = say(node);
  // A flag alone is a sentence only with its answer.
  if (words && node.op == Op::member && field_of(node).field != nullptr) return words_.line(Phrase::is_true, {*words});
  return words;
}

HandbookRules::Words HandbookRules::joined(const Node& node, Phrase phrase) const {
  Words all;
  for (const auto& child : node.children) {
    auto one = clause(*child);
    if (!one) return std::nullopt;
    if (child->op == Op::logical_or || child->op == Op::logical_and) {
      if (child->op != node.op) one = words_.line(Phrase::parenthesis, {*one});
    }
    all = all ? words_.line(phrase, {*all, *one}) : *one;
  }
  return all;
}

HandbookRules::Words HandbookRules::say(const Node& given) const {
  const Node& node = bare(given);
  switch (node.op) {
    case Op::literal: {
      HandbookLine line = literal(node.value, nullptr, nullptr);
      return line.empty() ? std::nullopt : Words(line);
    }
    case Op::member: return member(node);
    case Op::has_member: {
      const Read read = field_of(node);
      if (read.field == nullptr || node.children[0]->op != Op::variable) return std::nullopt;
      return words_.line(Phrase::is_filled, {words_.label(read.field->label, read.field->name)});
    }
    case Op::logical_and: return joined(node, Phrase::conjunction);
    case Op::logical_or: return joined(node, Phrase::disjunction);
    case Op::logical_not: {
      const Node& inner = *node.children[0];
      if (inner.op == Op::in) return membership(inner, true);
      auto words = say(inner);
      if (!words) return std::nullopt;
      if (field_of(inner).field != nullptr && inner.op == Op::member) return words_.line(Phrase::is_false, {*words});
      return words_.line(Phrase::negation, {words_.line(Phrase::parenthesis, {*words})});
    }
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal: return comparison(node);
    case Op::in: return membership(node, false);
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide: {
      HandbookLine out;
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        const Node& child = bare(*node.children[i]);
        auto words = say(child);
        if (!words) return std::nullopt;
        const bool sum = child.op == Op::add || child.op == Op::subtract;
        const bool apart = (sum && (node.op == Op::multiply || node.op == Op::divide || (node.op == Op::subtract && i == 1))) ||
                           ((child.op == Op::multiply || child.op == Op::divide) && node.op == Op::divide && i == 1);
        if (apart) words = words_.line(Phrase::parenthesis, {*words});
        if (i > 0) append(out, plain(node.op == Op::add ? " + " : node.op == Op::subtract ? " − " : node.op == Op::multiply ? " × " : " ÷ "));
        append(out, *words);
      }
      return out;
    }
    case Op::function:
      if (node.children.empty() && node.text == "now") return plain(std::string(words_.text(Phrase::now)));
      if (node.children.empty() && node.text == "today") return plain(std::string(words_.text(Phrase::today)));
      return std::nullopt;
    default: return std::nullopt;
  }
}

HandbookLine HandbookRules::text(const TextTemplate& text, const Entity* entity) const {
  const HandbookSpan whole = words_.span(text.text, "");
  HandbookLine out;
  std::string_view rest = whole.text;
  while (!rest.empty()) {
    const auto open = rest.find("{{");
    const auto close = open == std::string_view::npos ? open : rest.find("}}", open);
    if (close == std::string_view::npos) {
      append(out, {{HandbookSpan::Kind::text, std::string(rest), {}, whole.language}});
      break;
    }
    append(out, {{HandbookSpan::Kind::text, std::string(rest.substr(0, open)), {}, whole.language}});
    std::string_view name = rest.substr(open + 2, close - open - 2);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    const auto place = text.places.find(name);
    std::string shown(name);
    if (place != text.places.end() && place->second.program) {
      const TextTemplate::Place& found = place->second;
      shown = found.field != nullptr && entity != nullptr && sight_.shows(*found.program) ? text_of(words_.label(found.field->label, found.field->name))
                                                                                          : text_of(value(*found.program, nullptr, nullptr));
    }
    out.push_back({HandbookSpan::Kind::place, shown, {}, {}});
    rest = rest.substr(close + 2);
  }
  return out;
}

HandbookLine HandbookRules::effect(const Effect& effect, const Entity* record) const {
  const HandbookLine hidden = plain(std::string(words_.text(Phrase::hidden)));
  const auto values = [&](const Entity& entity, Phrase phrase) {
    std::vector<HandbookLine> lines;
    for (const auto& [name, program] : effect.with) {
      lines.push_back(sight_.shows(entity, *name) ? words_.line(phrase, {words_.label(name->label, name->name), value(*program, name, &entity)}) : hidden);
    }
    return words_.joined(lines);
  };
  const auto target = [&] { return record != nullptr ? field(*record, *effect.target) : hidden; };
  const auto each_of = [&](const Effect& one, const HandbookLine& what) {
    HandbookLine which = field(*one.entity, *one.each);
    if (one.each_where) which = words_.line(Phrase::does_when, {which, condition(*one.each_where)});
    return words_.line(Phrase::do_each, {entity(*one.entity), which, what});
  };
  const auto told = [&] {
    std::vector<HandbookLine> lines;
    if (!effect.to_roles.empty()) lines.push_back(roles(effect.to_roles));
    if (effect.to) lines.push_back(value(*effect.to, nullptr, nullptr));
    if (effect.addresses) lines.push_back(value(*effect.addresses, nullptr, nullptr));
    return lines.empty() ? plain(std::string(words_.text(Phrase::somebody))) : words_.joined(lines);
  };
  HandbookLine out;
  switch (effect.kind) {
    case Effect::Kind::set:
      if (effect.entity == nullptr || !sight_.shows(*effect.entity)) {
        out = hidden;
      } else {
        out = values(*effect.entity, Phrase::do_set);
        if (effect.each != nullptr) out = each_of(effect, out);
        if (effect.target != nullptr) out = words_.line(Phrase::do_set_of, {target(), out});
      }
      break;
    case Effect::Kind::create:
      if (effect.entity == nullptr || !sight_.shows(*effect.entity)) {
        out = hidden;
      } else {
        out = words_.line(Phrase::do_create, {entity(*effect.entity)});
        if (!effect.with.empty()) out = words_.line(Phrase::aside, {out, values(*effect.entity, Phrase::with_value)});
      }
      break;
    case Effect::Kind::transition: {
      const Entity* entity = effect.entity != nullptr ? effect.entity : record;
      const Transition* step = entity != nullptr && entity->workflow ? entity->workflow->transition(effect.transition) : nullptr;
      if (entity == nullptr || !sight_.shows(*entity)) {
        out = hidden;
        break;
      }
      const HandbookLine name = words_.line(Phrase::quoted, {step != nullptr ? words_.label(step->label, step->name) : code(effect.transition)});
      if (effect.each != nullptr) {
        out = each_of(effect, words_.line(Phrase::do_step, {name}));
        if (effect.target != nullptr) out = words_.line(Phrase::do_set_of, {target(), out});
      } else {
        out = effect.target != nullptr ? words_.line(Phrase::do_step_of, {name, target()}) : words_.line(Phrase::do_step, {name});
      }
      break;
    }
    case Effect::Kind::notify:
      out = words_.line(effect.urgent ? Phrase::do_notify_urgent : Phrase::do_notify, {told(), words_.line(Phrase::quoted, {text(effect.text, record)})});
      break;
    case Effect::Kind::send: {
      const MessageTemplate* message = effect.message;
      out = words_.line(Phrase::do_send, {message != nullptr ? words_.line(Phrase::quoted, {words_.label(message->label, message->name)}) : hidden, told()});
      break;
    }
    case Effect::Kind::call: out = words_.line(Phrase::do_call, {code(effect.action)}); break;
    case Effect::Kind::webhook:
      // The address may hold a secret.
      out = sight_.everything() ? words_.line(Phrase::do_webhook, {code(effect.url)}) : plain(std::string(words_.text(Phrase::do_webhook_somewhere)));
      break;
  }
  if (effect.when) out = words_.line(Phrase::does_when, {out, condition(*effect.when)});
  return out;
}

HandbookCell HandbookRules::effects(const std::vector<Effect>& effects, const Entity* record) const {
  HandbookCell out;
  for (const Effect& one : effects) out.push_back(effect(one, record));
  return out;
}

}  // namespace caravan::model

#include <algorithm>

#include "model/builder_state.h"

// Expressions, and the rules of an entity made of them.

namespace caravan::model {
namespace {

constexpr std::size_t widest_key_bytes = 3072;  // InnoDB

/// A user that stands for any, to try whether a rule can become SQL.
class SampleUser final : public expr::RecordView {
 public:
  expr::Value get(std::uint32_t slot) const override {
    switch (slot) {
      case user_id:
        return expr::Value(std::int64_t{1});
      case user_roles:
      case user_departments:
        return expr::Value(expr::List{expr::Value("sample")});
      case user_locale:
        return expr::Value("en");
      default:
        return expr::Value("sample");
    }
  }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t) const override { return nullptr; }
};

}  // namespace

std::shared_ptr<const expr::Program> Builder::compile(const Node& node, const expr::Environment& environment, const Entity* entity) {
  if (node.bad || !node.is_scalar()) return nullptr;
  // Settings that could not be read are no mistake of whoever reads them.
  if (node.text.find("settings.") != std::string::npos &&
      std::any_of(lost_.begin(), lost_.end(), [](const auto& one) { return one.first == "settings"; }))
    return nullptr;
  expr::Compiled compiled = expr::compile(node.text, environment);
  for (const expr::Issue& issue : compiled.issues) {
    diagnostics_.error(place_inside(node, issue.line, issue.column), "expression", issue.message,
                       issue.hint);
  }
  if (!compiled.issues.empty()) return nullptr;
  if (entity && compiled.program) check_literals(node, *entity);
  return compiled.program;
}

bool Builder::uses_vague_field(std::string_view source) {
  if (vague_names_.empty()) return false;
  const std::vector<Token> tokens = scan(source);
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& t) {
    return t.kind == Token::Kind::word && vague_names_.contains(t.text);
  });
}

std::shared_ptr<const expr::Program> Builder::compile_condition(const Node& node, const Entity& entity, expr::Environment environment, bool sql) {
  environment.result = expr::TypeKind::boolean;
  std::shared_ptr<const expr::Program> program = compile(node, environment, &entity);
  if (!program || !sql || uses_vague_field(node.text)) return program;
  const expr::Value variables[] = {
      expr::Value(), expr::Value(std::shared_ptr<const expr::RecordView>(std::make_shared<SampleUser>()))};
  /// The check does without keys.
  struct AnyHash final : expr::ConstantHash {
    std::string hash(std::string_view, std::string_view, std::string_view) const override { return {}; }
  };
  const AnyHash any_hash;
  expr::Activation activation;
  activation.variables = variables;
  activation.count = environment.variables.size();
  activation.hash = &any_hash;
  for (const expr::Dialect dialect : {expr::Dialect::sqlite, expr::Dialect::mysql}) {
    const expr::SqlCondition condition = expr::to_sql(*program, dialect, "t", activation);
    if (!condition.refused) continue;
    diagnostics_.error(place_inside(node, condition.refused->line, condition.refused->column), "not-in-sql",
                       "the database cannot test this: " + condition.refused->message,
                       condition.refused->hint);
    break;
  }
  return program;
}

void Builder::check_literals(const Node& node, const Entity& entity) {
  const std::vector<Token> tokens = scan(node.text);
  const auto check = [&](std::string_view member, const Token& literal) {
    const Field* field = entity.field(member);
    if (!field) return;
    std::vector<std::string_view> known;
    if (field->slot == slot_state) {
      if (!states_known(entity, known)) return;
    } else if (field->choices && !vague_choices_.contains(field->choices->name)) {
      for (const ChoiceOption& option : field->choices->options) known.push_back(option.name);
    } else {
      return;
    }
    if (std::find(known.begin(), known.end(), literal.text) != known.end()) return;
    diagnostics_.warning(place_inside(node, literal.line, literal.column), "never-equal",
                         "`record." + std::string(member) + "` is never " + quoted(literal.text),
                         suggest(literal.text, known));
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string_view member = member_at(tokens, i, true);
    if (member.empty()) continue;
    const auto equality = [&](std::size_t at) {
      return is(tokens, at, Token::Kind::sign, "==") || is(tokens, at, Token::Kind::sign, "!=");
    };
    if (equality(i + 3) && i + 4 < tokens.size() && tokens[i + 4].kind == Token::Kind::text)
      check(member, tokens[i + 4]);
    if (i >= 2 && equality(i - 1) && tokens[i - 2].kind == Token::Kind::text) check(member, tokens[i - 2]);
    if (i >= 2 && is(tokens, i - 1, Token::Kind::word, "in") && tokens[i - 2].kind == Token::Kind::text) check(member, tokens[i - 2]);
    if (is(tokens, i + 3, Token::Kind::word, "in") && is(tokens, i + 4, Token::Kind::sign, "[")) {
      for (std::size_t j = i + 5; j < tokens.size() && tokens[j].kind == Token::Kind::text; j += 2) {
        check(member, tokens[j]);
        if (!is(tokens, j + 1, Token::Kind::sign, ",")) break;
      }
    }
  }
}

bool Builder::states_known(const Entity& entity, std::vector<std::string_view>& out) {
  Draft* draft = draft_of(&entity);
  const Node* workflow = draft ? draft->document->root.get("workflow") : nullptr;
  const Node* states = workflow ? workflow->get("states") : nullptr;
  if (!states || !states->is_map()) return false;
  for (const Entry& entry : states->entries) {
    if (entry.bad) return false;
    out.push_back(entry.key);
  }
  return true;
}

std::shared_ptr<const expr::Program> Builder::compile_value(const Node& node, const Field& field, bool vague, const expr::Environment& environment, const Entity& record_entity) {
  std::shared_ptr<const expr::Program> program = compile(node, environment, &record_entity);
  if (!program || vague) return program;
  if (!fits(field, program->type())) {
    std::string hint = "make it ";
    hint += expected_type(field).empty() ? "a map or a list" : expected_type(field);
    diagnostics_.error(node.at, "expression-type",
                       "field " + quoted(field.name) + " is of type " + to_string(field.type) +
                           ", the expression gives " + expr::to_string(program->type()),
                       std::move(hint));
    return program;
  }
  const std::vector<Token> tokens = scan(node.text);
  if (field.choices && !vague_choices_.contains(field.choices->name) && tokens.size() == 1 &&
      tokens[0].kind == Token::Kind::text && !field.choices->option(tokens[0].text)) {
    unknown_option(place_inside(node, 1, tokens[0].column), *field.choices, tokens[0].text);
  }
  if (field.type == FieldType::ref && field.target && tokens.size() == 3) {
    const std::string_view member = member_at(tokens, 0, true);
    const Field* source = member.empty() ? nullptr : record_entity.field(member);
    const Entity* pointed = !source ? nullptr : source->slot == slot_id ? &record_entity : source->target;
    if (source && (source->slot == slot_id || (source->type == FieldType::ref && pointed)) &&
        pointed != field.target) {
      diagnostics_.error(node.at, "wrong-reference",
                         "field " + quoted(field.name) + " points at " + field.target->full_name +
                             ", the expression at " + pointed->full_name,
                         "use a reference to " + field.target->full_name);
    } else if (source && source->type == FieldType::integer) {
      diagnostics_.error(node.at, "wrong-reference",
                         "field " + quoted(field.name) + " points at " + field.target->full_name +
                             ", `record." + std::string(member) + "` is a number",
                         "use a reference to " + field.target->full_name);
    }
  }
  return program;
}

void Builder::unknown_option(const Place& at, const Choices& choices, std::string_view name) {
  std::vector<std::string_view> known;
  for (const ChoiceOption& option : choices.options) known.push_back(option.name);
  const auto removed = removed_options_.find(&choices);
  unknown(at, "option", name, known, removed == removed_options_.end() ? nullptr : removed->second, name);
}

void Builder::build_rules(Draft& draft) {
  Entity& entity = *draft.entity;
  const expr::Environment both = catalog_->record_environment(entity);
  expr::Environment record_only = both;
  record_only.variables.resize(1);
  for (const auto& owned : entity.fields) {
    Field& field = *owned;
    const auto found = draft.nodes.find(&field);
    if (found == draft.nodes.end() || found->second->bad) continue;
    const Node& node = *found->second;
    const bool vague = draft.vague.contains(&field);
    if (const Node* compute = node.get("compute"))
      field.compute = compile_value(*compute, field, vague, record_only, entity);
    for (const expr::ReadField& read :
         field.compute && field.right >= FieldRight::read ? expr::read_fields(*field.compute) : std::vector<expr::ReadField>()) {
      if (read.type != &entity || read.slot >= entity.fields.size() || entity.fields[read.slot]->right >= FieldRight::read) continue;
      diagnostics_.warning(node.entry("compute")->at, "tells-hidden",
                           "field " + quoted(field.name) + " may be read by all, but is computed from " +
                               quoted(entity.fields[read.slot]->name) + ", which is " + to_string(entity.fields[read.slot]->right),
                           "give it a `right` of its own");
    }
    if (const Node* expression = node.get("default_expr"))
      field.default_value = compile_value(*expression, field, vague, both, entity);
    if (const Node* value = node.get("default"); value && !vague)
      field.default_value = compile_default(*value, field);
  }
  order_computed(draft);
  build_conditions(draft);
  build_duplicates(draft);
  build_invariants(draft, record_only);
  build_happenings(draft);
  build_keys(draft, "indexes", false);
  build_keys(draft, "unique", true);
}

std::shared_ptr<const expr::Program> Builder::compile_default(const Node& node, const Field& field) {
  const std::string& text = node.text;
  std::string source, needs;
  if (node.is_list() && field.type != FieldType::multi) {
    diagnostics_.error(node.at, "bad-default",
                       "the default of field " + quoted(field.name) + " of type " + to_string(field.type) + " is a list", "write one value");
    return nullptr;
  }
  switch (field.type) {
    case FieldType::multi: {
      // In the order of the list, as values are kept.
      std::vector<std::string_view> given;
      for (const Mention& option : mentions(&node)) {
        if (!field.choices->option(option.text)) {
          if (!vague_choices_.contains(field.choices->name)) unknown_option(option.at, *field.choices, option.text);
          return nullptr;
        }
        given.push_back(option.text);
      }
      for (const ChoiceOption& option : field.choices->options) {
        if (std::find(given.begin(), given.end(), option.name) != given.end())
          source += (source.empty() ? "" : ", ") + cel_string(option.name);
      }
      source = "[" + source + "]";
      break;
    }
    case FieldType::text:
      if (field.max_length > 0 &&
          static_cast<std::size_t>(std::count_if(
              text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; })) > field.max_length) {
        needs = "at most " + std::to_string(field.max_length) + " characters";
      }
      source = cel_string(text);
      break;
    case FieldType::choice:
      if (!field.choices->option(text)) {
        if (!vague_choices_.contains(field.choices->name)) unknown_option(node.at, *field.choices, text);
        return nullptr;
      }
      source = cel_string(text);
      break;
    case FieldType::integer: {
      const auto number = integer_of(text);
      if (!number || node.quoted) {
        needs = "a whole number";
      } else if ((field.min && *number < *field.min) || (field.max && *number > *field.max)) {
        needs = "a number between `min` and `max`";
      } else {
        source = text;
      }
      break;
    }
    case FieldType::boolean:
      if (node.quoted || (text != "true" && text != "false")) needs = "true or false";
      source = text;
      break;
    case FieldType::decimal:
    case FieldType::money: {
      const auto number = parse_decimal(text);
      const auto scaled = number ? rescale(*number, field.scale) : std::nullopt;
      if (!scaled || compare(*scaled, *number) != 0) {
        needs = "a number with at most " + std::to_string(field.scale) + " digits after the point";
      } else if ((field.decimal_min && compare(*scaled, *field.decimal_min) < 0) ||
                 (field.decimal_max && compare(*scaled, *field.decimal_max) > 0)) {
        needs = "a number between `min` and `max`";
      } else {
        source = "decimal(\"" + format_decimal(*scaled) + "\")";
      }
      break;
    }
    case FieldType::date:
      if (!parse_date(text)) needs = "a day such as 2026-12-20";
      source = "date(\"" + text + "\")";
      break;
    case FieldType::instant:
      if (!parse_timestamp(text)) needs = "a moment such as 2026-12-20T08:30:00Z";
      source = "timestamp(\"" + text + "\")";
      break;
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
    case FieldType::refs:
    case FieldType::localized:
    case FieldType::json:
      needs = "`default_expr` instead";
      break;
  }
  if (!needs.empty()) {
    diagnostics_.error(node.at, "bad-default",
                       "the default " + quoted(text) + " does not fit field " + quoted(field.name) +
                           " of type " + to_string(field.type),
                       "it needs " + needs);
    return nullptr;
  }
  expr::Compiled compiled = expr::compile(source, {});
  for (const expr::Issue& issue : compiled.issues)
    diagnostics_.error(node.at, "bad-default", issue.message, issue.hint);
  return compiled.program;
}

void Builder::order_computed(Draft& draft) {
  Entity& entity = *draft.entity;
  std::unordered_map<const Field*, std::vector<const Field*>> reads;
  std::vector<const Field*> computed;
  for (const auto& field : entity.fields) {
    if (!field->compute) continue;
    computed.push_back(field.get());
    const std::vector<Token> tokens = scan(field->compute->source());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view member = member_at(tokens, i, false);
      const Field* read = member.empty() ? nullptr : entity.field(member);
      if (read && read->compute) reads[field.get()].push_back(read);
    }
  }
  enum class Mark : std::uint8_t { fresh, open, done };
  std::unordered_map<const Field*, Mark> marks;
  // An explicit stack: a chain may be as long as the entity has fields.
  struct Visit {
    const Field* field;
    std::size_t next;
  };
  for (const Field* start : computed) {
    if (marks[start] != Mark::fresh) continue;
    std::vector<Visit> way{{start, 0}};
    marks[start] = Mark::open;
    while (!way.empty()) {
      const Field* field = way.back().field;
      const std::vector<const Field*>& wanted = reads[field];
      if (way.back().next == wanted.size()) {
        marks[field] = Mark::done;
        entity.computed.push_back(field);
        way.pop_back();
        continue;
      }
      const Field* read = wanted[way.back().next++];
      if (marks[read] == Mark::fresh) {
        marks[read] = Mark::open;
        way.push_back({read, 0});
      } else if (marks[read] == Mark::open) {
        std::string circle;
        bool inside = false;
        for (const Visit& visit : way) {
          inside = inside || visit.field == read;
          if (inside) circle += visit.field->name + " → ";
        }
        const Node* node = draft.nodes.at(field)->get("compute");
        diagnostics_.error(
            node->at, "compute-cycle",
            "field " + quoted(read->name) + " is computed from itself: " + circle + read->name,
            "compute one of them from stored fields only");
      }
    }
  }
}

void Builder::build_happenings(Draft& draft) {
  const Node* events = draft.document->root.get("events");
  if (!events) return;
  if (flag_of(draft.document->root.get("ledger"), false)) {
    diagnostics_.error(draft.document->root.entry("events")->at, "contradiction", "records of a ledger are only added, so nothing is told of them later", "remove `events`");
    return;
  }
  for (const Entry* entry : placed(events))
    draft.entity->events.push_back({entry->key, label_of(entry->value, entry->at, "event " + quoted(entry->key), plain(humanised(entry->key))), to_origin(entry->at)});
}

void Builder::build_invariants(Draft& draft, const expr::Environment& environment) {
  for (const Entry* entry : placed(draft.document->root.get("invariants"))) {
    if (entry->bad || entry->value.bad) continue;
    Invariant invariant;
    invariant.name = entry->key;
    invariant.origin = to_origin(entry->at);
    invariant.message =
        text_of(entry->value.get("message"), "the message of invariant " + quoted(entry->key));
    if (const Node* check = entry->value.get("check"))
      invariant.check = compile_condition(*check, *draft.entity, environment, true);
    invariant.in_database = invariant.check && database_keeps(*invariant.check, *draft.entity);
    draft.entity->invariants.push_back(std::move(invariant));
  }
}

void Builder::build_keys(Draft& draft, std::string_view word, bool unique) {
  const Node* map = draft.document->root.get(word);
  if (!map) return;
  for (const Entry& entry : map->entries) {
    if (entry.bad || entry.value.bad) continue;
    Index index;
    index.name = entry.key;
    index.unique = unique;
    index.origin = to_origin(entry.at);
    const std::string subject = std::string(unique ? "unique key " : "index ") + quoted(entry.key);
    const Node* list = &entry.value;
    if (entry.value.is_map()) {
      list = entry.value.get("fields");
      index.message = text_of(entry.value.get("message"), "the message of " + subject);
    }
    if (!list) continue;
    for (const Index& other : draft.entity->indexes) {
      if (other.name == index.name) {
        diagnostics_.error(entry.at, "named-twice",
                           "an index and a unique key are both called " + quoted(index.name), "rename one");
      }
    }
    const std::vector<Mention> named = mentions(list);
    check_twice(named, "field");
    std::size_t bytes = 0;
    for (const Mention& mention : named) {
      const Field* field = find_field(draft, mention);
      if (!field) continue;
      index.fields.push_back(field);
      if (draft.vague.contains(field)) continue;
      if (field->type == FieldType::multi || field->type == FieldType::refs || field->type == FieldType::localized) {
        diagnostics_.error(mention.at, "not-indexable",
                           "field " + quoted(field->name) + " of type " + to_string(field->type) + " holds several values, so it is no key",
                           field->type == FieldType::refs ? "each of its references is indexed already" : "use other fields");
      } else if (field->type == FieldType::json || (field->type == FieldType::text && field->max_length == 0)) {
        diagnostics_.error(
            mention.at, "not-indexable",
            "field " + quoted(field->name) + " has no bounded length, so the database cannot index it",
            field->type == FieldType::text ? "give it `max`" : "use other fields");
      }
      bytes += field->type == FieldType::text     ? field->max_length * std::size_t{4}
               : field->type == FieldType::choice ? 256
                                                  : 16;
    }
    if (bytes > widest_key_bytes) {
      diagnostics_.error(entry.at, "index-too-wide",
                         subject + " is " + std::to_string(bytes) + " bytes wide",
                         "at most 3072 (4 a character): use shorter fields");
    }
    if (named.size() > 16)
      diagnostics_.error(entry.at, "index-too-wide", subject + " has more than 16 fields", "use fewer");
    if (named.empty() && !doubtful(list))
      diagnostics_.error(entry.at, "no-fields", subject + " has no fields", "name at least one");
    draft.entity->indexes.push_back(std::move(index));
  }
}

}  // namespace caravan::model

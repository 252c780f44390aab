#include <algorithm>

#include "model/builder_state.h"
#include "model/match_reader.h"

// What forms obey: conditions on fields, choices that depend on others, rules for duplicates.

namespace caravan::model {

void Builder::build_conditions(Draft& draft) {
  Entity& entity = *draft.entity;
  const expr::Environment environment = catalog_->record_environment(entity);
  for (const auto& owned : entity.fields) {
    Field& field = *owned;
    const auto found = draft.nodes.find(&field);
    if (found == draft.nodes.end() || found->second->bad) continue;
    const Node& node = *found->second;
    const auto condition = [&](const char* word, std::shared_ptr<const expr::Program>& program) {
      const Node* said = node.get(word);
      if (!said || said->text == "true" || said->text == "false") {
        // `visible` knows no flags: a field that nobody sees has a `right`.
        if (said && std::string_view(word) == "visible") {
          diagnostics_.error(said->at, "expression-type", "`visible` of field " + quoted(field.name) + " is " + said->text,
                             "write a condition, e.g. \"record.number != null\", or `right: hidden`");
        }
        return;
      }
      program = compile_condition(*said, entity, environment, false);
      for (const expr::ReadField& read : program && field.right >= FieldRight::read ? expr::read_fields(*program) : std::vector<expr::ReadField>()) {
        if (read.type != &entity || read.slot >= entity.fields.size() || entity.fields[read.slot]->right >= FieldRight::read) continue;
        diagnostics_.warning(node.entry(word)->at, "tells-hidden",
                             "field " + quoted(field.name) + " may be read by all, but its `" + word + "` asks for " +
                                 quoted(entity.fields[read.slot]->name) + ", which is " + to_string(entity.fields[read.slot]->right),
                             "give it a `right` of its own, or ask for something else");
      }
    };
    condition("visible", field.visible);
    condition("required", field.required_when);
    condition("read_only", field.read_only_when);
    if (const Node* control = node.get("depends_on")) build_depends_on(draft, *control, field);
    if (field.visible || field.required_when || field.read_only_when || field.depends_on) entity.conditional.push_back(&field);
  }
  check_depends_cycles(draft);
}

void Builder::build_depends_on(Draft& draft, const Node& node, Field& field) {
  only_for(*draft.nodes.at(&field), "depends_on", field.type == FieldType::choice, field, "choice");
  if (field.type != FieldType::choice || draft.vague.contains(&field)) return;
  if (field.compute) {
    diagnostics_.error(node.at, "contradiction", "field " + quoted(field.name) + " is computed, so `depends_on` means nothing", "remove one of the two");
    return;
  }
  const Field* control = find_field(draft, {node.text, node.at});
  if (!control || draft.vague.contains(control)) return;
  if (control->type != FieldType::choice || !control->choices) {
    diagnostics_.error(node.at, "not-a-choice",
                       "field " + quoted(field.name) + " depends on " + quoted(control->name) + ", which is no choice but " + to_string(control->type),
                       "name a field of type choice");
    return;
  }
  field.depends_on = control;
  // The options' `of` are names of the other list.
  const auto document = std::find_if(documents_.begin(), documents_.end(), [&](const Document& d) {
    return d.kind->name == "choices" && d.name == field.choices->name;
  });
  if (document == documents_.end() || vague_choices_.contains(control->choices->name)) return;
  const Node* options = document->root.get("options");
  if (!options || !checked_of_.insert({field.choices, control->choices}).second) return;
  for (const Entry& option : options->entries) {
    if (option.bad || option.value.bad || !option.value.is_map()) continue;
    const std::vector<Mention> of = mentions(option.value.get("of"));
    for (const Mention& mention : of) {
      if (!control->choices->option(mention.text)) unknown_option(mention.at, *control->choices, mention.text);
    }
    check_twice(of, "option");
  }
}

void Builder::check_depends_cycles(Draft& draft) {
  Entity& entity = *draft.entity;
  std::unordered_set<const Field*> done;
  for (const Field* start : entity.conditional) {
    std::vector<const Field*> way;
    const Field* at = start;
    while (at && !done.contains(at) && std::find(way.begin(), way.end(), at) == way.end()) {
      way.push_back(at);
      at = at->depends_on;
    }
    if (at && !done.contains(at)) {
      std::string circle;
      for (auto one = std::find(way.begin(), way.end(), at); one != way.end(); ++one) circle += (*one)->name + " → ";
      diagnostics_.error(draft.nodes.at(at)->get("depends_on")->at, "depends-cycle",
                         "field " + quoted(at->name) + " depends on itself: " + circle + at->name, "let one of them depend on none");
    }
    done.insert(way.begin(), way.end());
  }
}

std::shared_ptr<const MatchRule> Builder::build_match(Draft& draft, const Entry& entry, const std::string& subject) {
  const MatchField find = [&](std::string_view name, Comparator as, const Place& at) -> const Field* {
    const Field* field = find_field(draft, {name, at});
    if (!field || draft.vague.contains(field)) return field;
    const bool whole = as == Comparator::exact || as == Comparator::document;
    const bool fits = field->type == FieldType::text || field->type == FieldType::choice || field->type == FieldType::ref || field->type == FieldType::boolean ? as != Comparator::number && as != Comparator::date
                      : field->type == FieldType::date                                                       ? whole || as == Comparator::date
                      : field->type == FieldType::integer || field->type == FieldType::decimal               ? whole || as == Comparator::number
                                                                                                             : false;
    const bool sealed = field->sensitive && !whole;
    if (!fits || sealed || (field->system && field->slot != slot_owner && field->slot != slot_state)) {
      diagnostics_.error(at, "not-comparable", "field " + quoted(field->name) + (sealed ? " is sensitive" : std::string(" is of type ") + to_string(field->type)) +
                                                    ", so records are not compared by it as " + to_string(as),
                         sealed ? "as: document, or exact: sealed values are equal or not" : "another field, or another comparator");
      return nullptr;
    }
    return field;
  };
  auto rule = std::make_shared<MatchRule>(read_match_rule(entry.value, entry.at, subject, find, diagnostics_));
  rule->name = entry.key;
  return rule;
}

void Builder::build_duplicates(Draft& draft) {
  Entity& entity = *draft.entity;
  expr::Environment environment = catalog_->record_environment(entity);
  environment.variables.resize(1);
  for (const Entry* entry : placed(draft.document->root.get("duplicates"))) {
    if (entry->bad || entry->value.bad) continue;
    DuplicateRule rule;
    rule.name = entry->key;
    rule.origin = to_origin(entry->at);
    const std::string subject = "duplicate rule " + quoted(entry->key);
    rule.message = text_of(entry->value.get("message"), "the message of " + subject);
    const Node* list = entry->value.get("warn");
    const std::vector<Mention> named = mentions(list);
    check_twice(named, "field");
    if (entry->value.entry("compare")) {
      if (list) diagnostics_.error(list->at, "two-ways", subject + " has both `warn` and `compare`", "two rules, or one of the words");
      rule.match = build_match(draft, *entry, subject);
    } else if (!is_bad(entry->value, "warn") && named.empty() && !doubtful(list)) {
      diagnostics_.error(entry->at, "no-fields", subject + " has no fields", "name at least one in `warn`, or comparisons in `compare`");
    } else {
      for (const char* word : {"keys", "threshold", "region"}) {
        if (const Entry* said = entry->value.entry(word)) diagnostics_.error(said->at, "match-without-compare", tick(word) + " of " + subject + " goes with `compare`", "remove it");
      }
    }
    for (const Mention& mention : named) {
      const Field* field = find_field(draft, mention);
      if (!field) continue;
      rule.fields.push_back(field);
      if (draft.vague.contains(field)) continue;
      const bool several = field->type == FieldType::json || field->type == FieldType::multi || field->type == FieldType::refs || field->type == FieldType::localized;
      const bool numbered = field->system && field->slot != slot_owner && field->slot != slot_state;
      if (several || (field->type == FieldType::text && field->max_length == 0)) {
        diagnostics_.error(mention.at, "not-comparable",
                           "field " + quoted(field->name) + (field->type == FieldType::text ? " has no bounded length" : std::string(" is of type ") + to_string(field->type)) +
                               ", so records are not compared by it",
                           "use other fields");
      } else if (numbered) {
        diagnostics_.error(mention.at, "not-comparable", "field " + quoted(field->name) + " is set by the system and the same in no two records", "use other fields");
      }
    }
    if (const Node* where = entry->value.get("where")) rule.where = compile_condition(*where, entity, environment, true);
    entity.duplicates.push_back(std::move(rule));
  }
}

}  // namespace caravan::model

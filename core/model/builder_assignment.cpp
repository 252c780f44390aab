#include <algorithm>

#include "model/builder_state.h"
#include "model/process.h"

// Rules of assignment: who gets a record.

namespace caravan::model {

const char* to_string(Assignment::Strategy strategy) {
  switch (strategy) {
    case Assignment::Strategy::round_robin: return "round_robin";
    case Assignment::Strategy::load: return "load";
    case Assignment::Strategy::queue: return "queue";
  }
  return "";
}

void Builder::build_assignments() {
  std::vector<std::pair<Assignment*, const Document*>> built;
  for (const Document& document : documents_) {
    if (document.kind->name != "assignment") continue;
    auto owned = std::make_unique<Assignment>();
    owned->name = document.name;
    owned->origin = to_origin(document.at);
    if (!build_assignment(*owned, document)) continue;
    built.emplace_back(owned.get(), &document);
    catalog_->assignments.push_back(std::move(owned));
  }
  for (auto& [rule, document] : built) build_assignment_fallback(*rule, *document);
  sort(catalog_->assignments);
}

bool Builder::build_assignment(Assignment& rule, const Document& document) {
  const Node& root = document.root;
  const std::string subject = "assignment " + quoted(document.name), module = module_of(document.name);
  rule.label = label_of(root, document.at, subject, plain(humanised(document.name)));
  const Node* entity_node = root.get("entity");
  rule.entity = entity_node ? find_entity({entity_node->text, entity_node->at}, module) : nullptr;
  if (!rule.entity) return false;
  const Entity& entity = *rule.entity;
  Draft& draft = *draft_of(rule.entity);

  rule.field = entity.fields[slot_owner].get();
  if (const Node* field = root.get("field"); field && !field->bad) {
    rule.field = find_field(draft, {field->text, field->at});
    if (!rule.field) return false;
    const std::string name = "field " + quoted(field->text) + " of " + entity.full_name;
    if (rule.field->type != FieldType::ref || rule.field->target != users_) {
      diagnostics_.error(field->at, "assignment-field", name + " is no reference to a user, so nobody can be assigned to it",
                         "name a field `{type: ref, to: core.user}`, or leave `field` out for the owner");
      return false;
    }
    if (is_computed(draft, *rule.field)) {
      diagnostics_.error(field->at, "assignment-field", name + " is computed, so nothing can set it", "name a field that is stored");
    } else if (rule.field->required) {
      diagnostics_.error(field->at, "assignment-field", name + " is required, so it is never empty and the rule never asked",
                         "remove `required: true` of the field, and ask for it with the step that needs it");
    }
  }
  if (entity.ledger) {
    diagnostics_.error(root.entry("entity")->at, "assignment-field", entity.full_name + " is a ledger: its records are never changed, so nobody is assigned later",
                       "name another entity");
  }
  if (const Node* order = root.get("order"); order && !order->bad) rule.order = integer_of(order->text).value_or(100);
  if (const Node* strategy = root.get("strategy"); strategy && !strategy->bad) {
    rule.strategy = strategy->text == "load"    ? Assignment::Strategy::load
                    : strategy->text == "queue" ? Assignment::Strategy::queue
                                                : Assignment::Strategy::round_robin;
  }
  if (const Node* capacity = root.get("capacity"); capacity && !capacity->bad) {
    rule.capacity = integer_of(capacity->text).value_or(0);
    if (rule.capacity <= 0) {
      diagnostics_.error(capacity->at, "assignment-nobody", "with a capacity of " + capacity->text + " nobody gets anything by " + subject,
                         "write at least 1, or leave `capacity` out");
    }
  }
  if (const Node* calendar = root.get("calendar")) rule.calendar = find_calendar({calendar->text, calendar->at}, module);
  rule.reassign = flag_of(root.get("reassign"), false);
  const std::vector<Mention> roles = mentions(root.get("roles"));
  check_twice(roles, "role");
  for (const Mention& mention : roles) {
    const std::string name = resolve(mention.text, module);
    if (const Role* role = catalog_->role(name)) rule.roles.push_back(role->name);
    else if (!is_lost("role", name)) unknown(mention.at, "role", mention.text, names(catalog_->roles));
  }
  if (const Entry* entry = root.entry("roles"); entry && roles.empty() && !doubtful(&entry->value) && !entry->value.bad) {
    diagnostics_.error(entry->at, "assignment-nobody", subject + " has no candidates: `roles` is empty", "name roles, or leave `roles` out for every user");
  }

  expr::Environment environment = catalog_->record_environment(entity);
  environment.variables.resize(1);
  if (const Node* when = root.get("when")) rule.when = compile_condition(*when, entity, environment, false);
  if (const Node* open = root.get("open")) {
    rule.open = compile_condition(*open, entity, environment, true);
  } else if (entity.workflow) {
    Node source;
    source.kind = Node::Kind::scalar;
    source.at = document.at;
    for (const auto& state : entity.workflow->states) {
      if (state->category != StateCategory::open && state->category != StateCategory::waiting) continue;
      source.text += (source.text.empty() ? "record.state in [" : ", ") + cel_string(state->name);
    }
    source.text = source.text.empty() ? "false" : source.text + "]";
    source.quoted = true;
    environment.result = expr::TypeKind::boolean;
    rule.open = compile(source, environment, &entity);
    environment.result = expr::TypeKind::any;
  }
  const auto number = [&](std::string_view word, const expr::Environment& over) -> std::shared_ptr<const expr::Program> {
    const Node* node = root.get(word);
    if (!node) return nullptr;
    auto program = compile(*node, over, &entity);
    if (!program) return nullptr;
    switch (program->type().kind) {
      case expr::TypeKind::any:
      case expr::TypeKind::int64:
      case expr::TypeKind::uint64:
      case expr::TypeKind::float64:
      case expr::TypeKind::decimal: return program;
      default: break;
    }
    diagnostics_.error(node->at, "expression-type", tick(word) + " of " + subject + " gives " + expr::to_string(program->type()) + ", not a number",
                       "give a number, e.g. `record.urgent ? 10 : 0`");
    return nullptr;
  };
  rule.priority = number("priority", environment);
  environment.variables.push_back({"candidate", {expr::TypeKind::record, nullptr, nullptr, users_}});
  rule.score = number("score", environment);
  environment.result = expr::TypeKind::boolean;
  if (const Node* candidate = root.get("candidate")) rule.candidate = compile(*candidate, environment, &entity);

  if (rule.strategy == Assignment::Strategy::queue) {
    for (const char* word : {"score", "notify"}) {
      if (const Entry* entry = root.entry(word)) {
        diagnostics_.error(entry->at, "contradiction", "a queue assigns nobody by itself: who wants the next record takes it", "remove " + tick(word) + ", or choose another strategy");
      }
    }
  }
  if (flag_of(root.get("notify"), false)) build_assignment_notice(rule, document);
  return true;
}

void Builder::build_assignment_fallback(Assignment& rule, const Document& document) {
  const Node* node = document.root.get("fallback");
  if (!node || node->bad) return;
  const std::string name = resolve(node->text, module_of(document.name));
  const auto queue = std::find_if(catalog_->assignments.begin(), catalog_->assignments.end(), [&](const auto& one) { return one->name == name; });
  if (queue != catalog_->assignments.end()) {
    if (queue->get() == &rule || (*queue)->strategy != Assignment::Strategy::queue) {
      diagnostics_.error(node->at, "assignment-fallback", "assignment " + quoted(name) + " is no queue in which a record could wait",
                         "name a role, or a rule with `strategy: queue`");
    } else if ((*queue)->entity != rule.entity || (*queue)->field != rule.field) {
      diagnostics_.error(node->at, "assignment-fallback", "assignment " + quoted(name) + " is of other records or of another field",
                         "name a queue of " + rule.entity->full_name + " for field " + rule.field->name);
    } else {
      rule.fallback_queue = queue->get();
    }
  } else if (const Role* role = catalog_->role(name)) {
    rule.fallback_roles.push_back(role->name);
  } else if (!is_lost("role", name) && !is_lost("assignment", name)) {
    unknown(node->at, "role or queue", node->text, names(catalog_->roles));
  }
  if (rule.strategy == Assignment::Strategy::queue) {
    diagnostics_.error(document.root.entry("fallback")->at, "contradiction", "a queue waits for its candidates, so there is nothing to fall back to", "remove `fallback`");
  }
}

void Builder::build_assignment_notice(Assignment& rule, const Document& document) {
  Draft& draft = *draft_of(rule.entity);
  const bool numbered = !rule.entity->number_format.empty();
  const std::string place = numbered                                                                     ? " {{record.number}}"
                            : rule.entity->title && rule.entity->title->type == FieldType::text && !rule.entity->title->sensitive ? " {{record." + rule.entity->title->name + "}}"
                                                                                                         : "";
  Effect effect;
  effect.name = "notify";
  effect.kind = Effect::Kind::notify;
  effect.origin = rule.origin;
  const expr::Environment environment = catalog_->record_environment(*rule.entity);
  Node to;
  to.kind = Node::Kind::scalar;
  to.at = document.at;
  to.quoted = true;
  to.text = "record." + rule.field->name;
  effect.to = compile(to, environment, rule.entity);
  // Places are read from one text; the other languages have the same.
  Node text = to;
  text.text = place;
  if (!place.empty()) effect.text = template_of(&text, "the notice of assignment " + quoted(rule.name), environment, &draft);
  effect.text.text = {};
  const auto say = [&](const char* locale, const char* before, const char* after) {
    effect.text.text.set(locale, before + rule.entity->label.in(locale) + place + after);
  };
  say("en", "Assigned to you: ", "");
  say("zh-CN", "已分派给您：", "");
  say("zh-TW", "已分派給您：", "");
  rule.notice.push_back(std::move(effect));
}

}  // namespace caravan::model

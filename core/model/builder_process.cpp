#include <algorithm>
#include <tuple>

#include "base/cron.h"
#include "model/builder_state.h"
#include "model/process.h"
#include "model/public_page.h"

// Effects, and what happens by itself: automatic and timed steps, automations, schedules.

namespace caravan::model {
namespace {

constexpr std::int64_t longest_undo_seconds = 7 * 24 * 3600;

/// The parts between the dots.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto dot = text.find('.');
    parts.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

/// What makes an approval of the step void when it changes: the record's own fields that its guard and its approval read, and the
/// states that it leaves.
void collect_basis(const Transition& transition, const Entity& entity, EntityRules& rules) {
  const auto add = [](auto& all, const auto* one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  for (const State* state : transition.from) add(rules.approval_states, state);
  each_approval_field(transition, entity, [&](const Field& field) { add(rules.approval_basis, &field); });
  if (const auto named = rules.void_on.find(&transition); named != rules.void_on.end()) {
    for (const Field* field : named->second) add(rules.approval_basis, field);
  }
}

}  // namespace

std::vector<Effect> Builder::build_effects(Draft* draft, const std::string& module, const Node* node, const expr::Environment& environment) {
  std::vector<Effect> effects;
  for (const Entry* entry : placed(node)) {
    if (entry->bad || entry->value.bad) continue;
    if (auto effect = effect_of(draft, module, *entry, environment)) effects.push_back(std::move(*effect));
  }
  return effects;
}

void Builder::build_effect(Draft& draft, const Entry& entry, Transition& transition, const expr::Environment& environment) {
  if (auto effect = effect_of(&draft, draft.entity->module, entry, environment)) transition.effects.push_back(std::move(*effect));
}

bool Builder::build_effect_target(Draft& draft, const Entry& entry, Effect& effect, Draft*& meant) {
  meant = &draft;
  const Entry* of = entry.value.entry("of");
  if (!of) return true;
  if (of->value.bad) return false;
  const Field* field = find_field(draft, {of->value.text, of->value.at});
  if (!field || draft.vague.contains(field)) return false;
  if (field->type != FieldType::ref || !field->target) {
    diagnostics_.error(of->value.at, "bad-effect", "field " + quoted(field->name) + " refers to no record", "name a field of type ref");
    return false;
  }
  effect.target = field;
  meant = draft_of(field->target);
  return meant != nullptr;
}

bool Builder::build_effect_each(const std::string& module, const Entry& entry, Effect& effect, Draft*& meant) {
  const Entry *each = entry.value.entry("each"), *by = entry.value.entry("by"), *where = entry.value.entry("where");
  if (!each) {
    for (const Entry* other : {by, where}) {
      if (other) diagnostics_.error(other->at, "bad-effect", tick(other->key) + " belongs to `each`", "name the entity whose records are meant, or remove it");
    }
    return !by && !where;
  }
  if (each->value.bad || (by && by->value.bad)) return false;
  if (!by) {
    diagnostics_.error(each->at, "bad-effect", "`each` does not say by which reference the records belong to this one", "add `by: FIELD`");
    return false;
  }
  const Entity* entity = find_entity({each->value.text, each->value.at}, module);
  Draft* children = entity ? draft_of(entity) : nullptr;
  if (!children) return false;
  const Field* field = find_field(*children, {by->value.text, by->value.at});
  if (!field || children->vague.contains(field)) return false;
  if (field->type != FieldType::ref || field->target != meant->entity) {
    diagnostics_.error(by->value.at, "wrong-reference",
                       quoted(field->name) + " of " + entity->full_name + " is no reference to " + meant->entity->full_name,
                       "name a field of type ref with `to: " + meant->entity->full_name + "`");
    return false;
  }
  if (where && !where->value.bad) {
    expr::Environment environment = catalog_->record_environment(*entity);
    environment.variables.resize(1);
    effect.each_where = compile_condition(where->value, *entity, environment, false);
  }
  effect.each = field;
  meant = children;
  return true;
}

void Builder::build_effect_values(Draft* draft, Draft& target, const Node* values, const expr::Environment& environment, Effect& effect) {
  for (std::size_t i = 0; values && i < values->entries.size(); ++i) {
    const Entry& one = values->entries[i];
    if (one.bad || one.value.bad) continue;
    const Field* field = find_field(target, {one.key, one.at});
    if (!field) continue;
    if (target.vague.contains(field)) {
      compile(one.value, environment, draft ? draft->entity : nullptr);
      continue;
    }
    const bool computed = field->compute || is_computed(target, *field);
    if ((field->system && field->slot != slot_owner) || computed || field->rollup) {
      diagnostics_.error(one.at, "system-field",
                         "field " + quoted(field->name) + (field->system ? " is set by the system" : computed ? " is computed" : " is kept up by the gate"),
                         "an effect cannot set it");
      continue;
    }
    // Without a record, nothing is to be known of it.
    effect.with.emplace_back(field, compile_value(one.value, *field, false, environment, draft ? *draft->entity : *target.entity));
  }
}

void Builder::check_created(Draft& target, const Entry& entry, const Node* values, const std::string& subject) {
  for (const auto& field : target.entity->fields) {
    if (!field->required || field->visible || target.vague.contains(field.get())) continue;
    const auto found = target.nodes.find(field.get());
    const bool defaulted = found != target.nodes.end() && (found->second->entry("default") || found->second->entry("default_expr"));
    if (defaulted || (values && values->entry(field->name))) continue;
    diagnostics_.error(entry.at, "missing-required",
                       subject + " makes a " + target.entity->full_name + " without its required field " + quoted(field->name),
                       "add `" + field->name + ": EXPRESSION` to `with`");
  }
}

std::optional<Effect> Builder::effect_of(Draft* draft, const std::string& module, const Entry& entry, const expr::Environment& environment) {
  const Node& node = entry.value;
  const std::string subject = "effect " + quoted(entry.key);
  Effect effect;
  effect.name = entry.key;
  effect.origin = to_origin(entry.at);
  const Entry *set = node.entry("set"), *create = node.entry("create"), *step = node.entry("transition"), *with = node.entry("with"),
              *of = node.entry("of");
  const Entry *notify = node.entry("notify"), *send = node.entry("send"), *webhook = node.entry("webhook"), *call = node.entry("call");
  const int kinds = (set ? 1 : 0) + (create ? 1 : 0) + (step ? 1 : 0) + (notify ? 1 : 0) + (send ? 1 : 0) + (webhook ? 1 : 0) + (call ? 1 : 0);
  if (kinds != 1) {
    std::string has;
    for (const auto& [word, there] : {std::pair{"`set`", set}, {"`create`", create}, {"`transition`", step}, {"`notify`", notify},
                                      {"`send`", send}, {"`webhook`", webhook}, {"`call`", call}}) {
      if (there) has += (has.empty() ? "" : " and ") + std::string(word);
    }
    diagnostics_.error(entry.at, "bad-effect", subject + (kinds == 0 ? " does nothing" : " has " + has),
                       "write `{set: {FIELD: EXPRESSION}}`, `{create: ENTITY, with: {FIELD: EXPRESSION}}`, `{transition: NAME}`, "
                       "`{notify: TEXT, roles: […]}`, `{send: MESSAGE}` or `{webhook: ADDRESS}`");
    return std::nullopt;
  }
  if (with && !create) diagnostics_.error(with->at, "bad-effect", "`with` belongs to `create`", "remove it");
  if (of && create) diagnostics_.error(of->at, "bad-effect", "`of` belongs to `set` and `transition`", "remove it");
  if (of && (notify || send || webhook || call)) diagnostics_.error(of->at, "bad-effect", "`of` belongs to `set` and `transition`", "remove it");
  if (!set && !step) {
    for (const char* word : {"each", "by", "where"}) {
      if (const Entry* other = node.entry(word)) diagnostics_.error(other->at, "bad-effect", tick(word) + " belongs to `set` and `transition`", "remove it");
    }
  }
  for (const auto& [word, fits] : {std::pair{"roles", notify || send}, {"users", notify || send}, {"urgent", notify != nullptr},
                                   {"to", send != nullptr}, {"language", send != nullptr}, {"payload", webhook || call}, {"into", call != nullptr}}) {
    if (const Entry* other = node.entry(word); other && !fits)
      diagnostics_.error(other->at, "bad-effect", tick(word) + " means nothing for " + subject, "remove it");
  }
  if (!draft && (set || step)) {
    diagnostics_.error(entry.at, "bad-effect", subject + " changes a record, but there is none", "name an `entity`, or create one");
    return std::nullopt;
  }
  if (const Node* when = node.get("when")) {
    expr::Environment condition = environment;
    condition.result = expr::TypeKind::boolean;
    effect.when = compile(*when, condition, draft ? draft->entity : nullptr);
  }
  if (notify || send || webhook || call) return telling_effect(draft, module, entry, environment, std::move(effect));
  if (create) {
    effect.kind = Effect::Kind::create;
    if (create->value.bad) return std::nullopt;
    const Entity* entity = find_entity({create->value.text, create->value.at}, module);
    if (!entity) return std::nullopt;
    Draft& target = *draft_of(entity);
    effect.entity = target.entity;
    if (with && with->value.bad) return std::nullopt;
    const Node* values = with ? &with->value : nullptr;
    build_effect_values(draft, target, values, environment, effect);
    check_created(target, entry, values, subject);
    return effect;
  }
  Draft* meant = nullptr;
  if (!build_effect_target(*draft, entry, effect, meant) || !build_effect_each(module, entry, effect, meant)) return std::nullopt;
  effect.entity = meant->entity;
  // A ledger with a workflow of its own is told elsewhere.
  if (flag_of(meant->document->root.get("ledger"), false) && (!effect.own() || !meant->document->root.get("workflow"))) {
    diagnostics_.error(entry.at, "ledger-effect", subject + " changes a " + meant->entity->full_name + ", whose records are only added",
                       "create another one instead");
    return std::nullopt;
  }
  if (set) {
    effect.kind = Effect::Kind::set;
    if (set->value.bad) return std::nullopt;
    build_effect_values(draft, *meant, &set->value, environment, effect);
    if (set->value.entries.empty()) diagnostics_.error(set->at, "bad-effect", subject + " sets nothing", "name a field");
    return effect;
  }
  effect.kind = Effect::Kind::transition;
  if (step->value.bad) return std::nullopt;
  effect.transition = step->value.text;
  // Workflows of other entities may not be built yet: their documents say what steps there are.
  const Node* workflow = meant->document->root.get("workflow");
  const Node* steps = workflow ? workflow->get("transitions") : nullptr;
  if (!steps || !steps->entry(effect.transition)) {
    std::vector<std::string_view> known;
    for (std::size_t i = 0; steps && i < steps->entries.size(); ++i) known.push_back(steps->entries[i].key);
    unknown(step->value.at, "transition", effect.transition, known, steps, effect.transition);
    return std::nullopt;
  }
  return effect;
}

std::shared_ptr<const expr::Program> Builder::compile_moment(const Node& node, const Entity& entity) {
  expr::Environment environment = catalog_->record_environment(entity);
  environment.variables.resize(1);
  const auto program = compile(node, environment, &entity);
  if (!program) return nullptr;
  const auto kind = program->type().kind;
  if (kind != expr::TypeKind::date && kind != expr::TypeKind::timestamp && kind != expr::TypeKind::any && kind != expr::TypeKind::null) {
    diagnostics_.error(node.at, "bad-moment", "a moment is a date or a timestamp, not " + expr::to_string(program->type()),
                       "e.g. \"workdays(record.FIELD, 3)\"");
  } else if (!expr::followed_types(*program).empty()) {
    diagnostics_.error(node.at, "bad-moment", "a moment is not kept up when another record changes", "read the record's own fields only");
  } else if (expr::read_fields(*program).empty()) {
    diagnostics_.error(node.at, "bad-moment", "the moment does not depend on the record", "read a field of it");
  }
  return program;
}

void Builder::build_by_itself(const Entry& entry, Transition& transition, const Entity& entity) {
  const Node& node = entry.value;
  const std::string subject = "transition " + quoted(entry.key);
  transition.automatic = flag_of(node.get("automatic"), false);
  if (const Node* at = node.get("at")) transition.at = compile_moment(*at, entity);
  const Entry* by_itself = node.entry("at") ? node.entry("at") : transition.automatic ? node.entry("automatic") : nullptr;
  if (transition.automatic && node.entry("at")) {
    diagnostics_.error(node.entry("automatic")->at, "contradiction", subject + " has `automatic` and `at`", "keep `at`: it is taken by itself then");
  }
  if (by_itself) {
    if (transition.comment_required) {
      diagnostics_.error(by_itself->at, "automatic-form", subject + " is taken by itself, but needs a comment", "remove `comment: required`");
    }
    for (const Field* field : transition.require) {
      if (!transition.asks_for(*field)) continue;
      diagnostics_.error(by_itself->at, "automatic-form",
                         subject + " is taken by itself, but its form asks for field " + quoted(field->name) + ", which it requires",
                         "let people take another step with the form");
      break;
    }
    if (std::find(transition.from.begin(), transition.from.end(), transition.to) != transition.from.end()) {
      diagnostics_.error(by_itself->at, "automatic-circle", subject + " is taken by itself and leads to the state that it leaves",
                         "let it lead elsewhere, or use an automation");
    }
  }
  if (const Node* undo = node.get("undo")) {
    const auto seconds = duration_seconds(undo->text);
    if (!seconds || *seconds <= 0 || *seconds > longest_undo_seconds) {
      diagnostics_.error(undo->at, "bad-duration", quoted(undo->text) + " is no time to take a step back in", "write e.g. 15m or 2h, at most 168h");
    } else {
      transition.undo_seconds = *seconds;
    }
  }
}

bool Builder::build_event(const Node& node, Automation& automation, bool at) {
  const auto wrong = [&](const std::string& message) {
    diagnostics_.error(node.at, "bad-event", message,
                       "write e.g. `sales.order.created`, `.updated`, `.deleted`, `sales.order.STATE`, `sales.order.transition.NAME` or `sales.order.event.NAME`");
    return false;
  };
  const auto parts = parts_of(node.text);
  if (parts.size() < 2 || parts.size() > 4) return wrong(quoted(node.text) + " is no event");
  const std::string name = std::string(parts[0]) + "." + std::string(parts[1]);
  automation.entity = find_entity({name, node.at}, {});
  if (!automation.entity) return false;
  if (at) {
    automation.on = Automation::On::time;
    if (parts.size() == 2) return true;
    diagnostics_.error(node.at, "bad-event", "with `at`, no event sets it off", "write `on: " + name + "`");
    return false;
  }
  if (parts.size() == 2) return wrong(quoted(node.text) + " does not say what happens to the record");
  if (parts.size() == 3) {
    if (parts[2] == "created" || parts[2] == "updated" || parts[2] == "deleted") {
      automation.on = parts[2] == "created" ? Automation::On::created : parts[2] == "updated" ? Automation::On::updated : Automation::On::deleted;
      return true;
    }
  } else if (parts[2] == "event") {
    automation.on = Automation::On::event;
    automation.event = std::string(parts[3]);
    const Draft* draft = draft_of(automation.entity);
    const Node* events = draft ? draft->document->root.get("events") : nullptr;
    if (events && events->entry(automation.event)) return true;
    std::vector<std::string_view> known;
    for (std::size_t i = 0; events && i < events->entries.size(); ++i) known.push_back(events->entries[i].key);
    unknown(node.at, "event", automation.event, known, events, automation.event);
    return false;
  } else if (parts[2] != "state" && parts[2] != "transition") {
    return wrong(quoted(node.text) + " is no event");
  }
  const bool step = parts.size() == 4 && parts[2] == "transition";
  automation.on = step ? Automation::On::transition : Automation::On::state;
  automation.event = std::string(parts.back());
  const Draft* draft = draft_of(automation.entity);
  const Node* workflow = draft ? draft->document->root.get("workflow") : nullptr;
  const Node* named = workflow ? workflow->get(step ? "transitions" : "states") : nullptr;
  if (named && named->entry(automation.event)) return true;
  std::vector<std::string_view> known;
  for (std::size_t i = 0; named && i < named->entries.size(); ++i) known.push_back(named->entries[i].key);
  if (!step && parts.size() == 3) known.insert(known.end(), {"created", "updated", "deleted"});
  unknown(node.at, step ? "transition" : "state", automation.event, known, named, automation.event);
  return false;
}

void Builder::build_automation(const Document& document) {
  const Node& root = document.root;
  auto owned = std::make_unique<Automation>();
  Automation& automation = *owned;
  automation.name = document.name;
  automation.origin = to_origin(document.at);
  automation.label = label_of(root, document.at, "automation " + quoted(document.name), plain(humanised(document.name)));
  automation.active = flag_of(root.get("active"), true);
  if (const Node* in = root.get("in")) automation.in_transaction = in->text == "transaction";
  const Node* on = root.get("on");
  const Node* at = root.get("at");
  if (!on || !build_event(*on, automation, root.entry("at") != nullptr)) return;
  Draft* draft = draft_of(automation.entity);
  const Entity& entity = *draft->entity;
  if (at) {
    automation.at = compile_moment(*at, entity);
    if (const Entry* in = root.entry("in"); in && automation.in_transaction) {
      diagnostics_.error(in->at, "contradiction", "with `at` there is no transaction to be in", "remove `in`");
    }
    if (const Entry* becomes = root.entry("becomes")) {
      diagnostics_.error(becomes->at, "contradiction", "with `at` there is no change to look at", "use `when`");
    }
  }
  expr::Environment environment = catalog_->record_environment(entity);
  expr::Environment condition = environment;
  condition.result = expr::TypeKind::boolean;
  condition.variables.push_back({"before", condition.variables[0].type});
  if (const Node* when = root.get("when")) automation.when = compile(*when, condition, &entity);
  condition.variables.resize(1);
  if (const Node* becomes = root.get("becomes")) automation.becomes = compile(*becomes, condition, &entity);
  const Node* effects = root.get("do");
  automation.effects = build_effects(draft, module_of(document.name), effects, environment);
  if (effects && effects->is_map() && effects->entries.empty()) {
    diagnostics_.error(root.entry("do")->at, "no-effect", "automation " + quoted(document.name) + " does nothing", "add an effect");
  }
  if (automation.on == Automation::On::deleted) {
    for (const Effect& effect : automation.effects) {
      if (effect.kind == Effect::Kind::create || !effect.own()) continue;
      if (effect.kind != Effect::Kind::set && effect.kind != Effect::Kind::transition) continue;
      const Entry* entry = effects->entry(effect.name);
      diagnostics_.error(entry ? entry->at : document.at, "bad-effect",
                         "effect " + quoted(effect.name) + " changes the record that was deleted", "create a record, or change another one with `of`");
    }
  }
  catalog_->automations.push_back(std::move(owned));
}

void Builder::build_schedule(const Document& document) {
  const Node& root = document.root;
  auto owned = std::make_unique<ScheduleRule>();
  ScheduleRule& schedule = *owned;
  schedule.name = document.name;
  schedule.origin = to_origin(document.at);
  schedule.label = label_of(root, document.at, "schedule " + quoted(document.name), plain(humanised(document.name)));
  schedule.active = flag_of(root.get("active"), true);
  const std::string module = module_of(document.name);
  if (const Node* calendar = root.get("calendar")) schedule.calendar = find_calendar({calendar->text, calendar->at}, module);
  if (const Node* cron = root.get("cron"); cron && !cron->bad) {
    schedule.cron = cron->text;
    std::string mistake;
    const auto times = Cron::parse(cron->text, &mistake);
    if (!times) {
      diagnostics_.error(cron->at, "bad-cron", quoted(cron->text) + " is no time of a schedule: " + mistake, "e.g. \"0 8 * * mon-fri\"");
    } else if (!times->next({}, "UTC")) {
      diagnostics_.error(cron->at, "cron-never", quoted(cron->text) + " never comes", "there is no such day");
    }
  }
  Draft* draft = nullptr;
  if (const Node* entity = root.get("entity")) {
    schedule.entity = find_entity({entity->text, entity->at}, module);
    if (!schedule.entity) return;
    draft = draft_of(schedule.entity);
  }
  if (const Entry* where = root.entry("where")) {
    if (!draft) {
      diagnostics_.error(where->at, "contradiction", "`where` chooses among records, but no `entity` is named", "name one, or remove it");
    } else {
      expr::Environment environment = catalog_->record_environment(*draft->entity);
      environment.variables.resize(1);
      if (!where->value.bad) schedule.where = compile_condition(where->value, *draft->entity, environment, true);
    }
  }
  expr::Environment environment;
  if (draft) {
    environment = catalog_->record_environment(*draft->entity);
  } else {
    environment.variables.push_back({"record", {expr::TypeKind::null, nullptr, nullptr, nullptr}});
    environment.constants = catalog_->constants;
  }
  const Node* effects = root.get("do");
  schedule.effects = build_effects(draft, module, effects, environment);
  if (effects && effects->is_map() && effects->entries.empty()) {
    diagnostics_.error(root.entry("do")->at, "no-effect", "schedule " + quoted(document.name) + " does nothing", "add an effect");
  }
  catalog_->schedules.push_back(std::move(owned));
}

void Builder::build_entity_rules() {
  const bool any_tasks = std::any_of(drafts_.begin(), drafts_.end(), [](const Draft& draft) {
    const Workflow* workflow = draft.entity->workflow.get();
    return workflow && std::any_of(workflow->states.begin(), workflow->states.end(), [](const auto& state) { return !state->tasks.empty(); });
  });
  for (Draft& draft : drafts_) {
    Entity& entity = *draft.entity;
    EntityRules rules;
    for (const auto& automation : catalog_->automations) {
      if (automation->entity != &entity || !automation->active) continue;
      (automation->on == Automation::On::time ? rules.timed : rules.automations).push_back(automation.get());
    }
    for (const auto& clock : catalog_->clocks) {
      if (clock->entity == &entity) rules.clocks.push_back(clock.get());
    }
    for (const auto& assignment : catalog_->assignments) {
      if (assignment->entity == &entity) rules.assignments.push_back(assignment.get());
    }
    rules.presence = !catalog_->assignments.empty() && (entity.full_name == "core.user" || entity.full_name == "core.absence");
    std::stable_sort(rules.assignments.begin(), rules.assignments.end(), [](const Assignment* a, const Assignment* b) {
      return std::tie(a->field->slot, a->order) < std::tie(b->field->slot, b->order);
    });
    if (entity.workflow) {
      const Node* workflow = draft.document->root.get("workflow");
      const Node* described = workflow ? workflow->get("transitions") : nullptr;
      for (const auto& transition : entity.workflow->transitions) {
        const Node* node = described ? described->get(transition->name) : nullptr;
        if (auto named = node ? void_on_of(draft, *node, *transition) : std::vector<const Field*>(); !named.empty()) {
          rules.void_on.emplace(transition.get(), std::move(named));
        }
        if (transition->automatic || transition->at) rules.automatic.push_back(transition.get());
        rules.approvals = rules.approvals || !transition->approval.empty();
        if (!transition->approval.empty()) collect_basis(*transition, entity, rules);
      }
      for (const auto& state : entity.workflow->states) {
        rules.state_effects = rules.state_effects || !state->enter.empty() || !state->exit.empty();
        rules.tasks = rules.tasks || !state->tasks.empty();
      }
    }
    rules.tasks = rules.tasks || (any_tasks && entity.full_name == "core.task");
    for (const auto& page : public_pages_) {
      if (page->entity == &entity) rules.public_pages.push_back(page);
    }
    if (rules.public_pages.empty() && rules.automations.empty() && rules.timed.empty() && rules.automatic.empty() && rules.clocks.empty() && !rules.state_effects && rules.assignments.empty() && !rules.presence && !rules.approvals && !rules.tasks) continue;
    entity.rules = std::make_shared<const EntityRules>(std::move(rules));
  }
}

}  // namespace caravan::model

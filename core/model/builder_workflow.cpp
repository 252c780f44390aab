#include <algorithm>

#include "model/builder_state.h"

// States, transitions and effects.

namespace caravan::model {

void Builder::build_workflow(Draft& draft) {
  const Node* node = draft.document->root.get("workflow");
  if (!node) return;
  Entity& entity = *draft.entity;
  entity.workflow = std::make_unique<Workflow>();
  Workflow& workflow = *entity.workflow;
  const Node* states = node->get("states");
  std::unordered_set<std::string> lost_states;
  const bool states_lost = !states;
  for (const Entry* entry : placed(states)) {
    if (entry->bad) {
      lost_states.insert(entry->key);
      continue;
    }
    auto state = std::make_unique<State>();
    state->name = entry->key;
    state->origin = to_origin(entry->at);
    state->label = label_of(entry->value, entry->at, "state " + quoted(entry->key),
                            plain(humanised(entry->key)), entry->value.bad);
    state->color = color_of(entry->value);
    if (const Node* category = entry->value.get("category")) {
      for (const StateCategory one :
           {StateCategory::open, StateCategory::waiting, StateCategory::done, StateCategory::cancelled}) {
        if (category->text == to_string(one)) state->category = one;
      }
    }
    const expr::Environment environment = catalog_->record_environment(entity);
    state->enter = build_effects(&draft, entity.module, entry->value.get("enter"), environment);
    state->exit = build_effects(&draft, entity.module, entry->value.get("exit"), environment);
    state->tasks = build_tasks(draft, entry->value.get("tasks"), *state);
    workflow.states.push_back(std::move(state));
  }
  if (states && states->entries.empty()) {
    diagnostics_.error(node->entry("states")->at, "no-states",
                       "the workflow of " + entity.full_name + " has no states",
                       "add e.g. `new: {category: open}`");
  }
  build_moved(node->get("moved"), "state", names(workflow.states), states_lost || !lost_states.empty(), workflow.moved);
  const auto find_state = [&](const Mention& mention) -> const State* {
    const State* found = workflow.state(mention.text);
    if (!found && !states_lost && !lost_states.contains(std::string(mention.text)) &&
        !states->entries.empty()) {
      unknown(mention.at, "state", mention.text, names(workflow.states), states, mention.text);
    }
    return found;
  };
  if (const Node* initial = node->get("initial"))
    workflow.initial = find_state({initial->text, initial->at});

  bool doubts = states_lost || !lost_states.empty() || !workflow.initial ||
                doubtful(node->get("transitions")) || is_bad(*node, "transitions");
  for (const Entry* entry : placed(node->get("transitions"))) {
    if (entry->bad || entry->value.bad) continue;
    const std::size_t before = workflow.transitions.size();
    build_transition(draft, *entry, find_state);
    const Transition& made = *workflow.transitions[before];
    doubts = doubts || made.from.empty() || !made.to || doubtful(entry->value.get("from"));
  }
  if (!doubts) warn_unreachable(draft, *states);
}

void Builder::warn_unreachable(Draft& draft, const Node& states) {
  const Workflow& workflow = *draft.entity->workflow;
  std::unordered_set<const State*> reached{workflow.initial};
  std::vector<const State*> open{workflow.initial};
  while (!open.empty()) {
    const State* state = open.back();
    open.pop_back();
    for (const auto& transition : workflow.transitions) {
      if (std::find(transition->from.begin(), transition->from.end(), state) == transition->from.end())
        continue;
      if (reached.insert(transition->to).second) open.push_back(transition->to);
    }
  }
  for (const auto& state : workflow.states) {
    if (reached.contains(state.get())) continue;
    const Entry* entry = states.entry(state->name);
    diagnostics_.warning(entry ? entry->at : draft.document->at, "unreachable-state",
                         "no transition leads to state " + quoted(state->name),
                         "add one, or remove the state");
  }
}

void Builder::build_by(const Entity& entity, const Node* by, Transition& transition) {
  const std::vector<Mention> roles = mentions(by);
  check_twice(roles, "role");
  for (const Mention& mention : roles) {
    const std::string name = resolve(mention.text, entity.module);
    const Role* role = catalog_->role(name);
    if (!role && mention.text.find('.') == std::string_view::npos && mention.at.file &&
        !mention.at.file->module.empty()) {
      role = catalog_->role(resolve(mention.text, mention.at.file->module));
    }
    if (role) {
      transition.by.push_back(role->name);
    } else if (!is_lost("role", name)) {
      std::vector<std::string_view> known = names(catalog_->roles);
      if (mention.text.find('.') == std::string_view::npos) {
        for (const auto& one : catalog_->roles) {
          if (module_of(one->name) == entity.module)
            known.insert(known.begin(), std::string_view(one->name).substr(entity.module.size() + 1));
        }
      }
      unknown(mention.at, "role", mention.text, known);
    }
  }
}

void Builder::build_step_form(Draft& draft, const Node& node, Transition& transition) {
  const std::string name = resolve(node.text, draft.entity->module);
  const auto found = form_by_name_.find(name);
  if (found == form_by_name_.end()) {
    if (!is_lost("form", name)) unknown(node.at, "form", name, names(catalog_->forms));
    return;
  }
  transition.form = found->second;
  if (!transition.form->entity) return;  // reported there
  draft.step_forms.insert(transition.form);
  if (transition.form->entity != draft.entity) {
    diagnostics_.error(node.at, "other-entity",
                       "form " + quoted(name) + " is of entity " + transition.form->entity->full_name,
                       "name a form of " + draft.entity->full_name);
  }
}

void Builder::build_transition(Draft& draft, const Entry& entry, const FindState& find_state) {
  Entity& entity = *draft.entity;
  auto owned = std::make_unique<Transition>();
  Transition& transition = *owned;
  entity.workflow->transitions.push_back(std::move(owned));
  const Node& node = entry.value;
  const std::string subject = "transition " + quoted(entry.key);
  transition.name = entry.key;
  transition.origin = to_origin(entry.at);
  transition.label = label_of(node, entry.at, subject, plain(humanised(entry.key)));
  transition.message = text_of(node.get("message"), "the message of " + subject);
  const std::vector<Mention> from = mentions(node.get("from"));
  check_twice(from, "state");
  for (const Mention& mention : from) {
    if (const State* state = find_state(mention)) transition.from.push_back(state);
  }
  if (node.get("from") && from.empty() && !doubtful(node.get("from"))) {
    diagnostics_.error(node.entry("from")->at, "no-value", subject + " leaves no state",
                       "name at least one in `from`");
  }
  if (const Node* to = node.get("to")) transition.to = find_state({to->text, to->at});
  build_by(entity, node.get("by"), transition);
  const std::vector<Mention> require = mentions(node.get("require"));
  check_twice(require, "field");
  for (const Mention& mention : require) {
    const Field* field = find_field(draft, mention);
    if (field && field->system && field->slot != slot_owner) {
      diagnostics_.error(mention.at, "system-field",
                         "field " + quoted(field->name) + " is set by the system",
                         "require own fields only");
    } else if (field) {
      transition.require.push_back(field);
    }
  }
  const expr::Environment environment = catalog_->record_environment(entity);
  if (const Node* when = node.get("when")) {
    transition.when = compile_condition(*when, entity, environment, false);
  } else if (!transition.message.empty() && !node.entry("when")) {
    diagnostics_.warning(node.entry("message")->at, "useless-message",
                         "the message of " + subject + " is never said, for there is no guard",
                         "add `when`");
  }
  if (const Node* form = node.get("form")) build_step_form(draft, *form, transition);
  if (const Node* comment = node.get("comment")) transition.comment_required = comment->text == "required";
  transition.effects = build_effects(&draft, entity.module, node.get("do"), environment);
  build_by_itself(entry, transition, entity);
  build_approval(draft, entry, transition);
  if (const Entry* wait = node.entry("wait_for"); wait && !wait->value.bad) {
    transition.wait_for_tasks = wait->value.text == "tasks";
    const bool any = std::any_of(transition.from.begin(), transition.from.end(), [](const State* state) {
      return std::any_of(state->tasks.begin(), state->tasks.end(), [](const TaskRule& task) { return task.required; });
    });
    if (!any && !transition.from.empty() && !doubtful(node.get("from"))) {
      diagnostics_.error(wait->at, "no-tasks", subject + " waits for tasks, but no state that it leaves has a required one", "add `tasks` to the state, or remove `wait_for`");
    }
  }
}

}  // namespace caravan::model

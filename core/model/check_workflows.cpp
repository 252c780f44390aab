#include <algorithm>
#include <unordered_set>

#include "model/check.h"
#include "model/process.h"

namespace caravan::model {
namespace {

bool is_end(const State& state) { return state.category == StateCategory::done || state.category == StateCategory::cancelled; }

bool on_form(const Form& form, const Field& field) {
  return std::any_of(form.groups.begin(), form.groups.end(), [&](const FormGroup& group) {
    return std::find(group.fields.begin(), group.fields.end(), &field) != group.fields.end();
  });
}

class WorkflowCheck {
 public:
  WorkflowCheck(const CheckContext& context, const Entity& entity, const Document& document)
      : context_(context), entity_(entity), workflow_(*entity.workflow), document_(document) {}

  void run() {
    ends();
    for (const auto& transition : workflow_.transitions) {
      takers(*transition);
      approvers(*transition);
      required(*transition);
      effects(*transition);
      idle(*transition);
    }
    same_steps();
  }

 private:
  Place state_place(const State& state) const {
    const Entry* entry = CheckContext::entry(&document_, {"workflow", "states", state.name});
    return entry ? entry->at : document_.at;
  }
  Place place(const Transition& transition, std::string_view word = {}) const {
    const Entry* entry = word.empty() ? CheckContext::entry(&document_, {"workflow", "transitions", transition.name})
                                      : CheckContext::entry(&document_, {"workflow", "transitions", transition.name, word});
    if (!entry && !word.empty()) return place(transition);
    return entry ? entry->at : document_.at;
  }
  static std::string subject(const Transition& transition) { return "transition " + quoted(transition.name); }

  /// Where a name stands in a list, a map or alone.
  Place mention(const Transition& transition, std::string_view word, std::string_view name) const {
    const Node* node = CheckContext::find(&document_, {"workflow", "transitions", transition.name, word});
    if (!node) return place(transition);
    if (node->is_scalar()) return node->at;
    for (const Node& item : node->items) {
      if (item.text == name) return item.at;
    }
    const Entry* entry = node->entry(name);
    return entry ? entry->at : place(transition, word);
  }

  /// Open states that nothing leaves, and those from which no end can be reached.
  void ends() {
    std::unordered_set<const State*> ending, left, reached{workflow_.initial};
    for (const auto& state : workflow_.states) {
      if (is_end(*state)) ending.insert(state.get());
    }
    const bool has_end = !ending.empty();
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& transition : workflow_.transitions) {
        if (!ending.contains(transition->to)) continue;
        for (const State* from : transition->from) grown = ending.insert(from).second || grown;
      }
    }
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& transition : workflow_.transitions) {
        const bool leads = std::any_of(transition->from.begin(), transition->from.end(), [&](const State* from) { return reached.contains(from); });
        if (leads) grown = reached.insert(transition->to).second || grown;
      }
    }
    for (const auto& transition : workflow_.transitions) {
      for (const State* from : transition->from) {
        if (from != transition->to) left.insert(from);
      }
    }
    for (const auto& state : workflow_.states) {
      if (is_end(*state) || !reached.contains(state.get())) continue;
      if (!left.contains(state.get())) {
        context_.warn(state_place(*state), "dead-end-state",
                      "no transition leaves state " + quoted(state->name) + ", which is " + to_string(state->category),
                      "add a transition, or give the state the category done or cancelled");
      } else if (has_end && !ending.contains(state.get())) {
        context_.warn(state_place(*state), "no-way-out", "from state " + quoted(state->name) + " no end can be reached",
                      "add a transition that leads out of this circle");
      }
    }
    if (!has_end && !workflow_.states.empty() && workflow_.states.size() > 1) {
      const Entry* states = CheckContext::entry(&document_, {"workflow", "states"});
      context_.warn(states ? states->at : document_.at, "no-end-state", "the workflow of " + entity_.full_name + " has no state that ends it",
                    "give at least one state the category done or cancelled");
    }
  }

  void takers(const Transition& transition) {
    const Catalog& catalog = context_.catalog;
    if (transition.by.empty()) {
      if (!context_.has_roles() || anybody_may(catalog, entity_, Operation::update)) return;
      context_.warn(place(transition), "nobody-may",
                    "nobody but administrators may take " + subject(transition) + ": no role may update " + entity_.full_name,
                    "name roles in `by`, or grant `update` to a role");
      return;
    }
    for (const std::string& name : transition.by) {
      const Role* role = catalog.role(name);
      if (!role || role->administrator || can_see(*role)) continue;
      const Node* by = CheckContext::find(&document_, {"workflow", "transitions", transition.name, "by"});
      Place at = place(transition, "by");
      const std::string_view own = std::string_view(name).substr(name.find('.') + 1);
      if (by && by->is_scalar()) at = by->at;
      for (const Node& item : by ? by->items : std::vector<Node>()) {
        if (item.text == name || item.text == own) at = item.at;
      }
      if (const Entry* entry = by ? by->entry(name) : nullptr) at = entry->at;
      if (const Entry* entry = by ? by->entry(own) : nullptr) at = entry->at;
      context_.warn(at, "role-cannot-see",
                    "role " + quoted(name) + " may take " + subject(transition) + ", but may not read " + entity_.full_name,
                    "grant `read` to the role, or remove it from `by`");
    }
  }

  /// Who holds the role by another one that includes it may read by that one, too.
  bool can_see(const Role& role) const {
    const Catalog& catalog = context_.catalog;
    return std::any_of(catalog.roles.begin(), catalog.roles.end(), [&](const auto& holder) {
      return std::find(holder->all.begin(), holder->all.end(), &role) != holder->all.end() && holders_may(catalog, *holder, entity_, Operation::read);
    });
  }

  void approvers(const Transition& transition) {
    for (const ApprovalStep& step : transition.approval) {
      for (const std::string& name : step.by) {
        const Role* role = context_.catalog.role(name);
        if (!role || role->administrator || can_see(*role)) continue;
        const std::string_view own = std::string_view(name).substr(name.find('.') + 1);
        const Node* by = CheckContext::find(&document_, {"workflow", "transitions", transition.name, "approval", step.name, "by"});
        Place at = by ? by->at : place(transition, "approval");
        for (const Node& item : by ? by->items : std::vector<Node>()) {
          if (item.text == name || item.text == own) at = item.at;
        }
        for (const std::string_view key : {std::string_view(name), own}) {
          if (const Entry* entry = by ? by->entry(key) : nullptr) at = entry->at;
        }
        context_.warn(at, "role-cannot-see",
                      "role " + quoted(name) + " decides approval step " + quoted(step.name) + " of " + subject(transition) + ", but may not read " + entity_.full_name,
                      "grant `read` to the role, or remove it from `by`");
      }
    }
  }

  bool set_by_effect(const Field& field) const {
    const auto sets = [&](const std::vector<Effect>& effects) {
      return std::any_of(effects.begin(), effects.end(), [&](const Effect& effect) {
        return std::any_of(effect.with.begin(), effect.with.end(), [&](const auto& one) { return one.first == &field; });
      });
    };
    for (const auto& entity : context_.catalog.entities) {
      for (const auto& transition : transitions_of(*entity)) {
        if (sets(transition->effects)) return true;
      }
      if (!entity->rules || !entity->workflow) continue;
      for (const auto& state : entity->workflow->states) {
        if (sets(state->enter) || sets(state->exit)) return true;
      }
    }
    const auto rule_sets = [&](const auto& rule) { return sets(rule->effects); };
    return std::any_of(context_.catalog.automations.begin(), context_.catalog.automations.end(), rule_sets) ||
           std::any_of(context_.catalog.schedules.begin(), context_.catalog.schedules.end(), rule_sets);
  }

  void required(const Transition& transition) {
    for (const Field* field : transition.require) {
      if (field->required && !field->visible) {
        context_.warn(mention(transition, "require", field->name), "useless-require",
                      "field " + quoted(field->name) + " is required of every record, so " + subject(transition) + " need not require it",
                      "remove it from `require`");
        continue;
      }
      if (field->compute || field->system) continue;
      const bool asked = transition.form && on_form(*transition.form, *field);
      if (asked) continue;
      const bool elsewhere = std::any_of(entity_.forms.begin(), entity_.forms.end(), [&](const Form* form) { return on_form(*form, *field); });
      if (!elsewhere && !set_by_effect(*field) && !field->read_only) {
        context_.warn(mention(transition, "require", field->name), "require-on-no-form",
                      subject(transition) + " requires field " + quoted(field->name) + ", which is on no form",
                      transition.form ? "add it to form " + quoted(transition.form->name) : "add it to a form of " + entity_.full_name);
      } else if (transition.form && !field->read_only && !set_by_effect(*field)) {
        context_.warn(mention(transition, "require", field->name), "require-not-asked",
                      subject(transition) + " requires field " + quoted(field->name) + ", but its form " + quoted(transition.form->name) +
                          " does not ask for it",
                      "add it to the form");
      }
    }
  }

  void effects(const Transition& transition) {
    for (const Effect& effect : transition.effects) {
      for (const auto& [field, program] : effect.with) {
        if (!program) continue;
        const Node* node = CheckContext::find(&document_, {"workflow", "transitions", transition.name, "do", effect.name,
                                                           effect.kind == Effect::Kind::set ? "set" : "with", field->name});
        const Place at = node ? node->at : place(transition, "do");
        if (effect.kind == Effect::Kind::set && effect.own() && program->source() == "record." + field->name) {
          context_.warn(at, "idle-effect", "effect " + quoted(effect.name) + " sets field " + quoted(field->name) + " to what it is", "remove it");
        }
        if (!expr::read_fields(*program).empty()) continue;
        const expr::Evaluation value = program->evaluate({});
        if (value.outcome != expr::Outcome::value) continue;
        const auto* whole = value.value.as<std::int64_t>();
        const auto* amount = value.value.as<Decimal>();
        const bool low = (whole && field->min && *whole < *field->min) || (amount && field->decimal_min && compare(*amount, *field->decimal_min) < 0);
        const bool high = (whole && field->max && *whole > *field->max) || (amount && field->decimal_max && compare(*amount, *field->decimal_max) > 0);
        const auto* text = value.value.as<std::string>();
        const bool is_long = text && field->type == FieldType::text && field->max_length > 0 &&
                             static_cast<std::size_t>(std::count_if(text->begin(), text->end(), [](char c) { return (c & 0xC0) != 0x80; })) > field->max_length;
        if (low || high || is_long) {
          context_.warn(at, "effect-out-of-range", "effect " + quoted(effect.name) + " gives field " + quoted(field->name) + " a value " +
                            (is_long ? "longer than its `max`" : low ? "below its `min`" : "above its `max`") + ", so the step always fails",
                        "give another value");
        } else if (value.value.is_null() && field->required && !field->visible) {
          context_.warn(at, "effect-empties-required",
                        "effect " + quoted(effect.name) + " empties required field " + quoted(field->name) + ", so the step always fails",
                        "give a value, or let the field be empty");
        }
      }
    }
  }

  void idle(const Transition& transition) {
    const bool moves = std::any_of(transition.from.begin(), transition.from.end(), [&](const State* from) { return from != transition.to; });
    if (moves || !transition.effects.empty() || transition.form || transition.comment_required) return;
    context_.warn(place(transition), "idle-transition", subject(transition) + " leads to the state that it leaves and does nothing",
                  "let it lead elsewhere, or give it effects or a form");
  }

  /// Two buttons that do the same for the same people.
  void same_steps() {
    for (std::size_t i = 0; i < workflow_.transitions.size(); ++i) {
      const Transition& one = *workflow_.transitions[i];
      for (std::size_t j = 0; j < i; ++j) {
        const Transition& other = *workflow_.transitions[j];
        const bool overlap = std::any_of(one.from.begin(), one.from.end(), [&](const State* from) {
          return std::find(other.from.begin(), other.from.end(), from) != other.from.end();
        });
        if (!overlap || one.to != other.to) continue;
        const auto guard = [](const Transition& t) { return t.when ? t.when->source() : std::string(); };
        if (one.by != other.by || guard(one) != guard(other) || one.form != other.form || one.require != other.require || !one.effects.empty() ||
            !other.effects.empty() || one.comment_required != other.comment_required) {
          continue;
        }
        context_.warn(place(one), "same-transition", subject(one) + " does the same as " + quoted(other.name), "remove one, or let them differ");
        break;
      }
    }
  }

  const CheckContext& context_;
  const Entity& entity_;
  const Workflow& workflow_;
  const Document& document_;
};

}  // namespace

void check_workflows(const CheckContext& context) {
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    if (document && entity->workflow) WorkflowCheck(context, *entity, *document).run();
  }
}

}  // namespace caravan::model

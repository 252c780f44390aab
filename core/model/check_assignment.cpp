#include <algorithm>

#include "expr/analysis.h"
#include "model/check.h"
#include "model/process.h"

// Rules of assignment that never assign, or to somebody who is not helped by it.

namespace caravan::model {
namespace {

/// What is known of the fields of the rule's records; nothing of the candidates.
expr::FactSource facts_of(const Entity& entity) {
  return [&entity](const expr::RecordType& type, std::uint32_t slot, bool own) {
    expr::FieldFact fact;
    if (!own || &type != &entity || slot >= entity.fields.size()) return fact;
    const Field& field = *entity.fields[slot];
    fact.filled = field.required || slot == slot_id || slot == slot_created_at || (slot == slot_state && entity.workflow);
    std::vector<expr::Value> all;
    if (slot == slot_state && entity.workflow) {
      for (const auto& state : entity.workflow->states) all.emplace_back(state->name);
    } else if (field.choices && field.type == FieldType::choice) {
      for (const ChoiceOption& option : field.choices->options) all.emplace_back(option.name);
    }
    if (!all.empty()) {
      fact.values = all;
      fact.known = std::move(all);
    }
    return fact;
  };
}

bool never(const expr::Program& program, const expr::FactSource& facts) {
  const auto decided = expr::find_decided(program, facts);
  return std::any_of(decided.begin(), decided.end(), [](const expr::Decided& one) { return one.whole && !one.holds; });
}

}  // namespace

void check_assignments(const CheckContext& context) {
  for (const auto& rule : context.catalog.assignments) {
    const Document* document = context.document("assignment", rule->name);
    if (!document) continue;
    const std::string subject = "assignment " + quoted(rule->name);
    const auto at = [&](std::string_view word) {
      const Entry* entry = document->root.entry(word);
      return entry ? entry->at : document->at;
    };
    const expr::FactSource facts = facts_of(*rule->entity);
    if (rule->when && never(*rule->when, facts)) context.warn(at("when"), "assignment-never", subject + " is never asked: its `when` can never hold", "say what was meant");
    if (rule->open && never(*rule->open, facts)) {
      context.warn(at("open"), "assignment-never", subject + " is never asked: " + (document->root.entry("open") ? "its `open` can never hold" : "no state is open or waiting"),
                   "say in `open` which records are work");
    }
    if (rule->candidate && never(*rule->candidate, [](const expr::RecordType&, std::uint32_t, bool) { return expr::FieldFact(); })) {
      context.warn(at("candidate"), "assignment-no-candidate", subject + " has no candidates: its `candidate` can never hold", "say what was meant");
    }
    for (const std::string& name : rule->roles) {
      const Role* role = context.catalog.role(name);
      if (role && !role->administrator && !holders_may(context.catalog, *role, *rule->entity, Operation::read)) {
        context.warn(at("roles"), "assignment-blind", "holders of " + name + " may not read " + rule->entity->full_name + ", so they could not work on what they get by " + subject,
                     "grant `read` to the role, or name another");
      }
    }
  }
}

}  // namespace caravan::model

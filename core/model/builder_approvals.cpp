#include <algorithm>

#include "model/builder_state.h"

// Who must agree before a transition is taken.

namespace caravan::model {
namespace {

constexpr std::int64_t shortest_reminder = 60, longest_reminder = 60 * 24 * 3600;

}  // namespace

void Builder::build_approval(Draft& draft, const Entry& entry, Transition& transition) {
  const Entry* approval = entry.value.entry("approval");
  if (!approval || approval->bad || approval->value.bad) return;
  const Entity& entity = *draft.entity;
  const std::string subject = "transition " + quoted(entry.key);
  if (transition.automatic || transition.at) {
    diagnostics_.error(approval->at, "automatic-approval", subject + " is taken by itself, so there is nobody who could ask for approval",
                       "remove `approval`, or let people take the step");
  }
  const expr::Environment environment = catalog_->record_environment(entity);
  for (const Entry* one : placed(&approval->value)) {
    if (one->bad || one->value.bad) continue;
    const Node& node = one->value;
    ApprovalStep step;
    step.name = one->key;
    step.origin = to_origin(one->at);
    const std::string named = "approval step " + quoted(one->key);
    step.label = label_of(node, one->at, named, plain(humanised(one->key)), true);
    Transition roles;  // for its `by` alone
    build_by(entity, node.get("by"), roles);
    step.by = std::move(roles.by);
    if (const Node* user = node.get("by_user")) {
      step.by_user = compile(*user, environment, &entity);
      if (step.by_user) {
        const expr::Type& type = step.by_user->type();
        const auto fits = [](expr::TypeKind kind) {
          return kind == expr::TypeKind::int64 || kind == expr::TypeKind::any || kind == expr::TypeKind::null;
        };
        const bool list = type.kind == expr::TypeKind::list && (!type.element || fits(type.element->kind));
        if (!list && !fits(type.kind)) {
          diagnostics_.error(user->at, "expression-type", "`by_user` gives " + expr::to_string(type), "give a user, e.g. `record.owner`, or a list of users");
        }
      }
    }
    if (!node.entry("by") && !node.entry("by_user")) {
      diagnostics_.error(one->at, "nobody-decides", "nobody is named who decides " + named + " of " + subject, "add `by` with roles, or `by_user`");
    } else if (node.get("by") && mentions(node.get("by")).empty() && !doubtful(node.get("by")) && !node.entry("by_user")) {
      diagnostics_.error(node.entry("by")->at, "nobody-decides", "nobody is named who decides " + named + " of " + subject, "name a role");
    }
    step.all = flag_of(node.get("all"), false);
    step.self = flag_of(node.get("self"), false);
    if (const Node* when = node.get("when")) step.when = compile_condition(*when, entity, environment, false);
    if (const Node* remind = node.get("remind")) {
      const auto seconds = duration_seconds(remind->text);
      if (!seconds || *seconds < shortest_reminder || *seconds > longest_reminder) {
        diagnostics_.error(remind->at, "bad-duration", quoted(remind->text) + " is no time after which to remind somebody",
                           "write e.g. 24h or 30m, from 1m to 1440h");
      } else {
        step.remind_seconds = *seconds;
      }
    }
    transition.approval.push_back(std::move(step));
  }
  if (approval->value.entries.empty() && approval->value.is_map()) {
    diagnostics_.error(approval->at, "nobody-decides", "the approval of " + subject + " has no step", "add one, e.g. `manager: {by: [ROLE]}`");
  }
}

std::vector<const Field*> Builder::void_on_of(Draft& draft, const Node& node, const Transition& transition) {
  std::vector<const Field*> fields;
  const Entry* entry = node.entry("void_on");
  if (!entry || entry->bad || entry->value.bad) return fields;
  if (!node.entry("approval")) {
    diagnostics_.error(entry->at, "void-without-approval", "`void_on` of transition " + quoted(transition.name) + " says what voids an approval, but it needs none",
                       "add `approval`, or remove it");
    return fields;
  }
  const std::vector<Mention> named = mentions(node.get("void_on"));
  check_twice(named, "field");
  for (const Mention& mention : named) {
    const Field* field = find_field(draft, mention);
    if (field && field->system && field->slot != slot_owner) {
      diagnostics_.error(mention.at, "system-field", "field " + quoted(field->name) + " is set by the system", "name own fields only");
    } else if (field) {
      fields.push_back(field);
    }
  }
  return fields;
}

}  // namespace caravan::model

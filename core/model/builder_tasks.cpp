#include <algorithm>

#include "model/builder_state.h"

// Tasks that a record brings with it when it comes to a state.

namespace caravan::model {

std::vector<TaskRule> Builder::build_tasks(Draft& draft, const Node* node, const State& state) {
  std::vector<TaskRule> tasks;
  const Entity& entity = *draft.entity;
  const expr::Environment environment = catalog_->record_environment(entity);
  for (const Entry* entry : placed(node)) {
    if (entry->bad || entry->value.bad) continue;
    const Node& one = entry->value;
    const std::string subject = "task " + quoted(entry->key) + " of state " + quoted(state.name);
    TaskRule task;
    task.name = entry->key;
    task.origin = to_origin(entry->at);
    task.label = label_of(one, entry->at, subject, plain(humanised(entry->key)));
    task.required = flag_of(one.get("required"), true);
    if (const Node* by = one.get("by")) {
      Transition role;  // for its `by` alone
      build_by(entity, by, role);
      if (!role.by.empty()) task.by = role.by.front();
    }
    if (const Node* user = one.get("by_user")) {
      task.by_user = compile(*user, environment, &entity);
      const auto kind = task.by_user ? task.by_user->type().kind : expr::TypeKind::null;
      if (kind != expr::TypeKind::int64 && kind != expr::TypeKind::any && kind != expr::TypeKind::null)
        diagnostics_.error(user->at, "expression-type", "`by_user` gives " + expr::to_string(task.by_user->type()), "give a user, e.g. `record.owner`");
    }
    if (!one.entry("by") && !one.entry("by_user")) {
      diagnostics_.error(entry->at, "nobody-does", "nobody is named who does " + subject, "add `by` with a role, or `by_user`, e.g. `by_user: \"record.owner\"`");
    }
    if (const Node* when = one.get("when")) task.when = compile_condition(*when, entity, environment, false);
    if (const Node* within = one.get("within"); within && within->is_scalar()) {
      const auto seconds = duration_seconds(within->text);
      Node source = *within;
      if (seconds) source.text = "duration('" + std::to_string(*seconds) + "s')";
      task.within = compile(source, environment, &entity);
      const auto kind = task.within ? task.within->type().kind : expr::TypeKind::null;
      if (kind != expr::TypeKind::duration && kind != expr::TypeKind::any && kind != expr::TypeKind::null) {
        diagnostics_.error(within->at, "expression-type", "`within` gives " + expr::to_string(task.within->type()) + ", not a duration",
                           "write e.g. 24h, or \"record.urgent ? duration('4h') : duration('24h')\"");
      }
      if (seconds && *seconds <= 0) diagnostics_.error(within->at, "bad-duration", subject + " leaves no time", "write e.g. 24h");
    }
    if (const Node* calendar = one.get("calendar")) {
      if (!one.entry("within")) diagnostics_.error(calendar->at, "contradiction", subject + " has a `calendar`, but no time to count in it", "add `within`, or remove it");
      task.calendar = find_calendar({calendar->text, calendar->at}, entity.module);
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace caravan::model

#include "workflow/transitions.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"
#include "workflow/approvals.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/tasks.h"
#include "workflow/undo.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using model::Field;
using model::Transition;
using records::Context;
using records::message;
using records::Record;

std::string text_or(const model::Text& text, const Context& context, const std::string& fallback) {
  const std::string& found = text.in(context.locale);
  return found.empty() ? fallback : found;
}

/// Why the actor may not take the transition, or "".
template <class MayUpdate>
std::string role_refusal(const Context& context, const Transition& transition, const Record& record, const MayUpdate& may_update) {
  if (records::is_administrator(context)) return {};
  if (transition.by.empty()) {
    if (may_update()) return {};
    return message("forbidden_update", context.locale, {text_or(record.entity().label, context, record.entity().full_name)});
  }
  std::string names;
  for (const std::string& name : transition.by) {
    if (records::holds_role(context, name)) return {};
    const model::Role* role = context.catalog->role(name);
    names += (names.empty() ? "" : ", ") + (role ? text_or(role->label, context, name) : name);
  }
  return message("transition_role", context.locale, {text_or(transition.label, context, transition.name), names});
}

/// What is empty and must not be, but for fields that are not shown in the state to which it leads.
std::vector<const Field*> missing_fields(const Context& context, const Transition& transition, const Record& record,
                                         const std::shared_ptr<const records::Follow>& follow) {
  std::vector<const Field*> missing;
  std::optional<Record> arrived;
  for (const Field* field : transition.require) {
    if (!record[field->slot].is_null()) continue;
    if (field->visible) {
      if (!arrived) {
        arrived = record;
        arrived->set(model::slot_state, expr::Value(transition.to->name));
        records::compute_fields(context, *arrived, follow);
      }
      if (!records::is_visible(*field, context, *arrived, follow)) continue;
    }
    missing.push_back(field);
  }
  return missing;
}

/// Whether the guard holds. It is asked of the actor himself, also where he stands in for somebody, and where he has the step
/// from colleagues only, of one of these, too: "nobody decides about what is his own" holds for who acts and for whose right it is.
/// `stored`: decides who may update, for steps without roles.
bool guard_holds(const Context& context, const Transition& transition, const Record& stored, Record& record,
                 const std::shared_ptr<const records::Follow>& follow) {
  if (!records::evaluate(*transition.when, context, record, follow).is_true()) return false;
  if (context.actor.deputy_of.empty() || records::is_administrator(context)) return true;
  Context alone = context;
  const auto may_take = [&] {
    if (!transition.by.empty())
      return std::any_of(transition.by.begin(), transition.by.end(), [&](const std::string& role) { return records::holds_role(alone, role); });
    Record copy = stored;
    return records::may(alone, model::Operation::update, copy, follow);
  };
  alone.actor.deputy_of.clear();
  if (may_take()) return true;
  bool by_colleague = false;
  for (const records::Actor& colleague : context.actor.deputy_of) {
    alone.actor.deputy_of.assign(1, colleague);
    if (!may_take()) continue;
    by_colleague = true;
    if (records::evaluate(*transition.when, context, colleague, record, follow).is_true()) return true;
  }
  return !by_colleague;  // else the record was shared with him
}

/// Why the guard does not hold, or "".
std::string guard_refusal(const Context& context, const Transition& transition, const Record& stored, Record& record,
                          const std::shared_ptr<const records::Follow>& follow, bool ordered = false) {
  if (!transition.when) return {};
  if (ordered ? records::evaluate(*transition.when, context, record, follow).is_true() : guard_holds(context, transition, stored, record, follow)) {
    return {};
  }
  const std::string label = text_or(transition.label, context, transition.name);
  const std::string& said = transition.message.in(context.locale);
  if (!said.empty()) return message("transition_guard", context.locale, {label, said});
  if (!records::reads_only_readable(context, *transition.when)) return message("transition_hidden", context.locale, {label});
  return message("transition_guard", context.locale, {label, transition.when->source()});
}

std::string names_of(const std::vector<const Field*>& fields, const Context& context, const records::FieldRights& rights) {
  std::string names;
  const bool chinese = context.locale.starts_with("zh");
  for (const Field* field : fields) {
    if (rights.of(*field) == model::FieldRight::hidden) continue;
    names += (names.empty() ? "" : chinese ? "、" : ", ") + text_or(field->label, context, field->name);
  }
  return names;
}

std::string missing_sentence(const std::string& label, const std::string& names, const Context& context) {
  return names.empty() ? message("transition_hidden", context.locale, {label})
                       : message("transition_fields", context.locale, {label, names});
}

}  // namespace

bool leaves(const Transition& transition, std::string_view state) {
  return std::any_of(transition.from.begin(), transition.from.end(), [&](const model::State* from) { return from->name == state; });
}

std::vector<Available> Transitions::available(const Context& context, const Record& record) const {
  std::vector<Available> list;
  const Entity& entity = record.entity();
  if (!entity.workflow) return list;
  Record copy = records_.whole(context, record);
  const auto follow = records_.follow(context);
  const records::FieldRights rights = records::field_rights(context, entity);
  std::optional<bool> may_update;
  const auto asked = [&] {
    if (!may_update) may_update = records::may(context, model::Operation::update, copy, follow) || records_.rights(context, copy).update;
    return *may_update;
  };
  for (const auto& transition : entity.workflow->transitions) {
    if (!leaves(*transition, record.state())) continue;
    Available entry{transition.get(), false, role_refusal(context, *transition, copy, asked)};
    if (entry.why.empty()) {
      auto missing = missing_fields(context, *transition, copy, follow);
      std::erase_if(missing, [&](const Field* field) { return transition->asks_for(*field) && rights.of(*field) != model::FieldRight::hidden; });
      if (!missing.empty()) {
        entry.why = missing_sentence(text_or(transition->label, context, transition->name), names_of(missing, context, rights), context);
      }
    }
    // With a form, what it asks for may still make the guard hold.
    if (entry.why.empty() && transition->form == nullptr) entry.why = guard_refusal(context, *transition, copy, copy, follow);
    if (entry.why.empty() && transition->wait_for_tasks) entry.why = wait_reason(*records_.database().read(), context, *transition, copy, false);
    entry.allowed = entry.why.empty();
    list.push_back(std::move(entry));
  }
  if (!list.empty() && entity.rules && entity.rules->approvals) {
    auto session = records_.database().read();
    for (const Approval& approval : waiting_approvals(*session, entity.full_name, record.id())) {
      for (Available& entry : list) {
        if (entry.transition->name != approval.transition) continue;
        entry.allowed = false;
        entry.approval = approval.id;
        entry.why = message("approval_waits", context.locale, {deciders_text(*session, context, approval)});
      }
    }
  }
  return list;
}

Record Transitions::run_in(records::Work& work, const Entity& entity, std::int64_t id, std::string_view name, const records::Input& input,
                           const std::string& note, std::optional<std::int64_t> expected_version, records::Authority authority) {
  return take_in(work, entity, id, name, input, note, expected_version, Consent::refused, authority).record;
}

Taken Transitions::take_in(records::Work& work, const Entity& entity, std::int64_t id, std::string_view name, const records::Input& input,
                           const std::string& note, std::optional<std::int64_t> expected_version, Consent consent, records::Authority authority) {
  const bool ordered = authority == records::Authority::definition;
  const Context& context = work.context();
  const Transition* transition = entity.workflow ? entity.workflow->transition(name) : nullptr;
  if (transition == nullptr) throw Error(ErrorCode::not_found, message("no_transition", context.locale, {name}));
  const std::string label = text_or(transition->label, context, transition->name);
  Record stored = work.load(entity, id, true, authority);
  const auto follow = follow_in(work);
  const auto may_update = [&] { return records::may(context, model::Operation::update, stored, follow, work.session()); };
  if (auto why = ordered ? std::string() : role_refusal(context, *transition, stored, may_update); !why.empty()) {
    throw Error(ErrorCode::forbidden, std::move(why));
  }
  if (expected_version && *expected_version != stored.version()) {
    throw Error(ErrorCode::stale, message("stale", context.locale,
                                          {text_or(entity.label, context, entity.full_name), std::to_string(stored.version())}));
  }
  if (!leaves(*transition, stored.state())) {
    const model::State* state = entity.workflow->state(stored.state());
    throw Error(ErrorCode::conflict, message("state_wrong", context.locale,
                                             {label, state ? text_or(state->label, context, state->name) : stored.state()}));
  }
  if (auto why = wait_reason(work.session(), context, *transition, stored, true); !why.empty()) throw Error(ErrorCode::conflict, std::move(why));
  if (transition->comment_required && note.empty() && !ordered) {
    const std::string why = message("transition_comment", context.locale, {label});
    throw Error(ErrorCode::invalid_record, why, {{"comment", "required", why}});
  }
  std::vector<FieldError> mistakes, hidden;
  Record candidate = stored;
  const records::FieldRights rights = records::field_rights(context, entity);
  records::Input changes;
  for (const auto& [field, value] : input) {
    const model::FieldRight right = rights.of(*field);
    if (right == model::FieldRight::hidden) {  // also where the form asks for it: others are asked
      hidden.push_back({field->name, "unknown_field", message("unknown_field", context.locale, {field->name})});
      continue;
    }
    if (!transition->asks_for(*field)) {
      mistakes.push_back({field->name, "not_in_form", message("not_in_form", context.locale, {text_or(field->label, context, field->name)})});
    }
    // A form sends back what it was shown: the mask is no new value.
    if (right == model::FieldRight::masked && value.same_as(records::masked(*field, stored[field->slot]))) continue;
    candidate.set(field->slot, value);
    changes.emplace_back(field, value);
  }
  records::compute_fields(context, candidate, follow);  // guard and effects see what the form's fields make of them
  for (const Field* field : missing_fields(context, *transition, candidate, follow)) {
    mistakes.push_back({field->name, "required", message("required", context.locale, {text_or(field->label, context, field->name)})});
  }
  // Of what the client filled in; what follows is the definition's.
  if (const auto given = records::under_conditions(entity, changes); !given.empty() && !ordered) {
    Record arrived = candidate;
    arrived.set(model::slot_state, expr::Value(transition->to->name));
    auto refused = records::judge_changes(context, arrived, stored, given, follow);
    std::move(refused.begin(), refused.end(), std::back_inserter(mistakes));
  }
  if (!mistakes.empty() || !hidden.empty()) {
    const auto missing = missing_fields(context, *transition, candidate, follow);
    records::redact_mistakes(rights, entity, context.locale, mistakes);
    std::move(hidden.begin(), hidden.end(), std::back_inserter(mistakes));
    throw Error(ErrorCode::invalid_record,
                missing.empty() ? message("invalid_record", context.locale)
                                : missing_sentence(label, names_of(missing, context, rights), context),
                std::move(mistakes));
  }
  if (auto why = guard_refusal(context, *transition, stored, candidate, follow, ordered); !why.empty()) {
    throw Error(ErrorCode::invalid_record, why, {{"", "guard", why}});
  }
  if (!transition->approval.empty() && consent != Consent::given) {
    std::vector<AskedStep> steps = needed_steps(work, *transition, candidate, follow);
    // No rule passes by those who must agree: what it orders is asked for in its name, once.
    const bool by_rule = ordered || context.actor.system;
    if (!steps.empty() && by_rule) {
      const std::int64_t approval = ask_by_rule(work, *transition, stored, changes, std::move(steps), note);
      return {work.current(std::move(stored)), approval, nullptr};
    }
    if (!steps.empty() && consent == Consent::refused) throw Error(ErrorCode::conflict, message("approval_needed", context.locale, {label}));
    if (!steps.empty()) {
      std::vector<std::int64_t> colleagues;
      if (!context.actor.deputy_of.empty()) {
        Context alone = context;
        alone.actor.deputy_of.clear();
        const auto may_alone = [&] { return records::may(alone, model::Operation::update, stored, follow, work.session()); };
        for (const records::Actor& colleague : context.actor.deputy_of) {
          if (role_refusal(alone, *transition, stored, may_alone).empty()) break;
          Context with = alone;
          with.actor.deputy_of.assign(1, colleague);
          const auto may_with = [&] { return records::may(with, model::Operation::update, stored, follow, work.session()); };
          if (role_refusal(with, *transition, stored, may_with).empty()) colleagues.push_back(colleague.user_id);
        }
      }
      const std::int64_t approval = ask_approval(work, *transition, stored, changes, std::move(steps), std::move(colleagues), note);
      return {work.current(std::move(stored)), approval, nullptr};
    }
  }
  const model::State* left = entity.workflow->state(stored.state());
  const bool moves = left != transition->to;
  if (moves && left != nullptr) own_changes(work, left->exit, candidate, changes);
  own_changes(work, transition->effects, candidate, changes);
  if (moves) own_changes(work, transition->to->enter, candidate, changes);
  const bool undoable = transition->undo_seconds > 0 && !ordered && context.actor.user_id != 0;
  const std::size_t others = undoable ? cascade_of(work).others : 0;
  std::optional<Hold> hold;
  if (entity.rules) hold.emplace(work);
  Record done = work.apply_transition(stored, *transition, std::move(changes), note);
  if (moves && left != nullptr) run_effects(work, left->exit, done, "state " + entity.full_name + "." + left->name, Part::beside);
  run_effects(work, transition->effects, done, "effect " + entity.full_name + "." + transition->name, Part::beside);
  if (moves) run_effects(work, transition->to->enter, done, "state " + entity.full_name + "." + transition->to->name, Part::beside);
  if (hold) hold->run();
  if (undoable) {
    done = work.current(std::move(done));
    keep_undo(work, stored, done, *transition, cascade_of(work).others != others || done.state() != transition->to->name);
  }
  return {work.current(std::move(done)), 0, nullptr};
}

Taken Transitions::take(const Context& context, const Entity& entity, std::int64_t id, std::string_view name, const records::Input& input,
                        const std::string& note, std::optional<std::int64_t> expected_version, const TakenReply& reply) const {
  Taken taken;
  records_.transact(context, [&](records::Work& work) {
    taken = take_in(work, entity, id, name, input, note, expected_version, Consent::asked);
    records::redact(context, taken.record);
    if (taken.approval != 0) taken.asked = std::make_shared<const ApprovalView>(view_in(work, taken.approval, taken.record));
    if (context.once != nullptr && reply) reply(taken);
  });
  if (taken.approval == 0) records_.looked(context, taken.record);
  if (context.once == nullptr && reply) reply(taken);
  return taken;
}

Record Transitions::run(const Context& context, const Entity& entity, std::int64_t id, std::string_view name, records::Input input,
                        std::string note, std::optional<std::int64_t> expected_version, const records::Reply& reply) const {
  Record done;
  records_.transact(context, [&](records::Work& work) {
    done = run_in(work, entity, id, name, input, note, expected_version);
    records::redact(context, done);
    if (context.once != nullptr && reply) reply(done);
  });
  records_.looked(context, done);
  if (context.once == nullptr && reply) reply(done);
  return done;
}

Record Transitions::undo(const Context& context, const Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version,
                         const records::Reply& reply) const {
  Record done;
  records_.transact(context, [&](records::Work& work) {
    done = workflow::undo(work, entity, id, expected_version);
    records::redact(context, done);
    if (context.once != nullptr && reply) reply(done);
  });
  if (context.once == nullptr && reply) reply(done);
  return done;
}

}  // namespace caravan::workflow

#include "workflow/transitions.h"

#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"

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

bool leaves(const Transition& transition, std::string_view state) {
  return std::any_of(transition.from.begin(), transition.from.end(),
                     [&](const model::State* from) { return from->name == state; });
}

/// Why the actor may not take the transition, or "".
std::string role_refusal(const Context& context, const Transition& transition, Record& record,
                         const std::shared_ptr<const records::Follow>& follow) {
  if (records::is_administrator(context)) return {};
  if (transition.by.empty()) {
    if (records::may(context, model::Operation::update, record, follow)) return {};
    return message("forbidden_update", context.locale, {text_or(record.entity().label, context, record.entity().full_name)});
  }
  std::string names;
  for (const std::string& name : transition.by) {
    if (std::find(context.actor.roles.begin(), context.actor.roles.end(), name) != context.actor.roles.end()) return {};
    const model::Role* role = context.catalog->role(name);
    names += (names.empty() ? "" : ", ") + (role ? text_or(role->label, context, name) : name);
  }
  return message("transition_role", context.locale, {text_or(transition.label, context, transition.name), names});
}

std::vector<const Field*> missing_fields(const Transition& transition, const Record& record) {
  std::vector<const Field*> missing;
  for (const Field* field : transition.require) {
    if (record[field->slot].is_null()) missing.push_back(field);
  }
  return missing;
}

/// Why the guard does not hold, or "".
std::string guard_refusal(const Context& context, const Transition& transition, Record& record,
                          const std::shared_ptr<const records::Follow>& follow) {
  if (!transition.when) return {};
  const auto result = records::evaluate(*transition.when, context, record, follow);
  if (result.is_true()) return {};
  const std::string label = text_or(transition.label, context, transition.name);
  const std::string& said = transition.message.in(context.locale);
  if (!said.empty()) return message("transition_guard", context.locale, {label, said});
  return message("transition_guard", context.locale, {label, transition.when->source()});
}

std::string names_of(const std::vector<const Field*>& fields, const Context& context) {
  std::string names;
  const bool chinese = context.locale.starts_with("zh");
  for (const Field* field : fields) {
    names += (names.empty() ? "" : chinese ? "、" : ", ") + text_or(field->label, context, field->name);
  }
  return names;
}

/// The effect's values over the record as it stands.
records::Input effect_input(const model::Effect& effect, const Context& context, Record& record,
                            const std::shared_ptr<const records::Follow>& follow) {
  records::Input input;
  for (const auto& [field, program] : effect.with) {
    auto result = records::evaluate(*program, context, record, follow);
    if (result.outcome == expr::Outcome::error) {
      throw Error(ErrorCode::invalid_record,
                  message("compute_error", context.locale, {text_or(field->label, context, field->name), result.message}));
    }
    input.emplace_back(field, result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value());
  }
  return input;
}

}  // namespace

std::vector<Available> Transitions::available(const Context& context, const Record& record) const {
  std::vector<Available> list;
  const Entity& entity = record.entity();
  if (!entity.workflow) return list;
  Record copy = record;
  const auto follow = records_.follow(context);
  for (const auto& transition : entity.workflow->transitions) {
    if (!leaves(*transition, record.state())) continue;
    Available entry{transition.get(), false, role_refusal(context, *transition, copy, follow)};
    if (entry.why.empty()) {
      auto missing = missing_fields(*transition, record);
      std::erase_if(missing, [&](const Field* field) { return transition->asks_for(*field); });
      if (!missing.empty()) {
        entry.why = message("transition_fields", context.locale,
                            {text_or(transition->label, context, transition->name), names_of(missing, context)});
      }
    }
    // With a form, what it asks for may still make the guard hold.
    if (entry.why.empty() && transition->form == nullptr) entry.why = guard_refusal(context, *transition, copy, follow);
    entry.allowed = entry.why.empty();
    list.push_back(std::move(entry));
  }
  return list;
}

Record Transitions::run(const Context& context, const Entity& entity, std::int64_t id, std::string_view name, records::Input input,
                        std::string note, std::optional<std::int64_t> expected_version) const {
  const Transition* transition = entity.workflow ? entity.workflow->transition(name) : nullptr;
  if (transition == nullptr) throw Error(ErrorCode::not_found, message("no_transition", context.locale, {name}));
  const std::string label = text_or(transition->label, context, transition->name);
  Record done;
  records_.transact(context, [&](records::Work& work) {
    Record stored = work.load(entity, id, true);
    const auto follow = std::make_shared<const records::Follow>(
        [&work](const Entity& target, std::int64_t target_id) { return work.follow(target, target_id); });
    if (auto why = role_refusal(context, *transition, stored, follow); !why.empty()) {
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
    if (transition->comment_required && note.empty()) {
      const std::string why = message("transition_comment", context.locale, {label});
      throw Error(ErrorCode::invalid_record, why, {{"comment", "required", why}});
    }
    std::vector<FieldError> mistakes;
    Record candidate = stored;
    for (const auto& [field, value] : input) {
      if (!transition->asks_for(*field)) {
        mistakes.push_back({field->name, "not_in_form", message("not_in_form", context.locale, {text_or(field->label, context, field->name)})});
      }
      candidate.set(field->slot, value);
    }
    records::compute_fields(context, candidate, follow);  // guard and effects see what the form's fields make of them
    for (const Field* field : missing_fields(*transition, candidate)) {
      mistakes.push_back({field->name, "required", message("required", context.locale, {text_or(field->label, context, field->name)})});
    }
    if (!mistakes.empty()) {
      const auto missing = missing_fields(*transition, candidate);
      throw Error(ErrorCode::invalid_record,
                  missing.empty() ? message("invalid_record", context.locale)
                                  : message("transition_fields", context.locale, {label, names_of(missing, context)}),
                  std::move(mistakes));
    }
    if (auto why = guard_refusal(context, *transition, candidate, follow); !why.empty()) {
      throw Error(ErrorCode::invalid_record, why, {{"", "guard", why}});
    }
    records::Input changes = input;
    for (const auto& effect : transition->effects) {
      if (effect.kind != model::Effect::Kind::set) continue;
      for (auto& entry : effect_input(effect, context, candidate, follow)) {
        candidate.set(entry.first->slot, entry.second);
        changes.push_back(std::move(entry));
      }
    }
    done = work.apply_transition(stored, *transition, std::move(changes), note);
    for (const auto& effect : transition->effects) {
      if (effect.kind != model::Effect::Kind::create) continue;
      work.create(*effect.entity, effect_input(effect, context, done, follow), records::Authority::definition);
    }
  });
  return done;
}

}  // namespace caravan::workflow

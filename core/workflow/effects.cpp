#include "workflow/effects.h"

#include "base/error.h"
#include "base/time_zone.h"
#include "records/access.h"
#include "records/messages.h"
#include "storage/query.h"
#include "workflow/cascade.h"
#include "workflow/transitions.h"

namespace caravan::workflow {
namespace {

using model::Effect;
using records::Context;
using records::message;
using records::Record;

std::string label_of(const model::Field& field, const Context& context) {
  const std::string& text = field.label.in(context.locale);
  return text.empty() ? field.name : text;
}

/// The chain for a message, cut in its middle where it is long.
std::string chain_text(const std::vector<std::string>& chain) {
  std::string out;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (chain.size() > 8 && i == 5) {
      out += " → …";
      i = chain.size() - 3;
    }
    out += (out.empty() ? "" : " → ") + chain[i];
  }
  return out;
}

bool wanted(const Effect& effect, const Context& context, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  return !effect.when || records::evaluate(*effect.when, context, record, follow).is_true();
}

bool sets_own(const Effect& effect) { return effect.kind == Effect::Kind::set && effect.own(); }

/// The effect's values over the record as it stands.
records::Input input_of(const Effect& effect, const Context& context, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  records::Input input;
  for (const auto& [field, program] : effect.with) {
    auto result = records::evaluate(*program, context, record, follow);
    if (result.outcome == expr::Outcome::error) {
      throw Error(ErrorCode::invalid_record, message("compute_error", context.locale, {label_of(*field, context), result.message}));
    }
    input.emplace_back(field, result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value());
  }
  return input;
}

void count(records::Work& work, bool other) {
  Cascade& cascade = cascade_of(work);
  if (++cascade.effects > most_effects) {
    throw Error(ErrorCode::invalid_record,
                message("rule_effects", work.context().locale, {std::to_string(most_effects), chain_text(cascade.chain)}));
  }
  if (other) ++cascade.others;
}

/// The records that refer to `target` by the effect's `each`, in the order of their ids, locked against new ones until the end.
std::vector<std::int64_t> referring(records::Work& work, const Effect& effect, std::int64_t target) {
  storage::Session& session = work.session();
  const auto name = [&](std::string_view text) { return storage::quote(session.dialect(), text); };
  const std::string id = name(effect.entity->fields[model::slot_id]->column);
  std::string sql = "SELECT " + id + " FROM " + name(effect.entity->table_name) + " WHERE " + name(effect.each->column) + " = ? ORDER BY " + id +
                    " LIMIT " + std::to_string(most_children + 1);
  if (session.dialect() == storage::Dialect::mysql) sql += " FOR UPDATE";
  std::vector<std::int64_t> ids;
  storage::Query query(session, sql, target);
  while (query.next()) ids.push_back(query.integer(0));
  if (ids.size() > most_children) {
    throw Error(ErrorCode::invalid_record,
                message("rule_effects", work.context().locale, {std::to_string(most_children), chain_text(cascade_of(work).chain)}));
  }
  return ids;
}

void run_one(records::Work& work, const Effect& effect, Record& record, const std::string& source,
             const std::shared_ptr<const records::Follow>& follow) {
  const Context& context = work.context();
  const auto* target = effect.target != nullptr ? record[effect.target->slot].as<std::int64_t>() : nullptr;
  switch (effect.kind) {
    case Effect::Kind::set:
    case Effect::Kind::transition: {
      if (effect.target != nullptr && target == nullptr) {
        throw Error(ErrorCode::invalid_record, message("effect_no_target", context.locale, {label_of(*effect.target, context)}));
      }
      const model::Entity& entity = effect.target != nullptr ? *effect.target->target : record.entity();
      const std::int64_t id = target != nullptr ? *target : record.id();
      if (effect.each != nullptr) {
        const records::Input values = effect.kind == Effect::Kind::set ? input_of(effect, context, record, follow) : records::Input();
        for (const std::int64_t child : referring(work, effect, id)) {
          if (effect.each_where) {
            auto stored = load_locked(work, *effect.entity, child);
            if (!stored || !records::evaluate(*effect.each_where, context, *stored, follow).is_true()) continue;
          }
          if (effect.kind == Effect::Kind::set) {
            work.update(*effect.entity, child, values, std::nullopt, records::Authority::definition);
          } else {
            Transitions::run_in(work, *effect.entity, child, effect.transition, {}, {}, std::nullopt, records::Authority::definition);
          }
        }
        break;
      }
      if (effect.kind == Effect::Kind::set) {
        work.update(entity, id, input_of(effect, context, record, follow), std::nullopt, records::Authority::definition);
      } else {
        Transitions::run_in(work, entity, id, effect.transition, {}, {}, std::nullopt, records::Authority::definition);
      }
      break;
    }
    case Effect::Kind::create:
      work.create(*effect.entity, input_of(effect, context, record, follow), records::Authority::definition);
      break;
    case Effect::Kind::notify:
    case Effect::Kind::send:
    case Effect::Kind::call:
    case Effect::Kind::webhook: {
      const auto* ports = dynamic_cast<const Ports*>(work.extension());
      if (ports == nullptr || ports->outlet == nullptr) {
        throw Error(ErrorCode::unavailable, "Effects that leave the database have no outlet here: " + source + "." + effect.name);
      }
      ports->outlet->put(work, effect, record, source);
      break;
    }
  }
}

}  // namespace

std::string too_deep(const Context& context, const std::vector<std::string>& chain) {
  return message("rule_depth", context.locale, {chain_text(chain)});
}

std::string too_many(const Context& context, const std::vector<std::string>& chain) {
  return message("rule_breadth", context.locale, {chain_text(chain)});
}

RuleScope::RuleScope(records::Work& work, std::string name) : work_(work) {
  Cascade& cascade = cascade_of(work);
  if (cascade.chain.empty()) cascade.effects = 0;  // many changes of one transaction, as of a bulk, are counted apart
  cascade.chain.push_back(std::move(name));
  if (cascade.chain.size() <= most_depth) return;
  std::string why = too_deep(work.context(), cascade.chain);
  cascade.chain.pop_back();
  throw Error(ErrorCode::invalid_record, std::move(why));
}

RuleScope::~RuleScope() { cascade_of(work_).chain.pop_back(); }

std::shared_ptr<const records::Follow> follow_in(records::Work& work) {
  return std::make_shared<const records::Follow>(
      [&work](const model::Entity& target, std::int64_t id) { return work.follow(target, id); });
}

std::optional<Record> load_locked(records::Work& work, const model::Entity& entity, std::int64_t id) {
  try {
    return work.load(entity, id, true, records::Authority::definition);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return std::nullopt;
  }
}

std::size_t run_effects(records::Work& work, const std::vector<Effect>& effects, Record& record, const std::string& source, Part part) {
  if (effects.empty()) return 0;
  const auto follow = follow_in(work);
  std::size_t done = 0;
  for (const Effect& effect : effects) {
    if (part == Part::beside && sets_own(effect)) continue;
    if (!wanted(effect, work.context(), record, follow)) continue;
    const std::string name = source + "." + effect.name;
    count(work, !sets_own(effect));
    try {
      const RuleScope rule(work, name);
      const records::SourceScope scope(work, source.starts_with("effect ") ? name : source);
      run_one(work, effect, record, source, follow);
    } catch (Error& error) {
      if (error.code() != ErrorCode::retry) error.add_context("in " + name);
      throw;
    }
    if (!record.values().empty()) record = work.current(std::move(record));  // a schedule may have none
    ++done;
  }
  return done;
}

void own_changes(records::Work& work, const std::vector<Effect>& effects, Record& record, records::Input& changes) {
  if (effects.empty()) return;
  const auto follow = follow_in(work);
  for (const Effect& effect : effects) {
    if (!sets_own(effect) || !wanted(effect, work.context(), record, follow)) continue;
    for (auto& entry : input_of(effect, work.context(), record, follow)) {
      record.set(entry.first->slot, entry.second);
      changes.push_back(std::move(entry));
    }
  }
}

expr::Evaluation evaluate_change(const expr::Program& program, const Context& context, Record& record, const Record* before,
                                 const std::shared_ptr<const records::Follow>& follow) {
  const auto borrowed = [](const expr::RecordView& view) {
    return std::shared_ptr<const expr::RecordView>(std::shared_ptr<const expr::RecordView>(), &view);
  };
  const records::UserView user(context);
  Record earlier;
  if (before != nullptr) {
    earlier = *before;
    earlier.set_follow(follow);
  }
  const expr::Value variables[3] = {expr::Value(borrowed(record)), expr::Value(borrowed(user)),
                                    before != nullptr ? expr::Value(borrowed(earlier)) : expr::Value()};
  record.set_follow(follow);
  expr::Activation activation{variables, 3, context.now, context.catalog->agency.time_zone};
  activation.calendar = context.catalog->agency.calendar;
  auto result = program.evaluate(activation);
  record.set_follow(nullptr);
  return result;
}

std::optional<Timestamp> moment_of(const expr::Program& at, const Context& context, Record& record,
                                   const std::shared_ptr<const records::Follow>& follow) {
  const auto result = evaluate_change(at, context, record, nullptr, follow);
  if (result.outcome != expr::Outcome::value) return std::nullopt;
  if (const auto* moment = result.value.as<Timestamp>()) return Timestamp{moment->micros};
  if (const auto* date = result.value.as<Date>()) return from_local(*date, 0, context.catalog->agency.time_zone);
  return std::nullopt;
}

}  // namespace caravan::workflow

#include "workflow/simulate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/trash.h"
#include "workflow/approvals.h"
#include "workflow/clocks.h"
#include "workflow/effects.h"
#include "workflow/rules.h"
#include "workflow/transitions.h"
#include "workflow/working_time.h"

namespace caravan::workflow {
namespace {

using model::Automation;
using model::ClockRule;
using model::Effect;
using model::Entity;
using model::Field;
using model::Transition;
using records::Context;
using records::Input;
using records::Json;
using records::Record;

constexpr int most_turns = 10'000;  ///< of clocks and timers between two events of one record

/// Why something cannot be done under the definitions.
struct Refused {
  std::string rule, kind, what;
};

/// Something that the definitions did, or let happen.
struct Happening {
  std::string rule, kind, what;
  Timestamp at;
  bool follows = false;
};

enum class Point { create, update, transition, remove };

bool own(const Effect& effect) {
  return effect.own() && (effect.kind == Effect::Kind::set || effect.kind == Effect::Kind::transition);
}
bool own_set(const Effect& effect) { return effect.kind == Effect::Kind::set && effect.own(); }
bool any_own(const std::vector<Effect>& effects) { return std::any_of(effects.begin(), effects.end(), own); }

/// The value in the words of the field's own definitions: options and states that are no more become what takes their place.
expr::Value carried(const Field& field, const Entity& entity, const expr::Value& value) {
  const auto one = [](const auto& moved, const std::string& name) {
    const auto found = moved.find(name);
    return found == moved.end() ? name : found->second;
  };
  if (field.slot == model::slot_state && field.system) {
    const auto* name = value.as<std::string>();
    if (name == nullptr || !entity.workflow || entity.workflow->state(*name) != nullptr) return value;
    return one(entity.workflow->moved, *name);
  }
  if (field.choices == nullptr || field.choices->moved.empty()) return value;
  if (const auto* name = value.as<std::string>()) return one(field.choices->moved, *name);
  const expr::List* list = value.as_list();
  if (list == nullptr) return value;
  expr::List out;
  for (const expr::Value& item : *list) {
    const auto* name = item.as<std::string>();
    expr::Value next = name != nullptr ? expr::Value(one(field.choices->moved, *name)) : item;
    if (std::none_of(out.begin(), out.end(), [&](const expr::Value& there) { return there.same_as(next); })) out.push_back(std::move(next));
  }
  return out;
}

std::string json_of(const Field& field, const expr::Value& value) {
  std::string out;
  records::write_value(out, field, value);
  return out;
}

/// What definitions make of one record.
class Side {
 public:
  Side(std::shared_ptr<const model::Catalog> catalog, const Entity& entity, std::shared_ptr<const records::Follow> follow)
      : entity_(&entity), follow_(std::move(follow)) {
    context_.catalog = std::move(catalog);
    context_.source = "simulate";
    memory_.record = Record(entity);
    by_system();
  }

  const Entity& entity() const { return *entity_; }
  Record& record() { return memory_.record; }
  bool there() const { return memory_.there; }
  Context& context() { return context_; }
  const std::shared_ptr<const records::Follow>& follow() const { return follow_; }
  std::vector<Happening>& happenings() { return happenings_; }
  /// Whether what happens from `since` on comes after the two sides had parted.
  void set_follows(bool follows, Timestamp since) {
    if (follows && !follows_) parted_ = since;
    follows_ = follows;
  }
  void by(records::Actor actor) { context_.actor = std::move(actor); }
  void by_system() {
    context_.actor = records::Actor();
    context_.actor.system = true;
  }
  Timestamp now() const { return context_.now; }

  /// Does it as one transaction: all of it, or nothing and why.
  std::optional<Refused> attempt(const std::function<void()>& act) {
    const Memory kept = memory_;
    const std::size_t told = happenings_.size();
    effects_ = depth_ = 0;
    try {
      act();
    } catch (const Refused& why) {
      memory_ = kept;
      happenings_.erase(happenings_.begin() + static_cast<std::ptrdiff_t>(told), happenings_.end());
      waiting_.clear();
      held_.clear();
      taken_.clear();
      settling_ = 0;
      return why;
    }
    // What waits for the commit comes by the queue.
    const auto waiting = std::exchange(waiting_, {});
    if (++queued_ > static_cast<int>(most_depth)) {
      for (const Automation* rule : waiting) tell("automation " + rule->name, "failed", "rules set each other off without end");
    } else {
      const records::Actor actor = context_.actor;
      by_system();
      for (const Automation* rule : waiting) {
        const std::string name = "automation " + rule->name;
        if (const auto failed = attempt([&] { run_effects(rule->effects, name, Part::all); })) tell(name, "failed", failed->what);
      }
      context_.actor = actor;
    }
    --queued_;
    return std::nullopt;
  }

  /// Lets timers and clocks run until then.
  void advance(Timestamp to) {
    if (memory_.there && entity_->rules) {
      const records::Actor actor = context_.actor;
      by_system();
      for (int turn = 0; next_turn(to); ++turn) {
        if (turn < most_turns) continue;
        tell("bounds", "failed", "its timers do not end");
        break;
      }
      context_.actor = actor;
    }
    context_.now = std::max(context_.now, to);
  }

  /// A new record. `state`: what its history says it began in; "": the first.
  void create(std::int64_t id, const expr::Value& number, const Input& given, const Input& direct, const std::string& state, bool by_hand) {
    Record record(*entity_);
    put(record, given);
    put(record, direct);
    set_defaults(record);
    record.set(model::slot_id, expr::Value(id));
    record.set(model::slot_number, number);
    if (!state.empty()) record.set(model::slot_state, expr::Value(state));
    if (by_hand) {
      judge(record, blank(), given);
      if (!records::may_ever(context_, *entity_, model::Operation::create)) throw Refused{"right " + entity_->full_name, "create", "no role lets him create it"};
    }
    const model::State* initial = initial_state(record);
    if (initial != nullptr && entity_->rules && entity_->rules->state_effects) {
      records::compute_fields(context_, record, follow_);
      Input ignored;
      own_changes(initial->enter, record, ignored);
    }
    check(record, nullptr);
    if (by_hand && !records::may(context_, model::Operation::create, record, follow_))
      throw Refused{"right " + entity_->full_name, "create", "no role lets him create such a one"};
    memory_.record = record;
    memory_.there = true;
    after(Point::create, std::nullopt, record, nullptr);
  }

  void update(const Input& given, const Input& direct, bool by_hand) {
    Record stored = memory_.record, record = stored;
    if (by_hand && !given.empty() && !records::may(context_, model::Operation::update, stored, follow_))
      throw Refused{"right " + entity_->full_name, "update", "no role lets him change it"};
    put(record, given);
    put(record, direct);
    if (same(stored, record)) return;
    if (by_hand) judge(record, stored, given);
    write(std::move(record), std::move(stored), Point::update, nullptr);
  }

  /// A step that somebody takes (`by_hand`), or a rule of another record. `given` is what he filled in, `direct` what came into the
  /// record beside that.
  void step_from_outside(std::string_view name, const Input& given, const Input& direct, bool commented, bool by_hand) {
    const Transition* transition = entity_->workflow ? entity_->workflow->transition(name) : nullptr;
    const std::string rule = "step " + entity_->full_name + "." + std::string(name);
    if (transition == nullptr) throw Refused{rule, "gone", "there is no such step"};
    if (by_hand && !may_take(*transition)) throw Refused{rule, "role", "no role lets him take it"};
    if (by_hand && leaves(*transition, memory_.record.state())) {
      if (transition->comment_required && !commented) throw Refused{rule, "comment", "it needs a comment"};
      for (const auto& one : given) {
        if (!transition->asks_for(*one.first)) throw Refused{rule, "form", "its form does not ask for " + one.first->name};
      }
    }
    Input changes = given;
    changes.insert(changes.end(), direct.begin(), direct.end());
    Record asked = memory_.record;
    step(*transition, changes, by_hand ? &given : nullptr);
    if (transition->wait_for_tasks) waits_for_tasks(*transition, "replayed as if they had ended");
    if (!by_hand || context_.actor.system) return;
    tell_approvals(*transition, asked, "replayed as if granted at once");
  }

  void remove() {
    const Record last = memory_.record;
    if (entity_->rules) react(Point::remove, last, last, nullptr);
    memory_.there = false;
  }

  /// Takes these values as they are, and what runs beside them follows.
  void adopt(const Record& values) {
    for (const auto& field : entity_->fields) {
      if (field->slot != model::slot_version && field->slot != model::slot_updated_at) memory_.record.set(field->slot, values[field->slot]);
    }
    memory_.record.set(model::slot_updated_at, expr::Value(context_.now));
    memory_.there = true;
    follow_clocks();
  }
  void set(const Field& field, expr::Value value) { memory_.record.set(field.slot, std::move(value)); }
  void set_there(bool there) { memory_.there = there; }
  void follow_clocks() {
    if (!entity_->rules) return;
    for (const ClockRule* rule : entity_->rules->clocks) {
      Running* running = find(*rule);
      ClockRun begun;
      switch (follow_record(running != nullptr ? &running->run : nullptr, rule->calendar, context_.now, clock_signs(*rule, context_, memory_.record, follow_), begun)) {
        case ClockTurn::none:
          break;
        case ClockTurn::began:
          if (running == nullptr) running = &memory_.clocks.emplace_back();
          *running = Running{rule, std::move(begun), {}, {}, {}};
          tell("clock " + rule->name, "started", {}, running->run.started);
          plan(*running);
          break;
        case ClockTurn::changed:
          plan(*running);
          break;
        case ClockTurn::met:
          plan(*running);
          tell("clock " + rule->name, "met", {}, *running->run.met_at);
          end(*running);
          break;
      }
    }
  }
  /// Tells of the clocks that still run what there is to tell.
  void end_clocks() {
    for (Running& running : memory_.clocks) {
      if (!running.run.met_at) end(running);
    }
  }
  /// The record as other definitions have it, with its clocks as they stand; rules that are new find it as it is.
  void take_over(Side& other) {
    context_.now = other.context_.now;
    for (const auto& field : entity_->fields) {
      const Field* there = other.entity_->field(field->name);
      if (there == nullptr || there->type != field->type) continue;
      memory_.record.set(field->slot, carried(*field, *entity_, other.record()[there->slot]));
    }
    memory_.there = other.memory_.there;
    if (!entity_->rules) return;
    records::compute_fields(context_, memory_.record, follow_);
    for (const Running& running : other.memory_.clocks) {
      for (const ClockRule* rule : entity_->rules->clocks) {
        if (rule->name != running.rule->name) continue;
        Running& mine = memory_.clocks.emplace_back(running);
        mine.rule = rule;
        if (!mine.run.met_at) plan(mine);
      }
    }
    if (!memory_.there) return;
    for (const Automation* rule : entity_->rules->timed) {
      const auto moment = moment_of(*rule->at, context_, memory_.record, follow_);
      if (moment && *moment > context_.now) memory_.timers[rule] = *moment;
    }
    by_system();
    follow_clocks();
    // A step whose moment is long past is taken when the definitions are put in use.
    for (const Transition* transition : entity_->rules->automatic) {
      if (!transition->at || !leaves(*transition, memory_.record.state())) continue;
      attempt([&] { settle(); });
      break;
    }
  }

 private:
  /// Tells of the approvals that the step needs; whether there is one.
  bool tell_approvals(const Transition& transition, Record& asked, const std::string& how) {
    bool any = false;
    for (const model::ApprovalStep& approval : transition.approval) {
      if (!is_needed(approval, context_, asked, follow_)) continue;
      std::string roles;
      for (const std::string& role : approval.by) roles += (roles.empty() ? "" : ", ") + role;
      tell("approval " + entity_->full_name + "." + transition.name + "." + approval.name, "waits",
           (roles.empty() ? std::string("for somebody named by the record") : "for " + roles) + "; " + how);
      any = true;
    }
    return any;
  }
  /// A rule orders the step, and others must agree: then it only asks.
  bool asked_for(const Transition& transition) {
    return leaves(transition, memory_.record.state()) && tell_approvals(transition, memory_.record, "replayed as it was granted");
  }
  void waits_for_tasks(const Transition& transition, const std::string& how) {
    tell("step " + entity_->full_name + "." + transition.name, "waits", "for the tasks of its state; " + how);
  }
  struct Running {
    const ClockRule* rule = nullptr;
    ClockRun run;
    std::set<std::string, std::less<>> fired;
    std::optional<Timestamp> due, next;
  };
  struct Memory {
    Record record;
    bool there = false;
    std::vector<Running> clocks;
    std::map<const Automation*, Timestamp> timers;
  };

  void tell(std::string rule, std::string kind, std::string what = {}, std::optional<Timestamp> at = std::nullopt) {
    const Timestamp when = at.value_or(context_.now);
    happenings_.push_back({std::move(rule), std::move(kind), std::move(what), when, follows_ && when >= parted_});
  }
  static void put(Record& record, const Input& input) {
    for (const auto& [field, value] : input) record.set(field->slot, value);
  }
  static bool same(const Record& a, const Record& b) {
    for (std::size_t i = 0; i < a.values().size(); ++i) {
      if (!a.values()[i].same_as(b.values()[i])) return false;
    }
    return true;
  }
  void set_defaults(Record& record) {
    for (const auto& field : entity_->fields) {
      if (!field->default_value || !record[field->slot].is_null()) continue;
      auto result = records::evaluate(*field->default_value, context_, record, follow_);
      if (result.outcome == expr::Outcome::value) record.set(field->slot, std::move(result.value));
    }
    record.set(model::slot_version, expr::Value(std::int64_t{1}));
    record.set(model::slot_created_at, expr::Value(context_.now));
    record.set(model::slot_updated_at, expr::Value(context_.now));
    if (entity_->workflow) record.set(model::slot_state, expr::Value(entity_->workflow->initial->name));
  }
  Record blank() {
    Record record(*entity_);
    set_defaults(record);
    records::compute_fields(context_, record, follow_);
    return record;
  }
  const model::State* initial_state(const Record& record) const {
    return entity_->workflow && record.state() == entity_->workflow->initial->name ? entity_->workflow->initial : nullptr;
  }
  void judge(const Record& record, const Record& base, const Input& given) {
    const auto under = records::under_conditions(*entity_, given);
    if (under.empty()) return;
    Record copy = record;
    for (const FieldError& mistake : records::judge_changes(context_, copy, base, under, follow_))
      throw Refused{"field " + entity_->full_name + "." + mistake.field, mistake.code, mistake.message};
  }
  bool may_take(const Transition& transition) {
    if (records::is_administrator(context_)) return true;
    if (transition.by.empty()) return records::may(context_, model::Operation::update, memory_.record, follow_);
    return std::any_of(transition.by.begin(), transition.by.end(), [&](const std::string& role) { return records::holds_role(context_, role); });
  }

  /// The gate's checks, as far as they need nothing but the record.
  void check(Record& record, const Record* before) {
    std::vector<FieldError> mistakes;
    records::compute_fields(context_, record, follow_, &mistakes);
    const std::string name = entity_->full_name + ".";
    for (const FieldError& mistake : mistakes) throw Refused{"field " + name + mistake.field, mistake.code, mistake.message};
    for (const auto& field : entity_->fields) {
      if (field->system) continue;
      const bool changed = before == nullptr || !(*before)[field->slot].same_as(record[field->slot]);
      if (changed) {
        expr::Value value = record[field->slot];
        if (const auto mistake = records::check_value(*context_.catalog, *field, value, context_.locale))
          throw Refused{"field " + name + field->name, mistake->code, mistake->message};
        record.set(field->slot, std::move(value));
      }
      if (!record[field->slot].is_null()) continue;
      const bool required = field->required || (field->required_when && records::evaluate(*field->required_when, context_, record, follow_).is_true());
      if (required && records::is_visible(*field, context_, record, follow_)) throw Refused{"field " + name + field->name, "required", "it is empty"};
    }
    for (const model::Invariant& invariant : entity_->invariants) {
      const auto result = records::evaluate(*invariant.check, context_, record, follow_);
      const bool* holds = result.value.as<bool>();
      const bool passes = result.value.is_null() || (holds && *holds);
      if (result.outcome == expr::Outcome::unknown || (result.outcome == expr::Outcome::value && passes)) continue;
      throw Refused{"invariant " + name + invariant.name, "invariant", "it does not hold: " + invariant.check->source()};
    }
  }

  void write(Record record, Record stored, Point point, const Transition* transition) {
    check(record, &stored);
    if (point == Point::update && same(stored, record)) return;
    record.set(model::slot_version, expr::Value(stored.version() + 1));
    record.set(model::slot_updated_at, expr::Value(context_.now));
    memory_.record = record;
    after(point, std::move(stored), std::move(record), transition);
  }

  void after(Point point, std::optional<Record> before, Record written, const Transition* transition) {
    if (entity_->rules) {
      if (point == Point::transition && !held_.empty()) {
        *held_.back() = [this, point, before, written, transition] { react(point, before, written, transition); };
      } else {
        react(point, before, written, transition);
      }
    }
    follow_clocks();
  }

  void enter(const std::string& rule) {
    if (++depth_ > static_cast<int>(most_depth)) throw Refused{"bounds", "depth", "rules set each other off too deeply, at " + rule};
  }

  Input input_of(const Effect& effect, Record& record) {
    Input input;
    for (const auto& [field, program] : effect.with) {
      auto result = records::evaluate(*program, context_, record, follow_);
      if (result.outcome == expr::Outcome::error) throw Refused{"field " + entity_->full_name + "." + field->name, "compute_error", result.message};
      input.emplace_back(field, result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value());
    }
    return input;
  }
  bool wanted(const Effect& effect, Record& record) {
    return !effect.when || records::evaluate(*effect.when, context_, record, follow_).is_true();
  }
  void own_changes(const std::vector<Effect>& effects, Record& record, Input& changes) {
    for (const Effect& effect : effects) {
      if (!own_set(effect) || !wanted(effect, record)) continue;
      for (auto& entry : input_of(effect, record)) {
        record.set(entry.first->slot, entry.second);
        changes.push_back(std::move(entry));
      }
    }
  }
  void run_effects(const std::vector<Effect>& effects, const std::string& source, Part part) {
    for (const Effect& effect : effects) {
      if (part == Part::beside && own_set(effect)) continue;
      if (!wanted(effect, memory_.record)) continue;
      if (++effects_ > static_cast<int>(most_effects)) throw Refused{"bounds", "effects", "too many effects of one change, at " + source};
      enter(source);
      if (!own(effect)) {
        tell("effect " + source + "." + effect.name, "fired");
      } else if (effect.kind == Effect::Kind::set) {
        update(input_of(effect, memory_.record), {}, false);
      } else {
        const Transition* transition = entity_->workflow ? entity_->workflow->transition(effect.transition) : nullptr;
        if (transition != nullptr && !asked_for(*transition)) step(*transition, {}, nullptr);
      }
      --depth_;
    }
  }

  /// `filled`: what somebody filled in; null: the definitions order it.
  void step(const Transition& transition, const Input& given, const Input* filled) {
    const std::string rule = "step " + entity_->full_name + "." + transition.name;
    const Record stored = memory_.record;
    if (!leaves(transition, stored.state())) throw Refused{rule, "state", "the record is in " + std::string(stored.state())};
    Record candidate = stored;
    put(candidate, given);
    records::compute_fields(context_, candidate, follow_);
    Record arrived = candidate;
    arrived.set(model::slot_state, expr::Value(transition.to->name));
    records::compute_fields(context_, arrived, follow_);
    for (const Field* field : transition.require) {
      if (candidate[field->slot].is_null() && records::is_visible(*field, context_, arrived, follow_)) throw Refused{rule, "require", field->name + " is empty"};
    }
    if (filled != nullptr) judge(arrived, stored, *filled);
    if (transition.when && !records::evaluate(*transition.when, context_, candidate, follow_).is_true())
      throw Refused{rule, "guard", "its guard does not hold: " + transition.when->source()};
    const model::State* left = entity_->workflow->state(stored.state());
    const bool moves = left != transition.to;
    Input changes = given;
    if (moves && left != nullptr) own_changes(left->exit, candidate, changes);
    own_changes(transition.effects, candidate, changes);
    if (moves) own_changes(transition.to->enter, candidate, changes);
    std::function<void()> then;
    const bool hold = entity_->rules != nullptr;
    if (hold) held_.push_back(&then);
    Record record = stored;
    put(record, changes);
    record.set(model::slot_state, expr::Value(transition.to->name));
    write(std::move(record), stored, Point::transition, &transition);
    if (moves && left != nullptr) run_effects(left->exit, "state " + entity_->full_name + "." + left->name, Part::beside);
    run_effects(transition.effects, rule, Part::beside);
    if (moves) run_effects(transition.to->enter, "state " + entity_->full_name + "." + transition.to->name, Part::beside);
    if (hold) {
      held_.pop_back();
      if (then) then();
    }
  }

  void react(Point point, const std::optional<Record>& before, const Record& written, const Transition* transition) {
    const model::EntityRules& rules = *entity_->rules;
    const bool created = point == Point::create, removed = point == Point::remove;
    if (created && rules.state_effects) {
      if (const model::State* initial = initial_state(written)) run_effects(initial->enter, "state " + entity_->full_name + "." + initial->name, Part::beside);
    }
    const bool arrives = !removed && (created || written.state() != before->state());
    const model::State* state = arrives && rules.tasks ? entity_->workflow->state(written.state()) : nullptr;
    for (const model::TaskRule& task : state != nullptr ? state->tasks : std::vector<model::TaskRule>()) {
      Record copy = written;
      if (task.when && !records::evaluate(*task.when, context_, copy, follow_).is_true()) continue;
      tell("effect state " + entity_->full_name + "." + state->name + ".tasks." + task.name, "fired");
    }
    for (const Automation* rule : rules.automations) {
      const bool off = rule->on == Automation::On::created      ? created
                       : rule->on == Automation::On::updated    ? !created && !removed
                       : rule->on == Automation::On::deleted    ? removed
                       : rule->on == Automation::On::state      ? arrives && written.state() == rule->event
                       : rule->on == Automation::On::transition ? transition != nullptr && transition->name == rule->event
                                                                : false;
      if (!off) continue;
      Record copy = written;
      if (!automation_refusal(*rule, context_, copy, before ? &*before : nullptr, follow_).empty()) continue;
      const std::string name = "automation " + rule->name;
      tell(name, "fired");
      if (!rule->in_transaction) {
        waiting_.push_back(rule);
        continue;
      }
      enter(name);
      run_effects(rule->effects, name, Part::all);
      --depth_;
    }
    if (removed) return;
    for (const Automation* rule : rules.timed) {
      Record now = written;
      std::optional<Timestamp> was;
      if (before) {
        Record earlier = *before;
        was = moment_of(*rule->at, context_, earlier, follow_);
      }
      const auto is = moment_of(*rule->at, context_, now, follow_);
      if (was == is) continue;
      memory_.timers.erase(rule);
      if (is) memory_.timers[rule] = *is;
    }
    settle();
  }

  void settle() {
    const auto& automatic = entity_->rules->automatic;
    if (automatic.empty()) return;
    ++settling_;
    for (bool moved = true; moved;) {
      moved = false;
      for (const Transition* transition : automatic) {
        if (taken_.contains(transition) || !taken_by_itself(*transition, context_, memory_.record, follow_)) continue;
        if (transition->wait_for_tasks) {  // when they end, is what the history tells
          waits_for_tasks(*transition, "until they have ended; replayed as it was taken");
          continue;
        }
        taken_.insert(transition);
        const std::string name = "automatic " + entity_->full_name + "." + transition->name;
        enter(name);
        tell(name, "taken");
        step(*transition, {}, nullptr);
        --depth_;
        moved = true;
        break;
      }
    }
    if (--settling_ == 0) taken_.clear();
  }

  Running* find(const ClockRule& rule) {
    for (Running& running : memory_.clocks) {
      if (running.rule == &rule) return &running;
    }
    return nullptr;
  }
  void plan(Running& running) {
    if (const auto at = due(running.run, running.rule->calendar)) running.due = at;
    const auto all = coming(running.run, *running.rule, running.fired);
    running.next = all.empty() ? std::nullopt : std::optional(all.front().at);
  }
  void end(Running& running) {
    if (running.due && running.run.limit) tell("clock " + running.rule->name, "due", {}, *running.due);
    if (const auto at = breached(running.run, running.rule->calendar, context_.now)) tell("clock " + running.rule->name, "breached", {}, *at);
  }
  void clock_timer(const ClockRule& rule) {
    Running* running = find(rule);
    std::vector<std::pair<const ClockRule::Action*, bool>> actions;
    for (const ClockMoment& one : coming(running->run, rule, running->fired)) {
      if (one.at > context_.now) continue;
      running->fired.insert(one.key);
      if (!one.action->effects.empty()) actions.emplace_back(one.action, one.key.starts_with("warn:"));
    }
    plan(*running);
    for (const auto& [action, warns] : actions) {
      if (warns && find(rule)->run.met_at) continue;
      const std::string name = "clock " + rule.name + "." + action->name;
      tell(name, "fired");
      if (const auto failed = attempt([&] { run_effects(action->effects, name, Part::all); })) tell(name, "failed", failed->what);
    }
  }

  /// Does what comes next, where that is not after `to`.
  bool next_turn(Timestamp to) {
    if (!memory_.there) return false;
    std::optional<Timestamp> first;
    const ClockRule* clock = nullptr;
    const Automation* timed = nullptr;
    const auto sooner = [&](Timestamp at) {
      at = std::max(at, context_.now);
      if (at > to || (first && *first <= at)) return false;
      first = at;
      return true;
    };
    for (const Transition* transition : entity_->rules->automatic) {
      if (!transition->at || !leaves(*transition, memory_.record.state())) continue;
      const auto moment = moment_of(*transition->at, context_, memory_.record, follow_);
      if (moment && *moment > context_.now) sooner(*moment);
    }
    for (const auto& [rule, at] : memory_.timers) {
      if (sooner(at)) timed = rule;
    }
    for (const Running& running : memory_.clocks) {
      if (running.next && sooner(*running.next)) {
        clock = running.rule;
        timed = nullptr;
      }
    }
    if (!first) return false;
    context_.now = *first;
    if (clock != nullptr) {
      clock_timer(*clock);
    } else if (timed != nullptr) {
      const Timestamp due = memory_.timers[timed];
      memory_.timers.erase(timed);
      const std::string name = "automation " + timed->name;
      if (moment_of(*timed->at, context_, memory_.record, follow_) == due && automation_refusal(*timed, context_, memory_.record, nullptr, follow_).empty()) {
        tell(name, "fired");
        if (const auto failed = attempt([&] { run_effects(timed->effects, name, Part::all); })) tell(name, "failed", failed->what);
      }
    } else if (const auto failed = attempt([&] { settle(); })) {
      tell(failed->rule, "failed", failed->what);
    }
    return true;
  }

  const Entity* entity_;
  std::shared_ptr<const records::Follow> follow_;
  Context context_;
  Memory memory_;
  std::vector<Happening> happenings_;
  bool follows_ = false;
  Timestamp parted_;
  // Of one transaction:
  std::vector<const Automation*> waiting_;
  std::vector<std::function<void()>*> held_;
  std::set<const Transition*> taken_;
  int settling_ = 0, effects_ = 0, depth_ = 0;
  int queued_ = 0;
};

}  // namespace

struct RecordSimulation::State {
  State(const SimulationWorld& world_, const Entity& entity_, std::int64_t id_)
      : world(world_), entity(entity_), id(id_), present(world_.present, entity_, world_.follow_present), history(entity_) {
    next_entity = world.next->entity(entity.full_name);
    if (next_entity == nullptr) return;
    next.emplace(world.next, *next_entity, world.follow_next);
    next_history = Record(*next_entity);
    for (const auto& field : entity.fields) {
      if (field->system && (field->slot == model::slot_version || field->slot == model::slot_updated_at || field->slot == model::slot_created_at)) continue;
      const Field* other = next_entity->field(field->name);
      if (other != nullptr && other->type == field->type && other->scale == field->scale) pairs.emplace_back(field.get(), other);
    }
  }

  /// Whether the next definitions hold already.
  bool active() const { return next && begun; }
  bool differs() {
    if (!active()) return false;
    if (present.there() != next->there()) return true;
    return std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return !equal(pair); });
  }
  bool equal(const std::pair<const Field*, const Field*>& pair) {
    return next->record()[pair.second->slot].same_as(carried(*pair.second, *next_entity, present.record()[pair.first->slot]));
  }

  /// Where the definitions in use did not lead to what is recorded, both go on with what is.
  void bring_in_line(bool note) {
    if (!present.there()) return;
    bool changed = false;
    std::vector<const Field*> together;
    for (const auto& field : entity.fields) {
      if (field->slot == model::slot_version || field->slot == model::slot_updated_at || field->slot == model::slot_created_at || field->slot == model::slot_id) continue;
      const expr::Value& told = history[field->slot];
      if (present.record()[field->slot].same_as(told)) continue;
      if (note && !field->sensitive) unexplained.insert(field->name);
      if (active() && next->there()) {
        const auto pair = std::find_if(pairs.begin(), pairs.end(), [&](const auto& one) { return one.first == field.get(); });
        if (pair != pairs.end() && equal(*pair)) {
          next->set(*pair->second, carried(*pair->second, *next_entity, told));
          together.push_back(pair->second);
        }
      }
      present.set(*field, told);
      changed = true;
    }
    if (!changed) return;
    present.follow_clocks();
    if (!active() || !next->there()) return;
    records::compute_fields(next->context(), next->record(), next->follow());
    for (const Field* field : together) next->set(*field, next_history[field->slot]);
    next->follow_clocks();
  }

  void put_in_use() {
    if (!next || begun) return;
    present.happenings().clear();
    begun = true;
    next->take_over(present);
  }

  /// Whether the definitions in use do by themselves what the event tells.
  bool by_itself(const PastEvent& event) const {
    const std::string_view source = event.source;
    const auto rest = [&](std::string_view prefix) { return source.starts_with(prefix) ? source.substr(prefix.size()) : std::string_view(); };
    if (event.action == "create" || event.action == "delete" || event.action == "restore") return false;
    const std::string own_name = entity.full_name + ".";
    const auto of_own = [&](std::string_view name) { return name.starts_with(own_name) ? name.substr(own_name.size()) : std::string_view(); };
    if (const auto name = of_own(rest("automatic ")); !name.empty()) {
      const Transition* step = entity.workflow ? entity.workflow->transition(name) : nullptr;
      return step != nullptr && (step->automatic || step->at) && !step->wait_for_tasks;
    }
    if (const auto name = rest("automation "); !name.empty()) {
      for (const auto& rule : world.present->automations) {
        if (rule->name == name) return rule->active && rule->entity == &entity && any_own(rule->effects);
      }
      return false;
    }
    if (const auto name = rest("clock "); !name.empty() && entity.rules) {
      const std::size_t dot = name.rfind('.');
      for (const ClockRule* rule : entity.rules->clocks) {
        if (dot == std::string_view::npos || rule->name != name.substr(0, dot)) continue;
        for (const auto* list : {&rule->warn, &rule->breach}) {
          for (const auto& action : *list) {
            if (action.name == name.substr(dot + 1) && any_own(action.effects)) return true;
          }
        }
      }
      return false;
    }
    if (const auto name = of_own(rest("effect ")); !name.empty()) {
      const std::size_t dot = name.find('.');
      const Transition* step = entity.workflow && dot != std::string_view::npos ? entity.workflow->transition(name.substr(0, dot)) : nullptr;
      return step != nullptr && std::any_of(step->effects.begin(), step->effects.end(),
                                            [&](const Effect& effect) { return effect.name == name.substr(dot + 1) && own(effect); });
    }
    if (const auto name = of_own(rest("state ")); !name.empty()) {
      const model::State* state = entity.workflow ? entity.workflow->state(name) : nullptr;
      return state != nullptr && (any_own(state->enter) || any_own(state->exit));
    }
    return false;
  }

  /// Whether definitions ordered it, of this record or of another.
  static bool by_rule(const PastEvent& event) {
    for (const char* prefix : {"automation ", "automatic ", "effect ", "state ", "clock ", "schedule ", "assignment "}) {
      if (event.source.starts_with(prefix)) return true;
    }
    return false;
  }

  /// What an event brings in, for both.
  struct Given {
    Input present, next;                ///< filled in by whoever acted
    Input present_direct, next_direct;  ///< what came into the record beside that: hooks of plugins, other records
  };
  template <class Skip>
  Given given_by(const Json::Object& changes, const Transition* step, const Skip& skip) {
    Given given;
    const auto named = [&](const std::string& name) {
      return std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == name; });
    };
    for (const auto& field : entity.fields) {
      const bool settable = !field->system || field->slot == model::slot_owner || field->slot == model::slot_external_source || field->slot == model::slot_external_id;
      if (!settable || !(named(field->name) || (field->type == model::FieldType::money && named(field->currency_column)))) continue;
      const Field* other = next_entity != nullptr ? next_entity->field(field->name) : nullptr;
      if (field->compute) {
        if (other != nullptr && !other->compute) given.next_direct.emplace_back(other, next_history[other->slot]);
        continue;
      }
      if (skip(*field)) continue;
      const bool filled = step != nullptr ? step->asks_for(*field) : !field->rollup && (field->system || !field->read_only);
      (filled ? given.present : given.present_direct).emplace_back(field.get(), history[field->slot]);
      if (other != nullptr && !other->compute) (filled ? given.next : given.next_direct).emplace_back(other, next_history[other->slot]);
    }
    return given;
  }

  /// Does it on both sides, and tells where only the next definitions refuse.
  template <class Present, class Next>
  void both(const PastEvent& event, const Json::Object& changes, const Present& act, const Next& act_next) {
    const auto refused = present.attempt(act);
    if (refused) {
      unexplained.insert(refused->rule + " (" + refused->kind + ")");
      present.adopt(history);
    }
    if (!active()) return;
    const auto refused_next = next->attempt(act_next);
    if (!refused_next) return;
    if (refused && refused->rule == refused_next->rule && refused->kind == refused_next->kind) {
      // It happened although it should not have; it would again.
      if (!diverged) return next->adopt(next_history);
      for (const auto& change : changes) {
        if (const Field* field = next_entity->field(change.first)) next->set(*field, next_history[field->slot]);
      }
      next->set_there(present.there());
      return next->follow_clocks();
    }
    Difference difference;
    difference.rule = refused_next->rule;
    difference.kind = "refused";
    difference.what = refused_next->what;
    difference.present = event.at;
    difference.follows = diverged;
    differences.push_back(std::move(difference));
  }

  void add(const PastEvent& event) {
    const Json json = records::parse_json(event.changes.empty() ? "{}" : event.changes);
    const auto* object = json.as<Json::Object>();
    if (object == nullptr) throw Error(ErrorCode::invalid_argument, "The changes of event " + std::to_string(event.id) + " are no JSON object.");
    if (event.changes.find("\"v1:") != std::string::npos) ++sealed;
    const Timestamp at = std::max(event.at, present.now());
    if (!begun && (!world.since || at >= *world.since)) {
      if (world.since) present.advance(*world.since);
      if (present.there()) put_in_use();
      else begun = true;
    }
    present.advance(at);
    if (active()) next->advance(at);
    const bool itself = by_itself(event);
    const std::string before = std::string(history.state());
    if (!itself) bring_in_line(event.action != "create");
    diverged = differs();
    present.set_follows(diverged, at);
    if (next) next->set_follows(diverged, at);
    remember(*object);
    if (itself || (object->empty() && !event.action.starts_with("transition:") && event.action != "restore" && event.action != "delete")) return;
    const records::Actor actor = event.actor_id != 0 && world.actor ? world.actor(event.actor_id, event.at) : records::Actor();
    const auto act_as = [&](Side& side) {
      if (event.actor_id != 0) side.by(actor);
      else side.by_system();
    };
    act_as(present);
    if (next) act_as(*next);
    if (event.action == "create") create(event, *object);
    else if (event.action == "delete") remove();
    else if (event.action == "restore") restore();
    else if (!present.there()) restore();  // its beginning is not known
    else if (event.action.starts_with("transition:")) step(event, *object, before);
    else change(event, *object);
  }

  /// The history's values follow the event.
  void remember(const Json::Object& changes) {
    std::string row = "{";
    for (const auto& [name, pair] : changes) {
      const auto* values = pair.as<Json::Array>();
      if (values == nullptr || values->size() != 2) continue;
      row += row.size() > 1 ? "," : "";
      records::write_json_string(row, name);
      row += ":";
      (*values)[1].write(row);
    }
    row += "}";
    const auto follow = [&](const Entity& definition, Record& record) {
      const Record values = records::parse_row(definition, row);
      for (const auto& field : definition.fields) {
        const bool named = std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == field->name; });
        if (named) record.set(field->slot, carried(*field, definition, values[field->slot]));
        const bool currency = !named && field->type == model::FieldType::money &&
                              std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == field->currency_column; });
        if (!currency) continue;
        const auto* amount = record[field->slot].as<Decimal>();
        const Json* code = nullptr;
        for (const auto& [name, pair] : changes) {
          if (name == field->currency_column && pair.as<Json::Array>() && pair.as<Json::Array>()->size() == 2) code = &(*pair.as<Json::Array>())[1];
        }
        if (amount == nullptr || code == nullptr || code->as<std::string>() == nullptr) continue;
        Decimal money = *amount;
        money.set_currency(*code->as<std::string>());
        record.set(field->slot, expr::Value(money));
      }
      record.set(model::slot_id, expr::Value(id));
    };
    const Record old = history, old_next = next_history;
    follow(entity, history);
    keep_currency(entity, old, history, changes);
    if (next_entity == nullptr) return;
    follow(*next_entity, next_history);
    keep_currency(*next_entity, old_next, next_history, changes);
  }
  /// An amount without its currency beside it keeps the one it had: only what changed is recorded.
  static void keep_currency(const Entity& definition, const Record& old, Record& record, const Json::Object& changes) {
    for (const auto& field : definition.fields) {
      if (field->type != model::FieldType::money) continue;
      const auto* was = old[field->slot].as<Decimal>();
      const auto* is = record[field->slot].as<Decimal>();
      const bool told = std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == field->currency_column; });
      if (told || was == nullptr || is == nullptr || !was->has_currency() || is->has_currency()) continue;
      Decimal money = *is;
      money.set_currency(std::string(was->currency_code()));
      record.set(field->slot, expr::Value(money));
    }
  }

  void create(const PastEvent& event, const Json::Object& changes) {
    const bool by_hand = event.actor_id != 0 && !by_rule(event);
    history.set(model::slot_created_at, expr::Value(event.at));
    const model::State* initial = entity.workflow ? entity.workflow->initial : nullptr;
    const auto set_by_state = [&](const Field& field) {
      if (initial == nullptr || history.state() != initial->name) return false;
      return std::any_of(initial->enter.begin(), initial->enter.end(), [&](const Effect& effect) {
        return own_set(effect) && std::any_of(effect.with.begin(), effect.with.end(), [&](const auto& one) { return one.first == &field; });
      });
    };
    Given given = given_by(changes, nullptr, set_by_state);
    // What is as the default in use makes it was probably nobody's word: another default would have been taken.
    std::erase_if(given.next, [&](const auto& entry) {
      const Field* field = entity.field(entry.first->name);
      const auto& next_default = entry.first->default_value;
      if (!field->default_value || (next_default && next_default->source() == field->default_value->source())) return false;
      Record empty(entity);
      const auto result = records::evaluate(*field->default_value, present.context(), empty, present.follow());
      return result.outcome == expr::Outcome::value && result.value.same_as(history[field->slot]);
    });
    // It began where the definitions of its time said.
    const std::string state = initial != nullptr && history.state() != initial->name ? std::string(history.state()) : std::string();
    both(
        event, changes, [&] { present.create(id, history[model::slot_number], given.present, given.present_direct, state, by_hand); },
        [&] {
          const bool known = !state.empty() && next_entity->workflow && next_entity->workflow->state(next_history.state()) != nullptr;
          next->create(id, history[model::slot_number], given.next, given.next_direct, known ? std::string(next_history.state()) : std::string(), by_hand);
        });
  }

  void change(const PastEvent& event, const Json::Object& changes) {
    const bool state = std::any_of(changes.begin(), changes.end(), [](const auto& one) { return one.first == "state"; });
    const Given given = given_by(changes, nullptr, [](const Field&) { return false; });
    // A step taken back, or a state that an earlier change of the definitions moved.
    if (state || event.action != "update") {
      present.adopt(history);
      if (!active() || !next->there()) return;
      if (!diverged) return next->adopt(next_history);
      if (state) {
        differences.push_back({"entity " + entity.full_name, "refused", "what is taken back had gone another way", event.at, std::nullopt, true});
        return;
      }
    }
    const bool by_hand = event.actor_id != 0 && event.action == "update" && !by_rule(event);
    both(
        event, changes, [&] { present.update(given.present, given.present_direct, by_hand); },
        [&] {
          if (next->there()) next->update(given.next, given.next_direct, by_hand);
        });
  }

  void step(const PastEvent& event, const Json::Object& changes, const std::string& before) {
    const std::string name = event.action.substr(std::string_view("transition:").size());
    const Transition* transition = entity.workflow ? entity.workflow->transition(name) : nullptr;
    std::set<const Field*> ordered;
    const auto note = [&](const std::vector<Effect>& effects) {
      for (const Effect& effect : effects) {
        if (!own_set(effect)) continue;
        for (const auto& one : effect.with) ordered.insert(one.first);
      }
    };
    if (transition != nullptr) {
      if (const model::State* left = entity.workflow->state(before)) note(left->exit);
      note(transition->effects);
      note(transition->to->enter);
    }
    const Given given = given_by(changes, transition, [&](const Field& field) {
      return ordered.contains(&field) && (transition == nullptr || !transition->asks_for(field));
    });
    both(
        event, changes, [&] { present.step_from_outside(name, given.present, given.present_direct, !event.note.empty(), !by_rule(event)); },
        [&] {
          if (next->there()) next->step_from_outside(name, given.next, given.next_direct, !event.note.empty(), !by_rule(event));
        });
  }

  void remove() {
    if (present.there()) {
      if (present.attempt([&] { present.remove(); })) present.set_there(false);
    }
    if (active() && next->there() && next->attempt([&] { next->remove(); })) next->set_there(false);
  }

  void restore() {
    present.adopt(history);
    if (!active()) return;
    if (next->there() || diverged) return;
    next->adopt(next_history);
  }

  void match() {
    using Key = std::pair<std::string, std::string>;
    std::map<Key, std::pair<std::vector<Happening>, std::vector<Happening>>> sorted;
    for (Happening& one : present.happenings()) sorted[{one.rule, one.kind}].first.push_back(std::move(one));
    for (Happening& one : next->happenings()) sorted[{one.rule, one.kind}].second.push_back(std::move(one));
    for (auto& [key, sides] : sorted) {
      auto& [mine, theirs] = sides;
      for (auto one = mine.begin(); one != mine.end();) {
        const auto same = std::find_if(theirs.begin(), theirs.end(), [&](const Happening& other) { return other.at == one->at; });
        if (same == theirs.end()) {
          ++one;
          continue;
        }
        theirs.erase(same);
        one = mine.erase(one);
      }
      const std::size_t paired = std::min(mine.size(), theirs.size());
      for (std::size_t i = 0; i < paired; ++i)
        differences.push_back({key.first, "other_time", key.second, mine[i].at, theirs[i].at, mine[i].follows || theirs[i].follows});
      if (key.second == "due") continue;  // told by what started or did not
      const auto what = [&](const Happening& one) { return one.what; };
      for (std::size_t i = paired; i < mine.size(); ++i) differences.push_back({key.first, "not_" + key.second, what(mine[i]), mine[i].at, std::nullopt, mine[i].follows});
      for (std::size_t i = paired; i < theirs.size(); ++i) differences.push_back({key.first, key.second, what(theirs[i]), std::nullopt, theirs[i].at, theirs[i].follows});
    }
  }

  /// States and options that the record ends with and that the next definitions do not have.
  void moved() {
    for (const auto& [field, other] : pairs) {
      const expr::Value& value = present.record()[field->slot];
      if (value.is_null() || field->sensitive) continue;
      const bool state = field->system && field->slot == model::slot_state && next_entity->workflow;
      if (!state && other->choices == nullptr) continue;
      const expr::Value target = carried(*other, *next_entity, value);
      if (!target.same_as(value)) {
        differences.push_back({(state ? "state " : "field ") + entity.full_name + "." + field->name, "moved", json_of(*field, value) + " → " + json_of(*other, target),
                               std::nullopt, std::nullopt, false});
      } else if (const auto* name = value.as<std::string>();
                 name != nullptr && (state ? next_entity->workflow->state(*name) == nullptr : other->choices->option(*name) == nullptr)) {
        differences.push_back({(state ? "state " : "field ") + entity.full_name + "." + field->name, "refused",
                               json_of(*field, value) + " is no more, and `moved` does not say where its records go", std::nullopt, std::nullopt, false});
      }
    }
  }

  RecordOutcome finish() {
    RecordOutcome out;
    out.id = id;
    if (world.since && !begun && *world.since <= world.until) {
      present.advance(*world.since);
      bring_in_line(true);
      if (present.there()) put_in_use();
    }
    present.set_follows(differs(), present.now());
    if (next) next->set_follows(differs(), present.now());
    present.advance(world.until);
    if (active()) next->advance(world.until);
    bring_in_line(true);
    present.end_clocks();
    if (const auto* number = history[model::slot_number].as<std::string>()) out.number = *number;
    out.state = present.record().state();
    out.unexplained.assign(unexplained.begin(), unexplained.end());
    out.sealed = sealed;
    if (!active()) return out;
    next->end_clocks();
    out.next_state = next->there() ? std::string(next->record().state()) : std::string();
    match();
    if (present.there()) moved();
    if (present.there() && next->there()) {
      for (const auto& pair : pairs) {
        if (equal(pair)) continue;
        if (pair.first->sensitive || pair.second->sensitive) {
          out.fields.push_back({pair.first->name, "\"***\"", "\"***\""});
          continue;
        }
        out.fields.push_back({pair.first->name, json_of(*pair.first, present.record()[pair.first->slot]), json_of(*pair.second, next->record()[pair.second->slot])});
      }
    }
    const auto when = [](const Difference& one) {
      const auto last = Timestamp{INT64_MAX};
      return std::min(one.present.value_or(last), one.next.value_or(last));
    };
    std::stable_sort(differences.begin(), differences.end(), [&](const Difference& a, const Difference& b) { return when(a) < when(b); });
    out.differences = std::move(differences);
    return out;
  }

  const SimulationWorld& world;
  const Entity& entity;
  const std::int64_t id;
  const Entity* next_entity = nullptr;
  Side present;
  std::optional<Side> next;
  Record history, next_history;  ///< what the events say, in the words of each
  std::vector<std::pair<const Field*, const Field*>> pairs;
  bool begun = false, diverged = false;
  std::int64_t sealed = 0;
  std::set<std::string> unexplained;
  std::vector<Difference> differences;
};

RecordSimulation::RecordSimulation(const SimulationWorld& world, const model::Entity& entity, std::int64_t id)
    : state_(std::make_unique<State>(world, entity, id)) {}
RecordSimulation::~RecordSimulation() = default;
void RecordSimulation::add(const PastEvent& event) { state_->add(event); }
RecordOutcome RecordSimulation::finish() { return state_->finish(); }

}  // namespace caravan::workflow

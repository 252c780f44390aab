#include <algorithm>
#include <functional>
#include <map>
#include <unordered_set>

#include "expr/analysis.h"
#include "model/check.h"
#include "model/process.h"

// Rules that set each other off, and steps that are taken by themselves at the same time.

namespace caravan::model {
namespace {

constexpr std::size_t most_rules = 2000;  ///< of a graph that is searched

using Program = std::shared_ptr<const expr::Program>;

/// What an effect makes of one record, as far as rules are set off by it.
struct Change {
  const Entity* entity = nullptr;
  bool created = false, updated = false;
  const Transition* step = nullptr;
  const State* state = nullptr;                           ///< that the record comes to
  bool own = false;                                       ///< of the rule's own record
  std::unordered_set<const Field*> fields;                ///< that are set
  std::map<const Field*, expr::Value> constants;          ///< set to what is known
};

/// An automation, or a step that is taken by itself.
struct Rule {
  const Entity* entity = nullptr;
  const Automation* automation = nullptr;
  const Transition* step = nullptr;
  std::vector<std::size_t> sets_off;
  std::string name() const { return automation ? "automation " + automation->name : "transition " + entity->full_name + "." + step->name; }
  const Program& when() const { return automation ? automation->when : step->when; }
};

bool leaves(const Transition& transition, const State& state) {
  return std::find(transition.from.begin(), transition.from.end(), &state) != transition.from.end();
}

void add_constant(Change& change, const Field& field, const Program& program) {
  change.fields.insert(&field);
  change.constants.erase(&field);
  if (!program || !expr::read_fields(*program).empty() || expr::varies(*program)) return;
  const expr::Evaluation value = program->evaluate({});
  if (value.outcome == expr::Outcome::value && !value.value.is_null()) change.constants[&field] = value.value;
}

class ProcessCheck {
 public:
  explicit ProcessCheck(const CheckContext& context) : context_(context) {}

  void run() {
    for (const auto& entity : context_.catalog.entities) {
      if (entity->rules) overlaps(*entity);
    }
    collect();
    if (rules_.size() <= most_rules) circles();
  }

 private:
  Place place_of(const Rule& rule) const {
    const Document* document = context_.document(rule.automation ? "automation" : "entity", rule.automation ? rule.automation->name : rule.entity->full_name);
    if (!document) return {};
    const Entry* entry = rule.automation ? CheckContext::entry(document, {"do"}) : CheckContext::entry(document, {"workflow", "transitions", rule.step->name});
    return entry ? entry->at : document->at;
  }

  /// Whether both can hold for one record. Sound: where it says no, they cannot.
  bool together(const Entity& entity, const Program& a, const Program& b, const Change* known) const {
    std::string source;
    for (const Program& one : {a, b}) {
      if (one) source += (source.empty() ? "(" : " && (") + one->source() + ")";
    }
    if (source.empty()) return true;
    expr::Environment environment = context_.catalog.record_environment(entity);
    environment.variables.push_back({"before", environment.variables[0].type});
    environment.result = expr::TypeKind::boolean;
    const auto compiled = expr::compile(source, environment);
    if (!compiled.program) return true;
    const auto decided = expr::find_decided(*compiled.program, [&](const expr::RecordType& type, std::uint32_t slot, bool own) {
      expr::FieldFact fact;
      const auto* of = dynamic_cast<const Entity*>(&type);
      if (!own || of != &entity || slot >= entity.fields.size()) return fact;
      const Field& field = *entity.fields[slot];
      if (slot == slot_state && entity.workflow) {
        fact.filled = true;
        std::vector<expr::Value> all;
        for (const auto& state : entity.workflow->states) all.emplace_back(state->name);
        fact.values = all;
        fact.known = std::move(all);
        if (known && known->state) fact.values = std::vector<expr::Value>{expr::Value(known->state->name)};
      }
      const auto constant = known ? known->constants.find(&field) : std::map<const Field*, expr::Value>::const_iterator();
      if (known && constant != known->constants.end()) {
        fact.filled = true;
        fact.values = std::vector<expr::Value>{constant->second};
        if (constant->second.is<std::int64_t>()) fact.min = fact.max = constant->second;
      }
      return fact;
    });
    return std::none_of(decided.begin(), decided.end(), [](const expr::Decided& one) { return one.whole && !one.holds; });
  }

  void overlaps(const Entity& entity) {
    const auto& all = entity.rules->automatic;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Transition &one = *all[i], &other = *all[j];
        if (one.at || other.at) continue;  // the moments tell them apart
        const auto shared = std::find_if(one.from.begin(), one.from.end(), [&](const State* state) { return leaves(other, *state); });
        if (shared == one.from.end()) continue;
        Change state;
        state.state = *shared;
        if (!together(entity, one.when, other.when, &state)) continue;
        const Document* document = context_.document("entity", entity.full_name);
        const Entry* entry = document ? CheckContext::entry(document, {"workflow", "transitions", one.name}) : nullptr;
        if (!entry) continue;
        const std::string both = "transitions " + quoted(other.name) + " and " + quoted(one.name) + " leave state " + quoted((*shared)->name) + " by themselves";
        if (!one.when && !other.when && !other.wait_for_tasks) {
          context_.diagnostics.error(entry->at, "automatic-never", both + ", both without a condition, so the second is never taken", "give them a `when`");
        } else {
          context_.warn(entry->at, "automatic-overlap", both + ", and both conditions may hold: then the first is taken",
                        "let the conditions exclude each other");
        }
        break;
      }
    }
  }

  void collect() {
    for (const auto& automation : context_.catalog.automations) {
      if (automation->active) rules_.push_back({automation->entity, automation.get(), nullptr, {}});
    }
    for (const auto& entity : context_.catalog.entities) {
      for (std::size_t i = 0; entity->rules && i < entity->rules->automatic.size(); ++i) rules_.push_back({entity.get(), nullptr, entity->rules->automatic[i], {}});
    }
  }

  /// What follows from the effects, with those of steps that they take and of states that these come to.
  void follow(const std::vector<Effect>& effects, const Entity& entity, bool own, std::vector<Change>& out, int depth) const {
    if (depth > 8) return;
    for (const Effect& effect : effects) {
      const Entity* changed = effect.entity ? effect.entity : &entity;
      const bool same = own && effect.own();
      if (effect.kind == Effect::Kind::set) {
        Change change;
        change.entity = changed;
        change.updated = true;
        change.own = same;
        for (const auto& [field, program] : effect.with) add_constant(change, *field, program);
        // Several effects on the record itself are seen together by what comes after them.
        if (same) {
          for (Change& earlier : out) {
            if (!earlier.own) continue;
            for (const Field* field : change.fields) earlier.constants.erase(field);
            for (const auto& [field, value] : change.constants) earlier.constants[field] = value;
            earlier.fields.insert(change.fields.begin(), change.fields.end());
          }
        }
        out.push_back(std::move(change));
      } else if (effect.kind == Effect::Kind::create && effect.entity) {
        Change change;
        change.entity = effect.entity;
        change.created = true;
        for (const auto& [field, program] : effect.with) add_constant(change, *field, program);
        if (effect.entity->workflow) {
          change.state = effect.entity->workflow->initial;
          const State* initial = change.state;
          out.push_back(std::move(change));
          if (initial) follow(initial->enter, *effect.entity, false, out, depth + 1);
        } else {
          out.push_back(std::move(change));
        }
      } else if (effect.kind == Effect::Kind::transition && changed->workflow) {
        if (const Transition* step = changed->workflow->transition(effect.transition)) take(*step, *changed, same, out, depth);
      }
    }
  }

  void take(const Transition& step, const Entity& entity, bool own, std::vector<Change>& out, int depth) const {
    Change change;
    change.entity = &entity;
    change.updated = true;
    change.step = &step;
    change.state = step.to;
    change.own = own;
    for (const Effect& effect : step.effects) {
      if (effect.kind != Effect::Kind::set || !effect.own()) continue;
      for (const auto& [field, program] : effect.with) add_constant(change, *field, program);
    }
    for (const Effect& effect : step.to ? step.to->enter : std::vector<Effect>()) {
      if (effect.kind != Effect::Kind::set || !effect.own()) continue;
      for (const auto& [field, program] : effect.with) add_constant(change, *field, program);
    }
    out.push_back(change);
    const auto beside = [](const std::vector<Effect>& effects) {
      std::vector<Effect> kept;
      for (const Effect& effect : effects) {
        if (effect.kind != Effect::Kind::set || !effect.own()) kept.push_back(effect);
      }
      return kept;
    };
    follow(beside(step.effects), entity, own, out, depth + 1);
    if (step.to) follow(beside(step.to->enter), entity, own, out, depth + 1);
    for (const State* from : step.from) follow(beside(from->exit), entity, own, out, depth + 1);
  }

  bool sets_off(const Rule& cause, const Change& change, const Rule& rule) const {
    if (change.entity != rule.entity) return false;
    if (rule.automation) {
      switch (rule.automation->on) {
        case Automation::On::created:
          if (!change.created) return false;
          break;
        case Automation::On::updated:
          if (!change.updated) return false;
          break;
        case Automation::On::state:
          if (!change.state || change.state->name != rule.automation->event) return false;
          break;
        case Automation::On::transition:
          if (!change.step || change.step->name != rule.automation->event) return false;
          break;
        case Automation::On::deleted:
        case Automation::On::event:
        case Automation::On::time: return false;
      }
      if (rule.automation->becomes) {
        // Only what changes can begin to hold.
        const auto reads = expr::read_fields(*rule.automation->becomes);
        const bool touched = change.created || std::any_of(reads.begin(), reads.end(), [&](const expr::ReadField& read) {
                               const bool state = read.slot == slot_state && change.step;
                               return read.type != rule.entity || state || read.slot >= rule.entity->fields.size() ||
                                      change.fields.contains(rule.entity->fields[read.slot].get());
                             });
        if (!touched || !together(*rule.entity, rule.automation->becomes, nullptr, &change)) return false;
      }
    } else {
      if (rule.step->at) return false;  // the clock stands between
      if (change.state && !leaves(*rule.step, *change.state)) return false;
      if (cause.step && change.own && !leaves(*rule.step, *cause.step->to)) return false;
    }
    // What the rule before asked of the same record still holds where it has not touched it.
    Program still;
    if (change.own && cause.when()) {
      const auto reads = expr::read_fields(*cause.when());
      const bool untouched = std::all_of(reads.begin(), reads.end(), [&](const expr::ReadField& read) {
        return read.type == cause.entity && read.slot < cause.entity->fields.size() && (read.slot != slot_state || !change.step) &&
               read.slot != slot_version && read.slot != slot_updated_at && !cause.entity->fields[read.slot]->compute &&
               !change.fields.contains(cause.entity->fields[read.slot].get());
      });
      if (untouched && !expr::varies(*cause.when())) still = cause.when();
    }
    return together(*rule.entity, rule.when(), still, &change);
  }

  void circles() {
    for (Rule& cause : rules_) {
      std::vector<Change> changes;
      if (cause.automation) {
        follow(cause.automation->effects, *cause.entity, true, changes, 0);
      } else {
        take(*cause.step, *cause.entity, true, changes, 0);
      }
      for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (std::any_of(changes.begin(), changes.end(), [&](const Change& change) { return sets_off(cause, change, rules_[i]); })) cause.sets_off.push_back(i);
      }
    }
    // From each rule the shortest way back to it; a circle is told once, at its first rule.
    std::unordered_set<std::size_t> told;
    for (std::size_t start = 0; start < rules_.size(); ++start) {
      if (told.contains(start)) continue;
      std::map<std::size_t, std::size_t> came_from;
      std::vector<std::size_t> open{start};
      bool found = false;
      std::size_t last = start;
      for (std::size_t k = 0; k < open.size() && !found; ++k) {
        for (const std::size_t next : rules_[open[k]].sets_off) {
          if (next == start) {
            found = true;
            last = open[k];
            break;
          }
          if (came_from.emplace(next, open[k]).second) open.push_back(next);
        }
      }
      if (!found) continue;
      std::vector<std::size_t> way{last};
      while (way.back() != start) way.push_back(came_from.at(way.back()));
      // Those that share a rule with one that was told are seen when that is mended.
      if (std::any_of(way.begin(), way.end(), [&](std::size_t one) { return told.contains(one); })) continue;
      std::string text;
      for (auto at = way.rbegin(); at != way.rend(); ++at) {
        text += rules_[*at].name() + " → ";
        told.insert(*at);
      }
      context_.warn(place_of(rules_[start]), "rule-circle", "rules may set each other off without end: " + text + rules_[start].name(),
                    "give one a `when` that no longer holds after it has run, or `becomes`");
    }
  }

  const CheckContext& context_;
  std::vector<Rule> rules_;
};

}  // namespace

void check_process(const CheckContext& context) { ProcessCheck(context).run(); }

}  // namespace caravan::model

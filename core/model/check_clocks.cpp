#include <algorithm>
#include <unordered_set>

#include "expr/analysis.h"
#include "model/check.h"
#include "model/process.h"

namespace caravan::model {
namespace {

class ClockCheck {
 public:
  explicit ClockCheck(const CheckContext& context) : context_(context) {}

  void run() {
    for (const auto& clock : context_.catalog.clocks) {
      const Document* document = context_.document("clock", clock->name);
      if (document && clock->entity) check(*clock, *document);
    }
    unused();
  }

 private:
  using Program = std::shared_ptr<const expr::Program>;

  void check(const ClockRule& clock, const Document& document) {
    facts_of(*clock.entity);
    const bool starts = condition(clock, document, clock.start, "start", false) != Answer::never;
    condition(clock, document, clock.pause, "pause", true);
    const Answer stops = condition(clock, document, clock.stop, "stop", true);
    if (!starts) {
      tell(document, "start", "never-true", "clock " + quoted(clock.name) + " never starts: its `start` can never hold", "say what was meant");
      return;
    }
    const std::string subject = "clock " + quoted(clock.name) + " never stops";
    if (clock.stop) {
      if (stops == Answer::never) tell(document, "stop", "clock-never-stops", subject + ": its `stop` holds for no record", "say what was meant");
    } else if (clock.start) {
      if (condition(clock, document, clock.start, "start", false) == Answer::always) {
        tell(document, "start", "clock-never-stops", subject + ": its `start` always holds, and it has no `stop`", "add `stop`");
      }
    } else if (clock.entity->workflow && !leaves(clock)) {
      context_.warn(document.at, "clock-never-stops", subject + ": no transition leads out of the states that name it", "add `stop`, or let a state that is left name it");
    }
  }

  static bool names(const State& state, const ClockRule& clock) {
    return std::find(state.clocks.begin(), state.clocks.end(), &clock) != state.clocks.end();
  }

  static bool leaves(const ClockRule& clock) {
    const auto& transitions = clock.entity->workflow->transitions;
    return std::any_of(transitions.begin(), transitions.end(), [&](const auto& transition) {
      return transition->to && !names(*transition->to, clock) &&
             std::any_of(transition->from.begin(), transition->from.end(), [&](const State* from) { return names(*from, clock); });
    });
  }

  void facts_of(const Entity& entity) {
    facts_ = [&entity](const expr::RecordType& type, std::uint32_t slot, bool own) {
      expr::FieldFact fact;
      if (!own || &type != &entity || slot >= entity.fields.size()) return fact;
      const Field& field = *entity.fields[slot];
      fact.filled = field.required || field.slot == slot_id || field.slot == slot_created_at || (field.slot == slot_state && entity.workflow);
      std::vector<expr::Value> all;
      if (field.slot == slot_state && entity.workflow) {
        for (const auto& state : entity.workflow->states) all.emplace_back(state->name);
      } else if (field.choices) {
        for (const ChoiceOption& option : field.choices->options) all.emplace_back(option.name);
      }
      if (!all.empty()) {
        fact.values = all;
        fact.known = std::move(all);
      }
      return fact;
    };
  }

  enum class Answer { open, always, never };
  Answer condition(const ClockRule& clock, const Document& document, const Program& program, std::string_view word, bool tell) {
    const Node* node = program ? document.root.get(word) : nullptr;
    if (!node) return Answer::open;
    for (const expr::Decided& decided : expr::find_decided(*program, facts_)) {
      if (decided.whole && (word == "start" || (word == "stop" && !decided.holds))) return decided.holds ? Answer::always : Answer::never;
      if (!tell) continue;
      context_.warn(place_inside(*node, decided.at.line, decided.at.column), decided.holds ? "always-true" : "never-true",
                    (decided.whole ? "`" + std::string(word) + "`" : quoted(decided.part) + " in `" + std::string(word) + "`") + " of clock " + quoted(clock.name) +
                        (decided.holds ? " always holds" : " can never hold"),
                    "say what was meant");
    }
    return Answer::open;
  }

  void tell(const Document& document, std::string_view word, std::string code, std::string text, std::string hint) {
    const Entry* entry = document.root.entry(word);
    context_.warn(entry ? entry->at : document.at, std::move(code), std::move(text), std::move(hint));
  }

  /// A pack may have calendars to choose from; what the agency or a plugin writes is meant to be used.
  void unused() {
    const Catalog& catalog = context_.catalog;
    std::unordered_set<const WorkingHours*> used{catalog.agency.calendar};
    for (const auto& clock : catalog.clocks) used.insert(clock->calendar);
    for (const auto& one : catalog.assignments) used.insert(one->calendar);
    for (const auto& one : catalog.schedules) used.insert(one->calendar);
    for (const auto& calendar : catalog.calendars) {
      const Document* document = context_.document("calendar", calendar->name);
      if (!document || document->layer == LayerKind::pack || used.contains(calendar.get())) continue;
      const bool base = std::any_of(catalog.calendars.begin(), catalog.calendars.end(), [&](const auto& other) {
        const Document* of = context_.document("calendar", other->name);
        const Node* node = of && other != calendar ? of->root.get("base") : nullptr;
        const std::string module = other->name.substr(0, other->name.find('.') + 1);
        return node && (node->text == calendar->name || module + node->text == calendar->name);
      });
      if (!base) context_.warn(document->at, "unused-calendar", "nothing uses calendar " + quoted(calendar->name),
                               "name it in `calendar` of the agency, of a clock or of a schedule, or remove it");
    }
  }

  const CheckContext& context_;
  expr::FactSource facts_;
};

}  // namespace

void check_clocks(const CheckContext& context) {
  ClockCheck(context).run();
}

}  // namespace caravan::model

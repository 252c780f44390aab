#include <algorithm>

#include "expr/analysis.h"
#include "model/builder_text.h"
#include "model/check.h"
#include "model/process.h"

namespace caravan::model {
namespace {

class RuleCheck {
 public:
  explicit RuleCheck(const CheckContext& context) : context_(context) {}

  void run() {
    for (const auto& entity : context_.catalog.entities) {
      if (const Document* document = context_.document("entity", entity->full_name)) entity_rules(*entity, *document);
    }
    for (const auto& role : context_.catalog.roles) {
      const Document* document = context_.document("role", role->name);
      const Node* grants = CheckContext::find(document, {"grants"});
      for (const Entry& entry : grants ? grants->entries : std::vector<Entry>()) {
        for (const auto& [entity, rights] : role->grants) {
          if (entity->full_name != entry.key && entity->full_name != std::string(role->name.substr(0, role->name.find('.'))) + "." + entry.key) continue;
          for (std::size_t i = 0; i < operation_count; ++i) {
            const Operation operation = static_cast<Operation>(i);
            condition(*entity, rights[i].when, entry.value.get(to_string(operation)), "the right to " + std::string(to_string(operation)), nullptr);
          }
        }
      }
    }
    for (const auto& automation : context_.catalog.automations) automation_rules(*automation);
    for (const auto& schedule : context_.catalog.schedules) {
      const Document* document = context_.document("schedule", schedule->name);
      if (!document || !schedule->entity) continue;
      condition(*schedule->entity, schedule->where, CheckContext::find(document, {"where"}), "the choice of records", nullptr);
      effect_rules(*schedule->entity, schedule->effects, CheckContext::find(document, {"do"}), nullptr);
    }
    for (const auto& view : context_.catalog.views) {
      const Document* document = context_.document("view", view->name);
      if (document && view->entity) condition(*view->entity, view->filter, CheckContext::find(document, {"filter"}), "the filter", nullptr);
    }
  }

 private:
  using Program = std::shared_ptr<const expr::Program>;

  /// Values are seen to by whom they belong to; here, whether an effect ever happens.
  void effect_rules(const Entity& entity, const std::vector<Effect>& effects, const Node* node, const Transition* transition) {
    for (const Effect& effect : effects) {
      const Entry* entry = node ? node->entry(effect.name) : nullptr;
      if (entry) condition(entity, effect.when, entry->value.get("when"), "the condition of effect " + quoted(effect.name), transition);
    }
  }

  void automation_rules(const Automation& automation) {
    const Document* document = context_.document("automation", automation.name);
    if (!document || !automation.entity) return;
    const Entity& entity = *automation.entity;
    Transition arrived;  // what is known: the state that the record has come to
    const Transition* known = nullptr;
    if (automation.on == Automation::On::state && entity.workflow) {
      arrived.from.push_back(entity.workflow->state(automation.event));
      known = &arrived;
    } else if (automation.on == Automation::On::transition && entity.workflow) {
      const Transition* step = entity.workflow->transition(automation.event);
      if (step && step->to) arrived.from.push_back(step->to);
      known = step ? &arrived : nullptr;
    }
    const std::string subject = "automation " + quoted(automation.name);
    condition(entity, automation.when, CheckContext::find(document, {"when"}), "the condition of " + subject, known);
    condition(entity, automation.becomes, CheckContext::find(document, {"becomes"}), "`becomes` of " + subject, known);
    effect_rules(entity, automation.effects, CheckContext::find(document, {"do"}), known);
  }

  void entity_rules(const Entity& entity, const Document& document) {
    for (const auto& field : entity.fields) {
      if (field->system) continue;
      value(entity, field->compute, CheckContext::find(&document, {"fields", field->name, "compute"}));
      for (const auto& [word, program] : {std::pair("visible", &field->visible), std::pair("required", &field->required_when), std::pair("read_only", &field->read_only_when)}) {
        condition(entity, *program, CheckContext::find(&document, {"fields", field->name, word}), tick(word) + " of field " + quoted(field->name), nullptr);
      }
      if (const Node* node = CheckContext::find(&document, {"fields", field->name, "default_expr"})) value(entity, field->default_value, node);
      const Node* compute = CheckContext::find(&document, {"fields", field->name, "compute"});
      if (compute && field->compute && expr::read_fields(*field->compute).empty()) {
        context_.warn(compute->at, "constant-compute", "field " + quoted(field->name) + " is computed from no field, so it is the same in all records",
                      "read a field of `record`, or use `default`");
      }
    }
    for (const Invariant& invariant : entity.invariants) {
      condition(entity, invariant.check, CheckContext::find(&document, {"invariants", invariant.name, "check"}), "invariant " + quoted(invariant.name), nullptr);
    }
    for (const DuplicateRule& rule : entity.duplicates) {
      condition(entity, rule.where, CheckContext::find(&document, {"duplicates", rule.name, "where"}), "`where` of duplicate rule " + quoted(rule.name), nullptr);
    }
    same_invariants(entity, document);
    for (const auto& field : entity.fields) {
      if (!field->rollup) continue;
      condition(*field->rollup->of, field->rollup->where, CheckContext::find(&document, {"fields", field->name, "rollup", "where"}),
                "the rollup " + quoted(field->name), nullptr);
    }
    for (const Exclusive& rule : entity.exclusive) {
      condition(entity, rule.where, CheckContext::find(&document, {"exclusive", rule.name, "where"}), "exclusive rule " + quoted(rule.name), nullptr);
    }
    if (!entity.workflow) return;
    for (const auto& transition : entity.workflow->transitions) {
      condition(entity, transition->when, CheckContext::find(&document, {"workflow", "transitions", transition->name, "when"}),
                "the guard of transition " + quoted(transition->name), transition.get());
      for (const ApprovalStep& step : transition->approval) {
        condition(entity, step.when, CheckContext::find(&document, {"workflow", "transitions", transition->name, "approval", step.name, "when"}),
                  "the condition of approval step " + quoted(step.name), transition.get());
      }
      effect_rules(entity, transition->effects, CheckContext::find(&document, {"workflow", "transitions", transition->name, "do"}), nullptr);
      for (const Effect& effect : transition->effects) {
        for (const auto& [field, program] : effect.with) {
          value(entity, program, CheckContext::find(&document, {"workflow", "transitions", transition->name, "do", effect.name,
                                                                effect.kind == Effect::Kind::set ? "set" : "with", field->name}));
        }
      }
    }
  }

  void same_invariants(const Entity& entity, const Document& document) {
    for (std::size_t i = 0; i < entity.invariants.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!entity.invariants[i].check || !entity.invariants[j].check || entity.invariants[i].check->source() != entity.invariants[j].check->source()) continue;
        const Entry* entry = CheckContext::entry(&document, {"invariants", entity.invariants[i].name});
        context_.warn(entry ? entry->at : document.at, "same-invariant",
                      "invariant " + quoted(entity.invariants[i].name) + " says the same as " + quoted(entity.invariants[j].name), "remove one");
        break;
      }
    }
  }

  expr::FactSource facts(const Transition* transition) const {
    return [this, transition](const expr::RecordType& type, std::uint32_t slot, bool own) {
      expr::FieldFact fact;
      const auto* entity = dynamic_cast<const Entity*>(&type);
      if (!entity || slot >= entity->fields.size()) {
        fact.filled = own && !entity && slot == user_id;
        return fact;
      }
      const Field& field = *entity->fields[slot];
      if (own) {
        fact.filled = (field.required && !field.visible) || slot == slot_id || slot == slot_version || slot == slot_created_at || slot == slot_updated_at ||
                      (slot == slot_state && entity->workflow) ||
                      (transition && std::find(transition->require.begin(), transition->require.end(), &field) != transition->require.end());
      }
      if (slot == slot_state && entity->workflow) {
        std::vector<expr::Value> all, now;
        for (const auto& state : entity->workflow->states) all.emplace_back(state->name);
        for (const State* from : transition && own ? transition->from : std::vector<const State*>()) now.emplace_back(from->name);
        fact.values = now.empty() ? all : now;
        fact.known = std::move(all);
      }
      if (field.choices) {
        std::vector<expr::Value> all;
        for (const ChoiceOption& option : field.choices->options) all.emplace_back(option.name);
        fact.values = all;
        fact.known = std::move(all);
      }
      if (field.min) fact.min = *field.min;
      if (field.max) fact.max = *field.max;
      if (field.decimal_min) fact.min = *field.decimal_min;
      if (field.decimal_max) fact.max = *field.decimal_max;
      return fact;
    };
  }

  void condition(const Entity& entity, const Program& program, const Node* node, const std::string& subject, const Transition* transition) {
    if (!program || !node) return;
    for (const expr::Decided& decided : expr::find_decided(*program, facts(transition))) {
      const std::string what = decided.whole ? subject : quoted(decided.part) + " in " + subject;
      context_.warn(place_inside(*node, decided.at.line, decided.at.column), decided.holds ? "always-true" : "never-true",
                    what + (decided.holds ? " always holds" : " can never hold"),
                    decided.holds ? "remove it, or say what was meant" : because(transition));
    }
    names(entity, *program, *node);
  }

  static std::string because(const Transition* transition) {
    if (!transition) return "say what was meant";
    std::string from;
    for (const State* state : transition->from) from += (from.empty() ? "" : ", ") + state->name;
    return "say what was meant; the record is in state " + from + " then";
  }

  /// Of an expression that gives a value, only the parts are conditions.
  void value(const Entity& entity, const Program& program, const Node* node) {
    if (!program || !node) return;
    for (const expr::Decided& decided : expr::find_decided(*program, facts(nullptr))) {
      if (decided.whole) continue;
      context_.warn(place_inside(*node, decided.at.line, decided.at.column), decided.holds ? "always-true" : "never-true",
                    quoted(decided.part) + (decided.holds ? " always holds" : " can never hold"), "say what was meant");
    }
    names(entity, *program, *node);
  }

  /// Roles and departments that do not exist.
  void names(const Entity&, const expr::Program& program, const Node& node) {
    for (const expr::ComparedText& compared : expr::compared_texts(program)) {
      if (compared.type != &user_type()) continue;
      const Place at = place_inside(node, compared.at.line, compared.at.column);
      if (compared.slot == user_roles && !context_.catalog.role(compared.text)) {
        std::vector<std::string_view> known;
        for (const auto& role : context_.catalog.roles) known.push_back(role->name);
        context_.warn(at, "never-equal", "nobody has role " + quoted(compared.text) + ", for there is none of that name", suggest(compared.text, known));
      } else if ((compared.slot == user_department || compared.slot == user_departments) && !context_.catalog.department(compared.text)) {
        std::vector<std::string_view> known;
        for (const auto& department : context_.catalog.departments) known.push_back(department->name);
        context_.warn(at, "never-equal", "nobody is of department " + quoted(compared.text) + ", for there is none of that name",
                      suggest(compared.text, known));
      }
    }
  }

  const CheckContext& context_;
};

}  // namespace

void check_rules(const CheckContext& context) { RuleCheck(context).run(); }

}  // namespace caravan::model

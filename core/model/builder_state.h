#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "model/builder.h"
#include "model/builder_roles.h"
#include "model/builder_text.h"
#include "model/functions.h"
#include "model/process.h"
#include "model/pages.h"

/// Internal to core/model: merged documents to Catalog, in the order of build().
namespace caravan::model {

/// A name where it is mentioned.
struct Mention {
  std::string_view text;
  Place at;
};

class Builder {
 public:
  Builder(const std::vector<Document>& documents, const LostNames& lost, const std::vector<Module>& modules,
          Diagnostics& diagnostics)
      : documents_(documents),
        lost_(lost),
        given_modules_(modules),
        diagnostics_(diagnostics),
        catalog_(std::make_shared<Catalog>()) {}
  std::shared_ptr<Catalog> build();

 private:
  struct Draft {
    const Document* document = nullptr;
    Entity* entity = nullptr;
    const Node* fields = nullptr;
    std::unordered_set<std::string> lost;    ///< names of fields or states that could not be built
    std::unordered_set<const Field*> vague;  ///< fields whose type is not known, for a mistake in them
    std::unordered_map<const Field*, const Node*> nodes;  ///< where each own field was described
    std::vector<Form*> forms;                             ///< declared ones, in order of declaration
    std::vector<View*> views;
    std::unordered_set<const Form*> step_forms;  ///< forms of transitions
    bool workflow_lost = false;
  };
  template <class T>
  static std::string_view name_of(const T& one) {
    if constexpr (std::is_same_v<T, Entity>) {
      return one.full_name;
    } else {
      return one.name;
    }
  }
  template <class T>
  static void sort(std::vector<std::unique_ptr<T>>& all) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return name_of(*a) < name_of(*b); });
  }

  // --- names ---
  static std::string module_of(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }
  static std::string resolve(std::string_view name, std::string_view module) {
    return name.find('.') != std::string_view::npos ? std::string(name)
                                                    : std::string(module) + "." + std::string(name);
  }
  bool is_lost(const char* kind, const std::string& name) const;
  void unknown(const Place& at, std::string_view what, std::string_view name,
               const std::vector<std::string_view>& known, const Node* removed_from = nullptr,
               std::string_view removed_name = {});
  template <class T>
  std::vector<std::string_view> names(const std::vector<std::unique_ptr<T>>& all) const {
    std::vector<std::string_view> out;
    for (const auto& one : all) out.push_back(name_of(*one));
    return out;
  }
  Draft* draft_of(const Entity* entity);
  /// The entity mentioned; reports where there is none.
  const Entity* find_entity(const Mention& mention, std::string_view module);
  /// An entity's field by name; reports where there is none, is silent where the field itself is a mistake.
  const Field* find_field(Draft& draft, const Mention& mention);
  void unknown_field(Draft& draft, const Mention& mention);

  // --- nodes ---
  /// The entries of a named map in the order of their `after:` words.
  std::vector<const Entry*> placed(const Node* map);
  /// Names given as one name, a list, or a map.
  std::vector<Mention> mentions(const Node* node);
  /// Whether something in it was a mistake, so that what is missing may be there.
  static bool doubtful(const Node* node) {
    if (!node) return false;
    return std::any_of(node->items.begin(), node->items.end(), [](const Node& n) { return n.bad; }) ||
           std::any_of(node->entries.begin(), node->entries.end(),
                       [](const Entry& e) { return e.bad || e.value.bad; });
  }
  static bool is_bad(const Node& map, std::string_view word) {
    const Entry* entry = map.entry(word);
    return entry && (entry->bad || entry->value.bad);
  }
  void check_twice(const std::vector<Mention>& all, std::string_view what);
  Text text_of(const Node* node, const std::string& subject);
  /// A label; `fallback` (with a warning unless `quiet`) where there is none.
  Text label_of(const Node& map, const Place& at, const std::string& subject, Text fallback,
                bool quiet = false);
  static Text plain(std::string text) {
    Text out;
    out.set("en", std::move(text));
    return out;
  }
  std::string color_of(const Node& map);
  std::string icon_of(const Node& map);

  // --- agency, choices, roles, modules ---
  void build_agency(const Document& document);
  void build_choices(const Document& document);
  RoleTools role_tools();
  void build_modules();

  // --- entities and fields ---
  void declare_entity(const Document& document);
  void check_number(const Node& node);
  void build_fields(Draft& draft);
  Place name_place(const Draft& draft, const Field& field) const;
  void build_field(Draft& draft, const Entry& entry);
  void only_for(const Node& node, std::string_view word, bool fits, const Field& field,
                std::string_view types);
  void build_bounds(const Node& node, Field& field, const std::string& subject);
  void too_low(const Node& high, const Node& low, const std::string& subject);
  void build_target(Draft& draft, const Entry& entry, Field& field);
  void build_choice(Draft& draft, const Entry& entry, Field& field);
  /// `delete:` of references, and the table of links of refs.
  void build_file(Draft& draft, const Node& node, Field& field);
  void build_delete_rule(Draft& draft, const Node& node, Field& field);
  void finish_members(Draft& draft);
  void build_sensitive(const Node& node, Field& field);
  /// What would show, order or copy a sensitive value.
  void check_sensitive(const Draft& draft);
  void check_sensitive_views();

  // --- expressions ---
  std::shared_ptr<const expr::Program> compile(const Node& node, const expr::Environment& environment,
                                               const Entity* entity);
  /// Whether the source names a field whose type is not known, for a mistake that is reported elsewhere.
  bool uses_vague_field(std::string_view source);
  /// A condition that the database must be able to test as well.
  std::shared_ptr<const expr::Program> compile_condition(const Node& node, const Entity& entity,
                                                         expr::Environment environment, bool sql);
  /// Warns where a state or choice is compared with a name that it can never have.
  void check_literals(const Node& node, const Entity& entity);
  /// The states of an entity as its document names them, before the workflow is built.
  bool states_known(const Entity& entity, std::vector<std::string_view>& out);
  static std::string_view expected_type(const Field& field) {
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::file:
      case FieldType::image:
      case FieldType::integer:
        return "int";
      case FieldType::boolean:
        return "bool";
      case FieldType::decimal:
      case FieldType::money:
        return "decimal";
      case FieldType::date:
        return "date";
      case FieldType::instant:
        return "timestamp";
      case FieldType::text:
      case FieldType::choice:
        return "string";
      case FieldType::multi:
        return "list(string)";
      case FieldType::refs:
        return "list(int)";
      case FieldType::localized:
        return "map(string, string)";
      case FieldType::json:
        return "";
    }
    return "";
  }
  /// Whether a value of `type` may go into the field.
  static bool fits(const Field& field, const expr::Type& type) {
    if (type.kind == expr::TypeKind::any || type.kind == expr::TypeKind::null) return true;
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::file:
      case FieldType::image:
      case FieldType::integer:
        return type.kind == expr::TypeKind::int64;
      case FieldType::boolean:
        return type.kind == expr::TypeKind::boolean;
      case FieldType::decimal:
      case FieldType::money:
        return type.kind == expr::TypeKind::decimal;
      case FieldType::date:
        return type.kind == expr::TypeKind::date;
      case FieldType::instant:
        return type.kind == expr::TypeKind::timestamp;
      case FieldType::text:
      case FieldType::choice:
        return type.kind == expr::TypeKind::string;
      case FieldType::multi:
      case FieldType::refs:
        return type.kind == expr::TypeKind::list &&
               (!type.element || type.element->kind == expr::TypeKind::any ||
                type.element->kind == (field.type == FieldType::multi ? expr::TypeKind::string : expr::TypeKind::int64));
      case FieldType::localized:
        return type.kind == expr::TypeKind::map && (!type.element || type.element->kind == expr::TypeKind::any ||
                                                    type.element->kind == expr::TypeKind::string);
      case FieldType::json:
        return type.kind == expr::TypeKind::map || type.kind == expr::TypeKind::list;
    }
    return false;
  }
  /// An expression whose value goes into `field`. `record_entity`: what `record` is in it.
  std::shared_ptr<const expr::Program> compile_value(const Node& node, const Field& field, bool vague,
                                                     const expr::Environment& environment,
                                                     const Entity& record_entity);
  void unknown_option(const Place& at, const Choices& choices, std::string_view name);
  void build_rules(Draft& draft);
  std::shared_ptr<const expr::Program> compile_default(const Node& node, const Field& field);
  /// Sorts computed fields so that each comes after those it reads.
  void order_computed(Draft& draft);
  void build_happenings(Draft& draft);
  void build_invariants(Draft& draft, const expr::Environment& environment);
  /// The word `moved` of a workflow or a list: names that are no more to those that take their place, through others that are no
  /// more either. `doubtful`: names may be missing for a mistake reported elsewhere.
  void build_moved(const Node* node, std::string_view what, const std::vector<std::string_view>& present, bool doubtful,
                   std::map<std::string, std::string, std::less<>>& moved);
  void build_import_map(const Document& document);
  void build_functions();
  /// Reports one that is not declared, or for something else.
  const PluginFunction* find_function(const Mention& mention, std::string_view module, FunctionUse use);
  /// Whether the database itself can keep the condition: over the record's own columns and constants.
  static bool database_keeps(const expr::Program& program, const Entity& entity);
  void build_keys(Draft& draft, std::string_view word, bool unique);

  // --- guarantees ---
  void build_entity_guarantees(const Document& document, Entity& entity);
  void build_rollups(Draft& draft);
  void build_rollup(Draft& draft, Field& field, const Entry& entry, const Node& node, const std::string& subject);
  void check_rollup_cycles();
  void build_exclusive(Draft& draft);
  /// A condition over the record's own fields alone, so that only a write of the record changes it.
  std::shared_ptr<const expr::Program> compile_own_condition(const Node* node, const Entity& entity, const std::string& subject);

  // --- settings ---
  /// All groups; after the choices and before any expression.
  void build_settings();
  /// False where something in it was a mistake.
  bool build_setting(const Document& document, const Entry& entry, struct Setting& setting);
  std::optional<expr::Value> setting_value(const Node& node, const Field& field, std::string_view word);

  // --- what forms obey ---
  void build_conditions(Draft& draft);
  void build_depends_on(Draft& draft, const Node& node, Field& field);
  void check_depends_cycles(Draft& draft);
  void build_duplicates(Draft& draft);
  /// A rule for duplicates that weighs.
  std::shared_ptr<const MatchRule> build_match(Draft& draft, const Entry& entry, const std::string& subject);

  // --- workflow ---
  void build_workflow(Draft& draft);
  void warn_unreachable(Draft& draft, const Node& states);
  using FindState = std::function<const State*(const Mention&)>;
  void build_transition(Draft& draft, const Entry& entry, const FindState& find_state);
  void build_by(const Entity& entity, const Node* by, Transition& transition);
  void build_step_form(Draft& draft, const Node& node, Transition& transition);
  /// A `do:`. `draft`: of the entity whose record is meant; null where there is none, and effects can only create.
  std::vector<Effect> build_effects(Draft* draft, const std::string& module, const Node* node, const expr::Environment& environment);
  void build_effect(Draft& draft, const Entry& entry, Transition& transition, const expr::Environment& environment);
  std::optional<Effect> effect_of(Draft* draft, const std::string& module, const Entry& entry, const expr::Environment& environment);
  bool build_effect_target(Draft& draft, const Entry& entry, Effect& effect, Draft*& meant);
  /// `each`, `by` and `where`; `meant` becomes the entity whose records are changed. False where they are a mistake.
  bool build_effect_each(const std::string& module, const Entry& entry, Effect& effect, Draft*& meant);
  void build_effect_values(Draft* draft, Draft& target, const Node* values, const expr::Environment& environment, Effect& effect);
  void check_created(Draft& target, const Entry& entry, const Node* values, const std::string& subject);
  /// `tasks` of a state.
  std::vector<TaskRule> build_tasks(Draft& draft, const Node* node, const State& state);
  /// `language` of a send effect.
  void build_language(Draft* draft, const Node& node, const expr::Environment& environment, Effect& effect);
  /// Words of a transition that is taken by itself, or back.
  void build_by_itself(const Entry& entry, Transition& transition, const Entity& entity);
  void build_approval(Draft& draft, const Entry& entry, Transition& transition);
  /// The fields that `void_on` names.
  std::vector<const Field*> void_on_of(Draft& draft, const Node& node, const Transition& transition);
  /// A moment over the record's own fields.
  std::shared_ptr<const expr::Program> compile_moment(const Node& node, const Entity& entity);
  void build_automation(const Document& document);
  bool build_event(const Node& node, Automation& automation, bool at);
  void build_schedule(const Document& document);
  /// EntityRules of all entities, when all else is there.
  void build_entity_rules();
  static bool is_computed(const Draft& draft, const Field& field) {
    const auto found = draft.nodes.find(&field);
    return found != draft.nodes.end() && (found->second->entry("compute") || found->second->entry("rollup"));
  }

  // --- messages ---
  void build_messages();
  /// The text with its places compiled. `draft`: whose record it speaks of; null: none.
  TextTemplate template_of(const Node* node, const std::string& subject, const expr::Environment& environment, Draft* draft);
  /// Of an effect that tells somebody; nullopt where it is a mistake.
  std::optional<Effect> telling_effect(Draft* draft, const std::string& module, const Entry& entry, const expr::Environment& environment,
                                       Effect effect);
  /// `payload` of an effect.
  void build_payload(Draft* draft, const Node& node, const expr::Environment& environment, Effect& effect);
  /// `roles` and `users` of such an effect; false where nobody is named.
  void build_recipients(Draft* draft, const std::string& module, const Node& node, const expr::Environment& environment, Effect& effect);

  // --- forms and views ---
  void build_form(const Document& document);
  void declare_view(const Document& document);
  void build_view(View& view, const Document& document);
  void build_view_type(View& view, const Document& document);
  void arrange_forms(Draft& draft);
  void warn_absent_required(Draft& draft, const Form& form);
  void arrange_views(Draft& draft);

  // --- pages ---
  void build_page(const Document& document);
  void build_block(const Page& page, const Entry& entry, Block& block);
  void build_chart(const Page& page, const Node& node, Block& block);

  /// Tells of a mistake at the node: what is wrong, what would be right.
  using Refuse = std::function<void(const Node&, std::string, std::string)>;
  /// What groups of records are made of: `state`, `created_at:month`, as the aggregate of records takes it; nullptr where it is a mistake.
  const Field* checked_group(Draft& draft, const Node& said, const Refuse& refuse);
  /// `count`, `sum:amount`: the field, null for count; nullopt where it is a mistake.
  std::optional<const Field*> checked_measure(Draft& draft, const Node& said, const Refuse& refuse);

  // --- reports and dashboards ---
  void build_reports();
  void build_report(const Document& document);
  void build_report_parameters(struct Report& report, const Document& document);
  bool build_report_parameter(const Document& document, const Entry& entry, struct ReportParameter& parameter);
  void build_report_groups(struct Report& report, const Document& document);
  void build_report_measures(struct Report& report, const Document& document);
  /// What `call` and `field` say, where they are there; false where they are mistaken.
  bool build_called_measure(Draft& draft, const Document& document, const Node& node, const std::string& subject, struct ReportMeasure& measure);
  /// Whether the values of such fields can be counted, or be given to a function.
  static bool countable(const Field& field);
  void build_report_order(struct Report& report, const Document& document);
  /// A condition with the report's parameters in it; the parameters that it reads. Empty where it is a mistake.
  std::optional<std::vector<std::string>> check_report_condition(const struct Report& report, const Node& node);
  /// The roles that `roles` of a page, report or dashboard names.
  std::vector<std::string> viewers_of(const Document& document, const char* what, const char* code);
  void build_dashboard(const Document& document);
  void build_tile(struct Dashboard& dashboard, const Entry& entry);

  // --- calendars and clocks ---
  void declare_calendar(const Document& document);
  /// After all are declared, and the agency is built.
  void build_calendars();
  void build_calendar(WorkingHours& calendar, const Document& document);
  const WorkingHours* find_calendar(const Mention& mention, std::string_view module);
  std::vector<DayPart> day_parts(const Node& node);
  /// The days of a key, one or all of a range; reports those that do not exist.
  std::vector<Date> dates_of(const Entry& entry);
  void declare_clock(const Document& document);
  /// After the workflows, whose states name clocks.
  void build_clocks();
  void build_clock(ClockRule& clock, const Document& document);
  std::vector<Effect> clock_effects(Draft& draft, const Node* node, const expr::Environment& environment);
  static bool reads_user(const expr::Program& program);
  std::map<std::string, std::pair<WorkingHours*, const Document*>> calendar_documents_;

  // --- assignment ---
  /// After the workflows.
  void build_assignments();
  bool build_assignment(Assignment& rule, const Document& document);
  void build_assignment_fallback(Assignment& rule, const Document& document);
  void build_assignment_notice(Assignment& rule, const Document& document);

  // --- public pages ---
  /// After the workflows. Reports links of messages to pages that there are not, too.
  void build_public_pages();
  void build_public_page(const Document& document);
  void build_public_form(struct PublicPage& page, Draft& draft, const Document& document);
  void build_public_steps(struct PublicPage& page, Draft& draft, const Document& document);
  void build_public_additions(struct PublicPage& page, const Document& document);
  void build_public_entries(struct PublicPage& page, const Document& document);
  /// Fields that a stranger sees, or fills in (`asked`).
  std::vector<const Field*> public_fields(Draft& draft, const Node* node, bool asked);
  /// The reference `by` of records that hang on the page's one; null where it is a mistake.
  const Field* public_reference(Draft& draft, const Node* by, const Entity& target);
  void check_public_required(Draft& draft, const Place& at, const std::string& subject, const std::vector<const Field*>& given, const Node* with);
  /// A place `link("PAGE")` of a message.
  struct PublicLink {
    std::string page;
    Place at;
    const MessageTemplate* message = nullptr;
  };
  std::vector<std::shared_ptr<const struct PublicPage>> public_pages_;
  std::vector<PublicLink> public_links_;
  const MessageTemplate* linking_ = nullptr;  ///< while its texts are read

  const std::vector<Document>& documents_;
  const LostNames& lost_;
  LostNames broken_;
  const std::vector<Module>& given_modules_;
  Diagnostics& diagnostics_;
  std::shared_ptr<Catalog> catalog_;
  const Entity* users_ = nullptr;
  std::vector<Draft> drafts_;
  std::unordered_map<const Entity*, std::size_t> draft_by_entity_;
  std::unordered_map<std::string, std::string> tables_;
  std::unordered_map<std::string, Form*> form_by_name_;
  std::vector<std::pair<View*, const Document*>> declared_views_;
  std::unordered_set<std::string> vague_names_;  ///< of the fields in Draft::vague
  std::unordered_set<std::string> vague_choices_;
  std::unordered_set<const Form*> vague_forms_;
  std::unordered_map<const Choices*, const Node*> removed_options_;
  std::set<std::pair<const Choices*, const Choices*>> checked_of_;  ///< lists whose options' `of` were looked at, with the other list
};

}  // namespace caravan::model

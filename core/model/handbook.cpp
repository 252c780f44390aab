#include "model/matching.h"
#include "model/handbook.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/decimal.h"
#include "model/handbook_rules.h"
#include "model/pages.h"
#include "model/process.h"

namespace caravan::model {
namespace {

using Line = HandbookLine;
using Cell = HandbookCell;

std::string_view module_of(std::string_view name) { return name.substr(0, name.find('.')); }

/// Shown, when lines are put under a heading that comes only with them.
HandbookSection section(std::string id, Line title, std::string name = {}) {
  HandbookSection out;
  out.id = std::move(id);
  out.title = std::move(title);
  out.name = std::move(name);
  return out;
}

class Writer {
 public:
  Writer(const Catalog& catalog, std::string_view locale, const HandbookScope& scope)
      : catalog_(catalog), sight_(scope), words_(locale), rules_(catalog, words_, sight_) {}

  Handbook write() {
    for (const auto& entity : catalog_.entities) {
      if (sight_.shows(*entity)) entities_.push_back(entity.get());
    }
    for (const auto& role : catalog_.roles) {
      if (sight_.everything() || sight_.holds(*role) || has_duties(*role)) roles_.insert(role.get());
    }
    rules_.linked_role = [this](const Role& role) { return roles_.contains(&role); };
    rules_.linked_entity = [this](const Entity& entity) { return sight_.shows(entity); };

    Handbook book;
    book.locale = words_.locale();
    book.hash = catalog_.hash;
    book.title = words_.say(Phrase::title, {catalog_.agency.name});
    book.contents = say(Phrase::contents);
    book.in_words = say(Phrase::chart_in_words);
    book.sections.push_back(introduction());
    add(book.sections, departments());
    for (const Module& module : catalog_.modules) add(book.sections, part(module.name, words_.label(module.label, module.name)));
    // What lies in no module of the navigation.
    std::set<std::string_view> rest;
    for (const Entity* entity : entities_) {
      if (std::none_of(catalog_.modules.begin(), catalog_.modules.end(), [&](const Module& one) { return one.name == entity->module; })) rest.insert(entity->module);
    }
    for (const std::string_view module : rest) add(book.sections, part(module, plain(std::string(module))));
    add(book.sections, calendars());
    add(book.sections, settings());
    add(book.sections, responsibilities());
    if (book.sections.size() == 1) paragraph(book.sections[0], plain(say(Phrase::empty_handbook)));
    return book;
  }

 private:
  // -- putting together
  std::string say(Phrase phrase, const std::vector<std::string>& arguments = {}) const { return words_.say(phrase, arguments); }
  Line line(Phrase phrase, const std::vector<Line>& arguments = {}) const { return words_.line(phrase, arguments); }
  Line label(const Text& text, std::string_view name) const { return words_.label(text, name); }

  /// Adds a section that has something in it.
  static void add(std::vector<HandbookSection>& to, HandbookSection one) {
    if (!one.blocks.empty() || !one.sections.empty()) to.push_back(std::move(one));
  }
  static void add(HandbookSection& to, HandbookSection one) { add(to.sections, std::move(one)); }
  static void paragraph(HandbookSection& to, Line line) {
    if (line.empty()) return;
    HandbookBlock block;
    block.lines.push_back(std::move(line));
    to.blocks.push_back(std::move(block));
  }
  static void list(HandbookSection& to, std::vector<Line> lines) {
    if (lines.empty()) return;
    HandbookBlock block;
    block.kind = HandbookBlock::Kind::list;
    block.lines = std::move(lines);
    to.blocks.push_back(std::move(block));
  }
  void table(HandbookSection& to, std::string caption, const std::vector<Phrase>& head, std::vector<std::vector<Cell>> rows) const {
    if (rows.empty()) return;
    HandbookBlock block;
    block.kind = HandbookBlock::Kind::table;
    block.table.caption = std::move(caption);
    for (const Phrase one : head) block.table.head.push_back(say(one));
    block.table.rows = std::move(rows);
    // A column with nothing in it says nothing.
    for (std::size_t column = head.size(); column-- > 1;) {
      auto& lines = block.table.rows;
      if (std::any_of(lines.begin(), lines.end(), [&](const auto& row) { return !row[column].empty(); })) continue;
      block.table.head.erase(block.table.head.begin() + static_cast<std::ptrdiff_t>(column));
      for (auto& row : lines) row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    }
    to.blocks.push_back(std::move(block));
  }
  static Cell cell(Line line) { return line.empty() ? Cell() : Cell{std::move(line)}; }
  HandbookSection below(const Entity& entity, std::string_view what, Phrase title) const {
    return section(entity_section(entity) + "-" + std::string(what), plain(say(title)));
  }

  // -- rights
  static bool given(const Role& role, const Entity& entity, Operation operation) {
    return std::any_of(role.all.begin(), role.all.end(), [&](const Role* one) {
      const auto found = one->grants.find(&entity);
      return found != one->grants.end() && found->second[static_cast<std::size_t>(operation)].given();
    });
  }
  static bool given(const Role& role, const Entity& entity) {
    return given(role, entity, Operation::read) || given(role, entity, Operation::create) || given(role, entity, Operation::update) ||
           given(role, entity, Operation::remove);
  }
  static bool takes(const Role& role, const Transition& step) {
    return std::any_of(role.all.begin(), role.all.end(), [&](const Role* one) { return std::find(step.by.begin(), step.by.end(), one->name) != step.by.end(); });
  }
  bool has_duties(const Role& role) const {
    return std::any_of(entities_.begin(), entities_.end(), [&](const Entity* entity) {
      if (given(role, *entity)) return true;
      return entity->workflow && std::any_of(entity->workflow->transitions.begin(), entity->workflow->transitions.end(), [&](const auto& step) { return takes(role, *step); });
    });
  }
  /// What a post may do: yes, where, or nothing.
  Cell right(const Role& role, const Entity& entity, Operation operation) const {
    std::vector<Line> conditions;
    for (const Role* one : role.all) {
      const auto found = one->grants.find(&entity);
      if (found == one->grants.end()) continue;
      const Grant& grant = found->second[static_cast<std::size_t>(operation)];
      if (grant.always) return cell(plain(operation == Operation::create ? say(Phrase::yes) : say(Phrase::all_records)));
      if (!grant.when) continue;
      Line said = rules_.condition(*grant.when);
      if (std::none_of(conditions.begin(), conditions.end(), [&](const Line& line) { return text_of(line) == text_of(said); })) conditions.push_back(std::move(said));
    }
    Line all;
    for (const Line& one : conditions) all = all.empty() ? one : line(Phrase::disjunction, {all, one});
    return all.empty() ? cell(plain(say(Phrase::none))) : cell(std::move(all));
  }

  // -- the beginning
  HandbookSection introduction() const {
    HandbookSection out = section("how-to-read", plain(say(Phrase::how_to_read)));
    paragraph(out, line(Phrase::made_from, {code(catalog_.hash.substr(0, 12))}));
    std::vector<Line> notes;
    if (!sight_.everything()) {
      notes.push_back(plain(say(Phrase::under_rights)));
      notes.push_back(plain(say(Phrase::about_hidden)));
    }
    notes.push_back(plain(say(Phrase::about_dashed)));
    const std::string other = words_.locale() == "en" ? "zh-CN" : "en";
    notes.push_back(line(Phrase::about_language, {{{HandbookSpan::Kind::text, other == "en" ? "Text" : "文字", {}, other}}}));
    list(out, std::move(notes));
    std::vector<std::vector<Cell>> rows;
    for (const StateCategory category : {StateCategory::open, StateCategory::waiting, StateCategory::done, StateCategory::cancelled}) {
      rows.push_back({cell(category_of(category)), cell(plain(say(meaning(category))))});
    }
    table(out, {}, {Phrase::category, Phrase::meaning}, std::move(rows));
    rows.clear();
    rows.push_back({cell(plain(say(Phrase::currency))), cell(plain(catalog_.agency.currency))});
    rows.push_back({cell(plain(say(Phrase::time_zone))), cell(plain(catalog_.agency.time_zone))});
    if (const WorkingHours* calendar = catalog_.agency.calendar) rows.push_back({cell(plain(say(Phrase::working_calendar))), cell(calendar_of(*calendar))});
    table(out, catalog_.agency.name, {Phrase::agency, Phrase::value}, std::move(rows));
    return out;
  }

  static Phrase meaning(StateCategory category) {
    switch (category) {
      case StateCategory::open: return Phrase::means_open;
      case StateCategory::waiting: return Phrase::means_waiting;
      case StateCategory::done: return Phrase::means_done;
      case StateCategory::cancelled: break;
    }
    return Phrase::means_cancelled;
  }
  std::string category_text(StateCategory category) const {
    switch (category) {
      case StateCategory::open: return say(Phrase::open);
      case StateCategory::waiting: return say(Phrase::waiting);
      case StateCategory::done: return say(Phrase::done);
      case StateCategory::cancelled: break;
    }
    return say(Phrase::cancelled);
  }
  Line category_of(StateCategory category) const { return {{HandbookSpan::Kind::category, category_text(category), to_string(category), {}}}; }
  Line calendar_of(const WorkingHours& calendar) const {
    HandbookSpan span = words_.span(calendar.label, calendar.name);
    span.kind = HandbookSpan::Kind::link;
    span.to = "calendar-" + calendar.name;
    return {span};
  }

  HandbookSection departments() const {
    HandbookSection out = section("departments", plain(say(Phrase::departments)));
    std::vector<std::vector<Cell>> rows;
    const auto posts = [&](const Department* department) {
      std::vector<Line> lines;
      for (const auto& role : catalog_.roles) {
        if (role->department == department && roles_.contains(role.get())) lines.push_back(rules_.role(role->name));
      }
      return lines;
    };
    const auto walk = [&](const auto& self, const Department* parent) -> void {
      for (const auto& one : catalog_.departments) {
        if (one->parent != parent) continue;
        rows.push_back({cell({words_.span(one->label, one->name, HandbookSpan::Kind::strong)}),
                        cell(parent != nullptr ? label(parent->label, parent->name) : Line()), cell(words_.joined(posts(one.get())))});
        self(self, one.get());
      }
    };
    walk(walk, nullptr);
    table(out, {}, {Phrase::department, Phrase::part_of, Phrase::posts}, std::move(rows));
    if (const auto others = posts(nullptr); !others.empty()) paragraph(out, line(Phrase::colon, {plain(say(Phrase::posts_anywhere)), words_.joined(others)}));
    return out;
  }

  // -- a module
  HandbookSection part(std::string_view module, Line title) const {
    HandbookSection out = section("part-" + std::string(module), std::move(title), std::string(module));
    // Processes before what they stand on.
    for (const bool process : {true, false}) {
      for (const Entity* entity : entities_) {
        if (entity->module == module && (entity->workflow != nullptr) == process) out.sections.push_back(entity_part(*entity));
      }
    }
    add(out, schedules_without_records(module));
    add(out, pages(module));
    return out;
  }

  HandbookSection entity_part(const Entity& entity) const {
    HandbookSection out = section(entity_section(entity), label(entity.label, entity.full_name), entity.full_name);
    purpose(out, entity);
    if (entity.workflow) {
      add(out, chart(entity));
      add(out, states(entity));
      add(out, steps(entity));
    }
    add(out, rights(entity));
    forms(out, entity);
    add(out, hard_rules(entity));
    add(out, clocks(entity));
    add(out, assignments(entity));
    add(out, automations(entity));
    add(out, schedules(entity));
    add(out, messages(entity));
    add(out, views(entity));
    return out;
  }

  void purpose(HandbookSection& out, const Entity& entity) const {
    Line said;
    if (const Workflow* workflow = entity.workflow.get()) {
      std::vector<Line> parts, ends;
      if (workflow->initial) parts.push_back(line(Phrase::purpose_process, {rules_.state(*workflow->initial)}));
      for (const auto& state : workflow->states) {
        if (state->category == StateCategory::done || state->category == StateCategory::cancelled) ends.push_back(rules_.state(*state));
      }
      if (!ends.empty()) parts.push_back(line(Phrase::purpose_ends, {words_.joined(ends)}));
      parts.push_back(plain(say(Phrase::purpose_size, {std::to_string(workflow->states.size()), std::to_string(workflow->transitions.size())})));
      append(said, line(Phrase::stop, {words_.joined(parts, Phrase::semicolon)}));
      std::vector<std::string> taken;
      for (const auto& step : workflow->transitions) {
        for (const std::string& role : step->by) {
          if (std::find(taken.begin(), taken.end(), role) == taken.end()) taken.push_back(role);
        }
      }
      if (!taken.empty()) sentence(said, line(Phrase::purpose_taken_by, {rules_.roles(taken)}));
    } else {
      const auto own = std::count_if(entity.fields.begin(), entity.fields.end(), [&](const auto& field) { return !field->system && sight_.shows(entity, *field); });
      append(said, plain(say(Phrase::purpose_records, {std::to_string(own)})));
    }
    if (!entity.number_format.empty()) sentence(said, line(Phrase::numbered, {code(entity.number_format)}));
    if (entity.gap_free) sentence(said, plain(say(Phrase::gap_free)));
    if (entity.ledger) sentence(said, plain(say(Phrase::ledger)));
    paragraph(out, std::move(said));
  }

  void sentence(Line& to, const Line& more) const {
    if (!to.empty() && words_.locale() == "en") append(to, plain(" "));
    append(to, more);
  }

  HandbookSection chart(const Entity& entity) const {
    HandbookSection out = below(entity, "chart", Phrase::chart);
    const Workflow& workflow = *entity.workflow;
    HandbookBlock block;
    block.kind = HandbookBlock::Kind::chart;
    FlowChart& chart = block.chart;
    chart.title = say(Phrase::chart_of, {text_of(label(entity.label, entity.full_name))});
    const auto place = [&](const State* state) {
      return static_cast<std::size_t>(std::find_if(workflow.states.begin(), workflow.states.end(), [&](const auto& one) { return one.get() == state; }) - workflow.states.begin());
    };
    for (const auto& state : workflow.states) {
      FlowNode node;
      const HandbookSpan span = words_.span(state->label, state->name);
      node.id = state->name;
      node.label = span.text;
      node.language = span.language;
      node.category = to_string(state->category);
      node.category_label = category_text(state->category);
      node.initial = state.get() == workflow.initial;
      chart.nodes.push_back(std::move(node));
    }
    if (workflow.initial) block.lines.push_back(line(Phrase::chart_begins, {rules_.state(*workflow.initial)}));
    int number = 0;
    for (const auto& step : workflow.transitions) {
      ++number;
      const Line name = label(step->label, step->name);
      std::vector<Line> from;
      for (const State* state : step->from) {
        FlowEdge edge;
        edge.number = number;
        edge.from = place(state);
        edge.to = place(step->to);
        edge.label = text_of(name);
        edge.dashed = step->automatic || step->at != nullptr;
        chart.edges.push_back(std::move(edge));
        from.push_back(rules_.state(*state));
      }
      block.lines.push_back(line(Phrase::chart_step, {plain(std::to_string(number) + "."), name, words_.joined(from), rules_.state(*step->to)}));
      if (step->automatic || step->at) block.lines.back() = line(Phrase::aside, {block.lines.back(), itself(*step)});
    }
    lay_out(chart);
    out.blocks.push_back(std::move(block));
    return out;
  }

  Line itself(const Transition& step) const {
    return step.at ? line(Phrase::by_itself_at, {rules_.value(*step.at, nullptr, nullptr)}) : plain(say(Phrase::by_itself));
  }

  HandbookSection states(const Entity& entity) const {
    HandbookSection out = below(entity, "states", Phrase::states);
    std::vector<std::vector<Cell>> rows;
    bool any_tasks = false;
    for (const auto& state : entity.workflow->states) {
      Line sense = category_of(state->category);
      append(sense, plain(" " + say(meaning(state->category))));
      Cell meaning_of{std::move(sense)};
      if (state.get() == entity.workflow->initial) meaning_of.push_back(plain(say(Phrase::first_state)));
      Cell clocks;
      for (const ClockRule* clock : state->clocks) clocks.push_back(label(clock->label, clock->name));
      Cell tasks;
      for (const TaskRule& one : state->tasks) tasks.push_back(task(entity, one));
      any_tasks = any_tasks || !tasks.empty();
      rows.push_back({cell(rules_.state(*state)), std::move(meaning_of), rules_.effects(state->enter, &entity), rules_.effects(state->exit, &entity), std::move(clocks), std::move(tasks)});
    }
    std::vector<Phrase> columns{Phrase::state, Phrase::meaning, Phrase::on_entering, Phrase::on_leaving, Phrase::clocks_running};
    if (any_tasks) columns.push_back(Phrase::tasks);
    for (std::vector<Cell>& row : rows) row.resize(columns.size());
    table(out, {}, std::move(columns), std::move(rows));
    return out;
  }

  /// `Visa (one of the clerks; within 8 h; when …)`
  Line task(const Entity& entity, const TaskRule& rule) const {
    std::vector<Line> about;
    if (rule.by_user) about.push_back(line(Phrase::the_person, {rules_.value(*rule.by_user, nullptr, &entity)}));
    if (!rule.by.empty()) about.push_back(rules_.roles({rule.by}));
    if (!rule.by_user && rule.by.empty()) about.push_back(plain(say(Phrase::task_actor)));
    if (rule.within) about.push_back(line(Phrase::task_within, {rules_.value(*rule.within, nullptr, &entity)}));
    if (rule.when) about.push_back(line(Phrase::when, {rules_.condition(*rule.when)}));
    if (!rule.required) about.push_back(plain(say(Phrase::task_optional)));
    return line(Phrase::task_of, {label(rule.label, rule.name), words_.joined(about, Phrase::semicolon)});
  }

  Line guard(const expr::Program& program, const Text& message) const {
    Line said = rules_.condition(program);
    // The message, too, tells of what is asked.
    if (!message.empty() && sight_.shows(program)) said = line(Phrase::aside, {said, line(Phrase::else_message, {line(Phrase::quoted, {label(message, "")})})});
    return said;
  }

  HandbookSection steps(const Entity& entity) const {
    HandbookSection out = below(entity, "steps", Phrase::steps);
    std::vector<std::vector<Cell>> rows;
    int number = 0;
    for (const auto& step : entity.workflow->transitions) {
      Cell name{{words_.span(step->label, step->name, HandbookSpan::Kind::strong)}};
      if (step->undo_seconds > 0) name.push_back(plain(say(Phrase::undo, {words_.duration(step->undo_seconds)})));
      std::vector<Line> from;
      for (const State* state : step->from) from.push_back(rules_.state(*state));
      Line way = words_.joined(from);
      append(way, plain(" → "));
      append(way, rules_.state(*step->to));
      Cell who;
      if (step->automatic || step->at) who.push_back(itself(*step));
      if (!step->by.empty()) who.push_back(rules_.roles(step->by));
      else if (who.empty()) who.push_back(plain(say(Phrase::who_may_edit)));
      Cell needs;
      if (!step->require.empty()) needs.push_back(line(Phrase::need_fields, {rules_.fields(entity, step->require)}));
      if (step->when) needs.push_back(line(Phrase::need_condition, {guard(*step->when, step->message)}));
      if (step->form) needs.push_back(line(Phrase::need_form, {link_to_form(entity, *step->form)}));
      if (step->comment_required) needs.push_back(plain(say(Phrase::need_comment)));
      if (step->wait_for_tasks) needs.push_back(plain(say(Phrase::need_tasks)));
      int turn = 0;
      for (const ApprovalStep& one : step->approval) needs.push_back(approval(entity, one, ++turn));
      rows.push_back({cell(plain(std::to_string(++number))), std::move(name), cell(std::move(way)), std::move(who), std::move(needs), rules_.effects(step->effects, &entity)});
    }
    table(out, {}, {Phrase::number, Phrase::step, Phrase::from_to, Phrase::who, Phrase::needs, Phrase::happens}, std::move(rows));
    return out;
  }

  Line approval(const Entity& entity, const ApprovalStep& step, int number) const {
    std::vector<Line> by;
    if (step.by.size() > 1) by.push_back(line(step.all ? Phrase::each_of_roles : Phrase::one_of_roles, {rules_.roles(step.by)}));
    else if (!step.by.empty()) by.push_back(rules_.roles(step.by));
    if (step.by_user) by.push_back(line(Phrase::the_person, {rules_.value(*step.by_user, nullptr, &entity)}));
    std::vector<Line> about;
    if (step.when) about.push_back(line(Phrase::when, {rules_.condition(*step.when)}));
    if (step.self) about.push_back(plain(say(Phrase::self_approval)));
    if (step.remind_seconds > 0) about.push_back(plain(say(Phrase::remind, {words_.duration(step.remind_seconds)})));
    Line who = words_.joined(by);
    if (!about.empty()) who = line(Phrase::aside, {who, words_.joined(about, Phrase::semicolon)});
    return line(Phrase::approval_step, {plain(std::to_string(number)), label(step.label, step.name), who});
  }

  // -- forms and fields
  static std::string form_id(const Entity& entity, const Form& form) { return entity_section(entity) + "-form-" + form.name; }
  Line link_to_form(const Entity& entity, const Form& form) const {
    HandbookSpan span = words_.span(form.label, form.name);
    if (std::find(entity.forms.begin(), entity.forms.end(), &form) != entity.forms.end()) {
      span.kind = HandbookSpan::Kind::link;
      span.to = form_id(entity, form);
    }
    return {span};
  }

  void forms(HandbookSection& out, const Entity& entity) const {
    HandbookSection all = below(entity, "forms", Phrase::forms);
    std::set<const Field*> placed;
    for (const Form* form : entity.forms) {
      HandbookSection one = section(form_id(entity, *form), label(form->label, form->name), form->name);
      std::vector<Line> asked;
      if (entity.workflow) {
        for (const auto& step : entity.workflow->transitions) {
          if (step->form == form) asked.push_back(line(Phrase::quoted, {label(step->label, step->name)}));
        }
      }
      if (!asked.empty()) paragraph(one, line(Phrase::form_of_steps, {words_.joined(asked)}));
      for (const FormGroup& group : form->groups) {
        std::vector<const Field*> fields;
        for (const Field* field : group.fields) {
          placed.insert(field);
          if (sight_.shows(entity, *field)) fields.push_back(field);
        }
        field_table(one, group.label.empty() ? std::string() : text_of(label(group.label, group.name)), entity, fields);
      }
      add(all, std::move(one));
    }
    std::vector<const Field*> others;
    for (const auto& field : entity.fields) {
      if (!field->system && !placed.contains(field.get()) && sight_.shows(entity, *field)) others.push_back(field.get());
    }
    HandbookSection rest = below(entity, "fields", entity.forms.empty() ? Phrase::fields_of : Phrase::other_fields);
    field_table(rest, {}, entity, others);
    if (entity.forms.empty()) {
      add(out, std::move(rest));
    } else {
      add(all, std::move(rest));
      add(out, std::move(all));
    }
  }

  void field_table(HandbookSection& out, std::string caption, const Entity& entity, const std::vector<const Field*>& fields) const {
    std::vector<std::vector<Cell>> rows;
    for (const Field* field : fields) {
      Cell name{{words_.span(field->label, field->name, HandbookSpan::Kind::strong)}};
      if (!field->help.empty()) name.push_back(label(field->help, ""));
      Cell required;
      if (field->required) required.push_back(plain(say(Phrase::yes)));
      else if (field->required_when) required.push_back(line(Phrase::when, {rules_.condition(*field->required_when)}));
      rows.push_back({std::move(name), cell(type_of(*field)), std::move(required), field_notes(entity, *field)});
    }
    table(out, std::move(caption), {Phrase::field, Phrase::type, Phrase::required, Phrase::notes}, std::move(rows));
  }

  Line type_of(const Field& field) const {
    const Line target = field.target ? rules_.entity(*field.target) : Line();
    switch (field.type) {
      case FieldType::id: return plain(say(Phrase::type_id));
      case FieldType::text: return plain(say(field.multiline ? Phrase::type_lines : Phrase::type_text));
      case FieldType::integer: return plain(say(Phrase::type_int));
      case FieldType::boolean: return plain(say(Phrase::type_bool));
      case FieldType::decimal: return plain(say(Phrase::type_decimal));
      case FieldType::money: return plain(say(Phrase::type_money));
      case FieldType::date: return plain(say(Phrase::type_date));
      case FieldType::instant: return plain(say(Phrase::type_instant));
      case FieldType::choice: return plain(say(Phrase::type_choice));
      case FieldType::multi: return plain(say(Phrase::type_multi));
      case FieldType::ref: return line(Phrase::type_ref, {target});
      case FieldType::refs: return line(Phrase::type_refs, {target});
      case FieldType::file: return plain(say(Phrase::type_file));
      case FieldType::image: return plain(say(Phrase::type_image));
      case FieldType::json: return plain(say(Phrase::type_json));
      case FieldType::localized: return plain(say(Phrase::type_localized));
    }
    return {};
  }

  Line rollup_of(const Rollup& rollup) const {
    if (rollup.of == nullptr || !sight_.shows(*rollup.of) || (rollup.field && !sight_.shows(*rollup.of, *rollup.field))) return plain(say(Phrase::kept_up_hidden));
    const Line children = rules_.entity(*rollup.of), field = rollup.field ? rules_.field(*rollup.of, *rollup.field) : Line();
    Line said;
    switch (rollup.kind) {
      case Rollup::Kind::count: said = line(Phrase::count_of, {children}); break;
      case Rollup::Kind::sum: said = line(Phrase::sum_of, {field, children}); break;
      case Rollup::Kind::min: said = line(Phrase::least_of, {field, children}); break;
      case Rollup::Kind::max: said = line(Phrase::greatest_of, {field, children}); break;
    }
    if (rollup.where) said = line(Phrase::aside, {said, line(Phrase::counting, {rules_.condition(*rollup.where)})});
    return line(Phrase::kept_up, {said});
  }

  Cell field_notes(const Entity& entity, const Field& field) const {
    Cell out;
    if (field.visible) out.push_back(line(Phrase::shown_when, {rules_.condition(*field.visible)}));
    if (field.compute) out.push_back(line(Phrase::computed, {rules_.value(*field.compute, &field, &entity)}));
    if (field.rollup) out.push_back(rollup_of(*field.rollup));
    if (field.read_only && !field.compute && !field.rollup) out.push_back(plain(say(Phrase::not_by_people)));
    if (field.read_only_when) out.push_back(line(Phrase::fixed_when, {rules_.condition(*field.read_only_when)}));
    if (field.default_value) out.push_back(line(Phrase::default_is, {rules_.value(*field.default_value, &field, &entity)}));
    std::vector<Line> bounds;
    const auto bound = [&](Phrase phrase, const std::optional<std::int64_t>& whole, const std::optional<Decimal>& decimal) {
      if (whole) bounds.push_back(plain(say(phrase, {std::to_string(*whole)})));
      else if (decimal) bounds.push_back(plain(say(phrase, {format_decimal(*decimal)})));
    };
    bound(Phrase::at_least_value, field.min, field.decimal_min);
    bound(Phrase::at_most_value, field.max, field.decimal_max);
    if (field.max_length > 0 && (field.type == FieldType::text || field.type == FieldType::localized))
      bounds.push_back(plain(say(Phrase::at_most_characters, {std::to_string(field.max_length)})));
    if (field.type == FieldType::decimal && field.scale != 2) bounds.push_back(plain(say(Phrase::digits, {std::to_string(field.scale)})));
    if (!bounds.empty()) out.push_back(words_.joined(bounds));
    if (field.choices) {
      std::vector<Line> options;
      for (const ChoiceOption& option : field.choices->options) {
        if (!option.active) continue;
        Line one = label(option.label, option.name);
        if (!option.of.empty() && field.depends_on != nullptr && field.depends_on->choices != nullptr && sight_.shows(entity, *field.depends_on)) {
          std::vector<Line> of;
          for (const std::string& name : option.of) of.push_back(rules_.literal(expr::Value(name), field.depends_on, &entity));
          one = line(Phrase::option_with, {one, words_.joined(of)});
        }
        options.push_back(std::move(one));
      }
      if (!options.empty()) out.push_back(line(Phrase::options, {words_.joined(options)}));
    }
    if (field.depends_on) out.push_back(line(Phrase::depends_on, {rules_.field(entity, *field.depends_on)}));
    if (field.sensitive) out.push_back(plain(say(Phrase::sensitive)));
    if ((field.type == FieldType::ref || field.type == FieldType::refs) && field.target != nullptr && field.on_delete != DeleteRule::restrict) {
      out.push_back(line(field.on_delete == DeleteRule::clear ? Phrase::delete_clear : Phrase::delete_cascade, {label(field.target->label, field.target->full_name)}));
    }
    if (Line said = field_rights(entity, field); !said.empty()) out.push_back(std::move(said));
    return out;
  }

  static Phrase right_phrase(FieldRight right) {
    switch (right) {
      case FieldRight::hidden: return Phrase::right_hidden;
      case FieldRight::masked: return Phrase::right_masked;
      case FieldRight::read: return Phrase::right_read;
      case FieldRight::write: break;
    }
    return Phrase::right_write;
  }

  /// Who may see or set the field, where not everybody may.
  Line field_rights(const Entity& entity, const Field& field) const {
    std::vector<Line> said;
    for (const auto& role : catalog_.roles) {
      const auto found = role->field_rights.find(&entity);
      if (found == role->field_rights.end()) continue;
      for (const auto& [restricted, right] : found->second) {
        if (restricted == &field && right != field.right) said.push_back(line(Phrase::colon, {rules_.role(role->name), plain(say(right_phrase(right)))}));
      }
    }
    if (field.right == FieldRight::write && said.empty()) return {};
    said.push_back(plain(say(said.empty() ? Phrase::right_of_all : Phrase::right_of_others, {say(right_phrase(field.right))})));
    return words_.joined(said, Phrase::semicolon);
  }

  // -- rights and rules
  HandbookSection rights(const Entity& entity) const {
    HandbookSection out = below(entity, "rights", Phrase::rights);
    std::vector<std::vector<Cell>> rows;
    std::vector<Line> administrators;
    for (const auto& role : catalog_.roles) {
      if (role->administrator) administrators.push_back(rules_.role(role->name));
      if (role->administrator || !given(*role, entity) || !roles_.contains(role.get())) continue;
      rows.push_back({cell(rules_.role(role->name)), right(*role, entity, Operation::read), right(*role, entity, Operation::create), right(*role, entity, Operation::update),
                      right(*role, entity, Operation::remove)});
    }
    const bool nobody = rows.empty();
    table(out, {}, {Phrase::role, Phrase::may_read, Phrase::may_create, Phrase::may_update, Phrase::may_delete}, std::move(rows));
    Line said = administrators.empty() ? Line() : line(Phrase::may_everything, {words_.joined(administrators)});
    if (nobody) sentence(said, plain(say(Phrase::nobody_else)));
    paragraph(out, std::move(said));
    return out;
  }

  Line with_message(Line said, const Text& message) const {
    return message.empty() ? said : line(Phrase::aside, {said, line(Phrase::said, {line(Phrase::quoted, {label(message, "")})})});
  }

  HandbookSection hard_rules(const Entity& entity) const {
    HandbookSection out = below(entity, "rules", Phrase::rules);
    std::vector<Line> lines;
    const auto all_shown = [&](const std::vector<const Field*>& fields) {
      return std::all_of(fields.begin(), fields.end(), [&](const Field* field) { return sight_.right(entity, *field) >= FieldRight::read; });
    };
    for (const Invariant& rule : entity.invariants) {
      if (sight_.shows(*rule.check)) lines.push_back(with_message(line(Phrase::rule_invariant, {rules_.condition(*rule.check)}), rule.message));
    }
    for (const Index& rule : entity.indexes) {
      if (rule.unique && all_shown(rule.fields)) lines.push_back(with_message(line(Phrase::rule_unique, {rules_.fields(entity, rule.fields)}), rule.message));
    }
    for (const Exclusive& rule : entity.exclusive) {
      if (!all_shown({rule.resource, rule.from, rule.to})) continue;
      Line said = line(Phrase::rule_exclusive, {rules_.field(entity, *rule.resource), rules_.field(entity, *rule.from), rules_.field(entity, *rule.to)});
      if (rule.where) said = line(Phrase::aside, {said, line(Phrase::counting, {rules_.condition(*rule.where)})});
      lines.push_back(with_message(std::move(said), rule.message));
    }
    for (const DuplicateRule& rule : entity.duplicates) {
      std::vector<const Field*> compared = rule.fields;
      if (rule.match) {
        for (const MatchInput& input : rule.match->inputs) compared.push_back(input.field);
      }
      if (!all_shown(compared)) continue;
      Line said = line(rule.match ? Phrase::rule_alike : Phrase::rule_duplicates, {rules_.fields(entity, compared)});
      if (rule.where) said = line(Phrase::aside, {said, line(Phrase::counting, {rules_.condition(*rule.where)})});
      lines.push_back(with_message(std::move(said), rule.message));
    }
    list(out, std::move(lines));
    return out;
  }

  // -- what happens by itself
  HandbookSection clocks(const Entity& entity) const {
    HandbookSection out = below(entity, "clocks", Phrase::clocks);
    std::vector<std::vector<Cell>> rows;
    for (const auto& clock : catalog_.clocks) {
      if (clock->entity != &entity) continue;
      Cell within = cell(clock->within ? rules_.value(*clock->within, nullptr, &entity) : Line());
      within.push_back(clock->calendar ? line(Phrase::clock_calendar, {calendar_of(*clock->calendar)}) : plain(say(Phrase::clock_every_hour)));
      Cell runs;
      if (clock->start) {
        runs.push_back(line(Phrase::clock_start, {rules_.condition(*clock->start)}));
      } else if (entity.workflow) {
        std::vector<Line> in;
        for (const auto& state : entity.workflow->states) {
          if (std::find(state->clocks.begin(), state->clocks.end(), clock.get()) != state->clocks.end()) in.push_back(rules_.state(*state));
        }
        if (!in.empty()) runs.push_back(line(Phrase::clock_in_states, {words_.joined(in)}));
      }
      if (clock->pause) runs.push_back(line(Phrase::clock_pause, {rules_.condition(*clock->pause)}));
      if (clock->stop) runs.push_back(line(Phrase::clock_stop, {rules_.condition(*clock->stop)}));
      Cell happens;
      const auto effects = [&](const ClockRule::Action& action) { return words_.joined(rules_.effects(action.effects, &entity), Phrase::semicolon); };
      for (const ClockRule::Action& action : clock->warn) happens.push_back(line(Phrase::warn_before, {plain(words_.duration(action.seconds)), effects(action)}));
      for (const ClockRule::Action& action : clock->breach) {
        happens.push_back(action.seconds > 0 ? line(Phrase::breach_after, {plain(words_.duration(action.seconds)), effects(action)}) : line(Phrase::breach_now, {effects(action)}));
      }
      rows.push_back({cell({words_.span(clock->label, clock->name, HandbookSpan::Kind::strong)}), std::move(within), std::move(runs), std::move(happens)});
    }
    table(out, {}, {Phrase::clock, Phrase::clock_within, Phrase::clock_runs, Phrase::clock_actions}, std::move(rows));
    return out;
  }

  HandbookSection assignments(const Entity& entity) const {
    HandbookSection out = below(entity, "assignment", Phrase::assignment);
    for (const auto& rule : catalog_.assignments) {
      if (rule->entity != &entity) continue;
      const Field& field = rule->field != nullptr ? *rule->field : *entity.fields[slot_owner];
      paragraph(out, line(Phrase::assignment_sets, {{words_.span(rule->label, rule->name, HandbookSpan::Kind::strong)}, rules_.field(entity, field)}));
      std::vector<Line> lines;
      if (rule->when) lines.push_back(line(Phrase::need_condition, {rules_.condition(*rule->when)}));
      if (!rule->roles.empty()) lines.push_back(line(Phrase::assignment_roles, {rules_.roles(rule->roles)}));
      if (rule->candidate) lines.push_back(line(Phrase::assignment_candidate, {rules_.condition(*rule->candidate)}));
      if (rule->score) lines.push_back(line(Phrase::assignment_score, {rules_.value(*rule->score, nullptr, &entity)}));
      switch (rule->strategy) {
        case Assignment::Strategy::round_robin: lines.push_back(plain(say(Phrase::by_turns))); break;
        case Assignment::Strategy::load: lines.push_back(plain(say(Phrase::by_load))); break;
        case Assignment::Strategy::queue: lines.push_back(plain(say(Phrase::by_queue))); break;
      }
      if (rule->open) lines.push_back(line(Phrase::load_counts, {rules_.condition(*rule->open)}));
      if (rule->capacity > 0) lines.push_back(plain(say(Phrase::capacity, {std::to_string(rule->capacity)})));
      if (rule->calendar) lines.push_back(line(Phrase::only_in, {calendar_of(*rule->calendar)}));
      if (rule->priority) lines.push_back(line(Phrase::assignment_priority, {rules_.value(*rule->priority, nullptr, &entity)}));
      if (!rule->fallback_roles.empty()) lines.push_back(line(Phrase::assignment_fallback, {rules_.roles(rule->fallback_roles)}));
      if (rule->fallback_queue) lines.push_back(line(Phrase::assignment_fallback, {label(rule->fallback_queue->label, rule->fallback_queue->name)}));
      if (!rule->notice.empty()) lines.push_back(line(Phrase::assignment_told, {words_.joined(rules_.effects(rule->notice, &entity), Phrase::semicolon)}));
      if (rule->reassign) lines.push_back(plain(say(Phrase::reassigned)));
      list(out, std::move(lines));
    }
    return out;
  }

  Cell trigger(const Automation& rule) const {
    const Entity& entity = *rule.entity;
    Cell out;
    switch (rule.on) {
      case Automation::On::created: out.push_back(plain(say(Phrase::on_created))); break;
      case Automation::On::updated: out.push_back(plain(say(Phrase::on_updated))); break;
      case Automation::On::deleted: out.push_back(plain(say(Phrase::on_deleted))); break;
      case Automation::On::state: {
        const State* found = entity.workflow ? entity.workflow->state(rule.event) : nullptr;
        out.push_back(line(Phrase::on_state, {found ? rules_.state(*found) : code(rule.event)}));
        break;
      }
      case Automation::On::transition: {
        const Transition* step = entity.workflow ? entity.workflow->transition(rule.event) : nullptr;
        out.push_back(line(Phrase::on_transition, {line(Phrase::quoted, {step ? label(step->label, step->name) : code(rule.event)})}));
        break;
      }
      case Automation::On::event: {
        const auto found = std::find_if(entity.events.begin(), entity.events.end(), [&](const Happening& one) { return one.name == rule.event; });
        out.push_back(line(Phrase::on_event, {line(Phrase::quoted, {found != entity.events.end() ? label(found->label, found->name) : code(rule.event)})}));
        break;
      }
      case Automation::On::time: out.push_back(line(Phrase::on_time, {rule.at ? rules_.value(*rule.at, nullptr, &entity) : Line()})); break;
    }
    if (rule.becomes) out.push_back(line(Phrase::on_becomes, {rules_.condition(*rule.becomes)}));
    if (rule.when) out.push_back(line(Phrase::need_condition, {rules_.condition(*rule.when)}));
    if (rule.on != Automation::On::time) out.push_back(plain(say(rule.in_transaction ? Phrase::at_once : Phrase::soon_after)));
    return out;
  }

  Cell name_of(const Text& text, const std::string& name, bool active) const {
    Cell out{{words_.span(text, name, HandbookSpan::Kind::strong)}};
    if (!active) out.push_back(plain(say(Phrase::switched_off)));
    return out;
  }

  HandbookSection automations(const Entity& entity) const {
    HandbookSection out = below(entity, "automations", Phrase::automations);
    std::vector<std::vector<Cell>> rows;
    for (const auto& rule : catalog_.automations) {
      if (rule->entity == &entity) rows.push_back({name_of(rule->label, rule->name, rule->active), trigger(*rule), rules_.effects(rule->effects, &entity)});
    }
    table(out, {}, {Phrase::rule, Phrase::trigger, Phrase::happens}, std::move(rows));
    return out;
  }

  /// The usual forms of a cron line in words; others as they are.
  Line cron_of(const std::string& cron) const {
    std::array<std::string, 5> parts;
    std::size_t number = 0;
    for (std::size_t at = 0; at < cron.size();) {
      const std::size_t begin = cron.find_first_not_of(' ', at);
      if (begin == std::string::npos) break;
      const std::size_t end = std::min(cron.find(' ', begin), cron.size());
      if (number == parts.size()) return code(cron);
      parts[number++] = cron.substr(begin, end - begin);
      at = end;
    }
    const auto whole = [](const std::string& text, int most) {
      int value = -1;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      return error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most ? value : -1;
    };
    const int minute = whole(parts[0], 59), hour = whole(parts[1], 23), day = whole(parts[2], 31);
    if (number != 5 || minute < 0 || parts[3] != "*") return code(cron);
    if (parts[1] == "*" && parts[2] == "*" && parts[4] == "*") return plain(say(Phrase::every_hour_at, {std::to_string(minute)}));
    if (hour < 0) return code(cron);
    const std::string time = clock_time(hour * 60 + minute);
    if (parts[2] == "*" && parts[4] == "*") return plain(say(Phrase::every_day_at, {time}));
    if (day > 0 && parts[4] == "*") return plain(say(Phrase::on_day_of_month, {std::to_string(day), time}));
    if (parts[2] != "*") return code(cron);
    const auto dash = parts[4].find('-');
    const auto weekday_of = [&](int value) { return plain(say(weekday(static_cast<std::size_t>((value + 6) % 7)))); };
    if (const int one = whole(parts[4], 7); one >= 0) return line(Phrase::on_days_at, {weekday_of(one), plain(time)});
    if (dash == std::string::npos) return code(cron);
    const int first = whole(parts[4].substr(0, dash), 7), last = whole(parts[4].substr(dash + 1), 7);
    if (first < 0 || last < 0) return code(cron);
    return line(Phrase::on_days_at, {line(Phrase::until, {weekday_of(first), weekday_of(last)}), plain(time)});
  }

  static std::string clock_time(int minutes) {
    const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
    return two(minutes / 60) + ":" + two(minutes % 60);
  }
  static Phrase weekday(std::size_t day) {
    constexpr Phrase days[] = {Phrase::monday, Phrase::tuesday, Phrase::wednesday, Phrase::thursday, Phrase::friday, Phrase::saturday, Phrase::sunday};
    return days[day];
  }

  std::vector<Cell> schedule_row(const ScheduleRule& rule) const {
    Cell when = cell(cron_of(rule.cron));
    if (rule.calendar) when.push_back(line(Phrase::not_on_free_days, {calendar_of(*rule.calendar)}));
    if (rule.entity) when.push_back(rule.where ? line(Phrase::for_each, {rules_.condition(*rule.where)}) : plain(say(Phrase::for_every_one)));
    return {name_of(rule.label, rule.name, rule.active), std::move(when), rules_.effects(rule.effects, rule.entity)};
  }

  HandbookSection schedules(const Entity& entity) const {
    HandbookSection out = below(entity, "schedules", Phrase::schedules);
    std::vector<std::vector<Cell>> rows;
    for (const auto& rule : catalog_.schedules) {
      if (rule->entity == &entity) rows.push_back(schedule_row(*rule));
    }
    table(out, {}, {Phrase::rule, Phrase::trigger, Phrase::happens}, std::move(rows));
    return out;
  }

  HandbookSection schedules_without_records(std::string_view module) const {
    HandbookSection out = section("part-" + std::string(module) + "-schedules", plain(say(Phrase::schedules)));
    if (!sight_.everything()) return out;
    std::vector<std::vector<Cell>> rows;
    for (const auto& rule : catalog_.schedules) {
      if (rule->entity == nullptr && module_of(rule->name) == module) rows.push_back(schedule_row(*rule));
    }
    table(out, {}, {Phrase::rule, Phrase::trigger, Phrase::happens}, std::move(rows));
    return out;
  }

  HandbookSection messages(const Entity& entity) const {
    HandbookSection out = below(entity, "messages", Phrase::messages);
    std::vector<std::vector<Cell>> rows;
    for (const auto& message : catalog_.messages) {
      if (message->entity != &entity) continue;
      Cell text;
      if (Line subject = rules_.text(message->subject, &entity); !subject.empty() && !message->subject.text.empty()) {
        for (HandbookSpan& span : subject) {
          if (span.kind == HandbookSpan::Kind::text) span.kind = HandbookSpan::Kind::strong;
        }
        text.push_back(std::move(subject));
      }
      for (Line& one : lines_of(rules_.text(message->body, &entity))) text.push_back(std::move(one));
      const Line channel = message->channel == "mail"      ? plain(say(Phrase::channel_mail))
                           : message->channel == "console" ? plain(say(Phrase::channel_console))
                                                           : code(message->channel);
      rows.push_back({cell({words_.span(message->label, message->name, HandbookSpan::Kind::strong)}), cell(channel), std::move(text)});
    }
    table(out, {}, {Phrase::message, Phrase::channel, Phrase::text_column}, std::move(rows));
    return out;
  }

  /// Broken where the text is.
  static std::vector<Line> lines_of(const Line& line) {
    std::vector<Line> out(1);
    for (const HandbookSpan& span : line) {
      std::string_view rest = span.text;
      while (true) {
        const auto end = rest.find('\n');
        HandbookSpan piece = span;
        piece.text = std::string(rest.substr(0, end));
        append(out.back(), {piece});
        if (end == std::string_view::npos) break;
        out.emplace_back();
        rest = rest.substr(end + 1);
      }
    }
    std::erase_if(out, [](const Line& one) { return one.empty(); });
    return out;
  }

  HandbookSection views(const Entity& entity) const {
    HandbookSection out = below(entity, "views", Phrase::views);
    constexpr Phrase types[] = {Phrase::view_list, Phrase::view_board, Phrase::view_calendar, Phrase::view_timeline};
    std::vector<std::vector<Cell>> rows;
    for (const View* view : entity.views) {
      const auto readable = [&](const Field* field) { return field == nullptr || sight_.right(entity, *field) >= FieldRight::read; };
      if ((view->filter && !sight_.shows(*view->filter)) || !readable(view->group) || !readable(view->start)) continue;
      rows.push_back({cell({words_.span(view->label, view->name, HandbookSpan::Kind::strong)}), cell(plain(say(types[static_cast<std::size_t>(view->type)]))),
                      cell(view->filter ? line(Phrase::shows_where, {rules_.condition(*view->filter)}) : plain(say(Phrase::shows_all)))});
    }
    table(out, {}, {Phrase::view, Phrase::type, Phrase::shows}, std::move(rows));
    return out;
  }

  // -- pages
  /// Prose of a page as plain text.
  static Line without_marks(Line line) {
    for (HandbookSpan& span : line) {
      std::string_view text = span.text;
      while (!text.empty() && (text.front() == '#' || text.front() == ' ')) text.remove_prefix(1);
      std::string out;
      if (text.starts_with("- ") || text.starts_with("* ")) {
        out = "• ";
        text.remove_prefix(2);
      }
      while (!text.empty()) {
        // Of a link its text.
        const auto close = text.front() == '[' ? text.find("](") : std::string_view::npos;
        const auto end = close == std::string_view::npos ? close : text.find(')', close);
        if (text.starts_with("**")) {
          text.remove_prefix(2);
        } else if (end != std::string_view::npos) {
          out += text.substr(1, close - 1);
          text = text.substr(end + 1);
        } else {
          out.push_back(text.front());
          text.remove_prefix(1);
        }
      }
      span.text = out;
    }
    return line;
  }

  Cell blocks_of(const Page& page) const {
    Cell out;
    for (const Block& block : page.blocks) {
      if (block.entity != nullptr && !sight_.shows(*block.entity)) continue;
      Line what;
      switch (block.kind) {
        case Block::Kind::work:
        case Block::Kind::view: what = block.view ? line(Phrase::block_view, {line(Phrase::quoted, {label(block.view->label, block.view->name)})}) : Line(); break;
        case Block::Kind::button:
        case Block::Kind::form: what = block.entity ? line(Phrase::block_form, {rules_.entity(*block.entity)}) : Line(); break;
        case Block::Kind::chart: what = block.entity ? line(Phrase::block_chart, {rules_.entity(*block.entity)}) : Line(); break;
        case Block::Kind::markdown:
          if (!block.label.empty()) out.push_back({words_.span(block.label, block.name, HandbookSpan::Kind::strong)});
          for (const Line& one : lines_of(label(block.text, ""))) out.push_back(without_marks(one));
          continue;
      }
      if (block.kind == Block::Kind::chart && block.condition && !sight_.shows(*block.condition)) continue;
      out.push_back(block.label.empty() ? what : line(Phrase::aside, {label(block.label, block.name), what}));
    }
    return out;
  }

  HandbookSection pages(std::string_view module) const {
    HandbookSection out = section("part-" + std::string(module) + "-pages", plain(say(Phrase::pages)));
    std::vector<std::vector<Cell>> rows;
    for (const auto& page : catalog_.pages) {
      if (module_of(page->name) != module || !sight_.shows(*page)) continue;
      rows.push_back({cell({words_.span(page->label, page->name, HandbookSpan::Kind::strong)}),
                      cell(page->roles.empty() ? plain(say(Phrase::everybody)) : rules_.roles(page->roles)), blocks_of(*page)});
    }
    table(out, {}, {Phrase::page, Phrase::seen_by, Phrase::page_holds}, std::move(rows));
    return out;
  }

  // -- the end
  std::string hours_of(const std::vector<DayPart>& parts) const {
    if (parts.empty()) return say(Phrase::closed);
    std::string out;
    for (const DayPart& part : parts) out += (out.empty() ? "" : std::string(words_.text(Phrase::comma))) + clock_time(part.from) + "–" + clock_time(part.to);
    return out;
  }

  HandbookSection calendars() const {
    HandbookSection out = section("calendars", plain(say(Phrase::calendars)));
    for (const auto& calendar : catalog_.calendars) {
      HandbookSection one = section("calendar-" + calendar->name, label(calendar->label, calendar->name), calendar->name);
      paragraph(one, plain(say(Phrase::zone, {calendar->time_zone})));
      std::vector<std::vector<Cell>> rows;
      for (std::size_t day = 0; day < 7;) {
        std::size_t last = day;
        while (last + 1 < 7 && calendar->week[last + 1] == calendar->week[day]) ++last;
        const std::string days = last == day ? say(weekday(day)) : say(Phrase::until, {say(weekday(day)), say(weekday(last))});
        rows.push_back({cell(plain(days)), cell(plain(hours_of(calendar->week[day])))});
        day = last + 1;
      }
      table(one, {}, {Phrase::days, Phrase::hours}, std::move(rows));
      rows.clear();
      for (auto at = calendar->exceptions.begin(); at != calendar->exceptions.end();) {
        auto last = at, next = std::next(at);
        while (next != calendar->exceptions.end() && next->first.days == last->first.days + 1 && next->second.parts == at->second.parts &&
               next->second.label.all() == at->second.label.all()) {
          last = next++;
        }
        const std::string days = last == at ? format_date(at->first) : say(Phrase::until, {format_date(at->first), format_date(last->first)});
        rows.push_back({cell(plain(days)), cell(at->second.label.empty() ? Line() : label(at->second.label, "")), cell(plain(hours_of(at->second.parts)))});
        at = next;
      }
      table(one, say(Phrase::exceptions), {Phrase::days, Phrase::occasion, Phrase::hours}, std::move(rows));
      add(out, std::move(one));
    }
    return out;
  }

  HandbookSection settings() const {
    HandbookSection out = section("settings", plain(say(Phrase::settings)));
    if (!sight_.everything()) return out;
    for (const auto& group : catalog_.settings) {
      std::vector<std::vector<Cell>> rows;
      for (const Setting& setting : group->settings) {
        Cell name{{words_.span(setting.field.label, setting.field.name, HandbookSpan::Kind::strong)}};
        if (!setting.field.help.empty()) name.push_back(label(setting.field.help, ""));
        const auto value = [&](const expr::Value& one) { return one.is_null() ? Cell() : cell(rules_.literal(one, &setting.field, nullptr)); };
        rows.push_back({std::move(name), cell(type_of(setting.field)), value(setting.value), value(setting.default_value)});
      }
      table(out, text_of(label(group->label, group->module)), {Phrase::setting, Phrase::type, Phrase::value, Phrase::default_value}, std::move(rows));
    }
    return out;
  }

  HandbookSection responsibilities() const {
    HandbookSection out = section("responsibilities", plain(say(Phrase::responsibilities)));
    for (const auto& role : catalog_.roles) {
      if (roles_.contains(role.get())) out.sections.push_back(post(*role));
    }
    return out;
  }

  static bool is_in(const Role& role, const std::vector<std::string>& names) {
    return std::any_of(role.all.begin(), role.all.end(), [&](const Role* one) { return std::find(names.begin(), names.end(), one->name) != names.end(); });
  }

  HandbookSection post(const Role& role) const {
    HandbookSection out = section(role_section(role), label(role.label, role.name), role.name);
    Line said;
    if (role.department) append(said, line(Phrase::of_department, {label(role.department->label, role.department->name)}));
    if (role.everyone) sentence(said, plain(say(Phrase::held_by_all)));
    if (!role.includes.empty()) {
      std::vector<Line> lines;
      for (const Role* one : role.includes) lines.push_back(rules_.role(one->name));
      sentence(said, line(Phrase::includes, {words_.joined(lines)}));
    }
    if (role.administrator) sentence(said, plain(say(Phrase::is_administrator)));
    const bool told = !said.empty();
    paragraph(out, std::move(said));

    std::vector<std::vector<Cell>> rows;
    std::vector<Line> steps, decides, is_told, gets;
    for (const Entity* entity : entities_) {
      if (given(role, *entity)) {
        rows.push_back({cell(rules_.entity(*entity)), right(role, *entity, Operation::read), right(role, *entity, Operation::create), right(role, *entity, Operation::update),
                        right(role, *entity, Operation::remove)});
      }
      duties(role, *entity, steps, decides, is_told);
    }
    for (const auto& rule : catalog_.assignments) {
      if (rule->entity != nullptr && sight_.shows(*rule->entity) && (is_in(role, rule->roles) || is_in(role, rule->fallback_roles)))
        gets.push_back(line(Phrase::duty_step, {rules_.entity(*rule->entity), label(rule->label, rule->name)}));
    }
    const auto part = [&](std::string_view what, Phrase title, std::vector<Line> lines) {
      HandbookSection one = section(role_section(role) + "-" + std::string(what), plain(say(title)));
      list(one, std::move(lines));
      add(out, std::move(one));
    };
    table(out, {}, {Phrase::records, Phrase::may_read, Phrase::may_create, Phrase::may_update, Phrase::may_delete}, std::move(rows));
    part("steps", Phrase::takes_steps, std::move(steps));
    part("decides", Phrase::decides, std::move(decides));
    part("told", Phrase::is_told, std::move(is_told));
    part("work", Phrase::gets_work, std::move(gets));
    std::vector<Line> pages;
    for (const auto& page : catalog_.pages) {
      if (!page->roles.empty() && sight_.shows(*page) && is_in(role, page->roles)) pages.push_back(line(Phrase::quoted, {label(page->label, page->name)}));
    }
    if (!pages.empty()) paragraph(out, line(Phrase::sees_pages, {words_.joined(pages)}));
    if (!told && out.blocks.empty() && out.sections.empty()) paragraph(out, plain(say(Phrase::no_duties)));
    return out;
  }

  /// What a post has to do with the records of one entity.
  void duties(const Role& role, const Entity& entity, std::vector<Line>& steps, std::vector<Line>& decides, std::vector<Line>& is_told) const {
    const Line name = rules_.entity(entity);
    const auto tell = [&](const std::vector<Effect>& effects, const Line& occasion) {
      for (const Effect& effect : effects) {
        const bool about = effect.kind == Effect::Kind::notify || effect.kind == Effect::Kind::send;
        if (about && is_in(role, effect.to_roles)) {
          is_told.push_back(line(Phrase::duty_step, {name, occasion}));
          return;
        }
      }
    };
    const auto quoted = [&](const Text& text, const std::string& of) { return line(Phrase::quoted, {label(text, of)}); };
    if (const Workflow* workflow = entity.workflow.get()) {
      std::vector<Line> taken;
      for (const auto& step : workflow->transitions) {
        const bool own = step->by.empty() ? !step->automatic && !step->at && !role.administrator && given(role, entity, Operation::update) : takes(role, *step);
        if (own) taken.push_back(quoted(step->label, step->name));
        for (const ApprovalStep& approval : step->approval) {
          if (is_in(role, approval.by))
            decides.push_back(line(Phrase::duty_step, {name, line(Phrase::aside, {quoted(step->label, step->name), label(approval.label, approval.name)})}));
        }
        tell(step->effects, quoted(step->label, step->name));
      }
      if (!taken.empty()) steps.push_back(line(Phrase::duty_step, {name, words_.joined(taken)}));
      for (const auto& state : workflow->states) {
        tell(state->enter, line(Phrase::on_state, {rules_.state(*state)}));
        tell(state->exit, rules_.state(*state));
      }
    }
    for (const auto& clock : catalog_.clocks) {
      if (clock->entity != &entity) continue;
      for (const ClockRule::Action& action : clock->warn) tell(action.effects, line(Phrase::told_warning, {quoted(clock->label, clock->name)}));
      for (const ClockRule::Action& action : clock->breach) tell(action.effects, line(Phrase::told_breach, {quoted(clock->label, clock->name)}));
    }
    for (const auto& rule : catalog_.automations) {
      if (rule->entity == &entity && rule->active) tell(rule->effects, quoted(rule->label, rule->name));
    }
    for (const auto& rule : catalog_.schedules) {
      if (rule->entity == &entity && rule->active) tell(rule->effects, quoted(rule->label, rule->name));
    }
  }

  const Catalog& catalog_;
  const HandbookSight sight_;
  const HandbookWords words_;
  HandbookRules rules_;
  std::vector<const Entity*> entities_;  ///< that the reader may see
  std::set<const Role*> roles_;          ///< that have a section
};

}  // namespace

const char* to_string(HandbookSpan::Kind kind) {
  constexpr const char* names[] = {"text", "strong", "code", "place", "category", "link"};
  return names[static_cast<std::size_t>(kind)];
}

const char* to_string(HandbookBlock::Kind kind) {
  constexpr const char* names[] = {"paragraph", "list", "table", "chart"};
  return names[static_cast<std::size_t>(kind)];
}

Handbook make_handbook(const Catalog& catalog, std::string_view locale, const HandbookScope& scope) {
  return Writer(catalog, locale, scope).write();
}

}  // namespace caravan::model

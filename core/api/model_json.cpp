#include "api/model_json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "api/gzip.h"
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/titles.h"
#include "api/view_parameter.h"
#include "model/pages.h"
#include "model/process.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/draft.h"
#include "workflow/public_pages.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using model::FieldType;
using model::Form;
using model::Operation;

class ModelWriter {
 public:
  ModelWriter(const records::RecordService& records, const records::Context& context, std::string_view locale)
      : records_(records), context_(context), catalog_(*context.catalog), locale_(locale), json_(out_) {}

  std::string write() {
    json_.begin_object().member("hash", catalog_.hash).member("locale", locale_);
    json_.key("locales").begin_array();
    for (const std::string_view locale : locales) json_.string(locale);
    json_.end_array();
    json_.key("agency")
        .begin_object()
        .member("name", catalog_.agency.name)
        .member("currency", catalog_.agency.currency);
    json_.member("time_zone", catalog_.agency.time_zone);
    json_.member("color", workflow::public_setting(catalog_, "public_color")).member("logo", workflow::public_setting(catalog_, "public_logo")).end_object();

    std::vector<const Entity*> entities;
    for (const auto& entity : catalog_.entities) {
      if (may(*entity, Operation::read)) entities.push_back(entity.get());
    }
    for (const auto& page : catalog_.pages) {
      auto blocks = visible_blocks(*page);
      if (!blocks.empty()) pages_.emplace_back(page.get(), std::move(blocks));
    }
    json_.key("modules").begin_array();
    for (const model::Module& module : catalog_.modules) write_module(module, entities);
    json_.end_array().key("entities").begin_object();
    std::set<const model::Choices*> choices;
    for (const Entity* entity : entities) {
      json_.key(entity->full_name);
      write_entity(*entity);
      for (const auto& field : entity->fields) {
        if (field->choices != nullptr) choices.insert(field->choices);
      }
    }
    json_.end_object().key("choices").begin_object();
    for (const auto& list : catalog_.choice_lists) {
      if (choices.contains(list.get())) write_choices(*list);
    }
    json_.end_object().key("pages").begin_object();
    for (const auto& [page, blocks] : pages_) write_page(*page, blocks);
    json_.end_object().end_object();
    return std::move(out_);
  }

 private:
  std::string_view label(const model::Text& text, std::string_view name) const {
    return label_of(text, name, locale_);
  }
  bool may(const Entity& entity, Operation operation) const {
    return records_.may(context_, entity, operation);
  }

  void write_module(const model::Module& module, const std::vector<const Entity*>& entities) {
    const auto of_module = [&](const auto& page) { return module_of(*page.first) == module.name; };
    const bool any = std::any_of(entities.begin(), entities.end(),
                                 [&](const Entity* e) { return e->module == module.name; }) ||
                     std::any_of(pages_.begin(), pages_.end(), of_module);
    if (!any) return;
    json_.begin_object()
        .member("name", module.name)
        .member("label", label(module.label, module.name))
        .member("icon", module.icon);
    json_.key("entities").begin_array();
    for (const Entity* entity : entities) {
      if (entity->module == module.name) json_.string(entity->full_name);
    }
    json_.end_array().key("pages").begin_array();
    for (const auto& one : pages_) {
      if (of_module(one)) json_.string(one.first->name);
    }
    json_.end_array().end_object();
  }

  static std::string_view module_of(const model::Page& page) { return std::string_view(page.name).substr(0, page.name.find('.')); }

  /// What the caller may see of a page: nothing where he holds none of its roles.
  std::vector<const model::Block*> visible_blocks(const model::Page& page) const {
    std::vector<const model::Block*> blocks;
    const bool invited = page.roles.empty() || records::is_administrator(context_) ||
                         std::any_of(page.roles.begin(), page.roles.end(), [&](const std::string& role) { return records::holds_role(context_, role); });
    if (!invited) return blocks;
    for (const model::Block& block : page.blocks) {
      if (block.entity == nullptr || visible(block)) blocks.push_back(&block);
    }
    return blocks;
  }

  bool visible(const model::Block& block) const {
    const Entity& entity = *block.entity;
    if (!may(entity, Operation::read)) return false;
    const records::FieldRights rights = records::field_rights(context_, entity);
    switch (block.kind) {
      case model::Block::Kind::work:
      case model::Block::Kind::view: return usable(*block.view, rights);
      case model::Block::Kind::button:
      case model::Block::Kind::form: return may(entity, Operation::create);
      case model::Block::Kind::markdown: return true;
      case model::Block::Kind::chart: break;
    }
    // The route would refuse what reads a field that the caller may not read.
    const auto readable = [&](std::string_view name) {
      const Field* field = entity.field(name);
      return field != nullptr && rights.readable(*field);
    };
    const auto colon = block.measure.find(':');
    return (block.group.empty() || readable(std::string_view(block.group).substr(0, block.group.find(':')))) &&
           (colon == std::string::npos || readable(std::string_view(block.measure).substr(colon + 1))) &&
           (!block.condition || records::reads_only_readable(context_, *block.condition));
  }

  void write_page(const model::Page& page, const std::vector<const model::Block*>& blocks) {
    json_.key(page.name).begin_object().member("name", page.name).member("label", label(page.label, page.name)).member("icon", page.icon);
    json_.member("menu", page.menu).member("module", module_of(page)).key("blocks").begin_array();
    for (const model::Block* block : blocks) {
      const bool chart = block->kind == model::Block::Kind::chart;
      const auto text = [](bool there, std::string_view value) { return there ? value : std::string_view(); };
      json_.begin_object().member("name", block->name).member("label", block->label.in(locale_)).member("type", model::to_string(block->kind));
      json_.member("width", std::int64_t{block->width});
      json_.member_or_null("entity", text(block->entity != nullptr, block->entity ? std::string_view(block->entity->full_name) : std::string_view()));
      json_.member_or_null("view", block->view ? std::string_view(block->view->name) : std::string_view());
      json_.member_or_null("form", block->form ? std::string_view(block->form->name) : std::string_view());
      json_.member_or_null("text", block->text.in(locale_));
      json_.member_or_null("chart", text(chart, model::to_string(block->chart)));
      json_.member_or_null("group", text(chart, block->group)).member_or_null("measure", text(chart, block->measure));
      json_.member_or_null("filter", text(chart, block->filter)).end_object();
    }
    json_.end_array().end_object();
  }

  /// A view that hangs on what may not be read would be refused.
  bool usable(const model::View& view, const records::FieldRights& rights) const {
    const auto readable = [&](const Field* field) { return field == nullptr || rights.readable(*field); };
    return readable(view.group) && readable(view.start) && (!view.filter || records::reads_only_readable(context_, *view.filter));
  }

  bool shown(const Field& field) const { return rights_.of(field) != model::FieldRight::hidden; }

  void write_entity(const Entity& entity) {
    rights_ = records::field_rights(context_, entity);
    json_.begin_object()
        .member("name", entity.full_name)
        .member("label", label(entity.label, entity.full_name));
    json_.member("plural", label(entity.plural.empty() ? entity.label : entity.plural, entity.full_name));
    json_.member("module", entity.module).member("icon", entity.icon).member("menu", entity.menu).member("ledger", entity.ledger);
    const std::string_view fallback = entity.number_format.empty() ? "id" : "number";
    json_.member("title", entity.title ? std::string_view(entity.title->name) : fallback);
    json_.key("rights").begin_object().member("read", true);
    for (const Operation operation : {Operation::create, Operation::update, Operation::remove}) {
      json_.member(model::to_string(operation), may(entity, operation));
    }
    json_.end_object().member("live", !entity.conditional.empty() || !entity.duplicates.empty() || !entity.computed.empty());
    json_.member("duplicates", !entity.duplicates.empty());
    json_.key("fields").begin_array();
    for (const auto& field : entity.fields) {
      if (shown(*field)) write_field(*field);
    }
    json_.end_array();
    write_workflow(entity);
    write_forms(entity);
    write_views(entity);
    write_links(entity);
    json_.end_object();
  }

  /// Pages of which the caller may make private links to some of the entity's records.
  void write_links(const Entity& entity) {
    if (!entity.rules) return;
    bool any = false;
    for (const auto& page : entity.rules->public_pages) {
      if (!page->active || !page->linked() || !workflow::may_issue_some(records_, context_, *page)) continue;
      if (!any) json_.key("links").begin_array();
      any = true;
      json_.begin_object().member("name", page->name).member("type", model::to_string(page->type)).member("label", label(page->label, page->name)).end_object();
    }
    if (any) json_.end_array();
  }

  void write_field(const Field& field) {
    json_.begin_object()
        .member("name", field.name)
        .member("label", label(field.label, field.name))
        .member("help", field.help.in(locale_));
    json_.member("type", model::to_string(field.type));
    json_.member_or_null("to", field.target ? std::string_view(field.target->full_name) : std::string_view());
    json_.member("system", field.system).member("required", field.required && !field.visible && !records::filled_later(field));
    const model::FieldRight right = rights_.of(field);
    json_.member("right", model::to_string(right));
    const bool fixed =
        right < model::FieldRight::write || field.compute != nullptr || field.read_only || (field.system && field.slot != model::slot_owner);
    constexpr const char* rollups[] = {"count", "sum", "min", "max"};
    json_.member_or_null("rollup", field.rollup ? std::string_view(rollups[static_cast<std::size_t>(field.rollup->kind)]) : std::string_view());
    json_.member("read_only", fixed).member("search", field.search && right >= model::FieldRight::read).member("multiline", field.multiline);
    json_.member("sensitive", field.sensitive);
    write_bound("max", field, field.max, field.decimal_max);
    write_bound("min", field, field.min, field.decimal_min);
    if (field.type == FieldType::decimal || field.type == FieldType::money) {
      json_.member("scale", std::int64_t{field.scale});
    } else {
      json_.key("scale").null();
    }
    json_.member_or_null("choices",
                         field.choices ? std::string_view(field.choices->name) : std::string_view());
    json_.member_or_null("depends_on", field.depends_on ? std::string_view(field.depends_on->name) : std::string_view());
    json_.key("default");
    write_default(field);
    json_.member("sortable", right >= model::FieldRight::read && sortable(field)).end_object();
  }

  /// What a new record's form begins with: a default that depends on neither record, user nor time.
  void write_default(const Field& field) {
    const auto& program = field.default_value;
    const expr::Value variables[2];
    if (program && !records::filled_later(field)) {
      const auto result = program->evaluate({variables, 2, {}, "UTC"});
      if (result.outcome == expr::Outcome::value) {
        records::write_value(json_.value_follows(), field, result.value);
        return;
      }
    }
    json_.null();
  }

  void write_bound(std::string_view name, const Field& field, const std::optional<std::int64_t>& whole,
                   const std::optional<Decimal>& decimal) {
    if ((field.type == FieldType::text || field.type == FieldType::localized) && name == "max" && field.max_length > 0) {
      json_.member(name, std::int64_t{field.max_length});
    } else if (whole) {
      json_.member(name, *whole);
    } else if (decimal) {
      json_.member(name, format_decimal(*decimal));
    } else {
      json_.key(name).null();
    }
  }

  static bool sortable(const Field& field) {
    return field.type != FieldType::json && !records::kept_as_json(field) && !field.sensitive &&
           !(field.type == FieldType::text && !field.system && field.max_length == 0);
  }

  void write_workflow(const Entity& entity) {
    const model::Workflow* workflow = entity.workflow.get();
    json_.member_or_null("initial", workflow && workflow->initial ? std::string_view(workflow->initial->name)
                                                                  : std::string_view());
    json_.key("states").begin_array();
    if (workflow) {
      for (const auto& state : workflow->states) {
        json_.begin_object().member("name", state->name).member("label", label(state->label, state->name));
        json_.member("category", model::to_string(state->category))
            .member("color", state->color);
        if (!state->tasks.empty()) {
          json_.key("tasks").begin_array();
          for (const model::TaskRule& task : state->tasks) {
            json_.begin_object().member("name", task.name).member("label", label(task.label, task.name)).member("required", task.required).end_object();
          }
          json_.end_array();
        }
        json_.end_object();
      }
    }
    json_.end_array().key("transitions").begin_array();
    if (workflow) {
      for (const auto& transition : workflow->transitions) {
        json_.begin_object()
            .member("name", transition->name)
            .member("label", label(transition->label, transition->name));
        json_.key("from").begin_array();
        for (const model::State* from : transition->from) json_.string(from->name);
        json_.end_array().member("to", transition->to->name);
        json_.member_or_null(
            "form", transition->form ? std::string_view(transition->form->name) : std::string_view());
        json_.member("comment_required", transition->comment_required);
        if (transition->wait_for_tasks) json_.member("waits_for_tasks", true);
        if (!transition->approval.empty()) {
          json_.key("approval").begin_array();
          for (const model::ApprovalStep& step : transition->approval) {
            json_.begin_object().member("name", step.name).member("label", label(step.label, step.name)).end_object();
          }
          json_.end_array();
        }
        json_.end_object();
      }
    }
    json_.end_array();
    if (!entity.events.empty()) {
      json_.key("events").begin_array();
      for (const model::Happening& event : entity.events) json_.begin_object().member("name", event.name).member("label", label(event.label, event.name)).end_object();
      json_.end_array();
    }
    json_.key("clocks").begin_array();
    for (const auto& clock : catalog_.clocks) {
      if (clock->entity != &entity) continue;
      json_.begin_object().member("name", clock->name).member("label", label(clock->label, clock->name));
      if (clock->calendar) json_.member("calendar", label(clock->calendar->label, clock->calendar->name));
      else json_.key("calendar").null();
      json_.end_object();
    }
    json_.end_array().key("assignments").begin_array();
    for (const auto& rule : catalog_.assignments) {
      if (rule->entity != &entity || !shown(*rule->field)) continue;
      json_.begin_object().member("name", rule->name).member("label", label(rule->label, rule->name));
      json_.member("field", rule->field->name).member("strategy", model::to_string(rule->strategy)).end_object();
    }
    json_.end_array();
  }

  void write_forms(const Entity& entity) {
    // The first form is the one for create and edit, so a form that only a transition asks for is never it.
    std::vector<const Form*> of_transitions, forms;
    if (entity.workflow) {
      for (const auto& transition : entity.workflow->transitions) {
        if (transition->form &&
            std::find(of_transitions.begin(), of_transitions.end(), transition->form) == of_transitions.end())
          of_transitions.push_back(transition->form);
      }
    }
    for (const Form* form : entity.forms) {
      if (std::find(of_transitions.begin(), of_transitions.end(), form) == of_transitions.end())
        forms.push_back(form);
    }
    json_.key("forms").begin_array();
    if (forms.empty()) write_generated_form(entity);
    for (const Form* form : forms) write_form(*form);
    for (const Form* form : of_transitions) write_form(*form);
    json_.end_array();
  }

  void write_form(const Form& form) {
    json_.begin_object()
        .member("name", form.name)
        .member("label", label(form.label, form.name))
        .key("groups")
        .begin_array();
    for (const model::FormGroup& group : form.groups) {
      json_.begin_object()
          .member("name", group.name)
          .member("label", label(group.label, ""))
          .key("fields")
          .begin_array();
      for (const Field* field : group.fields) {
        if (shown(*field)) json_.string(field->name);
      }
      json_.end_array().end_object();
    }
    json_.end_array().end_object();
  }

  void write_generated_form(const Entity& entity) {
    json_.begin_object()
        .member("name", entity.full_name + "_form")
        .member("label", label(entity.label, entity.full_name));
    json_.key("groups")
        .begin_array()
        .begin_object()
        .member("name", "main")
        .member("label", "")
        .key("fields")
        .begin_array();
    for (const auto& field : entity.fields) {
      if (!field->system && !field->read_only && field->compute == nullptr && shown(*field)) json_.string(field->name);
    }
    json_.end_array().end_object().end_array().end_object();
  }

  void write_views(const Entity& entity) {
    json_.key("views").begin_array();
    if (std::none_of(entity.views.begin(), entity.views.end(), [&](const model::View* view) { return view->type == model::ViewType::list && usable(*view, rights_); }))
      write_generated_view(entity);
    for (const model::View* view : entity.views) {
      if (!usable(*view, rights_)) continue;
      json_.begin_object().member("name", view->name).member("label", label(view->label, view->name)).member("type", model::to_string(view->type));
      json_.key("columns").begin_array();
      for (const Field* column : view->columns) {
        if (shown(*column)) json_.string(column->name);
      }
      const std::string sort = sort_of(*view, rights_);
      const auto name_of = [](const Field* field) { return field ? std::string_view(field->name) : std::string_view(); };
      json_.end_array().member_or_null("group", name_of(view->group)).member_or_null("start", name_of(view->start));
      json_.member_or_null("end", name_of(view->end && rights_.readable(*view->end) ? view->end : nullptr));
      json_.member("sort", sort.empty() ? std::string("-id") : sort);
      json_.member_or_null("filter", view->filter ? std::string_view(view->filter->source()) : std::string_view());
      json_.end_object();
    }
    json_.end_array();
  }

  void write_generated_view(const Entity& entity) {
    constexpr std::size_t most = 6;  // fields of its own: more do not fit beside each other
    json_.begin_object()
        .member("name", entity.full_name + "_list")
        .member("label", label(entity.label, entity.full_name))
        .member("type", "list");
    json_.key("columns").begin_array();
    if (!entity.number_format.empty()) json_.string("number");
    std::size_t shown = 0;
    if (entity.title != nullptr && !entity.title->system && this->shown(*entity.title)) {
      json_.string(entity.title->name);
      ++shown;
    }
    for (const auto& field : entity.fields) {
      if (field->system || field.get() == entity.title || field->type == FieldType::json || field->multiline || !this->shown(*field))
        continue;
      if (shown++ == most) break;
      json_.string(field->name);
    }
    if (entity.workflow) json_.string("state");
    json_.string("created_at").end_array();
    for (const std::string_view none : {"group", "start", "end"}) json_.key(none).null();
    json_.member("sort", "-id").key("filter").null().end_object();
  }

  void write_choices(const model::Choices& list) {
    json_.key(list.name).begin_array();
    for (const model::ChoiceOption& option : list.options) {
      json_.begin_object().member("name", option.name).member("label", label(option.label, option.name));
      json_.member("color", option.color).member("active", option.active).key("of").begin_array();
      for (const std::string& of : option.of) json_.string(of);
      json_.end_array().end_object();
    }
    json_.end_array();
  }

  const records::RecordService& records_;
  const records::Context& context_;
  const model::Catalog& catalog_;
  const std::string_view locale_;
  std::vector<std::pair<const model::Page*, std::vector<const model::Block*>>> pages_;  ///< that the caller may see
  records::FieldRights rights_;  ///< on the entity that is being written
  std::string out_;
  JsonWriter json_;
};

}  // namespace

std::string model_json(const records::RecordService& records, const records::Context& context,
                       std::string_view locale) {
  return ModelWriter(records, context, locale).write();
}

std::shared_ptr<const RenderedModel> ModelCache::get(const records::RecordService& records,
                                                     const records::Context& context,
                                                     std::string_view locale) {
  return get(context, locale, [&] { return model_json(records, context, locale); });
}

std::shared_ptr<const RenderedModel> ModelCache::get(const records::Context& context, std::string_view locale,
                                                     const std::function<std::string()>& make) {
  // Rights that are lent count, what is done with them does not depend on whose they are; administrators lend only others. Each
  // person's roles are kept apart: rights on fields that one of them adds count for what that person may read.
  const auto roles_of = [&](const records::Actor& person) {
    std::set<std::string_view> roles;
    for (const std::string& name : person.roles) {
      // A role that the Catalog does not know changes nothing, and must not fill the cache.
      const model::Role* role = context.catalog->role(name);
      if (role != nullptr && (&person == &context.actor || !role->administrator)) roles.insert(name);
    }
    std::string text;
    for (const std::string_view name : roles) text.append("\n").append(name);
    return text;
  };
  std::string key(locale);
  if (context.actor.system) key += "\nsystem";
  else if (context.actor.user_id == 0) key += "\nnobody";
  key += roles_of(context.actor);
  std::set<std::string> lent;
  for (const records::Actor& colleague : context.actor.deputy_of) lent.insert(roles_of(colleague));
  for (const std::string& roles : lent) {
    if (!roles.empty()) key += "\n+" + roles;
  }
  {
    std::lock_guard lock(mutex_);
    if (catalog_.lock() == context.catalog) {
      if (const auto found = models_.find(key); found != models_.end()) return found->second;
    }
  }
  auto made = std::make_shared<RenderedModel>();
  made->body = make();
  made->gzip = gzip(made->body);
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a of what the model depends on
  for (const char c : context.catalog->hash + "\n" + key)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  made->tag = "\"" + std::to_string(hash) + "\"";

  std::lock_guard lock(mutex_);
  if (catalog_.lock() != context.catalog) {
    catalog_ = context.catalog;
    models_.clear();
  }
  if (models_.size() >= capacity) models_.clear();
  models_[key] = made;
  return made;
}

}  // namespace caravan::api

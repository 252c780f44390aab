#include <algorithm>

#include "model/builder_state.h"
#include "model/public_page.h"

// Public pages. A stranger is told and asked what they name, so what he must never see is refused here.

namespace caravan::model {
namespace {

constexpr std::int64_t longest_valid = 3650LL * 86400;

bool told(const Field& field) { return field.type != FieldType::json && field.type != FieldType::file && field.type != FieldType::image; }

/// A reference would need a list of records to choose from.
bool askable(const Field& field) {
  return told(field) && field.type != FieldType::id && field.type != FieldType::ref && field.type != FieldType::refs && field.type != FieldType::localized;
}

bool is_day_or_moment(const Field& field) { return field.type == FieldType::date || field.type == FieldType::instant; }

bool is_in(const std::vector<const Field*>& fields, const Field* field) { return std::find(fields.begin(), fields.end(), field) != fields.end(); }

}  // namespace

const char* to_string(PublicPage::Type type) {
  switch (type) {
    case PublicPage::Type::form: return "form";
    case PublicPage::Type::record: return "record";
    case PublicPage::Type::calendar: return "calendar";
  }
  return "";
}

const PublicPage* public_page(const Catalog& catalog, std::string_view name) {
  for (const auto& entity : catalog.entities) {
    if (!entity->rules) continue;
    for (const auto& page : entity->rules->public_pages) {
      if (page->name == name) return page->active ? page.get() : nullptr;
    }
  }
  return nullptr;
}

std::vector<const Field*> Builder::public_fields(Draft& draft, const Node* node, bool asked) {
  std::vector<const Field*> out;
  const std::vector<Mention> all = mentions(node);
  check_twice(all, "field");
  for (const Mention& mention : all) {
    const Field* field = find_field(draft, mention);
    if (field == nullptr || draft.vague.contains(field)) continue;
    const auto refuse = [&](const std::string& why, const char* hint) {
      diagnostics_.error(mention.at, "public-field", "field " + quoted(field->name) + " " + why, hint);
    };
    if (field->sensitive) refuse("is sensitive, and the page is for people without an account", "leave it out");
    else if (asked && (field->system || field->compute || is_computed(draft, *field) || field->rollup || field->read_only))
      refuse("is not filled in by people", "leave it out");
    else if (asked && !askable(*field)) refuse("cannot be filled in by a stranger: " + std::string(to_string(field->type)), "let a colleague fill it in, or use `with`");
    else if (!asked && field->right < FieldRight::read) refuse("is hidden from colleagues whose roles say nothing of it", "leave it out");
    else if (!asked && !told(*field)) refuse("cannot be shown there: " + std::string(to_string(field->type)), "leave it out");
    else out.push_back(field);
  }
  return out;
}

const Field* Builder::public_reference(Draft& draft, const Node* by, const Entity& target) {
  if (by == nullptr || by->bad) return nullptr;
  const Field* field = find_field(draft, {by->text, by->at});
  if (field == nullptr || draft.vague.contains(field)) return nullptr;
  if (field->type == FieldType::ref && field->target == &target) return field;
  diagnostics_.error(by->at, "public-reference", "field " + quoted(field->name) + " does not refer to " + target.full_name,
                     "name a field of `type: ref` to " + target.full_name);
  return nullptr;
}

void Builder::check_public_required(Draft& draft, const Place& at, const std::string& subject, const std::vector<const Field*>& given, const Node* with) {
  for (const auto& field : draft.entity->fields) {
    if (!field->required || field->visible || draft.vague.contains(field.get()) || is_in(given, field.get())) continue;
    const auto found = draft.nodes.find(field.get());
    const bool defaulted = found != draft.nodes.end() && (found->second->entry("default") || found->second->entry("default_expr"));
    if (defaulted || (with != nullptr && with->entry(field->name))) continue;
    diagnostics_.error(at, "missing-required", subject + " makes a " + draft.entity->full_name + " without its required field " + quoted(field->name),
                       "add it to `fields`, or to `with` of a form");
  }
}

void Builder::build_public_form(PublicPage& page, Draft& draft, const Document& document) {
  const Node& root = document.root;
  const Node* with = root.get("with");
  page.consent = text_of(root.get("consent"), "the consent of " + quoted(page.name));
  expr::Environment environment;
  environment.variables.push_back({"record", {expr::TypeKind::null, nullptr, nullptr, nullptr}});
  environment.constants = catalog_->constants;
  Effect values;
  build_effect_values(nullptr, draft, with, environment, values);
  page.with = std::move(values.with);
  for (const auto& [field, program] : page.with) {
    if (is_in(page.fields, field))
      diagnostics_.error(with->entry(field->name)->at, "contradiction", "field " + quoted(field->name) + " is filled in, and set by `with`", "keep one of the two");
  }
  if (!doubtful(root.get("fields")) && !doubtful(with)) check_public_required(draft, document.at, "public page " + quoted(page.name), page.fields, with);
}

void Builder::build_public_steps(PublicPage& page, Draft& draft, const Document& document) {
  const std::vector<Mention> steps = mentions(document.root.get("steps"));
  check_twice(steps, "transition");
  const Workflow* workflow = draft.entity->workflow.get();
  for (const Mention& mention : steps) {
    const Transition* step = workflow != nullptr ? workflow->transition(mention.text) : nullptr;
    if (step == nullptr) {
      if (draft.lost.contains("workflow")) continue;
      std::vector<std::string_view> known;
      if (workflow != nullptr) {
        for (const auto& one : workflow->transitions) known.push_back(one->name);
      }
      unknown(mention.at, "transition", mention.text, known);
      continue;
    }
    if (step->comment_required)
      diagnostics_.error(mention.at, "public-step", "transition " + quoted(step->name) + " needs a comment, which strangers do not give", "let its form ask for a field, or name another one");
    if (step->form != nullptr) {
      for (const FormGroup& group : step->form->groups) {
        for (const Field* field : group.fields) {
          if (!field->sensitive && (askable(*field) || field->compute || field->rollup || field->read_only)) continue;
          diagnostics_.error(mention.at, "public-step", "the form of transition " + quoted(step->name) + " asks for field " + quoted(field->name) + ", which a stranger cannot fill in",
                             "name a transition whose form asks for less");
        }
      }
    }
    page.steps.push_back(step);
  }
}

void Builder::build_public_additions(PublicPage& page, const Document& document) {
  for (const Entry* entry : placed(document.root.get("adds"))) {
    if (entry->bad || entry->value.bad) continue;
    const Node& node = entry->value;
    PublicPage::Addition one;
    one.name = entry->key;
    const std::string subject = "addition " + quoted(one.name);
    one.label = label_of(node, entry->at, subject, plain(humanised(one.name)));
    if (std::any_of(page.steps.begin(), page.steps.end(), [&](const Transition* step) { return step->name == one.name; }))
      diagnostics_.error(entry->at, "named-twice", subject + " is called as a step is", "choose another name");
    const Node* create = node.get("create");
    if (create == nullptr || create->bad) continue;
    one.entity = find_entity({create->text, create->at}, module_of(page.name));
    if (one.entity == nullptr) continue;
    Draft& draft = *draft_of(one.entity);
    one.by = public_reference(draft, node.get("by"), *page.entity);
    one.fields = public_fields(draft, node.get("fields"), true);
    if (one.by == nullptr || doubtful(node.get("fields"))) continue;
    std::vector<const Field*> given = one.fields;
    given.push_back(one.by);
    check_public_required(draft, entry->at, subject, given, nullptr);
    page.adds.push_back(std::move(one));
  }
}

void Builder::build_public_entries(PublicPage& page, const Document& document) {
  for (const Entry* entry : placed(document.root.get("entries"))) {
    if (entry->bad || entry->value.bad) continue;
    const Node& node = entry->value;
    PublicPage::Entries one;
    one.name = entry->key;
    const Node* entity = node.get("entity");
    if (entity == nullptr || entity->bad) continue;
    one.entity = find_entity({entity->text, entity->at}, module_of(page.name));
    if (one.entity == nullptr) continue;
    Draft& draft = *draft_of(one.entity);
    one.by = public_reference(draft, node.get("by"), *page.entity);
    one.fields = public_fields(draft, node.get("fields"), false);
    const auto place = [&](const char* word) -> const Field* {
      const Node* said = node.get(word);
      if (said == nullptr || said->bad) return nullptr;
      const Field* field = find_field(draft, {said->text, said->at});
      if (field == nullptr || draft.vague.contains(field)) return nullptr;
      const bool same = one.start == nullptr || field->type == one.start->type;
      if (!is_day_or_moment(*field) || field->sensitive || field->right < FieldRight::read || !same) {
        diagnostics_.error(said->at, "not-a-time", tick(word) + " is " + quoted(field->name) + ", by which no entry is placed", "name a date or an instant, the same for both ends");
        return nullptr;
      }
      return field;
    };
    one.start = place("start");
    one.end = place("end");
    if (const Node* where = node.get("where"); where && !is_bad(node, "where")) {
      expr::Environment environment = catalog_->record_environment(*one.entity);
      environment.variables.resize(1);
      if (compile_condition(*where, *one.entity, environment, true)) one.where = where->text;
    }
    if (one.by != nullptr && one.start != nullptr && !one.fields.empty()) page.entries.push_back(std::move(one));
  }
}

void Builder::build_public_page(const Document& document) {
  const Node& root = document.root;
  auto owned = std::make_shared<PublicPage>();
  PublicPage& page = *owned;
  page.name = document.name;
  page.origin = to_origin(document.at);
  page.label = label_of(root, document.at, "public page " + quoted(page.name), plain(humanised(page.name)));
  page.text = text_of(root.get("text"), "the text of " + quoted(page.name));
  if (const Node* type = root.get("type"); type && !is_bad(root, "type")) {
    for (const auto one : {PublicPage::Type::form, PublicPage::Type::record, PublicPage::Type::calendar}) {
      if (type->text == to_string(one)) page.type = one;
    }
  }
  page.active = flag_of(root.get("active"), true);
  page.once = flag_of(root.get("once"), false);
  page.history = flag_of(root.get("history"), false);
  const Node* entity = root.get("entity");
  page.entity = entity && !entity->bad ? find_entity({entity->text, entity->at}, module_of(page.name)) : nullptr;
  if (page.entity == nullptr) {
    broken_.insert({"public_page", page.name});
    return;
  }
  Draft& draft = *draft_of(page.entity);
  const auto only_of = [&](std::string_view word, std::initializer_list<PublicPage::Type> types) {
    const Entry* entry = root.entry(word);
    if (entry == nullptr || std::find(types.begin(), types.end(), page.type) != types.end()) return;
    diagnostics_.error(entry->at, "word-not-for-type", tick(word) + " means nothing for a public page of `type: " + to_string(page.type) + "`", "remove it");
  };
  using enum PublicPage::Type;
  only_of("fields", {form, record});
  for (const char* word : {"with", "consent"}) only_of(word, {form});
  for (const char* word : {"history", "steps", "adds", "once"}) only_of(word, {record});
  only_of("entries", {calendar});
  for (const char* word : {"valid", "issue"}) only_of(word, {record, calendar});
  if (page.type != calendar) page.fields = public_fields(draft, root.get("fields"), page.type == form);
  if (const Node* valid = root.get("valid"); valid && !is_bad(root, "valid")) {
    const auto seconds = duration_seconds(valid->text);
    if (!seconds || *seconds < 60 || *seconds > longest_valid)
      diagnostics_.error(valid->at, "bad-duration", quoted(valid->text) + " is no time for a link to be valid", "write e.g. 720h, at most ten years");
    else
      page.valid_seconds = *seconds;
  }
  if (root.entry("issue")) {
    for (const Mention& mention : mentions(root.get("issue"))) {
      const std::string name = resolve(mention.text, module_of(page.name));
      if (const Role* role = catalog_->role(name)) page.issuers.push_back(role->name);
      else if (!is_lost("role", name)) unknown(mention.at, "role", mention.text, names(catalog_->roles));
    }
  }
  if (page.type == form) build_public_form(page, draft, document);
  if (page.type == record) {
    build_public_steps(page, draft, document);
    build_public_additions(page, document);
  }
  if (page.type == calendar) build_public_entries(page, document);
  const bool empty = page.type == calendar ? page.entries.empty() : page.fields.empty() && page.steps.empty();
  const char* word = page.type == calendar ? "entries" : "fields";
  if (empty && !doubtful(root.get(word)) && mentions(root.get(word)).empty() && mentions(root.get("steps")).empty())
    diagnostics_.error(document.at, "missing-word", "public page " + quoted(page.name) + " shows and asks nothing", std::string("add `") + word + "`");
  public_pages_.push_back(std::move(owned));
}

void Builder::build_public_pages() {
  for (const Document& document : documents_) {
    if (document.kind->name == "public_page") build_public_page(document);
  }
  std::sort(public_pages_.begin(), public_pages_.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  for (const PublicLink& link : public_links_) {
    const std::string name = resolve(link.page, module_of(link.message->name));
    const auto found = std::find_if(public_pages_.begin(), public_pages_.end(), [&](const auto& page) { return page->name == name; });
    if (found == public_pages_.end()) {
      std::vector<std::string_view> known;
      for (const auto& page : public_pages_) known.push_back(page->name);
      if (!is_lost("public_page", name)) unknown(link.at, "page", link.page, known);
    } else if ((*found)->linked() && (*found)->entity != link.message->entity && link.message->entity != nullptr) {
      diagnostics_.error(link.at, "other-entity", "public page " + quoted(name) + " is of entity " + (*found)->entity->full_name,
                         "name a page of " + link.message->entity->full_name + ", or a form");
    }
  }
}

}  // namespace caravan::model

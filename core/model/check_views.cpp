#include <algorithm>
#include <set>

#include "model/check.h"
#include "model/pages.h"

// Views and pages that hold together, but show nothing to anybody.

namespace caravan::model {
namespace {

Place word_place(const Document& document, std::string_view word) {
  const Entry* entry = document.root.entry(word);
  return entry ? entry->value.at : document.at;
}

void check_view(const CheckContext& context, const View& view, const Document& document) {
  const std::string subject = "view " + quoted(view.name);
  if (view.group && view.group->choices &&
      std::none_of(view.group->choices->options.begin(), view.group->choices->options.end(), [](const ChoiceOption& option) { return option.active; })) {
    context.warn(word_place(document, "group"), "board-without-columns",
                 subject + " is grouped by " + quoted(view.group->name) + ", which offers no option", "add options, or group it by another field");
  }
  if (!anybody_may(context.catalog, *view.entity, Operation::read)) return;
  const auto hidden = [&](std::string_view word, const Field* field) {
    if (!field || best_right(context.catalog, *view.entity, *field) >= FieldRight::read) return;
    context.warn(word_place(document, word), "hidden-in-view", "`" + std::string(word) + "` of " + subject + " is field " + quoted(field->name) + ", but nobody may read it",
                 "take another field, or give a role the right to read it");
  };
  hidden("group", view.group);
  hidden("start", view.start);
  hidden("end", view.end);
}

void check_page(const CheckContext& context, const Page& page, const Document& document) {
  const Catalog& catalog = context.catalog;
  const auto any_holder = [&](const Entity& entity, Operation operation) {
    if (page.roles.empty()) return anybody_may(catalog, entity, operation);
    return std::any_of(page.roles.begin(), page.roles.end(), [&](const std::string& name) {
      const Role* role = catalog.role(name);
      return role && holders_may(catalog, *role, entity, operation);
    });
  };
  for (const Block& block : page.blocks) {
    if (!block.entity || (page.roles.empty() && !context.has_roles())) continue;
    const bool form = block.kind == Block::Kind::form || block.kind == Block::Kind::button;
    const Operation operation = form ? Operation::create : Operation::read;
    if (any_holder(*block.entity, Operation::read) && any_holder(*block.entity, operation)) continue;
    const Entry* entry = CheckContext::entry(&document, {"blocks", block.name});
    context.warn(entry ? entry->at : document.at, "block-nobody-sees",
                 "block " + quoted(block.name) + " of page " + quoted(page.name) + " stays empty: " +
                     (page.roles.empty() ? "nobody but administrators" : "none of the page's roles") + " may " + (form ? "create " : "read ") + block.entity->full_name,
                 "grant it to one of them, or remove the block");
  }
}

}  // namespace

void check_views(const CheckContext& context) {
  std::set<const View*> on_pages;
  for (const auto& page : context.catalog.pages) {
    for (const Block& block : page->blocks) on_pages.insert(block.view);
    if (const Document* document = context.document("page", page->name)) check_page(context, *page, *document);
  }
  for (const auto& view : context.catalog.views) {
    const Document* document = context.document("view", view->name);
    if (!document || !view->entity) continue;
    check_view(context, *view, *document);
    const bool first = !view->entity->views.empty() && view->entity->views.front() == view.get();
    if (!view->entity->menu && !first && !on_pages.contains(view.get())) {
      context.warn(document->at, "unused-view", "view " + quoted(view->name) + " is shown nowhere: " + view->entity->full_name + " is not in the menu, and no page has the view",
                   "put it on a page, or remove it");
    }
  }
}

}  // namespace caravan::model

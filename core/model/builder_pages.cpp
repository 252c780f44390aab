#include <algorithm>
#include <array>

#include "model/builder_state.h"

// Pages of blocks. What a chart asks for is checked here as the route of groups would check it (records/aggregate.cpp), so that
// no chart fails for everybody when it is opened.

namespace caravan::model {
namespace {

bool is_number(const Field& field) {
  return field.type == FieldType::integer || field.type == FieldType::decimal || field.type == FieldType::money;
}

bool is_time(const Field& field) { return field.type == FieldType::date || field.type == FieldType::instant; }

bool is_long_text(const Field& field) { return field.type == FieldType::text && !field.system && field.max_length == 0; }

bool groupable(const Field& field) {
  switch (field.type) {
    case FieldType::text:
      return !is_long_text(field);
    case FieldType::id:
    case FieldType::integer:
    case FieldType::boolean:
    case FieldType::date:
    case FieldType::instant:
    case FieldType::choice:
    case FieldType::ref:
      return true;
    default:
      return false;
  }
}

constexpr std::array<std::string_view, 5> buckets{"day", "week", "month", "quarter", "year"};
constexpr std::array<std::string_view, 7> measures{"count", "sum", "avg", "min", "max", "median", "count_distinct"};

}  // namespace

bool Builder::countable(const Field& field) { return groupable(field) || field.type == FieldType::decimal || field.type == FieldType::money; }

const Field* Builder::checked_group(Draft& draft, const Node& said, const Refuse& refuse) {
  const auto colon = said.text.find(':');
  const std::string_view text = said.text, name = text.substr(0, colon);
  const std::string_view bucket = colon == std::string::npos ? std::string_view() : text.substr(colon + 1);
  const Field* field = find_field(draft, {name, said.at});
  if (!field || draft.vague.contains(field)) return nullptr;
  if (!groupable(*field)) {
    refuse(said, "records are not grouped by " + quoted(field->name) + ", which is of type " + to_string(field->type),
           "take a choice, a ref, a text of bounded length, a whole number, yes/no, a date or an instant");
  } else if (colon != std::string::npos && !is_time(*field)) {
    refuse(said, "only dates and instants take a part of the calendar, not " + quoted(field->name), "write " + std::string(name));
  } else if (colon != std::string::npos && std::find(buckets.begin(), buckets.end(), bucket) == buckets.end()) {
    refuse(said, quoted(bucket) + " is no part of the calendar", "day, week, month, quarter or year");
  } else if (colon == std::string::npos && field->type == FieldType::instant) {
    refuse(said, quoted(field->name) + " is an instant, which hardly two records share", "say by which part of the calendar, e.g. " + field->name + ":month");
  } else if (field->sensitive) {
    refuse(said, quoted(field->name) + " is sealed in the database, which cannot group by it", "take another field");
  } else {
    return field;
  }
  return nullptr;
}

std::optional<const Field*> Builder::checked_measure(Draft& draft, const Node& said, const Refuse& refuse) {
  const auto colon = said.text.find(':');
  const std::string_view text = said.text, kind = text.substr(0, colon);
  const bool percentile = kind.size() >= 2 && kind.size() <= 3 && kind[0] == 'p' && kind[1] >= '1' && kind[1] <= '9' &&
                          (kind.size() == 2 || (kind[2] >= '0' && kind[2] <= '9'));
  if ((!percentile && std::find(measures.begin(), measures.end(), kind) == measures.end()) || (kind == "count") != (colon == std::string::npos)) {
    refuse(said, quoted(said.text) + " is no measure", "count, sum:FIELD, avg:FIELD, min:FIELD, max:FIELD, median:FIELD, p90:FIELD or count_distinct:FIELD");
    return std::nullopt;
  }
  if (colon == std::string::npos) return nullptr;
  const Field* field = find_field(draft, {text.substr(colon + 1), said.at});
  if (!field || draft.vague.contains(field)) return std::nullopt;
  const bool fits = kind == "count_distinct" ? countable(*field) : kind == "min" || kind == "max" ? is_number(*field) || is_time(*field) : is_number(*field);
  if (!fits || field->sensitive) {
    refuse(said, std::string(kind) + " cannot be taken of " + quoted(field->name) + ", which is of type " + to_string(field->type) + (field->sensitive ? " and sealed" : ""),
           "take a field that holds a number");
    return std::nullopt;
  }
  return field;
}

std::vector<std::string> Builder::viewers_of(const Document& document, const char* what, const char* code) {
  std::vector<std::string> out;
  const Node* node = document.root.get("roles");
  if (!node) return out;
  const std::vector<Mention> roles = mentions(node);
  check_twice(roles, "role");
  for (const Mention& mention : roles) {
    const std::string name = resolve(mention.text, module_of(document.name));
    const Role* role = catalog_->role(name);
    if (role) out.push_back(role->name);
    else if (!is_lost("role", name)) unknown(mention.at, "role", mention.text, names(catalog_->roles));
  }
  if (roles.empty() && !doubtful(node)) {
    diagnostics_.error(document.root.entry("roles")->at, code, std::string(what) + " " + quoted(document.name) + " names no role, so nobody would see it",
                       "name a role, or leave `roles` out for everybody");
  }
  return out;
}

void Builder::build_page(const Document& document) {
  auto owned = std::make_unique<Page>();
  Page& page = *owned;
  page.name = document.name;
  page.origin = to_origin(document.at);
  page.label = label_of(document.root, document.at, "page " + quoted(page.name), plain(humanised(page.name)));
  page.icon = icon_of(document.root);
  page.menu = flag_of(document.root.get("menu"), true);
  catalog_->pages.push_back(std::move(owned));
  page.roles = viewers_of(document, "page", "page-nobody-sees");
  const Entry* blocks = document.root.entry("blocks");
  if (blocks && !blocks->value.bad && blocks->value.is_map() && blocks->value.entries.empty()) {
    diagnostics_.error(blocks->at, "no-blocks", "page " + quoted(page.name) + " has no blocks",
                       "add e.g. `welcome: {type: markdown, text: …}`");
  }
  for (const Entry* entry : placed(document.root.get("blocks"))) {
    if (entry->bad || entry->value.bad) continue;
    Block block;
    block.name = entry->key;
    block.origin = to_origin(entry->at);
    build_block(page, *entry, block);
    page.blocks.push_back(std::move(block));
  }
}

void Builder::build_block(const Page& page, const Entry& entry, Block& block) {
  const Node& node = entry.value;
  const std::string subject = "block " + quoted(block.name), module = module_of(page.name);
  block.label = label_of(node, entry.at, subject, Text(), true);
  if (const Node* width = node.get("width"); width && !is_bad(node, "width")) {
    const std::int64_t columns = integer_of(width->text).value_or(0);
    if (columns < 1 || columns > 24) {
      diagnostics_.error(width->at, "out-of-range", "`width` of " + subject + " is " + width->text, "1 to 24 columns");
    } else {
      block.width = static_cast<int>(columns);
    }
  }
  const Node* type = node.get("type");
  if (!type || is_bad(node, "type")) return;
  for (const Block::Kind kind : {Block::Kind::view, Block::Kind::form, Block::Kind::chart, Block::Kind::markdown, Block::Kind::work, Block::Kind::button}) {
    if (type->text == to_string(kind)) block.kind = kind;
  }
  constexpr std::array<std::pair<std::string_view, Block::Kind>, 8> homes{{{"view", Block::Kind::view},
                                                                           {"form", Block::Kind::form},
                                                                           {"text", Block::Kind::markdown},
                                                                           {"chart", Block::Kind::chart},
                                                                           {"entity", Block::Kind::chart},
                                                                           {"group", Block::Kind::chart},
                                                                           {"measure", Block::Kind::chart},
                                                                           {"filter", Block::Kind::chart}}};
  for (const auto& [word, home] : homes) {
    const Entry* said = node.entry(word);
    const Block::Kind kind = block.kind == Block::Kind::work ? Block::Kind::view : block.kind == Block::Kind::button ? Block::Kind::form : block.kind;
    if (!said || said->value.bad || home == kind) continue;
    diagnostics_.error(said->at, "word-not-for-type", tick(word) + " means nothing for a block of type " + to_string(block.kind),
                       "it is for " + std::string(to_string(home)));
  }
  const std::string_view needed = block.kind == Block::Kind::view || block.kind == Block::Kind::work     ? "view"
                                  : block.kind == Block::Kind::form || block.kind == Block::Kind::button ? "form"
                                  : block.kind == Block::Kind::chart                                     ? "entity"
                                                                                                         : "text";
  const Node* main = node.get(needed);
  if (!node.entry(needed)) {
    diagnostics_.error(entry.at, "missing-word", subject + " has no " + tick(needed), "a block of type " + std::string(to_string(block.kind)) + " needs it");
  }
  if (!main || is_bad(node, needed)) return;
  switch (block.kind) {
    case Block::Kind::markdown:
      block.text = text_of(main, "the text of " + subject);
      return;
    case Block::Kind::work:
    case Block::Kind::view: {
      const std::string name = resolve(main->text, module);
      block.view = catalog_->view(name);
      if (!block.view && !is_lost("view", name)) unknown(main->at, "view", main->text, names(catalog_->views));
      if (block.view) block.entity = block.view->entity;
      if (block.view && block.kind == Block::Kind::work && block.view->type != ViewType::list) {
        diagnostics_.error(main->at, "work-not-list", "view " + quoted(block.view->name) + " is a " + to_string(block.view->type) + ", so there is no next record in it",
                           "name a view of type list, e.g. " + block.entity->full_name + "_list");
      }
      return;
    }
    case Block::Kind::button:
    case Block::Kind::form: {
      const std::string name = resolve(main->text, module);
      block.form = catalog_->form(name);
      if (!block.form && !is_lost("form", name)) unknown(main->at, "form", main->text, names(catalog_->forms));
      if (block.form) block.entity = block.form->entity;
      if (block.entity && draft_of(block.entity)->step_forms.contains(block.form)) {
        diagnostics_.error(main->at, "step-form", "form " + quoted(block.form->name) + " is asked for by a transition, so it makes no record",
                           "name a form that makes one, e.g. " + block.entity->full_name + "_form");
      }
      return;
    }
    case Block::Kind::chart:
      build_chart(page, node, block);
      return;
  }
}

void Builder::build_chart(const Page& page, const Node& node, Block& block) {
  const Node& entity_node = *node.get("entity");
  const std::string subject = "chart " + quoted(block.name);
  block.entity = find_entity({entity_node.text, entity_node.at}, module_of(page.name));
  if (const Node* chart = node.get("chart"); chart && !is_bad(node, "chart")) {
    for (const Block::Chart one : {Block::Chart::bar, Block::Chart::line, Block::Chart::pie, Block::Chart::number}) {
      if (chart->text == to_string(one)) block.chart = one;
    }
  }
  const Entry* group = node.entry("group");
  if (block.chart == Block::Chart::number && group && !group->value.bad) {
    diagnostics_.error(group->at, "word-not-for-type", "`group` means nothing for a chart that is one number", "remove it, or choose bar, line or pie");
  } else if (block.chart != Block::Chart::number && !group) {
    diagnostics_.error(entity_node.at, "missing-word", subject + " has no `group`", "say what records are grouped by, or `chart: number`");
  }
  block.measure = "count";
  if (!block.entity) return;
  Draft& draft = *draft_of(block.entity);
  const auto refuse = [&](const Node& at, std::string what, std::string hint) { diagnostics_.error(at.at, "bad-chart", subject + ": " + what, std::move(hint)); };
  if (const Node* said = node.get("group"); said && said->is_scalar() && !is_bad(node, "group") && block.chart != Block::Chart::number) {
    if (checked_group(draft, *said, refuse) != nullptr) block.group = said->text;
  }
  if (const Node* said = node.get("measure"); said && said->is_scalar() && !is_bad(node, "measure")) {
    const auto measured = checked_measure(draft, *said, refuse);
    const Field* field = measured ? *measured : nullptr;
    const bool counts = said->text.starts_with("count");
    if (field && block.chart != Block::Chart::number && is_time(*field) && !counts) refuse(*said, "a " + std::string(model::to_string(field->type)) + " is no number to draw", "take `chart: number`, or another measure");
    else if (measured) block.measure = said->text;
  }
  if (const Node* filter = node.get("filter"); filter && !is_bad(node, "filter")) {
    block.condition = compile_condition(*filter, *block.entity, catalog_->record_environment(*block.entity), true);
    if (block.condition) block.filter = filter->text;
  }
}

}  // namespace caravan::model

#include "model/builder.h"

#include <algorithm>

#include "base/time_zone.h"
#include "model/builder_state.h"
#include "model/import_map.h"
#include "model/match_reader.h"

namespace caravan::model {

std::shared_ptr<Catalog> Builder::build() {
  RoleBuilder roles(documents_, *catalog_, diagnostics_, role_tools());
  roles.departments();
  for (const Document& document : documents_) {
    const std::string_view kind = document.kind->name;
    if (kind == "agency") build_agency(document);
    if (kind == "choices") build_choices(document);
    if (kind == "entity") declare_entity(document);
    if (kind == "calendar") declare_calendar(document);
    if (kind == "clock") declare_clock(document);
  }
  sort(catalog_->choice_lists);
  build_settings();
  build_calendars();
  roles.declare();
  users_ = catalog_->entity("core.user");
  if (!users_ && !is_lost("entity", "core.user")) {
    diagnostics_.error({}, "no-core", "entity core.user is missing", "load the core's own layer first");
  }
  for (Draft& draft : drafts_) build_fields(draft);
  for (Draft& draft : drafts_) finish_members(draft);
  for (Draft& draft : drafts_) build_rollups(draft);
  for (const Document& document : documents_) {
    if (document.kind->name == "form") build_form(document);
    if (document.kind->name == "view") declare_view(document);
  }
  for (Draft& draft : drafts_) build_rules(draft);
  for (Draft& draft : drafts_) build_exclusive(draft);
  check_rollup_cycles();
  build_messages();
  for (Draft& draft : drafts_) build_workflow(draft);
  build_clocks();
  for (const Document& document : documents_) {
    if (document.kind->name == "automation") build_automation(document);
    if (document.kind->name == "schedule") build_schedule(document);
  }
  sort(catalog_->automations);
  sort(catalog_->schedules);
  build_assignments();
  build_public_pages();
  build_entity_rules();
  roles.grants();
  for (auto& [view, document] : declared_views_) build_view(*view, *document);
  for (Draft& draft : drafts_) arrange_forms(draft);
  for (Draft& draft : drafts_) arrange_views(draft);
  for (const Draft& draft : drafts_) check_sensitive(draft);
  check_sensitive_views();
  build_functions();
  for (const Document& document : documents_) {
    if (document.kind->name == "import_map") build_import_map(document);
    if (document.kind->name == "matching") read_match_rule(document.root, document.at, "the rules", {}, diagnostics_);
  }
  sort(catalog_->import_maps);
  build_modules();
  sort(catalog_->entities);
  sort(catalog_->forms);
  sort(catalog_->views);
  for (const Document& document : documents_) {
    if (document.kind->name == "page") build_page(document);
  }
  sort(catalog_->pages);
  build_reports();
  return diagnostics_.failed() ? nullptr : catalog_;
}

bool Builder::is_lost(const char* kind, const std::string& name) const {
  return lost_.contains({kind, name}) || broken_.contains({kind, name});
}

void Builder::unknown(const Place& at, std::string_view what, std::string_view name, const std::vector<std::string_view>& known, const Node* removed_from, std::string_view removed_name) {
  std::string hint;
  if (removed_from) {
    for (const Node::Removed& removed : removed_from->removed) {
      if (removed.key == removed_name) hint = "it was removed at " + to_string(removed.at);
    }
  }
  if (hint.empty() && diagnostics_.wanted()) hint = suggest(name, known);
  diagnostics_.error(at, "unknown-" + std::string(what),
                     "there is no " + std::string(what) + " " + quoted(name), std::move(hint));
}

Builder::Draft* Builder::draft_of(const Entity* entity) {
  const auto found = draft_by_entity_.find(entity);
  return found == draft_by_entity_.end() ? nullptr : &drafts_[found->second];
}

const Entity* Builder::find_entity(const Mention& mention, std::string_view module) {
  const std::string name = resolve(mention.text, module);
  if (const Entity* found = catalog_->entity(name)) return found;
  if (!is_lost("entity", name)) {
    std::vector<std::string_view> known = names(catalog_->entities);
    if (mention.text.find('.') == std::string_view::npos)
      unknown(mention.at, "entity", name, known);
    else
      unknown(mention.at, "entity", mention.text, known);
  }
  return nullptr;
}

const Field* Builder::find_field(Draft& draft, const Mention& mention) {
  if (const Field* found = draft.entity->field(mention.text)) return found;
  if (!draft.lost.contains(std::string(mention.text))) {
    unknown_field(draft, mention);
  }
  return nullptr;
}

void Builder::unknown_field(Draft& draft, const Mention& mention) {
  std::string hint;
  if (draft.fields) {
    for (const Node::Removed& removed : draft.fields->removed) {
      if (removed.key == mention.text) hint = "it was removed at " + to_string(removed.at);
    }
  }
  if (hint.empty() && diagnostics_.wanted()) {
    const std::string near = nearest(mention.text, draft.entity->member_names());
    if (!near.empty()) hint = "did you mean \"" + near + "\"?";
  }
  diagnostics_.error(mention.at, "unknown-field",
                     draft.entity->full_name + " has no field " + quoted(mention.text), std::move(hint));
}

std::vector<const Entry*> Builder::placed(const Node* map) {
  std::vector<const Entry*> out;
  if (!map || !map->is_map()) return out;
  const std::size_t count = map->entries.size();
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < count; ++i) index[map->entries[i].key] = i;
  std::vector<std::vector<std::size_t>> followers(count);
  std::vector<std::size_t> first, rest;
  std::vector<const Node*> after(count, nullptr);
  for (std::size_t i = 0; i < count; ++i) {
    const Entry& entry = map->entries[i];
    const Node* word = entry.value.is_map() && !entry.value.bad ? entry.value.get("after") : nullptr;
    if (!word || !word->is_scalar()) {
      rest.push_back(i);
      continue;
    }
    after[i] = word;
    if (word->text.empty()) {
      first.push_back(i);
      continue;
    }
    const auto found = index.find(word->text);
    const std::size_t target = found == index.end() ? none : found->second;
    if (target == none) {
      std::vector<std::string_view> known;
      for (const Entry& one : map->entries) known.push_back(one.key);
      std::string hint;
      for (const Node::Removed& removed : map->removed) {
        if (removed.key == word->text) hint = "it was removed at " + to_string(removed.at);
      }
      if (hint.empty()) hint = suggest(word->text, known);
      diagnostics_.error(word->at, "unknown-after", "there is no " + quoted(word->text) + " to come after",
                         std::move(hint));
      rest.push_back(i);
    } else {
      followers[target].push_back(i);
    }
  }
  std::vector<bool> done(count, false);
  // Depth first, with a stack of our own: a chain may be as long as the map.
  const auto place = [&](std::size_t start) {
    std::vector<std::size_t> stack{start};
    while (!stack.empty()) {
      const std::size_t i = stack.back();
      stack.pop_back();
      if (done[i]) continue;
      done[i] = true;
      out.push_back(&map->entries[i]);
      for (auto it = followers[i].rbegin(); it != followers[i].rend(); ++it) stack.push_back(*it);
    }
  };
  for (std::size_t i : first) place(i);
  for (std::size_t i : rest) place(i);
  for (std::size_t i = 0; i < count; ++i) {
    if (done[i]) continue;
    // One message a cycle: walk it once and mark its members.
    std::string way = map->entries[i].key;
    std::size_t at = i;
    std::unordered_set<std::size_t> seen;
    while (seen.insert(at).second) {
      at = index[after[at]->text];
      way += " → " + map->entries[at].key;
    }
    diagnostics_.error(after[i]->at, "after-cycle", "`after` goes in a circle: " + way,
                       "let one of them come after something else");
    place(i);
    for (std::size_t member : seen) place(member);
  }
  return out;
}

std::vector<Mention> Builder::mentions(const Node* node) {
  std::vector<Mention> out;
  if (!node) return out;
  if (node->is_scalar()) {
    out.push_back({node->text, node->at});
  } else if (node->is_list()) {
    for (const Node& item : node->items) {
      if (item.is_scalar() && !item.bad) out.push_back({item.text, item.at});
    }
  } else {
    for (const Entry* entry : placed(node)) {
      if (!entry->bad) out.push_back({entry->key, entry->at});
    }
  }
  return out;
}

void Builder::check_twice(const std::vector<Mention>& all, std::string_view what) {
  std::unordered_set<std::string_view> seen;
  for (const Mention& one : all) {
    if (!seen.insert(one.text).second) {
      diagnostics_.error(one.at, "named-twice",
                         std::string(what) + " " + quoted(one.text) + " is named twice", "keep one");
    }
  }
}

Text Builder::text_of(const Node* node, const std::string& subject) {
  Text out;
  if (!node) return out;
  if (node->is_scalar()) {
    out.set("en", node->text);  // one text for all languages
    return out;
  }
  for (const Entry& entry : node->entries) {
    if (entry.value.is_scalar() && !entry.value.bad) out.set(entry.key, entry.value.text);
  }
  for (const std::string_view locale : {"en", "zh-CN"}) {
    if (!node->entries.empty() && !node->entry(locale)) {
      diagnostics_.warning(node->at, "label-language",
                           "the text of " + subject + " is missing in " + std::string(locale),
                           "add `" + std::string(locale) + ": …`");
    }
  }
  return out;
}

Text Builder::label_of(const Node& map, const Place& at, const std::string& subject, Text fallback, bool quiet) {
  const Entry* entry = map.entry("label");
  Text out = entry && !entry->value.bad ? text_of(&entry->value, "the label of " + subject) : Text();
  if (!out.empty()) return out;
  if (!quiet && !(entry && (entry->bad || entry->value.bad || doubtful(&entry->value)))) {
    diagnostics_.warning(at, "missing-label", subject + " has no label",
                         "add `label: {en: …, zh-CN: …, zh-TW: …}`");
  }
  return fallback;
}

std::string Builder::color_of(const Node& map) {
  const Node* node = map.get("color");
  if (!node || !node->is_scalar()) return {};
  if (!is_color(node->text)) {
    diagnostics_.error(node->at, "unknown-color", quoted(node->text) + " is not a colour",
                       "write a preset such as blue, green, gold or red, or \"#rrggbb\"");
  }
  return node->text;
}

std::string Builder::icon_of(const Node& map) {
  const Node* node = map.get("icon");
  if (!node || !node->is_scalar()) return {};
  if (!is_icon(node->text))
    diagnostics_.error(node->at, "bad-icon", quoted(node->text) + " is not the name of an icon",
                       "e.g. phone or user-add");
  return node->text;
}

void Builder::build_agency(const Document& document) {
  Agency& agency = catalog_->agency;
  if (const Node* name = document.root.get("name")) {
    if (name->text.empty() || name->text.size() > 200)
      diagnostics_.error(name->at, "bad-value", "the agency's name is empty or too long",
                         "at most 200 bytes");
    agency.name = name->text;
  }
  if (const Node* currency = document.root.get("currency")) {
    if (!is_currency(currency->text)) {
      diagnostics_.error(currency->at, "unknown-currency", quoted(currency->text) + " is not a currency",
                         "write an ISO 4217 code such as CNY, TWD or EUR");
    }
    agency.currency = currency->text;
  }
  if (const Node* zone = document.root.get("time_zone")) {
    if (!is_time_zone(zone->text)) {
      diagnostics_.error(zone->at, "unknown-time-zone", quoted(zone->text) + " is not a time zone",
                         "write an IANA name such as Asia/Shanghai, or UTC");
    }
    agency.time_zone = zone->text;
  }
  if (const Node* locale = document.root.get("locale")) {
    if (!is_locale(locale->text))
      diagnostics_.error(locale->at, "bad-locale", quoted(locale->text) + " is not a language tag",
                         "write e.g. zh-CN");
    agency.locale = locale->text;
  }
}

void Builder::build_choices(const Document& document) {
  if (document.name == "core.department") {
    diagnostics_.error(document.at, "reserved-name", "the choices core.department are the departments themselves",
                       "add documents of `kind: department`");
    return;
  }
  auto choices = std::make_unique<Choices>();
  choices->name = document.name;
  choices->origin = to_origin(document.at);
  choices->label = label_of(document.root, document.at, "choices " + quoted(document.name),
                            plain(humanised(document.name)));
  const Entry* options = document.root.entry("options");
  if (options && !options->value.bad && options->value.entries.empty()) {
    diagnostics_.error(options->at, "no-options", "choices " + quoted(document.name) + " has no options",
                       "add e.g. `phone: {label: …}`");
  }
  if (!options || options->value.bad) broken_.insert({"choices", document.name});
  if (doubtful(options ? &options->value : nullptr)) vague_choices_.insert(document.name);
  for (const Entry* entry : placed(document.root.get("options"))) {
    if (entry->bad) continue;
    ChoiceOption option;
    option.name = entry->key;
    option.label =
        label_of(entry->value, entry->at, "option " + quoted(entry->key), plain(humanised(entry->key)));
    option.color = color_of(entry->value);
    option.active = flag_of(entry->value.get("active"), true);
    for (const Mention& of : mentions(entry->value.get("of"))) option.of.emplace_back(of.text);
    choices->options.push_back(std::move(option));
  }
  std::vector<std::string_view> offered;
  for (const ChoiceOption& option : choices->options) offered.push_back(option.name);
  build_moved(document.root.get("moved"), "option", offered, !options || options->value.bad || doubtful(&options->value), choices->moved);
  if (options && options->value.is_map() && !options->value.removed.empty())
    removed_options_[choices.get()] = &options->value;
  catalog_->choice_lists.push_back(std::move(choices));
}

RoleTools Builder::role_tools() {
  RoleTools tools;
  tools.label = [this](const Document& document, const std::string& subject) {
    return label_of(document.root, document.at, subject, plain(humanised(document.name)));
  };
  tools.names = [this](const Node* node) {
    std::vector<std::pair<std::string_view, Place>> out;
    for (const Mention& mention : mentions(node)) out.emplace_back(mention.text, mention.at);
    return out;
  };
  tools.entity = [this](std::string_view name, const Place& at, std::string_view module) -> Entity* {
    const Entity* found = find_entity({name, at}, module);
    return found ? draft_of(found)->entity : nullptr;
  };
  tools.field = [this](const Entity& entity, std::string_view name, const Place& at) {
    return find_field(*draft_of(&entity), {name, at});
  };
  tools.condition = [this](const Node& node, const Entity& entity) {
    return compile_condition(node, entity, catalog_->record_environment(entity), true);
  };
  tools.lost = [this](const char* kind, const std::string& name) { return is_lost(kind, name); };
  return tools;
}

void Builder::build_modules() {
  std::vector<Module>& modules = catalog_->modules;
  modules = given_modules_;
  const auto module_named = [&](const std::string& name) -> Module& {
    for (Module& one : modules) {
      if (one.name == name) return one;
    }
    Module& added = modules.emplace_back();
    added.name = name;
    return added;
  };
  for (const Document& document : documents_) {
    if (document.kind->name != "module") continue;
    Module& module = module_named(document.name);
    Text label = label_of(document.root, document.at, "module " + quoted(document.name), Text(),
                          !module.label.empty());
    if (!label.empty()) module.label = std::move(label);
    if (const std::string icon = icon_of(document.root); !icon.empty()) module.icon = icon;
    if (const Node* order = document.root.get("order")) {
      module.order = static_cast<int>(
          std::clamp<std::int64_t>(integer_of(order->text).value_or(100), -100000, 100000));
    }
  }
  for (const auto& entity : catalog_->entities) module_named(entity->module);
  for (const Document& document : documents_) {
    if (document.kind->name == "page") module_named(module_of(document.name));
  }
  for (Module& one : modules) {
    if (one.label.empty()) one.label = plain(humanised(one.name));
  }
  std::sort(modules.begin(), modules.end(), [](const Module& a, const Module& b) {
    return std::tie(a.order, a.name) < std::tie(b.order, b.name);
  });
}

std::string humanised(std::string_view name) {
  std::string out(name.substr(name.find('.') == std::string_view::npos ? 0 : name.find('.') + 1));
  std::replace(out.begin(), out.end(), '_', ' ');
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z')
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

std::shared_ptr<Catalog> build_catalog(const std::vector<Document>& documents, const LostNames& lost,
                                       const std::vector<Module>& modules, Diagnostics& diagnostics) {
  return Builder(documents, lost, modules, diagnostics).build();
}

}  // namespace caravan::model

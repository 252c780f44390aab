#include "model/catalog.h"

#include <algorithm>

#include "model/digest.h"
#include "model/functions.h"
#include "model/import_map.h"
#include "model/pages.h"
#include "model/process.h"
#include "model/reports.h"

namespace caravan::model {
namespace {

const std::string no_text;

std::string_view language_of(std::string_view locale) {
  return locale.substr(0, locale.find('-'));
}

bool is_traditional(std::string_view locale) {
  return locale.starts_with("zh-TW") || locale.starts_with("zh-HK") || locale.starts_with("zh-MO") ||
         locale.starts_with("zh-Hant");
}

/// The vectors of the Catalog are sorted by name.
template <class T>
const T* find_sorted(const std::vector<std::unique_ptr<T>>& sorted, std::string_view name) {
  const auto at = std::lower_bound(
      sorted.begin(), sorted.end(), name,
      [](const std::unique_ptr<T>& one, std::string_view wanted) { return one->name < wanted; });
  return at != sorted.end() && (*at)->name == name ? at->get() : nullptr;
}

}  // namespace

bool is_locale(std::string_view text) {
  std::size_t part = 0, in_part = 0;
  for (char c : text) {
    if (c == '-') {
      if (in_part < 2) return false;
      ++part;
      in_part = 0;
      continue;
    }
    const bool lower = c >= 'a' && c <= 'z';
    const bool other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!(lower || (part > 0 && other)) || ++in_part > (part == 0 ? 3u : 8u) || part > 3) return false;
  }
  return in_part >= 2;
}

const std::string& Text::in(std::string_view locale) const {
  if (texts_.empty()) return no_text;
  if (const auto exact = texts_.find(locale); exact != texts_.end()) return exact->second;
  const std::string_view language = language_of(locale);
  if (language == "zh") {
    const bool traditional = is_traditional(locale);
    for (const std::string_view near : {traditional ? "zh-TW" : "zh-CN", traditional ? "zh-CN" : "zh-TW"}) {
      if (const auto found = texts_.find(near); found != texts_.end()) return found->second;
    }
  }
  if (!language.empty()) {
    for (const auto& [name, text] : texts_) {
      if (language_of(name) == language) return text;
    }
  }
  if (const auto english = texts_.find("en"); english != texts_.end()) return english->second;
  return texts_.begin()->second;
}

bool is_file(const Field& field) { return field.type == FieldType::file || field.type == FieldType::image; }

const char* to_string(FieldType type) {
  switch (type) {
    case FieldType::id:
      return "id";
    case FieldType::text:
      return "text";
    case FieldType::integer:
      return "int";
    case FieldType::boolean:
      return "bool";
    case FieldType::decimal:
      return "decimal";
    case FieldType::money:
      return "money";
    case FieldType::date:
      return "date";
    case FieldType::instant:
      return "instant";
    case FieldType::choice:
      return "choice";
    case FieldType::ref:
      return "ref";
    case FieldType::file:
      return "file";
    case FieldType::image:
      return "image";
    case FieldType::json:
      return "json";
    case FieldType::multi:
      return "multi";
    case FieldType::refs:
      return "refs";
    case FieldType::localized:
      return "localized";
  }
  return "text";
}

const char* to_string(DeleteRule rule) {
  switch (rule) {
    case DeleteRule::restrict:
      return "restrict";
    case DeleteRule::clear:
      return "clear";
    case DeleteRule::cascade:
      return "cascade";
  }
  return "restrict";
}

const char* to_string(ViewType type) {
  switch (type) {
    case ViewType::list:
      return "list";
    case ViewType::board:
      return "board";
    case ViewType::calendar:
      return "calendar";
    case ViewType::timeline:
      return "timeline";
  }
  return "list";
}

const char* to_string(Block::Kind kind) {
  switch (kind) {
    case Block::Kind::view:
      return "view";
    case Block::Kind::form:
      return "form";
    case Block::Kind::chart:
      return "chart";
    case Block::Kind::markdown:
      return "markdown";
    case Block::Kind::work:
      return "work";
    case Block::Kind::button:
      return "button";
  }
  return "markdown";
}

const char* to_string(Block::Chart chart) {
  switch (chart) {
    case Block::Chart::bar:
      return "bar";
    case Block::Chart::line:
      return "line";
    case Block::Chart::pie:
      return "pie";
    case Block::Chart::number:
      return "number";
  }
  return "bar";
}

const std::vector<DayPart>& WorkingHours::parts(Date date) const {
  if (const auto found = exceptions.find(date); found != exceptions.end()) return found->second.parts;
  // 1970-01-01 was a Thursday.
  const std::int64_t day = (std::int64_t{date.days} + 3) % 7;
  return week[static_cast<std::size_t>(day < 0 ? day + 7 : day)];
}

void each_approval_field(const Transition& transition, const Entity& entity, const std::function<void(const Field&)>& visit) {
  const auto add = [&](const std::shared_ptr<const expr::Program>& program) {
    if (!program) return;
    for (const expr::ReadField& read : expr::read_fields(*program)) {
      const bool moves = read.slot == slot_state || read.slot == slot_version || read.slot == slot_updated_at;
      if (read.type == &entity && read.slot < entity.fields.size() && !moves) visit(*entity.fields[read.slot]);
    }
  };
  add(transition.when);
  for (const ApprovalStep& step : transition.approval) {
    add(step.when);
    add(step.by_user);
  }
  if (!entity.rules) return;  // while it is made
  if (const auto named = entity.rules->void_on.find(&transition); named != entity.rules->void_on.end()) {
    for (const Field* field : named->second) visit(*field);
  }
}

void each_effect(const Catalog& catalog, const std::function<void(const Effect&)>& visit) {
  const auto all = [&](const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) visit(effect);
  };
  for (const auto& entity : catalog.entities) {
    if (!entity->workflow) continue;
    for (const auto& state : entity->workflow->states) {
      all(state->enter);
      all(state->exit);
    }
    for (const auto& transition : entity->workflow->transitions) all(transition->effects);
  }
  for (const auto& clock : catalog.clocks) {
    for (const auto& action : clock->warn) all(action.effects);
    for (const auto& action : clock->breach) all(action.effects);
  }
  for (const auto& automation : catalog.automations) all(automation->effects);
  for (const auto& schedule : catalog.schedules) all(schedule->effects);
}

Catalog::Catalog() = default;
Catalog::~Catalog() = default;

const char* to_string(StateCategory category) {
  switch (category) {
    case StateCategory::open:
      return "open";
    case StateCategory::waiting:
      return "waiting";
    case StateCategory::done:
      return "done";
    case StateCategory::cancelled:
      return "cancelled";
  }
  return "open";
}

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::read:
      return "read";
    case Operation::create:
      return "create";
    case Operation::update:
      return "update";
    case Operation::remove:
      return "delete";
  }
  return "read";
}

const ChoiceOption* Choices::option(std::string_view option_name) const {
  for (const ChoiceOption& one : options) {
    if (one.name == option_name) return &one;
  }
  return nullptr;
}

const State* Workflow::state(std::string_view name) const {
  for (const auto& one : states) {
    if (one->name == name) return one.get();
  }
  return nullptr;
}

const Transition* Workflow::transition(std::string_view name) const {
  for (const auto& one : transitions) {
    if (one->name == name) return one.get();
  }
  return nullptr;
}

const Field* Entity::field(std::string_view field_name) const {
  const auto found = by_name.find(field_name);
  return found == by_name.end() ? nullptr : found->second;
}

bool Transition::asks_for(const Field& field) const {
  if (form == nullptr) return false;
  return std::any_of(form->groups.begin(), form->groups.end(), [&](const FormGroup& group) {
    return std::find(group.fields.begin(), group.fields.end(), &field) != group.fields.end();
  });
}

const expr::Member* Entity::member(std::string_view member_name) const {
  const Field* found = field(member_name);
  return found && found->slot < members.size() ? &members[found->slot] : nullptr;
}

std::vector<std::string_view> Entity::member_names() const {
  std::vector<std::string_view> names;
  names.reserve(fields.size());
  for (const auto& one : fields) names.push_back(one->name);
  return names;
}

const Entity* Catalog::entity(std::string_view name) const {
  const auto found = entity_by_name.find(name);
  return found == entity_by_name.end() ? nullptr : found->second;
}
const Department* Catalog::department(std::string_view name) const {
  for (const auto& department : departments) {
    if (department->name == name) return department.get();
  }
  return nullptr;
}

bool Department::within(const Department& other) const {
  for (const Department* at = this; at != nullptr; at = at->parent) {
    if (at == &other) return true;
  }
  return false;
}

const char* to_string(FieldRight right) {
  switch (right) {
    case FieldRight::hidden: return "hidden";
    case FieldRight::masked: return "masked";
    case FieldRight::read: return "read";
    case FieldRight::write: return "write";
  }
  return "";
}

const Role* Catalog::role(std::string_view name) const {
  const auto found = role_by_name.find(name);
  return found == role_by_name.end() ? nullptr : found->second;
}
const Choices* Catalog::choices(std::string_view name) const {
  return find_sorted(choice_lists, name);
}
const Form* Catalog::form(std::string_view name) const {
  return find_sorted(forms, name);
}
const View* Catalog::view(std::string_view name) const {
  return find_sorted(views, name);
}

namespace {

expr::Type record_type(const expr::RecordType& type) {
  expr::Type out;
  out.kind = expr::TypeKind::record;
  out.record = &type;
  return out;
}

class UserType final : public expr::RecordType {
 public:
  UserType() {
    const auto add = [this](std::string_view name, expr::TypeKind kind, UserSlot slot) {
      expr::Member one;
      one.name = name;
      one.type.kind = kind;
      one.slot = slot;
      members_[slot] = one;
    };
    add("id", expr::TypeKind::int64, user_id);
    add("username", expr::TypeKind::string, user_username);
    add("name", expr::TypeKind::string, user_name);
    add("roles", expr::TypeKind::list, user_roles);
    add("locale", expr::TypeKind::string, user_locale);
    expr::Type text;
    text.kind = expr::TypeKind::string;
    add("department", expr::TypeKind::string, user_department);
    add("departments", expr::TypeKind::list, user_departments);
    members_[user_roles].type.element = std::make_shared<const expr::Type>(text);
    members_[user_departments].type.element = members_[user_roles].type.element;
  }
  std::string_view name() const override { return "user"; }
  std::string_view table() const override { return {}; }
  const expr::Member* member(std::string_view wanted) const override {
    for (const expr::Member& one : members_) {
      if (one.name == wanted) return &one;
    }
    return nullptr;
  }
  std::vector<std::string_view> member_names() const override {
    std::vector<std::string_view> names;
    for (const expr::Member& one : members_) names.push_back(one.name);
    return names;
  }

 private:
  std::array<expr::Member, 7> members_;
};

}  // namespace

const expr::RecordType& user_type() {
  static const UserType type;
  return type;
}

expr::Environment Catalog::record_environment(const Entity& entity) const {
  expr::Environment environment;
  environment.variables.push_back({"record", record_type(entity)});
  environment.variables.push_back({"user", record_type(user_type())});
  environment.constants = constants;
  return environment;
}

std::string table_name(std::string_view entity) {
  // A dot becomes `_`; underscores of the module are doubled, so that the first run of odd length is the dot.
  const std::size_t dot = entity.find('.');
  std::string out;
  for (std::size_t i = 0; i < entity.size(); ++i) {
    if (i == dot) {
      out += '_';
    } else {
      out += entity[i];
      if (entity[i] == '_' && dot != std::string_view::npos && i < dot) out += '_';
    }
  }
  constexpr std::size_t longest = 64, hash_digits = 24;
  if (out.size() > longest) {
    Digest digest;
    digest.add(entity);
    out = out.substr(0, longest - hash_digits - 1) + "_" + digest.hex().substr(0, hash_digits);
  }
  return out;
}

}  // namespace caravan::model

#include <algorithm>

#include "model/builder_state.h"
#include "model/digest.h"

// Entities and their fields.

namespace caravan::model {
namespace {

struct SystemField {
  std::string_view name;
  FieldType type;
  std::uint32_t max_length;
  const char *en, *zh_cn, *zh_tw;
};
constexpr SystemField system_fields[] = {
    {"id", FieldType::id, 0, "ID", "标识", "識別碼"},
    {"number", FieldType::text, 64, "Number", "编号", "編號"},
    {"version", FieldType::integer, 0, "Version", "版本", "版本"},
    {"state", FieldType::text, 48, "State", "状态", "狀態"},
    {"owner", FieldType::ref, 0, "Owner", "负责人", "負責人"},
    {"created_at", FieldType::instant, 0, "Created", "创建时间", "建立時間"},
    {"updated_at", FieldType::instant, 0, "Last changed", "更新时间", "更新時間"},
    {"external_source", FieldType::text, 64, "External source", "外部来源", "外部來源"},
    {"external_id", FieldType::text, 190, "External ID", "外部标识", "外部識別碼"},
};
static_assert(std::size(system_fields) == first_own_slot);

constexpr std::uint32_t default_text_length = 255;
constexpr std::int64_t longest_text = 16383;    // what VARCHAR holds in utf8mb4

}  // namespace

void Builder::declare_entity(const Document& document) {
  // Their tables could be mistaken for the core's own, such as `sequence_block`.
  static const std::unordered_set<std::string_view> reserved{
      "api", "caravan", "credential", "event", "job", "login", "outbox", "schema", "sequence", "setting"};
  if (reserved.contains(module_of(document.name))) {
    diagnostics_.error(document.at, "reserved-name",
                       "module name " + quoted(module_of(document.name)) + " is reserved",
                       "choose another one");
  }
  auto entity = std::make_unique<Entity>();
  entity->full_name = document.name;
  entity->module = module_of(document.name);
  entity->table_name = table_name(document.name);
  entity->origin = to_origin(document.at);
  const std::string subject = "entity " + quoted(document.name);
  entity->label = label_of(document.root, document.at, subject, plain(humanised(document.name)));
  entity->plural = text_of(document.root.get("plural"), "the plural of " + subject);
  if (entity->plural.empty()) entity->plural = entity->label;
  entity->icon = icon_of(document.root);
  entity->menu = flag_of(document.root.get("menu"), true);
  if (const Node* number = document.root.get("number")) {
    check_number(*number);
    entity->number_format = number->text;
  }
  build_entity_guarantees(document, *entity);
  if (const auto [other, fresh] = tables_.emplace(entity->table_name, document.name); !fresh) {
    diagnostics_.error(document.at, "table-name", subject + " has the same table name as " + other->second,
                       "choose another name");
  }
  Draft draft;
  draft.document = &document;
  draft.entity = entity.get();
  draft.fields = document.root.get("fields");
  draft.workflow_lost = is_bad(document.root, "workflow");
  draft_by_entity_[entity.get()] = drafts_.size();
  drafts_.push_back(std::move(draft));
  catalog_->entity_by_name[entity->full_name] = entity.get();
  catalog_->entities.push_back(std::move(entity));
}

void Builder::check_number(const Node& node) {
  const std::string& format = node.text;
  bool sequence = false;
  std::string problem;
  for (std::size_t i = 0; i < format.size() && problem.empty(); ++i) {
    if (format[i] == '}') problem = "a `}` without its `{`";
    if (format[i] != '{') continue;
    const std::size_t end = format.find('}', i);
    if (end == std::string::npos) {
      problem = "a `{` without its `}`";
      break;
    }
    const std::string word = format.substr(i + 1, end - i - 1);
    if (word == "seq" || word.starts_with("seq:")) {
      if (sequence) problem = "two sequences";
      sequence = true;
      if (word.size() > 3) {
        const auto digits = integer_of(std::string_view(word).substr(4));
        if (!digits || *digits < 1 || *digits > 12)
          problem = "`{" + word + "}`, where 1 to 12 digits are possible";
      }
    } else if (word != "yyyy" && word != "mm") {
      problem = "the unknown place `{" + word + "}`";
    }
    i = end;
  }
  if (problem.empty() && !sequence) problem = "no `{seq}`";
  if (problem.empty() && format.size() > 40) problem = "more than 40 characters";
  if (!problem.empty()) {
    diagnostics_.error(node.at, "number-format", "the number format " + quoted(format) + " has " + problem,
                       "write e.g. \"ORD-{yyyy}-{seq:6}\"");
  }
}

void Builder::build_fields(Draft& draft) {
  Entity& entity = *draft.entity;
  for (const SystemField& one : system_fields) {
    auto field = std::make_unique<Field>();
    field->name = one.name;
    field->slot = static_cast<std::uint32_t>(entity.fields.size());
    field->label.set("en", one.en);
    field->label.set("zh-CN", one.zh_cn);
    field->label.set("zh-TW", one.zh_tw);
    field->type = one.type;
    field->system = true;
    field->read_only = field->slot != slot_owner;
    field->search = field->slot == slot_number;
    field->max_length = one.max_length;
    field->target = field->slot == slot_owner ? users_ : nullptr;
    field->column = one.name;
    field->origin = entity.origin;
    entity.fields.push_back(std::move(field));
  }
  for (const Entry* entry : placed(draft.fields)) build_field(draft, *entry);
  for (const auto& field : entity.fields) entity.by_name[field->name] = field.get();
  // Columns: a money field has a second one.
  std::unordered_map<std::string_view, const Field*> columns;
  for (const auto& field : entity.fields) columns[field->column] = field.get();
  for (const auto& field : entity.fields) {
    const auto hashed = field->sensitive ? columns.find(field->hash_column) : columns.end();
    if (hashed != columns.end()) {
      diagnostics_.error(name_place(draft, *hashed->second), "reserved-name",
                         quoted(field->hash_column) + " is the column of the hash of sensitive field " + quoted(field->name),
                         "choose another name");
    }
    if (field->currency_column.empty()) continue;
    if (const auto taken = columns.find(field->currency_column); taken != columns.end()) {
      diagnostics_.error(name_place(draft, *taken->second), "reserved-name",
                         quoted(field->currency_column) + " is the column of the currency of money field " +
                             quoted(field->name),
                         "choose another name");
    }
  }
}

Place Builder::name_place(const Draft& draft, const Field& field) const {
  const Entry* entry = draft.fields ? draft.fields->entry(field.name) : nullptr;
  return entry ? entry->at : draft.document->at;
}

void Builder::build_field(Draft& draft, const Entry& entry) {
  Entity& entity = *draft.entity;
  const std::string& name = entry.key;
  if (entry.bad) {
    draft.lost.insert(name);
    return;
  }
  static const std::unordered_set<std::string_view> reserved{"expanded", "true", "false", "null", "in"};
  const bool system = std::any_of(std::begin(system_fields), std::end(system_fields),
                                  [&](const SystemField& one) { return one.name == name; });
  if (system || reserved.contains(name)) {
    diagnostics_.error(
        entry.at, "reserved-name",
        quoted(name) + (system ? " is a field that every entity has" : " is a reserved name"),
        "call it otherwise, e.g. `" + entity.full_name.substr(entity.full_name.find('.') + 1) + "_" + name +
            "`");
    draft.lost.insert(name);
    return;
  }
  const LayerKind layer = entry.at.file ? entry.at.file->layer : LayerKind::core;
  if (name.starts_with("x_") && (layer == LayerKind::core || layer == LayerKind::plugin)) {
    diagnostics_.error(entry.at, "field-prefix", "names that begin with x_ are kept for agencies",
                       "call it `" + name.substr(2) + "`");
  }
  auto owned = std::make_unique<Field>();
  Field& field = *owned;
  const Node& node = entry.value;
  field.name = name;
  field.slot = static_cast<std::uint32_t>(entity.fields.size());
  field.column = name;
  field.origin = to_origin(entry.at);
  entity.fields.push_back(std::move(owned));
  draft.nodes[&field] = &node;
  const std::string subject = "field " + quoted(name);
  if (node.bad) {
    field.label = plain(humanised(name));
    draft.vague.insert(&field);
    return;
  }
  field.label = label_of(node, entry.at, subject, plain(humanised(name)));
  field.help = text_of(node.get("help"), "the help of " + subject);
  field.required = flag_of(node.get("required"), false);
  field.read_only = flag_of(node.get("read_only"), false);
  if (const Node* right = node.get("right")) {
    for (const FieldRight one : {FieldRight::hidden, FieldRight::masked, FieldRight::read, FieldRight::write}) {
      if (right->text == to_string(one)) field.right = one;
    }
  }
  field.search = flag_of(node.get("search"), false);
  field.multiline = flag_of(node.get("multiline"), false);
  const Node* type = node.get("type");
  if (!type) {
    draft.vague.insert(&field);
    return;
  }
  for (const FieldType one :
       {FieldType::text, FieldType::integer, FieldType::boolean, FieldType::decimal, FieldType::money,
        FieldType::date, FieldType::instant, FieldType::choice, FieldType::ref, FieldType::file, FieldType::image, FieldType::json, FieldType::multi,
        FieldType::refs, FieldType::localized}) {
    if (type->text == to_string(one)) field.type = one;
  }
  const bool text = field.type == FieldType::text, whole = field.type == FieldType::integer;
  const bool decimal = field.type == FieldType::decimal || field.type == FieldType::money;
  const bool worded = text || field.type == FieldType::localized;
  const bool reference = field.type == FieldType::ref || field.type == FieldType::refs;
  const bool chosen = field.type == FieldType::choice || field.type == FieldType::multi;
  only_for(node, "search", worded, field, "text and localized");
  only_for(node, "multiline", worded, field, "text and localized");
  only_for(node, "scale", decimal, field, "decimal and money");
  only_for(node, "min", whole || decimal, field, "int, decimal and money");
  only_for(node, "max", worded || whole || decimal, field, "text, localized, int, decimal and money");
  only_for(node, "to", reference, field, "ref and refs");
  only_for(node, "choices", chosen, field, "choice and multi");
  only_for(node, "delete", reference, field, "ref and refs");
  only_for(node, "max_size", is_file(field), field, "file and image");
  only_for(node, "accept", is_file(field), field, "file and image");
  if (is_file(field)) build_file(draft, node, field);
  if (decimal) {
    field.scale = 2;
    if (const Node* scale = node.get("scale")) {
      const std::int64_t digits = integer_of(scale->text).value_or(-1);
      if (digits < 0 || digits > 18) {
        diagnostics_.error(scale->at, "out-of-range", "`scale` of " + subject + " is " + scale->text,
                           "0 to 18");
      } else {
        field.scale = static_cast<std::uint8_t>(digits);
      }
    }
  }
  if (field.type == FieldType::money) field.currency_column = name + "_currency";
  build_bounds(node, field, subject);
  if (reference) {
    build_target(draft, entry, field);
    build_delete_rule(draft, node, field);
  }
  if (chosen) build_choice(draft, entry, field);
  build_sensitive(node, field);
  if (node.entry("compute")) {
    for (const char* word : {"default", "default_expr", "required", "read_only"}) {
      if (const Entry* other = node.entry(word); other && !other->value.bad) {
        diagnostics_.error(other->at, "contradiction",
                           subject + " is computed, so " + tick(word) + " means nothing",
                           "remove one of the two");
      }
    }
    field.read_only = true;
  } else if (field.required && field.read_only && !node.entry("default") && !node.entry("default_expr")) {
    diagnostics_.error(node.entry("required")->at, "contradiction",
                       subject + " is required and read-only, so no record could be made",
                       "add `default` or `default_expr`, or remove one of the two");
  }
  if (node.entry("default") && node.entry("default_expr")) {
    diagnostics_.error(node.entry("default_expr")->at, "contradiction",
                       subject + " has `default` and `default_expr`", "keep one");
  }
}

void Builder::only_for(const Node& node, std::string_view word, bool fits, const Field& field, std::string_view types) {
  const Entry* entry = node.entry(word);
  if (!entry || fits || entry->value.bad) return;
  diagnostics_.error(entry->at, "word-not-for-type",
                     tick(word) + " means nothing for a field of type " + to_string(field.type),
                     "it is for " + std::string(types));
}

void Builder::build_bounds(const Node& node, Field& field, const std::string& subject) {
  const Node *low = node.get("min"), *high = node.get("max");
  if (field.type == FieldType::text || field.type == FieldType::localized) {
    field.max_length = field.multiline ? 0 : default_text_length;
    if (high) {
      const std::int64_t length = integer_of(high->text).value_or(0);
      if (length < 1 || length > longest_text) {
        diagnostics_.error(high->at, "out-of-range", "`max` of " + subject + " is " + quoted(high->text),
                           "1 to 16383 characters");
      } else {
        field.max_length = static_cast<std::uint32_t>(length);
      }
    }
  } else if (field.type == FieldType::integer) {
    const auto bound = [&](const Node* one, std::optional<std::int64_t>& out) {
      if (!one) return;
      out = integer_of(one->text);
      if (!out)
        diagnostics_.error(one->at, "wrong-type", quoted(one->text) + " is not a whole number",
                           subject + " is an int");
    };
    bound(low, field.min);
    bound(high, field.max);
    if (field.min && field.max && *field.min > *field.max) too_low(*high, *low, subject);
  } else if (field.type == FieldType::decimal || field.type == FieldType::money) {
    const auto bound = [&](const Node* one, std::optional<Decimal>& out) {
      if (!one) return;
      out = parse_decimal(one->text);
      if (out && out->scale > field.scale) {
        diagnostics_.error(
            one->at, "out-of-range",
            one->text + " has more than " + std::to_string(field.scale) + " digits after the point",
            "round it, or raise `scale`");
      }
    };
    bound(low, field.decimal_min);
    bound(high, field.decimal_max);
    if (field.decimal_min && field.decimal_max && compare(*field.decimal_min, *field.decimal_max) > 0)
      too_low(*high, *low, subject);
  }
}

void Builder::too_low(const Node& high, const Node& low, const std::string& subject) {
  diagnostics_.error(high.at, "min-above-max",
                     "`max` of " + subject + " is " + high.text + ", below its `min` " + low.text,
                     "swap them, or remove one");
}

void Builder::build_target(Draft& draft, const Entry& entry, Field& field) {
  const Node* to = entry.value.get("to");
  if (!to) {
    if (!is_bad(entry.value, "to")) {
      diagnostics_.error(entry.at, "missing-word", "field " + quoted(field.name) + " is a " + to_string(field.type) + " without `to`",
                         "add `to: MODULE.ENTITY`");
    }
  } else {
    field.target = find_entity({to->text, to->at}, draft.entity->module);
  }
  if (!field.target) draft.vague.insert(&field);
}

void Builder::build_choice(Draft& draft, const Entry& entry, Field& field) {
  const Node* list = entry.value.get("choices");
  if (!list) {
    if (!is_bad(entry.value, "choices")) {
      diagnostics_.error(entry.at, "missing-word",
                         "field " + quoted(field.name) + " is a " + to_string(field.type) + " without `choices`",
                         "add `choices: MODULE.LIST`");
    }
  } else {
    const std::string name = resolve(list->text, draft.entity->module);
    field.choices = catalog_->choices(name);
    if (!field.choices && !is_lost("choices", name))
      unknown(list->at, "choices", name, names(catalog_->choice_lists));
  }
  if (!field.choices) draft.vague.insert(&field);
}

void Builder::build_file(Draft& draft, const Node& node, Field& field) {
  draft.entity->files = true;
  if (const Entry* required = node.entry("required"); required != nullptr && field.required) {
    diagnostics_.error(required->at, "contradiction", "field " + quoted(field.name) + " is required, but a file can only be attached to a record that is there",
                       "a condition such as `required: \"record.state != 'new'\"`, or `require` of a transition");
  }
  if (const Node* size = node.get("max_size")) {
    const std::string& text = size->text;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::size_t unit = std::min(text.find_first_not_of(' ', digits), text.size());
    const std::int64_t count = digits > 0 && digits <= 6 ? integer_of(text.substr(0, digits)).value_or(0) : 0;
    const std::string_view word = std::string_view(text).substr(unit);
    const std::int64_t factor = word == "KB" ? 1024 : word == "MB" ? 1024 * 1024 : word == "GB" ? 1024 * 1024 * 1024 : 0;
    field.max_bytes = count * factor;
    if (field.max_bytes <= 0) {
      diagnostics_.error(size->at, "out-of-range", "`max_size` of field " + quoted(field.name) + " is " + quoted(text), "a whole number and its unit: `500 KB`, `10 MB`, `1 GB`");
    }
  }
  if (const Node* accept = node.get("accept")) {
    for (const Node& one : accept->items) {
      const std::size_t slash = one.text.find('/');
      if (slash == 0 || slash == std::string::npos || slash + 1 == one.text.size() || one.text.find('/', slash + 1) != std::string::npos ||
          one.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.+-/*") != std::string::npos) {
        diagnostics_.error(one.at, "wrong-type", quoted(one.text) + " is no media type", "`application/pdf`, or `image/*`");
        continue;
      }
      field.media_types.push_back(one.text);
    }
  }
}

void Builder::build_delete_rule(Draft& draft, const Node& node, Field& field) {
  if (field.type == FieldType::refs) {
    // Names of fields never begin with `$`, so a name that is cut is no other's.
    constexpr std::size_t longest = 64, hash_digits = 24;
    field.link_table = draft.entity->table_name + "$" + field.name;
    if (field.link_table.size() > longest) {
      Digest digest;
      digest.add(field.link_table);
      field.link_table = draft.entity->table_name.substr(0, longest - hash_digits - 2) + "$$" + digest.hex().substr(0, hash_digits);
    }
  }
  const Node* rule = node.get("delete");
  if (!rule) return;
  for (const DeleteRule one : {DeleteRule::restrict, DeleteRule::clear, DeleteRule::cascade}) {
    if (rule->text == to_string(one)) field.on_delete = one;
  }
  if (field.on_delete != DeleteRule::clear) return;
  for (const std::string_view word : {"required", "compute"}) {
    const Node* other = node.get(word);
    if (!other || (word == "required" && !field.required)) continue;
    diagnostics_.error(rule->at, "contradiction",
                       "field " + quoted(field.name) + " is " + (word == "required" ? "required" : "computed") +
                           ", so it cannot be cleared when its target is deleted",
                       "write `delete: restrict` or `delete: cascade`");
  }
}

void Builder::finish_members(Draft& draft) {
  Entity& entity = *draft.entity;
  const auto type_of = [](expr::TypeKind kind) {
    expr::Type type;
    type.kind = kind;
    return std::make_shared<const expr::Type>(std::move(type));
  };
  entity.members.resize(entity.fields.size());
  for (const auto& field : entity.fields) {
    expr::Member& member = entity.members[field->slot];
    member.name = field->name;
    member.slot = field->slot;
    member.column = field->column;
    member.scale = field->scale;
    member.currency_column = field->currency_column;
    member.hash_column = field->hash_column;
    if (draft.vague.contains(field.get())) continue;  // any: no mistakes that follow from another one
    switch (field->type) {
      case FieldType::id:
      case FieldType::file:
      case FieldType::image:
      case FieldType::integer:
        member.type.kind = expr::TypeKind::int64;
        break;
      case FieldType::ref:
        member.type.kind = expr::TypeKind::int64;
        member.reference = field->target;
        break;
      case FieldType::text:
      case FieldType::choice:
        member.type.kind = expr::TypeKind::string;
        break;
      case FieldType::boolean:
        member.type.kind = expr::TypeKind::boolean;
        break;
      case FieldType::decimal:
      case FieldType::money:
        member.type.kind = expr::TypeKind::decimal;
        break;
      case FieldType::date:
        member.type.kind = expr::TypeKind::date;
        break;
      case FieldType::instant:
        member.type.kind = expr::TypeKind::timestamp;
        break;
      case FieldType::multi:
        member.type.kind = expr::TypeKind::list;
        member.type.element = type_of(expr::TypeKind::string);
        break;
      case FieldType::refs:
        member.type.kind = expr::TypeKind::list;
        member.type.element = type_of(expr::TypeKind::int64);
        member.link_table = field->link_table;
        break;
      case FieldType::localized:
        member.type.kind = expr::TypeKind::map;
        member.type.key = member.type.element = type_of(expr::TypeKind::string);
        break;
      case FieldType::json:
        member.type.kind = expr::TypeKind::any;
        break;
    }
  }
  // A mistaken name is still a member, so that an expression that uses it is not a second mistake. The
  // Catalog is not published in that case.
  for (const std::string& name : draft.lost) {
    if (entity.by_name.contains(name)) continue;
    auto field = std::make_unique<Field>();
    field->name = name;
    field->column = name;
    field->slot = static_cast<std::uint32_t>(entity.fields.size());
    expr::Member member;
    member.name = field->name;
    member.slot = field->slot;
    entity.members.push_back(member);
    entity.by_name[field->name] = field.get();
    draft.vague.insert(field.get());
    entity.fields.push_back(std::move(field));
  }
  for (const Field* field : draft.vague) vague_names_.insert(field->name);
  const Node& root = draft.document->root;
  entity.title = entity.fields[entity.number_format.empty() ? slot_id : slot_number].get();
  if (const Node* title = root.get("title")) {
    if (const Field* field = find_field(draft, {title->text, title->at})) {
      entity.title = field;
      if (field->type == FieldType::json || field->type == FieldType::multi || field->type == FieldType::refs) {
        diagnostics_.error(title->at, "wrong-type", std::string("`title` cannot be a ") + to_string(field->type) + " field",
                           "name a text, localized or choice field, or number");
      } else if (field->slot == slot_number && entity.number_format.empty() && !is_bad(root, "number")) {
        diagnostics_.error(title->at, "contradiction",
                           "`title` is number, but the entity has no `number` format",
                           "add `number: \"ABC-{seq:6}\"`");
      }
    }
  }
}

}  // namespace caravan::model

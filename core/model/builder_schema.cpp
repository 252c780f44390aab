#include <algorithm>

#include "expr/sql_text.h"
#include "model/builder_state.h"
#include "model/import_map.h"
#include "model/import_reader.h"

// What the database keeps of the definitions, and what becomes of the values that they take away.

namespace caravan::model {

bool Builder::database_keeps(const expr::Program& program, const Entity& entity) {
  const std::vector<expr::ReadField> reads = expr::read_fields(program);
  for (const expr::ReadField& read : reads) {
    if (read.type != &entity || read.slot >= entity.fields.size()) return false;
    const Field& field = *entity.fields[read.slot];
    // Sealed ones, and those that are no single value of a column, are for the gate.
    const bool single = field.type != FieldType::json && field.type != FieldType::multi && field.type != FieldType::refs && field.type != FieldType::localized;
    if (!single || field.sensitive || field.column.empty()) return false;
  }
  return !reads.empty() && expr::to_row_rule(program, expr::Dialect::sqlite, "NEW") && expr::to_row_rule(program, expr::Dialect::mysql, {});
}

void Builder::build_moved(const Node* node, std::string_view what, const std::vector<std::string_view>& present, bool doubtful,
                          std::map<std::string, std::string, std::less<>>& moved) {
  if (node == nullptr || !node->is_map()) return;
  const auto is_present = [&](std::string_view name) { return std::find(present.begin(), present.end(), name) != present.end(); };
  for (const Entry& entry : node->entries) {
    if (entry.bad || entry.value.bad) continue;
    if (is_present(entry.key)) {
      diagnostics_.warning(entry.at, "moved-still-there", std::string(what) + " " + quoted(entry.key) + " is still there, so nothing is moved",
                           "remove the " + std::string(what) + ", or this line");
      continue;
    }
    // Through others that were taken away since.
    const Entry* step = &entry;
    std::string way = entry.key;
    bool circle = false;
    while (!is_present(step->value.text)) {
      const Entry* next = node->entry(step->value.text);
      if (next == nullptr || next->bad || next->value.bad) break;
      step = next;
      way += " → " + step->key;
      if (step == &entry || std::count(way.begin(), way.end(), '>') > static_cast<std::ptrdiff_t>(node->entries.size())) {
        circle = true;
        break;
      }
    }
    if (circle || step->value.text == entry.key) {
      diagnostics_.error(entry.at, "moved-cycle", std::string(what) + " " + quoted(entry.key) + " is moved in a circle" + (circle ? ": " + way : ""),
                         "end at a " + std::string(what) + " that is there");
      continue;
    }
    if (is_present(step->value.text)) {
      moved[entry.key] = step->value.text;
    } else if (!doubtful && !node->entry(step->value.text)) {
      if (step == &entry) unknown(entry.value.at, what, entry.value.text, present);
    }
  }
}

void Builder::build_import_map(const Document& document) {
  const std::string module = module_of(document.name);
  ImportNames find;
  find.entity = [&](std::string_view name, const Place& at) { return find_entity({name, at}, module); };
  find.field = [&](const Entity& entity, std::string_view name, const Place& at) { return find_field(*draft_of(&entity), {name, at}); };
  find.function = [&](std::string_view name, const Place& at) { return find_function({name, at}, module, FunctionUse::transform); };
  auto map = std::make_unique<ImportMap>(read_import_map(document.root, find, true, diagnostics_));
  map->name = document.name;
  map->origin = to_origin(document.at);
  map->label = label_of(document.root, document.at, "import map " + quoted(document.name), plain(humanised(document.name)));
  for (const ImportRecord& record : map->records) {
    if (record.entity == nullptr) continue;
    const Draft& draft = *draft_of(record.entity);
    const Node* records = document.root.get("records");
    const Entry* said = records ? records->entry(record.name) : nullptr;
    if (said == nullptr || doubtful(said->value.get("fields"))) continue;
    for (const auto& field : record.entity->fields) {
      if (!field->required || field->system || field->compute || field->default_value || draft.vague.contains(field.get())) continue;
      if (std::any_of(record.fields.begin(), record.fields.end(), [&](const ImportField& one) { return one.field == field.get(); })) continue;
      diagnostics_.warning(said->at, "import-without-required",
                           "record " + quoted(record.name) + " leaves out " + quoted(field->name) + ", which " + record.entity->full_name +
                               " requires, so it can only change records that are there",
                           "add `" + field->name + ": {column: …}`");
    }
  }
  catalog_->import_maps.push_back(std::move(map));
}

}  // namespace caravan::model

#include "model/import_map.h"

#include <algorithm>

#include <unicode/ucnv.h>

#include "model/diagnostics.h"
#include "model/import_reader.h"
#include "model/yaml_tree.h"

namespace caravan::model {
namespace {

class Reader {
 public:
  Reader(const ImportNames& names, bool shaped, Diagnostics& diagnostics) : names_(names), shaped_(shaped), diagnostics_(diagnostics) {}

  ImportMap read(const Node& document) {
    ImportMap map;
    file_ = document.at.file;
    known(document, {"edition", "kind", "name", "label", "entity", "source", "format", "repeats", "notes", "records"});
    map.name = scalar(document, "name", true);
    map.entity = entity_of(document);
    map.source = scalar(document, "source", true);
    map.origin = to_origin(document.at);
    if (map.source.size() > 64) error(document.get("source")->at, "too-long", "the source has more than 64 bytes", "a short name such as website");
    if (const Node* format = map_of(document, "format", false)) read_format(*format, map);
    map.repeats = static_cast<ImportMap::Repeats>(one_of(document, "repeats", {"update", "skip", "refuse"}));
    if (const Node* notes = map_of(document, "notes", false)) read_notes(*notes, map);
    const Node* records = map_of(document, "records", true);
    if (records == nullptr) return map;
    std::optional<std::size_t> main;
    for (const Entry& entry : records->entries) {
      if (entry.bad || entry.value.bad) {
        doubtful_ = true;
        continue;
      }
      if (!entry.value.is_map()) {
        error(entry.value.at, "wrong-kind", "the record " + quoted(entry.key) + " is not a map", "entity, external_id and fields");
        continue;
      }
      map.records.push_back(read_record(entry, map.records));
      if (map.entity != nullptr && map.records.back().entity == map.entity) main = map.records.size() - 1;
    }
    if (doubtful_) {
      // What is missing may be there.
    } else if (map.records.empty()) {
      error(records->at, "empty", "no records are named", "what one row makes, by name");
    } else if (map.entity != nullptr && !main) {
      error(document.get("entity")->at, "no-main-record", "none of the records is of " + map.entity->full_name,
            "one of `records` with that entity");
    }
    map.main = main.value_or(0);
    map.numbers_rows = numbers_rows_;
    return map;
  }

 private:
  void error(const Place& at, const char* code, std::string what, std::string hint = {}) {
    diagnostics_.error(at, code, std::move(what), std::move(hint));
  }

  void known(const Node& node, const std::vector<std::string_view>& words) {
    for (const Entry& entry : node.entries) {
      if (entry.bad || entry.value.bad || std::find(words.begin(), words.end(), entry.key) != words.end()) continue;
      error(entry.at, "unknown-word", "unknown word " + quoted(entry.key), suggest(entry.key, words));
    }
  }

  std::string scalar(const Node& node, std::string_view key, bool required) {
    const Node* value = node.get(key);
    if (value == nullptr) {
      doubtful_ = doubtful_ || node.entry(key) != nullptr;
      if (required && !shaped_) error(node.at, "missing-word", "the word `" + std::string(key) + "` is missing", std::string(key) + ": …");
      return {};
    }
    if (!value->is_scalar() || value->text.empty()) {
      error(value->at, "wrong-kind", "`" + std::string(key) + "` must be a text");
      return {};
    }
    return value->text;
  }

  const Node* map_of(const Node& node, std::string_view key, bool required) {
    const Node* value = node.get(key);
    if (value != nullptr && value->is_map()) return value;
    if (value != nullptr) error(value->at, "wrong-kind", "`" + std::string(key) + "` must be a map");
    else if (required && !shaped_) error(node.at, "missing-word", "the word `" + std::string(key) + "` is missing", std::string(key) + ": {…}");
    return nullptr;
  }

  const Entity* entity_of(const Node& node) {
    const std::string name = scalar(node, "entity", true);
    if (name.empty()) return nullptr;
    return names_.entity(name, node.get("entity")->at);
  }

  void read_format(const Node& format, ImportMap& map) {
    known(format, {"type", "delimiter", "encoding", "guarded"});
    if (const Node* guarded = format.get("guarded")) {
      if (guarded->text != "true" && guarded->text != "false") error(guarded->at, "wrong-kind", "`guarded` must be true or false");
      map.guarded = guarded->text == "true";
    }
    map.type = static_cast<ImportMap::Type>(one_of(format, "type", {"detect", "csv", "jsonl"}));
    if (const Node* delimiter = format.get("delimiter"); delimiter != nullptr && delimiter->text != "detect") {
      if (delimiter->text.size() != 1 || delimiter->text == "\"" || delimiter->text == "\n" || delimiter->text == "\r") {
        error(delimiter->at, "bad-delimiter", "the delimiter must be one character", "for example \",\" or \";\", or `detect`");
      } else {
        map.delimiter = delimiter->text.front();
      }
    }
    if (const Node* encoding = format.get("encoding"); encoding != nullptr && encoding->text != "detect") {
      UErrorCode status = U_ZERO_ERROR;
      UConverter* converter = encoding->text.empty() ? nullptr : ucnv_open(encoding->text.c_str(), &status);
      if (converter == nullptr || U_FAILURE(status)) {
        error(encoding->at, "bad-encoding", "the encoding " + quoted(encoding->text) + " is not known", "utf-8, gb18030, big5, utf-16, windows-1252 …, or `detect`");
      } else {
        map.encoding = encoding->text;
      }
      if (converter != nullptr) ucnv_close(converter);
    }
  }

  void read_notes(const Node& notes, ImportMap& map) {
    for (const Entry& entry : notes.entries) {
      if (entry.bad || entry.value.bad) continue;
      ImportNote note;
      note.name = entry.key;
      if (!entry.value.is_map()) {
        error(entry.value.at, "wrong-kind", "the note " + quoted(entry.key) + " is not a map", "when: \"row['Price'] == ''\"");
        continue;
      }
      known(entry.value, {"when", "label"});
      if (const Node* label = entry.value.get("label")) {
        if (label->is_scalar()) note.label.set("en", label->text);
        for (const Entry& text : label->entries) note.label.set(text.key, text.value.text);
      }
      const Node* when = entry.value.get("when");
      if (when == nullptr && !shaped_) error(entry.value.at, "missing-word", "the word `when` is missing", "when: \"row['Price'] == ''\"");
      if (when != nullptr) note.when = program_of(*when, expr::TypeKind::boolean);
      if (note.when) map.notes.push_back(std::move(note));
    }
  }

  std::shared_ptr<const expr::Program> program_of(const Node& node, expr::TypeKind result = expr::TypeKind::any) {
    if (node.bad || !node.is_scalar()) {
      if (!node.bad) error(node.at, "wrong-kind", "an expression must be a text");
      return nullptr;
    }
    expr::Environment environment = import_environment();
    environment.result = result;
    const expr::Compiled compiled = expr::compile(node.text, environment);
    for (const expr::Issue& issue : compiled.issues) diagnostics_.error(place_inside(node, issue.line, issue.column), "expression", issue.message, issue.hint);
    numbers_rows_ = numbers_rows_ || node.text.find("row_number") != std::string::npos;
    return compiled.program;
  }

  int one_of(const Node& node, std::string_view key, std::initializer_list<std::string_view> allowed) {
    const Node* value = node.get(key);
    if (value == nullptr) return 0;
    // `null` written bare is YAML's null.
    const std::string_view text = value->is_null() ? std::string_view("null") : std::string_view(value->text);
    int index = 0;
    for (const auto word : allowed) {
      if (text == word) return index;
      ++index;
    }
    error(value->at, "unknown-word", "`" + std::string(key) + "` cannot be " + quoted(text), suggest(text, allowed));
    return 0;
  }

  ImportRecord read_record(const Entry& entry, const std::vector<ImportRecord>& earlier) {
    ImportRecord record;
    record.name = entry.key;
    known(entry.value, {"entity", "external_id", "when", "sets_state", "fields"});
    record.entity = entity_of(entry.value);
    if (const Node* when = entry.value.get("when")) record.when = program_of(*when, expr::TypeKind::boolean);
    if (const Node* id = map_of(entry.value, "external_id", true)) {
      record.external_id = read_source(*id, {"column", "value", "template", "expr", "transform", "trim"}, earlier);
    }
    if (const Node* sets = entry.value.get("sets_state")) {
      if (sets->text != "true" && sets->text != "false") error(sets->at, "wrong-kind", "`sets_state` must be true or false");
      record.sets_state = sets->text == "true";
      if (record.sets_state && record.entity != nullptr && record.entity->workflow == nullptr) {
        error(sets->at, "no-states-to-set", record.entity->full_name + " has no workflow, so there is no state that its records could begin in", "remove it: what is read-only there stays so");
      }
    }
    const Node* fields = map_of(entry.value, "fields", true);
    if (fields == nullptr) return record;
    for (const Entry& field : fields->entries) {
      if (field.bad || field.value.bad) continue;
      if (!field.value.is_map()) {
        error(field.value.at, "wrong-kind", "the field " + quoted(field.key) + " needs a map", "{column: …}");
        continue;
      }
      ImportField import = read_source(field.value, {"column", "template", "value", "record", "expr", "transform", "call", "trim", "map", "unmapped", "empty", "default", "note", "lookup", "missing", "currency"}, earlier);
      if (record.entity != nullptr) {
        import.field = names_.field(*record.entity, field.key, field.at);
        if (import.field == nullptr) continue;
        const Field& target = *import.field;
        const bool state = target.slot == slot_state && record.sets_state && record.entity->workflow != nullptr;
        const bool own = !target.system && !target.compute && !target.rollup && (!target.read_only || record.sets_state) && !is_file(target);
        const bool settable = own || state || target.slot == slot_owner;
        if (!settable) {
          error(field.at, "not-settable", "the field " + quoted(field.key) + " cannot be set",
                target.slot == slot_state && record.entity->workflow ? "an import that takes records over in their states says so: sets_state: true" : "");
          continue;
        }
        if (import.source == ImportField::Source::record && import.field->type != FieldType::ref && import.field->type != FieldType::refs) {
          error(field.at, "not-a-reference", "the field " + quoted(field.key) + " is no reference", "column, template or value");
        }
      }
      if (const Node* currency = field.value.get("currency")) {
        import.currency = currency->text;
        if (import.field != nullptr && import.field->type != FieldType::money) {
          error(currency->at, "word-not-for-type", "`currency` means nothing for " + quoted(import.field->name), "it is for fields of type money");
        }
      }
      if (const Node* lookup = field.value.get("lookup")) read_lookup(field.value, *lookup, import);
      check_options(import);
      if (import.field != nullptr && import.field->slot == slot_state) check_states(import, *record.entity->workflow);
      record.fields.push_back(std::move(import));
    }
    return record;
  }

  void read_lookup(const Node& field, const Node& lookup, ImportField& import) {
    import.missing = static_cast<ImportField::Missing>(one_of(field, "missing", {"refuse", "note", "null"}));
    if (import.field == nullptr) return;
    if (import.field->target == nullptr || import.source == ImportField::Source::record) {
      error(lookup.at, "not-a-reference", "`lookup` finds what a reference points at, and " + quoted(import.field->name) + " is none that needs it",
            "a field of type ref or refs");
      return;
    }
    import.lookup = names_.field(*import.field->target, lookup.text, lookup.at);
    if (import.lookup == nullptr) return;
    const FieldType type = import.lookup->type;
    const bool fits = !import.lookup->sensitive && (type == FieldType::text || type == FieldType::choice || type == FieldType::integer || type == FieldType::id);
    if (!fits) error(lookup.at, "wrong-type", "records cannot be found by " + quoted(import.lookup->name), "a field of type text, choice or int that is not sensitive");
    if (!fits) import.lookup = nullptr;
  }

  /// The states that the map itself names.
  void check_states(const ImportField& import, const Workflow& workflow) {
    const auto check = [&](const std::string& value, const Origin& at) {
      if (value.empty() || workflow.state(value) != nullptr) return;
      std::vector<std::string_view> known;
      for (const auto& state : workflow.states) known.push_back(state->name);
      error(place_of_(at), "unknown-state", "there is no state " + quoted(value), suggest(value, known));
    };
    if (import.source == ImportField::Source::value) check(import.text, import.at);
    for (const auto& [cell, mapped] : import.map) check(mapped.value, mapped.at);
    if (import.default_value) check(import.default_value->value, import.default_value->at);
  }

  /// What the map itself gives a choice must be on offer.
  void check_options(const ImportField& import) {
    if (import.field == nullptr || import.field->type != FieldType::choice || import.field->choices == nullptr || import.field->choices->options.empty()) return;
    const auto check = [&](const std::string& value, const Origin& at) {
      if (value.empty() || import.field->choices->option(value) != nullptr) return;
      std::vector<std::string_view> offered;
      for (const ChoiceOption& option : import.field->choices->options) offered.push_back(option.name);
      Place place = place_of_(at);
      error(place, "unknown-option", "there is no option " + quoted(value), suggest(value, offered));
    };
    if (import.source == ImportField::Source::value) check(import.text, import.at);
    for (const auto& [cell, mapped] : import.map) check(mapped.value, mapped.at);
    if (import.default_value) check(import.default_value->value, import.default_value->at);
  }
  bool numbers_rows_ = false;
  /// A place in the map's own file.
  Place place_of_(const Origin& at) const { return {file_, at.line, at.column}; }

  ImportField read_source(const Node& node, const std::vector<std::string_view>& words, const std::vector<ImportRecord>& earlier) {
    ImportField field;
    field.at = to_origin(node.at);
    known(node, words);
    int sources = 0;
    const auto source = [&](std::string_view key, ImportField::Source kind) {
      const Node* value = node.get(key);
      if (value == nullptr) return;
      ++sources;
      field.source = kind;
      field.text = scalar(node, key, false);
      field.at = to_origin(value->at);
      if (kind == ImportField::Source::text_template) read_template(*value, field);
      if (kind == ImportField::Source::expression) field.program = program_of(*value);
      if (kind == ImportField::Source::record && std::none_of(earlier.begin(), earlier.end(), [&](const ImportRecord& r) { return r.name == field.text; })) {
        error(value->at, "unknown-record", "no record " + quoted(field.text) + " is made before this one");
      }
    };
    source("column", ImportField::Source::column);
    source("template", ImportField::Source::text_template);
    source("value", ImportField::Source::value);
    source("expr", ImportField::Source::expression);
    if (std::find(words.begin(), words.end(), "record") != words.end()) source("record", ImportField::Source::record);
    const bool unsure = std::any_of(node.entries.begin(), node.entries.end(), [](const Entry& one) { return one.bad || one.value.bad; });
    if (sources != 1 && !unsure) {
      error(node.at, "one-source", sources == 0 ? "nothing says where the value comes from" : "several sources are named",
            "exactly one of column, template, value, record, expr");
    }
    if (const Node* transform = node.get("transform")) {
      if (field.source == ImportField::Source::column) field.program = program_of(*transform);
      else error(transform->at, "contradiction", "`transform` changes the cell of a column, and there is none", "`expr` alone");
    }
    if (const Node* call = node.get("call")) {
      const std::string name = scalar(node, "call", false);
      if (field.source != ImportField::Source::column) {
        error(call->at, "contradiction", "`call` changes the cell of a column, and there is none", "`column` with `call`");
      } else if (const PluginFunction* function = name.empty() ? nullptr : names_.function(name, call->at)) {
        field.function = function->name;
      }
    }
    if (const Node* trim = node.get("trim")) {
      if (trim->text != "true" && trim->text != "false") error(trim->at, "wrong-kind", "`trim` must be true or false");
      field.trim = trim->text != "false";
    }
    if (const Node* map = map_of(node, "map", false)) {
      for (const Entry& entry : map->entries) {
        if (!entry.value.is_scalar() && !entry.value.is_null()) {
          error(entry.value.at, "wrong-kind", "the value for " + quoted(entry.key) + " must be a text");
          continue;
        }
        field.map[entry.key] = {entry.value.text, to_origin(entry.value.at)};
      }
    }
    read_words(node, field);
    return field;
  }

  void read_words(const Node& node, ImportField& field) {
    field.unmapped = static_cast<ImportField::Unmapped>(one_of(node, "unmapped", {"refuse", "keep", "note"}));
    field.empty = static_cast<ImportField::Empty>(one_of(node, "empty", {"null", "note", "refuse"}));
    if (const Node* value = node.get("default")) {
      if (value->is_scalar()) field.default_value = ImportField::Mapped{value->text, to_origin(value->at)};
      else error(value->at, "wrong-kind", "`default` must be a text");
    }
    if (const Node* note = node.get("note")) {
      if (!note->is_list()) error(note->at, "wrong-kind", "`note` must be a list of cells", "note: [\"Fe Male\"]");
      for (const Node& item : note->items) field.note.insert(item.text);
    }
  }

  void read_template(const Node& node, ImportField& field) {
    std::string literal;
    const std::string& text = field.text;
    const auto flush = [&] {
      if (!literal.empty()) field.pieces.push_back({false, literal});
      literal.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
        literal.push_back(c);
        ++i;
      } else if (c == '{') {
        const auto end = text.find('}', i);
        if (end == std::string::npos || end == i + 1) {
          error(node.at, "bad-template", "a brace in the template is not closed or empty", "{Column}, or {{ for a brace");
          return;
        }
        flush();
        field.pieces.push_back({true, text.substr(i + 1, end - i - 1)});
        i = end;
      } else if (c == '}') {
        error(node.at, "bad-template", "a closing brace stands alone in the template", "}} for a brace");
        return;
      } else {
        literal.push_back(c);
      }
    }
    flush();
  }

  const ImportNames& names_;
  const bool shaped_;
  bool doubtful_ = false;  ///< something in it was a mistake that was reported
  const FileInfo* file_ = nullptr;
  Diagnostics& diagnostics_;
};

}  // namespace

ImportMap plain_import_map(const Entity& entity, std::string source, const std::vector<std::string>& header) {
  const auto has = [&](const std::string& name) { return std::find(header.begin(), header.end(), name) != header.end(); };
  ImportMap map;
  map.name = "plain";
  map.entity = &entity;
  map.source = std::move(source);
  map.guarded = true;
  ImportRecord record;
  record.name = "record";
  record.entity = &entity;
  record.external_id.text = has("external_id") && !has("id") ? "external_id" : "id";
  if (has("external_id") && has("id")) {
    record.external_id.source = ImportField::Source::expression;
    record.external_id.program = expr::compile("row['external_id'] != '' ? row['external_id'] : row['id']", import_environment()).program;
  }
  for (const auto& field : entity.fields) {
    if (!has(field->name) || field->system || field->read_only || field->compute || field->rollup || is_file(*field)) continue;
    ImportField import;
    import.field = field.get();
    import.text = field->name;
    if (field->type == FieldType::money && has(field->currency_column)) import.currency = field->currency_column;
    // What a user is in another system is not known here.
    if (field->target != nullptr && field->target->full_name == "core.user") continue;
    if (field->target != nullptr) import.lookup = field->target->fields[slot_external_id].get();
    record.fields.push_back(std::move(import));
  }
  map.records.push_back(std::move(record));
  return map;
}

const expr::Environment& import_environment() {
  static const expr::Environment environment = [] {
    expr::Environment made;
    expr::Type text, row;
    text.kind = expr::TypeKind::string;
    row.kind = expr::TypeKind::map;
    row.key = row.element = std::make_shared<const expr::Type>(text);
    made.variables = {{"row", row}, {"value", text}, {"row_number", {expr::TypeKind::int64, nullptr, nullptr, nullptr}}};
    return made;
  }();
  return environment;
}

ImportMap read_import_map(const Node& document, const ImportNames& names, bool shaped, Diagnostics& diagnostics) {
  return Reader(names, shaped, diagnostics).read(document);
}

ImportMapResult load_import_map(const SourceFile& source, const Catalog& catalog) {
  ImportMapResult result;
  YamlDocument document(source.name, source.text, "the import map");
  Diagnostics& diagnostics = document.diagnostics();
  if (const Node* root = document.root()) {
    if (const Node* kind = root->get("kind"); kind == nullptr || kind->text != "import_map") {
      diagnostics.error(kind ? kind->at : root->at, "wrong-kind", "this is no import map", "kind: import_map");
    } else {
      ImportNames names;
      names.entity = [&](std::string_view name, const Place& at) {
        const Entity* entity = catalog.entity(name);
        if (entity == nullptr) {
          std::vector<std::string_view> known;
          for (const auto& one : catalog.entities) known.push_back(one->full_name);
          diagnostics.error(at, "unknown-entity", "there is no entity " + quoted(name), suggest(name, known));
        }
        return entity;
      };
      names.field = [&](const Entity& entity, std::string_view name, const Place& at) {
        const Field* field = entity.field(name);
        if (field == nullptr) {
          diagnostics.error(at, "unknown-field", entity.full_name + " has no field " + quoted(name), suggest(name, entity.member_names()));
        }
        return field;
      };
      names.function = [&](std::string_view name, const Place& at) { return called_function(catalog, name, FunctionUse::transform, at, diagnostics); };
      ImportMap map = read_import_map(*root, names, false, diagnostics);
      if (!diagnostics.failed()) result.map = std::move(map);
    }
  } else if (!diagnostics.failed()) {
    diagnostics.error(document.start(), "empty", "the file is empty", "kind: import_map …");
  }
  result.diagnostics = diagnostics.take();
  return result;
}

}  // namespace caravan::model

#include "app/revisions.h"

#include <algorithm>

#include "api/json_writer.h"
#include "base/error.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::app {
namespace {

using storage::Query;

constexpr std::string_view active_name = "catalog.active";
constexpr std::string_view files_name = "catalog.files";

std::string setting(storage::Session& session, std::string_view name, bool lock = false) {
  const bool for_update = lock && session.dialect() == storage::Dialect::mysql;
  Query query(session, for_update ? "SELECT value FROM setting WHERE name = ? FOR UPDATE" : "SELECT value FROM setting WHERE name = ?", name);
  return query.next() ? query.text(0) : std::string();
}

void set(storage::Session& session, std::string_view name, const std::string& value) {
  storage::run_sql(session,
                   session.dialect() == storage::Dialect::mysql
                       ? "INSERT INTO setting (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)"
                       : "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   name, value);
}

std::int64_t number(const std::string& text) { return text.empty() ? 0 : std::stoll(text); }

void write_plugins(api::JsonWriter& json, const std::map<std::string, std::string>& plugins) {
  json.begin_object();
  for (const auto& [name, hash] : plugins) json.member(name, hash);
  json.end_object();
}

std::string plugins_text(const std::map<std::string, std::string>& plugins) {
  std::string out;
  api::JsonWriter json(out);
  write_plugins(json, plugins);
  return out;
}

std::map<std::string, std::string> read_plugins(const records::Json& json) {
  std::map<std::string, std::string> plugins;
  if (const auto* members = json.as<records::Json::Object>()) {
    for (const auto& [name, hash] : *members) {
      if (const auto* text = hash.as<std::string>()) plugins[name] = *text;
    }
  }
  return plugins;
}

std::string to_json(const Documents& documents) {
  std::string out;
  api::JsonWriter json(out);
  json.begin_object().key("layers").begin_array();
  for (const auto& layer : documents.layers) {
    json.begin_object().member("name", layer.name).key("files").begin_array();
    for (const auto& file : layer.files) {
      json.begin_object().member("name", file.name).member("module", file.module).member("text", file.text);
      json.member("edition", std::int64_t{file.edition}).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().key("modules").begin_array();
  for (const auto& module : documents.modules) {
    json.begin_object().member("name", module.name).member("icon", module.icon).member("order", std::int64_t{module.order});
    json.key("label").begin_object();
    for (const auto& [locale, text] : module.label.all()) json.member(locale, text);
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

const std::string& text_of(const records::Json& json, std::string_view name) {
  const records::Json* member = json.find(name);
  const std::string* text = member ? member->as<std::string>() : nullptr;
  if (text == nullptr) throw Error(ErrorCode::internal, "A published revision has no \"" + std::string(name) + "\": its row was damaged.");
  return *text;
}

const records::Json::Array& list_of(const records::Json& json, std::string_view name) {
  const records::Json* member = json.find(name);
  const auto* list = member ? member->as<records::Json::Array>() : nullptr;
  if (list == nullptr) throw Error(ErrorCode::internal, "A published revision has no \"" + std::string(name) + "\": its row was damaged.");
  return *list;
}

Documents from_json(const std::string& text) {
  const records::Json json = records::parse_json(text);
  Documents documents;
  for (const auto& layer : list_of(json, "layers")) {
    auto& one = documents.layers.emplace_back(model::SourceLayer{text_of(layer, "name"), {}});
    for (const auto& file : list_of(layer, "files")) {
      one.files.push_back({text_of(file, "name"), text_of(file, "text"), text_of(file, "module")});
      // Revisions of before had one edition only.
      const auto* edition = file.find("edition");
      one.files.back().edition = edition && edition->as<records::Json::Number>() ? std::stoi(edition->as<records::Json::Number>()->text) : model::first_edition;
    }
  }
  for (const auto& module : list_of(json, "modules")) {
    model::Module one;
    one.name = text_of(module, "name");
    one.icon = text_of(module, "icon");
    if (const auto* order = module.find("order"); order && order->as<records::Json::Number>()) one.order = std::stoi(order->as<records::Json::Number>()->text);
    if (const auto* label = module.find("label"); label && label->as<records::Json::Object>()) {
      for (const auto& [locale, said] : *label->as<records::Json::Object>()) one.label.set(locale, said.as<std::string>() ? *said.as<std::string>() : "");
    }
    documents.modules.push_back(std::move(one));
  }
  return documents;
}

Error no_revision(std::int64_t id) { return {ErrorCode::not_found, "There is no revision " + std::to_string(id) + "."}; }

Revision read_revision(Query& query, std::int64_t active) {
  Revision revision;
  revision.id = query.integer(0);
  revision.hash = query.text(1);
  revision.created_at = query.instant(2).value_or(Timestamp());
  revision.author = query.text(3);
  revision.note = query.text(4);
  revision.plugins = read_plugins(records::parse_json(query.text(5)));
  revision.active = revision.id == active;
  return revision;
}

constexpr std::string_view columns = "SELECT id, hash, created_at, author, note, plugins FROM catalog_revision ";

}  // namespace

std::int64_t Revisions::active() const {
  auto session = database_.read();
  return active(*session);
}

std::int64_t Revisions::active(storage::Session& session) { return number(setting(session, active_name)); }

std::string Revisions::published_files() const {
  auto session = database_.read();
  return setting(*session, files_name);
}

void Revisions::set_published_files(const std::string& hash) {
  database_.transact([&](storage::Session& session) { set(session, files_name, hash); });
}

Documents Revisions::read(std::int64_t id) const {
  auto session = database_.read();
  Query query(*session, "SELECT documents, plugins FROM catalog_revision WHERE id = ?", id);
  if (!query.next()) throw no_revision(id);
  Documents documents = from_json(query.text(0));
  documents.plugins = read_plugins(records::parse_json(query.text(1)));
  return documents;
}

Revision Revisions::find(std::int64_t id) const {
  auto session = database_.read();
  const std::int64_t now_active = number(setting(*session, active_name));
  Query query(*session, std::string(columns) + "WHERE id = ?", id);
  if (!query.next()) throw no_revision(id);
  return read_revision(query, now_active);
}

std::vector<Revision> Revisions::list(std::int64_t before, std::uint32_t limit) const {
  auto session = database_.read();
  const std::int64_t now_active = number(setting(*session, active_name));
  Query query(*session, std::string(columns) + "WHERE id < ? ORDER BY id DESC LIMIT ?", before > 0 ? before : INT64_MAX, std::int64_t{limit});
  std::vector<Revision> revisions;
  while (query.next()) revisions.push_back(read_revision(query, now_active));
  return revisions;
}

std::int64_t Revisions::publish(const Documents& documents, const std::string& hash, std::string_view author, std::string_view note,
                                Timestamp now, const std::function<void(storage::Session&)>& also, std::int64_t instead_of, bool own) {
  const std::string plugins = plugins_text(documents.plugins);
  const std::string text = to_json(documents);
  std::int64_t id = 0;
  database_.transact([&](storage::Session& session) {
    const std::int64_t in_use = number(setting(session, active_name, true));  // nodes that publish at the same time do so one after another
    if (instead_of != 0 && in_use != instead_of)
      throw Error(ErrorCode::conflict, "Revision " + std::to_string(in_use) + " of the definitions was put in use meanwhile. Look at what it changed, then try again.");
    const auto first = [&](Query&& query) { return query.next() ? query.integer(0) : 0; };
    id = own ? 0 : first(Query(session, "SELECT id FROM catalog_revision WHERE hash = ? AND plugins = ? ORDER BY CASE WHEN id = ? THEN 0 ELSE 1 END, id DESC LIMIT 1", hash,
                                             plugins, in_use));
    if (id == 0) {
      id = first(Query(session, "SELECT MAX(id) FROM catalog_revision")) + 1;
      storage::run_sql(session, "INSERT INTO catalog_revision (id, hash, created_at, author, note, plugins, documents) VALUES (?, ?, ?, ?, ?, ?, ?)",
                       id, hash, now, author, note, plugins, text);
    }
    set(session, active_name, std::to_string(id));
    set(session, files_name, hash);
    if (also) also(session);
  });
  return id;
}

model::SourceLayer edits_of(const Documents& documents) {
  const auto found = std::find_if(documents.layers.begin(), documents.layers.end(), [](const auto& layer) { return layer.name == edits_layer; });
  return found == documents.layers.end() ? model::SourceLayer{edits_layer, {}} : *found;
}

void replace_edits(Documents& documents, model::SourceLayer edits) {
  std::erase_if(documents.layers, [](const auto& layer) { return layer.name == edits_layer; });
  const auto settings = std::find_if(documents.layers.begin(), documents.layers.end(), [](const auto& layer) { return layer.name == "console"; });
  if (!edits.files.empty()) documents.layers.insert(settings, std::move(edits));
}

bool same_texts(const model::SourceLayer& one, const model::SourceLayer& other) {
  return std::equal(one.files.begin(), one.files.end(), other.files.begin(), other.files.end(),
                    [](const auto& mine, const auto& theirs) { return mine.name == theirs.name && mine.text == theirs.text; });
}

model::SourceLayer Revisions::edits() const {
  std::int64_t in_use = 0;
  try {
    in_use = active();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::internal) throw;  // a table that is not there; a database that does not answer is `unavailable`
  }
  return in_use == 0 ? model::SourceLayer{edits_layer, {}} : edits_of(read(in_use));
}

void Revisions::activate(std::int64_t id, const std::function<void(storage::Session&)>& also, const std::string& files) {
  database_.transact([&](storage::Session& session) {
    if (!Query(session, "SELECT 1 FROM catalog_revision WHERE id = ?", id).next()) throw no_revision(id);
    set(session, active_name, std::to_string(id));
    if (!files.empty()) set(session, files_name, files);
    if (also) also(session);
  });
}

}  // namespace caravan::app

#include "api/openapi.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "api/json_writer.h"
#include "api/openapi_parts.h"
#include "api/problem.h"
#include "api/problem_kinds.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/access.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using model::FieldRight;
using model::FieldType;
using model::Operation;

constexpr std::string_view component = "#/components/";
constexpr std::string_view record_routes = "/records/{entity}";

/// Calls `use` with each word of a list separated by `separator`.
template <class Use>
void each_word(std::string_view list, char separator, const Use& use) {
  while (!list.empty()) {
    const auto end = list.find(separator);
    if (const std::string_view word = list.substr(0, end); !word.empty()) use(word);
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  }
}

bool names(std::string_view list, std::string_view word) {
  bool found = false;
  each_word(list, ' ', [&](std::string_view one) { found = found || one == word; });
  return found;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  if (const auto at = out.find(what); at != std::string::npos) out.replace(at, what.size(), by);
  return out;
}

std::string_view phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "Done; there is nothing to say";
    case 207: return "A result per part";
    case 304: return "The client has it already";
    default: return http_phrase(status);
  }
}

/// One operation to be described: a route, perhaps bound to an entity and a transition.
struct Subject {
  const RouteInfo& route;
  const Entity* entity = nullptr;
  const model::Transition* transition = nullptr;
};

class Writer {
 public:
  Writer(const records::Context* context, std::span<const PluginInfo> plugins, std::string_view locale)
      : context_(context), plugins_(plugins), locale_(locale) {}

  std::string write() {
    for (const Route& route : route_table()) add_route(route.info);
    add_plugins();

    JsonWriter json(out_);
    json.begin_object().member("openapi", "3.1.0");
    write_info(json);
    json.key("servers").raw(R"([{"url":"/api/v1","description":"The server that this document comes from"}])");
    json.key("tags").begin_array();
    for (const OpenapiPart& tag : openapi_parts().tags) {
      if (tags_.contains(tag.name)) json.begin_object().member("name", tag.name).key("description").raw(tag.json).end_object();
    }
    for (const auto& [name, description] : entity_tags_)
      json.begin_object().member("name", name).member("description", description).end_object();
    json.end_array().key("security").raw(R"([{"bearer":[]},{"session":[]}])");
    json.key("paths").begin_object();
    for (const auto& [path, operations] : paths_) json.key(path).raw("{" + operations + "}");
    json.end_object();
    write_components(json);
    json.end_object();
    return std::move(out_);
  }

 private:
  std::string_view label(const model::Text& text, std::string_view name) const { return label_of(text, name, locale_); }

  void write_info(JsonWriter& json) const {
    json.key("info").begin_object().member("title", context_ ? context_->catalog->agency.name + ": Caravan API" : "Caravan API");
    json.member("version", context_ ? "1+" + context_->catalog->hash.substr(0, 12) : std::string("1"));
    json.member("description",
                "Records of every kind pass one gate, with the caller's rights. Errors are problem+json (RFC 9457) with the request's id. "
                "Lists are paged: `limit` and `after`, `next` and `Link`, or bounded as their description says. "
                "POSTs take an `Idempotency-Key`. "
                "What answers below `/plugins` depends on the plugins installed.");
    json.key("license").raw(R"({"name":"Apache 2.0","identifier":"Apache-2.0"})").end_object();
  }

  // ---- Paths
  bool may(const Entity& entity, Operation operation) const {
    if (entity.ledger && (operation == Operation::update || operation == Operation::remove)) return false;
    return records::may_ever(*context_, entity, operation);
  }

  /// Whether the pattern is `/records/{entity}/WORD…`: as a generic path it could not be told from `/records/NAME/{id}`.
  static bool has_word_after_entity(std::string_view pattern) {
    return pattern.size() > record_routes.size() + 1 && pattern[record_routes.size() + 1] != '{';
  }

  void add_route(const RouteInfo& route) {
    if (route.method == "*") return;  // the plugins' own, see add_plugins
    const bool of_records = route.pattern.starts_with(record_routes);
    if (context_ == nullptr) return add({route});
    if (route.access == Access::administrator && !records::is_administrator(*context_)) return;
    std::vector<const Entity*> entities;
    if (of_records) {
      for (const auto& entity : context_->catalog->entities) {
        if (may(*entity, Operation::read)) entities.push_back(entity.get());
      }
    }
    if (!of_records || entities.empty() || !has_word_after_entity(route.pattern)) add({route});
    for (const Entity* entity : entities) {
      const bool one_kind = route.pattern == record_routes || route.pattern == "/records/{entity}/{id}";
      if (one_kind && ((route.method == "POST" && !may(*entity, Operation::create)) ||
                       (route.method == "PATCH" && !may(*entity, Operation::update)) ||
                       (route.method == "DELETE" && !may(*entity, Operation::remove))))
        continue;
      if (route.pattern.find("/transitions") != std::string_view::npos) {
        if (!entity->workflow) continue;
        if (route.pattern.ends_with("/transitions/{name}")) {
          for (const auto& transition : entity->workflow->transitions) add({route, entity, transition.get()});
          continue;
        }
      }
      add({route, entity});
    }
  }

  std::string& operations_of(const std::string& path) {
    const auto found = std::find_if(paths_.begin(), paths_.end(), [&](const auto& entry) { return entry.first == path; });
    return found != paths_.end() ? found->second : paths_.emplace_back(path, std::string()).second;
  }

  void add(const Subject& subject) {
    const RouteInfo& route = subject.route;
    std::string path(route.pattern);
    std::string operation(route.operation), tag(route.tag), summary(route.summary);
    if (subject.entity) {
      path = replaced(path, "{entity}", subject.entity->full_name);
      operation += "." + subject.entity->full_name;
      tag = subject.entity->full_name;
      const std::string title(label(subject.entity->label, subject.entity->full_name));
      summary = title + ": " + summary;
      entity_tags_.emplace(tag, title);
      if (subject.transition) {
        path = replaced(path, "{name}", subject.transition->name);
        operation += "." + subject.transition->name;
        summary = title + ": " + std::string(label(subject.transition->label, subject.transition->name));
      }
    } else {
      tags_.insert(route.tag);
    }
    std::string& out = operations_of(path);
    if (!out.empty()) out.push_back(',');
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c | 0x20);
    records::write_json_string(out, method);
    out.push_back(':');
    JsonWriter json(out);
    json.begin_object().member("operationId", operation).member("summary", summary);
    std::string description(route.description);
    if (route.access == Access::administrator) description += description.empty() ? "For administrators." : " For administrators.";
    if (subject.transition) describe(*subject.transition, description);
    if (!description.empty()) json.member("description", description);
    json.key("tags").begin_array().string(tag).end_array();
    if (route.access == Access::anyone) json.key("security").raw("[]");
    else if (route.method != "GET") json.key("security").raw(R"([{"bearer":[]},{"session":[],"csrf":[]}])");
    write_parameters(json, route, path);
    write_body(json, subject);
    write_answers(json, subject);
    json.end_object();
  }

  void describe(const model::Transition& transition, std::string& out) const {
    out += out.empty() ? "From " : "\n\nFrom ";
    for (const model::State* from : transition.from) out += (from == transition.from.front() ? "`" : ", `") + from->name + "`";
    out += " to `" + transition.to->name + "`.";
    if (transition.by.empty()) return;
    out += " By";
    for (const std::string& role : transition.by) out += (&role == &transition.by.front() ? " `" : ", `") + role + "`";
    out += ".";
  }

  /// A reference to a component, which is then written, too.
  void refer(JsonWriter& json, std::string_view kind, std::string_view name) {
    used_.emplace(kind, name);
    json.begin_object().member("$ref", std::string(component) + std::string(kind) + "/" + std::string(name)).end_object();
  }

  void write_parameters(JsonWriter& json, const RouteInfo& route, std::string_view path) {
    std::vector<std::string> parameters;
    each_word(path, '/', [&](std::string_view segment) {
      if (segment.front() == '{') parameters.push_back("path." + std::string(segment.substr(1, segment.size() - 2)));
    });
    each_word(route.query, ' ', [&](std::string_view name) { parameters.push_back("query." + std::string(name)); });
    each_word(route.headers, ' ', [&](std::string_view name) {
      const bool optional = name.ends_with('?');
      if (optional) name.remove_suffix(1);
      parameters.push_back("header." + std::string(name) + (optional ? "" : ".required"));
    });
    if (takes_idempotency_key(route)) parameters.emplace_back("header.Idempotency-Key");
    if (parameters.empty()) return;
    json.key("parameters").begin_array();
    for (const std::string& name : parameters) refer(json, "parameters", name);
    json.end_array();
  }

  static bool takes_idempotency_key(const RouteInfo& route) {
    return route.method == "POST" && route.access != Access::anyone && route.idempotency != Idempotency::refused && !names(route.headers, "Idempotency-Key?");
  }

  /// The schema that stands for `name` where the entity is known.
  std::string schema_for(std::string_view name, const Subject& subject) {
    if (subject.entity == nullptr) return std::string(name);
    const Entity& entity = *subject.entity;
    std::string suffix;
    if (name == "Record") suffix = "";
    else if (name == "RecordPage") suffix = ".page";
    else if (name == "RecordInput") suffix = subject.route.method == "PATCH" ? ".patch" : ".create";
    else if (name == "TransitionInput" && subject.transition) suffix = "." + subject.transition->name;
    else return std::string(name);
    std::string own = entity.full_name + suffix;
    if (!own_.contains(own)) {
      std::string& schema = own_[own];
      std::string made;
      JsonWriter json(made);
      if (suffix.empty()) write_record(json, entity);
      else if (suffix == ".page") write_page(json, entity);
      else if (suffix == ".create" || suffix == ".patch") write_input(json, entity, suffix == ".create");
      else write_transition_input(json, entity, *subject.transition);
      schema = std::move(made);
    }
    return own;
  }

  void write_body(JsonWriter& json, const Subject& subject) {
    std::string_view name = subject.route.body;
    if (name.empty()) return;
    bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    if (subject.transition && (subject.transition->comment_required || subject.transition->form)) optional = false;
    const OpenapiPart* part = find_part(openapi_parts().schemas, name);
    const std::string schema = schema_for(name, subject);
    json.key("requestBody").begin_object().member("required", !optional).key("content").begin_object();
    std::vector<std::string_view> medias{part ? part->media : "application/json"};
    if (subject.route.method == "PATCH") medias.insert(medias.begin(), "application/merge-patch+json");
    for (const std::string_view media : medias) {
      json.key(media).begin_object().key("schema");
      refer(json, "schemas", schema);
      json.end_object();
    }
    json.end_object().end_object();
  }

  void write_answers(JsonWriter& json, const Subject& subject) {
    const RouteInfo& route = subject.route;
    json.key("responses").begin_object();
    each_word(route.answers, ' ', [&](std::string_view answer) {
      const auto plus = answer.find('+');
      const std::string_view head = answer.substr(0, plus);
      const std::string_view headers = plus == std::string_view::npos ? std::string_view() : answer.substr(plus + 1);
      const std::string_view status = head.substr(0, 3);
      json.key(status).begin_object().member("description", phrase((status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0'));
      json.key("headers").begin_object();
      json.key("X-Request-Id");
      refer(json, "headers", "X-Request-Id");
      if (takes_idempotency_key(route)) {
        json.key("Idempotent-Replayed");
        refer(json, "headers", "Idempotent-Replayed");
      }
      each_word(headers, '+', [&](std::string_view name) {
        json.key(name);
        refer(json, "headers", name);
      });
      json.end_object();
      if (head.size() > 4) {
        const std::string_view name = head.substr(4);
        const OpenapiPart* part = find_part(openapi_parts().schemas, name);
        json.key("content").begin_object();
        // Some answers come in several types.
        std::string_view medias = part ? part->media : "application/json";
        while (!medias.empty()) {
          const std::size_t end = std::min(medias.find(' '), medias.size());
          json.key(medias.substr(0, end)).begin_object().key("schema");
          refer(json, "schemas", schema_for(name, subject));
          json.end_object();
          medias.remove_prefix(std::min(end + 1, medias.size()));
        }
        json.end_object();
      }
      json.end_object();
    });
    std::string refusals = "400 401 ";
    if (route.access != Access::anyone) refusals += "403 ";
    if (route.pattern.find('{') != std::string_view::npos) refusals += "404 ";
    if (takes_idempotency_key(route)) refusals += "409 422 ";
    if (!route.body.empty()) refusals += "413 415 ";
    refusals += route.refusals;
    std::set<std::string_view> statuses;
    each_word(refusals, ' ', [&](std::string_view status) { statuses.insert(status); });
    for (const std::string_view status : {"429", "500", "503"}) statuses.insert(status);
    for (const std::string_view status : statuses) {
      json.key(status);
      refer(json, "responses", status);
    }
    json.end_object();
  }

  void add_plugins() {
    for (const PluginInfo& plugin : plugins_) {
      for (const std::string& route : plugin.routes) {
        const auto blank = route.find(' ');
        constexpr std::string_view base = "/api/v1";
        if (blank == std::string::npos || !std::string_view(route).substr(blank + 1).starts_with(base)) continue;
        const std::string path = route.substr(blank + 1 + base.size());
        const std::string method = route.substr(0, blank);
        static constexpr std::string_view methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
        if (std::find(std::begin(methods), std::end(methods), method) == std::end(methods)) continue;
        std::string operation = "plugin." + plugin.name + "." + method;
        for (const char c : path.substr(std::min(path.size(), 9 + plugin.name.size()))) {
          operation.push_back((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_');
        }
        tags_.insert("Plugins");
        std::string& out = operations_of(path);
        if (!out.empty()) out.push_back(',');
        std::string lower = method;
        for (char& c : lower) c = static_cast<char>(c | 0x20);
        records::write_json_string(out, lower);
        out.push_back(':');
        JsonWriter json(out);
        json.begin_object().member("operationId", operation).member("summary", plugin.label + ": " + path.substr(std::min(path.size(), 9 + plugin.name.size())));
        json.member("description", "See the plugin's own documentation for parameters, body and answer.");
        json.key("tags").begin_array().string("Plugins").end_array();
        if (method != "GET") json.key("security").raw(R"([{"bearer":[]},{"session":[],"csrf":[]}])");
        std::vector<std::string> names_in_path;
        each_word(path, '/', [&](std::string_view segment) {
          if (segment.front() == '{') names_in_path.emplace_back(segment.substr(1, segment.size() - 2));
        });
        if (!names_in_path.empty()) {
          json.key("parameters").begin_array();
          for (const std::string& name : names_in_path)
            json.begin_object().member("name", name).member("in", "path").member("required", true).key("schema").raw(R"({"type":"string"})").end_object();
          json.end_array();
        }
        json.key("responses").begin_object().key("2XX").begin_object().member("description", "What the plugin answers").key("headers").begin_object().key("X-Request-Id");
        refer(json, "headers", "X-Request-Id");
        json.end_object().end_object();
        for (const std::string_view status : {"400", "401", "403", "404", "429", "500", "503"}) {
          json.key(status);
          refer(json, "responses", status);
        }
        json.end_object().end_object();
      }
    }
  }

  // ---- Schemas of entities
  enum class Use { record, create, patch };

  const records::FieldRights& rights(const Entity& entity) {
    const auto found = rights_.find(&entity);
    return found != rights_.end() ? found->second : rights_.emplace(&entity, records::field_rights(*context_, entity)).first->second;
  }

  static bool fixed(const Field& field) {
    return field.compute != nullptr || field.read_only || (field.system && field.slot != model::slot_owner);
  }

  bool settable(const Entity& entity, const Field& field) { return !fixed(field) && rights(entity).of(field) == FieldRight::write; }

  void write_record(JsonWriter& json, const Entity& entity) {
    json.begin_object().member("type", "object").member("title", label(entity.label, entity.full_name));
    json.key("required").raw(R"(["id","version"])").key("properties").begin_object();
    for (const auto& field : entity.fields) {
      if (rights(entity).of(*field) != FieldRight::hidden) write_property(json, entity, *field, Use::record);
    }
    used_.emplace("schemas", "Expanded");
    json.key("expanded").raw(R"({"type":"object","readOnly":true,"additionalProperties":{"oneOf":[{"$ref":"#/components/schemas/Expanded"},{"type":"array","description":"Of a list of references.","items":{"$ref":"#/components/schemas/Expanded"}}]}})");
    json.end_object().end_object();
  }

  void write_page(JsonWriter& json, const Entity& entity) {
    json.begin_object().member("type", "object").key("required").raw(R"(["items","next"])").key("properties").begin_object();
    json.key("items").begin_object().member("type", "array").member("maxItems", std::int64_t{200}).key("items");
    refer(json, "schemas", schema_for("Record", {record_route(), &entity}));
    json.end_object().key("next").raw(R"({"type":["string","null"],"description":"For `after`; null on the last page."})");
    json.key("total").raw(R"({"type":"integer","minimum":0,"description":"With `count=1`: how many records there are in all."})");
    json.key("total_is").raw(R"({"type":"string","enum":["exact","estimate","at_least"],"description":"Exact up to 10000; of words (`q`) that very many records hold, `at_least`: so many are there, and perhaps more."})");
    json.end_object().end_object();
  }

  static const RouteInfo& record_route() {
    static constexpr RouteInfo route{.method = "GET", .pattern = "/records/{entity}/{id}", .summary = ""};
    return route;
  }

  void write_input(JsonWriter& json, const Entity& entity, bool create) {
    json.begin_object().member("type", "object").member("additionalProperties", false);
    json.member("title", label(entity.label, entity.full_name));
    std::vector<const Field*> required;
    if (create) {
      for (const auto& field : entity.fields) {
        if (field->required && !field->visible && !field->default_value && settable(entity, *field)) required.push_back(field.get());
      }
    }
    if (!required.empty()) {
      json.key("required").begin_array();
      for (const Field* field : required) json.string(field->name);
      json.end_array();
    }
    json.key("properties").begin_object();
    for (const auto& field : entity.fields) {
      if (settable(entity, *field)) write_property(json, entity, *field, create ? Use::create : Use::patch);
    }
    json.end_object();
    if (!required.empty()) {
      json.key("examples").begin_array().begin_object();
      for (const Field* field : required) write_example(json, *field);
      json.end_object().end_array();
    }
    json.end_object();
  }

  void write_transition_input(JsonWriter& json, const Entity& entity, const model::Transition& transition) {
    json.begin_object().member("type", "object").member("additionalProperties", false);
    if (transition.comment_required) json.key("required").raw(R"(["comment"])");
    json.key("properties").begin_object().key("comment");
    json.raw(transition.comment_required ? R"({"type":"string","minLength":1})" : R"({"type":["string","null"]})");
    json.key("input").begin_object().key("type").raw(R"(["object","null"])").member("additionalProperties", false);
    json.key("properties").begin_object();
    if (transition.form) {
      std::set<const Field*> seen;
      for (const model::FormGroup& group : transition.form->groups) {
        for (const Field* field : group.fields) {
          if (seen.insert(field).second && rights(entity).of(*field) != FieldRight::hidden) write_property(json, entity, *field, Use::patch);
        }
      }
    }
    json.end_object().end_object().end_object().end_object();
  }

  /// `"NAME":{schema}`, and the currency of an amount.
  void write_property(JsonWriter& json, const Entity& entity, const Field& field, Use use) {
    const FieldRight right = rights(entity).of(field);
    const bool masked = use == Use::record && right == FieldRight::masked;
    const bool never_null = use == Use::record ? field.slot == model::slot_id || field.slot == model::slot_version : field.required && !field.visible;
    json.key(field.name).begin_object();
    json.member("title", label_of(field, locale_));
    std::string description(field.help.in(locale_));
    const auto add_line = [&](const std::string& line) { description += (description.empty() ? "" : "\n\n") + line; };
    if (field.target) add_line((field.type == FieldType::refs ? "Ids of records of `" : "Id of a record of `") + field.target->full_name + "`.");
    if (field.choices) add_line(choice_list(field, use));
    if (field.sensitive) add_line("Sensitive: filters can ask only whether it equals a text or is empty, and looks at it are logged.");
    if (masked) add_line("Masked: text shows its last characters, anything else is null.");
    if (use == Use::record && field.compute) add_line("Computed.");
    if (use == Use::record && field.rollup) add_line("Kept up from " + field.rollup->of->full_name + ".");
    if (use != Use::record && field.required) add_line(field.visible ? "May not be emptied while it is visible." : "May not be emptied.");
    if (use != Use::record && field.required_when) add_line("Required under a condition.");
    if (use != Use::record && field.read_only_when) add_line("Read-only under a condition.");
    if (use != Use::record && field.depends_on) add_line("Which options are offered depends on `" + field.depends_on->name + "`.");
    const auto type = [&](std::string_view name) {
      if (never_null) json.member("type", name);
      else json.key("type").begin_array().string(name).string("null").end_array();
    };
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::file:
      case FieldType::image:
        type("string");
        json.member("pattern", "^[1-9][0-9]*$");
        if (field.target) json.member("x-references", field.target->full_name);
        break;
      case FieldType::text:
        type("string");
        if (field.slot == model::slot_state && entity.workflow) write_states(json, *entity.workflow, never_null);
        else if (field.max_length > 0) json.member("maxLength", std::int64_t{field.max_length});
        break;
      case FieldType::integer:
        type("integer");
        json.member("format", "int64");
        if (field.min) json.member("minimum", *field.min);
        if (field.max) json.member("maximum", *field.max);
        break;
      case FieldType::boolean:
        type("boolean");
        break;
      case FieldType::decimal:
      case FieldType::money:
        type("string");
        json.member("format", "decimal");
        json.member("pattern", use == Use::record && field.scale > 0 ? "^-?[0-9]+\\.[0-9]{" + std::to_string(field.scale) + "}$"
                               : field.scale > 0 ? "^-?[0-9]+(\\.[0-9]{0," + std::to_string(field.scale) + "})?$"
                                                 : std::string("^-?[0-9]+$"));
        if (field.decimal_min) add_line("At least " + format_decimal(*field.decimal_min) + ".");
        if (field.decimal_max) add_line("At most " + format_decimal(*field.decimal_max) + ".");
        break;
      case FieldType::date:
        type("string");
        json.member("format", "date");
        break;
      case FieldType::instant:
        type("string");
        json.member("format", "date-time");
        break;
      case FieldType::choice:
        type("string");
        if (field.choices && !masked) {
          json.key("enum").begin_array();
          for (const model::ChoiceOption& option : field.choices->options) {
            if (use != Use::create || option.active) json.string(option.name);
          }
          if (!never_null) json.null();
          json.end_array();
        }
        break;
      case FieldType::multi:
        type("array");
        json.key("items").begin_object().member("type", "string");
        if (field.choices && !masked) {
          json.key("enum").begin_array();
          for (const model::ChoiceOption& option : field.choices->options) {
            if (use != Use::create || option.active) json.string(option.name);
          }
          json.end_array();
        }
        json.end_object().member("maxItems", std::int64_t{records::most_elements});
        break;
      case FieldType::refs:
        type("array");
        json.key("items").begin_object().member("type", "string").member("pattern", "^[1-9][0-9]*$").end_object();
        json.member("maxItems", std::int64_t{records::most_elements});
        if (field.target) json.member("x-references", field.target->full_name);
        break;
      case FieldType::localized:
        type("object");
        add_line("Texts by language.");
        json.key("additionalProperties").begin_object().member("type", "string");
        if (field.max_length > 0) json.member("maxLength", std::int64_t{field.max_length});
        json.end_object();
        break;
      case FieldType::json:
        add_line("Any JSON.");
        break;
    }
    if (!description.empty()) json.member("description", description);
    if (use == Use::record && (fixed(field) || right != FieldRight::write)) json.member("readOnly", true);
    json.end_object();
    if (field.type == FieldType::money) {
      json.key(field.name + "_currency").begin_object();
      json.key("type").begin_array().string("string").string("null").end_array().member("pattern", "^[A-Z]{3}$");
      json.member("description", "ISO 4217; of " + std::string(label_of(field, locale_)));
      if (use == Use::record && (fixed(field) || right != FieldRight::write)) json.member("readOnly", true);
      json.end_object();
    }
  }

  void write_states(JsonWriter& json, const model::Workflow& workflow, bool never_null) const {
    json.key("enum").begin_array();
    for (const auto& state : workflow.states) json.string(state->name);
    if (!never_null) json.null();
    json.end_array();
  }

  std::string choice_list(const Field& field, Use use) const {
    std::string out;
    for (const model::ChoiceOption& option : field.choices->options) {
      if (use == Use::create && !option.active) continue;
      out += (out.empty() ? "`" : ", `") + option.name + "` " + std::string(label(option.label, option.name));
    }
    return out;
  }

  /// A member of an example: a value that the field's schema takes.
  void write_example(JsonWriter& json, const Field& field) const {
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::file:
      case FieldType::image:
        json.member(field.name, "7");
        break;
      case FieldType::text:
        json.member(field.name, field.max_length > 0 && field.max_length < 4 ? "A" : "Text");
        break;
      case FieldType::integer:
        json.member(field.name, field.min.value_or(field.max.value_or(1)));
        break;
      case FieldType::boolean:
        json.member(field.name, true);
        break;
      case FieldType::decimal:
      case FieldType::money:
        json.member(field.name, field.scale > 0 ? "100." + std::string(field.scale, '0') : std::string("100"));
        break;
      case FieldType::date:
        json.member(field.name, "2026-12-20");
        break;
      case FieldType::instant:
        json.member(field.name, "2026-12-20T08:30:00Z");
        break;
      case FieldType::choice:
        for (const model::ChoiceOption& option : field.choices ? std::span(field.choices->options) : std::span<const model::ChoiceOption>()) {
          if (!option.active) continue;
          json.member(field.name, option.name);
          break;
        }
        break;
      case FieldType::multi:
        json.key(field.name).begin_array();
        for (const model::ChoiceOption& option : field.choices ? std::span(field.choices->options) : std::span<const model::ChoiceOption>()) {
          if (!option.active) continue;
          json.string(option.name);
          break;
        }
        json.end_array();
        break;
      case FieldType::refs:
        json.key(field.name).begin_array().string("7").end_array();
        break;
      case FieldType::localized:
        json.key(field.name).begin_object().member("en", "Text").end_object();
        break;
      case FieldType::json:
        json.key(field.name).raw("{}");
        break;
    }
  }

  // ---- Components
  /// What the JSON of a component refers to is used, too.
  void use_references(std::string_view json) {
    for (auto at = json.find(component); at != std::string_view::npos; at = json.find(component, at + 1)) {
      const std::string_view rest = json.substr(at + component.size());
      const auto slash = rest.find('/');
      const auto quote = rest.find('"');
      if (slash < quote && quote != std::string_view::npos)
        used_.emplace(std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1, quote - slash - 1)));
    }
  }

  std::string component_json(std::string_view kind, std::string_view name) const {
    const OpenapiParts& parts = openapi_parts();
    std::string out;
    if (kind == "schemas") {
      if (const auto own = own_.find(std::string(name)); own != own_.end()) return own->second;
      if (name == "ProblemCode") return problem_codes();
      if (const OpenapiPart* part = find_part(parts.schemas, name)) out = part->json;
    } else if (kind == "headers") {
      if (const OpenapiPart* part = find_part(parts.answer_headers, name)) out = part->json;
    } else if (kind == "responses") {
      return refusal_json(name);
    } else if (kind == "parameters") {
      return parameter_json(name);
    }
    if (out.empty()) out = "{}";  // a name that the table does not explain; a test refuses that
    return out;
  }

  static std::string problem_codes() {
    std::string out = R"({"type":"string","description":"Stable; each is explained at `/problems/{code}`.","enum":[)";
    for (const ProblemKind& kind : problem_kinds()) {
      if (!out.ends_with('[')) out.push_back(',');
      records::write_json_string(out, kind.code);
    }
    return out + "]}";
  }

  /// `query.limit`, `path.id`, `header.If-Match.required`.
  static std::string parameter_json(std::string_view key) {
    const OpenapiParts& parts = openapi_parts();
    const auto dot = key.find('.');
    const std::string_view in = key.substr(0, dot);
    std::string_view name = key.substr(dot + 1);
    const bool required = in == "path" || name.ends_with(".required");
    if (name.ends_with(".required")) name.remove_suffix(9);
    const OpenapiPart* part = find_part(in == "path" ? parts.path : in == "query" ? parts.query : parts.request_headers, name);
    std::string out;
    JsonWriter json(out);
    // What stands behind a point tells apart parameters of one name: `limit.groups`.
    json.begin_object().member("name", name.substr(0, name.find('.'))).member("in", in);
    // Some parts say themselves that nothing works without them.
    if (part == nullptr || !part->json.starts_with("{\"required\":")) json.member("required", required);
    if (part == nullptr) return out + R"(,"schema":{"type":"string"}})";
    return out + "," + std::string(part->json.substr(1));
  }

  static std::string refusal_json(std::string_view status) {
    const int number = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("description", http_phrase(number)).key("headers").begin_object();
    std::vector<std::string_view> headers{"X-Request-Id"};
    if (number == 429 || number == 503) headers.push_back("Retry-After");
    if (number == 429) headers.insert(headers.end(), {"RateLimit", "RateLimit-Policy"});
    for (const std::string_view name : headers)
      json.key(name).begin_object().member("$ref", "#/components/headers/" + std::string(name)).end_object();
    json.end_object().key("content").raw(R"({"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}})").end_object();
    return out;
  }

  void write_components(JsonWriter& json) {
    // Until nothing new is referred to.
    std::map<std::pair<std::string, std::string>, std::string> written;
    for (bool more = true; more;) {
      more = false;
      for (const auto& entry : std::set<std::pair<std::string, std::string>>(used_)) {
        if (written.contains(entry)) continue;
        more = true;
        use_references(written[entry] = component_json(entry.first, entry.second));
      }
    }
    json.key("components").begin_object();
    json.key("securitySchemes").raw(R"({"bearer":{"type":"http","scheme":"bearer","description":"An access token, `cvn_…`, of POST /tokens."},)"
                                    R"("session":{"type":"apiKey","in":"cookie","name":"caravan_session","description":"The cookie that POST /session sets."},)"
                                    R"("csrf":{"type":"apiKey","in":"header","name":"X-CSRF-Token","description":"`csrf` of the session, with every request but GET and HEAD."}})");
    for (const std::string_view kind : {"parameters", "headers", "responses", "schemas"}) {
      json.key(kind).begin_object();
      for (const auto& [key, text] : written) {
        if (key.first == kind) json.key(key.second).raw(text);
      }
      json.end_object();
    }
    json.end_object();
  }

  const records::Context* context_;  ///< null: the routes alone
  std::span<const PluginInfo> plugins_;
  const std::string_view locale_;
  std::string out_;
  std::vector<std::pair<std::string, std::string>> paths_;  ///< path → `"get":{…},"post":{…}`
  std::set<std::string_view> tags_;
  std::map<std::string, std::string> entity_tags_;
  std::set<std::pair<std::string, std::string>> used_;  ///< kind, name
  std::map<std::string, std::string> own_;              ///< schemas of entities
  std::map<const Entity*, records::FieldRights> rights_;
};

}  // namespace

std::string openapi_json() {
  return Writer(nullptr, {}, "en").write();
}

std::string openapi_json(const records::Context& context, std::span<const PluginInfo> plugins, std::string_view locale) {
  return Writer(&context, plugins, locale).write();
}

}  // namespace caravan::api

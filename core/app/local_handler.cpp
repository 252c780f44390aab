#include "app/local_handler.h"

#include <charconv>

#include "api/json_writer.h"
#include "api/problem.h"
#include "app/restart.h"
#include "app/runtime.h"
#include "app/simulation.h"
#include "base/error.h"
#include "records/json.h"

namespace caravan::app {
namespace {

std::string text_of(const records::Json& body, std::string_view name) {
  const records::Json* member = body.find(name);
  const std::string* text = member ? member->as<std::string>() : nullptr;
  if (text == nullptr) throw Error(ErrorCode::invalid_argument, "The member \"" + std::string(name) + "\" must be a text.");
  return *text;
}

std::vector<std::string> texts_of(const records::Json& body, std::string_view name) {
  std::vector<std::string> texts;
  const records::Json* member = body.find(name);
  if (const auto* array = member ? member->as<records::Json::Array>() : nullptr) {
    for (const auto& item : *array) {
      const auto* text = item.as<std::string>();
      if (text == nullptr) throw Error(ErrorCode::invalid_argument, "\"" + std::string(name) + "\" must be a list of texts.");
      texts.push_back(*text);
    }
  }
  return texts;
}

const char* safety_word(storage::SchemaStep::Safety safety) {
  switch (safety) {
    case storage::SchemaStep::Safety::additive: return "additive";
    case storage::SchemaStep::Safety::leftover: return "leftover";
    case storage::SchemaStep::Safety::destructive: return "destructive";
  }
  return "";
}

/// How many seconds other nodes may take; 30 unless given.
int wait_of(const api::Request& request) {
  const std::string* text = request.parameter("wait");
  if (text == nullptr) return 30;
  int seconds = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (code != std::errc() || end != text->data() + text->size() || seconds < 0 || seconds > 3600) {
    throw Error(ErrorCode::invalid_argument, "\"wait\" must be a number of seconds up to 3600.");
  }
  return seconds;
}

api::Response local(Runtime& runtime, const api::Request& request) {
  api::Response response;
  api::JsonWriter json(response.body);
  if (request.path == "/local/users" && request.method == "POST") {
    const auto body = records::parse_json(request.body);
    const auto id = runtime.add_user(text_of(body, "username"), text_of(body, "name"), texts_of(body, "roles"), text_of(body, "password"));
    response.status = 201;
    json.begin_object().member("id", std::to_string(id)).end_object();
  } else if (request.path == "/local/users/password" && request.method == "POST") {
    const auto body = records::parse_json(request.body);
    runtime.set_password(text_of(body, "username"), text_of(body, "password"));
    response.status = 204;
  } else if (request.path == "/local/schema" && (request.method == "GET" || request.method == "POST")) {
    const auto steps = request.method == "POST" ? runtime.apply_schema(request.parameter("allow_destructive") != nullptr, wait_of(request))
                                                : runtime.plan_schema();
    json.begin_object().key("steps").begin_array();
    for (const auto& step : steps) {
      json.begin_object().member("table", step.table).member("what", step.what);
      json.member("safety", safety_word(step.safety)).key("sql").begin_array();
      for (const auto& sql : step.sql) json.string(sql);
      json.end_array().key("samples").begin_array();
      for (const auto& sample : step.samples) json.string(sample);
      json.end_array().member("blocked", step.blocked).end_object();
    }
    json.end_array().end_object();
  } else if (request.path == "/local/restart" && request.method == "POST") {
    const auto body = records::parse_json(request.body);
    if (!request_restart(text_of(body, "reason")))
      throw Error(ErrorCode::conflict, "This server was started without a supervisor: stop it and start it again.");
    response.status = 202;
    json.begin_object().member("restarting", true).end_object();
  } else if (request.path == "/local/backup" && request.method == "POST") {
    response.body = runtime.backup(text_of(records::parse_json(request.body), "folder"));
  } else if (request.path == "/local/simulate" && request.method == "POST") {
    const auto body = records::parse_json(request.body);
    response.body = runtime.simulate(text_of(body, "config"), simulation_query(body));
  } else {
    throw Error(ErrorCode::not_found, "There is no such command.");
  }
  return response;
}

/// The server is ready without them, but whoever looks after it should know.
void add_quarantined(const Runtime& runtime, std::string& body) {
  const auto names = runtime.quarantined();
  if (names.empty()) return;
  std::string list;
  api::JsonWriter json(list);
  json.begin_array();
  for (const auto& name : names) json.string(name);
  json.end_array();
  body.pop_back();
  body += ",\"quarantined\":" + list + "}";
}

}  // namespace

api::Response LocalHandler::handle(const api::Request& request) {
  if (!request.admin_socket || !request.path.starts_with("/local/")) {
    api::Response response = api_.handle(request);
    if (request.path == "/readyz" && response.body.ends_with('}')) add_quarantined(runtime_, response.body);
    return response;
  }
  try {
    return local(runtime_, request);
  } catch (const Error& error) {
    // The machine's owner may see every detail.
    api::Refusal refusal(error.code(), error.message(), error.fields());
    return api::problem(refusal, "local");
  }
}

}  // namespace caravan::app

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "api/negotiate.h"
#include "app/command_line.h"
#include "base/error.h"

namespace caravan::app {
namespace {

const records::Json::Array& list_of(const records::Json& json, const char* name) {
  static const records::Json::Array none;
  const auto* member = json.find(name);
  const auto* list = member ? member->as<records::Json::Array>() : nullptr;
  return list ? *list : none;
}

std::string user_id(Channel& channel, const std::string& username) {
  std::string literal = "\"";
  for (const char c : username) {
    if (c == '"' || c == '\\') literal.push_back('\\');
    literal.push_back(c);
  }
  const auto page = ok_or_exit(channel.send(
      "GET", "/api/v1/records/core.user?limit=1&filter=" + api::percent_encode("record.username == " + literal + "\"")));
  const auto& users = list_of(page, "items");
  if (users.empty()) throw Error(ErrorCode::not_found, "There is no user " + username + ".");
  return json_text(users.front(), "id");
}

int explain(const Overrides& overrides, const std::string& entity, const std::string& id, const std::string& username) {
  const Settings settings = settings_or_exit(overrides);
  Channel channel(settings);
  const auto report = ok_or_exit(channel.send(
      "GET", "/api/v1/records/" + api::percent_encode(entity) + "/" + api::percent_encode(id) + "/access?user=" + user_id(channel, username)));
  for (const auto& operation : list_of(report, "operations")) {
    std::cout << json_text(operation, "text") << '\n';
    for (const auto& grant : list_of(operation, "grants")) std::cout << "  " << json_text(grant, "text") << '\n';
    if (const std::string why = json_text(operation, "why"); !why.empty()) std::cout << "  " << why << '\n';
  }
  for (const auto& share : list_of(report, "shares")) {
    const std::string until = json_text(share, "expires_at");
    std::cout << "Shared with " << json_text(share, "label") << " (" << json_text(share, "level") << ")"
              << (until.empty() ? "" : " until " + until) << '\n';
  }
  for (const auto& field : list_of(report, "fields")) std::cout << json_text(field, "text") << '\n';
  return 0;
}

}  // namespace

void add_access_command(CommandLine& line) {
  struct Options {
    std::string entity, id, user;
  };
  const auto options = std::make_shared<Options>();
  auto* access = line.app.add_subcommand("access", "Why somebody may, or may not, see and change a record");
  line.place(access);
  access->add_option("entity", options->entity, "Entity, as MODULE.NAME")->required();
  access->add_option("id", options->id, "Id of the record")->required();
  access->add_option("--user", options->user, "Name that the user logs in with")->required();
  access->callback([&line, options] { line.code = explain(line.overrides, options->entity, options->id, options->user); });
}

}  // namespace caravan::app

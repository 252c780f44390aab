#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "api/negotiate.h"
#include "app/command_line.h"

namespace caravan::app {
namespace {

constexpr const char* base = "/api/v1/admin/keys";

struct Given {
  std::string id, entity, record, user;
  int limit = 50;
  bool later = false, json = false;
};

bool is_current(const records::Json& key) {
  const auto* current = key.find("current");
  const bool* yes = current ? current->as<bool>() : nullptr;
  return yes != nullptr && *yes;
}

int list(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", base));
  return print_items(answer, given.json, "No keys: no field is sensitive.", [](const records::Json& key) {
    std::cout << json_text(key, "id") << "  " << (is_current(key) ? "current" : "       ") << "  used " << json_text(key, "uses")
              << " times  fingerprint " << json_text(key, "fingerprint") << '\n';
  });
}

int add(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto key = ok_or_exit(channel.send("POST", base, "application/json", given.later ? R"({"use":"later"})" : R"({"use":"now"})"));
  std::cout << "Key " << json_text(key, "id")
            << (given.later ? " was added. Copy the key file to every node, then run `caravan keys rotate --to " + json_text(key, "id") + "`.\n"
                            : std::string(" was added and is the current one. Keep a copy of the key file; `caravan keys rotate` seals what is stored with it.\n"));
  return 0;
}

int rotate(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  std::string after, key;
  std::int64_t values = 0;
  do {
    std::string body;
    api::JsonWriter json(body);
    json.begin_object();
    if (!given.id.empty()) json.member("key", given.id);
    json.member("after", after).end_object();
    const auto part = ok_or_exit(channel.send("POST", std::string(base) + "/rotate", "application/json", body));
    values += std::stoll(json_text(part, "values"));
    key = json_text(part, "key");
    after = json_text(part, "next");
  } while (!after.empty());
  std::cout << values << " places were sealed again; all are under key " << key << " now.\n";
  return 0;
}

int remove(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto answer = channel.send("DELETE", std::string(base) + "/" + api::percent_encode(given.id));
  if (answer.status != 204) ok_or_exit(answer);
  std::cout << "Key " << given.id << " was removed from the key file.\n";
  return 0;
}

int looks(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  std::string target = "/api/v1/admin/audit/looks?limit=" + std::to_string(given.limit);
  for (const auto& [name, value] : {std::pair{"entity", &given.entity}, {"id", &given.record}, {"user", &given.user}}) {
    if (!value->empty()) target += std::string("&") + name + "=" + api::percent_encode(*value);
  }
  const auto answer = ok_or_exit(channel.send("GET", target));
  return print_items(answer, given.json, "No looks.", [](const records::Json& look) {
    std::string fields;
    if (const auto* list = look.find("fields")) {
      if (const auto* names = list->as<records::Json::Array>()) {
        for (const auto& one : *names) fields += (fields.empty() ? "" : ", ") + *one.as<std::string>();
      }
    }
    std::cout << json_text(look, "at") << "  " << json_text(look, "username") << "  " << json_text(look, "entity") << ' ' << json_text(look, "record") << "  "
              << fields << "  request " << json_text(look, "request_id") << '\n';
  });
}

}  // namespace

void add_key_commands(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* keys = line.app.add_subcommand("keys", "Keys of sensitive fields");
  keys->require_subcommand(1);
  auto* listing = keys->add_subcommand("list", "The keys of the key file, and how often each is used");
  line.place(listing);
  listing->add_flag("--json", given->json, "Print one JSON document");
  listing->callback([&line, given] { line.code = list(line.overrides, *given); });
  auto* adding = keys->add_subcommand("add", "Add a key, with which new values are sealed from now on");
  line.place(adding);
  adding->add_flag("--later", given->later, "Only add it: with several nodes, copy the key file to all of them before `rotate --to`");
  adding->callback([&line, given] { line.code = add(line.overrides, *given); });
  auto* rotating = keys->add_subcommand("rotate", "Seal everything that is stored with the current key; can be repeated when it was interrupted");
  line.place(rotating);
  rotating->add_option("--to", given->id, "Make this key the current one first");
  rotating->callback([&line, given] { line.code = rotate(line.overrides, *given); });
  auto* removing = keys->add_subcommand("remove", "Remove a key that nothing is sealed with any more");
  line.place(removing);
  removing->add_option("id", given->id, "The key")->required();
  removing->callback([&line, given] { line.code = remove(line.overrides, *given); });
}

void add_look_command(CommandLine& line, CLI::App& audit) {
  const auto given = std::make_shared<Given>();
  auto* looking = audit.add_subcommand("looks", "Who saw sensitive values, newest first");
  line.place(looking);
  looking->add_option("--entity", given->entity, "Only of records of this entity, as MODULE.NAME");
  looking->add_option("--record", given->record, "Only of the record with this id");
  looking->add_option("--user", given->user, "Only by the user with this id");
  looking->add_option("--limit", given->limit, "How many, at most 200")->check(CLI::Range(1, 200));
  looking->add_flag("--json", given->json, "Print one JSON document");
  looking->callback([&line, given] { line.code = looks(line.overrides, *given); });
}

}  // namespace caravan::app

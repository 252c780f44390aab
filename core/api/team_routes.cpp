#include <algorithm>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/titles.h"
#include "model/process.h"
#include "storage/query.h"
#include "workflow/clocks.h"
#include "workflow/notices.h"

// What people who work together need beside the records: comments, whose clocks run out, the roles that there are.

namespace caravan::api {
namespace {

constexpr std::size_t longest_comment = 4000, most_mentioned = 20;
constexpr std::size_t notice_excerpt = 120;  ///< characters of a comment that its notice shows

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Who was mentioned, and in which language he is told.
struct Mentioned {
  std::int64_t id = 0;
  std::string locale;
};

/// Those of the users in the body who may see the record; whoever may not is told nothing of it.
std::vector<Mentioned> mentioned(const Call& call, const records::Json& body, const model::Entity& entity, std::int64_t id) {
  std::vector<Mentioned> found;
  const records::Json* list = body.find("mentions");
  if (list == nullptr || list->is_null()) return found;
  const auto* ids = list->as<records::Json::Array>();
  if (ids == nullptr || ids->size() > most_mentioned) throw field_refusal(call, "mentions", "wrong_type", "mentions_list");
  for (const records::Json& one : *ids) {
    const auto* text = one.as<std::string>();
    const auto user = text != nullptr ? parse_id(*text) : std::nullopt;
    if (!user) throw field_refusal(call, "mentions", "wrong_type", "mentions_list");
    const bool again = std::any_of(found.begin(), found.end(), [&](const Mentioned& other) { return other.id == *user; });
    if (again || *user == call.context.actor.user_id) continue;
    auto actor = call.services.auth.actor_of(*user);
    if (!actor) continue;
    records::Context theirs = call.context;
    theirs.once = nullptr;
    theirs.unlogged = true;  // nobody is shown what is read here
    theirs.actor = std::move(*actor);
    try {
      call.services.records.get(theirs, entity, id);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::forbidden) throw;
      continue;
    }
    found.push_back({*user, theirs.actor.locale.empty() ? call.context.catalog->agency.locale : theirs.actor.locale});
  }
  return found;
}

}  // namespace

void comment_record(Call& call) {
  const model::Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const records::Json body = json_object(call, {"text", "mentions"});
  const std::string text = required_text(call, body, "text");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) throw field_refusal(call, "text", "required", "comment_empty");
  if (characters(text) > longest_comment) throw field_refusal(call, "text", "too_long", "comment_too_long");
  const records::Record seen = call.services.records.get(call.context, entity, id);
  const auto people = mentioned(call, body, entity, id);
  const std::string& me = call.context.actor.name;
  call.services.records.transact(call.context, [&](records::Work& work) {
    const records::Record stored = work.load(entity, id, true);
    const records::Record now = work.remark(stored, "comment", text);
    for (const Mentioned& one : people) {
      const std::string notice = say("mentioned_in", one.locale, {me, title_of(seen, one.locale), workflow::shortened(text, notice_excerpt)});
      workflow::give_notice(work, one.id, notice, entity.full_name, id);
    }
    start_answer(call);
    call.response.status = 201;
    call.response.headers.emplace_back("ETag", entity_tag(now.version()));
    call.response.headers.emplace_back("Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(id) + "/timeline");
    JsonWriter json(call.response.body);
    json.begin_object().member("version", now.version()).key("told").begin_array();
    for (const Mentioned& one : people) json.string(std::to_string(one.id));
    json.end_array().end_object();
  });
}

void list_own_clocks(Call& call) {
  check_parameters(call, {"limit"});
  const std::uint32_t limit = limit_parameter(call);
  struct Running {
    const model::Entity* entity;
    records::Record record;
    workflow::ClockInfo clock;
  };
  std::vector<Running> found;
  storage::Database& database = call.services.records.database();
  const auto quoted = [&](std::string_view name) { return storage::quote(database.dialect(), name); };
  for (const auto& entity : call.context.catalog->entities) {
    if (!entity->rules || entity->rules->clocks.empty()) continue;
    for (const model::ClockRule* rule : entity->rules->clocks) {
      std::vector<std::int64_t> ids;
      {
        auto session = database.read();
        storage::Query query(*session,
                             "SELECT c.record_id FROM record_clock c JOIN " + quoted(entity->table_name) + " r ON r." +
                                 quoted(entity->fields[model::slot_id]->column) + " = c.record_id WHERE c.rule = ? AND c.state = 'running' AND r." +
                                 quoted(entity->fields[model::slot_owner]->column) +
                                 " = ? AND c.gone_at IS NULL AND c.due_at IS NOT NULL ORDER BY c.due_at, c.record_id LIMIT ?",
                             rule->name, call.context.actor.user_id, std::int64_t{limit} + 1);  // one more tells of more
        while (query.next()) ids.push_back(query.integer(0));
      }
      // The gate decides what he may see of what is his.
      for (const std::int64_t id : ids) {
        try {
          records::Record record = call.services.records.get(call.context, *entity, id);
          for (workflow::ClockInfo& clock : workflow::clocks_of(call.services.records, call.context, *entity, id)) {
            if (clock.rule == rule && clock.due && !clock.run.met_at) found.push_back({entity.get(), record, std::move(clock)});
          }
        } catch (const Error& error) {
          if (error.code() != ErrorCode::not_found) throw;
        }
      }
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Running& a, const Running& b) { return a.clock.due->micros < b.clock.due->micros; });
  const bool more = found.size() > limit;
  if (more) found.resize(limit);
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().member("now", format_timestamp(call.context.now)).key("items").begin_array();
  for (const Running& one : found) {
    json.begin_object().member("entity", one.entity->full_name).member("id", std::to_string(one.record.id()));
    json.member("title", title_of(one.record, locale)).member("name", one.clock.rule->name);
    json.member("label", label_of(one.clock.rule->label, one.clock.rule->name, locale)).member("due_at", format_timestamp(*one.clock.due));
    json.member_or_null("breached_at", one.clock.breached_at ? format_timestamp(*one.clock.breached_at) : std::string());
    json.member("limit_seconds", one.clock.run.limit.value_or(0) / 1'000'000);
    json.member("remaining_seconds", (one.clock.run.limit.value_or(0) - one.clock.elapsed) / 1'000'000).end_object();
  }
  json.end_array().member("more", more).end_object();
}

void list_roles(Call& call) {
  check_parameters(call, {});
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& role : call.context.catalog->roles) {
    json.begin_object().member("name", role->name).member("label", label_of(role->label, role->name, locale));
    json.member("administrator", role->administrator).member("everyone", role->everyone);
    json.member_or_null("department", role->department != nullptr ? label_of(role->department->label, role->department->name, locale) : std::string_view());
    json.key("includes").begin_array();
    for (const model::Role* other : role->includes) json.string(other->name);
    json.end_array().key("grants").begin_array();
    // In the order of the definitions, not of the map.
    for (const auto& entity : call.context.catalog->entities) {
      const auto grants = role->grants.find(entity.get());
      if (grants == role->grants.end()) continue;
      for (std::size_t i = 0; i < model::operation_count; ++i) {
        const model::Grant& grant = grants->second[i];
        if (!grant.given()) continue;
        json.begin_object().member("entity", entity->full_name).member("label", label_of(entity->label, entity->full_name, locale));
        json.member("operation", model::to_string(static_cast<model::Operation>(i)));
        json.member_or_null("when", grant.when ? std::string_view(grant.when->source()) : std::string_view());
        json.member("file", grant.origin.file).member("line", std::int64_t{grant.origin.line}).end_object();
      }
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

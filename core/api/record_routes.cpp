#include <algorithm>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using records::Record;

constexpr std::size_t max_expand = 30;

std::string entity_tag(std::int64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

/// Calls `use` with each name of a comma-separated list.
template <class Use>
void each_name(std::string_view list, const Use& use) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (!name.empty()) use(name);
  }
}

const Field& field_named(const Call& call, const Entity& entity, std::string_view parameter,
                         std::string_view name) {
  const Field* field = entity.field(name);
  if (field == nullptr) {
    throw refusal(call, ErrorCode::invalid_argument, "unknown_field",
                  {parameter, shown(name), entity.full_name});
  }
  return *field;
}

std::vector<const Field*> expand_parameter(const Call& call, const Entity& entity) {
  std::vector<const Field*> fields;
  const std::string* text = call.request.parameter("expand");
  if (text == nullptr) return fields;
  each_name(*text, [&](std::string_view name) {
    const Field& field = field_named(call, entity, "expand", name);
    if (field.type != model::FieldType::ref || field.target == nullptr)
      throw refusal(call, ErrorCode::invalid_argument, "not_a_reference", {shown(name)});
    if (std::find(fields.begin(), fields.end(), &field) != fields.end()) return;
    if (fields.size() == max_expand)
      throw refusal(call, ErrorCode::invalid_argument, "not_a_reference", {shown(name)});
    fields.push_back(&field);
  });
  return fields;
}

/// `"expanded":{…}` of one record, or "".
std::string expanded(const Record& record, const std::vector<const Field*>& fields, const Titles& titles) {
  std::string out;
  if (fields.empty()) return out;
  out = "\"expanded\":";
  JsonWriter json(out);
  json.begin_object();
  for (const Field* field : fields) {
    const auto* id = record[field->slot].as<std::int64_t>();
    const std::string* title = id ? titles.find(*field->target, *id) : nullptr;
    if (title == nullptr) continue;
    json.key(field->name)
        .begin_object()
        .member("id", std::to_string(*id))
        .member("title", *title)
        .end_object();
  }
  json.end_object();
  return out;
}

void want_titles(Titles& titles, const Record& record, const std::vector<const Field*>& fields) {
  for (const Field* field : fields) {
    if (const auto* id = record[field->slot].as<std::int64_t>()) titles.want(*field->target, *id);
  }
}

void answer_record(Call& call, const Record& record, std::string_view extra = {}) {
  call.response.headers.emplace_back("ETag", entity_tag(record.version()));
  call.response.body.reserve(1024);
  records::write_json(call.response.body, record, {}, extra);
}

/// Refuses a stale write with the record as it stands, so that the client can merge.
[[noreturn]] void refuse_stale(const Call& call, const Entity& entity, std::int64_t id, const Error& error) {
  Refusal refused(ErrorCode::stale, error.message());
  try {
    const Record current = call.services.records.get(call.context, entity, id);
    refused.members = "\"current\":";
    records::write_json(refused.members, current);
    refused.headers.emplace_back("ETag", entity_tag(current.version()));
  } catch (const Error&) {
    refused.members.clear();  // gone meanwhile
  }
  throw refused;
}

/// Who is a user has changed, perhaps.
void tell_auth(const Call& call, const Entity& entity, std::int64_t id) {
  if (entity.full_name == "core.user") call.services.auth.forget(id);
}

std::string next_link(const Request& request, std::string_view next) {
  std::string link = "<";
  std::string_view path = request.path;
  while (!path.empty()) {
    const auto slash = path.find('/', 1);
    link += "/" + percent_encode(path.substr(1, slash == std::string_view::npos ? slash : slash - 1));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  link += "?";
  for (const auto& [name, value] : request.query) {
    if (name != "after") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  return link + "after=" + percent_encode(next) + ">; rel=\"next\"";
}

}  // namespace

void list_records(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"filter", "sort", "limit", "after", "fields", "expand", "count", "q"});
  const auto text = [&](std::string_view name) {
    const std::string* value = call.request.parameter(name);
    return value ? *value : std::string();
  };
  records::ListQuery query;
  query.filter = text("filter");
  query.sort = text("sort");
  query.q = text("q");
  query.after = text("after");
  query.limit = limit_parameter(call);
  query.count = flag_parameter(call, "count");
  std::vector<std::uint32_t> only;
  if (const std::string* names = call.request.parameter("fields")) {
    each_name(*names, [&](std::string_view name) {
      const std::uint32_t slot = field_named(call, entity, "fields", name).slot;
      if (std::find(only.begin(), only.end(), slot) == only.end()) only.push_back(slot);
    });
  }
  const auto expand = expand_parameter(call, entity);

  const records::Page page = call.services.records.list(call.context, entity, query);
  Titles titles;
  if (!expand.empty()) {
    for (const Record& record : page.items) want_titles(titles, record, expand);
    titles.load(call.services.records, call.context);
  }
  std::string& out = call.response.body;
  out.reserve(64 + page.items.size() * 512);
  out += "{\"items\":[";
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    if (i > 0) out.push_back(',');
    records::write_json(out, page.items[i], only, expanded(page.items[i], expand, titles));
  }
  out += "],\"next\":";
  if (page.next.empty()) {
    out += "null";
  } else {
    records::write_json_string(out, page.next);
    call.response.headers.emplace_back("Link", next_link(call.request, page.next));
  }
  if (page.total) out += ",\"total\":" + std::to_string(*page.total);
  out.push_back('}');
}

void create_record(Call& call) {
  const Entity& entity = entity_of(call);
  check_json_body(call);
  const Record record = call.services.records.create(
      call.context, entity,
      records::parse_input(*call.context.catalog, entity, call.request.body, call.context.locale));
  call.response.status = 201;
  call.response.headers.emplace_back(
      "Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(record.id()));
  answer_record(call, record);
}

void show_record(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"expand"});
  const auto expand = expand_parameter(call, entity);
  const Record record = call.services.records.get(call.context, entity, id_of(call));
  call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (expand.empty()) {
    if (const std::string_view seen = call.request.header("If-None-Match"); !seen.empty()) {
      const auto tags = parse_entity_tags(seen);
      if (tags && tags->matches(std::to_string(record.version()))) {
        call.response.status = 304;
        call.response.headers.emplace_back("ETag", entity_tag(record.version()));
        return;
      }
    }
    answer_record(call, record);
    return;
  }
  // With titles of other records in it, the answer may change while the version does not: never 304.
  Titles titles;
  want_titles(titles, record, expand);
  titles.load(call.services.records, call.context);
  answer_record(call, record, expanded(record, expand, titles));
}

void update_record(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  check_json_body(call, true);
  const auto version = expected_version(call, true);
  try {
    const Record record = call.services.records.update(
        call.context, entity, id,
        records::parse_input(*call.context.catalog, entity, call.request.body, call.context.locale), version);
    tell_auth(call, entity, id);
    answer_record(call, record);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::stale) refuse_stale(call, entity, id, error);
    throw;
  }
}

void delete_record(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const auto version = expected_version(call, true);
  try {
    call.services.records.remove(call.context, entity, id, version);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::stale) refuse_stale(call, entity, id, error);
    throw;
  }
  tell_auth(call, entity, id);
  call.response.status = 204;
}

void list_transitions(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {});
  const Record record = call.services.records.get(call.context, entity, id_of(call));
  call.response.headers.emplace_back("ETag", entity_tag(record.version()));
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const workflow::Available& available : call.services.transitions.available(call.context, record)) {
    const model::Transition& transition = *available.transition;
    json.begin_object()
        .member("name", transition.name)
        .member("label", label_of(transition.label, transition.name, locale));
    json.member("to", transition.to->name)
        .member("to_label", label_of(transition.to->label, transition.to->name, locale));
    json.member("allowed", available.allowed).member("why", available.why);
    json.member_or_null("form",
                        transition.form ? std::string_view(transition.form->name) : std::string_view());
    json.member("comment_required", transition.comment_required).end_object();
  }
  json.end_array().end_object();
}

void run_transition(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const records::Json body = json_object(call, {"input", "comment"});
  const auto version = expected_version(call, false);
  const std::string comment = text_member(call, body, "comment").value_or("");
  records::Input input;
  if (const records::Json* fields = body.find("input"); fields != nullptr && !fields->is_null()) {
    if (fields->as<records::Json::Object>() == nullptr)
      throw refusal(call, ErrorCode::invalid_argument, "member_object", {"input"});
    input = records::parse_input(*call.context.catalog, entity, *fields, call.context.locale);
  }
  try {
    answer_record(call, call.services.transitions.run(call.context, entity, id, call.arguments[2],
                                                      std::move(input), comment, version));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::stale) refuse_stale(call, entity, id, error);
    throw;
  }
}

}  // namespace caravan::api

#include <algorithm>

#include "api/approval_json.h"
#include "api/expand.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/titles.h"
#include "api/view_parameter.h"
#include "records/codec.h"
#include "records/query.h"
#include "workflow/undo.h"

namespace caravan::api {
namespace {

using model::Entity;
using model::Field;
using records::Record;

const Field& field_named(const Call& call, const Entity& entity, std::string_view parameter,
                         std::string_view name) {
  const Field* field = entity.field(name);
  if (field == nullptr) {
    throw refusal(call, ErrorCode::invalid_argument, "unknown_field",
                  {parameter, shown(name), entity.full_name});
  }
  return *field;
}

std::vector<std::int64_t> references_of(const Record& record, const Expansion& expand, Expansion::Lists& lists) {
  std::vector<std::int64_t> ids;
  for (const Field* field : expand.references()) {
    const auto* id = record[field->slot].as<std::int64_t>();
    ids.push_back(id ? *id : 0);
    if (field->type != model::FieldType::refs) continue;
    auto& list = lists.emplace_back();
    for (const auto& one : record[field->slot].as_list() ? *record[field->slot].as_list() : expr::List()) {
      if (const auto* target = one.as<std::int64_t>()) list.push_back(*target);
    }
  }
  return ids;
}

void answer_record(Call& call, const Record& record, std::string_view extra = {}) {
  call.response.headers.emplace_back("ETag", entity_tag(record.version()));
  call.response.body.reserve(1024);
  records::write_json(call.response.body, record, {}, extra);
}

/// The step waits for approval.
void answer_asked(Call& call, const workflow::Taken& taken) {
  call.response.status = 202;
  call.response.headers.emplace_back("Location", "/api/v1/approvals/" + std::to_string(taken.approval));
  JsonWriter json(call.response.body);
  write_approval(json, call, *taken.asked);
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

}  // namespace

void list_records(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"view", "filter", "sort", "limit", "after", "fields", "expand", "count", "q"});
  const auto text = [&](std::string_view name) {
    const std::string* value = call.request.parameter(name);
    return value ? *value : std::string();
  };
  records::ListQuery query;
  const model::View* view = view_parameter(call, entity);
  query.filter = filter_with(view, text("filter"));
  query.sort = text("sort");
  if (view != nullptr && query.sort.empty()) query.sort = sort_of(*view, records::field_rights(call.context, entity));
  query.q = text("q");
  query.after = text("after");
  query.limit = limit_parameter(call);
  query.count = flag_parameter(call, "count");
  records::ListShape shape;
  if (const std::string* names = call.request.parameter("fields")) {
    records::each_name(*names, [&](std::string_view name) {
      const std::uint32_t slot = field_named(call, entity, "fields", name).slot;
      if (std::find(shape.fields.begin(), shape.fields.end(), slot) == shape.fields.end()) shape.fields.push_back(slot);
    });
  }
  Expansion expand(call, entity);
  shape.references = expand.references();

  std::string& out = call.response.body;
  out = "{\"items\":[";
  records::JsonPage page;
  if (expand.empty()) {
    page = call.services.records.list_json(call.context, entity, query, shape, out);
  } else {
    std::string items;
    page = call.services.records.list_json(call.context, entity, query, shape, items);
    expand.load(call.services.records, call.context, page.references, page.reference_lists);
    out.reserve(out.size() + items.size() + page.count * shape.references.size() * 80 + 256);
    std::size_t from = 0;
    for (std::size_t i = 0; i < page.count; ++i) {
      out.append(items, from, page.ends[i] - from).push_back(',');
      expand.write(out, i, page.references, page.reference_lists, call.context.locale);
      from = page.ends[i];
    }
    out.append(items, from);
  }
  out += "],\"next\":";
  if (page.next.empty()) {
    out += "null";
  } else {
    records::write_json_string(out, page.next);
    call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
  }
  if (page.total) {
    out += ",\"total\":" + std::to_string(*page.total) + ",\"total_is\":\"" + records::word_of_total(*page.total, page.total_exact) + "\"";
  }
  out.push_back('}');
}

void create_record(Call& call) {
  const Entity& entity = entity_of(call);
  check_json_body(call);
  const Record made = call.services.records.create(
      call.context, entity,
      records::parse_input(call.context, entity, call.request.body),
      [&](const Record& record) {
        start_answer(call);
        call.response.status = 201;
        call.response.headers.emplace_back(
            "Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(record.id()));
        answer_record(call, record);
      });
  tell_duplicates(call, made);
}

void show_record(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"expand"});
  Expansion expand(call, entity);
  const std::int64_t id = id_of(call);
  const Record record = [&] {
    try {
      return call.services.records.get(call.context, entity, id);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::not_found) refuse_merged(call, entity, id, error);
      throw;
    }
  }();
  // What of a record is left out depends on who asks, and the tag is its version only: kept answers are for those who see all of it.
  if (record.restricted() == nullptr) call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (expand.empty() && record.restricted() == nullptr && has_seen(call.request.header("If-None-Match"), entity_tag(record.version()))) {
    call.response.status = 304;
    call.response.headers.emplace_back("ETag", entity_tag(record.version()));
    return;
  }
  if (expand.empty()) {
    answer_record(call, record);
    return;
  }
  // With titles of other records in it, the answer may change while the version does not: never 304.
  Expansion::Lists lists;
  const auto ids = references_of(record, expand, lists);
  expand.load(call.services.records, call.context, ids, lists);
  std::string expanded;
  expand.write(expanded, 0, ids, lists, call.context.locale);
  answer_record(call, record, expanded);
}

void update_record(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  check_json_body(call, true);
  const auto version = expected_version(call, true);
  try {
    const Record record = call.services.records.update(
        call.context, entity, id,
        records::parse_input(call.context, entity, call.request.body), version);
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
  if (const auto until = call.services.records.undo_until(call.context))
    call.response.headers.emplace_back("Undo-Until", format_timestamp(*until));
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
    json.member("comment_required", transition.comment_required);
    if (!transition.approval.empty()) json.member("approval", true);
    json.end_object();
  }
  json.end_array();
  if (const auto waiting = workflow::approvals_of(call.services.records, call.context, record); !waiting.empty()) {
    json.key("approvals").begin_array();
    for (const auto& view : waiting) write_approval(json, call, view);
    json.end_array();
  }
  if (const auto last = workflow::undoable(call.services.transitions.records(), call.context, record)) {
    const model::Transition* transition = entity.workflow->transition(last->transition);
    json.key("undo").begin_object().member("name", last->transition);
    json.member("label", transition ? label_of(transition->label, transition->name, locale) : std::string_view(last->transition));
    json.member("until", format_timestamp(last->until)).end_object();
  }
  json.end_object();
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
    input = records::parse_input(call.context, entity, *fields);
  }
  try {
    call.services.transitions.take(call.context, entity, id, call.arguments[2], input, comment, version, [&](const workflow::Taken& taken) {
      start_answer(call);
      if (taken.approval == 0) answer_record(call, taken.record);
      else answer_asked(call, taken);
    });
  } catch (const Error& error) {
    if (error.code() == ErrorCode::stale) refuse_stale(call, entity, id, error);
    throw;
  }
}

}  // namespace caravan::api

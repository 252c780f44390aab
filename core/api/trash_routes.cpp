#include <map>

#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "records/audit.h"
#include "records/codec.h"

// What was deleted and comes back, and whether histories are what was written.

namespace caravan::api {

void restore_record(Call& call) {
  const model::Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  json_object(call, {});
  call.services.records.restore(call.context, entity, id, [&](const records::Record& record) {
    start_answer(call);
    call.response.headers.emplace_back("ETag", entity_tag(record.version()));
    records::write_json(call.response.body, record);
  });
  tell_auth(call, entity, id);
}

void list_deleted(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {"limit", "after"});
  const std::string* after = call.request.parameter("after");
  const records::DeletedPage page =
      call.services.records.deleted(call.context, entity, after ? *after : std::string(), limit_parameter(call));
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::Deleted& deleted : page.items) {
    json.begin_object().member("id", std::to_string(deleted.id)).member("version", deleted.version);
    json.member_or_null("number", deleted.number).member_or_null("title", deleted.title);
    json.member("deleted_at", format_timestamp(deleted.at)).member("until", format_timestamp(deleted.until));
    json.member_or_null("deleted_by", deleted.by != 0 ? std::to_string(deleted.by) : std::string()).end_object();
  }
  json.end_array().member_or_null("next", page.next).end_object();
  if (!page.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
}

void show_audit(Call& call) {
  check_parameters(call, {"entity", "record", "after"});
  const auto text = [&](std::string_view name) {
    const std::string* value = call.request.parameter(name);
    return value ? *value : std::string();
  };
  records::AuditQuery query;
  query.entity = text("entity");
  query.after = text("after");
  if (const std::string record = text("record"); !record.empty()) {
    const auto id = parse_id(record);
    if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(record)});
    query.record = *id;
  }
  const records::AuditReport report =
      records::audit(call.services.records.database(), call.context.catalog, query);
  JsonWriter json(call.response.body);
  json.begin_object().member("records", report.records).member("deleted", report.deleted);
  json.member("events", report.events).member("erased_events", report.erased_events);
  json.member("older_records", report.older_records).member("older_events", report.older_events);
  json.key("items").begin_array();
  for (const records::AuditFault& fault : report.faults) {
    json.begin_object().member("entity", fault.entity).member("id", std::to_string(fault.record_id));
    if (fault.version != 0) json.member("version", fault.version);
    else json.key("version").null();
    json.member_or_null("event", fault.event_id != 0 ? std::to_string(fault.event_id) : std::string());
    json.member("code", fault.code).member("what", fault.what).end_object();
  }
  json.end_array().member_or_null("next", report.next).end_object();
  if (!report.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", report.next));
}

}  // namespace caravan::api

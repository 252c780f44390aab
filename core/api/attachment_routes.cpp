#include <algorithm>

#include "api/file_answer.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/multipart.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "records/access.h"
#include "records/attachments.h"

namespace caravan::api {
namespace {

const records::FileStore& files_of(const Call& call) {
  if (call.services.files == nullptr) throw Error(ErrorCode::unavailable, "This server keeps no files.");
  return *call.services.files;
}

std::int64_t attachment_of(const Call& call) {
  const auto id = parse_id(call.arguments[2]);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[2])});
  return *id;
}

void write_attachment(JsonWriter& json, const Call& call, const records::Attachment& one) {
  json.begin_object().member("id", std::to_string(one.id)).member("name", one.name).member("media_type", one.media_type).member("size", one.size);
  json.member("sha256", one.sha256).member_or_null("field", one.field).member("current", one.current).member("created_at", format_timestamp(one.created_at));
  json.member_or_null("created_by", one.created_by != 0 ? std::to_string(one.created_by) : std::string());
  json.member("href", "/api/v1/records/" + std::string(call.arguments[0]) + "/" + std::string(call.arguments[1]) + "/attachments/" + std::to_string(one.id));
  json.end_object();
}

}  // namespace

void list_attachments(Call& call) {
  check_parameters(call, {});
  const model::Entity& entity = entity_of(call);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& one : records::list_attachments(call.services.records, call.context, entity, id_of(call))) write_attachment(json, call, one);
  json.end_array().end_object();
}

void add_attachment(Call& call) {
  check_parameters(call, {"field"});
  const model::Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const model::Field* field = nullptr;
  if (const std::string* name = call.request.parameter("field")) {
    field = entity.field(*name);
    const bool hidden = field != nullptr && records::field_rights(call.context, entity).of(*field) == model::FieldRight::hidden;
    if (field == nullptr || hidden || !model::is_file(*field)) throw refusal(call, ErrorCode::invalid_argument, "unknown_field", {"field", shown(*name), entity.full_name});
  }
  const Part file = form_file(call);
  const records::Attachment made =
      records::attach(call.services.records, files_of(call), call.context, entity, id, file.data, file.file_name, field);
  call.response.status = 201;
  JsonWriter json(call.response.body);
  write_attachment(json, call, made);
  call.response.headers.emplace_back("Location", std::string(call.request.path) + "/" + std::to_string(made.id));
}

void show_attachment(Call& call) {
  check_parameters(call, {"inline"});
  const model::Entity& entity = entity_of(call);
  const records::Attachment one = records::find_attachment(call.services.records, call.context, entity, id_of(call), attachment_of(call));
  const std::string tag = "\"" + one.sha256 + "\"";
  call.response.headers.emplace_back("ETag", tag);
  call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  // Whatever it is, as a page of its own it may do nothing.
  call.response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  if (has_seen(call.request.header("If-None-Match"), tag)) {
    call.response.status = 304;
    return;
  }
  auto open = files_of(call).open(one.stored);
  const std::uint64_t size = open->size();
  auto body = std::make_shared<const FileBody>(open->release(), size);
  answer_file(call.response, std::move(body), one.media_type, one.name, flag_parameter(call, "inline") && records::is_plain_picture(one.media_type));
}

void remove_attachment(Call& call) {
  check_parameters(call, {});
  records::detach(call.services.records, call.context, entity_of(call), id_of(call), attachment_of(call));
  call.response.status = 204;
}

}  // namespace caravan::api

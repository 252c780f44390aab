// Records of the same thing: pairs that were found, and how two become one.
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/titles.h"
#include "jobs/queue.h"
#include "records/codec.h"
#include "records/duplicates.h"
#include "records/merge.h"

namespace caravan::api {
namespace {

using model::Entity;
using records::Keep;
using records::Record;

std::int64_t parse_record(const Call& call, std::string_view text) {
  const auto id = parse_id(text);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(text)});
  return *id;
}

const char* word_of(Keep keep) {
  return keep == Keep::mine ? "mine" : keep == Keep::theirs ? "theirs" : "both";
}

void write_brief(JsonWriter& json, const Call& call, const Record& record) {
  json.begin_object().member("id", std::to_string(record.id())).member("version", record.version()).member("title", title_of(record, call.context.locale)).end_object();
}

}  // namespace

void preview_merge(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"other"});
  const std::string* other = call.request.parameter("other");
  const records::MergePreview preview =
      records::Merges(call.services.records).preview(call.context, entity, id_of(call), parse_record(call, other ? std::string_view(*other) : std::string_view()));
  JsonWriter json(call.response.body);
  json.begin_object().key("mine");
  records::write_json(json.value_follows(), preview.mine);
  json.key("theirs");
  records::write_json(json.value_follows(), preview.theirs);
  json.key("fields").begin_array();
  for (const records::MergeField& one : preview.fields) {
    json.begin_object().member("field", one.field->name).member("label", label_of(*one.field, call.context.locale)).member("keep", word_of(one.keep));
    json.member("differs", one.differs).member("settable", one.settable).end_object();
  }
  json.end_array().key("references").begin_array();
  for (const records::MergeReferences& one : preview.references) {
    json.begin_object().member("entity", one.entity->full_name).member("entity_label", label_of(one.entity->label, one.entity->full_name, call.context.locale));
    json.member("field", one.field->name).member("field_label", label_of(*one.field, call.context.locale)).member("count", one.count).end_object();
  }
  json.end_array().end_object();
}

void merge_records(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const records::Json body = json_object(call, {"other", "other_version", "fields", "note"});
  records::MergeQuery query;
  query.other = parse_record(call, required_text(call, body, "other"));
  query.version = expected_version(call, false);
  query.note = text_member(call, body, "note").value_or(std::string());
  if (const records::Json* version = body.find("other_version"); version != nullptr && !version->is_null()) {
    const auto* number = version->as<records::Json::Number>();
    const auto parsed = number ? parse_id(number->text) : std::nullopt;
    if (!parsed) throw refusal(call, ErrorCode::invalid_argument, "merge_version");
    query.other_version = *parsed;
  }
  if (const records::Json* fields = body.find("fields"); fields != nullptr && !fields->is_null()) {
    const auto* members = fields->as<records::Json::Object>();
    if (members == nullptr) throw refusal(call, ErrorCode::invalid_argument, "merge_fields");
    const records::FieldRights rights = records::field_rights(call.context, entity);
    for (const auto& [name, value] : *members) {
      const model::Field* field = entity.field(name);
      if (field == nullptr || rights.of(*field) == model::FieldRight::hidden) throw refusal(call, ErrorCode::invalid_argument, "unknown_field", {"fields", shown(name), entity.full_name});
      const auto* word = value.as<std::string>();
      if (word == nullptr || (*word != "mine" && *word != "theirs" && *word != "both")) throw refusal(call, ErrorCode::invalid_argument, "merge_fields");
      query.fields[field] = *word == "mine" ? Keep::mine : *word == "theirs" ? Keep::theirs : Keep::both;
    }
  }
  records::Merges(call.services.records).merge(call.context, entity, id, query, [&](const Record& record) {
    start_answer(call);
    call.response.headers.emplace_back("ETag", entity_tag(record.version()));
    records::write_json(call.response.body, record);
  });
}

void list_merges(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::MergeInfo& one : records::Merges(call.services.records).of(call.context, entity, id_of(call))) {
    json.begin_object().member("id", std::to_string(one.id)).member("merged", std::to_string(one.merged));
    json.member_or_null("number", one.number).member_or_null("title", one.title).member("at", format_timestamp(one.at));
    json.member_or_null("by", one.by != 0 ? std::to_string(one.by) : std::string()).member("undo_until", format_timestamp(one.undo_until));
    json.member_or_null("undone_at", one.undone_at ? format_timestamp(*one.undone_at) : std::string()).end_object();
  }
  json.end_array().end_object();
}

void undo_merge(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  json_object(call, {});
  records::Merges(call.services.records).undo(call.context, entity, id, parse_record(call, call.arguments[2]), [&](const Record& record) {
    start_answer(call);
    call.response.headers.emplace_back("ETag", entity_tag(record.version()));
    records::write_json(call.response.body, record);
  });
}

void refuse_merged(const Call& call, const Entity& entity, std::int64_t id, const Error& error) {
  const auto survivor = records::Merges(call.services.records).survivor_of(call.context, entity, id);
  if (!survivor) return;
  Refusal refused(ErrorCode::not_found, error.message());
  refused.status = 410;
  refused.name = "merged";
  refused.members = "\"merged_into\":{\"entity\":";
  records::write_json_string(refused.members, entity.full_name);
  refused.members += ",\"id\":\"" + std::to_string(*survivor) + "\"}";
  refused.headers.emplace_back("Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(*survivor));
  throw refused;
}

void list_duplicates(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {"dismissed", "limit", "after"});
  const std::string* after = call.request.parameter("after");
  const records::DuplicatePage page = records::Duplicates(call.services.records).list(call.context, entity, flag_parameter(call, "dismissed"), after ? *after : std::string(), limit_parameter(call));
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const records::DuplicatePair& one : page.items) {
    json.begin_object().key("first");
    write_brief(json, call, one.first);
    json.key("second");
    write_brief(json, call, one.second);
    char score[32];
    std::snprintf(score, sizeof score, "%.2f", one.score);
    json.member("rule", one.rule).member("score", score).member("dismissed", one.dismissed).member("found_at", format_timestamp(one.found_at)).end_object();
  }
  json.end_array().member_or_null("next", page.next).end_object();
  if (!page.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
}

void decide_duplicate(Call& call) {
  const Entity& entity = entity_of(call);
  const records::Json body = json_object(call, {"dismissed"});
  bool dismissed = true;
  if (const records::Json* flag = body.find("dismissed"); flag != nullptr && !flag->is_null()) {
    const auto* value = flag->as<bool>();
    if (value == nullptr) throw refusal(call, ErrorCode::invalid_argument, "duplicate_dismissed");
    dismissed = *value;
  }
  records::Duplicates(call.services.records).decide(call.context, entity, id_of(call), parse_record(call, call.arguments[2]), dismissed);
  call.response.status = 204;
}

void find_duplicates(Call& call) {
  const Entity& entity = entity_of(call);
  json_object(call, {});
  const bool added = records::Duplicates(call.services.records).start(call.context, entity);
  call.response.status = 202;
  JsonWriter(call.response.body).begin_object().member("started", added).end_object();
}

}  // namespace caravan::api

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "api/file_answer.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "api/view_parameter.h"
#include "records/export.h"
#include "records/query.h"
#include "workflow/text.h"

namespace caravan::api {
namespace {

/// Columns and cells for people.
std::shared_ptr<records::ExportQuery::Labels> labels_for(const Call& call) {
  auto labels = std::make_shared<records::ExportQuery::Labels>();
  const auto titles = std::make_shared<Titles>();
  const auto each_reference = [](const model::Field& field, const records::Record& record, const auto& each) {
    const expr::Value& value = record[field.slot];
    if (field.target == nullptr) return;
    if (const auto* id = value.as<std::int64_t>()) each(*id);
    for (const auto& one : value.as_list() ? *value.as_list() : expr::List()) {
      if (const auto* id = one.as<std::int64_t>()) each(*id);
    }
  };
  labels->head = [&call](const model::Field& field) { return std::string(label_of(field, call.context.locale)); };
  labels->prepare = [&call, titles, each_reference](const std::vector<records::Record>& batch) {
    *titles = Titles();
    for (const auto& record : batch) {
      for (const auto& field : record.entity().fields) {
        each_reference(*field, record, [&](std::int64_t id) { titles->want(*field->target, id); });
      }
    }
    titles->load(call.services.records, call.context);
  };
  labels->cell = [&call, titles, each_reference](const model::Field& field, const records::Record& record) {
    if (field.target == nullptr) return workflow::readable(field, record, call.context.locale, call.context, nullptr);
    std::string text;
    each_reference(field, record, [&](std::int64_t id) {
      const std::string* title = titles->find(*field.target, id);
      text.append(text.empty() ? "" : call.context.locale.starts_with("zh") ? "、" : ", ").append(title ? *title : std::to_string(id));
    });
    return text;
  };
  return labels;
}

}  // namespace

void export_records(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {"view", "filter", "sort", "q", "fields", "format", "labels", "locale", "raw"});
  if (call.services.files == nullptr) throw Error(ErrorCode::unavailable, "This server keeps no files.");
  const auto text = [&](std::string_view name) {
    const std::string* value = call.request.parameter(name);
    return value ? *value : std::string();
  };
  records::ExportQuery query;
  const std::string format = call.request.parameter("format") ? text("format") : "csv";
  if (format == "jsonl") query.format = records::ExportFormat::jsonl;
  else if (format == "xlsx") query.format = records::ExportFormat::xlsx;
  else if (format != "csv") throw refusal(call, ErrorCode::invalid_argument, "export_format", {shown(format)});
  if (const std::string* asked = call.request.parameter("locale")) {
    if (locale_of(*asked).empty()) throw refusal(call, ErrorCode::invalid_argument, "unknown_locale");
    call.context.locale = *asked;
  }
  const model::View* view = view_parameter(call, entity);
  query.filter = filter_with(view, text("filter"));
  query.sort = text("sort");
  if (view != nullptr && query.sort.empty()) query.sort = sort_of(*view, records::field_rights(call.context, entity));
  query.q = text("q");
  query.guarded = !flag_parameter(call, "raw");
  if (flag_parameter(call, "labels")) query.labels = labels_for(call);
  if (const std::string* names = call.request.parameter("fields")) {
    records::each_name(*names, [&](std::string_view name) {
      const model::Field* field = entity.field(name);
      if (field == nullptr) throw refusal(call, ErrorCode::invalid_argument, "unknown_field", {"fields", shown(name), entity.full_name});
      if (std::find(query.fields.begin(), query.fields.end(), field) == query.fields.end()) query.fields.push_back(field);
    });
  } else if (view != nullptr && view->type == model::ViewType::list) {
    query.fields = view->columns;
  }
  const auto slot = call.services.files->begin_large();
  if (!slot) {
    Error busy(ErrorCode::unavailable, "The server is making as many large files as it may; try again in a moment.");
    busy.retry_after = 5;
    throw busy;
  }
  static constexpr std::string_view types[] = {"text/csv; charset=utf-8", "application/jsonl",
                                               "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"};
  const std::string name = entity.full_name + "-" + format_timestamp(call.context.now).substr(0, 10) + "." + format;
  records::ExportResult result;
  std::shared_ptr<const FileBody> file;
  if (query.format == records::ExportFormat::xlsx) {
    const int made = call.services.files->scratch();
    auto body = std::make_shared<FileBody>(made, 0);
    result = records::export_records(call.services.records, call.context, entity, query, {}, "/proc/self/fd/" + std::to_string(made),
                                     call.services.files->directory().string());
    const off_t size = ::lseek(made, 0, SEEK_END);
    file = std::make_shared<const FileBody>(body->release(), static_cast<std::uint64_t>(std::max<off_t>(size, 0)));
  } else {
    FileWriter writer(*call.services.files);
    result = records::export_records(call.services.records, call.context, entity, query, [&](std::string_view piece) { writer.write(piece); });
    file = writer.finish();
  }
  call.response.headers.emplace_back("Caravan-Rows", std::to_string(result.rows));
  if (result.cut > 0) call.response.headers.emplace_back("Caravan-Cut-Cells", std::to_string(result.cut));
  answer_file(call.response, std::move(file), types[static_cast<int>(query.format)], name, false);
}

void list_exports(Call& call) {
  check_parameters(call, {"limit", "after"});
  const std::uint32_t limit = limit_parameter(call);
  auto entries = records::list_exports(*call.services.records.database().read(), id_cursor(call), limit + 1);
  const std::string next = entries.size() > limit ? std::to_string(entries[limit - 1].id) : std::string();
  if (entries.size() > limit) entries.resize(limit);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& entry : entries) {
    json.begin_object().member("id", std::to_string(entry.id)).member("entity", entry.entity).member("at", format_timestamp(entry.at));
    json.member_or_null("user", entry.user_id != 0 ? std::to_string(entry.user_id) : std::string()).member("username", entry.username);
    json.member("source", entry.source).member("request_id", entry.request_id).member("format", entry.format).member("fields", entry.fields);
    json.member("filter", entry.filter).member("rows", entry.rows).end_object();
  }
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", next));
}

}  // namespace caravan::api

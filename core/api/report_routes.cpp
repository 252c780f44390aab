#include <algorithm>

#include "api/group_labels.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "records/access.h"
#include "records/export.h"
#include "records/import_source.h"
#include "records/report.h"

// Reports and dashboards.

namespace caravan::api {
namespace {

using model::Report;
using model::ReportParameter;
using records::ReportCell;
using records::ReportResult;
using records::ReportRow;

const Report& report_of(const Call& call) {
  for (const auto& report : call.context.catalog->reports) {
    if (report->name == call.arguments[0]) return *report;
  }
  throw refusal(call, ErrorCode::not_found, "no_report", {shown(call.arguments[0])});
}

void write_parameters(JsonWriter& json, const Call& call, const Report& report, const std::vector<records::ReportValue>* values) {
  const std::string& locale = call.context.locale;
  json.key("parameters").begin_array();
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    const ReportParameter& parameter = report.parameters[i];
    json.begin_object().member("name", parameter.field.name).member("label", label_of(parameter.field, locale));
    json.member_or_null("help", parameter.field.help.in(locale));
    json.member("type", parameter.period ? "period" : model::to_string(parameter.field.type)).member("required", parameter.required);
    if (parameter.field.choices != nullptr) json.member("choices", parameter.field.choices->name);
    if (parameter.field.target != nullptr) json.member("to", parameter.field.target->full_name);
    if (values != nullptr) {
      const records::ReportValue& value = (*values)[i];
      json.member_or_null("value", value.text);
      if (value.period) json.member("from", format_date(value.period->from)).member("to_day", format_date(value.period->to));
    } else {
      json.member_or_null("default", records::default_text(parameter));
    }
    json.end_object();
  }
  json.end_array();
}

void write_head(JsonWriter& json, const Call& call, const Report& report) {
  const std::string& locale = call.context.locale;
  json.member("name", report.name).member("label", label_of(report.label, report.name, locale)).member_or_null("help", report.help.in(locale));
  json.member("entity", report.entity->full_name).member("entity_label", label_of(report.entity->plural.empty() ? report.entity->label : report.entity->plural, report.entity->full_name, locale));
  json.member("chart", model::to_string(report.chart));
}

const char* type_of(const std::optional<records::AggregateMeasure>& measure) {
  if (!measure) return "decimal";
  using Kind = records::MeasureKind;
  if (measure->kind == Kind::count || measure->kind == Kind::count_distinct) return "int";
  if (measure->kind == Kind::function) return measure->by_currency() ? "money" : "decimal";
  if (measure->field->type == model::FieldType::integer && (measure->kind == Kind::avg || measure->kind == Kind::percentile)) return "decimal";
  return model::to_string(measure->field->type);
}

void write_value_of(std::string& out, const ReportResult& result, std::size_t m, const ReportCell& cell) {
  if (const auto& measure = result.measures[m]) return records::write_measure(out, *measure, {cell.value, cell.amounts});
  if (const auto* decimal = cell.value.as<Decimal>()) out += "\"" + format_decimal(*decimal) + "\"";
  else if (const auto* number = cell.value.as<std::int64_t>()) out += std::to_string(*number);
  else out += "null";
}

void write_cells(JsonWriter& json, const ReportResult& result, const ReportRow& row) {
  json.member("filter", row.filter).key("measures").begin_object();
  for (std::size_t m = 0; m < result.measures.size(); ++m) {
    json.key(result.report->measures[m].name).begin_object();
    write_value_of(json.key("value").value_follows(), result, m, row.cells[m]);
    if (row.cells[m].filter != row.filter) json.member("filter", row.cells[m].filter);
    json.end_object();
  }
  json.end_object();
}

void answer_json(Call& call, const ReportResult& result, const Titles& titles) {
  const Report& report = *result.report;
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object();
  write_head(json, call, report);
  json.member("made_at", format_timestamp(call.context.now));
  write_parameters(json, call, report, &result.values);
  json.key("groups").begin_array();
  for (std::size_t i = 0; i < result.groups.size(); ++i) {
    const records::AggregateGroup& group = result.groups[i];
    json.begin_object().member("name", report.groups[i].name).member("label", label_of(report.groups[i].label, report.groups[i].name, locale));
    json.member("field", group.field->name).member("type", model::to_string(group.field->type)).member_or_null("bucket", records::to_string(group.bucket)).end_object();
  }
  json.end_array().key("measures").begin_array();
  for (std::size_t m = 0; m < result.measures.size(); ++m) {
    const model::ReportMeasure& measure = report.measures[m];
    json.begin_object().member("name", measure.name).member("label", label_of(measure.label, measure.name, locale));
    json.member("type", type_of(result.measures[m])).member("percent", measure.percent);
    if (result.measures[m] && !result.measures[m]->problem.empty()) json.member("problem", result.measures[m]->problem);
    json.end_object();
  }
  json.end_array().key("rows").begin_array();
  for (const ReportRow& row : result.rows) {
    json.begin_object().key("group").begin_object();
    for (std::size_t i = 0; i < result.groups.size(); ++i) write_group(json.key(report.groups[i].name).value_follows(), result.groups[i], row.group[i]);
    json.end_object().key("label").begin_object();
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
      const std::string label = label_of_group(*report.entity, result.groups[i], row.group[i], titles, locale);
      if (!label.empty()) json.member(report.groups[i].name, label);
    }
    json.end_object();
    write_cells(json, result, row);
    json.end_object();
  }
  json.end_array().key("total").begin_object();
  write_cells(json, result, result.total);
  json.end_object().member("more", result.more).end_object();
}

/// One line a row; amounts of money in a column for each currency.
std::string csv_of(const ReportResult& result, const Titles& titles, const std::string& locale) {
  const Report& report = *result.report;
  std::vector<std::vector<std::string>> currencies(result.measures.size());
  for (std::size_t m = 0; m < result.measures.size(); ++m) {
    for (const Decimal& amount : result.total.cells[m].amounts) currencies[m].emplace_back(amount.currency_code());
  }
  std::string out;
  bool first = true;
  const auto cell = [&](const std::string& text) {
    if (!first) out.push_back(',');
    first = false;
    records::write_csv_cell(out, parse_decimal(text) ? text : records::guarded_cell(text), ',');  // a figure below zero is no formula
  };
  const auto end_line = [&] {
    out += "\r\n";
    first = true;
  };
  const auto money = [&](std::size_t m) { return result.measures[m] && result.measures[m]->by_currency(); };
  for (const model::ReportGroup& group : report.groups) cell(std::string(label_of(group.label, group.name, locale)));
  for (std::size_t m = 0; m < result.measures.size(); ++m) {
    const std::string label(label_of(report.measures[m].label, report.measures[m].name, locale));
    if (!money(m)) cell(label);
    for (const std::string& code : currencies[m]) cell(label + " (" + code + ")");
  }
  end_line();
  for (const ReportRow& row : result.rows) {
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
      std::string text = label_of_group(*report.entity, result.groups[i], row.group[i], titles, locale);
      if (text.empty()) {
        write_group(text, result.groups[i], row.group[i]);
        if (text == "null") text.clear();
        std::erase(text, '"');
      }
      cell(text);
    }
    for (std::size_t m = 0; m < result.measures.size(); ++m) {
      if (!money(m)) {
        std::string text;
        write_value_of(text, result, m, row.cells[m]);
        std::erase(text, '"');
        cell(text == "null" ? std::string() : text);
      }
      for (const std::string& code : currencies[m]) {
        const auto& amounts = row.cells[m].amounts;
        const auto found = std::find_if(amounts.begin(), amounts.end(), [&](const Decimal& one) { return one.currency_code() == code; });
        cell(found == amounts.end() ? std::string() : format_decimal(*found));
      }
    }
    end_line();
  }
  return out;
}

bool may_see(const Call& call, const model::Dashboard& dashboard) {
  return dashboard.roles.empty() || records::is_administrator(call.context) ||
         std::any_of(dashboard.roles.begin(), dashboard.roles.end(), [&](const std::string& role) { return records::holds_role(call.context, role); });
}

}  // namespace

void list_reports(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& report : call.context.catalog->reports) {
    if (!records::is_offered(call.services.records, call.context, *report)) continue;
    json.begin_object();
    write_head(json, call, *report);
    write_parameters(json, call, *report, nullptr);
    json.end_object();
  }
  json.end_array().end_object();
}

void show_report(Call& call) {
  const Report& report = report_of(call);
  std::vector<std::pair<std::string, std::string>> given;
  std::string format = "json";
  for (const auto& [name, value] : call.request.query) {
    const auto same = std::count_if(call.request.query.begin(), call.request.query.end(), [&, wanted = name](const auto& one) { return one.first == wanted; });
    if (same > 1) throw refusal(call, ErrorCode::invalid_argument, "repeated_parameter", {shown(name)});
    if (name == "format") format = value;
    else given.emplace_back(name, value);
  }
  if (format != "json" && format != "csv") throw refusal(call, ErrorCode::invalid_argument, "report_format", {shown(format)});
  const ReportResult result = records::make_report(call.services.records, call.context, report, given);
  Titles titles;
  for (const ReportRow& row : result.rows) want_titles(titles, result.groups, row.group);
  titles.load(call.services.records, call.context);
  call.response.headers.emplace_back("Cache-Control", "no-store");
  if (format == "json") return answer_json(call, result, titles);
  call.response.content_type = "text/csv; charset=utf-8";
  call.response.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + report.name + ".csv\"");
  call.response.body = "\xEF\xBB\xBF" + csv_of(result, titles, call.context.locale);  // so that spreadsheets take it for UTF-8
}

void list_dashboards(Call& call) {
  check_parameters(call, {});
  const std::string& locale = call.context.locale;
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& dashboard : call.context.catalog->dashboards) {
    if (!may_see(call, *dashboard)) continue;
    const auto offered = [&call](const model::DashboardTile& tile) { return records::is_offered(call.services.records, call.context, *tile.report); };
    if (std::none_of(dashboard->tiles.begin(), dashboard->tiles.end(), offered)) continue;  // a page with nothing on it
    json.begin_object().member("name", dashboard->name).member("label", label_of(dashboard->label, dashboard->name, locale));
    json.member_or_null("icon", dashboard->icon).key("tiles").begin_array();
    for (const model::DashboardTile& tile : dashboard->tiles) {
      const Report& report = *tile.report;
      if (!offered(tile)) continue;
      json.begin_object().member("name", tile.name).member("report", report.name);
      json.member("label", label_of(tile.label.empty() ? report.label : tile.label, report.name, locale));
      json.member("chart", model::to_string(tile.chart)).member("width", static_cast<std::int64_t>(tile.width)).key("measures").begin_array();
      for (const model::ReportMeasure& measure : report.measures) {
        if (tile.measures.empty() || std::find(tile.measures.begin(), tile.measures.end(), measure.name) != tile.measures.end()) json.string(measure.name);
      }
      json.end_array().key("given").begin_object();
      for (const auto& [name, value] : tile.given) json.member(name, value);
      json.end_object();
      write_parameters(json, call, report, nullptr);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

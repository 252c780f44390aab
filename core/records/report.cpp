#include "records/report.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "model/builder_text.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/messages.h"
#include "records/query.h"

namespace caravan::records {
namespace {

using model::FieldType;
using model::Report;
using model::ReportParameter;

[[noreturn]] void refuse(const Context& context, const char* text, std::initializer_list<std::string_view> values) {
  throw Error(ErrorCode::invalid_argument, message(text, context.locale, values));
}

std::string date_literal(Date date) { return "date(\"" + format_date(date) + "\")"; }

std::optional<model::Period> period_of(std::string_view text, Date today) {
  if (const auto named = model::period_named(text, today)) return named;
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const auto from = parse_date(text.substr(0, dots)), to = parse_date(text.substr(dots + 2));
  if (!from || !to || *from > *to) return std::nullopt;
  return model::Period{*from, *to};
}

/// The value as an expression writes it; nullopt where the text is none.
std::optional<std::string> literal_of(const ReportParameter& parameter, const std::string& text) {
  switch (parameter.field.type) {
    case FieldType::integer: {
      const auto number = model::integer_of(text);
      return number ? std::optional(std::to_string(*number)) : std::nullopt;
    }
    case FieldType::ref: {
      const auto id = model::integer_of(text);
      return id && *id > 0 ? std::optional(std::to_string(*id)) : std::nullopt;
    }
    case FieldType::boolean:
      return text == "true" || text == "false" ? std::optional(text) : std::nullopt;
    case FieldType::decimal: {
      const auto number = parse_decimal(text);
      return number ? std::optional("decimal(\"" + format_decimal(*number) + "\")") : std::nullopt;
    }
    case FieldType::date: {
      const auto date = parse_date(text);
      return date ? std::optional(date_literal(*date)) : std::nullopt;
    }
    case FieldType::choice:
      if (parameter.field.choices->option(text) == nullptr) return std::nullopt;
      return model::cel_string(text);
    default:
      if (text.size() > 500 || std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) return std::nullopt;
      return model::cel_string(text);
  }
}

std::string both(const std::string& one, const std::string& other) {
  return one.empty() ? other : other.empty() ? one : one + " && " + other;
}

/// As the route takes it.
std::string some_value(const ReportParameter& parameter) {
  if (parameter.period) return "this_month";
  switch (parameter.field.type) {
    case FieldType::boolean: return "true";
    case FieldType::date: return "2026-01-01";
    case FieldType::choice: return !parameter.field.choices || parameter.field.choices->options.empty() ? std::string() : parameter.field.choices->options.front().name;
    default: return "1";
  }
}

class Maker {
 public:
  Maker(const RecordService& service, const Context& context, const Report& report) : service_(service), context_(context), report_(report) {
    result_.report = &report;
  }

  /// Whether the actor may read all that the conditions read which apply when no parameter is given that need not be.
  bool reads_only_readable() {
    std::vector<std::pair<std::string, std::string>> given;
    for (const ReportParameter& parameter : report_.parameters) {
      if (!parameter.required || !default_text(parameter).empty()) continue;
      given.emplace_back(parameter.field.name, some_value(parameter));
      if (given.back().second.empty()) return true;  // nobody can make it
    }
    take(given);
    auto environment = context_.catalog->record_environment(*report_.entity);
    environment.result = expr::TypeKind::boolean;
    const auto readable = [&](const std::string& source) {
      const auto text = source.empty() ? std::nullopt : filled(source);
      if (!text) return true;
      const expr::Compiled compiled = expr::compile(*text, environment);
      return !compiled.program || records::reads_only_readable(context_, *compiled.program);
    };
    return std::all_of(report_.filters.begin(), report_.filters.end(), [&](const auto& filter) { return readable(filter.source); }) &&
           std::all_of(report_.measures.begin(), report_.measures.end(), [&](const auto& measure) { return readable(measure.where); });
  }

  ReportResult run(const std::vector<std::pair<std::string, std::string>>& given) {
    take(given);
    std::string separated;
    for (const model::ReportFilter& filter : report_.filters) {
      const auto text = filled(filter.source);
      if (!text) continue;
      whole_ = both(whole_, "(" + *text + ")");
      separated += (separated.empty() ? "" : std::string(1, filter_separator)) + *text;
    }
    AggregateQuery query;
    query.filter = separated;
    for (const model::ReportMeasure& measure : report_.measures) {
      wheres_.emplace_back();
      if (!measure.value.empty()) continue;
      NamedMeasure& one = query.measures.emplace_back();
      one.name = measure.name;
      one.of = measure.of;
      one.function = measure.function;
      if (!measure.function.empty()) one.field = measure.field->name;
      if (!measure.where.empty()) {
        // Without its parameter the condition asks nothing.
        if (const auto text = filled(measure.where)) one.filter = *text;
        if (!one.filter.empty()) wheres_.back() = "(" + one.filter + ")";
      }
    }
    const AggregateResult all = service_.aggregate(context_, *report_.entity, query);
    name_measures(all);
    result_.total = row_of(all.rows.empty() ? nullptr : &all.rows.front(), {});
    if (report_.groups.empty()) {
      result_.rows.push_back(result_.total);
      return std::move(result_);
    }
    for (const model::ReportGroup& group : report_.groups) query.group += (query.group.empty() ? "" : ",") + group.by;
    each_name(report_.sort, [&](std::string_view key) {
      const bool descending = key.starts_with('-');
      if (descending) key.remove_prefix(1);
      const auto group = std::find_if(report_.groups.begin(), report_.groups.end(), [&](const auto& one) { return one.name == key; });
      query.sort += (query.sort.empty() ? "" : ",") + std::string(descending ? "-" : "") + (group != report_.groups.end() ? group->by : std::string(key));
    });
    query.limit = report_.limit;
    AggregateResult found = service_.aggregate(context_, *report_.entity, query);
    result_.groups = found.groups;
    result_.more = !found.next.empty();
    std::size_t at = 0;
    for (auto& measure : result_.measures) {
      if (measure && measure->problem.empty()) measure->problem = found.measures[at].problem;
      if (measure) ++at;
    }
    for (const AggregateRow& row : found.rows) result_.rows.push_back(row_of(&row, found.groups));
    return std::move(result_);
  }

 private:
  void take(const std::vector<std::pair<std::string, std::string>>& given) {
    for (const auto& [name, text] : given) {
      if (report_.parameter(name) == nullptr) refuse(context_, "report_parameter", {name, report_.name});
    }
    const Date today = local_date(context_.now, context_.catalog->agency.time_zone).value_or(Date());
    for (const ReportParameter& parameter : report_.parameters) {
      ReportValue& value = result_.values.emplace_back();
      value.parameter = &parameter;
      for (const auto& [name, text] : given) {
        if (name == parameter.field.name) value.text = text;
      }
      std::string& literal = literals_.emplace_back();
      if (value.text.empty()) value.text = default_text(parameter);
      if (value.text.empty()) {
        if (parameter.required) refuse(context_, "report_missing", {label(parameter)});
        continue;
      }
      if (parameter.period) {
        value.period = period_of(value.text, today);
        if (!value.period) refuse(context_, "report_period", {label(parameter), cut_text(value.text, 60)});
        continue;
      }
      const auto text = literal_of(parameter, value.text);
      if (!text) refuse(context_, "report_value", {label(parameter), cut_text(value.text, 60)});
      literal = *text;
    }
  }

  std::string_view label(const ReportParameter& parameter) const {
    const std::string& text = parameter.field.label.in(context_.locale);
    return text.empty() ? parameter.field.name : text;
  }

  /// The condition as a filter; nullopt while a parameter that it reads is not given.
  std::optional<std::string> filled(const std::string& source) const {
    return model::with_parameters(source, [&](std::string_view name, std::string_view part) -> std::optional<std::string> {
      for (std::size_t i = 0; i < result_.values.size(); ++i) {
        const ReportValue& value = result_.values[i];
        if (value.parameter->field.name != name || value.text.empty()) continue;
        if (!value.period) return literals_[i];
        if (part == "from") return date_literal(value.period->from);
        if (part == "to") return date_literal(value.period->to);
        if (part == "start") return first_moment(value.period->from);
        return first_moment(Date{value.period->to.days + 1});
      }
      return std::nullopt;
    });
  }

  void name_measures(const AggregateResult& found) {
    std::size_t at = 0;
    for (const model::ReportMeasure& measure : report_.measures) {
      if (measure.value.empty()) result_.measures.emplace_back(found.measures[at++]);
      else result_.measures.emplace_back(std::nullopt);
    }
  }

  /// At the agency.
  std::string first_moment(Date date) const {
    return "timestamp(\"" + format_timestamp(from_local(date, 0, context_.catalog->agency.time_zone).value_or(Timestamp())) + "\")";
  }

  static Date after(Bucket bucket, Date first) {
    const std::string day = format_date(first);
    const int year = std::stoi(day.substr(0, 4)), month = std::stoi(day.substr(5, 2));
    const auto start = [](int y, int m) {
      const std::string text = std::to_string(y + (m - 1) / 12);
      const int within = (m - 1) % 12 + 1;
      return parse_date(text + (within < 10 ? "-0" : "-") + std::to_string(within) + "-01").value_or(Date());
    };
    switch (bucket) {
      case Bucket::week: return Date{first.days + 7};
      case Bucket::month: return start(year, month + 1);
      case Bucket::quarter: return start(year, month + 3);
      case Bucket::year: return start(year + 1, 1);
      default: return Date{first.days + 1};
    }
  }

  std::string condition(const AggregateGroup& group, const expr::Value& value) const {
    const std::string field = "record." + group.field->name;
    if (value.is_null()) return field + " == null";
    if (const auto* day = value.as<Date>(); day != nullptr && group.bucket != Bucket::none) {
      const Date next = after(group.bucket, *day);
      if (group.field->type == FieldType::date) return field + " >= " + date_literal(*day) + " && " + field + " < " + date_literal(next);
      return field + " >= " + first_moment(*day) + " && " + field + " < " + first_moment(next);
    }
    if (const auto* text = value.as<std::string>()) return field + " == " + model::cel_string(*text);
    if (const auto* flag = value.as<bool>()) return field + (*flag ? " == true" : " == false");
    if (const auto* number = value.as<std::int64_t>()) return field + " == " + std::to_string(*number);
    if (const auto* day = value.as<Date>()) return field + " == " + date_literal(*day);
    return field + " != null";
  }

  ReportRow row_of(const AggregateRow* found, const std::vector<AggregateGroup>& groups) const {
    ReportRow row;
    row.filter = whole_;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      row.group.push_back(found->group[i]);
      row.filter = both(row.filter, condition(groups[i], found->group[i]));
    }
    auto known = std::make_shared<expr::Constants>();
    std::size_t at = 0;
    for (std::size_t m = 0; m < report_.measures.size(); ++m) {
      const model::ReportMeasure& measure = report_.measures[m];
      ReportCell& cell = row.cells.emplace_back();
      cell.filter = both(row.filter, wheres_[m]);
      if (!measure.value.empty()) {
        cell.value = computed(measure, known);
      } else if (found != nullptr) {
        cell.value = found->cells[at].value;
        cell.amounts = found->cells[at].amounts;
      }
      if (measure.value.empty()) ++at;
      const Decimal* decimal = cell.value.as<Decimal>();
      std::optional<Decimal> number = decimal != nullptr ? std::optional(*decimal) : std::nullopt;
      if (const auto* count = cell.value.as<std::int64_t>()) number = Decimal{*count, 0, {0, 0, 0}};
      if (cell.amounts.size() == 1) number = cell.amounts.front();
      const expr::Type type{number ? expr::TypeKind::decimal : expr::TypeKind::null, nullptr, nullptr, nullptr};
      (*known)["measures." + measure.name] = {number ? expr::Value(*number) : expr::Value(), type};
    }
    return row;
  }

  /// Null where it cannot be computed: something is empty, of several currencies, or divided by nothing.
  expr::Value computed(const model::ReportMeasure& measure, const std::shared_ptr<const expr::Constants>& known) const {
    expr::Environment environment;
    environment.constants = known;
    const expr::Compiled compiled = expr::compile(measure.value, environment);
    if (!compiled.program) return {};
    const auto result = compiled.program->evaluate(expr::Activation{nullptr, 0, context_.now, context_.catalog->agency.time_zone});
    return result.outcome == expr::Outcome::value ? result.value : expr::Value();
  }

  const RecordService& service_;
  const Context& context_;
  const Report& report_;
  ReportResult result_;
  std::vector<std::string> literals_;    ///< by parameter; empty: not given, or a period
  std::string whole_;                    ///< the report's filters as one
  std::vector<std::string> wheres_;      ///< by measure
};

bool is_for(const Context& context, const Report& report) {
  return report.roles.empty() || is_administrator(context) ||
         std::any_of(report.roles.begin(), report.roles.end(), [&](const std::string& role) { return holds_role(context, role); });
}

}  // namespace

std::string default_text(const ReportParameter& parameter) {
  if (parameter.period) return parameter.default_period;
  if (const auto* text = parameter.default_value.as<std::string>()) return *text;
  std::string out;
  if (!parameter.default_value.is_null()) write_value(out, parameter.field, parameter.default_value);
  std::erase(out, '"');  // of decimals and dates
  return out;
}

bool is_offered(const RecordService& service, const Context& context, const Report& report) {
  if (!service.may(context, *report.entity, model::Operation::read) || !is_for(context, report)) return false;
  // Of fields that he may not read, the report itself would be refused.
  const FieldRights rights = field_rights(context, *report.entity);
  const auto hidden = [&](const auto& part) { return part.field != nullptr && !rights.readable(*part.field); };
  if (std::any_of(report.measures.begin(), report.measures.end(), hidden) || std::any_of(report.groups.begin(), report.groups.end(), hidden)) return false;
  return is_administrator(context) || Maker(service, context, report).reads_only_readable();
}

ReportResult make_report(const RecordService& service, const Context& context, const Report& report,
                         const std::vector<std::pair<std::string, std::string>>& given) {
  if (!is_for(context, report)) {
    const std::string& label = report.label.in(context.locale);
    throw Error(ErrorCode::forbidden, message("report_forbidden", context.locale, {label.empty() ? report.name : label}));
  }
  return Maker(service, context, report).run(given);
}

}  // namespace caravan::records

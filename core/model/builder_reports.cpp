#include <algorithm>

#include "base/date_time.h"
#include "base/decimal.h"
#include "model/builder_state.h"
#include "model/reports.h"

// Reports and dashboards. What a report asks for is checked as the aggregate of records would check it, so that none fails when it is opened.

namespace caravan::model {
namespace {

constexpr std::size_t most_groups = 3, most_measures = 10;
constexpr std::int64_t most_rows = 1000;

/// A value of the parameter, for checks.
std::string sample_of(const ReportParameter& parameter, std::string_view part) {
  if (parameter.period) return part == "from" || part == "to" ? "date(\"2026-01-01\")" : "timestamp(\"2026-01-01T00:00:00Z\")";
  switch (parameter.field.type) {
    case FieldType::integer:
    case FieldType::ref:
      return "1";
    case FieldType::boolean:
      return "true";
    case FieldType::decimal:
      return "decimal(\"1.5\")";
    case FieldType::date:
      return "date(\"2026-01-01\")";
    case FieldType::choice:
      return cel_string(parameter.field.choices && !parameter.field.choices->options.empty() ? parameter.field.choices->options.front().name : "");
    default:
      return "\"text\"";
  }
}

ReportChart chart_of(const Node* node, ReportChart otherwise) {
  for (const ReportChart one : {ReportChart::table, ReportChart::bar, ReportChart::line, ReportChart::pie, ReportChart::number}) {
    if (node && node->text == to_string(one)) return one;
  }
  return otherwise;
}

bool has_axes(ReportChart chart) { return chart == ReportChart::bar || chart == ReportChart::line || chart == ReportChart::pie; }

bool is_period(std::string_view text) {
  if (period_named(text, Date())) return true;
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return false;
  const auto from = parse_date(text.substr(0, dots)), to = parse_date(text.substr(dots + 2));
  return from && to && *from <= *to;
}

}  // namespace

void Builder::build_reports() {
  for (const Document& document : documents_) {
    if (document.kind->name == "report") build_report(document);
  }
  sort(catalog_->reports);
  for (const Document& document : documents_) {
    if (document.kind->name == "dashboard") build_dashboard(document);
  }
  sort(catalog_->dashboards);
}

void Builder::build_report(const Document& document) {
  auto owned = std::make_unique<Report>();
  Report& report = *owned;
  report.name = document.name;
  report.origin = to_origin(document.at);
  const std::string subject = "report " + quoted(report.name);
  report.label = label_of(document.root, document.at, subject, plain(humanised(report.name)));
  report.help = text_of(document.root.get("help"), "the help of " + subject);
  report.roles = viewers_of(document, "report", "report-nobody-sees");
  report.chart = chart_of(document.root.get("chart"), ReportChart::table);
  if (const Node* limit = document.root.get("limit"); limit && !is_bad(document.root, "limit")) {
    const std::int64_t rows = integer_of(limit->text).value_or(0);
    if (rows < 1 || rows > most_rows) diagnostics_.error(limit->at, "out-of-range", "`limit` of " + subject + " is " + limit->text, "1 to 1000 rows");
    else report.limit = static_cast<std::uint32_t>(rows);
  }
  if (const Node* entity = document.root.get("entity")) report.entity = find_entity({entity->text, entity->at}, module_of(report.name));
  if (!report.entity) {
    broken_.insert({"report", report.name});
    return;
  }
  build_report_parameters(report, document);
  if (const Node* filters = document.root.get("filters"); filters && filters->is_map()) {
    for (const Entry& entry : filters->entries) {
      if (entry.bad || entry.value.bad) continue;
      if (auto reads = check_report_condition(report, entry.value))
        report.filters.push_back({entry.key, entry.value.text, std::move(*reads), to_origin(entry.at)});
    }
  }
  build_report_groups(report, document);
  build_report_measures(report, document);
  build_report_order(report, document);
  catalog_->reports.push_back(std::move(owned));
}

void Builder::build_report_parameters(Report& report, const Document& document) {
  for (const Entry* entry : placed(document.root.get("parameters"))) {
    if (entry->bad || entry->value.bad) continue;
    ReportParameter parameter;
    if (build_report_parameter(document, *entry, parameter)) report.parameters.push_back(std::move(parameter));
  }
}

bool Builder::build_report_parameter(const Document& document, const Entry& entry, ReportParameter& parameter) {
  const Node& node = entry.value;
  const std::string subject = "parameter " + quoted(entry.key);
  Field& field = parameter.field;
  field.name = entry.key;
  field.origin = parameter.origin = to_origin(entry.at);
  field.label = label_of(node, entry.at, subject, plain(humanised(entry.key)));
  field.help = text_of(node.get("help"), "the help of " + subject);
  parameter.required = flag_of(node.get("required"), false);
  if (entry.key == "format") {
    diagnostics_.error(entry.at, "reserved-name", quoted(entry.key) + " is what the route of reports calls the answer's format", "choose another name");
  }
  const Node* type = node.get("type");
  if (!type || is_bad(node, "type")) return false;
  parameter.period = type->text == "period";
  field.scale = 18;
  for (const FieldType one : {FieldType::text, FieldType::integer, FieldType::boolean, FieldType::decimal, FieldType::date, FieldType::choice, FieldType::ref}) {
    if (type->text == to_string(one)) field.type = one;
  }
  if (parameter.period) field.type = FieldType::text;
  for (const auto& [word, home] : {std::pair{"choices", FieldType::choice}, {"to", FieldType::ref}}) {
    const Entry* said = node.entry(word);
    if (said && field.type != home) {
      diagnostics_.error(said->at, "word-not-for-type", tick(word) + " means nothing for " + subject + " of type " + type->text, "it is for " + std::string(to_string(home)));
    } else if (!said && field.type == home) {
      diagnostics_.error(entry.at, "missing-word", subject + " has no " + tick(word), "a " + std::string(to_string(home)) + " needs it");
      return false;
    }
    if (said && said->value.bad) return false;
  }
  const std::string module = module_of(document.name);
  if (field.type == FieldType::choice) {
    const Node& choices = *node.get("choices");
    const std::string name = resolve(choices.text, module);
    field.choices = catalog_->choices(name);
    if (!field.choices) {
      if (!is_lost("choices", name)) unknown(choices.at, "list of choices", choices.text, names(catalog_->choice_lists));
      return false;
    }
  }
  if (field.type == FieldType::ref) {
    const Node& to = *node.get("to");
    field.target = find_entity({to.text, to.at}, module);
    if (!field.target) return false;
  }
  const Node* given = node.get("default");
  if (!given) return true;
  if (parameter.period) {
    if (!is_period(given->text)) {
      diagnostics_.error(given->at, "bad-default", quoted(given->text) + " is no period", "write e.g. this_month, last_30_days, or 2026-01-01..2026-03-31");
    } else {
      parameter.default_period = given->text;
    }
  } else if (field.type == FieldType::ref) {
    diagnostics_.error(given->at, "bad-default", "a reference has no value that a definition could know", "remove `default`");
  } else if (auto value = setting_value(*given, field, "default")) {
    parameter.default_value = std::move(*value);
  }
  return true;
}

std::optional<std::vector<std::string>> Builder::check_report_condition(const Report& report, const Node& node) {
  std::vector<std::string> reads;
  bool wrong = false;
  Node filled = node;
  const auto text = with_parameters(node.text, [&](std::string_view name, std::string_view part) -> std::optional<std::string> {
    const ReportParameter* parameter = report.parameter(name);
    const std::string said = "params." + std::string(name);
    if (!parameter) {
      std::string known;
      for (const ReportParameter& one : report.parameters) known += (known.empty() ? "" : ", ") + one.field.name;
      diagnostics_.error(node.at, "unknown-parameter", "there is no parameter " + quoted(name) + " in report " + quoted(report.name),
                         known.empty() ? "add it to `parameters`" : "there are " + known);
    } else if (parameter->period && part.empty()) {
      diagnostics_.error(node.at, "unknown-parameter", quoted(said) + " is a period", "write " + said + ".from, .to, .start or .end");
    } else if (!parameter->period && !part.empty()) {
      diagnostics_.error(node.at, "unknown-parameter", quoted(said) + " is no period, so it has no " + quoted(part), "write " + said);
    } else {
      if (std::find(reads.begin(), reads.end(), name) == reads.end()) reads.emplace_back(name);
      return sample_of(*parameter, part);
    }
    wrong = true;
    return "null";
  });
  if (wrong || !text) return std::nullopt;
  // Without parameters, columns are those of the text.
  if (!reads.empty()) {
    filled.text = *text;
    filled.quoted = true;
  }
  if (!compile_condition(filled, *report.entity, catalog_->record_environment(*report.entity), true)) return std::nullopt;
  return reads;
}

void Builder::build_report_groups(Report& report, const Document& document) {
  Draft& draft = *draft_of(report.entity);
  const Node* groups = document.root.get("groups");
  for (const Entry* entry : placed(groups)) {
    if (entry->bad || entry->value.bad) continue;
    const Node* by = entry->value.get("by");
    if (!by || !by->is_scalar()) continue;
    const std::string subject = "group " + quoted(entry->key);
    const Field* field = checked_group(draft, *by, [&](const Node& at, std::string what, std::string hint) {
      diagnostics_.error(at.at, "bad-report", subject + ": " + what, std::move(hint));
    });
    if (!field) continue;
    const auto same = std::find_if(report.groups.begin(), report.groups.end(), [&](const ReportGroup& one) { return one.by == by->text; });
    if (same != report.groups.end()) {
      diagnostics_.error(by->at, "bad-report", subject + " is the same as group " + quoted(same->name), "remove one");
      continue;
    }
    report.groups.push_back({entry->key, label_of(entry->value, entry->at, subject, field->label, true), field, by->text, to_origin(entry->at)});
  }
  if (report.groups.size() > most_groups) {
    diagnostics_.error(document.root.entry("groups")->at, "bad-report", "report " + quoted(report.name) + " has more than three groups", "make two reports");
    report.groups.resize(most_groups);
  }
  if (report.chart == ReportChart::number && groups && !groups->entries.empty()) {
    diagnostics_.error(document.root.entry("groups")->at, "bad-report", "a report that is drawn as a number has no groups", "remove them, or choose another `chart`");
  }
  if (has_axes(report.chart) && !document.root.entry("groups")) {
    diagnostics_.error(document.root.entry("chart")->at, "bad-report", "report " + quoted(report.name) + " has no groups to draw", "add `groups`, or take `chart: number`");
  }
}

bool Builder::build_called_measure(Draft& draft, const Document& document, const Node& node, const std::string& subject, ReportMeasure& measure) {
  const Entry *call = node.entry("call"), *field = node.entry("field");
  if (call == nullptr) {
    if (field) diagnostics_.error(field->at, "bad-report", subject + " names a field, but no function that takes its values", "write `of: sum:" + field->value.text + "`, or add `call`");
    return field == nullptr;
  }
  if (field == nullptr) {
    diagnostics_.error(call->at, "bad-report", subject + " does not say of which values the function computes it", "add `field: …`");
    return false;
  }
  if (call->value.bad || field->value.bad) return false;
  const PluginFunction* function = find_function({call->value.text, call->value.at}, module_of(document.name), FunctionUse::measure);
  const Field* found = find_field(draft, {field->value.text, field->value.at});
  if (!function || !found || draft.vague.contains(found)) return false;
  if (!countable(*found) || found->sensitive) {
    diagnostics_.error(field->value.at, "bad-report", subject + ": no function is given the values of " + quoted(found->name) + ", which is " + (found->sensitive ? "sealed" : std::string("of type ") + to_string(found->type)),
                       "take a number, a choice, a date, a yes/no, or a text of bounded length");
    return false;
  }
  measure.function = function->name;
  measure.field = found;
  return true;
}

void Builder::build_report_measures(Report& report, const Document& document) {
  Draft& draft = *draft_of(report.entity);
  const Entry* all = document.root.entry("measures");
  if (all && !all->value.bad && all->value.is_map() && all->value.entries.empty()) {
    diagnostics_.error(all->at, "bad-report", "report " + quoted(report.name) + " measures nothing", "add e.g. `all: {of: count}`");
  }
  auto before = std::make_shared<expr::Constants>();
  for (const Entry* entry : placed(document.root.get("measures"))) {
    if (entry->bad || entry->value.bad) continue;
    const Node& node = entry->value;
    const std::string subject = "measure " + quoted(entry->key);
    ReportMeasure measure;
    measure.name = entry->key;
    measure.origin = to_origin(entry->at);
    measure.label = label_of(node, entry->at, subject, plain(humanised(entry->key)));
    measure.percent = flag_of(node.get("percent"), false);
    const Entry *of = node.entry("of"), *where = node.entry("where"), *value = node.entry("value"), *call = node.entry("call");
    const int ways = (of != nullptr) + (value != nullptr) + (call != nullptr);
    if (ways != 1) {
      diagnostics_.error(entry->at, "bad-report", subject + (ways > 1 ? " has more than one of `of`, `value` and `call`" : " has none of `of`, `value` and `call`"),
                         "say what it measures: `of: count`, or how it is computed");
      continue;
    }
    if (!build_called_measure(draft, document, node, subject, measure)) continue;
    if (where && value) diagnostics_.error(where->at, "bad-report", subject + " is computed, so it measures no records", "move `where` to a measure with `of`");
    if (of && !of->value.bad) {
      const auto field = checked_measure(draft, of->value, [&](const Node& at, std::string what, std::string hint) {
        diagnostics_.error(at.at, "bad-report", subject + ": " + what, std::move(hint));
      });
      if (!field) continue;
      measure.of = of->value.text;
      measure.field = *field;
    }
    if (where && !value && !where->value.bad) {
      if (auto reads = check_report_condition(report, where->value)) {
        measure.where = where->value.text;
        measure.reads = std::move(*reads);
      }
    }
    if (value && !value->value.bad) {
      expr::Environment environment;
      environment.constants = before;
      const auto program = compile(value->value, environment, nullptr);
      if (!program) continue;
      const auto kind = program->type().kind;
      if (kind != expr::TypeKind::decimal && kind != expr::TypeKind::int64 && kind != expr::TypeKind::any) {
        diagnostics_.error(value->value.at, "expression-type", "`value` gives " + expr::to_string(program->type()), "give a number");
        continue;
      }
      measure.value = value->value.text;
    }
    const bool number = !measure.field || !measure.function.empty() || (measure.field->type != FieldType::date && measure.field->type != FieldType::instant) || measure.of.starts_with("count");
    if (number) {
      // Only what stands before it can be read.
      auto more = std::make_shared<expr::Constants>(*before);
      (*more)["measures." + measure.name] = {expr::Value(*parse_decimal("1.5")), {expr::TypeKind::decimal, nullptr, nullptr, nullptr}};
      before = std::move(more);
    }
    report.measures.push_back(std::move(measure));
  }
  if (report.measures.size() > most_measures) {
    diagnostics_.error(all->at, "bad-report", "report " + quoted(report.name) + " has more than ten measures", "make two reports");
    report.measures.resize(most_measures);
  }
}

void Builder::build_report_order(Report& report, const Document& document) {
  const Node* sort = document.root.get("sort");
  if (!sort || is_bad(document.root, "sort")) return;
  const auto key = [&](const Node& one) {
    if (!one.is_scalar() || one.bad) return;
    const std::string_view text = one.text, name = text.starts_with('-') ? text.substr(1) : text;
    const bool group = std::any_of(report.groups.begin(), report.groups.end(), [&](const ReportGroup& g) { return g.name == name; });
    const ReportMeasure* measure = report.measure(name);
    if (!group && !measure) {
      diagnostics_.error(one.at, "bad-report", quoted(name) + " is neither a group nor a measure of report " + quoted(report.name), "name one of them");
    } else if (measure && (!measure->value.empty() || !measure->function.empty() || measure->of.starts_with("median:") || measure->of.starts_with("p"))) {
      diagnostics_.error(one.at, "bad-report", "rows are not sorted by " + quoted(name) + ", which is computed after they were read", "sort by another measure, or by a group");
    } else {
      report.sort += (report.sort.empty() ? "" : ",") + one.text;
    }
  };
  if (sort->is_scalar()) key(*sort);
  for (const Node& item : sort->items) key(item);
}

void Builder::build_dashboard(const Document& document) {
  auto owned = std::make_unique<Dashboard>();
  Dashboard& dashboard = *owned;
  dashboard.name = document.name;
  dashboard.origin = to_origin(document.at);
  dashboard.label = label_of(document.root, document.at, "dashboard " + quoted(dashboard.name), plain(humanised(dashboard.name)));
  dashboard.icon = icon_of(document.root);
  dashboard.roles = viewers_of(document, "dashboard", "report-nobody-sees");
  const Entry* tiles = document.root.entry("tiles");
  if (tiles && !tiles->value.bad && tiles->value.is_map() && tiles->value.entries.empty()) {
    diagnostics_.error(tiles->at, "bad-report", "dashboard " + quoted(dashboard.name) + " shows nothing", "add e.g. `won: {report: NAME}`");
  }
  for (const Entry* entry : placed(document.root.get("tiles"))) {
    if (!entry->bad && !entry->value.bad) build_tile(dashboard, *entry);
  }
  catalog_->dashboards.push_back(std::move(owned));
}

void Builder::build_tile(Dashboard& dashboard, const Entry& entry) {
  const Node& node = entry.value;
  const std::string subject = "tile " + quoted(entry.key);
  DashboardTile tile;
  tile.name = entry.key;
  tile.origin = to_origin(entry.at);
  tile.label = label_of(node, entry.at, subject, Text(), true);
  const Node* said = node.get("report");
  if (!said || is_bad(node, "report")) return;
  const std::string name = resolve(said->text, module_of(dashboard.name));
  for (const auto& report : catalog_->reports) {
    if (report->name == name) tile.report = report.get();
  }
  if (!tile.report) {
    if (!is_lost("report", name)) unknown(said->at, "report", said->text, names(catalog_->reports));
    return;
  }
  const Report& report = *tile.report;
  const Node* chart = node.get("chart");
  tile.chart = chart_of(chart, report.chart);
  if (chart && has_axes(tile.chart) && report.groups.empty())
    diagnostics_.error(chart->at, "bad-report", "report " + quoted(report.name) + " has no groups to draw", "take `table` or `number`");
  if (const Node* width = node.get("width"); width && !is_bad(node, "width")) {
    const std::int64_t columns = integer_of(width->text).value_or(0);
    if (columns < 1 || columns > 24) diagnostics_.error(width->at, "out-of-range", "`width` of " + subject + " is " + width->text, "1 to 24 columns");
    else tile.width = static_cast<int>(columns);
  }
  const std::vector<Mention> shown = mentions(node.get("measures"));
  check_twice(shown, "measure");
  for (const Mention& mention : shown) {
    if (report.measure(mention.text)) {
      tile.measures.emplace_back(mention.text);
    } else {
      std::vector<std::string_view> known;
      for (const ReportMeasure& one : report.measures) known.push_back(one.name);
      unknown(mention.at, "measure", mention.text, known);
    }
  }
  const Node* given = node.get("parameters");
  for (std::size_t i = 0; given && i < given->entries.size(); ++i) {
    const Entry& one = given->entries[i];
    if (one.bad || one.value.bad) continue;
    const ReportParameter* parameter = report.parameter(one.key);
    if (!parameter) {
      std::vector<std::string_view> known;
      for (const ReportParameter& other : report.parameters) known.push_back(other.field.name);
      unknown(one.at, "parameter", one.key, known);
      continue;
    }
    if (parameter->period) {
      if (!is_period(one.value.text)) {
        diagnostics_.error(one.value.at, "bad-default", quoted(one.value.text) + " is no period", "write e.g. this_month, last_30_days, or 2026-01-01..2026-03-31");
        continue;
      }
    } else if (parameter->field.type != FieldType::ref) {
      Node value = one.value;
      value.quoted = false;  // a map of texts: all of them are
      if (!setting_value(value, parameter->field, "value")) continue;
    }
    tile.given.emplace_back(one.key, one.value.text);
  }
  dashboard.tiles.push_back(std::move(tile));
}

}  // namespace caravan::model

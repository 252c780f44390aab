#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/catalog.h"

/// Parts of the Catalog: reports, and dashboards made of them.
namespace caravan::model {

/// A value that whoever asks for a report may give. The report's rules read it as `params.NAME`.
struct ReportParameter {
  Field field;                       ///< name, label, help, type (text int bool decimal date choice ref period), choices, target
  /// A stretch of days: its rules read `params.NAME.from` and `params.NAME.to`, both dates, both included.
  bool period = false;
  expr::Value default_value;         ///< may be null
  std::string default_period;        ///< of a period: `this_month`, `last_30_days` …; empty: none
  bool required = false;
  Origin origin;
};

/// One figure of each group.
struct ReportMeasure {
  std::string name;
  Text label;
  /// As the aggregate of records takes it: `count`, `sum:amount`, `median:amount`, `p90:amount`; empty where `value` or `function` is given.
  std::string of;
  std::string function;              ///< instead of `of`: a plugin's, of the values of `field`
  const Field* field = nullptr;      ///< what is measured; null for count
  std::string where;                 ///< CEL over `record`, `user`, `params`: which records it counts; empty: all
  std::vector<std::string> reads;    ///< the parameters that `where` reads
  bool percent = false;              ///< people read it as a share: 0.25 as 25 %
  /// CEL over the measures before it: `measures.won / measures.all`; all of them are decimals in it. Empty: none.
  std::string value;
  Origin origin;
};

/// What the groups are: a field, or a part of the calendar.
struct ReportGroup {
  std::string name;
  Text label;
  const Field* field = nullptr;
  std::string by;                    ///< as the aggregate of records takes it: `state`, `created_at:month`
  Origin origin;
};

/// A condition; left out while a parameter that it reads is not given.
struct ReportFilter {
  std::string name;
  std::string source;                ///< CEL over `record`, `user`, `params`
  std::vector<std::string> reads;    ///< the parameters that it reads
  Origin origin;
};

enum class ReportChart : std::uint8_t { table, bar, line, pie, number };
const char* to_string(ReportChart chart);

/// `kind: report`: figures about the records of one entity, under the rights of whoever asks.
struct Report {
  std::string name;
  Text label, help;
  const Entity* entity = nullptr;
  std::vector<std::string> roles;    ///< who is offered it; empty: whoever may read the entity
  std::vector<ReportParameter> parameters;  ///< in order
  std::vector<ReportFilter> filters; ///< all must hold
  std::vector<ReportGroup> groups;   ///< at most three
  std::vector<ReportMeasure> measures;      ///< in order, at least one
  std::string sort;                  ///< names of groups and measures: `-won,month`; empty: by the groups
  std::uint32_t limit = 100;         ///< groups
  ReportChart chart = ReportChart::table;
  Origin origin;
  const ReportParameter* parameter(std::string_view name) const;
  const ReportMeasure* measure(std::string_view name) const;
};

/// One report on a dashboard.
struct DashboardTile {
  std::string name;
  Text label;                        ///< empty: the report's
  const Report* report = nullptr;
  ReportChart chart = ReportChart::table;   ///< the report's unless given
  std::vector<std::string> measures; ///< of the report, that are shown; empty: all
  int width = 12;                    ///< of 24 columns
  std::vector<std::pair<std::string, std::string>> given;  ///< values of the report's parameters, as the route takes them
  Origin origin;
};

/// Periods by name: `this_month`, `last_30_days` …
struct Period {
  Date from, to;                     ///< both included
};
/// nullopt for a name that is none.
std::optional<Period> period_named(std::string_view name, Date today);
/// All names, for messages.
const std::vector<std::string_view>& period_names();

/// A condition with `params.NAME` and `params.NAME.PART` (`from`, `to`, `start`, `end`; else empty) replaced by what `literal` gives for
/// them, so that it is an ordinary filter; nullopt where that gives nothing for one.
std::optional<std::string> with_parameters(
    std::string_view source, const std::function<std::optional<std::string>(std::string_view name, std::string_view part)>& literal);

/// `kind: dashboard`: reports beside each other. A parameter that several tiles' reports have is one for all.
struct Dashboard {
  std::string name;
  Text label;
  std::string icon;
  std::vector<std::string> roles;    ///< who is offered it; empty: everybody
  std::vector<DashboardTile> tiles;  ///< in order
  Origin origin;
};

}  // namespace caravan::model

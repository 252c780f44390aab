#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/reports.h"
#include "records/aggregate.h"

/// Reports of the definitions, made under the rights of whoever asks: fields that he may not read are refused, records that he may not see
/// are not counted.
namespace caravan::records {

/// A figure and the way to its records.
struct ReportCell {
  expr::Value value;                       ///< null where there is nothing to tell
  std::vector<Decimal> amounts;            ///< of money instead: one a currency, in the order of their codes
  std::string filter;                      ///< of a list of the entity's records: those that are measured; empty: all
};

struct ReportRow {
  std::vector<expr::Value> group;          ///< by group; a part of the calendar is the Date of its first day
  std::string filter;                      ///< the records of the row
  std::vector<ReportCell> cells;           ///< by measure
};

/// What a parameter was, by hand or by default.
struct ReportValue {
  const model::ReportParameter* parameter = nullptr;
  std::string text;                        ///< as the route takes it; empty: it was not given
  std::optional<model::Period> period;     ///< of a period
};

struct ReportResult {
  const model::Report* report = nullptr;
  std::vector<ReportValue> values;         ///< by parameter
  std::vector<AggregateGroup> groups;      ///< by the report's groups
  std::vector<std::optional<AggregateMeasure>> measures;  ///< by the report's measures; nullopt: computed
  std::vector<ReportRow> rows;
  ReportRow total;                         ///< over all records, also those of rows that are not there
  bool more = false;                       ///< there are more rows than the report's limit
};

/// What is taken where nothing is given, as the route takes it; "" where there is none.
std::string default_text(const model::ReportParameter& parameter);

/// Whether the report is offered to the actor: he holds one of its roles, and a role of his may read records of its entity and the fields
/// that it measures, groups by, and asks for in the conditions that apply as it is opened.
bool is_offered(const RecordService& service, const Context& context, const model::Report& report);

/// `given`: values of parameters as texts. Throws invalid_argument for a parameter or a value that is none and where one is missing,
/// forbidden where the actor holds none of its roles, may read no record of its entity, or not a field that it reads.
ReportResult make_report(const RecordService& service, const Context& context, const model::Report& report,
                         const std::vector<std::pair<std::string, std::string>>& given);

}  // namespace caravan::records

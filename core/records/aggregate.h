#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "records/service.h"

/// Groups of records with counts, sums and the like, for boards and reports.
namespace caravan::records {

/// Parts of the calendar that dates and moments are grouped by; moments in the agency's zone.
enum class Bucket : std::uint8_t { none, day, week, month, quarter, year };
const char* to_string(Bucket bucket);

enum class MeasureKind : std::uint8_t { count, sum, avg, min, max, count_distinct, percentile, function };
const char* to_string(MeasureKind kind);

/// A measure with a name of its own, of some of the group's records.
struct NamedMeasure {
  std::string name;
  std::string of;                          ///< `count`, `sum:budget`, `median:budget`, `p90:budget`
  std::string filter;                      ///< as in a list; empty: all
  std::string function;                    ///< instead of `of`: a plugin's, of the values of `field`
  std::string field;
};

/// A request for groups. All texts come from the client and are checked by RecordService::aggregate().
struct AggregateQuery {
  std::string group;                       ///< `state,created_at:month`: at most three; empty: all records are one group
  std::string measure;                     ///< `count,sum:budget`: at most ten; empty: `count`
  std::vector<NamedMeasure> measures;      ///< instead of `measure`, where there is one
  std::string filter, q;                   ///< as in a list
  std::string sort;                        ///< of groups and measures, `-count,state`; empty: by the groups, ascending
  std::string after;                       ///< opaque, of the page before
  std::uint32_t limit = 100;               ///< groups, 1 to 1,000
};

struct AggregateGroup {
  const model::Field* field = nullptr;
  Bucket bucket = Bucket::none;
  std::string name;                        ///< as in the request: `created_at:month`
};

struct AggregateMeasure {
  MeasureKind kind = MeasureKind::count;
  const model::Field* field = nullptr;     ///< null for count
  std::string name;                        ///< as in the request: `sum:budget`
  std::string function;                    ///< of function: the plugin's
  std::string problem;                     ///< why the function has not computed it in all groups; for a person
  int percent = 0;                         ///< of percentile: 1 to 99; 50 is the median. Between two values it is interpolated
  bool by_currency() const { return field != nullptr && field->type == model::FieldType::money && kind != MeasureKind::count_distinct; }
};

struct AggregateCell {
  expr::Value value;                       ///< null where there was nothing to measure; a sum of nothing is 0
  std::vector<Decimal> amounts;            ///< of money instead: one a currency, in the order of their codes
};

struct AggregateRow {
  std::vector<expr::Value> group;          ///< as the field's values; a bucket is the Date of its first day
  std::vector<AggregateCell> cells;        ///< by measure
};

struct AggregateResult {
  std::vector<AggregateGroup> groups;
  std::vector<AggregateMeasure> measures;
  std::vector<AggregateRow> rows;
  std::string next;                        ///< empty on the last page
};

/// How people write a bucket: `2026-11-22`, `2026-W47` (ISO 8601), `2026-11`, `2026-Q4`, `2026`.
std::string bucket_label(Bucket bucket, Date first_day);
/// Type of a measure's values: that of the field, or int for counts; decimals of averages and percentiles have at least six fraction digits.
void write_measure(std::string& out, const AggregateMeasure& measure, const AggregateCell& cell);

}  // namespace caravan::records

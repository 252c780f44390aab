#include "records/aggregate.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "base/time_zone.h"
#include "records/codec.h"
#include "records/functions.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/query.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Field;
using model::FieldType;

__extension__ using wide = __int128;

constexpr std::size_t most_groups = 3, most_measures = 10;
constexpr std::uint32_t most_rows = 1'000;
constexpr std::size_t most_changes = 400;      ///< of the zone's offset, in the range of the data
constexpr std::size_t most_currencies = 30;
constexpr std::size_t most_values = 100'000;   ///< that one function is given, in all groups of a page
constexpr std::size_t most_bytes = 8u << 20;   ///< the same as text
constexpr std::chrono::seconds most_time{10};  ///< that functions may take for one answer, all groups together
constexpr std::int64_t furthest = 1'000'000;   ///< groups before a page
constexpr wide largest_decimal = 999'999'999'999'999'999;
constexpr std::int64_t half = 1'000'000'000;   ///< SQLite sums the parts above and below apart, so that nothing overflows

[[noreturn]] void bad(std::string text) { throw Error(ErrorCode::invalid_argument, std::move(text)); }

std::string cut(std::string_view text) { return std::string(cut_text(text, 64)); }

std::optional<Bucket> bucket_named(std::string_view name) {
  for (const Bucket bucket : {Bucket::day, Bucket::week, Bucket::month, Bucket::quarter, Bucket::year}) {
    if (name == to_string(bucket)) return bucket;
  }
  return std::nullopt;
}

std::optional<MeasureKind> measure_named(std::string_view name, int& percent) {
  for (const MeasureKind kind :
       {MeasureKind::count, MeasureKind::sum, MeasureKind::avg, MeasureKind::min, MeasureKind::max, MeasureKind::count_distinct}) {
    if (name == to_string(kind)) return kind;
  }
  if (name == "median") {
    percent = 50;
    return MeasureKind::percentile;
  }
  const bool digits = name.size() >= 2 && name.size() <= 3 && name[0] == 'p' && name[1] >= '1' && name[1] <= '9' &&
                      (name.size() == 2 || (name[2] >= '0' && name[2] <= '9'));
  if (!digits) return std::nullopt;
  percent = std::stoi(std::string(name.substr(1)));
  return MeasureKind::percentile;
}

/// Text of a statement, with the values for its places in order.
struct Sql {
  std::string text;
  std::vector<expr::Value> parameters;
  Sql() = default;
  explicit Sql(std::string text_) : text(std::move(text_)) {}
  Sql& operator+=(std::string_view more) {
    text += more;
    return *this;
  }
  Sql& operator+=(const Sql& more) {
    text += more.text;
    parameters.insert(parameters.end(), more.parameters.begin(), more.parameters.end());
    return *this;
  }
};

bool is_number(const Field& field) {
  return field.type == FieldType::integer || field.type == FieldType::decimal || field.type == FieldType::money;
}

/// The values of one group, as a function is given them.
struct Values {
  std::size_t row, measure;
  std::string currency;
  std::int64_t count = 0;
  std::string json;  ///< a list, without its end
};

/// A sum as the database gives it, in units of the last digit.
wide parse_wide(std::string_view text) {
  wide value = 0;
  bool negative = false;
  for (const char c : text) {
    if (c == '-') negative = true;
    else if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

wide power_of_ten(int n) {
  wide value = 1;
  while (n-- > 0) value *= 10;
  return value;
}

wide divide_half_even(wide a, wide b) {  // b > 0
  wide quotient = a / b;
  const wide rest = (a % b < 0 ? -(a % b) : a % b) * 2;
  if (rest > b || (rest == b && quotient % 2 != 0)) quotient += a < 0 ? -1 : 1;
  return quotient;
}

class Aggregator {
 public:
  Aggregator(storage::Session& session, const Context& context, const Plans& plans, const EntityPlan& plan, const AggregateQuery& query)
      : session_(session),
        context_(context),
        plans_(plans),
        plan_(plan),
        entity_(*plan.entity),
        query_(query),
        sqlite_(plans.dialect() == storage::Dialect::sqlite),
        rights_(field_rights(context, entity_)) {}

  AggregateResult run() {
    const ReadRule rule = read_rule(context_, entity_, session_);
    if (rule.kind == ReadRule::Kind::never) {
      throw Error(ErrorCode::forbidden, message("forbidden_read", context_.locale, {entity_.label.in(context_.locale)}));
    }
    if (query_.limit < 1 || query_.limit > most_rows) bad("limit: a number from 1 to 1000.");
    parse();
    const std::int64_t skip = parse_cursor();
    where_ = condition_of(context_, plans_, plan_, rule, rights_, query_.filter, query_.q);
    for (AggregateGroup& group : result_.groups) group_sql_.push_back(group_sql(group));
    const ReadRule all{ReadRule::Kind::always, {}, {}};  // the rule stands in `where_`
    for (const std::string& filter : filters_) conditions_.push_back(filter.empty() ? Condition() : condition_of(context_, plans_, plan_, all, rights_, filter, {}));
    for (const AggregateMeasure& measure : result_.measures) {
      if (measure.field != nullptr && measure.field->type == FieldType::money) currencies_of(*measure.field);
    }
    while (!read(skip)) {
    }
    for (std::size_t m = 0; m < result_.measures.size(); ++m) {
      const MeasureKind kind = result_.measures[m].kind;
      if (kind == MeasureKind::percentile) by_currencies(m, [&](const std::string& code) { read_percentile(m, code); });
      if (kind == MeasureKind::function) by_currencies(m, [&](const std::string& code) { read_values(m, code); });
    }
    return std::move(result_);
  }
  /// What functions are to compute, once the connection is given back.
  std::deque<Values> values() { return std::move(values_); }

 private:
  std::string quoted(const std::string& column) const { return "r." + storage::quote(plans_.dialect(), column); }

  const Field& field_named(std::string_view parameter, std::string_view name) const {
    const Field* field = entity_.field(name);
    if (field == nullptr) bad(std::string(parameter) + ": there is no field \"" + cut(name) + "\" in " + entity_.full_name + ".");
    if (!rights_.readable(*field)) require_readable(context_, entity_, *field);
    if (field->sensitive) {
      bad(std::string(parameter) + ": " + field->name + " is sealed in the database, which can neither group nor measure it; a filter finds equal values.");
    }
    return *field;
  }

  void parse() {
    each_name(query_.group, [&](std::string_view name) {
      AggregateGroup group;
      group.name = name;
      const auto colon = name.find(':');
      group.field = &field_named("group", name.substr(0, colon));
      const Field& field = *group.field;
      const bool dated = field.type == FieldType::date || field.type == FieldType::instant;
      if (colon != std::string_view::npos) {
        const auto bucket = bucket_named(name.substr(colon + 1));
        if (!bucket || !dated) bad("group: \"" + cut(name) + "\": only dates and times take a part of the calendar: day, week, month, quarter or year.");
        group.bucket = *bucket;
      }
      switch (field.type) {
        case FieldType::instant:
          if (group.bucket == Bucket::none) bad("group: " + field.name + " is a time; say by which part of the calendar, e.g. " + field.name + ":month.");
          break;
        case FieldType::text:
          if (!field.system && field.max_length == 0) bad("group: " + field.name + " holds texts of any length, which are not grouped.");
          break;
        case FieldType::multi: case FieldType::refs: case FieldType::localized:
          bad("group: " + field.name + " holds several values, by which records are not grouped; filter by one of them, e.g. \"x\" in record." + field.name + ".");
        case FieldType::decimal: case FieldType::money: case FieldType::json:
          bad("group: records are not grouped by " + field.name + "; take a choice, a reference, a text, a whole number, yes/no, a date or a time.");
        default: break;
      }
      for (const AggregateGroup& other : result_.groups) {
        if (other.name == group.name) bad("group: " + group.name + " is named twice.");
      }
      if (result_.groups.size() == most_groups) bad("group: at most three fields.");
      result_.groups.push_back(std::move(group));
    });
    const auto add_measure = [&](AggregateMeasure measure, const std::string& filter) {
      for (const AggregateMeasure& other : result_.measures) {
        if (other.name == measure.name) bad("measure: " + measure.name + " is named twice.");
      }
      if (result_.measures.size() == most_measures) bad("measure: at most ten.");
      result_.measures.push_back(std::move(measure));
      filters_.push_back(filter);
    };
    const auto take_measure = [&](std::string_view title, std::string_view name, const std::string& filter) {
      AggregateMeasure measure;
      measure.name = title;
      const auto colon = name.find(':');
      const auto kind = measure_named(name.substr(0, colon), measure.percent);
      if (!kind || (*kind == MeasureKind::count) != (colon == std::string_view::npos)) {
        bad("measure: \"" + cut(name) + "\" is none; there are count, sum:FIELD, avg:FIELD, min:FIELD, max:FIELD, median:FIELD, p90:FIELD, count_distinct:FIELD.");
      }
      measure.kind = *kind;
      if (colon != std::string_view::npos) {
        const Field& field = field_named("measure", name.substr(colon + 1));
        measure.field = &field;
        const bool ordered = is_number(field) || field.type == FieldType::date || field.type == FieldType::instant;
        const bool long_text = field.type == FieldType::json || kept_as_json(field) || (field.type == FieldType::text && !field.system && field.max_length == 0);
        const bool fits = *kind == MeasureKind::count_distinct                            ? !long_text
                          : *kind == MeasureKind::min || *kind == MeasureKind::max ? ordered
                                                                                   : is_number(field);
        if (!fits) bad("measure: " + std::string(name.substr(0, colon)) + " cannot be taken of " + field.name + ", which is of type " + model::to_string(field.type) + ".");
      }
      add_measure(std::move(measure), filter);
    };
    for (const NamedMeasure& one : query_.measures) {
      if (one.function.empty()) {
        take_measure(one.name, one.of, one.filter);
        continue;
      }
      AggregateMeasure measure;  // which fields fit is checked with the definitions
      measure.name = one.name;
      measure.kind = MeasureKind::function;
      measure.function = one.function;
      measure.field = &field_named("measure", one.field);
      add_measure(std::move(measure), one.filter);
    }
    if (query_.measures.empty()) {
      each_name(query_.measure.empty() ? std::string_view("count") : std::string_view(query_.measure),
                [&](std::string_view name) { take_measure(name, name, {}); });
    }
    each_name(query_.sort, [&](std::string_view name) {
      Key key;
      if (name.starts_with('-')) {
        key.descending = true;
        name.remove_prefix(1);
      }
      const auto& groups = result_.groups;
      const auto& measures = result_.measures;
      const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == name; });
      const auto measure = std::find_if(measures.begin(), measures.end(), [&](const auto& m) { return m.name == name; });
      if (group != groups.end()) key.group = static_cast<std::size_t>(group - groups.begin());
      else if (measure != measures.end()) key.measure = static_cast<std::size_t>(measure - measures.begin());
      else bad("sort: \"" + cut(name) + "\" is neither one of the groups nor of the measures.");
      if (key.measure && later(measures[*key.measure])) bad("sort: groups are not sorted by \"" + cut(name) + "\", which is computed after they were read.");
      if (sort_.size() == most_groups + most_measures) bad("sort: too many keys.");
      sort_.push_back(key);
    });
    for (std::size_t i = 0; i < result_.groups.size(); ++i) {
      if (std::none_of(sort_.begin(), sort_.end(), [&](const Key& key) { return key.group == i; })) sort_.push_back({i, std::nullopt, false});
    }
  }

  /// What a cursor belongs to.
  std::string signature() const {
    return query_.group + "|" + query_.measure + "|" + query_.sort;
  }

  std::int64_t parse_cursor() const {
    if (query_.after.empty()) return 0;
    const auto refuse = [] { bad("after: this cursor does not belong to these groups; start again without it."); };
    if (query_.after.size() > 8192) refuse();
    const auto text = from_base64url(query_.after);
    const auto bar = text ? text->find('|') : std::string::npos;
    if (bar == std::string::npos || bar == 0 || bar > 7 || text->substr(bar + 1) != signature()) refuse();
    std::int64_t skip = 0;
    for (const char c : text->substr(0, bar)) {
      if (c < '0' || c > '9') refuse();
      skip = skip * 10 + (c - '0');
    }
    if (skip > furthest) bad("after: there are more groups than can be paged through; narrow them with a filter.");
    return skip;
  }

  // ---- Groups

  std::string group_sql(const AggregateGroup& group) {
    const std::string column = quoted(group.field->column);
    if (group.bucket == Bucket::none) return column;
    std::string day = group.field->type == FieldType::instant ? local_day(*group.field) : column;
    return sqlite_ ? sqlite_bucket(group.bucket, day) : mysql_bucket(group.bucket, day);
  }

  static std::string sqlite_bucket(Bucket bucket, const std::string& day) {
    switch (bucket) {
      case Bucket::week: return "date(" + day + ", 'weekday 0', '-6 days')";
      case Bucket::month: return "(substr(" + day + ", 1, 8) || '01')";
      case Bucket::quarter:
        return "(substr(" + day + ", 1, 5) || CASE WHEN substr(" + day + ", 6, 2) < '04' THEN '01' WHEN substr(" + day + ", 6, 2) < '07' THEN '04' WHEN substr(" + day +
               ", 6, 2) < '10' THEN '07' ELSE '10' END || '-01')";
      case Bucket::year: return "(substr(" + day + ", 1, 5) || '01-01')";
      default: return day;
    }
  }

  static std::string mysql_bucket(Bucket bucket, const std::string& day) {
    switch (bucket) {
      case Bucket::week: return "DATE_SUB(" + day + ", INTERVAL WEEKDAY(" + day + ") DAY)";
      case Bucket::month: return "DATE_SUB(" + day + ", INTERVAL DAYOFMONTH(" + day + ") - 1 DAY)";
      case Bucket::quarter: return "DATE_SUB(DATE_SUB(" + day + ", INTERVAL DAYOFMONTH(" + day + ") - 1 DAY), INTERVAL (MONTH(" + day + ") - 1) % 3 MONTH)";
      case Bucket::year: return "DATE_SUB(" + day + ", INTERVAL DAYOFYEAR(" + day + ") - 1 DAY)";
      default: return day;
    }
  }

  /// The day that the agency's calendar shows at the moment, for every moment between the first and the last of the data: the
  /// database's own tables of zones may be empty.
  std::string local_day(const Field& field) {
    const std::string column = quoted(field.column);
    storage::Statement& ends = session_.prepare("SELECT MIN(" + column + "), MAX(" + column + ")" + plan_.from + where_.where());
    bind_parameters(ends, where_.parameters);
    expr::Value first, last;
    if (ends.step()) {
      first = ends.value(0, storage::instant_column);
      last = ends.value(1, storage::instant_column);
    }
    ends.reset();
    std::string offset = "0";
    if (const auto *from = first.as<Timestamp>(), *to = last.as<Timestamp>(); from && to) {
      // A record that is written meanwhile lies beyond by little.
      constexpr std::int64_t day = 86'400'000'000;
      const Timestamp wider_from{std::max(from->micros - day, min_timestamp_seconds * 1'000'000)};
      const Timestamp wider_to{std::min(to->micros + 32 * day, max_timestamp_seconds * 1'000'000)};
      const auto changes = offset_changes(wider_from, wider_to, context_.catalog->agency.time_zone, most_changes);
      if (!changes) {
        bad("group: the times of " + field.name + " span too many changes of the clock; narrow them with a filter.");
      }
      if (changes->size() == 1) {
        offset = std::to_string(changes->front().offset_seconds);
      } else {
        offset = "CASE";
        for (std::size_t i = 1; i < changes->size(); ++i) {
          offset += " WHEN " + column + " < " + moment((*changes)[i].from) + " THEN " + std::to_string((*changes)[i - 1].offset_seconds);
        }
        offset += " ELSE " + std::to_string(changes->back().offset_seconds) + " END";
      }
    }
    if (!sqlite_) return "DATE(DATE_ADD(" + column + ", INTERVAL " + offset + " SECOND))";
    // Division rounds towards zero, days before 1970 towards the past.
    const std::string seconds = "((" + column + " - ((" + column + " % 1000000) + 1000000) % 1000000) / 1000000 + (" + offset + "))";
    return "date(" + seconds + ", 'unixepoch')";
  }

  std::string moment(Timestamp at) const {
    if (sqlite_) return std::to_string(at.micros);
    std::string text = format_timestamp(at);
    text.pop_back();  // the Z: columns are UTC
    text[10] = ' ';
    return "TIMESTAMP'" + text + "'";
  }

  // ---- Measures

  /// Its values are read by statements of their own.
  static bool later(const AggregateMeasure& measure) { return measure.kind == MeasureKind::percentile || measure.kind == MeasureKind::function; }

  struct Key {
    std::optional<std::size_t> group, measure;
    bool descending = false;
  };

  /// Codes met in the field so far; they end up in the SQL's text, so only what is a code is taken.
  std::vector<std::string>& currencies_of(const Field& field) {
    for (auto& [known, codes] : currencies_) {
      if (known == &field) return codes;
    }
    const auto kept = plans_.queries().currencies.get(
        entity_, field.name, [&] { return std::make_shared<const std::vector<std::string>>(1, plans_.catalog().agency.currency); });
    return currencies_.emplace_back(&field, *kept).second;
  }

  /// Looks which currencies there are; true where there is one that was not known.
  bool learn_currencies(const Field& field) {
    std::vector<std::string>& codes = currencies_of(field);
    const std::vector<std::string> before = codes;
    std::vector<std::string> here{plans_.catalog().agency.currency};
    storage::Statement& statement = session_.prepare("SELECT DISTINCT " + quoted(field.currency_column) + plan_.from + where_.where() + " LIMIT " +
                                                     std::to_string(most_currencies + 2));
    bind_parameters(statement, where_.parameters);
    while (statement.step()) {
      Decimal probe;
      const std::string code(statement.text(0));
      if (!probe.set_currency(code)) continue;
      if (std::find(here.begin(), here.end(), code) == here.end()) here.push_back(code);
      if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(code);
    }
    statement.reset();
    // What other queries have met is no matter of this one.
    if (codes.size() > most_currencies) codes = here;
    if (here.size() > most_currencies) bad("measure: " + field.name + " has amounts in more than 30 currencies; narrow them with a filter.");
    std::sort(codes.begin(), codes.end());
    if (codes == before) return false;
    plans_.queries().currencies.put(entity_, field.name, std::make_shared<const std::vector<std::string>>(codes));
    return true;
  }

  std::string currency_sql(const Field& field) const {
    return "COALESCE(" + quoted(field.currency_column) + ", '" + plans_.catalog().agency.currency + "')";
  }

  /// Adds the columns that a cell of plain values `of` needs; they are read by read_cell() in the same order.
  void add_columns(Sql& sql, MeasureKind kind, const Sql& of) const {
    const auto add = [&](std::string_view before, std::string_view after) {
      sql += before;
      sql += of;
      sql += after;
    };
    switch (kind) {
      case MeasureKind::count: add(", COUNT(", ")"); return;
      case MeasureKind::count_distinct: add(", COUNT(DISTINCT ", ")"); return;
      case MeasureKind::min: add(", MIN(", ")"); return;
      case MeasureKind::max: add(", MAX(", ")"); return;
      case MeasureKind::percentile:
      case MeasureKind::function: return;
      case MeasureKind::sum:
      case MeasureKind::avg:
        if (sqlite_) {
          const std::string unit = std::to_string(half);
          add(", SUM((", ") / " + unit + ")");
          add(", SUM((", ") % " + unit + ")");
        } else {
          add(", SUM(", ")");
        }
        add(", COUNT(", ")");
        return;
    }
  }

  /// What a measure is taken of: the column, where the record is one that it measures. `currency`: only amounts in it.
  Sql measured(std::size_t m, std::string_view currency = {}) const {
    const AggregateMeasure& measure = result_.measures[m];
    const Condition& condition = conditions_[m];
    const std::string column = measure.field != nullptr ? quoted(measure.field->column) : condition.sql.empty() ? "*" : "1";
    if (condition.sql.empty() && currency.empty()) return Sql(column);
    Sql out("CASE WHEN ");
    out += condition.sql;
    out.parameters = condition.parameters;
    if (!currency.empty()) out += (condition.sql.empty() ? "" : " AND ") + currency_sql(*measure.field) + " = '" + std::string(currency) + "'";
    out += " THEN " + column + " END";
    return out;
  }

  [[noreturn]] void too_large(const AggregateMeasure& measure) const {
    throw Error(ErrorCode::invalid_record, message("too_large_measure", context_.locale, {measure.name}));
  }

  expr::Value read_cell(storage::Statement& statement, int& column, const AggregateMeasure& measure, std::string_view currency = {}) const {
    const Field* field = measure.field;
    const int at = column++;
    switch (measure.kind) {
      case MeasureKind::count:
      case MeasureKind::count_distinct: return statement.integer(at);
      case MeasureKind::min:
      case MeasureKind::max: {
        expr::Value value = statement.value(at, plan_.slots[field->slot].type);
        if (const auto* d = value.as<Decimal>(); d != nullptr && !currency.empty()) {
          Decimal amount = *d;
          amount.set_currency(currency);
          value = expr::Value(amount);
        }
        return value;
      }
      default: break;
    }
    wide sum = 0;
    if (sqlite_) {
      sum = statement.is_null(at) ? wide{0} : wide{statement.integer(at)} * half + statement.integer(column);
      ++column;
    } else {
      sum = statement.is_null(at) ? wide{0} : parse_wide(statement.text(at));
    }
    const std::int64_t count = statement.integer(column++);
    if (count == 0 && (measure.kind == MeasureKind::avg || !currency.empty())) return {};
    std::uint8_t scale = field->type == FieldType::integer ? 0 : field->scale;
    if (measure.kind == MeasureKind::avg) {
      const std::uint8_t wanted = std::max<std::uint8_t>(scale, 6);
      sum = divide_half_even(sum * power_of_ten(wanted - scale), count);
      scale = wanted;
    } else if (field->type == FieldType::integer) {
      if (sum > INT64_MAX || sum < INT64_MIN) too_large(measure);
      return static_cast<std::int64_t>(sum);
    }
    if (sum > largest_decimal || sum < -largest_decimal) too_large(measure);
    Decimal value{static_cast<std::int64_t>(sum), scale, {0, 0, 0}};
    if (!currency.empty()) value.set_currency(currency);
    return value;
  }

  /// False where a currency was met that was not known: the caller reads again.
  bool read(std::int64_t skip) {
    Sql sql("SELECT ");
    for (std::size_t i = 0; i < group_sql_.size(); ++i) sql += (i ? ", " : "") + group_sql_[i] + " AS _g" + std::to_string(i);
    if (group_sql_.empty()) sql += "COUNT(*)";  // one row, also where no measure is an aggregate of the database
    std::vector<Sql> sort_sql(result_.measures.size());
    for (std::size_t m = 0; m < result_.measures.size(); ++m) {
      const AggregateMeasure& measure = result_.measures[m];
      const bool money = measure.field != nullptr && measure.field->type == FieldType::money;
      if (!money) {
        const Sql of = measured(m);
        add_columns(sql, measure.kind, of);
        sort_sql[m] = order_of(measure, of);
        continue;
      }
      for (const std::string& code : currencies_of(*measure.field)) {
        const Sql amount = measured(m, code);
        add_columns(sql, measure.kind, amount);
        if (measure.kind == MeasureKind::count_distinct) {
          if (!sort_sql[m].text.empty()) sort_sql[m] += " + ";
          sort_sql[m] += order_of(measure, amount);
        } else if (code == plans_.catalog().agency.currency) {
          sort_sql[m] = order_of(measure, amount);
        }
      }
      sql += ", SUM(CASE WHEN " + quoted(measure.field->column) + " IS NOT NULL AND " + currency_sql(*measure.field) + " NOT IN (";
      bool first = true;
      for (const std::string& code : currencies_of(*measure.field)) {
        sql += (first ? "'" : ", '") + code + "'";
        first = false;
      }
      sql += ") THEN 1 ELSE 0 END)";
    }
    sql += from_where();
    for (std::size_t i = 0; i < group_sql_.size(); ++i) sql += (i ? ", _g" : " GROUP BY _g") + std::to_string(i);
    bool first = true;
    for (const Key& key : sort_) {
      sql += first ? " ORDER BY " : ", ";
      first = false;
      if (key.group) sql += "_g" + std::to_string(*key.group);
      else sql += sort_sql[*key.measure];
      if (key.descending) sql += " DESC";
    }
    sql += " LIMIT " + std::to_string(query_.limit + 1) + " OFFSET " + std::to_string(skip);

    result_.rows.clear();
    storage::Statement& statement = session_.prepare(sql.text);
    bind_parameters(statement, sql.parameters);
    const Field* unknown = nullptr;
    bool more = false;
    while (unknown == nullptr && statement.step()) {
      if (result_.rows.size() == query_.limit) {
        more = true;
        break;
      }
      unknown = read_row(statement);
    }
    statement.reset();
    if (unknown != nullptr) {
      if (!learn_currencies(*unknown)) throw Error(ErrorCode::internal, "An amount of " + entity_.full_name + "." + unknown->name + " has no currency");
      return false;
    }
    if (more) result_.next = to_base64url(std::to_string(skip + query_.limit) + "|" + signature());
    return true;
  }

  Sql from_where() const {
    Sql out(plan_.from + where_.where());
    out.parameters = where_.parameters;
    return out;
  }

  /// What decides the order of a measure.
  Sql order_of(const AggregateMeasure& measure, const Sql& of) const {
    const char* function = "";
    switch (measure.kind) {
      case MeasureKind::count: function = "COUNT("; break;
      case MeasureKind::count_distinct: function = "COUNT(DISTINCT "; break;
      case MeasureKind::min: function = "MIN("; break;
      case MeasureKind::max: function = "MAX("; break;
      case MeasureKind::avg: function = "AVG("; break;
      case MeasureKind::sum: function = sqlite_ ? "TOTAL(" : "SUM("; break;  // TOTAL: near enough for an order, never overflows
      case MeasureKind::percentile:
      case MeasureKind::function: return {};
    }
    Sql out(function);
    out += of;
    out += ")";
    return out;
  }

  // ---- Percentiles: of each group, the two values around the place, by window functions that both databases have

  std::string key_of(const std::vector<expr::Value>& group) const {
    std::string key;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const AggregateGroup& of = result_.groups[i];
      const auto* day = group[i].as<Date>();
      if (of.bucket != Bucket::none && day != nullptr) key += std::to_string(day->days);
      else write_value(key, *of.field, group[i]);
      key.push_back('\n');
    }
    return key;
  }

  std::vector<expr::Value> read_group(storage::Statement& statement, int& column) const {
    std::vector<expr::Value> out;
    for (const AggregateGroup& group : result_.groups) {
      const storage::ColumnType type =
          group.bucket == Bucket::none ? plan_.slots[group.field->slot].type : storage::ColumnType{storage::ColumnType::Kind::date, 0, 0};
      out.push_back(statement.value(column++, type));
    }
    return out;
  }

  /// The value at `percent` of the way from the first to the last of `count` values, between the two around it.
  expr::Value between(const AggregateMeasure& measure, std::int64_t count, const expr::Value& low, const expr::Value& high, std::string_view currency) const {
    const auto units = [](const expr::Value& value) -> wide {
      if (const auto* n = value.as<std::int64_t>()) return *n;
      const auto* d = value.as<Decimal>();
      return d != nullptr ? d->unscaled : 0;
    };
    const std::uint8_t scale = measure.field->type == FieldType::integer ? 0 : measure.field->scale;
    const std::uint8_t wanted = std::max<std::uint8_t>(scale, 6);
    const std::int64_t rest = (count - 1) * measure.percent % 100;
    const wide sum = divide_half_even((units(low) * 100 + (units(high) - units(low)) * rest) * power_of_ten(wanted - scale), 100);
    if (sum > largest_decimal || sum < -largest_decimal) too_large(measure);
    Decimal value{static_cast<std::int64_t>(sum), wanted, {0, 0, 0}};
    if (!currency.empty()) value.set_currency(currency);
    return value;
  }

  void by_currencies(std::size_t m, const std::function<void(const std::string& code)>& read) {
    const AggregateMeasure& measure = result_.measures[m];
    if (result_.rows.empty()) return;
    if (measure.field->type != FieldType::money) return read({});
    for (const std::string& code : currencies_of(*measure.field)) read(code);
  }

  std::unordered_map<std::string, std::size_t> rows_by_key() const {
    std::unordered_map<std::string, std::size_t> rows;
    for (std::size_t i = 0; i < result_.rows.size(); ++i) rows.emplace(key_of(result_.rows[i].group), i);
    return rows;
  }

  /// Streams the values group by group and keeps those of the page; none, and a problem of the measure, where there are too many.
  void read_values(std::size_t m, const std::string& currency) {
    const AggregateMeasure& measure = result_.measures[m];
    if (!measure.problem.empty()) return;
    const Field& field = *measure.field;
    const auto rows = rows_by_key();
    Sql sql("SELECT ");
    std::string order;
    for (std::size_t i = 0; i < group_sql_.size(); ++i) {
      sql += group_sql_[i] + " AS _g" + std::to_string(i) + ", ";
      order += (i ? ", _g" : " ORDER BY _g") + std::to_string(i);
    }
    Sql of = measured(m, currency);
    sql += of;
    sql += " AS _v";
    sql += from_where();
    sql.text += order + (order.empty() ? " ORDER BY r." : ", r.") + plan_.id_column;
    storage::Statement& statement = session_.prepare(sql.text);
    bind_parameters(statement, sql.parameters);
    std::size_t count = 0, bytes = 0;
    std::string key;
    Values* values = nullptr;  // of the group at hand; null where it is not on the page
    bool first = true;
    while (statement.step()) {
      int column = 0;
      const auto group = read_group(statement, column);
      if (statement.is_null(column)) continue;
      if (std::string now = key_of(group); first || now != key) {
        first = false;
        key = std::move(now);
        const auto found = rows.find(key);
        values = found == rows.end() ? nullptr : &values_.emplace_back(Values{found->second, m, currency, 0, "["});
      }
      if (values == nullptr) continue;
      const std::size_t before = values->json.size();
      if (values->count++ > 0) values->json += ",";
      const expr::Value value = statement.value(column, plan_.slots[field.slot].type);
      if (const auto* number = value.as<Decimal>()) values->json += "\"" + format_decimal(*number) + "\"";
      else write_value(values->json, field, value);
      bytes += values->json.size() - before;
      if (++count > most_values || bytes > most_bytes) {
        statement.reset();
        result_.measures[m].problem = message("many_values", context_.locale, {measure.name, std::to_string(most_values)});
        std::erase_if(values_, [m](const Values& one) { return one.measure == m; });
        return;
      }
    }
    statement.reset();
  }

  /// Streams the groups and keeps those of the page.
  void read_percentile(std::size_t m, const std::string& currency) {
    const AggregateMeasure& measure = result_.measures[m];
    const auto rows = rows_by_key();
    std::string names, inner_names;
    for (std::size_t i = 0; i < group_sql_.size(); ++i) {
      names += (i ? ", _g" : "_g") + std::to_string(i);
      inner_names += group_sql_[i] + " AS _g" + std::to_string(i) + ", ";
    }
    const std::string comma = names.empty() ? "" : ", ", partition = names.empty() ? "" : "PARTITION BY " + names;
    const std::string place = "((_n - 1) * " + std::to_string(measure.percent) + (sqlite_ ? " / 100" : " DIV 100") + " + 1)";
    const std::string rest = "((_n - 1) * " + std::to_string(measure.percent) + " % 100)";
    Sql sql("SELECT " + names + comma + "MAX(_n), MIN(CASE WHEN _k = " + place + " THEN _v END), MIN(CASE WHEN _k = " + place + " + CASE WHEN " + rest +
            " > 0 THEN 1 ELSE 0 END THEN _v END) FROM (SELECT " + names + comma + "_v, ROW_NUMBER() OVER (" + partition + " ORDER BY _v) AS _k, COUNT(*) OVER (" +
            partition + ") AS _n FROM (SELECT " + inner_names);
    sql += measured(m, currency);
    sql += " AS _v";
    sql += from_where();
    sql += ") AS _i WHERE _v IS NOT NULL) AS _o";
    if (!names.empty()) sql += " GROUP BY " + names;
    storage::Statement& statement = session_.prepare(sql.text);
    bind_parameters(statement, sql.parameters);
    while (statement.step()) {
      int column = 0;
      const auto group = read_group(statement, column);
      const auto found = rows.find(key_of(group));
      if (found == rows.end() || statement.is_null(column)) continue;
      const storage::ColumnType type = plan_.slots[measure.field->slot].type;
      const expr::Value value = between(measure, statement.integer(column), statement.value(column + 1, type), statement.value(column + 2, type), currency);
      AggregateCell& cell = result_.rows[found->second].cells[m];
      if (const auto* amount = value.as<Decimal>(); amount != nullptr && !currency.empty()) cell.amounts.push_back(*amount);
      else cell.value = value;
    }
    statement.reset();
  }

  /// Takes the row; returns the field of an amount whose currency is not known yet, or null.
  const Field* read_row(storage::Statement& statement) {
    AggregateRow row;
    int column = 0;
    row.group = read_group(statement, column);
    if (result_.groups.empty()) ++column;
    for (const AggregateMeasure& measure : result_.measures) {
      AggregateCell cell;
      if (measure.field == nullptr || measure.field->type != FieldType::money) {
        if (!later(measure)) cell.value = read_cell(statement, column, measure);
      } else {
        std::int64_t distinct = 0;
        for (const std::string& code : currencies_of(*measure.field)) {
          if (later(measure)) break;
          const expr::Value value = read_cell(statement, column, measure, code);
          if (const auto* n = value.as<std::int64_t>()) distinct += *n;
          else if (const auto* amount = value.as<Decimal>()) cell.amounts.push_back(*amount);
        }
        if (measure.kind == MeasureKind::count_distinct) cell.value = distinct;
        if (!statement.is_null(column) && statement.integer(column) > 0) return measure.field;
        ++column;
      }
      row.cells.push_back(std::move(cell));
    }
    result_.rows.push_back(std::move(row));
    return nullptr;
  }

  storage::Session& session_;
  const Context& context_;
  const Plans& plans_;
  const EntityPlan& plan_;
  const model::Entity& entity_;
  const AggregateQuery& query_;
  const bool sqlite_;
  const FieldRights rights_;
  Condition where_;
  std::vector<std::string> filters_;      ///< by measure; may be empty
  std::vector<Condition> conditions_;     ///< the same
  std::vector<std::string> group_sql_;
  std::vector<Key> sort_;
  std::vector<std::pair<const Field*, std::vector<std::string>>> currencies_;
  AggregateResult result_;
  std::deque<Values> values_;
};

/// What a function gave for one group; null where it gave nothing. Throws what the plugin refuses or fails with.
std::optional<Decimal> computed(const Functions& functions, const Context& context, const AggregateMeasure& measure, const Values& values) {
  NamedValues arguments{{"values", expr::Value(values.json + "]")}, {"count", expr::Value(values.count)}, {"field", expr::Value(measure.field->name)}};
  if (!values.currency.empty()) arguments.emplace_back("currency", expr::Value(values.currency));
  const expr::Value answer = answer_of(functions.call(context, measure.function, arguments));
  if (answer.is_null()) return std::nullopt;
  Decimal out;
  if (const auto* whole = answer.as<std::int64_t>()) out.unscaled = *whole;
  else if (const auto* decimal = answer.as<Decimal>()) out = *decimal;
  else throw Error(ErrorCode::internal, measure.function + " has answered with something that is no number.");
  if (out.has_currency() && out.currency_code() != values.currency) throw Error(ErrorCode::internal, measure.function + " has answered with an amount of another currency.");
  if (!values.currency.empty()) out.set_currency(values.currency);
  return out;
}

/// Fills the cells that functions compute. One that fails leaves its cells empty and says why: the other figures are as good as before.
void compute(const Functions* functions, const Context& context, const std::deque<Values>& all, AggregateResult& result) {
  const auto end = std::chrono::steady_clock::now() + most_time;
  for (const Values& values : all) {
    AggregateMeasure& measure = result.measures[values.measure];
    if (!measure.problem.empty()) continue;
    try {
      if (functions == nullptr) throw Error(ErrorCode::unavailable, "There are no plugins here to compute " + measure.function + ".");
      if (std::chrono::steady_clock::now() > end) throw Error(ErrorCode::unavailable, message("slow_function", context.locale, {measure.function}));
      const auto value = computed(*functions, context, measure, values);
      if (!value) continue;
      AggregateCell& cell = result.rows[values.row].cells[values.measure];
      if (measure.by_currency()) cell.amounts.push_back(*value);
      else cell.value = expr::Value(*value);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::retry) throw;
      measure.problem = error.message();
    }
  }
  for (std::size_t m = 0; m < result.measures.size(); ++m) {
    if (result.measures[m].problem.empty()) continue;
    for (AggregateRow& row : result.rows) row.cells[m] = {};
  }
}

}  // namespace

const char* to_string(Bucket bucket) {
  static constexpr const char* names[] = {"", "day", "week", "month", "quarter", "year"};
  return names[static_cast<std::size_t>(bucket)];
}

const char* to_string(MeasureKind kind) {
  static constexpr const char* names[] = {"count", "sum", "avg", "min", "max", "count_distinct", "percentile", "function"};
  return names[static_cast<std::size_t>(kind)];
}

std::string bucket_label(Bucket bucket, Date first_day) {
  const std::string day = format_date(first_day);
  switch (bucket) {
    case Bucket::week: {
      // The week belongs to the year that its Thursday lies in.
      const Date thursday{first_day.days + 3};
      const std::string year = format_date(thursday).substr(0, 4);
      const Date first = *parse_date(year + "-01-01");
      const std::string week = std::to_string((thursday.days - first.days) / 7 + 1);
      return year + (week.size() == 1 ? "-W0" : "-W") + week;
    }
    case Bucket::month: return day.substr(0, 7);
    case Bucket::quarter: return day.substr(0, 4) + "-Q" + std::to_string((std::stoi(day.substr(5, 2)) + 2) / 3);
    case Bucket::year: return day.substr(0, 4);
    default: return day;
  }
}

void write_measure(std::string& out, const AggregateMeasure& measure, const AggregateCell& cell) {
  if (measure.by_currency()) {
    out.push_back('[');
    for (std::size_t i = 0; i < cell.amounts.size(); ++i) {
      out += i ? ",{\"currency\":" : "{\"currency\":";
      write_json_string(out, cell.amounts[i].currency_code());
      out += ",\"amount\":\"" + format_decimal(cell.amounts[i]) + "\"}";
    }
    out.push_back(']');
  } else if (const auto* decimal = cell.value.as<Decimal>()) {
    out += "\"" + format_decimal(*decimal) + "\"";
  } else if (const auto* number = cell.value.as<std::int64_t>()) {
    out += std::to_string(*number);
  } else if (measure.field != nullptr) {
    write_value(out, *measure.field, cell.value);
  } else {
    out += "null";
  }
}

AggregateResult RecordService::aggregate(const Context& context, const model::Entity& entity, const AggregateQuery& query) const {
  const auto plans = this->plans(context);
  std::deque<Values> values;
  AggregateResult result;
  {
    auto session = database_.read();
    Aggregator aggregator(*session, context, *plans, plans->of(entity), query);
    result = aggregator.run();
    values = aggregator.values();
  }
  if (!values.empty()) compute(functions_.load().get(), context, values, result);
  return result;
}

}  // namespace caravan::records

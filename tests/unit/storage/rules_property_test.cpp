#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "expr/expression.h"
#include "expr/sql_text.h"
#include "storage/constraints.h"
#include "storage/schema.h"
#include "support/definitions.h"
#include "support/test_database.h"

/// Rules in memory against rules in the database: random schemas, records and conditions. 500 conditions a database;
/// as many as CARAVAN_PROPERTY_CASES says, beginning with seed CARAVAN_PROPERTY_SEED, where they are set. Those over the row
/// alone also as constraints of the database (a fifth of them where no number of cases is set).
namespace caravan::storage {
namespace {

using expr::Value;
using model::Entity;
using model::Field;
using model::FieldType;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::size_t below(std::size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state_ >> 33) % n);
  }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& of(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  std::int64_t integer() {
    static const std::vector<std::int64_t> pool{0, 1, 2, 3, 5, 7, -1, -2, 10, 100, 1'000'000'007, INT64_MAX, INT64_MIN, INT64_MAX - 1, 4'611'686'018'427'387'904};
    return of(pool);
  }

 private:
  std::uint64_t state_;
};

const std::vector<std::string> texts{"", "a", "A", "a ", " a", "b", "é", "e\u0301", "ß", "ss", "北京", "北京 ", "上海北京", "%", "_", "a%b", "\\", "it's", "\"q\"", "😀", "Ａ", "ab", "abc", "null", "0"};
const std::vector<std::string> words{"new", "old", "urgent", "vip"};
const std::vector<std::string> days{"0001-01-01", "0001-01-02", "1969-12-31", "2024-02-29", "2026-11-22", "2026-12-20", "2027-01-01", "9999-12-30", "9999-12-31"};
const std::vector<std::string> moments{"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-11-22T02:00:00Z", "2026-11-22T02:00:00.000001Z", "2026-12-20T16:00:00Z", "9999-12-31T23:59:59.999999Z"};
const std::vector<std::string> currencies{"CNY", "CNY", "USD", ""};

/// A row: a record in memory, with the references that hold.
class Row final : public expr::RecordView {
 public:
  explicit Row(const Entity& entity) : values(entity.fields.size()) {}
  Value get(std::uint32_t slot) const override { return values[slot]; }
  const Value* peek(std::uint32_t slot) const override { return &values[slot]; }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t slot) const override {
    const auto found = targets.find(slot);
    return found == targets.end() ? nullptr : found->second;
  }
  std::vector<Value> values;
  std::map<std::uint32_t, std::shared_ptr<const Row>> targets;
};

std::string schema_of(Random& random, int round, std::size_t entities) {
  std::string yaml = "kind: choices\nname: shop.word" + std::to_string(round) + "\noptions: {new: {}, old: {}, urgent: {}, vip: {}}\n";
  for (std::size_t e = 0; e < entities; ++e) {
    yaml += "---\nkind: entity\nname: shop.r" + std::to_string(round) + "_e" + std::to_string(e) + "\nfields:\n";
    const std::size_t fields = 8 + random.below(10);
    for (std::size_t f = 0; f < fields; ++f) {
      yaml += "  f" + std::to_string(f) + ": {type: ";
      switch (random.below(16)) {
        case 0: case 1: yaml += "int"; break;
        case 2: yaml += "bool"; break;
        case 3: yaml += "decimal, scale: " + std::to_string(random.below(7)); break;
        case 4: yaml += "money, scale: " + std::to_string(2 * random.below(3)); break;
        case 5: yaml += "date"; break;
        case 6: yaml += "instant"; break;
        case 7: yaml += "choice, choices: shop.word" + std::to_string(round); break;
        case 8: yaml += "text, multiline: true"; break;
        case 12: yaml += "multi, choices: shop.word" + std::to_string(round); break;
        case 13: case 14: yaml += "refs, to: shop.r" + std::to_string(round) + "_e" + std::to_string(random.below(entities)); break;
        case 15: yaml += "localized, max: 40"; break;
        case 9: case 10: yaml += "ref, to: shop.r" + std::to_string(round) + "_e" + std::to_string(random.below(entities)); break;
        default: yaml += "text, max: 40";
      }
      yaml += "}\n";
    }
  }
  return yaml;
}

Decimal random_decimal(Random& random, std::uint8_t scale) {
  static const std::vector<std::int64_t> pool{0, 1, -1, 5, 100, 1250, 12'345, -250, 999'999'999'999'999'999, -999'999'999'999'999'999, 999'999'999'999'999'998, 1'000'000};
  return Decimal{random.of(pool), scale, {0, 0, 0}};
}

Value random_value(Random& random, const Field& field, std::int64_t rows) {
  if (random.chance(25)) return {};
  switch (field.type) {
    case FieldType::text: return random.of(texts);
    case FieldType::choice: return random.of(words);
    case FieldType::integer: return random.integer();
    case FieldType::boolean: return random.chance(50);
    case FieldType::decimal: return random_decimal(random, field.scale);
    case FieldType::money: {
      Decimal amount = random_decimal(random, field.scale);
      if (const std::string& currency = random.of(currencies); !currency.empty()) amount.set_currency(currency);
      return amount;
    }
    case FieldType::date: return *parse_date(random.of(days));
    case FieldType::instant: return *parse_timestamp(random.of(moments));
    case FieldType::ref: return 1 + static_cast<std::int64_t>(random.below(static_cast<std::size_t>(rows + 2)));  // some are gone
    case FieldType::multi: {
      expr::List list;
      for (const std::string& word : words) {
        if (random.chance(40)) list.emplace_back(word);
      }
      return list.empty() ? Value() : Value(std::move(list));
    }
    case FieldType::refs: {
      expr::List list;
      for (std::int64_t id = 1; id <= 6; ++id) {
        if (random.chance(35)) list.emplace_back(id);
      }
      return list.empty() ? Value() : Value(std::move(list));
    }
    case FieldType::localized: {
      expr::Map map;
      for (const char* language : {"en", "zh-CN", "zh-TW"}) {
        if (const std::string& text = random.of(texts); !text.empty() && random.chance(60)) map.emplace_back(Value(language), Value(text));
      }
      return map.empty() ? Value() : Value(std::move(map));
    }
    case FieldType::id: case FieldType::json: case FieldType::file: case FieldType::image: break;
  }
  return {};
}

/// A list or a map as its column holds it.
std::string as_json(const Value& value) {
  const auto quoted = [](const Value& v) {
    std::string out = "\"";
    if (const auto* i = v.as<std::int64_t>()) out += std::to_string(*i);
    if (const auto* text = v.as<std::string>()) {
      for (const char c : *text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
    }
    return out + "\"";
  };
  std::string out;
  if (const expr::List* list = value.as_list()) {
    for (const Value& one : *list) out += (out.empty() ? "" : ",") + quoted(one);
    return "[" + out + "]";
  }
  for (const auto& [key, one] : *value.as_map()) out += (out.empty() ? "" : ",") + quoted(key) + ":" + quoted(one);
  return "{" + out + "}";
}

/// Well-typed conditions over `record`, an instance of the entity.
class Conditions {
 public:
  Conditions(Random& random, const Entity& entity) : random_(random), entity_(entity) { collect(entity, "record", 0); }

  std::string condition(int depth) {
    if (depth > 0) {
      switch (random_.below(9)) {
        case 0: case 1: return "(" + condition(depth - 1) + " && " + condition(depth - 1) + ")";
        case 2: case 3: return "(" + condition(depth - 1) + " || " + condition(depth - 1) + ")";
        case 4: case 5: return "!(" + condition(depth - 1) + ")";
        case 6: return "(" + condition(depth - 1) + " ? " + condition(depth - 1) + " : " + condition(depth - 1) + ")";
        case 7: return "((" + condition(depth - 1) + ")" + equality() + "(" + condition(depth - 1) + "))";
        default: break;
      }
    }
    switch (random_.below(18)) {
      case 14: case 15: case 16: case 17: return list();
      case 0: case 1: return integer(2) + relation() + integer(1);
      case 2: case 3: return amount() + relation() + amount();
      case 4: case 5: return text() + relation() + text();
      case 6: return date() + relation() + date();
      case 7: return instant() + relation() + instant();
      case 8: return flag();
      case 9: return any_path() + equality() + "null";
      case 10: return "has(" + any_path() + ")";
      case 11: return integer(0) + " in " + random_.of(std::vector<std::string>{"[1, 2, 3]", "[]", "[0, null]", "[-1, " + integer(0) + "]"});
      case 12: return text() + " in " + random_.of(std::vector<std::string>{"['a', '北京']", "user.roles", "['a ', '']", "[" + text() + ", 'vip']"});
      default: return text() + random_.of(std::vector<std::string>{".startsWith(", ".endsWith(", ".contains("}) + text() + ")";
    }
  }

 private:
  void collect(const Entity& entity, const std::string& prefix, int depth) {
    for (const auto& field : entity.fields) {
      const bool system = field->system && field->slot != model::slot_state && field->slot != model::slot_created_at && field->slot != model::slot_id;
      if (system || field->type == FieldType::json) continue;
      const std::string path = prefix + "." + field->name;
      paths_[field->type].push_back(path);
      all_.push_back(path);
      if (field->type == FieldType::ref && field->target && depth < 2 && field->target->full_name != "core.user") collect(*field->target, path, depth + 1);
    }
  }
  std::string path(FieldType type, const std::string& otherwise) {
    const auto& known = paths_[type];
    if (known.empty()) return otherwise;
    // Own fields come first in the list; half of the time one of the first few.
    return random_.chance(50) ? known[random_.below(std::min<std::size_t>(known.size(), 3))] : random_.of(known);
  }
  std::string any_path() { return random_.of(all_); }
  std::string relation() { return random_.of(std::vector<std::string>{" == ", " != ", " < ", " <= ", " > ", " >= "}); }
  std::string equality() { return random_.chance(50) ? " == " : " != "; }
  static std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    return out + "'";
  }

  std::string list() {
    const std::string tags = path(FieldType::multi, "['vip', 'old']"), team = path(FieldType::refs, "[1, 3]");
    const std::string name = path(FieldType::localized, "{'en': 'a'}");
    const std::string language = random_.of(std::vector<std::string>{"'en'", "'zh-CN'", "'zh-TW'", "'fr'", "'it\\'s'"});
    switch (random_.below(14)) {
      case 0: return text() + " in " + tags;
      case 1: return random_.of(std::vector<std::string>{"'vip'", "'new'", "user.name", "'gone'", "'\"'"}) + " in " + tags;
      case 2: return integer(0) + " in " + team;
      case 3: return random_.of(std::vector<std::string>{"1", "user.id", "3", "-1", "record.id"}) + " in " + team;
      case 4: return random_.of(std::vector<std::string>{tags, team, name}) + equality() + "null";
      case 5: return "size(" + random_.of(std::vector<std::string>{tags, team, name}) + ")" + relation() + integer(0);
      case 6: return team + ".exists(x, x == " + random_.of(std::vector<std::string>{"user.id", "2", integer(0)}) + ")";
      case 7: return tags + ".exists(x, x in " + random_.of(std::vector<std::string>{"['vip', 'old']", "[]", "user.roles", "['gone', null]"}) + ")";
      case 8: return tags + ".exists(x, " + text() + " == x)";
      case 9: return tags + equality() + random_.of(std::vector<std::string>{"['old', 'vip']", "[]", "['new']", "user.roles", path(FieldType::multi, "['new']")});
      case 10: return team + equality() + random_.of(std::vector<std::string>{"[1, 3]", "[]", "[2]", path(FieldType::refs, "[4]")});
      case 11: return name + "[" + language + "]" + relation() + text();
      case 12: return language + " in " + name;
      default: return random_.chance(50) ? "has(" + name + ".en)" : name + ".en.contains(" + text() + ")";
    }
  }

  std::string integer(int depth) {
    switch (random_.below(depth > 0 ? 9 : 5)) {
      case 0: case 1: return path(FieldType::integer, "1");
      case 2: return random_.chance(50) ? path(FieldType::ref, "2") : "record.id";
      case 3: return std::to_string(random_.integer());
      case 4: return random_.chance(50) ? "size(" + text() + ")" : "(" + date() + " - " + date() + ")";
      case 5: case 6: return "(" + integer(depth - 1) + random_.of(std::vector<std::string>{" + ", " - ", " * "}) + integer(depth - 1) + ")";
      case 7: return "(" + integer(depth - 1) + random_.of(std::vector<std::string>{" / ", " % "}) + random_.of(std::vector<std::string>{"2", "3", "-1", "-2", "0", "9223372036854775807"}) + ")";
      default: return "(-" + path(FieldType::integer, "(1)") + ")";
    }
  }
  std::string amount() {
    switch (random_.below(7)) {
      case 0: case 1: return path(FieldType::decimal, "decimal('1.5')");
      case 2: case 3: return path(FieldType::money, "decimal('2.5')");
      case 4: return path(FieldType::integer, "3");
      case 5: return std::to_string(random_.integer());
      default: return "decimal('" + random_.of(std::vector<std::string>{"0", "1.25", "12.345", "-0.000001", "999999999999999999", "0.999999999999999999", "-2.5", "123.45"}) + "')";
    }
  }
  std::string text() {
    switch (random_.below(5)) {
      case 0: case 1: return path(FieldType::text, "'a'");
      case 2: return path(FieldType::choice, "'vip'");
      case 3: return random_.chance(30) ? "user.name" : path(FieldType::text, "'b'");
      default: return quoted(random_.of(texts));
    }
  }
  std::string date() {
    switch (random_.below(6)) {
      case 0: case 1: return path(FieldType::date, "today()");
      case 2: return "date('" + random_.of(days) + "')";
      case 3: return random_.chance(50) ? "today()" : "workdays(today(), 3)";
      default: return "(" + path(FieldType::date, "today()") + random_.of(std::vector<std::string>{" + ", " - "}) + random_.of(std::vector<std::string>{"0", "1", "30", "-1", "3652058", "4000000", "9223372036854775807"}) + ")";
    }
  }
  std::string instant() {
    switch (random_.below(5)) {
      case 0: case 1: return path(FieldType::instant, "now()");
      case 2: return "timestamp('" + random_.of(moments) + "')";
      case 3: return "(" + path(FieldType::instant, "now()") + random_.of(std::vector<std::string>{" + ", " - "}) + "duration('" + random_.of(std::vector<std::string>{"1s", "36h", "1us", "-1ms", "2000000h"}) + "'))";
      default: return random_.chance(50) ? "now()" : "record.created_at";
    }
  }
  std::string flag() {
    const std::string a = path(FieldType::boolean, "true"), b = path(FieldType::boolean, "false");
    return random_.of(std::vector<std::string>{a, "!" + a, a + " == " + b, a + " != true", a + " == null", "(" + instant() + " - " + instant() + relation() + "duration('" + random_.of(std::vector<std::string>{"1s", "0s", "200h"}) + "'))",
                                               path(FieldType::integer, "1") + relation() + random_.of(std::vector<std::string>{"2.5", "1.0", "-0.5", "3u"}), "'manager' in user.roles", a + " < " + b});
  }

  Random& random_;
  const Entity& entity_;
  std::map<FieldType, std::vector<std::string>> paths_;
  std::vector<std::string> all_;
};

class RulesPropertyTest : public testing::DialectTest {
 protected:
  std::vector<std::int64_t> select(const Entity& entity, const expr::SqlCondition& condition) {
    const Dialect dialect = database().dialect();
    const ReadSession session = database().read();
    Statement& statement = session->prepare("SELECT t." + quote(dialect, "id") + " FROM " + quote(dialect, entity.table_name) + " AS " +
                                            quote(dialect, "t") + " WHERE " + condition.sql + " ORDER BY 1");
    int index = 1;
    for (const Value& value : condition.parameters) statement.bind(index++, value);
    std::vector<std::int64_t> ids;
    while (statement.step()) ids.push_back(statement.integer(0));
    statement.reset();
    return ids;
  }

  /// The rows that the database refuses where the rule is a constraint of their table; nullopt where it cannot be one.
  std::optional<std::vector<std::int64_t>> refused_by_constraint(const Entity& entity, const expr::Program& program, std::size_t rows) {
    const bool sqlite = on_sqlite();
    const auto dialect = sqlite ? expr::Dialect::sqlite : expr::Dialect::mysql;
    const auto rule = expr::to_row_rule(program, dialect, sqlite ? "NEW" : ""), condition = expr::to_row_rule(program, dialect, "");
    if (!rule || !condition) return std::nullopt;
    WantedTable table = entity_table(entity);
    table.name = "checked";
    table.indexes.clear();
    table.constraints = {{"ck_checked$rule$0123456789ab", "rule", *rule, *condition, {}}};
    const std::string copy = "INSERT INTO checked SELECT * FROM " + quote(database().dialect(), entity.table_name) + " WHERE id = ?";
    std::vector<std::int64_t> refused;
    database().transact([&](Session& session) {
      const auto schema = sqlite ? sqlite_schema() : mysql_schema(session);
      for (const std::string& text : schema->create_table(table)) session.execute(text);
      // As it is read again from where the database keeps it.
      if (!sqlite) session.execute("FLUSH TABLES checked");
      for (std::int64_t id = 1; id <= static_cast<std::int64_t>(rows); ++id) {
        Statement& statement = session.prepare(copy);
        statement.bind(1, id);
        try {
          statement.step();
          statement.reset();
        } catch (const Error& error) {
          statement.reset();
          std::string name;
          if (!ConstraintViolation::is(error, &name) || name != "ck_checked$rule$0123456789ab") throw;
          refused.push_back(id);
        }
      }
      for (const std::string& text : schema->drop_table("checked")) session.execute(text);
    });
    return refused;
  }

  void insert(Session& session, const Entity& entity, const Row& row) {
    std::string columns, places;
    const auto add = [&](std::string_view column) {
      columns += (columns.empty() ? "" : ", ") + quote(session.dialect(), column);
      places += places.empty() ? "?" : ", ?";
    };
    for (const auto& field : entity.fields) {
      add(field->column);
      if (!field->currency_column.empty()) add(field->currency_column);
    }
    Statement& statement = session.prepare("INSERT INTO " + quote(session.dialect(), entity.table_name) + " (" + columns + ") VALUES (" + places + ")");
    int index = 1;
    std::vector<std::string> codes;
    codes.reserve(entity.fields.size());
    for (const auto& field : entity.fields) {
      const Value& value = row.values[field->slot];
      const bool composite = value.as_list() != nullptr || value.as_map() != nullptr;
      statement.bind(index++, composite ? Value(as_json(value)) : value, column_type(*field));
      if (field->currency_column.empty()) continue;
      const auto* amount = value.as<Decimal>();
      if (amount && amount->has_currency()) {
        codes.emplace_back(amount->currency_code());
        statement.bind(index++, std::string_view(codes.back()));
      } else {
        statement.bind_null(index++);
      }
    }
    statement.step();
    statement.reset();
    for (const auto& field : entity.fields) {
      const expr::List* list = field->type == FieldType::refs ? row.values[field->slot].as_list() : nullptr;
      for (const Value& target : list ? *list : expr::List()) {
        Statement& link = session.prepare("INSERT INTO " + quote(session.dialect(), field->link_table) + " (record, target) VALUES (?, ?)");
        link.bind(1, row.values[model::slot_id], ColumnType{ColumnType::Kind::integer, 0, 0});
        link.bind(2, target, ColumnType{ColumnType::Kind::integer, 0, 0});
        link.step();
        link.reset();
      }
    }
  }
};

TEST_P(RulesPropertyTest, TheDatabaseAnswersAsMemoryDoes) {
  const std::uint64_t cases = setting("CARAVAN_PROPERTY_CASES", 500), seed = setting("CARAVAN_PROPERTY_SEED", 1);
  constexpr std::uint64_t per_schema = 500;
  constexpr std::int64_t rows_of_each = 30;
  const bool all_constraints = std::getenv("CARAVAN_PROPERTY_CASES") != nullptr;
  std::uint64_t compared = 0, refused = 0, kept = 0, tried = 0, failed = 0, constraints = 0, kept_out = 0;
  for (int round = 0; compared < cases && failed < 10; ++round) {
    Random random(seed + static_cast<std::uint64_t>(round));
    constexpr std::size_t entities = 3;
    const auto catalog = test::catalog_of(schema_of(random, round, entities));
    ASSERT_TRUE(catalog);
    update_schema(database(), *catalog);
    std::map<const Entity*, std::vector<std::shared_ptr<Row>>> rows;
    for (std::size_t e = 0; e < entities; ++e) {
      const Entity& entity = *catalog->entity("shop.r" + std::to_string(round) + "_e" + std::to_string(e));
      for (std::int64_t id = 1; id <= rows_of_each; ++id) {
        auto row = std::make_shared<Row>(entity);
        for (const auto& field : entity.fields) {
          if (!field->system) row->values[field->slot] = random_value(random, *field, rows_of_each);
        }
        row->values[model::slot_id] = id;
        row->values[model::slot_version] = 1;
        row->values[model::slot_state] = random.of(words);
        row->values[model::slot_created_at] = row->values[model::slot_updated_at] = *parse_timestamp(random.of(moments));
        rows[&entity].push_back(row);
      }
    }
    for (auto& [entity, list] : rows) {
      for (const auto& row : list) {
        for (const auto& field : entity->fields) {
          if (field->type != FieldType::ref || field->system) continue;
          const auto* id = row->values[field->slot].as<std::int64_t>();
          if (id && *id <= rows_of_each) row->targets[field->slot] = rows.at(field->target)[static_cast<std::size_t>(*id - 1)];
        }
      }
    }
    database().transact([&](Session& session) {
      for (const auto& [entity, list] : rows) {
        for (const auto& row : list) insert(session, *entity, *row);
      }
    });

    const auto user = std::make_shared<Row>(*catalog->entity("core.user"));
    user->values.resize(16);
    user->values[model::user_id] = 1;
    user->values[model::user_name] = "北京";
    user->values[model::user_roles] = expr::List{Value("a"), Value("manager"), Value("vip")};
    for (std::uint64_t i = 0; i < per_schema && compared < cases && failed < 10; ++i, ++tried) {
      const Entity& entity = *catalog->entity("shop.r" + std::to_string(round) + "_e" + std::to_string(random.below(entities)));
      const std::string source = Conditions(random, entity).condition(static_cast<int>(random.below(4)));
      const auto compiled = expr::compile(source, catalog->record_environment(entity));
      ASSERT_TRUE(compiled.program || tried > 0) << source << ": " << compiled.issues[0].message;
      if (!compiled.program) continue;
      Value variables[] = {Value(), Value(std::shared_ptr<const expr::RecordView>(user))};
      expr::Activation activation;
      activation.variables = variables;
      activation.count = 2;
      activation.now = *parse_timestamp("2026-11-22T02:00:00Z");
      activation.time_zone = "Asia/Shanghai";
      const auto condition = expr::to_sql(*compiled.program, on_sqlite() ? expr::Dialect::sqlite : expr::Dialect::mysql, "t", activation);
      if (condition.refused) {
        ++refused;
        continue;
      }
      std::vector<std::int64_t> expected, broken, failing;
      for (const auto& row : rows.at(&entity)) {
        variables[0] = Value(std::shared_ptr<const expr::RecordView>(row));
        const expr::Evaluation result = compiled.program->evaluate(activation);
        const std::int64_t id = *row->values[model::slot_id].as<std::int64_t>();
        if (result.is_true()) expected.push_back(id);
        else if (result.outcome == expr::Outcome::value && !result.value.is_null()) broken.push_back(id);
        else if (result.outcome == expr::Outcome::error) failing.push_back(id);
      }
      ++compared;
      kept += expected.size();
      std::vector<std::int64_t> actual;
      try {
        actual = select(entity, condition);
      } catch (const Error& error) {
        ++failed;
        ADD_FAILURE() << "seed " << seed + static_cast<std::uint64_t>(round) << ": " << source << "\n" << condition.sql << "\n" << error.what();
        continue;
      }
      if (all_constraints || compared % 5 == 0) {
        std::string said;
        try {
          if (auto stopped = refused_by_constraint(entity, *compiled.program, rows_of_each)) {
            ++constraints;
            kept_out += stopped->size();
            // What fails in memory is the gate's to refuse; the database may.
            std::erase_if(*stopped, [&](std::int64_t id) { return std::find(failing.begin(), failing.end(), id) != failing.end(); });
            if (*stopped != broken) {
              said = "refused";
              for (const std::int64_t id : *stopped) said += " " + std::to_string(id);
              said += ", false for";
              for (const std::int64_t id : broken) said += " " + std::to_string(id);
            }
          }
        } catch (const Error& error) {
          said = error.what();
        }
        if (!said.empty()) {
          ++failed;
          ADD_FAILURE() << "seed " << seed + static_cast<std::uint64_t>(round) << ": as a constraint: " << source << "\n"
                        << expr::to_row_rule(*compiled.program, on_sqlite() ? expr::Dialect::sqlite : expr::Dialect::mysql, "").value_or("") << "\n" << said;
        }
      }
      if (actual == expected) continue;
      ++failed;
      std::string differing;
      for (const auto& row : rows.at(&entity)) {
        const std::int64_t id = *row->values[model::slot_id].as<std::int64_t>();
        const bool in_memory = std::find(expected.begin(), expected.end(), id) != expected.end();
        const bool in_database = std::find(actual.begin(), actual.end(), id) != actual.end();
        if (in_memory != in_database) differing += " " + std::to_string(id) + (in_memory ? "(memory)" : "(database)");
      }
      ADD_FAILURE() << "seed " << seed + static_cast<std::uint64_t>(round) << ": " << source << "\n" << condition.sql << "\nrows" << differing;
    }
    for (const auto& [entity, list] : rows) {  // rows refer to each other in circles
      for (const auto& row : list) row->targets.clear();
    }
  }
  EXPECT_GT(kept, compared * 2);
  EXPECT_LT(refused, compared);
  EXPECT_GT(constraints, 0u);
  EXPECT_GT(kept_out, constraints);
  std::printf("%s: %llu of them as constraints, which refused %llu rows\n", on_sqlite() ? "SQLite" : "MariaDB",
              static_cast<unsigned long long>(constraints), static_cast<unsigned long long>(kept_out));
  std::printf("%s: %llu conditions compared on %lld records each, %llu refused, %llu rows kept\n", on_sqlite() ? "SQLite" : "MariaDB",
              static_cast<unsigned long long>(compared), static_cast<long long>(rows_of_each), static_cast<unsigned long long>(refused),
              static_cast<unsigned long long>(kept));
}

INSTANTIATE_TEST_SUITE_P(Dialects, RulesPropertyTest, ::testing::Values(Dialect::sqlite, Dialect::mysql),
                         [](const auto& test) { return test.param == Dialect::sqlite ? "sqlite" : "mysql"; });

}  // namespace
}  // namespace caravan::storage

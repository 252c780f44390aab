#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "expr/expression.h"
#include "records.h"

namespace caravan::expr {
namespace {

using test::day;
using test::FakeRecord;
using test::FakeType;
using test::moment;
using test::money;
using test::World;

std::string show(const Value& v) {
  if (v.is_null()) return "null";
  if (const auto* b = v.as<bool>()) return *b ? "true" : "false";
  if (const auto* i = v.as<std::int64_t>()) return std::to_string(*i);
  if (const auto* d = v.as<Decimal>()) return format_decimal(*d);
  if (const auto* s = v.as<std::string>()) return "'" + *s + "'";
  if (const auto* t = v.as<Timestamp>()) return format_timestamp(*t);
  return "?";
}

class SqlTest : public ::testing::Test {
 protected:
  SqlTest() : user(std::make_shared<FakeRecord>(world.user)) {
    user->set("id", 9).set("name", "Li_100%").set("roles", List{Value("sales"), Value("manager")});
    variables[1] = Value(std::shared_ptr<const RecordView>(user));
    constants.variables = variables;
    constants.count = 2;
    constants.now = *parse_timestamp("2026-12-10T17:00:00Z");
    constants.time_zone = "Asia/Shanghai";
  }

  SqlCondition convert(std::string_view source, Dialect dialect) {
    const auto c = compile(source, world.environment);
    if (!c.program) {
      SqlCondition failed;
      failed.refused = c.issues[0];
      failed.refused->message = "does not compile: " + failed.refused->message;
      return failed;
    }
    return to_sql(*c.program, dialect, "t", constants);
  }
  std::string text(std::string_view source, Dialect dialect) {
    const SqlCondition c = convert(source, dialect);
    if (c.refused) return "refused " + std::to_string(c.refused->line) + ":" + std::to_string(c.refused->column) + ": " + c.refused->message;
    std::string out = c.sql;
    for (const auto& p : c.parameters) out += " | " + show(p);
    return out;
  }
  std::string sqlite(std::string_view source) { return text(source, Dialect::sqlite); }
  std::string mysql(std::string_view source) { return text(source, Dialect::mysql); }

  World world;
  std::shared_ptr<FakeRecord> user;
  Value variables[2];
  Activation constants;
};

TEST_F(SqlTest, EqualityIsNullSafe) {
  EXPECT_EQ(sqlite("record.party_size == 5"), "(\"t\".\"c_party_size\" IS ?) | 5");
  EXPECT_EQ(mysql("record.party_size == 5"), "(`t`.`c_party_size` <=> ?) | 5");
  EXPECT_EQ(sqlite("record.channel != 'web'"), "(NOT (\"t\".\"c_channel\" IS ?)) | 'web'");
  EXPECT_EQ(mysql("record.channel != 'web'"), "(NOT (`t`.`c_channel` <=> ?)) | 'web'");
  EXPECT_EQ(sqlite("record.children == null"), "(\"t\".\"c_children\" IS NULL)");
  EXPECT_EQ(mysql("null != record.children"), "(NOT (`t`.`c_children` IS NULL))");
  EXPECT_EQ(mysql("record.party_size == record.children"), "(`t`.`c_party_size` <=> `t`.`c_children`)");
  EXPECT_EQ(mysql("has(record.children)"), "(`t`.`c_children` IS NOT NULL)");
}

TEST_F(SqlTest, ConstantsAreEvaluatedAndBound) {
  EXPECT_EQ(mysql("record.customer == user.id"), "(`t`.`c_customer` <=> ?) | 9");
  EXPECT_EQ(mysql("record.depart_on >= today() + 7"), "(`t`.`c_depart_on` >= ?) | '2026-12-18'");
  EXPECT_EQ(sqlite("record.created_at > now() - duration('24h')"), "(\"t\".\"c_created_at\" > ?) | 2026-12-09T17:00:00Z");
  EXPECT_EQ(sqlite("'manager' in user.roles || record.urgent"), "TRUE");
  EXPECT_EQ(sqlite("'boss' in user.roles || record.urgent"), "\"t\".\"c_urgent\"");
  EXPECT_EQ(sqlite("'boss' in user.roles && record.urgent"), "FALSE");
  EXPECT_EQ(sqlite("user.roles.exists(r, r == 'sales') ? record.urgent : false"), "\"t\".\"c_urgent\"");
  EXPECT_EQ(sqlite("record.channel in user.roles"), "(\"t\".\"c_channel\" IN (?, ?)) | 'sales' | 'manager'");
  EXPECT_EQ(sqlite("1 / 0 > 1"), "NULL");
  EXPECT_EQ(sqlite("1 / 0 > 1 || record.urgent"), "(NULL OR \"t\".\"c_urgent\")");
  EXPECT_EQ(sqlite("5 < record.party_size"), "(\"t\".\"c_party_size\" > ?) | 5");
}

TEST_F(SqlTest, LogicAndFlags) {
  EXPECT_EQ(mysql("!record.urgent && (record.party_size > 2 || record.paid)"), "((NOT `t`.`c_urgent`) AND ((`t`.`c_party_size` > ?) OR `t`.`c_paid`)) | 2");
  EXPECT_EQ(sqlite("record.urgent ? record.paid : record.party_size < 3"),
            "(CASE \"t\".\"c_urgent\" WHEN 1 THEN \"t\".\"c_paid\" WHEN 0 THEN (\"t\".\"c_party_size\" < ?) END) | 3");
  EXPECT_EQ(mysql("record.urgent == true"), "(`t`.`c_urgent` <=> ?) | true");
}

TEST_F(SqlTest, DecimalsTakeTheScaleOfTheColumn) {
  EXPECT_EQ(mysql("record.budget > 50000"), "(`t`.`c_budget` > ?) | 50000.00");
  EXPECT_EQ(mysql("record.budget < decimal('12.5')"), "(`t`.`c_budget` < ?) | 12.50");
  EXPECT_EQ(mysql("record.budget < decimal('12.505')"), "(`t`.`c_budget` <= ?) | 12.50");
  EXPECT_EQ(mysql("record.budget <= decimal('-12.505')"), "(`t`.`c_budget` <= ?) | -12.51");
  EXPECT_EQ(mysql("record.budget >= decimal('12.505')"), "(`t`.`c_budget` > ?) | 12.50");
  EXPECT_EQ(mysql("record.budget == decimal('12.505')"), "FALSE");
  EXPECT_EQ(mysql("record.budget in [10, decimal('12.505'), decimal('7.5')]"), "(`t`.`c_budget` IN (?, ?)) | 10.00 | 7.50");
  EXPECT_EQ(mysql("record.party_size > decimal('2.5')"), "(`t`.`c_party_size` > ?) | 2");
  EXPECT_EQ(mysql("record.party_size < 2.5"), "(`t`.`c_party_size` <= ?) | 2");
  EXPECT_EQ(mysql("record.budget < 9223372036854775807"), "(`t`.`c_budget` IS NOT NULL OR NULL)");
  EXPECT_EQ(mysql("record.budget > 9223372036854775807"), "(`t`.`c_budget` IS NULL AND NULL)");
  EXPECT_EQ(sqlite("record.rate > record.party_size"), "(\"t\".\"c_rate\" > (\"t\".\"c_party_size\" * 10000))");
  EXPECT_EQ(sqlite("record.budget > record.deposit"),
            "(CASE WHEN COALESCE(\"t\".\"c_budget_currency\" = \"t\".\"c_deposit_currency\", TRUE) THEN (\"t\".\"c_budget\" > \"t\".\"c_deposit\") END)");
}

TEST_F(SqlTest, Text) {
  EXPECT_EQ(mysql("record.destination.startsWith('50%_|')"), "(`t`.`c_destination` LIKE ? ESCAPE '|') | '50|%|_||%'");
  EXPECT_EQ(sqlite("record.destination.startsWith('北京')"), "(substr(\"t\".\"c_destination\", 1, length(?)) = ?) | '北京' | '北京'");
  EXPECT_EQ(mysql("record.destination.contains(user.name)"), "(LOCATE(?, `t`.`c_destination`) > 0) | 'Li_100%'");
  EXPECT_EQ(mysql("record.destination.endsWith('海')"), "(RIGHT(`t`.`c_destination`, CHAR_LENGTH(?)) = ?) | '海' | '海'");
  EXPECT_EQ(sqlite("size(record.destination) > 3"), "(length(\"t\".\"c_destination\") > ?) | 3");
}

TEST_F(SqlTest, ReferencesAreSubqueries) {
  EXPECT_EQ(mysql("record.customer.tier == 'gold'"),
            "((SELECT `_r1`.`c_tier` FROM `customers_customer` AS `_r1` WHERE `_r1`.`c_id` = `t`.`c_customer`) <=> ?) | 'gold'");
  EXPECT_EQ(sqlite("record.customer.guide.rank > 2"),
            "((SELECT \"_r1\".\"c_rank\" FROM \"guides_guide\" AS \"_r1\" WHERE \"_r1\".\"c_id\" = (SELECT \"_r2\".\"c_guide\" FROM \"customers_customer\" AS \"_r2\" "
            "WHERE \"_r2\".\"c_id\" = \"t\".\"c_customer\")) > ?) | 2");
}

TEST_F(SqlTest, IdentifiersAreQuoted) {
  World w;
  w.inquiry.change(2).column = "a\"b`c";
  const auto c = compile("record.party_size == 1", w.environment);
  EXPECT_EQ(to_sql(*c.program, Dialect::sqlite, "x\"y", constants).sql, "(\"x\"\"y\".\"a\"\"b`c\" IS ?)");
  EXPECT_EQ(to_sql(*c.program, Dialect::mysql, "x`y", constants).sql, "(`x``y`.`a\"b``c` <=> ?)");
}

TEST_F(SqlTest, ListsAreAskedForOneElement) {
  EXPECT_EQ(sqlite("'vip' in record.tags"),
            "(CASE WHEN \"t\".\"c_tags\" IS NOT NULL THEN EXISTS (SELECT 1 FROM json_each(\"t\".\"c_tags\") AS _l WHERE _l.value = ?) END) | 'vip'");
  EXPECT_EQ(mysql("'vip' in record.tags"),
            "(CASE WHEN `t`.`c_tags` IS NOT NULL THEN COALESCE(JSON_CONTAINS(`t`.`c_tags`, JSON_QUOTE(?)), FALSE) END) | 'vip'");
  EXPECT_EQ(mysql("record.tags.exists(x, x == 'vip')"), mysql("'vip' in record.tags"));
  EXPECT_EQ(mysql("record.tags == ['vip', 'old']"), "(`t`.`c_tags` <=> ?) | '[\"vip\",\"old\"]'");
  EXPECT_EQ(mysql("record.tags == null"), "(`t`.`c_tags` IS NULL)");
  EXPECT_EQ(mysql("size(record.tags) > 2"), "(JSON_LENGTH(`t`.`c_tags`) > ?) | 2");
  EXPECT_EQ(sqlite("record.tags == []"), "FALSE") << "an empty list is an empty field, which is no list";
}

TEST_F(SqlTest, WhatCannotBePushedDownIsRefusedWithTheReason) {
  using ::testing::HasSubstr;
  for (const Dialect dialect : {Dialect::sqlite, Dialect::mysql}) {
    EXPECT_THAT(text("record.destination.matches('^a')", dialect), HasSubstr("refused 1:20: `matches` of a field cannot be computed in the database"));
    EXPECT_THAT(text("record.destination.lowerAscii() == 'x'", dialect), HasSubstr("`lowerAscii` of a field"));
    EXPECT_THAT(text("record.budget / record.party_size > 100", dialect), HasSubstr("amounts are not computed"));
    EXPECT_THAT(text("record.party_size / record.children > 1", dialect), HasSubstr("divides only by a constant"));
    EXPECT_THAT(text("record.tags.exists(t, t != 'vip')", dialect), HasSubstr("a loop over values of the record"));
    EXPECT_THAT(text("record.tags.all(t, t == 'vip')", dialect), HasSubstr("a loop over values of the record"));
    EXPECT_THAT(text("record.tags.exists(t, record.party_size > 1)", dialect), HasSubstr("a loop over values of the record"));
    EXPECT_THAT(text("record.tags[0] == 'vip'", dialect), HasSubstr("cannot be looked up"));
    EXPECT_THAT(text("record.tags == [record.channel]", dialect), HasSubstr("compared only with a constant or a field"));
    EXPECT_THAT(text("record.data.seats == 1", dialect), HasSubstr("cannot be looked up"));
    EXPECT_THAT(text("[1, 2].exists(x, x == record.party_size)", dialect), HasSubstr("refused"));
    EXPECT_THAT(text("(record.urgent ? record.party_size : record.children) > 1", dialect), HasSubstr("a choice between values"));
    EXPECT_THAT(text("(record.urgent ? record.paid : false) == true", dialect), HasSubstr("a choice between values"));
    EXPECT_THAT(text("record.channel == 'a\\u0000b'", dialect), HasSubstr("NUL"));
    EXPECT_THAT(text("record.party_size + 1", dialect), HasSubstr("a condition is bool, not int"));
    // The decided side is looked at too: what is refused does not depend on the user.
    EXPECT_THAT(text("true || record.destination.matches('^a')", dialect), HasSubstr("refused"));
  }
  World w;
  w.inquiry.change(w.inquiry.member("channel")->slot).column = {};
  const auto c = compile("record.channel == 'x'", w.environment);
  EXPECT_THAT(to_sql(*c.program, Dialect::sqlite, "t", constants).refused->message, HasSubstr("not stored in a column"));
}

TEST_F(SqlTest, WorksWithoutConstantsWhenOnlyChecked) {
  const auto c = compile("record.customer == user.id && record.channel in user.roles && record.depart_on > today()", world.environment);
  const SqlCondition condition = to_sql(*c.program, Dialect::mysql, "t", Activation{});
  EXPECT_FALSE(condition.refused);
  EXPECT_FALSE(condition.sql.empty());
}

/// The database of the property test: the same records in SQLite and in memory.
class Database {
 public:
  Database() { EXPECT_EQ(sqlite3_open(":memory:", &db_), SQLITE_OK); }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const std::string& sql) {
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << sql << ": " << (message ? message : "");
    sqlite3_free(message);
  }

  void create(const FakeType& type) {
    std::string columns;
    for (std::size_t i = 0; i < type.size(); ++i) {
      const Member& m = type.at(i);
      const bool text = m.type.kind == TypeKind::string || m.type.kind == TypeKind::date;
      columns += (i ? ", " : "") + std::string(m.column) + (text ? " TEXT" : " INTEGER");
      if (!m.currency_column.empty()) columns += ", " + std::string(m.currency_column) + " TEXT";
    }
    execute("CREATE TABLE " + std::string(type.table()) + " (" + columns + ")");
  }

  void insert(const FakeRecord& record) {
    std::string names, places;
    std::vector<Value> values;
    const auto put = [&](std::string_view column, Value v) {
      names += (names.empty() ? "" : ", ") + std::string(column);
      places += places.empty() ? "?" : ", ?";
      if (const auto* d = v.as<Date>()) v = Value(format_date(*d));
      if (v.as_list() || v.as_map()) v = Value();
      values.push_back(std::move(v));
    };
    for (std::size_t i = 0; i < record.type->size(); ++i) {
      const Member& m = record.type->at(i);
      const Value& v = record.values[i];
      put(m.column, v);
      if (!m.currency_column.empty()) {
        const auto* d = v.as<Decimal>();
        put(m.currency_column, d && d->has_currency() ? Value(d->currency_code()) : Value());
      }
    }
    select("INSERT INTO " + std::string(record.type->table()) + " (" + names + ") VALUES (" + places + ")", values);
  }

  /// First column of all rows.
  std::vector<std::int64_t> select(const std::string& sql, const std::vector<Value>& parameters) {
    std::vector<std::int64_t> ids;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql << ": " << sqlite3_errmsg(db_);
    EXPECT_EQ(sqlite3_bind_parameter_count(statement), static_cast<int>(parameters.size())) << sql;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const int n = static_cast<int>(i) + 1;
      const Value& v = parameters[i];
      if (const auto* b = v.as<bool>()) sqlite3_bind_int64(statement, n, *b);
      if (const auto* k = v.as<std::int64_t>()) sqlite3_bind_int64(statement, n, *k);
      if (const auto* d = v.as<Decimal>()) sqlite3_bind_int64(statement, n, d->unscaled);
      if (const auto* t = v.as<Timestamp>()) sqlite3_bind_int64(statement, n, t->micros);
      if (const auto* s = v.as<std::string>()) sqlite3_bind_text(statement, n, s->data(), static_cast<int>(s->size()), SQLITE_TRANSIENT);
    }
    int rc = 0;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) ids.push_back(sqlite3_column_int64(statement, 0));
    EXPECT_EQ(rc, SQLITE_DONE) << sql << ": " << sqlite3_errmsg(db_);
    sqlite3_finalize(statement);
    return ids;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// Random conditions over the inquiry.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next(std::uint64_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % n;
  }
  template <std::size_t N>
  std::string one(const char* const (&of)[N]) {
    return of[next(N)];
  }
  std::string relation() { return one({" == ", " != ", " < ", " <= ", " > ", " >= "}); }
  std::string equality() { return one({" == ", " != "}); }

  std::string integer(int depth) {
    switch (next(depth > 0 ? 9 : 5)) {
      case 0: case 1: return one({"record.party_size", "record.children", "record.customer.score", "record.customer.guide.rank", "record.customer", "record.id"});
      case 2: return one({"record.party_size", "record.children", "record.party_size", "user.id", "size(record.destination)"});
      case 3: return one({"0", "1", "2", "3", "5", "-1", "7", "9223372036854775807", "-9223372036854775808"});
      case 4: return one({"(record.depart_on - today())", "(record.return_on - record.depart_on)", "2", "4"});
      case 5: return "(" + integer(depth - 1) + one({" + ", " - ", " * "}) + integer(depth - 1) + ")";
      case 6: return "(" + integer(depth - 1) + one({" / ", " % "}) + one({"2", "3", "-1", "-2", "0"}) + ")";
      case 7: return "(-" + one({"record.party_size", "record.children"}) + ")";
      default: return one({"record.party_size", "record.children"});
    }
  }
  std::string amount() {
    return one({"record.budget", "record.deposit", "record.rate", "record.budget", "decimal('12.5')", "decimal('12.505')", "decimal('-0.0001')", "0", "100", "record.party_size",
                "decimal('99999999.99999')", "9223372036854775807"});
  }
  std::string text() {
    return one({"record.destination", "record.channel", "record.customer.tier", "record.customer.guide.language", "'web'", "'北京'", "''", "'Web'", "'a'", "user.name", "'gold'"});
  }
  std::string date() {
    return one({"record.depart_on", "record.return_on", "today()", "date('2026-12-20')", "(record.depart_on + 3)", "(record.return_on - 30)", "(record.depart_on + 3000000)",
                "(record.depart_on - 739900)"});
  }
  std::string instant() {
    return one({"record.created_at", "record.updated_at", "now()", "timestamp('2026-12-01T08:00:00Z')", "(record.created_at + duration('36h'))", "(record.updated_at - duration('1s'))",
                "timestamp('2026-12-01T08:00:00.0000005Z')"});
  }
  std::string condition(int depth) {
    if (depth > 0) {
      switch (next(8)) {
        case 0: case 1: return "(" + condition(depth - 1) + " && " + condition(depth - 1) + ")";
        case 2: case 3: return "(" + condition(depth - 1) + " || " + condition(depth - 1) + ")";
        case 4: case 5: return "!(" + condition(depth - 1) + ")";
        case 6: return "(" + condition(depth - 1) + " ? " + condition(depth - 1) + " : " + condition(depth - 1) + ")";
        default: return "((" + condition(depth - 1) + ")" + equality() + "(" + condition(depth - 1) + "))";
      }
    }
    switch (next(16)) {
      case 0: case 1: return integer(2) + relation() + integer(1);
      case 2: case 3: return amount() + relation() + amount();
      case 4: return text() + relation() + text();
      case 5: return date() + relation() + date();
      case 6: return instant() + relation() + instant();
      case 7: return one({"record.urgent", "record.paid", "true", "false", "record.urgent == record.paid", "record.paid == null", "record.urgent != true", "record.urgent < record.paid"});
      case 8: return one({"record.children", "record.budget", "record.channel", "record.customer.tier", "record.depart_on", "record.customer.guide.rank", "record.created_at", "(record.children + 1)"}) +
                     equality() + "null";
      case 9: return integer(0) + " in " + one({"[1, 2, 3]", "[]", "[record.children, 4]", "[0, null]", "[2, record.party_size]", "[dyn(2), dyn('x'), dyn(4.0)]"});
      case 10: return amount() + " in " + one({"[0, 100]", "[decimal('12.5'), decimal('12.505')]", "[record.deposit]"});
      case 11: return text() + " in " + one({"['web', 'phone']", "user.roles", "[record.channel, 'gold']", "['北京', null]"});
      case 12: case 13: return text() + one({".startsWith(", ".endsWith(", ".contains("}) + one({"'北'", "''", "'e'", "'%'", "'_'", "record.channel", "user.name", "'上海'", "'W'"}) + ")";
      case 14: return one({"has(record.children)", "has(record.customer.tier)", "has(record.budget)", "1 / 0 > 1", "user.name == 'x'", "'manager' in user.roles"});
      default: return one({"now() - record.created_at > duration('200h')", "record.updated_at - record.created_at <= duration('1.0000005s')", "record.party_size < 2.5", "record.children >= 3.0",
                           "record.party_size == dyn(2.0)", "record.children > dyn('x')", "record.channel == dyn(1)", "record.party_size > 2u"});
    }
  }

 private:
  std::uint64_t state_;
};

TEST_F(SqlTest, KeepsTheRowsThatEvaluateKeeps) {
  Generator random(20261220);
  Database db;
  db.create(world.guide);
  db.create(world.customer);
  db.create(world.inquiry);
  std::map<std::int64_t, std::shared_ptr<FakeRecord>> guides, customers;
  const auto maybe = [&](Value v) { return random.next(4) == 0 ? Value() : v; };
  for (std::int64_t id = 1; id <= 4; ++id) {
    auto r = std::make_shared<FakeRecord>(world.guide);
    r->set("id", id).set("rank", maybe(static_cast<std::int64_t>(random.next(5)))).set("language", maybe(random.one({"中文", "日本語", "web"})));
    db.insert(*r);
    guides[id] = r;
  }
  for (std::int64_t id = 1; id <= 8; ++id) {
    auto r = std::make_shared<FakeRecord>(world.customer);
    const auto guide = static_cast<std::int64_t>(random.next(6));  // 0 and 5 are gone
    r->set("id", id).set("tier", maybe(random.one({"gold", "silver", "", "北京"}))).set("score", maybe(static_cast<std::int64_t>(random.next(5)))).set("guide", maybe(guide));
    if (!r->get(3).is_null() && guides.count(guide)) r->targets[3] = guides[guide];
    db.insert(*r);
    customers[id] = r;
  }
  std::vector<std::shared_ptr<FakeRecord>> records;
  for (std::int64_t id = 1; id <= 60; ++id) {
    auto r = std::make_shared<FakeRecord>(world.inquiry);
    const auto customer = static_cast<std::int64_t>(random.next(10));
    const char* const currencies[] = {"CNY", "CNY", "USD", ""};
    const auto amount = [&] { return money(random.one({"0.00", "12.50", "100.00", "-3.25", "99999999.99", "12.51"}), currencies[random.next(4)]); };
    const std::int64_t sizes[] = {0, 1, 2, 3, 4, 5, 7, -1, INT64_MAX, INT64_MIN};
    r->set("id", id).set("customer", maybe(customer)).set("party_size", maybe(sizes[random.next(10)])).set("children", maybe(static_cast<std::int64_t>(random.next(5))));
    r->set("budget", maybe(amount())).set("deposit", maybe(amount())).set("rate", maybe(money(random.one({"0.0000", "0.8500", "4.0000", "-1.0000", "12.5000"}))));
    r->set("destination", maybe(random.one({"北京和上海", "北京", "上海", "a", "Web%", "50_", "", "é北"}))).set("channel", maybe(random.one({"web", "Web", "phone", "北京", "e"})));
    r->set("urgent", maybe(random.next(2) == 0)).set("paid", maybe(random.next(2) == 0));
    r->set("depart_on", maybe(day(random.one({"2026-12-20", "2026-12-11", "2027-01-31", "0001-01-05", "9999-12-30"})))).set("return_on", maybe(day(random.one({"2026-12-23", "2027-02-10", "2026-11-01"}))));
    r->set("created_at", maybe(moment(random.one({"2026-12-01T08:00:00Z", "2026-12-10T16:59:59.999999Z", "2020-01-01T00:00:00Z"}))));
    r->set("updated_at", maybe(moment(random.one({"2026-12-01T08:00:01Z", "2026-12-10T17:00:00Z", "2026-12-02T20:00:00Z"}))));
    if (!r->get(1).is_null() && customers.count(customer)) r->targets[1] = customers[customer];
    db.insert(*r);
    records.push_back(r);
  }

  int compared = 0, refused = 0, kept = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string source = random.condition(static_cast<int>(random.next(4)));
    const auto c = compile(source, world.environment);
    if (!c.program) continue;
    const SqlCondition condition = to_sql(*c.program, Dialect::sqlite, "t", constants);
    const SqlCondition other = to_sql(*c.program, Dialect::mysql, "t", constants);
    EXPECT_EQ(condition.refused.has_value(), other.refused.has_value()) << source;
    if (condition.refused) {
      ++refused;
      continue;
    }
    std::vector<std::int64_t> expected;
    for (const auto& r : records) {
      Value with[] = {Value(std::shared_ptr<const RecordView>(r)), variables[1]};
      Activation activation = constants;
      activation.variables = with;
      if (c.program->evaluate(activation).is_true()) expected.push_back(r->get(0).as<std::int64_t>()[0]);
    }
    kept += static_cast<int>(expected.size());
    ++compared;
    const auto actual = db.select("SELECT c_id FROM sales_inquiry AS t WHERE " + condition.sql + " ORDER BY c_id", condition.parameters);
    ASSERT_EQ(actual, expected) << source << "\n" << condition.sql;
  }
  EXPECT_GT(compared, 2000);
  EXPECT_LT(refused, compared);
  EXPECT_GT(kept, compared * 3);
  std::printf("%d conditions compared on 60 records each, %d refused, %d rows kept\n", compared, refused, kept);
}

}  // namespace
}  // namespace caravan::expr

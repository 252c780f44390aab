#include "records/access.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "records/explain.h"
#include "records/json.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const char* const guarded = R"(
kind: department
name: head
label: {en: Head office, zh-CN: 总部}
---
kind: department
name: north
label: {en: North, zh-CN: 北区}
parent: head
---
kind: department
name: harbour
label: {en: Harbour, zh-CN: 港口}
parent: north
---
kind: department
name: south
label: {en: South, zh-CN: 南区}
parent: head
---
kind: entity
name: shop.file
label: {en: File, zh-CN: 档案}
number: "F-{seq:4}"
title: name
fields:
  name: {type: text, max: 60, required: true, search: true, label: {en: Name, zh-CN: 名称}}
  phone: {type: text, max: 40, search: true, label: {en: Phone, zh-CN: 电话}}
  income: {type: money, label: {en: Income, zh-CN: 收入}}
  secret: {type: text, max: 40, right: hidden, search: true, label: {en: Secret, zh-CN: 秘密}}
  doubled: {type: money, right: hidden, compute: "record.income * 2", label: {en: Doubled, zh-CN: 两倍}}
  place: {type: choice, choices: core.department, label: {en: Place, zh-CN: 地点}}
  level: {type: int, label: {en: Level, zh-CN: 级别}}
  other: {type: ref, to: shop.file, label: {en: Other, zh-CN: 其他}}
  link: {type: ref, to: shop.file, right: hidden, label: {en: Link, zh-CN: 关联}}
unique:
  by_secret: {fields: [secret], message: {en: This secret is taken, zh-CN: 秘密已被使用}}
  by_name: [name]
workflow:
  initial: new
  states: {new: {category: open}, old: {category: done}}
  transitions:
    age: {from: new, to: old, by: [reader], form: shop.ageing, label: {en: Age, zh-CN: 老化}}
    need: {from: new, to: old, by: [reader], require: [secret], label: {en: Need, zh-CN: 需要}}
    edit: {from: new, to: old, label: {en: Edit, zh-CN: 编辑}}
    approve: {from: new, to: old, by: [chief], when: "record.owner != user.id", label: {en: Approve, zh-CN: 批准}}
    settle: {from: new, to: old, when: "record.owner != user.id", label: {en: Settle, zh-CN: 结清}}
---
kind: form
name: shop.ageing
entity: shop.file
label: {en: Ageing, zh-CN: 老化}
groups:
  all: {label: {en: All, zh-CN: 全部}, fields: [phone, secret, level]}
---
kind: role
name: shop.reader
label: {en: Reader, zh-CN: 读者}
grants:
  shop.file: {read: true, create: true, update: true}
  core.user: {read: true}
fields:
  shop.file: {phone: masked, income: masked, level: read}
---
kind: role
name: shop.owner
label: {en: Owner, zh-CN: 业主}
grants:
  shop.file: {read: "record.owner == user.id", create: true, update: "record.owner == user.id", delete: "record.owner == user.id"}
  core.user: {read: true}
---
kind: role
name: shop.local
label: {en: Local, zh-CN: 本地}
grants:
  shop.file: {read: "record.place in user.departments", update: "record.place == user.department"}
---
kind: role
name: shop.chief
label: {en: Chief, zh-CN: 主管}
includes: {owner: {}, local: {}}
fields:
  shop.file: {secret: write}
---
kind: role
name: shop.president
label: {en: President, zh-CN: 总裁}
includes: [chief]
grants:
  shop.file: {read: "record.level > 5"}
---
kind: role
name: shop.common
label: {en: Common, zh-CN: 公共}
everyone: true
grants:
  shop.file: {read: "record.level == 1"}
fields:
  shop.file: {phone: hidden, income: hidden, level: read}
---
kind: role
name: shop.personnel
label: {en: Personnel, zh-CN: 人事}
grants:
  core.user: {read: true, create: true, update: true, delete: true}
  core.delegation: {read: true}
---
kind: role
name: shop.nobody
label: {en: Nobody, zh-CN: 无}
grants:
  core.user: {read: true}
)";

class AccessTest : public test::GateTest {
 protected:
  const char* definitions() const override { return guarded; }

  const model::Entity& file() const { return *catalog->entity("shop.file"); }
  Context system() const {
    Context context = as("", 0);
    context.actor.system = true;
    return context;
  }
  static Context of(Context context, const char* department) {
    context.actor.department = department;
    return context;
  }
  Context deputy(Context context, const Context& colleague) const {
    context.actor.deputy_of.push_back(colleague.actor);
    return context;
  }
  Record make(const std::string& json) { return create(system(), "shop.file", json); }
  bool sees(const Context& context, const Record& record) {
    try {
      gate().get(context, file(), record.id());
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::not_found);
      return false;
    }
  }
  std::set<std::int64_t> listed(const Context& context) {
    std::set<std::int64_t> ids;
    try {
      for (const Record& record : list(context, "shop.file").items) ids.insert(record.id());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::forbidden);
    }
    return ids;
  }
  std::vector<std::int64_t> found(const Context& context, ListQuery query) {
    std::vector<std::int64_t> ids;
    for (const Record& record : gate().list(context, file(), query).items) ids.push_back(record.id());
    return ids;
  }
  static std::string json(const Record& record) {
    std::string out;
    write_json(out, record);
    return out;
  }
  Share share_with(Share::Kind kind, const std::string& grantee, bool update = false) {
    Share share;
    share.kind = kind;
    share.grantee = grantee;
    share.update = update;
    return share;
  }
};

TEST_P(AccessTest, ARoleHasWhatItIncludesAlsoAtSecondHand) {
  const Record mine = make(R"({"name":"a","owner":"11"})"), north = make(R"({"name":"b","place":"north"})"),
               high = make(R"({"name":"c","level":9})"), none = make(R"({"name":"d"})");
  const Context president = of(as("shop.president", 11), "north");
  EXPECT_TRUE(sees(president, mine));
  EXPECT_TRUE(sees(president, north));
  EXPECT_TRUE(sees(president, high));
  EXPECT_FALSE(sees(president, none));
  EXPECT_EQ(listed(president), (std::set{mine.id(), north.id(), high.id()}));
  EXPECT_FALSE(sees(of(as("shop.chief", 11), "north"), high));
  EXPECT_TRUE(holds_role(president, "shop.local"));
  EXPECT_FALSE(holds_role(as("shop.local", 11), "shop.president"));
}

TEST_P(AccessTest, UserRolesNameTheIncludedOnes) {
  const auto roles = UserView(as("shop.president", 11)).get(model::user_roles);
  std::vector<std::string> names;
  for (const auto& one : *roles.as_list()) names.push_back(*one.as<std::string>());
  EXPECT_THAT(names, UnorderedElementsAre("shop.president", "shop.chief", "shop.owner", "shop.local"));
}

TEST_P(AccessTest, DepartmentsReachDownNotUp) {
  const Record head = make(R"({"name":"a","place":"head"})"), north = make(R"({"name":"b","place":"north"})"),
               harbour = make(R"({"name":"c","place":"harbour"})"), south = make(R"({"name":"d","place":"south"})");
  EXPECT_EQ(listed(of(as("shop.local", 11), "north")), (std::set{north.id(), harbour.id()}));
  EXPECT_EQ(listed(of(as("shop.local", 11), "head")), (std::set{head.id(), north.id(), harbour.id(), south.id()}));
  EXPECT_THAT(listed(as("shop.local", 11)), IsEmpty());
  EXPECT_THAT(listed(of(as("shop.local", 11), "gone")), IsEmpty());
}

TEST_P(AccessTest, EveryonesRolesAreForSignedInUsersOnly) {
  const Record open = make(R"({"name":"a","level":1})");
  EXPECT_TRUE(sees(as("", 11), open));
  EXPECT_EQ(listed(as("", 11)), std::set{open.id()});
  EXPECT_FALSE(sees(as("", 0), open));
  EXPECT_THAT(listed(as("", 0)), IsEmpty());
}

TEST_P(AccessTest, ADeputyHasTheColleaguesRightsWithTheColleagueAsUser) {
  const Record theirs = make(R"({"name":"a","owner":"22"})"), own = make(R"({"name":"b","owner":"11"})"), place = make(R"({"name":"c","place":"south"})");
  const Context colleague = of(as("shop.chief", 22), "south");
  const Context stand_in = deputy(as("shop.owner", 11), colleague);
  EXPECT_EQ(listed(stand_in), (std::set{theirs.id(), own.id(), place.id()}));
  EXPECT_TRUE(sees(stand_in, theirs));
  EXPECT_EQ(text(change(stand_in, theirs, R"({"level":3})"), "level"), "3");
  EXPECT_FALSE(sees(as("shop.owner", 11), theirs));
  // His own rights do not go on to the record of the colleague's owner in the other direction.
  EXPECT_FALSE(sees(deputy(as("", 11), as("shop.owner", 22)), own));
  EXPECT_TRUE(holds_role(stand_in, "shop.local"));
}

TEST_P(AccessTest, AnAdministratorLendsNoAdministratorsRights) {
  const Record any = make(R"({"name":"a"})"), theirs = make(R"({"name":"b","owner":"22"})");
  Context colleague = as("core.administrator", 22);
  colleague.actor.roles.push_back("shop.owner");
  const Context stand_in = deputy(as("", 11), colleague);
  EXPECT_FALSE(is_administrator(stand_in));
  EXPECT_FALSE(sees(stand_in, any));
  EXPECT_EQ(listed(stand_in), std::set{theirs.id()});
}

TEST_P(AccessTest, DelegationsAreMadeByTheLenderOnly) {
  const model::Entity& delegation = *catalog->entity("core.delegation");
  const Context lender = as("shop.nobody", 11);
  const Record made = create(lender, "core.delegation", R"({"deputy":"22","ends_at":"2026-12-01T00:00:00Z"})");
  EXPECT_EQ(text(made, "user"), "\"11\"");
  // In another's name he lends nothing, neither at once nor afterwards.
  EXPECT_EQ(refusal([&] { create(lender, "core.delegation", R"({"user":"33","deputy":"11","ends_at":"2026-12-01T00:00:00Z"})"); }).code(),
            ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { change(lender, made, R"({"user":"33"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(gate().list(as("shop.nobody", 22), delegation, {}).items.size(), 1u);
  EXPECT_EQ(gate().list(as("shop.nobody", 33), delegation, {}).items.size(), 0u);
  EXPECT_EQ(refusal([&] { change(as("shop.nobody", 22), made, R"({"note":"x"})"); }).code(), ErrorCode::forbidden);
  // What everyone may do is not lent: a deputy cannot lend on.
  EXPECT_EQ(refusal([&] { change(deputy(as("shop.nobody", 22), lender), made, R"({"deputy":"33"})"); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { create(lender, "core.delegation", R"({"deputy":"11","ends_at":"2026-12-01T00:00:00Z"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { create(lender, "core.delegation", R"({"deputy":"22","ends_at":"2020-12-01T00:00:00Z"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(text(change(lender, made, R"({"ends_at":"2026-11-22T00:00:00Z"})"), "ends_at"), "\"2026-11-22T00:00:00Z\"");
  // A role that only shows all delegations gives nobody another's rights.
  const Context personnel = as("shop.personnel", 11);
  EXPECT_EQ(refusal([&] { change(personnel, made, R"({"user":"33"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { create(personnel, "core.delegation", R"({"user":"33","deputy":"11","ends_at":"2026-12-01T00:00:00Z"})"); }).code(),
            ErrorCode::invalid_record);
}

TEST_P(AccessTest, WhoStandsInDecidesNeitherAboutHisOwnNorAboutTheColleagues) {
  const auto in_north = [&](const char* name, int owner) {
    return make("{\"name\":\"" + std::string(name) + "\",\"place\":\"north\",\"owner\":\"" + std::to_string(owner) + "\"}");
  };
  const Record theirs = in_north("a", 22), own = in_north("b", 11), third = in_north("c", 33), fourth = in_north("d", 33), fifth = in_north("e", 22);
  const Context chief = of(as("shop.chief", 22), "north"), stand_in = deputy(as("shop.nobody", 11), chief);
  const auto code = [&](const Context& context, const Record& record, const char* step) {
    return refusal([&] { steps().run(context, file(), record.id(), step, {}, "", std::nullopt); }).code();
  };
  const auto offered = [&](const Context& context, const Record& record) {
    std::set<std::string> names;
    for (const auto& step : steps().available(context, gate().get(context, file(), record.id()))) {
      if (step.allowed) names.insert(step.transition->name);
    }
    return names;
  };
  for (const char* step : {"approve", "settle"}) {
    EXPECT_EQ(code(chief, theirs, step), ErrorCode::invalid_record) << step;
    EXPECT_EQ(code(stand_in, theirs, step), ErrorCode::invalid_record) << step << ": the right is the colleague's, and so is the record";
    EXPECT_EQ(code(stand_in, own, step), ErrorCode::invalid_record) << step;
  }
  EXPECT_THAT(offered(stand_in, theirs), ElementsAre("edit"));
  EXPECT_THAT(offered(stand_in, third), ElementsAre("approve", "edit", "settle"));
  EXPECT_EQ(text(steps().run(stand_in, file(), third.id(), "approve", {}, "", std::nullopt), "state"), "\"old\"");
  EXPECT_EQ(text(steps().run(stand_in, file(), fourth.id(), "settle", {}, "", std::nullopt), "state"), "\"old\"");
  // Who has the right himself needs no colleague's.
  const Context also_chief = deputy(of(as("shop.chief", 11), "north"), chief);
  EXPECT_EQ(text(steps().run(also_chief, file(), theirs.id(), "approve", {}, "", std::nullopt), "state"), "\"old\"");
  EXPECT_EQ(text(steps().run(also_chief, file(), fifth.id(), "settle", {}, "", std::nullopt), "state"), "\"old\"");
}

TEST_P(AccessTest, NobodyGivesRolesOrMovesHimself) {
  const model::Entity& users = *catalog->entity("core.user");
  const Context personnel = as("shop.personnel", 11), admin = as("core.administrator", 44);
  EXPECT_EQ(refusal([&] { change(personnel, gate().get(personnel, users, 11), R"({"department":"north"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(text(change(personnel, gate().get(personnel, users, 22), R"({"department":"north"})"), "department"), "\"north\"");
  EXPECT_EQ(text(change(as("core.administrator", 44), gate().get(admin, users, 44), R"({"department":"north"})"), "department"), "\"north\"");
  const Record powerful = create(admin, "core.user", R"({"username":"p","name":"P","roles":["shop.chief"]})");
  const Record plain = create(admin, "core.user", R"({"username":"q","name":"Q"})");
  gate().remove(personnel, users, powerful.id(), std::nullopt);
  gate().remove(personnel, users, plain.id(), std::nullopt);
  EXPECT_EQ(refusal([&] { gate().restore(personnel, users, powerful.id()); }).code(), ErrorCode::forbidden) << "with the roles come rights";
  EXPECT_EQ(gate().deleted(personnel, users, "", 50).items.size(), 1u);
  EXPECT_EQ(gate().restore(personnel, users, plain.id()).id(), plain.id());
  EXPECT_EQ(gate().restore(admin, users, powerful.id()).id(), powerful.id());
}

TEST_P(AccessTest, HiddenAndMaskedFieldsLeaveTheGateRedacted) {
  const Record made = make(R"({"name":"a","phone":"13800001234","income":"900.00","secret":"s3cret"})");
  const Context reader = as("shop.reader", 11);
  const Record seen = gate().get(reader, file(), made.id());
  const std::string out = json(seen);
  EXPECT_THAT(out, HasSubstr(R"("phone":"********234")"));  // a third of eleven
  EXPECT_THAT(out, HasSubstr(R"("income":null)"));
  EXPECT_THAT(out, HasSubstr(R"("masked":["phone","income"])"));
  EXPECT_THAT(out, Not(HasSubstr("secret")));
  EXPECT_THAT(out, Not(HasSubstr("doubled")));
  EXPECT_EQ(json(list(reader, "shop.file").items.front()), out);
  EXPECT_EQ(json(gate().get_many(reader, file(), {made.id()}).front()), out);
  EXPECT_EQ(seen.version(), made.version());
  const std::string changed = json(change(reader, made, R"({"name":"b"})"));
  EXPECT_THAT(changed, Not(HasSubstr("13800001234")));
  EXPECT_THAT(changed, Not(HasSubstr("s3cret")));
  EXPECT_THAT(json(gate().get(system(), file(), made.id())), HasSubstr(R"("secret":"s3cret")"));
}

TEST_P(AccessTest, MasksKeepFourCharactersAndNeverMoreThanAThird) {
  const model::Field& field = *file().field("phone");
  const auto mask = [&](const char* value) { return *masked(field, expr::Value(value)).as<std::string>(); };
  EXPECT_EQ(mask("1"), "*");
  EXPECT_EQ(mask("12"), "**");
  EXPECT_EQ(mask("123"), "**3");
  EXPECT_EQ(mask("+86 13800001234"), "***********1234");
  EXPECT_EQ(mask("\u5f20\u4e09\u4e30"), "**\u4e30");
  EXPECT_TRUE(masked(field, expr::Value()).is_null());
  EXPECT_TRUE(masked(*file().field("level"), expr::Value(std::int64_t{7})).is_null());
}

TEST_P(AccessTest, TheMostThatARoleGivesCounts) {
  const Record made = make(R"({"name":"a","owner":"11","phone":"13800001234","secret":"s3cret"})");
  Context both = as("shop.reader", 11);
  both.actor.roles.push_back("shop.owner");
  EXPECT_EQ(text(gate().get(both, file(), made.id()), "phone"), "\"13800001234\"");
  EXPECT_THAT(json(gate().get(both, file(), made.id())), Not(HasSubstr("s3cret")));
  // The chief's own statement counts for records that it reads through what it includes.
  EXPECT_EQ(text(gate().get(as("shop.chief", 11), file(), made.id()), "secret"), "\"s3cret\"");
  // What a colleague may see, his deputy may.
  EXPECT_EQ(text(gate().get(deputy(as("shop.reader", 33), as("shop.chief", 11)), file(), made.id()), "secret"), "\"s3cret\"");
  EXPECT_TRUE(field_rights(as("core.administrator", 44), file()).unrestricted());
}

TEST_P(AccessTest, WritesBelowTheRightAreRefusedPerField) {
  const Record made = make(R"({"name":"a","phone":"13800001234","secret":"s3cret","level":4})");
  const Context reader = as("shop.reader", 11);
  const Error error = refusal([&] { change(reader, made, R"({"phone":"1","secret":"x","level":5,"name":"b"})"); });
  ASSERT_EQ(error.fields().size(), 3u);
  std::set<std::string> told;
  for (const auto& mistake : error.fields()) told.insert(mistake.field + " " + mistake.code);
  EXPECT_THAT(told, UnorderedElementsAre("phone read_only", "secret unknown_field", "level read_only"));
  EXPECT_EQ(refusal([&] { change(reader, made, R"({"phone":"********234"})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(text(gate().get(system(), file(), made.id()), "phone"), "\"13800001234\"");
  EXPECT_EQ(refusal([&] { create(reader, "shop.file", R"({"name":"z","secret":"x"})"); }).code(), ErrorCode::invalid_record);
}

TEST_P(AccessTest, AStepMaySetItsFormsFieldsButShowsNothing) {
  const Record made = make(R"({"name":"a","phone":"13800001234"})");
  const Context reader = as("shop.reader", 11);
  // What is hidden from him is hidden on a form, too: others are asked.
  const Input all = parse_input(*catalog, file(), R"({"phone":"********234","secret":"new","level":8})", "en");
  const Error refused = refusal([&] { steps().run(reader, file(), made.id(), "age", all, "", std::nullopt); });
  ASSERT_EQ(refused.fields().size(), 1u);
  EXPECT_EQ(refused.fields().front().code, "unknown_field");
  EXPECT_EQ(gate().get(system(), file(), made.id()).version(), 1);
  const Input input = parse_input(*catalog, file(), R"({"phone":"********234","level":8})", "en");
  const Record aged = steps().run(reader, file(), made.id(), "age", input, "", std::nullopt);
  EXPECT_THAT(json(aged), Not(HasSubstr("13800001234")));
  EXPECT_THAT(json(aged), Not(HasSubstr("secret")));
  const Record whole = gate().get(system(), file(), made.id());
  EXPECT_EQ(text(whole, "phone"), "\"13800001234\"") << "the mask that came back is no new value";
  EXPECT_EQ(text(whole, "secret"), "null");
  EXPECT_EQ(text(whole, "level"), "8");
}

TEST_P(AccessTest, WhyAStepIsNotPossibleNamesNoHiddenField) {
  const Record made = make(R"({"name":"a"})");
  const Context reader = as("shop.reader", 11);
  for (const auto& step : steps().available(reader, gate().get(reader, file(), made.id()))) {
    if (step.transition->name != "need") continue;
    EXPECT_FALSE(step.allowed);
    EXPECT_THAT(step.why, Not(HasSubstr("Secret")));
  }
  const Error error = refusal([&] { steps().run(reader, file(), made.id(), "need", {}, "", std::nullopt); });
  EXPECT_THAT(error.message(), Not(HasSubstr("Secret")));
  for (const auto& mistake : error.fields()) {
    EXPECT_THAT(mistake.field, Not(HasSubstr("secret")));
    EXPECT_THAT(mistake.message, Not(HasSubstr("Secret")));
  }
}

TEST_P(AccessTest, WhatMayNotBeReadMayNotBeAskedFor) {
  make(R"({"name":"a","phone":"13800001234","secret":"findme","level":1})");
  const Context reader = as("shop.reader", 11);
  const auto refused = [&](ListQuery query) { return refusal([&] { gate().list(reader, file(), query); }).code(); };
  for (const char* filter : {"record.secret == 'findme'", "record.phone.startsWith('138')", "has(record.income)", "record.doubled > decimal('1')",
                             "record.other.secret == 'x'", "[record].exists(r, r.secret == 'x')", "[record.secret].exists(s, s == 'x')",
                             "{'a': record}.a.secret == 'x'", "[record][0].secret == 'x'", "'x' == (true ? record : record).secret", "record.name == 'a' || record.secret != null"}) {
    ListQuery query;
    query.filter = filter;
    EXPECT_EQ(refused(query), ErrorCode::forbidden) << filter;
  }
  for (const char* sort : {"secret", "-phone", "name,income"}) {
    ListQuery query;
    query.sort = sort;
    EXPECT_EQ(refused(query), ErrorCode::forbidden) << sort;
  }
  ListQuery words;
  words.q = "findme";
  EXPECT_THAT(found(reader, words), IsEmpty());
  words.q = "1380";
  EXPECT_THAT(found(reader, words), IsEmpty());
  EXPECT_EQ(found(system(), words).size(), 1u);
  ListQuery fine;
  fine.filter = "record.level == 1";
  EXPECT_EQ(found(reader, fine).size(), 1u);
}

TEST_P(AccessTest, TheHistoryIsRedacted) {
  const Record made = make(R"({"name":"a","phone":"13800001234","income":"900.00","secret":"s3cret"})");
  change(system(), made, R"({"phone":"13900005678","secret":"other","income":"901.00"})");
  for (const Event& event : gate().timeline(as("shop.reader", 11), file(), made.id(), 0, 50)) {
    EXPECT_THAT(event.changes, Not(HasSubstr("s3cret")));
    EXPECT_THAT(event.changes, Not(HasSubstr("secret")));
    EXPECT_THAT(event.changes, Not(HasSubstr("doubled")));
    EXPECT_THAT(event.changes, Not(HasSubstr("13800001234")));
    EXPECT_THAT(event.changes, Not(HasSubstr("901.00")));
    EXPECT_THAT(event.changes, HasSubstr(R"("phone":[)"));
  }
}

TEST_P(AccessTest, DuplicatesTellNothingOfTheOther) {
  const Record mine = make(R"({"name":"c","owner":"11","secret":"taken"})");
  const Context reader = as("shop.reader", 11), owner = as("shop.owner", 11);
  gate().remove(owner, file(), mine.id(), std::nullopt);
  const Record made = make(R"({"name":"a","secret":"taken"})");
  make(R"({"name":"b"})");
  const Error error = refusal([&] { gate().restore(owner, file(), mine.id()); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_THAT(error.message(), Not(HasSubstr("ecret")));
  EXPECT_THAT(error.message(), Not(HasSubstr(id(made))));
  for (const auto& mistake : error.fields()) EXPECT_THAT(mistake.field, Not(HasSubstr("secret")));
  const Error named = refusal([&] { create(reader, "shop.file", R"({"name":"a"})"); });
  ASSERT_EQ(named.fields().size(), 1u);
  EXPECT_EQ(named.fields().front().field, "name");
}

TEST_P(AccessTest, WhatIsGoneBehindAHiddenReferenceIsNotNamed) {
  const Record other = make(R"({"name":"a"})");
  const Record mine = make("{\"name\":\"b\",\"owner\":\"11\",\"link\":\"" + id(other) + "\"}");
  const Context owner = as("shop.owner", 11);
  gate().remove(owner, file(), mine.id(), std::nullopt);
  gate().remove(system(), file(), other.id(), std::nullopt);
  const Error error = refusal([&] { gate().restore(owner, file(), mine.id()); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_THAT(error.message(), Not(HasSubstr("Link")));
  for (const auto& mistake : error.fields()) {
    EXPECT_EQ(mistake.field, "");
    EXPECT_THAT(mistake.message, Not(HasSubstr("Link")));
  }
}

TEST_P(AccessTest, WhatOneHasByAShareOrInAnothersSteadIsNotPassedOn) {
  const Record made = make(R"({"name":"a","owner":"11"})");
  const Context owner = as("shop.owner", 11), given = as("shop.nobody", 22);
  Share short_one = share_with(Share::Kind::user, "22", true);
  short_one.expires_at = Timestamp{now.micros + 3'600'000'000, 0};
  gate().share(owner, file(), made.id(), short_one);
  change(given, made, R"({"name":"b"})");
  EXPECT_EQ(refusal([&] { gate().share(given, file(), made.id(), share_with(Share::Kind::user, "22", true)); }).code(), ErrorCode::forbidden)
      << "he would make his own share last";
  EXPECT_EQ(refusal([&] { gate().share(given, file(), made.id(), share_with(Share::Kind::user, "33")); }).code(), ErrorCode::forbidden);
  const Context stand_in = deputy(as("shop.nobody", 33), owner);
  change(stand_in, made, R"({"name":"c"})");
  EXPECT_EQ(refusal([&] { gate().share(stand_in, file(), made.id(), share_with(Share::Kind::user, "33")); }).code(), ErrorCode::forbidden);
  ASSERT_EQ(gate().shares(owner, file(), made.id()).size(), 1u);
  gate().share(deputy(owner, as("shop.nobody", 33)), file(), made.id(), share_with(Share::Kind::user, "44"));
}

TEST_P(AccessTest, TheHistoryTellsOnlyThoseOfSharesWhoSeeThem) {
  const Record made = make(R"({"name":"a","owner":"11","level":1})");
  const Context owner = as("shop.owner", 11), reader = as("shop.nobody", 33);
  Share share = share_with(Share::Kind::user, "22");
  share.note = "a word in confidence";
  gate().unshare(owner, file(), made.id(), gate().share(owner, file(), made.id(), share).id);
  const auto notes = [&](const Context& context) {
    std::string all;
    for (const Event& event : gate().timeline(context, file(), made.id(), 0, 50)) all += event.note + "|";
    return all;
  };
  EXPECT_THAT(notes(owner), HasSubstr("a word in confidence"));
  EXPECT_EQ(notes(reader), "|||");
  gate().remove(owner, file(), made.id(), std::nullopt);
  EXPECT_THAT(notes(as("core.administrator", 44)), HasSubstr("a word in confidence"));
}

TEST_P(AccessTest, ASharedRecordIsSeenByTheOneItWasSharedWith) {
  const Record made = make(R"({"name":"a","owner":"11"})");
  make(R"({"name":"b","owner":"11"})");
  const Context owner = as("shop.owner", 11), other = as("shop.owner", 22), stranger = as("shop.nobody", 33);
  EXPECT_FALSE(sees(other, made));
  gate().share(owner, file(), made.id(), share_with(Share::Kind::user, "22"));
  EXPECT_TRUE(sees(other, made));
  EXPECT_EQ(listed(other), std::set{made.id()});
  EXPECT_EQ(gate().get_many(other, file(), {made.id()}).size(), 1u);
  EXPECT_EQ(refusal([&] { change(other, made, R"({"level":2})"); }).code(), ErrorCode::forbidden);
  EXPECT_FALSE(sees(stranger, made));
  EXPECT_THAT(listed(stranger), IsEmpty());
  // A deputy of his has it as well.
  EXPECT_TRUE(sees(deputy(stranger, other), made));

  gate().share(owner, file(), made.id(), share_with(Share::Kind::user, "33", true));
  EXPECT_EQ(listed(stranger), std::set{made.id()});
  EXPECT_EQ(text(change(stranger, made, R"({"name":"renamed"})"), "name"), "\"renamed\"");
  // A share gives the record, not more of its fields than the roles do.
  EXPECT_EQ(refusal([&] { change(stranger, made, R"({"level":2})"); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { gate().remove(stranger, file(), made.id(), std::nullopt); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(text(steps().run(stranger, file(), made.id(), "edit", {}, "", std::nullopt), "state"), "\"old\"");
}

TEST_P(AccessTest, SharesWithRolesAndDepartmentsReachTheirMembers) {
  const Record made = make(R"({"name":"a","owner":"11"})");
  const Context owner = as("shop.owner", 11);
  const Share role = gate().share(owner, file(), made.id(), share_with(Share::Kind::role, "shop.local"));
  EXPECT_TRUE(sees(as("shop.local", 22), made));
  EXPECT_TRUE(sees(as("shop.president", 22), made)) << "who includes the role has it";
  EXPECT_FALSE(sees(as("shop.nobody", 22), made));
  gate().unshare(owner, file(), made.id(), role.id);
  EXPECT_FALSE(sees(as("shop.local", 22), made));
  gate().share(owner, file(), made.id(), share_with(Share::Kind::department, "north"));
  EXPECT_TRUE(sees(of(as("shop.nobody", 22), "north"), made));
  EXPECT_TRUE(sees(of(as("shop.nobody", 22), "harbour"), made));
  EXPECT_FALSE(sees(of(as("shop.nobody", 22), "south"), made));
  EXPECT_FALSE(sees(of(as("shop.nobody", 22), "head"), made));
}

TEST_P(AccessTest, AnExpiredShareGivesNothing) {
  const Record made = make(R"({"name":"a","owner":"11"})");
  Share share = share_with(Share::Kind::user, "22", true);
  share.expires_at = Timestamp{now.micros + 3'600'000'000, 0};
  gate().share(as("shop.owner", 11), file(), made.id(), share);
  Context later = as("shop.owner", 22);
  EXPECT_TRUE(sees(later, made));
  later.now = Timestamp{now.micros + 3'600'000'000, 0};
  EXPECT_FALSE(sees(later, made));
  EXPECT_THAT(listed(later), IsEmpty());
  EXPECT_EQ(refusal([&] { change(later, made, R"({"level":2})"); }).code(), ErrorCode::not_found);
  Context owner = as("shop.owner", 11);
  owner.now = later.now;
  EXPECT_THAT(gate().shares(owner, file(), made.id()), IsEmpty());
}

TEST_P(AccessTest, OnlyWhoMayChangeARecordSharesIt) {
  const Record made = make(R"({"name":"a","owner":"11","level":1})");
  const Context owner = as("shop.owner", 11), reader = as("shop.nobody", 33);
  EXPECT_EQ(refusal([&] { gate().share(reader, file(), made.id(), share_with(Share::Kind::user, "33", true)); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { gate().shares(reader, file(), made.id()); }).code(), ErrorCode::forbidden);
  const Record unseen = make(R"({"name":"b","owner":"11"})");
  EXPECT_EQ(refusal([&] { gate().share(reader, file(), unseen.id(), share_with(Share::Kind::user, "33")); }).code(), ErrorCode::not_found);
  for (const Share& wrong : {share_with(Share::Kind::user, "999999"), share_with(Share::Kind::role, "shop.none"),
                             share_with(Share::Kind::department, "west")}) {
    EXPECT_EQ(refusal([&] { gate().share(owner, file(), made.id(), wrong); }).code(), ErrorCode::invalid_record);
  }
  Share past = share_with(Share::Kind::user, "22");
  past.expires_at = now;
  EXPECT_EQ(refusal([&] { gate().share(owner, file(), made.id(), past); }).code(), ErrorCode::invalid_record);

  const Share first = gate().share(owner, file(), made.id(), share_with(Share::Kind::user, "22"));
  const Share again = gate().share(owner, file(), made.id(), share_with(Share::Kind::user, "22", true));
  EXPECT_EQ(first.id, again.id);
  const auto shares = gate().shares(owner, file(), made.id());
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_TRUE(shares.front().update);
  EXPECT_EQ(refusal([&] { gate().unshare(as("shop.nobody", 33), file(), made.id(), first.id); }).code(), ErrorCode::forbidden);
  gate().unshare(as("shop.nobody", 22), file(), made.id(), first.id);  // what he was given he may give back
  EXPECT_EQ(refusal([&] { gate().unshare(owner, file(), made.id(), first.id); }).code(), ErrorCode::not_found);
  std::vector<std::string> actions;
  for (const Event& event : gate().timeline(owner, file(), made.id(), 0, 50)) actions.push_back(event.action);
  EXPECT_THAT(actions, ElementsAre("unshare", "share", "share", "create"));
}

TEST_P(AccessTest, ManySharesBecomeASubquery) {
  std::set<std::int64_t> all;
  for (int i = 0; i < 230; ++i) {
    const Record made = make("{\"name\":\"n" + std::to_string(i) + "\",\"owner\":\"11\"}");
    gate().share(system(), file(), made.id(), share_with(Share::Kind::role, "shop.nobody"));
    all.insert(made.id());
  }
  std::set<std::int64_t> seen;
  ListQuery query;
  query.limit = 100;
  do {
    const Page page = gate().list(as("shop.nobody", 22), file(), query);
    for (const Record& record : page.items) seen.insert(record.id());
    query.after = page.next;
  } while (!query.after.empty());
  EXPECT_EQ(seen, all);
}

TEST_P(AccessTest, SharesGoWithTheRecord) {
  const Record made = make(R"({"name":"a","owner":"11"})");
  gate().share(as("shop.owner", 11), file(), made.id(), share_with(Share::Kind::user, "22"));
  gate().remove(as("shop.owner", 11), file(), made.id(), std::nullopt);
  EXPECT_FALSE(sees(as("shop.owner", 22), made));
  EXPECT_THAT(listed(as("shop.owner", 22)), IsEmpty());
}

TEST_P(AccessTest, TheExplanationSaysWhatDecided) {
  const Record made = make(R"({"name":"a","owner":"22","place":"north","secret":"s","level":2})");
  const Context admin = as("core.administrator", 44), president = of(as("shop.president", 11), "north");
  AccessReport report = explain_access(gate(), admin, president, file(), made.id());
  const auto& read = report.operations[static_cast<std::size_t>(model::Operation::read)];
  EXPECT_TRUE(read.allowed);
  ASSERT_EQ(read.grants.size(), 4u);
  const auto grant = [&](const char* role) {
    return *std::find_if(read.grants.begin(), read.grants.end(), [&](const auto& g) { return g.role->name == role; });
  };
  EXPECT_EQ(grant("shop.local").result, ConsideredGrant::Result::yes);
  EXPECT_EQ(grant("shop.local").held->name, "shop.president");
  EXPECT_EQ(grant("shop.local").rule, "record.place in user.departments");
  EXPECT_EQ(grant("shop.local").origin.file, "shop.yaml");
  EXPECT_GT(grant("shop.local").origin.line, 0u);
  EXPECT_EQ(grant("shop.owner").result, ConsideredGrant::Result::no);
  const auto reads = grant("shop.owner").reads;
  EXPECT_THAT(reads, ::testing::Contains(std::pair<std::string, std::string>("record.owner", "\"22\"")));
  EXPECT_THAT(reads, ::testing::Contains(std::pair<std::string, std::string>("user.id", "11")));
  EXPECT_TRUE(grant("shop.common").of_everyone);
  EXPECT_FALSE(report.operations[static_cast<std::size_t>(model::Operation::remove)].allowed);
  const auto secret = std::find_if(report.fields.begin(), report.fields.end(), [](const auto& f) { return f.field->name == "secret"; });
  ASSERT_NE(secret, report.fields.end());
  EXPECT_EQ(secret->right, model::FieldRight::write);
  EXPECT_EQ(secret->role->name, "shop.chief");

  // An empty field leaves the rule undecided.
  const Record empty = make(R"({"name":"b"})");
  report = explain_access(gate(), admin, president, file(), empty.id());
  const auto& undecided = report.operations[0].grants;
  EXPECT_TRUE(std::any_of(undecided.begin(), undecided.end(), [](const auto& g) { return g.result == ConsideredGrant::Result::unknown; }));
  EXPECT_FALSE(report.operations[0].allowed);
  // Who may not see the record learns nothing about it.
  EXPECT_EQ(refusal([&] { explain_access(gate(), president, president, file(), empty.id()); }).code(), ErrorCode::not_found);
  gate().share(system(), file(), empty.id(), share_with(Share::Kind::user, "11"));
  report = explain_access(gate(), admin, president, file(), empty.id());
  EXPECT_TRUE(report.operations[0].allowed);
  EXPECT_EQ(report.shares.size(), 1u);
}

TEST_P(AccessTest, AnUnconditionalRightAsksForNoShares) {
  const ReadRule rule = read_rule(as("shop.reader", 11), file(), expr::Dialect::sqlite);
  EXPECT_EQ(rule.kind, ReadRule::Kind::always);
  EXPECT_TRUE(may_always(as("shop.reader", 11), file(), model::Operation::read));
  EXPECT_FALSE(may_always(as("shop.chief", 11), file(), model::Operation::read));
}

/// For random people and records: what list gives is what get gives, and what aggregates count.
TEST_P(AccessTest, ListAndGetAgreeForRandomActors) {
  std::mt19937 random(20261122);
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  const char* const places[] = {"head", "north", "harbour", "south", ""};
  const int users[] = {11, 12, 13, 22, 33};
  std::vector<Record> records;
  for (int i = 0; i < 60; ++i) {
    std::string body = "{\"name\":\"n" + std::to_string(i) + "\"";
    if (pick(4) != 0) body += ",\"owner\":\"" + std::to_string(users[pick(5)]) + "\"";
    if (const char* place = places[pick(5)]; *place != 0) body += ",\"place\":\"" + std::string(place) + "\"";
    if (pick(3) != 0) body += ",\"level\":" + std::to_string(pick(10));
    records.push_back(make(body + "}"));
  }
  const char* const roles[] = {"shop.owner", "shop.local", "shop.chief", "shop.president", "shop.nobody", "shop.unknown", "core.administrator"};
  for (int i = 0; i < 40; ++i) {
    Share share = share_with(Share::Kind::user, std::to_string(users[pick(5)]), pick(2) == 0);
    if (pick(3) == 0) share = share_with(Share::Kind::role, roles[pick(5)]);
    if (pick(3) == 0) share = share_with(Share::Kind::department, places[pick(4)]);
    if (pick(3) == 0) share.expires_at = Timestamp{now.micros + 1'000'000 + pick(2) * 5'000'000'000LL, 0};
    gate().share(system(), file(), records[static_cast<std::size_t>(pick(60))].id(), share);
  }
  const auto actor = [&] {
    Context context = of(as("", users[pick(5)]), places[pick(5)]);
    for (int n = pick(3); n > 0; --n) context.actor.roles.push_back(roles[pick(pick(8) == 0 ? 7 : 6)]);
    context.now = Timestamp{now.micros + 2'000'000, 0};
    return context;
  };
  int partly = 0;
  for (int i = 0; i < 60; ++i) {
    Context context = actor();
    for (int n = pick(3); n > 0; --n) context = deputy(context, actor());
    std::set<std::int64_t> readable;
    for (const Record& record : records) {
      if (sees(context, record)) readable.insert(record.id());
    }
    partly += !readable.empty() && readable.size() < records.size();
    std::set<std::int64_t> all;
    ListQuery query;
    query.limit = 100;
    query.count = true;
    try {
      const Page page = gate().list(context, file(), query);
      for (const Record& record : page.items) all.insert(record.id());
      EXPECT_EQ(page.total, static_cast<std::int64_t>(readable.size()));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::forbidden);
    }
    ASSERT_EQ(all, readable) << "actor " << context.actor.user_id << " of " << context.actor.department;
    std::vector<std::int64_t> ids;
    for (const Record& record : records) ids.push_back(record.id());
    EXPECT_EQ(gate().get_many(context, file(), ids).size(), readable.size());
  }
  EXPECT_GT(partly, 20) << "the actors should be of many kinds";
}

CARAVAN_ON_BOTH_DATABASES(AccessTest);

}  // namespace
}  // namespace caravan::records

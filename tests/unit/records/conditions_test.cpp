#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "records/codec.h"
#include "records/draft.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const char* const desk = R"yaml(
kind: choices
name: region
label: Region
options: {asia: {label: Asia}, europe: {label: Europe}}
---
kind: choices
name: country
label: Country
options:
  japan: {of: asia, label: Japan}
  turkey: {of: [asia, europe], label: Turkey}
  france: {of: europe, label: France}
  siam: {of: asia, active: false, label: Siam}
  other: {label: Other}
---
kind: settings
name: shop
settings: {limit: {type: int, default: 9, label: Limit}}
---
kind: entity
name: person
label: Person
fields:
  name: {type: text, required: true, label: Name}
  vip: {type: bool, label: VIP}
---
kind: entity
name: trip
label: Trip
title: name
fields:
  name: {type: text, max: 40, label: Name}
  person: {type: ref, to: person, label: Person}
  seats: {type: int, label: Seats}
  price: {type: decimal, default: 5, label: Price}
  total: {type: decimal, compute: "record.price * record.seats", label: Total}
  region: {type: choice, choices: region, label: Region}
  country: {type: choice, choices: country, depends_on: region, label: Country}
  visa: {type: text, required: true, visible: "record.region == 'asia'", label: Visa}
  reason: {type: text, required: "record.seats > settings.shop.limit", label: Reason}
  rate: {type: decimal, read_only: "record.seats != null && !('shop.boss' in user.roles)", label: Rate}
  why: {type: text, visible: "record.state == 'lost'", label: Why}
  secret: {type: bool, right: hidden, label: Secret}
  gift: {type: text, visible: "record.secret == true", label: Gift}
  greeting: {type: text, required: "record.person.vip", label: Greeting}
invariants:
  sane: {check: "record.seats < 1000", message: Too many}
  quiet: {check: "record.secret != true || record.seats < 100", message: Quiet}
duplicates:
  same: {warn: [name, region], where: "record.seats > 0", message: Twice}
  hidden: {warn: [secret]}
workflow:
  initial: open
  states: {open: {label: Open}, lost: {label: Lost, category: cancelled}}
  transitions:
    lose: {label: Lose, from: open, to: lost, form: lose_form, require: [why], do: {rate: {set: {rate: "decimal('0.5')"}}}}
---
kind: form
name: lose_form
entity: trip
groups: {main: {label: Main, fields: [why, rate, gift]}}
---
kind: role
name: seller
label: Seller
grants:
  shop.trip: {read: "record.owner == user.id || record.owner == null", create: true, update: true}
---
kind: role
name: boss
label: Boss
grants:
  shop.trip: {read: true, create: true, update: true}
  shop.person: {read: true, create: true}
  core.user: {read: true}
fields:
  shop.trip: {secret: write}
---
kind: role
name: guest
label: Guest
grants:
  shop.trip: {read: true}
)yaml";

class Conditions : public test::GateTest {
 protected:
  const char* definitions() const override { return desk; }

  static std::vector<std::string> told(const std::vector<FieldError>& mistakes) {
    std::vector<std::string> out;
    for (const FieldError& one : mistakes) out.push_back(one.field + " " + one.code);
    return out;
  }
  template <class Call>
  std::vector<std::string> mistakes(Call call) {
    const Error error = refusal(call);
    EXPECT_EQ(error.code(), ErrorCode::invalid_record) << error.message();
    return told(error.fields());
  }
  DraftAnswer draft(const Context& context, const std::string& values, std::optional<std::int64_t> id = std::nullopt, const char* step = nullptr) {
    const model::Entity& trip = *catalog->entity("shop.trip");
    DraftQuery query;
    query.id = id;
    if (step) query.transition = trip.workflow->transition(step);
    query.input = parse_input(context, trip, values);
    return gate().draft(context, trip, query);
  }
  static const DraftField& of(const DraftAnswer& answer, std::string_view name) {
    for (const DraftField& one : answer.fields) {
      if (one.field->name == name) return one;
    }
    throw std::out_of_range(std::string(name));
  }
  Input input(const std::string& json) { return parse_input(*catalog, *catalog->entity("shop.trip"), json); }

  const Context boss() { return as("shop.boss", 12); }
  const Context seller() { return as("shop.seller", 11); }
};

TEST_P(Conditions, WhatIsNotShownIsNotRequiredAndCannotBeSet) {
  EXPECT_EQ(text(create(boss(), "shop.trip", R"({"region":"europe"})"), "visa"), "null");
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"region":"asia"})"); }), ElementsAre("visa required"));
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"region":"europe","visa":"x"})"); }), ElementsAre("visa not_visible"));
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"visa":"x"})"); }), ElementsAre("visa not_visible")) << "unknown is not true";
  const Record trip = create(boss(), "shop.trip", R"({"region":"asia","visa":"x"})");
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"visa":null})"); }), ElementsAre("visa required"));
  // What makes it disappear keeps the value; it may be emptied in the same go, or sent back as it is.
  const Record moved = change(boss(), trip, R"({"region":"europe"})");
  EXPECT_EQ(text(moved, "visa"), "\"x\"");
  EXPECT_NO_THROW(change(boss(), trip, R"({"visa":"x","seats":2})"));
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"visa":"y"})"); }), ElementsAre("visa not_visible"));
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"visa":null})"); }), ElementsAre("visa not_visible"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"region":"asia"})"));
  EXPECT_EQ(text(change(boss(), trip, R"({"region":"europe","visa":null})"), "visa"), "null");
}

TEST_P(Conditions, RequiredHoldsAlsoAfterChangesOfOtherFields) {
  const Record trip = create(boss(), "shop.trip", R"({"seats":9})");
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"seats":10})"); }), ElementsAre("reason required"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"seats":10,"reason":"a group"})"));
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"reason":null})"); }), ElementsAre("reason required"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"seats":3,"reason":null})"));
}

TEST_P(Conditions, ReadOnlyAsksTheRecordAsItWas) {
  const Record trip = create(seller(), "shop.trip", R"({"seats":2,"rate":"0.10"})");
  EXPECT_THAT(mistakes([&] { change(seller(), trip, R"({"rate":"0.20"})"); }), ElementsAre("rate read_only"));
  EXPECT_NO_THROW(change(seller(), trip, R"({"rate":"0.1","seats":3})")) << "the same value, otherwise written";
  EXPECT_THAT(mistakes([&] { change(seller(), trip, R"({"rate":"0.20","seats":null})"); }), ElementsAre("rate read_only"));
  change(seller(), trip, R"({"seats":null})");
  EXPECT_NO_THROW(change(seller(), trip, R"({"rate":"0.20","seats":3})"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"rate":"0.30"})"));
}

TEST_P(Conditions, StepsObeyAndEffectsMaySet) {
  const Record trip = create(seller(), "shop.trip", R"({"seats":2,"rate":"0.10"})");
  const model::Entity& entity = trip.entity();
  EXPECT_THAT(mistakes([&] { steps().run(seller(), entity, trip.id(), "lose", {}, "", std::nullopt); }), ElementsAre("why required"));
  EXPECT_THAT(mistakes([&] { steps().run(seller(), entity, trip.id(), "lose", input(R"({"why":"x","gift":"y"})"), "", std::nullopt); }),
              ElementsAre("gift not_visible"));
  const Record lost = steps().run(seller(), entity, trip.id(), "lose", input(R"({"why":"too dear"})"), "", std::nullopt);
  EXPECT_EQ(text(lost, "why"), "\"too dear\"");
  EXPECT_EQ(text(lost, "rate"), "\"0.50\"");
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"why":"x"})"); }), ElementsAre("why not_visible"));
}

TEST_P(Conditions, ChoicesMustBeOfferedForTheControllingValue) {
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"region":"europe","country":"japan"})"); }), ElementsAre("country not_offered"));
  EXPECT_THAT(mistakes([&] { create(boss(), "shop.trip", R"({"country":"japan"})"); }), ElementsAre("country not_offered"));
  EXPECT_NO_THROW(create(boss(), "shop.trip", R"({"country":"other"})"));
  const Record trip = create(boss(), "shop.trip", R"({"region":"europe","country":"turkey"})");
  EXPECT_NO_THROW(change(boss(), trip, R"({"region":"asia","visa":"x"})"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"country":"japan"})"));
  EXPECT_THAT(mistakes([&] { change(boss(), trip, R"({"region":"europe"})"); }), ElementsAre("country not_offered"));
  EXPECT_NO_THROW(change(boss(), trip, R"({"region":"europe","country":"france"})"));
}

TEST_P(Conditions, ADraftTellsWhatTheGateWouldSayAndWritesNothing) {
  const DraftAnswer empty = draft(boss(), "{}");
  EXPECT_FALSE(of(empty, "visa").visible);
  EXPECT_FALSE(of(empty, "visa").required);
  EXPECT_THAT(*of(empty, "country").options, ElementsAre("other"));
  EXPECT_FALSE(of(empty, "region").options);
  EXPECT_TRUE(of(empty, "total").read_only);
  EXPECT_THAT(empty.mistakes, IsEmpty());
  const DraftAnswer asia = draft(boss(), R"({"region":"asia","seats":12,"country":"france"})");
  EXPECT_TRUE(of(asia, "visa").visible && of(asia, "visa").required && of(asia, "reason").required);
  EXPECT_THAT(*of(asia, "country").options, ElementsAre("japan", "turkey", "other"));
  EXPECT_THAT(told(asia.mistakes), UnorderedElementsAre("visa required", "reason required", "country not_offered"));
  EXPECT_EQ(text(asia.record, "total"), "\"60.00\"");
  EXPECT_THAT(told(draft(boss(), R"({"seats":5000,"reason":"x"})").mistakes), ElementsAre(" invariant:sane"));
  EXPECT_THAT(list(boss(), "shop.trip").items, IsEmpty());
  EXPECT_EQ(refusal([&] { draft(as("shop.guest", 33), "{}"); }).code(), ErrorCode::forbidden);
}

TEST_P(Conditions, ADraftOfAChangeStartsFromTheRecord) {
  const Record trip = create(seller(), "shop.trip", R"({"seats":2,"rate":"0.10","owner":"11"})");
  const DraftAnswer first = draft(seller(), R"({"region":"asia"})", trip.id());
  EXPECT_TRUE(of(first, "rate").read_only);
  EXPECT_THAT(told(first.mistakes), ElementsAre("visa required"));
  EXPECT_THAT(told(draft(seller(), R"({"rate":"0.9"})", trip.id()).mistakes), ElementsAre("rate read_only"));
  EXPECT_EQ(gate().get(boss(), trip.entity(), trip.id()).version(), 1);
  EXPECT_EQ(refusal([&] { draft(as("shop.seller", 22), "{}", trip.id()); }).code(), ErrorCode::not_found);
  EXPECT_EQ(refusal([&] { draft(as("shop.guest", 33), "{}", trip.id()); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { draft(boss(), "{}", 987654321); }).code(), ErrorCode::not_found);
  const DraftAnswer step = draft(seller(), R"({"seats":3})", trip.id(), "lose");
  EXPECT_TRUE(of(step, "why").visible && of(step, "why").required);
  EXPECT_THAT(told(step.mistakes), UnorderedElementsAre("seats not_in_form", "why required"));
}

TEST_P(Conditions, ADraftTellsNothingOfWhatTheActorMayNotSee) {
  const Record trip = create(boss(), "shop.trip", R"({"seats":200,"reason":"x","name":"A"})");
  const Record marked = create(boss(), "shop.trip", R"({"seats":20,"reason":"x","secret":true,"gift":"watch"})");
  const Record plain = create(boss(), "shop.trip", R"({"seats":20,"reason":"x"})");
  EXPECT_TRUE(of(draft(boss(), "{}", marked.id()), "gift").visible);
  EXPECT_FALSE(of(draft(boss(), "{}", plain.id()), "gift").visible);
  for (const char* values : {"{}", R"({"gift":"ring"})", R"({"seats":500})"}) {
    const DraftAnswer one = draft(seller(), values, marked.id()), other = draft(seller(), values, plain.id());
    EXPECT_EQ(told(one.mistakes), told(other.mistakes)) << values;
    EXPECT_EQ(of(one, "gift").visible, of(other, "gift").visible) << values;
  }
  // A person whom the seller may not see decides nothing that he is told.
  const Record vip = create(boss(), "shop.person", R"({"name":"V","vip":true})"), nobody = create(boss(), "shop.person", R"({"name":"N"})");
  const auto with = [&](const Context& context, const Record& person) { return draft(context, R"({"person":")" + id(person) + R"("})"); };
  EXPECT_TRUE(of(with(boss(), vip), "greeting").required);
  EXPECT_FALSE(of(with(boss(), nobody), "greeting").required);
  EXPECT_THAT(told(with(seller(), vip).mistakes), ElementsAre("person unknown_reference"));
  EXPECT_EQ(told(with(seller(), nobody).mistakes), told(with(seller(), vip).mistakes));
  EXPECT_FALSE(of(with(seller(), vip), "greeting").required);
}

TEST_P(Conditions, DuplicatesAreFoundAmongWhatTheActorMaySee) {
  const Record mine = create(boss(), "shop.trip", R"({"name":"Kyoto","region":"europe","seats":2,"owner":"11"})");
  const Record theirs = create(boss(), "shop.trip", R"({"name":"Kyoto","region":"europe","seats":2,"owner":"22"})");
  create(boss(), "shop.trip", R"({"name":"Kyoto","region":"europe","seats":0})");  // `where`
  create(boss(), "shop.trip", R"({"name":"Kyoto","seats":1})");
  const std::string same = R"({"name":"Kyoto","region":"europe"})";
  const auto found = [&](const Context& context, const std::string& values, std::optional<std::int64_t> of = std::nullopt) {
    std::vector<std::int64_t> ids;
    for (const Duplicate& one : draft(context, values, of).duplicates) {
      EXPECT_EQ(one.rule->name, "same");
      for (const Record& record : one.items) ids.push_back(record.id());
    }
    return ids;
  };
  EXPECT_THAT(found(boss(), same), ElementsAre(theirs.id(), mine.id()));
  EXPECT_THAT(found(seller(), same), ElementsAre(mine.id()));
  EXPECT_THAT(found(boss(), "{}", mine.id()), ElementsAre(theirs.id())) << "not the record itself";
  EXPECT_THAT(found(boss(), R"({"name":"Kyoto"})"), IsEmpty()) << "an empty field equals none";
  EXPECT_THAT(found(boss(), R"({"name":"kyoto","region":"europe"})"), IsEmpty());
  // Who may not read a compared field is not told by it.
  create(boss(), "shop.trip", R"({"secret":true})");
  EXPECT_THAT(draft(boss(), R"({"secret":true})").duplicates, SizeIs(1));
  EXPECT_THAT(gate().duplicates(seller(), gate().get(seller(), mine.entity(), mine.id())), IsEmpty());
  for (int i = 0; i < 6; ++i) create(boss(), "shop.trip", R"({"name":"Rome","region":"europe","seats":1})");
  const DraftAnswer many = draft(boss(), R"({"name":"Rome","region":"europe"})");
  ASSERT_THAT(many.duplicates, SizeIs(1));
  EXPECT_THAT(many.duplicates[0].items, SizeIs(most_duplicates));
  EXPECT_TRUE(many.duplicates[0].more);
}

CARAVAN_ON_BOTH_DATABASES(Conditions);

}  // namespace
}  // namespace caravan::records

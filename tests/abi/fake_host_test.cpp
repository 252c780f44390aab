// The fake server of caravan/testing.hpp answers as the real one: the same plugin files under both.
#include <dlfcn.h>

#include "caravan/testing.hpp"
#include "support.h"

namespace caravan::plugin {
namespace {

namespace fake = caravan::sdk::testing;

/// A file's table; the library stays mapped, as in the server.
const caravan_plugin& table_of(const std::filesystem::path& file) {
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw Error(ErrorCode::internal, ::dlerror());
  return *static_cast<const caravan_plugin*>(::dlsym(library, "caravan_plugin_v1"));
}

/// Two copies of a file, since a process has one instance of each.
struct Both {
  Both(const char* set, const std::string& name_) : name(name_), real({plugins(set), std::set<std::string>{name}, {}}), file(copy(set)), made(name, table_of(file)) {
    fake::Field twice = fake::read_only(fake::integer("twice"));
    made.entity(name + ".item",
                {fake::text("name", 40), fake::choice("colour", {"red", "green"}), fake::integer("count", 0, 1000), fake::boolean("fragile"),
                 fake::decimal("weight"), fake::decimal("price"), fake::date("made_on"), fake::instant("seen_at"), fake::ref("parent"), twice,
                 fake::json("extra")},
                {{"sell", "open", "sold"}}, {"seen"});
    made.start();
  }
  std::filesystem::path copy(const char* set) const {
    const auto to = scratch.path / (name + ".so");
    std::filesystem::copy(plugins(set) / (name + ".so"), to);
    return to;
  }
  std::string name;
  Scratch scratch;
  Host real;
  std::filesystem::path file;
  fake::Host made;
};

TEST(FakeHost, AnswersMisuseAsTheServerDoes) {
  Both both("sound", "misuse");
  both.real.make("misuse", "x");  // keeps its call and record
  EXPECT_TRUE(both.made.create("misuse.item", {{"name", "x"}}));
  for (const char* path : {"/stale", "/thread", "/records", "/answers"}) {
    const auto expected = both.real.get("misuse", path);
    ASSERT_TRUE(expected) << path;
    const fake::Reply reply = both.made.request("GET", path);
    EXPECT_EQ(reply.body, expected->body) << path;
    EXPECT_EQ(reply.status, 200);
  }
  EXPECT_EQ(error_of([&] { both.real.get("misuse", "/odd"); }).code(), ErrorCode::internal);
  EXPECT_EQ(both.made.request("GET", "/odd").status, 500);
  EXPECT_EQ(both.made.request("GET", "/nowhere").status, 404);
  EXPECT_EQ(both.made.request("POST", "/stale").status, 405);
}

TEST(FakeHost, EndsHooksAsTheServerDoes) {
  Both both("sound", "throws");
  for (const char* name : {"standard", "own", "refusal", "field", "unknown field", "wrong type", "too large", "computed", "missing", "deeper"}) {
    const Error expected = error_of([&] { both.real.make("throws", name); });
    const fake::Outcome outcome = both.made.create("throws.item", {{"name", name}});
    const bool internal = expected.code() == ErrorCode::internal;
    EXPECT_EQ(outcome.status == CARAVAN_INTERNAL, internal) << name << ": " << outcome.message;
    if (expected.code() == ErrorCode::conflict) {
      EXPECT_EQ(outcome.message, expected.message());
    }
    if (expected.code() == ErrorCode::invalid_record && std::string(name) == "field") {
      ASSERT_EQ(outcome.fields.size(), 1u);
      EXPECT_EQ(outcome.fields[0].field, expected.fields().at(0).field);
      EXPECT_EQ(outcome.fields[0].code, expected.fields().at(0).code);
      EXPECT_EQ(outcome.fields[0].message, expected.fields().at(0).message);
    }
    EXPECT_TRUE(both.made.rows("throws.item").empty()) << name;
  }
  EXPECT_TRUE(both.made.create("throws.item", {{"name", "good"}}));
}

TEST(FakeHost, RunsWhatAPluginDoes) {
  for (const char* name : {"in_c", "in_gxx"}) {
    Both both("sound", name);
    const records::Record expected = both.real.make(name, "花瓶");
    const std::string item = std::string(name) + ".item";
    const fake::Outcome made = both.made.create(item, {{"name", "花瓶"}});
    ASSERT_TRUE(made) << made.message;
    EXPECT_EQ(both.made.get(item, made.id, "name").text(), *expected[expected.entity().field("name")->slot].as<std::string>());
    EXPECT_EQ(both.made.get(item, made.id, "price"), fake::Value(*caravan::sdk::Decimal::parse("1234.5", "CNY")));
    EXPECT_EQ(both.made.deliver_events(), 1);
    EXPECT_NE(both.made.log.back().text.find(" version 1 create {} by 42 Wang Fang: 花瓶"), std::string::npos) << both.made.log.back().text;
    EXPECT_EQ(both.made.create(item, {}).fields.at(0).code, "required");
  }
}

class FakeOffers : public ::testing::TestWithParam<const char*> {};

TEST_P(FakeOffers, AreDoneAsTheServerDoes) {
  // The same steps as offers_test.cpp takes over the server's own gate.
  const std::string name = GetParam(), item = name + ".item";
  Both both("offers", name);
  fake::Host& host = both.made;
  const auto act = [&](const std::string& what, std::int64_t id, const std::string& with = "") {
    return host.request("POST", "/do/" + what + "/" + std::to_string(id), "", {{"with", with}});
  };
  const auto id = host.create(item, {{"name", "x"}}).id;
  EXPECT_EQ(act("dance", id).status, 500);
  EXPECT_EQ(act("sell", id).status, 204);
  EXPECT_EQ(host.get(item, id, "state"), fake::Value("sold"));
  EXPECT_EQ(act("sell", id).status, 409);
  EXPECT_EQ(act("publish", id, "heard").status, 500);
  EXPECT_EQ(act("publish", id, "seen").status, 204);
  EXPECT_EQ(act("extra", id).body, R"({"a":[1,"b"]})");
  EXPECT_EQ(act("delete", id).status, 204);
  EXPECT_EQ(act("delete", id).status, 404);
  EXPECT_TRUE(host.rows(item).empty());

  EXPECT_EQ(act("both", 0, "second").status, 204);
  const fake::Reply refused = act("both", 0, "bad");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.outcome.message, "not both");
  EXPECT_EQ(act("both", 0, std::string(50, 'x')).status, 422);
  EXPECT_EQ(host.rows(item).size(), 2u);

  const auto other = host.create(item, {{"name", "stubborn"}}).id;
  EXPECT_EQ(act("enqueue", other, "once").body, "added");
  EXPECT_EQ(act("enqueue", other, "once").body, "waits already");
  EXPECT_EQ(host.run_jobs(), 1);
  EXPECT_TRUE(host.get(item, other, "count").empty());  // what a failed attempt wrote is undone
  ASSERT_EQ(host.jobs().size(), 1u);
  EXPECT_EQ(host.jobs()[0].error, "not yet");
  EXPECT_EQ(host.run_jobs(), 0);  // not yet due again
  host.advance(std::chrono::seconds(60));
  EXPECT_EQ(host.run_jobs(), 1);
  EXPECT_EQ(host.get(item, other, "count"), fake::Value(1));
  EXPECT_EQ(host.job("recount", "never").status, CARAVAN_INVALID_ARGUMENT);
  host.request("POST", "/do/enqueue/never");
  host.run_jobs();
  EXPECT_TRUE(host.jobs().at(0).dead);

  EXPECT_EQ(host.ask("classify", {{"text", "red vase"}}).values.at("label"), fake::Value("red"));
  EXPECT_EQ(host.ask("classify", {{"text", 5}}).outcome.status, CARAVAN_INTERNAL);
  EXPECT_EQ(host.ask("classify", {{"text", ""}}).outcome.message, "nothing to classify");
  EXPECT_EQ(host.ask("guess", {}).outcome.status, CARAVAN_UNAVAILABLE);
  EXPECT_TRUE(host.send("pigeon", "loft 3", "", "coo"));
  EXPECT_EQ(host.send("pigeon", "nowhere", "", "coo").status, CARAVAN_INVALID_ARGUMENT);
}

TEST(FakeHost, ReadsWhatFunctionsAreGiven) {
  const auto list = [](std::string_view text) {
    std::string out;
    const bool sound = sdk::detail::JsonReader(text).read('[', ']', [&](const std::string&, const std::string& value) { out += value + "|"; });
    return sound ? out : "malformed";
  };
  EXPECT_EQ(list("[]"), "");
  EXPECT_EQ(list(R"([ "1.50" , 7,null,true,"a\"b\\\n" ])"), "1.50|7||true|a\"b\\\n|");
  EXPECT_EQ(list(R"(["\u4e2d\ud83d\ude00\u00e9A"])"), "中😀éA|");
  for (const char* wrong : {"", "[", "[1", "[1,]", "[1]x", "[[1]]", R"(["\ud83d"])", R"(["\u12"])", R"(["\x"])", R"(["a)", R"(["\)"}) EXPECT_EQ(list(wrong), "malformed") << wrong;
  std::string cells;
  EXPECT_TRUE(sdk::detail::JsonReader(R"({"Name":"王 \"芳\"","No":""})").read('{', '}', [&](const std::string& name, const std::string& value) { cells += name + "=" + value + ";"; }));
  EXPECT_EQ(cells, "Name=王 \"芳\";No=;");
}

INSTANTIATE_TEST_SUITE_P(Languages, FakeOffers, ::testing::Values("offers_c", "offers_gxx", "offers_libcxx"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace caravan::plugin

/// testing.hpp's default, which is not used here.
extern "C" const caravan_plugin caravan_plugin_v1 = {};

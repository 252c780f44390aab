// What a faulty plugin does to the server: nothing but an error that names it.
#include <algorithm>

#include "support.h"

namespace caravan::plugin {
namespace {

std::chrono::steady_clock::time_point moment{};

struct Faults : ::testing::TestWithParam<const char*> {
  Faults() : host({plugins("sound"), std::set<std::string>{GetParam()}, {{}, [] { return moment; }}}) {}
  std::string plugin = GetParam();
  Host host;
};

TEST_P(Faults, AnExceptionBecomesAnErrorThatNamesPluginAndCallback) {
  for (const char* name : {"standard", "own"}) {
    const Error error = error_of([&] { host.make(plugin, name); });
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_EQ(error.message(), "The plugin " + plugin + " failed in before_create of " + plugin + ".item.");
  }
  const Error error = error_of([&] { host.make(plugin, "standard"); });
  ASSERT_FALSE(error.context().empty());
  EXPECT_NE(error.context()[0].find("secret detail"), std::string::npos);  // for the log, not for the client
  EXPECT_TRUE(host.log.has("secret detail"));
  EXPECT_EQ(error_of([&] { host.get(plugin, "/throw"); }).message(),
            "The plugin " + plugin + " failed in GET /throw.");
}

TEST_P(Faults, AnExceptionThatCrossesAnywayIsCaught) {
  const Error error = error_of([&] { host.get(plugin, "/unguarded"); });
  EXPECT_EQ(error.code(), ErrorCode::internal);
  EXPECT_EQ(error.message(), "The plugin " + plugin + " failed in GET /unguarded.");
}

TEST_P(Faults, ARefusalReachesTheUser) {
  const Error error = error_of([&] { host.make(plugin, "refusal"); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.message(), "Not this item.");
  EXPECT_TRUE(error.fields().empty());
  const Error field = error_of([&] { host.make(plugin, "field"); });
  EXPECT_EQ(field.code(), ErrorCode::invalid_record);
  ASSERT_EQ(field.fields().size(), 1u);
  EXPECT_EQ(field.fields()[0].field, "name");
  EXPECT_EQ(field.fields()[0].code, "ugly");
}

TEST_P(Faults, MisuseIsInternalAndRulesOfAFieldAreNot) {
  for (const char* name : {"unknown field", "wrong type", "computed"})
    EXPECT_EQ(error_of([&] { host.make(plugin, name); }).code(), ErrorCode::internal) << name;
  const Error error = error_of([&] { host.make(plugin, "too large"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  ASSERT_EQ(error.fields().size(), 1u);
  EXPECT_EQ(error.fields()[0].field, "count");
  EXPECT_EQ(error_of([&] { host.make(plugin, "missing"); }).code(), ErrorCode::not_found);
}

TEST_P(Faults, AFailedWriteInAHookCannotBeSwallowed) {
  const Error error = error_of([&] { host.make(plugin, "swallows"); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.message(), "The fake refuses.");
  EXPECT_TRUE(host.store.rows.empty());
}

TEST_P(Faults, HooksThatSetEachOtherOffStop) {
  const Error error = error_of([&] { host.make(plugin, "deeper"); });
  EXPECT_EQ(error.code(), ErrorCode::internal);
  EXPECT_NE(error.message().find("more than 8 deep"), std::string::npos);
  EXPECT_NO_THROW(host.make(plugin, "after it"));
}

TEST_P(Faults, TheBreakerOpensOnRepeatedInternalErrorsOnly) {
  moment = {};
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(error_of([&] { host.make(plugin, "refusal"); }).code(), ErrorCode::conflict);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(error_of([&] { host.make(plugin, "too large"); }).code(), ErrorCode::invalid_record);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(error_of([&] { host.make(plugin, "standard"); }).code(), ErrorCode::internal);
  host.make(plugin, "a success between");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(error_of([&] { host.make(plugin, "standard"); }).code(), ErrorCode::internal);

  const Error paused = error_of([&] { host.make(plugin, "good"); });
  EXPECT_EQ(paused.code(), ErrorCode::unavailable);
  EXPECT_NE(paused.message().find("The plugin " + plugin + " is paused"), std::string::npos);
  EXPECT_EQ(paused.retry_after, 30);
  EXPECT_EQ(error_of([&] { host.get(plugin, "/throw"); }).code(),
            ErrorCode::internal);  // another callback, its own breaker

  moment += std::chrono::seconds(29);
  EXPECT_EQ(error_of([&] { host.make(plugin, "good"); }).retry_after, 1);
  moment += std::chrono::seconds(2);
  EXPECT_EQ(error_of([&] { host.make(plugin, "standard"); }).code(), ErrorCode::internal);
  EXPECT_EQ(error_of([&] { host.make(plugin, "good"); }).code(),
            ErrorCode::unavailable);  // one more is enough
  moment += std::chrono::seconds(31);
  EXPECT_NO_THROW(host.make(plugin, "good"));
  EXPECT_EQ(error_of([&] { host.make(plugin, "standard"); }).code(), ErrorCode::internal);
  EXPECT_NO_THROW(host.make(plugin, "good"));
}

INSTANTIATE_TEST_SUITE_P(All, Faults, ::testing::Values("throws", "throws_libcxx"),
                         [](const auto& one) { return std::string(one.param); });

/// `"name":123` of a report.
int status(const std::string& json, const std::string& name) {
  const auto at = json.find("\"" + name + "\":");
  if (at == std::string::npos) {
    ADD_FAILURE() << "no " << name << " in " << json;
    return -1;
  }
  return std::stoi(json.substr(at + name.size() + 3));
}

struct Misuse : ::testing::Test {
  Host host{{plugins("sound"), std::set<std::string>{"misuse"}, {}}};
  std::string report(const char* path) {
    const auto response = host.get("misuse", path);
    if (!response) {
      ADD_FAILURE() << "no route " << path << ": " << host.info("misuse").error;
      return {};
    }
    return response->body;
  }
};

TEST_F(Misuse, ACallThatIsOverAnswersAStatus) {
  host.make("misuse", "x");  // keeps its call and record
  const std::string r = report("/stale");
  for (const char* name : {"info", "get", "fail", "zero", "all"})
    EXPECT_EQ(status(r, name), CARAVAN_E_CALL) << name;
}

TEST_F(Misuse, ACallOnAnotherThreadAnswersAStatus) {
  const std::string r = report("/thread");
  for (const char* name : {"info", "new", "respond"}) EXPECT_EQ(status(r, name), CARAVAN_E_CALL) << name;
  EXPECT_TRUE(host.log.has("misuse: from a thread of its own"));  // on one line
}

TEST_F(Misuse, RecordsAndFieldsAreChecked) {
  host.make("misuse", "x");
  const std::string r = report("/records");
  const std::pair<const char*, int> expected[] = {
      {"new", CARAVAN_OK},
      {"new of unknown", CARAVAN_E_UNKNOWN_NAME},
      {"null out", CARAVAN_E_ARGUMENT},
      {"null text", CARAVAN_E_ARGUMENT},
      {"long name", CARAVAN_E_ARGUMENT},
      {"record of hook", CARAVAN_E_HANDLE},
      {"record 0", CARAVAN_E_HANDLE},
      {"unknown field", CARAVAN_E_UNKNOWN_NAME},
      {"null value", CARAVAN_E_ARGUMENT},
      {"text into int", CARAVAN_E_TYPE},
      {"int into text", CARAVAN_E_TYPE},
      {"int into ref", CARAVAN_E_TYPE},
      {"set id", CARAVAN_E_READ_ONLY},
      {"set computed", CARAVAN_E_READ_ONLY},
      {"bool 7", CARAVAN_E_ARGUMENT},
      {"far date", CARAVAN_E_ARGUMENT},
      {"far instant", CARAVAN_E_ARGUMENT},
      {"bad decimal", CARAVAN_E_ARGUMENT},
      {"bad currency", CARAVAN_E_ARGUMENT},
      {"bad utf-8", CARAVAN_E_ARGUMENT},
      {"bad type", CARAVAN_E_TYPE},
      {"bad choice", CARAVAN_INVALID_RECORD},
      {"over max", CARAVAN_INVALID_RECORD},
      {"update fresh", CARAVAN_E_UNSUPPORTED},
      {"find field", CARAVAN_OK},
      {"set field", CARAVAN_OK},
      {"get field", CARAVAN_OK},
      {"got", 7},
      {"field 0", CARAVAN_E_HANDLE},
      {"field as record", CARAVAN_E_HANDLE},
      {"release", CARAVAN_OK},
      {"released", CARAVAN_E_HANDLE},
      {"release again", CARAVAN_E_HANDLE},
      {"release null", CARAVAN_E_ARGUMENT},
  };
  for (const auto& [name, value] : expected) EXPECT_EQ(status(r, name), value) << name;
}

TEST_F(Misuse, AnswersCannotBreakHttpNorTakeTheSession) {
  const std::string r = report("/answers");
  for (const char* name : {"status 99", "status 600", "split type", "204 with body", "split header",
                           "bad name", "short page", "long list"})
    EXPECT_EQ(status(r, name), CARAVAN_E_ARGUMENT) << name;
  EXPECT_EQ(status(r, "huge"), CARAVAN_TOO_LARGE);
  EXPECT_EQ(status(r, "cookie"), CARAVAN_E_READ_ONLY);
  EXPECT_EQ(status(r, "length"), CARAVAN_E_READ_ONLY);
  EXPECT_EQ(status(r, "cookie of request"), CARAVAN_NOT_FOUND);
  EXPECT_EQ(status(r, "token of request"), CARAVAN_NOT_FOUND);
  EXPECT_EQ(status(r, "late hook"), CARAVAN_E_UNSUPPORTED);
  EXPECT_EQ(status(r, "good"), CARAVAN_OK);
  EXPECT_EQ(status(r, "extension"), 0);
}

TEST_F(Misuse, AStatusThatDoesNotExistIsInternal) {
  const Error error = error_of([&] { host.get("misuse", "/odd"); });
  EXPECT_EQ(error.code(), ErrorCode::internal);
  EXPECT_EQ(error.message(), "The plugin misuse failed in GET /odd.");
}

}  // namespace
}  // namespace caravan::plugin

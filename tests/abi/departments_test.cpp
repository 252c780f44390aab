// Plugins against the server's own gate, on both databases: the departments' as they ship, and one that
// fails.
#include "over_the_gate.h"

namespace caravan::plugin {
namespace {

class Departments : public OverTheGate {
 protected:
  void open_departments() {
    open({std::filesystem::path(CARAVAN_BINARY_DIR) / "plugins",
          std::set<std::string>{"customers", "sales"},
          {}});
    for (const auto& info : registry->list()) {
      if (info.name != "customers" && info.name != "sales") continue;
      EXPECT_EQ(info.state, PluginState::enabled) << info.error;
    }
  }
};

TEST_P(Departments, CustomersAreTidiedOnTheWayIn) {
  open_departments();
  const auto alice = as(0, "sales.salesperson");
  const records::Record customer = create(
      alice, "customers.customer",
      R"({"name":"　王　　芳 ","email":" Wang.Fang@EXAMPLE.com","phone":"１３８ 0013 8000","owner":")" +
          std::to_string(user_ids[0]) + "\"}");
  EXPECT_EQ(text(customer, "name"), "王 芳");
  EXPECT_EQ(text(customer, "email"), "wang.fang@example.com");
  EXPECT_EQ(text(customer, "phone"), "+8613800138000");
  const records::Record stored = service->get(alice, customer.entity(), customer.id());
  EXPECT_EQ(text(stored, "phone"), "+8613800138000");

  const records::Record changed = change(alice, stored, R"({"phone":"010-6552 9988"})");
  EXPECT_EQ(text(changed, "phone"), "01065529988");
  EXPECT_EQ(text(changed, "email"), "wang.fang@example.com");
}

TEST_P(Departments, MalformedContactsAreRefusedInTheUsersLanguage) {
  open_departments();
  const Error phone = error_of([&] {
    create(as(0, "sales.salesperson", "zh-CN"), "customers.customer", R"({"name":"a","phone":"call me"})");
  });
  EXPECT_EQ(phone.code(), ErrorCode::invalid_record);
  ASSERT_EQ(phone.fields().size(), 1u);
  EXPECT_EQ(phone.fields()[0].field, "phone");
  EXPECT_EQ(phone.fields()[0].code, "invalid_phone");
  EXPECT_NE(phone.fields()[0].message.find("电话号码"), std::string::npos);
  const Error email = error_of(
      [&] { create(as(0, "sales.salesperson"), "customers.customer", R"({"name":"a","email":"nobody"})"); });
  EXPECT_EQ(email.fields().at(0).code, "invalid_email");
  EXPECT_EQ(count("customers.customer"), 0u);
}

TEST_P(Departments, AnInquiryBelongsToWhoeverTakesItDown) {
  open_departments();
  const std::string customer =
      std::to_string(create(as(0, "sales.salesperson"), "customers.customer", R"({"name":"a"})").id());
  const std::string inquiry = R"({"channel":"phone","customer":")" + customer + "\"";
  const auto owner = [](const records::Record& record) {
    const auto* id = record[model::slot_owner].as<std::int64_t>();
    return id == nullptr ? 0 : *id;
  };
  EXPECT_EQ(owner(create(as(0, "sales.salesperson"), "sales.inquiry", inquiry + "}")), user_ids[0]);
  EXPECT_EQ(owner(create(as(0, "sales.sales_manager"), "sales.inquiry",
                         inquiry + R"(,"owner":")" + std::to_string(user_ids[1]) + "\"}")),
            user_ids[1]);
  EXPECT_EQ(owner(create(system(), "sales.inquiry", inquiry + "}")), 0);
}

TEST_P(Departments, ThePipelineAddsUpWhatTheCallerMaySee) {
  open_departments();
  const std::string customer =
      std::to_string(create(as(0, "sales.salesperson"), "customers.customer", R"({"name":"a"})").id());
  const auto add = [&](std::size_t user, const char* budget) {
    create(as(user, "sales.salesperson"), "sales.inquiry",
           R"({"channel":"phone","customer":")" + customer + R"(","budget":)" + budget + "}");
  };
  add(0, "\"12000.00\"");
  add(0, "\"0.10\"");
  add(0, "null");
  for (int i = 0; i < 210; ++i) add(1, "\"1.01\"");  // more than a page

  const auto pipeline = [&](const records::Context& context) {
    api::Request request;
    request.method = "GET";
    const auto response = registry->handle(context, request, "sales", "/pipeline");
    return response ? response->body : std::string("no route");
  };
  EXPECT_EQ(
      pipeline(as(0, "core.administrator")),
      R"({"count":213,"states":[{"state":"new","count":213,"budget":[{"currency":"CNY","amount":"12212.20"}]}]})");
  EXPECT_EQ(
      pipeline(as(0, "sales.viewer")),
      R"({"count":3,"states":[{"state":"new","count":3,"budget":[{"currency":"CNY","amount":"12000.10"}]}]})");
  EXPECT_EQ(error_of([&] { pipeline(as(0, "sales.auditor")); }).code(), ErrorCode::forbidden);
}

TEST_P(Departments, AHookThatFailsLeavesNothingBehind) {
  agency = "kind: role\nname: throws.helper\n";
  open({plugins("sound"), std::set<std::string>{"throws"}, {}});
  const auto clerk = as(0, "throws.clerk");
  for (const char* name : {"standard", "own", "refusal", "field", "missing", "deeper"}) {
    error_of([&] { create(clerk, "throws.item", std::string(R"({"name":")") + name + "\"}"); });
    EXPECT_EQ(count("throws.item"), 0u) << name;
  }
  create(clerk, "throws.item", R"({"name":"good"})");
  EXPECT_EQ(count("throws.item"), 1u);
  EXPECT_EQ(error_of([&] { create(clerk, "throws.item", R"({"name":"standard"})"); }).message(),
            "The plugin throws failed in before_create of throws.item.");
}

INSTANTIATE_TEST_SUITE_P(Databases, Departments, caravan::testing::both_dialects(),
                         caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::plugin

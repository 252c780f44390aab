// What plugins offer beside hooks and routes, in C and C++, over the server's own gate on both databases.
#include "channels/outbound.h"
#include "jobs/queue.h"
#include "over_the_gate.h"
#include "records/outbox.h"
#include "workflow/rules.h"

namespace caravan::plugin {
namespace {

class Offers : public OverTheGate {
 protected:
  void start(const std::string& plugin_name) {
    plugin = plugin_name;
    agency = "kind: automation\nname: agency.colour_them\non: " + plugin + ".item.created\nin: transaction\ndo:\n  ask: {call: " + plugin +
             ".classify, payload: {text: \"record.name\"}, into: {colour: label, weight: score}}\n---\n"
             "kind: automation\nname: agency.seen\non: " + plugin + ".item.event.seen\nin: transaction\ndo:\n  note: {set: {fragile: \"true\"}}\n";
    open({plugins("offers"), std::set<std::string>{plugin}, {}});
    service->set_extension(std::make_shared<workflow::Ports>(std::make_shared<channels::Outbound>(registry->hooks(), registry->functions())));
    service->set_hooks(std::make_shared<workflow::Rules>(registry->hooks()));
    jobs::QueueOptions options;
    options.first_retry_seconds = 1;
    options.database_time = false;
    queue.emplace(database(), clock, options);
    delivery.emplace(*service, [this] { return catalog; }, clock);
    queue->handle(job_kind, [this](jobs::Attempt& attempt) {
      records::Context context = system();
      const JobPayload payload = PluginRegistry::job_payload(attempt.job());
      context.source = "plugin " + payload.plugin;
      delivery->run_late(context, attempt, [&](records::Work& work) { registry->run_job(attempt.job(), payload, work); });
    });
  }
  void TearDown() override {
    queue.reset();
    delivery.reset();
    OverTheGate::TearDown();
  }
  const model::Entity& item() const { return *catalog->entity(plugin + ".item"); }
  records::Record add(const std::string& name) { return create(system(), (plugin + ".item").c_str(), "{\"name\":\"" + name + "\"}"); }
  records::Record stored(std::int64_t id) { return service->get(system(), item(), id); }
  std::string act(const std::string& what, std::int64_t id, const std::string& with = "", const char* role = "core.administrator") {
    api::Request request;
    request.method = "POST";
    request.query = {{"with", with}};
    const auto response = registry->handle(as(0, role), request, plugin, "/do/" + what + "/" + std::to_string(id));
    return response ? response->body : "no route";
  }
  std::int64_t count_of(std::int64_t id) {
    const records::Record record = stored(id);
    const auto* n = record[item().field("count")->slot].as<std::int64_t>();
    return n == nullptr ? 0 : *n;
  }
  std::vector<jobs::JobInfo> jobs_that_are(const std::string& state) {
    jobs::JobQuery query;
    query.state = state;
    query.kind = job_kind;
    return queue->list(query).items;
  }

  struct MovedClock final : Clock {
    mutable std::int64_t micros = 1'790'000'000'000'000;
    Timestamp now() const override { return {micros}; }
  } clock;
  std::string plugin;
  std::optional<jobs::Queue> queue;
  std::optional<records::EventDelivery> delivery;
};

/// The test in each language.
#define IN_EACH_LANGUAGE(Name)                                                                   \
  class Name : public Offers {                                                                   \
   protected:                                                                                    \
    void body();                                                                                 \
  };                                                                                             \
  TEST_P(Name, C) { start("offers_c"), body(); }                                                 \
  TEST_P(Name, Gxx) { start("offers_gxx"), body(); }                                             \
  TEST_P(Name, Libcxx) { start("offers_libcxx"), body(); }                                       \
  TEST_P(Name, FrozenC) { start("frozen_c"), body(); }                                           \
  TEST_P(Name, FrozenLibcxx) { start("frozen_libcxx"), body(); }                                 \
  INSTANTIATE_TEST_SUITE_P(Databases, Name, caravan::testing::both_dialects(), caravan::testing::dialect_name); \
  void Name::body()

IN_EACH_LANGUAGE(Deletes) {
  const auto record = add("x");
  EXPECT_EQ(error_of([&] { act("delete", record.id(), "", "nobody"); }).code(), ErrorCode::not_found);
  act("delete", record.id());
  EXPECT_EQ(error_of([&] { stored(record.id()); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { act("delete", record.id()); }).code(), ErrorCode::not_found);
}

IN_EACH_LANGUAGE(Steps) {
  const auto record = add("x");
  EXPECT_EQ(error_of([&] { act("dance", record.id()); }).code(), ErrorCode::internal);
  act("sell", record.id());
  EXPECT_EQ(stored(record.id()).state(), "sold");
  EXPECT_EQ(error_of([&] { act("sell", record.id()); }).code(), ErrorCode::conflict);
  const auto history = service->timeline(system(), item(), record.id(), 0, 10);
  EXPECT_EQ(history.at(0).action, "transition:sell");
  EXPECT_EQ(history.at(0).note, "by hand");
  EXPECT_EQ(history.at(0).source, "plugin " + plugin);
}

IN_EACH_LANGUAGE(Events) {
  const auto record = add("x");
  EXPECT_EQ(error_of([&] { act("publish", record.id(), "heard"); }).code(), ErrorCode::internal);  // no such event
  act("publish", record.id(), "seen");
  const auto after = stored(record.id());
  EXPECT_EQ(*after[item().field("fragile")->slot].as<bool>(), true);
  const auto history = service->timeline(system(), item(), record.id(), 0, 10);
  EXPECT_EQ(history.at(0).action, "update");
  EXPECT_EQ(history.at(1).action, "event:seen");
  EXPECT_EQ(history.at(1).note, "from the route");
  const auto& role = plugin + ".clerk";
  act("publish", record.id(), "seen", role.c_str());
}

IN_EACH_LANGUAGE(Transactions) {
  act("both", 0, "second");
  EXPECT_EQ(count((plugin + ".item").c_str()), 2u);
  const Error error = error_of([&] { act("both", 0, "bad"); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.message(), "not both");
  // The second of the two is refused by the field's own rule.
  EXPECT_EQ(error_of([&] { act("both", 0, std::string(50, 'x')); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(count((plugin + ".item").c_str()), 2u);
}

IN_EACH_LANGUAGE(Documents) {
  const auto record = add("x");
  EXPECT_EQ(act("extra", record.id()), R"({"a":[1,"b"]})");
  EXPECT_EQ(*stored(record.id())[item().field("extra")->slot].as<std::string>(), R"({"a":[1,"b"]})");
}

IN_EACH_LANGUAGE(JobsRun) {
  const auto record = add("x");
  EXPECT_EQ(act("enqueue", record.id(), "once"), "added");
  EXPECT_EQ(act("enqueue", record.id(), "once"), "waits already");
  EXPECT_EQ(act("enqueue", record.id()), "added");
  EXPECT_EQ(queue->drain(), 2);
  EXPECT_EQ(count_of(record.id()), 2);
  EXPECT_TRUE(log.has(plugin + ": job-"));
  EXPECT_EQ(act("enqueue", record.id(), "once"), "added");  // it waits no more
  queue->drain();
  EXPECT_EQ(count_of(record.id()), 3);
  EXPECT_EQ(service->timeline(system(), item(), record.id(), 0, 1).at(0).source, "plugin " + plugin);
}

IN_EACH_LANGUAGE(JobsFail) {
  const auto record = add("stubborn");
  act("enqueue", record.id());
  queue->drain();
  EXPECT_EQ(count_of(record.id()), 0);  // what a failed attempt wrote is undone
  EXPECT_EQ(jobs_that_are("waiting").size(), 1u);
  clock.micros += 60'000'000;
  queue->drain();
  EXPECT_EQ(count_of(record.id()), 1);
  EXPECT_EQ(jobs_that_are("waiting").size(), 0u);
  api::Request request;
  request.method = "POST";
  registry->handle(as(0, "core.administrator"), request, plugin, "/do/enqueue/never");
  queue->drain();
  const auto dead = jobs_that_are("dead");
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_NE(dead[0].last_error.find("this never works"), std::string::npos) << dead[0].last_error;
}

IN_EACH_LANGUAGE(Functions) {
  const auto red = add("red vase"), other = add("blue vase");
  EXPECT_EQ(text(stored(red.id()), "colour"), "red");
  EXPECT_EQ(text(stored(other.id()), "colour"), "green");
  EXPECT_EQ(format_decimal(*stored(red.id())[item().field("weight")->slot].as<Decimal>()), "0.750");
  const auto functions = registry->functions();
  EXPECT_TRUE(functions->has(plugin + ".classify"));
  EXPECT_FALSE(functions->has(plugin + ".other"));
  EXPECT_EQ(error_of([&] { functions->call(system(), plugin + ".other", {}); }).code(), ErrorCode::unavailable);
  EXPECT_EQ(error_of([&] { functions->call(system(), "nobody.classify", {}); }).code(), ErrorCode::unavailable);
  EXPECT_EQ(error_of([&] { functions->call(system(), plugin + ".classify", {{"text", expr::Value("")}}); }).message(), "nothing to classify");
  EXPECT_EQ(error_of([&] { functions->call(system(), plugin + ".classify", {{"text", expr::Value(5)}}); }).code(), ErrorCode::internal);
  EXPECT_EQ(error_of([&] { functions->call(system(), plugin + ".classify", {{"text", expr::Value(expr::List{})}}); }).code(), ErrorCode::invalid_argument);
}

IN_EACH_LANGUAGE(Channels) {
  channels::OutgoingMessage message{7, 1, "message-7", plugin + ".pigeon", "loft 3", "", "coo"};
  registry->channels()->send(system(), message);
  EXPECT_TRUE(log.has(plugin + ": coo"));
  EXPECT_TRUE(log.has(plugin + ": message-7"));
  message.recipient = "nowhere";
  const Error refused = error_of([&] { registry->channels()->send(system(), message); });
  EXPECT_EQ(refused.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(refused.message(), "no such loft");
  message.channel = plugin + ".raven";
  EXPECT_EQ(error_of([&] { registry->channels()->send(system(), message); }).code(), ErrorCode::unavailable);
}

IN_EACH_LANGUAGE(Missing) {
  // What the definitions name and no plugin offers is told at the start.
  EXPECT_TRUE(registry->mistakes(*catalog).empty());
  std::vector<model::SourceLayer> layers{model::core_layer()};
  for (auto& layer : registry->layers()) layers.push_back(std::move(layer));
  layers.push_back({"agency", {{"agency.yaml", "kind: automation\nname: agency.ask\non: " + plugin + ".item.created\ndo:\n  ask: {call: " + plugin +
                                                   ".guess, into: {colour: label}}\n---\nkind: message\nname: agency.tell\nentity: " + plugin +
                                                   ".item\nchannel: " + plugin + ".raven\nbody: {en: x, zh-CN: x}\n---\nkind: function\nname: " + plugin +
                                                   ".tidy\nfor: transform\n---\nkind: function\nname: " + plugin + ".classify\nfor: transform\n", ""}}});
  const auto loaded = model::load_catalog(layers, registry->modules());
  ASSERT_TRUE(loaded.catalog);
  const auto mistakes = registry->mistakes(*loaded.catalog);
  ASSERT_EQ(mistakes.size(), 3u);
  EXPECT_NE(mistakes[0].find(plugin + ".guess"), std::string::npos) << mistakes[0];
  EXPECT_NE(mistakes[1].find(plugin + ".tidy"), std::string::npos) << mistakes[1];
  EXPECT_NE(mistakes[2].find(plugin + ".raven"), std::string::npos) << mistakes[2];
}

}  // namespace
}  // namespace caravan::plugin

// The same plugin in C and C++, by three compilers and two standard libraries, in one g++ host.
#include "support.h"

namespace caravan::plugin {
namespace {

Host& host() {
  static Host one({plugins("sound"), {}, {}});
  return one;
}

class Language : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Language, Loads) {
  const PluginInfo info = host().info(GetParam().first);
  EXPECT_EQ(info.state, PluginState::enabled) << info.error;
  EXPECT_EQ(info.hooks, 2u);
  EXPECT_EQ(info.routes, 1u);
  EXPECT_EQ(info.sdk, abi_version(CARAVAN_ABI_MINOR));
  EXPECT_EQ(info.hash.size(), 64u);
  EXPECT_TRUE(host().log.has(std::string(GetParam().first) + ": created"));
}

TEST_P(Language, HookReadsAndSets) {
  const std::string plugin = GetParam().first;
  const records::Record record = host().make(plugin, "花瓶");
  const model::Entity& item = record.entity();
  EXPECT_EQ(*record[item.field("name")->slot].as<std::string>(),
            std::string("花瓶 (") + GetParam().second + ")");
  const Decimal* price = record[item.field("price")->slot].as<Decimal>();
  ASSERT_NE(price, nullptr);
  EXPECT_EQ(format_decimal(*price), "1234.50");
  EXPECT_EQ(price->currency_code(), "CNY");
  const Date* date = record[item.field("made_on")->slot].as<Date>();
  ASSERT_NE(date, nullptr);
  EXPECT_EQ(format_date(*date), "2026-12-20");
}

TEST_P(Language, HookRefusesWithTheField) {
  const Error error = error_of([] { host().make(GetParam().first, ""); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_EQ(error.message(), "An item needs a name.");
  ASSERT_EQ(error.fields().size(), 1u);
  EXPECT_EQ(error.fields()[0].field, "name");
  EXPECT_EQ(error.fields()[0].code, "required");
}

TEST_P(Language, AfterCommitIsToldTheEvent) {
  const model::Entity& item = host().entity(std::string(GetParam().first) + ".item");
  records::Record record(item);
  record.set(item.field("name")->slot, expr::Value(std::string("花瓶")));
  records::Event event;
  event.id = 4711;
  event.version = 3;
  event.action = "update";
  event.changes = R"({"name":["a","花瓶"]})";
  event.actor_id = 42;
  event.actor_name = "王芳";
  FakeWork work(host().context);
  records::HookCall call{host().context, work, record, nullptr, nullptr, &event};
  ASSERT_TRUE(host().registry->hooks()->any(records::HookPoint::after_commit, item));
  host().registry->hooks()->run(records::HookPoint::after_commit, call);
  EXPECT_TRUE(host().log.has(std::string(GetParam().first) + R"(: event 4711 version 3 update {"name":["a","花瓶"]} by 42 王芳: 花瓶)"));
}

TEST_P(Language, RouteAnswers) {
  api::Request request;
  request.method = "POST";
  request.query = {{"word", "晴 天"}};
  request.headers = {{"User-Agent", "curl"}, {"Cookie", "secret"}};
  request.body = "the body";
  const auto response = host().registry->handle(host().context, request, GetParam().first, "/echo/7");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response->body, "POST /echo/7 id=7 word=晴 天 agent=curl user=wang body=the body");
  ASSERT_EQ(response->headers.size(), 1u);
  EXPECT_EQ(response->headers[0].first, "X-Language");
}

INSTANTIATE_TEST_SUITE_P(All, Language,
                         ::testing::Values(std::pair("in_c", "c"), std::pair("in_clang_c", "c"),
                                           std::pair("frozen_c", "c"), std::pair("frozen_clang_c", "c"), std::pair("frozen_gxx", "gxx"),
                                           std::pair("frozen_clangxx", "clangxx"), std::pair("frozen_libcxx", "libcxx"),
                                           std::pair("in_gxx", "gxx"), std::pair("in_libcxx", "libcxx"),
                                           std::pair("stripped", "gxx")),
                         [](const auto& one) { return std::string(one.param.first); });

TEST(Settings, AreReadAsTheDefinitionsHaveThem) {
  for (const auto& [plugin, language] : {std::pair("in_gxx", "gxx"), std::pair("in_libcxx", "libcxx"), std::pair("frozen_libcxx", "libcxx")}) {
    const records::Record record = host().make(plugin, "settings");
    EXPECT_EQ(*record[record.entity().field("name")->slot].as<std::string>(), std::string("9 0.25 none open (") + language + ")");
    EXPECT_EQ(error_of([&] { host().make(plugin, "no such setting"); }).code(), ErrorCode::internal);
  }
}

TEST(Sizes, AnOlderAndShorterHeaderWorks) {
  const PluginInfo info = host().info("short_header");
  EXPECT_EQ(info.state, PluginState::enabled) << info.error;
  const records::Record record = host().make("short_header", "given");
  EXPECT_EQ(*record[record.entity().field("name")->slot].as<std::string>(), "short");
}

TEST(Sizes, ANewerAndLongerTableWorks) {
  const PluginInfo info = host().info("longer");
  EXPECT_EQ(info.state, PluginState::enabled) << info.error;
  EXPECT_EQ(info.sdk, abi_version(CARAVAN_ABI_MINOR + 1));
}

TEST(Lifecycle, ManyRegistriesInOneProcessKeepTheirPluginsApart) {
  // Descriptors are reused by the system; a library must never be taken for another's.
  for (int round = 0; round < 3; ++round) {
    for (const char* name : {"in_c", "in_gxx"}) {
      Log log;
      {
        Host own(
            {plugins("sound"), std::set<std::string>{name}, {log.sink(), &std::chrono::steady_clock::now}});
        const records::Record record = own.make(name, "x");
        EXPECT_EQ(*record[record.entity().field("name")->slot].as<std::string>(),
                  std::string(name) == "in_c" ? "x (c)" : "x (gxx)");
      }
      EXPECT_TRUE(log.has(std::string(name) + ": destroyed"));
    }
  }
}

TEST(Lifecycle, OneFileHasOneInstanceAtATime) {
  FakeStore store;
  const auto load = [&] {
    auto registry = PluginRegistry::scan({plugins("sound"), std::set<std::string>{"in_c"}, {}});
    registry->load(store.gates());
    return registry;
  };
  const auto state = [](const PluginRegistry& registry) {
    for (const auto& info : registry.list()) {
      if (info.name == "in_c") return std::string(to_string(info.state)) + " " + info.error;
    }
    return std::string("absent");
  };
  auto first = load();
  EXPECT_EQ(state(*first), "enabled ");
  EXPECT_EQ(state(*load()),
            "refused it is in use already in this process");  // its globals would be overwritten
  first.reset();
  EXPECT_EQ(state(*load()), "enabled ");
}

TEST(Lifecycle, HooksOfAnUnloadedRegistryRefuse) {
  Host own({plugins("sound"), std::set<std::string>{"in_c"}, {}});
  own.registry->unload();
  EXPECT_EQ(error_of([&] { own.make("in_c", "x"); }).code(), ErrorCode::unavailable);
  EXPECT_EQ(error_of([&] { own.get("in_c", "/echo/1", "POST"); }).code(), ErrorCode::unavailable);
}

TEST(Routes, NeedTheirPermission) {
  Host& h = host();
  records::Context context = h.context;
  api::Request request;
  request.method = "POST";
  const auto ask = [&] { return h.registry->handle(context, request, "in_c", "/echo/1"); };
  context.actor.roles = {"in_c.clerk", "no.such"};
  const Error error = error_of(ask);
  EXPECT_EQ(error.code(), ErrorCode::forbidden);
  EXPECT_NE(error.message().find("in_c.echo"), std::string::npos);
  context.actor.roles.clear();
  EXPECT_EQ(error_of(ask).code(), ErrorCode::forbidden);
  context.actor.system = true;
  EXPECT_TRUE(ask());

  const auto routes = h.registry->routes();
  EXPECT_TRUE(std::any_of(routes.begin(), routes.end(), [](const RouteInfo& r) {
    return r.plugin == "in_c" && r.method == "POST" && r.path == "/echo/{id}" && r.permission == "in_c.echo";
  }));
}

TEST(Routes, ARoleThatListsThePermissionHoldsIt) {
  RegistryOptions options{plugins("sound"), std::set<std::string>{"in_c"}, {}};
  auto registry = PluginRegistry::scan(std::move(options));
  FakeStore store;
  registry->load(store.gates());
  std::vector<model::SourceLayer> layers{model::core_layer()};
  for (auto& layer : registry->layers()) layers.push_back(std::move(layer));
  layers.push_back(
      {"agency", {{"agency.yaml", "kind: role\nname: in_c.clerk\nroutes: [in_c.echo, in_c.gone]\n", ""}}});
  const model::LoadResult loaded = model::load_catalog(layers, registry->modules());
  for (const auto& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == model::Diagnostic::Severity::error)
      ADD_FAILURE() << model::to_string(diagnostic);
  }
  ASSERT_TRUE(loaded.catalog);
  records::Context context;
  context.catalog = loaded.catalog;
  context.actor.user_id = 1;
  context.actor.roles = {"in_c.clerk"};
  api::Request request;
  request.method = "POST";
  EXPECT_TRUE(registry->handle(context, request, "in_c", "/echo/1"));

  const auto mistakes = registry->mistakes(*loaded.catalog);
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("in_c.gone"), std::string::npos);
}

TEST(Routes, MatchWholePathsAndMethods) {
  Host& h = host();
  for (const char* path : {"/echo", "/echo/", "/echo/1/2", "/", "", "/Echo/1", "echo//1"})
    EXPECT_FALSE(h.get("in_c", path, "POST")) << path;
  EXPECT_FALSE(h.get("no_such", "/echo/1", "POST"));
  EXPECT_TRUE(h.get("in_c", "echo/1", "POST"));  // the slash may be left out
  const auto other = h.get("in_c", "/echo/1", "GET");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->status, 405);
  EXPECT_EQ(other->headers.at(0), (std::pair<std::string, std::string>("Allow", "POST")));
}

TEST(Hooks, AreOnlyForTheirEntityAndPoint) {
  Host& h = host();
  const auto hooks = h.registry->hooks();
  EXPECT_TRUE(hooks->any(records::HookPoint::before_create, h.entity("in_c.item")));
  EXPECT_FALSE(hooks->any(records::HookPoint::before_update, h.entity("in_c.item")));
  EXPECT_FALSE(hooks->any(records::HookPoint::before_create, h.entity("core.user")));
}

}  // namespace
}  // namespace caravan::plugin

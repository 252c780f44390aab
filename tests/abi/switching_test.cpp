// Plugins that are switched on and off while calls go on.
#include <atomic>
#include <condition_variable>
#include <thread>

#include "support.h"

namespace caravan::plugin {
namespace {

using namespace std::chrono_literals;
using Hashes = std::map<std::string, std::string>;

struct Switching : ::testing::Test {
  Switching() : host({plugins("sound"), {}, {}}) {}

  /// What runs without `name`.
  Selection without(const std::string& name) {
    Hashes hashes = PluginRegistry::hashes(host.registry->running());
    hash = hashes.extract(name).mapped();
    return host.registry->select(hashes);
  }
  void load_catalog() {
    std::vector<model::SourceLayer> layers{model::core_layer()};
    for (auto& layer : host.registry->layers()) layers.push_back(std::move(layer));
    host.catalog = model::load_catalog(layers, host.registry->modules()).catalog;
    ASSERT_TRUE(host.catalog);
    host.context.catalog = host.catalog;
  }
  /// The Catalog without it, then the plugin itself.
  std::vector<std::string> off(const std::string& name, std::chrono::milliseconds most = 5s) {
    const Selection rest = without(name);
    auto out = host.registry->stop(rest, most);
    load_catalog();
    return out;
  }
  void on(const std::string& name) {
    Hashes hashes = PluginRegistry::hashes(host.registry->running());
    hashes.emplace(name, hash);
    host.registry->start(host.registry->select(hashes));
    load_catalog();
  }

  Host host;
  std::string hash;
};

TEST_F(Switching, TheSameFileComesBackManyTimes) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(off("in_gxx"), std::vector<std::string>{});
    EXPECT_EQ(host.info("in_gxx").state, PluginState::disabled);
    EXPECT_FALSE(host.get("in_gxx", "/echo/7", "POST"));
    EXPECT_EQ(host.catalog->entity("in_gxx.item"), nullptr);
    EXPECT_TRUE(host.get("in_c", "/echo/7", "POST"));
    on("in_gxx");
    EXPECT_EQ(host.info("in_gxx").state, PluginState::enabled);
    EXPECT_EQ(host.info("in_gxx").hooks, 2u);
    EXPECT_TRUE(host.get("in_gxx", "/echo/7", "POST"));
    const auto made = host.make("in_gxx", "vase");
    EXPECT_EQ(*made[made.entity().field("name")->slot].as<std::string>(), "vase (gxx)");
  }
  EXPECT_TRUE(host.log.has("in_gxx: destroyed"));
}

TEST_F(Switching, WhatARequestFindsIsDecidedByItsCatalog) {
  const auto before = host.context;
  off("in_gxx");
  const auto between = host.context;
  // On the earlier definitions its rules must not be left out: better that the request is made again.
  host.context = before;
  host.catalog = before.catalog;
  EXPECT_EQ(error_of([&] { host.make("in_gxx", "vase"); }).code(), ErrorCode::unavailable);
  EXPECT_FALSE(host.get("in_gxx", "/echo/7", "POST"));
  on("in_gxx");
  host.context = between;
  EXPECT_FALSE(host.get("in_gxx", "/echo/7", "POST")) << "the request began before it was switched on";
}

TEST_F(Switching, AFailedStartLeavesEverythingAsItWas) {
  Host other({plugins("faulty"), std::set<std::string>{"good"}, {}});
  const Hashes before = PluginRegistry::hashes(other.registry->running());
  other.registry->rescan({{}, std::set<std::string>{"good", "fails"}, {}});
  Hashes wanted = before;
  wanted["fails"] = other.info("fails").hash;
  const Error error = error_of([&] { other.registry->start(other.registry->select(wanted)); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.message(), "The plugin fails was not switched on: its function create failed: no licence was found");
  EXPECT_EQ(PluginRegistry::hashes(other.registry->running()), before);
  EXPECT_EQ(other.info("good").state, PluginState::enabled);
}

TEST_F(Switching, NeedsAreCheckedAsAWhole) {
  Host graph({plugins("graph"), std::set<std::string>{"zebra", "mango", "apple"}, {}});
  Hashes hashes = PluginRegistry::hashes(graph.registry->running());
  hashes.erase("zebra");
  const Error error = error_of([&] { graph.registry->select(hashes); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_NE(error.message().find("the plugin mango: it needs the plugin zebra >=1.4, which is not installed"), std::string::npos) << error.message();
  hashes["zebra"] = std::string(64, '0');
  EXPECT_NE(error_of([&] { graph.registry->select(hashes); }).message().find("no file here has the hash"), std::string::npos);
}

TEST_F(Switching, WaitsForTheCallInside) {
  std::atomic<int> failed{0}, done{0};
  std::atomic<bool> end{false};
  std::vector<std::thread> callers;
  const auto before = host.context;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      while (!end) {
        api::Request request;
        request.method = "POST";
        try {
          // Whoever finds it, is answered by it.
          for (const char* name : {"in_gxx", "in_c"}) {
            const auto response = host.registry->handle(before, request, name, "/echo/7");
            if (response && response->status != 200) ++failed;
            if (!response && std::string(name) == "in_c") ++failed;
          }
        } catch (...) {
          ++failed;
        }
        ++done;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    off("in_gxx");
    on("in_gxx");
  }
  end = true;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(done, 100);
}

TEST_F(Switching, AQuarantinedPluginIsClosedButItsDefinitionsStay) {
  RegistryOptions options;
  options.quarantined["in_gxx"] = "it crashed twice";
  host.registry->rescan(std::move(options));
  host.registry->stop(without("in_gxx"), 5s);
  on("in_gxx");
  EXPECT_EQ(host.info("in_gxx").state, PluginState::quarantined);
  EXPECT_NE(host.catalog->entity("in_gxx.item"), nullptr);
  EXPECT_EQ(error_of([&] { host.make("in_gxx", "vase"); }).code(), ErrorCode::unavailable);
  EXPECT_EQ(error_of([&] { host.get("in_gxx", "/echo/7", "POST"); }).code(), ErrorCode::unavailable);
  EXPECT_NO_THROW(host.make("in_c", "vase"));
}

}  // namespace
}  // namespace caravan::plugin

// What an empty before-save hook across the ABI costs. usage: hook_bench FOLDER-WITH-ONE-PLUGIN ENTITY
// Build and run: see docs/bench.md. The hook is run as the gate runs it, without a database.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "../abi/support.h"

namespace {

using namespace caravan;
using namespace caravan::plugin;

/// Of this thread: other programs on the machine do not count.
double cpu_nanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanos_each(const records::Hooks& hooks, records::HookPoint point, records::HookCall& call, int rounds) {
  const double begun = cpu_nanos();
  for (int i = 0; i < rounds; ++i) {
    if (hooks.any(point, call.record.entity())) hooks.run(point, call);
  }
  return (cpu_nanos() - begun) / rounds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s FOLDER ENTITY\n", argv[0]), 2;
  RegistryOptions options;
  options.directory = argv[1];
  auto registry = PluginRegistry::scan(std::move(options));
  FakeStore store;
  registry->load(store.gates());
  std::vector<model::SourceLayer> layers{model::core_layer()};
  for (auto& layer : registry->layers()) layers.push_back(std::move(layer));
  const auto loaded = model::load_catalog(layers, registry->modules());
  const model::Entity* entity = loaded.catalog ? loaded.catalog->entity(argv[2]) : nullptr;
  if (entity == nullptr) return std::fprintf(stderr, "there is no entity %s\n", argv[2]), 1;
  records::Context context;
  context.catalog = loaded.catalog;
  records::Record record(*entity), before(*entity);
  FakeWork work(context);
  records::HookCall call{context, work, record, &before};
  const auto hooks = registry->hooks();
  constexpr int rounds = 200'000, turns = 15;
  std::vector<double> with, without;
  for (int turn = 0; turn < turns; ++turn) {
    with.push_back(nanos_each(*hooks, records::HookPoint::before_update, call, rounds));
    without.push_back(nanos_each(*hooks, records::HookPoint::before_delete, call, rounds));  // no hook there
  }
  std::sort(with.begin(), with.end());
  std::sort(without.begin(), without.end());
  std::printf("empty before_update hook: %.0f ns (median of %d; least %.0f, most %.0f); no hook: %.0f ns\n", with[turns / 2], turns, with.front(), with.back(),
              without[turns / 2]);
}

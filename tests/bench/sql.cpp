// N threads, each with its own connection, run one operation for some seconds. Prints one line of JSON.
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "sql_bench.h"

using namespace caravan::bench;
using Clock = std::chrono::steady_clock;

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv,
                            {"file", "socket", "database", "operation", "table", "from", "to", "states",
                             "block", "threads", "seconds", "warmup", "references", "records", "to-state",
                             "action", "outbox"});
  Plan plan;
  plan.operation = arguments.text("operation", "read");
  plan.table = arguments.text("table", plan.table);
  plan.from = arguments.integer("from", 1);
  plan.to = arguments.integer("to", plan.from);
  plan.states = arguments.list("states");
  plan.block = arguments.integer("block", plan.block);
  plan.to_state = arguments.text("to-state");
  plan.action = arguments.text("action", plan.action);
  plan.outbox = arguments.text("outbox") == "yes";
  for (const auto& pair : arguments.list("references")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) Arguments::fail("--references wants column=table");
    plan.references.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (const auto file = arguments.text("records"); !file.empty()) {
    std::ifstream in(file);
    for (std::int64_t id = 0, version = 0; in >> id >> version;) plan.records.push_back(id);
  }
  const bool changes = plan.operation == "patch" || plan.operation == "transition";
  if (!changes && plan.operation != "read" && plan.operation != "list" && plan.operation != "create")
    Arguments::fail("--operation is read, list, create, patch or transition");
  if (plan.operation == "list" && plan.states.empty()) Arguments::fail("list wants --states");
  const auto threads = static_cast<std::size_t>(std::max<std::int64_t>(1, arguments.integer("threads", 16)));
  if (changes && plan.records.size() < threads) Arguments::fail("--records has fewer records than there are threads");
  const double seconds = arguments.number("seconds", 8);
  try {
    const auto target = arguments.text("file").empty()
                            ? mysql_target(plan, arguments.text("socket"), arguments.text("database"))
                            : sqlite_target(plan, arguments.text("file"));
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t i = 0; i < threads; ++i) workers.push_back(target->worker(i, threads));
    std::vector<Latencies> latencies(threads);
    std::vector<std::int64_t> rows(threads, 0), totals(threads, 0);
    std::mutex failure_mutex;
    std::string failure;
    const auto measure_from =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(arguments.number("warmup", 1)));
    const auto until =
        measure_from + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        try {
          std::mt19937_64 random(i + 1);
          for (auto began = Clock::now(); began < until;) {
            const int count = workers[i]->once(random);
            const auto ended = Clock::now();
            ++totals[i];
            if (ended >= measure_from && ended < until) {
              latencies[i].micros.push_back(static_cast<std::uint32_t>(
                  std::chrono::duration_cast<std::chrono::microseconds>(ended - began).count()));
              rows[i] += count;
            }
            began = ended;
          }
        } catch (const std::exception& error) {
          const std::lock_guard lock(failure_mutex);
          failure = error.what();
        }
      });
    }
    std::thread following;
    if (const std::shared_ptr<Worker> follower = target->follower()) {
      following = std::thread([&, follower] {
        try {
          std::mt19937_64 random(0);
          while (Clock::now() < until) {
            // As often as the queue looks, and at once where there is more.
            if (follower->once(random) < 256) std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
        } catch (const std::exception& error) {
          const std::lock_guard lock(failure_mutex);
          failure = error.what();
        }
      });
    }
    for (auto& thread : running) thread.join();
    if (following.joinable()) following.join();
    if (!failure.empty()) throw std::runtime_error(failure);
    Latencies all;
    std::int64_t all_rows = 0, total = 0;
    for (std::size_t i = 0; i < threads; ++i) {
      all.micros.insert(all.micros.end(), latencies[i].micros.begin(), latencies[i].micros.end());
      all_rows += rows[i];
      total += totals[i];
    }
    const auto count = all.micros.size();
    std::printf(
        "{\"operations\":%zu,\"total\":%lld,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"rows_each\":%.2f}\n",
        count, static_cast<long long>(total), static_cast<double>(count) / seconds, all.percentile(0.5), all.percentile(0.99),
        count > 0 ? static_cast<double>(all_rows) / static_cast<double>(count) : 0.0);
    return count > 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

// The bare handler: the product's front door and Poco's parser, and a body of a given size.
#include <csignal>
#include <cstdio>

#include "arguments.h"
#include "base/error.h"
#include "http/front_door.h"

namespace {

class Fixed final : public caravan::api::Handler {
 public:
  explicit Fixed(std::size_t size) : body_(size, 'x') {}
  caravan::api::Response handle(const caravan::api::Request&) override {
    caravan::api::Response response;
    response.headers.emplace_back("X-Request-Id", "01J0000000000000000000BARE");
    response.headers.emplace_back("ETag", "\"1\"");
    response.body = body_;
    return response;
  }

 private:
  const std::string body_;
};

}  // namespace

int main(int argc, char** argv) {
  const caravan::bench::Arguments arguments(argc, argv, {"port", "size", "workers"});
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    caravan::http::FrontDoorOptions options;
    options.port = static_cast<std::uint16_t>(arguments.integer("port", 0));
    options.workers = static_cast<int>(arguments.integer("workers", options.workers));
    Fixed handler(static_cast<std::size_t>(arguments.integer("size", 100)));
    const auto door = caravan::http::FrontDoor::start(options, handler);
    std::printf("port %d\n", door->port());
    std::fflush(stdout);
    int got = 0;
    sigwait(&ends, &got);
    door->stop(1);
    return 0;
  } catch (const caravan::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

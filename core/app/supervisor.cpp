#include "app/supervisor.h"

#include <fcntl.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "plugin/quarantine.h"

namespace caravan::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Longer than a worker takes to drain; then it is killed.
constexpr std::chrono::seconds stop_patience{35};
constexpr milliseconds first_pause{250}, longest_pause{30'000};
/// A worker that served for so long was well: the next crash is the first again.
constexpr std::chrono::seconds well_after{60};
/// Deaths while starting, one after the other and nobody's known fault, before nothing but the core is started.
constexpr int starts_before_safe_mode = 3;

std::vector<std::string> own_arguments() {
  std::vector<std::string> out;
  std::string text = read_file("/proc/self/cmdline");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool fatal(int signal) {
  static constexpr std::array signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
  return std::find(signals.begin(), signals.end(), signal) != signals.end();
}

/// In words for the log.
std::string in_words(int status) {
  if (WIFSIGNALED(status)) return std::string("killed by signal ") + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  return "ended with code " + std::to_string(WEXITSTATUS(status));
}

class Supervisor {
 public:
  explicit Supervisor(const Settings& settings) : settings_(settings), safe_mode_(settings.safe_mode) {
    http::FrontDoorOptions wanted = settings.http;
    if (::sd_listen_fds(1) >= 1) wanted.tcp_fd = SD_LISTEN_FDS_START;  // bound by systemd, before us and beyond us
    listeners_ = http::listen_on(wanted);
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_.data()) != 0)
      throw Error(ErrorCode::unavailable, std::string("Cannot make a pair of sockets: ") + std::strerror(errno));
  }

  ~Supervisor() {
    for (const int fd : {listeners_.tcp, listeners_.admin, pair_[0], pair_[1]}) {
      if (fd >= 0) ::close(fd);
    }
    std::error_code ignored;
    if (listeners_.admin >= 0) std::filesystem::remove(settings_.http.admin_socket, ignored);
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  int run() {
    milliseconds pause{0};
    for (;;) {
      const auto began = SteadyClock::now();
      spawn();
      const int status = watch();
      const auto death = plugin::read_death(marks_file(settings_));
      if (stopping_) {
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        return WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT ? 0 : 128 + WTERMSIG(status);
      }
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;  // somebody ended the worker itself
      if (WIFEXITED(status) && WEXITSTATUS(status) == exit_replace) {
        served_ = true;
        safe_mode_ = settings_.safe_mode;  // an administrator wants to see whether it is mended
        failed_starts_ = 0;
        pause = milliseconds(0);
        continue;
      }
      const bool started = death && death->started;
      served_ = served_ || started;
      // What is wrong with settings, definitions or database has been said; nobody starts a server to have that repeated.
      if (WIFEXITED(status) && !served_ && !(death && (death->known || !death->plugin.empty()))) return WEXITSTATUS(status);
      const bool mended = after_crash(status, death, started);
      if (!started && safe_mode_ && failed_starts_ > starts_before_safe_mode) {
        spdlog::critical("The server does not start even without plugins; it is given up.");
        return 1;
      }
      if (mended || (started && SteadyClock::now() - began > well_after)) pause = milliseconds(0);
      if (pause.count() > 0) {
        spdlog::info("The next start is in {} ms.", pause.count());
        if (!rest(pause)) return 0;
      }
      pause = std::clamp(pause * 2, first_pause, longest_pause);
    }
  }

 private:
  /// True where the next start will be another one.
  bool after_crash(int status, const std::optional<plugin::Death>& death, bool started) {
    failed_starts_ = started ? 0 : failed_starts_ + 1;
    bool mended = false;
    if (death) {
      plugin::Death known = *death;
      // A plugin that only happened to be at work when an administrator, or the system for want of memory, killed the process is not to blame.
      if (!known.known && WIFSIGNALED(status) && !fatal(WTERMSIG(status))) known.plugin.clear();
      mended = note_death(settings_, known, in_words(status));
    } else {
      spdlog::error("The server has {}.", in_words(status));
    }
    if (mended) failed_starts_ = 0;
    if (failed_starts_ >= starts_before_safe_mode && !safe_mode_ && !served_) {
      safe_mode_ = true;
      failed_starts_ = 1;
      spdlog::critical("The server has died {} times while it started. It starts in safe mode now: without plugins and without the agency's definitions.",
                       starts_before_safe_mode);
      return true;
    }
    return mended;
  }

  void spawn() {
    std::vector<std::string> arguments = own_arguments();
    arguments.push_back("--sockets=" + std::to_string(listeners_.tcp) + "," + std::to_string(listeners_.admin) + "," +
                        std::to_string(pair_[0]) + "," + std::to_string(pair_[1]) + "," + std::to_string(workers_++));
    if (safe_mode_ && !settings_.safe_mode) arguments.push_back("--safe-mode");
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const pid_t parent = ::getpid();
    worker_ = ::fork();
    if (worker_ < 0) throw Error(ErrorCode::unavailable, std::string("Cannot start a process: ") + std::strerror(errno));
    if (worker_ > 0) return;
    // A worker without its supervisor would hold the database and be looked after by nobody.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const int fd : {listeners_.tcp, listeners_.admin, pair_[0], pair_[1]}) {
      if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
    }
    ::execv("/proc/self/exe", pointers.data());
    ::_exit(127);
  }

  /// Waits for the worker's end, and passes signals on; its status.
  int watch() {
    auto kill_at = SteadyClock::time_point::max();
    for (;;) {
      int status = 0;
      const pid_t ended = ::waitpid(worker_, &status, WNOHANG);
      if (ended == worker_) return status;
      const int signal = next_signal(milliseconds(stopping_ ? 200 : 60'000));
      if (signal == SIGHUP && !stopping_) ::kill(worker_, SIGHUP);
      if ((signal == SIGTERM || signal == SIGINT) && !stopping_) {
        begin_to_stop();
        kill_at = SteadyClock::now() + stop_patience;
        ::kill(worker_, SIGTERM);
      }
      if (stopping_ && SteadyClock::now() > kill_at) {
        spdlog::error("The server does not end; it is killed.");
        ::kill(worker_, SIGKILL);
        kill_at = SteadyClock::time_point::max();
      }
    }
  }

  /// From now on connections are refused instead of waiting for nobody.
  void begin_to_stop() {
    stopping_ = true;
    ::sd_notify(0, "STOPPING=1");
    if (listeners_.tcp >= 0) ::close(listeners_.tcp);
    listeners_.tcp = -1;
  }

  /// 0 where none came in time.
  static int next_signal(milliseconds most) {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&wanted, signal);
    const timespec time{most.count() / 1000, (most.count() % 1000) * 1'000'000};
    const int signal = ::sigtimedwait(&wanted, nullptr, &time);
    return signal < 0 ? 0 : signal;
  }

  /// False where the server is to end.
  static bool rest(milliseconds pause) {
    const auto until = SteadyClock::now() + pause;
    for (auto left = pause; left.count() > 0; left = std::chrono::ceil<milliseconds>(until - SteadyClock::now())) {
      const int signal = next_signal(left);
      if (signal == SIGTERM || signal == SIGINT) return false;
    }
    return true;
  }

  const Settings& settings_;
  http::Listeners listeners_;
  std::array<int, 2> pair_{-1, -1};
  pid_t worker_ = -1;
  bool safe_mode_, stopping_ = false;
  bool served_ = false;  ///< a worker has come as far as to serve
  int failed_starts_ = 0, workers_ = 0;
};

}  // namespace

std::filesystem::path marks_file(const Settings& settings) { return settings.data / "worker.marks"; }

std::optional<Inherited> parse_inherited(const std::string& text) {
  std::array<int, 5> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [stopped, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc() || numbers[i] < -1) return std::nullopt;
    const bool last = i + 1 == numbers.size();
    if (last ? stopped != end : stopped == end || *stopped != ',') return std::nullopt;
    at = stopped + 1;
  }
  return Inherited{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

bool note_death(const Settings& settings, const plugin::Death& death, const std::string& status) {
  const std::string how = death.known && !death.how.empty() ? death.how : status;
  if (death.plugin.empty()) {
    spdlog::error("The server has died: {}.", how);
    return false;
  }
  spdlog::error("The server has died in the code of the plugin {}, {}: {}.", death.plugin, death.callback, how);
  try {
    plugin::Quarantine quarantine(settings.data);
    const auto held = quarantine.crashed({death.plugin, death.callback, how, death.loading, Clock::system().now()});
    if (held) spdlog::error("The plugin {} is in quarantine from now on: its code is not run. {}", held->plugin, held->why);
    return held.has_value() || !death.loading;
  } catch (const Error& error) {
    spdlog::error("{}", error.message());
    return false;
  }
}

int supervise(const Settings& settings) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &children, nullptr);
  return Supervisor(settings).run();
}

}  // namespace caravan::app

#include "plugin/crash_mark.h"

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CARAVAN_OWN_SIGNAL_HANDLERS 0
#else
#define CARAVAN_OWN_SIGNAL_HANDLERS 1
#endif

namespace caravan::plugin {

constexpr std::size_t max_names = 4096, max_slots = 512, max_depth = 16;

struct alignas(64) MarkSlot {
  std::atomic<std::uint32_t> taken{0};
  std::atomic<std::uint32_t> depth{0};
  std::atomic<std::uint32_t> host{0};  ///< the server's code runs below so many calls of plugins'
  std::atomic<std::uint64_t> late{0};  ///< turn of a call that is
  struct Frame {
    std::atomic<std::uint64_t> turn{0};
    std::atomic<std::uint32_t> id{0};
  };
  std::array<Frame, max_depth> frames;
};

namespace {

struct Name {
  char plugin[64];
  char callback[184];
  std::uint32_t kind;
  std::uint32_t padding;
};

enum Phase : std::uint32_t { none, starting, serving, ending };
enum Cause : std::uint32_t { unknown, by_signal, by_exit, by_hang };

/// As it lies in the file. Written by one process, read by another after its death; nothing in it is trusted.
struct Region {
  static constexpr char right_magic[8] = {'C', 'A', 'R', 'M', 'A', 'R', 'K', '1'};
  char magic[8];
  std::int32_t pid;
  std::atomic<std::uint32_t> phase, cause, number, culprit, names;
  char how[96];
  Name name[max_names];
  MarkSlot slot[max_slots];
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

Region own_memory;  // until there is a file
std::atomic<Region*> region{&own_memory};

struct Code {
  std::uintptr_t begin, end;
  MarkId id;
};
constexpr std::size_t max_codes = 256;
std::array<Code, max_codes> codes;
std::atomic<std::size_t> code_count{0};

std::mutex names_mutex;

constinit thread_local MarkSlot* own_slot = nullptr;

/// Gives the slot back when the thread ends, and holds the stack that a signal handler runs on when the thread's own is used up.
class ThreadMarks {
 public:
  ThreadMarks() {
    Region& memory = *region.load(std::memory_order_acquire);
    for (MarkSlot& slot : memory.slot) {
      std::uint32_t free = 0;
      if (slot.taken.load(std::memory_order_relaxed) == 0 && slot.taken.compare_exchange_strong(free, 1, std::memory_order_acq_rel)) {
        slot.depth.store(0, std::memory_order_relaxed);
        slot.host.store(0, std::memory_order_relaxed);
        slot_ = own_slot = &slot;
        break;
      }
    }
#if CARAVAN_OWN_SIGNAL_HANDLERS
    void* const memory_of_stack = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_of_stack == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_sp = memory_of_stack;
    stack.ss_size = stack_size;
    if (::sigaltstack(&stack, nullptr) == 0) stack_ = memory_of_stack;
    else ::munmap(memory_of_stack, stack_size);
#endif
  }
  ~ThreadMarks() {
    // exit() in a plugin's code destroys this before on_exit_called() asks whose code it was.
    if (slot_ != nullptr && slot_->depth.load(std::memory_order_relaxed) > 0) return;
    own_slot = nullptr;
    if (slot_ != nullptr) slot_->taken.store(0, std::memory_order_release);
    if (stack_ == nullptr) return;
    stack_t off{};
    off.ss_flags = SS_DISABLE;
    ::sigaltstack(&off, nullptr);
    ::munmap(stack_, stack_size);
  }
  ThreadMarks(const ThreadMarks&) = delete;
  ThreadMarks& operator=(const ThreadMarks&) = delete;

 private:
  static constexpr std::size_t stack_size = 64 * 1024;
  MarkSlot* slot_ = nullptr;
  void* stack_ = nullptr;
};

MarkSlot* slot_of_thread() noexcept {
  if (own_slot == nullptr) static thread_local const ThreadMarks marks;
  return own_slot;
}

template <std::size_t size>
void put(char (&to)[size], std::string_view text) {
  const std::size_t length = std::min(size - 1, text.size());
  std::memcpy(to, text.data(), length);
  std::memset(to + length, 0, size - length);
}

template <std::size_t size>
std::string_view get(const char (&from)[size]) {
  return {from, ::strnlen(from, size)};
}

// ---- when it dies: only what a signal handler may do ----

MarkId innermost(const MarkSlot* slot) {
  if (slot == nullptr) return 0;
  const std::uint32_t depth = slot->depth.load(std::memory_order_relaxed);
  return depth == 0 ? 0 : slot->frames[std::min<std::size_t>(depth, max_depth) - 1].id.load(std::memory_order_relaxed);
}

MarkId owner_of(std::uintptr_t address) {
  const std::size_t count = code_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (address >= codes[i].begin && address < codes[i].end) return codes[i].id;
  }
  return 0;
}

/// A thread that a plugin made itself: its code is where the thread is, or among the addresses that it would return to.
[[maybe_unused]] MarkId by_address(const ucontext_t& context) {  // not with sanitizers, whose handlers stay
#if defined(__x86_64__)
  const auto at = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
  auto stack = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]) & ~std::uintptr_t{7};
#elif defined(__aarch64__)
  const auto at = static_cast<std::uintptr_t>(context.uc_mcontext.pc);
  auto stack = static_cast<std::uintptr_t>(context.uc_mcontext.sp) & ~std::uintptr_t{7};
#else
  const std::uintptr_t at = 0;
  std::uintptr_t stack = 0;
  static_cast<void>(context);
#endif
  if (const MarkId id = owner_of(at)) return id;
  static std::uintptr_t words[512];  // not on the alternate stack, which is small
  for (int page = 0; stack != 0 && page < 16; ++page, stack += sizeof words) {
    iovec here{words, sizeof words}, there{reinterpret_cast<void*>(stack), sizeof words};
    const ssize_t got = ::process_vm_readv(::getpid(), &here, 1, &there, 1, 0);  // where the stack ends it fails instead of a second fault
    if (got <= 0) return 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof words[0]; ++i) {
      if (const MarkId id = owner_of(words[i])) return id;
    }
  }
  return 0;
}

void write_death(Cause cause, std::uint32_t number, MarkId culprit) {
  Region& memory = *region.load(std::memory_order_relaxed);
  std::uint32_t none_yet = unknown;
  if (!memory.cause.compare_exchange_strong(none_yet, cause, std::memory_order_acq_rel)) return;  // the first one counts
  memory.number.store(number, std::memory_order_relaxed);
  memory.culprit.store(culprit, std::memory_order_release);
}

#if CARAVAN_OWN_SIGNAL_HANDLERS

void on_fatal_signal(int signal, siginfo_t*, void* context) {
  MarkId culprit = innermost(own_slot);
  if (culprit == 0) culprit = by_address(*static_cast<const ucontext_t*>(context));
  write_death(by_signal, static_cast<std::uint32_t>(signal), culprit);
  if (culprit != 0) {
    static constexpr std::string_view text = "caravan: the process dies in the code of the plugin ";
    const Name& name = region.load(std::memory_order_relaxed)->name[culprit - 1];
    iovec parts[] = {{const_cast<char*>(text.data()), text.size()},
                     {const_cast<char*>(name.plugin), ::strnlen(name.plugin, sizeof name.plugin)},
                     {const_cast<char*>(", "), 2},
                     {const_cast<char*>(name.callback), ::strnlen(name.callback, sizeof name.callback)},
                     {const_cast<char*>("\n"), 1}};
    [[maybe_unused]] const auto written = ::writev(STDERR_FILENO, parts, 5);
  }
  // SA_RESETHAND has restored the default: the process dies of the same signal, with a core file where these are wanted.
  ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

void catch_fatal_signals() {
  struct sigaction action {};
  action.sa_sigaction = &on_fatal_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  sigfillset(&action.sa_mask);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP}) ::sigaction(signal, &action, nullptr);
}

#endif

/// exit() by anything but main: static objects of the server would be destroyed under threads that use them.
void on_exit_called(int code, void*) {
  Region& memory = *region.load(std::memory_order_relaxed);
  const MarkId culprit = innermost(own_slot);
  if (culprit == 0 && memory.phase.load(std::memory_order_relaxed) != serving) return;
  write_death(by_exit, static_cast<std::uint32_t>(code), culprit);
  ::_exit(code == 0 ? 70 : code);
}

const char* signal_name(std::uint32_t signal) {
  switch (static_cast<int>(signal)) {
    case SIGSEGV:
      return "segmentation fault";
    case SIGBUS:
      return "bus error";
    case SIGFPE:
      return "arithmetic fault";
    case SIGILL:
      return "illegal instruction";
    case SIGABRT:
      return "abort";
    case SIGSYS:
      return "bad system call";
    default:
      return "fatal signal";
  }
}

std::optional<Death> death_in(Region& memory) {
  if (std::memcmp(memory.magic, Region::right_magic, sizeof memory.magic) != 0) return std::nullopt;
  const std::uint32_t phase = memory.phase.load(), cause = memory.cause.load();
  if (phase == none || (phase == ending && cause == unknown)) return std::nullopt;
  Death out;
  out.pid = memory.pid;
  out.started = phase != starting;
  out.known = cause != unknown;
  if (cause == by_signal) out.how = signal_name(memory.number.load());
  if (cause == by_exit) out.how = "called exit(" + std::to_string(memory.number.load()) + ")";
  if (cause == by_hang) out.how = get(memory.how);
  MarkId culprit = memory.culprit.load();
  if (cause == unknown || (culprit == 0 && phase == starting)) {
    // It was killed, or ended by _exit(), or died on a thread that a plugin had just made: one is to blame where only one was at work.
    std::set<std::string_view> plugins;
    for (const MarkSlot& slot : memory.slot) {
      const MarkId id = slot.taken.load() != 0 ? innermost(&slot) : 0;
      if (id == 0 || id > max_names) continue;
      plugins.insert(get(memory.name[id - 1].plugin));
      culprit = id;
    }
    if (plugins.size() != 1) culprit = 0;
  }
  if (culprit != 0 && culprit <= max_names) {
    const Name& name = memory.name[culprit - 1];
    out.plugin = get(name.plugin);
    out.callback = get(name.callback);
    out.loading = name.kind == static_cast<std::uint32_t>(MarkKind::loading);
  }
  return out;
}

/// The file's memory, of exactly the right size; null where it cannot be had.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& file, bool make) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
    if (fd < 0) return;
    struct stat status {};
    bool fits = ::fstat(fd, &status) == 0;
    if (fits && static_cast<std::size_t>(status.st_size) != sizeof(Region)) {
      // With its blocks on the disk: a full one must not become a bus error later.
      fits = make && ::ftruncate(fd, 0) == 0 && ::posix_fallocate(fd, 0, sizeof(Region)) == 0;
    }
    if (fits) {
      void* const at = ::mmap(nullptr, sizeof(Region), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (at != MAP_FAILED) memory_ = static_cast<Region*>(at);
    }
    ::close(fd);
  }
  ~Mapping() {
    if (memory_ != nullptr) ::munmap(memory_, sizeof(Region));
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Region* get() const { return memory_; }
  Region* keep() { return std::exchange(memory_, nullptr); }

 private:
  Region* memory_ = nullptr;
};

}  // namespace

MarkId mark_id(std::string_view plugin, std::string_view callback, MarkKind kind) {
  const std::lock_guard lock(names_mutex);
  Region& memory = *region.load(std::memory_order_acquire);
  const std::uint32_t count = memory.names.load(std::memory_order_relaxed);
  Name fresh{};
  put(fresh.plugin, plugin);
  put(fresh.callback, callback);
  fresh.kind = static_cast<std::uint32_t>(kind);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (std::memcmp(&memory.name[i], &fresh, sizeof fresh) == 0) return i + 1;
  }
  if (count >= max_names) return 0;
  memory.name[count] = fresh;
  memory.names.store(count + 1, std::memory_order_release);
  return count + 1;
}

MarkName mark_name(MarkId id) {
  const std::lock_guard lock(names_mutex);
  Region& memory = *region.load(std::memory_order_acquire);
  if (id == 0 || id > memory.names.load(std::memory_order_relaxed)) return {"", "", MarkKind::outside};
  const Name& name = memory.name[id - 1];
  return {std::string(get(name.plugin)), std::string(get(name.callback)), static_cast<MarkKind>(name.kind)};
}

Mark::Mark(MarkId id, std::uint64_t turn) noexcept : slot_(slot_of_thread()), turn_(turn) {
  if (slot_ == nullptr) return;
  depth_ = slot_->depth.load(std::memory_order_relaxed);
  if (depth_ < max_depth) {
    slot_->frames[depth_].turn.store(turn, std::memory_order_relaxed);
    slot_->frames[depth_].id.store(id, std::memory_order_release);  // with it the turn is seen, see each_running()
  }
  slot_->depth.store(depth_ + 1, std::memory_order_release);
}

Mark::~Mark() {
  if (slot_ != nullptr) slot_->depth.store(depth_, std::memory_order_release);
}

bool Mark::late() const noexcept {
  return slot_ != nullptr && turn_ != 0 && slot_->late.load(std::memory_order_relaxed) == turn_;
}

HostMark::HostMark() noexcept : slot_(own_slot) {
  if (slot_ == nullptr) return;
  before_ = slot_->host.load(std::memory_order_relaxed);
  slot_->host.store(slot_->depth.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

HostMark::~HostMark() {
  if (slot_ != nullptr) slot_->host.store(before_, std::memory_order_relaxed);
}

void mark_code(std::string_view plugin, const void* address_inside) {
  struct Search {
    std::uintptr_t wanted, begin = 0, end = 0;
  } search{reinterpret_cast<std::uintptr_t>(address_inside)};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& found = *static_cast<Search*>(data);
        std::uintptr_t begin = UINTPTR_MAX, end = 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& part = info->dlpi_phdr[i];
          if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
          begin = std::min<std::uintptr_t>(begin, info->dlpi_addr + part.p_vaddr);
          end = std::max<std::uintptr_t>(end, info->dlpi_addr + part.p_vaddr + part.p_memsz);
        }
        if (found.wanted < begin || found.wanted >= end) return 0;
        found.begin = begin;
        found.end = end;
        return 1;
      },
      &search);
  if (search.end == 0) return;
  const MarkId id = mark_id(plugin, "a thread of its own", MarkKind::outside);
  const std::lock_guard lock(names_mutex);
  const std::size_t count = code_count.load(std::memory_order_relaxed);
  const auto same = [&](const Code& code) { return code.begin == search.begin && code.id == id; };
  if (id == 0 || count >= max_codes || std::any_of(codes.begin(), codes.begin() + count, same)) return;
  codes[count] = {search.begin, search.end, id};
  code_count.store(count + 1, std::memory_order_release);
}

std::optional<Death> open_marks(const std::filesystem::path& file) {
  Mapping mapping(file, true);
  if (mapping.get() == nullptr)
    throw Error(ErrorCode::unavailable, "Cannot write " + file.string() + ", where it is noted which plugin is at work: " + std::strerror(errno));
  Region& memory = *mapping.get();
  auto before = death_in(memory);
  std::memset(static_cast<void*>(&memory), 0, sizeof memory);
  memory.pid = ::getpid();
  memory.phase.store(starting);
  std::memcpy(memory.magic, Region::right_magic, sizeof memory.magic);
  region.store(mapping.keep(), std::memory_order_release);  // for ever: threads point into it
  own_slot = nullptr;
#if CARAVAN_OWN_SIGNAL_HANDLERS
  catch_fatal_signals();
#endif
  ::on_exit(&on_exit_called, nullptr);
  return before;
}

void mark_started() {
  region.load()->phase.store(serving);
}

void mark_ending() {
  region.load()->phase.store(ending);
}

void mark_hung(MarkId id, std::string_view how) {
  put(region.load()->how, how);
  write_death(by_hang, 0, id);
}

std::optional<Death> read_death(const std::filesystem::path& file) {
  const Mapping mapping(file, false);
  if (mapping.get() == nullptr) return std::nullopt;
  auto out = death_in(*mapping.get());
  mapping.get()->phase.store(none);
  return out;
}

void each_running(const std::function<void(const Running&)>& look) {
  Region& memory = *region.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < max_slots; ++i) {
    MarkSlot& slot = memory.slot[i];
    if (slot.taken.load(std::memory_order_relaxed) == 0) continue;
    const std::uint32_t depth = slot.depth.load(std::memory_order_acquire);
    if (depth == 0 || depth > max_depth) continue;
    const auto& frame = slot.frames[depth - 1];
    const MarkId id = frame.id.load(std::memory_order_acquire);
    look({i, depth, id, frame.turn.load(std::memory_order_relaxed), slot.host.load(std::memory_order_relaxed) >= depth});
  }
}

void mark_late(std::size_t thread, std::uint64_t turn) {
  region.load(std::memory_order_acquire)->slot[thread].late.store(turn, std::memory_order_relaxed);
}

}  // namespace caravan::plugin

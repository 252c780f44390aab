#include "plugin/quarantine.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "api/json_writer.h"
#include "base/error.h"

namespace caravan::plugin {
namespace {

constexpr std::size_t crashes_kept = 100;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::unavailable, what + ": " + std::strerror(errno));
}

std::string text_of(const records::Json& json, std::string_view name) {
  const records::Json* member = json.find(name);
  const auto* text = member != nullptr ? member->as<std::string>() : nullptr;
  return text != nullptr ? *text : std::string();
}

bool flag_of(const records::Json& json, std::string_view name) {
  const records::Json* member = json.find(name);
  const bool* flag = member != nullptr ? member->as<bool>() : nullptr;
  return flag != nullptr && *flag;
}

Timestamp time_of(const records::Json& json, std::string_view name) {
  return parse_timestamp(text_of(json, name)).value_or(Timestamp{});
}

template <class Take>
void each(const records::Json& root, std::string_view name, const Take& take) {
  const records::Json* list = root.find(name);
  if (const auto* items = list != nullptr ? list->as<records::Json::Array>() : nullptr) {
    for (const records::Json& item : *items) take(item);
  }
}

}  // namespace

struct Quarantine::Content {
  std::vector<Quarantined> plugins;
  std::vector<Crash> crashes;
};

/// Beside the file, which is replaced as a whole.
struct Quarantine::Lock {
  explicit Lock(const std::filesystem::path& file) {
    const std::string path = file.string() + ".lock";
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) fail("Cannot open " + path);
    while (::flock(fd, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      ::close(fd);
      errno = error;
      fail("Cannot lock " + path);
    }
  }
  ~Lock() { ::close(fd); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  int fd = -1;
};

Quarantine::Quarantine(const std::filesystem::path& data) : file_(data / "plugin_quarantine.json") {}

Quarantine::Content Quarantine::read() const {
  Content content;
  std::ifstream stream(file_, std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return content;
    fail("Cannot read " + file_.string());
  }
  std::ostringstream bytes;
  bytes << stream.rdbuf();
  try {
    const records::Json root = records::parse_json(bytes.str());
    each(root, "quarantined", [&](const records::Json& item) {
      Quarantined one{text_of(item, "plugin"), text_of(item, "why"), time_of(item, "since"), flag_of(item, "told")};
      if (!one.plugin.empty()) content.plugins.push_back(std::move(one));
    });
    each(root, "crashes", [&](const records::Json& item) {
      content.crashes.push_back({text_of(item, "plugin"), text_of(item, "callback"), text_of(item, "how"),
                                 flag_of(item, "loading"), time_of(item, "at")});
    });
  } catch (const Error&) {
    // Kept for whoever wants to look; a server that cannot start because of it would be worse.
    std::error_code ignored;
    std::filesystem::rename(file_, file_.string() + ".unreadable", ignored);
    return {};
  }
  return content;
}

void Quarantine::write(const Content& content) const {
  std::string text;
  api::JsonWriter json(text);
  json.begin_object().key("quarantined").begin_array();
  for (const Quarantined& one : content.plugins) {
    json.begin_object().member("plugin", one.plugin).member("why", one.why);
    json.member("since", format_timestamp(one.since)).member("told", one.told).end_object();
  }
  json.end_array().key("crashes").begin_array();
  for (const Crash& crash : content.crashes) {
    json.begin_object().member("plugin", crash.plugin).member("callback", crash.callback).member("how", crash.how);
    json.member("loading", crash.loading).member("at", format_timestamp(crash.at)).end_object();
  }
  json.end_array().end_object();
  text += '\n';
  const std::string fresh = file_.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("Cannot write " + fresh);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || std::rename(fresh.c_str(), file_.c_str()) != 0) fail("Cannot write " + file_.string());
}

std::vector<Quarantined> Quarantine::list() const {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return {};  // the usual case; and commands may not own the folder
  const Lock lock(file_);
  auto content = read();
  std::sort(content.plugins.begin(), content.plugins.end(), [](const auto& a, const auto& b) { return a.plugin < b.plugin; });
  return std::move(content.plugins);
}

std::vector<Crash> Quarantine::crashes() const {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return {};
  const Lock lock(file_);
  return read().crashes;
}

std::optional<Quarantined> Quarantine::crashed(const Crash& crash) {
  const Lock lock(file_);
  Content content = read();
  content.crashes.push_back(crash);
  if (content.crashes.size() > crashes_kept)
    content.crashes.erase(content.crashes.begin(), content.crashes.end() - static_cast<std::ptrdiff_t>(crashes_kept));
  std::optional<Quarantined> out;
  const auto known = [&](const Quarantined& one) { return one.plugin == crash.plugin; };
  if (!crash.plugin.empty() && std::none_of(content.plugins.begin(), content.plugins.end(), known)) {
    const auto since = crash.at.micros - std::chrono::microseconds(window).count();
    const auto count = std::count_if(content.crashes.begin(), content.crashes.end(), [&](const Crash& other) {
      return other.plugin == crash.plugin && other.at.micros > since && other.at.micros <= crash.at.micros;
    });
    const std::string what = crash.how + " in " + (crash.callback.empty() ? "its code" : crash.callback);
    if (crash.loading)
      out = Quarantined{crash.plugin, "It brought the server down while it was loaded: " + what + ".", crash.at, false};
    else if (count >= limit)
      out = Quarantined{crash.plugin, "It brought the server down " + std::to_string(count) + " times within ten minutes, last: " + what + ".", crash.at, false};
    if (out) content.plugins.push_back(*out);
  }
  write(content);
  return out;
}

bool Quarantine::hold(const std::string& plugin, std::string why, Timestamp now) {
  const Lock lock(file_);
  Content content = read();
  for (const Quarantined& one : content.plugins) {
    if (one.plugin == plugin) return false;
  }
  content.plugins.push_back({plugin, std::move(why), now, true});
  write(content);
  return true;
}

void Quarantine::told(std::string_view plugin) {
  const Lock lock(file_);
  Content content = read();
  for (Quarantined& one : content.plugins) one.told = one.told || one.plugin == plugin;
  write(content);
}

bool Quarantine::clear(std::string_view plugin) {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return false;
  const Lock lock(file_);
  Content content = read();
  if (std::erase_if(content.plugins, [&](const Quarantined& one) { return one.plugin == plugin; }) == 0) return false;
  std::erase_if(content.crashes, [&](const Crash& one) { return one.plugin == plugin; });
  write(content);
  return true;
}

}  // namespace caravan::plugin

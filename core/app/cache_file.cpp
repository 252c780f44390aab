#include "app/cache_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "model/digest.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t largest_file = 256u << 20;
constexpr auto kept_for = std::chrono::hours(24 * 30);

fs::path default_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && fs::path(cache).is_absolute()) return fs::path(cache) / "caravan";
  const char* home = std::getenv("HOME");
  return home != nullptr && fs::path(home).is_absolute() ? fs::path(home) / ".cache" / "caravan" : fs::path();
}

/// What tells this build of the program from others, whose parser may differ.
std::string program() {
  struct stat self {};
  if (stat("/proc/self/exe", &self) != 0) return {};
  return std::to_string(self.st_dev) + ":" + std::to_string(self.st_ino) + ":" + std::to_string(self.st_size) + ":" +
         std::to_string(self.st_mtim.tv_sec) + "." + std::to_string(self.st_mtim.tv_nsec);
}

/// Only a file of our own, which nobody else may write, is believed.
std::string read(const fs::path& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return {};
  std::string bytes;
  struct stat found {};
  if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
      static_cast<std::uintmax_t>(found.st_size) <= largest_file) {
    bytes.resize(static_cast<std::size_t>(found.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::read(descriptor, bytes.data() + done, bytes.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    if (done != bytes.size()) bytes.clear();
  }
  close(descriptor);
  return bytes;
}

}  // namespace

CacheFile::CacheFile(fs::path directory, const fs::path& configuration) {
  const std::string identity = program();
  if (directory.empty()) directory = default_directory();
  if (directory.empty() || identity.empty()) return;
  std::error_code ignored;
  const fs::path whole = fs::absolute(configuration, ignored).lexically_normal();
  model::Digest name;
  name.add(whole.string());
  file_ = directory / ("check-" + name.hex().substr(0, 16) + ".cache");
  cache_ = std::make_unique<model::ParseCache>(read(file_), identity);
}

void CacheFile::save() noexcept {
  try {
    if (!cache_ || !cache_->changed()) return;
    std::error_code error;
    const bool fresh = fs::create_directories(file_.parent_path(), error);
    if (error) return;
    if (fresh) fs::permissions(file_.parent_path(), fs::perms::owner_all, error);
    const std::string bytes = cache_->bytes();
    std::string temporary = file_.string() + ".XXXXXX";  // mkostemp() puts letters of its own in place of these
    const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);  // readable for the owner alone
    if (descriptor < 0) return;
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::write(descriptor, bytes.data() + done, bytes.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    const bool whole = close(descriptor) == 0 && done == bytes.size();
    if (!whole || rename(temporary.c_str(), file_.c_str()) != 0) {
      unlink(temporary.c_str());
      return;
    }
    // Of configuration folders that nobody checks any more.
    for (const auto& other : fs::directory_iterator(file_.parent_path(), error)) {
      const std::string name = other.path().filename().string();
      if (!name.starts_with("check-") || name.find(".cache") == std::string::npos || other.path() == file_) continue;
      const auto written = fs::last_write_time(other.path(), error);
      if (!error && fs::file_time_type::clock::now() - written > kept_for) fs::remove(other.path(), error);
    }
  } catch (...) {  // it is only a cache
  }
}

}  // namespace caravan::app

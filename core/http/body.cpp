#include "http/body.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/nameless_file.h"

namespace caravan::http {
namespace {

/// Bodies this small stay in memory even when the total is used up: a file each would cost more.
constexpr std::size_t always_in_memory = 16 * 1024;

std::string temporary_directory() {
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

int open_unlinked() {
  const auto directory = temporary_directory();
  const int fd = nameless_file(directory);
  if (fd < 0) {
    throw Error(ErrorCode::unavailable, "A temporary file for a request body cannot be made in " + directory +
                                            ": " + std::strerror(errno));
  }
  return fd;
}

}  // namespace

Body::Body(Body&& other) noexcept {
  *this = std::move(other);
}

Body& Body::operator=(Body&& other) noexcept {
  if (this != &other) {
    clear();
    memory_ = std::move(other.memory_);
    other.memory_.clear();
    in_memory_ = other.in_memory_;
    counted_ = std::exchange(other.counted_, 0);
    file_ = std::exchange(other.file_, -1);
    map_ = std::exchange(other.map_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Body::clear() noexcept {
  if (map_ != nullptr) ::munmap(map_, static_cast<std::size_t>(size_));
  map_ = nullptr;
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (in_memory_ != nullptr) in_memory_->fetch_sub(counted_, std::memory_order_relaxed);
  counted_ = 0;
  std::string().swap(memory_);
  size_ = 0;
}

void Body::append(std::string_view data, std::size_t spool_bytes, std::size_t total_bytes) {
  if (file_ < 0) {
    const auto wanted = memory_.size() + data.size();
    const bool room =
        in_memory_ == nullptr || in_memory_->load(std::memory_order_relaxed) + data.size() <= total_bytes;
    if (wanted > spool_bytes || (!room && wanted > always_in_memory)) {
      file_ = open_unlinked();
      write_file(memory_);
      std::string().swap(memory_);
      if (in_memory_ != nullptr) in_memory_->fetch_sub(counted_, std::memory_order_relaxed);
      counted_ = 0;
    }
  }
  if (file_ >= 0) {
    write_file(data);
  } else {
    memory_.append(data);
    if (in_memory_ != nullptr) {
      in_memory_->fetch_add(data.size(), std::memory_order_relaxed);
      counted_ += data.size();
    }
  }
  size_ += data.size();
}

void Body::write_file(std::string_view data) {
  while (!data.empty()) {
    const auto written = ::write(file_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      throw Error(ErrorCode::unavailable,
                  "A request body cannot be kept in " + temporary_directory() + ": " + std::strerror(errno));
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string_view Body::view() {
  if (file_ < 0) return memory_;
  if (map_ == nullptr && size_ > 0) {
    void* map = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_PRIVATE, file_, 0);
    if (map == MAP_FAILED) {
      throw Error(ErrorCode::unavailable,
                  std::string("A request body cannot be mapped: ") + std::strerror(errno));
    }
    map_ = map;
  }
  return {static_cast<const char*>(map_), static_cast<std::size_t>(size_)};
}

}  // namespace caravan::http

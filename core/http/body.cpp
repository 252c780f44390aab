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
    room_ = other.room_;
    in_memory_ = std::exchange(other.in_memory_, 0);
    in_file_ = std::exchange(other.in_file_, 0);
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
  std::string().swap(memory_);
  size_ = 0;
  give_back();
}

void Body::give_back() noexcept {
  if (room_ != nullptr) {
    room_->in_memory.fetch_sub(std::exchange(in_memory_, 0), std::memory_order_relaxed);
    room_->in_files.fetch_sub(std::exchange(in_file_, 0), std::memory_order_relaxed);
  }
}

void Body::append(std::string_view data, const BodyLimits& limits) {
  if (file_ < 0) {
    const auto wanted = memory_.size() + data.size();
    const bool room = room_ == nullptr || room_->in_memory.load(std::memory_order_relaxed) + data.size() <= limits.all_in_memory;
    if (wanted > limits.each_in_memory || (!room && wanted > always_in_memory)) {
      file_ = open_unlinked();
      take_file_room(memory_.size(), limits);
      write_file(memory_);
      std::string().swap(memory_);
      if (room_ != nullptr) room_->in_memory.fetch_sub(std::exchange(in_memory_, 0), std::memory_order_relaxed);
    }
  }
  if (file_ >= 0) {
    take_file_room(data.size(), limits);
    write_file(data);
  } else {
    memory_.append(data);
    if (room_ != nullptr) {
      room_->in_memory.fetch_add(data.size(), std::memory_order_relaxed);
      in_memory_ += data.size();
    }
  }
  size_ += data.size();
}

void Body::take_file_room(std::uint64_t bytes, const BodyLimits& limits) {
  if (room_ == nullptr) return;
  in_file_ += bytes;
  if (room_->in_files.fetch_add(bytes, std::memory_order_relaxed) + bytes > limits.all_in_files)
    throw Error(ErrorCode::unavailable, "The server receives as much at once as it has room for; try again in a moment.");
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

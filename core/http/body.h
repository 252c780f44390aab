#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace caravan::http {

/// A request body: in memory while it is small, else in an unlinked temporary file that is mapped for
/// reading. Movable; used by one thread at a time.
class Body {
 public:
  Body() = default;
  /// `in_memory` counts the bytes of all bodies of one door that are in memory; outlives the body.
  explicit Body(std::atomic<std::size_t>* in_memory) : in_memory_(in_memory) {}
  Body(Body&& other) noexcept;
  Body& operator=(Body&& other) noexcept;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body() { clear(); }

  /// Appends; goes to a file when the body would exceed `spool_bytes` in memory, or all bodies together
  /// `total_bytes`. Throws Error(unavailable) where the file cannot be made or written.
  void append(std::string_view data, std::size_t spool_bytes, std::size_t total_bytes);
  std::uint64_t size() const { return size_; }
  bool spooled() const { return file_ >= 0; }
  /// The whole body; maps the file on the first call. Throws Error(unavailable) where that fails.
  std::string_view view();
  void clear() noexcept;

 private:
  void write_file(std::string_view data);
  std::string memory_;
  std::atomic<std::size_t>* in_memory_ = nullptr;
  std::size_t counted_ = 0;
  int file_ = -1;
  void* map_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace caravan::http

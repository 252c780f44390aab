#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace caravan::http {

/// What the bodies of one door take up, in bytes. Outlives them.
struct BodyRoom {
  std::atomic<std::size_t> in_memory{0};
  std::atomic<std::uint64_t> in_files{0};
};

/// How much room bodies may take, in bytes: each in memory, all in memory, all in files.
struct BodyLimits {
  std::size_t each_in_memory, all_in_memory;
  std::uint64_t all_in_files;
};

/// A request body: in memory while it is small, else in an unlinked temporary file that is mapped for
/// reading. Movable; used by one thread at a time.
class Body {
 public:
  Body() = default;
  explicit Body(BodyRoom& room) : room_(&room) {}
  Body(Body&& other) noexcept;
  Body& operator=(Body&& other) noexcept;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body() { clear(); }

  /// Appends; goes to a file where memory is used up. Throws Error(unavailable) where the file cannot be made or written, and where
  /// files are used up, too.
  void append(std::string_view data, const BodyLimits& limits);
  std::uint64_t size() const { return size_; }
  bool spooled() const { return file_ >= 0; }
  /// The whole body; maps the file on the first call. Throws Error(unavailable) where that fails.
  std::string_view view();
  void clear() noexcept;

 private:
  void write_file(std::string_view data);
  void take_file_room(std::uint64_t bytes, const BodyLimits& limits);
  void give_back() noexcept;
  std::string memory_;
  BodyRoom* room_ = nullptr;
  std::size_t in_memory_ = 0;     ///< counted in room_, as is
  std::uint64_t in_file_ = 0;
  int file_ = -1;
  void* map_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace caravan::http

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// What people upload, as files of random names in a folder of the server; several nodes share the folder. Nothing that a client
/// said becomes part of a path.
namespace caravan::records {

/// A file that is open for reading, mapped where its bytes are asked for.
class OpenFile {
 public:
  /// Takes over the descriptor.
  OpenFile(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int descriptor() const { return descriptor_; }
  std::uint64_t size() const { return size_; }
  /// Gives the descriptor away.
  int release();
  /// Throws Error(unavailable) where it cannot be mapped.
  std::string_view bytes();

 private:
  int descriptor_;
  std::uint64_t size_;
  void* map_ = nullptr;
};

/// Thread-safe.
class FileStore {
 public:
  /// Makes the folder where it is not there. Throws unavailable.
  explicit FileStore(std::filesystem::path directory);

  struct Stored {
    std::string name;    ///< by which it is found again
    std::string sha256;  ///< in hexadecimal digits
    std::uint64_t size = 0;
  };
  /// Writes the bytes so that they survive a loss of power. Throws unavailable where the disk does not take them.
  Stored put(std::string_view bytes) const;
  /// Throws not_found.
  std::unique_ptr<OpenFile> open(std::string_view name) const;
  /// Whether a file of this name can be one of the store's; others are let alone.
  static bool is_name(std::string_view name);
  /// No matter whether it is there.
  void remove(std::string_view name) const noexcept;
  /// A file without a name for what is being made, gone when it is closed. Throws unavailable.
  int scratch() const;
  /// Calls `each(name, size, seconds since its last change)` for every file.
  template <class Each>
  void each(const Each& each) const {
    namespace fs = std::filesystem;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(directory_, error); at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (error) return;
      if (!at->is_regular_file(error)) continue;
      const auto age = fs::file_time_type::clock::now() - at->last_write_time(error);
      each(at->path().filename().string(), static_cast<std::uint64_t>(at->file_size(error)), std::chrono::duration_cast<std::chrono::seconds>(age).count());
    }
  }
  /// While it lives, one of the few large files that are made at a time.
  class Large {
   public:
    explicit Large(std::atomic<int>& count) : count_(&count) {}
    Large(Large&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Large& operator=(Large&&) = delete;
    ~Large() {
      if (count_ != nullptr) --*count_;
    }

   private:
    std::atomic<int>* count_;
  };
  /// nullopt where as many are being made as may be.
  std::optional<Large> begin_large() const {
    if (++large_ <= most_large) return std::optional<Large>(std::in_place, large_);
    --large_;
    return std::nullopt;
  }
  const std::filesystem::path& directory() const { return directory_; }
  /// Writes a file under a name that put() gave elsewhere, for a restore.
  void put_as(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path path_of(std::string_view name) const;
  void write(const std::filesystem::path& path, std::string_view bytes, std::string* sha256) const;
  static constexpr int most_large = 3;
  mutable std::atomic<int> large_{0};
  std::filesystem::path directory_;
};

/// In hexadecimal digits.
std::string sha256_of(std::string_view bytes);

}  // namespace caravan::records

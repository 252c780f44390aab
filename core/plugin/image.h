#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "plugin/signature.h"

namespace caravan::plugin {

/// A plugin's file, opened once: what it holds was read and checked from the very descriptor that is loaded
/// later, and nothing of it has been executed. Owns the descriptor.
class Image {
 public:
  struct File {
    std::string name;  ///< `definitions/order.yaml`
    std::string text;
  };

  /// Throws Error(invalid_argument) saying why the file is no plugin for this machine: not a regular file,
  /// writable by everybody, over 64 MiB, not an ELF shared library of this machine, without the symbol
  /// `caravan_plugin_v1`, or with a missing or damaged section.
  static Image open(const std::filesystem::path& path);
  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;
  ~Image();

  int descriptor() const { return descriptor_; }
  /// Leaves the descriptor open for the life of the process, as a loaded library needs it (see loader.h).
  void keep_open() { descriptor_ = -1; }

  std::string file_name;                                        ///< `sales.so`
  std::string hash;                                             ///< SHA-256 of the file, hex
  Signature signature;                                          ///< of the very bytes that are loaded
  std::string manifest;                                         ///< plugin.yaml
  std::vector<File> definitions;                                ///< by name
  std::uint32_t struct_size = 0, abi_major = 0, abi_minor = 0;  ///< first words of caravan_plugin_v1

 private:
  Image() = default;
  int descriptor_ = -1;
};

}  // namespace caravan::plugin

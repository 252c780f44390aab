#include "plugin/loader.h"

#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"

namespace caravan::plugin {
namespace {

/// The files that were mapped, by device and inode: mapping one again yields the same library, with the same globals.
struct Mapped {
  bool in_use = false;
  int descriptor = -1;  ///< by whose path the C library knows it; never closed
  std::string hash;
};
struct Claims {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, Mapped> files;
};

/// Sets `descriptor` to the one that the file is known by.
std::shared_ptr<void> claim(Image& image, int& descriptor) {
  static const auto claims = std::make_shared<Claims>();  // a process-wide fact: so is the mapping
  struct stat status {};
  if (::fstat(image.descriptor(), &status) != 0) throw Error(ErrorCode::invalid_argument, "it cannot be examined");
  const std::pair file(status.st_dev, status.st_ino);
  const std::lock_guard lock(claims->mutex);
  Mapped& mapped = claims->files[file];
  if (mapped.in_use) throw Error(ErrorCode::invalid_argument, "it is in use already in this process");
  if (mapped.descriptor < 0) {
    // The C library knows a mapped file by this path, so the number must never name another file.
    mapped.descriptor = image.descriptor();
    mapped.hash = image.hash;
    image.keep_open();
  } else if (mapped.hash != image.hash) {
    throw Error(ErrorCode::invalid_argument, "its file was changed in place after it was loaded; put new files beside old ones, and restart the server");
  }
  mapped.in_use = true;
  descriptor = mapped.descriptor;
  return {nullptr, [kept = claims, file](void*) {
            const std::lock_guard release(kept->mutex);
            kept->files[file].in_use = false;
          }};
}

}  // namespace

Library load_library(Image& image) {
  namespace dll = boost::dll;
  // RTLD_NODELETE: the object below goes out of scope, the library stays.
  const auto mode = static_cast<dll::load_mode::type>(
      static_cast<unsigned>(dll::load_mode::rtld_now | dll::load_mode::rtld_local) |
      static_cast<unsigned>(RTLD_NODELETE));
  int descriptor = -1;
  std::shared_ptr<void> claimed = claim(image, descriptor);
  std::error_code error;
  dll::shared_library library;
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  try {
    library.load(path, mode, error);
    if (error) {
      const char* why = ::dlerror();
      throw Error(ErrorCode::invalid_argument,
                  std::string("it cannot be loaded: ") + (why != nullptr ? why : error.message()));
    }
    if (!library.has("caravan_plugin_v1"))
      throw Error(ErrorCode::invalid_argument, "it does not export caravan_plugin_v1");
    const auto& table = library.get<const caravan_plugin>("caravan_plugin_v1");
    // Read anew: what a constructor wrote there counts, not what the file said.
    caravan_plugin out{};
    std::uint32_t size = 0;
    std::memcpy(&size, &table, sizeof size);
    if (size < offsetof(caravan_plugin, enable) || size > 4096 || size != image.struct_size)
      throw Error(ErrorCode::invalid_argument,
                  "its table caravan_plugin_v1 has an impossible size of " + std::to_string(size));
    std::memcpy(&out, &table, std::min<std::size_t>(size, sizeof out));
    if (out.abi_major != image.abi_major)
      throw Error(ErrorCode::invalid_argument, "its table caravan_plugin_v1 changed while it was loaded");
    if (out.create == nullptr || out.destroy == nullptr)
      throw Error(ErrorCode::invalid_argument, "its table caravan_plugin_v1 lacks create or destroy");
    return {out, std::move(claimed)};
  } catch (const Error&) {
    throw;
  } catch (const std::exception& other) {
    throw Error(ErrorCode::invalid_argument, std::string("it cannot be loaded: ") + other.what());
  } catch (...) {  // from a static constructor
    throw Error(ErrorCode::invalid_argument, "it cannot be loaded: a static constructor threw");
  }
}

}  // namespace caravan::plugin

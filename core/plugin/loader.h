#pragma once

#include <memory>

#include "caravan/abi.h"
#include "plugin/image.h"

namespace caravan::plugin {

struct Library {
  caravan_plugin table;         ///< copied into a zeroed struct of our size
  std::shared_ptr<void> claim;  ///< while it lives, the process loads the same file for nobody else
};

/// Maps the checked file into the process. The library stays mapped and its descriptor open until the process
/// ends: thread_local destructors and the C library's look-up by name (`/proc/self/fd/N`) make anything else
/// unsafe. Runs the library's static constructors. One user at a time: a second one would share its global
/// variables. Throws Error(invalid_argument). Thread-safe.
Library load_library(Image& image);

}  // namespace caravan::plugin

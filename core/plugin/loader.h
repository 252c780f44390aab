#pragma once

#include "caravan/abi.h"
#include "plugin/image.h"

namespace caravan::plugin {

/// Maps the checked file into the process and returns the plugin's table, copied into a zeroed one of our size. The library
/// stays mapped and its descriptor open until the process ends: thread_local destructors and the C library's look-up by
/// name (`/proc/self/fd/N`) make anything else unsafe. Runs the library's static constructors. Throws Error(invalid_argument).
caravan_plugin load_library(Image& image);

}  // namespace caravan::plugin

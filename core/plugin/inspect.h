#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace caravan::plugin {

/// How a shared library was linked, as far as it matters to the process that loads it. Nothing of it is run.
struct Inspection {
  std::vector<std::string> exported;  ///< names that others see, by name
  std::vector<std::string> unique;    ///< of these, those that the loader shares between libraries (STB_GNU_UNIQUE)
  std::vector<std::string> needed;    ///< other libraries
  bool no_delete = false;             ///< -z nodelete
  bool bind_now = false;              ///< -z now
  bool relro = false;                 ///< -z relro
  bool executable_stack = false;
  bool text_relocations = false;      ///< not compiled with -fPIC
  bool search_path = false;           ///< rpath or runpath: libraries from a place of its own
};

/// `bytes`: a file that Image::open has found sound. Throws Error(invalid_argument) where it has no dynamic section.
Inspection inspect(std::string_view bytes);

/// What is amiss, a sentence each, with what would be right; the first ones are grave.
struct LinkMistakes {
  std::vector<std::string> errors, warnings;
};
LinkMistakes judge(const Inspection& inspection);

}  // namespace caravan::plugin

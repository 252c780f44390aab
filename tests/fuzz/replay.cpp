#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Runs a fuzz target over the files of its corpus (and, of text files, over each line), with any compiler.
int main(int count, char** arguments) {
  std::size_t inputs = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const auto run = [&](std::size_t from, std::size_t to) {
        ++inputs;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()) + from, to - from);
      };
      if (entry.path().extension() != ".txt") {
        run(0, text.size());
        continue;
      }
      for (std::size_t from = 0, to; from < text.size(); from = to + 1) {
        to = std::min(text.find('\n', from), text.size());
        run(from, to);
      }
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0;
}

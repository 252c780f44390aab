// What is refused before, while and after loading, and that nothing of a file is run before it was checked.
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "plugin/image.h"
#include "support.h"

namespace caravan::plugin {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
  fs::permissions(path, fs::perms(0644));
}

std::map<std::string, PluginInfo> by_file(const PluginRegistry& registry) {
  std::map<std::string, PluginInfo> out;
  for (auto& info : registry.list()) out.emplace(info.file, info);
  return out;
}

std::string why(const fs::path& path) {
  return error_of([&] { Image::open(path); }).message();
}

TEST(Scan, RefusesFaultyFilesAndKeepsTheOthers) {
  auto registry = PluginRegistry::scan({plugins("faulty"), {}, {}});
  auto list = by_file(*registry);
  const std::pair<const char*, std::string> refused[] = {
      {"wrong_major.so", "version 7." + std::to_string(CARAVAN_ABI_MINOR) + " of the plugin ABI, this server has " + abi_version(CARAVAN_ABI_MINOR)},
      {"no_symbol.so", "does not export caravan_plugin_v1"},
      {"no_section.so", "no section caravan_manifest"},
      {"wrong_sdk.so", "works with SDK >=3"},
      {"oversized.so", "smaller than it says"},
  };
  for (const auto& [file, reason] : refused) {
    EXPECT_EQ(list[file].state, PluginState::refused) << file;
    EXPECT_NE(list[file].error.find(reason), std::string::npos) << file << ": " << list[file].error;
  }
  EXPECT_EQ(list["good.so"].state, PluginState::enabled) << list["good.so"].error;
  EXPECT_EQ(list["fails.so"].state, PluginState::enabled);  // nothing of it has run
  EXPECT_EQ(std::getenv("CARAVAN_TEST_GOOD"), nullptr);

  FakeStore store;
  registry->load(store.gates());
  EXPECT_EQ(std::getenv("CARAVAN_TEST_WRONG_MAJOR"), nullptr) << "a refused plugin's code ran";
  EXPECT_NE(std::getenv("CARAVAN_TEST_GOOD"), nullptr);
  list = by_file(*registry);
  EXPECT_EQ(list["good.so"].state, PluginState::enabled);
  EXPECT_EQ(list["fails.so"].state, PluginState::refused);
  EXPECT_EQ(list["fails.so"].error, "its function create failed: no licence was found");
  EXPECT_EQ(list["needs_fails.so"].state, PluginState::refused);
  EXPECT_NE(list["needs_fails.so"].error.find("fails >=0, which was refused"), std::string::npos)
      << list["needs_fails.so"].error;
  EXPECT_NE(list["small.so"].error.find("impossible size of 16"), std::string::npos)
      << list["small.so"].error;
  EXPECT_NE(list["missing.so"].error.find("undefined symbol: caravan_test_is_not_there"), std::string::npos) << list["missing.so"].error;
  EXPECT_NE(list["no_destroy.so"].error.find("lacks create or destroy"), std::string::npos)
      << list["no_destroy.so"].error;
  ASSERT_EQ(registry->layers().size(), 1u);
  EXPECT_EQ(registry->layers()[0].name, "plugin good");
}

TEST(Scan, OrdersByDependencyAndNamesWhatDoesNotFit) {
  auto registry = PluginRegistry::scan({plugins("graph"), {}, {}});
  std::vector<std::string> order;
  for (const auto& layer : registry->layers()) order.push_back(layer.name);
  EXPECT_EQ(order, (std::vector<std::string>{"plugin zebra", "plugin mango", "plugin apple"}));
  auto list = by_file(*registry);
  EXPECT_NE(list["too_new.so"].error.find("zebra >=2, but 1.4.0 is installed"), std::string::npos)
      << list["too_new.so"].error;
  EXPECT_NE(list["lonely.so"].error.find("absent >=1, which is not installed"), std::string::npos)
      << list["lonely.so"].error;
  EXPECT_NE(list["needs_lonely.so"].error.find("lonely >=1, which was refused"), std::string::npos);
  for (const char* file : {"ring_a.so", "ring_b.so", "selfish.so"}) {
    EXPECT_EQ(list[file].state, PluginState::refused) << file;
    EXPECT_NE(list[file].error.find("ring_a, ring_b, selfish"), std::string::npos) << list[file].error;
  }
  for (const char* file : {"twin_1.so", "twin_2.so"}) {
    EXPECT_EQ(list[file].state, PluginState::refused) << file;
    EXPECT_NE(list[file].error.find("twin_1.so, twin_2.so"), std::string::npos) << list[file].error;
  }
}

TEST(Scan, TakesTheEnabledOnesOnly) {
  auto registry =
      PluginRegistry::scan({plugins("graph"), std::set<std::string>{"apple", "zebra", "ghost"}, {}});
  std::map<std::string, PluginInfo> list;
  for (auto& info : registry->list()) list.emplace(info.name, info);
  EXPECT_EQ(list["zebra"].state, PluginState::enabled);
  EXPECT_EQ(list["mango"].state, PluginState::disabled);
  EXPECT_EQ(list["apple"].state, PluginState::refused);
  EXPECT_NE(list["apple"].error.find("mango >=0, which is disabled"), std::string::npos)
      << list["apple"].error;
  EXPECT_EQ(list["ghost"].state, PluginState::refused);
  EXPECT_NE(list["ghost"].error.find("no file in"), std::string::npos);
  EXPECT_EQ(registry->layers().size(), 1u);
}

TEST(Scan, NeedsADirectory) {
  EXPECT_EQ(error_of([] {
              PluginRegistry::scan({"/no/such/directory", {}, {}});
            }).code(),
            ErrorCode::invalid_argument);
  Scratch empty;
  EXPECT_TRUE(PluginRegistry::scan({empty.path, {}, {}})->list().empty());
}

TEST(Definitions, AreThereWithoutLoading) {
  auto registry = PluginRegistry::scan({plugins("sound"), std::set<std::string>{"in_c"}, {}});
  const auto layers = registry->layers();
  ASSERT_EQ(layers.size(), 1u);
  ASSERT_EQ(layers[0].files.size(), 1u);
  EXPECT_EQ(layers[0].files[0].name, "in_c.so:definitions/item.yaml");
  EXPECT_EQ(layers[0].files[0].module, "in_c");
  EXPECT_EQ(layers[0].files[0].text, read(fs::path(CARAVAN_SOURCE_DIR) / "tests/abi/plugins/item.yaml"));
  ASSERT_EQ(registry->modules().size(), 1u);
  EXPECT_EQ(registry->modules()[0].name, "in_c");
}

TEST(Image, RefusesWhatIsNoPluginFile) {
  Scratch scratch;
  const auto file = [&](const char* name) { return scratch.path / name; };
  EXPECT_NE(why(file("absent.so")).find("cannot be opened"), std::string::npos);
  write(file("empty.so"), "");
  EXPECT_NE(why(file("empty.so")).find("not an ELF file"), std::string::npos);
  write(file("text.so"), "#!/bin/sh\necho hello\n");
  EXPECT_NE(why(file("text.so")).find("not an ELF file"), std::string::npos);
  write(file("head.so"),
        "\x7F"
        "ELF");
  EXPECT_NE(why(file("head.so")).find("cut off"), std::string::npos);
  EXPECT_NE(why("/proc/self/exe"), "");
  fs::create_directory(file("directory.so"));
  EXPECT_NE(why(file("directory.so")).find("not a regular file"), std::string::npos);
  ASSERT_EQ(::mkfifo(file("pipe.so").c_str(), 0600), 0);
  EXPECT_NE(why(file("pipe.so")).find("not a regular file"), std::string::npos);  // and does not hang

  std::string content = read(plugins("sound") / "in_c.so");
  write(file("open.so"), content);
  fs::permissions(file("open.so"), fs::perms(0666));
  EXPECT_NE(why(file("open.so")).find("everybody"), std::string::npos);
  std::string other = content;
  other[18] = '\x28';  // e_machine: ARM
  other[19] = 0;
  write(file("arm.so"), other);
  EXPECT_NE(why(file("arm.so")).find("another kind of machine"), std::string::npos);
  other = content;
  other[4] = 1;  // 32 bit
  write(file("narrow.so"), other);
  EXPECT_NE(why(file("narrow.so")).find("another kind of machine"), std::string::npos);
  other = content;
  other[16] = 2;  // an executable
  write(file("program.so"), other);
  EXPECT_NE(why(file("program.so")).find("not a shared library"), std::string::npos);
  write(file("large.so"), content);
  fs::resize_file(file("large.so"), (64u << 20) + 1);
  EXPECT_NE(why(file("large.so")).find("larger than 64 MiB"), std::string::npos);
}

TEST(Image, RefusesEveryTruncation) {
  Scratch scratch;
  const std::string content = read(plugins("sound") / "in_c.so");
  const fs::path path = scratch.path / "cut.so";
  for (std::size_t size = 0; size < content.size(); size += 1 + content.size() / 150) {
    write(path, std::string_view(content).substr(0, size));
    EXPECT_NE(why(path), "") << size;
  }
}

TEST(Image, RefusesEveryChangeInItsSection) {
  Scratch scratch;
  const std::string content = read(plugins("sound") / "in_c.so");
  const auto start = content.find("CARAVAN1"), end = content.find("update: true, delete: true}", start);
  ASSERT_NE(start, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const Image sound = Image::open(plugins("sound") / "in_c.so");
  std::size_t refused = 0;
  const fs::path path = scratch.path / "damaged.so";
  std::mt19937 random(20261220);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = content;
    const std::size_t at = i < 120 ? start + static_cast<std::size_t>(i) % 112
                                   : std::uniform_int_distribution<std::size_t>(start, end)(random);
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    write(path, damaged);
    // A definition may come out under another name; another content, never.
    try {
      const Image image = Image::open(path);
      EXPECT_EQ(image.manifest, sound.manifest) << at - start;
      ASSERT_EQ(image.definitions.size(), 1u);
      EXPECT_EQ(image.definitions[0].text, sound.definitions[0].text) << at - start;
    } catch (const Error& error) {
      EXPECT_NE(error.message(), "");
      ++refused;
    }
  }
  EXPECT_GT(refused, 270u);
}

TEST(Image, SurvivesAnyDamage) {
  Scratch scratch;
  const std::string content = read(plugins("sound") / "stripped.so");
  const fs::path path = scratch.path / "damaged.so";
  std::mt19937 random(7);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = content;
    // Headers, section table and the rest in turn; bytes, words and runs.
    const std::size_t table = damaged.size() - 40 * 64;
    for (int k = 0; k < 1 + i % 8; ++k) {
      const std::size_t at = i % 3 == 0   ? random() % 64
                             : i % 3 == 1 ? table + random() % (40 * 64)
                                          : random() % damaged.size();
      const std::size_t run = i % 2 == 0 ? 1 : 8;
      for (std::size_t b = at; b < std::min(at + run, damaged.size()); ++b)
        damaged[b] = static_cast<char>(i % 5 == 0 ? 0xFF : random());
    }
    write(path, damaged);
    auto registry = PluginRegistry::scan({scratch.path, {}, {}});
    ASSERT_EQ(registry->list().size(), 1u);
    if (registry->list()[0].state == PluginState::refused) {
      ++refused;
      EXPECT_NE(registry->list()[0].error, "");
    }
  }
  EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace caravan::plugin

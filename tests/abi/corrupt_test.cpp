// Many ways in which a plugin's file can be wrong: each is refused, with its reason, and the process goes on.
#include <elf.h>
#include <sodium.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "plugin/image.h"
#include "plugin/signature.h"
#include "support.h"

namespace caravan::plugin {
namespace {

namespace fs = std::filesystem;

/// A sound file, and where its parts are.
struct Parts {
  std::string bytes;
  explicit Parts(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  template <class T>
  T& at(std::uint64_t offset) {
    return *reinterpret_cast<T*>(bytes.data() + offset);
  }
  Elf64_Ehdr& head() { return at<Elf64_Ehdr>(0); }
  Elf64_Shdr& section(std::size_t i) { return at<Elf64_Shdr>(head().e_shoff + i * sizeof(Elf64_Shdr)); }
  const char* name_of(const Elf64_Shdr& one) { return bytes.data() + section(head().e_shstrndx).sh_offset + one.sh_name; }
  Elf64_Shdr& section(std::string_view name) {
    for (std::size_t i = 0; i < head().e_shnum; ++i) {
      if (name == name_of(section(i))) return section(i);
    }
    throw Error(ErrorCode::internal, "no section " + std::string(name));
  }
  Elf64_Sym& symbol() {
    const Elf64_Shdr& table = section(".dynsym");
    const Elf64_Shdr& strings = section(".dynstr");
    for (std::uint64_t i = 0; i < table.sh_size / sizeof(Elf64_Sym); ++i) {
      Elf64_Sym& one = at<Elf64_Sym>(table.sh_offset + i * sizeof(Elf64_Sym));
      if (std::strcmp(bytes.data() + strings.sh_offset + one.st_name, "caravan_plugin_v1") == 0) return one;
    }
    throw Error(ErrorCode::internal, "no symbol");
  }
  /// Words of the table caravan_plugin_v1: size, major, minor.
  std::uint32_t& table(std::size_t word) {
    const Elf64_Sym& one = symbol();
    const Elf64_Shdr& home = section(one.st_shndx);
    return at<std::uint32_t>(home.sh_offset + (one.st_value - home.sh_addr) + word * 4);
  }
  /// Words of the section of embedded files: see CaravanEmbed.cmake.
  std::uint64_t embedded() { return section("caravan_manifest").sh_offset; }
  std::uint32_t& word(std::uint64_t offset) { return at<std::uint32_t>(embedded() + offset); }
  char& file_byte(std::size_t file, std::uint64_t byte) { return at<char>(embedded() + word(16 + 48 * file + 8) + byte); }
  char& file_name(std::size_t file, std::uint64_t byte) { return at<char>(embedded() + word(16 + 48 * file) + byte); }
  /// Another text of the same length in an embedded file, with its checksum.
  void rewrite(std::size_t file, std::string_view from, std::string_view to) {
    const std::uint64_t offset = embedded() + word(16 + 48 * file + 8);
    const std::size_t size = word(16 + 48 * file + 12);
    const auto found = bytes.find(from, offset);
    if (from.size() != to.size() || found == std::string::npos || found + from.size() > offset + size) throw Error(ErrorCode::internal, "not in the file");
    bytes.replace(found, to.size(), to);
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(bytes.data() + embedded() + 16 + 48 * file + 16),
                       reinterpret_cast<const unsigned char*>(bytes.data() + offset), size);
  }
};

struct Damage {
  const char* name;
  const char* reason;  ///< part of what the administrator reads
  std::function<void(Parts&)> make;
};

const Damage damages[] = {
    // The file as a whole.
    {"empty", "not an ELF file", [](Parts& p) { p.bytes.clear(); }},
    {"one_byte", "not an ELF file", [](Parts& p) { p.bytes.resize(1); }},
    {"magic_only", "cut off", [](Parts& p) { p.bytes.resize(4); }},
    {"head_cut", "cut off", [](Parts& p) { p.bytes.resize(63); }},
    {"head_only", "it ", [](Parts& p) { p.bytes.resize(64); }},
    {"half", "it ", [](Parts& p) { p.bytes.resize(p.bytes.size() / 2); }},
    {"sections_cut", "it ", [](Parts& p) { p.bytes.resize(p.head().e_shoff + 64); }},
    {"last_byte_cut", "it", [](Parts& p) { p.bytes.resize(p.bytes.size() - 1); }},
    {"script", "not an ELF file", [](Parts& p) { p.bytes = "#!/bin/sh\nexit 0\n"; }},
    {"archive", "not an ELF file", [](Parts& p) { p.bytes = "!<arch>\n" + p.bytes; }},
    {"compressed", "not an ELF file", [](Parts& p) { p.bytes.replace(0, 3, "\x1f\x8b\x08"); }},
    {"windows", "not an ELF file", [](Parts& p) { p.bytes.replace(0, 2, "MZ"); }},
    {"zeros", "not an ELF file", [](Parts& p) { std::fill(p.bytes.begin(), p.bytes.end(), '\0'); }},
    {"shifted", "not an ELF file", [](Parts& p) { p.bytes.insert(0, 1, '\0'); }},
    // Its head.
    {"magic_wrong", "not an ELF file", [](Parts& p) { p.bytes[0] = 'X'; }},
    {"class_32", "another kind of machine", [](Parts& p) { p.bytes[EI_CLASS] = ELFCLASS32; }},
    {"class_none", "another kind of machine", [](Parts& p) { p.bytes[EI_CLASS] = ELFCLASSNONE; }},
    {"big_endian", "another kind of machine", [](Parts& p) { p.bytes[EI_DATA] = ELFDATA2MSB; }},
    {"no_endian", "another kind of machine", [](Parts& p) { p.bytes[EI_DATA] = ELFDATANONE; }},
    {"machine_arm", "another kind of machine", [](Parts& p) { p.head().e_machine = EM_ARM; }},
    {"machine_386", "another kind of machine", [](Parts& p) { p.head().e_machine = EM_386; }},
    {"machine_s390", "another kind of machine", [](Parts& p) { p.head().e_machine = EM_S390; }},
    {"machine_none", "another kind of machine", [](Parts& p) { p.head().e_machine = EM_NONE; }},
    {"executable", "not a shared library", [](Parts& p) { p.head().e_type = ET_EXEC; }},
    {"object", "not a shared library", [](Parts& p) { p.head().e_type = ET_REL; }},
    {"core_dump", "not a shared library", [](Parts& p) { p.head().e_type = ET_CORE; }},
    {"sections_beyond", "it ", [](Parts& p) { p.head().e_shoff = p.bytes.size() + 4096; }},
    {"sections_none", "it ", [](Parts& p) { p.head().e_shnum = 0, p.head().e_shoff = 0; }},
    {"names_beyond", "it ", [](Parts& p) { p.head().e_shstrndx = 60000; }},
    // Its symbol.
    {"symbol_renamed", "does not export caravan_plugin_v1", [](Parts& p) { p.bytes[p.section(".dynstr").sh_offset + p.symbol().st_name] = 'k'; }},
    {"symbol_undefined", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_shndx = SHN_UNDEF; }},
    {"symbol_absolute", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_shndx = SHN_ABS; }},
    {"symbol_function", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC); }},
    {"symbol_local", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT); }},
    {"symbol_small", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_size = 8; }},
    {"symbol_beyond", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_value = std::uint64_t{1} << 40; }},
    {"symbol_wraps", "does not export caravan_plugin_v1", [](Parts& p) { p.symbol().st_value = ~std::uint64_t{0}; }},
    {"symbols_elsewhere", "does not export caravan_plugin_v1", [](Parts& p) { p.section(".dynsym").sh_type = SHT_PROGBITS; }},
    // Its table.
    {"table_larger", "smaller than it says", [](Parts& p) { p.table(0) += 8; }},
    {"table_huge", "smaller than it says", [](Parts& p) { p.table(0) = 0xFFFFFFFF; }},
    {"table_of_16", "impossible size of 16", [](Parts& p) { p.table(0) = 16; }},
    {"table_of_0", "impossible size of 0", [](Parts& p) { p.table(0) = 0; }},
    {"abi_0", "version 0.", [](Parts& p) { p.table(1) = 0; }},
    {"abi_next", "of the plugin ABI, this server has", [](Parts& p) { p.table(1) = CARAVAN_ABI_MAJOR + 1; }},
    {"abi_huge", "of the plugin ABI, this server has", [](Parts& p) { p.table(1) = 0xFFFFFFFF; }},
    // What is embedded.
    {"section_renamed", "no section caravan_manifest", [](Parts& p) { p.bytes[p.bytes.find("caravan_manifest")] = 'k'; }},
    {"section_beyond", "lies outside the file", [](Parts& p) { p.section("caravan_manifest").sh_offset = p.bytes.size(); }},
    {"section_long", "lies outside the file", [](Parts& p) { p.section("caravan_manifest").sh_size = p.bytes.size() * 2; }},
    {"section_wraps", "lies outside the file", [](Parts& p) { p.section("caravan_manifest").sh_size = ~std::uint64_t{0}; }},
    {"section_nobits", "caravan_manifest is empty", [](Parts& p) { p.section("caravan_manifest").sh_type = SHT_NOBITS; }},
    {"section_longer", "its length", [](Parts& p) { p.section("caravan_manifest").sh_size += 8; }},
    {"embedded_magic", "does not begin with CARAVAN1", [](Parts& p) { p.at<char>(p.embedded() + 7) = '2'; }},
    {"embedded_length", "its length", [](Parts& p) { p.word(8) += 1; }},
    {"embedded_none", "its number of files", [](Parts& p) { p.word(12) = 0; }},
    {"embedded_many", "its number of files", [](Parts& p) { p.word(12) = 5000; }},
    {"embedded_more", "damaged", [](Parts& p) { p.word(12) += 1; }},
    {"name_beyond", "lies outside of it", [](Parts& p) { p.word(16) = 0xFFFFFFF0; }},
    {"name_empty", "a file's name", [](Parts& p) { p.word(20) = 0; }},
    {"name_long", "damaged", [](Parts& p) { p.word(20) = 5000; }},
    {"name_binary", "a file's name", [](Parts& p) { p.file_name(0, 0) = '\x01'; }},
    {"name_twice", "a file's name", [](Parts& p) { p.word(16 + 48) = p.word(16), p.word(16 + 48 + 4) = p.word(20); }},
    {"text_beyond", "lies outside of it", [](Parts& p) { p.word(24) = 0xFFFFFFF0; }},
    {"text_long", "lies outside of it", [](Parts& p) { p.word(28) = 0x7FFFFFFF; }},
    {"text_changed", "a file's checksum", [](Parts& p) { p.file_byte(0, 3) ^= 1; }},
    {"checksum_changed", "a file's checksum", [](Parts& p) { p.at<char>(p.embedded() + 40) ^= 1; }},
    {"definition_changed", "a file's checksum", [](Parts& p) { p.file_byte(1, 100) ^= 1; }},
    {"manifest_renamed", "holds no plugin.yaml", [](Parts& p) { p.file_name(0, 0) = 'q'; }},
    // Its manifest, well packed.
    {"manifest_words", "unknown word \"kame\"", [](Parts& p) { p.rewrite(0, "name:", "kame:"); }},
    {"manifest_version", "is not a version", [](Parts& p) { p.rewrite(0, "1.0.0", "1.0.x"); }},
    {"manifest_yaml", "plugin.yaml:", [](Parts& p) { p.rewrite(0, "{en: Test}", "{en: Test["); }},
    {"manifest_sdk", "it works with SDK >=9.0", [](Parts& p) { p.rewrite(0, ">=1.0 <2", ">=9.0 <9"); }},
    // Its signature.
    {"signed_then_changed", "signed, but changed since",
     [](Parts& p) {
       p.bytes = sign(p.bytes, make_keys().secret_key);
       p.bytes[p.bytes.size() / 2] ^= 1;
     }},
    {"signature_cut", "signed, but changed since",
     [](Parts& p) {
       p.bytes = sign(p.bytes, make_keys().secret_key);
       p.bytes.resize(p.bytes.size() - 5);
     }},
};

class Corrupt : public ::testing::TestWithParam<Damage> {};

TEST_P(Corrupt, IsRefusedWithItsReason) {
  Scratch scratch;
  Parts parts(plugins("sound") / "in_c.so");
  GetParam().make(parts);
  const fs::path path = scratch.path / "in_c.so";
  std::ofstream(path, std::ios::binary) << parts.bytes;
  fs::permissions(path, fs::perms(0644));
  auto registry = PluginRegistry::scan({scratch.path, {}, {}});
  ASSERT_EQ(registry->list().size(), 1u);
  if (registry->list()[0].state == PluginState::enabled) {
    FakeStore store;
    registry->load(store.gates());
  }
  const PluginInfo info = registry->list()[0];
  EXPECT_EQ(info.state, PluginState::refused);
  EXPECT_NE(info.error.find(GetParam().reason), std::string::npos) << info.error;
  RecordProperty("reason", info.error);
}

INSTANTIATE_TEST_SUITE_P(Files, Corrupt, ::testing::ValuesIn(damages), [](const auto& one) { return std::string(one.param.name); });

TEST(SoundFile, IsTaken) {
  // The others are refused for what was done to them.
  Host host({plugins("sound"), std::set<std::string>{"in_c"}, {}});
  EXPECT_EQ(host.info("in_c").state, PluginState::enabled) << host.info("in_c").error;
  static_assert(std::size(damages) >= 40);
}

}  // namespace
}  // namespace caravan::plugin

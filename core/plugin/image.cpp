#include "plugin/image.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace caravan::plugin {
namespace {

constexpr std::size_t max_file = 64u << 20;
constexpr std::uint32_t max_embedded = 4096;
constexpr std::string_view symbol_name = "caravan_plugin_v1";
constexpr std::string_view section_name = "caravan_manifest";

#if defined(__x86_64__)
constexpr unsigned machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned machine = EM_AARCH64;
#elif defined(__riscv)
constexpr unsigned machine = EM_RISCV;
#else
#error "add this machine's ELF number"
#endif
static_assert(sizeof(void*) == 8, "plugins are 64-bit");
constexpr unsigned char byte_order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::invalid_argument, why);
}

/// The whole file, so that what is checked cannot change between two reads.
std::vector<char> read_all(int descriptor, std::size_t size) {
  std::vector<char> out(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(descriptor, out.data() + done, size - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) refuse("it cannot be read to its end");
    done += static_cast<std::size_t>(n);
  }
  return out;
}

std::array<unsigned char, crypto_hash_sha256_BYTES> sha256(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> out{};
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return out;
}

std::string hex(const std::array<unsigned char, crypto_hash_sha256_BYTES>& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// A bounded view of the file; every access says whether it lies inside.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::optional<std::string_view> at(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) return std::nullopt;
    return bytes_.substr(offset, length);
  }
  std::optional<std::uint32_t> word(std::uint64_t offset) const {
    const auto bytes = at(offset, 4);
    if (!bytes) return std::nullopt;
    std::uint32_t out = 0;
    std::memcpy(&out, bytes->data(), 4);
    return out;
  }

 private:
  std::string_view bytes_;
};

using ElfHandle = std::unique_ptr<Elf, int (*)(Elf*)>;

bool has_bytes(const GElf_Shdr& header) {
  return header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL;
}

struct Symbol {
  std::uint64_t offset, size;
};

/// Where in the file the exported object lies; nullopt unless the library exports it with content.
std::optional<Symbol> find_symbol(Elf* elf, std::string_view bytes) {
  const Bytes file(bytes);
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const std::size_t count = std::min<std::size_t>(data->d_size / sizeof(Elf64_Sym), 1u << 20);
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (name == nullptr || symbol_name != name) continue;
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE ||
          GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || GELF_ST_BIND(symbol.st_info) == STB_LOCAL ||
          symbol.st_size < 12)
        continue;
      Elf_Scn* home = elf_getscn(elf, symbol.st_shndx);
      GElf_Shdr where;
      if (home == nullptr || gelf_getshdr(home, &where) == nullptr || !has_bytes(where)) continue;
      if (symbol.st_value < where.sh_addr || symbol.st_value - where.sh_addr > where.sh_size) continue;
      const std::uint64_t offset = where.sh_offset + (symbol.st_value - where.sh_addr);
      if (offset < where.sh_offset || !file.at(offset, 12)) continue;
      return Symbol{offset, symbol.st_size};
    }
  }
  return std::nullopt;
}

std::string_view find_section(Elf* elf, std::string_view bytes) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0)
    refuse("it has no table of sections (was it stripped of its section headers?)");
  std::optional<std::string_view> found;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || section_name != name) continue;
    if (found) refuse("it has two sections caravan_manifest");
    if (!has_bytes(header)) refuse("its section caravan_manifest is empty");
    found = Bytes(bytes).at(header.sh_offset, header.sh_size);
    if (!found) refuse("its section caravan_manifest lies outside the file (is the file cut off?)");
  }
  if (!found) refuse("it has no section caravan_manifest: build it with caravan_add_plugin");
  return *found;
}

/// See sdk/cmake/CaravanEmbed.cmake for the layout.
std::vector<Image::File> read_files(std::string_view section) {
  const auto damaged = [](const char* what) {
    refuse(std::string("its section caravan_manifest is damaged: ") + what);
  };
  const Bytes bytes(section);
  if (!section.starts_with("CARAVAN1")) damaged("it does not begin with CARAVAN1");
  const auto size = bytes.word(8), count = bytes.word(12);
  if (!size || *size != section.size()) damaged("its length is not the one it names");
  if (!count || *count == 0 || *count > max_embedded) damaged("its number of files");
  std::vector<Image::File> out;
  std::set<std::string_view> seen;
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < *count; ++i) {
    const std::uint64_t entry = 16 + std::uint64_t{48} * i;
    const auto hash = bytes.at(entry + 16, 32);
    if (!hash) damaged("its index");
    const auto name = bytes.at(*bytes.word(entry), *bytes.word(entry + 4));
    const auto text = bytes.at(*bytes.word(entry + 8), *bytes.word(entry + 12));
    if (!name || !text) damaged("a file lies outside of it");
    // Entries may not overlap into more than the section holds.
    total += text->size();
    if (total > section.size()) damaged("files overlap");
    const bool plain =
        !name->empty() && name->size() <= 200 && std::all_of(name->begin(), name->end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                 c == '.' || c == '/' || c == '-';
        });
    if (!plain || !seen.insert(*name).second) damaged("a file's name");
    const auto actual = sha256(*text);
    if (std::memcmp(actual.data(), hash->data(), actual.size()) != 0) damaged("a file's checksum");
    out.push_back({std::string(*name), std::string(*text)});
  }
  return out;
}

}  // namespace

Image::Image(Image&& other) noexcept {
  *this = std::move(other);
}

Image& Image::operator=(Image&& other) noexcept {
  std::swap(file_name, other.file_name);
  std::swap(hash, other.hash);
  std::swap(signature, other.signature);
  std::swap(manifest, other.manifest);
  std::swap(definitions, other.definitions);
  std::swap(descriptor_, other.descriptor_);
  std::swap(struct_size, other.struct_size);
  std::swap(abi_major, other.abi_major);
  std::swap(abi_minor, other.abi_minor);
  return *this;
}

Image::~Image() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Image Image::open(const std::filesystem::path& path) {
  Image out;
  out.file_name = path.filename().string();
  // O_NONBLOCK: a named pipe must not hang the start.
  out.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (out.descriptor_ < 0) refuse(std::string("it cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  if (::fstat(out.descriptor_, &status) != 0)
    refuse(std::string("it cannot be examined: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse("it is not a regular file");
  if ((status.st_mode & S_IWOTH) != 0) refuse("everybody on the machine may write it: chmod o-w");
  if (status.st_size > static_cast<off_t>(max_file)) refuse("it is larger than 64 MiB");
  std::vector<char> content = read_all(out.descriptor_, static_cast<std::size_t>(status.st_size));
  const std::string_view bytes(content.data(), content.size());
  out.hash = hex(sha256(bytes));
  out.signature = read_signature(bytes);

  if (!bytes.starts_with(ELFMAG)) refuse("it is not an ELF file");
  if (content.size() < sizeof(Elf64_Ehdr)) refuse("it is cut off");
  if (static_cast<unsigned char>(content[EI_CLASS]) != ELFCLASS64 ||
      static_cast<unsigned char>(content[EI_DATA]) != byte_order)
    refuse("it was built for another kind of machine");
  if (elf_version(EV_CURRENT) == EV_NONE) throw Error(ErrorCode::internal, "libelf is older than its header");
  // libelf works on a copy: it may bring words into place, and the views into `bytes` stay as read.
  std::vector<char> working(content);
  const ElfHandle elf(elf_memory(working.data(), working.size()), &elf_end);
  GElf_Ehdr header;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &header) == nullptr)
    refuse("it is not a sound ELF file");
  if (header.e_machine != machine) refuse("it was built for another kind of machine");
  if (header.e_type != ET_DYN) refuse("it is not a shared library");

  const auto symbol = find_symbol(elf.get(), bytes);
  if (!symbol) refuse("it does not export caravan_plugin_v1: is CARAVAN_PLUGIN(Class) missing?");
  const Bytes file(bytes);
  out.struct_size = file.word(symbol->offset).value_or(0);
  out.abi_major = file.word(symbol->offset + 4).value_or(0);
  out.abi_minor = file.word(symbol->offset + 8).value_or(0);

  if (out.struct_size > symbol->size) refuse("its table caravan_plugin_v1 is smaller than it says");

  bool has_manifest = false;
  for (File& embedded : read_files(find_section(elf.get(), bytes))) {
    if (embedded.name == "plugin.yaml") {
      out.manifest = std::move(embedded.text);
      has_manifest = true;
    } else {
      out.definitions.push_back(std::move(embedded));
    }
  }
  if (!has_manifest) refuse("its section caravan_manifest holds no plugin.yaml");
  std::sort(out.definitions.begin(), out.definitions.end(),
            [](const File& a, const File& b) { return a.name < b.name; });
  return out;
}

}  // namespace caravan::plugin

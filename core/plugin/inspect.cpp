#include "plugin/inspect.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace caravan::plugin {
namespace {

constexpr std::string_view symbol_name = "caravan_plugin_v1";

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < 5; ++i) out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > 5) out += " and " + std::to_string(names.size() - 5) + " more";
  return out;
}

void read_symbols(Elf* elf, Elf_Data* data, std::size_t strings, std::size_t count, Inspection& out) {
  for (std::size_t i = 1; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return;
    const char* const name = elf_strptr(elf, strings, symbol.st_name);
    const auto bind = GELF_ST_BIND(symbol.st_info);
    const auto visibility = GELF_ST_VISIBILITY(symbol.st_other);
    if (name == nullptr || *name == '\0' || symbol.st_shndx == SHN_UNDEF || bind == STB_LOCAL || GELF_ST_TYPE(symbol.st_info) == STT_SECTION ||
        visibility == STV_HIDDEN || visibility == STV_INTERNAL)
      continue;
    out.exported.emplace_back(name);
    if (bind == STB_GNU_UNIQUE) out.unique.emplace_back(name);
  }
}

void read_dynamic(Elf* elf, Elf_Data* data, std::size_t strings, std::size_t count, Inspection& out) {
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Dyn entry;
    if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag == DT_NULL) return;
    switch (entry.d_tag) {
      case DT_NEEDED:
        if (const char* name = elf_strptr(elf, strings, entry.d_un.d_val)) out.needed.emplace_back(name);
        break;
      case DT_FLAGS_1:
        out.no_delete = out.no_delete || (entry.d_un.d_val & DF_1_NODELETE) != 0;
        out.bind_now = out.bind_now || (entry.d_un.d_val & DF_1_NOW) != 0;
        break;
      case DT_FLAGS:
        out.bind_now = out.bind_now || (entry.d_un.d_val & DF_BIND_NOW) != 0;
        out.text_relocations = out.text_relocations || (entry.d_un.d_val & DF_TEXTREL) != 0;
        break;
      case DT_TEXTREL:
        out.text_relocations = true;
        break;
      case DT_RPATH:
      case DT_RUNPATH:
        out.search_path = true;
        break;
      default:
        break;
    }
  }
}

}  // namespace

Inspection inspect(std::string_view bytes) {
  if (elf_version(EV_CURRENT) == EV_NONE) throw Error(ErrorCode::internal, "libelf is older than its header");
  std::vector<char> working(bytes.begin(), bytes.end());
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_memory(working.data(), working.size()), &elf_end);
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) throw Error(ErrorCode::invalid_argument, "it is not a sound ELF file");
  Inspection out;
  bool dynamic = false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_DYNAMIC)) continue;
    Elf_Data* const data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    if (header.sh_type == SHT_DYNSYM) {
      read_symbols(elf.get(), data, header.sh_link, data->d_size / sizeof(Elf64_Sym), out);
    } else {
      dynamic = true;
      read_dynamic(elf.get(), data, header.sh_link, data->d_size / sizeof(Elf64_Dyn), out);
    }
  }
  if (!dynamic) throw Error(ErrorCode::invalid_argument, "it has no dynamic section");
  std::size_t headers = 0;
  if (elf_getphdrnum(elf.get(), &headers) == 0) {
    for (std::size_t i = 0; i < headers; ++i) {
      GElf_Phdr header;
      if (gelf_getphdr(elf.get(), static_cast<int>(i), &header) == nullptr) break;
      if (header.p_type == PT_GNU_STACK && (header.p_flags & PF_X) != 0) out.executable_stack = true;
      if (header.p_type == PT_GNU_RELRO) out.relro = true;
    }
  }
  std::sort(out.exported.begin(), out.exported.end());
  return out;
}

LinkMistakes judge(const Inspection& inspection) {
  LinkMistakes out;
  std::vector<std::string> others = inspection.exported;
  std::erase(others, symbol_name);
  if (!others.empty())
    out.errors.push_back("it exports " + joined(others) + " beside caravan_plugin_v1: link with the version script caravan_plugin.map, as caravan_add_plugin does");
  if (!inspection.unique.empty())
    out.errors.push_back("it exports symbols that are shared between plugins (" + joined(inspection.unique) + "): compile with -fno-gnu-unique");
  if (inspection.text_relocations) out.errors.emplace_back("its code is changed while it is loaded: compile with -fPIC");
  if (inspection.executable_stack) out.errors.emplace_back("it asks for an executable stack: assembler files need a .note.GNU-stack section");
  if (inspection.search_path) out.warnings.emplace_back("it looks for libraries in a place of its own (rpath): on the server there may be others, or none");
  if (!inspection.no_delete) out.warnings.emplace_back("it is not linked with -z nodelete");
  if (!inspection.bind_now) out.warnings.emplace_back("it is not linked with -z now: a missing function would be noticed late");
  static constexpr std::string_view usual[] = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2",
                                               "librt.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"};
  std::vector<std::string> more;
  for (const std::string& name : inspection.needed) {
    if (std::find(std::begin(usual), std::end(usual), name) == std::end(usual)) more.push_back(name);
  }
  if (!more.empty()) out.warnings.push_back("the server's machine must have " + joined(more));
  return out;
}

}  // namespace caravan::plugin

// What a partner needs to make a plugin: new, verify, keygen, sign, pack. None of it runs anything of a plugin.
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "app/command_line.h"
#include "app/plugin_template.h"
#include "app/runtime.h"
#include "caravan/abi.h"
#include "plugin/image.h"
#include "plugin/inspect.h"
#include "plugin/pack.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
  return text;
}

/// `travel_insurance` → `Travel insurance` or `TravelInsurance`.
std::string spelled(std::string_view name, bool as_class) {
  std::string out;
  bool start = true;
  for (const char c : name) {
    if (c == '_') {
      start = as_class;
      if (!as_class) out += ' ';
      continue;
    }
    out += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    start = false;
  }
  return out;
}

void write_whole(const fs::path& path, std::string_view content, mode_t mode = 0644) {
  const fs::path next = path.string() + ".new";
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  bool ok = file >= 0;
  for (std::size_t done = 0; ok && done < content.size();) {
    const ssize_t n = ::write(file, content.data() + done, content.size() - done);
    if (n <= 0) ok = false;
    else done += static_cast<std::size_t>(n);
  }
  if (file >= 0) ok = ::close(file) == 0 && ok;
  std::error_code error;
  if (ok) fs::rename(next, path, error);
  if (ok && !error) return;
  fs::remove(next, error);
  throw Error(ErrorCode::unavailable, path.string() + " cannot be written");
}

int make_new(const std::string& name, bool in_c, const std::string& directory) {
  const bool plain = !name.empty() && name.size() <= 32 && name[0] >= 'a' && name[0] <= 'z' && name != "core" &&
                     std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  if (!plain) {
    std::fprintf(stderr, "\"%s\" cannot name a plugin: use a-z, 0-9 and _, at most 32, not \"core\".\n", name.c_str());
    return 2;
  }
  const fs::path home = fs::path(directory) / name;
  if (fs::exists(home)) {
    std::fprintf(stderr, "%s is there already; it is left as it is.\n", home.c_str());
    return 1;
  }
  const std::string sdk = CARAVAN_ABI_MAJOR == 0 ? ">=0." + std::to_string(CARAVAN_ABI_MINOR) + " <1"
                                                 : ">=" + std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(CARAVAN_ABI_MINOR) + " <" + std::to_string(CARAVAN_ABI_MAJOR + 1);
  const auto filled = [&](std::string_view text) {
    std::string out = replaced(std::string(text), "@NAME@", name);
    out = replaced(std::move(out), "@Class@", spelled(name, true));
    out = replaced(std::move(out), "@Label@", spelled(name, false));
    out = replaced(std::move(out), "@EXT@", in_c ? "c" : "cpp");
    return replaced(std::move(out), "@SDK@", sdk);
  };
  const std::string_view language = in_c ? "c/" : "cpp/";
  for (const TemplateFile& file : plugin_template()) {
    if (!file.name.starts_with(language) && !file.name.starts_with("common/")) continue;
    const fs::path path = home / filled(file.name.substr(file.name.find('/') + 1));
    fs::create_directories(path.parent_path());
    write_whole(path, filled(file.text));
    std::printf("%s\n", path.c_str());
  }
  std::printf("\nNext, in %s:\n  cmake -B build -DCMAKE_PREFIX_PATH=WHERE-THE-SDK-IS\n  cmake --build build\n  ctest --test-dir build\n  caravan plugin verify build/plugins/%s.so\n",
              home.c_str(), name.c_str());
  return 0;
}

/// Lines `ok`, `warning` and `MISTAKE`.
class Report {
 public:
  void ok(const std::string& what) { std::printf("ok       %s\n", what.c_str()); }
  void warn(const std::string& what) { std::printf("warning  %s\n", what.c_str()); }
  void wrong(const std::string& what) {
    ++mistakes_;
    std::printf("MISTAKE  %s\n", what.c_str());
  }
  /// Its lines to where they belong.
  void wrong_lines(const std::string& subject, const std::string& lines) {
    for (std::size_t at = 0; at <= lines.size();) {
      const auto end = std::min(lines.find('\n', at), lines.size());
      wrong(subject + ": " + lines.substr(at, end - at));
      at = end + 1;
    }
  }
  int code() const {
    if (mistakes_ > 0) std::printf("%d mistake%s\n", mistakes_, mistakes_ == 1 ? "" : "s");
    return mistakes_ == 0 ? 0 : 1;
  }

 private:
  int mistakes_ = 0;
};

/// The file's definitions over those of the plugins that it needs, as a server would load them.
void check_definitions(Report& report, const Settings& settings, const plugin::Manifest& manifest, model::SourceLayer own, bool pack) {
  std::unique_ptr<plugin::PluginRegistry> others;
  if (fs::is_directory(settings.plugins)) {
    plugin::RegistryOptions options;
    options.directory = settings.plugins;
    others = plugin::PluginRegistry::scan(std::move(options));
  }
  plugin::Selection used;
  if (others) used = others->enabled();
  const auto infos = others ? others->list() : std::vector<plugin::PluginInfo>();
  bool complete = true;
  for (const auto& [name, range] : manifest.dependencies) {
    const auto found = std::find_if(infos.begin(), infos.end(), [&, wanted = name](const plugin::PluginInfo& info) {
      return info.name == wanted && info.state == plugin::PluginState::enabled;
    });
    if (found == infos.end()) {
      complete = false;
      report.wrong("dependencies: it needs the plugin " + name + " " + range.text() + ", which is not in " + settings.plugins.string() + ": name the folder that has it with --plugins");
    } else if (const auto version = plugin::parse_version(found->version); !version || !range.contains(*version)) {
      report.wrong("dependencies: it needs the plugin " + name + " " + range.text() + ", but " + found->version + " is in " + settings.plugins.string());
    } else {
      report.ok("dependencies: " + name + " " + found->version);
    }
  }
  if (!complete) return;
  std::vector<model::SourceLayer> layers{model::core_layer()};
  std::vector<model::Module> modules;
  if (others) {
    const std::string itself = "plugin " + manifest.name;
    for (auto& layer : plugin::PluginRegistry::layers(used)) {
      if (layer.name != itself) layers.push_back(std::move(layer));
    }
    for (auto& module : plugin::PluginRegistry::modules(used)) {
      if (module.name != manifest.name) modules.push_back(std::move(module));
    }
  }
  if (!pack) modules.push_back({manifest.name, manifest.label, manifest.icon, manifest.order});
  std::vector<std::string> files;
  for (const auto& file : own.files) files.push_back(file.name);
  layers.push_back(std::move(own));
  const model::LoadResult loaded = model::load_catalog(layers, modules);
  int mistakes = 0;
  for (const auto& diagnostic : loaded.diagnostics) {
    const bool error = diagnostic.severity == model::Diagnostic::Severity::error;
    const bool here = std::find(files.begin(), files.end(), diagnostic.at.file) != files.end();
    if (!error && !here) continue;
    if (error) ++mistakes, report.wrong("definitions: " + model::to_string(diagnostic));
    else report.warn("definitions: " + model::to_string(diagnostic));
  }
  if (mistakes == 0) report.ok("definitions: " + std::to_string(files.size()) + " files, sound as a whole");
}

void report_trust(Report& report, const plugin::Signature& signature, const Settings& settings) {
  const plugin::Trust trust = plugin::judge(signature, settings.trusted_keys);
  if (trust.allowed(settings.require_signature)) report.ok("signature: " + trust.sentence());
  else report.wrong("signature: it is " + trust.sentence());
}

void verify_library(Report& report, const fs::path& path, const Settings& settings) {
  std::optional<plugin::Image> image;
  try {
    image.emplace(plugin::Image::open(path));
  } catch (const Error& error) {
    report.wrong_lines("file", error.message());
    return;
  }
  report.ok("file: " + image->file_name + ", SHA-256 " + image->hash);
  const plugin::LinkMistakes linking = plugin::judge(plugin::inspect(read_file(path)));
  for (const auto& mistake : linking.errors) report.wrong("symbols: " + mistake);
  for (const auto& mistake : linking.warnings) report.warn("symbols: " + mistake);
  if (linking.errors.empty()) report.ok("symbols: caravan_plugin_v1 and no other is exported");
  const std::string abi = std::to_string(image->abi_major) + "." + std::to_string(image->abi_minor);
  if (image->abi_major != CARAVAN_ABI_MAJOR)
    report.wrong("ABI: it was built for " + abi + ", this server has " + std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(CARAVAN_ABI_MINOR));
  else if (image->abi_minor > CARAVAN_ABI_MINOR)
    report.warn("ABI: it was built for " + abi + ", newer than this server's " + std::to_string(CARAVAN_ABI_MAJOR) + "." + std::to_string(CARAVAN_ABI_MINOR));
  else
    report.ok("ABI: " + abi);
  plugin::Manifest manifest;
  try {
    manifest = plugin::parse_manifest(image->manifest, image->file_name + ":plugin.yaml");
    report.ok("manifest: " + manifest.name + " " + plugin::to_string(manifest.version) + ", edition " + std::to_string(manifest.edition));
  } catch (const Error& error) {
    report.wrong_lines("manifest", error.message());
    return;
  }
  if (image->file_name != manifest.name + ".so") report.warn("manifest: the file is called " + image->file_name + ", the plugin " + manifest.name);
  if (const plugin::Version sdk{CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, {}}; !manifest.sdk.contains(sdk))
    report.wrong("manifest: it works with SDK " + manifest.sdk.text() + ", this server has " + plugin::to_string(sdk));
  model::SourceLayer own{"plugin " + manifest.name, {}};
  for (const auto& file : image->definitions) own.files.push_back({image->file_name + ":" + file.name, file.text, manifest.name, manifest.edition});
  check_definitions(report, settings, manifest, std::move(own), false);
  report_trust(report, image->signature, settings);
}

void verify_pack(Report& report, const std::string& name, std::string_view bytes, const Settings& settings) {
  try {
    const plugin::Pack pack = plugin::read_pack(bytes, name);
    report.ok("file: " + name + ", SHA-256 " + pack.hash);
    report.ok("manifest: " + pack.manifest.name + " " + plugin::to_string(pack.manifest.version) + ", edition " + std::to_string(pack.manifest.edition));
    if (const auto wanted = plugin::pack_file_name(pack.manifest); wanted != name) report.warn("manifest: the file is called " + name + ", not " + wanted);
    check_definitions(report, settings, pack.manifest, {"pack " + pack.manifest.name, {{name, pack.definitions, "", pack.manifest.edition}}}, true);
    report_trust(report, pack.signature, settings);
  } catch (const Error& error) {
    report.wrong_lines("manifest", error.message());
  }
}

int verify(const Overrides& overrides, const std::string& file) {
  const Settings settings = settings_or_exit(overrides);
  Report report;
  const fs::path path(file);
  if (path.filename().string().ends_with(".yaml")) verify_pack(report, path.filename().string(), read_file(path), settings);
  else verify_library(report, path, settings);
  return report.code();
}

int keygen(const std::string& name) {
  const fs::path path = name + ".key";
  const plugin::KeyPair keys = plugin::make_keys();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::string text = keys.secret_key + "\n";
  if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    if (file >= 0) ::close(file);
    std::fprintf(stderr, "%s cannot be made; a key that is there is not overwritten.\n", path.c_str());
    return 1;
  }
  ::close(file);
  std::printf("%s holds the secret key: who has it signs in your name. The public key, for caravan.yaml of those who trust you:\n\n"
              "plugins:\n  trusted_keys:\n    %s: %s\n",
              path.c_str(), fs::path(name).filename().c_str(), keys.public_key.c_str());
  return 0;
}

int sign_file(const std::string& file, const std::string& key_file) {
  std::string key = read_file(key_file);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) throw Error(ErrorCode::invalid_argument, file + " cannot be read");
  const std::string content = plugin::sign(read_file(file), key);
  write_whole(file, content, status.st_mode & 07777);
  std::printf("%s is signed with the key %s.\n", file.c_str(), plugin::read_signature(content).key.c_str());
  return 0;
}

int pack(const Overrides& overrides, const std::string& directory, const std::string& output) {
  const fs::path home(directory), manifest_path = home / "pack.yaml";
  if (!fs::is_regular_file(manifest_path)) {
    std::fprintf(stderr, "%s is not there: a pack's folder has a pack.yaml (kind: pack, name, version, label) and definitions/*.yaml.\n", manifest_path.c_str());
    return 1;
  }
  std::vector<fs::path> paths;
  const fs::path definitions = fs::is_directory(home / "definitions") ? home / "definitions" : home;
  for (const auto& entry : fs::directory_iterator(definitions)) {
    if (entry.path().extension() == ".yaml" && entry.path().filename() != "pack.yaml" && !entry.path().string().ends_with(".pack.yaml")) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& path : paths) files.emplace_back(path.filename().string(), read_file(path));
  const std::string text = plugin::make_pack(read_file(manifest_path), manifest_path.string(), files);
  const std::string name = plugin::pack_file_name(plugin::read_pack(text, manifest_path.string()).manifest);
  Report report;
  verify_pack(report, name, text, settings_or_exit(overrides));
  if (const int code = report.code(); code != 0) return code;
  const fs::path target = fs::path(output) / name;
  write_whole(target, text);
  std::printf("%s\n", target.c_str());
  return 0;
}

}  // namespace

void add_plugin_dev_commands(CommandLine& line, CLI::App& plugins) {
  struct Given {
    std::string name, directory = ".", file, key;
    bool c = false;
  };
  const auto given = std::make_shared<Given>();
  const auto guarded = [&line](auto work) {
    return [&line, work] {
      try {
        line.code = work();
      } catch (const Error& error) {
        print_error(error);
        line.code = 1;
      }
    };
  };
  auto* making = plugins.add_subcommand("new", "Write a plugin that builds and passes its tests, to begin with");
  making->add_option("name", given->name, "a-z, 0-9 and _; first word of its entities and routes")->required();
  making->add_flag("--c", given->c, "In plain C");
  making->add_option("--directory", given->directory, "Where its folder is made");
  making->callback(guarded([given] { return make_new(given->name, given->c, given->directory); }));

  auto* verifying = plugins.add_subcommand("verify", "Check a plugin's or pack's file without running anything of it");
  verifying->add_option("file", given->file, "NAME.so or NAME-VERSION.pack.yaml")->required();
  line.place(verifying, false);
  verifying->callback(guarded([&line, given] { return verify(line.overrides, given->file); }));

  auto* keys = plugins.add_subcommand("keygen", "Make a key to sign plugins and packs with");
  keys->add_option("name", given->name, "Whose key; NAME.key is written")->required();
  keys->callback(guarded([given] { return keygen(given->name); }));

  auto* signing = plugins.add_subcommand("sign", "Sign a plugin's or pack's file");
  signing->add_option("file", given->file, "NAME.so or NAME-VERSION.pack.yaml")->required();
  signing->add_option("--key", given->key, "File of the secret key, of `keygen`")->required();
  signing->callback(guarded([given] { return sign_file(given->file, given->key); }));

  auto* packing = plugins.add_subcommand("pack", "Make one file of a folder with pack.yaml and definitions");
  packing->add_option("folder", given->file, "The folder")->required();
  packing->add_option("--output", given->directory, "Where the file is written");
  line.place(packing, false);
  packing->callback(guarded([&line, given] { return pack(line.overrides, given->file, given->directory); }));
}

}  // namespace caravan::app

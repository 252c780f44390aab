#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "base/error.h"
#include "records/backup.h"
#include "records/json.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

int backup(const Overrides& overrides, const std::string& folder) {
  const Settings settings = settings_or_exit(overrides);
  std::string body;
  api::JsonWriter(body).begin_object().member("folder", fs::absolute(folder).lexically_normal().string()).end_object();
  Channel channel(settings, true);
  const auto made = ok_or_exit(channel.send("POST", "/local/backup", "application/json", body));
  std::cout << json_text(made, "tables") << " tables with " << json_text(made, "rows") << " rows and " << json_text(made, "files") << " files are in " << folder << ".\n";
  if (const std::string keys = json_text(made, "keys"); !keys.empty()) {
    std::cout << "Sealed values need the keys " << keys << " of " << settings.keys_file.string() << ", which are not in the backup: keep them elsewhere.\n";
  }
  return 0;
}

int restore(const Overrides& overrides, const std::string& folder, bool verify, bool overwrite) {
  const Settings settings = settings_or_exit(overrides);
  if (Channel(settings).served()) throw Error(ErrorCode::conflict, "A server runs on " + settings.data.string() + "; stop it first.");
  records::RestoreOptions options;
  options.database_url = settings.database_url;
  options.files = settings.data / "files";
  options.verify = verify;
  options.overwrite = overwrite;
  fs::create_directories(settings.data);
  const records::RestoreResult result = records::restore_backup(folder, options);
  std::int64_t rows = 0;
  for (const auto& table : result.manifest.tables) rows += table.rows;
  std::cout << result.manifest.tables.size() << " tables with " << rows << " rows and " << result.manifest.files.size() << " files of " << result.manifest.created_at
            << " are back.\n";
  for (const auto& difference : result.differences) std::cerr << difference << '\n';
  if (verify && result.differences.empty()) std::cout << "Every table and file has the checksum of the backup.\n";
  if (!result.manifest.keys.empty()) {
    std::cout << "Sealed values need the keys";
    for (const auto& key : result.manifest.keys) std::cout << ' ' << key;
    std::cout << " in " << settings.keys_file.string() << (fs::exists(settings.keys_file) ? ".\n" : ", which is not there.\n");
  }
  return result.differences.empty() ? 0 : 1;
}

}  // namespace

void add_backup_commands(CommandLine& line) {
  struct Given {
    std::string folder;
    bool verify = false, overwrite = false;
  };
  const auto given = std::make_shared<Given>();
  auto* saving = line.app.add_subcommand("backup", "Back up database and files while the server runs");
  line.place(saving);
  saving->add_option("folder", given->folder, "Folder that is made, or is empty")->required();
  saving->callback([&line, given] { line.code = backup(line.overrides, given->folder); });
  auto* restoring = line.app.add_subcommand("restore", "Bring a backup into an empty database");
  line.place(restoring);
  restoring->add_option("folder", given->folder, "Folder of the backup")->required()->check(CLI::ExistingDirectory);
  restoring->add_flag("--verify", given->verify, "Read everything again and compare it with the checksums of the backup");
  restoring->add_flag("--overwrite", given->overwrite, "Lose what is there");
  restoring->callback([&line, given] { line.code = restore(line.overrides, given->folder, given->verify, given->overwrite); });
}

}  // namespace caravan::app

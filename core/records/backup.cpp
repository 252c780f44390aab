#include "records/backup.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>

#include "base/error.h"
#include "records/json.h"
#include "storage/query.h"
#include "storage/table_copy.h"

namespace caravan::records {
namespace {

namespace fs = std::filesystem;
using storage::RawRow;
using storage::TableReader;

constexpr int format_version = 1;
constexpr const char* manifest_name = "manifest.json";
constexpr const char* sqlite_name = "database.sqlite";

[[noreturn]] void bad(std::string text) { throw Error(ErrorCode::invalid_argument, std::move(text)); }

/// SHA-256 of rows: each cell with its length, so that no two tables say the same.
class RowHash {
 public:
  RowHash() { crypto_hash_sha256_init(&state_); }
  void add(const RawRow& row) {
    for (const auto& cell : row) {
      const std::string head = cell ? "+" + std::to_string(cell->size()) + ":" : std::string("-");
      update(head);
      if (cell) update(*cell);
    }
    update("\n");
    ++rows_;
  }
  BackupTable end(std::string name) {
    unsigned char out[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, out);
    std::string text(sizeof out * 2 + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), out, sizeof out);
    text.pop_back();
    return {std::move(name), rows_, std::move(text)};
  }

 private:
  void update(std::string_view bytes) { crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()); }
  crypto_hash_sha256_state state_;
  std::int64_t rows_ = 0;
};

/// Rows of a table in a file: per cell its length plus one as a variable number (0: NULL), then its bytes.
class RowFile {
 public:
  explicit RowFile(const fs::path& path) : out_(path, std::ios::binary | std::ios::trunc) { buffer_.reserve(1 << 20); }
  void add(const RawRow& row) {
    for (const auto& cell : row) {
      number(cell ? cell->size() + 1 : 0);
      if (cell) buffer_ += *cell;
    }
    if (buffer_.size() > (1 << 20)) flush();
  }
  void end(const fs::path& path) {
    flush();
    out_.close();
    if (!out_) throw Error(ErrorCode::unavailable, "The backup cannot be written to " + path.string() + ".");
  }

 private:
  void number(std::uint64_t n) {
    for (; n >= 128; n >>= 7) buffer_ += static_cast<char>((n & 127) | 128);
    buffer_ += static_cast<char>(n);
  }
  void flush() {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
  }
  std::ofstream out_;
  std::string buffer_;
};

void read_rows(const fs::path& path, std::size_t columns, const std::function<void(const RawRow&)>& each) {
  std::ifstream in(path, std::ios::binary);
  if (!in) bad("The backup lacks " + path.string() + ".");
  const auto broken = [&] { bad("The file " + path.string() + " of the backup is broken."); };
  std::vector<std::string> cells(columns);
  RawRow row(columns);
  auto& buffer = *in.rdbuf();
  while (buffer.sgetc() != std::char_traits<char>::eof()) {
    for (std::size_t i = 0; i < columns; ++i) {
      std::uint64_t size = 0;
      for (int shift = 0;; shift += 7) {
        const int byte = buffer.sbumpc();
        if (byte == std::char_traits<char>::eof() || shift > 42) broken();
        size |= static_cast<std::uint64_t>(byte & 127) << shift;
        if ((byte & 128) == 0) break;
      }
      if (size == 0) {
        row[i].reset();
        continue;
      }
      cells[i].resize(size - 1);
      if (buffer.sgetn(cells[i].data(), static_cast<std::streamsize>(size - 1)) != static_cast<std::streamsize>(size - 1)) broken();
      row[i] = cells[i];
    }
    each(row);
  }
}

void sync_folder(const fs::path& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::syncfs(folder);
  ::close(folder);
}

BackupTable sum_of(TableReader& reader, const std::string& table, RowFile* file = nullptr) {
  RowHash hash;
  reader.read(table, [&](const RawRow& row) {
    hash.add(row);
    if (file != nullptr) file->add(row);
  });
  return hash.end(table);
}

/// Where in the tables' columns something stands.
std::size_t place_of(TableReader& reader, const std::string& table, std::string_view column) {
  const auto names = reader.columns(table);
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), column) - names.begin());
}

std::string write_manifest(const BackupManifest& manifest, const std::map<std::string, std::pair<std::string, std::vector<std::string>>>& shapes) {
  std::string out = "{\"format\":" + std::to_string(format_version) + ",\n\"dialect\":";
  const auto text = [&](std::string_view value) { write_json_string(out, value); };
  text(manifest.dialect);
  out += ",\n\"program\":";
  text(manifest.program);
  out += ",\n\"created_at\":";
  text(manifest.created_at);
  out += ",\n\"keys\":[";
  for (std::size_t i = 0; i < manifest.keys.size(); ++i) {
    if (i) out += ",";
    text(manifest.keys[i]);
  }
  out += "],\n\"tables\":[";
  for (std::size_t i = 0; i < manifest.tables.size(); ++i) {
    const BackupTable& table = manifest.tables[i];
    out += i ? ",\n{\"name\":" : "\n{\"name\":";
    text(table.name);
    out += ",\"rows\":" + std::to_string(table.rows) + ",\"sha256\":";
    text(table.sha256);
    if (const auto shape = shapes.find(table.name); shape != shapes.end()) {
      out += ",\"sql\":";
      text(shape->second.first);
      out += ",\"columns\":[";
      for (std::size_t c = 0; c < shape->second.second.size(); ++c) {
        if (c) out += ",";
        text(shape->second.second[c]);
      }
      out += "]";
    }
    out += "}";
  }
  out += "],\n\"files\":[";
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    out += i ? ",\n{\"name\":" : "\n{\"name\":";
    text(manifest.files[i].name);
    out += ",\"size\":" + std::to_string(manifest.files[i].size) + ",\"sha256\":";
    text(manifest.files[i].sha256);
    out += "}";
  }
  return out + "]}\n";
}

struct Loaded {
  BackupManifest manifest;
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> shapes;
};

Loaded load(const fs::path& folder) {
  std::ifstream in(folder / manifest_name, std::ios::binary);
  if (!in) bad(folder.string() + " is no backup: it has no " + manifest_name + ", which is written last.");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const Json json = parse_json(text);
  const auto member = [](const Json& of, const char* name) {
    const Json* found = of.find(name);
    if (found == nullptr) bad(std::string("The manifest of the backup lacks ") + name + ".");
    return *found;
  };
  const auto words = [&](const Json& of, const char* name) {
    const Json value = member(of, name);
    if (const auto* found = value.as<std::string>()) return *found;
    if (const auto* number = value.as<Json::Number>()) return number->text;
    bad(std::string("The manifest of the backup has no text ") + name + ".");
  };
  const auto each = [&](const Json& of, const char* name, const auto& use) {
    const Json list = member(of, name);
    if (const auto* array = list.as<Json::Array>()) {
      for (const Json& one : *array) use(one);
    }
  };
  if (words(json, "format") != std::to_string(format_version)) bad("The backup was made by a newer version; restore it with that one.");
  Loaded loaded;
  loaded.manifest.dialect = words(json, "dialect");
  loaded.manifest.program = words(json, "program");
  loaded.manifest.created_at = words(json, "created_at");
  each(json, "keys", [&](const Json& one) {
    if (const auto* id = one.as<std::string>()) loaded.manifest.keys.push_back(*id);
  });
  each(json, "tables", [&](const Json& one) {
    const std::string name = words(one, "name");
    if (name.empty() || name.find_first_of("/\\\0") != std::string::npos || name.front() == '.') bad("The manifest of the backup names no table.");
    loaded.manifest.tables.push_back({name, std::stoll(words(one, "rows")), words(one, "sha256")});
    if (one.find("sql") == nullptr) return;
    auto& shape = loaded.shapes[name];
    shape.first = words(one, "sql");
    each(one, "columns", [&](const Json& column) {
      if (const auto* text_of = column.as<std::string>()) shape.second.push_back(*text_of);
    });
  });
  each(json, "files", [&](const Json& one) { loaded.manifest.files.push_back({words(one, "name"), words(one, "sha256"), std::stoull(words(one, "size"))}); });
  return loaded;
}

/// What differs between a table and what the manifest says of it; "" where nothing does.
std::string difference(const BackupTable& said, const BackupTable& found) {
  if (found.rows != said.rows) return "the table " + said.name + " has " + std::to_string(found.rows) + " rows, not " + std::to_string(said.rows);
  return found.sha256 != said.sha256 ? "the table " + said.name + " has another checksum" : "";
}

void compare_tables(TableReader& reader, const std::vector<BackupTable>& tables, std::vector<std::string>& differences) {
  const auto there = reader.tables();
  for (const BackupTable& table : tables) {
    if (std::find(there.begin(), there.end(), table.name) == there.end()) differences.push_back("the table " + table.name + " is not there");
    else if (auto differs = difference(table, sum_of(reader, table.name)); !differs.empty()) differences.push_back(std::move(differs));
  }
}

void compare_files(const FileStore& store, const std::vector<FileStore::Stored>& files, std::vector<std::string>& differences) {
  for (const auto& file : files) {
    try {
      if (sha256_of(store.open(file.name)->bytes()) != file.sha256) differences.push_back("the file " + file.name + " has another checksum");
    } catch (const Error&) {
      differences.push_back("the file " + file.name + " is not there");
    }
  }
}

void refuse_damaged(const fs::path& folder, const std::vector<std::string>& differences) {
  if (differences.empty()) return;
  constexpr std::size_t told = 20;
  std::string text = "The backup " + folder.string() + " is damaged, so nothing was changed:";
  for (std::size_t i = 0; i < std::min(told, differences.size()); ++i) text += (i ? "; " : " ") + differences[i];
  bad(text + (differences.size() > told ? "; and more." : "."));
}

}  // namespace

BackupManifest make_backup(storage::Database& database, const FileStore& files, const fs::path& folder, const std::string& program, const std::string& now) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) bad("The folder " + folder.string() + " cannot be made: " + error.message() + ".");
  if (!fs::is_empty(folder, error)) bad("The folder " + folder.string() + " is not empty.");
  fs::permissions(folder, fs::perms::owner_all, error);
  BackupManifest manifest;
  manifest.program = program;
  manifest.created_at = now;
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> shapes;
  std::unique_ptr<TableReader> reader;
  const bool sqlite = database.dialect() == storage::Dialect::sqlite;
  manifest.dialect = sqlite ? "sqlite" : "mysql";
  if (sqlite) {
    storage::copy_sqlite(database, (folder / sqlite_name).string());
    reader = TableReader::open_sqlite((folder / sqlite_name).string());
  } else {
    reader = TableReader::open(database);
    fs::create_directories(folder / "tables");
  }
  // The files first: what the snapshot speaks of is there now.
  const auto tables = reader->tables();
  std::vector<std::pair<std::string, std::string>> names;
  const auto collect = [&](const std::string& table, const char* name_column, const char* hash_column) {
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) return;
    const std::size_t name = place_of(*reader, table, name_column), hash = hash_column ? place_of(*reader, table, hash_column) : 0;
    reader->read(table, [&](const RawRow& row) {
      if (row[name]) names.emplace_back(*row[name], hash_column && row[hash] ? std::string(*row[hash]) : std::string());
    });
  };
  collect("stored_file", "name", "sha256");
  collect("import_run", "file", nullptr);
  std::unique_ptr<FileStore> copies;
  for (const auto& [name, sha256] : names) {
    if (!copies) copies = std::make_unique<FileStore>(folder / "files");
    std::unique_ptr<OpenFile> file;
    try {
      file = files.open(name);
    } catch (const Error&) {
      if (sha256.empty()) continue;  // an import's file that was forgotten at this moment
      throw Error(ErrorCode::unavailable, "The file " + name + " of an attachment is not there. If it was removed at this moment, the next backup will do; else restore it first.");
    }
    copies->put_as(name, file->bytes());
    const std::string found = sha256_of(file->bytes());
    if (!sha256.empty() && found != sha256) throw Error(ErrorCode::unavailable, "The file " + name + " of an attachment is not what it was: its checksum differs.");
    manifest.files.push_back({name, found, file->size()});
  }
  if (std::find(tables.begin(), tables.end(), "seal_key") != tables.end()) {
    const std::size_t id = place_of(*reader, "seal_key", "id");
    reader->read("seal_key", [&](const RawRow& row) {
      if (row[id]) manifest.keys.emplace_back(*row[id]);
    });
  }
  for (const auto& table : tables) {
    if (sqlite) {
      manifest.tables.push_back(sum_of(*reader, table));
      continue;
    }
    const fs::path path = folder / "tables" / (table + ".rows");
    RowFile rows(path);
    manifest.tables.push_back(sum_of(*reader, table, &rows));
    rows.end(path);
    shapes[table] = {reader->create_sql(table), reader->columns(table)};
  }
  // Last, and under its name only when it is whole: a folder without it is no backup.
  const fs::path unfinished = folder / "manifest.unfinished";
  {
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    out << write_manifest(manifest, shapes);
    out.close();
    if (!out) throw Error(ErrorCode::unavailable, "The backup cannot be written to " + folder.string() + ".");
  }
  sync_folder(folder);
  fs::rename(unfinished, folder / manifest_name);
  sync_folder(folder);
  return manifest;
}

BackupManifest read_backup(const fs::path& folder) { return load(folder).manifest; }

RestoreResult restore_backup(const fs::path& folder, const RestoreOptions& options) {
  const Loaded loaded = load(folder);
  const BackupManifest& manifest = loaded.manifest;
  RestoreResult result;
  result.manifest = manifest;
  const std::string path = storage::sqlite_path(options.database_url);
  if (path.empty() != (manifest.dialect != "sqlite")) {
    bad(std::string("The backup is of ") + (manifest.dialect == "sqlite" ? "SQLite" : "MariaDB") + ", the database is not; a backup goes back to the same kind.");
  }
  if (const auto owner = storage::Database::owner(options.database_url)) {
    throw Error(ErrorCode::conflict, "A server (process " + std::to_string(*owner) + ") uses this database; stop it first.");
  }
  const auto refuse_data = [&](const std::string& where) {
    throw Error(ErrorCode::conflict, "There is data in " + where + "; with --overwrite it is lost, and the backup takes its place.");
  };
  std::error_code error;
  std::unique_ptr<storage::Database> database;
  // What is damaged is found before anything is lost.
  std::vector<std::string> damage;
  if (!manifest.files.empty()) compare_files(FileStore(folder / "files"), manifest.files, damage);
  if (!path.empty()) {
    if (fs::exists(path, error) && fs::file_size(path, error) > 0 && !options.overwrite) refuse_data(path);
    const std::string copy = path + ".restored";
    fs::create_directories(fs::path(path).parent_path(), error);
    fs::remove(copy, error);
    fs::copy_file(folder / sqlite_name, copy, error);
    if (error) throw Error(ErrorCode::unavailable, "The database cannot be written to " + copy + ": " + error.message() + ".");
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write, error);
    sync_folder(fs::path(path).parent_path());
    try {
      compare_tables(*TableReader::open_sqlite(copy), manifest.tables, damage);
      if (damage.empty()) storage::check_sqlite(copy);
    } catch (const Error& broken) {
      damage.push_back(broken.message());
    }
    if (!damage.empty()) fs::remove(copy, error);
    refuse_damaged(folder, damage);
    for (const char* side : {"-wal", "-shm"}) fs::remove(path + side, error);
    fs::rename(copy, path);
    sync_folder(fs::path(path).parent_path());
  } else {
    database = storage::Database::open(options.database_url);
    storage::TableWriter writer(*database);
    const auto there = writer.tables();
    if (!options.overwrite && std::any_of(there.begin(), there.end(), [](const auto& one) { return one.second; })) refuse_data(database->description());
    for (const BackupTable& table : manifest.tables) {
      const auto shape = loaded.shapes.find(table.name);
      if (shape == loaded.shapes.end()) bad("The manifest does not say how the table " + table.name + " is made.");
      RowHash hash;
      try {
        read_rows(folder / "tables" / (table.name + ".rows"), shape->second.second.size(), [&](const RawRow& row) { hash.add(row); });
      } catch (const Error& broken) {
        damage.push_back(broken.message());
        continue;
      }
      if (auto differs = difference(table, hash.end(table.name)); !differs.empty()) damage.push_back(std::move(differs));
    }
    refuse_damaged(folder, damage);
    std::vector<std::string> doomed;
    for (const auto& [table, filled] : there) doomed.push_back(table);
    writer.drop(doomed);
    for (const BackupTable& table : manifest.tables) writer.create(loaded.shapes.at(table.name).first);
    for (const BackupTable& table : manifest.tables) {
      const auto& columns = loaded.shapes.at(table.name).second;
      writer.begin(table.name, columns);
      read_rows(folder / "tables" / (table.name + ".rows"), columns.size(), [&](const RawRow& row) { writer.add(row); });
      writer.end();
    }
  }
  const FileStore files(options.files);
  for (const auto& file : manifest.files) {
    const FileStore copies(folder / "files");
    files.remove(file.name);
    files.put_as(file.name, copies.open(file.name)->bytes());
  }
  if (!options.verify) return result;
  const auto reader = path.empty() ? TableReader::open(*database) : TableReader::open_sqlite(path);
  compare_tables(*reader, manifest.tables, result.differences);
  compare_files(files, manifest.files, result.differences);
  return result;
}

}  // namespace caravan::records

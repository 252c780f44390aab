#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "model/loader.h"
#include "storage/database.h"

namespace caravan::app {

/// The layer of what administrators say of definitions in the console; above all files, and part of each revision.
inline constexpr const char* edits_layer = "console edits";

/// All that a Catalog is made of.
struct Documents {
  std::vector<model::SourceLayer> layers;
  std::vector<model::Module> modules;
  std::map<std::string, std::string> plugins;  ///< name → SHA-256 of its file
};

struct Revision {
  std::int64_t id = 0;  ///< counts from 1
  std::string hash;     ///< of the Catalog
  Timestamp created_at;
  std::string author;   ///< user name; `system` for a start or the command line
  std::string note;
  std::map<std::string, std::string> plugins;
  bool active = false;
};

/// The published sets of documents in the table `catalog_revision`, and which of them is in use on every node that shares
/// the database. Thread-safe.
class Revisions {
 public:
  explicit Revisions(storage::Database& database) : database_(database) {}

  /// The revision in use; 0 where none was ever published. One short statement: nodes ask each second.
  std::int64_t active() const;
  /// The same within a transaction.
  static std::int64_t active(storage::Session& session);
  /// Hash of the Catalog that the files of the configuration folder made when they were last published; "" where never.
  std::string published_files() const;
  void set_published_files(const std::string& hash);
  /// Throws not_found.
  Documents read(std::int64_t id) const;
  /// Throws not_found.
  Revision find(std::int64_t id) const;
  /// Newest first; `before`: id of the last one of the page before, or 0.
  std::vector<Revision> list(std::int64_t before, std::uint32_t limit) const;
  /// Keeps the documents as a revision, or finds the one that has the same hash and plugins, and puts it in use.
  /// `also`: what else belongs to the same transaction; may be empty. `instead_of`: only where that one is in use, else throws conflict; 0: whatever is in use.
  /// `own`: a revision of its own, though one of the same content is there.
  std::int64_t publish(const Documents& documents, const std::string& hash, std::string_view author, std::string_view note, Timestamp now,
                       const std::function<void(storage::Session&)>& also = {}, std::int64_t instead_of = 0, bool own = false);
  /// Puts an earlier one in use again. Throws not_found. `files`: what published_files() is from then on; "": as it was.
  void activate(std::int64_t id, const std::function<void(storage::Session&)>& also = {}, const std::string& files = {});
  /// What the console says of definitions in the revision in use; without files where there is none, or the database has no tables yet.
  model::SourceLayer edits() const;

 private:
  storage::Database& database_;
};

/// That layer of a set of documents; without files where there is none.
model::SourceLayer edits_of(const Documents& documents);
/// Puts another such layer in its place, below the console's settings.
void replace_edits(Documents& documents, model::SourceLayer edits);
bool same_texts(const model::SourceLayer& one, const model::SourceLayer& other);

}  // namespace caravan::app

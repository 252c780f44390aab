#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "records/service.h"

/// Two records of the same thing become one. See docs/adr/0032-search-and-matching.md.
namespace caravan::records {

/// Whose value of a field is kept. `both`: of multi and refs, the values of both.
enum class Keep : std::uint8_t { mine, theirs, both };

struct MergeQuery {
  std::int64_t other = 0;                        ///< goes into the survivor
  std::map<const model::Field*, Keep> fields;    ///< the others: mine, or theirs where mine is empty
  std::optional<std::int64_t> version, other_version;  ///< throws stale where the record is another one by now
  std::string note;
};

/// What of a field would be kept.
struct MergeField {
  const model::Field* field = nullptr;
  Keep keep = Keep::mine;
  bool differs = false;                          ///< both have a value, and not the same
  bool settable = true;                          ///< the actor may choose
};

/// Records that refer to the other one, of entities that the actor may read whole.
struct MergeReferences {
  const model::Entity* entity = nullptr;
  const model::Field* field = nullptr;
  std::int64_t count = 0;
};

struct MergePreview {
  Record mine, theirs;                           ///< redacted
  std::vector<MergeField> fields;                ///< that the actor may read
  std::vector<MergeReferences> references;
};

struct MergeInfo {
  std::int64_t id = 0, merged = 0;
  std::string number, title;                     ///< of the merged record, while it can come back
  Timestamp at;
  std::int64_t by = 0;
  Timestamp undo_until;
  std::optional<Timestamp> undone_at;
};

/// For those who may update both records. References move whoever may see them; what the actor may not read or set is kept of the
/// survivor, or comes from the other one where the survivor has none. The merged record goes to the trash, its history stays; what
/// is asked of it is told the survivor. Thread-safe.
class Merges {
 public:
  explicit Merges(const RecordService& service) : service_(service) {}
  MergePreview preview(const Context& context, const model::Entity& entity, std::int64_t survivor, std::int64_t other) const;
  /// One transaction. Throws not_found, forbidden, stale, conflict, invalid_record. `reply` as with RecordService::create().
  Record merge(const Context& context, const model::Entity& entity, std::int64_t survivor, const MergeQuery& query, const Reply& reply = {}) const;
  /// Takes the newest merge of the survivor back: the other record returns with what referred to it, the survivor's fields are what
  /// they were unless they have changed since. Throws not_found where there is none, or its time is over.
  Record undo(const Context& context, const model::Entity& entity, std::int64_t survivor, std::int64_t merge, const Reply& reply = {}) const;
  /// What was merged into the record, newest first, at most 100. For those who may read it.
  std::vector<MergeInfo> of(const Context& context, const model::Entity& entity, std::int64_t survivor) const;
  /// Into what the record was merged, where the actor may read that.
  std::optional<std::int64_t> survivor_of(const Context& context, const model::Entity& entity, std::int64_t merged) const;

 private:
  const RecordService& service_;
};

}  // namespace caravan::records

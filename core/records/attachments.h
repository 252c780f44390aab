#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "records/file_store.h"
#include "records/service.h"

/// Files at records, and in their fields of type file and image. Whoever may read the record reads them, whoever may change it adds and
/// removes them; those of a field, where he may read or set that field. Contents lie once in the file store, however often they are attached.
namespace caravan::records {

struct Attachment {
  std::int64_t id = 0;
  std::string field;                 ///< whose value it is or was; empty: beside the fields
  bool current = false;              ///< the field's value now
  std::string name, media_type, sha256;
  std::int64_t size = 0;
  Timestamp created_at;
  std::int64_t created_by = 0;       ///< 0: the system
  std::string stored;                ///< name in the file store
};

inline constexpr std::int64_t largest_attachment = 100 << 20;  ///< bytes, where a field says nothing else
inline constexpr std::size_t most_attachments = 1000;          ///< of one record

/// Those of the record that the actor may read, oldest first. Throws not_found.
std::vector<Attachment> list_attachments(const RecordService& records, const Context& context, const model::Entity& entity, std::int64_t id);
/// One of them. Throws not_found.
Attachment find_attachment(const RecordService& records, const Context& context, const model::Entity& entity, std::int64_t id, std::int64_t attachment);
/// Adds a file; with `field`, it becomes the field's value. What it is, is told by its content. Throws not_found, forbidden,
/// invalid_record where it is too large or of a type that the field does not take.
Attachment attach(const RecordService& records, const FileStore& files, const Context& context, const model::Entity& entity, std::int64_t id,
                  std::string_view bytes, std::string name, const model::Field* field);
/// Removes it, and empties the field whose value it is. Throws not_found, forbidden.
void detach(const RecordService& records, const Context& context, const model::Entity& entity, std::int64_t id, std::int64_t attachment);

/// Whether the id is that of a file attached to the record for this field; for the gate.
bool is_attached(storage::Session& session, const model::Entity& entity, std::int64_t record, std::string_view field, std::int64_t attachment);

/// Whether browsers may show it in a page: pictures that run nothing.
bool is_plain_picture(std::string_view media_type);

/// Forgets attachments of records that are gone for good, contents that nothing is attached to, and files that belong to nothing and are older than a day.
/// How many attachments and files went, at most about `limit`.
std::int64_t sweep_attachments(storage::Database& database, const FileStore& files, const model::Catalog& catalog, std::int64_t limit = 500);

}  // namespace caravan::records

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "storage/database.h"

/// Checks histories against their chains, and rows against their histories (records/history.h).
namespace caravan::records {

struct AuditQuery {
  std::string entity;                 ///< only this one; empty: all, also those that the Catalog no longer has
  std::int64_t record = 0;            ///< only this one of `entity`; 0: all
  std::string after;                  ///< the part before's `next`; empty: from the start
  std::int64_t work = 50'000;         ///< about how many events and rows to look at; a record is always finished
};

/// Something that did not come about through the gate.
struct AuditFault {
  std::string entity;
  std::int64_t record_id = 0;
  std::int64_t version = 0;           ///< that the event has, or would have; 0: the record as a whole
  std::int64_t event_id = 0;          ///< 0: no event
  /// event_changed, event_missing, event_added, content_missing, row_changed, row_missing, row_added, deleted_changed
  std::string code;
  std::string what;                   ///< one sentence; names fields, never values
};

struct AuditReport {
  std::int64_t records = 0, deleted = 0, events = 0;  ///< that were checked
  std::int64_t erased_events = 0;                     ///< whose content was erased by an administrator
  std::int64_t older_records = 0, older_events = 0;   ///< from before there was a chain: nothing can be said about them
  std::vector<AuditFault> faults;
  std::string next;                                   ///< empty: everything has been looked at
};

/// One part of an audit, in bounded memory. Writers may go on: what seems wrong is looked at again in one snapshot. Throws
/// invalid_argument for a malformed query, not_found for an entity that neither the Catalog nor a history knows.
AuditReport audit(storage::Database& database, std::shared_ptr<const model::Catalog> catalog, const AuditQuery& query);

}  // namespace caravan::records

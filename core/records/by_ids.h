#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "records/plans.h"
#include "records/record.h"

/// Records by their ids, and what they are called.
namespace caravan::records {

/// The ids in a field's value: of a reference, or a list of them.
std::vector<std::int64_t> ids_of(const expr::Value& value);

/// What can be told of a record in a note about another one: its number, or its id.
std::string name_of(const Record& record);

/// The dialect of conditions that are compiled for the database.
inline expr::Dialect sql_dialect(storage::Dialect dialect) {
  return dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite;
}

/// Calls `each` with those of the records that are there and meet the conditions (` AND …` on alias `r`), nobody's rights asked. May read
/// a few at a time.
void each_record(storage::Session& session, const EntityPlan& plan, const std::vector<std::int64_t>& ids, const std::function<void(Record)>& each,
                 std::string_view conditions = {}, const std::vector<expr::Value>& parameters = {});

}  // namespace caravan::records

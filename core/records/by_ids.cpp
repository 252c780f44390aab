#include "records/by_ids.h"

#include <algorithm>

#include "records/query.h"
#include "storage/query.h"

namespace caravan::records {

std::vector<std::int64_t> ids_of(const expr::Value& value) {
  std::vector<std::int64_t> ids;
  if (const auto* id = value.as<std::int64_t>()) ids.push_back(*id);
  const expr::List* list = value.as_list();
  if (list == nullptr) return ids;
  for (const expr::Value& one : *list) {
    if (const auto* id = one.as<std::int64_t>()) ids.push_back(*id);
  }
  return ids;
}

std::string name_of(const Record& record) {
  const auto* number = record[model::slot_number].as<std::string>();
  return number != nullptr && !number->empty() ? *number : std::to_string(record.id());
}

void each_record(storage::Session& session, const EntityPlan& plan, const std::vector<std::int64_t>& ids, const std::function<void(Record)>& each,
                 std::string_view conditions, const std::vector<expr::Value>& parameters) {
  storage::in_parts(ids.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    storage::Statement& statement = session.prepare("SELECT " + plan.select_list + plan.from + " WHERE r." + plan.id_column + " IN (" +
                                                    storage::repeated("?", ", ", places) + ")" + std::string(conditions));
    for (std::size_t i = 0; i < places; ++i) statement.bind(static_cast<int>(i) + 1, ids[begin + std::min(i, count - 1)]);
    bind_parameters(statement, parameters, static_cast<int>(places) + 1);
    while (statement.step()) each(read_row(plan, statement, true));
    statement.reset();
  });
}

}  // namespace caravan::records

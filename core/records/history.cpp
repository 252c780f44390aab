#include "records/codec.h"
#include "records/work.h"

// One entry of a record's history, in the transaction of the change.

namespace caravan::records {

void TransactionWork::write_event(const Record& record, const Record* before, std::string_view action, std::string_view note) {
  const bool removed = action == "delete";
  std::string changes = "{";
  const auto add = [&](std::string_view name, std::string_view old_value, std::string_view new_value) {
    if (changes.size() > 1) changes.push_back(',');
    changes += "\"";
    changes += name;
    changes += "\":[";
    changes += old_value;
    changes.push_back(',');
    changes += new_value;
    changes.push_back(']');
  };
  const auto currency = [](const expr::Value& value) -> std::string {
    const auto* d = value.as<Decimal>();
    return d != nullptr && d->has_currency() ? "\"" + std::string(d->currency_code()) + "\"" : "null";
  };
  const expr::Value none;
  for (const auto& field : record.entity().fields) {
    if (field->slot == model::slot_id || field->slot == model::slot_version || field->slot == model::slot_updated_at ||
        field->slot == model::slot_created_at) {
      continue;
    }
    const expr::Value& old_value = before != nullptr ? (*before)[field->slot] : none;
    const expr::Value& new_value = removed ? none : record[field->slot];
    if (old_value.same_as(new_value)) continue;
    std::string old_text, new_text;
    write_value(old_text, *field, old_value);
    write_value(new_text, *field, new_value);
    if (old_text != new_text) add(field->name, old_text, new_text);
    if (field->type == model::FieldType::money && currency(old_value) != currency(new_value)) {
      add(field->currency_column, currency(old_value), currency(new_value));
    }
  }
  changes.push_back('}');
  storage::Statement& statement = session_.prepare(
      "INSERT INTO event (id, entity, record_id, version, at, actor_id, actor_name, request_id, source, action, changes, note) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  static const storage::ColumnType instant{storage::ColumnType::Kind::instant, 0, 0};
  statement.bind(1, take("event"));
  statement.bind(2, std::string_view(record.entity().full_name));
  statement.bind(3, record.id());
  statement.bind(4, record.version());
  statement.bind(5, expr::Value(context_.now), instant);
  if (context_.actor.user_id != 0) statement.bind(6, context_.actor.user_id);
  else statement.bind_null(6);
  statement.bind(7, std::string_view(context_.actor.name));
  statement.bind(8, std::string_view(context_.request_id));
  statement.bind(9, std::string_view(context_.source));
  statement.bind(10, action);
  statement.bind(11, std::string_view(changes));
  if (note.empty()) statement.bind_null(12);
  else statement.bind(12, note);
  statement.step();
  statement.reset();
}

}  // namespace caravan::records

#include "records/rows.h"

#include <algorithm>
#include <charconv>

#include "records/codec.h"
#include "records/json.h"
#include "records/seal.h"

namespace caravan::records {
namespace {

using Kind = storage::ColumnType::Kind;

void append_integer(std::string& out, std::int64_t n) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, n).ptr);
}

/// MariaDB gives a decimal as text with the column's fraction digits; true where those are the field's.
bool has_scale(std::string_view text, std::uint8_t scale) {
  return scale == 0 ? text.find('.') == std::string_view::npos : text.size() > scale && text[text.size() - scale - 1] == '.';
}

expr::Value open(const RowShape& shape, const RowColumn& c, storage::Statement& statement) {
  return open_cell(shape.keys, *shape.entity, *c.field, statement.integer(shape.id_column), statement.text(c.column));
}

void write_cell(std::string& out, const RowShape& shape, const RowColumn& c, storage::Dialect dialect, storage::Statement& statement) {
  if (statement.is_null(c.column)) {
    out += "null";
    return;
  }
  if (c.sealed) {
    const expr::Value plain = open(shape, c, statement);
    write_value(out, *c.field, c.masked ? masked(*c.field, plain) : plain);
    return;
  }
  if (c.masked) {
    write_value(out, *c.field, masked(*c.field, statement.value(c.column, c.type)));
    return;
  }
  switch (c.type.kind) {
    case Kind::integer:
      if (c.field->type == model::FieldType::integer) {
        append_integer(out, statement.integer(c.column));
      } else {
        out.push_back('"');
        append_integer(out, statement.integer(c.column));
        out.push_back('"');
      }
      return;
    case Kind::boolean: out += statement.integer(c.column) != 0 ? "true" : "false"; return;
    case Kind::text: write_json_string(out, statement.text(c.column)); return;
    case Kind::json: out += statement.text(c.column); return;
    case Kind::decimal:
      if (dialect == storage::Dialect::mysql) {
        if (const std::string_view text = statement.text(c.column); has_scale(text, c.field->scale)) {
          out.push_back('"');
          out += text;
          out.push_back('"');
          return;
        }
      }
      break;
    case Kind::date:
      if (dialect == storage::Dialect::sqlite) {
        if (const std::string_view text = statement.text(c.column); text.size() == 10) {
          write_json_string(out, text);
          return;
        }
      }
      break;
    case Kind::instant: {
      const expr::Value value = statement.value(c.column, c.type);
      if (const auto* at = value.as<Timestamp>()) {
        out.push_back('"');
        append_timestamp(out, *at);
        out.push_back('"');
        return;
      }
      break;
    }
    default: break;
  }
  write_value(out, *c.field, statement.value(c.column, c.type));
}

}  // namespace

RowShape row_shape(const EntityPlan& plan, storage::Dialect dialect, const std::vector<std::uint32_t>& fields, const FieldRights& rights) {
  RowShape shape;
  const auto& all = plan.entity->fields;
  shape.place.assign(all.size(), -1);
  shape.entity = plan.entity;
  shape.keys = plan.keys;
  const auto select = [&](const std::string& column) {
    if (shape.selected > 0) shape.select_list += ", ";
    shape.select_list += "r." + storage::quote(dialect, column);
    return shape.selected++;
  };
  for (const auto& field : all) {
    const bool always = field->slot == model::slot_id || field->slot == model::slot_version;
    if (!always && !fields.empty() && std::find(fields.begin(), fields.end(), field->slot) == fields.end()) continue;
    const model::FieldRight right = always ? model::FieldRight::read : rights.of(*field);
    if (right == model::FieldRight::hidden) continue;
    RowColumn c;
    c.field = field.get();
    c.type = plan.slots[field->slot].type;
    c.masked = right == model::FieldRight::masked;
    c.column = select(field->column);
    if (field->slot == model::slot_id) shape.id_column = c.column;
    c.sealed = field->sensitive;
    shape.tells_sensitive = shape.tells_sensitive || (c.sealed && !c.masked);
    // Names are [a-z0-9_], never in need of escapes.
    c.key = (shape.columns.empty() ? "{\"" : ",\"") + field->name + "\":";
    if (field->type == model::FieldType::money) {
      c.currency_key = ",\"" + field->name + "_currency\":";
      if (!c.masked) c.currency_column = select(field->currency_column);
    }
    if (!c.masked) shape.place[field->slot] = c.column;
    else shape.tail += (shape.tail.empty() ? ",\"masked\":[\"" : ",\"") + field->name + "\"";
    shape.columns.push_back(std::move(c));
  }
  shape.tail += shape.tail.empty() ? "}" : "]}";
  return shape;
}

void write_row(std::string& out, const RowShape& shape, storage::Dialect dialect, storage::Statement& statement) {
  for (const RowColumn& c : shape.columns) {
    out += c.key;
    write_cell(out, shape, c, dialect, statement);
    if (c.currency_key.empty()) continue;
    out += c.currency_key;
    if (c.currency_column < 0 || statement.is_null(c.column) || statement.is_null(c.currency_column)) out += "null";
    else write_json_string(out, statement.text(c.currency_column));
  }
  out += shape.tail;
}

Record read_row(const model::Entity& entity, const RowShape& shape, storage::Statement& statement) {
  Record record(entity);
  for (const RowColumn& c : shape.columns) {
    if (statement.is_null(c.column)) continue;
    if (c.sealed) {
      record.set(c.field->slot, open(shape, c, statement));
      continue;
    }
    if (kept_as_json(*c.field)) {
      record.set(c.field->slot, from_column(*c.field, statement.text(c.column)));
      continue;
    }
    expr::Value value = statement.value(c.column, c.type);
    if (const auto* d = value.as<Decimal>(); d != nullptr && c.currency_column >= 0 && !statement.is_null(c.currency_column)) {
      Decimal amount = *d;
      amount.set_currency(statement.text(c.currency_column));
      value = expr::Value(amount);
    }
    record.set(c.field->slot, std::move(value));
  }
  return record;
}

}  // namespace caravan::records

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "records/context.h"
#include "records/record.h"

/// Values between their JSON/text form and memory. RapidJSON stays inside the .cpp.
namespace caravan::records {

class Json;
class FieldRights;

/// Appends the record as flat JSON: id, number, version, state, owner, created_at, updated_at, then the fields. Ids and
/// references are strings, decimals strings with the field's scale, money has `NAME_currency` beside it. Empty fields
/// are null. Of a redacted record, hidden fields are left out and `"masked":["phone"]` names the masked ones. `only`: slots to write (id and version always), or empty for all. `extra`: raw JSON members to
/// append (`"expanded":{…}`), or empty.
void write_json(std::string& out, const Record& record, const std::vector<std::uint32_t>& only = {}, std::string_view extra = {});

/// Appends one field's value as JSON.
void write_value(std::string& out, const model::Field& field, const expr::Value& value);

/// A value of the field's type from what write_value() wrote, or a client sent; unchecked. nullopt where the type does not fit.
std::optional<expr::Value> value_from_json(const model::Field& field, const Json& json);

/// How many elements a list in a field (multi, refs) may have.
inline constexpr std::size_t most_elements = 200;

/// Whether a column holds the field's value as JSON, as write_value() writes it.
inline bool kept_as_json(const model::Field& field) { return field.type >= model::FieldType::multi; }
static_assert(model::FieldType::multi < model::FieldType::refs && model::FieldType::refs < model::FieldType::localized);

/// The value of such a field from its column.
expr::Value from_column(const model::Field& field, std::string_view text);

/// Of a localized field's value, the text for `locale` or the nearest language, see model::Text::in; nullptr where it is empty.
const std::string* text_in(const expr::Value& texts, std::string_view locale);

/// Parses a JSON object of field → value into typed input. Throws invalid_argument for malformed JSON (bad UTF-8,
/// duplicate keys, depth over 32), invalid_record with a FieldError for each unknown or ill-typed field. Text is
/// trimmed and brought to NFC. `NAME_currency` sets the currency of money field NAME.
Input parse_input(const model::Catalog& catalog, const model::Entity& entity, std::string_view json, std::string_view locale = "en");
Input parse_input(const model::Catalog& catalog, const model::Entity& entity, const Json& object, std::string_view locale,
                  const FieldRights* rights = nullptr);
/// What a client of the context's actor sends: a field that is hidden from him is unknown, whatever stands in it.
Input parse_input(const Context& context, const model::Entity& entity, std::string_view json);
Input parse_input(const Context& context, const model::Entity& entity, const Json& object);

/// One field from text (CSV cells, defaults): throws Error(invalid_record) with the field's mistake; "" is null.
expr::Value parse_text(const model::Catalog& catalog, const model::Field& field, std::string_view text,
                       std::string_view locale = "en");

/// Checks a value against the field's own rules (length, range, choice, scale) and brings it to the stored form.
/// Returns the mistake, or nullopt.
std::optional<FieldError> check_value(const model::Catalog& catalog, const model::Field& field, expr::Value& value, std::string_view locale);

}  // namespace caravan::records

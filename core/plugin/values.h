#pragma once

#include <list>
#include <string>

#include "caravan/abi.h"
#include "expr/value.h"
#include "model/catalog.h"

namespace caravan::plugin {

/// Texts that were made for a plugin. Empty, it owns no memory: most calls need none.
using Texts = std::list<std::string>;

/// Writes a field's value in the ABI's form. Texts point into `value`, or into `texts` where they had to be
/// made. CARAVAN_E_TYPE or CARAVAN_E_UNSUPPORTED where the ABI has no form for it.
caravan_status to_abi(const model::Field& field, const expr::Value& value, Texts& texts,
                      caravan_value& out);

/// The ABI's value as the field's own type, not yet checked against the field's rules. CARAVAN_E_TYPE or
/// CARAVAN_E_ARGUMENT where it is not one.
caravan_status from_abi(const model::Field& field, const caravan_value& value, expr::Value& out);

/// The same for values that belong to no field: arguments and answers of functions. CARAVAN_E_TYPE for lists and maps.
caravan_status to_abi(const expr::Value& value, Texts& texts, caravan_value& out);
caravan_status from_abi(const caravan_value& value, expr::Value& out);

bool valid_utf8(std::string_view text);

}  // namespace caravan::plugin

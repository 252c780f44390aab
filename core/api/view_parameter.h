#pragma once

#include <string>

#include "api/call.h"
#include "records/access.h"

namespace caravan::api {

/// The view of the entity that the parameter `view` names; nullptr where there is none. A view that filters by what the caller
/// may not read does not exist for him.
const model::View* view_parameter(const Call& call, const model::Entity& entity);

/// The view's filter and the caller's own together, as RecordService takes them. `view` may be null.
std::string filter_with(const model::View* view, std::string filter);

/// The view's order in the words of the parameter `sort`, without what may not be read; may be empty.
std::string sort_of(const model::View& view, const records::FieldRights& rights);

}  // namespace caravan::api

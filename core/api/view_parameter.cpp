#include "api/view_parameter.h"

#include <algorithm>

#include "api/negotiate.h"
#include "api/routes.h"
#include "records/query.h"

namespace caravan::api {

const model::View* view_parameter(const Call& call, const model::Entity& entity) {
  const std::string* name = call.request.parameter("view");
  if (name == nullptr || name->empty()) return nullptr;
  const auto found = std::find_if(entity.views.begin(), entity.views.end(), [&](const model::View* view) { return view->name == *name; });
  if (found == entity.views.end() || ((*found)->filter && !records::reads_only_readable(call.context, *(*found)->filter))) {
    throw refusal(call, ErrorCode::invalid_argument, "unknown_view", {shown(*name), entity.full_name});
  }
  return *found;
}

std::string filter_with(const model::View* view, std::string filter) {
  if (view == nullptr || !view->filter) return filter;
  if (filter.empty()) return std::string(view->filter->source());
  return std::string(view->filter->source()) + records::filter_separator + filter;
}

std::string sort_of(const model::View& view, const records::FieldRights& rights) {
  std::string sort;
  for (const model::SortKey& key : view.sort) {
    if (rights.readable(*key.field)) sort += (sort.empty() ? "" : ",") + std::string(key.descending ? "-" : "") + key.field->name;
  }
  return sort;
}

}  // namespace caravan::api

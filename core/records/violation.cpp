#include "records/violation.h"

#include "records/messages.h"
#include "storage/constraints.h"

namespace caravan::records {

void refuse_violation(const Context& context, const model::Entity& entity, const Error& error) {
  std::string constraint;
  if (!storage::ConstraintViolation::is(error, &constraint)) return;
  const model::Invariant* invariant = storage::violated_invariant(entity, constraint);
  // Of a newer Catalog that this node does not have yet, or of somebody else's making.
  if (invariant == nullptr && !storage::is_own_constraint(constraint)) return;
  const std::string name = invariant != nullptr ? invariant->name : constraint;
  std::string text = invariant != nullptr ? invariant->message.in(context.locale) : std::string();
  if (text.empty()) text = message("invariant", context.locale, {name});
  throw Error(ErrorCode::invalid_record, text, {{"", "invariant:" + name, text}});
}

}  // namespace caravan::records

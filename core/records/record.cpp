#include "records/record.h"

#include "records/hooks.h"

namespace caravan::records {

std::shared_ptr<const expr::RecordView> Record::follow(std::uint32_t slot) const {
  const auto* id = values_[slot].as<std::int64_t>();
  const model::Field& field = *entity_->fields[slot];
  if (id == nullptr || field.target == nullptr || !follow_) return nullptr;
  return (*follow_)(*field.target, *id);
}

const char* to_string(HookPoint point) {
  switch (point) {
    case HookPoint::before_create: return "before_create";
    case HookPoint::after_create: return "after_create";
    case HookPoint::before_update: return "before_update";
    case HookPoint::after_update: return "after_update";
    case HookPoint::before_delete: return "before_delete";
    case HookPoint::after_delete: return "after_delete";
    case HookPoint::before_transition: return "before_transition";
    case HookPoint::after_transition: return "after_transition";
    case HookPoint::after_commit: return "after_commit";
    case HookPoint::action: return "action";
    case HookPoint::after_restore: return "after_restore";
  }
  return "";
}

}  // namespace caravan::records

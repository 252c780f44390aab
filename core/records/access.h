#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "records/context.h"
#include "records/record.h"

namespace caravan::records {

/// The actor as `user` in expressions.
class UserView final : public expr::RecordView {
 public:
  explicit UserView(const Context& context) : context_(context) {}
  expr::Value get(std::uint32_t slot) const override;
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t) const override { return nullptr; }

 private:
  const Context& context_;
};

/// Evaluates a program over `record` and `user`. The record keeps `follow` for the time of the call only.
expr::Evaluation evaluate(const expr::Program& program, const Context& context, Record& record,
                          const std::shared_ptr<const Follow>& follow);

/// Whether the actor may do everything: the system itself, or one of its roles says so.
bool is_administrator(const Context& context);

/// Sets the computed fields, each after those it reads; what fails is empty and, where `mistakes` is given, told there.
void compute_fields(const Context& context, Record& record, const std::shared_ptr<const Follow>& follow,
                    std::vector<FieldError>* mistakes = nullptr);

/// Whether some role of the actor gives `operation` on some record of the entity.
bool may_ever(const Context& context, const model::Entity& entity, model::Operation operation);

/// Whether some role of the actor gives `operation` on every record of the entity: no record need be looked at.
bool may_always(const Context& context, const model::Entity& entity, model::Operation operation);

/// Whether some role of the actor gives `operation` on this record.
bool may(const Context& context, model::Operation operation, Record& record, const std::shared_ptr<const Follow>& follow);

/// The actor's rights on an entity's fields: per field the most that one of the roles gives that he reads the entity with.
/// Administrators and the system have all.
class FieldRights {
 public:
  /// No restriction at all.
  FieldRights() = default;
  explicit FieldRights(std::vector<model::FieldRight> by_slot) : by_slot_(std::make_shared<const std::vector<model::FieldRight>>(std::move(by_slot))) {}
  model::FieldRight of(const model::Field& field) const { return by_slot_ ? (*by_slot_)[field.slot] : model::FieldRight::write; }
  bool unrestricted() const { return by_slot_ == nullptr; }
  bool readable(const model::Field& field) const { return of(field) >= model::FieldRight::read; }

 private:
  std::shared_ptr<const std::vector<model::FieldRight>> by_slot_;
};
FieldRights field_rights(const Context& context, const model::Entity& entity);

/// Takes out of the record what the actor may not see: every record that leaves the gate has passed here. What is hidden
/// is empty and not written as JSON; of what is masked, text keeps its last characters, anything else is empty.
void redact(const Context& context, Record& record);

/// The actor's read rule for a WHERE clause on alias `r`. Always: no condition. Never: nothing may be read.
struct ReadRule {
  enum class Kind { always, never, condition } kind = Kind::never;
  std::string sql;
  std::vector<expr::Value> parameters;
};
ReadRule read_rule(const Context& context, const model::Entity& entity, expr::Dialect dialect);

/// An activation with `user` for constants of a pushed-down program.
class UserActivation {
 public:
  explicit UserActivation(const Context& context);
  const expr::Activation& get() const { return activation_; }

 private:
  std::shared_ptr<UserView> user_;
  expr::Value variables_[2];
  expr::Activation activation_;
};

}  // namespace caravan::records

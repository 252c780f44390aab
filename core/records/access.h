#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "records/context.h"
#include "records/record.h"
#include "storage/database.h"

namespace caravan::records {

/// An actor as `user` in expressions: the one who acts, or a colleague for whom he stands in.
class UserView final : public expr::RecordView {
 public:
  explicit UserView(const Context& context) : UserView(context, context.actor) {}
  UserView(const Context& context, const Actor& actor) : context_(context), actor_(actor) {}
  expr::Value get(std::uint32_t slot) const override;
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t) const override { return nullptr; }

 private:
  const Context& context_;
  const Actor& actor_;
};

/// Evaluates a program over `record` and `user`. The record keeps `follow` for the time of the call only.
expr::Evaluation evaluate(const expr::Program& program, const Context& context, Record& record,
                          const std::shared_ptr<const Follow>& follow);
/// The same with `actor` as `user`.
expr::Evaluation evaluate(const expr::Program& program, const Context& context, const Actor& actor, Record& record,
                          const std::shared_ptr<const Follow>& follow);

/// Whether the actor may do everything: the system itself, or one of its roles says so.
bool is_administrator(const Context& context);

/// Calls `visit` with each role that counts for the actor, until it returns true: his own, those they include, those that
/// everyone holds, and those of the colleagues for whom he stands in (`person` tells whose; what everyone holds is not
/// lent, nor is an administrator's role). A role may come more than once.
void each_role(const Context& context, const std::function<bool(const model::Role& role, const Actor& person)>& visit);

/// Whether a role of this name counts for the actor, see each_role.
bool holds_role(const Context& context, std::string_view name);

/// Sets the computed fields, each after those it reads; what fails is empty and, where `mistakes` is given, told there.
void compute_fields(const Context& context, Record& record, const std::shared_ptr<const Follow>& follow,
                    std::vector<FieldError>* mistakes = nullptr);

/// Whether the field's `visible` holds, or it has none.
bool is_visible(const model::Field& field, const Context& context, Record& record, const std::shared_ptr<const Follow>& follow);

/// What of the fields that a client gave he may not set under the entity's conditions. `base`: the record before his change; of a
/// new one, with its defaults alone.
std::vector<FieldError> judge_changes(const Context& context, Record& record, Record base, const std::vector<const model::Field*>& given,
                                      const std::shared_ptr<const Follow>& follow);
/// The fields of the input that judge_changes() has something to say about; mostly none.
std::vector<const model::Field*> under_conditions(const model::Entity& entity, const Input& input);

/// Whether some role of the actor gives `operation` on some record of the entity. Shares do not count.
bool may_ever(const Context& context, const model::Entity& entity, model::Operation operation);

/// Whether some role of the actor gives `operation` on every record of the entity: no record need be looked at.
bool may_always(const Context& context, const model::Entity& entity, model::Operation operation);

/// Whether some role of the actor gives `operation` on this record. Shares do not count, see `shared`.
bool may(const Context& context, model::Operation operation, Record& record, const std::shared_ptr<const Follow>& follow);

/// The same, and where no role gives it, whether the record was shared with the actor: one statement, on that path only.
bool may(const Context& context, model::Operation operation, Record& record, const std::shared_ptr<const Follow>& follow,
         storage::Session& session);

/// Whether the record was shared with the actor (or a colleague for whom he stands in) so that he may read it, or
/// update it. One statement.
bool shared(storage::Session& session, const Context& context, const model::Entity& entity, std::int64_t id,
            model::Operation operation);

/// The shares of the record that apply to the actor and are in force.
std::vector<std::int64_t> shares_with(storage::Session& session, const Context& context, const model::Entity& entity, std::int64_t id);

/// The actor's rights on an entity's fields: per field the most that one of the roles gives that he reads the entity with.
/// Administrators and the system have all.
class FieldRights {
 public:
  /// No restriction at all.
  FieldRights() = default;
  explicit FieldRights(std::vector<model::FieldRight> by_slot);
  model::FieldRight of(const model::Field& field) const { return by_slot_ ? (*by_slot_)[field.slot] : model::FieldRight::write; }
  bool unrestricted() const { return by_slot_ == nullptr; }
  bool readable(const model::Field& field) const { return of(field) >= model::FieldRight::read; }
  bool writable(const model::Field& field) const { return of(field) >= model::FieldRight::write; }
  /// Whether some field is hidden or masked.
  bool redacts() const { return redacts_; }
  const std::shared_ptr<const std::vector<model::FieldRight>>& by_slot() const { return by_slot_; }

 private:
  std::shared_ptr<const std::vector<model::FieldRight>> by_slot_;
  bool redacts_ = false;
};
FieldRights field_rights(const Context& context, const model::Entity& entity);

/// Takes out of the record what the actor may not see: every record that leaves the gate has passed here. What is hidden
/// is empty and not written as JSON; of what is masked, text keeps its last characters, anything else is empty.
void redact(const Context& context, Record& record);
/// The same for many records of one entity: `rights` from field_rights().
void redact(const FieldRights& rights, Record& record);
/// What is shown of a masked field: a text keeps its last characters (four at most, and never more than a third of it),
/// the rest are asterisks; anything else is empty.
expr::Value masked(const model::Field& field, const expr::Value& value);
/// The same for the changes of one entry of the history (JSON object: field → [old, new]).
std::string redact_changes(const FieldRights& rights, const model::Entity& entity, std::string changes);
/// Mistakes in fields that the actor may not see, without telling which.
void redact_mistakes(const FieldRights& rights, const model::Entity& entity, std::string_view locale, std::vector<FieldError>& mistakes);

/// Throws forbidden where the actor may not read the field: to filter, sort, group or count by it would tell its values.
void require_readable(const Context& context, const model::Entity& entity, const model::Field& field);
/// The same for every field that a program of a client's own reads, also behind references; there every record of the
/// target must be readable.
void require_readable(const Context& context, const model::Entity& entity, const expr::Program& program);
/// Whether require_readable(program) would pass.
bool reads_only_readable(const Context& context, const expr::Program& program);

/// The actor's read rule for a WHERE clause on alias `r`. Always: no condition. Never: nothing may be read.
struct ReadRule {
  enum class Kind { always, never, condition } kind = Kind::never;
  std::string sql;
  std::vector<expr::Value> parameters;
};
/// What the roles give, without shares.
ReadRule read_rule(const Context& context, const model::Entity& entity, expr::Dialect dialect);
/// With the records that were shared with the actor; asks the database for them only where no role gives all records.
ReadRule read_rule(const Context& context, const model::Entity& entity, storage::Session& session);

/// An activation with `user` for constants of a pushed-down program.
class UserActivation {
 public:
  explicit UserActivation(const Context& context) : UserActivation(context, context.actor) {}
  UserActivation(const Context& context, const Actor& actor);
  const expr::Activation& get() const { return activation_; }

 private:
  std::shared_ptr<UserView> user_;
  expr::Value variables_[2];
  expr::Activation activation_;
};

}  // namespace caravan::records

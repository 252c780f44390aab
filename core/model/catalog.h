#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "expr/expression.h"

/// The Catalog: everything that definitions say, checked as a whole and immutable. Tables, screens, permissions
/// and routes derive from it. Pointers between its parts stay valid as long as the Catalog lives.
namespace caravan::model {

/// Where something was said.
struct Origin {
  std::string file;  ///< as the administrator knows it: a path, or `sales.so:definitions/order.yaml`
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// A text in several languages, e.g. `{en: Order, zh-CN: 订单}`.
class Text {
 public:
  void set(std::string locale, std::string text) { texts_[std::move(locale)] = std::move(text); }
  bool empty() const { return texts_.empty(); }
  /// The text for `locale`; else of the same language (zh-TW for zh-HK, zh-CN for zh), else en, else any; "" where empty.
  const std::string& in(std::string_view locale) const;
  const std::map<std::string, std::string, std::less<>>& all() const { return texts_; }

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

enum class FieldType : std::uint8_t { id, text, integer, boolean, decimal, money, date, instant, choice, ref, json };
const char* to_string(FieldType type);  ///< the word of the definition language: id text int bool decimal …

struct Entity;

struct ChoiceOption {
  std::string name;  ///< stored value
  Text label;
  std::string color; ///< antd preset or #rrggbb; may be empty
  bool active = true;///< false: kept for old records, not offered
};

struct Choices {
  std::string name;  ///< e.g. `sales.channel`
  Text label;
  std::vector<ChoiceOption> options;  ///< in order of display
  Origin origin;
  const ChoiceOption* option(std::string_view option_name) const;
};

/// System fields that every entity has, in the first slots of a record.
enum SystemSlot : std::uint32_t {
  slot_id, slot_number, slot_version, slot_state, slot_owner, slot_created_at, slot_updated_at,
  slot_external_source, slot_external_id, first_own_slot
};

/// What an actor may do with one field, each including those before it. `masked`: the field is seen to be filled, and its
/// last characters.
enum class FieldRight : std::uint8_t { hidden, masked, read, write };
const char* to_string(FieldRight right);

struct Field {
  std::string name;
  std::uint32_t slot = 0;            ///< index in a record's values
  Text label, help;
  FieldType type = FieldType::text;
  bool system = false;               ///< one of SystemSlot: set by the core, never by a client (but owner)
  bool required = false;             ///< checked by the gate on create and on every change
  bool read_only = false;            ///< not settable by clients
  bool search = false;               ///< found by the list's `q`
  bool multiline = false;
  FieldRight right = FieldRight::write;  ///< of roles that say nothing about the field
  std::uint32_t max_length = 0;      ///< characters; 0 where unbounded (text: LONGTEXT)
  std::optional<std::int64_t> min, max;  ///< of int
  std::optional<Decimal> decimal_min, decimal_max;
  std::uint8_t scale = 0;            ///< of decimal and money
  const Entity* target = nullptr;    ///< of ref; the users' entity `core.user` for owner
  const Choices* choices = nullptr;  ///< of choice
  std::shared_ptr<const expr::Program> default_value;  ///< evaluated on create where the field is absent
  std::shared_ptr<const expr::Program> compute;        ///< computed on every write, never set by clients
  std::string column;                ///< SQL column
  std::string currency_column;       ///< of money; `NAME_currency`
  Origin origin;
};

struct Invariant {
  std::string name;
  std::shared_ptr<const expr::Program> check;  ///< over variable `record`
  Text message;
  Origin origin;
};

struct Index {
  std::string name;                  ///< as in the definition, unique in the entity
  std::vector<const Field*> fields;
  bool unique = false;
  Text message;                      ///< for a violated unique key; may be empty
  Origin origin;
};

enum class StateCategory : std::uint8_t { open, waiting, done, cancelled };
const char* to_string(StateCategory category);

struct State {
  std::string name;
  Text label;
  StateCategory category = StateCategory::open;
  std::string color;
  Origin origin;
};

/// One effect of a transition's `do:`.
struct Effect {
  enum class Kind : std::uint8_t { set, create };
  std::string name;
  Kind kind = Kind::set;
  const Entity* entity = nullptr;    ///< of create; of set, the record's own
  std::vector<std::pair<const Field*, std::shared_ptr<const expr::Program>>> with;  ///< over `record`, `user`
  Origin origin;
};

struct Transition {
  std::string name;
  Text label;
  std::vector<const State*> from;
  const State* to = nullptr;
  std::vector<std::string> by;       ///< role names; empty: whoever may edit the record
  std::vector<const Field*> require; ///< must hold a value before the step
  std::shared_ptr<const expr::Program> when;  ///< guard over `record`, `user`; may be null
  Text message;                      ///< said to the user when the guard does not hold; may be empty
  const struct Form* form = nullptr; ///< fields asked for with the step; may be null
  bool comment_required = false;
  std::vector<Effect> effects;       ///< in the transaction of the state change, in order
  Origin origin;
  bool asks_for(const Field& field) const;  ///< whether the form has the field
};

struct Workflow {
  const State* initial = nullptr;
  std::vector<std::unique_ptr<State>> states;           ///< in order
  std::vector<std::unique_ptr<Transition>> transitions; ///< in order
  const State* state(std::string_view name) const;
  const Transition* transition(std::string_view name) const;
};

struct FormGroup {
  std::string name;
  Text label;
  std::vector<const Field*> fields;
};

struct Form {
  std::string name;                  ///< e.g. `sales.lose_reason`
  const Entity* entity = nullptr;
  Text label;
  std::vector<FormGroup> groups;
  Origin origin;
};

struct SortKey {
  const Field* field = nullptr;
  bool descending = false;
};

/// A list view.
struct View {
  std::string name;
  const Entity* entity = nullptr;
  Text label;
  std::vector<const Field*> columns;
  std::vector<SortKey> sort;
  std::shared_ptr<const expr::Program> filter;  ///< over `record`, `user`; may be null
  Origin origin;
};

struct Entity final : expr::RecordType {
  std::string full_name;             ///< `sales.order`
  std::string module;                ///< `sales`
  Text label, plural;
  std::string table_name;
  bool menu = true;                  ///< shown in the navigation
  std::string icon;                  ///< name of an antd icon, e.g. `phone`; may be empty
  std::string number_format;         ///< `INQ-{yyyy}-{seq:6}`; empty: no numbers
  const Field* title = nullptr;      ///< what a reference to the record shows; number or id where none is named
  std::vector<std::unique_ptr<Field>> fields;  ///< system fields first; index is the slot
  std::vector<Invariant> invariants;
  std::vector<Index> indexes;
  std::unique_ptr<Workflow> workflow;///< null where the entity has no states
  std::vector<const Form*> forms;    ///< the first one is for create and edit
  std::vector<const View*> views;    ///< the first one is the default list
  bool restricts_fields = false;     ///< some field's right is below `write`, by itself or for some role; filled by the builder
  bool restricts_by_default = false; ///< some field's own right is below `write`
  Origin origin;

  const Field* field(std::string_view name) const;  ///< nullptr where there is none
  std::string_view name() const override { return full_name; }
  std::string_view table() const override { return table_name; }
  const expr::Member* member(std::string_view name) const override;
  std::vector<std::string_view> member_names() const override;

  std::vector<const Field*> computed;                          ///< fields with `compute`, each after those it reads
  std::unordered_map<std::string_view, const Field*> by_name;  ///< filled by the builder
  std::vector<expr::Member> members;                           ///< by slot; filled by the builder
};

enum class Operation : std::uint8_t { read, create, update, remove };
inline constexpr std::size_t operation_count = 4;
const char* to_string(Operation operation);  ///< read create update delete

/// Right of one role for one operation on one entity.
struct Grant {
  bool always = false;
  std::shared_ptr<const expr::Program> when;  ///< over `record`, `user`, pushable to SQL; null: `always` decides
  Origin origin;
  bool given() const { return always || when != nullptr; }
};

/// A part of the agency; departments form a tree.
struct Department {
  std::string name;                  ///< `sales`
  Text label;
  const Department* parent = nullptr;
  Origin origin;
  bool within(const Department& other) const;  ///< whether it is `other` or below it
};

/// A post: what its holders may do.
struct Role {
  std::string name;                  ///< `sales.salesperson`
  Text label;
  bool administrator = false;        ///< may do everything
  bool everyone = false;             ///< held by every signed-in user
  const Department* department = nullptr;   ///< where the post belongs; may be null
  std::vector<const Role*> includes;        ///< roles whose rights it has too, with all that those include; no cycles
  std::vector<const Role*> all;             ///< itself and all that it includes, each once; filled by the builder
  std::unordered_map<const Entity*, std::array<Grant, operation_count>> grants;
  /// Rights on fields that differ from the field's own, by slot.
  std::unordered_map<const Entity*, std::vector<std::pair<const Field*, FieldRight>>> field_rights;
  std::vector<std::string> routes;   ///< plugin routes by permission name
  Origin origin;
};

struct Module {
  std::string name;                  ///< `sales`
  Text label;
  std::string icon;
  int order = 100;
};

/// Settings of the agency that definitions and rules depend on.
struct Agency {
  std::string name = "Caravan";
  std::string currency = "CNY";
  std::string time_zone = "Asia/Shanghai";
  std::string locale = "zh-CN";
};

class Catalog {
 public:
  const Entity* entity(std::string_view name) const;   ///< nullptr where unknown
  const Choices* choices(std::string_view name) const;
  const Form* form(std::string_view name) const;
  const View* view(std::string_view name) const;
  const Role* role(std::string_view name) const;
  const Department* department(std::string_view name) const;

  Agency agency;
  std::string hash;                  ///< hex digest of all documents, for ETags and `/model`
  std::vector<Module> modules;       ///< in order of display
  std::vector<std::unique_ptr<Entity>> entities;  ///< by name
  std::vector<std::unique_ptr<Choices>> choice_lists;
  std::vector<std::unique_ptr<Form>> forms;
  std::vector<std::unique_ptr<View>> views;
  std::vector<std::unique_ptr<Role>> roles;
  std::vector<std::unique_ptr<Department>> departments;  ///< by name
  std::vector<const Role*> everyone; ///< roles that every signed-in user holds, with all that they include, each once
  expr::Environment record_environment(const Entity& entity) const;  ///< variables: record, user (in this order)

  std::unordered_map<std::string_view, const Entity*> entity_by_name;  ///< filled by the builder
  std::unordered_map<std::string_view, const Role*> role_by_name;
};

/// Injective table name of an entity, at most 64 characters: `sales.order` → `sales_order`.
std::string table_name(std::string_view entity);

/// `user` in expressions: {id, username, name, roles, locale, department, departments}; `roles` with those they include,
/// `departments`: the user's own and all below it.
const expr::RecordType& user_type();
enum UserSlot : std::uint32_t { user_id, user_username, user_name, user_roles, user_locale, user_department, user_departments };

}  // namespace caravan::model

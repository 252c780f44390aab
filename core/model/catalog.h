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

/// Whether it is a language tag such as `zh-CN`.
bool is_locale(std::string_view text);

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

/// `multi`: several options of a choice list, in the list's order. `refs`: several references, by id. `localized`: a text in several
/// languages, a map from language to text.
enum class FieldType : std::uint8_t { id, text, integer, boolean, decimal, money, date, instant, choice, ref, file, image, json, multi, refs, localized };
const char* to_string(FieldType type);  ///< the word of the definition language: id text int bool decimal …

struct Entity;
struct Field;
/// Whether it holds the id of an attachment of its record: of type file or image.
bool is_file(const Field& field);

struct ChoiceOption {
  std::string name;  ///< stored value
  Text label;
  std::string color; ///< antd preset or #rrggbb; may be empty
  bool active = true;///< false: kept for old records, not offered
  std::vector<std::string> of;  ///< options of the controlling field (Field::depends_on) with which it is offered; empty: all
};

struct Choices {
  std::string name;  ///< e.g. `sales.channel`
  Text label;
  std::vector<ChoiceOption> options;  ///< in order of display
  std::map<std::string, std::string, std::less<>> moved;  ///< options that are no more → what their records get instead
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

/// What happens to a reference when the record that it points at is deleted.
enum class DeleteRule : std::uint8_t {
  restrict,  ///< the record cannot be deleted
  clear,     ///< the reference becomes empty
  cascade    ///< the record that refers is deleted, too
};
const char* to_string(DeleteRule rule);

/// A value kept up from the records that refer to this one, in the transaction of their change.
struct Rollup {
  enum class Kind : std::uint8_t { count, sum, min, max } kind = Kind::count;
  const Entity* of = nullptr;        ///< the entity of the children
  const Field* by = nullptr;         ///< their reference to this record
  const Field* field = nullptr;      ///< what is added up or compared; null for count
  std::shared_ptr<const expr::Program> where;  ///< over the child as `record`, pushable to SQL; null: all children
};

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
  std::int64_t max_bytes = 0;        ///< of file and image; 0: the server's own limit
  std::vector<std::string> media_types;  ///< of file and image: `application/pdf`, `image/*`; empty: any (of an image: those that browsers show)
  const Entity* target = nullptr;    ///< of ref; the users' entity `core.user` for owner
  const Choices* choices = nullptr;  ///< of choice and multi
  const Field* depends_on = nullptr; ///< choice field whose value decides which options are offered
  DeleteRule on_delete = DeleteRule::restrict;  ///< of ref and refs
  bool sensitive = false;            ///< sealed in the database and in the history; equality alone can be asked of it
  std::optional<Rollup> rollup;      ///< kept up by the gate, never set by clients
  // Conditions over `record` and `user` that the gate and forms obey; null: always, never, never.
  std::shared_ptr<const expr::Program> visible;        ///< not true: not shown on forms, not required, not to be set
  std::shared_ptr<const expr::Program> required_when;  ///< true: must hold a value
  std::shared_ptr<const expr::Program> read_only_when; ///< true, over the stored record: clients may not change it
  std::shared_ptr<const expr::Program> default_value;  ///< evaluated on create where the field is absent
  std::shared_ptr<const expr::Program> compute;        ///< computed on every write, never set by clients
  std::string column;                ///< SQL column
  std::string currency_column;       ///< of money; `NAME_currency`
  std::string hash_column;           ///< of sensitive; `NAME_hash`, a keyed hash by which equal values are found
  std::string link_table;            ///< of refs: rows (record, target), kept beside the column for look-up and delete rules
  Origin origin;
};

struct Invariant {
  std::string name;
  std::shared_ptr<const expr::Program> check;  ///< over variable `record`
  Text message;
  /// Whether the database enforces it, too (CHECK on MariaDB, triggers on SQLite): what follows references or asks for the time
  /// is checked by the gate alone.
  bool in_database = false;
  Origin origin;
};

/// No two records of one resource overlap in time.
struct Exclusive {
  std::string name;
  const Field* resource = nullptr;   ///< a ref: whose row is locked
  const Field *from = nullptr, *to = nullptr;  ///< dates (both included) or instants (end excluded)
  std::shared_ptr<const expr::Program> where;  ///< which records count, over `record`, pushable; null: all
  Text message;
  Origin origin;
};

struct MatchRule;  // matching.h

/// Records that are probably of the same thing: equal in all these fields, or alike as `match` weighs it. Warned about, never
/// forbidden.
struct DuplicateRule {
  std::string name;
  std::vector<const Field*> fields;  ///< empty ones never match
  std::shared_ptr<const MatchRule> match;  ///< null where `fields` decide
  std::shared_ptr<const expr::Program> where;  ///< which stored records count, over `record`, pushable; null: all
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

/// A text in several languages with places for expressions: `{{record.number}}`. `{{` and `}}` stand for nothing else.
struct TextTemplate {
  Text text;
  struct Place {
    std::shared_ptr<const expr::Program> program;  ///< over `record`, `user`
    const Field* field = nullptr;    ///< where the place is `record.FIELD` and no more: its value is written as people read it
  };
  std::map<std::string, Place, std::less<>> places;  ///< by what stands between the braces, without blanks around it
};

/// One effect of a `do:`: of a transition, a state, an automation, a clock or a schedule.
struct Effect {
  enum class Kind : std::uint8_t {
    set,         ///< fields of the record, or of the record that `target` refers to
    create,      ///< a record of `entity`
    transition,  ///< takes `transition` of the record, or of the one that `target` refers to
    notify,      ///< a notice to users in the console
    send,        ///< a message by a template (`message`), through its channel
    call,        ///< a plugin's action
    webhook      ///< an HTTP POST to `url`
  };
  std::string name;
  Kind kind = Kind::set;
  const Entity* entity = nullptr;    ///< of create; of set and transition, the changed record's own
  const Field* target = nullptr;     ///< of set and transition: the record's reference whose record is meant; null: the record itself
  const Field* each = nullptr;       ///< of set and transition: a reference of `entity`; its records that refer to that one by it are meant
  std::shared_ptr<const expr::Program> each_where;  ///< over such a record: whether it is one of them; null: all
  /// Of set and transition: whether the record itself is changed.
  bool own() const { return target == nullptr && each == nullptr; }
  std::vector<std::pair<const Field*, std::shared_ptr<const expr::Program>>> with;  ///< over `record`, `user`
  std::shared_ptr<const expr::Program> when;  ///< over `record`, `user`: whether it happens; null: it does
  std::string transition;            ///< of transition
  std::vector<std::string> to_roles; ///< of notify, send: holders of these roles
  std::shared_ptr<const expr::Program> to;    ///< of notify, send: a user's id or a list of ids; may be null
  std::shared_ptr<const expr::Program> addresses;  ///< of send: an address or a list of them; may be null
  std::shared_ptr<const expr::Program> language;   ///< of send: the language for `addresses`, e.g. `zh-TW`; null: the agency's
  TextTemplate text;                 ///< of notify
  bool urgent = false;               ///< of notify
  const struct MessageTemplate* message = nullptr;  ///< of send
  std::string action;                ///< of call: `PLUGIN.ACTION`, or with `into` `PLUGIN.FUNCTION`
  std::vector<std::pair<const Field*, std::string>> into;  ///< of call: fields of the record that take what the function answers, by the name of the answer
  std::string url;                   ///< of webhook
  std::vector<std::pair<std::string, std::shared_ptr<const expr::Program>>> values;  ///< of call, webhook: the JSON that is handed over
  Origin origin;
};

/// Work that somebody is given when a record comes to a state: a record of `core.task`.
struct TaskRule {
  std::string name;
  Text label;
  std::string by;                    ///< role whose holders may do it; empty: none
  std::shared_ptr<const expr::Program> by_user;    ///< over `record`, `user`: the id of the user who does it; may be null
  std::shared_ptr<const expr::Program> when;       ///< over `record`, `user`: whether it is needed; null: always
  std::shared_ptr<const expr::Program> within;     ///< over `record`, `user`: a duration until it is due; may be null
  const struct WorkingHours* calendar = nullptr;   ///< in whose working time `within` counts; null: every hour counts
  bool required = true;              ///< steps with `wait_for: tasks` wait for it
  Origin origin;
};

struct State {
  std::string name;
  Text label;
  StateCategory category = StateCategory::open;
  std::string color;
  std::vector<Effect> enter, exit;   ///< whenever a record comes to it or leaves it, in that transaction
  std::vector<const struct ClockRule*> clocks;  ///< that run while a record is in it
  std::vector<TaskRule> tasks;       ///< that a record which comes to it brings with it, in order
  Origin origin;
};

/// One step of a transition's approval, in order.
struct ApprovalStep {
  std::string name;
  Text label;
  std::vector<std::string> by;       ///< roles whose holders decide
  std::shared_ptr<const expr::Program> by_user;  ///< over `record`: the id of the user who decides (by field); may be null
  bool all = false;                  ///< all of `by` (one holder of each role) must agree; else any one
  std::shared_ptr<const expr::Program> when;     ///< over `record`, `user`: whether the step is needed; null: always
  bool self = false;                 ///< whoever asked may decide
  std::int64_t remind_seconds = 0;   ///< deciders are reminded after that time; 0: not
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
  bool automatic = false;            ///< taken by itself as soon as its guard holds after a change of the record
  std::shared_ptr<const expr::Program> at;       ///< over `record`: the moment at which it is taken by itself; null: none
  std::int64_t undo_seconds = 0;     ///< whoever took it may take it back for so long; 0: not
  std::vector<ApprovalStep> approval;
  bool wait_for_tasks = false;       ///< not taken while a required task of the state that it leaves is open
  Origin origin;
  bool asks_for(const Field& field) const;  ///< whether the form has the field
};

struct Workflow {
  const State* initial = nullptr;
  std::vector<std::unique_ptr<State>> states;           ///< in order
  std::vector<std::unique_ptr<Transition>> transitions; ///< in order
  std::map<std::string, std::string, std::less<>> moved;  ///< states that are no more → where their records go
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

enum class ViewType : std::uint8_t { list, board, calendar, timeline };
const char* to_string(ViewType type);

/// How records of an entity are shown together.
struct View {
  std::string name;
  ViewType type = ViewType::list;
  const Entity* entity = nullptr;
  Text label;
  std::vector<const Field*> columns; ///< of a list; of the others, what is shown of each record
  const Field* group = nullptr;      ///< of board: the columns' field, `state` or a choice; of timeline: the lanes' field, may be null
  const Field *start = nullptr, *end = nullptr;  ///< of calendar and timeline: dates or instants; `end` may be null
  std::vector<SortKey> sort;
  std::shared_ptr<const expr::Program> filter;  ///< over `record`, `user`; may be null
  Origin origin;
};

/// What a plugin may tell of a record, beside its changes; automations and hooks of others listen.
struct Happening {
  std::string name;
  Text label;
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
  bool gap_free = false;             ///< numbers are taken in the transaction, one after the other, none is lost
  bool ledger = false;               ///< records are only added, never changed or deleted
  bool files = false;                ///< some field is a file or an image
  const Field* title = nullptr;      ///< what a reference to the record shows; number or id where none is named
  std::vector<std::unique_ptr<Field>> fields;  ///< system fields first; index is the slot
  std::vector<Invariant> invariants;
  std::vector<Index> indexes;
  std::vector<Exclusive> exclusive;
  std::vector<DuplicateRule> duplicates;
  std::vector<Happening> events;     ///< in the order of the definition
  std::vector<const Field*> rolled_up;  ///< rollup fields of other entities that count this one's records; filled by the builder
  std::unique_ptr<Workflow> workflow;///< null where the entity has no states
  std::vector<const Form*> forms;    ///< the first one is for create and edit
  std::vector<const View*> views;    ///< the first one is the default list
  std::shared_ptr<const struct EntityRules> rules;  ///< what happens by itself with its records, see process.h; null: nothing
  bool restricts_fields = false;     ///< some field's right is below `write`, by itself or for some role; filled by the builder
  bool restricts_by_default = false; ///< some field's own right is below `write`
  Origin origin;

  const Field* field(std::string_view name) const;  ///< nullptr where there is none
  std::string_view name() const override { return full_name; }
  std::string_view table() const override { return table_name; }
  const expr::Member* member(std::string_view name) const override;
  std::vector<std::string_view> member_names() const override;

  std::vector<const Field*> conditional;  ///< fields with a condition, or whose options depend on another field; filled by the builder
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
  const struct WorkingHours* calendar = nullptr;  ///< for workdays() and clocks that name none; null: Monday to Friday
};

// Of model/process.h and model/pages.h.
struct Page;
struct SettingsGroup;
struct WorkingHours;
struct ClockRule;
struct Assignment;
struct Automation;
struct ScheduleRule;
struct MessageTemplate;
struct ImportMap;                    // of model/import_map.h
struct Report;                       // of model/reports.h
struct Dashboard;
struct PluginFunction;               // of model/functions.h

class Catalog {
 public:
  Catalog();
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
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
  // Each by name; see model/pages.h and model/process.h.
  std::vector<std::unique_ptr<Page>> pages;
  std::vector<std::unique_ptr<SettingsGroup>> settings;
  std::vector<std::unique_ptr<WorkingHours>> calendars;
  std::vector<std::unique_ptr<ClockRule>> clocks;
  std::vector<std::unique_ptr<Assignment>> assignments;
  std::vector<std::unique_ptr<Automation>> automations;
  std::vector<std::unique_ptr<ScheduleRule>> schedules;
  std::vector<std::unique_ptr<MessageTemplate>> messages;
  std::vector<std::unique_ptr<ImportMap>> import_maps;
  std::vector<std::unique_ptr<Report>> reports;
  std::vector<std::unique_ptr<Dashboard>> dashboards;
  std::vector<std::unique_ptr<PluginFunction>> functions;
  std::shared_ptr<const expr::Constants> constants;  ///< the settings as expressions name them: `settings.MODULE.NAME`
  /// Of sensitive fields: what seals and hashes them (records/seal.h). No part of the definitions: given to the Catalog by who
  /// opens the database, before it is used.
  std::shared_ptr<const expr::ConstantHash> keys;
  std::vector<const Role*> everyone; ///< roles that every signed-in user holds, with all that they include, each once
  expr::Environment record_environment(const Entity& entity) const;  ///< variables: record, user (in this order); with the settings

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

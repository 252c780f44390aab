#include "records/data_check.h"

#include <map>
#include <set>

#include "records/access.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/moves.h"
#include "storage/tables.h"

namespace caravan::records {
namespace {

using model::Diagnostic;
using model::Entity;
using model::Field;

constexpr std::size_t shown_ids = 5;

class Checker {
 public:
  Checker(storage::Session& session, const model::Catalog& next, const DataCheck& options)
      : session_(session),
        next_(next),
        options_(options),
        tables_((session.dialect() == storage::Dialect::mysql ? storage::mysql_schema(session) : storage::sqlite_schema())->find(session)) {}

  std::vector<Diagnostic> run() {
    for (const auto& entity : next_.entities) {
      const Entity* before = options_.present ? options_.present->entity(entity->full_name) : nullptr;
      if (entity->workflow) check_states(*entity, before);
      for (const auto& field : entity->fields) {
        if (!field->system && (field->type == model::FieldType::choice || field->type == model::FieldType::multi) && field->choices) check_choices(*entity, *field, before);
      }
      for (const auto& field : entity->fields) {
        const Field* old = before ? before->field(field->name) : nullptr;
        if (old && old->type == field->type && old->target && field->target && old->target->full_name != field->target->full_name) check_target(*entity, *field, *old);
      }
      for (const model::Invariant& invariant : entity->invariants) check_invariant(*entity, invariant, before);
      for (const model::Exclusive& rule : entity->exclusive) check_exclusive(*entity, rule, before);
    }
    if (options_.roles) check_roles();
    return std::move(found_);
  }

 private:
  std::string name(std::string_view text) const { return storage::quote(session_.dialect(), text); }

  void report(Diagnostic::Severity severity, const model::Origin& at, std::string code, std::string message, std::string hint) {
    found_.push_back({severity, at, std::move(code), std::move(message), std::move(hint)});
  }

  template <class Row>
  void each(const std::string& sql, const std::vector<expr::Value>& parameters, const Row& row) {
    storage::Statement& statement = session_.prepare(sql);
    int index = 1;
    for (const auto& parameter : parameters) statement.bind(index++, parameter);
    while (statement.step()) row(statement);
    statement.reset();
  }

  /// Whether the database has the field yet; what is new has no rows.
  bool stored(const Entity& entity, const Field& field) const {
    const auto table = tables_.find(entity.table_name);
    return table != tables_.end() && table->second.columns.contains(field.column);
  }
  bool stored(const expr::Program& program) const {
    for (const expr::ReadField& read : expr::read_fields(program)) {
      const Entity* entity = next_.entity(read.type->name());
      if (entity != nullptr && !stored(*entity, *entity->fields[read.slot])) return false;
    }
    return true;
  }

  /// How often each value of a column occurs; empty for NULL.
  std::vector<std::pair<std::string, std::int64_t>> values(const Entity& entity, const Field& field) {
    std::vector<std::pair<std::string, std::int64_t>> found;
    if (!stored(entity, field)) return found;
    const std::string& column = field.column;
    each("SELECT " + name(column) + ", COUNT(*) FROM " + name(entity.table_name) + " GROUP BY " + name(column), {},
         [&](storage::Statement& row) { found.emplace_back(row.is_null(0) ? std::string() : std::string(row.text(0)), row.integer(1)); });
    return found;
  }

  /// The same of the elements of a list: in how many records each occurs.
  std::vector<std::pair<std::string, std::int64_t>> elements(const Entity& entity, const Field& field) {
    std::map<std::string, std::int64_t> counts;
    for (const auto& [text, count] : values(entity, field)) {
      if (text.empty()) continue;
      expr::Value list;
      try {
        list = from_column(field, text);
      } catch (const Error&) {
        counts[text] += count;  // a single value, which the schema is about to bring into a list
        continue;
      }
      if (list.as_list() == nullptr) continue;
      for (const expr::Value& one : *list.as_list()) {
        if (const auto* option = one.as<std::string>()) counts[*option] += count;
      }
    }
    return {counts.begin(), counts.end()};
  }

  static std::string records(std::int64_t count) { return std::to_string(count) + (count == 1 ? " record" : " records"); }

  /// A note, for whoever wants to know before it happens.
  void tell_moved(const Entity& entity, const model::Origin& at, std::int64_t count, const std::string& from, const std::string& to, const std::string& where) {
    report(Diagnostic::Severity::warning, at, "moved-records",
           records(count) + " of " + entity.full_name + (count == 1 ? " goes" : " go") + " from \"" + from + "\" to \"" + to + "\"" + where +
               " when the definitions are put in use",
           "nothing, if that is meant");
  }

  void check_states(const Entity& entity, const Entity* before) {
    for (const auto& [state, count] : values(entity, *entity.fields[model::slot_state])) {
      if (!state.empty() && entity.workflow->state(state) != nullptr) continue;
      if (const auto moved = entity.workflow->moved.find(state); moved != entity.workflow->moved.end()) {
        tell_moved(entity, entity.origin, count, state, moved->second, "");
        continue;
      }
      if (state.empty() && (!options_.present || (before && !before->workflow))) {
        report(Diagnostic::Severity::warning, entity.origin, "moved-records",
               records(count) + " of " + entity.full_name + (count == 1 ? " has" : " have") + " no state: " +
                   (count == 1 ? "it goes to \"" : "they go to \"") + entity.workflow->initial->name + "\" when the workflow is put in use",
               "nothing, if that is meant");
        continue;
      }
      const bool removed = !options_.present || (before && before->workflow && !state.empty() && before->workflow->state(state) != nullptr);
      const std::string what = state.empty() ? "no state" : "the state \"" + state + "\", which the workflow no longer has";
      report(removed ? Diagnostic::Severity::error : Diagnostic::Severity::warning, entity.origin, "state-in-use",
             records(count) + " of " + entity.full_name + (count == 1 ? " has " : " have ") + what,
             state.empty() ? "give them one before"
                           : "say where they go with `moved: {" + state + ": …}` in the workflow, or keep the state, without transitions into it, until "
                             "the last of them has left it");
    }
  }

  /// References that lead nowhere, for the field points at another entity now. Ids are the database's, not the entity's.
  void check_target(const Entity& entity, const Field& field, const Field& old) {
    const bool list = field.type == model::FieldType::refs;
    const std::string& table = list ? field.link_table : entity.table_name;
    const auto found = tables_.find(table);
    if (found == tables_.end() || !found->second.columns.contains(list ? "target" : field.column)) return;
    const std::string column = "r." + name(list ? "target" : field.column);
    std::string sql = std::string("SELECT COUNT(") + (list ? "DISTINCT r.record" : "*") + ") FROM " + name(table) + " r WHERE " + column + " IS NOT NULL";
    if (tables_.contains(field.target->table_name)) {
      sql += " AND NOT EXISTS (SELECT 1 FROM " + name(field.target->table_name) + " t WHERE t." + name(field.target->fields[model::slot_id]->column) +
             " = " + column + ")";
    }
    std::int64_t count = 0;
    each(sql, {}, [&](storage::Statement& row) { count = row.integer(0); });
    if (count == 0) return;
    report(Diagnostic::Severity::error, field.origin, "reference-in-use",
           records(count) + " of " + entity.full_name + (count == 1 ? " refers to " : " refer to ") + old.target->full_name + " in " + field.name +
               ", which points at " + field.target->full_name + " now",
           "empty the field first, or add another one");
  }

  void check_choices(const Entity& entity, const Field& field, const Entity* before) {
    const Field* old = before ? before->field(field.name) : nullptr;
    for (const auto& [value, count] : field.type == model::FieldType::multi ? elements(entity, field) : values(entity, field)) {
      if (value.empty() || field.choices->option(value) != nullptr) continue;
      if (const auto moved = field.choices->moved.find(value); moved != field.choices->moved.end() && !entity.ledger) {
        tell_moved(entity, field.choices->origin, count, value, moved->second, " in " + field.name);
        continue;
      }
      const bool removed = !options_.present || (old && old->choices && old->choices->option(value) != nullptr);
      report(removed ? Diagnostic::Severity::error : Diagnostic::Severity::warning, field.choices->origin, "choice-in-use",
             records(count) + " of " + entity.full_name + (count == 1 ? " has \"" : " have \"") + value + "\" in " + field.name + ", which " +
                 field.choices->name + " no longer offers",
             "keep the option with `active: false`: it stays on the old records and is not offered any more; or say with `moved: {" + value +
                 ": …}` what they get instead");
    }
  }

  void check_invariant(const Entity& entity, const model::Invariant& invariant, const Entity* before) {
    if (before != nullptr) {
      for (const model::Invariant& old : before->invariants) {
        if (old.name == invariant.name && old.check->source() == invariant.check->source()) return;
      }
    }
    if (!stored(entity, *entity.fields[model::slot_id]) || !stored(*invariant.check)) return;
    Context context;
    context.actor.system = true;
    context.catalog = std::shared_ptr<const model::Catalog>(std::shared_ptr<const model::Catalog>(), &next_);
    context.now = Clock::system().now();
    const UserActivation constants(context, context.actor);
    const auto condition = expr::to_sql(
        *invariant.check, session_.dialect() == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite, "r", constants.get());
    if (condition.refused) return;  // judged in memory, record by record
    std::string from = " FROM " + name(entity.table_name) + " r WHERE NOT (" + condition.sql + ")";
    std::vector<expr::Value> parameters = condition.parameters;
    // Those that will be moved are asked when it is known what becomes of them, see moves.h.
    for (const Move& move : moves_) {
      if (move.entity != &entity || move.field->type == model::FieldType::multi || !stored(entity, *move.field)) continue;
      const std::string column = "r." + name(move.field->column);
      from += " AND (" + column + " IS NULL OR " + column + " <> ?)";
      parameters.emplace_back(move.from);
    }
    std::int64_t count = 0;
    each("SELECT COUNT(*)" + from, parameters, [&](storage::Statement& row) { count = row.integer(0); });
    if (count == 0) return;
    std::string ids;
    each("SELECT r." + name(entity.fields[model::slot_id]->column) + from + " LIMIT " + std::to_string(shown_ids), parameters,
         [&](storage::Statement& row) { ids += (ids.empty() ? "" : ", ") + std::to_string(row.integer(0)); });
    // What the database keeps, it cannot keep beside rows that break it.
    report(invariant.in_database ? Diagnostic::Severity::error : Diagnostic::Severity::warning, invariant.origin, "invariant-broken",
           records(count) + " of " + entity.full_name + (count == 1 ? " breaks" : " break") + " the invariant \"" + invariant.name + "\" (id " + ids +
               (count > static_cast<std::int64_t>(shown_ids) ? ", …" : "") + ")",
           invariant.in_database ? "mend them first; then the database itself keeps it" : "mend them: until then nothing else of them can be changed");
  }

  static std::string said(const model::Exclusive& rule) {
    return rule.resource->name + " " + rule.from->name + " " + rule.to->name + " " + (rule.where ? rule.where->source() : std::string());
  }

  void check_exclusive(const Entity& entity, const model::Exclusive& rule, const Entity* before) {
    if (before != nullptr) {
      for (const model::Exclusive& old : before->exclusive) {
        if (old.name == rule.name && said(old) == said(rule)) return;
      }
    }
    for (const Field* field : {static_cast<const Field*>(entity.fields[model::slot_id].get()), rule.resource, rule.from, rule.to}) {
      if (!stored(entity, *field)) return;
    }
    if (rule.where && !stored(*rule.where)) return;
    const bool dates = rule.from->type == model::FieldType::date;
    const auto column = [&](const char* alias, const Field& field) { return std::string(alias) + "." + name(field.column); };
    const Field& id = *entity.fields[model::slot_id];
    std::string from = " FROM " + name(entity.table_name) + " r JOIN " + name(entity.table_name) + " o ON " + column("o", *rule.resource) + " = " +
                       column("r", *rule.resource) + " AND " + column("o", id) + " > " + column("r", id);
    for (const auto& [a, b] : {std::pair("r", "o"), std::pair("o", "r")}) from += " AND " + column(a, *rule.from) + (dates ? " <= " : " < ") + column(b, *rule.to);
    std::vector<expr::Value> parameters;
    const char* word = " WHERE ";
    for (const char* alias : {"r", "o"}) {
      if (!rule.where) break;
      const expr::Value variables[1];
      const auto condition = expr::to_sql(*rule.where, session_.dialect() == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite, alias,
                                          {variables, 1, {}, "UTC"});
      if (condition.refused) return;
      from += word + ("(" + condition.sql + ")");
      word = " AND ";
      parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
    }
    std::size_t count = 0;
    std::string ids;
    each("SELECT " + column("r", id) + ", " + column("o", id) + from + " LIMIT " + std::to_string(shown_ids + 1), parameters, [&](storage::Statement& row) {
      if (++count <= shown_ids) ids += (ids.empty() ? "" : ", ") + std::to_string(row.integer(0)) + " and " + std::to_string(row.integer(1));
    });
    if (count == 0) return;
    report(Diagnostic::Severity::warning, rule.origin, "exclusive-broken",
           "records of " + entity.full_name + " overlap, which the exclusive rule \"" + rule.name + "\" forbids (id " + ids + (count > shown_ids ? ", …" : "") + ")",
           "move them: until then they stay as they are, but are not moved to another taken time");
  }

  void check_roles() {
    const Entity* users = next_.entity("core.user");
    if (users == nullptr || !stored(*users, *users->field("roles"))) return;
    std::set<std::string, std::less<>> held;
    each("SELECT roles FROM " + name(users->table_name) + " WHERE active = 1", {}, [&](storage::Statement& row) {
      if (row.is_null(0)) return;
      const Json roles = parse_json(row.text(0));
      if (const auto* list = roles.as<Json::Array>()) {
        for (const Json& role : *list) {
          if (const auto* text = role.as<std::string>()) held.insert(*text);
        }
      }
    });
    std::set<const model::Role*> needed;
    for (const auto& role : next_.roles) {
      if (!held.contains(role->name)) continue;
      for (const model::Role* one : role->all) needed.insert(one);
    }
    for (const auto& role : next_.roles) {
      if (role->everyone || needed.contains(role.get())) continue;
      report(Diagnostic::Severity::warning, role->origin, "role-without-holder", "nobody holds the role " + role->name,
             "give it to a user, or leave it out");
    }
  }

  storage::Session& session_;
  const model::Catalog& next_;
  const DataCheck& options_;
  const storage::FoundTables tables_;
  const std::vector<Move> moves_ = moves_of(next_);
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> check_data(storage::Session& session, const model::Catalog& next, const DataCheck& options) {
  return Checker(session, next, options).run();
}

}  // namespace caravan::records

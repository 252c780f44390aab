#include "records/merge.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "records/access.h"
#include "records/approval_state.h"
#include "records/by_ids.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/seal.h"
#include "records/share.h"
#include "records/trash.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;

constexpr std::size_t most_moved = 20'000;
constexpr const char* merge_sequence = "record_merge";

bool is_list(const Field& field) {
  return field.type == model::FieldType::multi || field.type == model::FieldType::refs;
}

/// Whether a merge has anything to say about the field.
bool carried(const Field& field) {
  if (field.compute || field.rollup) return false;
  return !field.system || field.slot == model::slot_owner || field.name == "external_source" || field.name == "external_id";
}

expr::Value without(const expr::Value& value, std::int64_t id) {
  if (const auto* one = value.as<std::int64_t>()) return *one == id ? expr::Value() : value;
  const expr::List* list = value.as_list();
  if (list == nullptr) return value;
  expr::List left;
  for (const expr::Value& one : *list) {
    if (const auto* other = one.as<std::int64_t>(); other == nullptr || *other != id) left.push_back(one);
  }
  return left.empty() ? expr::Value() : expr::Value(std::move(left));
}

expr::Value united(const expr::Value& a, const expr::Value& b) {
  const expr::List *x = a.as_list(), *y = b.as_list();
  if (x == nullptr) return b;
  if (y == nullptr) return a;
  expr::List all = *x;
  for (const expr::Value& one : *y) {
    if (std::none_of(all.begin(), all.end(), [&](const expr::Value& there) { return there.same_as(one); })) all.push_back(one);
  }
  return expr::Value(std::move(all));
}

/// The list with `to` in place of `from`, each once.
expr::Value replaced(const expr::List& list, std::int64_t from, std::int64_t to) {
  expr::List out;
  for (const expr::Value& one : list) {
    const auto* id = one.as<std::int64_t>();
    expr::Value value = id != nullptr && *id == from ? expr::Value(to) : one;
    if (std::none_of(out.begin(), out.end(), [&](const expr::Value& there) { return there.same_as(value); })) out.push_back(std::move(value));
  }
  return expr::Value(std::move(out));
}

bool refers(const Field& field, const Entity& entity) {
  return (field.type == model::FieldType::ref || field.type == model::FieldType::refs) && field.target == &entity;
}

void write_ids(std::string& out, const std::vector<std::int64_t>& ids) {
  out.push_back('[');
  for (std::size_t i = 0; i < ids.size(); ++i) (out += i ? "," : "") += std::to_string(ids[i]);
  out.push_back(']');
}

std::vector<std::int64_t> listed_ids(const Json* list) {
  std::vector<std::int64_t> ids;
  const auto* items = list ? list->as<Json::Array>() : nullptr;
  for (const Json& one : items ? *items : Json::Array()) {
    if (const auto* number = one.as<Json::Number>()) ids.push_back(std::strtoll(number->text.c_str(), nullptr, 10));
  }
  return ids;
}

/// What a record referred to, for the undo.
struct Moved {
  std::string entity, field;
  std::int64_t id = 0;
  std::vector<std::int64_t> list;  ///< of refs: as it was
};

struct Detail {
  std::int64_t version = 0;        ///< of the survivor, by the merge
  std::vector<Moved> moved;
  std::vector<std::int64_t> attachments, shares;

  std::string json() const {
    std::string out = "{\"version\":" + std::to_string(version) + ",\"moved\":[";
    for (const Moved& one : moved) {
      if (out.back() != '[') out.push_back(',');
      out.push_back('[');
      write_json_string(out, one.entity);
      out.push_back(',');
      write_json_string(out, one.field);
      out += "," + std::to_string(one.id);
      if (!one.list.empty()) {
        out.push_back(',');
        write_ids(out, one.list);
      }
      out.push_back(']');
    }
    out += "],\"attachments\":";
    write_ids(out, attachments);
    out += ",\"shares\":";
    write_ids(out, shares);
    out.push_back('}');
    return out;
  }

  static Detail parse(std::string_view text) {
    Detail detail;
    const Json json = parse_json(text);
    if (const Json* version = json.find("version")) {
      if (const auto* number = version->as<Json::Number>()) detail.version = std::strtoll(number->text.c_str(), nullptr, 10);
    }
    detail.attachments = listed_ids(json.find("attachments"));
    detail.shares = listed_ids(json.find("shares"));
    const Json* moved = json.find("moved");
    const auto* list = moved ? moved->as<Json::Array>() : nullptr;
    for (const Json& item : list ? *list : Json::Array()) {
      const auto* parts = item.as<Json::Array>();
      if (parts == nullptr || parts->size() < 3) continue;
      const auto *entity = (*parts)[0].as<std::string>(), *field = (*parts)[1].as<std::string>();
      const auto* id = (*parts)[2].as<Json::Number>();
      if (entity == nullptr || field == nullptr || id == nullptr) continue;
      detail.moved.push_back({*entity, *field, std::strtoll(id->text.c_str(), nullptr, 10), parts->size() > 3 ? listed_ids(&(*parts)[3]) : std::vector<std::int64_t>()});
    }
    return detail;
  }
};

/// Which value of a field is kept where nobody says.
Keep usual(const Field& field, const Record& mine, const Record& theirs) {
  // The two belong together: an id of one source under the name of another is nobody's.
  const Field& decides = field.name == "external_source" && mine.entity().field("external_id") ? *mine.entity().field("external_id") : field;
  return mine[decides.slot].is_null() && !theirs[decides.slot].is_null() ? Keep::theirs : Keep::mine;
}

/// One side of what an event says changed, as a record's row. Of money the event may name the amount or the currency alone: then the
/// other is that of `now`.
Record side_of(const Entity& entity, const Json& changes, std::size_t side, const Record& now) {
  std::string row = "{";
  for (const auto& field : entity.fields) {
    const auto* money = field->currency_column.empty() ? nullptr : now[field->slot].as<Decimal>();
    const bool amount = changes.find(field->name) != nullptr, currency = !field->currency_column.empty() && changes.find(field->currency_column) != nullptr;
    if (money == nullptr || amount == currency) continue;
    if (row.size() > 1) row.push_back(',');
    write_json_string(row, amount ? field->currency_column : field->name);
    row.push_back(':');
    if (amount) write_json_string(row, money->currency_code());
    else write_value(row, *field, now[field->slot]);
  }
  const auto* members = changes.as<Json::Object>();
  for (const auto& [name, pair] : members ? *members : Json::Object()) {
    const auto* both = pair.as<Json::Array>();
    if (both == nullptr || both->size() <= side || (*both)[side].is_null()) continue;
    if (row.size() > 1) row.push_back(',');
    write_json_string(row, name);
    row.push_back(':');
    (*both)[side].write(row);
  }
  return parse_row(entity, row + "}");
}

[[noreturn]] void refuse(ErrorCode code, const Context& context, std::string_view text, std::initializer_list<std::string_view> arguments = {}) {
  throw Error(code, message(text, context.locale, arguments));
}

std::string label_of(const Context& context, const Entity& entity) {
  return entity.label.in(context.locale);
}

/// Logins, and what is never changed.
void refuse_never(const Context& context, const Entity& entity) {
  if (entity.ledger || entity.full_name == "core.user") refuse(ErrorCode::conflict, context, "merge_never", {label_of(context, entity)});
}

/// A step of it that somebody is to approve would be a step of nothing.
void refuse_waiting(storage::Session& session, const Context& context, const Record& theirs) {
  storage::Query pending(session, "SELECT id FROM approval WHERE entity = ? AND record_id = ? AND state = ? LIMIT 1", theirs.entity().full_name, theirs.id(), approval_waits);
  if (pending.next()) refuse(ErrorCode::conflict, context, "merge_approval", {name_of(theirs)});
}

}  // namespace

/// A merge within its transaction.
class MergeWork {
 public:
  MergeWork(TransactionWork& work, const Entity& entity) : work_(work), context_(work.context()), entity_(entity) {}

  Record merge(std::int64_t survivor, const MergeQuery& query, std::int64_t id, int undo_days) {
    if (survivor == query.other) refuse(ErrorCode::invalid_argument, context_, "merge_same");
    refuse_never(context_, entity_);
    // In the order of ids, as every other merge of the two.
    Record first = work_.load(entity_, std::min(survivor, query.other), true, Authority::actor);
    Record second = work_.load(entity_, std::max(survivor, query.other), true, Authority::actor);
    Record mine = survivor < query.other ? first : second, theirs = survivor < query.other ? second : first;
    for (Record* one : {&mine, &theirs}) {
      if (!may(context_, Operation::update, *one, work_.follow_, work_.session_)) refuse(ErrorCode::forbidden, context_, "forbidden_update", {label_of(context_, entity_)});
    }
    expect(mine, query.version);
    expect(theirs, query.other_version);
    refuse_waiting(work_.session_, context_, theirs);
    Record wanted = chosen(mine, theirs, query);
    Detail detail;
    move_references(theirs.id(), survivor, detail);
    let_go(survivor, theirs.id(), detail);
    move_rows("attachment", "", theirs.id(), survivor, detail.attachments);
    // Those of the other record come to see the survivor: that is for who may share it.
    if (may_share(context_, mine, work_.follow_))
      move_rows("record_share",
              " AND NOT EXISTS (SELECT 1 FROM (SELECT grantee_kind, grantee FROM record_share WHERE record_id = " + std::to_string(survivor) +
                  ") o WHERE o.grantee_kind = record_share.grantee_kind AND o.grantee = record_share.grantee)",
              theirs.id(), survivor, detail.shares);
    // Both may have changed with what was moved: rollups, and rules that follow.
    theirs = *work_.fetch(entity_, theirs.id(), TransactionWork::Lock::exclusive);
    work_.remove_stored(theirs, message("merged_into", context_.locale, {name_of(mine), std::to_string(survivor)}));
    const Record again = *work_.fetch(entity_, survivor, TransactionWork::Lock::exclusive);
    for (const auto& field : entity_.fields) {
      // What a rule has set meanwhile stays, unless the merge itself says otherwise.
      if (wanted[field->slot].same_as(mine[field->slot])) wanted.set(field->slot, again[field->slot]);
    }
    wanted.set_chain(again.chain());
    std::string note = message("merged_with", context_.locale, {name_of(theirs), std::to_string(theirs.id())});
    if (!query.note.empty()) note += "\n" + query.note;
    Record result = work_.put_back(again, std::move(wanted), "merge", note);
    detail.version = again.version() + 1;
    storage::run_sql(work_.session_, "DELETE FROM duplicate_pair WHERE first_id = ? OR second_id = ?", theirs.id(), theirs.id());
    storage::Query insert(work_.session_, "INSERT INTO record_merge (id, entity, survivor_id, merged_id, at, actor_id, undo_until, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    const std::string text = detail.json();
    insert.add(id);
    insert.add(entity_.full_name);
    insert.add(survivor);
    insert.add(theirs.id());
    insert.add(context_.now);
    insert.add_or_null(context_.actor.user_id);
    insert.add(Timestamp{context_.now.micros + undo_days * std::int64_t{86'400'000'000}, 0});
    insert.add(text);
    insert.next();
    return result;
  }

  Record undo(std::int64_t survivor, std::int64_t merge) {
    Record mine = work_.load(entity_, survivor, true, Authority::actor);
    if (!may(context_, Operation::update, mine, work_.follow_, work_.session_)) refuse(ErrorCode::forbidden, context_, "forbidden_update", {label_of(context_, entity_)});
    std::int64_t merged = 0;
    Detail detail;
    {
      storage::Query find(work_.session_, "SELECT id, merged_id, detail, undo_until FROM record_merge WHERE survivor_id = ? AND entity = ? AND undone_at IS NULL ORDER BY id DESC LIMIT 1", survivor, entity_.full_name);
      if (!find.next() || find.instant(3).value_or(Timestamp{}) <= context_.now) refuse(ErrorCode::not_found, context_, "merge_gone");
      if (find.integer(0) != merge) refuse(ErrorCode::conflict, context_, "merge_newer");
      merged = find.integer(1);
      detail = Detail::parse(find.text(2));
    }
    // The survivor lets go first of what must be unique.
    Record wanted = mine;
    restore_fields(wanted, mine, detail.version);
    work_.put_back(mine, std::move(wanted), "unmerge", message("unmerged_from", context_.locale, {std::to_string(merged)}));
    work_.restore(entity_, merged);
    for (const Moved& one : detail.moved) move_back(one, survivor, merged);
    give_back("attachment", detail.attachments, survivor, merged);
    give_back("record_share", detail.shares, survivor, merged);
    storage::run_sql(work_.session_, "UPDATE record_merge SET undone_at = ? WHERE id = ?", context_.now, merge);
    return *work_.fetch(entity_, survivor, TransactionWork::Lock::none);
  }

 private:
  void expect(const Record& record, const std::optional<std::int64_t>& version) const {
    if (version && *version != record.version()) refuse(ErrorCode::stale, context_, "stale", {label_of(context_, entity_), std::to_string(record.version())});
  }

  static std::vector<const Field*> changed_under_conditions(const Record& before, const Record& after) {
    std::vector<const Field*> changed;
    for (const Field* field : before.entity().conditional) {
      if ((field->visible || field->read_only_when) && !before[field->slot].same_as(after[field->slot])) changed.push_back(field);
    }
    return changed;
  }

  [[noreturn]] static void refuse_fields(std::vector<FieldError> mistakes) {
    std::string sentence = mistakes.front().message;
    throw Error(ErrorCode::invalid_record, std::move(sentence), std::move(mistakes));
  }

  /// The survivor with the values that are kept. What may not be changed under the entity's conditions is refused where the actor asks
  /// for it, and stays as it is where nobody says.
  Record chosen(const Record& mine, const Record& theirs, const MergeQuery& query) const {
    Record wanted = mine, kept = mine;
    choose(wanted, kept, mine, theirs, query);
    while (true) {
      const auto changed = changed_under_conditions(kept, wanted);
      if (changed.empty()) return wanted;
      Record judged = wanted;
      const auto mistakes = judge_changes(context_, judged, kept, changed, work_.follow_);
      if (mistakes.empty()) return wanted;
      std::vector<FieldError> asked;
      for (const FieldError& mistake : mistakes) {
        const Field& field = *entity_.field(mistake.field);
        if (query.fields.contains(&field)) asked.push_back(mistake);
        wanted.set(field.slot, kept[field.slot]);
      }
      if (!asked.empty()) refuse_fields(std::move(asked));
    }
  }

  /// `kept`: the survivor as it would be with nothing of the other record.
  void choose(Record& wanted, Record& kept, const Record& mine, const Record& theirs, const MergeQuery& query) const {
    const FieldRights rights = field_rights(context_, entity_);
    std::vector<FieldError> mistakes;
    for (const auto& [field, keep] : query.fields) {
      const bool known = carried(*field) && rights.readable(*field);
      if (!known || (keep != Keep::mine && (!rights.writable(*field) || field->read_only)) || (keep == Keep::both && !is_list(*field)))
        mistakes.push_back({field->name, "not_mergeable", message("not_mergeable", context_.locale, {field->label.in(context_.locale)})});
    }
    if (!mistakes.empty()) refuse_fields(std::move(mistakes));
    for (const auto& owned : entity_.fields) {
      const Field& field = *owned;
      if (!carried(field)) continue;
      const auto said = query.fields.find(&field);
      const Keep keep = said != query.fields.end() ? said->second : usual(field, mine, theirs);
      expr::Value value = keep == Keep::mine ? mine[field.slot] : keep == Keep::theirs ? theirs[field.slot] : united(mine[field.slot], theirs[field.slot]);
      if (refers(field, entity_)) {
        value = without(without(value, theirs.id()), mine.id());
        kept.set(field.slot, without(without(mine[field.slot], theirs.id()), mine.id()));
      }
      wanted.set(field.slot, std::move(value));
    }
  }

  void move_references(std::int64_t from, std::int64_t to, Detail& detail) {
    for (const auto& [referrer, field] : work_.plans_->of(entity_).referrers) {
      std::set<std::int64_t> passed;  // the two themselves: they are written with their fields
      for (bool more = true; more;) {
        more = false;
        for (const std::int64_t id : work_.referring(*referrer, *field, from, 200 + passed.size())) {
          if (passed.contains(id)) continue;
          if (referrer == &entity_ && (id == from || id == to)) {
            passed.insert(id);
            continue;
          }
          if (detail.moved.size() >= most_moved) refuse(ErrorCode::conflict, context_, "merge_many", {std::to_string(most_moved)});
          if (referrer->ledger) refuse(ErrorCode::conflict, context_, "merge_ledger", {label_of(context_, *referrer)});
          auto stored = work_.fetch(*referrer, id, TransactionWork::Lock::exclusive);
          passed.insert(id);
          if (!stored) continue;
          Moved moved{referrer->full_name, field->name, id, {}};
          expr::Value value(to);
          if (const expr::List* list = (*stored)[field->slot].as_list()) {
            moved.list = ids_of((*stored)[field->slot]);
            value = replaced(*list, from, to);
          }
          work_.relabel(*stored, field->slot, std::move(value), message("reference_merged", context_.locale, {label_of(context_, entity_)}));
          detail.moved.push_back(std::move(moved));
          more = true;
        }
      }
    }
  }

  /// The survivor's own references to the other one.
  void let_go(std::int64_t survivor, std::int64_t other, Detail& detail) {
    for (const auto& field : entity_.fields) {
      if (!refers(*field, entity_) || field->compute) continue;
      const Record stored = *work_.fetch(entity_, survivor, TransactionWork::Lock::exclusive);
      expr::Value left = without(stored[field->slot], other);
      if (left.same_as(stored[field->slot])) continue;
      detail.moved.push_back({entity_.full_name, field->name, survivor, is_list(*field) ? ids_of(stored[field->slot]) : std::vector<std::int64_t>()});
      work_.relabel(stored, field->slot, std::move(left), message("reference_merged", context_.locale, {label_of(context_, entity_)}));
    }
  }

  void move_back(const Moved& one, std::int64_t survivor, std::int64_t merged) {
    const Entity* entity = context_.catalog->entity(one.entity);
    const Field* field = entity ? entity->field(one.field) : nullptr;
    auto stored = field ? work_.fetch(*entity, one.id, TransactionWork::Lock::exclusive) : std::nullopt;
    if (!stored) return;
    expr::Value value = (*stored)[field->slot];
    if (one.id == survivor && entity == &entity_) {
      expr::List before;
      for (const std::int64_t id : one.list) before.emplace_back(id);
      if (!before.empty()) {
        if (!value.same_as(without(expr::Value(before), merged))) return;  // somebody has decided otherwise since
        value = expr::Value(before);
      } else if (value.is_null()) {
        value = expr::Value(merged);
      } else {
        return;
      }
    } else if (const auto* target = value.as<std::int64_t>()) {
      if (*target != survivor) return;  // somebody has decided otherwise since
      value = expr::Value(merged);
    } else if (const expr::List* list = value.as_list()) {
      expr::List before;
      for (const std::int64_t id : one.list) before.emplace_back(id);
      const expr::Value was(before);
      // The list as it was, where nobody has changed it since.
      if (value.same_as(replaced(before, merged, survivor))) value = was;
      else if (std::find(one.list.begin(), one.list.end(), survivor) != one.list.end()) value = united(value, expr::Value(expr::List{expr::Value(merged)}));
      else value = replaced(*list, survivor, merged);
    } else {
      return;
    }
    work_.relabel(*stored, field->slot, std::move(value), message("reference_unmerged", context_.locale, {label_of(context_, entity_)}));
  }

  void move_rows(const std::string& table, const std::string& more, std::int64_t from, std::int64_t to, std::vector<std::int64_t>& moved) {
    {
      storage::Query find(work_.session_, "SELECT id FROM " + table + " WHERE record_id = ? AND entity = ?" + more, from, entity_.full_name);
      while (find.next()) moved.push_back(find.integer(0));
    }
    for (const std::int64_t id : moved) storage::run_sql(work_.session_, "UPDATE " + table + " SET record_id = ? WHERE id = ?", to, id);
  }

  void give_back(const std::string& table, const std::vector<std::int64_t>& ids, std::int64_t survivor, std::int64_t merged) {
    for (const std::int64_t id : ids) storage::run_sql(work_.session_, "UPDATE " + table + " SET record_id = ? WHERE id = ? AND record_id = ?", merged, id, survivor);
  }

  /// What the merge's event says that it changed, back to what it was.
  void restore_fields(Record& wanted, const Record& now, std::int64_t version) {
    std::string changes;
    {
      storage::Query find(work_.session_, "SELECT id, changes FROM event WHERE entity = ? AND record_id = ? AND version = ? AND action = 'merge'", entity_.full_name, now.id(), version);
      if (!find.next()) return;  // its content was erased
      changes = open_json(keys_of(work_.plans_->catalog()), entity_.full_name, &entity_, "event", find.integer(0), find.text(1));
    }
    if (changes.empty()) return;
    const Json json = parse_json(changes);
    const Record before = side_of(entity_, json, 0, now), after = side_of(entity_, json, 1, now);
    for (const auto& field : entity_.fields) {
      const bool told = json.find(field->name) != nullptr || (!field->currency_column.empty() && json.find(field->currency_column) != nullptr);
      if (!carried(*field) || !told || !now[field->slot].same_as(after[field->slot])) continue;
      wanted.set(field->slot, before[field->slot]);
    }
    leave_locked(wanted, now);
  }

  /// What has come under conditions since the merge stays as it is, unless taking the merge back takes the condition away too.
  void leave_locked(Record& wanted, const Record& now) const {
    for (bool again = true; again;) {
      again = false;
      const auto changed = changed_under_conditions(now, wanted);
      if (changed.empty()) return;
      Record judged = wanted;
      for (const FieldError& mistake : judge_changes(context_, judged, now, changed, work_.follow_)) {
        const Field& field = *entity_.field(mistake.field);
        Record base = wanted;
        base.set(field.slot, now[field.slot]);
        compute_fields(context_, base, work_.follow_);
        Record then = wanted;
        if (judge_changes(context_, then, std::move(base), {&field}, work_.follow_).empty()) continue;
        wanted.set(field.slot, now[field.slot]);
        again = true;
      }
    }
  }

  TransactionWork& work_;
  const Context& context_;
  const Entity& entity_;
};

MergePreview Merges::preview(const Context& context, const Entity& entity, std::int64_t survivor, std::int64_t other) const {
  if (survivor == other) refuse(ErrorCode::invalid_argument, context, "merge_same");
  refuse_never(context, entity);
  MergePreview preview{service_.get(context, entity, survivor), service_.get(context, entity, other), {}, {}};
  for (const Record* one : {&preview.mine, &preview.theirs}) {
    if (!service_.rights(context, *one).update) refuse(ErrorCode::forbidden, context, "forbidden_update", {label_of(context, entity)});
  }
  const FieldRights rights = field_rights(context, entity);
  for (const auto& field : entity.fields) {
    if (!carried(*field) || !rights.readable(*field)) continue;
    const expr::Value &mine = preview.mine[field->slot], &theirs = preview.theirs[field->slot];
    if (mine.is_null() && theirs.is_null()) continue;
    preview.fields.push_back({field.get(), usual(*field, preview.mine, preview.theirs), !mine.is_null() && !theirs.is_null() && !mine.same_as(theirs),
                              rights.writable(*field) && !field->read_only});
  }
  // What the merge would leave as it is under the entity's conditions.
  const auto follow = service_.follow(context);
  for (MergeField& one : preview.fields) {
    if (!one.settable || !(one.field->visible || one.field->read_only_when)) continue;
    Record wanted = preview.mine;
    wanted.set(one.field->slot, preview.theirs[one.field->slot]);
    if (judge_changes(context, wanted, preview.mine, {one.field}, follow).empty()) continue;
    one.keep = Keep::mine;
    one.settable = false;
  }
  const auto plans = service_.plans(context);
  auto session = service_.database_.read();
  refuse_waiting(*session, context, preview.theirs);
  for (const auto& [referrer, field] : plans->of(entity).referrers) {
    const bool told = may_always(context, *referrer, Operation::read) && field_rights(context, *referrer).readable(*field);
    if (!told && !referrer->ledger) continue;
    const auto name = [&](std::string_view text) { return storage::quote(plans->dialect(), text); };
    storage::Query count(*session, field->type == model::FieldType::refs ? "SELECT COUNT(*) FROM " + name(field->link_table) + " WHERE target = ?"
                                                                          : "SELECT COUNT(*) FROM " + name(referrer->table_name) + " WHERE " + name(field->column) + " = ?", other);
    if (!count.next() || count.integer(0) == 0) continue;
    if (referrer->ledger) refuse(ErrorCode::conflict, context, "merge_ledger", {label_of(context, *referrer)});
    preview.references.push_back({referrer, field, count.integer(0)});
  }
  return preview;
}

Record Merges::merge(const Context& context, const Entity& entity, std::int64_t survivor, const MergeQuery& query, const Reply& reply) const {
  const int undo_days = service_.undo_days_.load();
  const std::int64_t id = service_.sequences_.next(merge_sequence);
  return service_.one_step(context, [&](Work& work) { return MergeWork(dynamic_cast<TransactionWork&>(work), entity).merge(survivor, query, id, undo_days); }, reply);
}

Record Merges::undo(const Context& context, const Entity& entity, std::int64_t survivor, std::int64_t merge, const Reply& reply) const {
  return service_.one_step(context, [&](Work& work) { return MergeWork(dynamic_cast<TransactionWork&>(work), entity).undo(survivor, merge); }, reply);
}

std::vector<MergeInfo> Merges::of(const Context& context, const Entity& entity, std::int64_t survivor) const {
  service_.get(context, entity, survivor);
  std::vector<MergeInfo> list;
  const FieldRights rights = field_rights(context, entity);
  const bool named = entity.title == nullptr || rights.readable(*entity.title);
  auto session = service_.database_.read();
  storage::Query query(*session,
                       "SELECT m.id, m.merged_id, m.at, m.actor_id, m.undo_until, m.undone_at, d.number, d.title FROM record_merge m "
                       "LEFT JOIN deleted_record d ON d.record_id = m.merged_id WHERE m.survivor_id = ? AND m.entity = ? ORDER BY m.id DESC LIMIT 100",
                       survivor, entity.full_name);
  while (query.next()) {
    MergeInfo info;
    info.id = query.integer(0);
    info.merged = query.integer(1);
    info.at = query.instant(2).value_or(Timestamp{});
    info.by = query.integer(3);
    info.undo_until = query.instant(4).value_or(Timestamp{});
    info.undone_at = query.instant(5);
    if (rights.readable(*entity.fields[model::slot_number])) info.number = query.text(6);
    if (named) info.title = query.text(7);
    list.push_back(std::move(info));
  }
  return list;
}

std::optional<std::int64_t> Merges::survivor_of(const Context& context, const Entity& entity, std::int64_t merged) const {
  std::int64_t at = merged;
  for (int step = 0; step < 20; ++step) {
    std::int64_t next = 0;
    {
      auto session = service_.database_.read();
      storage::Query query(*session, "SELECT survivor_id FROM record_merge WHERE merged_id = ? AND entity = ? AND undone_at IS NULL ORDER BY id DESC LIMIT 1", at, entity.full_name);
      if (query.next()) next = query.integer(0);
    }
    if (next == 0) return std::nullopt;
    try {
      service_.get(context, entity, next);
      return next;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
    }
    at = next;  // merged further
  }
  return std::nullopt;
}

}  // namespace caravan::records

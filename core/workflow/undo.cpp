#include "workflow/undo.h"

#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"
#include "records/trash.h"
#include "storage/query.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using records::message;
using records::Record;

struct Kept {
  std::int64_t version = 0, actor_id = 0;
  std::string transition, row;
  Timestamp until;
  bool blocked = false;
};

std::optional<Kept> find(storage::Session& session, const Entity& entity, std::int64_t id) {
  storage::Query query(session, "SELECT version, transition, actor_id, until, blocked, row_json FROM undo_step WHERE record_id = ? AND entity = ?", id,
                       entity.full_name);
  if (!query.next()) return std::nullopt;
  Kept kept;
  kept.version = query.integer(0);
  kept.transition = query.text(1);
  kept.actor_id = query.integer(2);
  kept.until = query.instant(3).value_or(Timestamp());
  kept.blocked = query.integer(4) != 0;
  kept.row = query.text(5);
  return kept;
}

bool has_undo(const Entity& entity) {
  return entity.workflow && std::any_of(entity.workflow->transitions.begin(), entity.workflow->transitions.end(),
                                        [](const auto& transition) { return transition->undo_seconds > 0; });
}

}  // namespace

void keep_undo(records::Work& work, const Record& before, const Record& after, const model::Transition& transition, bool blocked) {
  const records::Context& context = work.context();
  // What is sealed in its own row does not lie open beside it; a step that changes it is not taken back.
  Record open = before;
  for (const auto& field : before.entity().fields) {
    if (!field->sensitive) continue;
    blocked = blocked || !before[field->slot].same_as(after[field->slot]);
    open.set(field->slot, {});
  }
  std::string row;
  records::write_row(row, open);
  storage::run_sql(work.session(), "DELETE FROM undo_step WHERE record_id = ?", before.id());
  storage::run_sql(work.session(),
                   "INSERT INTO undo_step (record_id, entity, version, transition, actor_id, until, blocked, row_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   before.id(), before.entity().full_name, after.version(), transition.name, context.actor.user_id,
                   Timestamp{context.now.micros + transition.undo_seconds * 1'000'000}, blocked ? 1 : 0, row);
}

std::optional<Undoable> undoable(const records::RecordService& service, const records::Context& context, const Record& record) {
  if (!has_undo(record.entity())) return std::nullopt;
  auto session = service.database().read();
  const auto kept = find(*session, record.entity(), record.id());
  if (!kept || kept->blocked || kept->version != record.version() || kept->until < context.now || kept->actor_id != context.actor.user_id) {
    return std::nullopt;
  }
  return Undoable{kept->transition, kept->until};
}

Record undo(records::Work& work, const Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) {
  const records::Context& context = work.context();
  const Record stored = work.load(entity, id, true);
  if (expected_version && *expected_version != stored.version()) {
    const std::string& label = entity.label.in(context.locale);
    throw Error(ErrorCode::stale, message("stale", context.locale, {label.empty() ? entity.full_name : label, std::to_string(stored.version())}));
  }
  const auto kept = has_undo(entity) ? find(work.session(), entity, id) : std::nullopt;
  const auto refuse = [&](ErrorCode code, const char* why) { throw Error(code, message(why, context.locale)); };
  if (!kept) refuse(ErrorCode::conflict, "undo_none");
  if (kept->actor_id != context.actor.user_id || context.actor.user_id == 0) refuse(ErrorCode::forbidden, "undo_other");
  if (kept->version != stored.version()) refuse(ErrorCode::conflict, "undo_changed");
  if (kept->until < context.now) refuse(ErrorCode::conflict, "undo_late");
  if (kept->blocked) refuse(ErrorCode::conflict, "undo_effects");
  const Record earlier = records::parse_row(entity, kept->row);
  Record wanted = stored;
  for (const auto& field : entity.fields) {
    const bool set_by_gate = field->slot == model::slot_id || field->slot == model::slot_number || field->slot == model::slot_version ||
                             field->slot == model::slot_created_at || field->slot == model::slot_updated_at;
    if (set_by_gate || field->sensitive || field->rollup) continue;
    wanted.set(field->slot, earlier[field->slot]);
  }
  storage::run_sql(work.session(), "DELETE FROM undo_step WHERE record_id = ?", id);
  return work.put_back(stored, std::move(wanted), "undo:" + kept->transition, {});
}

std::int64_t purge_undo(storage::Session& session, Timestamp now) {
  return storage::delete_oldest(session, "undo_step", "until", now, 500, "record_id");
}

}  // namespace caravan::workflow

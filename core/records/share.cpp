#include "records/share.h"
#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"
#include "records/service.h"
#include "storage/query.h"

// Single records shown to somebody beside his roles' rules; core/records/access.cpp is where they are asked for.

namespace caravan::records {
namespace {

using model::Entity;
using model::Operation;
constexpr std::size_t longest_note = 500;

std::string label_of(const Context& context, const model::Text& label, const std::string& name) {
  const std::string& text = label.in(context.locale);
  return text.empty() ? name : text;
}

Share::Kind kind_of(std::string_view word) {
  return word == "role" ? Share::Kind::role : word == "department" ? Share::Kind::department : Share::Kind::user;
}

Share read_share(storage::Statement& statement) {
  Share share;
  share.id = statement.integer(0);
  share.kind = kind_of(statement.text(1));
  share.grantee = statement.text(2);
  share.update = statement.text(3) == "update";
  share.by = statement.is_null(4) ? 0 : statement.integer(4);
  if (const auto at = statement.value(5, storage::instant_column); at.as<Timestamp>()) share.at = *at.as<Timestamp>();
  if (!statement.is_null(6)) {
    if (const auto at = statement.value(6, storage::instant_column); at.as<Timestamp>()) share.expires_at = *at.as<Timestamp>();
  }
  if (!statement.is_null(7)) share.note = statement.text(7);
  return share;
}

constexpr const char* select_shares =
    "SELECT id, grantee_kind, grantee, level, shared_by, shared_at, expires_at, note FROM record_share WHERE record_id = ? AND entity = ?";

[[noreturn]] void refuse(std::string field, std::string code, std::string sentence) {
  throw Error(ErrorCode::invalid_record, sentence, {{std::move(field), std::move(code), sentence}});
}

/// Whom it is, for the history; refuses one that there is not.
std::string name_of_grantee(const Context& context, Work& work, const Share& share) {
  switch (share.kind) {
    case Share::Kind::role: {
      const model::Role* role = context.catalog->role(share.grantee);
      if (role == nullptr) refuse("role", "unknown_role", message("unknown_role", context.locale, {share.grantee}));
      return label_of(context, role->label, role->name);
    }
    case Share::Kind::department: {
      const model::Department* department = context.catalog->department(share.grantee);
      if (department == nullptr) {
        refuse("department", "unknown_department", message("unknown_department", context.locale, {share.grantee}));
      }
      return label_of(context, department->label, department->name);
    }
    case Share::Kind::user: break;
  }
  const Entity* users = context.catalog->entity("core.user");
  try {
    const Record user = work.load(*users, std::stoll(share.grantee));
    const auto* name = user[users->field("name")->slot].as<std::string>();
    return name != nullptr ? *name : share.grantee;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    refuse("user", "unknown_reference", message("unknown_user", context.locale));
  } catch (const std::exception&) {  // no number
    refuse("user", "unknown_reference", message("unknown_user", context.locale));
  }
}

/// The record, locked, where the actor may share it, also for updates.
Record load_shareable(const Context& context, Work& work, const Entity& entity, std::int64_t id) {
  Record record = work.load(entity, id, true);
  const auto follow =
      std::make_shared<const Follow>([&work](const Entity& target, std::int64_t target_id) { return work.follow(target, target_id); });
  if (!may_share(context, record, follow)) {
    throw Error(ErrorCode::forbidden, message("forbidden_share", context.locale, {label_of(context, entity.label, entity.full_name)}));
  }
  return record;
}

}  // namespace

bool may_share(const Context& context, Record& record, const std::shared_ptr<const Follow>& follow) {
  if (context.actor.deputy_of.empty()) return may(context, Operation::update, record, follow);
  Context own = context;
  own.actor.deputy_of.clear();
  return may(own, Operation::update, record, follow);
}

const char* to_string(Share::Kind kind) {
  switch (kind) {
    case Share::Kind::user: return "user";
    case Share::Kind::role: return "role";
    case Share::Kind::department: return "department";
  }
  return "";
}

std::vector<Share> RecordService::shares(const Context& context, const Entity& entity, std::int64_t id) const {
  const Record record = get(context, entity, id);
  if (!rights(context, record).update) {
    throw Error(ErrorCode::forbidden, message("forbidden_share", context.locale, {label_of(context, entity.label, entity.full_name)}));
  }
  auto session = database_.read();
  storage::Statement& statement =
      session->prepare(std::string(select_shares) + " AND (expires_at IS NULL OR expires_at > ?) ORDER BY id LIMIT 1000");
  statement.bind(1, id);
  statement.bind(2, std::string_view(entity.full_name));
  statement.bind(3, expr::Value(context.now), storage::instant_column);
  std::vector<Share> found;
  while (statement.step()) found.push_back(read_share(statement));
  statement.reset();
  return found;
}

Share RecordService::share(const Context& context, const Entity& entity, std::int64_t id, Share wanted) const {
  if (wanted.expires_at && *wanted.expires_at <= context.now) {
    refuse("expires_at", "too_small", message("expiry_past", context.locale));
  }
  std::size_t characters = 0;
  for (const char c : wanted.note) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  if (characters > longest_note) refuse("note", "too_long", message("too_long", context.locale, {"note", std::to_string(longest_note)}));
  const std::int64_t next = sequences_.next("record_share");
  Share made;
  transact(context, [&](Work& work) {
    const Record record = load_shareable(context, work, entity, id);
    made = wanted;
    const std::string name = name_of_grantee(context, work, wanted);
    made.id = next;
    made.by = context.actor.user_id;
    made.at = context.now;
    storage::Session& session = work.session();
    {
      // With whom it was shared before, it is shared anew; the record's lock keeps others from doing so in between.
      storage::Statement& find = session.prepare(std::string(select_shares) + " AND grantee_kind = ? AND grantee = ?");
      find.bind(1, id);
      find.bind(2, std::string_view(entity.full_name));
      find.bind(3, std::string_view(to_string(made.kind)));
      find.bind(4, std::string_view(made.grantee));
      if (find.step()) made.id = find.integer(0);
      find.reset();
    }
    storage::run_sql(session, "DELETE FROM record_share WHERE id = ?", made.id);
    storage::Query insert(session,
                          "INSERT INTO record_share (id, entity, record_id, grantee_kind, grantee, level, shared_by, shared_at, expires_at, note) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          made.id, entity.full_name, id, to_string(made.kind), made.grantee, made.update ? "update" : "read");
    insert.add_or_null(made.by);
    insert.add(made.at);
    insert.add(made.expires_at);
    insert.add_or_null(made.note);
    insert.next();
    std::string note = message(made.update ? "shared_update" : "shared_read", context.locale, {name});
    if (made.expires_at) note += " " + message("shared_until", context.locale, {format_timestamp(*made.expires_at)});
    if (!made.note.empty()) note += " " + made.note;
    work.remark(record, "share", std::move(note));
  });
  return made;
}

void RecordService::unshare(const Context& context, const Entity& entity, std::int64_t id, std::int64_t share) const {
  transact(context, [&](Work& work) {
    Record record = work.load(entity, id, true);
    std::optional<Share> found;
    {
      storage::Statement& find = work.session().prepare(std::string(select_shares) + " AND id = ?");
      find.bind(1, id);
      find.bind(2, std::string_view(entity.full_name));
      find.bind(3, share);
      if (find.step()) found = read_share(find);
      find.reset();
    }
    // What was shared by himself he may take back, and what he was given give back.
    const std::string me = std::to_string(context.actor.user_id);
    const bool own = found && context.actor.user_id != 0 &&
                     (found->by == context.actor.user_id || (found->kind == Share::Kind::user && found->grantee == me));
    if (!own) record = load_shareable(context, work, entity, id);
    const std::string label = label_of(context, entity.label, entity.full_name);
    if (!found) throw Error(ErrorCode::not_found, message("no_share", context.locale, {label}));
    std::string name = found->grantee;
    try {
      name = name_of_grantee(context, work, *found);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_record) throw;  // gone, or not to be seen: its name or id is enough
    }
    storage::run_sql(work.session(), "DELETE FROM record_share WHERE id = ?", share);
    work.remark(record, "unshare", message("unshared", context.locale, {name}));
  });
}

std::int64_t purge_shares(storage::Session& session, Timestamp now, std::int64_t limit) {
  const bool mysql = session.dialect() == storage::Dialect::mysql;
  return storage::run_sql(session,
                          mysql ? "DELETE FROM record_share WHERE expires_at IS NOT NULL AND expires_at <= ? LIMIT ?"
                                : "DELETE FROM record_share WHERE id IN (SELECT id FROM record_share WHERE expires_at IS NOT NULL AND expires_at <= ? LIMIT ?)",
                          now, limit);
}

}  // namespace caravan::records

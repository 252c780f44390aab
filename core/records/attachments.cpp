#include "records/attachments.h"

#include <magic.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "records/access.h"
#include "records/bulk.h"
#include "records/messages.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;
using storage::Query;

constexpr std::size_t sniffed_bytes = 256 * 1024;
constexpr std::size_t longest_name = 200;         ///< bytes
constexpr std::int64_t orphan_seconds = 86'400;

const char* const columns =
    "a.id, a.field, a.name, f.media_type, f.sha256, f.size, a.created_at, a.created_by, f.name FROM attachment a JOIN stored_file f ON f.id = a.file_id";

/// What the content is, by libmagic.
std::string sniff(std::string_view bytes) {
  struct Close {
    void operator()(magic_set* cookie) const { magic_close(cookie); }
  };
  // Reading its database takes longer than most files; a cookie is one thread's.
  thread_local std::unique_ptr<magic_set, Close> cookie;
  if (!cookie) {
    std::unique_ptr<magic_set, Close> made(magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF));
    if (!made || magic_load(made.get(), nullptr) != 0) throw Error(ErrorCode::unavailable, "The database of file types (libmagic) cannot be read.");
    cookie = std::move(made);
  }
  const char* type = magic_buffer(cookie.get(), bytes.data(), std::min(bytes.size(), sniffed_bytes));
  const std::string_view text = type ? type : "";
  const bool plain = !text.empty() && text.size() < 127 && text.find('/') != std::string_view::npos &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-/_") == std::string_view::npos;
  return plain ? std::string(text) : "application/octet-stream";
}

bool accepts(const Field& field, std::string_view type) {
  if (field.type == model::FieldType::image && field.media_types.empty()) return is_plain_picture(type);
  if (field.media_types.empty()) return true;
  return std::any_of(field.media_types.begin(), field.media_types.end(), [&](const std::string& one) {
    return one == type || one == "*/*" || (one.ends_with("/*") && type.starts_with(std::string_view(one).substr(0, one.size() - 1)));
  });
}

/// Marks that turn the direction of what follows: `fdp.exe` would be read as `exe.pdf`.
constexpr std::string_view turning[] = {"\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"};

/// Without what could be a path, break a line or turn it round.
std::string safe_name(std::string name) {
  if (const auto slash = name.find_last_of("/\\"); slash != std::string::npos) name.erase(0, slash + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  for (const std::string_view mark : turning) {
    for (auto at = name.find(mark); at != std::string::npos; at = name.find(mark, at)) name.erase(at, mark.size());
  }
  if (name.size() > longest_name) {
    // The ending stays, and no character is cut in two.
    const auto dot = name.find_last_of('.');
    const std::string ending = dot != std::string::npos && name.size() - dot <= 16 ? name.substr(dot) : std::string();
    name = std::string(cut_text(name, longest_name - ending.size())) + ending;
  }
  return name.empty() || name == "." || name == ".." ? "file" : name;
}

Attachment read_one(Query& query) {
  Attachment one;
  one.id = query.integer(0);
  one.field = query.text(1);
  one.name = query.text(2);
  one.media_type = query.text(3);
  one.sha256 = query.text(4);
  one.size = query.integer(5);
  one.created_at = query.instant(6).value_or(Timestamp{});
  one.created_by = query.integer(7);
  one.stored = query.text(8);
  return one;
}

Error no_attachment(const Context& context) { return {ErrorCode::not_found, message("no_attachment", context.locale)}; }

[[noreturn]] void refuse(const Field* field, const char* code, std::string sentence) {
  std::vector<FieldError> mistakes{{field ? field->name : std::string("file"), code, sentence}};
  throw Error(ErrorCode::invalid_record, std::move(sentence), std::move(mistakes));
}

std::string label(const Context& context, const model::Text& text, const std::string& name) {
  const std::string& said = text.in(context.locale);
  return said.empty() ? name : said;
}

/// The record, locked, where the actor may change it.
Record load_changeable(const Context& context, Work& work, const Entity& entity, std::int64_t id) {
  Record record = work.load(entity, id, true);
  const auto follow = std::make_shared<const Follow>([&work](const Entity& target, std::int64_t other) { return work.follow(target, other); });
  if (entity.ledger || !may(context, Operation::update, record, follow, work.session())) {
    throw Error(ErrorCode::forbidden, message("forbidden_update", context.locale, {label(context, entity.label, entity.full_name)}));
  }
  return record;
}

std::int64_t find_content(storage::Session& session, const std::string& sha256) {
  // Locked, so that the sweeper does not take it away before it is attached.
  Query query(session, std::string("SELECT id FROM stored_file WHERE sha256 = ?") + (session.dialect() == storage::Dialect::mysql ? " FOR UPDATE" : ""), sha256);
  return query.next() ? query.integer(0) : 0;
}

std::string megabytes(std::int64_t bytes) {
  if (bytes < 1024 * 1024) return std::to_string(bytes / 1024) + " KB";
  return std::to_string(bytes / (1024 * 1024)) + " MB";
}

}  // namespace

bool is_plain_picture(std::string_view media_type) {
  return media_type == "image/png" || media_type == "image/jpeg" || media_type == "image/gif" || media_type == "image/webp";
}

namespace {

/// Those of the record that the actor may see, or `only` one.
std::vector<Attachment> attachments_of(const RecordService& records, const Context& context, const Entity& entity, std::int64_t id, std::int64_t only) {
  const Record record = records.get(context, entity, id);
  const FieldRights rights = field_rights(context, entity);
  std::vector<Attachment> found;
  const auto session = records.database().read();
  Query query(*session, std::string("SELECT ") + columns + " WHERE a.record_id = ? AND a.entity = ?" + (only != 0 ? " AND a.id = ?" : "") + " ORDER BY a.id LIMIT ?", id, entity.full_name);
  if (only != 0) query.add(only);
  query.add(static_cast<std::int64_t>(most_attachments));
  while (query.next()) {
    Attachment one = read_one(query);
    if (!one.field.empty()) {
      const Field* field = entity.field(one.field);
      // Of a field that is no more, only those who see all.
      if (field == nullptr ? !rights.unrestricted() : !rights.readable(*field)) continue;
      const auto* value = field ? record[field->slot].as<std::int64_t>() : nullptr;
      one.current = value != nullptr && *value == one.id;
    }
    found.push_back(std::move(one));
  }
  return found;
}

}  // namespace

std::vector<Attachment> list_attachments(const RecordService& records, const Context& context, const Entity& entity, std::int64_t id) {
  return attachments_of(records, context, entity, id, 0);
}

Attachment find_attachment(const RecordService& records, const Context& context, const Entity& entity, std::int64_t id, std::int64_t attachment) {
  // Not out of the list: a merge may leave a record with more than it shows.
  auto found = attachments_of(records, context, entity, id, std::max<std::int64_t>(attachment, 1));
  if (found.empty() || found.front().id != attachment) throw no_attachment(context);
  return std::move(found.front());
}

Attachment attach(const RecordService& records, const FileStore& files, const Context& context, const Entity& entity, std::int64_t id, std::string_view bytes,
                  std::string name, const Field* field) {
  const std::int64_t most = field && field->max_bytes > 0 ? field->max_bytes : largest_attachment;
  if (bytes.empty()) refuse(field, "required", message("file_empty", context.locale));
  if (static_cast<std::int64_t>(bytes.size()) > most) refuse(field, "too_large", message("file_too_large", context.locale, {megabytes(most)}));
  // Whether he may at all is asked before anything is written to the disk.
  const Record seen = records.get(context, entity, id);
  if (!records.rights(context, seen).update) {
    throw Error(ErrorCode::forbidden, message("forbidden_update", context.locale, {label(context, entity.label, entity.full_name)}));
  }
  Attachment made;
  made.name = safe_name(std::move(name));
  made.media_type = sniff(bytes);
  made.size = static_cast<std::int64_t>(bytes.size());
  made.sha256 = sha256_of(bytes);
  made.created_at = context.now;
  made.created_by = context.actor.user_id;
  if (field != nullptr) {
    made.field = field->name;
    made.current = true;
    if (!accepts(*field, made.media_type)) refuse(field, "wrong_type", message("file_type", context.locale, {made.media_type}));
  }
  storage::Sequences sequences(records.database(), 1);
  made.id = sequences.next("attachment");
  const std::int64_t content = sequences.next("stored_file");
  std::string stored;  // written by this call
  const auto forget = [&] {
    if (!stored.empty()) files.remove(stored);
  };
  const auto write = [&] {
    records.transact(context, [&](Work& work) {
      const Record record = load_changeable(context, work, entity, id);
      storage::Session& session = work.session();
      {
        Query query(session, "SELECT COUNT(*) FROM attachment WHERE record_id = ? AND entity = ?", id, entity.full_name);
        if (query.next() && query.integer(0) >= static_cast<std::int64_t>(most_attachments)) {
          refuse(field, "too_many", message("too_many_files", context.locale, {std::to_string(most_attachments)}));
        }
      }
      std::int64_t file = find_content(session, made.sha256);
      if (file == 0) {
        if (stored.empty()) stored = files.put(bytes).name;
        file = content;
        storage::run_sql(session, "INSERT INTO stored_file (id, name, sha256, size, media_type, created_at) VALUES (?, ?, ?, ?, ?, ?)", file, stored, made.sha256,
                         made.size, made.media_type, context.now);
      }
      Query insert(session, "INSERT INTO attachment (id, entity, record_id, field, file_id, name, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", made.id,
                   entity.full_name, id);
      insert.add_or_null(made.field);
      insert.add(file);
      insert.add(made.name);
      insert.add(context.now);
      insert.add_or_null(context.actor.user_id);
      insert.next();
      if (field != nullptr) work.update(entity, id, {{field, expr::Value(made.id)}}, std::nullopt);
      else work.remark(record, "attach", made.name);
    });
  };
  try {
    try {
      write();
    } catch (const Error& error) {
      if (!storage::DuplicateKey::is(error, nullptr)) throw;
      write();  // somebody has stored the same content at this moment
    }
  } catch (const Error& error) {
    // Where the connection was lost in the commit, what was attached may be there: then only the sweep can tell.
    if (is_refusal(error)) forget();
    throw;
  }
  // It was there already, or the first attempt lost against somebody who stored the same.
  if (!stored.empty()) {
    const auto session = records.database().read();
    Query query(*session, "SELECT name FROM stored_file WHERE sha256 = ?", made.sha256);
    if (!query.next() || query.text(0) != stored) forget();
  }
  return made;
}

void detach(const RecordService& records, const Context& context, const Entity& entity, std::int64_t id, std::int64_t attachment) {
  const Attachment found = find_attachment(records, context, entity, id, attachment);
  records.transact(context, [&](Work& work) {
    const Record record = load_changeable(context, work, entity, id);
    const Field* field = found.field.empty() ? nullptr : entity.field(found.field);
    const auto* value = field ? record[field->slot].as<std::int64_t>() : nullptr;
    if (value != nullptr && *value == attachment) {
      work.update(entity, id, {{field, expr::Value()}}, std::nullopt);
    } else {
      if (field != nullptr && !field_rights(context, entity).writable(*field)) {
        throw Error(ErrorCode::forbidden, message("forbidden_update", context.locale, {label(context, entity.label, entity.full_name)}));
      }
      work.remark(record, "detach", found.name);
    }
    if (storage::run_sql(work.session(), "DELETE FROM attachment WHERE id = ? AND record_id = ? AND entity = ?", attachment, id, entity.full_name) != 1) {
      throw no_attachment(context);
    }
  });
}

bool is_attached(storage::Session& session, const Entity& entity, std::int64_t record, std::string_view field, std::int64_t attachment) {
  Query query(session, "SELECT 1 FROM attachment WHERE id = ? AND record_id = ? AND entity = ? AND field = ?", attachment, record, entity.full_name, field);
  return query.next();
}

std::int64_t sweep_attachments(storage::Database& database, const FileStore& files, const model::Catalog& catalog, std::int64_t limit) {
  std::int64_t gone = 0;
  for (const auto& entity : catalog.entities) {
    const std::string table = storage::quote(database.dialect(), entity->table_name);
    std::vector<std::int64_t> orphans;
    {
      const auto session = database.read();
      Query query(*session,
                  "SELECT a.id FROM attachment a WHERE a.entity = ? AND NOT EXISTS (SELECT 1 FROM " + table +
                      " t WHERE t.id = a.record_id) AND NOT EXISTS (SELECT 1 FROM deleted_record d WHERE d.record_id = a.record_id) LIMIT ?",
                  entity->full_name, limit);
      while (query.next()) orphans.push_back(query.integer(0));
    }
    if (orphans.empty()) continue;
    database.transact([&](storage::Session& session) {
      for (const std::int64_t id : orphans) storage::run_sql(session, "DELETE FROM attachment WHERE id = ?", id);
    });
    gone += static_cast<std::int64_t>(orphans.size());
  }
  std::vector<std::pair<std::int64_t, std::string>> unused;
  {
    const auto session = database.read();
    Query query(*session, "SELECT f.id, f.name FROM stored_file f WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE a.file_id = f.id) LIMIT ?", limit);
    while (query.next()) unused.emplace_back(query.integer(0), query.text(1));
  }
  for (const auto& [id, name] : unused) {
    std::int64_t removed = 0;
    database.transact([&, file = id](storage::Session& session) {
      removed = storage::run_sql(session, "DELETE FROM stored_file WHERE id = ? AND NOT EXISTS (SELECT 1 FROM attachment WHERE file_id = ?)", file, file);
    });
    if (removed == 0) continue;
    files.remove(name);
    ++gone;
  }
  // Files of calls that did not come to their end.
  std::vector<std::string> old;
  std::int64_t removed = 0;
  const auto remove_strange = [&] {
    if (old.empty()) return;
    std::set<std::string> known;
    {
      const auto session = database.read();
      storage::in_parts(old.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
        const std::string list = storage::repeated("?", ", ", places);
        Query query(*session, "SELECT name FROM stored_file WHERE name IN (" + list + ") UNION ALL SELECT file FROM import_run WHERE file IN (" + list + ")");
        for (int table = 0; table < 2; ++table) {
          for (std::size_t i = 0; i < places; ++i) query.add(old[begin + std::min(i, count - 1)]);
        }
        while (query.next()) known.insert(query.text(0));
      });
    }
    for (const std::string& name : old) {
      if (removed >= limit || known.contains(name)) continue;
      files.remove(name);
      ++removed;
    }
    old.clear();
  };
  files.each([&](const std::string& name, std::uint64_t, std::int64_t age) {
    if (age <= orphan_seconds || removed >= limit || !FileStore::is_name(name)) return;
    old.push_back(name);
    if (old.size() == 64) remove_strange();
  });
  remove_strange();
  gone += removed;
  return gone;
}

}  // namespace caravan::records

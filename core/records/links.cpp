#include "records/links.h"

#include "records/history.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

constexpr std::int64_t forgotten_micros = 30LL * 86400 * 1000000;
constexpr std::size_t id_length = 12;  // of the hash's characters: 72 bits
constexpr std::size_t longest_token = 100;
constexpr const char* columns = "SELECT token_hash, page, entity, record_id, created_by, created_at, expires_at, used_at, revoked_at FROM public_link WHERE ";

std::string hash_of(std::string_view token) { return digest({"public link", token.substr(0, longest_token)}); }

Link read_link(storage::Query& query) {
  Link link;
  link.id = query.text(0).substr(0, id_length);
  link.page = query.text(1);
  link.entity = query.text(2);
  link.record_id = query.integer(3);
  link.created_by = query.integer(4);
  link.created_at = query.instant(5).value_or(Timestamp());
  link.expires_at = query.instant(6).value_or(Timestamp());
  link.used_at = query.instant(7);
  link.revoked_at = query.instant(8);
  return link;
}

}  // namespace

std::string issue_link(storage::Session& session, const NewLink& link) {
  storage::run_sql(session, "DELETE FROM public_link WHERE expires_at < ?", Timestamp{link.created_at.micros - forgotten_micros});
  std::string token = random_salt() + random_salt();
  const std::string hash = hash_of(token);
  storage::Query insert(session, "INSERT INTO public_link (token_hash, page, entity, record_id, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)", hash,
                        link.page, link.entity, link.record_id);
  insert.add_or_null(link.created_by);
  insert.add(link.created_at);
  insert.add(link.expires_at);
  insert.next();
  return token;
}

std::optional<Link> find_link(storage::Session& session, std::string_view token, Timestamp now) {
  const std::string hash = hash_of(token);
  storage::Query query(session, std::string(columns) + "token_hash = ? AND expires_at > ? AND used_at IS NULL AND revoked_at IS NULL", hash, now);
  if (!query.next()) return std::nullopt;
  return read_link(query);
}

bool use_link(storage::Session& session, std::string_view token, Timestamp now) {
  const std::string hash = hash_of(token);
  return storage::run_sql(session, "UPDATE public_link SET used_at = ? WHERE token_hash = ? AND expires_at > ? AND used_at IS NULL AND revoked_at IS NULL", now, hash, now) == 1;
}

std::vector<Link> links_of(storage::Session& session, std::string_view entity, std::int64_t record_id) {
  storage::Query query(session, std::string(columns) + "record_id = ? AND entity = ? ORDER BY created_at DESC, token_hash LIMIT 200", record_id, entity);
  std::vector<Link> links;
  while (query.next()) links.push_back(read_link(query));
  return links;
}

bool revoke_link(storage::Session& session, std::string_view entity, std::int64_t record_id, std::string_view id, Timestamp now) {
  if (id.size() != id_length) return false;
  std::string hash;
  {
    storage::Query query(session, std::string(columns) + "record_id = ? AND entity = ? AND revoked_at IS NULL AND expires_at > ?", record_id, entity, now);
    while (query.next()) {
      if (query.text(0).substr(0, id_length) == id) hash = query.text(0);
    }
  }
  return !hash.empty() && storage::run_sql(session, "UPDATE public_link SET revoked_at = ? WHERE token_hash = ?", now, hash) == 1;
}

}  // namespace caravan::records

#include "records/holders.h"

#include <algorithm>

#include "base/error.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

constexpr const char* columns = "SELECT id, name, locale, email, roles FROM core_user WHERE active = 1";

Holder read(storage::Query& query) {
  Holder holder;
  holder.id = query.integer(0);
  holder.name = query.text(1);
  holder.locale = query.text(2);
  holder.email = query.text(3);
  const std::string text = query.text(4);
  if (text.empty()) return holder;
  try {
    const Json roles = parse_json(text);
    if (const auto* list = roles.as<Json::Array>()) {
      for (const Json& role : *list) {
        if (const auto* name = role.as<std::string>()) holder.roles.push_back(*name);
      }
    }
  } catch (const Error&) {  // a list that was written past the gate gives no role
  }
  return holder;
}

}  // namespace

std::vector<Holder> holders_of(storage::Session& session, const model::Catalog& catalog, const std::vector<std::string>& roles) {
  std::vector<Holder> out;
  if (roles.empty()) return out;
  const auto gives = [&](const model::Role& held) {
    return std::any_of(held.all.begin(), held.all.end(), [&](const model::Role* one) { return std::find(roles.begin(), roles.end(), one->name) != roles.end(); });
  };
  const bool all = std::any_of(catalog.everyone.begin(), catalog.everyone.end(),
                               [&](const model::Role* role) { return std::find(roles.begin(), roles.end(), role->name) != roles.end(); });
  storage::Query query(session, std::string(columns) + " ORDER BY id");
  while (query.next()) {
    Holder holder = read(query);
    const bool holds = all || std::any_of(holder.roles.begin(), holder.roles.end(), [&](const std::string& name) {
                         const model::Role* role = catalog.role(name);
                         return role != nullptr && gives(*role);
                       });
    if (holds) out.push_back(std::move(holder));
  }
  return out;
}

std::vector<Holder> active_users(storage::Session& session, const std::vector<std::int64_t>& ids) {
  std::vector<std::int64_t> wanted = ids;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<Holder> out;
  for (const std::int64_t id : wanted) {
    storage::Query query(session, std::string(columns) + " AND id = ?", id);
    if (query.next()) out.push_back(read(query));
  }
  return out;
}

}  // namespace caravan::records

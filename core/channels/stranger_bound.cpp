#include "channels/stranger_bound.h"

#include "records/history.h"
#include "records/messages.h"
#include "storage/query.h"
#include "workflow/public_pages.h"

namespace caravan::channels {
namespace {

constexpr std::int64_t hour_micros = 3'600'000'000, day_micros = 24 * hour_micros;

std::int64_t per_hour(const records::Context& context) { return workflow::public_number(*context.catalog, "public_messages_per_hour"); }
std::int64_t per_day(const records::Context& context) { return workflow::public_number(*context.catalog, "public_messages_per_day"); }

}  // namespace

std::string recipient_key(std::string_view address) {
  const auto at = address.rfind('@');
  std::string key(address.substr(0, at));
  if (at != std::string_view::npos) {
    // Mail to name+anything goes to name.
    if (const auto tag = key.find('+'); tag != std::string::npos && tag > 0) key.resize(tag);
    key += address.substr(at);
  }
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return key;
}

bool may_write_for_stranger(records::Work& work, std::string_view address) {
  const records::Context& context = work.context();
  storage::Session& session = work.session();
  const bool mysql = session.dialect() == storage::Dialect::mysql;
  const std::string hash = records::digest({"recipient", recipient_key(address)});
  storage::run_sql(session,
                   std::string("INSERT INTO public_message_count (address_hash, hour_at, in_hour, day_at, in_day) VALUES (?, ?, 0, ?, 0) ") +
                       (mysql ? "ON DUPLICATE KEY UPDATE in_day = in_day" : "ON CONFLICT (address_hash) DO NOTHING"),
                   hash, context.now, context.now);
  Timestamp hour = context.now, day = context.now;
  std::int64_t in_hour = 0, in_day = 0;
  {
    storage::Query query(session, std::string("SELECT hour_at, in_hour, day_at, in_day FROM public_message_count WHERE address_hash = ?") + (mysql ? " FOR UPDATE" : ""), hash);
    if (query.next()) {
      const Timestamp hour_at = query.instant(0).value_or(hour), day_at = query.instant(2).value_or(day);
      if (context.now.micros - hour_at.micros < hour_micros) hour = hour_at, in_hour = query.integer(1);
      if (context.now.micros - day_at.micros < day_micros) day = day_at, in_day = query.integer(3);
    }
  }
  if (in_hour >= per_hour(context) || in_day >= per_day(context)) return false;
  storage::run_sql(session, "UPDATE public_message_count SET hour_at = ?, in_hour = ?, day_at = ?, in_day = ? WHERE address_hash = ?", hour, in_hour + 1, day, in_day + 1, hash);
  return true;
}

std::string stranger_bound_text(const records::Context& context) {
  return records::message("stranger_bound", context.locale, {std::to_string(per_hour(context)), std::to_string(per_day(context))});
}

std::int64_t purge_stranger_counts(storage::Session& session, Timestamp now, std::int64_t limit) {
  return storage::delete_oldest(session, "public_message_count", "day_at", Timestamp{now.micros - day_micros}, limit, "address_hash");
}

}  // namespace caravan::channels

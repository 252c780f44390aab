#include "workflow/approval_notices.h"

#include <algorithm>
#include <map>
#include <set>

#include "records/holders.h"
#include "records/messages.h"
#include "storage/query.h"
#include "workflow/approvals.h"
#include "workflow/effects.h"
#include "workflow/notices.h"
#include "workflow/rule_payload.h"
#include "workflow/rules.h"
#include "workflow/text.h"

namespace caravan::workflow {
namespace {

using records::Context;
using records::Record;

std::string or_name(const std::string& text, const std::string& name) { return text.empty() ? name : text; }

/// Number or title of the record with its entity's label.
std::string subject(records::Work& work, const Approval& approval, const Record* record, const std::string& locale) {
  const model::Entity* entity = work.context().catalog->entity(approval.entity);
  std::string name = entity != nullptr ? or_name(entity->label.in(locale), entity->full_name) : approval.entity;
  if (record == nullptr) return name + " #" + std::to_string(approval.record_id);
  if (const auto* number = (*record)[model::slot_number].as<std::string>(); number != nullptr && !number->empty()) return name + " " + *number;
  std::string title;
  if (record->entity().title != nullptr && !record->entity().title->sensitive) {
    title = readable(*record->entity().title, *record, locale, work.context(), follow_in(work));
  }
  return name + " " + (title.empty() ? "#" + std::to_string(approval.record_id) : title);
}

void tell(records::Work& work, const std::vector<records::Holder>& users, const Approval& approval, const Record* record, const std::string& text) {
  const Context& context = work.context();
  if (users.empty()) return;
  std::string asker;
  if (approval.asked_by != 0) {
    storage::Query query(work.session(), "SELECT name FROM core_user WHERE id = ?", approval.asked_by);
    asker = query.next() ? query.text(0) : "#" + std::to_string(approval.asked_by);
  }
  const bool by_rule = approval.asked_by == 0;
  const model::Entity* entity = context.catalog->entity(approval.entity);
  const model::Transition* transition = entity != nullptr && entity->workflow ? entity->workflow->transition(approval.transition) : nullptr;
  std::map<std::string, std::string> texts;  // by language
  for (const records::Holder& user : users) {
    const std::string locale = user.locale.empty() ? context.catalog->agency.locale : user.locale;
    std::string& said = texts[locale];
    if (said.empty()) {
      Context reader = context;
      reader.once = nullptr;
      reader.locale = locale;
      const std::string label = transition != nullptr ? or_name(transition->label.in(locale), approval.transition) : approval.transition;
      said = records::message(text, locale, {by_rule ? records::message("approval_rule", locale) : asker, label, subject(work, approval, record, locale), end_text(reader, approval)});
    }
    give_notice(work, user.id, said, approval.entity, approval.record_id);
  }
}

}  // namespace

void tell_deciders(records::Work& work, const Approval& approval, const Record* record, const std::string& text) {
  const Context& context = work.context();
  std::vector<std::string> roles;
  std::vector<std::int64_t> users;
  std::set<std::int64_t> barred;
  for (const Seat& seat : approval.seats) {
    const std::int64_t id = seat.kind == "role" ? 0 : std::strtoll(seat.who.c_str(), nullptr, 10);
    if (seat.kind == "role") roles.push_back(seat.who);
    else if (seat.kind == "user") users.push_back(id);
    else barred.insert(id);
  }
  if (!approval.waits()) barred.insert(approval.asked_by);  // he is told apart
  if (approval.state == "void") {  // also those who have agreed already
    for (const ApprovalDecision& decision : approval.decisions) users.push_back(decision.user_id);
  }
  std::map<std::int64_t, records::Holder> told;
  for (auto& holder : records::holders_of(work.session(), *context.catalog, roles)) told.emplace(holder.id, std::move(holder));
  for (auto& holder : records::active_users(work.session(), users)) told.emplace(holder.id, std::move(holder));
  std::erase_if(told, [&](const auto& one) { return barred.contains(one.first); });
  std::vector<std::int64_t> deputies;
  {
    storage::Query query(work.session(), "SELECT d.user, d.deputy FROM core_delegation d WHERE d.ends_at > ? AND d.starts_at <= ? ORDER BY d.id LIMIT 2000",
                         context.now, context.now);
    while (query.next()) {
      if (told.contains(query.integer(0)) && !barred.contains(query.integer(1))) deputies.push_back(query.integer(1));
    }
  }
  for (auto& deputy : records::active_users(work.session(), deputies)) told.emplace(deputy.id, std::move(deputy));
  std::vector<records::Holder> list;
  for (auto& [id, holder] : told) {
    if (list.size() < most_told && id != context.actor.user_id) list.push_back(std::move(holder));
  }
  tell(work, list, approval, record, text);
}

void tell_asker(records::Work& work, const Approval& approval, const Record* record, const std::string& text) {
  if (approval.asked_by == 0 || approval.asked_by == work.context().actor.user_id) return;
  tell(work, records::active_users(work.session(), {approval.asked_by}), approval, record, text);
}

jobs::NewJob reminder_job(const Approval& approval, Timestamp at) {
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = approval_reminder_kind;
  job.payload = "{\"approval\":" + std::to_string(approval.id) + ",\"step\":" + std::to_string(approval.step) + "}";
  job.run_at = at;
  job.unique_key = "approval/" + std::to_string(approval.id) + "/" + std::to_string(approval.step) + "/" + std::to_string(at.micros);
  return job;
}

std::pair<std::int64_t, std::size_t> reminder_of(std::string_view payload) {
  const Payload told(payload);
  return {told.number("approval"), static_cast<std::size_t>(told.number("step"))};
}

}  // namespace caravan::workflow

#include "workflow/public_pages.h"

#include <algorithm>

#include "base/error.h"
#include "base/time_zone.h"
#include "model/pages.h"
#include "model/process.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/file_store.h"
#include "records/messages.h"
#include "workflow/cascade.h"
#include "workflow/text.h"
#include "workflow/transitions.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using model::Field;
using model::PublicPage;
using records::Context;
using records::message;
using records::Record;

constexpr std::size_t most_entries = 1000;  // of a calendar
constexpr int calendar_days = 60;           // that it goes back
constexpr std::string_view public_source = "public ";

[[noreturn]] void nowhere(const Context& context) { throw Error(ErrorCode::not_found, message("public_nowhere", context.locale)); }

/// The page's own authority: rights are not asked, all other checks hold. Who acts is nobody that there is an account of.
Context authority(const Context& caller, const PublicPage& page, const std::string& link = {}) {
  Context context = caller;
  context.actor = {};
  context.actor.system = true;
  context.actor.username = context.actor.name = "public";
  context.source = std::string(public_source) + page.name + (link.empty() ? "" : " " + link);  // the link's list tells who made it
  context.unlogged = true;  // what is sensitive is on no public page
  return context;
}

struct Opened {
  const PublicPage* page = nullptr;
  records::Link link;
  Context context;
};

Opened open_link(storage::Session& session, const Context& caller, std::string_view token) {
  auto link = records::find_link(session, token, caller.now);
  const PublicPage* page = link ? model::public_page(*caller.catalog, link->page) : nullptr;
  if (page == nullptr || !page->linked() || page->entity->full_name != link->entity) nowhere(caller);
  Context context = authority(caller, *page, link->id);
  return {page, std::move(*link), std::move(context)};
}

Opened open_link(const records::RecordService& service, const Context& caller, std::string_view token) {
  auto session = service.database().read();
  return open_link(*session, caller, token);
}

/// As open_link(), for a page of that type.
Opened open_link(const records::RecordService& service, const Context& caller, std::string_view token, PublicPage::Type type) {
  Opened opened = open_link(service, caller, token);
  if (opened.page->type != type) nowhere(caller);
  return opened;
}

Record linked_record(const records::RecordService& service, const Opened& opened) {
  try {
    return service.get(opened.context, *opened.page->entity, opened.link.record_id);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) nowhere(opened.context);
    throw;
  }
}

/// What a stranger filled in; other fields are unknown to him.
records::Input input_of(const Context& context, const Entity& entity, const std::vector<const Field*>& asked, const records::Json& json) {
  // Before anything is read of them: what else the entity has is not told.
  std::vector<FieldError> mistakes;
  if (const auto* members = json.as<records::Json::Object>()) {
    for (const auto& [name, value] : *members) {
      const bool known = std::any_of(asked.begin(), asked.end(), [&](const Field* field) {
        return name == field->name || (field->type == model::FieldType::money && name == field->name + "_currency");
      });
      if (!known) mistakes.push_back({name, "unknown_field", message("unknown_field", context.locale, {name})});
    }
  }
  if (!mistakes.empty()) throw Error(ErrorCode::invalid_record, message("invalid_record", context.locale), std::move(mistakes));
  return records::parse_input(context, entity, json);
}

/// Whether a rule speaks of nothing but what was asked for, so that breaking it is the stranger's own mistake.
bool only_of(const Entity& entity, const std::vector<const Field*>& asked, std::string_view code) {
  constexpr std::string_view head = "invariant:";
  if (!code.starts_with(head)) return false;
  const auto rule = std::find_if(entity.invariants.begin(), entity.invariants.end(), [&](const auto& one) { return one.name == code.substr(head.size()); });
  if (rule == entity.invariants.end() || !expr::followed_types(*rule->check).empty()) return false;
  const auto reads = expr::read_fields(*rule->check);
  return std::all_of(reads.begin(), reads.end(), [&](const expr::ReadField& read) {
    return std::any_of(asked.begin(), asked.end(), [&](const Field* field) { return field->slot == read.slot; });
  });
}

/// Runs what passes the gate for a stranger: he is told of what he was asked for, and else only that it cannot be.
template <class Act>
void for_stranger(const Context& context, const Entity& entity, const std::vector<const Field*>& asked, const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    const std::string refused = message("public_refused", context.locale);
    switch (error.code()) {
      case ErrorCode::invalid_record: break;
      case ErrorCode::not_found: nowhere(context);
      case ErrorCode::conflict:
      case ErrorCode::forbidden:
      case ErrorCode::stale: throw Error(ErrorCode::conflict, refused);
      default: throw;
    }
    std::vector<FieldError> told;
    for (const FieldError& mistake : error.fields()) {
      const bool own = std::any_of(asked.begin(), asked.end(), [&](const Field* field) { return field->name == mistake.field; });
      if (own || mistake.code == "unknown_field" || only_of(entity, asked, mistake.code)) told.push_back(mistake);
    }
    if (told.empty()) throw Error(ErrorCode::conflict, refused);
    throw Error(ErrorCode::invalid_record, message("invalid_record", context.locale), std::move(told));
  }
}

std::vector<ShownField> shown_fields(const records::RecordService& service, const Context& context, const Record& record, const std::vector<const Field*>& fields) {
  const auto follow = service.follow(context);
  std::vector<ShownField> out;
  for (const Field* field : fields) out.push_back({field, readable(*field, record, context.locale, context, follow)});
  return out;
}

std::string label_of(const model::Text& label, const std::string& name, const Context& context) {
  const std::string& text = label.in(context.locale);
  return text.empty() ? name : text;
}

std::vector<PublicView::Moment> history_of(const records::RecordService& service, const Context& context, const Record& record) {
  std::vector<PublicView::Moment> out;
  const model::Workflow* workflow = record.entity().workflow.get();
  if (workflow == nullptr) return out;
  constexpr std::string_view step = "transition:";
  for (const records::Event& event : service.timeline(context, record.entity(), record.id(), 0, 200)) {
    const model::State* state = nullptr;
    if (event.action == "create") state = workflow->initial;
    if (event.action.starts_with(step)) {
      const model::Transition* transition = workflow->transition(std::string_view(event.action).substr(step.size()));
      if (transition != nullptr && (transition->from.size() != 1 || transition->from.front() != transition->to)) state = transition->to;
    }
    if (state != nullptr) out.push_back({event.at, label_of(state->label, state->name, context)});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void add_entries(const records::RecordService& service, const Context& context, const PublicPage& page, std::int64_t id, std::vector<PublicView::Entry>& added) {
  for (const PublicPage::Addition& one : page.adds) {
    records::ListQuery query;
    query.filter = "record." + one.by->name + " == " + std::to_string(id);
    query.sort = "-created_at,-id";
    for (const Record& record : service.list(context, *one.entity, query).items) {
      const auto* at = record[model::slot_created_at].as<Timestamp>();
      added.push_back({&one, at ? *at : Timestamp(), shown_fields(service, context, record, one.fields)});
    }
  }
  std::stable_sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
}

}  // namespace

std::vector<const Field*> asked_fields(const model::Transition& step) {
  std::vector<const Field*> out;
  if (step.form == nullptr) return out;
  for (const model::FormGroup& group : step.form->groups) {
    for (const Field* field : group.fields) {
      if (!field->compute && !field->rollup && !field->read_only && !field->sensitive) out.push_back(field);
    }
  }
  return out;
}

std::string send_public_form(const records::RecordService& service, const Context& caller, const PublicPage& page, const records::Json& json) {
  Context context = authority(caller, page);
  std::string number;
  for_stranger(context, *page.entity, page.fields, [&] {
    const records::Input given = input_of(context, *page.entity, page.fields, json);
    service.transact(context, [&](records::Work& work) {
      cascade_of(work).before = {context.source};
      records::Input input = given;
      Record nothing;
      for (const auto& [field, program] : page.with) {
        const auto result = records::evaluate(*program, context, nothing, nullptr);
        if (result.outcome == expr::Outcome::value) input.emplace_back(field, result.value);
      }
      const Record made = work.create(*page.entity, std::move(input));
      if (!page.consent.empty()) work.remark(made, "consent", page.consent.in(context.locale));
      const auto* text = made[model::slot_number].as<std::string>();
      number = text ? *text : std::string();
    });
  });
  return number;
}

PublicView show_public(const records::RecordService& service, const Context& caller, std::string_view token) {
  const Opened opened = open_link(service, caller, token, PublicPage::Type::record);
  const Context& context = opened.context;
  const Record record = linked_record(service, opened);
  PublicView view;
  view.page = opened.page;
  view.expires_at = opened.link.expires_at;
  view.fields = shown_fields(service, context, record, opened.page->fields);
  if (opened.page->history) view.history = history_of(service, context, record);
  if (!opened.page->steps.empty()) {
    for (const Available& available : Transitions(service).available(context, record)) {
      const auto& steps = opened.page->steps;
      if (available.allowed && std::find(steps.begin(), steps.end(), available.transition) != steps.end()) view.steps.push_back(available.transition);
    }
  }
  add_entries(service, context, *opened.page, record.id(), view.added);
  return view;
}

void act_publicly(const records::RecordService& service, const Context& caller, std::string_view token, std::string_view act, const records::Json& json) {
  const Opened opened = open_link(service, caller, token);
  const PublicPage& page = *opened.page;
  const auto step = std::find_if(page.steps.begin(), page.steps.end(), [&](const model::Transition* one) { return one->name == act; });
  const auto addition = std::find_if(page.adds.begin(), page.adds.end(), [&](const PublicPage::Addition& one) { return one.name == act; });
  if (step == page.steps.end() && addition == page.adds.end()) nowhere(caller);
  const bool steps = step != page.steps.end();
  const Entity& entity = steps ? *page.entity : *addition->entity;
  const std::vector<const Field*> asked = steps ? asked_fields(**step) : addition->fields;
  for_stranger(opened.context, entity, asked, [&] {
    const records::Input given = input_of(opened.context, entity, asked, json);
    service.transact(opened.context, [&](records::Work& work) {
      cascade_of(work).before = {opened.context.source};
      // The link may have been withdrawn, or have served, since it was looked up.
      if (page.once ? !records::use_link(work.session(), token, caller.now) : !records::find_link(work.session(), token, caller.now)) nowhere(caller);
      if (steps) {
        Transitions::take_in(work, entity, opened.link.record_id, act, given, {}, std::nullopt, Consent::asked);
        return;
      }
      work.load(*page.entity, opened.link.record_id, true);
      records::Input input = given;
      input.emplace_back(addition->by, expr::Value(opened.link.record_id));
      work.create(entity, std::move(input));
    });
  });
}

PublicCalendar public_calendar(const records::RecordService& service, const Context& caller, std::string_view token) {
  const Opened opened = open_link(service, caller, token, PublicPage::Type::calendar);
  const Context& context = opened.context;
  const Record record = linked_record(service, opened);
  PublicCalendar calendar;
  calendar.page = opened.page;
  const auto follow = service.follow(context);
  const Field* title = record.entity().title;
  calendar.title = title != nullptr ? readable(*title, record, context.locale, context, follow) : std::string();
  const Timestamp since{context.now.micros - calendar_days * 86400LL * 1000000};
  const auto local = local_time(since, context.catalog->agency.time_zone);
  for (const PublicPage::Entries& entries : opened.page->entries) {
    const Field& last = entries.end != nullptr ? *entries.end : *entries.start;
    records::ListQuery query;
    query.filter = "record." + entries.by->name + " == " + std::to_string(record.id()) + " && record." + last.name + " >= " +
                   (last.type == model::FieldType::date ? "date(\"" + format_date(local ? local->date : Date()) + "\")" : "timestamp(\"" + format_timestamp(since) + "\")");
    if (!entries.where.empty()) query.filter += " && (" + entries.where + ")";
    query.sort = entries.start->name;
    query.limit = 200;
    do {
      const auto page = service.list(context, *entries.entity, query);
      for (const Record& one : page.items) {
        PublicEvent event;
        // The same each time, of this installation and of one record only, and its number in no other's hands.
        event.uid = records::sha256_of(public_setting(*context.catalog, "public_address") + "\n" + entries.entity->full_name + "\n" + std::to_string(one.id())).substr(0, 32);
        event.start = one[entries.start->slot];
        if (entries.end != nullptr) event.end = one[entries.end->slot];
        for (const ShownField& field : shown_fields(service, context, one, entries.fields)) {
          if (event.title.empty()) event.title = field.text;
          else if (!field.text.empty()) event.text += (event.text.empty() ? "" : "\n") + label_of(field.field->label, field.field->name, context) + ": " + field.text;
        }
        const model::State* state = entries.entity->workflow ? entries.entity->workflow->state(one.state()) : nullptr;
        event.sure = state == nullptr || state->category != model::StateCategory::waiting;
        if (!event.start.is_null()) calendar.events.push_back(std::move(event));
      }
      query.after = page.next;
    } while (!query.after.empty() && calendar.events.size() < most_entries);
  }
  return calendar;
}

namespace {
bool is_issuer(const Context& context, const PublicPage& page) {
  return records::is_administrator(context) || std::any_of(page.issuers.begin(), page.issuers.end(), [&](const std::string& role) { return records::holds_role(context, role); });
}
}  // namespace

bool may_issue(const records::RecordService& service, const Context& context, const PublicPage& page, const Record& record) {
  return page.issuers.empty() ? service.rights(context, record).update : is_issuer(context, page);
}

bool may_issue_some(const records::RecordService& service, const Context& context, const PublicPage& page) {
  return page.issuers.empty() ? service.may(context, *page.entity, model::Operation::update) : is_issuer(context, page);
}

namespace {
const expr::Value* core_setting(const model::Catalog& catalog, std::string_view name) {
  for (const auto& group : catalog.settings) {
    if (group->module != "core") continue;
    for (const model::Setting& setting : group->settings) {
      if (setting.field.name == name) return &setting.value;
    }
  }
  return nullptr;
}
}  // namespace

std::string public_setting(const model::Catalog& catalog, std::string_view name) {
  const expr::Value* value = core_setting(catalog, name);
  const auto* text = value != nullptr ? value->as<std::string>() : nullptr;
  return text != nullptr ? *text : std::string();
}

std::int64_t public_number(const model::Catalog& catalog, std::string_view name) {
  const expr::Value* value = core_setting(catalog, name);
  const auto* number = value != nullptr ? value->as<std::int64_t>() : nullptr;
  return number != nullptr ? *number : 0;
}

bool set_off_by_stranger(records::Work& work) {
  const auto is_public = [](std::string_view source) { return source.starts_with(public_source); };
  const auto& before = cascade_of(work).before;
  return is_public(work.context().source) || std::any_of(before.begin(), before.end(), is_public);
}

namespace {
std::string address(const model::Catalog& catalog, std::string_view path) {
  std::string out = public_setting(catalog, "public_address");
  while (out.ends_with('/')) out.pop_back();
  return out.append(path);
}
}  // namespace

std::string issue_public_link(storage::Session& session, const Context& context, const PublicPage& page, std::int64_t record, std::int64_t by) {
  records::NewLink link{page.name, page.entity->full_name, record, by, context.now, Timestamp{context.now.micros + page.valid_seconds * 1000000}};
  const std::string token = records::issue_link(session, link);
  const bool calendar = page.type == PublicPage::Type::calendar;
  return address(*context.catalog, (calendar ? "/api/v1/public/links/" : "/public/links/") + token + (calendar ? "/calendar.ics" : ""));
}

std::string public_form_address(const model::Catalog& catalog, const PublicPage& page) { return address(catalog, "/public/pages/" + page.name); }

}  // namespace caravan::workflow

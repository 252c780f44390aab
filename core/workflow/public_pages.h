#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/public_page.h"
#include "records/json.h"
#include "records/links.h"
#include "records/service.h"

/// What people without an account do, by public pages (docs/adr/0039-public-pages.md). All of it passes the gate with the authority of the
/// page's definition: rights are not asked, for there is nobody to have any, but nothing beyond what the page names can be read or written,
/// and every other check holds.
namespace caravan::workflow {

/// What a page shows of a field, as people read it.
struct ShownField {
  const model::Field* field = nullptr;
  std::string text;
};

/// A record as the holder of its link sees it.
struct PublicView {
  const model::PublicPage* page = nullptr;
  Timestamp expires_at;
  std::vector<ShownField> fields;
  struct Moment {
    Timestamp at;
    std::string label;               ///< of the state that it came to
  };
  std::vector<Moment> history;       ///< oldest first
  std::vector<const model::Transition*> steps;  ///< that can be taken now
  struct Entry {
    const model::PublicPage::Addition* addition = nullptr;
    Timestamp at;
    std::vector<ShownField> fields;
  };
  std::vector<Entry> added;          ///< oldest first, the last 50 of each addition
};

/// An entry of a calendar.
struct PublicEvent {
  std::string uid, title, text;
  expr::Value start, end;            ///< dates (both included) or instants; `end` may be null
  bool sure = true;                  ///< false: what it is of waits for somebody
};
struct PublicCalendar {
  const model::PublicPage* page = nullptr;
  std::string title;                 ///< of the record
  std::vector<PublicEvent> events;
};

/// Of a link that leads nowhere (unknown, expired, revoked, used up, page or record gone) all throw the same not_found. Refusals of the
/// gate name fields that the page asks for, and say nothing of others. Thread-safe functions.

/// Sends a form; the number of the record that was made, or "". `input`: an object of the page's fields alone, else invalid_record.
std::string send_public_form(const records::RecordService& service, const records::Context& caller, const model::PublicPage& page, const records::Json& input);
PublicView show_public(const records::RecordService& service, const records::Context& caller, std::string_view token);
/// Takes a step or adds an entry, by its name.
void act_publicly(const records::RecordService& service, const records::Context& caller, std::string_view token, std::string_view act, const records::Json& input);
PublicCalendar public_calendar(const records::RecordService& service, const records::Context& caller, std::string_view token);

/// The fields that a step's form asks for and a stranger fills in.
std::vector<const model::Field*> asked_fields(const model::Transition& step);

/// Whether the actor may make and revoke links of the page to the record, which he reads.
bool may_issue(const records::RecordService& service, const records::Context& context, const model::PublicPage& page, const records::Record& record);
/// Whether he may of some record.
bool may_issue_some(const records::RecordService& service, const records::Context& context, const model::PublicPage& page);

/// Makes a link to the record and returns its address in the browser. By a rule (`by` 0) or by a user.
std::string issue_public_link(storage::Session& session, const records::Context& context, const model::PublicPage& page, std::int64_t record, std::int64_t by);
/// The address of a page that is a form.
std::string public_form_address(const model::Catalog& catalog, const model::PublicPage& page);
/// A text setting of the module `core`; "" where it is empty.
std::string public_setting(const model::Catalog& catalog, std::string_view name);
/// A whole number of the same; 0 where there is none.
std::int64_t public_number(const model::Catalog& catalog, std::string_view name);

/// Whether what is done in the work follows, at once or by jobs of rules, from what somebody without an account did.
bool set_off_by_stranger(records::Work& work);

}  // namespace caravan::workflow

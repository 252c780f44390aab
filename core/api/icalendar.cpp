#include "api/icalendar.h"

namespace caravan::api {
namespace {

/// `20270312`
std::string day(Date date) {
  std::string out = format_date(date);
  std::erase(out, '-');
  return out;
}

/// `20270312T073000Z`
std::string moment(Timestamp at) {
  std::string out = format_timestamp(Timestamp{at.micros - ((at.micros % 1000000) + 1000000) % 1000000});
  std::erase(out, '-');
  std::erase(out, ':');
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ';' || c == ',') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c != '\r')
      out += c;
  }
  return out;
}

/// A content line: of at most 75 bytes, longer ones go on after a blank; no character is cut in two.
std::string line(std::string_view content) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < content.size();) {
    std::size_t size = 1;
    while (i + size < content.size() && (static_cast<unsigned char>(content[i + size]) & 0xC0) == 0x80)
      ++size;
    if (used + size > 75) {
      out += "\r\n ";
      used = 1;
    }
    out += content.substr(i, size);
    used += size;
    i += size;
  }
  return out + "\r\n";
}

/// `DTSTART` or `DTEND`; the end of a whole-day entry is the day after.
std::string edge(const char* name, const expr::Value& at, bool end) {
  if (const auto* date = at.as<Date>()) return line(std::string(name) + ";VALUE=DATE:" + day(Date{date->days + (end ? 1 : 0)}));
  if (const auto* instant = at.as<Timestamp>()) return line(std::string(name) + ":" + moment(*instant));
  return {};
}

}  // namespace

std::string icalendar(std::string_view name, const std::vector<workflow::PublicEvent>& events, Timestamp stamp) {
  const std::string made = moment(stamp);
  std::string out = line("BEGIN:VCALENDAR") + line("VERSION:2.0") + line("PRODID:-//Caravan//EN") + line("X-WR-CALNAME:" + escaped(name));
  for (const workflow::PublicEvent& event : events) {
    out += line("BEGIN:VEVENT") + line("UID:" + escaped(event.uid) + "@caravan") + line("DTSTAMP:" + made);
    out += edge("DTSTART", event.start, false);
    out += event.end.is_null() && event.start.as<Date>() != nullptr ? edge("DTEND", event.start, true) : edge("DTEND", event.end, true);
    out += line("SUMMARY:" + escaped(event.title));
    if (!event.text.empty()) out += line("DESCRIPTION:" + escaped(event.text));
    out += line(event.sure ? "STATUS:CONFIRMED" : "STATUS:TENTATIVE") + line("END:VEVENT");
  }
  return out + line("END:VCALENDAR");
}

}  // namespace caravan::api

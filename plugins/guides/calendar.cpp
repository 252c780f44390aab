#include "calendar.h"

namespace guides {
namespace {

std::string digits(long number, std::size_t width) {
  std::string out = std::to_string(number);
  if (out.size() < width) out.insert(0, width - out.size(), '0');
  return out;
}

std::string day(std::chrono::sys_days date) {
  const std::chrono::year_month_day parts(date);
  return digits(static_cast<int>(parts.year()), 4) + digits(static_cast<unsigned>(parts.month()), 2) +
         digits(static_cast<unsigned>(parts.day()), 2);
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

}  // namespace

std::string icalendar(std::string_view name, const std::vector<Entry>& entries,
                      std::chrono::sys_seconds stamp) {
  const auto date = std::chrono::floor<std::chrono::days>(stamp);
  const std::chrono::hh_mm_ss time(stamp - date);
  const std::string made = day(date) + "T" + digits(time.hours().count(), 2) +
                           digits(time.minutes().count(), 2) + digits(time.seconds().count(), 2) + "Z";
  std::string out = line("BEGIN:VCALENDAR") + line("VERSION:2.0") + line("PRODID:-//Caravan//Guides//EN") +
                    line("X-WR-CALNAME:" + escaped(name));
  for (const Entry& entry : entries) {
    out += line("BEGIN:VEVENT") + line("UID:" + escaped(entry.uid)) + line("DTSTAMP:" + made);
    // The end of a whole-day entry is the day after.
    out += line("DTSTART;VALUE=DATE:" + day(entry.from)) +
           line("DTEND;VALUE=DATE:" + day(entry.to + std::chrono::days(1)));
    out += line("SUMMARY:" + escaped(entry.title));
    if (!entry.text.empty()) out += line("DESCRIPTION:" + escaped(entry.text));
    out += line(entry.sure ? "STATUS:CONFIRMED" : "STATUS:TENTATIVE") + line("END:VEVENT");
  }
  return out + line("END:VCALENDAR");
}

}  // namespace guides

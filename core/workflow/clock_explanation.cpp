#include "workflow/clock_explanation.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/time_zone.h"
#include "records/messages.h"
#include "workflow/working_time.h"

namespace caravan::workflow {
namespace {

using records::message;

constexpr std::size_t most_lines = 300;

std::string two(int number) {
  return {static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
}

class Explanation {
 public:
  Explanation(const ClockRun& run, const model::WorkingHours* hours, Timestamp now, std::string_view zone, std::string_view locale)
      : run_(run), hours_(hours), now_(now), zone_(hours != nullptr ? std::string_view(hours->time_zone) : zone), locale_(locale), due_(due(run, hours)) {}

  std::vector<ClockLine> lines() {
    say("started", message("clock_started", locale_, {moment(run_.started) + " (" + std::string(zone_) + ")"}), run_.started, {});
    const std::string by = hours_ == nullptr ? message("clock_every_hour", locale_) : label(hours_->label, hours_->name);
    say("limit", run_.limit ? message("clock_limit", locale_, {duration_text(*run_.limit, locale_), by}) : message("clock_no_limit", locale_, {by}));
    total_ = run_.carried;
    if (run_.carried > 0) say("carried", message("clock_carried", locale_, {duration_text(run_.carried, locale_)}));
    for (std::size_t i = 0; i < run_.marks.size(); i += 2) {
      const bool last = i + 1 >= run_.marks.size();
      // A run that goes on is told up to where it is due.
      Timestamp to = last ? due_ ? *due_ : now_ : run_.marks[i + 1];
      worked(run_.marks[i], to);
      if (last) break;
      end_of_more();
      const bool ended = i + 2 >= run_.marks.size();
      if (ended && run_.met_at && *run_.met_at == run_.marks[i + 1]) break;
      const Timestamp from = run_.marks[i + 1];
      if (!ended && run_.marks[i + 2] == from) continue;
      if (!ended) {
        say("paused", message("clock_paused", locale_, {moment(from), moment(run_.marks[i + 2])}), from, run_.marks[i + 2]);
      } else if (run_.met_at) {
        say("paused", message("clock_paused", locale_, {moment(from), moment(*run_.met_at)}), from, run_.met_at);
      } else {
        say("paused", message("clock_paused_since", locale_, {moment(from)}), from, {});
      }
    }
    end_of_more();
    if (due_ && !due_said_) say("due", message("clock_due", locale_, {moment(*due_)}), *due_, {});
    if (run_.limit && !due_ && run_.state() == ClockState::running) say("due", message("clock_never_due", locale_));
    result();
    return std::move(lines_);
  }

 private:
  void say(std::string kind, std::string text, std::optional<Timestamp> from = {}, std::optional<Timestamp> to = {}, std::int64_t micros = 0) {
    lines_.push_back({std::move(kind), std::move(text), from, to, micros / micros_per_second});
  }
  std::string label(const model::Text& text, const std::string& otherwise) const {
    const std::string& found = text.in(locale_);
    return found.empty() ? otherwise : found;
  }
  std::string clock(Timestamp at, bool end) const {
    const auto local = local_time(at, zone_);
    if (!local) return format_timestamp(at);
    if (end && local->hour == 0 && local->minute == 0 && local->second == 0) return "24:00";
    return two(local->hour) + ":" + two(local->minute) + (local->second != 0 ? ":" + two(local->second) : "");
  }
  std::string moment(Timestamp at) const {
    const auto local = local_time(at, zone_);
    return local ? format_date(local->date) + " " + clock(at, false) : format_timestamp(at);
  }
  Date date_of(Timestamp at) const { return local_date(at, zone_).value_or(Date()); }

  /// Whole dates without working time from `first` to `last`, those with one label together.
  void free_days(Date first, Date last) {
    if (hours_ == nullptr) return;
    for (Date day = first; day <= last; ++day.days) {
      if (!hours_->parts(day).empty()) continue;
      const auto named = [&](Date date) {
        const auto found = hours_->exceptions.find(date);
        return found == hours_->exceptions.end() ? std::string() : label(found->second.label, "");
      };
      const std::string name = named(day);
      Date end = day;
      while (end < last && hours_->parts(Date{end.days + 1}).empty() && named(Date{end.days + 1}) == name) ++end.days;
      const std::string days = format_date(day) + (end == day ? "" : " – " + format_date(end));
      if (lines_.size() < most_lines) {
        if (name.empty()) say("free", message("clock_free", locale_, {days}));
        else say("holiday", message("clock_holiday", locale_, {days, name}));
      }
      day = end;
    }
  }

  void worked(Timestamp from, Timestamp to) {
    std::optional<WorkingSpan> before;
    each_working_span(hours_, from, to, [&](WorkingSpan span) {
      if (hours_ == nullptr) span.date = date_of(span.from);
      // Beyond the due time only the sum counts.
      if (due_ && span.from >= *due_) {
        total_ += span.to.micros - span.from.micros;
        return true;
      }
      if (before) {
        if (before->date == span.date && before->offset_seconds == span.offset_seconds && before->to < span.from && lines_.size() < most_lines) {
          say("break", message("clock_break", locale_, {format_date(span.date), clock(before->to, false), clock(span.from, false)}), before->to, span.from);
        }
        Date next{before->date.days + 1};
        if (before->offset_seconds != span.offset_seconds) next = offset(next, *before, span);
        if (before->date < span.date) free_days(next, Date{span.date.days - 1});
      } else {
        free_days(date_of(from), Date{span.date.days - 1});
      }
      before = span;
      const bool cut = due_ && *due_ < span.to;
      add(span, cut ? *due_ : span.to);
      if (due_ && span.to >= *due_ && !due_said_) {
        end_of_more();
        say("due", message("clock_due", locale_, {moment(*due_)}), *due_, {});
        due_said_ = true;
      }
      if (cut) total_ += span.to.micros - due_->micros;
      return true;
    });
  }

  void add(const WorkingSpan& span, Timestamp to) {
    const std::int64_t length = to.micros - span.from.micros;
    total_ += length;
    if (lines_.size() >= most_lines) {
      more_ += length;
      more_to_ = to;
      return;
    }
    std::string name;
    if (hours_ != nullptr) {
      const auto found = hours_->exceptions.find(span.date);
      if (found != hours_->exceptions.end()) name = label(found->second.label, "");
    }
    const bool same_day = date_of(to) == span.date || hours_ != nullptr;
    const std::string end = same_day ? clock(to, true) : moment(to);
    say("worked",
        message(name.empty() ? "clock_worked" : "clock_worked_day", locale_,
                {format_date(span.date), duration_text(length, locale_), clock(span.from, false), end, duration_text(total_, locale_), name}),
        span.from, to, length);
  }

  void end_of_more() {
    if (more_ == 0) return;
    say("more", message("clock_more", locale_, {moment(more_to_), duration_text(more_, locale_), duration_text(total_, locale_)}), {}, more_to_, more_);
    more_ = 0;
  }

  /// Where clocks were changed between the two, with what was free before; the first date from then on.
  Date offset(Date next, const WorkingSpan& before, const WorkingSpan& span) {
    Date on = span.date;
    const auto changes = offset_changes(before.to, span.from, zone_, 100);
    if (changes && changes->size() > 1) on = date_of(changes->back().from);
    if (next < on) {
      free_days(next, Date{on.days - 1});
      next = on;
    }
    const int minutes = std::abs(span.offset_seconds) / 60;
    say("offset", message("clock_offset", locale_, {format_date(on), (span.offset_seconds < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60)}));
    return next;
  }

  void result() {
    const std::int64_t gone = elapsed(run_, hours_, run_.met_at.value_or(now_));
    const std::string time = duration_text(gone, locale_);
    if (run_.met_at) {
      const char* code = !run_.limit ? "clock_ended" : breached(run_, hours_, now_) ? "clock_met_late" : "clock_met";
      say("result", message(code, locale_, {moment(*run_.met_at), time}), *run_.met_at, {});
    } else if (run_.limit) {
      const std::int64_t left = *run_.limit - gone;
      say("result", message(left < 0 ? "clock_over" : "clock_until_now", locale_, {time, moment(now_), duration_text(std::abs(left), locale_)}), now_, {});
    }
  }

  const ClockRun& run_;
  const model::WorkingHours* hours_;
  const Timestamp now_;
  const std::string_view zone_, locale_;
  const std::optional<Timestamp> due_;
  std::vector<ClockLine> lines_;
  std::int64_t total_ = 0, more_ = 0;
  Timestamp more_to_;
  bool due_said_ = false;
};

}  // namespace

std::string duration_text(std::int64_t micros, std::string_view locale) {
  const std::int64_t all = micros / micros_per_second;
  const std::int64_t hours = all / 3600, minutes = all / 60 % 60, seconds = all % 60;
  std::string out;
  const auto add = [&](const char* code, std::int64_t number) {
    if (number == 0 && !(code == std::string_view("clock_minutes") && all == 0)) return;
    out += (out.empty() ? "" : " ") + message(code, locale, {std::to_string(number)});
  };
  add("clock_hours", hours);
  add("clock_minutes", minutes);
  add("clock_seconds", seconds);
  return out;
}

std::vector<ClockLine> explain_clock(const ClockRun& run, const model::WorkingHours* hours, Timestamp now, std::string_view zone,
                                     std::string_view locale) {
  return Explanation(run, hours, now, zone, locale).lines();
}

}  // namespace caravan::workflow

#include "workflow/clock_run.h"

#include <algorithm>
#include <charconv>

#include "workflow/working_time.h"

namespace caravan::workflow {
namespace {

/// So long a list of pauses is cut: the time before is carried as a sum.
constexpr std::size_t most_marks = 1000;

void fold(ClockRun& run, const model::WorkingHours* hours) {
  if (run.marks.size() <= most_marks) return;
  const std::size_t cut = run.marks.size() / 2 & ~std::size_t{1};
  for (std::size_t i = 0; i < cut; i += 2) run.carried += working_between(hours, run.marks[i], run.marks[i + 1]);
  run.marks.erase(run.marks.begin(), run.marks.begin() + static_cast<std::ptrdiff_t>(cut));
}

}  // namespace

const char* to_string(ClockState state) {
  switch (state) {
    case ClockState::running:
      return "running";
    case ClockState::paused:
      return "paused";
    case ClockState::met:
      return "met";
  }
  return "";
}

ClockRun ClockRun::begin(Timestamp at, const ClockSigns& signs) {
  ClockRun run;
  run.started = at;
  run.limit = signs.limit;
  run.marks.push_back(at);
  if (signs.pauses) run.marks.push_back(at);
  return run;
}

bool ClockRun::advance(const model::WorkingHours* hours, Timestamp at, const ClockSigns& signs) {
  if (met_at) return false;
  at = std::max(at, marks.empty() ? started : marks.back());
  if (signs.stops) {
    if (state() == ClockState::running) marks.push_back(at);
    met_at = at;
    return true;
  }
  bool changed = false;
  if (signs.pauses != (state() == ClockState::paused)) {
    marks.push_back(at);
    fold(*this, hours);
    changed = true;
  }
  if (limit != signs.limit) {
    limit = signs.limit;
    changed = true;
  }
  return changed;
}

ClockTurn follow_record(ClockRun* latest, const model::WorkingHours* hours, Timestamp now, const ClockSigns& signs, ClockRun& begun) {
  // Clocks count whole seconds, so that what is explained adds up.
  const Timestamp at{now.micros - ((now.micros % micros_per_second) + micros_per_second) % micros_per_second};
  if (latest == nullptr || latest->met_at) {
    if (!begins(signs)) return ClockTurn::none;
    begun = ClockRun::begin(at, signs);
    return ClockTurn::began;
  }
  if (!latest->advance(hours, at, signs)) return ClockTurn::none;
  return latest->met_at ? ClockTurn::met : ClockTurn::changed;
}

std::vector<ClockMoment> coming(const ClockRun& run, const model::ClockRule& rule, const std::set<std::string, std::less<>>& fired) {
  std::vector<ClockMoment> out;
  if (!run.limit || (run.met_at && !breached(run, rule.calendar, *run.met_at))) return out;
  const auto add = [&](std::string key, const model::ClockRule::Action& action, std::int64_t seconds) {
    if (fired.contains(key)) return;
    const auto at = reaches(run, rule.calendar, *run.limit + seconds * micros_per_second);
    if (at && (!run.met_at || *at <= *run.met_at)) out.push_back({std::move(key), &action, *at});
  };
  if (!run.met_at) {  // who is done needs no warning
    for (const auto& action : rule.warn) add("warn:" + action.name, action, -action.seconds);
  }
  for (const auto& action : rule.breach) add("breach:" + action.name, action, action.seconds);
  std::stable_sort(out.begin(), out.end(), [](const ClockMoment& a, const ClockMoment& b) { return a.at < b.at; });
  return out;
}

std::int64_t elapsed(const ClockRun& run, const model::WorkingHours* hours, Timestamp at) {
  std::int64_t sum = run.carried;
  for (std::size_t i = 0; i < run.marks.size(); i += 2) {
    const Timestamp to = i + 1 < run.marks.size() ? std::min(run.marks[i + 1], at) : at;
    sum += working_between(hours, run.marks[i], to);
  }
  return sum;
}

std::optional<Timestamp> reaches(const ClockRun& run, const model::WorkingHours* hours, std::int64_t micros) {
  if (micros <= run.carried) return run.marks.empty() || run.carried == 0 ? run.started : run.marks.front();
  std::int64_t left = micros - run.carried;
  for (std::size_t i = 0; i < run.marks.size(); i += 2) {
    if (i + 1 == run.marks.size()) return add_working(hours, run.marks[i], left);
    const std::int64_t length = working_between(hours, run.marks[i], run.marks[i + 1]);
    if (length >= left) return add_working(hours, run.marks[i], left);
    left -= length;
  }
  return std::nullopt;
}

std::optional<Timestamp> due(const ClockRun& run, const model::WorkingHours* hours) {
  if (!run.limit) return std::nullopt;
  return reaches(run, hours, *run.limit);
}

std::optional<Timestamp> breached(const ClockRun& run, const model::WorkingHours* hours, Timestamp now) {
  const auto at = due(run, hours);
  if (!at || (run.met_at ? *run.met_at <= *at : now < *at)) return std::nullopt;
  return at;
}

std::string pack_marks(const ClockRun& run) {
  std::string out = std::to_string(run.carried) + ";";
  for (std::size_t i = 0; i < run.marks.size(); ++i) out += (i == 0 ? "" : ",") + std::to_string(run.marks[i].micros);
  return out;
}

bool unpack_marks(std::string_view text, ClockRun& run) {
  run.marks.clear();
  const char *at = text.data(), *end = text.data() + text.size();
  auto read = std::from_chars(at, end, run.carried);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ';') return false;
  at = read.ptr + 1;
  while (at != end) {
    Timestamp mark;
    read = std::from_chars(at, end, mark.micros);
    if (read.ec != std::errc() || (!run.marks.empty() && mark < run.marks.back())) return false;
    run.marks.push_back(mark);
    at = read.ptr;
    if (at != end && *at++ != ',') return false;
  }
  return !run.marks.empty();
}

}  // namespace caravan::workflow

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "model/process.h"

/// One run of a clock with a record, as far as it is arithmetic. Pure; see clocks.h for what keeps it.
namespace caravan::workflow {

enum class ClockState : std::uint8_t { running, paused, met };
const char* to_string(ClockState state);

/// What a record says to a clock at some moment.
struct ClockSigns {
  bool runs = false;                   ///< `start` holds (or the state names the clock)
  bool pauses = false;
  bool stops = false;
  std::optional<std::int64_t> limit;   ///< microseconds; nullopt: there is no limit
};

struct ClockRun {
  Timestamp started;
  /// Since when it runs, then by turns when it was paused and when it went on; the last one of a run that is met is its end.
  std::vector<Timestamp> marks;
  std::int64_t carried = 0;            ///< microseconds of spans that are no longer among the marks
  std::optional<std::int64_t> limit;   ///< microseconds
  std::optional<Timestamp> met_at;

  ClockState state() const { return met_at ? ClockState::met : marks.size() % 2 == 1 ? ClockState::running : ClockState::paused; }
  static ClockRun begin(Timestamp at, const ClockSigns& signs);
  /// Brings the run up to what the record says now; times before its last mark count as that. True where anything changed.
  bool advance(const model::WorkingHours* hours, Timestamp at, const ClockSigns& signs);
};

/// Whether a clock that does not run begins to.
inline bool begins(const ClockSigns& signs) {
  return signs.runs && !signs.stops;
}

/// What a change of its record did to a clock.
enum class ClockTurn : std::uint8_t { none, began, changed, met };
/// `latest`: its latest run, which is brought up to what the record says; null: there was none. Where one begins, that is `begun`.
ClockTurn follow_record(ClockRun* latest, const model::WorkingHours* hours, Timestamp now, const ClockSigns& signs, ClockRun& begun);

/// A warning or breach of a run that is still to be acted on.
struct ClockMoment {
  std::string key;                     ///< `warn:NAME`, `breach:NAME`
  const model::ClockRule::Action* action = nullptr;
  Timestamp at;
};
/// In the order of time, without those that are in `fired`. Of a run that is met: breaches that came before.
std::vector<ClockMoment> coming(const ClockRun& run, const model::ClockRule& rule, const std::set<std::string, std::less<>>& fired);

/// Microseconds of the clock's own time that have gone by until `at`.
std::int64_t elapsed(const ClockRun& run, const model::WorkingHours* hours, Timestamp at);
/// The first moment at which `micros` of its own time have gone by; nullopt where it is paused, ended, or that never comes.
std::optional<Timestamp> reaches(const ClockRun& run, const model::WorkingHours* hours, std::int64_t micros);
/// When its time is over, or was; nullopt as above, or where there is no limit.
std::optional<Timestamp> due(const ClockRun& run, const model::WorkingHours* hours);
/// When the limit that holds was passed; nullopt where it was not until `now`. Met at the due time itself is in time.
std::optional<Timestamp> breached(const ClockRun& run, const model::WorkingHours* hours, Timestamp now);

/// The marks and what was carried, as text for the database: `carried;mark,mark,…`.
std::string pack_marks(const ClockRun& run);
/// Reads it back; false where it is malformed.
bool unpack_marks(std::string_view text, ClockRun& run);

}  // namespace caravan::workflow

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Which guide fits a tour, and why. Nothing here asks the server.
namespace guides {

using Date = std::chrono::sys_days;

struct Span {
  Date from, to;  ///< both included
};

struct Duty {
  std::string role;  ///< leader, national or local
  std::string language, region;
  Span when;
  bool abroad = false;
};

struct Guide {
  std::int64_t id = 0;
  std::string name, home;
  std::vector<std::string> languages, regions;
  std::optional<Date> licence_until, leader_until, passport_until, visa_until;
  std::optional<double> rating;  ///< 0 to 100
  std::int64_t day_rate_cents = 0;
  std::vector<Span> busy;  ///< tours and absences, rest included
};

struct Reason {
  std::string code;  ///< free, licence, language, region, leader, passport, rating, load
  bool good = true;
  std::string detail;
};

struct Fit {
  std::int64_t id = 0;
  bool possible = false;  ///< nothing forbids it
  int score = 0;          ///< 0 to 100, among those that are possible
  std::vector<Reason> reasons;
};

/// `passport_days`: how long a passport must be valid beyond the tour.
Fit fit(const Duty& duty, const Guide& guide, int passport_days);

/// Possible ones first, then by score, the cheaper, then by id.
std::vector<Fit> rank(const Duty& duty, const std::vector<Guide>& guides, int passport_days);

}  // namespace guides

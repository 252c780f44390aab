#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Who gets a case of the desk in assignment_test.cpp, told from its handbook and without a line of Caravan's code: two rules, urgent and
/// normal, over agents with languages, skills, presence and absences. Time is seconds since Monday midnight.
namespace assignment_oracle {

struct Agent {
  std::string name;
  std::set<std::string> languages, skills;
  bool present = true;
  std::vector<std::pair<int, int>> away;  ///< from a second to before another
  std::map<std::string, int> turn;        ///< by rule: when he had his last one, counted in assignments
};

struct Case {
  std::string language;
  bool urgent = false, closed = false;
  int rank = 0;
  int agent = -1;                         ///< who has it
  std::string queue;                      ///< the rule that it waits for; empty: it does not
  int waits_since = 0;
};

/// One assignment with its reasons.
struct Given {
  int record = 0;
  std::string rule;
  int agent = 0;
  std::map<int, std::string> reasons;     ///< by agent
};

class Desk {
 public:
  std::vector<Agent> agents;
  std::vector<Case> cases;
  std::vector<Given> log;

  bool away(int agent, int second) const {
    const Agent& one = agents[static_cast<std::size_t>(agent)];
    return std::any_of(one.away.begin(), one.away.end(), [&](const auto& span) { return span.first <= second && second < span.second; });
  }

  int arrives(Case one, int second) {
    cases.push_back(std::move(one));
    const int id = static_cast<int>(cases.size()) - 1;
    place(id, second, false, -1);
    everybody_waiting(second);
    return id;
  }
  void closes(int id, int second) {
    at(id).closed = true;
    at(id).queue.clear();
    everybody_waiting(second);
  }
  void goes_and_comes(int agent, bool present, int second) {
    agents[static_cast<std::size_t>(agent)].present = present;
    if (!present) taken_back(agent, second);
    everybody_waiting(second);
  }
  /// The clock has moved on: an absence begins or ends, the office opens.
  void later(int second) {
    for (int agent = 0; agent < static_cast<int>(agents.size()); ++agent) {
      for (const auto& span : agents[static_cast<std::size_t>(agent)].away) {
        if (span.first == second) taken_back(agent, second);
      }
    }
    everybody_waiting(second);
  }
  int load(int agent) const {
    return static_cast<int>(std::count_if(cases.begin(), cases.end(), [&](const Case& one) { return one.agent == agent && !one.closed; }));
  }

 private:
  Case& at(int id) { return cases[static_cast<std::size_t>(id)]; }

  /// Normal cases of the absent go first, then the urgent ones, each from the oldest.
  void taken_back(int agent, int second) {
    for (const bool urgent : {false, true}) {
      for (int id = 0; id < static_cast<int>(cases.size()); ++id) {
        Case& one = at(id);
        if (one.agent != agent || one.closed || one.urgent != urgent) continue;
        place(id, second, true, agent);
      }
    }
  }

  void everybody_waiting(int second) {
    std::vector<int> line;
    for (int id = 0; id < static_cast<int>(cases.size()); ++id) {
      if (!at(id).queue.empty()) line.push_back(id);
    }
    std::stable_sort(line.begin(), line.end(), [&](int a, int b) {
      if (at(a).rank != at(b).rank) return at(a).rank > at(b).rank;
      if (at(a).waits_since != at(b).waits_since) return at(a).waits_since < at(b).waits_since;
      return a < b;
    });
    for (const int id : line) place(id, second, true, -1);
  }

  void place(int id, int second, bool in_turn, int from) {
    Case& one = at(id);
    std::vector<std::string> rules;
    if (one.urgent) rules.push_back("urgent");
    rules.push_back("normal");
    for (const std::string& rule : rules) {
      if (rule == "normal" && (second % 86400 < 9 * 3600 || second % 86400 >= 18 * 3600)) continue;
      std::map<int, std::string> reasons;
      int best = -1;
      for (int agent = 0; agent < static_cast<int>(agents.size()); ++agent) {
        const Agent& who = agents[static_cast<std::size_t>(agent)];
        std::string& reason = reasons[agent];
        if (!who.present) reason = "away";
        else if (away(agent, second)) reason = "absent";
        else if (!who.languages.contains(one.language) || (rule == "urgent" && !who.skills.contains("urgent_cases"))) reason = "unsuitable";
        else if (load(agent) >= (rule == "urgent" ? 5 : 6)) reason = "full";
        if (reason.empty() && (best < 0 || better(agent, best, rule))) best = agent;
      }
      if (best < 0) continue;
      for (auto& [agent, reason] : reasons) {
        if (!reason.empty()) continue;
        if (agent == best) reason = "chosen";
        else if (rule == "urgent") reason = load(agent) != load(best) ? "load" : "turn";
        else reason = specialist(agent) != specialist(best) ? "score" : "turn";
      }
      if (!in_turn && from < 0) {
        const bool behind = std::any_of(cases.begin(), cases.end(), [&](const Case& other) { return &other != &one && other.queue == rule && other.rank >= one.rank; });
        if (behind) {
          one.queue = rule;
          one.waits_since = second;
          return;
        }
      }
      one.agent = best;
      one.queue.clear();
      agents[static_cast<std::size_t>(best)].turn[rule] = ++turns_;
      log.push_back({id, rule, best, std::move(reasons)});
      return;
    }
    if (one.queue.empty()) one.waits_since = second;
    one.agent = -1;
    one.queue = rules.front();
  }

  bool specialist(int agent) const { return agents[static_cast<std::size_t>(agent)].languages.size() == 1; }
  int last(int agent, const std::string& rule) const {
    const auto& turn = agents[static_cast<std::size_t>(agent)].turn;
    const auto found = turn.find(rule);
    return found == turn.end() ? 0 : found->second;
  }
  bool better(int agent, int other, const std::string& rule) const {
    if (rule == "urgent" && load(agent) != load(other)) return load(agent) < load(other);
    if (rule == "normal" && specialist(agent) != specialist(other)) return specialist(agent);
    if (last(agent, rule) != last(other, rule)) return last(agent, rule) < last(other, rule);
    return agent < other;
  }

  int turns_ = 0;
};

}  // namespace assignment_oracle

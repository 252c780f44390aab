#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/process.h"
#include "records/service.h"

/// Internal to core/workflow: which candidate a rule of assignment chooses. See assignment.h.
namespace caravan::workflow {

/// Who is there, as one transaction sees it.
struct Presence {
  std::vector<records::Record> users;            ///< active ones, by id
  std::unordered_set<std::int64_t> absent;       ///< by an absence
};
Presence presence_of(records::Work& work);
/// Makes a list of names of what the field holds as JSON, for expressions and holds_one().
void spread_roles(records::Record& user);

/// Whether the user holds one of the roles, by himself or by a role that includes it; true for no roles.
bool holds_one(const model::Catalog& catalog, const records::Record& user, const std::vector<std::string>& roles);

/// Whether the moment is working time.
bool works_at(const model::WorkingHours& calendar, Timestamp at);

/// Over `record` and `candidate` (null: none).
expr::Evaluation evaluate_pair(const expr::Program& program, const records::Context& context, records::Record& record, const records::Record* candidate,
                               const std::shared_ptr<const records::Follow>& follow);
/// The number that it gives; nullopt for anything else.
std::optional<double> number_of(const expr::Evaluation& result);

struct Candidate {
  std::int64_t id = 0;
  /// chosen; away (switched off), absent, unsuitable, full; or what the chosen one is better in: score, load, turn.
  std::string_view fit;
  std::optional<double> score;
  std::string score_text;            ///< as people read it
  std::int64_t load = -1;            ///< -1: was not asked
  std::int64_t turn = -1;            ///< his last one by the rule, 0: none yet; -1: was not asked
};
struct Choice {
  std::vector<Candidate> candidates; ///< by id
  const Candidate* chosen = nullptr; ///< of them; null: nobody can have it
};
/// Under the lock of the rule's counter. `fallback`: among the holders of the rule's fallback role, whoever is present, without asking
/// for suitability and capacity.
Choice choose(records::Work& work, const model::Assignment& rule, records::Record& record, const Presence& presence,
              const std::shared_ptr<const records::Follow>& follow, bool fallback);

/// The rule's `open` over alias `r`, as ` AND (…)`; empty where all records are.
struct OpenCondition {
  std::string sql;
  std::vector<expr::Value> parameters;
};
OpenCondition open_condition(const model::Assignment& rule, const records::Context& context, storage::Dialect dialect);

/// Open records by user, of these.
std::map<std::int64_t, std::int64_t> loads_of(records::Work& work, const model::Assignment& rule, const std::vector<std::int64_t>& users);

}  // namespace caravan::workflow

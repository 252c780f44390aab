#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/queue.h"
#include "records/access.h"
#include "records/match.h"
#include "records/service.h"

/// Records that are probably of the same thing, by the entity's rules.
namespace caravan::records {

struct EntityPlan;  // plans.h

inline constexpr const char* duplicates_queue = "duplicates";  ///< of its own: a run takes minutes, and the search index does not wait for it
inline constexpr const char* duplicates_kind = "records.find_duplicates";

/// What of the record the rule compares; of a sensitive field a keyed hash, for which the plan has the keys. What `rights` (may be null) do not let its reader read is empty, so that it weighs nothing.
MatchSubject subject_of(const Matcher& matcher, const EntityPlan& plan, const Record& record, const FieldRights* rights);
/// The words by which the search index finds what shares a key of the entity's weighing rules with the record.
void add_match_words(std::set<std::string, std::less<>>& words, const EntityPlan& plan, const Record& record);
/// Of these keys (Matcher::keys) of the rule.
std::vector<std::string> match_words(const model::MatchRule& rule, const std::vector<std::uint64_t>& keys);
/// Whether some rule of the entity weighs.
bool weighs(const model::Entity& entity);

struct DuplicatePair {
  Record first, second;          ///< redacted
  std::string rule;
  double score = 0;
  bool dismissed = false;
  Timestamp found_at;
};

struct DuplicatePage {
  std::vector<DuplicatePair> items;  ///< likeliest first
  std::string next;
};

/// Pairs that the bulk run found, and what became of them. Thread-safe.
class Duplicates {
 public:
  explicit Duplicates(const RecordService& service) : service_(service) {}
  /// For those who may update some record of the entity; pairs of which the actor may read both. `after`: the page before's `next`.
  DuplicatePage list(const Context& context, const model::Entity& entity, bool dismissed, const std::string& after, std::uint32_t limit) const;
  /// The two are not the same thing; `dismissed` false: perhaps they are. For those who may update both. Throws not_found, forbidden.
  void decide(const Context& context, const model::Entity& entity, std::int64_t first, std::int64_t second, bool dismissed) const;
  /// Adds the job that looks through all of the entity's records; false where one is there.
  bool start(const Context& context, const model::Entity& entity) const;
  /// That job's handler.
  void run(jobs::Attempt& attempt, const std::shared_ptr<const model::Catalog>& catalog, Timestamp now) const;

 private:
  const RecordService& service_;
};

}  // namespace caravan::records

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/queue.h"
#include "records/search_index.h"
#include "records/search_words.h"
#include "records/service.h"

namespace caravan::records {

struct SearchQuery {
  std::string q;
  std::vector<const model::Entity*> entities;  ///< empty: all
  std::uint32_t limit = 20;                    ///< 1 to 100
  std::string after;                           ///< SearchAnswer::next of the page before
};

struct SearchHit {
  Record record;                 ///< redacted; only what is searched, its title and number
  const model::Field* field = nullptr;  ///< where it was found
  Fragment fragment;
  int rank = 0;                  ///< 3: a field is just what was looked for; 2: all words are in the title, or 1: elsewhere
};

struct SearchAnswer {
  std::vector<SearchHit> hits;   ///< by rank, then newest first
  std::string next;              ///< empty on the last page
  std::vector<const model::Entity*> building;  ///< of which not all records are in the index yet
};
inline constexpr std::size_t most_hits = 1000;  ///< that pages go through

/// Full-text search across entities under the actor's rights. The index only proposes: each hit is read through the gate, and its
/// words are found again in what the actor may read of it, so that neither an index that lags behind nor a field he may
/// not read tells him anything. Thread-safe.
class Search {
 public:
  /// `catalog`: the one in use, for the handlers; the service outlives it, and has an index. Cheap to make.
  explicit Search(const RecordService& service, std::function<std::shared_ptr<const model::Catalog>()> catalog = {});
  /// Whether the service has an index at all.
  static bool exists(const RecordService& service);
  SearchIndex& index() const { return index_; }
  /// The statements of the context's Catalog.
  static std::shared_ptr<const class Plans> plans(const RecordService& service, const Context& context);
  /// Throws invalid_argument where nothing can be looked for.
  SearchAnswer find(const Context& context, const SearchQuery& query) const;
  /// Handlers of the queue: search_kind in batches, search_build_kind.
  void keep_up(std::span<jobs::Attempt* const> attempts) const;
  void build(jobs::Attempt& attempt) const;

 private:
  bool changes_wait() const;
  void put(storage::Session& session, const std::shared_ptr<const model::Catalog>& catalog, const model::Entity& entity, std::int64_t number,
           const std::vector<std::int64_t>& ids) const;
  /// `fresh`: records to look at whether the index has them or not.
  void find_in(const Context& context, const model::Entity& entity, std::int64_t number, const SearchTerms& terms, std::size_t wanted, const std::vector<std::int64_t>& fresh,
               std::vector<SearchHit>& hits) const;
  const RecordService& service_;
  SearchIndex& index_;
  std::function<std::shared_ptr<const model::Catalog>()> catalog_;
};

}  // namespace caravan::records

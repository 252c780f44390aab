#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "records/record.h"
#include "storage/database.h"
#include "storage/search_store.h"
#include "storage/sequence.h"

/// What full-text search knows: which entities are in the index, and whether all of their records are.
namespace caravan::records {

inline constexpr const char* search_queue = "search";
inline constexpr const char* search_kind = "records.search";          ///< what a transaction wrote
inline constexpr const char* search_build_kind = "records.search_build";  ///< all of an entity

/// The entity's fields marked `search`, its number among them where it has one. Empty: it is not searched.
std::vector<const model::Field*> searched_fields(const model::Entity& entity);

/// Calls `each` with every record that a job of search_kind names. Throws invalid_argument.
void each_written(std::string_view payload, const std::function<void(const std::string& entity, std::int64_t id)>& each);
/// The words of a record's fields.
std::set<std::string, std::less<>> words_of(const Record& record, const std::vector<const model::Field*>& fields);

/// Whether the index follows the entity's records: some field is searched, or a duplicate rule weighs.
bool is_indexed(const model::Entity& entity);

/// What of the entity's definition decides what is in the index, as State::definition.
std::string index_definition(const model::Entity& entity);

/// Thread-safe. The database and sequences outlive it.
class SearchIndex {
 public:
  struct State {
    std::int64_t number = 0;     ///< of the entity in the store
    bool complete = false;
    std::string definition;
    std::int64_t built_to = 0;
  };

  SearchIndex(storage::Database& database, storage::Sequences& sequences);
  const storage::SearchStore& store() const { return *store_; }
  storage::ReadSession read() const { return database_.read(); }
  /// As of at most a second ago; nullopt where nothing of the entity is there.
  std::optional<State> of(std::string_view entity) const;
  /// The records of an entity that hold all terms: themselves where they are few, else what selects them all.
  struct Found {
    std::optional<std::vector<std::int64_t>> few;
    storage::SearchSelect all;
  };
  static constexpr std::int64_t most_few = 4000;
  /// So many records of words are sorted by what no index has; of more, a list refuses such an order.
  std::int64_t most_sorted = 100'000;
  Found find(const State& state, const std::vector<storage::SearchTerm>& terms) const;
  /// Of what was written a moment ago and is not in the index yet: the newest records, at most about 500, by entity.
  std::map<std::string, std::vector<std::int64_t>, std::less<>> waiting(storage::Session& session) const;
  /// Of all entities, as of now.
  std::map<std::string, State, std::less<>> states() const;
  /// Has what the definitions search now, and the index does not hold, built anew; called whenever a Catalog comes into use.
  /// Returns how many entities.
  std::size_t follow(const model::Catalog& catalog, Timestamp now);
  /// Builds these entities anew while the index stays in use. Returns how many.
  std::size_t rebuild(const model::Catalog& catalog, const std::vector<const model::Entity*>& entities, Timestamp now);
  /// The next call of of() asks the database.
  void forget_states() const { loaded_.store(0); }

 private:
  std::size_t start(const model::Catalog& catalog, const std::vector<const model::Entity*>& entities, bool all, Timestamp now);
  std::map<std::string, State, std::less<>> load(storage::Session& session) const;
  storage::Database& database_;
  storage::Sequences& sequences_;
  std::unique_ptr<storage::SearchStore> store_;
  mutable std::mutex mutex_;     ///< of loading
  mutable std::atomic<std::int64_t> loaded_{0};  ///< when, in milliseconds of the steady clock; 0: never
  mutable std::atomic<std::shared_ptr<const std::map<std::string, State, std::less<>>>> states_;
};

}  // namespace caravan::records

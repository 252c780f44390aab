#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/context.h"
#include "records/hooks.h"
#include "records/record.h"
#include "storage/database.h"
#include "storage/sequence.h"

/// The one gate: every read and write of records of every kind passes here, with the actor's rules.
namespace caravan::records {

/// A request for a page of records. All texts come from the client and are checked here.
struct ListQuery {
  std::string filter;                      ///< CEL over `record` and `user`
  std::string sort;                        ///< `-created_at,name`; empty: the view's, else `-id`
  std::string q;                           ///< words to be found in the fields marked `search`
  std::string after;                       ///< opaque cursor of the page before
  std::uint32_t limit = 50;                ///< 1 to 200
  bool count = false;                      ///< also count (exact up to 10,000)
};

struct Page {
  std::vector<Record> items;
  std::string next;                        ///< empty on the last page
  std::optional<std::int64_t> total;       ///< where asked; 10,000 means "or more"
};

/// What the actor may do with one record.
struct Rights {
  bool read = false, update = false, remove = false;
};

/// By whose right a step inside a transaction is done.
enum class Authority {
  actor,      ///< the caller's own rules
  definition  ///< an effect that a definition orders: grants are not asked, every other check holds
};

/// One transaction through the gate. Borrowed by the callback of RecordService::transact; not thread-safe.
class Work {
 public:
  virtual ~Work() = default;
  virtual const Context& context() const = 0;
  virtual storage::Session& session() = 0;
  /// Reads with the actor's rights; locks the row on MariaDB where `for_update`. Throws not_found.
  virtual Record load(const model::Entity& entity, std::int64_t id, bool for_update = false) = 0;
  /// What a reference points at, read with the system's rights, for rules; nullptr where there is none.
  virtual std::shared_ptr<const expr::RecordView> follow(const model::Entity& entity, std::int64_t id) = 0;
  /// nullopt where there is none (or it may not be seen).
  virtual std::optional<Record> find_external(const model::Entity& entity, std::string_view source, std::string_view external_id) = 0;
  /// Checks rights, required fields, types, references, invariants; runs hooks; writes row and history.
  virtual Record create(const model::Entity& entity, Input input, Authority authority = Authority::actor) = 0;
  /// `expected_version`: throws stale where it is not the stored one. An input that changes nothing writes nothing.
  virtual Record update(const model::Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> expected_version) = 0;
  virtual void remove(const model::Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) = 0;
  /// For core/workflow: moves `stored` (locked by load) to the transition's state and sets `input` with it, as one step
  /// of its history. Whether the actor may do so is the caller's to check.
  virtual Record apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) = 0;
};

/// Thread-safe. Errors: not_found for what the actor may not see, forbidden for what he may not do, stale, conflict,
/// invalid_record with one FieldError per mistake.
class RecordService {
 public:
  /// Both outlive the service.
  RecordService(storage::Database& database, storage::Sequences& sequences);
  ~RecordService();

  /// Replaces the hooks for calls that begin from now on; null: none.
  void set_hooks(std::shared_ptr<const Hooks> hooks) { hooks_.store(std::move(hooks)); }

  Record get(const Context& context, const model::Entity& entity, std::int64_t id) const;
  Page list(const Context& context, const model::Entity& entity, const ListQuery& query) const;
  /// The referenced records that the actor may see, by id, for `expand`; one query.
  std::vector<Record> get_many(const Context& context, const model::Entity& entity, const std::vector<std::int64_t>& ids) const;
  /// Newest first; `before` is an event id (0: from the newest). The record must be visible, or be deleted and the actor
  /// an administrator.
  std::vector<Event> timeline(const Context& context, const model::Entity& entity, std::int64_t id, std::int64_t before,
                              std::uint32_t limit) const;
  Rights rights(const Context& context, const Record& record) const;
  /// Loads what a reference points at with the system's rights, for rules evaluated outside a transaction.
  std::shared_ptr<const Follow> follow(const Context& context) const;
  /// Whether any role of the actor gives `operation` on some record of `entity`.
  bool may(const Context& context, const model::Entity& entity, model::Operation operation) const;

  /// Runs `work` in one transaction, again after a deadlock. `expected_records`: about how many it will create.
  void transact(const Context& context, const std::function<void(Work&)>& work, std::int64_t expected_records = 1) const;

  // One-step forms of the above.
  Record create(const Context& context, const model::Entity& entity, Input input) const;
  Record update(const Context& context, const model::Entity& entity, std::int64_t id, Input input,
                std::optional<std::int64_t> expected_version) const;
  void remove(const Context& context, const model::Entity& entity, std::int64_t id,
              std::optional<std::int64_t> expected_version) const;

 private:
  storage::Database& database_;
  storage::Sequences& sequences_;
  std::atomic<std::shared_ptr<const Hooks>> hooks_;
  std::shared_ptr<const class Plans> plans(const Context& context) const;
  mutable std::atomic<std::shared_ptr<const Plans>> plans_;  ///< statements of the Catalog in use
};

}  // namespace caravan::records

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
namespace caravan::jobs {
struct NewJob;
}

namespace caravan::records {

/// A request for a page of records. All texts come from the client and are checked here.
struct ListQuery {
  std::string filter;                      ///< CEL over `record` and `user`
  std::string sort;                        ///< `-created_at,name`; empty: the view's, else `-id`
  std::string q;                           ///< words to be found in the fields marked `search`
  std::string after;                       ///< opaque cursor of the page before
  std::uint32_t limit = 50;                ///< 1 to 200
  bool count = false;                      ///< also count: exactly up to 10,000, past it an estimate
};

struct Page {
  std::vector<Record> items;
  std::string next;                        ///< empty on the last page
  std::optional<std::int64_t> total;       ///< where asked; exact up to 10,000
  bool total_exact = true;                 ///< false: `total` is an estimate, and more than 10,000
};

/// What of each record list_json() writes.
struct ListShape {
  std::vector<std::uint32_t> fields;             ///< slots; id and version always; empty: all. What is hidden is left out
  std::vector<const model::Field*> references;   ///< fields whose ids are wanted beside the text, for `expand`
};

/// What list_json() tells beside the text.
struct JsonPage {
  std::size_t count = 0;
  std::string next;
  std::optional<std::int64_t> total;
  bool total_exact = true;
  // Only where references were asked for:
  std::vector<std::size_t> ends;           ///< by item: where its closing brace stands in the text
  std::vector<std::int64_t> references;    ///< count × references; 0 where empty or not to be seen
  std::vector<std::vector<std::int64_t>> reference_lists;  ///< of references that are lists (0 above), item by item in their order
};

struct AggregateQuery;   // records/aggregate.h
struct AggregateResult;

struct DraftQuery;       // records/draft.h
struct DraftAnswer;
struct Duplicate;
class SearchIndex;       // records/search_index.h
class Functions;         // records/functions.h

/// What the actor may do with one record.
struct Rights {
  bool read = false, update = false, remove = false;
};

/// By whose right a step inside a transaction is done.
enum class Authority {
  actor,      ///< the caller's own rules
  definition  ///< an effect that a definition orders: grants are not asked, every other check holds
};

/// What a layer above keeps for the time of one transaction, or adds to all of a service's.
struct Extension {
  virtual ~Extension() = default;
};

/// One transaction through the gate. Borrowed by the callback of RecordService::transact; not thread-safe.
class Work {
 public:
  virtual ~Work() = default;
  virtual const Context& context() const = 0;
  virtual storage::Session& session() = 0;
  /// Reads with the actor's rights; locks the row on MariaDB where `for_update`. Throws not_found.
  virtual Record load(const model::Entity& entity, std::int64_t id, bool for_update = false, Authority authority = Authority::actor) = 0;
  /// What a reference points at, read with the system's rights, for rules; nullptr where there is none.
  virtual std::shared_ptr<const expr::RecordView> follow(const model::Entity& entity, std::int64_t id) = 0;
  /// nullopt where there is none (or it may not be seen).
  virtual std::optional<Record> find_external(const model::Entity& entity, std::string_view source, std::string_view external_id) = 0;
  /// Checks rights, required fields, types, references, invariants; runs hooks; writes row and history.
  virtual Record create(const model::Entity& entity, Input input, Authority authority = Authority::actor) = 0;
  /// `expected_version`: throws stale where it is not the stored one. An input that changes nothing writes nothing.
  virtual Record update(const model::Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> expected_version,
                        Authority authority = Authority::actor) = 0;
  virtual void remove(const model::Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) = 0;
  /// The deleted record, back under its id and number. Throws not_found where there is none to be seen, forbidden, conflict with
  /// the fields whose unique key was taken meanwhile or whose reference is gone.
  virtual Record restore(const model::Entity& entity, std::int64_t id) = 0;
  /// Takes out of the record's history, for good, what the events so far say (values, notes, names of actors); that they happened,
  /// when, and by which user's id stays, and the chain stays valid. The record gets a new version and the event `erase`.
  /// For administrators.
  virtual Record erase_history(const model::Entity& entity, std::int64_t id, std::string note) = 0;
  /// The record as this transaction has left it: what hooks and effects did to it after it was read or written is in it.
  virtual Record current(Record record) = 0;
  /// What the history names as the source of the writes that follow; returns what it named before. See SourceScope.
  virtual std::string set_source(std::string source) = 0;
  /// Gives the record, locked by load, a new version without changing a field, and its history an entry of what happened
  /// beside them.
  virtual Record remark(const Record& stored, std::string_view action, std::string note) = 0;
  /// For core/workflow: moves `stored` (locked by load) to the transition's state and sets `input` with it, as one step
  /// of its history. Whether the actor may do so is the caller's to check.
  virtual Record apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) = 0;
  /// For core/workflow: writes `wanted`, a state and fields that `stored` (locked by load) had before, as one step `action` of
  /// its history. Hooks see an update. Whether the actor may do so is the caller's to check.
  virtual Record put_back(const Record& stored, Record wanted, std::string action, std::string note) = 0;
  /// Adds a job to the transaction; false where a waiting one has the same unique key. Workers look at it after the commit.
  virtual bool enqueue(const jobs::NewJob& job) = 0;
  /// What the service was given by set_extension(); may be null.
  virtual const Extension* extension() const { return nullptr; }
  /// Of core/workflow, for the time of the transaction.
  std::unique_ptr<Extension> attachment;
};

/// For its lifetime the history names another source.
class SourceScope {
 public:
  SourceScope(Work& work, std::string source) : work_(work), before_(work.set_source(std::move(source))) {}
  ~SourceScope() { work_.set_source(std::move(before_)); }
  SourceScope(const SourceScope&) = delete;
  SourceScope& operator=(const SourceScope&) = delete;

 private:
  Work& work_;
  std::string before_;
};

/// A record shown to somebody beside his roles' rules.
struct Share {
  enum class Kind : std::uint8_t { user, role, department } kind = Kind::user;
  std::int64_t id = 0;
  std::string grantee;               ///< the user's id, or the name of a role or of a department (with those below it)
  bool update = false;               ///< else read only
  std::int64_t by = 0;               ///< 0: the system
  Timestamp at;
  std::optional<Timestamp> expires_at;
  std::string note;
};
const char* to_string(Share::Kind kind);

/// What was deleted and can be restored.
struct Deleted {
  std::int64_t id = 0, version = 0;
  std::string number, title;
  Timestamp at, until;
  std::int64_t by = 0;               ///< 0: the system
};

struct DeletedPage {
  std::vector<Deleted> items;
  std::string next;                  ///< empty on the last page
};

/// What a transaction wrote, in the order of writing; a record may stand several times.
struct Written {
  const model::Entity* entity = nullptr;
  std::int64_t id = 0, version = 0;
};

/// Renders the answer from the record that a call wrote. Called inside the transaction, perhaps again, where the
/// context's `once` keeps the answer; else after it.
using Reply = std::function<void(const Record&)>;

/// Thread-safe. Errors: not_found for what the actor may not see, forbidden for what he may not do, stale, conflict,
/// invalid_record with one FieldError per mistake.
class RecordService {
 public:
  /// Both outlive the service.
  RecordService(storage::Database& database, storage::Sequences& sequences);
  ~RecordService();

  /// Replaces the hooks for calls that begin from now on; null: none.
  void set_hooks(std::shared_ptr<const Hooks> hooks) { hooks_.store(std::move(hooks)); }

  /// For all transactions that begin from now on, see Work::extension().
  void set_extension(std::shared_ptr<const Extension> extension) { extension_.store(std::move(extension)); }

  /// What plugins compute for imports and reports; null: nothing.
  void set_functions(std::shared_ptr<const Functions> functions) { functions_.store(std::move(functions)); }
  std::shared_ptr<const Functions> functions() const { return functions_.load(); }

  /// Called after a commit that put something into the outbox; before the first call of the service.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }

  /// Called after each commit with what it wrote, on the writer's thread: must not wait, nor throw. Before the first call of the
  /// service; none: null.
  void set_watcher(std::function<void(const std::vector<Written>&)> watcher) { watcher_ = std::move(watcher); }

  /// The index for full-text search, which then follows every write, and which `q` asks; null: `q` looks through the rows. Before
  /// the first call of the service.
  void set_search(std::shared_ptr<SearchIndex> search) { search_ = std::move(search); }

  Record get(const Context& context, const model::Entity& entity, std::int64_t id) const;
  /// The record with what redact() took out, for rules that the system evaluates; it must not leave the gate.
  Record whole(const Context& context, const Record& record) const;
  Page list(const Context& context, const model::Entity& entity, const ListQuery& query) const;
  /// The same page, appended to `out` as JSON objects with commas between, without Records on the way.
  JsonPage list_json(const Context& context, const model::Entity& entity, const ListQuery& query, const ListShape& shape,
                     std::string& out) const;
  /// Groups of the records that the actor may read, with measures, for boards and reports. See aggregate.h.
  AggregateResult aggregate(const Context& context, const model::Entity& entity, const AggregateQuery& query) const;
  /// The referenced records that the actor may see, by id, for `expand`; one query. `slots`: the fields that are wanted (id
  /// always), the others stay empty; empty: all.
  std::vector<Record> get_many(const Context& context, const model::Entity& entity, const std::vector<std::int64_t>& ids,
                               const std::vector<std::uint32_t>& slots = {}) const;
  /// Newest first; `before` is an event id (0: from the newest). The record must be visible, or be deleted and the actor
  /// an administrator.
  std::vector<Event> timeline(const Context& context, const model::Entity& entity, std::int64_t id, std::int64_t before,
                              std::uint32_t limit) const;
  Rights rights(const Context& context, const Record& record) const;
  /// Logs that the actor is shown what the record, redacted, holds of sensitive fields (looks.h); get() and the like do it
  /// themselves. Not inside a transaction.
  void looked(const Context& context, const Record& record) const;
  /// What a form shows while it is filled in: conditions, offered options, computed values, mistakes, probable duplicates. Writes
  /// nothing and runs no hooks. For those who may create, or update the record.
  DraftAnswer draft(const Context& context, const model::Entity& entity, const DraftQuery& query) const;
  /// Records that the actor may see and that one of the entity's duplicate rules takes for the same thing as `record`.
  std::vector<Duplicate> duplicates(const Context& context, const Record& record) const;
  /// Loads what a reference points at with the system's rights, for rules evaluated outside a transaction.
  std::shared_ptr<const Follow> follow(const Context& context) const;
  /// Whether any role of the actor gives `operation` on some record of `entity`.
  bool may(const Context& context, const model::Entity& entity, model::Operation operation) const;

  /// Runs `work` in one transaction, again after a deadlock. `expected_records`: about how many it will create.
  void transact(const Context& context, const std::function<void(Work&)>& work, std::int64_t expected_records = 1) const;

  // One-step forms of the above.
  Record create(const Context& context, const model::Entity& entity, Input input, const Reply& reply = {}) const;
  Record update(const Context& context, const model::Entity& entity, std::int64_t id, Input input,
                std::optional<std::int64_t> expected_version) const;
  void remove(const Context& context, const model::Entity& entity, std::int64_t id,
              std::optional<std::int64_t> expected_version) const;
  Record restore(const Context& context, const model::Entity& entity, std::int64_t id, const Reply& reply = {}) const;

  /// To whom the record was shared and still is. For those who may update it, forbidden to others.
  std::vector<Share> shares(const Context& context, const model::Entity& entity, std::int64_t id) const;
  /// Shares it, or changes what was shared with the same one before. For those whom a role of their own lets update the record: what
  /// one has by a share or as a deputy is not passed on. Throws invalid_record for an unknown grantee or a time that is past.
  Share share(const Context& context, const model::Entity& entity, std::int64_t id, Share wanted) const;
  /// For those who may share the record, the one who shared it, and the user it was shared with. Throws not_found.
  void unshare(const Context& context, const model::Entity& entity, std::int64_t id, std::int64_t share) const;

  /// How long a deleted record can be restored, in days; 0: not at all. 30 where nobody says.
  void set_undo_days(int days) { undo_days_.store(days); }
  /// Until when what is deleted now can be restored; nullopt where it cannot.
  std::optional<Timestamp> undo_until(const Context& context) const;
  /// What was deleted and the actor may restore, newest first; `after`: the page before's `next`.
  DeletedPage deleted(const Context& context, const model::Entity& entity, const std::string& after, std::uint32_t limit) const;
  /// Whether the record was deleted and the actor may restore it.
  bool may_restore(const Context& context, const model::Entity& entity, std::int64_t id) const;
  /// The database, for what belongs to a call but to no record (keys of requests).
  storage::Database& database() const { return database_; }

 private:
  Record one_step(const Context& context, const std::function<Record(Work&)>& step, const Reply& reply,
                  std::string_view numbers = {}) const;
  /// transact(), with a sequence of visible numbers that will be taken from; "": none is known.
  void run(const Context& context, const std::function<void(Work&)>& work, std::int64_t expected_records, std::string_view numbers) const;
  friend class EventDelivery;
  friend class Search;
  friend class Merges;
  std::shared_ptr<SearchIndex> search_;
  std::function<void()> wake_;
  std::function<void(const std::vector<Written>&)> watcher_;
  mutable std::atomic<bool> announces_{false};  ///< writes have used the sequence `job`
  std::atomic<int> undo_days_{30};
  storage::Database& database_;
  storage::Sequences& sequences_;
  std::atomic<std::shared_ptr<const Hooks>> hooks_;
  std::atomic<std::shared_ptr<const Extension>> extension_;
  std::atomic<std::shared_ptr<const Functions>> functions_;
  std::shared_ptr<const class Plans> plans(const Context& context) const;
  mutable std::atomic<std::shared_ptr<const Plans>> plans_;  ///< statements of the Catalog in use
};

}  // namespace caravan::records

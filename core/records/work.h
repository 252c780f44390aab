#pragma once

#include "jobs/queue.h"
#include "records/plans.h"
#include "records/service.h"

namespace caravan::records {

/// A number was needed and no leased block was at hand: roll back, refill, run again. Not an Error: it never leaves the gate.
/// Inside the transaction it travels as Error(retry), which passes through plugins.
struct SequenceEmpty {
  std::string name;
};

/// The sequence of which a new record of the entity takes its number at this time from leased blocks; "" where there is none.
std::string number_sequence(const Context& context, const model::Entity& entity);

/// Ids in a list of references that were not in it before, in order.
std::vector<std::int64_t> new_references(const model::Field& field, const Record& record, const Record* before);

/// A row that is locked before others are written, or (without entity) the counter of numbers without gaps.
struct RowLock {
  const model::Entity* entity = nullptr;
  std::int64_t id = 0;
  std::string counter;
};

/// Work on one open transaction.
class TransactionWork final : public Work {
 public:
  TransactionWork(const Context& context, storage::Session& session, storage::Sequences& sequences,
                  std::shared_ptr<const Plans> plans, std::shared_ptr<const Hooks> hooks, int undo_days);
  /// Whether an event was put into the outbox.
  bool announced() const { return announced_; }
  DraftAnswer draft(const model::Entity& entity, const DraftQuery& query);
  std::vector<Duplicate> duplicates(const Record& record);
  /// What a rule that weighs finds; nothing where the entity is not in the search index.
  Duplicate alike(const Record& record, const model::DuplicateRule& rule, const class FieldRights& rights, const struct ReadRule& read);
  /// Takes the locks that an earlier run of the transaction came to want, before anything else, so that it cannot lose against the
  /// same others again; and notes in `rows`, which outlives it, those that it comes to want itself.
  void set_locks(std::vector<RowLock>* rows) {
    wanted_ = rows;
    if (!rows->empty()) lock_rows(*rows, nullptr);
  }
  /// Lets the search index follow what was written, by a job; last of all before the commit.
  void index_written();
  /// Counts these rollups of the record anew; whether one changed.
  bool refill(const model::Entity& entity, std::int64_t id, const std::vector<const model::Field*>& fields);
  /// The next number of a sequence without gaps, whose row stays locked.
  std::int64_t take_without_gap(const std::string& sequence);
  const Plans& plans() const { return *plans_; }
  /// What it wrote so far.
  const std::vector<Written>& written() const { return written_; }
  /// From now on rows are written without waiting for what the database says of each (on SQLite, which is no journey away, it is waited for as ever).
  /// Whoever wants that asks written_as_meant() before he counts on anything, and rolls the transaction back where they were not.
  void write_unwaited() { unwaited_ok_ = session_.dialect() == storage::Dialect::mysql; }
  /// Waits for what is on its way. False where the database refused a row; throws what no other way of writing would spare.
  bool written_as_meant();
  /// The sequence that ran out, or "".
  const std::string& missing_sequence() const { return missing_; }

  const Context& context() const override { return context_; }
  storage::Session& session() override { return session_; }
  Record load(const model::Entity& entity, std::int64_t id, bool for_update, Authority authority) override;
  std::shared_ptr<const expr::RecordView> follow(const model::Entity& entity, std::int64_t id) override;
  std::optional<Record> find_external(const model::Entity& entity, std::string_view source, std::string_view external_id) override;
  Record create(const model::Entity& entity, Input input, Authority authority) override;
  Record update(const model::Entity& entity, std::int64_t id, Input input, std::optional<std::int64_t> expected_version,
                Authority authority) override;
  void remove(const model::Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version) override;
  Record apply_transition(const Record& stored, const model::Transition& transition, Input input, std::string note) override;
  Record put_back(const Record& stored, Record wanted, std::string action, std::string note) override;
  bool enqueue(const jobs::NewJob& job) override;
  const Extension* extension() const override { return extension_; }
  /// Borrowed; outlives the transaction.
  void set_extension(const Extension* extension) { extension_ = extension; }
  Record remark(const Record& stored, std::string_view action, std::string note) override;
  Record restore(const model::Entity& entity, std::int64_t id) override;
  Record erase_history(const model::Entity& entity, std::int64_t id, std::string note) override;
  Record current(Record record) override;
  /// What the definitions order of records that are there: sets one field and what is computed from it, without asking rules, and
  /// writes row and history. `stored` is locked by load.
  Record relabel(const Record& stored, std::uint32_t slot, expr::Value value, std::string_view note);
  std::string set_source(std::string source) override;

 private:
  friend class MergeWork;
  /// An event on its way into the database, in the order of writing: id and hash first, then the row, then the event.
  struct NewEvent {
    std::int64_t id = 0;
    std::string_view action, note;  ///< borrowed
    std::string changes, salt, commitment;
  };
  /// Makes the next link of the record's chain, which holds the new values and version, and sets its chain to it.
  NewEvent next_event(Record& record, const Record* before, std::string_view action, std::string_view note);
  void write_event(const Record& record, const NewEvent& event);
  /// The event's row in the outbox, where a hook waits for it, see outbox.h.
  struct Announcement {
    std::int64_t id = 0;
    jobs::NewJob job;
  };
  std::optional<Announcement> announcement(const Record& record, const NewEvent& event);
  /// The statement that writes it, with its parameters bound.
  storage::Statement& event_statement(const Record& record, const NewEvent& event);
  /// Writes a row by `row`, its event and the event's row in the outbox, in one round trip; the number of rows that `row`
  /// wrote. Where it wrote none, or the database refused it (then throws), the others are not there either.
  std::int64_t write_with_event(storage::Statement& row, const Record& record, const NewEvent& event);

  /// Whether writes of the entity hang on other rows, which are locked first.
  static bool guards(const model::Entity& entity) { return !entity.rolled_up.empty() || !entity.exclusive.empty(); }
  /// Locks the parents whose rollups the write changes, and the resources that it claims, in the order of their ids; keeps them
  /// in `locked_` for roll_up(), which comes next.
  void lock_guarded(const Record& record, const Record* before);
  void lock_rows(std::vector<RowLock> rows, std::vector<Record>* kept);
  void want_lock(const RowLock& row);
  void collect_parents(const Record* before, const Record* after, std::vector<RowLock>& rows) const;
  void collect_resources(const Record& record, const Record* before, std::vector<RowLock>& rows) const;
  /// After a write of a child (null: there was none, or is none any more): the rollups of its parents follow.
  void roll_up(const Record* before, const Record* after);
  /// Writes a parent as roll_up() changed it, where its own rules allow it.
  void write_rolled_up(const Record& stored, Record& record, const model::Rollup& via);
  expr::Value count_rollup(const RollupPlan& plan, std::int64_t parent);
  [[noreturn]] void refuse_rollup(const model::Field& by, std::string code, std::string text) const;
  [[noreturn]] void refuse_parent(const Record& parent, const model::Field& by, std::vector<FieldError> mistakes);
  void check_exclusive(const Record& record, const Record* before, std::vector<FieldError>& mistakes);
  [[noreturn]] void refuse_overlap(const model::Entity& entity, const model::Exclusive& rule, std::int64_t other);
  [[noreturn]] void refuse_ledger(const model::Entity& entity) const;
  std::int64_t take(std::string_view sequence);
  enum class Lock { none, shared, exclusive };
  std::optional<Record> fetch(const model::Entity& entity, std::int64_t id, Lock lock);
  void take_input(Record& record, Input input, bool by_transition);
  /// Whether the new record may be given the state that it had in another system, and what steps had set there: an administrator imports it.
  bool begins_elsewhere(const Record& record) const;
  /// The same, and returns the mistakes.
  std::vector<FieldError> put_input(Record& record, Input input, bool by_transition);
  /// Defaults of fields that are empty, and what every new record has.
  void set_defaults(Record& record);
  /// A new record with its defaults alone.
  Record blank(const model::Entity& entity);
  /// Fields that must hold a value under the entity's conditions, and choices that are not offered. `told`: whether a mistake
  /// that the program decides is to be told; null: each.
  void check_conditions(Record& record, const Record* before, std::vector<FieldError>& mistakes,
                        const std::function<bool(const expr::Program&)>& told = nullptr);
  void run_hooks(HookPoint point, Record& record, const Record* before, const model::Transition* transition);
  /// Computes, checks every rule of the entity, throws invalid_record with all mistakes, `mistakes` first.
  void check(Record& record, const Record* before, Authority authority, const model::Transition* transition,
             std::vector<FieldError> mistakes = {});
  /// Computes, and checks each field by itself.
  void check_values(Record& record, const Record* before, std::vector<FieldError>& mistakes);
  void check_invariants(Record& record, std::vector<FieldError>& mistakes,
                        const std::function<bool(const expr::Program&)>& told = nullptr);
  void check_references(const Record& record, const Record* before, Authority authority, const model::Transition* transition,
                        std::vector<FieldError>& mistakes);
  std::string next_number(const model::Entity& entity);
  void insert(const Record& record);
  /// Writes the record where what its `to_check_` refer to exists, and its event.
  void insert(const Record& record, const NewEvent& event);
  /// Version, time and chain are set, the row written where it is still `before`, then its event.
  void write_changes(const Record& before, Record& record, std::string_view action, std::string_view note);
  void delete_row(const Record& stored);
  // Lists of references, see delete_rules.cpp. The links of a record in their tables:
  void write_links(const Record& record, const Record* before);
  void remove_links(const Record& record);
  /// Records that refer to `target` by the field, at most `limit`, locked.
  std::vector<std::int64_t> referring(const model::Entity& referrer, const model::Field& field, std::int64_t target, std::size_t limit);
  /// Deletes the record, locked by load; whether the actor may is asked before.
  void remove_stored(Record stored, const std::string& note);
  /// What refers to a record that is being deleted is deleted, cleared, or keeps it (then throws), as its fields say.
  void release_referrers(const Record& stored);
  bool clear_reference(const model::Entity& referrer, const model::Field& field, std::int64_t id, const Record& target, const std::string& note);
  [[noreturn]] void refuse_lost(const Record& before) const;
  /// Keeps a deleted record until its time to undo has passed.
  void keep_deleted(const Record& last);
  /// Computed fields anew; what cannot be computed stays as it was.
  void recompute(Record& record);
  /// What definitions took away while the record was deleted goes where `moved` says; what goes nowhere is told.
  void take_moves(Record& record, std::vector<FieldError>& gone) const;
  void wrote(const Record& record) { written_.push_back({&record.entity(), record.id(), record.version()}); }
  /// The insert wrote nothing: says which of `to_check_` points at nothing.
  [[noreturn]] void refuse_references(const Record& record);
  FieldError unknown_reference(const model::Field& field) const;
  [[noreturn]] void refuse_duplicate(const model::Entity& entity, const std::string& key);
  std::string label(const model::Field& field) const;
  std::string label(const model::Entity& entity) const { return entity.label.in(context_.locale); }

  const Context& context_;
  storage::Session& session_;
  storage::Sequences& sequences_;
  std::shared_ptr<const Plans> plans_;
  std::shared_ptr<const Hooks> hooks_;
  std::shared_ptr<const Follow> follow_;
  /// References of the record that is being created, which the insert itself checks; see insert_referring().
  std::vector<const model::Field*> to_check_;
  std::vector<Record> locked_;              ///< by lock_guarded()
  std::vector<RowLock>* wanted_ = nullptr;  ///< see set_locks()
  std::string missing_;
  bool announced_ = false;
  const Extension* extension_ = nullptr;
  std::string source_;                                           ///< as the history says it
  std::vector<std::int64_t> deleting_;  ///< what is being deleted, each because of the one before
  std::size_t carried_ = 0;             ///< records that were deleted or changed with another
  std::vector<Written> written_;
  struct Unwaited {
    storage::Statement *row, *event, *job;  ///< sent in this order; the last may be null
  };
  /// Reads the answers to them.
  void settle_unwaited();
  std::vector<Unwaited> unwaited_;
  bool unwaited_ok_ = false;
  std::optional<Error> failed_unwaited_;    ///< the first
  const int undo_days_;
};

}  // namespace caravan::records

#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/catalog.h"
#include "records/exclusive.h"
#include "records/record.h"
#include "records/rollup.h"
#include "storage/database.h"

namespace caravan::records {

/// What is known of one entity's table before any request: statement texts and how rows map to slots.
struct EntityPlan {
  const model::Entity* entity = nullptr;
  struct Slot {
    storage::ColumnType type;
    int column = 0;            ///< in the select list
    int currency_column = -1;  ///< in the select list, of money
    const model::Field* as_json = nullptr;  ///< the field, where its column holds JSON that is read into a list or map
  };
  std::vector<Slot> slots;     ///< by slot
  std::string select_list;     ///< quoted columns of alias `r`
  std::string from;            ///< ` FROM "table" r`
  std::string select_by_id;    ///< parameter: id
  std::string lock_by_id;      ///< the same and, last, `_chain`; locks the row where the dialect has it
  std::string share_by_id;     ///< the same, so that nobody deletes the row before this transaction ends
  std::string select_external; ///< parameters: source, external id
  int chain_column = 0;        ///< of lock_by_id
  std::string insert;          ///< parameters: every column in the order of the select list, then `_chain`
  std::string insert_from;     ///< the same as `INSERT … SELECT ?, … FROM `, see insert_referring()
  std::string from_table;      ///< quoted name of the table
  std::string id_column;       ///< quoted
  std::vector<std::vector<std::string>> indexes;  ///< the columns of each of the table's
  std::string remove;          ///< parameters: id, version
  std::vector<const model::Field*> search;  ///< fields marked `search`
  bool indexed = false;        ///< the search index follows its records
  const class Keys* keys = nullptr;  ///< of an entity with sensitive fields, once its Catalog has them
  bool seals = false;          ///< some field is sensitive
  /// Statements for the links of one field of type refs.
  struct Links {
    const model::Field* field = nullptr;
    std::string insert;        ///< `INSERT INTO "links" (record, target) VALUES `, without the rows
    std::string remove_one;    ///< parameters: record, target
    std::string remove;        ///< parameter: record
  };
  std::vector<Links> links;
  std::vector<RollupPlan> rollups;        ///< of the entity's own fields
  std::vector<ExclusivePlan> exclusive;
  /// References to this entity from others, for deletes.
  std::vector<std::pair<const model::Entity*, const model::Field*>> referrers;
};

struct QueryCache;  // records/query.h

/// How many references one insert_referring() can check.
inline constexpr std::size_t most_references = 20;

/// The plans of one Catalog. Immutable but for what is kept of queries; keeps its Catalog alive.
class Plans {
 public:
  /// `search`: null where `q` looks through the rows.
  Plans(std::shared_ptr<const model::Catalog> catalog, storage::Dialect dialect, std::shared_ptr<const class SearchIndex> search = nullptr);
  ~Plans();
  const model::Catalog& catalog() const { return *catalog_; }
  const EntityPlan& of(const model::Entity& entity) const { return plans_.at(&entity); }
  storage::Dialect dialect() const { return dialect_; }
  const SearchIndex* search() const { return search_.get(); }
  /// Compiled filters and the like; thread-safe.
  QueryCache& queries() const { return *queries_; }

 private:
  std::shared_ptr<const model::Catalog> catalog_;
  storage::Dialect dialect_;
  std::shared_ptr<const SearchIndex> search_;
  std::unordered_map<const model::Entity*, EntityPlan> plans_;
  std::unique_ptr<QueryCache> queries_;
};

/// The record in the statement's present row; columns as in EntityPlan::select_list.
/// `tolerant`: what is sealed and cannot be opened is a text that nobody can enter; else that throws.
Record read_row(const EntityPlan& plan, storage::Statement& statement, bool tolerant = false);

/// Binds the column (and currency) of `field` from `index` on; returns the next free index.
int bind_field(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value);
/// The same for a field of a row: what is sensitive is sealed.
int bind_field(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value, class SealedRow& sealed);

/// The insert that writes its row only where the given references point at something, and on MariaDB keeps those rows from
/// being deleted until the transaction ends: one round trip instead of one a reference. After the parameters of `insert` come
/// the references' ids. No row is written where one of them points at nothing.
std::string insert_referring(const Plans& plans, const EntityPlan& plan, const std::vector<const model::Field*>& references);

/// `UPDATE … SET a=?, … , version=?, updated_at=?, _chain=? WHERE id=? AND version=?` for the given fields.
std::string update_statement(const EntityPlan& plan, storage::Dialect dialect, const std::vector<const model::Field*>& fields);

}  // namespace caravan::records

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/loader.h"
#include "records/service.h"

/// Records whose state or option a change of the definitions took away, on their way to the one that takes its place (the word `moved`).
namespace caravan::records {

struct Move {
  const model::Entity* entity = nullptr;
  const model::Field* field = nullptr;  ///< the state, or a field of choice or multi
  std::string from, to;  ///< `from` is empty for records without a state
};

/// All that the Catalog orders. With the one before it: also the way to the first state, where an entity has a workflow only now.
std::vector<Move> moves_of(const model::Catalog& catalog, const model::Catalog* present = nullptr);

/// The field's value after the move; nullopt where it does not hold what is moved.
std::optional<expr::Value> moved_value(const Move& move, const expr::Value& value);

/// Records that a move would make break an invariant, by id: errors. The context is the system's, of the Catalog that orders the
/// moves; its columns are there. Changes nothing.
std::vector<model::Diagnostic> check_moves(const RecordService& records, const Context& context, const std::vector<Move>& moves);

/// Moves them through the gate, with an entry in each one's history, in batches that each are one transaction: after a kill the next
/// call goes on where this one ended, and of several nodes each moves what no other has moved yet. Returns how many it moved.
std::int64_t move_records(const RecordService& records, const Context& context, const std::vector<Move>& moves);

}  // namespace caravan::records

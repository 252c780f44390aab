#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "records/service.h"

/// Many rows through the gate, so that a bad one does not spoil the others.
namespace caravan::records {

/// A part of a transaction that can be undone alone. Undone by the destructor unless kept. On MariaDB it costs no round trip: it travels with the
/// statement that comes next, and the next savepoint takes its place. One inside another is undone alone.
class Savepoint {
 public:
  explicit Savepoint(storage::Session& session);
  ~Savepoint();
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;
  void keep();
  /// Throws where the database does not do it; the destructor cannot.
  void undo();

 private:
  storage::Session& session_;
  const std::string name_;
  storage::Statement* sent_ = nullptr;  ///< on its way, or answered
  bool open_ = true;
};

/// Whether the error is one row's refusal, and not the end of its transaction or the server's trouble.
bool is_refusal(const Error& error);

/// What became of one row.
struct RowResult {
  std::int64_t id = 0;              ///< 0: none was made
  std::int64_t version = 0;         ///< 0: it has none any more
  std::optional<Error> refused;
  std::int64_t approval = 0;        ///< of a step that waits for this approval
};

/// Does one row; the result's id and version. Throws Error.
using RowStep = std::function<RowResult(Work&, std::size_t row)>;

/// Runs `step` for `rows` rows. Else than `atomic`: in batches of a transaction each, a savepoint a row; a refused row leaves
/// nothing and the others are done. `atomic`: in one transaction; where any row is refused, nothing is done and the results say
/// why. `reply`: called with the results, inside the transaction where the context's `once` keeps the answer (only with
/// `atomic`), else after the last one. Errors other than refusals pass through; where batches were done before, they become the result
/// of the rows that were not.
std::vector<RowResult> run_rows(const RecordService& records, const Context& context, std::size_t rows, bool atomic, const RowStep& step,
                                const std::function<void(const std::vector<RowResult>&)>& reply = {});

/// What would become of the rows if they were done now, one after the other: all of it happens in one transaction, which is rolled
/// back. A refused row leaves nothing and the next ones go on. Of approvals that would be asked for, the ids mean nothing.
std::vector<RowResult> try_rows(const RecordService& records, const Context& context, std::size_t rows, const RowStep& step);

}  // namespace caravan::records

#include "records/service.h"

#include "records/access.h"
#include "records/plans.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Operation;

}  // namespace

RecordService::RecordService(storage::Database& database, storage::Sequences& sequences)
    : database_(database), sequences_(sequences) {}
RecordService::~RecordService() = default;

std::shared_ptr<const Plans> RecordService::plans(const Context& context) const {
  auto plans = plans_.load();
  if (!plans || &plans->catalog() != context.catalog.get()) {
    plans = std::make_shared<const Plans>(context.catalog, database_.dialect(), search_);
    plans_.store(plans);
  }
  return plans;
}

std::shared_ptr<const Follow> RecordService::follow(const Context& context) const {
  auto plans = this->plans(context);
  auto self = std::make_shared<Follow>();
  const std::weak_ptr<const Follow> weak = self;
  *self = [this, plans, weak](const Entity& entity, std::int64_t id) -> std::shared_ptr<const expr::RecordView> {
    const EntityPlan& plan = plans->of(entity);
    auto session = database_.read();
    storage::Statement& statement = session->prepare(plan.select_by_id);
    statement.bind(1, id);
    std::shared_ptr<Record> record;
    if (statement.step()) record = std::make_shared<Record>(read_row(plan, statement));
    statement.reset();
    if (record) record->set_follow(weak.lock());
    return record;
  };
  return self;
}

Rights RecordService::rights(const Context& context, const Record& record) const {
  Record copy = whole(context, record);
  const auto follow = this->follow(context);
  Rights rights{records::may(context, Operation::read, copy, follow), records::may(context, Operation::update, copy, follow),
                records::may(context, Operation::remove, copy, follow)};
  if (!rights.read || !rights.update) {
    auto session = database_.read();
    rights.update = rights.update || shared(*session, context, copy.entity(), copy.id(), Operation::update);
    rights.read = rights.read || rights.update || shared(*session, context, copy.entity(), copy.id(), Operation::read);
  }
  if (record.entity().ledger) rights.update = rights.remove = false;
  return rights;
}

bool RecordService::may(const Context& context, const Entity& entity, Operation operation) const {
  if (entity.ledger && (operation == Operation::update || operation == Operation::remove)) return false;
  return may_ever(context, entity, operation);
}

}  // namespace caravan::records

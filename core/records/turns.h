#pragma once

#include <string>
#include <vector>

#include "records/service.h"

/// What rules of assignment need of the gate within a transaction, beside Work.
namespace caravan::records {

/// The next number of a counter, from 1. Its row stays locked until the transaction ends, so that what is read after it is exact among
/// all that count by it: where the transaction saw the database before another one of them ended, it is run again (Error(retry)),
/// and then takes the lock before anything else.
std::int64_t count_up(Work& work, const std::string& counter);

/// All active users, whole, by id; rights are not asked. One statement.
std::vector<Record> active_user_records(Work& work);

}  // namespace caravan::records

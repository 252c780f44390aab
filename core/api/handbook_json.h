#pragma once

#include <string>

#include "model/handbook.h"
#include "records/service.h"

namespace caravan::api {

/// What the context's actor may see of the definitions, by his roles: entities that he may read, without the fields that are
/// hidden from him. Administrators see everything. Borrows both.
model::HandbookScope handbook_scope(const records::RecordService& records, const records::Context& context);

/// The handbook as the console renders it.
std::string handbook_json(const model::Handbook& handbook);

}  // namespace caravan::api

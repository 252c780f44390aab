#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "model/catalog.h"
#include "records/record.h"
#include "records/context.h"

namespace caravan::workflow {

/// The text in `locale`'s language with its places filled from the record: choices and states by their labels, references by their
/// titles, dates and times as at the agency, money with its currency; what is empty or cannot be computed leaves nothing. With the
/// system's rights. `link` gives the address for a place `link("PAGE")`; without it, `…` stands there.
std::string fill(const model::TextTemplate& text, std::string_view locale, const records::Context& context, records::Record& record,
                 const std::shared_ptr<const records::Follow>& follow, const std::function<std::string(std::string_view page)>& link = {});

/// A field's value as people read it.
std::string readable(const model::Field& field, const records::Record& record, std::string_view locale, const records::Context& context,
                     const std::shared_ptr<const records::Follow>& follow);

}  // namespace caravan::workflow

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/catalog.h"

/// Parts of the Catalog: what people without an account may do.
namespace caravan::model {

/// `kind: public_page`: a form that anybody may send, or what the holder of a private link to one record sees and does. Nothing but
/// what it names is told or taken.
struct PublicPage {
  enum class Type : std::uint8_t { form, record, calendar };
  /// An entry that the holder of a link may add to the record: a record that refers to it.
  struct Addition {
    std::string name;
    Text label;
    const Entity* entity = nullptr;
    const Field* by = nullptr;       ///< its reference to the page's record
    std::vector<const Field*> fields;
  };
  /// Records that refer to the page's and stand in its calendar.
  struct Entries {
    std::string name;
    const Entity* entity = nullptr;
    const Field *by = nullptr, *start = nullptr, *end = nullptr;  ///< dates (both included) or instants; `end` may be null
    std::vector<const Field*> fields;  ///< the first is the title, the others the text
    std::string where;                 ///< CEL over `record`, checked; may be empty
  };
  std::string name;                    ///< `shop.request`
  Text label, text;
  Type type = Type::record;
  const Entity* entity = nullptr;
  std::vector<const Field*> fields;    ///< of form: filled in; of record: shown
  std::vector<std::pair<const Field*, std::shared_ptr<const expr::Program>>> with;  ///< of form: what else the record gets
  Text consent;                        ///< of form: what must be agreed to; empty: nothing
  std::vector<const Transition*> steps;
  std::vector<Addition> adds;
  std::vector<Entries> entries;        ///< of calendar
  bool history = false;                ///< of record: the states that it went through, with their times
  bool once = false;                   ///< a link serves one step or addition
  bool active = true;
  std::int64_t valid_seconds = 180 * 86400;  ///< how long a link is valid
  std::vector<std::string> issuers;    ///< roles whose holders make links of records that they may read, beside those who may update them
  Origin origin;

  bool linked() const { return type != Type::form; }
};
const char* to_string(PublicPage::Type type);

/// nullptr where there is none, or it is switched off. They hang on their entities, see EntityRules.
const PublicPage* public_page(const Catalog& catalog, std::string_view name);

}  // namespace caravan::model

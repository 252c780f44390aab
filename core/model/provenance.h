#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/loader.h"

/// Which file said what: of the layers before they are merged. Pure; reads what it can and leaves mistakes to load_catalog().
namespace caravan::model {

/// One document as a layer's file has it, before the merge.
struct SourceDocument {
  std::string kind, name;   ///< the full name; `agency` of the agency; "" where the document has none
  std::string layer, file;  ///< `plugin sales`, and the file's name as in messages
  std::uint32_t line = 1;   ///< of the file, where `text` begins
  std::string text;         ///< without empty lines at its end
};
/// All documents in the order of their merge, also those that have mistakes.
std::vector<SourceDocument> list_documents(const std::vector<SourceLayer>& layers);

/// What one layer says of one word.
struct Saying {
  std::string value;  ///< as in YAML, lists as `[a, b]`, a map without words as `{}`
  bool removed = false;  ///< the layer takes the word away (`null`, or it replaces what it is part of)
  Origin at;
  std::string layer;  ///< `plugin sales`, `agency`
};

/// A word of a definition with all who speak of it, the last of whom counts.
struct ExplainedWord {
  std::string path;  ///< `fields.budget.type`
  std::vector<Saying> sayings;
  bool in_force() const { return !sayings.back().removed; }
};

struct ExplainedDefinition {
  std::string kind, name;
  std::vector<ExplainedWord> words;  ///< in the order in which they were first said
};

/// `what` is the name of a definition (`sales.order`), or that and a part of it: a path (`sales.order.workflow.states.new`) or its end
/// (`sales.order.due_on`). Empty where nothing is called so.
std::vector<ExplainedDefinition> explain_definition(const std::vector<SourceLayer>& layers, std::string_view what);

/// A word whose default differs between two versions of what an agency builds on.
struct DefaultChange {
  enum class Effect {
    takes_effect,  ///< the agency says nothing of it
    overridden,    ///< the agency's own word stays in force
    same_as_override,  ///< the new default is what the agency says: its word can go
    orphaned       ///< the default that the agency changes is gone
  } effect = Effect::takes_effect;
  std::string kind, name, path;
  std::optional<Saying> old_default, new_default;  ///< absent: not said
  std::optional<Saying> agency;                    ///< the agency's (or a pack's) word on it or on what it is part of
};
const char* to_string(DefaultChange::Effect effect);

/// What changes when `old_layers` become `new_layers`; both with the same packs and agency files on top.
std::vector<DefaultChange> compare_defaults(const std::vector<SourceLayer>& old_layers, const std::vector<SourceLayer>& new_layers);

}  // namespace caravan::model

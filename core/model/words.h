#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/yaml_tree.h"

/// Internal to core/model: the definition language, described once. Unknown-key checks, type checks and the
/// reference manual derive from these tables.
namespace caravan::model {

/// What may stand as the value of a word.
enum class Shape : std::uint8_t {
  text,   ///< any scalar
  label,  ///< text, or a map from locale to text
  flag,   ///< true or false
  integer,
  number,      ///< an exact decimal
  name,        ///< `due_on` or `sales.order`
  identifier,  ///< `sales`, without a dot
  names,  ///< one name, a list of names, or a map whose keys are the names (which several layers may add to)
  options,  ///< the same of names of options
  texts,  ///< one text or a list
  keyword,      ///< one of `keywords`
  expression,   ///< CEL
  rule,         ///< true, false or CEL
  expressions,  ///< map from field name to CEL
  mapping,      ///< map from text to text
  field_words,  ///< map from entity to a map from field to one of `keywords`
  object,       ///< a map with the words of `inner`
  named         ///< a map from chosen names to objects with the words of `inner`
};

struct Words;

struct Word {
  std::string_view name;
  Shape shape;
  std::string_view doc;
  const Words* inner = nullptr;
  std::string_view keywords = {};        ///< separated by blanks
  bool required = false;
  bool available = true;
};

/// Syntax of the keys of a named map. `date`: `2026-10-01`, or from the first to the last of several, `2026-10-01..2026-10-07`.
enum class KeySyntax : std::uint8_t { identifier, name, option, date };

struct Words {
  std::string_view name;  ///< what one such map describes, e.g. `field`
  std::string_view doc;
  std::span<const Word> words;
  KeySyntax keys = KeySyntax::identifier;  ///< where it stands in a named map
};

struct KindInfo {
  std::string_view name;
  const Words* words = nullptr;  ///< null where the kind is not available in this version
};
std::span<const KindInfo> kinds();
const KindInfo* find_kind(std::string_view name);
/// Words that every document may have.
std::span<const Word> document_words();

/// Checks keys and shapes of one document, marks what is mistaken as bad. In a patch, null is allowed
/// everywhere.
void check_shape(Node& document, const Words& words, bool patch, Diagnostics& diagnostics);

/// Reports required words that a merged document does not have.
void check_required(const Node& document, const Words& words, const std::string& subject, const Place& at,
                    Diagnostics& diagnostics);

bool is_identifier(std::string_view text);  ///< `[a-z][a-z0-9_]*`, at most 48 characters
bool is_name(std::string_view text);        ///< an identifier, or two with a dot between

/// The value of a checked flag; `otherwise` where there is none.
bool flag_of(const Node* node, bool otherwise);

}  // namespace caravan::model

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/loader.h"

/// Which records, or rows of files, are probably of the same thing: one language for `duplicates:` of entities and for documents of
/// the kind `matching`. What is done with it is in records/match.h.
namespace caravan::model {

struct Field;

/// How two values are compared.
enum class Comparator : std::uint8_t { exact, text, edit, name, phone, email, date, address, number, document };
const char* to_string(Comparator comparator);

struct MatchInput {
  std::string name;              ///< of the field or column
  const Field* field = nullptr;  ///< null where it is a column of a file
  Comparator as = Comparator::exact;
};

struct MatchCompare {
  std::string name;
  std::vector<std::size_t> inputs;    ///< indices of MatchRule::inputs; of several, values may stand in one another's place
  Comparator as = Comparator::exact;
  double agree = 0, disagree = 0;     ///< weights: logarithms to base 2 of how much likelier it is among pairs than among others
  double near = 0;                    ///< similarity up to which it counts as disagreement; from there to 1 the weight grows evenly
  double tolerance = 0;               ///< of numbers, and of dates in days
  Origin origin;
};

struct MatchKeyPart {
  enum class Take : std::uint8_t { whole, first, last, sound };
  std::size_t input = 0;
  Take take = Take::whole;
  std::size_t count = 0;              ///< of first and last, in characters
};

/// Only what is equal in all parts of at least one key is compared at all.
struct MatchKey {
  std::string name;
  std::vector<MatchKeyPart> parts;
  Origin origin;
};

struct MatchRule {
  std::string name;
  std::vector<MatchInput> inputs;     ///< each (name, comparator) once
  std::vector<MatchCompare> compares;
  std::vector<MatchKey> keys;
  double threshold = 0;               ///< sum of weights from which two are taken for the same; an empty value weighs nothing
  std::string region = "CN";          ///< of phone numbers without a country's code
};

struct MatchRuleResult {
  std::optional<MatchRule> rule;      ///< absent where there is an error
  std::vector<Diagnostic> diagnostics;
};

/// Parses and checks a file that holds one document `kind: matching`. Never throws for bad input.
MatchRuleResult load_match_rule(const SourceFile& source);

}  // namespace caravan::model

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "expr/expression.h"

/// What can be said of a condition before there is any record.
namespace caravan::expr {

/// What is known of a field in every record that the condition is asked about.
struct FieldFact {
  bool filled = false;                        ///< never empty
  std::optional<std::vector<Value>> values;   ///< the only ones possible
  std::optional<std::vector<Value>> known;    ///< what `values` is a part of; comparisons with others are left alone
  std::optional<Value> min, max;
};
/// `own`: of the record itself, not of one that a reference leads to.
using FactSource = std::function<FieldFact(const RecordType& type, std::uint32_t slot, bool own)>;

/// A part of a program that has the same answer for every record, and holds no smaller part of which that is true.
struct Decided {
  bool holds = false;    ///< always true; else never
  bool whole = false;    ///< the part is the whole program
  std::string part;      ///< as it is written
  Issue at;              ///< where it begins; message and hint are empty
};

/// All parts of the program that are decided: contradictions (`a && !a`, `x > 5 && x < 3`), comparisons that the facts rule
/// out, literals; not what an environment's constant decides. Sound but not complete: what is named here is decided, other parts may be, too. Bounded in time.
std::vector<Decided> find_decided(const Program& program, const FactSource& facts);

/// A text that the program compares with a field, a list or a map by `==`, `!=` or `in`; for checks of names.
struct ComparedText {
  const RecordType* type = nullptr;  ///< of the record that holds the field
  std::uint32_t slot = 0;
  std::string text;
  Issue at;                          ///< of the text; message and hint are empty
};
std::vector<ComparedText> compared_texts(const Program& program);

}  // namespace caravan::expr

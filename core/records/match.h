#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/matching.h"

/// Weighs whether two are the same thing, as Fellegi and Sunter do: each comparison adds its weight of agreement or disagreement, by
/// how alike the values are; what is empty adds nothing. No I/O.
namespace caravan::records {

/// A value in the form in which it is compared.
struct MatchValue {
  std::u32string text;                 ///< empty: there is none
  std::u32string han;                  ///< of a name in Chinese characters
  std::vector<std::u32string> words;   ///< of names and addresses
  std::int32_t day = 0;                ///< of a date: days since 1970
  std::int16_t year = 0, month = 0, day_of_month = 0;  ///< of a date; month 0: it is none
  double number = 0;
  bool is_number = false;
};

/// One record or row, by the rule's inputs.
using MatchSubject = std::vector<MatchValue>;

/// 0 (nothing in common) to 1 (equal).
double jaro_winkler(std::u32string_view a, std::u32string_view b);
/// Least number of characters to add, drop, replace, or of neighbours to swap; `most` + 1 where it is more.
std::size_t edit_distance(std::u32string_view a, std::u32string_view b, std::size_t most);
double similarity(model::Comparator as, const MatchValue& a, const MatchValue& b, double tolerance = 0);
/// What `exact` and `document` compare of a text: its letters and digits, folded.
std::string compared_whole(std::string_view text);
/// English Soundex of the letters, for a key that typing errors in vowels leave alone; other characters stay.
std::u32string sound(std::u32string_view text);

class Matcher {
 public:
  /// `rule` outlives it.
  explicit Matcher(const model::MatchRule& rule) : rule_(rule) {}
  const model::MatchRule& rule() const { return rule_; }
  /// `values`: one for each input of the rule.
  MatchSubject prepare(std::span<const std::string_view> values) const;
  /// The sum of the weights. It stops where the threshold cannot be reached any more, with what it has then.
  double score(const MatchSubject& a, const MatchSubject& b) const;
  /// How alike each comparison finds them, in the rule's order; less than 0 where a value is empty.
  std::vector<double> similarities(const MatchSubject& a, const MatchSubject& b) const;
  /// One hash for each key of the rule; 0 where a part is empty.
  std::vector<std::uint64_t> keys(const MatchSubject& subject) const;

 private:
  double compare(const model::MatchCompare& one, const MatchSubject& a, const MatchSubject& b, double& share) const;
  const model::MatchRule& rule_;
};

struct MatchPair {
  std::uint32_t a = 0, b = 0;          ///< positions; within one list a < b
  double score = 0;
};

struct MatchCount {
  std::uint64_t compared = 0;          ///< pairs
  std::uint64_t crowded = 0;           ///< keys that more than `most` have in common, which are passed over
};

/// Pairs of one list, or between two, that reach the threshold. `most`: of a key's common owners.
std::vector<MatchPair> find_pairs(const Matcher& matcher, std::span<const MatchSubject> a, std::span<const MatchSubject> b, bool between,
                                  MatchCount& count, std::size_t most = 1000);

}  // namespace caravan::records

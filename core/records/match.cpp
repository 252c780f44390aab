#include "records/match.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <phonenumbers/phonenumberutil.h>
#include <set>
#include <tuple>

#include "base/date_time.h"
#include "records/fold.h"

namespace caravan::records {
namespace {

using model::Comparator;
using model::MatchCompare;

std::u32string letters(const std::u32string& folded) {
  std::u32string out;
  out.reserve(folded.size());
  for (const char32_t c : folded) {
    if (is_word(c)) out.push_back(c);
  }
  return out;
}

void split_words(const std::u32string& folded, std::vector<std::u32string>& out) {
  std::u32string word;
  const auto end = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (const char32_t c : folded) {
    if (is_han(c)) {
      end();
      out.emplace_back(1, c);
    } else if (is_word(c)) {
      word.push_back(c);
    } else if (c != U'\'') {
      end();
    }
  }
  end();
}

/// Chinese characters by their pinyin, so that a name is found in either script; the first one as a surname.
void prepare_name(const std::u32string& folded, MatchValue& value) {
  std::vector<std::u32string> words;
  split_words(folded, words);
  bool first = true;
  for (std::u32string& word : words) {
    if (is_han(word.front())) {
      value.han += word;
      const std::string_view read = pinyin(word.front(), first);
      if (!read.empty()) word.assign(read.begin(), read.end());
    }
    first = false;
    value.text += word;
  }
  std::sort(words.begin(), words.end());
  value.words = std::move(words);
}

void prepare_phone(std::string_view text, const std::string& region, MatchValue& value) {
  using i18n::phonenumbers::PhoneNumber;
  using i18n::phonenumbers::PhoneNumberUtil;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  PhoneNumber number;
  std::string normal;
  if (util.Parse(std::string(text), region, &number) == PhoneNumberUtil::NO_PARSING_ERROR && util.IsPossibleNumber(number)) {
    util.Format(number, PhoneNumberUtil::E164, &normal);
  } else {
    for (const char32_t c : fold(text)) {
      if (c >= U'0' && c <= U'9') normal.push_back(static_cast<char>(c));
    }
  }
  value.text.assign(normal.begin(), normal.end());
}

void prepare_date(const std::u32string& folded, MatchValue& value) {
  std::vector<int> parts;
  std::u32string digits;
  bool open = false;
  for (const char32_t c : folded) {
    const bool digit = c >= U'0' && c <= U'9';
    if (digit) {
      if (!open) parts.push_back(0);
      if (parts.back() < 100'000'000) parts.back() = parts.back() * 10 + static_cast<int>(c - U'0');
      digits.push_back(c);
    }
    open = digit;
  }
  int year = 0, month = 0, day = 0;
  if (parts.size() == 1 && digits.size() == 8) {
    year = parts[0] / 10000;
    month = parts[0] / 100 % 100;
    day = parts[0] % 100;
  } else if (parts.size() >= 3) {
    const bool last = parts[2] > 31;  // 31/12/1980
    year = last ? parts[2] : parts[0];
    month = parts[1];
    day = last ? parts[0] : parts[2];
    if (month > 12 && day <= 12) std::swap(month, day);
    if (year > 0 && year < 10000 && month < 100 && day < 100) {
      const std::string normal = std::to_string(10000 * year + 100 * month + day + 100'000'000).substr(1);
      digits.assign(normal.begin(), normal.end());
    }
  }
  value.text = std::move(digits);
  if (year > 0 && year < 10000 && month > 0 && month < 13 && day > 0 && day < 32) {
    value.year = static_cast<std::int16_t>(year);
    value.month = static_cast<std::int16_t>(month);
    value.day_of_month = static_cast<std::int16_t>(day);
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    if (const auto date = parse_date(std::to_string(10000 + year).substr(1) + "-" + two(month) + "-" + two(day))) value.day = date->days;
  }
}

double by_distance(std::u32string_view a, std::u32string_view b, double one, double two) {
  switch (edit_distance(a, b, 2)) {
    case 0:
      return 1;
    case 1:
      return one;
    case 2:
      return two;
    default:
      return 0;
  }
}

double edit_similarity(std::u32string_view a, std::u32string_view b) {
  const std::size_t longest = std::max(a.size(), b.size());
  if (longest == 0) return 1;
  const std::size_t distance = edit_distance(a, b, longest);
  return 1 - static_cast<double>(distance) / static_cast<double>(longest);
}

double name_similarity(const MatchValue& a, const MatchValue& b) {
  if (!a.han.empty() && !b.han.empty()) {
    if (a.han == b.han && a.text == b.text) return 1;
    const double written = edit_similarity(a.han, b.han);
    // Said the same, written otherwise: a clerk who heard it, or somebody else.
    return a.text == b.text ? std::max(0.85, written) : std::min(0.95, written);
  }
  double best = jaro_winkler(a.text, b.text);
  if (best < 1 && (a.words.size() > 1 || b.words.size() > 1)) {
    std::u32string x, y;
    for (const auto& word : a.words) x += word;
    for (const auto& word : b.words) y += word;
    best = std::max(best, 0.98 * jaro_winkler(x, y));
  }
  return best;
}

double address_similarity(const MatchValue& a, const MatchValue& b) {
  double best = jaro_winkler(a.text, b.text);
  if (best == 1) return 1;
  const auto& few = a.words.size() <= b.words.size() ? a.words : b.words;
  const auto& many = a.words.size() <= b.words.size() ? b.words : a.words;
  if (few.empty() || many.size() == 1) return best;
  double sum = 0, weight = 0, other = 0;
  for (const auto& word : few) {
    double alike = 0;
    for (const auto& one : many) alike = std::max(alike, jaro_winkler(word, one));
    const auto size = static_cast<double>(word.size());
    sum += size * (alike < 0.8 ? 0 : alike);
    weight += size;
  }
  for (const auto& one : many) other += static_cast<double>(one.size());
  // Words that only one of them has speak against it, half as much.
  return std::max(best, sum / (weight + 0.5 * std::max(0.0, other - weight)));
}

double date_similarity(const MatchValue& a, const MatchValue& b, double tolerance) {
  if (a.text == b.text) return 1;
  if (a.month != 0 && b.month != 0) {
    if (tolerance > 0 && std::abs(a.day - b.day) <= tolerance) return 1;
    if (a.year == b.year && a.month == b.day_of_month && a.day_of_month == b.month) return 0.9;
  }
  return by_distance(a.text, b.text, 0.85, 0.65);
}

double phone_similarity(const MatchValue& a, const MatchValue& b) {
  if (a.text == b.text) return 1;
  const std::size_t tail = 8;
  if (a.text.size() >= tail && b.text.size() >= tail && a.text.substr(a.text.size() - tail) == b.text.substr(b.text.size() - tail)) return 0.9;
  return by_distance(a.text, b.text, 0.8, 0);
}

double email_similarity(const MatchValue& a, const MatchValue& b) {
  if (a.text == b.text) return 1;
  const auto at = a.text.find(U'@'), other = b.text.find(U'@');
  if (at != std::u32string::npos && at == other && at > 0 && a.text.compare(0, at, b.text, 0, at) == 0) return 0.85;
  return by_distance(a.text, b.text, 0.9, 0.7);
}

std::uint64_t mix(std::uint64_t hash, std::u32string_view text) {
  for (const char32_t c : text) hash = (hash ^ c) * 0x100000001B3ull;
  hash = (hash ^ 0x1F) * 0x100000001B3ull;
  return hash;
}

}  // namespace

double jaro_winkler(std::u32string_view a, std::u32string_view b) {
  if (a == b) return 1;
  constexpr std::size_t longest = 64;  // of longer texts the beginning decides
  a = a.substr(0, longest);
  b = b.substr(0, longest);
  if (a.empty() || b.empty()) return 0;
  const std::size_t most = std::max(a.size(), b.size()), window = most / 2 > 0 ? most / 2 - 1 : 0;
  std::uint64_t taken_a = 0, taken_b = 0;
  std::size_t common = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t from = i > window ? i - window : 0, to = std::min(b.size(), i + window + 1);
    for (std::size_t j = from; j < to; ++j) {
      if (a[i] != b[j] || (taken_b >> j & 1) != 0) continue;
      taken_a |= std::uint64_t{1} << i;
      taken_b |= std::uint64_t{1} << j;
      ++common;
      break;
    }
  }
  if (common == 0) return 0;
  std::size_t swapped = 0;
  for (std::size_t i = 0, j = 0; i < a.size(); ++i) {
    if ((taken_a >> i & 1) == 0) continue;
    while ((taken_b >> j & 1) == 0) ++j;
    swapped += a[i] != b[j++];
  }
  const auto m = static_cast<double>(common);
  const double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) + (m - static_cast<double>(swapped / 2)) / m) / 3;
  std::size_t prefix = 0;
  while (prefix < 4 && prefix < a.size() && prefix < b.size() && a[prefix] == b[prefix]) ++prefix;
  return jaro + static_cast<double>(prefix) * 0.1 * (1 - jaro);
}

std::size_t edit_distance(std::u32string_view a, std::u32string_view b, std::size_t most) {
  constexpr std::size_t longest = 64;
  a = a.substr(0, longest);
  b = b.substr(0, longest);
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most) return most + 1;
  std::size_t rows[3][longest + 1];
  std::size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    std::size_t least = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t one = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) one = std::min(one, before[j - 2] + 1);
      now[j] = one;
      least = std::min(least, one);
    }
    if (least > most) return most + 1;
    std::size_t* free = before;
    before = last;
    last = now;
    now = free;
  }
  return std::min(last[b.size()], most + 1);
}

double similarity(Comparator as, const MatchValue& a, const MatchValue& b, double tolerance) {
  switch (as) {
    case Comparator::exact:
    case Comparator::document:
      return a.text == b.text ? 1 : 0;
    case Comparator::text:
      return jaro_winkler(a.text, b.text);
    case Comparator::edit:
      return edit_similarity(a.text, b.text);
    case Comparator::name:
      return name_similarity(a, b);
    case Comparator::phone:
      return phone_similarity(a, b);
    case Comparator::email:
      return email_similarity(a, b);
    case Comparator::date:
      return date_similarity(a, b, tolerance);
    case Comparator::address:
      return address_similarity(a, b);
    case Comparator::number:
      if (a.is_number && b.is_number) return std::abs(a.number - b.number) <= tolerance ? 1 : 0;
      return a.text == b.text ? 1 : 0;
  }
  return 0;
}

std::u32string sound(std::u32string_view text) {
  constexpr char codes[] = "01230120022455012623010202";
  std::u32string out;
  char last = 0;
  for (const char32_t c : text) {
    if (c < U'a' || c > U'z') {
      if (is_word(c)) out.push_back(c);
      last = 0;
    } else {
      const char code = codes[c - U'a'];
      if (out.empty()) out.push_back(c);
      else if (code != '0' && code != last) out.push_back(static_cast<char32_t>(code));
      if (c != U'h' && c != U'w') last = code;
    }
    if (out.size() == 4) break;
  }
  return out;
}

std::string compared_whole(std::string_view text) {
  return to_utf8(letters(fold(text)));
}

MatchSubject Matcher::prepare(std::span<const std::string_view> values) const {
  MatchSubject out(rule_.inputs.size());
  for (std::size_t i = 0; i < rule_.inputs.size() && i < values.size(); ++i) {
    if (values[i].empty()) continue;
    MatchValue& value = out[i];
    const std::u32string folded = fold(values[i]);
    switch (rule_.inputs[i].as) {
      case Comparator::exact:
      case Comparator::text:
      case Comparator::edit:
      case Comparator::document:
        value.text = letters(folded);
        break;
      case Comparator::name:
        prepare_name(folded, value);
        break;
      case Comparator::phone:
        prepare_phone(values[i], rule_.region, value);
        break;
      case Comparator::email:
        for (const char32_t c : folded) {
          if (c > U' ') value.text.push_back(c);
        }
        break;
      case Comparator::date:
        prepare_date(folded, value);
        break;
      case Comparator::address:
        value.text = letters(folded);
        split_words(folded, value.words);
        break;
      case Comparator::number: {
        const std::string plain = to_utf8(folded);
        char* end = nullptr;
        value.number = std::strtod(plain.c_str(), &end);
        value.is_number = end != plain.c_str() && *end == 0 && std::isfinite(value.number);
        value.text = folded;
        break;
      }
    }
  }
  return out;
}

double Matcher::compare(const MatchCompare& one, const MatchSubject& a, const MatchSubject& b, double& share) const {
  share = 1;
  if (one.inputs.size() == 1) {
    const MatchValue &x = a[one.inputs.front()], &y = b[one.inputs.front()];
    if (x.text.empty() || y.text.empty()) return -1;
    return similarity(one.as, x, y, one.tolerance);
  }
  // Values may have changed places: the best way of putting those of one beside those of the other, in their own places where
  // that is as good.
  const std::size_t n = one.inputs.size();
  std::size_t order[4] = {0, 1, 2, 3};
  double best = -1;
  do {
    double sum = 0;
    std::size_t both = 0;
    bool moved = false;
    for (std::size_t i = 0; i < n; ++i) {
      const MatchValue &x = a[one.inputs[i]], &y = b[one.inputs[order[i]]];
      moved = moved || order[i] != i;
      if (x.text.empty() || y.text.empty()) continue;
      sum += similarity(one.as, x, y, one.tolerance);
      ++both;
    }
    if (both == 0) continue;
    const double alike = sum / static_cast<double>(both) * (moved ? 0.97 : 1);
    if (alike > best) {
      best = alike;
      share = static_cast<double>(both) / static_cast<double>(n);
    }
  } while (std::next_permutation(order, order + n));
  return best;
}

double Matcher::score(const MatchSubject& a, const MatchSubject& b) const {
  double sum = 0, left = 0;
  for (const MatchCompare& one : rule_.compares) left += one.agree;
  for (const MatchCompare& one : rule_.compares) {
    left -= one.agree;
    double share = 1;
    const double alike = compare(one, a, b, share);
    if (alike >= 0) {
      const double part = alike <= one.near ? 0 : (alike - one.near) / (1 - one.near);
      sum += share * (one.disagree + (one.agree - one.disagree) * part);
    }
    if (sum + left < rule_.threshold) return sum;
  }
  return sum;
}

std::vector<double> Matcher::similarities(const MatchSubject& a, const MatchSubject& b) const {
  std::vector<double> out;
  double share = 1;
  for (const MatchCompare& one : rule_.compares) out.push_back(compare(one, a, b, share));
  return out;
}

std::vector<std::uint64_t> Matcher::keys(const MatchSubject& subject) const {
  std::vector<std::uint64_t> out;
  std::uint64_t number = 0;
  for (const model::MatchKey& key : rule_.keys) {
    std::uint64_t hash = mix(0xCBF29CE484222325ull + ++number, {});
    for (const model::MatchKeyPart& part : key.parts) {
      const std::u32string& text = subject[part.input].text;
      std::u32string_view piece = text;
      std::u32string spoken;
      switch (part.take) {
        case model::MatchKeyPart::Take::whole:
          break;
        case model::MatchKeyPart::Take::first:
          piece = piece.substr(0, part.count);
          break;
        case model::MatchKeyPart::Take::last:
          piece = piece.substr(piece.size() - std::min(piece.size(), part.count));
          break;
        case model::MatchKeyPart::Take::sound:
          piece = spoken = sound(text);
          break;
      }
      if (piece.empty()) {
        hash = 0;
        break;
      }
      hash = mix(hash, piece);
    }
    out.push_back(hash);
  }
  return out;
}

std::vector<MatchPair> find_pairs(const Matcher& matcher, std::span<const MatchSubject> a, std::span<const MatchSubject> b, bool between,
                                  MatchCount& count, std::size_t most) {
  struct Owner {
    std::uint64_t hash;
    std::uint32_t at;
    bool second;
  };
  const std::size_t passes = matcher.rule().keys.size();
  const auto all_keys = [&](std::span<const MatchSubject> list) {
    std::vector<std::uint64_t> out;
    out.reserve(list.size() * passes);
    for (const MatchSubject& one : list) {
      const auto keys = matcher.keys(one);
      out.insert(out.end(), keys.begin(), keys.end());
    }
    return out;
  };
  const std::vector<std::uint64_t> keys_a = all_keys(a), keys_b = between ? all_keys(b) : std::vector<std::uint64_t>();
  std::vector<std::set<std::uint64_t>> passed(passes);  // keys that too many have in common
  std::vector<MatchPair> found;
  std::vector<Owner> owners;
  const auto earlier = [&](const std::uint64_t* x, const std::uint64_t* y, std::size_t pass) {
    for (std::size_t k = 0; k < pass; ++k) {
      if (x[k] != 0 && x[k] == y[k] && !passed[k].contains(x[k])) return true;
    }
    return false;
  };
  const auto weigh = [&](std::uint32_t x, std::uint32_t y, std::size_t pass) {
    const std::vector<std::uint64_t>& others = between ? keys_b : keys_a;
    if (earlier(&keys_a[x * passes], &others[y * passes], pass)) return;
    ++count.compared;
    const double score = matcher.score(a[x], between ? b[y] : a[y]);
    if (score >= matcher.rule().threshold) found.push_back({x, y, score});
  };
  for (std::size_t pass = 0; pass < passes; ++pass) {
    owners.clear();
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (const std::uint64_t hash = keys_a[i * passes + pass]) owners.push_back({hash, static_cast<std::uint32_t>(i), false});
    }
    for (std::size_t i = 0; between && i < b.size(); ++i) {
      if (const std::uint64_t hash = keys_b[i * passes + pass]) owners.push_back({hash, static_cast<std::uint32_t>(i), true});
    }
    std::sort(owners.begin(), owners.end(), [](const Owner& x, const Owner& y) { return std::tie(x.hash, x.second, x.at) < std::tie(y.hash, y.second, y.at); });
    for (std::size_t from = 0, to = 0; from < owners.size(); from = to) {
      while (to < owners.size() && owners[to].hash == owners[from].hash) ++to;
      if (to - from > most) {
        ++count.crowded;
        passed[pass].insert(owners[from].hash);
        continue;
      }
      for (std::size_t i = from; i < to; ++i) {
        for (std::size_t j = i + 1; j < to; ++j) {
          if (!between) weigh(owners[i].at, owners[j].at, pass);
          else if (!owners[i].second && owners[j].second) weigh(owners[i].at, owners[j].at, pass);
        }
      }
    }
  }
  std::sort(found.begin(), found.end(), [](const MatchPair& x, const MatchPair& y) { return x.score != y.score ? x.score > y.score : std::tie(x.a, x.b) < std::tie(y.a, y.b); });
  return found;
}

}  // namespace caravan::records

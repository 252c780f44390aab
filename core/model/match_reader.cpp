#include "model/match_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "model/catalog.h"
#include "model/diagnostics.h"
#include "model/words.h"

namespace caravan::model {
namespace {

constexpr const char* comparator_names[] = {"exact", "text", "edit", "name", "phone", "email", "date", "address", "number", "document"};

/// Similarity below which texts of this kind are rather different ones, measured on names and addresses with typing errors.
double usual_near(Comparator as) {
  switch (as) {
    case Comparator::text:
    case Comparator::name:
    case Comparator::address:
      return 0.7;
    case Comparator::edit:
    case Comparator::date:
    case Comparator::phone:
    case Comparator::email:
      return 0.5;
    case Comparator::exact:
    case Comparator::number:
    case Comparator::document:
      break;
  }
  return 0;
}

class Reader {
 public:
  Reader(const Node& map, std::string subject, const MatchField& field, Diagnostics& diagnostics)
      : map_(map), subject_(std::move(subject)), field_(field), diagnostics_(diagnostics) {}

  MatchRule read(const Place& at) {
    if (const Node* region = map_.get("region")) {
      if (region->text.size() != 2 || !std::all_of(region->text.begin(), region->text.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
        diagnostics_.error(region->at, "bad-region", "the region " + quoted(region->text) + " is no country's code", "two capitals, e.g. CN");
      else rule_.region = region->text;
    }
    const Node* compares = map_.get("compare");
    for (const Entry& entry : entries(compares)) read_compare(entry);
    const Node* keys = map_.get("keys");
    for (const Entry& entry : entries(keys)) read_key(entry);
    const bool doubtful = doubtful_ || broken("compare") || broken("keys") || broken("threshold");
    if (doubtful) return std::move(rule_);
    if (rule_.compares.empty()) diagnostics_.error(at, "no-fields", subject_ + " compares nothing", "name at least one comparison in `compare`");
    else if (rule_.keys.empty()) diagnostics_.error(at, "no-match-key", subject_ + " has no `keys`: each would have to be compared with each", "keys: {phone: {on: phone}}");
    const Node* threshold = map_.get("threshold");
    if (threshold == nullptr) {
      diagnostics_.error(at, "missing-word", "`threshold` of " + subject_ + " is missing", "threshold: 10");
      return std::move(rule_);
    }
    rule_.threshold = number(threshold);
    double most = 0, least = 0;
    for (const MatchCompare& one : rule_.compares) {
      most += one.agree;
      least += one.disagree;
    }
    if (!rule_.compares.empty() && rule_.threshold > most) {
      diagnostics_.error(threshold->at, "match-never", subject_ + " finds nothing: all weights together make " + shown(most) + ", less than the threshold of " + shown(rule_.threshold),
                         "a lower threshold");
    } else if (!rule_.compares.empty() && rule_.threshold <= 0 && rule_.threshold <= least) {
      diagnostics_.error(threshold->at, "match-always", subject_ + " finds all that share a key: none weighs less than " + shown(least), "a higher threshold");
    }
    return std::move(rule_);
  }

 private:
  static std::string shown(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  }
  static double number(const Node* node) { return node ? std::strtod(node->text.c_str(), nullptr) : 0; }
  static const std::vector<Entry>& entries(const Node* node) {
    static const std::vector<Entry> none;
    return node ? node->entries : none;
  }
  bool broken(std::string_view word) const {
    const Entry* entry = map_.entry(word);
    return entry && (entry->bad || entry->value.bad);
  }

  static std::vector<const Node*> texts(const Node& node) {
    std::vector<const Node*> out;
    if (node.is_scalar()) out.push_back(&node);
    for (const Node& item : node.items) out.push_back(&item);
    return out;
  }

  /// The index of the input; nullopt where there is no such field.
  std::optional<std::size_t> input(const std::string& name, Comparator as, const Place& at) {
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      if (rule_.inputs[i].name == name && rule_.inputs[i].as == as) return i;
    }
    MatchInput input{name, nullptr, as};
    if (field_) {
      input.field = field_(name, as, at);
      if (input.field == nullptr) {
        doubtful_ = true;
        return std::nullopt;
      }
    }
    rule_.inputs.push_back(std::move(input));
    return rule_.inputs.size() - 1;
  }

  void read_compare(const Entry& entry) {
    if (entry.bad || entry.value.bad || !entry.value.is_map()) {
      doubtful_ = true;
      return;
    }
    const Node &node = entry.value, *as = node.get("as"), *agree = node.get("agree"), *disagree = node.get("disagree");
    if (as == nullptr || agree == nullptr || disagree == nullptr) {
      const std::string missing = as == nullptr ? "as" : agree == nullptr ? "agree" : "disagree";
      if (node.entry(missing) == nullptr)
        diagnostics_.error(entry.at, "missing-word", "`" + missing + "` of comparison " + quoted(entry.key) + " is missing", entry.key + ": {as: text, agree: 5, disagree: -3}");
      doubtful_ = true;
      return;
    }
    MatchCompare compare;
    compare.name = entry.key;
    compare.origin = to_origin(entry.at);
    const auto* word = std::find(std::begin(comparator_names), std::end(comparator_names), as->text);
    if (word == std::end(comparator_names)) {
      doubtful_ = true;
      return;
    }
    compare.as = static_cast<Comparator>(word - std::begin(comparator_names));
    compare.agree = number(agree);
    compare.disagree = number(disagree);
    if (compare.agree <= 0 || compare.disagree > 0) {
      const bool low = compare.agree <= 0;
      diagnostics_.error(low ? agree->at : disagree->at, "match-weight",
                         low ? "agreement in " + quoted(entry.key) + " speaks for nothing" : "disagreement in " + quoted(entry.key) + " speaks for the same thing",
                         low ? "agree: more than 0" : "disagree: 0 or less");
    }
    compare.near = usual_near(compare.as);
    if (const Node* near = node.get("near")) {
      compare.near = number(near);
      if (compare.near < 0 || compare.near >= 1) diagnostics_.error(near->at, "match-near", "`near` of " + quoted(entry.key) + " is " + near->text, "from 0 to less than 1");
    }
    if (const Node* tolerance = node.get("tolerance")) {
      compare.tolerance = number(tolerance);
      if (compare.as != Comparator::number && compare.as != Comparator::date)
        diagnostics_.error(tolerance->at, "word-not-for-type", "`tolerance` is for numbers and dates", "remove it");
    }
    bool complete = true;
    const auto take = [&](const std::string& name, const Place& at) {
      const auto found = input(name, compare.as, at);
      if (!found) complete = false;
      else if (std::find(compare.inputs.begin(), compare.inputs.end(), *found) == compare.inputs.end()) compare.inputs.push_back(*found);
    };
    if (const Node* fields = node.get("fields")) {
      for (const Node* one : texts(*fields)) take(one->text, one->at);
    } else {
      take(entry.key, entry.at);
    }
    if (complete && compare.inputs.size() > 4) diagnostics_.error(entry.at, "match-fields", "comparison " + quoted(entry.key) + " has more than 4 fields", "several comparisons");
    if (complete) rule_.compares.push_back(std::move(compare));
  }

  /// The comparator by which the key sees a field: that of the first comparison of it.
  Comparator seen_as(std::string_view name) const {
    for (const MatchCompare& compare : rule_.compares) {
      for (const std::size_t at : compare.inputs) {
        if (rule_.inputs[at].name == name) return compare.as;
      }
    }
    return Comparator::exact;
  }

  void read_key(const Entry& entry) {
    const Node* on = entry.bad || entry.value.bad ? nullptr : entry.value.get("on");
    if (on == nullptr) {
      if (!entry.bad && !entry.value.bad && entry.value.entry("on") == nullptr)
        diagnostics_.error(entry.at, "missing-word", "`on` of key " + quoted(entry.key) + " is missing", entry.key + ": {on: [name, birthday]}");
      doubtful_ = true;
      return;
    }
    MatchKey key;
    key.name = entry.key;
    key.origin = to_origin(entry.at);
    bool complete = true;
    for (const Node* one : texts(*on)) {
      MatchKeyPart part;
      std::string name = one->text;
      if (!read_part(*one, name, part)) {
        complete = false;
        continue;
      }
      const auto found = input(name, seen_as(name), one->at);
      if (!found) {
        complete = false;
        continue;
      }
      const Field* field = rule_.inputs[*found].field;
      if (part.take != MatchKeyPart::Take::whole && field != nullptr && field->sensitive) {
        diagnostics_.error(one->at, "sensitive-part", "field " + quoted(name) + " is sensitive, so a key cannot take a part of it", name);
        complete = false;
      }
      part.input = *found;
      key.parts.push_back(part);
    }
    if (complete && !key.parts.empty()) rule_.keys.push_back(std::move(key));
    else doubtful_ = true;
  }

  /// `phone`, `first(name, 3)`, `last(phone, 4)`, `sound(name)`
  bool read_part(const Node& node, std::string& name, MatchKeyPart& part) {
    const std::string& text = node.text;
    const auto open = text.find('(');
    if (open == std::string::npos) return true;
    const auto wrong = [&] {
      diagnostics_.error(node.at, "bad-match-key", "the part " + quoted(text) + " of a key cannot be read", "phone, first(name, 3), last(phone, 4) or sound(name)");
      return false;
    };
    const std::string function = text.substr(0, open);
    const auto comma = text.find(',', open);
    if (text.back() != ')') return wrong();
    const auto trimmed = [](std::string one) {
      one.erase(0, one.find_first_not_of(' '));
      one.erase(one.find_last_not_of(' ') + 1);
      return one;
    };
    name = trimmed(text.substr(open + 1, (comma == std::string::npos ? text.size() - 1 : comma) - open - 1));
    if (name.empty()) return wrong();
    if (function == "sound") {
      part.take = MatchKeyPart::Take::sound;
      return comma == std::string::npos || wrong();
    }
    if ((function != "first" && function != "last") || comma == std::string::npos) return wrong();
    part.take = function == "first" ? MatchKeyPart::Take::first : MatchKeyPart::Take::last;
    const std::string count = trimmed(text.substr(comma + 1, text.size() - comma - 2));
    if (count.empty() || count.size() > 2 || !std::all_of(count.begin(), count.end(), [](char c) { return c >= '0' && c <= '9'; })) return wrong();
    part.count = static_cast<std::size_t>(std::atoi(count.c_str()));
    return part.count > 0 || wrong();
  }

  const Node& map_;
  const std::string subject_;
  const MatchField& field_;
  Diagnostics& diagnostics_;
  MatchRule rule_;
  bool doubtful_ = false;
};

}  // namespace

const char* to_string(Comparator comparator) {
  return comparator_names[static_cast<std::size_t>(comparator)];
}

MatchRule read_match_rule(const Node& map, const Place& at, const std::string& subject, const MatchField& field, Diagnostics& diagnostics) {
  return Reader(map, subject, field, diagnostics).read(at);
}

MatchRuleResult load_match_rule(const SourceFile& source) {
  MatchRuleResult result;
  YamlDocument document(source.name, source.text, "the matching rules");
  Diagnostics& diagnostics = document.diagnostics();
  if (const Node* root = document.root()) {
    if (const Node* kind = root->get("kind"); kind == nullptr || kind->text != "matching") {
      diagnostics.error(kind ? kind->at : root->at, "wrong-kind", "these are no matching rules", "kind: matching");
    } else {
      Node checked = *root;
      check_shape(checked, *find_kind("matching")->words, false, diagnostics);
      MatchRule rule = read_match_rule(checked, checked.at, "the rules", {}, diagnostics);
      if (const Node* name = checked.get("name")) rule.name = name->text;
      if (!diagnostics.failed()) result.rule = std::move(rule);
    }
  }
  result.diagnostics = diagnostics.take();
  return result;
}

}  // namespace caravan::model

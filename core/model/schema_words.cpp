#include <algorithm>
#include <vector>

#include "model/loader.h"
#include "model/words.h"

namespace caravan::model {
namespace {

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out + "\"";
}

constexpr std::string_view identifier = "[a-z][a-z0-9_]{0,47}";
constexpr std::string_view option = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}";

std::string name_pattern() { return std::string(identifier) + "(\\." + std::string(identifier) + ")?"; }
std::string pattern(std::string_view expression) { return json("^" + std::string(expression) + "$"); }

std::string keys(KeySyntax syntax) {
  if (syntax == KeySyntax::date) return pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}(\\.\\.[0-9]{4}-[0-9]{2}-[0-9]{2})?");
  return pattern(syntax == KeySyntax::identifier ? std::string(identifier) : syntax == KeySyntax::name ? name_pattern() : std::string(option));
}

std::string key_of(const Words& words) {
  std::string key(words.name);
  std::replace(key.begin(), key.end(), ' ', '_');
  return key;
}

std::string refer(std::string_view name) { return "{\"$ref\": \"#/$defs/" + std::string(name) + "\"}"; }

std::string keyword_values(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view one = words.substr(0, end);
    if (!one.empty()) {
      out += (out.empty() ? "" : ", ") + json(one);
      // `2026` is a number to a YAML reader.
      if (one.find_first_not_of("0123456789") == std::string_view::npos) out += ", " + std::string(one);
    }
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

class Writer {
 public:
  std::string run() {
    std::string kinds_known, rules;
    for (const KindInfo& kind : kinds()) {
      if (!kind.words) continue;
      kinds_known += (kinds_known.empty() ? "" : ", ") + json(kind.name);
      describe(*kind.words, true);
      const bool named = kind.name != "agency";
      rules += (rules.empty() ? "" : ",\n") + std::string("    {\"if\": {\"properties\": {\"kind\": {\"const\": ") + json(kind.name) +
               "}}, \"required\": [\"kind\"]}, \"then\": {\"$ref\": \"#/$defs/" + key_of(*kind.words) + "\"" +
               (named ? ", \"required\": [\"name\"]" : "") + "}}";
    }
    std::string out = "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"Caravan definitions\",\n"
                      "  \"description\": \"One document of a definition file.\",\n  \"type\": \"object\",\n  \"required\": [\"kind\"],\n"
                      "  \"properties\": {\"kind\": {\"enum\": [" + kinds_known + "]}},\n  \"allOf\": [\n" + rules + "\n  ],\n  \"$defs\": {\n";
    out += "    \"name_\": {\"type\": \"string\", \"pattern\": " + pattern(name_pattern()) + "},\n";
    out += "    \"identifier_\": {\"type\": \"string\", \"pattern\": " + pattern(identifier) + "},\n";
    out += "    \"scalar_\": {\"type\": [\"string\", \"number\", \"boolean\"]},\n";
    out += "    \"label_\": {\"anyOf\": [{\"$ref\": \"#/$defs/scalar_\"}, {\"type\": \"object\", \"propertyNames\": {\"pattern\": " +
           pattern("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*") + "}, \"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/$defs/scalar_\"}, {\"type\": \"null\"}]}}]},\n";
    out += "    \"names_\": {\"anyOf\": [{\"$ref\": \"#/$defs/name_\"}, {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/name_\"}}, {\"type\": \"object\", "
           "\"propertyNames\": {\"pattern\": " + pattern(name_pattern()) +
           "}, \"additionalProperties\": {\"anyOf\": [{\"type\": \"null\"}, {\"type\": \"object\", \"properties\": {\"after\": {\"type\": \"string\"}}, "
           "\"additionalProperties\": false}]}}]}";
    for (const auto& [name, text] : definitions_) out += ",\n    " + json(name) + ": " + text;
    return out + "\n  }\n}\n";
  }

 private:
  void describe(const Words& words, bool document) {
    const std::string name = key_of(words);
    if (std::any_of(definitions_.begin(), definitions_.end(), [&](const auto& one) { return one.first == name; })) return;
    const std::size_t place = definitions_.size();
    definitions_.emplace_back(name, "");
    std::string properties;
    const auto add = [&](const Word& word) {
      if (!word.available) return;
      properties += (properties.empty() ? "" : ",\n") + std::string("      ") + json(word.name) + ": {\"description\": " + json(word.doc) + ", " + value(word) + "}";
    };
    for (const Word& word : words.words) add(word);
    for (const Word& word : document ? document_words() : std::span<const Word>()) {
      if (word.name == "kind") {
        properties += (properties.empty() ? "" : ",\n") + std::string("      \"kind\": {\"type\": \"string\"}");
      } else {
        add(word);
      }
    }
    definitions_[place].second =
        "{\"description\": " + json(words.doc) + ", \"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n" + properties + "\n    }}";
  }

  /// The members of the schema of a word's value; null removes what an earlier layer says.
  std::string value(const Word& word) {
    const auto any = [](const std::string& one, const std::string& more = {}) {
      return "\"anyOf\": [" + one + (more.empty() ? "" : ", " + more) + ", {\"type\": \"null\"}]";
    };
    switch (word.shape) {
      case Shape::text: case Shape::expression: return any(refer("scalar_"));
      case Shape::rule: return "\"type\": [\"boolean\", \"string\", \"null\"]";
      case Shape::label: return any(refer("label_"));
      case Shape::flag: return "\"type\": [\"boolean\", \"null\"]";
      case Shape::integer: return "\"type\": [\"integer\", \"null\"]";
      case Shape::number: return any("{\"type\": \"number\"}", "{\"type\": \"string\", \"pattern\": " + pattern("[+-]?[0-9]+(\\.[0-9]+)?") + "}");
      case Shape::name: return any(refer("name_"));
      case Shape::identifier: return any(refer("identifier_"));
      case Shape::names: return any(refer("names_"));
      case Shape::options:
        return any(refer("scalar_") + ", {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/scalar_\"}}",
                   "{\"type\": \"object\", \"additionalProperties\": {\"anyOf\": [{\"type\": \"null\"}, {\"type\": \"object\", "
                   "\"properties\": {\"after\": {\"type\": \"string\"}}, \"additionalProperties\": false}]}}");
      case Shape::texts: return any(refer("scalar_"), "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/scalar_\"}}");
      case Shape::keyword: return "\"enum\": [" + keyword_values(word.keywords) + ", null]";
      case Shape::expressions:
        return any("{\"type\": \"object\", \"propertyNames\": {\"pattern\": " + pattern(identifier) +
                   "}, \"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/$defs/scalar_\"}, {\"type\": \"null\"}]}}");
      case Shape::mapping:
        return any("{\"type\": \"object\", \"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/$defs/scalar_\"}, {\"type\": \"null\"}]}}");
      case Shape::field_words:
        return any("{\"type\": \"object\", \"propertyNames\": {\"pattern\": " + pattern(name_pattern()) +
                   "}, \"additionalProperties\": {\"anyOf\": [{\"type\": \"null\"}, {\"type\": \"object\", \"propertyNames\": {\"pattern\": " + pattern(identifier) +
                   "}, \"additionalProperties\": {\"enum\": [" + keyword_values(word.keywords) + ", null]}}]}}");
      case Shape::object: describe(*word.inner, false); return any(refer(key_of(*word.inner)));
      case Shape::named: {
        describe(*word.inner, false);
        const bool short_form = word.inner->name == "index" || word.inner->name == "unique key";
        return any("{\"type\": \"object\", \"propertyNames\": {\"pattern\": " + keys(word.inner->keys) + "}, \"additionalProperties\": {\"anyOf\": [" +
                   refer(key_of(*word.inner)) + (short_form ? ", {\"$ref\": \"#/$defs/name_\"}, {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/name_\"}}" : "") +
                   ", {\"type\": \"null\"}]}}");
      }
    }
    return {};
  }

  std::vector<std::pair<std::string, std::string>> definitions_;
};

}  // namespace

std::string definitions_schema() { return Writer().run(); }

}  // namespace caravan::model

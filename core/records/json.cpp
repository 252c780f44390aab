#include "records/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "base/error.h"

namespace caravan::records {

namespace {
constexpr std::size_t max_depth = 32;
constexpr std::size_t max_members = 4096;  // bounds the search for duplicate keys
}

/// SAX handler that builds a Json on an explicit stack.
struct JsonBuilder {
  using Ch = char;
  Json root;
  std::vector<Json*> open;  // containers being filled, outermost first
  std::string key;
  std::string mistake;

  bool add(Json value) {
    if (open.empty()) {
      root = std::move(value);
      return true;
    }
    if (auto* array = std::get_if<Json::Array>(&open.back()->data_)) {
      array->push_back(std::move(value));
    } else {
      std::get<Json::Object>(open.back()->data_).emplace_back(std::move(key), std::move(value));
    }
    return true;
  }
  bool start(Json container) {
    if (open.size() >= max_depth) {
      mistake = "nested more than 32 levels deep";
      return false;
    }
    if (open.empty()) {
      root = std::move(container);
      open.push_back(&root);
      return true;
    }
    Json* parent = open.back();
    add(std::move(container));
    if (auto* array = std::get_if<Json::Array>(&parent->data_)) {
      open.push_back(&array->back());
    } else {
      open.push_back(&std::get<Json::Object>(parent->data_).back().second);
    }
    return true;
  }
  bool Null() { return add(Json{}); }
  bool Bool(bool b) { return add(Json{Json::Data{b}}); }
  bool Int(int) { return false; }  // numbers arrive as RawNumber
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return add(Json{Json::Data{Json::Number{std::string(text, length)}}});
  }
  bool String(const char* text, rapidjson::SizeType length, bool) { return add(Json{Json::Data{std::string(text, length)}}); }
  bool StartObject() { return start(Json{Json::Data{Json::Object{}}}); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    key.assign(text, length);
    if (std::get<Json::Object>(open.back()->data_).size() >= max_members) {
      mistake = "an object with more than 4096 members";
      return false;
    }
    if (open.back()->find(key) != nullptr) {
      mistake = "the key \"" + key + "\" stands twice in one object";
      return false;
    }
    return true;
  }
  bool EndObject(rapidjson::SizeType) {
    open.pop_back();
    return true;
  }
  bool StartArray() { return start(Json{Json::Data{Json::Array{}}}); }
  bool EndArray(rapidjson::SizeType) {
    open.pop_back();
    return true;
  }
};

const Json* Json::find(std::string_view name) const {
  if (const auto* object = as<Object>()) {
    for (const auto& [key, value] : *object) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Json::write(std::string& out) const {
  if (is_null()) {
    out += "null";
  } else if (const auto* b = as<bool>()) {
    out += *b ? "true" : "false";
  } else if (const auto* n = as<Number>()) {
    out += n->text;
  } else if (const auto* s = as<std::string>()) {
    write_json_string(out, *s);
  } else if (const auto* array = as<Array>()) {
    out.push_back('[');
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i) out.push_back(',');
      (*array)[i].write(out);
    }
    out.push_back(']');
  } else if (const auto* object = as<Object>()) {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, value] : *object) {
      if (!first) out.push_back(',');
      first = false;
      write_json_string(out, key);
      out.push_back(':');
      value.write(out);
    }
    out.push_back('}');
  }
}

Json parse_json(std::string_view text) {
  JsonBuilder builder;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(stream);
  rapidjson::Reader reader;
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
  const auto result = reader.Parse<flags>(input, builder);
  if (result.IsError()) {
    const std::string what = builder.mistake.empty() ? std::string(rapidjson::GetParseError_En(result.Code())) : builder.mistake;
    throw Error(ErrorCode::invalid_argument, "The JSON is malformed at byte " + std::to_string(result.Offset()) + ": " + what);
  }
  return std::move(builder.root);
}

void write_json_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.data() + start, i - start);
    start = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out.push_back(hex[c >> 4]);
        out.push_back(hex[c & 15]);
    }
  }
  out.append(text.data() + start, text.size() - start);
  out.push_back('"');
}

}  // namespace caravan::records

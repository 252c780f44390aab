#include "expr/conformance.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "expr/expression.h"

namespace caravan::expr {
namespace {

using Json = rapidjson::Value;

struct Malformed {
  std::string why;
};

std::string text(const Json& json) {
  if (!json.IsString()) throw Malformed{"a string is expected"};
  return {json.GetString(), json.GetStringLength()};
}

template <class T>
T number(const Json& json) {
  const std::string digits = text(json);
  T value{};
  const char* first = digits.data() + (!digits.empty() && digits[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(first, digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) throw Malformed{"`" + digits + "` is not a number of that type"};
  return value;
}

std::string unhex(const std::string& hex) {
  if (hex.size() % 2) throw Malformed{"bytes need an even number of hexadecimal digits"};
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    if (error != std::errc() || end != hex.data() + i + 2) throw Malformed{"bytes are hexadecimal"};
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

const Json& element(const Json& array, rapidjson::SizeType i, const char* what) {
  if (!array.IsArray() || array.Size() != 2) throw Malformed{std::string(what) + " is a pair"};
  return array[i];
}

std::int64_t integer(const Json& json) {
  if (!json.IsInt64()) throw Malformed{"an integer is expected"};
  return json.GetInt64();
}

/// {"int": "42"}, {"list": […]}, {"map": [[key, value]…]} …
Value typed_value(const Json& json, Type& type) {
  if (!json.IsObject() || json.MemberCount() != 1) throw Malformed{"a typed value has one member"};
  const std::string name = text(json.MemberBegin()->name);
  const Json& content = json.MemberBegin()->value;
  const auto is = [&](TypeKind kind) { type.kind = kind; };
  if (name == "null") return is(TypeKind::null), Value();
  if (name == "bool") {
    if (!content.IsBool()) throw Malformed{"a bool is expected"};
    return is(TypeKind::boolean), Value(content.GetBool());
  }
  if (name == "int") return is(TypeKind::int64), Value(number<std::int64_t>(content));
  if (name == "uint") return is(TypeKind::uint64), Value(number<std::uint64_t>(content));
  if (name == "double") return is(TypeKind::float64), Value(number<double>(content));
  if (name == "string") return is(TypeKind::string), Value(text(content));
  if (name == "bytes") return is(TypeKind::bytes), Value(Bytes{unhex(text(content))});
  if (name == "type") return is(TypeKind::type), Value(TypeName{text(content)});
  if (name == "timestamp" || name == "duration") {
    const std::int64_t seconds = integer(element(content, 0, "a time")), nanos = integer(element(content, 1, "a time"));
    if (name == "duration") return is(TypeKind::duration), Value(Duration{seconds, static_cast<std::int32_t>(nanos)});
    return is(TypeKind::timestamp), Value(Timestamp{seconds * 1'000'000 + nanos / 1000, static_cast<std::int16_t>(nanos % 1000)});
  }
  if (name == "list" || name == "map") {
    if (!content.IsArray()) throw Malformed{"an array is expected"};
    Type inner;
    if (name == "list") {
      List list;
      for (const Json& item : content.GetArray()) list.push_back(typed_value(item, inner));
      return is(TypeKind::list), Value(std::move(list));
    }
    Map map;
    for (const Json& item : content.GetArray()) {
      Value key = typed_value(element(item, 0, "a map entry"), inner);
      map.emplace_back(std::move(key), typed_value(element(item, 1, "a map entry"), inner));
    }
    return is(TypeKind::map), Value(std::move(map));
  }
  throw Malformed{"`" + name + "` is not a type of a value"};
}

/// The same type and content; NaN is NaN, and the entries of a map have no order.
bool same(const Value& a, const Value& b) {
  if (const auto *x = a.as<double>(), *y = b.as<double>(); x && y) return *x == *y || (std::isnan(*x) && std::isnan(*y));
  if (const auto *x = a.as_list(), *y = b.as_list(); x && y) {
    if (x->size() != y->size()) return false;
    for (std::size_t i = 0; i < x->size(); ++i) {
      if (!same((*x)[i], (*y)[i])) return false;
    }
    return true;
  }
  if (const auto *x = a.as_map(), *y = b.as_map(); x && y) {
    if (x->size() != y->size()) return false;
    for (const auto& [key, value] : *x) {
      bool found = false;
      for (const auto& [other_key, other] : *y) found = found || (same(key, other_key) && same(value, other));
      if (!found) return false;
    }
    return true;
  }
  return a.same_as(b);
}

/// For the report.
std::string show(const Value& value) {
  if (value.is_null()) return "null";
  if (const auto* b = value.as<bool>()) return *b ? "true" : "false";
  if (const auto* i = value.as<std::int64_t>()) return std::to_string(*i);
  if (const auto* u = value.as<std::uint64_t>()) return std::to_string(*u) + "u";
  if (const auto* d = value.as<double>()) return "double " + std::to_string(*d);
  if (const auto* s = value.as<std::string>()) return "\"" + *s + "\"";
  if (const auto* t = value.as<TypeName>()) return "type " + t->name;
  if (const auto* t = value.as<Timestamp>()) return format_timestamp(*t);
  if (const auto* d = value.as<Duration>()) return "duration of " + std::to_string(d->seconds) + " s, " + std::to_string(d->nanos) + " ns";
  if (const auto* b = value.as<Bytes>()) return "bytes of length " + std::to_string(b->data.size());
  std::string out;
  if (const auto* list = value.as_list()) {
    for (const Value& item : *list) out += (out.empty() ? "" : ", ") + show(item);
    return "[" + out + "]";
  }
  if (const auto* map = value.as_map()) {
    for (const auto& [key, item] : *map) out += (out.empty() ? "" : ", ") + show(key) + ": " + show(item);
    return "{" + out + "}";
  }
  return "another value";
}

/// Empty where the case passes, else what went wrong.
std::string run_case(const Json& json) {
  const auto member = [&](const char* name) -> const Json* {
    const auto found = json.FindMember(name);
    return found == json.MemberEnd() ? nullptr : &found->value;
  };
  if (!member("expr")) throw Malformed{"`expr` is missing"};
  Environment environment;
  if (const Json* container = member("container")) environment.container = text(*container);
  if (const Json* unchecked = member("disable_check")) environment.checked = !(unchecked->IsBool() && unchecked->GetBool());
  std::vector<Value> variables;
  if (const Json* bindings = member("bindings")) {
    if (!bindings->IsObject()) throw Malformed{"`bindings` is an object"};
    for (const auto& binding : bindings->GetObject()) {
      Variable variable{text(binding.name), {}};
      variables.push_back(typed_value(binding.value, variable.type));
      environment.variables.push_back(std::move(variable));
    }
  }
  const Json* error = member("error");
  std::optional<Value> expected;
  if (const Json* value = member("value")) {
    Type type;
    expected = typed_value(*value, type);
  }
  if (!expected && !error) throw Malformed{"`value` or `error` is missing"};

  const Compiled compiled = compile(text(*member("expr")), environment);
  if (!compiled.program) {
    if (!expected) return {};
    return "expected " + show(*expected) + ", got the mistake: " + compiled.issues[0].message;
  }
  Activation activation;
  activation.variables = variables.data();
  activation.count = variables.size();
  const Evaluation result = compiled.program->evaluate(activation);
  if (!expected) return result.outcome == Outcome::value ? "expected an error, got " + show(result.value) : std::string();
  if (result.outcome == Outcome::error) return "expected " + show(*expected) + ", got the error: " + result.message;
  if (result.outcome == Outcome::unknown) return "expected " + show(*expected) + ", got unknown";
  return same(*expected, result.value) ? std::string() : "expected " + show(*expected) + ", got " + show(result.value);
}

}  // namespace

std::vector<ConformanceSuite> run_conformance(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorCode::not_found, "the file " + file + " cannot be read");
  std::vector<ConformanceSuite> suites;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const auto malformed = [&](const std::string& why) {
      return Error(ErrorCode::invalid_argument, file + ":" + std::to_string(number) + ": " + why);
    };
    // Values nest in arrays and objects; a line is bounded before it is parsed into a tree.
    if (std::count(line.begin(), line.end(), '[') + std::count(line.begin(), line.end(), '{') > 10'000) throw malformed("the case is too large");
    rapidjson::Document json;
    json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(line.data(), line.size());
    if (json.HasParseError()) throw malformed(std::string("this is not JSON: ") + rapidjson::GetParseError_En(json.GetParseError()));
    if (!json.IsObject()) throw malformed("a case is a JSON object");
    try {
      const auto word = [&](const char* name) { return json.HasMember(name) ? text(json[name]) : std::string(); };
      const std::string suite_name = word("suite");
      auto suite = std::find_if(suites.begin(), suites.end(), [&](const auto& s) { return s.name == suite_name; });
      if (suite == suites.end()) {
        suites.push_back({suite_name, 0, 0, {}});
        suite = suites.end() - 1;
      }
      const std::string problem = run_case(json);
      if (problem.empty()) {
        ++suite->passed;
      } else {
        ++suite->failed;
        suite->failures.push_back(word("section") + "/" + word("name") + ": " + word("expr") + ": " + problem);
      }
    } catch (const Malformed& e) {
      throw malformed(e.why);
    }
  }
  return suites;
}

std::string conformance_report(const std::vector<ConformanceSuite>& suites) {
  std::string report;
  std::size_t passed = 0, failed = 0;
  for (const auto& suite : suites) {
    report += suite.name + ": " + std::to_string(suite.passed) + " passed, " + std::to_string(suite.failed) + " failed\n";
    for (const auto& failure : suite.failures) report += "  FAILED " + suite.name + "/" + failure + "\n";
    passed += suite.passed;
    failed += suite.failed;
  }
  return report + std::to_string(passed) + " passed, " + std::to_string(failed) + " failed\n";
}

}  // namespace caravan::expr

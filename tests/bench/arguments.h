#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace caravan::bench {

/// `--name value` pairs; a name may come again. Exits with a message where something else stands.
class Arguments {
 public:
  Arguments(int argc, char** argv, std::vector<std::string> known) {
    for (int i = 1; i + 1 < argc; i += 2) {
      const std::string name = argv[i];
      if (name.rfind("--", 0) != 0 || std::find(known.begin(), known.end(), name.substr(2)) == known.end())
        fail("unknown option " + name);
      values_[name.substr(2)].emplace_back(argv[i + 1]);
    }
    if (argc % 2 == 0) fail(std::string("option without a value: ") + argv[argc - 1]);
  }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second.back();
  }
  double number(const std::string& name, double otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    char* end = nullptr;
    const double value = std::strtod(found->second.back().c_str(), &end);
    if (found->second.back().empty() || *end != '\0') fail("--" + name + " wants a number");
    return value;
  }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    return static_cast<std::int64_t>(number(name, static_cast<double>(otherwise)));
  }
  std::vector<std::string> all(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
  }
  std::vector<std::string> list(const std::string& name) const {
    std::vector<std::string> items;
    std::string rest = text(name);
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      items.push_back(rest.substr(0, comma));
      rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    }
    return items;
  }
  [[noreturn]] static void fail(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(2);
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// Latencies in microseconds. Sorts.
struct Latencies {
  std::vector<std::uint32_t> micros;
  double percentile(double share) {
    if (micros.empty()) return 0;
    std::sort(micros.begin(), micros.end());
    const auto index = static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1));
    return micros[index] / 1000.0;
  }
};

}  // namespace caravan::bench

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace caravan::expr {

/// One suite of conformance cases.
struct ConformanceSuite {
  std::string name;
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::vector<std::string> failures;  ///< `section/name: expression: expected …, got …`
};

/// Runs the cases of a JSON-lines file: {suite, section, name, expr, container?, bindings?, disable_check?} with
/// either `value` (a typed value) or `error: true`. Suites in order of appearance. Throws Error(not_found) where the file
/// cannot be read, Error(invalid_argument) with the line where it is malformed.
std::vector<ConformanceSuite> run_conformance(const std::string& file);

/// The report: a line per suite, a line per failure, and `N passed, N failed` at the end.
std::string conformance_report(const std::vector<ConformanceSuite>& suites);

}  // namespace caravan::expr

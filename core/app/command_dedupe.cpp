#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <set>
#include <sys/resource.h>
#include <unordered_map>

#include "app/command_line.h"
#include "base/error.h"
#include "base/text.h"
#include "records/import_source.h"
#include "records/match.h"

namespace caravan::app {
namespace {

/// A file in memory; cells and names without the blanks around them.
struct TableFile {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
};

struct List {
  TableFile table;
  std::vector<records::MatchSubject> subjects;
};

TableFile read_table(const std::string& file) {
  const std::string bytes = read_file(file);
  const auto trim = [](std::string& cell) { cell = std::string(without_blanks(cell)); };
  records::ImportSource source(bytes, model::ImportMap{});
  TableFile table{source.header(), {}};
  std::for_each(table.header.begin(), table.header.end(), trim);
  table.rows.reserve(static_cast<std::size_t>(source.rows()));
  for (records::SourceRow row; source.next(row);) {
    if (row.cells.size() != table.header.size())
      throw Error(ErrorCode::invalid_argument, file + ": row " + std::to_string(row.number) + " (the header is row 0) has more or fewer cells than the header.");
    std::for_each(row.cells.begin(), row.cells.end(), trim);
    table.rows.push_back(std::move(row.cells));
  }
  return table;
}

std::size_t column(const TableFile& table, const std::string& name, const std::string& file) {
  const auto found = std::find(table.header.begin(), table.header.end(), name);
  if (found != table.header.end()) return static_cast<std::size_t>(found - table.header.begin());
  throw Error(ErrorCode::invalid_argument, file + " has no column " + name + ".");
}

List read_list(const records::Matcher& matcher, const std::string& file) {
  List list;
  list.table = read_table(file);
  std::vector<std::size_t> columns;
  for (const model::MatchInput& input : matcher.rule().inputs) columns.push_back(column(list.table, input.name, file));
  list.subjects.reserve(list.table.rows.size());
  std::vector<std::string_view> values(columns.size());
  for (const auto& row : list.table.rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) values[i] = row[columns[i]];
    list.subjects.push_back(matcher.prepare(values));
  }
  return list;
}

/// The true pairs by the rows' names in their first column, which the rules do not see.
std::vector<std::pair<std::uint32_t, std::uint32_t>> read_truth(const std::string& file, const List& a, const List* b) {
  const TableFile links = read_table(file);
  if (links.header.size() < 2) throw Error(ErrorCode::invalid_argument, file + " needs two columns: the names of the rows of a pair.");
  const auto names = [](const List& list) {
    std::unordered_map<std::string, std::uint32_t> out;
    for (std::size_t i = 0; i < list.table.rows.size(); ++i) out.emplace(list.table.rows[i].front(), static_cast<std::uint32_t>(i));
    return out;
  };
  const auto first = names(a), second = b ? names(*b) : first;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
  for (const auto& row : links.rows) {
    auto x = first.find(row[0]), y = second.find(row[1]);
    if (b && (x == first.end() || y == second.end())) {
      x = first.find(row[1]);
      y = second.find(row[0]);
    }
    if (x == first.end() || y == second.end()) throw Error(ErrorCode::invalid_argument, file + " names a row that is in no file: " + row[0] + ", " + row[1] + ".");
    if (b) out.emplace_back(x->second, y->second);
    else out.emplace_back(std::min(x->second, y->second), std::max(x->second, y->second));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

int dedupe(const std::string& rules, const std::string& truth, const std::string& first, const std::string& second, bool quiet) {
  const auto start = std::chrono::steady_clock::now();
  const std::string text = read_file(rules);
  const model::MatchRuleResult loaded = model::load_match_rule({rules, text, {}});
  print_diagnostics(loaded.diagnostics);
  if (!loaded.rule) return 1;
  const records::Matcher matcher(*loaded.rule);
  const List a = read_list(matcher, first);
  std::unique_ptr<List> b;
  if (!second.empty()) b = std::make_unique<List>(read_list(matcher, second));
  records::MatchCount count;
  const auto pairs = records::find_pairs(matcher, a.subjects, b ? b->subjects : a.subjects, b != nullptr, count);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!quiet) {
    std::printf("row_a,row_b,score\n");
    for (const auto& pair : pairs) {
      std::printf("%s,%s,%.2f\n", a.table.rows[pair.a].front().c_str(), (b ? *b : a).table.rows[pair.b].front().c_str(), pair.score);
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("rows %zu, compared %llu pairs, found %zu", a.subjects.size() + (b ? b->subjects.size() : 0), static_cast<unsigned long long>(count.compared), pairs.size());
  if (count.crowded > 0) std::printf("; %llu keys that too many rows have in common were passed over", static_cast<unsigned long long>(count.crowded));
  std::printf("\n");
  if (!truth.empty()) {
    const auto links = read_truth(truth, a, b.get());
    std::size_t right = 0;
    for (const auto& pair : pairs) right += std::binary_search(links.begin(), links.end(), std::pair(pair.a, pair.b));
    const auto share = [](std::size_t part, std::size_t whole) { return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole); };
    const double precision = share(right, pairs.size()), recall = share(right, links.size());
    std::printf("true pairs %zu, found %zu of them, wrong %zu\n", links.size(), right, pairs.size() - right);
    std::printf("precision %.4f, recall %.4f, F1 %.4f\n", precision, recall, precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0);
  }
  std::printf("time %.2f s, memory %.0f MB\n", seconds, static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

}  // namespace

void add_dedupe_command(CommandLine& line) {
  struct Arguments {
    std::string rules, truth, first, second;
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = line.app.add_subcommand("dedupe", "Finds rows of a CSV file, or of two, that are probably of the same thing");
  command->add_option("--rules", arguments->rules, "Document `kind: matching`")->required();
  command->add_option("--truth", arguments->truth, "CSV of the true pairs, by the first column: prints precision, recall and F1");
  command->add_flag("--quiet", arguments->quiet, "Do not print the pairs");
  command->add_option("first", arguments->first, "CSV file with a header; its first column names the rows")->required();
  command->add_option("second", arguments->second, "Another one: pairs between the two are looked for");
  command->callback([&line, arguments] { line.code = dedupe(arguments->rules, arguments->truth, arguments->first, arguments->second, arguments->quiet); });
}

}  // namespace caravan::app

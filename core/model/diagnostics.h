#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/loader.h"

/// Internal to core/model: collecting mistakes.
namespace caravan::model {

/// Who speaks in a layer; agencies and packs may add fields only under `x_`.
enum class LayerKind : std::uint8_t { core, plugin, pack, agency };

/// A file while it is being loaded. Lives as long as load_catalog() runs.
struct FileInfo {
  std::string name;
  std::string module;
  std::string_view text;
  LayerKind layer = LayerKind::core;
  int edition = current_edition;
  std::uint32_t order = 0;                 ///< position among all files
  std::vector<std::uint32_t> line_starts;  ///< byte offset of each line
};

/// A position in a file; line and column count from 1, columns in Unicode characters. `file` may be null
/// (nowhere).
struct Place {
  const FileInfo* file = nullptr;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
Origin to_origin(const Place& place);
/// `file:line:column`
std::string to_string(const Place& place);

/// Collects mistakes, at most `limit` errors and as many warnings. Not thread-safe: one per thread, then
/// `append`.
class Diagnostics {
 public:
  static constexpr std::size_t limit = 1000;

  /// A warning where the check came with a later edition of the language than the file's.
  void error(const Place& at, std::string code, std::string message, std::string hint = {});
  void warning(const Place& at, std::string code, std::string message, std::string hint = {});
  void append(Diagnostics&& other);
  bool failed() const { return failed_; }
  /// Nothing was found, not even a warning.
  bool empty() const { return found_.empty() && dropped_errors_ == 0 && dropped_warnings_ == 0; }
  /// False once so many errors were found that no more are kept.
  bool wanted() const { return errors_ < limit; }
  /// By file in load order, then position.
  std::vector<Diagnostic> take();

 private:
  struct Found {
    std::uint32_t file_order;
    Diagnostic diagnostic;
  };
  void add(Diagnostic::Severity severity, const Place& at, std::string&& code, std::string&& message,
           std::string&& hint);
  std::vector<Found> found_;
  void keep(Found&& found);
  std::size_t errors_ = 0, warnings_ = 0;  ///< kept
  std::size_t dropped_errors_ = 0, dropped_warnings_ = 0;
  bool failed_ = false;
};

/// The candidate nearest to `word` by edit distance (a swap of two neighbours counts once); "" where none is
/// near.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// `did you mean "label"?`, else the candidates where they are few, else "".
std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates);

/// The text in quotes for a message: cut to 60 characters, on one line.
std::string quoted(std::string_view text);

}  // namespace caravan::model

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"

namespace caravan::model {

/// Editions of the definition language that this server knows. A check that a new edition brings only warns about documents of
/// older ones, so that what was sound stays in use.
inline constexpr int first_edition = 2026, current_edition = 2026;

/// One YAML file (it may hold several documents).
struct SourceFile {
  std::string name;     ///< for messages
  std::string text;
  std::string module;   ///< plugin whose names need no prefix (`salesperson` means `sales.salesperson`); "" for agency files
  int edition = current_edition;
};

/// Layers in the order in which they merge: core, plugins by dependency, packs, agency files.
struct SourceLayer {
  std::string name;     ///< `core`, `plugin sales`, `pack small_office`, `agency`
  std::vector<SourceFile> files;
};

struct Diagnostic {
  enum class Severity { error, warning } severity = Severity::error;
  Origin at;
  std::string code;     ///< stable, e.g. `unknown-field`
  std::string message;  ///< what is wrong
  std::string hint;     ///< what would be right; may be empty
};
/// `file:line:column: error: what is wrong: what would be right [code]`
std::string to_string(const Diagnostic& diagnostic);

struct LoadResult {
  std::shared_ptr<Catalog> catalog;        ///< null where there is an error; not shared with anybody yet
  std::vector<Diagnostic> diagnostics;     ///< all mistakes, by file and position
};

/// Parses, merges and checks. Never throws for bad input. Pure: no I/O. Thread-safe.
LoadResult load_catalog(const std::vector<SourceLayer>& layers, const std::vector<Module>& modules);

/// The core's own layer (entity core.user, role core.administrator).
SourceLayer core_layer();

/// The reference of the definition language in Markdown, generated from the tables that the loader checks against.
std::string definitions_reference();

/// The same tables as JSON Schema (draft 2020-12) of one document, for editors: words, shapes and values. What a document
/// must have is left out but for `kind` and `name`, for it may change another one; null removes.
std::string definitions_schema();

}  // namespace caravan::model

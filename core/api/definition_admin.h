#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "model/provenance.h"

namespace caravan::api {

/// A definition, and the documents of the layers that speak of it, in the order of their merge; the last one may be the console's.
struct DefinitionSources {
  std::string kind, name;
  std::vector<model::SourceDocument> documents;
  bool edited = false;  ///< the console says something of it
};

/// What an administrator wants the console to say of one definition.
struct DefinitionEdit {
  std::string kind, name;
  std::optional<std::string> text;  ///< one YAML document; nullopt: nothing any more
};

struct DefinitionDraft {
  std::int64_t base = 0;  ///< the revision that it was begun on
  std::vector<DefinitionEdit> edits;
};

struct DefinitionFinding {
  model::Diagnostic diagnostic;
  std::string kind, name;  ///< of the definition whose document it stands in; may be empty
  bool known = false;      ///< also found in what is in use
};

/// What the draft would make of the database beyond what adds to it.
struct PlanStep {
  std::string table, what;
  std::vector<std::string> samples;  ///< values or rows that it is about
  bool loses = false;                ///< rows lose something where it is done
  bool blocked = false;              ///< the draft cannot be published before; otherwise what is no longer named may also stay
};

struct DefinitionCheck {
  std::int64_t in_use = 0;  ///< the revision; the draft is stale where its base is another
  std::vector<DefinitionFinding> findings;
  bool sound = false;
  bool planned = false;
  std::vector<PlanStep> plan;
  std::string confirm;  ///< the word for it; another one as soon as a row more or less is concerned
};

/// A definition that was changed by somebody else since the draft was begun.
struct DefinitionCollision {
  std::string kind, name;
  std::optional<std::string> base, theirs, mine;
};

enum class Leftovers : std::uint8_t {
  ask,         ///< refuses where there are any
  keep,        ///< what nothing names any more stays in the database, and is used again by a later revision that names it
  drop
};

struct Publication {
  enum class Outcome : std::uint8_t { done, stale, unconfirmed, refused } outcome = Outcome::done;
  ReloadResult result;
  std::int64_t revision = 0;       ///< in use now
  DefinitionCheck check;           ///< where refused or unconfirmed
  std::vector<DefinitionCollision> collisions;  ///< where stale
  std::vector<std::string> dropped;
  std::string not_dropped;         ///< why what was to be dropped is still there; may be empty
};

/// A document that two revisions do not have alike.
struct DefinitionDifference {
  std::string kind, name, layer;
  std::optional<model::SourceDocument> before, after;
};

/// What other versions of plugins changed of what the agency builds on.
struct DefinitionUpgrade {
  std::int64_t from = 0, to = 0;  ///< revisions; `from` 0: plugins were never others
  struct Plugin {
    std::string name;
    std::string change;  ///< added, removed, changed
  };
  std::vector<Plugin> plugins;
  std::vector<model::DefaultChange> changes;
};

struct DefinitionDeed {
  std::int64_t id = 0;
  std::string action, revision, by, detail, request_id;
  Timestamp at{};
};

/// The definitions in use, and what administrators say on top of them in the console: documents of a layer above all files, kept in the
/// published revisions. Whoever calls is an administrator. Thread-safe; checks and changes are made one after another. `context.catalog` of publish() is null: a
/// request must not hold what is to be left.
class DefinitionAdmin {
 public:
  virtual ~DefinitionAdmin() = default;
  /// The revision in use and all its definitions, by kind and name. The texts are left out.
  virtual std::pair<std::int64_t, std::vector<DefinitionSources>> list() = 0;
  /// With texts, and who said which word; nullopt where nothing is called so.
  virtual std::optional<std::pair<DefinitionSources, std::vector<model::ExplainedWord>>> show(const std::string& kind, const std::string& name) = 0;
  /// Checks everything with the draft and changes nothing. `plan`: also against the rows of the database. Throws unavailable where others' checks take too long.
  virtual DefinitionCheck check(const DefinitionDraft& draft, bool plan) = 0;
  /// Makes the draft a revision of its own and puts it in use on every node. Throws conflict.
  virtual Publication publish(const records::Context& context, const DefinitionDraft& draft, const std::string& comment, Leftovers leftovers,
                              const std::string& confirm) = 0;
  /// Throws not_found.
  virtual std::vector<DefinitionDifference> compare(std::int64_t from, std::int64_t to) = 0;
  /// Between a revision and the one in use. `from` 0: the newest one that was published with other plugins. Throws not_found.
  virtual DefinitionUpgrade upgrade(std::int64_t from) = 0;
  /// Newest first; `before`: id, or 0.
  virtual std::vector<DefinitionDeed> history(std::int64_t before, std::uint32_t limit) = 0;
};

}  // namespace caravan::api

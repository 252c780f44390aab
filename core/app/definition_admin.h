#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/definition_admin.h"
#include "app/revisions.h"
#include "model/parse_cache.h"

namespace caravan::app {

class Runtime;

/// The server's own. See api/definition_admin.h.
class DefinitionAdministration final : public api::DefinitionAdmin {
 public:
  explicit DefinitionAdministration(Runtime& runtime);
  std::pair<std::int64_t, std::vector<api::DefinitionSources>> list() override;
  std::optional<std::pair<api::DefinitionSources, std::vector<model::ExplainedWord>>> show(const std::string& kind, const std::string& name) override;
  api::DefinitionCheck check(const api::DefinitionDraft& draft, bool plan) override;
  api::Publication publish(const records::Context& context, const api::DefinitionDraft& draft, const std::string& comment, api::Leftovers leftovers,
                           const std::string& confirm) override;
  std::vector<api::DefinitionDifference> compare(std::int64_t from, std::int64_t to) override;
  api::DefinitionUpgrade upgrade(std::int64_t from) override;
  std::vector<api::DefinitionDeed> history(std::int64_t before, std::uint32_t limit) override;

 private:
  using Key = std::pair<std::string, std::string>;  ///< kind and name
  /// A revision as it was read; does not change.
  struct Published {
    std::int64_t id = 0;
    Documents documents;
    std::vector<model::SourceDocument> list;
  };
  struct Leftover {
    std::vector<std::string> sql;
    std::string what;  ///< with the rows that it concerns
  };
  struct Planned {
    api::DefinitionCheck check;
    std::vector<Leftover> leftovers;  ///< steps that may stay undone
  };
  /// The revision in use. Throws conflict where there is none.
  std::shared_ptr<const Published> published();
  /// Under mutex_.
  model::LoadResult load(const Documents& documents);
  Planned examine(const Published& base, const api::DefinitionDraft& draft, bool plan);
  void plan_against_rows(const model::Catalog& next, Planned& planned) const;
  /// Drops what was confirmed, once nobody uses earlier definitions. Throws conflict.
  std::vector<std::string> drop(const std::vector<Leftover>& confirmed, const std::string& hash) const;

  Runtime& runtime_;
  std::timed_mutex mutex_;  ///< of what follows, and of checks: each takes a processor or two
  std::unique_ptr<model::ParseCache> cache_;
  std::int64_t known_of_ = 0;         ///< revision
  std::vector<std::string> known_;    ///< what is found in it, sorted
  std::mutex reading_;
  std::shared_ptr<const Published> published_;
};

}  // namespace caravan::app

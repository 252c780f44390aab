#pragma once

#include <functional>
#include <map>
#include <string>

#include "api/plugin_admin.h"
#include "app/definition_admin.h"
#include "app/plugin_store.h"

namespace caravan::app {

class Runtime;

/// The server's own. See api/plugin_admin.h.
class PluginAdministration final : public api::PluginAdmin {
 public:
  explicit PluginAdministration(Runtime& runtime) : runtime_(runtime), definitions_(runtime) {}
  std::vector<api::PluginDetail> list(const records::Context& context) override;
  api::PluginChange enable(const records::Context& context, const std::string& name, const std::string& version, bool dependencies) override;
  api::PluginChange disable(const records::Context& context, const std::string& name, bool dependents) override;
  api::PluginDetail install(const records::Context& context, std::string_view bytes) override;
  api::PluginChange upgrade(const records::Context& context, const std::string& name, const std::string& version) override;
  void remove(const records::Context& context, const std::string& name) override;
  api::PurgePreview preview_purge(const records::Context& context, const std::string& name) override;
  api::PurgeResult purge(const records::Context& context, const std::string& name, const std::string& confirm) override;
  api::PluginChange clear_quarantine(const records::Context& context, const std::string& name) override;
  std::vector<api::PluginDeed> history(const std::string& name, std::int64_t before, std::uint32_t limit) override;
  api::ReloadResult change_settings(const records::Context& context, const std::string& name,
                                    const std::vector<std::pair<std::string, std::optional<std::string>>>& values) override;
  std::vector<std::string> own_settings(const std::string& name) override;
  api::DefinitionAdmin* definitions() override { return &definitions_; }

 private:
  /// Under the lock: reads the folders again, and throws not_found where there is no such plugin.
  void look(const std::string& name);
  /// Solves, refuses what was not asked for, changes, and writes the deed.
  api::PluginChange change(const records::Context& context, const std::string& action, const std::string& name, const plugin::Puzzle& puzzle,
                           const std::function<bool(const plugin::PluginStep&)>& allowed, const std::string& how);
  std::vector<std::string> tables_of(const std::string& module) const;

  Runtime& runtime_;
  DefinitionAdministration definitions_;
};

}  // namespace caravan::app

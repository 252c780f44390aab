#pragma once

#include "records/codec.h"
#include "records/service.h"
#include "storage/schema.h"
#include "support.h"
#include "support/test_database.h"

namespace caravan::plugin {

/// Plugins over the server's own gate, on both databases.
class OverTheGate : public caravan::testing::DialectTest {
 protected:
  void open(RegistryOptions options) {
    options.instance.log = log.sink();
    registry = PluginRegistry::scan(std::move(options));
    sequences.emplace(database());
    service.emplace(database(), *sequences);
    registry->load(gate_over(*service));
    std::vector<model::SourceLayer> layers{model::core_layer()};
    for (auto& layer : registry->layers()) layers.push_back(std::move(layer));
    layers.push_back({"agency", {{"agency.yaml", agency, ""}}});
    const model::LoadResult loaded = model::load_catalog(layers, registry->modules());
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == model::Diagnostic::Severity::error)
        ADD_FAILURE() << model::to_string(diagnostic);
    }
    ASSERT_TRUE(loaded.catalog);
    catalog = loaded.catalog;
    storage::update_schema(database(), *catalog);
    service->set_hooks(registry->hooks());
    const model::Entity& users = *catalog->entity("core.user");
    for (const char* name : {"alice", "bob"})
      user_ids.push_back(service
                             ->create(system(), users,
                                      {{users.field("username"), expr::Value(name)},
                                       {users.field("name"), expr::Value(name)}})
                             .id());
  }
  void TearDown() override {
    service.reset();
    registry.reset();
    sequences.reset();
    DialectTest::TearDown();
  }

  records::Context system() const {
    records::Context out;
    out.actor.system = true;
    out.catalog = catalog;
    out.now = Timestamp{1'790'000'000'000'000};
    return out;
  }
  records::Context as(std::size_t user, const char* role, const char* locale = "en") const {
    records::Context out = system();
    out.actor.system = false;
    out.actor.user_id = user_ids.at(user);
    out.actor.username = out.actor.name = user == 0 ? "alice" : "bob";
    out.actor.roles = {role};
    out.locale = locale;
    return out;
  }
  records::Record create(const records::Context& context, const char* entity, const std::string& json) {
    const model::Entity& of = *catalog->entity(entity);
    return service->create(context, of, records::parse_input(*catalog, of, json, context.locale));
  }
  records::Record change(const records::Context& context, const records::Record& record,
                         const std::string& json) {
    return service->update(context, record.entity(), record.id(),
                           records::parse_input(*catalog, record.entity(), json, context.locale),
                           record.version());
  }
  static std::string text(const records::Record& record, const char* field) {
    const auto* out = record[record.entity().field(field)->slot].as<std::string>();
    return out == nullptr ? "(empty)" : *out;
  }
  std::size_t count(const char* entity) {
    records::ListQuery query;
    query.limit = 200;
    return service->list(system(), *catalog->entity(entity), query).items.size();
  }

  std::string agency =
      "kind: role\nname: sales.viewer\nroutes: [sales.pipeline]\ngrants:\n  sales.inquiry: {read: "
      "\"record.owner == user.id\"}\n";
  Log log;
  std::optional<storage::Sequences> sequences;
  std::optional<records::RecordService> service;
  std::unique_ptr<PluginRegistry> registry;
  std::shared_ptr<const model::Catalog> catalog;
  std::vector<std::int64_t> user_ids;
};

}  // namespace caravan::plugin

#include "plugin/gate.h"

#include <utility>

#include "records/access.h"
#include "workflow/rules.h"
#include "workflow/transitions.h"

namespace caravan::plugin {
namespace {

class HookGate final : public Gate {
 public:
  HookGate(const records::RecordService& service, const records::Context& context, records::Work& work)
      : service_(service), context_(context), work_(work) {}
  records::Record get(const model::Entity& entity, std::int64_t id) override {
    return shown(work_.load(entity, id));
  }
  records::Page list(const model::Entity& entity, const records::ListQuery& query) override {
    records::Context unlogged = context_;
    unlogged.unlogged = true;
    return service_.list(unlogged, entity, query);
  }
  records::Record create(const model::Entity& entity, records::Input input) override {
    return shown(work_.create(entity, std::move(input), authority()));
  }
  records::Record update(const model::Entity& entity, std::int64_t id, records::Input input,
                         std::int64_t version) override {
    return shown(work_.update(entity, id, std::move(input), version, authority()));
  }
  void remove(const model::Entity& entity, std::int64_t id, std::int64_t version) override { work_.remove(entity, id, version); }
  records::Record transition(const model::Entity& entity, std::int64_t id, std::string_view name, records::Input input, std::string note,
                             std::int64_t version) override {
    return shown(workflow::Transitions::run_in(work_, entity, id, name, input, note, version));
  }
  records::Record publish(const model::Entity& entity, std::int64_t id, const model::Happening& event, std::string note,
                          std::int64_t version) override {
    return shown(workflow::Rules::happened(work_, entity, id, event, std::move(note), version));
  }
  bool enqueue(const jobs::NewJob& job) override { return work_.enqueue(job); }
  void transact(const std::function<void(records::Work&)>&) override {
    throw Error(ErrorCode::internal, "A transaction cannot begin inside another.");
  }

 private:
  /// Jobs, schedules and hooks after the commit act for the server: what forms keep from clients (`read_only`, `visible`) is not kept from them.
  records::Authority authority() const {
    return context_.actor.system ? records::Authority::definition : records::Authority::actor;
  }
  /// What a plugin asks for by itself it gets as the actor sees it; whole are the records that hooks are given.
  records::Record shown(records::Record record) const {
    records::redact(context_, record);
    return record;
  }
  const records::RecordService& service_;
  const records::Context& context_;
  records::Work& work_;
};

class RouteGate final : public Gate {
 public:
  RouteGate(const records::RecordService& service, const records::Context& context)
      : service_(service), context_(context) {}
  records::Record get(const model::Entity& entity, std::int64_t id) override {
    return service_.get(context_, entity, id);
  }
  records::Page list(const model::Entity& entity, const records::ListQuery& query) override {
    return service_.list(context_, entity, query);
  }
  records::Record create(const model::Entity& entity, records::Input input) override {
    return service_.create(context_, entity, std::move(input));
  }
  records::Record update(const model::Entity& entity, std::int64_t id, records::Input input,
                         std::int64_t version) override {
    return service_.update(context_, entity, id, std::move(input), version);
  }
  void remove(const model::Entity& entity, std::int64_t id, std::int64_t version) override {
    service_.remove(context_, entity, id, version);
  }
  records::Record transition(const model::Entity& entity, std::int64_t id, std::string_view name, records::Input input, std::string note,
                             std::int64_t version) override {
    return workflow::Transitions(service_).run(context_, entity, id, name, std::move(input), std::move(note), version);
  }
  records::Record publish(const model::Entity& entity, std::int64_t id, const model::Happening& event, std::string note,
                          std::int64_t version) override {
    std::optional<records::Record> out;
    transact([&](records::Work& work) { out = workflow::Rules::happened(work, entity, id, event, note, version); });
    records::redact(context_, *out);
    return std::move(*out);
  }
  bool enqueue(const jobs::NewJob& job) override {
    bool added = false;
    transact([&](records::Work& work) { added = work.enqueue(job); });
    return added;
  }
  void transact(const std::function<void(records::Work&)>& work) override { service_.transact(context_, work); }

 private:
  const records::RecordService& service_;
  const records::Context& context_;
};

}  // namespace

GateFactory gate_over(const records::RecordService& service) {
  return [&service](const records::Context& context, records::Work* work) -> std::unique_ptr<Gate> {
    if (work != nullptr) return std::make_unique<HookGate>(service, context, *work);
    return std::make_unique<RouteGate>(service, context);
  };
}

}  // namespace caravan::plugin

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/catalog.h"

namespace caravan::records {

/// Loads the record that a reference points at, for expressions; null where there is none.
using Follow = std::function<std::shared_ptr<const expr::RecordView>(const model::Entity&, std::int64_t id)>;

/// One record in memory: a value per slot of its entity. Not thread-safe.
class Record final : public expr::RecordView {
 public:
  Record() = default;
  explicit Record(const model::Entity& entity) : entity_(&entity), values_(entity.fields.size()) {}

  const model::Entity& entity() const { return *entity_; }
  std::int64_t id() const { return integer(model::slot_id); }
  std::int64_t version() const { return integer(model::slot_version); }
  /// Empty where the entity has no workflow.
  std::string_view state() const {
    const auto* s = values_[model::slot_state].as<std::string>();
    return s ? std::string_view(*s) : std::string_view();
  }
  const expr::Value& operator[](std::uint32_t slot) const { return values_[slot]; }
  void set(std::uint32_t slot, expr::Value value) { values_[slot] = std::move(value); }
  const std::vector<expr::Value>& values() const { return values_; }

  expr::Value get(std::uint32_t slot) const override { return values_[slot]; }
  const expr::Value* peek(std::uint32_t slot) const override { return &values_[slot]; }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t slot) const override;
  void set_follow(std::shared_ptr<const Follow> follow) { follow_ = std::move(follow); }
  /// Hash of the newest entry of the record's history as its row has it; empty for a record that is new or older than
  /// the chain.
  const std::string& chain() const { return chain_; }
  /// Whether it was loaded with its chain, as load() does for a change; only then can it be written.
  bool has_chain() const { return has_chain_; }
  void set_chain(std::string hash) {
    chain_ = std::move(hash);
    has_chain_ = true;
  }
  /// Fields that redact() left out or masked, by slot; null where it did neither.
  const std::vector<model::FieldRight>* restricted() const { return restricted_.get(); }
  void set_restricted(std::shared_ptr<const std::vector<model::FieldRight>> rights) { restricted_ = std::move(rights); }

 private:
  std::int64_t integer(std::uint32_t slot) const {
    const auto* v = values_[slot].as<std::int64_t>();
    return v ? *v : 0;
  }
  const model::Entity* entity_ = nullptr;
  std::vector<expr::Value> values_;
  std::shared_ptr<const Follow> follow_;
  std::string chain_;
  bool has_chain_ = false;
  std::shared_ptr<const std::vector<model::FieldRight>> restricted_;
};

/// What a client wants to set: field → value (null empties). Values have the field's own type; see parse_input.
using Input = std::vector<std::pair<const model::Field*, expr::Value>>;

/// One entry of a record's history.
struct Event {
  std::int64_t id = 0;
  std::int64_t version = 0;
  Timestamp at;
  std::int64_t actor_id = 0;
  std::string actor_name, request_id, source;
  std::string action;                ///< create, update, delete, restore, erase, transition:NAME
  std::string changes;               ///< JSON object: field → [old, new], values as in the API
  std::string note;                  ///< comment given with a transition
};

}  // namespace caravan::records

#include "plugin/call.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace caravan::plugin {
namespace {

thread_local std::vector<Call*> stack;

caravan_call next_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Call::Call(Kind kind_, Instance& instance_, const std::string& label_)
    : id(next_id()), kind(kind_), instance(instance_), label(label_) {
  if (kind == Kind::hook) {
    const auto depth = static_cast<std::size_t>(
        std::count_if(stack.begin(), stack.end(), [](const Call* c) { return c->kind == Kind::hook; }));
    if (depth >= max_hook_depth) {
      std::string chain;
      for (const Call* c : stack) chain += c->instance.name() + " " + c->label + " → ";
      throw Error(ErrorCode::internal, "Plugins' hooks set each other off more than " +
                                           std::to_string(max_hook_depth) + " deep: " + chain +
                                           instance.name() + " " + label + ".");
    }
  }
  stack.push_back(this);
}

Call::~Call() {
  std::erase(stack, this);
}

Call* Call::find(caravan_call id) noexcept {
  for (auto it = stack.rbegin(); it != stack.rend(); ++it) {
    if ((*it)->id == id) return *it;
  }
  return nullptr;
}

caravan_record Call::add(records::Record* record, Entry::Mode mode) {
  if (held_ >= max_records)
    throw Error(ErrorCode::too_large, "The plugin " + instance.name() + " holds more than " +
                                          std::to_string(max_records) + " records in one call.");
  Entry& entry = *entries_.emplace_back(std::make_unique<Entry>());
  entry.mode = mode;
  entry.record = record;
  ++held_;
  return handle(entries_.size() - 1);
}

caravan_record Call::add(records::Record&& record, Entry::Mode mode) {
  const caravan_record out = add(nullptr, mode);
  Entry& entry = *entries_.back();
  entry.own = std::move(record);
  entry.record = &*entry.own;
  return out;
}

std::optional<std::size_t> Call::index(std::uint64_t given, std::size_t count) const {
  const std::uint64_t number = given & 0xFFFFFFFFu;
  if ((given >> 32) != (id & 0xFFFFFFFFu) || number == 0 || number > count) return std::nullopt;
  return number - 1;
}

Call::Entry* Call::entry(caravan_record given) {
  const auto i = index(given, entries_.size());
  return i ? entries_[*i].get() : nullptr;
}

void Call::release(caravan_record given) {
  if (const auto i = index(given, entries_.size()); i && entries_[*i]) {
    entries_[*i].reset();
    --held_;
  }
}

const Call::Resolved* Call::resolved(caravan_field given) const {
  const auto i = index(given, fields_.size());
  return i ? &fields_[*i] : nullptr;
}

caravan_field Call::resolve(const model::Entity& entity, const model::Field& field) {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].field == &field && fields_[i].entity == &entity) return handle(i);
  }
  fields_.push_back({&entity, &field});
  return handle(fields_.size() - 1);
}

void Call::check_deadline() const {
  if (mark == nullptr || !mark->late()) return;
  throw Error(ErrorCode::unavailable, "The plugin " + instance.name() + " takes too long in " + label + "; what it has asked for is no longer done.", {{instance.name(), "plugin_late", ""}});
}

Gate* Call::records() {
  if (!gate_ && gates != nullptr && *gates && context != nullptr) gate_ = (*gates)(*context, work);
  return gate_.get();
}

}  // namespace caravan::plugin

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/message.h"
#include "base/error.h"
#include "caravan/abi.h"
#include "plugin/crash_mark.h"
#include "plugin/gate.h"
#include "plugin/instance.h"
#include "plugin/values.h"
#include "records/functions.h"
#include "records/hooks.h"

namespace caravan::plugin {

/// One call of one callback. While it lives it is on top of its thread's stack of calls, under a number that
/// no other call of the process has: a plugin that keeps the number, or uses it on another thread, finds
/// nothing.
struct Call {
  enum class Kind {
    create, enable, hook, route,
    work,  ///< a transaction within a route
    job, function, channel
  };
  static constexpr std::size_t max_hook_depth = 8;
  static constexpr std::size_t max_records = 100'000;  ///< held at once

  /// Throws Error(internal) where hooks nest deeper than max_hook_depth.
  Call(Kind kind, Instance& instance, const std::string& label);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// The calling thread's call of that number; null where there is none.
  static Call* find(caravan_call id) noexcept;

  struct Entry {
    enum class Mode { read_only, hook, fresh, stored } mode = Mode::read_only;
    records::Record* record = nullptr;
    std::optional<records::Record> own;
    std::set<std::uint32_t> touched;  ///< slots set by the plugin
    Texts texts;
  };
  struct Resolved {
    const model::Entity* entity;
    const model::Field* field;
  };

  caravan_record add(records::Record* record, Entry::Mode mode);
  caravan_record add(records::Record&& record, Entry::Mode mode);
  /// Null where the handle is not of this call or was released.
  Entry* entry(caravan_record handle);
  void release(caravan_record handle);
  const Resolved* resolved(caravan_field handle) const;
  caravan_field resolve(const model::Entity& entity, const model::Field& field);
  Gate* records();

  const caravan_call id;
  const Kind kind;
  Instance& instance;
  const std::string& label;
  const records::Context* context = nullptr;
  records::Work* work = nullptr;
  const GateFactory* gates = nullptr;
  const api::Request* request = nullptr;
  const Parameters* parameters = nullptr;
  api::Response response;
  records::NamedValues answers;  ///< of a function

  // What the plugin said with fail(), and what went wrong in functions of the host.
  caravan_status said = CARAVAN_OK;
  std::string message;
  std::vector<FieldError> field_errors;
  std::optional<Error> host_error;
  caravan_status host_status = CARAVAN_OK;
  bool host_error_final = false;  ///< the transaction is spoilt: the hook fails whatever it returns

  const Mark* mark = nullptr;  ///< while the plugin's code runs
  bool was_late = false;       ///< once it has returned
  /// Throws unavailable where the plugin has been at work for longer than it may: nothing more is done for this call.
  void check_deadline() const;

  std::list<std::vector<caravan_record>> pages;
  Texts texts;

 private:
  std::uint64_t handle(std::size_t index) const { return (id << 32) | (index + 1); }
  std::optional<std::size_t> index(std::uint64_t handle, std::size_t count) const;
  std::vector<std::unique_ptr<Entry>> entries_;  ///< null once released; handles are never used again
  std::size_t held_ = 0;
  std::vector<Resolved> fields_;
  std::unique_ptr<Gate> gate_;
};

/// The table of functions that every plugin is given; `self` is still to be set.
caravan_host host_functions();

}  // namespace caravan::plugin

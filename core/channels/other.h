#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "records/context.h"

namespace caravan::channels {

/// A message on its way by a channel that is neither mail nor console.
struct OutgoingMessage {
  std::int64_t id = 0;    ///< of the record of core.message
  int attempt = 1;
  std::string key;        ///< the same for every attempt
  std::string channel, recipient, subject, body;
};

/// Port for the channels that plugins offer, by `PLUGIN.CHANNEL`. Thread-safe.
class OtherChannels {
 public:
  virtual ~OtherChannels() = default;
  /// Throws invalid_argument where it will never be sent, every other error where another try may help.
  virtual void send(const records::Context& context, const OutgoingMessage& message) const = 0;
};

}  // namespace caravan::channels

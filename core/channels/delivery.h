#pragma once

#include <functional>
#include <memory>
#include <string>

#include "channels/other.h"
#include "channels/transfer.h"
#include "jobs/queue.h"
#include "records/service.h"

namespace caravan::channels {

/// RFC 5322 text of a mail, made by GMime. Throws invalid_argument for an address that is none.
std::string mail_text(const std::string& from_name, const std::string& from, const std::string& to, const std::string& subject, const std::string& body,
                      const std::string& message_id, Timestamp at);

/// Headers that sign a webhook as Standard Webhooks 1.0 say (https://www.standardwebhooks.com): id, timestamp in seconds, and
/// `v1,` with HMAC-SHA256 over `ID.TIMESTAMP.BODY`.
std::vector<std::pair<std::string, std::string>> signature(const std::string& secret, const std::string& id, std::int64_t timestamp, const std::string& body);
/// `whsec_…` as receivers get it, and back; nullopt where it is none of 24 to 64 bytes.
std::string secret_text(const std::string& secret);
std::optional<std::string> secret_of(std::string_view text);

struct Settings {
  MailServer mail;
  std::string webhook_secret;        ///< bytes
  bool allow_private = false;        ///< webhooks may go to this machine and private networks
};

/// Handlers of the jobs that Outbound adds. Thread-safe.
class Delivery {
 public:
  /// `others`: the plugins' channels; null: there are none.
  Delivery(const records::RecordService& records, std::function<std::shared_ptr<const model::Catalog>()> catalog, const Clock& clock, Settings settings,
           std::shared_ptr<const OtherChannels> others = nullptr);
  /// Sends one message of `core.message` that is queued, by mail or a plugin's channel; what the server refuses for good, and what no attempt could send, becomes `failed`, what
  /// has a forbidden phrase `held`. At least once: a repetition has the same Message-ID.
  void message(jobs::Attempt& attempt) const;
  /// Calls a web address; 2xx ends it, 410 and refusals of the address end it as a dead letter, everything else is tried again.
  void webhook(jobs::Attempt& attempt) const;

 private:
  records::Context context() const;
  /// Takes a step of the message and ends the job, in one transaction.
  void step(jobs::Attempt& attempt, std::int64_t id, const char* transition, const std::string& why, bool sent) const;

  const records::RecordService& records_;
  std::function<std::shared_ptr<const model::Catalog>()> catalog_;
  const Clock& clock_;
  const Settings settings_;
  const std::shared_ptr<const OtherChannels> others_;
};

}  // namespace caravan::channels

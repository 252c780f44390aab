#pragma once

#include "records/functions.h"
#include "workflow/effects.h"

/// What leaves the server: notices in the console, mail, calls of web addresses.
namespace caravan::channels {

inline constexpr const char* queue_name = "outbound";
inline constexpr const char* message_kind = "channels.message";  ///< payload `{"message":"ID"}`
inline constexpr const char* webhook_kind = "channels.webhook";  ///< payload `{"url":…,"body":…}`
/// Most users that one effect tells.
inline constexpr std::size_t most_recipients = 1000;

/// What effects order, in the transaction of the rule: notices and messages become records (`core.notice`, `core.message`), calls of web
/// addresses jobs. Thread-safe.
class Outbound final : public workflow::Outlet {
 public:
  /// `plugins` do the actions that effects call, `functions` the functions; null: none does.
  explicit Outbound(std::shared_ptr<const records::Hooks> plugins, std::shared_ptr<const records::Functions> functions = nullptr)
      : plugins_(std::move(plugins)), functions_(std::move(functions)) {}
  void put(records::Work& work, const model::Effect& effect, records::Record& record, const std::string& source) const override;

 private:
  std::shared_ptr<const records::Hooks> plugins_;
  std::shared_ptr<const records::Functions> functions_;
};

/// A message by hand or by a rule, filled for one addressee.
struct Filled {
  std::string subject, body;
};
Filled fill(const model::MessageTemplate& message, std::string_view locale, const records::Context& context, records::Record& record,
            const std::shared_ptr<const records::Follow>& follow, const std::function<std::string(std::string_view page)>& link = {});

/// Phrases of `core.forbidden_phrase` that stand in the text, whatever their letters' case; with the reasons.
struct ForbiddenPhrase {
  std::string phrase, reason;
};
std::vector<ForbiddenPhrase> forbidden_in(const records::RecordService& records, const records::Context& context, std::string_view text);

}  // namespace caravan::channels

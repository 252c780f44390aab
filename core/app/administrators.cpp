#include "app/runtime.h"
#include "records/holders.h"
#include "records/messages.h"
#include "workflow/notices.h"

namespace caravan::app {

void Runtime::tell_administrators(std::string_view code, std::initializer_list<std::string_view> arguments) {
  const auto context = system_context("server");
  std::vector<std::string> roles;
  for (const auto& role : context.catalog->roles) {
    if (role->administrator) roles.push_back(role->name);
  }
  records_->transact(context, [&](records::Work& work) {
    for (const auto& user : records::holders_of(work.session(), *context.catalog, roles)) {
      const std::string& locale = user.locale.empty() ? context.catalog->agency.locale : user.locale;
      workflow::give_notice(work, user.id, records::message(code, locale, arguments), {}, 0, true);
    }
  });
}

std::vector<std::string> Runtime::quarantined() const {
  std::vector<std::string> names;
  for (auto& info : plugins_->list()) {
    if (info.state == plugin::PluginState::quarantined) names.push_back(std::move(info.name));
  }
  return names;
}

}  // namespace caravan::app

// The customers plugin's code: what its definitions cannot say.
#include <algorithm>
#include <caravan/plugin.hpp>
#include <set>

#include "../shared/fields.h"
#include "tidy.h"

namespace {

using namespace caravan::sdk;

/// The field's text where this write sets it anew; old values stay as they were imported.
std::optional<std::string> changed_text(Hook& hook, std::string_view field) {
  auto now = hook.record().text(field);
  if (const auto before = hook.before(); before && now == before->text(field)) return std::nullopt;
  return now;
}

void tidy(Hook& hook) {
  Record& record = hook.record();
  if (const auto given = changed_text(hook, "name")) {
    const std::string name = customers::tidy_name(*given);
    if (name.empty())
      record.clear("name");
    else if (name != *given)
      record.set("name", name);
  }
  if (const auto given = changed_text(hook, "email")) {
    const auto email = customers::tidy_email(*given);
    if (!email)
      throw Refusal("email", "invalid_email",
                    hook.say({{"en", "This is not an e-mail address; write it like name@example.com."},
                              {"zh-CN", "邮箱地址格式不正确，请写成 name@example.com 的形式。"},
                              {"zh-TW", "電子郵件地址格式不正確，請寫成 name@example.com 的形式。"}}));
    if (*email != *given) record.set("email", *email);
  }
  if (const auto given = changed_text(hook, "phone")) {
    const auto phone = customers::tidy_phone(*given);
    if (!phone)
      throw Refusal(
          "phone", "invalid_phone",
          hook.say(
              {{"en",
                "This is not a telephone number; use 5 to 15 digits, with + and country code from abroad."},
               {"zh-CN", "电话号码格式不正确，请填写 5 至 15 位数字，境外号码前加 + 和国家代码。"},
               {"zh-TW", "電話號碼格式不正確，請填寫 5 至 15 位數字，境外號碼前加 + 和國家代碼。"}}));
    if (*phone != *given) record.set("phone", *phone);
  }
}

/// `call: customers.tidy`: what is stored as it was imported, brought into order; what has no order to be
/// brought into stays.
void tidy_stored(Hook& hook) {
  Record record = hook.read("customers.customer", hook.record().id());
  bool changed = false;
  const auto put = [&](std::string_view field, const std::optional<std::string>& tidied) {
    if (!tidied || tidied->empty() || tidied == record.text(field)) return;
    record.set(field, *tidied);
    changed = true;
  };
  if (const auto name = record.text("name")) put("name", customers::tidy_name(*name));
  if (const auto email = record.text("email")) put("email", customers::tidy_email(*email));
  if (const auto phone = record.text("phone")) put("phone", customers::tidy_phone(*phone));
  if (changed) record.update();
}

/// A segment's rule is tried before it is stored: a mistake is told to whoever writes it.
void try_rule(Hook& hook) {
  const auto rule = changed_text(hook, "rule");
  if (!rule) return;
  try {
    hook.list("customers.customer", {.filter = "(" + *rule + ") && record.erased_at == null", .limit = 1});
  } catch (const HostError& error) {
    throw Refusal("rule", "bad_rule",
                  hook.say({{"en", std::string("This rule cannot be used: ") + error.what()},
                            {"zh-CN", std::string("该规则不能使用：") + error.what()},
                            {"zh-TW", std::string("該條件不能使用：") + error.what()}}));
  }
}

const char* purpose_of(const std::string& kind) {
  return kind == "offer" ? "marketing" : kind == "photos" ? "photos" : "care";
}

/// The channels on which the customer has consented to this kind of greeting, those given first first.
std::vector<std::string> channels_of(const Call& call, Id customer, const std::string& kind) {
  std::vector<std::string> channels;
  call.for_each("customers.consent",
                {.filter = "record.customer == " + departments::id_text(customer) +
                           " && record.purpose == '" + purpose_of(kind) + "' && record.state == 'given'",
                 .sort = "id"},
                [&](const Record& consent) {
                  if (auto channel = consent.text("channel")) channels.push_back(std::move(*channel));
                });
  return channels;
}

/// A birthday greeting goes where the customer wants it.
void greeting_channel(Hook& hook) {
  Record& greeting = hook.record();
  const auto customer = greeting.ref("customer");
  if (!customer || greeting.ref("campaign") || departments::word(greeting, "kind") != "birthday") return;
  const auto channels = channels_of(hook, *customer, "birthday");
  const std::string wanted = departments::word(greeting, "channel");
  if (!channels.empty() && std::find(channels.begin(), channels.end(), wanted) == channels.end())
    greeting.set("channel", channels.front());
}

/// The consent is to the purpose and to the channel.
void greeting_consent(Hook& hook) {
  if (hook.transition() != "send") return;
  const Record& greeting = hook.record();
  const auto customer = greeting.ref("customer");
  if (!customer) return;
  const auto channels = channels_of(hook, *customer, departments::word(greeting, "kind"));
  if (std::find(channels.begin(), channels.end(), departments::word(greeting, "channel")) != channels.end())
    return;
  throw Refusal("channel", "no_consent",
                hook.say({{"en", "The customer has not consented to this on this channel."},
                          {"zh-CN", "客户未同意通过此渠道接收此类信息。"},
                          {"zh-TW", "客戶未同意透過此管道接收此類訊息。"}}));
}

constexpr std::size_t most_greetings = 5000;  // of one campaign, in one transaction

/// `call: customers.greet_segment`: a greeting for each customer of a campaign's segment who has consented
/// and has none for the occasion.
void greet_segment(Hook& hook) {
  const Record campaign = hook.read("customers.campaign", hook.record().id());
  const auto segment_id = campaign.ref("segment");
  const auto occasion = campaign.text("occasion");
  if (!segment_id || !occasion) return;
  const std::string rule = hook.read("customers.segment", *segment_id).text("rule").value_or(std::string());
  const std::string kind = campaign.text("kind").value_or(std::string());
  const std::string consents = kind == "offer"    ? "marketing_consents"
                               : kind == "photos" ? "photo_consents"
                                                  : "care_consents";
  std::set<std::int64_t> greeted;
  hook.for_each("customers.greeting",
                {.filter = "record.occasion == " + departments::quoted(*occasion), .sort = "id"},
                [&](const Record& greeting) {
                  if (const auto customer = greeting.ref("customer")) greeted.insert(customer->value);
                });
  std::vector<Id> wanted;
  const std::string filter = "(" + rule + ") && record." + consents +
                             " > 0 && record.erased_at == null && (record.restricted_until == null || "
                             "record.restricted_until < today())";
  hook.for_each("customers.customer", {.filter = filter, .sort = "id"}, [&](const Record& customer) {
    if (!greeted.contains(customer.id().value)) wanted.push_back(customer.id());
  });
  if (wanted.size() > most_greetings)
    throw Refusal(Status::too_large,
                  hook.say({{"en", "The segment has too many customers for one campaign; divide it."},
                            {"zh-CN", "分群人数过多，请拆分后再发送。"},
                            {"zh-TW", "分群人數過多，請拆分後再寄送。"}}));
  for (const Id customer : wanted) {
    Record greeting = hook.make("customers.greeting");
    greeting.set("customer", customer);
    greeting.set("kind", kind);
    greeting.set("occasion", *occasion);
    greeting.set("campaign", campaign.id());
    greeting.set("channel", campaign.text("channel").value_or("wechat"));
    greeting.set("text", campaign.text("text").value_or(std::string()));
    greeting.create();
  }
}

class Customers final : public Plugin {
  void setup(Setup& setup) override {
    setup.on("customers.customer", Point::before_create, tidy);
    setup.on("customers.customer", Point::before_update, tidy);
    setup.action("customers.customer", "tidy", tidy_stored);
    setup.action("customers.campaign", "greet_segment", greet_segment);
    setup.on("customers.segment", Point::before_create, try_rule);
    setup.on("customers.segment", Point::before_update, try_rule);
    setup.on("customers.greeting", Point::before_create, greeting_channel);
    setup.on("customers.greeting", Point::before_transition, greeting_consent);
  }
};

}  // namespace

CARAVAN_PLUGIN(Customers)

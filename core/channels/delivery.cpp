#include "channels/delivery.h"

#include <gmime/gmime.h>
#include <sodium.h>

#include <array>
#include <mutex>

#include "base/error.h"
#include "channels/outbound.h"
#include "records/json.h"
#include "workflow/notices.h"
#include "workflow/transitions.h"

namespace caravan::channels {
namespace {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;

void start_gmime() {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
}

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out(sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes, size, sodium_base64_VARIANT_ORIGINAL);
  out.resize(out.find('\0'));
  return out;
}

std::string text_of(const records::Json& object, std::string_view name) {
  const records::Json* member = object.find(name);
  const auto* text = member != nullptr ? member->as<std::string>() : nullptr;
  if (text == nullptr) throw Error(ErrorCode::invalid_argument, "The job's payload has no " + std::string(name));
  return *text;
}

/// As a field of one line takes it: what a plugin or another server said may be of any form.
expr::Value one_line(const std::string& text, const model::Field& field) {
  if (text.empty()) return {};
  char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  std::string line(valid);
  g_free(valid);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return expr::Value(workflow::shortened(std::move(line), field.max_length));
}

std::string value_of(const records::Record& record, const char* field) {
  const auto* text = record[record.entity().field(field)->slot].as<std::string>();
  return text != nullptr ? *text : std::string();
}

}  // namespace

std::string mail_text(const std::string& from_name, const std::string& from, const std::string& to, const std::string& subject, const std::string& body,
                      const std::string& message_id, Timestamp at) {
  start_gmime();
  // One address, nothing beside it: what a record says does not become further recipients or headers.
  const auto is_address = [](const std::string& text) {
    const auto sign = text.find('@');
    return sign != std::string::npos && sign > 0 && sign + 1 < text.size() && text.find('@', sign + 1) == std::string::npos &&
           text.find_first_of(" \t\r\n<>,;:\"()[]\\") == std::string::npos;
  };
  for (const std::string& address : {from, to}) {
    if (!is_address(address)) throw Error(ErrorCode::invalid_argument, "\"" + address + "\" is not an e-mail address");
  }
  const Object<GMimeMessage> message(g_mime_message_new(TRUE));
  g_mime_message_add_mailbox(message.get(), GMIME_ADDRESS_TYPE_FROM, from_name.c_str(), from.c_str());
  g_mime_message_add_mailbox(message.get(), GMIME_ADDRESS_TYPE_TO, nullptr, to.c_str());
  g_mime_message_set_subject(message.get(), subject.c_str(), "utf-8");
  GDateTime* date = g_date_time_new_from_unix_utc(at.micros / 1'000'000);
  g_mime_message_set_date(message.get(), date);
  g_date_time_unref(date);
  g_mime_message_set_message_id(message.get(), message_id.c_str());
  g_mime_object_set_header(GMIME_OBJECT(message.get()), "Auto-Submitted", "auto-generated", "utf-8");
  const Object<GMimeTextPart> part(g_mime_text_part_new_with_subtype("plain"));
  g_mime_text_part_set_charset(part.get(), "utf-8");
  g_mime_text_part_set_text(part.get(), body.c_str());
  g_mime_part_set_content_encoding(GMIME_PART(part.get()), GMIME_CONTENT_ENCODING_BASE64);
  g_mime_message_set_mime_part(message.get(), GMIME_OBJECT(part.get()));
  const std::unique_ptr<GMimeFormatOptions, void (*)(GMimeFormatOptions*)> options(g_mime_format_options_new(), g_mime_format_options_free);
  g_mime_format_options_set_newline_format(options.get(), GMIME_NEWLINE_FORMAT_DOS);
  char* text = g_mime_object_to_string(GMIME_OBJECT(message.get()), options.get());
  std::string out(text);
  g_free(text);
  return out;
}

std::vector<std::pair<std::string, std::string>> signature(const std::string& secret, const std::string& id, std::int64_t timestamp, const std::string& body) {
  const std::string signed_text = id + "." + std::to_string(timestamp) + "." + body;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  return {{"webhook-id", id}, {"webhook-timestamp", std::to_string(timestamp)}, {"webhook-signature", "v1," + base64(mac.data(), mac.size())}};
}

std::string secret_text(const std::string& secret) { return "whsec_" + base64(reinterpret_cast<const unsigned char*>(secret.data()), secret.size()); }

std::optional<std::string> secret_of(std::string_view text) {
  if (!text.starts_with("whsec_")) return std::nullopt;
  text.remove_prefix(6);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  std::array<unsigned char, 64> bytes{};
  std::size_t size = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 || size < 24)
    return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

Delivery::Delivery(const records::RecordService& records, std::function<std::shared_ptr<const model::Catalog>()> catalog, const Clock& clock, Settings settings,
                   std::shared_ptr<const OtherChannels> others)
    : records_(records), catalog_(std::move(catalog)), clock_(clock), settings_(std::move(settings)), others_(std::move(others)) {}

records::Context Delivery::context() const {
  records::Context context;
  context.actor.system = true;
  context.catalog = catalog_();
  context.source = "job " + std::string(message_kind);
  context.now = clock_.now();
  context.locale = context.catalog->agency.locale;
  return context;
}

void Delivery::step(jobs::Attempt& attempt, std::int64_t id, const char* transition, const std::string& why, bool sent) const {
  const records::Context context = this->context();
  const model::Entity& entity = *context.catalog->entity("core.message");
  records_.transact(context, [&](records::Work& work) {
    const model::Field* error = entity.field("error");
    records::Input input{{error, one_line(why, *error)}};
    if (sent) input.emplace_back(entity.field("sent_at"), expr::Value(context.now));
    work.update(entity, id, std::move(input), std::nullopt, records::Authority::definition);
    workflow::Transitions::run_in(work, entity, id, transition, {}, {}, std::nullopt, records::Authority::definition);
    attempt.finish_in(work.session());
  });
}

void Delivery::message(jobs::Attempt& attempt) const {
  const std::int64_t id = std::stoll(text_of(records::parse_json(attempt.job().payload), "message"));
  const records::Context context = this->context();
  const model::Entity& entity = *context.catalog->entity("core.message");
  std::optional<records::Record> found;
  try {
    found = records_.get(context, entity, id);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
  }
  if (!found || found->state() != "queued") return;  // deleted, held, or sent by another attempt
  const std::string subject = value_of(*found, "subject"), body = value_of(*found, "body");
  const auto forbidden = forbidden_in(records_, context, subject + "\n" + body);
  if (!forbidden.empty()) {
    std::string why;
    for (const auto& one : forbidden) why += (why.empty() ? "" : "; ") + one.phrase + (one.reason.empty() ? "" : " (" + one.reason + ")");
    return step(attempt, id, "hold", why, false);
  }
  const std::string channel = value_of(*found, "channel");
  const bool mail = channel.find('.') == std::string::npos;
  if (mail && settings_.mail.url.empty()) {
    return step(attempt, id, "fail", "No mail server is set: `mail.server` in caravan.yaml.", false);
  }
  const std::string key = "message-" + std::to_string(id) + "." + attempt.job().idempotency_key();
  try {
    if (!mail) {
      if (!others_) throw Error(ErrorCode::unavailable, "No plugin offers the channel " + channel);
      others_->send(context, {id, attempt.job().attempt, key, channel, value_of(*found, "recipient"), subject, body});
    } else {
      const std::string domain = settings_.mail.from.substr(settings_.mail.from.find('@') + 1);
      send_mail(settings_.mail, value_of(*found, "recipient"),
                mail_text(context.catalog->agency.name, settings_.mail.from, value_of(*found, "recipient"), subject, body, key + "@" + domain, context.now));
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument && attempt.job().attempt < attempt.job().max_attempts) throw;
    return step(attempt, id, "fail", error.message(), false);
  }
  step(attempt, id, "deliver", "", true);
}

void Delivery::webhook(jobs::Attempt& attempt) const {
  const records::Json payload = records::parse_json(attempt.job().payload);
  const std::string url = text_of(payload, "url"), body = text_of(payload, "body");
  const int status = post_json(url, body, signature(settings_.webhook_secret, attempt.job().idempotency_key(), clock_.now().micros / 1'000'000, body),
                               settings_.allow_private);
  if (status >= 200 && status < 300) return;
  throw Error(status == 410 ? ErrorCode::invalid_argument : ErrorCode::unavailable, url + " answered " + std::to_string(status));
}

}  // namespace caravan::channels

#include "channels/outbound.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "channels/stranger_bound.h"
#include "jobs/queue.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/holders.h"
#include "records/hooks.h"
#include "records/json.h"
#include "records/messages.h"
#include "workflow/notices.h"
#include "workflow/public_pages.h"
#include "workflow/text.h"
#include "workflow/transitions.h"

namespace caravan::channels {
namespace {

using model::Effect;
using records::Context;
using records::Record;
using Follow = std::shared_ptr<const records::Follow>;

bool about_something(const Record& record) { return !record.values().empty(); }

/// What an expression gives as one value or a list of them.
template <class T>
std::vector<T> values_of(const expr::Program& program, const Context& context, Record& record, const Follow& follow) {
  std::vector<T> out;
  const auto result = records::evaluate(program, context, record, follow);
  if (result.outcome == expr::Outcome::error) {
    throw Error(ErrorCode::invalid_record, records::message("compute_error", context.locale, {program.source(), result.message}));
  }
  if (result.outcome != expr::Outcome::value) return out;
  const auto add = [&](const expr::Value& value) {
    if (const T* one = value.template as<T>()) out.push_back(*one);
  };
  if (const auto* list = result.value.as_list()) {
    for (const auto& one : *list) add(one);
  } else {
    add(result.value);
  }
  return out;
}

std::vector<records::Holder> users_of(records::Work& work, const Effect& effect, Record& record, const Follow& follow) {
  const Context& context = work.context();
  std::vector<records::Holder> users = records::holders_of(work.session(), *context.catalog, effect.to_roles);
  if (effect.to) {
    for (auto& user : records::active_users(work.session(), values_of<std::int64_t>(*effect.to, context, record, follow))) {
      if (std::none_of(users.begin(), users.end(), [&](const auto& other) { return other.id == user.id; })) users.push_back(std::move(user));
    }
  }
  if (users.size() > most_recipients) {
    throw Error(ErrorCode::invalid_record,
                records::message("too_many_recipients", context.locale, {effect.name, std::to_string(users.size()), std::to_string(most_recipients)}));
  }
  return users;
}

std::string locale_of(const records::Holder& user, const Context& context) {
  return user.locale.empty() ? context.catalog->agency.locale : user.locale;
}

records::Input input_of(const model::Entity& entity, std::initializer_list<std::pair<const char*, expr::Value>> values) {
  records::Input input;
  for (const auto& [name, value] : values) input.emplace_back(entity.field(name), value);
  return input;
}

expr::Value text_or_null(std::string text) { return text.empty() ? expr::Value() : expr::Value(std::move(text)); }

void notice(records::Work& work, std::int64_t user, std::string text, const Record& record, bool urgent) {
  const bool about = about_something(record);
  workflow::give_notice(work, user, std::move(text), about ? std::string_view(record.entity().full_name) : std::string_view(), about ? record.id() : 0, urgent);
}

void notify(records::Work& work, const Effect& effect, Record& record, const Follow& follow) {
  std::map<std::string, std::string> texts;  // by language
  for (const auto& user : users_of(work, effect, record, follow)) {
    const std::string locale = locale_of(user, work.context());
    auto found = texts.find(locale);
    if (found == texts.end()) found = texts.emplace(locale, workflow::fill(effect.text, locale, work.context(), record, follow)).first;
    notice(work, user.id, found->second, record, effect.urgent);
  }
}

/// Where a message's `link(PAGE)` leads: to a form, or to its record by a link of the addressee's own.
std::string link_in(records::Work& work, const model::MessageTemplate& message, std::string_view name, const Record& record) {
  const Context& context = work.context();
  const std::string full = name.find('.') != std::string_view::npos ? std::string(name) : message.name.substr(0, message.name.find('.') + 1) + std::string(name);
  const model::PublicPage* page = model::public_page(*context.catalog, full);
  if (page == nullptr) return "…";  // switched off
  if (!page->linked()) return workflow::public_form_address(*context.catalog, *page);
  return workflow::issue_public_link(work.session(), context, *page, record.id(), context.actor.user_id);
}

void send(records::Work& work, const Effect& effect, Record& record, const Follow& follow) {
  const model::MessageTemplate& message = *effect.message;
  const Context& context = work.context();
  const std::vector<records::Holder> users = users_of(work, effect, record, follow);
  if (message.channel == "console") {
    for (const auto& user : users)
      notice(work, user.id, workflow::fill(message.body, locale_of(user, context), context, record, follow), record, effect.urgent);
    return;
  }
  const model::Entity& entity = *context.catalog->entity("core.message");
  std::vector<std::string> done;
  // Users are told however many strangers write; whom a stranger names is not flooded.
  const bool of_stranger = workflow::set_off_by_stranger(work);
  const auto mail = [&](const std::string& address, const std::string& locale, bool bounded) {
    if (address.empty() || std::find(done.begin(), done.end(), address) != done.end()) return;
    done.push_back(address);
    const Filled filled = fill(message, locale, context, record, follow, [&](std::string_view page) { return link_in(work, message, page, record); });
    const Record made = work.create(entity,
                                    input_of(entity, {{"channel", expr::Value(message.channel)},
                                                      {"template", expr::Value(message.name)},
                                                      {"recipient", expr::Value(workflow::shortened(address, 254))},
                                                      {"subject", text_or_null(filled.subject)},
                                                      {"body", text_or_null(filled.body)},
                                                      {"about_entity", about_something(record) ? expr::Value(record.entity().full_name) : expr::Value()},
                                                      {"about_id", about_something(record) ? expr::Value(std::to_string(record.id())) : expr::Value()}}),
                                    records::Authority::definition);
    if (!bounded || !of_stranger || may_write_for_stranger(work, address)) return;
    work.update(entity, made.id(), input_of(entity, {{"error", expr::Value(stranger_bound_text(context))}}), std::nullopt, records::Authority::definition);
    workflow::Transitions::run_in(work, entity, made.id(), "hold", {}, {}, std::nullopt, records::Authority::definition);
  };
  for (const auto& user : users) mail(user.email, locale_of(user, context), false);
  if (effect.addresses) {
    // An address says no language; the record may. What is none, as a free text may be, counts as empty.
    std::string locale = context.catalog->agency.locale;
    if (effect.language) {
      for (const auto& one : values_of<std::string>(*effect.language, context, record, follow)) {
        if (model::is_locale(one)) locale = one;
      }
    }
    for (const auto& address : values_of<std::string>(*effect.addresses, context, record, follow)) mail(address, locale, true);
  }
}

/// Whole numbers as numbers, decimals, dates and times as texts like everywhere in the API.
void write_json(std::string& out, const expr::Value& value) {
  if (const auto* text = value.as<std::string>()) return records::write_json_string(out, *text);
  if (const auto* flag = value.as<bool>()) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = value.as<std::int64_t>()) {
    out += std::to_string(*number);
  } else if (const auto* decimal = value.as<Decimal>()) {
    records::write_json_string(out, format_decimal(*decimal));
  } else if (const auto* date = value.as<Date>()) {
    records::write_json_string(out, format_date(*date));
  } else if (const auto* at = value.as<Timestamp>()) {
    records::write_json_string(out, format_timestamp(*at));
  } else if (const auto* list = value.as_list()) {
    out.push_back('[');
    for (const auto& one : *list) {
      if (out.back() != '[') out.push_back(',');
      write_json(out, one);
    }
    out.push_back(']');
  } else {
    out += "null";
  }
}

/// The effect's payload as a JSON object; with `about`, also which record it is.
std::string payload_of(records::Work& work, const Effect& effect, Record& record, const Follow& follow, bool about) {
  std::string data = "{";
  const auto member = [&](std::string_view name) {
    if (data.size() > 1) data.push_back(',');
    records::write_json_string(data, name);
    data.push_back(':');
  };
  if (about && about_something(record)) {
    member("entity");
    records::write_json_string(data, record.entity().full_name);
    member("id");
    records::write_json_string(data, std::to_string(record.id()));
  }
  for (const auto& [name, program] : effect.values) {
    const auto result = records::evaluate(*program, work.context(), record, follow);
    member(name);
    write_json(data, result.outcome == expr::Outcome::value ? result.value : expr::Value());
  }
  data.push_back('}');
  return data;
}

/// As Standard Webhooks advise: type, time, data.
void webhook(records::Work& work, const Effect& effect, Record& record, const std::string& source, const Follow& follow) {
  const std::string data = payload_of(work, effect, record, follow, true);
  std::string body = "{\"type\":";
  records::write_json_string(body, source + "." + effect.name);
  body += ",\"timestamp\":\"" + format_timestamp(work.context().now) + "\",\"data\":" + data + "}";
  jobs::NewJob job;
  job.queue = queue_name;
  job.kind = webhook_kind;
  job.payload = "{\"url\":";
  records::write_json_string(job.payload, effect.url);
  job.payload += ",\"body\":";
  records::write_json_string(job.payload, body);
  job.payload += "}";
  work.enqueue(job);
}

/// A plugin's action, at once.
void act(records::Work& work, const Effect& effect, Record& record, const Follow& follow, const records::Hooks* plugins) {
  if (plugins == nullptr) throw Error(ErrorCode::unavailable, "There are no plugins here to do " + effect.action);
  records::Event event;
  event.action = effect.action;
  event.changes = payload_of(work, effect, record, follow, false);
  records::HookCall call{work.context(), work, record, nullptr, nullptr, &event};
  plugins->run(records::HookPoint::action, call);
}

/// A plugin's function, whose answers the record takes.
void ask(records::Work& work, const Effect& effect, Record& record, const Follow& follow, const records::Functions* functions) {
  const Context& context = work.context();
  if (functions == nullptr) throw Error(ErrorCode::unavailable, "There are no plugins here to compute " + effect.action);
  records::NamedValues arguments;
  for (const auto& [name, program] : effect.values) {
    auto result = records::evaluate(*program, context, record, follow);
    if (result.outcome == expr::Outcome::error)
      throw Error(ErrorCode::invalid_record, records::message("compute_error", context.locale, {program->source(), result.message}));
    arguments.emplace_back(name, result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value());
  }
  const auto answers = functions->call(context, effect.action, arguments);
  records::Input input;
  for (const auto& [field, name] : effect.into) {
    for (const auto& [answer, value] : answers) {
      if (answer == name) input.emplace_back(field, records::fitting(*field, value, effect.action + "." + name, context.locale));
    }
  }
  work.update(record.entity(), record.id(), std::move(input), std::nullopt, records::Authority::definition);
}

void deliver_message(records::Work& work, const Record& record) {
  jobs::NewJob job;
  job.queue = queue_name;
  job.kind = message_kind;
  job.payload = "{\"message\":\"" + std::to_string(record.id()) + "\"}";
  work.enqueue(job);
}

/// Small letters of ASCII; other scripts have no case that matters here.
std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

}  // namespace

Filled fill(const model::MessageTemplate& message, std::string_view locale, const Context& context, Record& record, const Follow& follow,
            const std::function<std::string(std::string_view page)>& link) {
  Filled filled{workflow::fill(message.subject, locale, context, record, follow), workflow::fill(message.body, locale, context, record, follow, link)};
  // A value with line breaks in it does not become a second header.
  std::replace_if(filled.subject.begin(), filled.subject.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  filled.subject = workflow::shortened(std::move(filled.subject), 400);
  return filled;
}

std::vector<ForbiddenPhrase> forbidden_in(const records::RecordService& service, const Context& context, std::string_view text) {
  std::vector<ForbiddenPhrase> found;
  const model::Entity& entity = *context.catalog->entity("core.forbidden_phrase");
  const std::string small = folded(text);
  records::ListQuery query;
  query.filter = "record.active == true";
  query.sort = "id";
  query.limit = 200;
  do {
    const auto page = service.list(context, entity, query);
    for (const auto& one : page.items) {
      const auto* phrase = one[entity.field("phrase")->slot].as<std::string>();
      const auto* reason = one[entity.field("reason")->slot].as<std::string>();
      if (phrase != nullptr && small.find(folded(*phrase)) != std::string::npos) found.push_back({*phrase, reason != nullptr ? *reason : std::string()});
    }
    query.after = page.next;
  } while (!query.after.empty());
  return found;
}

void Outbound::put(records::Work& work, const Effect& effect, Record& record, const std::string& source) const {
  const auto follow = workflow::follow_in(work);
  switch (effect.kind) {
    case Effect::Kind::notify:
      return notify(work, effect, record, follow);
    case Effect::Kind::send:
      return send(work, effect, record, follow);
    case Effect::Kind::webhook:
      return webhook(work, effect, record, source, follow);
    case Effect::Kind::call:
      if (effect.action == "core.deliver_message") return deliver_message(work, record);
      if (!effect.into.empty()) return ask(work, effect, record, follow, functions_.get());
      return act(work, effect, record, follow, plugins_.get());
    case Effect::Kind::set:
    case Effect::Kind::create:
    case Effect::Kind::transition:
      throw Error(ErrorCode::internal, "The effect " + effect.name + " does not leave the database");
  }
}

}  // namespace caravan::channels

#include "api/icalendar.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "model/process.h"
#include "records/json.h"
#include "workflow/public_pages.h"

// What people without an account see and send; and the links that lead them there.

namespace caravan::api {
namespace {

using model::Field;
using model::PublicPage;
using records::Json;

constexpr std::size_t largest_body = 64 * 1024;

void private_answer(Call& call) {
  call.response.headers.emplace_back("Cache-Control", "no-store");
  call.response.headers.emplace_back("Referrer-Policy", "no-referrer");
  call.response.headers.emplace_back("X-Robots-Tag", "noindex, nofollow");
}

const PublicPage& form_of(const Call& call) {
  const PublicPage* page = model::public_page(*call.context.catalog, call.arguments[0]);
  if (page == nullptr || page->type != PublicPage::Type::form) throw refusal(call, ErrorCode::not_found, "no_route");
  return *page;
}

Json body_of(const Call& call, std::initializer_list<std::string_view> members) {
  if (call.request.body.size() > largest_body) throw refusal(call, ErrorCode::too_large, "public_too_large", {std::to_string(largest_body / 1024)});
  return json_object(call, members);
}

Json input_of(const Call& call, const Json& body) {
  const Json* input = body.find("input");
  if (input == nullptr || input->is_null()) return Json(Json::Data(Json::Object()));
  if (input->as<Json::Object>() == nullptr) throw refusal(call, ErrorCode::invalid_argument, "member_object", {"input"});
  return *input;
}

/// What the page needs to look like the agency's.
void write_head(JsonWriter& json, const Call& call, const PublicPage& page) {
  const model::Catalog& catalog = *call.context.catalog;
  const std::string& locale = call.context.locale;
  json.member("name", page.name).member("type", model::to_string(page.type)).member("label", label_of(page.label, page.name, locale));
  json.member("text", page.text.in(locale)).member("locale", locale);
  json.key("agency").begin_object().member("name", catalog.agency.name).member("time_zone", catalog.agency.time_zone).member("currency", catalog.agency.currency);
  json.member("color", workflow::public_setting(catalog, "public_color")).member("logo", workflow::public_setting(catalog, "public_logo")).end_object();
}

/// A field that is asked for.
void write_asked(JsonWriter& json, const Field& field, bool required, std::string_view locale) {
  json.begin_object().member("name", field.name).member("label", label_of(field, locale)).member("help", field.help.in(locale));
  json.member("type", model::to_string(field.type)).member("required", required).member("multiline", field.multiline);
  const auto bound = [&](const char* name, const std::optional<std::int64_t>& whole, const std::optional<Decimal>& decimal) {
    if (whole) json.member(name, std::to_string(*whole));
    else if (decimal) json.member(name, format_decimal(*decimal));
    else json.key(name).null();
  };
  bound("min", field.min, field.decimal_min);
  bound("max", field.max, field.decimal_max);
  if (field.max_length > 0) json.member("max_length", std::int64_t{field.max_length});
  else json.key("max_length").null();
  json.key("options").begin_array();
  if (field.choices != nullptr) {
    for (const model::ChoiceOption& option : field.choices->options) {
      if (option.active) json.begin_object().member("name", option.name).member("label", label_of(option.label, option.name, locale)).end_object();
    }
  }
  json.end_array().end_object();
}

void write_fields(JsonWriter& json, const std::vector<workflow::ShownField>& fields, std::string_view locale) {
  json.key("fields").begin_array();
  for (const workflow::ShownField& one : fields) {
    json.begin_object().member("name", one.field->name).member("label", label_of(*one.field, locale)).member("type", model::to_string(one.field->type));
    json.member("text", one.text).end_object();
  }
  json.end_array();
}

bool requires_field(const model::Transition& step, const Field* field) {
  return field->required || std::find(step.require.begin(), step.require.end(), field) != step.require.end();
}

/// Whether the caller makes and withdraws links of the page; those of a page that is no more are everybody's who makes any.
bool may_issue(const Call& call, const records::Record& record, const std::string& name) {
  const PublicPage* page = model::public_page(*call.context.catalog, name);
  return page == nullptr || workflow::may_issue(call.services.records, call.context, *page, record);
}

/// The record whose links are meant, as far as the caller may make them; of `page`, or of any where it is null.
records::Record linkable(const Call& call, const PublicPage* page) {
  const model::Entity& entity = entity_of(call);
  records::Record record = call.services.records.get(call.context, entity, id_of(call));
  bool may = false;
  if (entity.rules) {
    for (const auto& one : entity.rules->public_pages) may = may || (one->active && one->linked() && (page == nullptr || page == one.get()) && workflow::may_issue(call.services.records, call.context, *one, record));
  }
  if (!may) throw refusal(call, ErrorCode::forbidden, "public_issue");
  return record;
}

}  // namespace

void show_public_form(Call& call) {
  check_parameters(call, {});
  const PublicPage& page = form_of(call);
  private_answer(call);
  JsonWriter json(call.response.body);
  json.begin_object();
  write_head(json, call, page);
  json.member_or_null("consent", page.consent.in(call.context.locale)).key("fields").begin_array();
  for (const Field* field : page.fields) write_asked(json, *field, field->required, call.context.locale);
  json.end_array().end_object();
}

void send_public_form(Call& call) {
  check_parameters(call, {});
  const PublicPage& page = form_of(call);
  private_answer(call);
  const Json body = body_of(call, {"input", "consent"});
  const Json* consent = body.find("consent");
  const bool* agreed = consent != nullptr ? consent->as<bool>() : nullptr;
  if (!page.consent.empty() && (agreed == nullptr || !*agreed)) throw field_refusal(call, "consent", "required", "public_consent");
  const std::string number = workflow::send_public_form(call.services.records, call.context, page, input_of(call, body));
  JsonWriter json(call.response.body);
  json.begin_object().member_or_null("number", number).end_object();
}

void show_public_link(Call& call) {
  check_parameters(call, {});
  private_answer(call);
  const std::string& locale = call.context.locale;
  const workflow::PublicView view = workflow::show_public(call.services.records, call.context, call.arguments[0]);
  JsonWriter json(call.response.body);
  json.begin_object();
  write_head(json, call, *view.page);
  json.member("expires_at", format_timestamp(view.expires_at)).member("once", view.page->once);
  write_fields(json, view.fields, locale);
  json.key("history").begin_array();
  for (const auto& moment : view.history) json.begin_object().member("at", format_timestamp(moment.at)).member("label", moment.label).end_object();
  json.end_array().key("acts").begin_array();
  for (const model::Transition* step : view.steps) {
    json.begin_object().member("name", step->name).member("label", label_of(step->label, step->name, locale)).key("fields").begin_array();
    for (const Field* field : workflow::asked_fields(*step)) write_asked(json, *field, requires_field(*step, field), locale);
    json.end_array().end_object();
  }
  for (const PublicPage::Addition& one : view.page->adds) {
    json.begin_object().member("name", one.name).member("label", label_of(one.label, one.name, locale)).key("fields").begin_array();
    for (const Field* field : one.fields) write_asked(json, *field, field->required, locale);
    json.end_array().end_object();
  }
  json.end_array().key("added").begin_array();
  for (const auto& entry : view.added) {
    json.begin_object().member("label", label_of(entry.addition->label, entry.addition->name, locale)).member("at", format_timestamp(entry.at));
    write_fields(json, entry.fields, locale);
    json.end_object();
  }
  json.end_array().end_object();
}

void act_by_link(Call& call) {
  check_parameters(call, {});
  private_answer(call);
  const Json body = body_of(call, {"input"});
  workflow::act_publicly(call.services.records, call.context, call.arguments[0], call.arguments[1], input_of(call, body));
  call.response.status = 204;
}

void show_link_calendar(Call& call) {
  check_parameters(call, {});
  private_answer(call);
  const workflow::PublicCalendar calendar = workflow::public_calendar(call.services.records, call.context, call.arguments[0]);
  const std::string label(label_of(calendar.page->label, calendar.page->name, call.context.locale));
  call.response.content_type = "text/calendar; charset=utf-8";
  call.response.body = icalendar(calendar.title.empty() ? label : label + " " + calendar.title, calendar.events, call.context.now);
}

void list_links(Call& call) {
  check_parameters(call, {});
  const records::Record record = linkable(call, nullptr);
  const std::string& locale = call.context.locale;
  const model::Entity& entity = record.entity();
  const auto page_label = [&](const std::string& name) {
    const PublicPage* page = model::public_page(*call.context.catalog, name);
    return std::string(page != nullptr ? label_of(page->label, name, locale) : std::string_view(name));
  };
  JsonWriter json(call.response.body);
  const auto instant = [&](const char* name, const std::optional<Timestamp>& at) { json.member_or_null(name, at ? format_timestamp(*at) : std::string()); };
  json.begin_object().key("items").begin_array();
  {
    auto session = call.services.records.database().read();
    for (const records::Link& link : records::links_of(*session, entity.full_name, record.id())) {
      if (!may_issue(call, record, link.page)) continue;
      json.begin_object().member("id", link.id).member("page", link.page).member("label", page_label(link.page));
      json.member_or_null("created_by", link.created_by != 0 ? std::to_string(link.created_by) : std::string());
      json.member("created_at", format_timestamp(link.created_at)).member("expires_at", format_timestamp(link.expires_at));
      instant("used_at", link.used_at);
      instant("revoked_at", link.revoked_at);
      json.end_object();
    }
  }
  json.end_array().key("pages").begin_array();
  if (entity.rules) {
    for (const auto& page : entity.rules->public_pages) {
      if (!page->active || !page->linked() || !workflow::may_issue(call.services.records, call.context, *page, record)) continue;
      json.begin_object().member("name", page->name).member("type", model::to_string(page->type)).member("label", label_of(page->label, page->name, locale)).end_object();
    }
  }
  json.end_array().end_object();
}

void create_link(Call& call) {
  const model::Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const Json body = json_object(call, {"page"});
  const std::string name = required_text(call, body, "page");
  const PublicPage* page = model::public_page(*call.context.catalog, name);
  if (page == nullptr || !page->linked() || page->entity != &entity) {
    linkable(call, nullptr);
    throw field_refusal(call, "page", "unknown_choice", "public_page");
  }
  const records::Record record = linkable(call, page);
  std::string url;
  call.services.records.transact(call.context, [&](records::Work& work) {
    const records::Record stored = work.load(entity, id, true);
    url = workflow::issue_public_link(work.session(), call.context, *page, id, call.context.actor.user_id);
    work.remark(stored, "link", say("public_link_made", call.context.locale, {label_of(page->label, page->name, call.context.locale)}));
  });
  call.response.status = 201;
  call.response.headers.emplace_back("Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(id) + "/links");
  JsonWriter json(call.response.body);
  json.begin_object().member("url", url).member("expires_at", format_timestamp(Timestamp{call.context.now.micros + page->valid_seconds * 1000000})).end_object();
}

void revoke_link(Call& call) {
  check_parameters(call, {});
  const records::Record record = linkable(call, nullptr);
  {
    auto session = call.services.records.database().read();
    for (const records::Link& link : records::links_of(*session, record.entity().full_name, record.id())) {
      if (link.id == call.arguments[2] && !may_issue(call, record, link.page)) throw refusal(call, ErrorCode::forbidden, "public_issue");
    }
  }
  bool revoked = false;
  call.services.records.transact(call.context, [&](records::Work& work) {
    const records::Record stored = work.load(record.entity(), record.id(), true);
    revoked = records::revoke_link(work.session(), record.entity().full_name, record.id(), call.arguments[2], call.context.now);
    if (revoked) work.remark(stored, "unlink", say("public_link_revoked", call.context.locale));
  });
  if (!revoked) throw refusal(call, ErrorCode::not_found, "public_no_link");
  call.response.status = 204;
}

}  // namespace caravan::api

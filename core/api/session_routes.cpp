#include <algorithm>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "records/access.h"

namespace caravan::api {
namespace {

constexpr std::string_view session_cookie = "caravan_session";

void write_me(JsonWriter& json, const Call& call) {
  const records::Actor& actor = call.context.actor;
  json.begin_object();
  json.member("id", std::to_string(actor.user_id))
      .member("username", actor.username)
      .member("name", actor.name);
  json.member("locale", actor.locale.empty() ? call.context.catalog->agency.locale : actor.locale);
  json.key("roles").begin_array();
  for (const std::string& role : actor.roles) json.string(role);
  json.end_array().member("administrator", records::is_administrator(call.context));
  const model::Department* department = call.context.catalog->department(actor.department);
  json.member_or_null("department", actor.department);
  json.member_or_null("department_label", department ? department->label.in(call.context.locale) : std::string());
  json.key("deputy_of").begin_array();
  for (const records::Actor& colleague : actor.deputy_of) {
    json.begin_object()
        .member("id", std::to_string(colleague.user_id))
        .member("username", colleague.username)
        .member("name", colleague.name)
        .end_object();
  }
  json.end_array();
  if (!call.csrf.empty()) json.member("csrf", call.csrf);
  json.end_object();
}

void require_user(const Call& call) {
  if (call.context.actor.user_id == 0) throw refusal(call, ErrorCode::invalid_argument, "users_only");
}

/// What core/auth refuses when a password is tried, in the caller's language.
[[noreturn]] void rethrow_password_error(const Call& call, const Error& error) {
  std::string_view text;
  switch (error.code()) {
    case ErrorCode::unauthenticated:
      text = "login_refused";
      break;
    case ErrorCode::too_many_requests:
      text = "throttled";
      break;
    case ErrorCode::unavailable:
      text = error.retry_after > 0 ? "login_busy" : "";
      break;
    default:
      break;
  }
  if (text.empty()) throw;
  Refusal refused = refusal(call, error.code(), text, {std::to_string(error.retry_after)});
  refused.retry_after = error.retry_after;
  throw refused;
}

}  // namespace

void sign_in(Call& call) {
  const records::Json body = json_object(call, {"username", "password"});
  const std::string username = required_text(call, body, "username");
  const std::string password = required_text(call, body, "password");
  auth::NewSession session;
  try {
    session = call.services.auth.login(username, password, call.request.remote_address);
  } catch (const Error& error) {
    rethrow_password_error(call, error);
  }
  call.context.actor = std::move(session.identity.actor);
  call.csrf = session.csrf;
  JsonWriter json(call.response.body);
  json.begin_object().key("user");
  write_me(json, call);
  json.member("csrf", session.csrf).end_object();
  call.response.headers.emplace_back("Set-Cookie", std::string(session_cookie) + "=" + session.cookie +
                                                       "; Path=/; HttpOnly; SameSite=Lax" +
                                                       (call.request.secure ? "; Secure" : ""));
}

void sign_out(Call& call) {
  call.services.auth.logout(cookie(call.request, session_cookie));
  call.response.status = 204;
  call.response.headers.emplace_back("Set-Cookie", std::string(session_cookie) +
                                                       "=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0" +
                                                       (call.request.secure ? "; Secure" : ""));
}

void show_me(Call& call) {
  JsonWriter json(call.response.body);
  write_me(json, call);
}

void change_me(Call& call) {
  require_user(call);
  check_json_body(call, true);
  const records::Json body =
      records::parse_json(call.request.body.empty() ? std::string_view("{}") : call.request.body);
  const auto* object = body.as<records::Json::Object>();
  if (object == nullptr) throw refusal(call, ErrorCode::invalid_argument, "body_object");
  for (const auto& [name, value] : *object) {
    if (name != "locale" && name != "available")
      throw refusal(call, ErrorCode::invalid_argument, "unknown_member", {shown(name), "locale, available"});
  }
  if (body.find("locale") != nullptr) {
    const auto locale = text_member(call, body, "locale");
    if (locale && std::find(locales.begin(), locales.end(), *locale) == locales.end())
      throw field_refusal(call, "locale", "unknown_choice", "unknown_locale");
    // One's own language is one's own affair, whatever the rules say about users' records; the history names
    // the user.
    records::Context own = call.context;
    own.actor.system = true;
    const model::Entity* users = call.context.catalog->entity("core.user");
    const model::Field* field = users ? users->field("locale") : nullptr;
    if (field == nullptr) throw Error(ErrorCode::internal, "the entity core.user has no field locale");
    call.services.records.update(own, *users, call.context.actor.user_id,
                                 {{field, locale ? expr::Value(*locale) : expr::Value()}}, std::nullopt);
    call.services.auth.forget(call.context.actor.user_id);
    call.context.actor.locale = locale.value_or("");
  }
  if (const records::Json* available = body.find("available")) {
    const bool* there = available->as<bool>();
    if (there == nullptr) throw field_refusal(call, "available", "type", "available_bool");
    records::Context own = call.context;
    own.actor.system = true;
    const model::Entity* users = call.context.catalog->entity("core.user");
    const model::Field* field = users ? users->field("available") : nullptr;
    if (field == nullptr) throw Error(ErrorCode::internal, "the entity core.user has no field available");
    call.services.records.update(own, *users, call.context.actor.user_id, {{field, expr::Value(*there)}}, std::nullopt);
  }
  show_me(call);
}

void change_password(Call& call) {
  require_user(call);
  const records::Json body = json_object(call, {"current", "new"});
  const std::string current = required_text(call, body, "current");
  const std::string wanted = required_text(call, body, "new");
  try {
    if (!call.services.auth.check_password(call.context.actor.user_id, current, call.request.remote_address))
      throw field_refusal(call, "current", "wrong", "password_wrong");
    call.services.auth.set_password(call.context.actor.user_id, wanted, cookie(call.request, session_cookie));
  } catch (const Refusal&) {
    throw;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid_record && !error.fields().empty()) {
      const std::string& code = error.fields().front().code;
      throw field_refusal(call, "new", code, code == "too_short" ? "password_short" : "password_long");
    }
    rethrow_password_error(call, error);
  }
  call.response.status = 204;
}

void reset_password(Call& call) {
  check_parameters(call, {});
  const auto id = parse_id(call.arguments[0]);
  const model::Entity* users = call.context.catalog->entity("core.user");
  if (!id || users == nullptr) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[0])});
  // Another's account is taken into hand: his history says by whom, whatever becomes of the answer.
  std::string username;
  call.services.records.transact(call.context, [&](records::Work& work) {
    const records::Record user = work.load(*users, *id, true);
    const model::Field* field = users->field("username");
    const std::string* name = field != nullptr ? user[field->slot].as<std::string>() : nullptr;
    username = name != nullptr ? *name : std::string();
    work.remark(user, "password", say("password_reset", call.context.locale));
  });
  const std::string password = auth::random_password();
  try {
    call.services.auth.set_password(*id, password, *id == call.context.actor.user_id ? cookie(call.request, session_cookie) : std::string());
  } catch (const Error& error) {
    rethrow_password_error(call, error);
  }
  call.response.headers.emplace_back("Cache-Control", "no-store");
  JsonWriter json(call.response.body);
  json.begin_object().member("username", username).member("password", password).end_object();
}

void list_tokens(Call& call) {
  require_user(call);
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  const auto time = [&](std::string_view name, const std::optional<Timestamp>& at) {
    json.member_or_null(name, at ? format_timestamp(*at) : std::string());
  };
  for (const auth::TokenInfo& token : call.services.auth.tokens(call.context)) {
    json.begin_object().member("id", token.id).member("label", token.label);
    time("created_at", token.created_at);
    time("expires_at", token.expires_at);
    time("last_used_at", token.last_used_at);
    json.end_object();
  }
  json.end_array().end_object();
}

void create_token(Call& call) {
  require_user(call);
  const records::Json body = json_object(call, {"label", "expires_at"});
  const std::string label = text_member(call, body, "label").value_or("");
  std::optional<Timestamp> expires_at;
  if (const auto text = text_member(call, body, "expires_at")) {
    expires_at = parse_timestamp(*text);
    if (!expires_at) throw refusal(call, ErrorCode::invalid_argument, "instant", {"expires_at"});
  }
  // A token gives nothing that outlives it.
  if (call.token_expires_at) expires_at = std::min(expires_at.value_or(*call.token_expires_at), *call.token_expires_at);
  auth::NewToken token;
  try {
    token = call.services.auth.create_token(call.context, label, expires_at);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::conflict) throw refusal(call, ErrorCode::conflict, "too_many_tokens");
    if (error.code() != ErrorCode::invalid_record) throw;
    std::vector<FieldError> fields = error.fields();
    for (FieldError& field : fields) {
      field.message = say(field.code == "required"   ? "label_required"
                          : field.code == "too_long" ? "label_long"
                                                     : "expiry_past",
                          call.context.locale);
    }
    throw Refusal(ErrorCode::invalid_record, say("invalid_record", call.context.locale), std::move(fields));
  }
  call.response.status = 201;
  call.response.headers.emplace_back("Location", "/api/v1/tokens/" + token.id);
  JsonWriter json(call.response.body);
  json.begin_object().member("id", token.id).member("token", token.token);
  json.member_or_null("expires_at", expires_at ? format_timestamp(*expires_at) : std::string()).end_object();
}

void delete_token(Call& call) {
  try {
    call.services.auth.revoke_token(call.context, call.arguments[0]);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) throw refusal(call, ErrorCode::not_found, "no_token");
    throw;
  }
  call.response.status = 204;
}

}  // namespace caravan::api

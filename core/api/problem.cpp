#include "api/problem.h"

#include <algorithm>

#include "api/json_writer.h"
#include "api/messages.h"

namespace caravan::api {

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::stale:
      return 412;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::invalid_record:
      return 422;
    case ErrorCode::precondition_required:
      return 428;
    case ErrorCode::too_many_requests:
      return 429;
    case ErrorCode::unavailable:
    case ErrorCode::retry:
      return 503;
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

std::string_view http_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

Response problem(const Refusal& refusal, std::string_view request_id) {
  Response response;
  response.status = refusal.status != 0 ? refusal.status : http_status(refusal.code());
  response.content_type = "application/problem+json";
  response.headers = refusal.headers;
  if (refusal.retry_after > 0)
    response.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after));
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"caravan\"");

  const ErrorCode code = refusal.code() == ErrorCode::retry ? ErrorCode::unavailable : refusal.code();
  const std::string name = refusal.name.empty() ? std::string(to_string(code)) : refusal.name;
  JsonWriter json(response.body);
  json.begin_object().member("type", "/problems/" + name).member("title", http_phrase(response.status));
  json.member("status", static_cast<std::int64_t>(response.status));
  json.member("code", name);
  json.member("detail", refusal.message()).member("request_id", request_id);
  if (!refusal.fields().empty()) {
    json.key("errors").begin_array();
    for (const FieldError& field : refusal.fields()) {
      json.begin_object()
          .member("field", field.field)
          .member("code", field.code)
          .member("message", field.message)
          .end_object();
    }
    json.end_array();
  }
  if (!refusal.members.empty()) json.raw(refusal.members);
  json.end_object();
  return response;
}

namespace {

/// What cannot be done at the moment is nobody's business, but for a plugin's fault, of which users may be told: the error names
/// the plugin as its field, and a message of ours as its code.
std::string why_later(const Error& error, std::string_view locale) {
  if (error.fields().size() == 1 && error.fields()[0].code.starts_with("plugin_"))
    return say(error.fields()[0].code, locale, {error.fields()[0].field});
  return say("unavailable", locale);
}

}  // namespace

Response problem(const Error& error, std::string_view request_id, std::string_view locale) {
  const bool ours = error.code() == ErrorCode::internal;
  const bool later = error.code() == ErrorCode::unavailable || error.code() == ErrorCode::retry;
  Refusal refusal(error.code(),
                  ours    ? say("internal", locale)
                  : later ? why_later(error, locale)
                          : error.message(),
                  ours || later ? std::vector<FieldError>() : error.fields());
  refusal.retry_after = later ? std::max(1, error.retry_after) : error.retry_after;
  return problem(refusal, request_id);
}

}  // namespace caravan::api

#include "api/api.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "api/call.h"
#include "api/messages.h"
#include "api/model_json.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/problem.h"
#include "api/problem_kinds.h"
#include "api/rate_limit.h"
#include "api/routes.h"
#include "api/static_files.h"
#include "records/access.h"

namespace caravan::api {
namespace {

constexpr std::string_view base = "/api/v1";

bool below(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

bool reads_only(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

bool has_header(const Response& response, std::string_view name) {
  for (const auto& header : response.headers) {
    if (header.first == name) return true;
  }
  return false;
}

/// A path for the log, on one line whatever was in it.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, 300));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  // A private link is a secret.
  constexpr std::string_view links = "/public/links/";
  if (const auto at = out.find(links); at != std::string::npos) out.replace(at + links.size(), std::string::npos, "…");
  return out;
}

/// Of each address, for what people without an account send: an office behind one address may, a machine is soon slowed down.
constexpr RateLimit public_writes{1, 30, 10};

/// `/problems/{code}`, what a problem's `type` leads to.
void explain_problem(Call& call) {
  constexpr std::string_view folder = "/problems/";
  const std::string_view code = call.request.path.substr(std::min(folder.size(), call.request.path.size()));
  call.response.body = problem_page(code, call.context.locale);
  if (call.response.body.empty()) throw refusal(call, ErrorCode::not_found, "no_route");
  call.response.content_type = "text/html; charset=utf-8";
  call.response.headers = {{"Content-Language", call.context.locale},
                           {"Vary", "Accept-Language"},
                           {"Cache-Control", "public, max-age=3600"},
                           {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"}};
}

std::string context_of(const Error& error) {
  std::string text;
  for (const std::string& where : error.context()) text += " < " + where;
  return text;
}

}  // namespace

struct Api::State {
  explicit State(Services given)
      : services(std::move(given)), router(route_table()), files(services.console_directory),
        users(services.limits.user), addresses(services.limits.anonymous), strangers(public_writes) {}

  Services services;
  Router router;
  StaticFiles files;
  mutable ModelCache models, documents;
  mutable RateLimiter users, addresses, strangers;

  Response health(const Request& request, const std::string& locale, std::string_view id) const;
  void answer_api(Call& call) const;
  void identify(Call& call, Access access) const;
  void take(Call& call, RateLimiter& limiter, std::string_view name, std::uint64_t key) const;
};

Response Api::State::health(const Request& request, const std::string& locale, std::string_view id) const {
  if (!reads_only(request.method)) {
    Refusal refused(ErrorCode::invalid_argument, say("method_not_allowed", locale, {"GET, HEAD"}));
    refused.status = 405;
    refused.name = "method_not_allowed";
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return problem(refused, id);
  }
  Response response;
  if (request.path == "/readyz") {
    const bool catalog = services.catalog() != nullptr;
    bool database = true;
    try {
      database = !services.database_ready || services.database_ready();
    } catch (const std::exception& e) {
      spdlog::warn("readyz: the database does not answer: {}", e.what());
      database = false;
    }
    const std::string unready = services.unready ? services.unready() : std::string();
    if (!catalog || !database || !unready.empty()) response.status = 503;
    response.body = std::string("{\"status\":\"") + (response.status == 200 ? "ready" : "unready") +
                    "\",\"database\":" + (database ? "true" : "false") +
                    ",\"catalog\":" + (catalog ? "true" : "false");
    if (!unready.empty()) {
      response.body += ",\"why\":";
      records::write_json_string(response.body, unready);
    }
    response.body += "}";
  } else {
    response.body = "{\"status\":\"ok\"}";
  }
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

/// Counts the request; throws too_many_requests. The headers are sent only where half of the burst is used up: nobody else needs
/// them.
void Api::State::take(Call& call, RateLimiter& limiter, std::string_view name, std::uint64_t key) const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto verdict = limiter.take(key, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  if (verdict.allowed && verdict.remaining >= limiter.limit().burst / 2) return;
  const auto add = [&](std::vector<std::pair<std::string, std::string>>& headers) {
    headers.emplace_back("RateLimit-Policy", rate_limit_policy(name, limiter.limit()));
    headers.emplace_back("RateLimit", rate_limit_state(name, verdict));
  };
  if (verdict.allowed) return add(call.response.headers);
  Refusal refused = refusal(call, ErrorCode::too_many_requests, "too_many_requests", {std::to_string(verdict.retry_after)});
  refused.retry_after = static_cast<int>(verdict.retry_after);
  add(refused.headers);
  throw refused;
}

/// Finds out who calls, sets the actor and the language, and checks what the route asks for.
void Api::State::identify(Call& call, Access access) const {
  const Request& request = call.request;
  std::optional<auth::Identity> identity;
  if (request.admin_socket) {
    call.context.actor.system = true;
    call.context.source = "cli";
  } else if (access != Access::anyone) {
    const std::string_view authorization = request.header("Authorization");
    const std::string_view session =
        authorization.empty() ? cookie(request, "caravan_session") : std::string_view();
    if (!authorization.empty()) {
      std::string_view token = authorization.substr(std::min(authorization.size(), authorization.find(' ')));
      while (token.starts_with(' ')) token.remove_prefix(1);
      const std::string_view scheme = authorization.substr(0, authorization.find(' '));
      if (scheme == "Bearer" || scheme == "bearer" || scheme == "BEARER")
        identity = services.auth.by_token(token);
    } else if (!session.empty()) {
      identity = services.auth.by_cookie(session);
    }
    if (!identity && addresses.limits()) take(call, addresses, "address", address_key(request.remote_address));
    if (!identity)
      throw refusal(call, ErrorCode::unauthenticated,
                    authorization.empty() ? "not_signed_in" : "token_refused");
    call.context.actor = std::move(identity->actor);
    call.csrf = std::move(identity->csrf);
    call.token_expires_at = identity->expires_at;
    if (users.limits()) take(call, users, "user", static_cast<std::uint64_t>(call.context.actor.user_id));
  } else {
    if (addresses.limits()) take(call, addresses, "address", address_key(request.remote_address));
    if (!reads_only(request.method) && request.path.find("/public/") != std::string::npos)
      take(call, strangers, "public", address_key(request.remote_address));
  }
  if (request.header("Accept-Language").empty() ||
      negotiate_locale(request.header("Accept-Language")).empty()) {
    const std::string_view own = locale_of(call.context.actor.locale);
    if (!own.empty()) call.context.locale = own;
  }
  if (identity && !identity->by_token && !reads_only(request.method) &&
      !auth::same_secret(request.header("X-CSRF-Token"), call.csrf)) {
    throw refusal(call, ErrorCode::forbidden, "csrf");
  }
  if (access == Access::administrator && !records::is_administrator(call.context))
    throw refusal(call, ErrorCode::forbidden, "administrators_only");
}

void Api::State::answer_api(Call& call) const {
  if (!call.context.catalog) {
    Refusal refused = refusal(call, ErrorCode::unavailable, "starting");
    refused.retry_after = 2;
    throw refused;
  }
  const Request& request = call.request;
  const bool document = request.path == "/openapi.json";
  if (!document && !below(request.path, base)) throw refusal(call, ErrorCode::not_found, "no_route");
  Router::Match match = router.find(request.method, document ? request.path : request.path.substr(base.size()));
  if (match.route == nullptr) {
    if (match.allowed.empty()) throw refusal(call, ErrorCode::not_found, "no_route");
    Refusal refused = refusal(call, ErrorCode::invalid_argument, "method_not_allowed", {match.allowed});
    refused.status = 405;
    refused.name = "method_not_allowed";
    refused.headers.emplace_back("Allow", match.allowed);
    throw refused;
  }
  identify(call, match.route->info.access);
  call.arguments = match.arguments;
  if (request.method == "POST") {
    if (const std::string_view* key = idempotency_key(request)) return answer_once(call, *match.route, *key);
  }
  match.route->handle(call);
}

Api::Api(Services services) : state_(std::make_unique<const State>(std::move(services))) {}
Api::~Api() = default;

std::vector<RouteInfo> Api::routes() {
  std::vector<RouteInfo> routes;
  for (const Route& route : route_table()) routes.push_back(route.info);
  return routes;
}

Response Api::handle(const Request& request) {
  // The last resort of memory running out has nothing to allocate but itself.
  try {
    const State& state = *state_;
    const bool debugging = spdlog::should_log(spdlog::level::debug);
    const auto start = debugging ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    const std::string id = request_id(request.header("X-Request-Id"));

    Call call{state.services, state.models, state.documents, request, {}, {}, {}, {}, {}};
    call.context.request_id = id;
    call.context.now = state.services.clock.now();
    call.context.catalog = state.services.catalog();
    const std::string_view asked = negotiate_locale(request.header("Accept-Language"));
    const std::string_view agency =
        call.context.catalog ? locale_of(call.context.catalog->agency.locale) : std::string_view();
    call.context.locale = !asked.empty() ? asked : !agency.empty() ? agency : std::string_view("en");

    const bool api = below(request.path, "/api") || request.path == "/openapi.json";
    try {
      if (api) {
        state.answer_api(call);
        if (!has_header(call.response, "Cache-Control"))
          call.response.headers.emplace_back("Cache-Control", "no-store");
      } else if (request.path == "/healthz" || request.path == "/readyz") {
        call.response = state.health(request, call.context.locale, id);
      } else if (!reads_only(request.method)) {
        Refusal refused = refusal(call, ErrorCode::invalid_argument, "method_not_allowed", {"GET, HEAD"});
        refused.status = 405;
        refused.name = "method_not_allowed";
        refused.headers.emplace_back("Allow", "GET, HEAD");
        throw refused;
      } else if (below(request.path, "/problems")) {
        explain_problem(call);
      } else {
        call.response = state.files.answer(request);
        if (call.response.status == 404) throw refusal(call, ErrorCode::not_found, "no_file");
      }
    } catch (const Refusal& refused) {
      call.response = problem(refused, id);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::internal || error.code() == ErrorCode::unavailable ||
          error.code() == ErrorCode::retry) {
        spdlog::error("request {}: {} {}: {}: {}{}", id, request.method, printable(request.path),
                      to_string(error.code()), error.message(), context_of(error));
      }
      call.response = problem(error, id, call.context.locale);
    } catch (const std::exception& error) {
      spdlog::error("request {}: {} {}: unexpected {}", id, request.method, printable(request.path),
                    error.what());
      call.response = problem(Error(ErrorCode::internal, ""), id, call.context.locale);
    }
    if (call.response.status >= 400 && !has_header(call.response, "Cache-Control"))
      call.response.headers.emplace_back("Cache-Control", "no-store");
    call.response.headers.emplace_back("X-Request-Id", id);
    if (debugging) {
      const auto micros =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start)
              .count();
      spdlog::debug("{} {} {} {} {} us user {}", id, request.method, printable(request.path),
                    call.response.status, micros, call.context.actor.user_id);
    }
    return std::move(call.response);
  } catch (...) {
    const std::string id = request_id({});
    Response response = problem(Error(ErrorCode::internal, ""), id, "en");
    response.headers.emplace_back("X-Request-Id", id);
    return response;
  }
}

}  // namespace caravan::api

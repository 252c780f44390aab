#include "api/routes.h"

#include <algorithm>

namespace caravan::api {

std::span<const Route> route_table() {
  static constexpr Route routes[] = {
      {{"POST", "/session", Access::anyone, "Sign in with user name and password; sets the session cookie"},
       sign_in},
      {{"DELETE", "/session", Access::user, "Sign out"}, sign_out},
      {{"GET", "/me", Access::user, "Who is signed in"}, show_me},
      {{"PATCH", "/me", Access::user, "Change one's own language"}, change_me},
      {{"POST", "/me/password", Access::user, "Change one's own password; ends one's other sessions"},
       change_password},
      {{"GET", "/tokens", Access::user, "One's own access tokens"}, list_tokens},
      {{"POST", "/tokens", Access::user, "Create an access token; it is shown once"}, create_token},
      {{"DELETE", "/tokens/{id}", Access::user, "Revoke an access token"}, delete_token},
      {{"GET", "/records/{entity}", Access::user, "A page of records, filtered and sorted"}, list_records},
      {{"POST", "/records/{entity}", Access::user, "Create a record"}, create_record},
      {{"GET", "/records/{entity}/{id}", Access::user, "One record"}, show_record},
      {{"PATCH", "/records/{entity}/{id}", Access::user, "Change a record by merge patch"}, update_record},
      {{"DELETE", "/records/{entity}/{id}", Access::user, "Delete a record"}, delete_record},
      {{"GET", "/records/{entity}/{id}/transitions", Access::user,
        "Steps that lead on from the record's state"},
       list_transitions},
      {{"POST", "/records/{entity}/{id}/transitions/{name}", Access::user, "Take a step of the workflow"},
       run_transition},
      {{"GET", "/records/{entity}/{id}/timeline", Access::user, "History of the record, newest first"},
       show_timeline},
      {{"POST", "/import/{entity}", Access::administrator, "Import a CSV file by a map"}, import_records},
      {{"GET", "/model", Access::user, "What the console renders for this user"}, show_model},
      {{"GET", "/admin/plugins", Access::administrator, "Plugins and their state"}, list_plugins},
      {{"POST", "/admin/reload", Access::administrator, "Check the definitions and put them in use"}, reload},
      {{"*", "/plugins/{plugin}/{rest...}", Access::user, "A plugin's own routes"}, plugin_route},
  };
  return routes;
}

Router::Router(std::span<const Route> routes) {
  for (const Route& route : routes) {
    Pattern pattern{&route, {}};
    std::string_view rest = route.info.pattern.substr(1);
    for (;;) {
      const auto slash = rest.find('/');
      pattern.segments.push_back(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest = rest.substr(slash + 1);
    }
    patterns_.push_back(std::move(pattern));
  }
}

bool Router::fits(const Pattern& pattern, std::string_view path, std::array<std::string_view, 3>& arguments) {
  std::size_t argument = 0;
  for (const std::string_view segment : pattern.segments) {
    if (segment.ends_with("...}")) {
      arguments[argument] = path.starts_with('/') ? path.substr(1) : path;
      return true;
    }
    if (!path.starts_with('/')) return false;
    path.remove_prefix(1);
    const std::string_view given = path.substr(0, path.find('/'));
    path.remove_prefix(given.size());
    if (segment.front() == '{') {
      if (given.empty()) return false;
      arguments[argument++] = given;
    } else if (segment != given) {
      return false;
    }
  }
  return path.empty();
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
  Match match;
  for (const Pattern& pattern : patterns_) {
    std::array<std::string_view, 3> arguments;
    const std::string_view has = pattern.route->info.method;
    if ((has != wanted && has != "*") || !fits(pattern, path, arguments)) continue;
    match.route = pattern.route;
    match.arguments = arguments;
    return match;
  }
  for (const Pattern& pattern : patterns_) {
    std::array<std::string_view, 3> arguments;
    if (!fits(pattern, path, arguments)) continue;
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += pattern.route->info.method;
    if (pattern.route->info.method == "GET") match.allowed += ", HEAD";
  }
  return match;
}

}  // namespace caravan::api

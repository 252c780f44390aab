#include "storage/url.h"

#include <charconv>

namespace caravan::storage {
namespace {

constexpr std::string_view forms =
    "use sqlite:///absolute/path.db, mysql://user:password@host:3306/name or mysql://user:password@/name?socket=/path";

[[noreturn]] void refuse(std::string what) {
  throw Error(ErrorCode::invalid_argument, "The database URL " + std::move(what) + ": " + std::string(forms));
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text, const char* part) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0) refuse(std::string("has a '%' without two hex digits in its ") + part + " (write %25 for '%')");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') refuse(std::string("has a NUL byte in its ") + part);
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::string DatabaseUrl::description() const {
  if (dialect == Dialect::sqlite) return "sqlite://" + path;
  std::string out = "mysql://" + user + "@";
  if (socket.empty()) return out + host + ":" + std::to_string(port) + "/" + name;
  return out + "/" + name + "?socket=" + socket;
}

DatabaseUrl parse_url(const std::string& url) {
  DatabaseUrl out;
  const std::string_view all = url;
  const auto colon = all.find("://");
  if (colon == std::string_view::npos) refuse("has no scheme");
  const std::string_view scheme = all.substr(0, colon);
  std::string_view rest = all.substr(colon + 3);
  std::string_view query;
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (scheme == "sqlite") {
    if (!query.empty()) refuse("has parameters after '?', which SQLite does not take (write %3F for a '?' in the path)");
    out.path = decode(rest, "path");
    if (out.path.empty() || out.path[0] != '/') refuse("needs an absolute path, with three slashes");
    if (out.path.back() == '/') refuse("names a directory, not a file");
    if (out.path.find('"') != std::string::npos) refuse("has a double quote in its path");
    return out;
  }
  if (scheme != "mysql" && scheme != "mariadb") refuse("has the unknown scheme '" + std::string(scheme.substr(0, 20)) + "'");
  out.dialect = Dialect::mysql;
  const auto slash = rest.rfind('/');
  if (slash == std::string_view::npos) refuse("names no database after the host");
  out.name = decode(rest.substr(slash + 1), "database name");
  if (out.name.empty()) refuse("names no database");
  std::string_view authority = rest.substr(0, slash);
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) refuse("names no user");
  const std::string_view user_info = authority.substr(0, at);
  std::string_view host = authority.substr(at + 1);
  const auto separator = user_info.find(':');
  out.user = decode(user_info.substr(0, separator), "user");
  if (out.user.empty()) refuse("names no user");
  if (separator != std::string_view::npos) out.password = decode(user_info.substr(separator + 1), "password");

  std::string_view port;
  if (!host.empty() && host[0] == '[') {
    const auto close = host.find(']');
    if (close == std::string_view::npos) refuse("has '[' without ']' around its host");
    const std::string_view after = host.substr(close + 1);
    if (!after.empty() && after[0] != ':') refuse("has text after ']'");
    if (!after.empty()) port = after.substr(1);
    host = host.substr(1, close - 1);
  } else if (const auto p = host.find(':'); p != std::string_view::npos) {
    port = host.substr(p + 1);
    host = host.substr(0, p);
    if (port.empty()) refuse("has no number after the host's ':'");
  }
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size() || out.port < 1 || out.port > 65535) {
      refuse("has a port that is not a number from 1 to 65535");
    }
  }
  out.host = decode(host, "host");
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    std::string value = equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1), "parameters");
    if (value.empty()) refuse("has the parameter '" + std::string(key.substr(0, 20)) + "' without a value");
    if (key == "socket") {
      out.socket = std::move(value);
    } else if (key == "ssl_ca") {
      out.ssl_ca = std::move(value);
    } else {
      refuse("has the unknown parameter '" + std::string(key.substr(0, 20)) + "' (known: socket, ssl_ca)");
    }
  }
  if (!out.socket.empty() && !out.host.empty()) refuse("has both a host and a socket");
  if (out.socket.empty() && out.host.empty()) refuse("has neither a host nor a socket");
  return out;
}

}  // namespace caravan::storage

#include "api/static_files.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/gzip.h"
#include "base/error.h"

namespace caravan::api {
namespace {

constexpr std::uintmax_t max_total = 64 * 1024 * 1024;
constexpr std::string_view content_security_policy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'";

constexpr std::string_view public_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'";

/// FNV-1a over the content: enough to tell two builds apart.
std::string fingerprint(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i, hash >>= 4) text[i] = digits[hash & 15];
  return text;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) throw Error(ErrorCode::unavailable, "The console's file " + path.string() + " cannot be read");
  return content;
}

}  // namespace

std::string_view content_type_of(std::string_view name) {
  static const std::unordered_map<std::string_view, std::string_view> types{
      {"html", "text/html; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"mjs", "text/javascript; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"json", "application/json"},
      {"map", "application/json"},
      {"webmanifest", "application/manifest+json"},
      {"txt", "text/plain; charset=utf-8"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"webp", "image/webp"},
      {"ico", "image/x-icon"},
      {"woff", "font/woff"},
      {"woff2", "font/woff2"},
      {"wasm", "application/wasm"},
  };
  const auto dot = name.rfind('.');
  const auto found = dot == std::string_view::npos ? types.end() : types.find(name.substr(dot + 1));
  return found == types.end() ? "application/octet-stream" : found->second;
}

StaticFiles::StaticFiles(const std::string& directory) {
  if (directory.empty()) return;
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path root = directory;
  std::uintmax_t total = 0;
  std::unordered_map<std::string, std::string> compressed;
  fs::recursive_directory_iterator it(root, error);
  if (error)
    throw Error(ErrorCode::unavailable,
                "The console's directory " + directory + " cannot be read: " + error.message());
  for (const fs::directory_entry& entry : it) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) {
      if (entry.is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    total += entry.file_size();
    if (total > max_total)
      throw Error(ErrorCode::unavailable, "The console's directory " + directory + " holds more than 64 MiB");
    std::string path = "/" + entry.path().lexically_relative(root).generic_string();
    std::string content = read_file(entry.path());
    if (path.ends_with(".gz")) {
      compressed.emplace(path.substr(0, path.size() - 3), std::move(content));
      continue;
    }
    File file{std::string(content_type_of(name)), std::move(content), {}, {}, path.starts_with("/assets/")};
    file.tag = "\"" + fingerprint(file.body) + "\"";
    files_.emplace(std::move(path), std::move(file));
  }
  for (auto& [path, content] : compressed) {
    const auto found = files_.find(path);
    if (found != files_.end()) found->second.gzip = std::move(content);
  }
}

Response StaticFiles::answer(const Request& request) const {
  Response response;
  auto found = files_.find(std::string(request.path));
  // What people without an account see is an application of its own.
  const bool open = request.path.starts_with("/public/");
  if (found == files_.end() && !request.path.starts_with("/assets/")) found = files_.find(open ? "/public.html" : "/index.html");
  if (found == files_.end()) {
    response.status = 404;
    response.content_type = "text/plain; charset=utf-8";
    response.body = files_.empty() ? "The console is not installed. The API is at /api/v1.\n"
                                   : "There is no such file.\n";
    return response;
  }
  const File& file = found->second;
  response.content_type = file.content_type;
  response.headers.emplace_back("Content-Security-Policy", open ? public_policy : content_security_policy);
  // The address of a public page may be a secret.
  response.headers.emplace_back("Referrer-Policy", open ? "no-referrer" : "same-origin");
  if (open) response.headers.emplace_back("X-Robots-Tag", "noindex, nofollow");
  response.headers.emplace_back("Cache-Control",
                                file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (!file.gzip.empty()) response.headers.emplace_back("Vary", "Accept-Encoding");
  answer_form(request, file.body, file.gzip, file.tag, response);
  return response;
}

}  // namespace caravan::api

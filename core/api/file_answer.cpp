#include "api/file_answer.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace caravan::api {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

/// RFC 8187's ext-value of the name.
std::string extended(std::string_view name) {
  constexpr char digits[] = "0123456789ABCDEF";
  constexpr std::string_view plain = "!#$&+-.^_`|~";
  std::string out = "UTF-8''";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || plain.find(c) != std::string_view::npos) out += c;
    else ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
  }
  return out;
}

}  // namespace

FileWriter::FileWriter(const records::FileStore& files) : file_(files.scratch()) { buffer_.reserve(buffer_bytes + 4096); }

FileWriter::~FileWriter() {
  if (file_ >= 0) ::close(file_);
}

void FileWriter::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes) flush();
}

void FileWriter::flush() {
  for (std::string_view rest = buffer_; !rest.empty();) {
    const auto count = ::write(file_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw Error(ErrorCode::unavailable, std::string("The answer cannot be written to the disk: ") + std::strerror(errno) + ".");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  size_ += buffer_.size();
  buffer_.clear();
}

std::shared_ptr<const FileBody> FileWriter::finish() {
  flush();
  return std::make_shared<const FileBody>(std::exchange(file_, -1), size_);
}

void answer_file(Response& response, std::shared_ptr<const FileBody> file, std::string_view media_type, std::string_view name, bool shown) {
  std::string plain;
  for (const char c : name) plain += c >= ' ' && c < 127 && c != '"' && c != '\\' && c != '%' ? c : '_';
  response.content_type = media_type;
  response.headers.emplace_back("Content-Disposition", std::string(shown ? "inline" : "attachment") + "; filename=\"" + plain + "\"; filename*=" + extended(name));
  response.body.clear();
  response.file = std::move(file);
}

std::int64_t id_cursor(const Call& call) {
  const std::string* after = call.request.parameter("after");
  if (after == nullptr) return 0;
  std::int64_t before = 0;
  const auto [end, code] = std::from_chars(after->data(), after->data() + after->size(), before);
  if (code != std::errc() || end != after->data() + after->size() || before <= 0) throw refusal(call, ErrorCode::invalid_argument, "cursor");
  return before;
}

}  // namespace caravan::api

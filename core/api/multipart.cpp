#include "api/multipart.h"

#include <algorithm>

#include "api/call.h"
#include "api/negotiate.h"
#include "base/error.h"
#include "records/import_source.h"

namespace caravan::api {
namespace {

constexpr std::size_t max_parts = 16;
constexpr std::size_t max_part_head = 4096;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, "The multipart/form-data body is malformed: " + what);
}

bool is_boundary(std::string_view text) {
  static constexpr std::string_view others = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= 70 && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  others.find(c) != others.npos;
         });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Part parse_head(std::string_view head) {
  Part part;
  bool named = false;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view() : head.substr(end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) refuse("a part's header line has no name.");
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    if (has_control(value)) refuse("a part's header holds a control character.");
    const std::string header = media_type(line.substr(0, colon));
    if (header == "content-transfer-encoding" && media_type(value) != "binary" &&
        media_type(value) != "8bit" && media_type(value) != "7bit")
      refuse("the content transfer encoding is not supported; send the bytes as they are.");
    if (header != "content-disposition") continue;
    if (named) refuse("a part has two Content-Disposition headers.");
    if (media_type(value) != "form-data") refuse("a part's Content-Disposition is not form-data.");
    auto name = header_parameter(value, "name");
    if (!name || name->empty()) refuse("a part has no name.");
    // Old programs write them in the encoding of their machine; they are shown as texts.
    part.name = records::readable(*name);
    part.file_name = records::readable(header_parameter(value, "filename").value_or(std::string()));
    named = true;
  }
  if (!named) refuse("a part has no Content-Disposition.");
  return part;
}

}  // namespace

std::vector<Part> parse_multipart(std::string_view content_type, std::string_view body) {
  if (media_type(content_type) != "multipart/form-data")
    throw Error(ErrorCode::invalid_argument, "The body must be multipart/form-data.");
  const auto boundary = header_parameter(content_type, "boundary");
  if (!boundary || !is_boundary(*boundary)) refuse("Content-Type names no proper boundary.");
  const std::string delimiter = "\r\n--" + *boundary;
  if (!body.starts_with(std::string_view(delimiter).substr(2)))
    refuse("it does not begin with its boundary.");
  body.remove_prefix(delimiter.size() - 2);

  std::vector<Part> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) refuse("a boundary is followed by something else than a line's end.");
    body.remove_prefix(2);
    const auto head_end = body.substr(0, max_part_head).find("\r\n\r\n");
    if (head_end == std::string_view::npos) refuse("a part's header does not end within 4096 bytes.");
    Part part = parse_head(body.substr(0, head_end));
    body.remove_prefix(head_end + 2);  // keeps one line's end, which begins the delimiter of an empty part
    const auto end = body.find(delimiter);
    if (end == std::string_view::npos) refuse("the closing boundary is missing; was the upload cut off?");
    part.data = end >= 2 ? body.substr(2, end - 2) : body.substr(0, 0);
    body.remove_prefix(end + delimiter.size());
    if (std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return p.name == part.name; }))
      refuse("two parts are called \"" + part.name + "\".");
    if (parts.size() == max_parts) refuse("it has more than 16 parts.");
    parts.push_back(std::move(part));
  }
  if (body != "--" && body != "--\r\n") refuse("there is something after the closing boundary.");
  return parts;
}

std::vector<Part> form_parts(const Call& call) {
  const std::string_view content_type = call.request.header("Content-Type");
  if (media_type(content_type) != "multipart/form-data") {
    Refusal error = refusal(call, ErrorCode::invalid_argument, "content_type", {"multipart/form-data"});
    error.status = 415;
    throw error;
  }
  return parse_multipart(content_type, call.request.body);
}

Part form_file(const Call& call) {
  auto parts = form_parts(call);
  if (parts.size() != 1 || parts.front().name != "file") throw refusal(call, ErrorCode::invalid_argument, "part_missing", {"file"});
  return std::move(parts.front());
}

}  // namespace caravan::api

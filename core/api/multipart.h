#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace caravan::api {

struct Call;

struct Part {
  std::string name;       ///< of Content-Disposition
  std::string file_name;  ///< as the client says, in UTF-8, never to be used as a path; may be empty
  std::string_view data;  ///< within the body
};

/// Splits a multipart/form-data body (RFC 7578). Strict: what deviates is refused, not guessed at; at most 16
/// parts, no two of one name. Throws Error(invalid_argument). Pure; time linear in the body.
std::vector<Part> parse_multipart(std::string_view content_type, std::string_view body);
/// The parts of the call's body, which must be such a form: a refusal with status 415 where it is something else.
std::vector<Part> form_parts(const Call& call);
/// The only part of the call's body, which is named `file`. Throws as form_parts, and where there are others.
Part form_file(const Call& call);

}  // namespace caravan::api

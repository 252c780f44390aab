#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/message.h"
#include "base/error.h"

namespace caravan::api {

/// A refusal of the API itself, whose message goes to the client as it is.
struct Refusal : Error {
  using Error::Error;
  int status = 0;    ///< 0: that of the code
  std::string name;  ///< the problem's `code` where it is not the ErrorCode's name
  std::string
      members;  ///< further JSON members of the problem: `"current":{…}`; with `errors` it replaces fields()
  std::vector<std::pair<std::string, std::string>> headers;
};

int http_status(ErrorCode code);
/// The phrase of RFC 9110: "Unprocessable Content".
std::string_view http_phrase(int status);

/// problem+json for an error that a client may see in full.
Response problem(const Refusal& refusal, std::string_view request_id);
/// For any other error: internal, unavailable and retry show no details.
Response problem(const Error& error, std::string_view request_id, std::string_view locale);

}  // namespace caravan::api

#pragma once

#include <string>
#include <string_view>

#include "api/message.h"

namespace caravan::api {

/// The text as gzip (RFC 1952). Throws Error (internal) where memory is short. Takes about 10 ms for a megabyte.
std::string gzip(std::string_view text);

/// The form of a document, kept plain and as gzip (empty: only plain), that the request takes, under a tag of its own: the plain one's `tag`
/// (with quotes), the gzip's with `-gzip` at its end. 304 where the request has seen either.
void answer_form(const Request& request, const std::string& plain, const std::string& packed, const std::string& tag, Response& response);

}  // namespace caravan::api

#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/api.h"
#include "api/problem.h"
#include "records/context.h"
#include "records/json.h"

namespace caravan::api {

class ModelCache;
class CallOnce;

/// One request on its way through a route. The Catalog in `context` stays the same throughout.
struct Call {
  const Services& services;
  ModelCache& models;
  ModelCache& documents;  ///< of OpenAPI
  const Request& request;
  records::Context context;
  std::string csrf;                           ///< of a cookie session
  std::optional<Timestamp> token_expires_at;  ///< of the token that the caller came with
  std::array<std::string_view, 3> arguments;  ///< of the pattern's places, in order
  Response response;
  CallOnce* once = nullptr;                   ///< of a request with an Idempotency-Key
};

using RouteHandler = void (*)(Call&);

/// A refusal in the call's language; `text` is a code of api/messages.h.
Refusal refusal(const Call& call, ErrorCode code, std::string_view text,
                std::initializer_list<std::string_view> arguments = {});
/// One field's mistake (invalid_record).
Refusal field_refusal(const Call& call, std::string_view field, std::string_view code, std::string_view text);

/// What a client sent, cut at a character's end, short enough for a message.
std::string_view shown(std::string_view text);

/// The entity of the first argument; throws not_found.
const model::Entity& entity_of(const Call& call);
/// The id of the second argument; throws not_found.
std::int64_t id_of(const Call& call);

/// The body, checked for type and size (1 MiB). Throws.
void check_json_body(const Call& call, bool merge_patch = false);
/// The body as a JSON object with no other members than `members`; an empty body is an empty object.
records::Json json_object(const Call& call, std::initializer_list<std::string_view> members);
/// A member that is a text; nullopt where absent or null; throws invalid_argument where it is something else.
std::optional<std::string> text_member(const Call& call, const records::Json& object, std::string_view name);
std::string required_text(const Call& call, const records::Json& object, std::string_view name);

/// Refuses query parameters other than `names`, and any that stands twice.
void check_parameters(const Call& call, std::initializer_list<std::string_view> names);
/// `limit`, 1 to 200; 50 where absent.
std::uint32_t limit_parameter(const Call& call);
/// `0` or `1`; false where absent.
bool flag_parameter(const Call& call, std::string_view name);

/// The tag of a record's version: `"3"` with its quotes.
std::string entity_tag(std::int64_t version);

/// After a write: where it was a user's record, what is kept of who he is must be read again.
void tell_auth(const Call& call, const model::Entity& entity, std::int64_t id);

/// Value of the Link header that leads to the next page: this request with `parameter` set to `next`.
std::string next_link(const Request& request, std::string_view parameter, std::string_view next);

/// The version that If-Match names; nullopt for `*`. Throws precondition_required where it is missing and
/// `required`.
std::optional<std::int64_t> expected_version(const Call& call, bool required);

}  // namespace caravan::api

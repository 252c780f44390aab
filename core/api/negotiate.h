#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"

/// What request headers and parameters mean. Pure functions.
namespace caravan::api {

inline constexpr std::array<std::string_view, 3> locales{"zh-CN", "zh-TW", "en"};

/// The one of `locales` that a language tag means (`zh-Hant-HK` is zh-TW, `en-GB` is en); "" where none does.
std::string_view locale_of(std::string_view language_tag);
/// The best of `locales` for an Accept-Language header; "" where it asks for none of them.
std::string_view negotiate_locale(std::string_view accept_language);

/// Value of a cookie from the request's Cookie headers; "" where absent.
std::string_view cookie(const Request& request, std::string_view name);

/// Entity tags of If-Match or If-None-Match. Weak tags count as strong ones: proxies that compress weaken
/// them.
struct EntityTags {
  bool any = false;                    ///< `*`
  std::vector<std::string_view> tags;  ///< without quotes
  bool matches(std::string_view tag) const;
};
/// nullopt where malformed or with more than 50 tags.
std::optional<EntityTags> parse_entity_tags(std::string_view header);

/// Lower-case `type/subtype` of a Content-Type header, without parameters.
std::string media_type(std::string_view content_type);
/// Parameter of a header such as Content-Type or Content-Disposition, unquoted; nullopt where absent or
/// malformed.
std::optional<std::string> header_parameter(std::string_view header, std::string_view name);
/// Whether Accept-Encoding allows gzip.
bool accepts_gzip(std::string_view accept_encoding);

/// For a query string or a path segment: everything but A–Z a–z 0–9 - . _ ~ as %XX.
std::string percent_encode(std::string_view text);

/// Whether a request with this If-None-Match (may be empty) has what the tag stands for; `tag` with its quotes.
bool has_seen(std::string_view if_none_match, std::string_view tag);
/// A whole number without sign, spaces or leading zeros, at least 1; nullopt otherwise.
std::optional<std::int64_t> parse_id(std::string_view text);

/// The client's X-Request-Id where it is 1 to 64 of A–Z a–z 0–9 - . _, else a new one.
std::string request_id(std::string_view from_client);

}  // namespace caravan::api

#include "api/model_json.h"
#include "api/negotiate.h"
#include "api/openapi.h"
#include "api/routes.h"

namespace caravan::api {

void show_openapi(Call& call) {
  check_parameters(call, {"locale"});
  std::string_view locale = call.context.locale;
  if (const std::string* asked = call.request.parameter("locale"); asked != nullptr && !asked->empty()) {
    locale = locale_of(*asked);
    if (locale.empty()) throw refusal(call, ErrorCode::invalid_argument, "unknown_locale");
  }
  const auto document = call.documents.get(call.context, locale, [&] {
    const auto plugins = call.services.plugins ? call.services.plugins() : std::vector<PluginInfo>();
    return openapi_json(call.context, plugins, locale);
  });
  call.response.headers.emplace_back("ETag", document->tag);
  call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  call.response.headers.emplace_back("Vary", "Accept-Language, Cookie, Authorization");
  if (const std::string_view seen = call.request.header("If-None-Match"); !seen.empty()) {
    const auto tags = parse_entity_tags(seen);
    if (tags && tags->matches(std::string_view(document->tag).substr(1, document->tag.size() - 2))) {
      call.response.status = 304;
      return;
    }
  }
  call.response.body = document->body;
}

}  // namespace caravan::api

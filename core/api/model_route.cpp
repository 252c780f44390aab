#include "api/model_json.h"
#include "api/negotiate.h"
#include "api/routes.h"

namespace caravan::api {

void show_model(Call& call) {
  check_parameters(call, {"locale"});
  std::string_view locale = call.context.locale;
  if (const std::string* asked = call.request.parameter("locale"); asked != nullptr && !asked->empty()) {
    locale = locale_of(*asked);
    if (locale.empty()) throw refusal(call, ErrorCode::invalid_argument, "unknown_locale");
  }
  const auto model = call.models.get(call.services.records, call.context, locale);
  call.response.headers.emplace_back("ETag", model->tag);
  call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  call.response.headers.emplace_back("Vary", "Accept-Language, Cookie, Authorization");
  if (const std::string_view seen = call.request.header("If-None-Match"); !seen.empty()) {
    const auto tags = parse_entity_tags(seen);
    if (tags && tags->matches(std::string_view(model->tag).substr(1, model->tag.size() - 2))) {
      call.response.status = 304;
      return;
    }
  }
  call.response.body = model->body;
}

}  // namespace caravan::api

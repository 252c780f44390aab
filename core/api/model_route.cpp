#include "api/gzip.h"
#include "api/handbook_json.h"
#include "api/model_json.h"
#include "api/negotiate.h"
#include "api/openapi.h"
#include "api/routes.h"

// The documents that are made of the Catalog and kept for each kind of caller.

namespace caravan::api {
namespace {

/// The parameter `locale`, else the call's.
std::string_view locale_parameter(const Call& call) {
  const std::string* asked = call.request.parameter("locale");
  if (asked == nullptr || asked->empty()) return call.context.locale;
  const std::string_view locale = locale_of(*asked);
  if (locale.empty()) throw refusal(call, ErrorCode::invalid_argument, "unknown_locale");
  return locale;
}

void answer_document(Call& call, const RenderedModel& document) {
  call.response.headers.emplace_back("Cache-Control", "private, no-cache");
  call.response.headers.emplace_back("Vary", "Accept-Language, Accept-Encoding, Cookie, Authorization");
  answer_form(call.request, document.body, document.gzip, document.tag, call.response);
}

}  // namespace

void show_model(Call& call) {
  check_parameters(call, {"locale"});
  answer_document(call, *call.models.get(call.services.records, call.context, locale_parameter(call)));
}

void show_openapi(Call& call) {
  check_parameters(call, {"locale"});
  const std::string_view locale = locale_parameter(call);
  answer_document(call, *call.documents.get(call.context, locale, [&] {
    const auto plugins = call.services.plugins ? call.services.plugins() : std::vector<PluginInfo>();
    return openapi_json(call.context, plugins, locale);
  }));
}

void show_handbook(Call& call) {
  check_parameters(call, {"locale", "format"});
  const std::string locale(locale_parameter(call));
  const std::string* format = call.request.parameter("format");
  const bool html = format != nullptr && *format == "html";
  if (format != nullptr && !html && *format != "json") throw refusal(call, ErrorCode::invalid_argument, "handbook_format", {shown(*format)});
  answer_document(call, *call.documents.get(call.context, "handbook " + locale + (html ? " html" : ""), [&] {
    const model::Handbook handbook = model::make_handbook(*call.context.catalog, locale, handbook_scope(call.services.records, call.context));
    return html ? model::handbook_html(handbook) : handbook_json(handbook);
  }));
  if (!html) return;
  call.response.content_type = "text/html; charset=utf-8";
  call.response.headers.emplace_back("Content-Language", locale);
  call.response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

}  // namespace caravan::api

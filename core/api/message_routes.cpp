#include <algorithm>

#include "api/call.h"
#include "api/json_writer.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "channels/outbound.h"
#include "model/process.h"
#include "records/access.h"
#include "workflow/effects.h"

namespace caravan::api {
namespace {

/// Whether the caller may read what the text would tell him.
bool may_see(const Call& call, const model::TextTemplate& text) {
  return std::all_of(text.places.begin(), text.places.end(), [&](const auto& place) {
    const model::Field* field = place.second.field;
    if (field != nullptr && field->target != nullptr && !call.services.records.may(call.context, *field->target, model::Operation::read)) return false;
    return place.second.program == nullptr || records::reads_only_readable(call.context, *place.second.program);
  });
}

}  // namespace

/// The messages that can be sent about the record, filled from it, with what may not be said in them.
void preview_messages(Call& call) {
  check_parameters(call, {"locale"});
  const model::Entity& entity = entity_of(call);
  records::Record record = call.services.records.whole(call.context, call.services.records.get(call.context, entity, id_of(call)));
  std::string locale = call.context.locale;
  if (const std::string* asked = call.request.parameter("locale")) {
    if (locale_of(*asked).empty()) throw refusal(call, ErrorCode::invalid_argument, "unknown_locale");
    locale = *asked;
  }
  const auto follow = call.services.records.follow(call.context);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& message : call.context.catalog->messages) {
    if (message->entity != &entity || !may_see(call, message->subject) || !may_see(call, message->body)) continue;
    const channels::Filled filled = channels::fill(*message, locale, call.context, record, follow);
    json.begin_object().member("name", message->name).member("label", label_of(message->label, message->name, locale));
    json.member("channel", message->channel).member("subject", filled.subject).member("body", filled.body);
    json.key("forbidden").begin_array();
    records::Context system = call.context;
    system.actor = {};
    system.actor.system = true;
    for (const auto& phrase : channels::forbidden_in(call.services.records, system, filled.subject + "\n" + filled.body))
      json.begin_object().member("phrase", phrase.phrase).member("reason", phrase.reason).end_object();
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api

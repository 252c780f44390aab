#include <algorithm>

#include "api/call.h"
#include "api/event_hub.h"
#include "api/negotiate.h"
#include "api/routes.h"

namespace caravan::api {
namespace {

constexpr std::size_t most_watches = 20;

/// The caller as he is whenever it is asked, by the secret that he came with.
std::function<std::optional<records::Context>()> identifier(const Call& call) {
  const std::string_view authorization = call.request.header("Authorization");
  std::string session, token;
  if (authorization.empty()) session = cookie(call.request, "caravan_session");
  else token = authorization.substr(authorization.find_last_of(' ') + 1);
  return [&services = call.services, session, token, system = call.request.admin_socket, locale = call.context.locale,
          request_id = call.context.request_id]() -> std::optional<records::Context> {
    records::Context context;
    if (system) {
      context.actor.system = true;
    } else {
      auto identity = token.empty() ? services.auth.peek(session) : services.auth.by_token(token);
      if (!identity) return std::nullopt;
      context.actor = std::move(identity->actor);
    }
    context.catalog = services.catalog();
    context.now = services.clock.now();
    context.locale = locale;
    context.request_id = request_id;
    return context;
  };
}

}  // namespace

/// `watch=ENTITY,ENTITY/ID,…`
void listen_to_events(Call& call) {
  check_parameters(call, {"watch"});
  if (call.services.events == nullptr) throw refusal(call, ErrorCode::unavailable, "starting");
  std::vector<Watch> watches;
  const std::string* asked = call.request.parameter("watch");
  std::string_view rest = asked ? std::string_view(*asked) : std::string_view();
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::string_view name = one.substr(0, one.find('/'));
    const model::Entity* entity = call.context.catalog->entity(name);
    if (entity == nullptr) throw refusal(call, ErrorCode::not_found, "unknown_entity", {shown(name)});
    Watch watch{entity->full_name, 0};
    if (name.size() < one.size()) {
      // Of an entity of which one may read nothing, a share may still show a record.
      const std::string_view text = one.substr(name.size() + 1);
      const auto id = parse_id(text);
      if (!id || call.services.records.get_many(call.context, *entity, {*id}, {model::slot_id}).empty())
        throw refusal(call, ErrorCode::not_found, "no_record", {shown(text)});
      watch.id = *id;
    } else if (!call.services.records.may(call.context, *entity, model::Operation::read)) {
      throw refusal(call, ErrorCode::not_found, "unknown_entity", {shown(name)});
    }
    watches.push_back(std::move(watch));
    if (watches.size() > most_watches) throw refusal(call, ErrorCode::invalid_argument, "too_many_watches", {std::to_string(most_watches)});
  }
  if (const model::Entity* notices = call.context.catalog->entity("core.notice")) watches.push_back({notices->full_name, 0});
  call.response.content_type = "text/event-stream";
  call.response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold the events back
  call.response.body = "retry: 3000\nevent: hello\ndata: {}\n\n";
  call.response.stream = call.services.events->listen(std::move(watches), identifier(call));
}

}  // namespace caravan::api

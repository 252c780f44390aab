/* A plugin in plain C11 over abi.h alone. Does what plugin.cpp does; the tests hold for both. */
#include <stdio.h>
#include <string.h>

#include "caravan/abi.h"

static caravan_host host;
static int instance;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}

#define CHECK(expression)                     \
  do {                                        \
    caravan_status status_ = (expression);    \
    if (status_ != CARAVAN_OK) return status_; \
  } while (0)

static caravan_status mark(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value value;
  char name[64];
  (void)user;
  CHECK(host.get(call, event->record, text("name"), &value));
  if (value.type == CARAVAN_NULL) return host.fail_field(call, text("name"), text("required"), text("An item needs a name."));
  if (value.as.text.size + 4 > sizeof name) return CARAVAN_TOO_LARGE;
  memcpy(name, value.as.text.data, value.as.text.size);
  memcpy(name + value.as.text.size, " (c)", 4);
  value.as.text.data = name;
  value.as.text.size += 4;
  CHECK(host.set(call, event->record, text("name"), &value));
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_DECIMAL;
  memcpy(value.currency, "CNY", 3);
  value.as.text = text("1234.5");
  CHECK(host.set(call, event->record, text("price"), &value));
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_DATE;
  value.as.integer = 20807; /* 2026-12-20 */
  return host.set(call, event->record, text("made_on"), &value);
}

static caravan_status committed(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value name;
  char line[512];
  (void)user;
  CHECK(host.get(call, event->record, text("name"), &name));
  snprintf(line, sizeof line, "event %lld version %lld %.*s %.*s by %lld %.*s: %.*s", (long long)event->event_id,
           (long long)event->version, (int)event->action.size, event->action.data, (int)event->changes.size,
           event->changes.data, (long long)event->caused_by, (int)event->caused_by_name.size, event->caused_by_name.data,
           (int)name.as.text.size, name.as.text.data);
  host.log(host.self, CARAVAN_LOG_INFO, text(line));
  return CARAVAN_OK;
}

static caravan_status echo(void* user, caravan_call call, const caravan_request* request) {
  caravan_string id, word, agent;
  caravan_call_info info;
  char body[512];
  (void)user;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(host.call_info(call, &info));
  CHECK(host.path_parameter(call, text("id"), &id));
  if (host.query_parameter(call, text("word"), &word) == CARAVAN_NOT_FOUND) word = text("none");
  if (host.request_header(call, text("user-agent"), &agent) == CARAVAN_NOT_FOUND) agent = text("none");
  snprintf(body, sizeof body, "%.*s %.*s id=%.*s word=%.*s agent=%.*s user=%.*s body=%.*s", (int)request->method.size,
           request->method.data, (int)request->path.size, request->path.data, (int)id.size, id.data, (int)word.size, word.data,
           (int)agent.size, agent.data, (int)info.username.size, info.username.data, (int)request->body.size,
           request->body.size ? request->body.data : "");
  CHECK(host.respond(call, 200, text("text/plain; charset=utf-8"), text(body)));
  return host.respond_header(call, text("X-Language"), text("c"));
}

static caravan_status create(const caravan_host* given, caravan_call call, void** out) {
  caravan_hook hook;
  caravan_route route;
  if (given->struct_size < sizeof host) return CARAVAN_INTERNAL;
  memcpy(&host, given, sizeof host);
  memset(&hook, 0, sizeof hook);
  hook.struct_size = sizeof hook;
  hook.point = CARAVAN_BEFORE_CREATE;
  hook.entity = text(PLUGIN_NAME ".item");
  hook.run = mark;
  CHECK(host.add_hook(call, &hook));
  hook.point = CARAVAN_AFTER_COMMIT;
  hook.run = committed;
  CHECK(host.add_hook(call, &hook));
  memset(&route, 0, sizeof route);
  route.struct_size = sizeof route;
  route.method = text("POST");
  route.path = text("/echo/{id}");
  route.permission = text("echo");
  route.run = echo;
  CHECK(host.add_route(call, &route));
  host.log(host.self, CARAVAN_LOG_INFO, text("created"));
  *out = &instance;
  return CARAVAN_OK;
}

static void destroy(void* self) {
  (void)self;
  host.log(host.self, CARAVAN_LOG_INFO, text("destroyed"));
}

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, 0, 0, 0};

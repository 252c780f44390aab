/* A plugin that tests build in several versions: marks new records with its version, answers GET /version, and has an action. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "caravan/abi.h"

static caravan_host host;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}

static caravan_status set_text(caravan_call call, caravan_record record, const char* field, const char* content) {
  caravan_value value;
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_TEXT;
  value.as.text = text(content);
  return host.set(call, record, text(field), &value);
}

static caravan_status mark(void* user, caravan_call call, const caravan_hook_event* event) {
  (void)user;
  return set_text(call, event->record, "made_by", VERSION);
}

static caravan_status fill(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value id;
  caravan_record stored;
  caravan_status status;
  (void)user;
#ifdef SLOW
  {
    struct timespec pause = {0, SLOW * 1000000L};
    nanosleep(&pause, 0);
  }
#endif
  status = host.get(call, event->record, text("id"), &id);
  if (status != CARAVAN_OK) return status;
  status = host.record_read(call, text(NAME ".item"), id.as.integer, &stored);
  if (status != CARAVAN_OK) return status;
  status = set_text(call, stored, "code", "filled");
  if (status != CARAVAN_OK) return status;
  return host.record_update(call, stored);
}

static caravan_status version(void* user, caravan_call call, const caravan_request* request) {
  (void)user, (void)request;
#ifdef SLOW_ROUTE
  {
    struct timespec pause = {SLOW_ROUTE / 1000, SLOW_ROUTE % 1000 * 1000000L};
    caravan_record stored;
    nanosleep(&pause, 0);
    (void)host.record_read(call, text(NAME ".item"), 1, &stored);
  }
#endif
  return host.respond(call, 200, text("text/plain"), text(VERSION));
}

static caravan_status create(const caravan_host* given, caravan_call call, void** out) {
  caravan_hook hook;
  caravan_route route;
  caravan_status status;
  (void)out;
  memcpy(&host, given, sizeof host);
#ifdef FAIL
  return host.fail(call, CARAVAN_UNAVAILABLE, text("no licence was found"));
#endif
  memset(&hook, 0, sizeof hook);
  hook.struct_size = sizeof hook;
  hook.entity = text(NAME ".item");
  hook.point = CARAVAN_BEFORE_CREATE;
  hook.run = mark;
  status = host.add_hook(call, &hook);
  if (status != CARAVAN_OK) return status;
  hook.point = CARAVAN_ACTION;
  hook.action = text("fill");
  hook.run = fill;
  status = host.add_hook(call, &hook);
  if (status != CARAVAN_OK) return status;
  memset(&route, 0, sizeof route);
  route.struct_size = sizeof route;
  route.method = text("GET");
  route.path = text("/version");
  route.run = version;
  return host.add_route(call, &route);
}

static void destroy(void* self) { (void)self; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, 0, 0, 0};

/* Compiled with an older, shorter header (headers/abi_short.h): its table has no enable, and it knows less of the host. */
#include <string.h>

#include "abi_short.h"

static caravan_host host;

static caravan_status hook_run(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value value;
  caravan_string name = {"name", 4}, text = {"short", 5};
  struct {
    caravan_call_info info;
    uint64_t canary; /* the host must not write beyond the struct that we know */
  } guarded;
  (void)user;
  memset(&guarded, 0x5A, sizeof guarded);
  guarded.info.struct_size = sizeof guarded.info;
  if (host.call_info(call, &guarded.info) != CARAVAN_OK) return CARAVAN_INTERNAL;
  if (guarded.canary != 0x5A5A5A5A5A5A5A5Au || guarded.info.actor_id != 42) return CARAVAN_INTERNAL;
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_TEXT;
  value.as.text = text;
  return host.set(call, event->record, name, &value);
}

static caravan_status create(const caravan_host* given, caravan_call call, void** out) {
  caravan_hook hook;
  caravan_string entity = {"short_header.item", 17};
  (void)out;
  if (given->struct_size <= sizeof host) return CARAVAN_INTERNAL; /* the server's is longer */
  memcpy(&host, given, sizeof host);
  memset(&hook, 0, sizeof hook);
  hook.struct_size = sizeof hook;
  hook.entity = entity;
  hook.point = CARAVAN_BEFORE_CREATE;
  hook.run = hook_run;
  return host.add_hook(call, &hook);
}

static void destroy(void* self) { (void)self; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, 0, 0, create, destroy};

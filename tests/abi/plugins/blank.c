/* A plugin that does nothing; macros make it faulty in one way or another. */
#define _POSIX_C_SOURCE 200809L
#include "caravan/abi.h"

#ifndef MAJOR
#define MAJOR CARAVAN_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(caravan_plugin)
#endif
#ifndef DESTROY
#define DESTROY destroy
#endif

#ifdef FAIL
static caravan_status create(const caravan_host* host, caravan_call call, void** out) {
  caravan_string why = {"no licence was found", 20};
  (void)out;
  return host->fail(call, CARAVAN_UNAVAILABLE, why);
}
#else
static caravan_status create(const caravan_host* host, caravan_call call, void** out) {
  (void)host, (void)call, (void)out;
  return CARAVAN_OK;
}
#endif

#ifdef MISSING
/* What no library has. */
extern void caravan_test_is_not_there(void);
static void destroy(void* self) {
  (void)self;
  caravan_test_is_not_there();
}
#else
static void destroy(void* self) { (void)self; }
#endif

#ifdef LOADED
/* Runs when the library is mapped: leaves a trace, so that a test sees that it was not. */
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) { setenv(LOADED, "1", 1); }
#endif

#ifndef NO_SYMBOL
const caravan_plugin caravan_plugin_v1 = {SIZE, MAJOR, CARAVAN_ABI_MINOR, 0, create, DESTROY, 0, 0, 0};
#else
caravan_status (*const keep)(const caravan_host*, caravan_call, void**) = create;
void (*const keep_too)(void*) = destroy;
#endif

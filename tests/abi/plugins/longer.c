/* Built with a header newer than the server's: its table is longer. */
#define caravan_plugin_v1 caravan_plugin_v1_of_this_header
#include "caravan/abi.h"
#undef caravan_plugin_v1

static caravan_status create(const caravan_host* host, caravan_call call, void** out) {
  (void)host, (void)call, (void)out;
  return CARAVAN_OK;
}
static void destroy(void* self) { (void)self; }
static void later(void) {}

typedef struct longer_plugin {
  caravan_plugin known;
  void (*later[8])(void);
} longer_plugin;
extern CARAVAN_EXPORT const longer_plugin caravan_plugin_v1;
const longer_plugin caravan_plugin_v1 = {
    {sizeof(longer_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR + 1, 0, create, destroy, 0, 0, 0},
    {later, later, later, later, later, later, later, later}};

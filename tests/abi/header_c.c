#include "caravan/abi.h"

_Static_assert(sizeof(caravan_value) == 24, "fixed for good");
_Static_assert(offsetof(caravan_plugin, abi_major) == 4, "read from the file before anything is run");

int main(void) { return 0; }

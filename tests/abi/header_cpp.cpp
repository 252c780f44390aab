#include <type_traits>

#include "caravan/abi.h"
#include "caravan/decimal.hpp"
#include "caravan/json.hpp"
#include "caravan/plugin.hpp"

// A callback that may throw is of another type, and does not compile as one.
using Unguarded = caravan_status (*)(void*, caravan_call, const caravan_hook_event*);
static_assert(!std::is_convertible_v<Unguarded, caravan_hook_fn>);
static_assert(std::is_standard_layout_v<caravan_host> && std::is_trivial_v<caravan_host>);
static_assert(sizeof(caravan_value) == 24);

int main() {
  return 0;
}

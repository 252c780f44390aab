# find_package(CaravanSdk 1 REQUIRED) gives the target Caravan::Sdk (headers), caravan_add_plugin() and caravan_add_plugin_test().
include_guard(GLOBAL)
get_filename_component(_caravan_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET Caravan::Sdk)
  add_library(Caravan::Sdk INTERFACE IMPORTED)
  set_target_properties(Caravan::Sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_caravan_root}/include")
endif()
unset(_caravan_root)
include("${CMAKE_CURRENT_LIST_DIR}/CaravanPlugin.cmake")

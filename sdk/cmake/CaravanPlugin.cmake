# caravan_add_plugin(NAME SOURCES a.cpp … [MANIFEST plugin.yaml] [DEFINITIONS definitions] [OUTPUT_DIRECTORY dir])
#
# Builds NAME.so, target plugin_NAME: one file with the manifest and every *.yaml of DEFINITIONS (default
# `definitions`; it may be absent) inside. Works with g++ and clang++, GNU ld and lld. The result exports one symbol.
#
# caravan_add_plugin_test(NAME SOURCES a_test.cpp … PLUGIN a.cpp … [LINK library …])
#
# Builds the program NAME_test from the tests and the plugin's own sources, for <caravan/testing.hpp>, and adds it as a test of CTest.
include_guard(GLOBAL)

# The embedded files of a plugin as a source file; for build rules other than caravan_add_plugin.
function(caravan_embed out_variable output manifest definitions)
  get_filename_component(root ${manifest} DIRECTORY)
  get_filename_component(manifest_name ${manifest} NAME)
  if(NOT manifest_name STREQUAL "plugin.yaml")
    message(FATAL_ERROR "${manifest}: the manifest's file name is plugin.yaml")
  endif()
  file(GLOB found CONFIGURE_DEPENDS RELATIVE ${root} ${definitions}/*.yaml)
  list(SORT found)
  list(PREPEND found plugin.yaml)
  list(TRANSFORM found PREPEND ${root}/ OUTPUT_VARIABLE paths)
  list(JOIN found "|" joined)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DROOT=${root} "-DFILES=${joined}" -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/CaravanEmbed.cmake
    DEPENDS ${paths} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/CaravanEmbed.cmake
    COMMENT "Embedding the definitions of ${root}"
    VERBATIM)
  set_source_files_properties(${output} PROPERTIES OBJECT_DEPENDS "${paths}")
  set(${out_variable} ${output} PARENT_SCOPE)
endfunction()

# C++20 without extensions, and C11.
function(caravan_languages target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  if(CMAKE_C_COMPILE_FEATURES)  # a project of C++ alone has none
    target_compile_features(${target} PRIVATE c_std_11)
  endif()
endfunction()

function(caravan_add_plugin_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PLUGIN;LINK" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES OR NOT ARG_PLUGIN)
    message(FATAL_ERROR "caravan_add_plugin_test(${name} SOURCES … PLUGIN …): not understood: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name}_test ${ARG_SOURCES} ${ARG_PLUGIN})
  caravan_languages(${name}_test)
  target_link_libraries(${name}_test PRIVATE Caravan::Sdk ${ARG_LINK})
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()

function(caravan_add_plugin name)
  cmake_parse_arguments(ARG "" "MANIFEST;DEFINITIONS;OUTPUT_DIRECTORY" "SOURCES" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "caravan_add_plugin(${name} SOURCES …): not understood: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "caravan_add_plugin(${name}): a plugin's name consists of a-z, 0-9 and _")
  endif()
  foreach(pair MANIFEST:plugin.yaml DEFINITIONS:definitions)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 key)
    list(GET pair 1 value)
    if(NOT ARG_${key})
      set(ARG_${key} ${value})
    endif()
    get_filename_component(ARG_${key} ${ARG_${key}} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  endforeach()
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  endif()

  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  set(extension cpp)
  if("C" IN_LIST languages)
    set(extension c)
  endif()
  caravan_embed(embedded ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.${extension} ${ARG_MANIFEST} ${ARG_DEFINITIONS})

  add_library(plugin_${name} MODULE ${ARG_SOURCES} ${embedded})
  caravan_languages(plugin_${name})
  set_target_properties(plugin_${name} PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX .so
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY}
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/caravan_plugin.map)
  # STB_GNU_UNIQUE symbols would be shared between plugins whatever their visibility.
  target_compile_options(plugin_${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>
    -ffunction-sections -fdata-sections)
  target_link_options(plugin_${name} PRIVATE
    -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/caravan_plugin.map -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
  if(NOT CARAVAN_SANITIZE)  # the sanitizers' functions come from the server's executable
    target_link_options(plugin_${name} PRIVATE -Wl,-z,defs)
  endif()
  target_link_libraries(plugin_${name} PRIVATE Caravan::Sdk)
endfunction()

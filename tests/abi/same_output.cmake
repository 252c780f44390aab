# Two programs print the same.
execute_process(COMMAND ${CURRENT} OUTPUT_VARIABLE current COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${FROZEN} OUTPUT_VARIABLE frozen COMMAND_ERROR_IS_FATAL ANY)
if(NOT current STREQUAL frozen OR frozen STREQUAL "")
  message(FATAL_ERROR "The ABI has changed. Now:\n${current}\nWhen it was frozen:\n${frozen}")
endif()

# cmake -DOUTPUT=file.c -DROOT=dir -DFILES=plugin.yaml|definitions/a.yaml|… -P CaravanEmbed.cmake
#
# Writes a source file (C and C++ alike) that holds the named files in the section `caravan_manifest`:
#   magic "CARAVAN1", u32 size of it all, u32 number of files;
#   a file: u32 offset and u32 length of its name, u32 offset and u32 length of its content, 32 bytes SHA-256 of it;
#   then names and contents. Offsets count from the magic; numbers are in the machine's byte order.
# The flag R (retain) keeps the section through --gc-sections, a (alloc) through strip.
cmake_minimum_required(VERSION 3.20)
string(REPLACE "|" ";" files "${FILES}")
set(index "")
set(content "")
set(number 0)
foreach(file IN LISTS files)
  if(NOT file MATCHES "^[A-Za-z0-9_./-]+$")
    message(FATAL_ERROR "${file}: names of embedded files consist of letters, digits and _ . / -")
  endif()
  file(SHA256 ${ROOT}/${file} hash)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hash}")
  string(REGEX REPLACE ",$" "" bytes "${bytes}")
  string(REPLACE "\\" "\\\\" path "${ROOT}/${file}")
  string(REPLACE "\"" "\\\"" path "${path}")
  string(REPLACE "\\" "\\\\" path "${path}")
  string(REPLACE "\"" "\\\"" path "${path}")
  set(l .Lcaravan_${number})
  string(APPEND index
    "  \".long ${l}n-.Lcaravan, ${l}c-${l}n, ${l}c-.Lcaravan, ${l}e-${l}c\\n\"\n"
    "  \".byte ${bytes}\\n\"\n")
  string(APPEND content
    "  \"${l}n: .ascii \\\"${file}\\\"\\n\"\n"
    "  \"${l}c: .incbin \\\"${path}\\\"\\n\"\n"
    "  \"${l}e:\\n\"\n")
  math(EXPR number "${number} + 1")
endforeach()
string(CONCAT text
  "/* Made by caravan_add_plugin; ${number} files. */\n__asm__(\n"
  "  \".pushsection caravan_manifest,\\\"aR\\\",%progbits\\n\"\n"
  "  \".balign 8\\n\"\n"
  "  \".Lcaravan: .ascii \\\"CARAVAN1\\\"\\n\"\n"
  "  \".long .Lcaravan_end-.Lcaravan, ${number}\\n\"\n"
  "${index}" "${content}"
  "  \".Lcaravan_end:\\n\"\n"
  "  \".popsection\\n\");\n")
file(WRITE ${OUTPUT} "${text}")

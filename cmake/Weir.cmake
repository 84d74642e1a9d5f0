# How a Weir target is built: weir_library(FOLDER SOURCES... USES...), weir_program(NAME SOURCES... USES...), weir_unit_test(FOLDER FILE USES...).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(H2O REQUIRED IMPORTED_TARGET libh2o-evloop)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(MYSQL REQUIRED IMPORTED_TARGET mysqlclient)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)

# Flags of every target, kept in one interface target instead of global variables.
add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE H2O_USE_LIBUV=0 WEIR_VERSION="${PROJECT_VERSION}"
                           $<$<BOOL:${WEIR_CRASH_POINTS}>:WEIR_CRASH_POINTS>
                           $<$<BOOL:${WEIR_PLANTED_BUGS}>:WEIR_PLANTED_BUGS>)
target_compile_options(weir_flags INTERFACE -UNDEBUG -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Werror
                       -fno-omit-frame-pointer
                       $<$<C_COMPILER_ID:Clang>:-Wno-string-conversion>) # of assert(!"words"), which gcc's -Wconversion lets be
target_link_libraries(weir_flags INTERFACE Threads::Threads)
if(WEIR_SANITIZE STREQUAL "address")
  target_compile_options(weir_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=address,undefined)
  # The leak check looks at the stacks of those threads that it knows; see the file.
  add_library(weir_asan OBJECT ${CMAKE_SOURCE_DIR}/tests/support/c11_threads.c)
  target_compile_options(weir_asan PRIVATE -Wall -Wextra -Werror -fsanitize=address,undefined)
  target_link_libraries(weir_flags INTERFACE $<TARGET_OBJECTS:weir_asan>)
elseif(WEIR_SANITIZE STREQUAL "thread")
  target_compile_options(weir_flags INTERFACE -fsanitize=thread)
  target_link_options(weir_flags INTERFACE -fsanitize=thread)
  # What the sanitizer must see, and must not tell, of librdkafka; see the files.
  add_library(weir_tsan OBJECT ${CMAKE_SOURCE_DIR}/tests/support/c11_threads.c ${CMAKE_SOURCE_DIR}/tests/support/tsan_suppressions.c)
  target_compile_options(weir_tsan PRIVATE -Wall -Wextra -Werror -fsanitize=thread)
  target_link_libraries(weir_flags INTERFACE $<TARGET_OBJECTS:weir_tsan>)
elseif(WEIR_SANITIZE STREQUAL "fuzzer") # clang's; tests/fuzz adds the loop that feeds the inputs
  target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=address,undefined)
elseif(NOT WEIR_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEIR_SANITIZE is '${WEIR_SANITIZE}'; it must be empty, address, thread or fuzzer")
endif()

function(weir_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(weir_${folder} STATIC ${ARG_SOURCES})
  target_link_libraries(weir_${folder} PUBLIC weir_flags ${ARG_USES})
endfunction()

function(weir_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weir_flags ${ARG_USES})
endfunction()

function(weir_unit_test folder file)
  set(target unit_${folder}_${file})
  add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/test_${file}.c)
  target_link_libraries(${target} PRIVATE weir_flags ${ARGN} cmocka)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME unit/${folder}/${file} COMMAND ${target})
  set_tests_properties(unit/${folder}/${file} PROPERTIES LABELS unit TIMEOUT 60)
endfunction()

# Turns text files into a C source with one string each: weir_embed(OUTPUT.c NAME=FILE ...).
function(weir_embed output)
  set(files)
  foreach(pair ${ARGN})
    string(REGEX REPLACE "^[^=]*=" "" file ${pair})
    list(APPEND files ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DPAIRS=${ARGN}" -DROOT=${CMAKE_CURRENT_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake VERBATIM)
endfunction()

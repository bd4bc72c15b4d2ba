# Included before the rooms when DREAMRUNNER_FUZZ is on: everything that the fuzzers read with is compiled for them.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "the fuzzers need clang with libFuzzer, found ${CMAKE_CXX_COMPILER_ID}; configure with -DCMAKE_CXX_COMPILER=clang++")
endif()
set(DREAMRUNNER_ROOMS base text media catalogue story plan CACHE STRING "Rooms to build; a shorter list builds a part of the program alone")
set(BUILD_TESTING OFF CACHE BOOL "" FORCE)
add_compile_options(-g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
add_link_options(-fsanitize=address,undefined)

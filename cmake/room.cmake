# A room is one folder below src/ and one static library: dreamrunner_room(NAME [TORCH] SOURCES ... DEPS rooms... LINK libraries...).
# TORCH rooms share one precompiled ATen header, which the room `tensor` makes.
add_library(dreamrunner_warnings INTERFACE)
target_compile_options(dreamrunner_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)

function(dreamrunner_room name)
  cmake_parse_arguments(ROOM "TORCH" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ROOM_DEPS} ${ROOM_LINK} PRIVATE dreamrunner_warnings)
  if(ROOM_TORCH)
    target_link_libraries(${name} PUBLIC libtorch)
    if(name STREQUAL "tensor")
      target_precompile_headers(${name} PRIVATE <ATen/ATen.h>)
    else()
      target_precompile_headers(${name} REUSE_FROM tensor)
    endif()
  endif()
endfunction()

# dreamrunner_test(ROOM [TORCH] [LABELS ...] SOURCES ... LINK ...): one test program a room, tests found by CTest.
function(dreamrunner_test room)
  cmake_parse_arguments(TEST "TORCH" "NAME" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT TEST_NAME)
    set(TEST_NAME ${room})
  endif()
  set(target ${TEST_NAME}_test)
  add_executable(${target} ${TEST_SOURCES})
  # Position independent like the rooms: a precompiled header serves only code that is compiled alike.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_link_libraries(${target} PRIVATE ${room} ${TEST_LINK} test_support GTest::gmock GTest::gtest_main dreamrunner_warnings)
  if(TEST_TORCH)
    target_precompile_headers(${target} REUSE_FROM tensor)
  endif()
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${TEST_NAME}. PROPERTIES LABELS "${TEST_LABELS}"
    # Tiny tensors, and several tests at once: threads that wait for each other would only heat the machine.
    ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()

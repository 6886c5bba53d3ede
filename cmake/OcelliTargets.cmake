# Functions that declare this project's targets, so that each module's own list is short.

# ocelli_module(NAME SOURCES a.cpp ... DEPENDS other modules ... LINK private libraries ... PUBLIC public libraries ...)
# A static library ocelli_NAME of src/NAME. DEPENDS names modules of ours: the layering check reads it.
function(ocelli_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LINK;PUBLIC" ${ARGN})
  set(target ocelli_${name})
  string(REPLACE "/" "_" target ${target})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_LINK})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/src)
  foreach(module IN LISTS arg_DEPENDS)
    string(REPLACE "/" "_" module ${module})
    target_link_libraries(${target} ${scope} ocelli_${module})
  endforeach()
  target_link_libraries(${target} ${scope} ${arg_PUBLIC})
endfunction()

# ocelli_backend(NAME SOURCES ... LINK ...): a module libocelli_backend_NAME.so in BUILD/backends, loaded at run time. It may
# use base, tensor and runtime, and exports nothing but its entry point.
function(ocelli_backend name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;INCLUDE" ${ARGN})
  set(target ocelli_backend_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ocelli_runtime ${arg_LINK})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_include_directories(${target} SYSTEM PRIVATE ${arg_INCLUDE})
  set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/backends)
  if(NOT OCELLI_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL)
  endif()
  set_property(GLOBAL APPEND PROPERTY OCELLI_BACKENDS ${target})
  ocelli_install_module(${target})
endfunction()

# What the program opens at run time lies in lib/ocelli/backends of an installation, which it finds from where it lies itself. A module
# that this build has not made is left out.
function(ocelli_install_module target)
  install(TARGETS ${target} LIBRARY DESTINATION lib/ocelli/backends OPTIONAL)
endfunction()

# ocelli_test(NAME SOURCES ... LINK modules ... LABELS ring): a GoogleTest program NAME_test, registered with ctest as one entry
# per test program, which is reported as skipped when all its cases were. Rings: unit (default, under a minute together), integration, slow.
function(ocelli_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  set(target ${name}_test)
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE ${arg_LINK} GTest::gtest GTest::gmock ocelli_test_main)
  add_test(NAME ${name} COMMAND ${target})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(OCELLI_SANITIZE OR CMAKE_CROSSCOMPILING_EMULATOR)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
                       ENVIRONMENT "OCELLI_BACKEND_DIR=${CMAKE_BINARY_DIR}/backends")
endfunction()

# ocelli_gpu_test(NAME PROGRAM FILTER): the cases of a test program that need an NVIDIA card, as a ctest entry with the label gpu, which
# ctest reports as skipped where there is no card.
function(ocelli_gpu_test name program filter)
  add_test(NAME ${name} COMMAND ${program} --gtest_filter=${filter})
  set_tests_properties(${name} PROPERTIES LABELS gpu TIMEOUT 900 RUN_SERIAL ON FIXTURES_REQUIRED test_models SKIP_RETURN_CODE 77
                       ENVIRONMENT "OCELLI_BACKEND_DIR=${CMAKE_BINARY_DIR}/backends;OCELLI_TEST_MODELS=${CMAKE_BINARY_DIR}/test_models")
endfunction()

# ocelli_fuzzer(NAME SOURCES ... LINK ...): a libFuzzer program fuzz_NAME (preset fuzz). Its corpus is tests/fuzz/corpus/NAME; every input that ever
# broke something is kept there. tests/fuzz/run runs all of them for a bounded time.
function(ocelli_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(fuzz_${name} ${arg_SOURCES})
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LINK})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  add_dependencies(fuzzers fuzz_${name})
endfunction()

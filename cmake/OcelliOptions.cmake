# What a build can be told, and the compiler flags that every target shares.
option(OCELLI_BUILD_TESTS "Build the tests" ON)
option(OCELLI_BUILD_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
option(OCELLI_BUILD_BENCHMARKS "Build benchmarks/" OFF)
option(OCELLI_WERROR "Treat warnings as errors" ON)
set(OCELLI_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")
set(OCELLI_BACKEND_OPENVINO AUTO CACHE STRING "OpenVINO backend: AUTO (when found), ON (or fail), OFF")
set(OCELLI_BACKEND_ONNXRUNTIME AUTO CACHE STRING "ONNX Runtime backend: AUTO (when found), ON (or fail), OFF")
set(OCELLI_BACKEND_ARMNN AUTO CACHE STRING "ARM NN backend: AUTO (when found), ON (or fail), OFF")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Assertions stay on in release: they guard states that only our own mistakes can reach.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(OCELLI_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside inlined standard containers where there is no fault.
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized)
endif()
if(OCELLI_SANITIZE)
  # Undefined behaviour ends the program, as the other findings do: a test must not pass over it.
  add_compile_options(-fsanitize=${OCELLI_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${OCELLI_SANITIZE})
  # The standard library's own checks: an empty optional that is read, an index beyond a vector's end.
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

if(OCELLI_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(OCELLI_CCACHE ccache)
if(OCELLI_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros ${OCELLI_CCACHE})
endif()
# Cross compilers look for linkers of their own names only. Not mold 1.10, which is quicker: one program in some hundred
# does not start, because its .tbss ends up on a page before the writable segment, which the loader cannot protect
# (mold's issue 1151).
find_program(OCELLI_LLD ld.lld)
if(OCELLI_LLD AND NOT CMAKE_CROSSCOMPILING)
  add_link_options(-fuse-ld=lld)
endif()

# Names inside __FILE__ and std::source_location are short and the same on every machine.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

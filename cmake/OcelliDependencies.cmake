# Finds what tools/setup/setup installed. Nothing is downloaded here.
set(OCELLI_DEPS ${CMAKE_SOURCE_DIR}/.deps CACHE PATH "Folder that tools/setup/setup fills")
set(OCELLI_PYTHON ${OCELLI_DEPS}/python/bin/python)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(png REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp)

# Asio and Beast as headers alone. Asio's handler tracking and deprecated names stay out.
add_library(ocelli_asio INTERFACE)
target_link_libraries(ocelli_asio INTERFACE Threads::Threads OpenSSL::SSL)
target_include_directories(ocelli_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(ocelli_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

if(OCELLI_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

# OpenVINO: the wheel in .deps, or an installed one named by OpenVINO_DIR.
if(NOT OpenVINO_DIR)
  file(GLOB OpenVINO_DIR ${OCELLI_DEPS}/python/lib/python3*/site-packages/openvino/cmake)
endif()
if(NOT OCELLI_BACKEND_OPENVINO STREQUAL "OFF")
  find_package(OpenVINO QUIET COMPONENTS Runtime PATHS ${OpenVINO_DIR} NO_DEFAULT_PATH)
  if(OCELLI_BACKEND_OPENVINO STREQUAL "ON" AND NOT OpenVINO_FOUND)
    message(FATAL_ERROR "OCELLI_BACKEND_OPENVINO=ON, but OpenVINO was not found: run tools/setup/setup or set OpenVINO_DIR")
  endif()
endif()

# ONNX Runtime: headers from ONNXRUNTIME_ROOT or .deps. The library is opened at run time, so only its folder is noted here.
if(NOT OCELLI_BACKEND_ONNXRUNTIME STREQUAL "OFF")
  find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_c_api.h HINTS $ENV{ONNXRUNTIME_ROOT}/include ${OCELLI_DEPS}/include/onnxruntime
            NO_DEFAULT_PATH)
  if(DEFINED ENV{ONNXRUNTIME_ROOT})
    set(ONNXRUNTIME_LIBRARY_DIR $ENV{ONNXRUNTIME_ROOT}/lib)
  else()
    file(GLOB ONNXRUNTIME_LIBRARY_DIR ${OCELLI_DEPS}/python/lib/python3*/site-packages/onnxruntime/capi)
  endif()
  if(OCELLI_BACKEND_ONNXRUNTIME STREQUAL "ON" AND NOT ONNXRUNTIME_INCLUDE_DIR)
    message(FATAL_ERROR "OCELLI_BACKEND_ONNXRUNTIME=ON, but its headers were not found: run tools/setup/setup or set ONNXRUNTIME_ROOT")
  endif()
endif()

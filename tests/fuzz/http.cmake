ocelli_fuzzer(http_request SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_http_request.cpp LINK ocelli_transport_http)

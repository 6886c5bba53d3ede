ocelli_fuzzer(rest_request SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_rest_request.cpp LINK ocelli_protocols_rest_router ocelli_transport_http)

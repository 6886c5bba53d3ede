ocelli_fuzzer(grpc_session SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_grpc_session.cpp LINK ocelli_transport_grpc PkgConfig::nghttp2)

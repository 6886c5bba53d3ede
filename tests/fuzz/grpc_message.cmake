ocelli_fuzzer(grpc_message SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_grpc_message.cpp
              LINK ocelli_protocols_kserve_grpc ocelli_protocols_tfserving_grpc ocelli_proto)

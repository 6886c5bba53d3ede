ocelli_fuzzer(tfs_json SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_tfs_json.cpp LINK ocelli_protocols_tfserving)

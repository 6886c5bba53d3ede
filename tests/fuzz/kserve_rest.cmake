ocelli_fuzzer(kserve_json SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_kserve_json.cpp LINK ocelli_protocols_kserve)
ocelli_fuzzer(kserve_binary SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_kserve_binary.cpp LINK ocelli_protocols_kserve)

ocelli_fuzzer(batch_notes SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_batch_notes.cpp LINK ocelli_scheduling)

ocelli_fuzzer(machine_files SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_machine_files.cpp LINK ocelli_inventory)

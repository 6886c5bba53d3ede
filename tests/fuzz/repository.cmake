ocelli_fuzzer(config_json SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_config_json.cpp LINK ocelli_repository)
ocelli_fuzzer(model_parameters SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_model_parameters.cpp LINK ocelli_repository)
ocelli_fuzzer(target_device SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_target_device.cpp LINK ocelli_devices)

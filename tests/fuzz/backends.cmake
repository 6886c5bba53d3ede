ocelli_fuzzer(onnx_file SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_onnx_file.cpp LINK ocelli_backends_onnx_file)
ocelli_fuzzer(packed_strings SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_packed_strings.cpp LINK ocelli_tensor)
ocelli_fuzzer(openvino_worker_message SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_openvino_worker_message.cpp LINK ocelli_backends_openvino_c_protocol)

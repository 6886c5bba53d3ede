ocelli_fuzzer(image_decode SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_image_decode.cpp LINK ocelli_image)

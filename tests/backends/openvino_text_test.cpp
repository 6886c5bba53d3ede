// What OpenVINO's messages mean, which is all that it says of a device that is full or gone.
#include <gtest/gtest.h>

#include "backends/openvino_text/error_text.hpp"

namespace ocelli::openvino {
namespace {

StatusCode code_of(std::string_view text) { return code_of_error(text, StatusCode::kInternal); }

// As the GPU plugin of 2024 to 2026 and the NPU's write them.
TEST(OpenvinoErrorText, AFullDeviceIsRecognised) {
  for (const auto* full :
       {"[GPU] Exceeded max size of memory object allocation: requested 5368709120 bytes, but max alloc size is "
        "4294959104",
        "[GPU] Exceeded max size of memory allocation: requested 17179869184 bytes, but 1073741824 are available",
        "[GPU] out of GPU resources", "[GPU] CL_OUT_OF_RESOURCES exception.\n\tThe CL_OUT_OF_RESOURCES error typically",
        "Exception from src/plugins/intel_gpu/src/runtime/ocl/ocl_stream.cpp:365:\n[GPU] clFlush, error code: -5",
        "[GPU] clEnqueueNDRangeKernel, error code: -4 CL_MEM_OBJECT_ALLOCATION_FAILURE",
        "L0 zeMemAllocDevice result: ZE_RESULT_ERROR_OUT_OF_DEVICE_MEMORY, code 0x70000003"}) {
    EXPECT_EQ(code_of(full), StatusCode::kResourceExhausted) << full;
  }
}

TEST(OpenvinoErrorText, ALostDeviceIsRecognised) {
  for (const auto* lost : {"L0 zeCommandQueueExecuteCommandLists result: ZE_RESULT_ERROR_DEVICE_LOST, code 0x70000001",
                           "ZE_RESULT_ERROR_DEVICE_REQUIRES_RESET", "[GPU] clWaitForEvents, error code: -14",
                           "[GPU] clFinish, error code: -2",
                           "[GPU] clWaitForEvents, error code: -14 CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
                           "NC_ERROR: X_LINK_ERROR"}) {
    EXPECT_EQ(code_of(lost), StatusCode::kUnavailable) << lost;
  }
}

TEST(OpenvinoErrorText, OtherErrorsKeepTheirCode) {
  for (const auto* other : {"[GPU] clSetKernelArg, error code: -48", "[GPU] clBuildProgram, error code: -50",
                            "[GPU] clFinish, error code: ", "clFinish, error code: -5 of somebody else", ""}) {
    EXPECT_EQ(code_of(other), StatusCode::kInternal) << other;
  }
}

}  // namespace
}  // namespace ocelli::openvino

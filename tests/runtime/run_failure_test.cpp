#include "runtime/run_failure.hpp"

#include <gtest/gtest.h>

namespace ocelli {
namespace {

TEST(RunFailure, ShapesThatDoNotGoTogetherAreTheRequestsFault) {
  for (const char* message : {"Non-zero status code returned while running Add node: axis mismatch in broadcast shape",
                              "Shape inference of Reshape failed", "Dimension 1 of MatMul: 3 != 4",
                              "Incompatible dimensions for matrix multiplication"}) {
    const auto judged = judge_run_failure(internal_error(message), true);
    EXPECT_EQ(judged.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(judged.message(), std::string("the model refuses these shapes: ") + message);
    EXPECT_EQ(judge_run_failure(internal_error(message), false).code(), StatusCode::kInternal)
        << "a model of fixed shapes was given those";
  }
}

TEST(RunFailure, AnythingElseStaysAsItIs) {
  for (const auto& status : {Status(), internal_error("out of registers"), unavailable("the shape of things is lost"),
                             Status(StatusCode::kResourceExhausted, "no memory for shape 1x9")}) {
    EXPECT_EQ(judge_run_failure(status, true).to_string(), status.to_string());
  }
}

}  // namespace
}  // namespace ocelli

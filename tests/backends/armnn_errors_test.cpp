// What ARM NN's messages about failures mean, and that they are had where it says nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <armnn/IRuntime.hpp>
#include <thread>

#include "backends/armnn/run_error.hpp"
#include "backends/armnn/run_log.hpp"

namespace ocelli::arm_nn {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStdout;

// As GpuAcc writes them: LoadedNetwork.cpp and ClWorkloadUtils.hpp of ARM NN.
std::string logged(const std::string& call, int number) {
  return "Error: An error occurred attempting to execute a workload: CL error: " + call +
         ". Error code: " + std::to_string(number) + " at function RunClFunction [../src/ClWorkloadUtils.hpp:143]";
}

TEST(ArmnnErrors, AFullGpuIsRecognised) {
  EXPECT_EQ(run_error(logged("clEnqueueNDRangeKernel", -5)).to_string(),
            "RESOURCE_EXHAUSTED: ARM NN failed to run the model: CL error: clEnqueueNDRangeKernel. Error code: -5");
  EXPECT_EQ(run_error(logged("clCreateBuffer", -4)).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of_error("clCreateBuffer", StatusCode::kInternal), StatusCode::kResourceExhausted);
}

TEST(ArmnnErrors, ALostGpuIsRecognised) {
  EXPECT_EQ(run_error(logged("clFinish", -14)).code(), StatusCode::kUnavailable);
  EXPECT_EQ(run_error(logged("clFlush", -2)).code(), StatusCode::kUnavailable);
}

TEST(ArmnnErrors, OtherFailuresAreInternal) {
  EXPECT_EQ(run_error(logged("clSetKernelArg", -48)).code(), StatusCode::kInternal);
  EXPECT_EQ(run_error(logged("clSetKernelArg", -50)).code(), StatusCode::kInternal);
  EXPECT_EQ(run_error("Warning: slow\n\nError: broken \n").to_string(),
            "INTERNAL: ARM NN failed to run the model: slow; broken");
  EXPECT_EQ(run_error("").to_string(), "INTERNAL: ARM NN failed to run the model and did not say why");
}

TEST(ArmnnErrors, LongTextsAreCut) {
  const auto status = run_error(std::string(5000, 'x'));
  EXPECT_LT(status.message().size(), 700U);
  EXPECT_THAT(std::string(status.message()), HasSubstr("xx..."));
}

// The real library, which warns of folders without backends.
void make_it_warn() {
  ::armnn::IRuntime::CreationOptions options;
  options.m_DynamicBackendsPath = "/nowhere/backends";
  ::armnn::IRuntime::Create(options);
}

TEST(ArmnnErrors, WhatTheLibraryLogsReachesItsOwnThreadAndNobodyElse) {
  RunLog::take_over();
  RunLog::take_over();
  CaptureStdout();
  const RunLog here;
  std::string there;
  std::thread([&there] {
    const RunLog log;
    make_it_warn();
    there = log.text();
  }).join();
  EXPECT_THAT(there, HasSubstr("/nowhere/backends"));
  EXPECT_EQ(here.text(), "");
  make_it_warn();
  EXPECT_THAT(here.text(), HasSubstr("/nowhere/backends"));
  EXPECT_LE(here.text().size(), 2000U);
  EXPECT_EQ(GetCapturedStdout(), "");
}

TEST(ArmnnErrors, ALogThatIsOverTakesNothing) {
  RunLog::take_over();
  { const RunLog over; }
  make_it_warn();
  const RunLog log;
  EXPECT_EQ(log.text(), "");
}

}  // namespace
}  // namespace ocelli::arm_nn

// The library is found in every way that OpenVINO is unpacked or installed.
#include "backends/openvino_c/library_location.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/backend_fixture.hpp"

namespace ocelli::openvino_c {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void touch(const testing::TemporaryFolder& folder, const fs::path& file) {
  fs::create_directories((folder.path() / file).parent_path());
  folder.write(file, "");
}

TEST(LibraryLocation, AnInstallationAsItUnpacks) {
  const testing::TemporaryFolder folder;
  touch(folder, "runtime/lib/intel64/libopenvino_c.so");
  touch(folder, "runtime/3rdparty/tbb/lib/libtbb.so.2");
  touch(folder, "runtime/3rdparty/hddl/lib/libhddl.so");
  const auto found = locate_library(folder.path());
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->library, folder.path() / "runtime/lib/intel64/libopenvino_c.so");
  EXPECT_THAT(found->environment.at("LD_LIBRARY_PATH"),
              StartsWith((folder.path() / "runtime/lib/intel64").string() + ":" +
                         (folder.path() / "runtime/3rdparty/tbb/lib").string() + ":" +
                         (folder.path() / "runtime/3rdparty/hddl/lib").string()));
  EXPECT_EQ(found->environment.at("HDDL_INSTALL_DIR"), (folder.path() / "runtime/3rdparty/hddl").string());
}

TEST(LibraryLocation, APythonPackageAndTheLibraryItself) {
  const testing::TemporaryFolder folder;
  touch(folder, "openvino/libs/libopenvino_c.so.2460");
  const fs::path library = folder.path() / "openvino/libs/libopenvino_c.so.2460";
  for (const auto& given : {folder.path(), folder.path() / "openvino", folder.path() / "openvino/libs", library}) {
    const auto found = locate_library(given);
    ASSERT_TRUE(found.ok()) << given;
    EXPECT_EQ(found->library, library);
    EXPECT_FALSE(found->environment.contains("HDDL_INSTALL_DIR"));
  }
}

TEST(LibraryLocation, WhatIsMissingIsToldWithTheRemedy) {
  const testing::TemporaryFolder folder;
  touch(folder, "runtime/lib/intel64/libopenvino.so");
  const auto found = locate_library(folder.path());
  EXPECT_EQ(found.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(found.status().message()),
              AllOf(HasSubstr("no libopenvino_c.so"), HasSubstr("runtime/lib/intel64"), HasSubstr("2022.3 LTS"),
                    HasSubstr("--openvino_legacy_dir")));
}

}  // namespace
}  // namespace ocelli::openvino_c

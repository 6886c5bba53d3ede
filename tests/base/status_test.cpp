#include "base/status.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ocelli {
namespace {

TEST(Status, SuccessCarriesNothing) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.to_string(), "OK");
  EXPECT_EQ(sizeof(Status), sizeof(void*));
}

TEST(Status, CopiesAreIndependent) {
  Status original = not_found("no such model");
  const Status copy = original;
  original = Status();
  EXPECT_EQ(copy.code(), StatusCode::kNotFound);
  EXPECT_EQ(copy.message(), "no such model");
}

TEST(Status, EveryCodeHasItsRow) {
  std::set<std::string_view> names;
  for (int value = 0; value <= static_cast<int>(StatusCode::kUnavailable); ++value) {
    const auto code = static_cast<StatusCode>(value);
    EXPECT_TRUE(names.insert(status_code_name(code)).second) << "code " << value << " shares its name";
    EXPECT_GE(http_status(code), 200);
    EXPECT_LE(grpc_status(code), 16);
  }
  EXPECT_EQ(http_status(StatusCode::kNotLoadedYet), 404);
  EXPECT_EQ(grpc_status(StatusCode::kNotLoadedYet), 14);
  EXPECT_EQ(http_status(StatusCode::kMethodNotAllowed), 406);
  EXPECT_EQ(http_status(StatusCode::kFailedPrecondition), 412);
}

TEST(Result, HoldsValueOrError) {
  const Result<int> good(7);
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, 7);
  const Result<int> bad(invalid_argument("seven wanted"));
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().message(), "seven wanted");
}

}  // namespace
}  // namespace ocelli

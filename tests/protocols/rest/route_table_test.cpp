#include "protocols/rest/route_table.hpp"

#include <gtest/gtest.h>

namespace ocelli::rest {
namespace {

using transport::HttpMethod;

constexpr RoutePattern kPatterns[] = {
    {HttpMethod::kPost, "/v2/models/{name}/infer"},
    {HttpMethod::kGet, "/v2/models/{name}"},
    {HttpMethod::kGet, "/v2/models/{name}/versions/{version}"},
    {HttpMethod::kPost, "/v1/models/{model}/versions/{version}:predict"},
    {HttpMethod::kPost, "/v1/models/{model}/labels/{label}:predict"},
    {HttpMethod::kPost, "/v1/models/{model}:predict"},
    {HttpMethod::kGet, "/v1/models/{model}"},
    {HttpMethod::kGet, "/v2"},
};

struct Found {
  Result<std::size_t> route;
  RouteParameters parameters;
};

Found find(HttpMethod method, std::string_view path) {
  RouteParameters parameters;
  auto route = find_route(kPatterns, method, path, parameters);
  return {std::move(route), std::move(parameters)};
}

std::string error(HttpMethod method, std::string_view path) { return find(method, path).route.status().to_string(); }

TEST(RouteTable, FillsPlaceholders) {
  auto found = find(HttpMethod::kPost, "/v2/models/a:b/infer");
  ASSERT_TRUE(found.route.ok());
  EXPECT_EQ(*found.route, 0u);
  EXPECT_EQ(found.parameters.name, "a:b");
  EXPECT_FALSE(found.parameters.version);
  found = find(HttpMethod::kPost, "/v1/models/m/versions/12:predict");
  EXPECT_EQ(*found.route, 3u);
  EXPECT_EQ(found.parameters.name, "m");
  EXPECT_EQ(found.parameters.version, 12);
  found = find(HttpMethod::kPost, "/v1/models/m/labels/stable:predict");
  EXPECT_EQ(*found.route, 4u);
  EXPECT_FALSE(found.parameters.version);
  EXPECT_FALSE(find(HttpMethod::kGet, "/v2/models/m/versions/0").parameters.version) << "0 means the default version";
  EXPECT_EQ(*find(HttpMethod::kGet, "/v2/models/m/").route, 1u) << "a slash at the end";
  EXPECT_EQ(*find(HttpMethod::kGet, "/v2/").route, 7u);
}

TEST(RouteTable, DecodesNames) {
  const auto found = find(HttpMethod::kGet, "/v2/models/a%20b%2Fc%c3%a9");
  ASSERT_TRUE(found.route.ok());
  EXPECT_EQ(found.parameters.decoded, "a b/c\xC3\xA9");
}

TEST(RouteTable, RefusesPathsThatItDoesNotKnow) {
  for (const char* path :
       {"", "v2", "/", "/v", "/v2/models", "/v2/models/m/infer/x", "//v2", "/v2//models/m", "/v2/models//infer",
        "/v2/models/m/versions/x", "/v2/models/m/versions/-1", "/v2/models/../etc", "/v2/models/%2e%2e",
        "/v2/models/a%2", "/v2/models/%zz", "/V2", "/v1/models/m:explain", "/v1/models/:predict"}) {
    EXPECT_EQ(error(HttpMethod::kGet, path), "INVALID_ARGUMENT: Invalid request URL") << path;
  }
  EXPECT_EQ(error(HttpMethod::kGet, "/v2/models/m/versions/99999999999999999999"),
            "INVALID_ARGUMENT: invalid model version format in request");
}

TEST(RouteTable, TellsMethodsThatDoNotFit) {
  const std::string expected = "METHOD_NOT_ALLOWED: Unsupported method";
  EXPECT_EQ(error(HttpMethod::kGet, "/v1/models/m:predict"), expected);
  EXPECT_EQ(error(HttpMethod::kPost, "/v2"), expected);
  EXPECT_EQ(error(HttpMethod::kPut, "/v2"), expected);
  EXPECT_EQ(error(HttpMethod::kDelete, "/nope"), expected);
  EXPECT_EQ(error(HttpMethod::kHead, "/v2"), expected);
}

}  // namespace
}  // namespace ocelli::rest

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <future>

#include "protocols/json/base64.hpp"
#include "protocols/rest_router/router_fixture.hpp"

namespace ocelli::rest {
namespace {

using serving::VersionState;

class AdminTest : public RouterTest {};

std::string version(const std::string& number, const std::string& state, const std::string& error) {
  return "{\n \"model_version_status\": [\n  {\n   \"version\": \"" + number + "\",\n   \"state\": \"" + state +
         "\",\n   \"status\": {\n    \"error_code\": \"" + error + "\",\n    \"error_message\": \"" + error +
         "\"\n   }\n  }\n ]\n}";
}

TEST_F(AdminTest, ConfigStatusIsTheExampleOfTheSpecification) {
  catalog.add_status("bad", {1, VersionState::kLoading, StatusCode::kInternal, "broken file"});
  catalog.add_empty("empty");
  EXPECT_EQ(got("/v1/config"), "200 {\n\"bad\" : \n" + version("1", "LOADING", "UNKNOWN") + ",\n\"dummy\" : \n" +
                                   version("1", "AVAILABLE", "OK") +
                                   ",\n\"empty\" : \n{\n \"model_version_status\": []\n}\n}");
}

TEST_F(AdminTest, ConfigStatusWithoutModelsIsEmpty) {
  test::FakeCatalog none;
  RestRouter other(RestServices(none, background));
  test::FakeHttpExchange exchange(transport::HttpMethod::kGet, "/v1/config");
  other.handle(exchange);
  EXPECT_EQ(exchange.reply(), "{}");
}

TEST_F(AdminTest, ReloadSaysWhetherAnythingChanged) {
  const std::string status = "{\n\"dummy\" : \n" + version("1", "AVAILABLE", "OK") + "\n}";
  EXPECT_EQ(posted("/v1/config/reload"), "200 " + status);
  catalog.reload_result = serving::ReloadOutcome::kReloaded;
  EXPECT_EQ(posted("/v1/config/reload"), "201 " + status);
  catalog.reload_result = failed_precondition("Reloading config file failed. Check server logs for more info.");
  EXPECT_EQ(posted("/v1/config/reload"),
            "412 {\n\t\"error\": \"Reloading config file failed. Check server logs for more info.\"\n}");
  catalog.reload_result = internal_error("Config file not found or cannot open.");
  EXPECT_EQ(post("/v1/config/reload").status, 500);
  EXPECT_EQ(get("/v1/config/reload").status, 406);
}

TEST_F(AdminTest, FilesOfAModelAreCountedAsTheyAreRead) {
  std::string body = R"({"parameters":{"config":"{}")";
  for (std::size_t i = 0; i <= serving::SentModel::kMostFiles; ++i) body += R"(,"file:":"")";
  const auto reply = post("/v2/repository/models/m/load", body + "}}");
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("at most 256 files expected with a request"), std::string::npos) << reply.body;
}

TEST_F(AdminTest, LongBodiesAreRefusedWhereNoneIsNeeded) {
  const auto body = "{" + std::string(admin::AdminEndpoints::kMaxShortBody, ' ') + "}";
  for (const char* path : {"/v2/repository/index", "/v2/trace/setting", "/v2/models/dummy/trace/setting",
                           "/v2/systemsharedmemory/region/a/register"}) {
    const auto reply = post(path, body);
    EXPECT_EQ(reply.status, 413) << path;
    EXPECT_NE(reply.body.find("The request body has 1048578 bytes; this path takes at most 1048576"), std::string::npos)
        << reply.body;
  }
  EXPECT_NE(post("/v2/repository/models/dummy/load", body).status, 413) << "it may bring the model";
}

TEST_F(AdminTest, BackgroundWorkIsBounded) {
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  ASSERT_TRUE(background.submit([opened] { opened.wait(); }));
  while (background.queued() > 0) std::this_thread::yield();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(background.submit([] {}));
  EXPECT_EQ(posted("/v1/config/reload"), R"(429 {"error":"Too many administrative requests are waiting"})");
  gate.set_value();
}

TEST_F(AdminTest, ListsAvailableModels) {
  catalog.add_status("bad", {1, VersionState::kLoading, StatusCode::kInternal, ""});
  const auto reply = get("/v3/models");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.starts_with(R"({"data":[{"id":"dummy","object":"model","created":)")) << reply.body;
  EXPECT_TRUE(reply.body.ends_with(R"(,"owned_by":"OVMS"}],"object":"list"})")) << reply.body;
  EXPECT_EQ(get("/v3/v1/models").body, reply.body);
}

TEST_F(AdminTest, MetricsAreOffUnlessRendered) {
  EXPECT_EQ(got("/metrics"), R"(400 {"error":"Invalid request URL"})");
  make_router([] { return std::nullopt; });
  EXPECT_EQ(got("/metrics"), R"(400 {"error":"Invalid request URL"})");
  make_router([] { return std::string("ovms_streams 1\n"); });
  const auto reply = get("/metrics?name=x");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "ovms_streams 1\n");
  EXPECT_TRUE(reply.content_type.starts_with("text/plain"));
}

TEST_F(AdminTest, IndexesTheRepository) {
  catalog.add_status("bad", {2, VersionState::kLoading, StatusCode::kInternal, "broken \"file\""});
  catalog.add_empty("empty", "base_path /m has no version folder");
  EXPECT_EQ(posted("/v2/repository/index"),
            R"(200 [{"name":"bad","version":"2","state":"UNAVAILABLE","reason":"broken \"file\""},)"
            R"({"name":"dummy","version":"1","state":"READY","reason":""},)"
            R"({"name":"empty","version":"","state":"UNAVAILABLE","reason":"base_path /m has no version folder"}])");
  EXPECT_EQ(posted("/v2/repository/index", R"({"ready":true})"),
            R"(200 [{"name":"dummy","version":"1","state":"READY","reason":""}])");
  EXPECT_EQ(post("/v2/repository/index", R"({"ready":1})").status, 400);
  EXPECT_EQ(post("/v2/repository/index", "{").status, 412);
}

TEST_F(AdminTest, LoadsAndUnloads) {
  EXPECT_EQ(posted("/v2/repository/models/a%20b/load"), "200 ");
  EXPECT_EQ(posted("/v2/repository/models/m/load", R"({"parameters":{"config":"{\"target_device\":\"CPU\"}"}})"),
            "200 ");
  ASSERT_EQ(catalog.loads.size(), 2u);
  EXPECT_EQ(catalog.loads[0], std::make_pair(std::string("a b"), std::string()));
  EXPECT_EQ(catalog.loads[1].second, R"({"target_device":"CPU"})");
  catalog.load_result = not_found("nothing there");
  EXPECT_EQ(posted("/v2/repository/models/m/load", "{}"), R"(404 {"error":"nothing there"})");
  EXPECT_EQ(post("/v2/repository/models/m/load", R"({"parameters":{"config":7}})").status, 400);
  EXPECT_EQ(post("/v2/repository/models/m/load", R"({"parameters":{"file:1/model.onnx":7}})").status, 400);
  EXPECT_EQ(post("/v2/repository/models/m/load", R"({"parameters":3})").status, 400);
  EXPECT_EQ(catalog.loads.size(), 3u);
  EXPECT_EQ(posted("/v2/repository/models/dummy/unload", R"({"parameters":{"unload_dependents":true}})"), "200 ");
  EXPECT_EQ(posted("/v2/repository/models/none/unload"), "200 ");
  EXPECT_EQ(post("/v2/repository/models/none/unload", "x").status, 412);
}

TEST_F(AdminTest, LoadsFilesThatComeWithTheRequest) {
  EXPECT_EQ(posted("/v2/repository/models/m/load",
                   R"({"parameters":{"config":"{}","file:1/m.xml":"PG5ldC8+","file:1/m.bin":"AP\/+","file:e":""}})"),
            "200 ");
  EXPECT_EQ(catalog.files.at("1/m.xml"), "<net/>");
  EXPECT_EQ(catalog.files.at("1/m.bin"), std::string("\0\xff\xfe", 3)) << "escaped as some JSON writers do";
  EXPECT_EQ(catalog.files.size(), 2u) << "nothing was read of the empty one";
  std::string large(300'001, 'x');
  std::string text;
  json::append_base64(text, large);
  EXPECT_EQ(posted("/v2/repository/models/m/load", R"({"parameters":{"config":"{}","file:1/m":")" + text + "\"}}"),
            "200 ");
  EXPECT_EQ(catalog.files.at("1/m"), large);
  for (const char* wrong : {"=", "AAA=AAAA", "A", "_A==", "AA\\nAA"}) {
    const auto reply = post("/v2/repository/models/m/load",
                            R"({"parameters":{"config":"{}","file:1/m":")" + std::string(wrong) + "\"}}");
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_NE(reply.body.find("the file as base64; member: file:1/m"), std::string::npos) << reply.body;
  }
}

TEST_F(AdminTest, ShowsTraceSettings) {
  const std::string settings =
      R"({"trace_level":["OFF"],"trace_rate":"1000","trace_count":"-1","log_frequency":"0","trace_file":"",)"
      R"("trace_mode":"triton"})";
  EXPECT_EQ(got("/v2/trace/setting"), "200 " + settings);
  EXPECT_EQ(got("/v2/models/dummy/trace/setting"), "200 " + settings);
  EXPECT_EQ(get("/v2/models/none/trace/setting").status, 404);
  for (const char* good : {"", "{}", R"({"trace_level":["OFF"],"trace_rate":null,"trace_count":"-1"})"})
    EXPECT_EQ(posted("/v2/trace/setting", good), "200 " + settings) << good;
  for (const char* wrong : {R"({"trace_rate":{}})", R"({"trace_rate":-1})", R"({"trace_rate":[1]})",
                            R"({"trace_rate":1.5})", R"({"trace_rate":"2"})"}) {
    const auto reply = post("/v2/trace/setting", wrong);
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_NE(reply.body.find("setting name: trace_rate"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(post("/v2/trace/setting", "[]").status, 400);
  for (const char* broken : {"{", R"({"trace_rate":})", R"({"trace_rate":["OFF})", "{}x"})
    EXPECT_EQ(post("/v2/trace/setting", broken).status, 412) << broken;
  EXPECT_EQ(get("/v2/logging").status, 501) << "this router has no log to change";
}

TEST_F(AdminTest, RegistersSharedMemory) {
  const std::string key = "/ocelli_admin_test_" + std::to_string(::getpid());
  const int descriptor = ::shm_open(key.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::ftruncate(descriptor, 4096), 0);
  EXPECT_EQ(
      posted("/v2/systemsharedmemory/region/in/register", R"({"key":")" + key + R"(","offset":64,"byte_size":256})"),
      "200 ");
  EXPECT_EQ(got("/v2/systemsharedmemory/status"),
            R"(200 [{"name":"in","key":")" + key + R"(","offset":64,"byte_size":256}])");
  EXPECT_EQ(get("/v2/systemsharedmemory/region/in/status").body, get("/v2/systemsharedmemory/status").body);
  EXPECT_EQ(get("/v2/systemsharedmemory/region/out/status").status, 404);
  EXPECT_EQ(post("/v2/systemsharedmemory/region/in/register", R"({"key":")" + key + R"(","byte_size":256})").status,
            409);
  EXPECT_EQ(post("/v2/systemsharedmemory/region/b/register", R"({"byte_size":256})").status, 400);
  EXPECT_EQ(post("/v2/systemsharedmemory/region/b/register", R"({"key":"/x"})").status, 400);
  EXPECT_EQ(post("/v2/systemsharedmemory/region/b/register", R"({"key":"/x","byte_size":-1})").status, 400);
  EXPECT_EQ(post("/v2/systemsharedmemory/region/b/register").status, 412);
  EXPECT_EQ(posted("/v2/systemsharedmemory/region/in/unregister"), "200 ");
  EXPECT_EQ(posted("/v2/systemsharedmemory/unregister"), "200 ");
  EXPECT_EQ(got("/v2/systemsharedmemory/status"), "200 []");
  ::close(descriptor);
  ::shm_unlink(key.c_str());
}

TEST_F(AdminTest, SaysThatCudaMemoryIsNotOffered) {
  EXPECT_EQ(post("/v2/cudasharedmemory/region/in/register", "{}").status, 501);
  EXPECT_EQ(got("/v2/cudasharedmemory/status"), "200 []");
  EXPECT_EQ(posted("/v2/cudasharedmemory/unregister"), "200 ");
  EXPECT_EQ(posted("/v2/cudasharedmemory/region/in/unregister"), "200 ");
}

}  // namespace
}  // namespace ocelli::rest

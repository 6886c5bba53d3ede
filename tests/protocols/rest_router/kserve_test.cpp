#include <gmock/gmock.h>

#include <cstring>
#include <latch>
#include <limits>
#include <regex>

#include "protocols/kserve/kserve_endpoints.hpp"
#include "protocols/rest_router/router_fixture.hpp"

namespace ocelli::rest {
namespace {

using testing::HasSubstr;
using transport::HttpMethod;

constexpr const char* kTen =
    R"({"id":"7","inputs":[{"name":"b","shape":[1,10],"datatype":"FP32","data":[0,1,2,3,4,5,6,7,8,9]}]})";

class KserveTest : public RouterTest {};

TEST_F(KserveTest, AnswersTheJsonExampleOfTheSpecification) {
  const auto reply = post("/v2/models/dummy/infer", kTen);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.json_length, "");
  EXPECT_EQ(reply.body, R"({
    "model_name": "dummy",
    "id": "7",
    "model_version": "1",
    "outputs": [{
            "name": "a",
            "shape": [1, 10],
            "datatype": "FP32",
            "data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
        }]
})");
  EXPECT_EQ(post("/v2/models/dummy/versions/1/infer", kTen).status, 200);
}

TEST_F(KserveTest, AnswersTheBinaryExampleOfTheSpecification) {
  const std::string json =
      R"({"inputs":[{"name":"b","shape":[1,10],"datatype":"FP32","parameters":{"binary_data_size":40}}],"outputs":[{"name":"a","parameters":{"binary_data":true}}]})";
  const float values[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto reply = ask(HttpMethod::kPost, "/v2/models/dummy/infer",
                         json + std::string(reinterpret_cast<const char*>(values), 40), std::to_string(json.size()));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  const std::string expected = R"({
    "model_name": "dummy",
    "model_version": "1",
    "outputs": [{
            "name": "a",
            "shape": [1, 10],
            "datatype": "FP32",
            "parameters": {
                "binary_data_size": 40
            }
        }]
})";
  EXPECT_EQ(reply.json_length, std::to_string(expected.size()));
  EXPECT_EQ(reply.body.substr(0, expected.size()), expected);
  ASSERT_EQ(reply.body.size(), expected.size() + 40);
  float answer[10];
  std::memcpy(answer, reply.body.data() + expected.size(), 40);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(answer[i], i + 1);
}

TEST_F(KserveTest, ScriptsOfOtherSitesMayReadWhereTensorsBegin) {
  const auto exposed = [&](const std::string& parameters, bool cross_site) {
    const auto body = std::string(kTen).insert(1, parameters);
    test::FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/dummy/infer", body);
    if (cross_site) exchange.set_header("origin", "https://elsewhere.example");
    router->handle(exchange);
    EXPECT_TRUE(exchange.wait());
    EXPECT_EQ(exchange.status, 200);
    return exchange.reply_header("Access-Control-Expose-Headers");
  };
  const std::string binary = R"("parameters":{"binary_data_output":true},)";
  EXPECT_EQ(exposed(binary, true), "Inference-Header-Content-Length");
  EXPECT_EQ(exposed(binary, false), "");
  EXPECT_EQ(exposed("", true), "") << "JSON alone needs no length";
}

TEST_F(KserveTest, NamesTheErrorsOfTheSpecification) {
  EXPECT_EQ(posted("/v2/models/none/infer", kTen), R"(404 {"error":"Pipeline with requested name is not found"})");
  EXPECT_EQ(posted("/v2/models/dummy/versions/9/infer", kTen),
            R"(404 {"error":"Model with requested version is not found"})");
  EXPECT_EQ(posted("/v2/models/dummy/infer", "{"), R"(412 {"error":"The file is not valid json"})");
  EXPECT_EQ(posted("/v2/models/dummy/infer", "[]"), R"(400 {"error":"Request body should be JSON object"})");
  EXPECT_EQ(got("/v2/models/none/ready"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v2/models/none"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v2/models/dummy/versions/2/ready"), R"(404 {"error":"Model with requested version is not found"})");
  EXPECT_EQ(got("/nope"), R"(400 {"error":"Invalid request URL"})");
  EXPECT_EQ(got("/v2/models/dummy/infer"), R"(406 {"error":"Unsupported method"})");
  const auto put = ask(HttpMethod::kPut, "/v2");
  EXPECT_EQ(put.status, 406);
  EXPECT_EQ(put.body, R"({"error":"Unsupported method"})");
  EXPECT_EQ(ask(HttpMethod::kOptions, "/anything").status, 200);
  EXPECT_EQ(ask(HttpMethod::kPost, "/v2/models/dummy/infer", kTen, "100000").status, 400);
}

TEST_F(KserveTest, AnswersHealth) {
  EXPECT_EQ(got("/v2/health/live"), "200 ");
  EXPECT_EQ(got("/v2/health/ready"), "200 ");
  EXPECT_EQ(got("/v2/models/dummy/ready"), "200 ");
  const auto board = std::make_shared<serving::DeviceBoard>(std::vector<std::string>{"GPU"});
  board->update(0, [](serving::DeviceReport& report) {
    report.state = serving::DeviceState::kLost;
    report.reason = "gone";
  });
  dummy->current = dummy->metadata();
  dummy->current->devices = board;
  EXPECT_EQ(got("/v2/models/dummy/ready"), R"(503 {"error":"Model dummy has no device to run on: GPU: gone"})");
  board->update(0, [](serving::DeviceReport& report) { report.state = serving::DeviceState::kServing; });
  EXPECT_EQ(got("/v2/models/dummy/ready"), "200 ");
  catalog.is_ready = false;
  EXPECT_EQ(got("/v2/health/ready"), R"(503 {"error":"Server is not ready"})");
  EXPECT_EQ(got("/v2/health/live"), "200 ");
}

TEST_F(KserveTest, DescribesServerAndModel) {
  EXPECT_EQ(
      got("/v2"),
      R"(200 {"name":"OpenVINO Model Server","version":"2026.2.1","extensions":["binary_tensor_data","classification","logging","model_configuration",)"
      R"("model_repository","parameters","schedule_policy","sequence","statistics","trace","system_shared_memory"]})");
  catalog.add(test::make_dummy("dummy", 3));
  catalog.add_status("dummy", {2, serving::VersionState::kEnd, StatusCode::kOk, ""});
  EXPECT_EQ(
      got("/v2/models/dummy/"),
      R"(200 {"name":"dummy","versions":["1","3"],"platform":"OpenVINO","inputs":[{"name":"b","datatype":"FP32","shape":[1,10]}],)"
      R"("outputs":[{"name":"a","datatype":"FP32","shape":[1,10]}]})");
}

TEST_F(KserveTest, MetadataShowsTheShapesThatAreLoadedNow) {
  dummy->show_shapes(PartialShape::from({2, 5}));
  EXPECT_THAT(got("/v2/models/dummy"), HasSubstr(R"("name":"b","datatype":"FP32","shape":[2,5])"));
  EXPECT_THAT(got("/v2/models/dummy"), HasSubstr(R"("name":"a","datatype":"FP32","shape":[2,5])"));
  EXPECT_THAT(got("/v2/models/dummy/config"), HasSubstr(R"("dims":[2,5])"));
  EXPECT_THAT(std::regex_replace(got("/v1/models/dummy/metadata"), std::regex("\\s"), ""),
              HasSubstr(R"("dim":[{"size":"2","name":""},{"size":"5","name":""}])"));
}

TEST_F(KserveTest, MetadataSaysWhereTheModelRunsAndWhatTheFileSays) {
  serving::ServableMetadata metadata;
  metadata.name = "m";
  metadata.inputs = {{"x", DataType::kString, PartialShape{{Dimension::any(), Dimension{1, 8}}}, ""}};
  metadata.model_info = {{"labels", "a b"}, {"deep.one", "1"}, {"deep.two.x", "2"}};
  ExecutionInfo info;
  info.runtime = "OpenVINO";
  info.runtime_version = "2026.4";
  info.device = "CPU";
  info.device_name = "Some CPU";
  info.precision = "BF16";
  info.note = "runs in BF16, not \"FP32\"";
  metadata.devices = serving::DeviceBoard::of({info});
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall&) {}));
  const auto reply = std::regex_replace(got("/v2/models/m"), std::regex(R"("since":"[-0-9T:]+Z")"), R"("since":"now")");
  EXPECT_EQ(
      reply,
      R"(200 {"name":"m","versions":["1"],"platform":"OpenVINO","inputs":[{"name":"x","datatype":"BYTES","shape":[-1,-1]}],"outputs":[],)"
      R"("rt_info":{"model_info":{"deep":{"one":"1","two":{"x":"2"}},"labels":"a b"}},)"
      R"("execution":[{"target":"CPU","state":"serving","reason":"","runtime":"OpenVINO","runtime_version":"2026.4","device":"CPU","device_name":"Some CPU","precision":"BF16",)"
      R"("note":"runs in BF16, not \"FP32\"","since":"now","compile_ms":0.0,"warm_up_ms":0.0,"measure_ms":0.0}]})");
}

TEST_F(KserveTest, PlatformNamesTheRuntimesThatCompute) {
  const auto add = [this](const std::string& name, const std::vector<std::string>& runtimes) {
    serving::ServableMetadata metadata;
    metadata.name = name;
    std::vector<ExecutionInfo> devices;
    for (const auto& runtime : runtimes) devices.emplace_back().runtime = runtime;
    metadata.devices = serving::DeviceBoard::of(std::move(devices));
    catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall&) {}));
  };
  add("one", {"ONNX Runtime"});
  add("old", {"OpenVINO (worker process)"});
  add("several", {"OpenVINO", "ONNX Runtime", "OpenVINO"});
  add("none", {});
  EXPECT_THAT(got("/v2/models/one"), HasSubstr(R"("platform":"ONNX Runtime")"));
  EXPECT_THAT(got("/v2/models/old"), HasSubstr(R"("platform":"OpenVINO")"));
  EXPECT_THAT(got("/v2/models/several"), HasSubstr(R"("platform":"OpenVINO, ONNX Runtime")"));
  EXPECT_THAT(got("/v2/models/none"), HasSubstr(R"("platform":"OpenVINO")"));
}

TEST_F(KserveTest, ConfigIsTheOneOfGrpc) {
  EXPECT_EQ(
      got("/v2/models/dummy/config"),
      R"(200 {"name":"dummy","platform":"OpenVINO","backend":"","max_batch_size":0,)"
      R"("input":[{"name":"b","data_type":"TYPE_FP32","dims":[1,10]}],"output":[{"name":"a","data_type":"TYPE_FP32","dims":[1,10]}],)"
      R"("instance_group":[],"parameters":{},"model_transaction_policy":{"decoupled":false}})");
  serving::ServableMetadata metadata;
  metadata.name = "m";
  metadata.inputs = {{"x", DataType::kString, PartialShape{{Dimension::any()}}, ""}};
  ExecutionInfo info;
  info.runtime = "OpenVINO";
  info.device = "CPU";
  info.optimal_requests = 2;
  metadata.devices = serving::DeviceBoard::of({info});
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall&) {}));
  const auto reply = got("/v2/models/m/versions/1/config");
  EXPECT_THAT(reply, HasSubstr(R"("input":[{"name":"x","data_type":"TYPE_STRING","dims":[-1]}],"output":[],)"));
  EXPECT_THAT(reply, HasSubstr(R"("instance_group":[{"name":"CPU","kind":"KIND_CPU","count":2}],)"));
  EXPECT_THAT(reply, HasSubstr(R"("execution.0.runtime":{"string_value":"OpenVINO"})"));
  // A plan that serves on the CPU for now names no kind: a load with this answer would keep it there.
  const auto plan = std::make_shared<serving::DeviceBoard>(std::vector<std::string>{"GPU", "CPU"});
  plan->update(1, [](serving::DeviceReport& report) { report.state = serving::DeviceState::kServing; });
  metadata.name = "planned";
  metadata.devices = plan;
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall&) {}));
  EXPECT_THAT(got("/v2/models/planned/config"),
              HasSubstr(R"("instance_group":[{"name":"CPU","kind":"KIND_AUTO","count":)"));
  EXPECT_EQ(got("/v2/models/m/versions/2/config"), R"(404 {"error":"Model with requested version is not found"})");
  EXPECT_EQ(got("/v2/models/none/config"), R"(404 {"error":"Model with requested name is not found"})");
}

// Writing a hundred thousand numbers as text takes milliseconds, in which the runtime's thread has better things to do.
TEST_F(KserveTest, LongTextsAreWrittenOnAThreadOfTheirOwn) {
  const auto add = [this](const std::string& name, std::int64_t count) {
    auto metadata = dummy->metadata();
    metadata.name = name;
    catalog.add(std::make_shared<test::FakeServable>(metadata, [count](serving::InferenceCall& call) {
      const std::vector<float> values(static_cast<std::size_t>(count), 0.5F);
      call.outputs.push_back(
          {"a", test::make_tensor(DataType::kFp32, {1, count}, values.data(), values.size() * 4), false});
    }));
  };
  add("short", 100);
  add("long", 100'000);
  const auto writes_here = [this](const std::string& path, const std::string& body, std::size_t halves) {
    test::FakeHttpExchange exchange(HttpMethod::kPost, path, body);
    router->handle(exchange);
    EXPECT_TRUE(exchange.wait());
    EXPECT_EQ(exchange.status, 200) << exchange.reply();
    const auto reply = exchange.reply();
    std::size_t found = 0;
    for (auto at = reply.find("0.5"); at != std::string::npos; at = reply.find("0.5", at + 3)) ++found;
    EXPECT_EQ(found, halves);
    return exchange.sender() == std::this_thread::get_id();
  };
  const std::string rows = R"({"instances":[[0,1,2,3,4,5,6,7,8,9]]})";
  EXPECT_TRUE(writes_here("/v2/models/short/infer", kTen, 100));
  EXPECT_TRUE(writes_here("/v1/models/short:predict", rows, 100));
  EXPECT_FALSE(writes_here("/v2/models/long/infer", kTen, 100'000));
  EXPECT_FALSE(writes_here("/v1/models/long:predict", rows, 100'000));
  const std::string wanted = R"(,"outputs":[{"name":"a","parameters":{"binary_data":true}}])";
  const auto binary = std::string(kTen).insert(std::strlen(kTen) - 1, wanted);
  EXPECT_TRUE(writes_here("/v2/models/long/infer", binary, 0)) << "binary outputs are not written at all";
}

TEST_F(KserveTest, GivesStatistics) {
  auto& metrics = dummy->metrics();
  metrics.inferences = 5;
  metrics.executions = 2;
  metrics.last_inference_ms = 1234;
  metrics.stat_success.add(std::chrono::microseconds(3));
  metrics.batches[4].executions = 2;
  metrics.batches[4].input_ns = 10;
  metrics.batches[4].infer_ns = 20;
  metrics.batches[4].output_ns = 30;
  const std::string expected =
      R"({"name":"dummy","version":"1","last_inference":1234,"inference_count":5,"execution_count":2,"inference_stats":{"success":{"count":1,"ns":3000},)"
      R"("fail":{"count":0,"ns":0},"queue":{"count":0,"ns":0},"compute_input":{"count":0,"ns":0},"compute_infer":{"count":0,"ns":0},)"
      R"("compute_output":{"count":0,"ns":0},"cache_hit":{"count":0,"ns":0},"cache_miss":{"count":0,"ns":0}},"response_stats":{},)"
      R"("batch_stats":[{"batch_size":4,)"
      R"("compute_input":{"count":2,"ns":10},"compute_infer":{"count":2,"ns":20},"compute_output":{"count":2,"ns":30}}],"memory_usage":[]})";
  EXPECT_EQ(got("/v2/models/dummy/stats"), "200 {\"model_stats\":[" + expected + "]}");
  EXPECT_EQ(got("/v2/models/dummy/versions/1/stats"), "200 {\"model_stats\":[" + expected + "]}");
  EXPECT_EQ(got("/v2/models/stats"), "200 {\"model_stats\":[" + expected + "]}");
  EXPECT_EQ(got("/v2/models/none/stats").substr(0, 3), "404");
}

TEST_F(KserveTest, CountsRequestsByMethod) {
  using observability::Method;
  post("/v2/models/dummy/infer", kTen);
  post("/v2/models/dummy/infer", R"({"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})");
  get("/v2/models/dummy/ready");
  get("/v2/models/dummy");
  auto& metrics = dummy->metrics();
  const auto rest = static_cast<std::size_t>(observability::Interface::kRest);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kModelInfer)][rest], 1u);
  EXPECT_EQ(metrics.fail[static_cast<std::size_t>(Method::kModelInfer)][rest], 1u);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kModelReady)][rest], 1u);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kModelMetadata)][rest], 1u);
  EXPECT_EQ(metrics.errors[static_cast<std::size_t>(StatusCode::kInvalidArgument)], 1u);
}

TEST_F(KserveTest, ALongRequestThatNoReaderHasAPlaceForCountsAsFailed) {
  std::latch held(1);
  std::latch end(1);
  ThreadPool readers("readers", 1, 1);
  ASSERT_TRUE(readers.submit([&] {
    held.count_down();
    end.wait();
  }));
  held.wait();
  EXPECT_TRUE(readers.submit([] {})) << "the one place";
  RestServices services(catalog, background);
  services.readers = &readers;
  kserve::KserveEndpoints endpoints(services);
  test::FakeHttpExchange exchange(transport::HttpMethod::kPost, "/v2/models/dummy/infer",
                                  std::string(kTen) + std::string(200'000, ' '));
  endpoints.infer(exchange, {.name = "dummy", .version = {}, .decoded = {}});
  EXPECT_TRUE(exchange.wait());
  end.count_down();
  EXPECT_EQ(exchange.status, 429);
  EXPECT_THAT(exchange.reply(), testing::HasSubstr("Too many long requests are waiting to be read"));
  EXPECT_EQ(dummy->metrics().errors[static_cast<std::size_t>(StatusCode::kResourceExhausted)], 1U);
  EXPECT_EQ(dummy->metrics().stat_fail.count, 1U);
}

TEST_F(KserveTest, RequestsThatSayNothingSensibleCountAsFailed) {
  using observability::Method;
  auto& metrics = dummy->metrics();
  const auto& failed = metrics.fail[static_cast<std::size_t>(Method::kModelInfer)]
                                   [static_cast<std::size_t>(observability::Interface::kRest)];
  post("/v2/models/dummy/infer", "{");
  EXPECT_EQ(failed, 1U);
  EXPECT_EQ(metrics.errors[static_cast<std::size_t>(StatusCode::kFailedPrecondition)], 1U);
  post("/v2/models/dummy/versions/1/infer", "{}");
  EXPECT_EQ(failed, 2U);
  EXPECT_EQ(metrics.stat_fail.count, 2U) << "the statistics extension counts what no servable saw";
  post("/v2/models/dummy/versions/9/infer", "{}");
  post("/v2/models/none/infer", "{");
  EXPECT_EQ(failed, 2U) << "a name that is wrong counts nowhere";
  post("/v1/models/dummy:predict", "{");
  EXPECT_EQ(metrics.stat_fail.count, 3U);
}

// The count of values is compared with the request's own shape, so that is the last thing to complain about.
TEST_F(KserveTest, AWrongCountOfValuesIsToldAfterWhatElseIsWrong) {
  const auto refusal = [&](const std::string& shape, const std::string& type = "FP32", const std::string& name = "b",
                           const std::string& more = "", const std::string& model = "dummy") {
    return posted("/v2/models/" + model + "/infer", R"({"inputs":[{"name":")" + name + R"(","shape":)" + shape +
                                                        R"(,"datatype":")" + type + R"(","data":[1,2,3,4,5,6,7]})" +
                                                        more + "]}");
  };
  const auto error = [](const std::string& text) { return R"(400 {"error":")" + text + R"("})"; };
  EXPECT_EQ(refusal("[1,10]", "FP32", "b", "", "nope").substr(0, 3), "404");
  EXPECT_EQ(refusal("[1,10]", "FP32", "b", R"(,{"name":"c","shape":[1],"datatype":"FP32","data":[1]})"),
            error("Invalid number of inputs - Expected: 1; Actual: 2"));
  EXPECT_EQ(refusal("[1,10]", "FP32", "q"), error("Missing input with specific name - Required input: b"));
  EXPECT_EQ(refusal("[1,9]", "INT32"), error("Invalid input precision - Expected: FP32; Actual: INT32; input name: b"));
  EXPECT_EQ(refusal("[10]"),
            error("Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b"));
  EXPECT_EQ(refusal("[2,10]"), error("Invalid input batch size - Expected: 1; Actual: 2; input name: b"));
  EXPECT_EQ(refusal("[1,9]"), error("Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b"));
  EXPECT_EQ(refusal("[1,10]"), error("Invalid number of values in tensor proto container - Expected: 10 values; "
                                     "Actual: 7 values; input name: b"));
}

TEST_F(KserveTest, AFailureOfTheModelBecomesItsHttpStatus) {
  const std::pair<StatusCode, int> cases[] = {
      {StatusCode::kInternal, 500},    {StatusCode::kResourceExhausted, 429}, {StatusCode::kDeadlineExceeded, 504},
      {StatusCode::kUnavailable, 503}, {StatusCode::kAborted, 204},           {StatusCode::kAlreadyExists, 409}};
  for (const auto& [code, http] : cases) {
    auto metadata = dummy->metadata();
    metadata.name = "failing";
    catalog.add(std::make_shared<test::FakeServable>(
        metadata, [code = code](serving::InferenceCall& call) { call.status = Status(code, "why"); }));
    const auto reply = post("/v2/models/failing/infer", kTen);
    EXPECT_EQ(reply.status, http);
    EXPECT_EQ(reply.body, http == 204 ? "" : R"({"error":"why"})");
  }
}

TEST_F(KserveTest, AnAnswerThatJsonCannotExpressIsAnError) {
  auto metadata = dummy->metadata();
  metadata.name = "nan";
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall& call) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    call.outputs.push_back({"a", test::make_tensor(DataType::kFp32, {1}, &nan, sizeof nan), false});
  }));
  const auto reply = post("/v2/models/nan/infer", kTen);
  EXPECT_EQ(reply.status, 400) << "the request chose the values and their form";
  EXPECT_EQ(
      reply.body,
      R"({"error":"Output holds NaN or infinite values, which JSON cannot express; ask for binary data - output name: a"})");
  EXPECT_EQ(post("/v1/models/nan:predict", R"({"inputs":[[0,0,0,0,0,0,0,0,0,0]]})").status, 400);
}

}  // namespace
}  // namespace ocelli::rest

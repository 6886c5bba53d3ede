// KServe's control plane.
#include "inference/grpc_service.pb.h"
#include "router_fixture.hpp"

namespace ocelli::rpc {
namespace {

const std::string kService = "/inference.GRPCInferenceService/";

class ControlTest : public RouterFixture {};

TEST_F(ControlTest, ServerIsLiveReadyAndHasAName) {
  inference::ServerLiveResponse live;
  ASSERT_TRUE(call(kService + "ServerLive", std::string(), live).ok());
  EXPECT_TRUE(live.live());
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(call(kService + "ServerReady", std::string(), ready).ok());
  EXPECT_TRUE(ready.ready());
  router.begin_shutdown();
  ASSERT_TRUE(call(kService + "ServerReady", std::string(), ready).ok());
  EXPECT_FALSE(ready.ready());
  inference::ServerMetadataResponse metadata;
  ASSERT_TRUE(call(kService + "ServerMetadata", std::string(), metadata).ok());
  EXPECT_EQ(metadata.name(), "OpenVINO Model Server");
  EXPECT_EQ(metadata.version(), "1.2.3");
  EXPECT_GT(metadata.extensions_size(), 3);
}

TEST_F(ControlTest, LongMessagesAreRefusedWhereNoneIsNeeded) {
  inference::ModelReadyRequest request;
  inference::ModelReadyResponse ready;
  request.set_name(std::string(RpcRouter::kMaxControlBytes, 'x'));
  const auto status = call(kService + "ModelReady", request, ready);
  EXPECT_EQ(status.code(), StatusCode::kPayloadTooLarge);
  EXPECT_EQ(status.message(), "the request message has 1048580 bytes; this method takes at most 1048576");
  // What is sent with a model may be as long as the server's limit allows.
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("dummy");
  (*load.mutable_parameters())["config"].set_string_param(std::string(RpcRouter::kMaxControlBytes, ' '));
  EXPECT_NE(call(kService + "RepositoryModelLoad", load, loaded).code(), StatusCode::kPayloadTooLarge);
}

TEST_F(ControlTest, ModelReadiness) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  inference::ModelReadyRequest request;
  inference::ModelReadyResponse ready;
  request.set_name("dummy");
  ASSERT_TRUE(call(kService + "ModelReady", request, ready).ok());
  EXPECT_TRUE(ready.ready());
  const auto board = std::make_shared<serving::DeviceBoard>(std::vector<std::string>{"GPU"});
  board->update(0, [](serving::DeviceReport& report) { report.state = serving::DeviceState::kLost; });
  dummy->current = dummy->metadata();
  dummy->current->devices = board;
  ASSERT_TRUE(call(kService + "ModelReady", request, ready).ok());
  EXPECT_FALSE(ready.ready()) << "it has no device left";
  request.set_name("late");
  ASSERT_TRUE(call(kService + "ModelReady", request, ready).ok());
  EXPECT_FALSE(ready.ready());
  request.set_name("nope");
  const auto status = call(kService + "ModelReady", request, ready);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "Model with requested name is not found");
}

TEST_F(ControlTest, MetadataAndConfigDescribeTheModel) {
  catalog.add(test::make_dummy("dummy", 2));
  inference::ModelMetadataRequest request;
  inference::ModelMetadataResponse metadata;
  request.set_name("dummy");
  ASSERT_TRUE(call(kService + "ModelMetadata", request, metadata).ok());
  EXPECT_EQ(metadata.platform(), "OpenVINO");
  EXPECT_EQ(std::vector<std::string>(metadata.versions().begin(), metadata.versions().end()),
            (std::vector<std::string>{"1", "2"}));
  ASSERT_EQ(metadata.inputs_size(), 1);
  EXPECT_EQ(metadata.inputs(0).name(), "b");
  EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
  EXPECT_EQ(metadata.inputs(0).shape(1), 10);
  EXPECT_EQ(metadata.outputs(0).name(), "a");
  request.set_version("x");
  EXPECT_EQ(call(kService + "ModelMetadata", request, metadata).message(), "invalid model version format in request");

  inference::ModelConfigRequest config_request;
  inference::ModelConfigResponse config;
  config_request.set_name("dummy");
  ASSERT_TRUE(call(kService + "ModelConfig", config_request, config).ok());
  EXPECT_EQ(config.config().name(), "dummy");
  EXPECT_EQ(config.config().max_batch_size(), 0);
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
  EXPECT_EQ(config.config().input(0).dims_size(), 2);
}

TEST_F(ControlTest, MetadataShowsTheShapesThatAreLoadedNow) {
  dummy->show_shapes(PartialShape::from({2, 5}));
  inference::ModelMetadataRequest request;
  inference::ModelMetadataResponse metadata;
  request.set_name("dummy");
  ASSERT_TRUE(call(kService + "ModelMetadata", request, metadata).ok());
  EXPECT_EQ(metadata.inputs(0).shape(1), 5);
  EXPECT_EQ(metadata.outputs(0).shape(1), 5);
  inference::ModelConfigRequest config_request;
  inference::ModelConfigResponse config;
  config_request.set_name("dummy");
  ASSERT_TRUE(call(kService + "ModelConfig", config_request, config).ok());
  EXPECT_EQ(config.config().input(0).dims(1), 5);
}

TEST_F(ControlTest, StatisticsCountEveryModel) {
  add_echo("other", DataType::kFp32);
  dummy->metrics().batches[4].executions = 3;
  dummy->metrics().batches[4].input_ns = 10;
  dummy->metrics().batches[4].infer_ns = 20;
  dummy->metrics().batches[4].output_ns = 30;
  dummy->metrics().inferences = 12;
  inference::ModelStatisticsRequest request;
  inference::ModelStatisticsResponse statistics;
  ASSERT_TRUE(call(kService + "ModelStatistics", request, statistics).ok());
  ASSERT_EQ(statistics.model_stats_size(), 2);
  EXPECT_EQ(statistics.model_stats(0).name(), "dummy");
  EXPECT_EQ(statistics.model_stats(0).inference_count(), 12u);
  ASSERT_EQ(statistics.model_stats(0).batch_stats_size(), 1);
  EXPECT_EQ(statistics.model_stats(0).batch_stats(0).batch_size(), 4u);
  const auto& batch = statistics.model_stats(0).batch_stats(0);
  EXPECT_EQ(batch.compute_infer().count(), 3u);
  EXPECT_EQ(batch.compute_input().ns(), 10u);
  EXPECT_EQ(batch.compute_infer().ns(), 20u);
  EXPECT_EQ(batch.compute_output().ns(), 30u);
  request.set_name("nope");
  EXPECT_EQ(call(kService + "ModelStatistics", request, statistics).code(), StatusCode::kNotFound);
}

TEST_F(ControlTest, RepositoryListsLoadsAndUnloads) {
  catalog.add_status("broken", {1, serving::VersionState::kLoading, StatusCode::kInternal, "the file is cut off"});
  inference::RepositoryIndexRequest request;
  inference::RepositoryIndexResponse index;
  ASSERT_TRUE(call(kService + "RepositoryIndex", request, index).ok());
  ASSERT_EQ(index.models_size(), 2);
  EXPECT_EQ(index.models(0).name(), "broken");
  EXPECT_EQ(index.models(0).state(), "UNAVAILABLE");
  EXPECT_EQ(index.models(0).reason(), "the file is cut off");
  EXPECT_EQ(index.models(1).state(), "READY");
  catalog.add_empty("empty", "base_path /m has no version folder");
  catalog.add_status("left", {3, serving::VersionState::kEnd, StatusCode::kOk, ""});
  ASSERT_TRUE(call(kService + "RepositoryIndex", request, index).ok());
  ASSERT_EQ(index.models_size(), 4);
  EXPECT_EQ(index.models(2).state() + ": " + index.models(2).reason(),
            "UNAVAILABLE: base_path /m has no version folder");
  EXPECT_EQ(index.models(3).state() + ": " + index.models(3).reason(), "UNAVAILABLE: unloaded");
  request.set_ready(true);
  ASSERT_TRUE(call(kService + "RepositoryIndex", request, index).ok());
  EXPECT_EQ(index.models_size(), 1);

  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("dummy");
  (*load.mutable_parameters())["config"].set_string_param("{}");
  ASSERT_TRUE(call(kService + "RepositoryModelLoad", load, loaded).ok());
  ASSERT_EQ(catalog.loads.size(), 1u);
  EXPECT_EQ(catalog.loads[0], std::make_pair(std::string("dummy"), std::string("{}")));
  (*load.mutable_parameters())["file:1/model.onnx"].set_bytes_param("x");
  ASSERT_TRUE(call(kService + "RepositoryModelLoad", load, loaded).ok());
  EXPECT_EQ(catalog.files.at("1/model.onnx"), "x");
  (*load.mutable_parameters())["file:1/model.onnx"].set_string_param("x");
  EXPECT_EQ(call(kService + "RepositoryModelLoad", load, loaded).code(), StatusCode::kInvalidArgument);
  inference::RepositoryModelUnloadRequest unload;
  inference::RepositoryModelUnloadResponse unloaded;
  unload.set_model_name("nope");
  EXPECT_EQ(call(kService + "RepositoryModelUnload", unload, unloaded).code(), StatusCode::kOk);
}

TEST_F(ControlTest, SharedMemoryErrorsAreTheRegistrys) {
  inference::SystemSharedMemoryRegisterRequest request;
  inference::SystemSharedMemoryRegisterResponse registered;
  request.set_name("region");
  request.set_key("/ocelli_test_no_such_object");
  request.set_byte_size(64);
  EXPECT_EQ(call(kService + "SystemSharedMemoryRegister", request, registered).code(), StatusCode::kInvalidArgument);
  inference::SystemSharedMemoryStatusResponse status;
  ASSERT_TRUE(call(kService + "SystemSharedMemoryStatus", std::string(), status).ok());
  EXPECT_EQ(status.regions_size(), 0);
  inference::SystemSharedMemoryUnregisterResponse unregistered;
  EXPECT_TRUE(call(kService + "SystemSharedMemoryUnregister", std::string(), unregistered).ok());
  inference::CudaSharedMemoryRegisterResponse cuda;
  const auto refused = call(kService + "CudaSharedMemoryRegister", std::string(), cuda);
  EXPECT_EQ(refused.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("register system shared memory instead"));
  inference::CudaSharedMemoryUnregisterResponse cleared;
  EXPECT_TRUE(call(kService + "CudaSharedMemoryUnregister", std::string(), cleared).ok());
}

TEST_F(ControlTest, TraceIsOff) {
  inference::TraceSettingRequest request;
  inference::TraceSettingResponse settings;
  ASSERT_TRUE(call(kService + "TraceSetting", request, settings).ok());
  EXPECT_EQ(settings.settings_size(), 6);
  EXPECT_EQ(settings.settings().at("trace_level").value(0), "OFF");
  (*request.mutable_settings())["trace_level"].add_value("TIMESTAMPS");
  EXPECT_EQ(call(kService + "TraceSetting", request, settings).code(), StatusCode::kInvalidArgument);
  request.clear_settings();
  request.set_model_name("nope");
  EXPECT_EQ(call(kService + "TraceSetting", request, settings).code(), StatusCode::kNotFound);
}

TEST_F(ControlTest, RefusesWhatIsNotOffered) {
  inference::LogSettingsResponse ignored;
  EXPECT_EQ(call(kService + "LogSettings", std::string(), ignored).code(), StatusCode::kUnimplemented);
  EXPECT_TRUE(router.known(kService + "ModelInfer"));
  EXPECT_FALSE(router.known("/some.Service/Method"));
  const auto status = call("/some.Service/Method", std::string(), ignored);
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(), "Method is not offered: /some.Service/Method");
  EXPECT_EQ(call(kService + "ModelMetadata", std::string("\xFF"), ignored).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ocelli::rpc

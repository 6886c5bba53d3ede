// Predict and the other methods of TensorFlow Serving against libprotobuf's messages.
#include "protocols/tfserving_grpc/predict_request.hpp"
#include "router_fixture.hpp"
#include "tensorflow_serving/apis/get_model_metadata.pb.h"
#include "tensorflow_serving/apis/get_model_status.pb.h"
#include "tensorflow_serving/apis/model_management.pb.h"
#include "tensorflow_serving/apis/predict.pb.h"

namespace ocelli::rpc {
namespace {

namespace pb = tensorflow::serving;
constexpr const char* kPath = "/tensorflow.serving.PredictionService/Predict";

void set_shape(tensorflow::TensorProto& tensor, std::initializer_list<std::int64_t> dims) {
  for (const auto dim : dims) tensor.mutable_tensor_shape()->add_dim()->set_size(dim);
}

pb::PredictRequest empty_request(const std::string& model, const std::string& input, tensorflow::DataType type) {
  pb::PredictRequest request;
  request.mutable_model_spec()->set_name(model);
  (*request.mutable_inputs())[input].set_dtype(type);
  return request;
}

class PredictTest : public RouterFixture {
 protected:
  Status predict(const pb::PredictRequest& request) { return call(kPath, request, reply); }
  void expect_error(const pb::PredictRequest& request, StatusCode code, std::string_view text) {
    const auto status = predict(request);
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(status.message(), text);
  }
  // What the echo model of that type answers for a tensor.
  tensorflow::TensorProto echoed(DataType type, const tensorflow::TensorProto& tensor) {
    add_echo("echo", type);
    pb::PredictRequest request;
    request.mutable_model_spec()->set_name("echo");
    (*request.mutable_inputs())["x"] = tensor;
    const auto status = predict(request);
    EXPECT_TRUE(status.ok()) << status.to_string();
    return reply.outputs().contains("y") ? reply.outputs().at("y") : tensorflow::TensorProto();
  }
  pb::PredictResponse reply;
};

TEST_F(PredictTest, AnswersTensorContent) {
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["b"];
  set_shape(tensor, {1, 10});
  tensor.set_tensor_content(bytes_of(kRamp));
  ASSERT_TRUE(predict(request).ok());
  EXPECT_EQ(reply.model_spec().name(), "dummy");
  EXPECT_EQ(reply.model_spec().version().value(), 1);
  ASSERT_EQ(reply.outputs_size(), 1);
  const auto& output = reply.outputs().at("a");
  EXPECT_EQ(output.dtype(), tensorflow::DT_FLOAT);
  ASSERT_EQ(output.tensor_shape().dim_size(), 2);
  EXPECT_EQ(output.tensor_shape().dim(0).size(), 1);
  EXPECT_EQ(output.tensor_shape().dim(1).size(), 10);
  EXPECT_EQ(floats_of(output.tensor_content()), kRampPlusOne);
}

// Where clients of OVMS look for it.
TEST_F(PredictTest, ASequencesIdIsInUint64Val) {
  auto metadata = dummy->metadata();
  metadata.stateful = true;
  catalog.add(std::make_shared<test::FakeServable>(
      metadata, [](serving::InferenceCall& call) { call.sequence_id = (std::uint64_t{1} << 40) + 5; }));
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  set_shape((*request.mutable_inputs())["b"], {1, 10});
  (*request.mutable_inputs())["b"].set_tensor_content(bytes_of(kRamp));
  ASSERT_TRUE(predict(request).ok());
  const auto& id = reply.outputs().at("sequence_id");
  EXPECT_EQ(id.dtype(), tensorflow::DT_UINT64);
  ASSERT_EQ(id.uint64_val_size(), 1);
  EXPECT_EQ(id.uint64_val(0), (std::uint64_t{1} << 40) + 5);
  EXPECT_TRUE(id.tensor_content().empty());
  ASSERT_EQ(id.tensor_shape().dim_size(), 1);
  EXPECT_EQ(id.tensor_shape().dim(0).size(), 1);
}

TEST_F(PredictTest, AnswersFloatValAndFillsFromOneValue) {
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["b"];
  set_shape(tensor, {1, 10});
  for (const auto value : kRamp) tensor.add_float_val(value);
  ASSERT_TRUE(predict(request).ok());
  EXPECT_EQ(floats_of(reply.outputs().at("a").tensor_content()), kRampPlusOne);
  tensor.clear_float_val();
  tensor.add_float_val(4);
  ASSERT_TRUE(predict(request).ok());
  EXPECT_EQ(floats_of(reply.outputs().at("a").tensor_content()), std::vector<float>(10, 5.0F));
}

TEST_F(PredictTest, TypedFieldsOfEveryType) {
  const auto integers = [](tensorflow::DataType type) {
    tensorflow::TensorProto tensor;
    tensor.set_dtype(type);
    set_shape(tensor, {2});
    return tensor;
  };
  auto tensor = integers(tensorflow::DT_INT8);
  tensor.add_int_val(-1);
  tensor.add_int_val(2);
  EXPECT_EQ(echoed(DataType::kInt8, tensor).tensor_content(), std::string("\xFF\x02"));
  tensor = integers(tensorflow::DT_UINT16);
  tensor.add_int_val(1);
  tensor.add_int_val(65535);
  auto back = echoed(DataType::kUint16, tensor);
  EXPECT_EQ(std::vector<int>(back.int_val().begin(), back.int_val().end()), (std::vector<int>{1, 65535}));
  EXPECT_TRUE(back.tensor_content().empty());
  tensor = integers(tensorflow::DT_HALF);
  tensor.add_half_val(0x3C00);
  tensor.add_half_val(0x8000);
  back = echoed(DataType::kFp16, tensor);
  EXPECT_EQ(std::vector<int>(back.half_val().begin(), back.half_val().end()), (std::vector<int>{0x3C00, 0x8000}));
  tensor.set_tensor_content(std::string("\x00\x3C\x00\x80", 4));
  tensor.clear_half_val();
  EXPECT_EQ(echoed(DataType::kFp16, tensor).half_val_size(), 2);
  tensor = integers(tensorflow::DT_BFLOAT16);
  tensor.add_half_val(0x3F80);
  tensor.add_half_val(0);
  EXPECT_EQ(echoed(DataType::kBf16, tensor).tensor_content(), std::string("\x80\x3F\0\0", 4));
  tensor = integers(tensorflow::DT_BOOL);
  tensor.add_bool_val(true);
  tensor.add_bool_val(false);
  EXPECT_EQ(echoed(DataType::kBool, tensor).tensor_content(), std::string("\x01\x00", 2));
  tensor = integers(tensorflow::DT_UINT64);
  tensor.add_uint64_val(UINT64_MAX);
  tensor.add_uint64_val(0);
  EXPECT_EQ(echoed(DataType::kUint64, tensor).tensor_content(), std::string(8, '\xFF') + std::string(8, '\0'));
  tensor = integers(tensorflow::DT_STRING);
  tensor.add_string_val("");
  tensor.add_string_val(std::string(300, 's'));
  back = echoed(DataType::kString, tensor);
  ASSERT_EQ(back.string_val_size(), 2);
  EXPECT_EQ(back.string_val(0), "");
  EXPECT_EQ(back.string_val(1), std::string(300, 's'));
}

TEST_F(PredictTest, SaysWhatIsWrong) {
  expect_error(pb::PredictRequest(), StatusCode::kInvalidArgument, "model_spec missing in request");
  auto request = empty_request("nope", "b", tensorflow::DT_FLOAT);
  expect_error(request, StatusCode::kNotFound, "Pipeline with requested name is not found");
  request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  request.mutable_model_spec()->mutable_version()->set_value(7);
  expect_error(request, StatusCode::kNotFound, "Model with requested version is not found");
  request = empty_request("dummy", "b", tensorflow::DT_COMPLEX64);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input precision - Expected: FP32; Actual: DT_COMPLEX64; input name: b");
  request = empty_request("dummy", std::string(4097, 'b'), tensorflow::DT_FLOAT);
  expect_error(request, StatusCode::kInvalidArgument,
               "Input name is too long - Expected: at most 4096 bytes; Actual: 4097 bytes");
  request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["b"];
  set_shape(tensor, {1, 10});
  for (int i = 0; i < 9; ++i) tensor.add_float_val(1);
  expect_error(
      request, StatusCode::kInvalidArgument,
      "Invalid number of values in tensor proto container - Expected: 10 values; Actual: 9 values; input name: b");
  tensor.mutable_tensor_shape()->set_unknown_rank(true);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input shape - Expected: (1,10); Actual: unknown rank; input name: b");
  tensor.set_dtype(tensorflow::DT_INT32);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input precision - Expected: FP32; Actual: INT32; input name: b");
  EXPECT_EQ(dummy->calls(), 1) << "the other type: the servable's to refuse";
}

TEST_F(PredictTest, AWrongCountOfValuesIsToldAfterWhatElseIsWrong) {
  const auto refusal = [&](const std::string& name, tensorflow::DataType type,
                           std::initializer_list<std::int64_t> shape) {
    auto request = empty_request("dummy", name, type);
    auto& tensor = (*request.mutable_inputs())[name];
    set_shape(tensor, shape);
    for (int i = 0; i < 11; ++i) tensor.add_float_val(1);
    return std::string(predict(request).message());
  };
  EXPECT_EQ(refusal("q", tensorflow::DT_FLOAT, {1, 10}), "Missing input with specific name - Required input: b");
  EXPECT_EQ(refusal("b", tensorflow::DT_DOUBLE, {1, 10}),
            "Invalid input precision - Expected: FP32; Actual: FP64; input name: b");
  EXPECT_EQ(refusal("b", tensorflow::DT_FLOAT, {10}),
            "Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b");
  EXPECT_EQ(refusal("b", tensorflow::DT_FLOAT, {2, 10}),
            "Invalid input batch size - Expected: 1; Actual: 2; input name: b");
  EXPECT_EQ(refusal("b", tensorflow::DT_FLOAT, {1, 9}),
            "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b");
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  set_shape((*request.mutable_inputs())["b"], {1, 10});
  (*request.mutable_inputs())["b"].set_tensor_content(bytes_of(kRamp));
  (*request.mutable_inputs())["empty"];
  EXPECT_EQ(predict(request).message(), "Invalid number of inputs - Expected: 1; Actual: 2");
}

TEST_F(PredictTest, ValuesStandInOneFieldThatFitsTheType) {
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["b"];
  set_shape(tensor, {1, 10});
  const std::string kWrong = "Invalid number of values in tensor proto container - Expected: ";
  for (int i = 0; i < 10; ++i) tensor.add_int_val(1);
  expect_error(request, StatusCode::kInvalidArgument,
               kWrong + "tensor_content or float_val only; Actual: int_val; input name: b");
  tensor.clear_int_val();
  tensor.set_tensor_content(bytes_of(kRamp));
  ASSERT_TRUE(predict(request).ok());
  tensor.add_float_val(1);
  expect_error(request, StatusCode::kInvalidArgument,
               kWrong + "tensor_content or float_val only; Actual: tensor_content and float_val; input name: b");
  add_echo("texts", DataType::kString);
  request = empty_request("texts", "x", tensorflow::DT_STRING);
  auto& text = (*request.mutable_inputs())["x"];
  set_shape(text, {1});
  text.add_string_val("");
  ASSERT_TRUE(predict(request).ok());
  text.set_string_val(0, "abc");
  text.add_half_val(1);
  expect_error(request, StatusCode::kInvalidArgument,
               kWrong + "string_val only; Actual: string_val and half_val; input name: x");
}

TEST_F(PredictTest, OneValueCannotAskForAllMemory) {
  add_echo("echo", DataType::kFp32, 2);
  auto request = empty_request("echo", "x", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["x"];
  set_shape(tensor, {1 << 20, 1 << 20});
  tensor.add_float_val(1);
  EXPECT_EQ(predict(request).code(), StatusCode::kResourceExhausted);
}

// Each is compared with the others, on a thread that serves many connections.
TEST_F(PredictTest, RepeatedNamesAreCounted) {
  pb::PredictRequest request;
  request.mutable_model_spec()->set_name("dummy");
  auto message = request.SerializeAsString();
  const std::string entry(
      "\x12\x03\x0a\x01"
      "b",
      5);
  for (std::size_t i = 0; i <= tfserving_grpc::PredictRequest::kMaxTensors; ++i) message += entry;
  EXPECT_EQ(call(kPath, message, reply).message(), "Request has too many inputs - Expected: at most 1024");
}

TEST_F(PredictTest, MetadataIsASignatureDefMap) {
  add_echo("echo", DataType::kUint8, 2);
  pb::GetModelMetadataRequest request;
  pb::GetModelMetadataResponse metadata;
  const std::string path = "/tensorflow.serving.PredictionService/GetModelMetadata";
  EXPECT_EQ(call(path, request, metadata).message(), "model_spec missing in request");
  request.mutable_model_spec()->set_name("echo");
  EXPECT_EQ(call(path, request, metadata).message(), "Invalid signature name");
  request.add_metadata_field("signature_def");
  ASSERT_TRUE(call(path, request, metadata).ok());
  EXPECT_EQ(metadata.model_spec().name(), "echo");
  const auto& any = metadata.metadata().at("signature_def");
  EXPECT_EQ(any.type_url(), "type.googleapis.com/tensorflow.serving.SignatureDefMap");
  pb::SignatureDefMap signatures;
  ASSERT_TRUE(any.UnpackTo(&signatures));
  const auto& input = signatures.signature_def().at("serving_default").inputs().at("x");
  EXPECT_EQ(input.name(), "x");
  EXPECT_EQ(input.dtype(), tensorflow::DT_UINT8);
  ASSERT_EQ(input.tensor_shape().dim_size(), 2);
  EXPECT_EQ(input.tensor_shape().dim(1).size(), -1);
  dummy->show_shapes(PartialShape::from({2, 5}));
  request.mutable_model_spec()->set_name("dummy");
  ASSERT_TRUE(call(path, request, metadata).ok());
  ASSERT_TRUE(metadata.metadata().at("signature_def").UnpackTo(&signatures));
  EXPECT_EQ(signatures.signature_def().at("serving_default").inputs().at("b").tensor_shape().dim(1).size(), 5)
      << "the shape that is loaded now";
  request.mutable_model_spec()->set_name("nope");
  EXPECT_EQ(call(path, request, metadata).message(), "Model with requested name is not found");
}

TEST_F(PredictTest, StatusNamesCodes) {
  catalog.add_status("dummy", {2, serving::VersionState::kLoading, StatusCode::kInternal, "bad file"});
  pb::GetModelStatusRequest request;
  pb::GetModelStatusResponse status;
  const std::string path = "/tensorflow.serving.ModelService/GetModelStatus";
  request.mutable_model_spec()->set_name("dummy");
  ASSERT_TRUE(call(path, request, status).ok());
  ASSERT_EQ(status.model_version_status_size(), 2);
  EXPECT_EQ(status.model_version_status(0).state(), pb::ModelVersionStatus::AVAILABLE);
  EXPECT_EQ(status.model_version_status(0).status().error_code(), pb::StatusProto::OK);
  EXPECT_EQ(status.model_version_status(0).status().error_message(), "OK");
  EXPECT_EQ(status.model_version_status(1).state(), pb::ModelVersionStatus::LOADING);
  EXPECT_EQ(status.model_version_status(1).status().error_message(), "UNKNOWN");
  request.mutable_model_spec()->mutable_version()->set_value(9);
  EXPECT_EQ(call(path, request, status).message(), "Model with requested version is not found");
}

TEST_F(PredictTest, ReloadRunsAndOthersAreRefused) {
  pb::ReloadConfigResponse reloaded;
  EXPECT_TRUE(
      call("/tensorflow.serving.ModelService/HandleReloadConfigRequest", pb::ReloadConfigRequest(), reloaded).ok());
  EXPECT_EQ(reloaded.status().error_code(), pb::StatusProto::OK);
  for (const auto* name : {"Classify", "Regress", "MultiInference"}) {
    EXPECT_EQ(call(std::string("/tensorflow.serving.PredictionService/") + name, std::string(), reloaded).code(),
              StatusCode::kUnimplemented);
  }
}

TEST(PredictBulkOffset, FindsTensorContent) {
  auto request = empty_request("dummy", "b", tensorflow::DT_FLOAT);
  auto& tensor = (*request.mutable_inputs())["b"];
  set_shape(tensor, {1, 1000});
  tensor.set_tensor_content(std::string(4000, 'c'));
  const auto message = request.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(message));
  EXPECT_EQ(tfserving_grpc::predict_bulk_offset(bytes), message.size() - 4000);
  EXPECT_EQ(tfserving_grpc::predict_bulk_offset(bytes.first(64)), message.size() - 4000);
  EXPECT_EQ(tfserving_grpc::predict_bulk_offset(bytes.first(8)), 0u);
}

}  // namespace
}  // namespace ocelli::rpc

#include "serving/model_servable.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <vector>

#include "serving/request_validation.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
namespace {

// One call with a completion that can be waited for.
struct Client final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override { done.set_value(); }
  void wait() { ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready); }

  InferenceCall call;
  std::promise<void> done;
  std::future<void> future = done.get_future();
};

struct ModelServableTest : testing::Test {
  std::shared_ptr<ModelServable> make(const PartialShape& shape, ModelServableOptions options = {}) {
    model = std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F));
    options.name = "dummy";
    scheduling::ExecutorSpec executor;
    executor.model = model;
    options.devices.push_back(PlannedDevice::of(std::move(executor)));
    auto result = ModelServable::create(std::move(options), context);
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    model->reset_counts();
    return std::move(result).value();
  }

  void fill(Client& client, const std::shared_ptr<ModelServable>& servable, const Shape& shape,
            std::vector<float> values, const char* name = "b", DataType type = DataType::kFp32) {
    auto buffer = Buffer::allocate(values.size() * sizeof(float));
    if (!values.empty()) std::memcpy(buffer->data(), values.data(), values.size() * sizeof(float));
    client.call.servable = servable;
    client.call.completion = &client;
    client.call.inputs.push_back({name, Tensor::of(type, shape, std::move(buffer), 0, values.size() * sizeof(float))});
  }

  Status ask(const std::shared_ptr<ModelServable>& servable, const Shape& shape, std::vector<float> values,
             const char* name = "b", DataType type = DataType::kFp32) {
    Client client;
    fill(client, servable, shape, std::move(values), name, type);
    servable->infer(client.call);
    client.wait();
    return client.call.status;
  }

  BufferPool pool;
  ServingContext context{pool, Log()};
  std::shared_ptr<test::FakeModel> model;
};

TEST_F(ModelServableTest, AnswersAndReportsTimesAndCounts) {
  const auto servable = make(PartialShape::from({1, 3}));
  Client client;
  fill(client, servable, {1, 3}, {1, 2, 3});
  client.call.times.received = Clock::now();
  servable->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  ASSERT_EQ(client.call.outputs.size(), 1u);
  const auto& output = client.call.outputs[0];
  EXPECT_EQ(output.name, "a");
  EXPECT_EQ(output.tensor.view.shape, (Shape{1, 3}));
  EXPECT_EQ(reinterpret_cast<const float*>(output.tensor.view.data)[2], 4.0F);
  EXPECT_TRUE(output.tensor.owner);
  EXPECT_GE(client.call.times.started, client.call.times.queued);
  EXPECT_GE(client.call.times.finished, client.call.times.started);
  EXPECT_EQ(servable->metrics().current_requests.load(), 0);
  EXPECT_EQ(servable->metrics().stat_success.count.load(), 1u);
  EXPECT_EQ(servable->metrics().inferences.load(), 1u);
}

TEST_F(ModelServableTest, RefusesWrongRequestsWithOvmsTexts) {
  const auto servable = make(PartialShape::from({1, 10}));
  const std::vector<float> ten(10);
  const auto message = [](const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(message(ask(servable, {1, 9}, std::vector<float>(9))),
            "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b");
  EXPECT_EQ(message(ask(servable, {2, 10}, std::vector<float>(20))),
            "Invalid input batch size - Expected: 1; Actual: 2; input name: b");
  EXPECT_EQ(message(ask(servable, {10}, ten)),
            "Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b");
  EXPECT_EQ(message(ask(servable, {1, 10}, ten, "b", DataType::kInt32)),
            "Invalid input precision - Expected: FP32; Actual: INT32; input name: b");
  EXPECT_EQ(message(ask(servable, {1, 10}, std::vector<float>(9))),
            "Invalid content size of tensor proto - Expected: 40 bytes; Actual: 36 bytes; input name: b");
  EXPECT_EQ(message(ask(servable, {1, 10}, ten, "c")), "Missing input with specific name - Required input: b");
  Client none;
  none.call.servable = servable;
  none.call.completion = &none;
  servable->infer(none.call);
  none.wait();
  EXPECT_EQ(message(none.call.status), "Invalid number of inputs - Expected: 1; Actual: 0");
  EXPECT_EQ(model->runs(), 0);
  EXPECT_EQ(servable->metrics().stat_fail.count.load(), 7u);
}

TEST_F(ModelServableTest, TellsWhatWasWrongWithValuesInTheContentsPlace) {
  const auto servable = make(PartialShape::from({1, 10}));
  const auto message = [&](const Shape& shape, DataType type = DataType::kFp32, std::string_view name = "b") {
    Client client;
    client.call.servable = servable;
    client.call.completion = &client;
    client.call.inputs.push_back({name, {{type, shape, nullptr, 0}, {}}, invalid_argument("the fault")});
    servable->infer(client.call);
    client.wait();
    return std::string(client.call.status.message());
  };
  EXPECT_EQ(message({1, 10}, DataType::kFp32, "c"), "Missing input with specific name - Required input: b");
  EXPECT_EQ(message({1, 10}, DataType::kInt32),
            "Invalid input precision - Expected: FP32; Actual: INT32; input name: b");
  EXPECT_EQ(message({1, 9}), "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b");
  EXPECT_EQ(message({1, 10}), "the fault");
  EXPECT_EQ(message({9}, DataType::kUndefined), "the fault") << "it is why there is no type";
  EXPECT_EQ(model->runs(), 0);
}

TEST_F(ModelServableTest, RefusesShapesThatCannotBeAddressed) {
  PartialShape any;
  any.dims = {Dimension::any(), Dimension::any()};
  const auto servable = make(any);
  for (const std::int64_t extent : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(ask(servable, {0, extent}, {}).message(),
              "Invalid input shape - Expected: extents from 0 with a product that memory can be addressed by; Actual: "
              "(0," +
                  std::to_string(extent) + "); input name: b");
  }
  EXPECT_EQ(model->runs(), 0);
}

TEST_F(ModelServableTest, AModelWithoutInputsIsServedToo) {
  const ModelSignature signature{{}, {{"a", DataType::kFp32, PartialShape::from({1, 2}), ""}}};
  const auto constant = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    EXPECT_TRUE(in.empty());
    const float values[] = {3, 4};
    std::memcpy(out[0].view.data, values, sizeof values);
    return {};
  };
  ModelServableOptions options;
  options.name = "constant";
  options.batching.mode = scheduling::BatchingMode::kOn;
  scheduling::ExecutorSpec executor;
  executor.model = std::make_shared<test::FakeModel>(signature, constant);
  executor.compile_for_batch = [](std::uint32_t) -> Result<std::shared_ptr<CompiledModel>> {
    ADD_FAILURE() << "there is no batch";
    return internal_error("no batch");
  };
  options.devices.push_back(PlannedDevice::of(std::move(executor)));
  auto servable = ModelServable::create(std::move(options), context);
  ASSERT_TRUE(servable.ok()) << servable.status().to_string();
  Client client;
  client.call.servable = *servable;
  client.call.completion = &client;
  (*servable)->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(reinterpret_cast<const float*>(client.call.outputs.at(0).tensor.view.data)[1], 4.0F);
  EXPECT_EQ(ask(*servable, {1}, {1}).message(), "Invalid number of inputs - Expected: 0; Actual: 1");
}

TEST_F(ModelServableTest, AcceptsShapesByTheirRange) {
  PartialShape shape;
  shape.dims = {Dimension::any(), Dimension{2, 4}};
  const auto servable = make(shape);
  EXPECT_TRUE(ask(servable, {3, 2}, std::vector<float>(6)).ok());
  EXPECT_TRUE(ask(servable, {1, 4}, std::vector<float>(4)).ok());
  EXPECT_TRUE(ask(servable, {0, 4}, {}).ok()) << "no items are fine where the model takes any number";
  const auto refused = ask(servable, {1, 5}, std::vector<float>(5));
  EXPECT_EQ(refused.message(), "Invalid input shape - Expected: (-1,2:4); Actual: (1,5); input name: b");
}

TEST_F(ModelServableTest, WritesIntoThePlaceThatTheClientGave) {
  const auto servable = make(PartialShape::from({1, 2}));
  float place[2] = {};
  Client client;
  fill(client, servable, {1, 2}, {5, 6});
  client.call.requested.push_back(
      {"a", {DataType::kFp32, {1, 2}, reinterpret_cast<std::byte*>(place), sizeof place}, {}});
  servable->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_TRUE(client.call.outputs.at(0).in_destination);
  EXPECT_EQ(place[1], 7.0F);

  ModelServableOptions options;
  options.output_names = {{"a", "alias"}};
  const auto renamed = make(PartialShape::from({1, 2}), std::move(options));
  Client small;
  fill(small, renamed, {1, 2}, {5, 6});
  small.call.requested.push_back({"alias", {DataType::kFp32, {1, 2}, reinterpret_cast<std::byte*>(place), 4}, {}});
  renamed->infer(small.call);
  small.wait();
  EXPECT_EQ(
      small.call.status.to_string(),
      "INVALID_ARGUMENT: Output does not fit the place given for it - Expected: at least 8 bytes; Actual: 4 bytes; "
      "output name: alias");
}

TEST_F(ModelServableTest, RefusesUnknownOutputs) {
  const auto servable = make(PartialShape::from({1, 1}));
  Client client;
  fill(client, servable, {1, 1}, {5});
  client.call.requested.push_back({"z", {}, {}});
  servable->infer(client.call);
  client.wait();
  EXPECT_EQ(client.call.status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(client.call.status.message().find("z"), std::string_view::npos);
}

// Model: UINT8 rows in, the same rows out, under a name that turns them back into strings.
TEST_F(ModelServableTest, TextsForByteModelsAreConvertedBothWaysOffTheCallersThread) {
  PartialShape any;
  any.dims = {Dimension::any(), Dimension::any()};
  ModelSignature signature;
  signature.inputs = {{"text", DataType::kUint8, any, ""}};
  signature.outputs = {{"echo_string", DataType::kUint8, any, ""}};
  ModelServableOptions options;
  options.name = "echo";
  scheduling::ExecutorSpec executor;
  executor.model = std::make_shared<test::FakeModel>(
      signature, [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
        out[0].view = in[0];
        return {};
      });
  options.devices.push_back(PlannedDevice::of(std::move(executor)));
  const auto servable = std::move(ModelServable::create(std::move(options), context)).value();
  const char packed[] = "\x02\0\0\0hi\x05\0\0\0world";
  auto buffer = Buffer::allocate(sizeof packed - 1);
  std::memcpy(buffer->data(), packed, sizeof packed - 1);
  Client client;
  client.call.servable = servable;
  client.call.completion = &client;
  client.call.inputs.push_back({"text", Tensor::of(DataType::kString, {2}, std::move(buffer), 0, sizeof packed - 1)});
  servable->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  const auto& view = client.call.outputs.at(0).tensor.view;
  EXPECT_EQ(view.type, DataType::kString);
  EXPECT_EQ(view.shape, (Shape{2}));
  ASSERT_EQ(view.bytes, sizeof packed - 1);
  EXPECT_EQ(std::memcmp(view.data, packed, view.bytes), 0);
  client.call.clear();
}

TEST_F(ModelServableTest, StringsMustBePacked) {
  const TensorSpec spec{"text", DataType::kString, PartialShape::from({2}), ""};
  const auto verdict = [&](std::string_view packed) {
    auto* data = reinterpret_cast<std::byte*>(const_cast<char*>(packed.data()));
    return std::string(validate_input("text", spec, {DataType::kString, {2}, data, packed.size()}).message());
  };
  using namespace std::string_view_literals;
  const std::string refusal =
      "Inputs inside buffer does not match expected format. - Expected: 2 elements, each a length of 4 bytes and as "
      "many bytes; Actual: ";
  EXPECT_EQ(verdict("\x02\0\0\0hi\0\0\0\0"sv), "");
  EXPECT_EQ(verdict("\x02\0\0\0hi\x01\0\0"sv),
            refusal + "1 elements and 3 bytes, too few for a length; input name: text");
  EXPECT_EQ(verdict("\x02\0\0\0h"sv), refusal + "length 2 at element 0 with 1 bytes left; input name: text");
  EXPECT_EQ(verdict("\xFF\xFF\xFF\xFFhi"sv),
            refusal + "length 4294967295 at element 0 with 2 bytes left; input name: text");
  EXPECT_EQ(
      verdict("\0\0\0\0\0\0\0\0\0\0\0\0"sv),
      "Invalid number of values in tensor proto container - Expected: 2 values; Actual: 3 values; input name: text");
}

// Two runtimes may know a model's shapes more or less exactly; contradictions and other types are refused.
TEST_F(ModelServableTest, DevicesMustAgreeAboutTheModel) {
  const auto with = [&](const PartialShape& input, const PartialShape& output, DataType type = DataType::kFp32) {
    ModelServableOptions options;
    options.name = "pair";
    auto first = test::add_signature(PartialShape::from({1, 2}));
    ModelSignature second{{{"b", type, input, ""}}, {{"a", DataType::kFp32, output, ""}}};
    for (auto& signature : {first, second}) {
      scheduling::ExecutorSpec executor;
      executor.model = std::make_shared<test::FakeModel>(signature, test::add_kernel(1.0F));
      options.devices.push_back(PlannedDevice::of(std::move(executor)));
    }
    return ModelServable::create(std::move(options), context).status();
  };
  const auto exact = PartialShape::from({1, 2});
  PartialShape loose = exact;
  loose.dims[1] = Dimension::any();
  EXPECT_TRUE(with(exact, loose).ok());
  EXPECT_EQ(with(PartialShape::from({1, 3}), exact).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(with(exact, exact, DataType::kInt32).code(), StatusCode::kInvalidArgument);
}

TEST_F(ModelServableTest, BytesForAModelThatTakesNoPicturesAreRefused) {
  const auto servable = make(PartialShape::from({1, 1}));
  EXPECT_EQ(ask(servable, {1}, {0}, "b", DataType::kString).message(),
            "Invalid input precision - Expected: FP32; Actual: STRING; input name: b");
}

TEST_F(ModelServableTest, NamesAreMappedAndSorted) {
  ModelSignature signature;
  signature.inputs = {{"x", DataType::kFp32, PartialShape::from({1}), ""},
                      {"w", DataType::kFp32, PartialShape::from({1}), ""}};
  signature.outputs = {{"sum", DataType::kFp32, PartialShape::from({1}), ""}};
  // Writes 10 x + w, so that swapped inputs show.
  const auto kernel = [](const std::vector<TensorView>& inputs, std::vector<Tensor>& outputs) -> Status {
    *reinterpret_cast<float*>(outputs[0].view.data) =
        10 * *reinterpret_cast<const float*>(inputs[0].data) + *reinterpret_cast<const float*>(inputs[1].data);
    return {};
  };
  ModelServableOptions options;
  options.name = "two";
  options.input_names = {{"x", "zeta"}};
  options.output_names = {{"sum", "total"}};
  scheduling::ExecutorSpec executor;
  executor.model = std::make_shared<test::FakeModel>(signature, kernel);
  options.devices.push_back(PlannedDevice::of(std::move(executor)));
  const auto servable = std::move(ModelServable::create(std::move(options), context)).value();
  ASSERT_EQ(servable->metadata().inputs.size(), 2u);
  EXPECT_EQ(servable->metadata().inputs[0].name, "w");
  EXPECT_EQ(servable->metadata().inputs[1].name, "zeta");
  EXPECT_EQ(servable->metadata().outputs[0].name, "total");
  Client client;
  fill(client, servable, {1}, {1}, "zeta");
  fill(client, servable, {1}, {2}, "w");
  servable->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(*reinterpret_cast<const float*>(client.call.outputs.at(0).tensor.view.data), 12.0F);
}

}  // namespace
}  // namespace ocelli::serving

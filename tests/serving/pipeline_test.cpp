// What pipelines answer.
#include <future>

#include "serving/pipeline_fixture.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {
namespace {

TEST_F(PipelineTest, AChainOfModelsAnswersLikeOne) {
  add_adder("one", {1, 3}, 1);
  add_adder("ten", {1, 3}, 10);
  auto first = node("first", "one", {"request", "in"});
  first.outputs = {{"alias", "a"}};
  ASSERT_TRUE(open(chain({first, node("second", "ten", {"first", "alias"})}, {"second", "a"})).ok());
  EXPECT_TRUE(pipeline->metadata().pipeline);
  EXPECT_EQ(pipeline->metadata().version, 1);
  EXPECT_EQ(pipeline->metadata().inputs.at(0).name, "in");
  EXPECT_EQ(pipeline->metadata().outputs.at(0).shape, PartialShape::from({1, 3}));
  PipelineClient client;
  send(client, {1, 3}, {1, 2, 3});
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(client.call.outputs.at(0).name, "out");
  EXPECT_EQ(client.values(), (std::vector<float>{12, 13, 14}));
  EXPECT_EQ(pipeline->metrics().stat_success.count.load(), 1u);
  EXPECT_EQ(pipeline->metrics().current_requests.load(), 0);
  PipelineClient wrong;
  send(wrong, {1, 2}, {1, 2});
  wrong.wait();
  EXPECT_EQ(wrong.call.status.message(), "Invalid input shape - Expected: (1,3); Actual: (1,2); input name: in");
}

// A handle may go on a runtime's thread, behind the answer that somebody waited for.
TEST_F(PipelineTest, WhatAPipelineNeedsStaysUntilItIsGone) {
  add_adder("one", {1, 3}, 1);
  auto own = std::make_unique<ServingContext>(pool, Log());
  std::promise<void> going;
  std::promise<void> go_on;
  // Goes with the pipeline.
  std::shared_ptr<void> slow(nullptr, [&](void*) {
    going.set_value();
    go_on.get_future().wait_for(std::chrono::seconds(20));
  });
  const auto resolve = [&](const std::string& name, std::optional<std::int64_t>) -> Result<ServableHandle> {
    auto* const raw = models.at(name).get();
    return ServableHandle(raw, [keep = std::exchange(slow, nullptr)](Servable*) mutable { keep.reset(); });
  };
  auto made = PipelineServable::create(chain({node("only", "one", {"request", "in"})}, {"only", "a"}), resolve, *own);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  auto last = std::async(std::launch::async, [handle = std::move(made).value()]() mutable { handle.reset(); });
  ASSERT_EQ(going.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  auto end = std::async(std::launch::async, [&own] { own.reset(); });
  EXPECT_EQ(end.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  go_on.set_value();
  EXPECT_EQ(end.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(PipelineTest, BranchesMeetAgain) {
  add_adder("one", {1, 2}, 1);
  add_adder("ten", {1, 2}, 10);
  ModelSignature two;
  two.inputs = {{"x", DataType::kFp32, PartialShape::from({1, 2}), ""},
                {"y", DataType::kFp32, PartialShape::from({1, 2}), ""}};
  two.outputs = {{"p", DataType::kFp32, PartialShape::from({1, 2}), ""}};
  add_model("product", two, [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    for (int i = 0; i < 2; ++i) {
      reinterpret_cast<float*>(out[0].view.data)[i] =
          reinterpret_cast<const float*>(in[0].data)[i] * reinterpret_cast<const float*>(in[1].data)[i];
    }
    return {};
  });
  PipelineNode meet;
  meet.name = "meet";
  meet.model = "product";
  meet.inputs = {{"x", {"left", "a"}}, {"y", {"right", "a"}}};
  auto definition =
      chain({node("left", "one", {"request", "in"}), node("right", "ten", {"request", "in"}), meet}, {"meet", "p"});
  definition.outputs["again"] = {"left", "a"};
  definition.outputs["echo"] = {"request", "in"};
  ASSERT_TRUE(open(definition).ok());
  PipelineClient client;
  send(client, {1, 2}, {1, 2});
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  ASSERT_EQ(client.call.outputs.size(), 3u);
  EXPECT_EQ(client.values(0), (std::vector<float>{2, 3}));
  EXPECT_EQ(client.values(1), (std::vector<float>{1, 2}));
  EXPECT_EQ(client.values(2), (std::vector<float>{22, 36}));
}

TEST_F(PipelineTest, ADemultiplexedOutputIsGatheredInTheResponse) {
  add_adder("wide", {3, 1, 2}, 0);
  add_adder("narrow", {1, 2}, 100);
  auto split = node("split", "wide", {"request", "in"});
  split.demultiply_count = 3;
  ASSERT_TRUE(open(chain({split, node("each", "narrow", {"split", "a"})}, {"each", "a"})).ok());
  EXPECT_EQ(pipeline->metadata().outputs.at(0).shape, PartialShape::from({3, 1, 2}));
  PipelineClient client;
  send(client, {3, 1, 2}, counting(6));
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(client.view().shape, (Shape{3, 1, 2}));
  EXPECT_EQ(client.values(), (std::vector<float>{100, 101, 102, 103, 104, 105}));
  EXPECT_EQ(fakes["narrow"]->runs(), 3);
}

TEST_F(PipelineTest, AnyNumberOfPartsOfTheRequestAndNoneIsAborted) {
  add_adder("narrow", {1, 2}, 1);
  auto definition = chain({node("each", "narrow", {"request", "in"})}, {"each", "a"});
  definition.demultiply_count = -1;
  ASSERT_TRUE(open(definition).ok());
  EXPECT_EQ(pipeline->metadata().inputs.at(0).shape.to_string(), "(-1,1,2)");
  EXPECT_EQ(pipeline->metadata().outputs.at(0).shape.to_string(), "(-1,1,2)");
  for (const std::size_t parts : {std::size_t{1}, std::size_t{1000}}) {
    PipelineClient client;
    send(client, {static_cast<std::int64_t>(parts), 1, 2}, counting(parts * 2));
    client.wait();
    ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
    EXPECT_EQ(client.view().shape, (Shape{static_cast<std::int64_t>(parts), 1, 2}));
    EXPECT_EQ(client.values().back(), static_cast<float>(parts * 2));
  }
  PipelineClient none;
  send(none, {0, 1, 2}, {});
  none.wait();
  EXPECT_EQ(none.call.status.code(), StatusCode::kAborted);
}

// A few bytes of a request would else become a thousand times as many, nested demultiplexers any number of runs.
TEST_F(PipelineTest, TooManyPartsAreRefusedBeforeTheyCostMemory) {
  add_adder("narrow", {1, 2}, 1);
  auto definition = chain({node("each", "narrow", {"request", "in"})}, {"each", "a"});
  definition.demultiply_count = -1;
  ASSERT_TRUE(open(definition).ok());
  PipelineClient client;
  send(client, {10'001, 1, 2}, counting(20'002));
  client.wait();
  EXPECT_EQ(client.call.status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(client.call.status.message(),
            "Too large dynamic demultiplication requested. - Limit: 10000 parts; Actual: 10001; node: request");
  EXPECT_EQ(fakes["narrow"]->runs(), 0);

  add_adder("wide", {1'001, 1, 2}, 0);
  auto split = node("split", "wide", {"request", "in"});
  split.demultiply_count = 1'001;
  auto nested = chain({split, node("each", "narrow", {"split", "a"})}, {"each", "a"});
  nested.demultiply_count = -1;
  ASSERT_TRUE(open(nested).ok());
  PipelineClient many;
  send(many, {100, 1'001, 1, 2}, counting(200'200));
  many.wait();
  EXPECT_EQ(many.call.status.message(),
            "Too large dynamic demultiplication requested. - Limit: 100000 parts; Actual: 100100; node: each");
  EXPECT_EQ(fakes["narrow"]->runs(), 0);
}

TEST_F(PipelineTest, MorePartsThanAModelsQueueHasPlacesFor) {
  base.queue_limit = 2;
  base.inline_below = Duration::zero();
  add_adder("add", {1, 1}, 1);
  auto definition = chain({node("one", "add", {"request", "in"})}, {"one", "a"});
  definition.demultiply_count = -1;
  ASSERT_TRUE(open(definition).ok());
  for (int round = 0; round < 20; ++round) {
    PipelineClient client;
    send(client, {100, 1, 1}, counting(100));
    client.wait();
    ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
    auto expected = counting(100);
    for (auto& value : expected) value += 1;
    EXPECT_EQ(client.values(), expected);
  }
  const auto& counted = models["add"]->metrics();
  EXPECT_EQ(counted.stat_success.count.load(), 2'000U);
  EXPECT_EQ(counted.stat_fail.count.load(), 0U) << "what found a full queue was tried again";
}

// Strings have different lengths, so that their parts are not equally long; they come back in their order.
TEST_F(PipelineTest, StringsAreDemultiplexedAndGathered) {
  const PartialShape any{{Dimension::any(), Dimension::any()}};
  const auto echo = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    out[0].owner = Buffer::allocate(in[0].bytes);
    out[0].view = in[0];
    out[0].view.data = out[0].owner->data();
    std::memcpy(out[0].view.data, in[0].data, in[0].bytes);
    return {};
  };
  for (const auto* name : {"table", "row"}) {
    add_model(
        name,
        {{{"b", DataType::kString, std::string_view(name) == "row" ? PartialShape{{Dimension::any()}} : any, ""}},
         {{"a", DataType::kString, std::string_view(name) == "row" ? PartialShape{{Dimension::any()}} : any, ""}}},
        echo);
  }
  auto split = node("split", "table", {"request", "in"});
  split.demultiply_count = -1;
  ASSERT_TRUE(open(chain({split, node("each", "row", {"split", "a"})}, {"each", "a"})).ok());
  const std::vector<std::string_view> words{"a", "", "a longer one", "bb", std::string_view("\0x", 2), "c"};
  PipelineClient client;
  auto buffer = Buffer::allocate(packed_size(words));
  pack_strings(words, buffer->data());
  client.call.servable = pipeline;
  client.call.completion = &client;
  const auto bytes = packed_size(words);
  client.call.inputs.push_back({"in", Tensor::of(DataType::kString, {3, 2}, std::move(buffer), 0, bytes)});
  pipeline->infer(client.call);
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(fakes["row"]->runs(), 3);
  EXPECT_EQ(client.view().shape, (Shape{3, 2}));
  const auto answer = unpack_strings({client.view().data, client.view().bytes});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, words);
}

TEST_F(PipelineTest, GatheringInTheMiddleAndNestedDemultiplexers) {
  add_adder("wide", {3, 1, 2}, 0);
  add_adder("narrow", {1, 2}, 1);
  add_model("sum",
            {{{"b", DataType::kFp32, PartialShape::from({3, 1, 2}), ""}},
             {{"a", DataType::kFp32, PartialShape::from({1, 2}), ""}}},
            sum_kernel());
  auto split = node("split", "wide", {"request", "in"});
  split.demultiply_count = 3;
  auto gather = node("gather", "sum", {"each", "a"});
  gather.gather_from = "split";
  auto definition = chain({split, node("each", "narrow", {"split", "a"}), gather}, {"gather", "a"});
  definition.demultiply_count = 2;
  definition.outputs["parts"] = {"each", "a"};
  ASSERT_TRUE(open(definition).ok());
  EXPECT_EQ(pipeline->metadata().inputs.at(0).shape, PartialShape::from({2, 3, 1, 2}));
  EXPECT_EQ(pipeline->metadata().outputs.at(0).shape, PartialShape::from({2, 1, 2}));
  EXPECT_EQ(pipeline->metadata().outputs.at(1).shape, PartialShape::from({2, 3, 1, 2}));
  PipelineClient client;
  send(client, {2, 3, 1, 2}, counting(12));
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(client.view(0).shape, (Shape{2, 1, 2}));
  // 0+2+4 and 1+3+5, each part plus one; then 6+8+10 and 7+9+11.
  EXPECT_EQ(client.values(0), (std::vector<float>{9, 12, 27, 30}));
  EXPECT_EQ(client.view(1).shape, (Shape{2, 3, 1, 2}));
  EXPECT_EQ(client.values(1).back(), 12.0F);
}

// One model gets each part of an input, another all parts together.
TEST_F(PipelineTest, AnInputIsUsedInPartsAndGathered) {
  add_adder("narrow", {1, 2}, 1);
  add_model("sum",
            {{{"b", DataType::kFp32, PartialShape::from({3, 1, 2}), ""}},
             {{"a", DataType::kFp32, PartialShape::from({1, 2}), ""}}},
            sum_kernel());
  const auto each = node("each", "narrow", {"request", "in"});
  auto all = node("all", "sum", {"request", "in"});
  all.gather_from = "request";
  for (const auto& nodes : {std::vector{each, all}, std::vector{all, each}}) {
    auto definition = chain(nodes, {"each", "a"});
    definition.outputs["sum"] = {"all", "a"};
    definition.demultiply_count = 3;
    const auto opened = open(definition);
    ASSERT_TRUE(opened.ok()) << opened.to_string();
    EXPECT_EQ(pipeline->metadata().inputs.at(0).shape, PartialShape::from({3, 1, 2}));
    PipelineClient client;
    send(client, {3, 1, 2}, counting(6));
    client.wait();
    ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
    EXPECT_EQ(client.values(0), (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(client.values(1), (std::vector<float>{6, 9}));
  }
}

}  // namespace
}  // namespace ocelli::serving

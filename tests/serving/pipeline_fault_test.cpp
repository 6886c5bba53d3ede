// Pipelines that fail, are cancelled, or are wrongly defined.
#include "serving/pipeline_fixture.hpp"

namespace ocelli::serving {
namespace {

TEST_F(PipelineTest, AFailingNodeEndsThePipelineWithItsError) {
  add_model("bad", test::add_signature(PartialShape::from({1, 2})),
            [](const std::vector<TensorView>& in, std::vector<Tensor>&) -> Status {
              return *reinterpret_cast<const float*>(in[0].data) == 4 ? internal_error("the model chokes") : Status();
            });
  auto definition = chain({node("each", "bad", {"request", "in"})}, {"each", "a"});
  definition.demultiply_count = -1;
  ASSERT_TRUE(open(definition).ok());
  PipelineClient client;
  send(client, {50, 1, 2}, counting(100));
  client.wait();
  EXPECT_EQ(client.call.status.code(), StatusCode::kInternal);
  EXPECT_EQ(client.call.status.message(), "Internal inference error - the model chokes; node: each");
  EXPECT_EQ(client.told, 1);
}

// A reload in the middle of a request takes no model away from it.
TEST_F(PipelineTest, ARequestGoesThroughTheModelsThatThePipelineWasMadeOf) {
  add_adder("first", {1, 2}, 1);
  add_adder("second", {1, 2}, 10);
  auto second = node("second", "second", {"first", "a"});
  ASSERT_TRUE(open(chain({node("first", "first", {"request", "in"}), second}, {"second", "a"})).ok());
  fakes["first"]->hold();
  PipelineClient client;
  send(client, {1, 2}, {1, 2});
  fakes["first"]->wait_for_started(1);
  models.erase("second");
  add_adder("second", {1, 3}, 100);
  fakes["first"]->release();
  client.wait();
  ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  EXPECT_EQ(client.values(), (std::vector<float>{12, 13}));
}

// As when a client leaves while its request is about to begin.
TEST_F(PipelineTest, ARunThatIsCancelledBeforeItStartsEndsWhenItStarts) {
  add_adder("one", {1, 2}, 1);
  auto graph = make_pipeline_graph(chain({node("only", "one", {"request", "in"})}, {"only", "a"}), resolver());
  ASSERT_TRUE(graph.ok()) << graph.status().to_string();
  InferenceCall call;
  float values[] = {1, 2};
  call.work.inputs.push_back({DataType::kFp32, {1, 2}, reinterpret_cast<std::byte*>(values), sizeof values});
  int told = 0;
  const auto run = std::make_shared<PipelineRun>(*graph, pool, call, [&](InferenceCall&, auto) { ++told; });
  run->cancel();
  EXPECT_EQ(told, 0);
  run->start();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(call.status.code(), StatusCode::kCancelled);
}

TEST_F(PipelineTest, CancelStopsWhatRunsAndWhatWaits) {
  // The last adder of the chain is never reached.
  add_model("slow", test::add_signature(PartialShape::from({1, 2})),
            [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
              std::this_thread::sleep_for(std::chrono::milliseconds(2));  // too slow to run on the caller's thread
              return test::add_kernel(1)(in, out);
            });
  auto definition = chain({node("each", "slow", {"request", "in"})}, {"each", "a"});
  definition.demultiply_count = -1;
  ASSERT_TRUE(open(definition).ok());
  fakes["slow"]->hold();
  PipelineClient client;
  send(client, {200, 1, 2}, counting(400));
  fakes["slow"]->wait_for_started(2);
  pipeline->cancel(client.call);
  client.wait();
  EXPECT_EQ(client.call.status.code(), StatusCode::kCancelled);
  EXPECT_EQ(fakes["slow"]->started(), 2);
  EXPECT_EQ(models["slow"]->metrics().current_requests.load(), 0);
}

TEST_F(PipelineTest, WrongDefinitionsSayWhatIsWrong) {
  add_adder("one", {1, 3}, 1);
  add_adder("other", {1, 4}, 1);
  const auto refusal = [&](const PipelineDefinition& definition) {
    const auto status = open(definition);
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  const PipelineSource in{"request", "in"};
  EXPECT_EQ(refusal(chain({node("n", "one", {"ghost", "a"})}, {"n", "a"})),
            "Pipeline pipe: input b of node n refers to node ghost, which does not exist");
  EXPECT_EQ(refusal(chain({node("n", "one", {"request", "x"})}, {"n", "a"})),
            "Pipeline pipe: input b of node n refers to input x of the pipeline, which does not exist");
  EXPECT_EQ(refusal(chain({node("n", "one", in)}, {"n", "zz"})),
            "Pipeline pipe: output out refers to output zz of node n, which model one does not have");
  EXPECT_EQ(refusal(chain({node("n", "one", in), node("n", "one", in)}, {"n", "a"})),
            "Pipeline pipe: two nodes are called n");
  EXPECT_EQ(refusal(chain({node("n", "one", in), node("idle", "one", in)}, {"n", "a"})),
            "Pipeline pipe: node idle is not connected to any output");
  EXPECT_EQ(
      refusal(chain({node("n", "one", in), node("x", "one", {"y", "a"}), node("y", "one", {"x", "a"})}, {"n", "a"})),
      "Pipeline pipe: node x is part of a cycle, or behind one");
  // Nothing takes the request here; the cycle is the reason.
  EXPECT_EQ(refusal(chain({node("n", "one", {"m", "a"}), node("m", "one", {"n", "a"})}, {"n", "a"})),
            "Pipeline pipe: node n is part of a cycle, or behind one");
  EXPECT_EQ(refusal(chain({node("n", "one", in), node("m", "other", {"n", "a"})}, {"m", "a"})),
            "Pipeline pipe: node m: input b takes FP32 (1,4), but a of node n gives FP32 (1,3)");
  EXPECT_NE(
      refusal(chain({node("n", "ghost", in)}, {"n", "a"})).find("model ghost: Model with requested name is not found"),
      std::string::npos);
  auto custom = node("n", "one", in);
  custom.custom = true;
  EXPECT_EQ(open(chain({custom}, {"n", "a"})).code(), StatusCode::kUnimplemented);
  auto split = node("n", "one", in);
  split.demultiply_count = 2;
  EXPECT_EQ(refusal(chain({split}, {"n", "a"})),
            "Pipeline pipe: node n: demultiply_count is 2, but output a has shape (1,3)");
  split.demultiply_count = 0;
  EXPECT_EQ(refusal(chain({split}, {"n", "a"})),
            "Pipeline pipe: node n: demultiply_count must be -1 or 1..10000, not 0");
  auto gather = node("n", "one", in);
  gather.gather_from = "request";
  EXPECT_NE(refusal(chain({gather}, {"n", "a"})).find("not the innermost open demultiplexer"), std::string::npos);
}

}  // namespace
}  // namespace ocelli::serving

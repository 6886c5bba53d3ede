#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serving/model_servable.hpp"
#include "serving/test_client.hpp"
#include "support/fake_model.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {
namespace {

constexpr std::uint32_t kNone = 0;
constexpr std::uint32_t kStart = 1;
constexpr std::uint32_t kEnd = 2;

struct StatefulTest : testing::Test {
  void open(StatefulOptions stateful = {}, std::uint32_t lanes = 2) {
    const auto kernel = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
      if (*reinterpret_cast<const float*>(in[0].data) < 0) return internal_error("a negative value");
      return test::add_kernel(0)(in, out);
    };
    const auto signature = test::add_signature(PartialShape::from({1}));
    open_model(std::make_shared<test::FakeModel>(signature, kernel, lanes), stateful, lanes);
  }
  void open_model(std::shared_ptr<test::FakeModel> made, StatefulOptions stateful, std::uint32_t lanes) {
    model = std::move(made);
    model->is_stateful = true;
    ModelServableOptions options;
    options.name = "sum";
    stateful.enabled = true;
    options.stateful = stateful;
    options.inline_below = Duration::zero();
    scheduling::ExecutorSpec executor;
    executor.model = model;
    executor.lanes = lanes;
    options.devices.push_back(PlannedDevice::of(std::move(executor)));
    servable = std::move(ModelServable::create(std::move(options), context)).value();
    model->reset_counts();
  }
  template <typename T>
  static Tensor one(DataType type, T value) {
    auto buffer = Buffer::allocate(sizeof value);
    std::memcpy(buffer->data(), &value, sizeof value);
    return Tensor::of(type, {1}, std::move(buffer), 0, sizeof value);
  }
  Client& send(float value, std::uint64_t id, std::uint32_t control) {
    return send_tensor(one(DataType::kFp32, value), id, control);
  }
  Client& send_tensor(Tensor tensor, std::uint64_t id, std::uint32_t control) {
    auto& client = clients.emplace_back();
    client.call.servable = servable;
    client.call.completion = &client;
    client.call.deadline = deadline;
    client.call.inputs.push_back({"sequence_id", one(DataType::kUint64, id)});
    client.call.inputs.push_back({"b", std::move(tensor)});
    client.call.inputs.push_back({"sequence_control_input", one(DataType::kUint32, control)});
    servable->infer(client.call);
    return client;
  }
  Client& ask(float value, std::uint64_t id, std::uint32_t control) {
    auto& client = send(value, id, control);
    EXPECT_TRUE(client.wait());
    return client;
  }

  BufferPool pool;
  ServingContext context{pool, Log()};
  std::shared_ptr<test::FakeModel> model;
  std::shared_ptr<ModelServable> servable;
  std::deque<Client> clients;
  TimePoint deadline = kNever;  // of what is sent
};

TEST_F(StatefulTest, SequencesKeepTheirOwnStateWhateverLaneTheyRunOn) {
  open();
  EXPECT_TRUE(servable->metadata().stateful);
  EXPECT_EQ(ask(1, 7, kStart).value(), 1);
  EXPECT_EQ(ask(100, 8, kStart).value(), 100);
  EXPECT_EQ(ask(2, 7, kNone).value(), 3);
  EXPECT_EQ(ask(200, 8, kNone).value(), 300);
  auto& last = ask(3, 7, kEnd);
  EXPECT_EQ(last.value(), 6);
  EXPECT_EQ(last.call.sequence_id, 7u);
  EXPECT_EQ(ask(1, 7, kNone).call.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(ask(5, 7, kStart).value(), 5) << "an ended id may start again, from nothing";
}

TEST_F(StatefulTest, TheServerChoosesAnIdWhenNoneIsGiven) {
  open();
  auto& first = ask(1, 0, kStart);
  auto& second = ask(10, 0, kStart);
  ASSERT_TRUE(first.call.sequence_id && second.call.sequence_id);
  EXPECT_NE(*first.call.sequence_id, *second.call.sequence_id);
  EXPECT_EQ(ask(1, *first.call.sequence_id, kNone).value(), 2);
}

TEST_F(StatefulTest, MistakesHaveTheirOwnCodes) {
  StatefulOptions options;
  options.max_sequences = 2;
  open(options);
  ask(1, 1, kStart);
  EXPECT_EQ(ask(1, 1, kStart).call.status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ask(1, 9, kNone).call.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(ask(1, 9, kEnd).call.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(ask(1, 0, kNone).call.status.message(), "Sequence ID has not been provided in request inputs");
  EXPECT_EQ(ask(1, 1, 3).call.status.code(), StatusCode::kInvalidArgument);
  ask(1, 2, kStart);
  auto& refused = ask(1, 3, kStart);
  EXPECT_EQ(refused.call.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(refused.call.status.message(),
            "Max sequence number has been reached. Could not create new sequence. - limit: 2");
  EXPECT_FALSE(refused.call.sequence_id);

  const std::pair<const char*, Tensor> wrong_types[] = {
      {"sequence_id", one(DataType::kFp32, 1.0F)},
      {"sequence_id", one(DataType::kInt64, std::int64_t{1})},
      {"sequence_control_input", one(DataType::kInt32, std::int32_t{1})}};
  for (const auto& [name, tensor] : wrong_types) {
    auto& client = clients.emplace_back();
    client.call.servable = servable;
    client.call.completion = &client;
    client.call.inputs.push_back({"b", one(DataType::kFp32, 1.0F)});
    client.call.inputs.push_back({name, tensor});
    servable->infer(client.call);
    ASSERT_TRUE(client.wait());
    EXPECT_EQ(client.call.status.code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(client.call.status.message().starts_with("Could not find sequence ")) << client.call.status.message();
  }
}

TEST_F(StatefulTest, CallsOfOneSequenceRunOneAfterTheOther) {
  open();
  model->hold();
  std::vector<Client*> line{&send(1, 5, kStart)};
  for (int i = 0; i < 4; ++i) line.push_back(&send(1, 5, kNone));
  auto& unwanted = send(1, 5, kNone);
  line.push_back(&send(1, 5, kEnd));
  auto& late = ask(1, 5, kNone);
  EXPECT_EQ(late.call.status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(model->started(), 1);
  servable->cancel(unwanted.call);
  EXPECT_EQ(unwanted.call.status.code(), StatusCode::kCancelled);
  model->release();
  for (std::size_t i = 0; i < line.size(); ++i) {
    ASSERT_TRUE(line[i]->wait());
    ASSERT_TRUE(line[i]->call.status.ok()) << line[i]->call.status.to_string();
    EXPECT_EQ(line[i]->value(), static_cast<float>(i + 1));
  }
  EXPECT_EQ(ask(1, 5, kNone).call.status.code(), StatusCode::kNotFound);
}

// The kernel refuses negative values.
TEST_F(StatefulTest, CallsBehindAFailedStartFailToo) {
  open();
  model->hold();
  auto& start = send(-1, 5, kStart);
  auto& middle = send(1, 5, kNone);
  auto& last = send(1, 5, kEnd);
  model->release();
  for (auto* client : {&start, &middle, &last}) ASSERT_TRUE(client->wait());
  EXPECT_EQ(start.call.status.code(), StatusCode::kInternal);
  EXPECT_TRUE(start.call.status.message().starts_with("Internal inference error - ")) << start.call.status.message();
  for (auto* client : {&middle, &last}) {
    EXPECT_EQ(client->call.status.code(), StatusCode::kNotFound) << client->call.status.to_string();
    EXPECT_EQ(client->call.status.message(), "Sequence with provided ID does not exist - id: 5");
    EXPECT_FALSE(client->call.sequence_id);
  }
  EXPECT_EQ(model->runs(), 1);
  EXPECT_EQ(ask(7, 5, kStart).value(), 7) << "the id is free";
}

TEST_F(StatefulTest, AFailedCallInTheMiddleLeavesTheStateAsItWas) {
  open();
  EXPECT_EQ(ask(1, 5, kStart).value(), 1);
  model->hold();
  auto& bad = send(-1, 5, kNone);
  auto& next = send(10, 5, kNone);
  model->release();
  ASSERT_TRUE(bad.wait());
  ASSERT_TRUE(next.wait());
  EXPECT_EQ(bad.call.status.code(), StatusCode::kInternal);
  EXPECT_EQ(next.value(), 11);
}

TEST_F(StatefulTest, ACallWhoseOutputHasNoRoomLeavesTheStateAsItWas) {
  open();
  EXPECT_EQ(ask(1, 1, kStart).value(), 1);
  std::byte place{};
  auto& call = clients.emplace_back();
  call.call.servable = servable;
  call.call.completion = &call;
  call.call.inputs.push_back({"sequence_id", one(DataType::kUint64, std::uint64_t{1})});
  call.call.inputs.push_back({"b", one(DataType::kFp32, 10.0F)});
  call.call.requested.push_back({"a", {DataType::kUndefined, {}, &place, 1}, {}});
  servable->infer(call.call);
  ASSERT_TRUE(call.wait());
  EXPECT_EQ(call.call.status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ask(2, 1, kNone).value(), 3);
}

TEST_F(StatefulTest, AnEndThatFailedMayBeSentAgain) {
  open();
  EXPECT_EQ(ask(1, 5, kStart).value(), 1);
  EXPECT_EQ(ask(-1, 5, kEnd).call.status.code(), StatusCode::kInternal);
  EXPECT_EQ(ask(2, 5, kNone).value(), 3) << "its end did not happen";
  EXPECT_EQ(ask(3, 5, kEnd).value(), 6);
  EXPECT_EQ(ask(1, 5, kNone).call.status.code(), StatusCode::kNotFound);
}

TEST_F(StatefulTest, AWaitForTheTurnEndsAtTheDeadline) {
  open();
  model->hold();
  auto& start = send(1, 5, kStart);
  const auto limited = [&](float value, std::uint32_t control) -> Client& {
    deadline = Clock::now() + std::chrono::milliseconds(30);
    auto& client = send(value, 5, control);
    deadline = kNever;
    return client;
  };
  auto& impatient = limited(10, kNone);
  auto& patient = send(2, 5, kNone);
  auto& hasty_end = limited(10, kEnd);
  for (auto* client : {&impatient, &hasty_end}) {
    ASSERT_TRUE(client->wait()) << "although the model still runs";
    EXPECT_EQ(client->call.status.code(), StatusCode::kDeadlineExceeded);
    EXPECT_FALSE(client->call.sequence_id);
  }
  EXPECT_EQ(model->started(), 1);
  model->release();
  ASSERT_TRUE(start.wait());
  ASSERT_TRUE(patient.wait());
  EXPECT_EQ(patient.value(), 3);
  EXPECT_EQ(ask(3, 5, kEnd).value(), 6) << "the sequence goes on";
}

// A model of texts whose first four bytes are a number for its state; the fifth ends them.
struct StatefulTextTest : StatefulTest {
  void SetUp() override {
    const auto kernel = [](const std::vector<TensorView>&, std::vector<Tensor>&) { return Status(); };
    const ModelSignature signature{{{"b", DataType::kUint8, PartialShape::from({1, 5}), {}}},
                                   {{"a", DataType::kFp32, PartialShape::from({1}), {}}}};
    open_model(std::make_shared<test::FakeModel>(signature, kernel, 1), {}, 1);
  }
  static Tensor text(const std::string& bytes) {
    const std::string_view elements[] = {bytes};
    auto buffer = Buffer::allocate(packed_size(elements));
    pack_strings(elements, buffer->data());
    return Tensor::of(DataType::kString, {1}, std::move(buffer), 0, packed_size(elements));
  }
  static std::string bits(float value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }
  Client& send_text(float value, std::uint32_t control) { return send_tensor(text(bits(value)), 5, control); }
  Client& send_bytes(float value, std::uint32_t control) {
    auto buffer = Buffer::allocate(5);
    std::memcpy(buffer->data(), bits(value).c_str(), 5);
    return send_tensor(Tensor::of(DataType::kUint8, {1, 5}, std::move(buffer), 0, 5), 5, control);
  }
  // Until let_convert() nothing is converted.
  void hold_conversions() {
    for (std::size_t i = 0; i < ServingContext::kConversionThreads; ++i)
      ASSERT_TRUE(context.conversions.submit([this] { may_convert.wait(); }));
  }
  void let_convert() { may_convert.count_down(); }
  std::latch may_convert{1};
};

TEST_F(StatefulTextTest, CallsKeepTheirOrderThoughSomeAreConverted) {
  hold_conversions();
  auto& first = send_text(1, kStart);
  auto& second = send_bytes(2, kNone);
  auto& third = send_text(3, kNone);
  auto& last = send_bytes(4, kEnd);
  EXPECT_FALSE(second.is_done()) << second.call.status.to_string();
  let_convert();
  const std::pair<Client*, float> sums[] = {{&first, 1.0F}, {&second, 3.0F}, {&third, 6.0F}, {&last, 10.0F}};
  for (const auto& [client, sum] : sums) {
    ASSERT_TRUE(client->wait());
    ASSERT_TRUE(client->call.status.ok()) << client->call.status.to_string();
    EXPECT_EQ(client->value(), sum);
    EXPECT_EQ(client->call.sequence_id, 5u);
  }
}

TEST_F(StatefulTextTest, AnInputThatCannotBeConvertedLeavesTheSequenceAsItWas) {
  hold_conversions();
  auto& first = send_text(1, kStart);
  auto& wrong = send_tensor(text("five!"), 5, kEnd);
  let_convert();
  ASSERT_TRUE(first.wait());
  ASSERT_TRUE(wrong.wait());
  EXPECT_EQ(first.value(), 1);
  EXPECT_EQ(wrong.call.status.code(), StatusCode::kInvalidArgument);
  auto& end = send_text(2, kEnd);
  ASSERT_TRUE(end.wait());
  ASSERT_TRUE(end.call.status.ok()) << end.call.status.to_string();
  EXPECT_EQ(end.value(), 3);
}

TEST_F(StatefulTextTest, ACallThatLeavesWhileItWaitsForItsTurnIsNotConverted) {
  hold_conversions();
  auto& first = send_text(1, kStart);
  auto& left = send_text(10, kNone);
  auto& last = send_text(2, kEnd);
  servable->cancel(left.call);
  EXPECT_TRUE(left.is_done());
  EXPECT_EQ(left.call.status.code(), StatusCode::kCancelled);
  let_convert();
  ASSERT_TRUE(first.wait());
  ASSERT_TRUE(last.wait());
  ASSERT_TRUE(last.call.status.ok()) << last.call.status.to_string();
  EXPECT_EQ(last.value(), 3);
}

TEST_F(StatefulTest, IdleSequencesAreDropped) {
  StatefulOptions options;
  options.idle_scan = std::chrono::milliseconds(40);
  open(options);
  ask(1, 1, kStart);
  const auto until = Clock::now() + std::chrono::seconds(20);
  StatusCode code = StatusCode::kOk;
  // Starting an id that exists is refused and does not count as use of it.
  while (Clock::now() < until) {
    code = ask(1, 1, kStart).call.status.code();
    if (code == StatusCode::kOk) break;
    std::this_thread::yield();
  }
  EXPECT_EQ(code, StatusCode::kOk) << "the idle sequence made room for a new one of its name";
}

TEST_F(StatefulTest, ManyClientsInParallel) {
  open({}, 3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  std::vector<std::deque<Client>> groups(4);
  for (std::size_t t = 0; t < groups.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t round = 0; round < 50; ++round) {
        for (int step = 0; step < 5; ++step) {
          auto& client = groups[t].emplace_back();
          client.call.servable = servable;
          client.call.completion = &client;
          client.call.sequence = SequenceControl{1000 * t + round + 1, step == 0 ? kStart : step == 4 ? kEnd : kNone};
          client.call.inputs.push_back({"b", one(DataType::kFp32, 1.0F)});
          servable->infer(client.call);
          ASSERT_TRUE(client.wait());
          if (!client.call.status.ok() || client.value() != static_cast<float>(step + 1)) ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace ocelli::serving

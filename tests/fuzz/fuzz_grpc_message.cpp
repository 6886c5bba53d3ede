// The walk of ModelInferRequest and PredictRequest: any bytes give tensors that lie within their buffers, or an error.
// Where libprotobuf reads the same message, both must have seen the same.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/infer_message.hpp"
#include "protocols/tfserving_grpc/predict_message.hpp"
#include "support/fake_catalog.hpp"
#include "tensorflow_serving/apis/predict.pb.h"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace {

using namespace ocelli;

void require(bool condition) {
  if (!condition) std::abort();
}

// A model with inputs of several types and any shape.
std::shared_ptr<test::FakeServable> make_model() {
  serving::ServableMetadata metadata;
  metadata.name = "m";
  metadata.stateful = true;
  PartialShape any;
  any.rank_known = false;
  for (const auto type : {DataType::kFp32, DataType::kInt8, DataType::kString, DataType::kFp16, DataType::kUint64}) {
    metadata.inputs.push_back({std::string(1, static_cast<char>('a' + metadata.inputs.size())), type, any, ""});
  }
  return std::make_shared<test::FakeServable>(std::move(metadata), [](serving::InferenceCall&) {});
}

// Reads every byte of every tensor, so that the sanitizer sees views that lead astray; then answers the inputs as
// outputs.
void fill_and_answer(rpc::InferenceMessage& message, const BufferRef& bytes, BufferPool& pool) {
  static const auto model = make_model();
  static const transport::SharedMemoryRegistry regions;
  serving::InferenceCall call;
  call.servable = model;
  if (!message.fill(call, {bytes, pool, &regions}).ok()) return;
  volatile unsigned sum = 0;
  for (const auto& input : call.inputs) {
    if (!input.fault.ok()) return;  // every servable refuses it: it has no bytes to answer with
    const auto& view = input.tensor.view;
    require(view.bytes <= bytes->size() * 16 + wire::kMaxFilledBytes);
    for (std::size_t i = 0; i<view.bytes; i += view.bytes> 65536 ? 4096 : 1)
      sum = sum + static_cast<unsigned>(view.data[i]);
    call.outputs.push_back({"y", input.tensor, false});
  }
  transport::ReplyBody reply;
  const auto status = message.write_reply(call, reply, pool);
  if (!status.ok()) return;
  std::string whole = reply.text();
  for (const auto& piece : reply.pieces())
    whole.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
  require(whole.size() == reply.size());
  wire::WireReader reader(std::as_bytes(std::span(whole)));
  wire::Field field;
  while (reader.next(field)) {
  }
  require(reader.ok());
}

void infer(const BufferRef& buffer, wire::Bytes bytes, BufferPool& pool) {
  require(kserve_grpc::infer_bulk_offset(bytes) <= bytes.size());
  kserve_grpc::InferMessage message;
  message.parse_head(bytes);
  const auto id = std::as_bytes(std::span(message.request().id));
  require(id.empty() || (id.data() >= bytes.data() && id.data() + id.size() <= bytes.data() + bytes.size()));
  if (!message.parse(bytes).ok()) return;
  inference::ModelInferRequest expected;
  if (expected.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    const auto& request = message.request();
    require(request.model_name == expected.model_name());
    require(request.id == expected.id());
    require(static_cast<int>(request.raw_contents.size()) == expected.raw_input_contents_size());
    require(static_cast<int>(request.inputs.size()) == expected.inputs_size());
    for (int i = 0; i < expected.inputs_size(); ++i) {
      const auto& input = request.inputs[static_cast<std::size_t>(i)];
      require(input.name == expected.inputs(i).name());
      require(input.datatype == expected.inputs(i).datatype());
      require(std::equal(input.shape.begin(), input.shape.end(), expected.inputs(i).shape().begin(),
                         expected.inputs(i).shape().end()));
    }
  }
  fill_and_answer(message, buffer, pool);
}

void predict(const BufferRef& buffer, wire::Bytes bytes, BufferPool& pool) {
  require(tfserving_grpc::predict_bulk_offset(bytes) <= bytes.size());
  tfserving_grpc::PredictRequest request;
  request.parse_head(bytes);
  if (!request.parse(bytes).ok()) return;
  tensorflow::serving::PredictRequest expected;
  if (expected.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    require(request.model_name == expected.model_spec().name());
    require(request.inputs.size() == expected.inputs().size());
    for (const auto& input : request.inputs) require(expected.inputs().contains(std::string(input.name)));
    require(static_cast<int>(request.output_filter.size()) == expected.output_filter_size());
  }
  tfserving_grpc::PredictMessage message;
  if (message.parse(bytes).ok()) fill_and_answer(message, buffer, pool);
}

}  // namespace

// The first byte chooses the message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // A block of exactly the message's size: the sanitizer then sees every read beyond it.
  const auto buffer = Buffer::allocate(size - 1);
  std::copy(data + 1, data + size, reinterpret_cast<std::uint8_t*>(buffer->data()));
  const wire::Bytes bytes(buffer->data(), size - 1);
  BufferPool pool(0);
  data[0] % 2 == 0 ? infer(buffer, bytes, pool) : predict(buffer, bytes, pool);
  return 0;
}

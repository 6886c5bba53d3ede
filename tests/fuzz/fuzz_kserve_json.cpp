// KServe v2 requests in JSON: parsed, answered by an echo, written back. Also: whatever parses must not lose its shape.
#include <cstdint>
#include <cstdlib>

#include "protocols/kserve/infer_reply.hpp"
#include "protocols/kserve/infer_request.hpp"
#include "support/fake_catalog.hpp"

namespace {

// Each input comes back as an output, in the form that the client asked for.
void echo(ocelli::kserve::InferRequest& request) {
  for (const auto& input : request.call.inputs) request.call.outputs.push_back({input.name, input.tensor, false});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto servable = ocelli::test::make_dummy();
  static ocelli::BufferPool pool;
  static ocelli::kserve::InferRequest request;
  request.clear();
  const ocelli::kserve::InferBody body{std::as_bytes(std::span(data, size)), {}, {}, {}};
  if (!ocelli::kserve::parse_infer_request(body, pool, nullptr, request).ok()) return 0;
  for (const auto& input : request.call.inputs) {
    const auto& view = input.tensor.view;
    if (!input.fault.ok()) {
      if (view.bytes != 0) std::abort();
      continue;
    }
    const auto elements = view.shape.element_count();
    if (!elements) std::abort();
    if (view.type != ocelli::DataType::kString && view.bytes != *elements * ocelli::element_size(view.type))
      std::abort();
  }
  request.call.servable = servable;
  echo(request);
  ocelli::transport::ReplyBody reply;
  static_cast<void>(ocelli::kserve::write_infer_reply(request, reply));
  return 0;
}

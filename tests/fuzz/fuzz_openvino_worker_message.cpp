// MessageReader: any bytes are refused, or are a message that is written back as the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "backends/openvino_c/protocol/message_codec.hpp"

namespace {

using namespace ocelli::openvino_c;

template <typename Message>
void check(std::span<const std::byte> bytes) {
  Message message;
  if (!MessageReader::read(bytes, message)) return;
  MessageWriter writer;
  if (!std::ranges::equal(writer.write(message), bytes)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  check<ListDevices>(bytes);
  check<CompileModel>(bytes);
  check<ReleaseModel>(bytes);
  check<OpenRequest>(bytes);
  check<CloseRequest>(bytes);
  check<StartRun>(bytes);
  check<CancelRun>(bytes);
  check<Ping>(bytes);
  check<Hello>(bytes);
  check<Devices>(bytes);
  check<ModelCompiled>(bytes);
  check<ModelReleased>(bytes);
  check<RequestOpened>(bytes);
  check<RunDone>(bytes);
  check<Pong>(bytes);
  return 0;
}

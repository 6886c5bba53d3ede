// MessageWriter and MessageReader: messages to bytes and back; little-endian, lengths before what they count.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "backends/openvino_c/protocol/message.hpp"

namespace ocelli::openvino_c {

static_assert(std::endian::native == std::endian::little, "both ends run on the same little-endian machine");

// Appends values to a block that is reused from message to message, so that the steady state allocates nothing.
class MessageWriter {
 public:
  // The bytes of a whole message, valid until the next call. Empty when the message would go beyond a limit.
  template <typename Message>
  std::span<const std::byte> write(const Message& message);

  template <typename... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) {
    raw(&value, sizeof value);
  }
  void put(const std::string& text);
  void put(const Status& status);
  void put(const Shape& shape);
  template <typename T>
  void put(const std::vector<T>& list);
  template <typename T>
  void put(const std::optional<T>& value);
  template <typename A, typename B>
  void put(const std::pair<A, B>& pair) {
    (*this)(pair.first, pair.second);
  }
  template <typename T>
    requires std::is_class_v<T>
  void put(const T& value);
  void raw(const void* data, std::size_t bytes);

  std::vector<std::byte> bytes_;
  bool fits_ = true;
};

// Takes a message apart. Whatever the bytes are, it reads only them, allocates no more than they justify, and says
// false when they are not exactly one message of the wanted kind.
class MessageReader {
 public:
  explicit MessageReader(std::span<const std::byte> bytes) : left_(bytes) {}

  // The type in a message's head; empty when that is not ours.
  static std::optional<MessageType> type_of(std::span<const std::byte> bytes) noexcept;

  // Fills message, whose lists keep their memory.
  template <typename Message>
  static bool read(std::span<const std::byte> bytes, Message& message);

  template <typename... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void get(T& value) {
    raw(&value, sizeof value);
  }
  void get(bool& value);
  void get(DataType& type);
  void get(std::string& text);
  void get(Status& status);
  void get(Shape& shape);
  template <typename T>
  void get(std::vector<T>& list);
  template <typename T>
  void get(std::optional<T>& value);
  template <typename A, typename B>
  void get(std::pair<A, B>& pair) {
    (*this)(pair.first, pair.second);
  }
  template <typename T>
    requires std::is_class_v<T>
  void get(T& value);
  void raw(void* data, std::size_t bytes);

  std::span<const std::byte> left_;
  bool good_ = true;
};

namespace detail {

template <typename T, typename Message>
concept Is = std::is_same_v<std::remove_const_t<T>, Message>;

// What each message carries, in order: one list for reading and writing.
void fields(auto&, Is<ListDevices> auto&) {}
void fields(auto&, Is<Ping> auto&) {}
void fields(auto&, Is<Pong> auto&) {}
void fields(auto& io, Is<Dimension> auto& m) { io(m.min, m.max); }
void fields(auto& io, Is<PartialShape> auto& m) { io(m.rank_known, m.dims); }
void fields(auto& io, Is<TensorSpec> auto& m) { io(m.name, m.type, m.shape, m.layout); }
void fields(auto& io, Is<ModelSignature> auto& m) { io(m.inputs, m.outputs); }
void fields(auto& io, Is<TensorPlace> auto& m) { io(m.shape, m.offset, m.bytes); }
void fields(auto& io, Is<WorkerDevice> auto& m) { io(m.name, m.full_name, m.capabilities); }
void fields(auto& io, Is<ExecutionInfo> auto& m) {
  io(m.runtime, m.runtime_version, m.device, m.device_name, m.precision, m.streams, m.threads, m.optimal_requests,
     m.loaded_from_cache, m.note);
}
void fields(auto& io, Is<CompileModel> auto& m) {
  io(m.model, m.path, m.device, m.properties, m.shapes, m.batch, m.layouts);
}
void fields(auto& io, Is<ReleaseModel> auto& m) { io(m.model); }
void fields(auto& io, Is<OpenRequest> auto& m) { io(m.model, m.request); }
void fields(auto& io, Is<CloseRequest> auto& m) { io(m.request); }
void fields(auto& io, Is<StartRun> auto& m) { io(m.request, m.run, m.outputs_at, m.inputs); }
void fields(auto& io, Is<CancelRun> auto& m) { io(m.request, m.run); }
void fields(auto& io, Is<Hello> auto& m) { io(m.status, m.version); }
void fields(auto& io, Is<Devices> auto& m) { io(m.status, m.devices); }
void fields(auto& io, Is<ModelCompiled> auto& m) { io(m.model, m.status, m.signature, m.info, m.shapes_follow_inputs); }
void fields(auto& io, Is<ModelReleased> auto& m) { io(m.model); }
void fields(auto& io, Is<RequestOpened> auto& m) { io(m.request, m.status); }
void fields(auto& io, Is<RunDone> auto& m) { io(m.request, m.run, m.status, m.outputs); }

}  // namespace detail

template <typename Message>
std::span<const std::byte> MessageWriter::write(const Message& message) {
  bytes_.clear();
  fits_ = true;
  (*this)(kProtocol, Message::kType);
  detail::fields(*this, message);
  if (!fits_) bytes_.clear();
  return bytes_;
}

template <typename T>
void MessageWriter::put(const std::vector<T>& list) {
  fits_ = fits_ && list.size() <= kMaxList;
  put(static_cast<std::uint16_t>(list.size()));
  for (const auto& value : list) put(value);
}

template <typename T>
void MessageWriter::put(const std::optional<T>& value) {
  put(value.has_value());
  if (value) put(*value);
}

template <typename T>
  requires std::is_class_v<T>
void MessageWriter::put(const T& value) {
  detail::fields(*this, value);
}

template <typename Message>
bool MessageReader::read(std::span<const std::byte> bytes, Message& message) {
  if (type_of(bytes) != Message::kType) return false;
  MessageReader reader(bytes.subspan(sizeof(kProtocol) + sizeof(MessageType)));
  detail::fields(reader, message);
  return reader.good_ && reader.left_.empty();
}

template <typename T>
void MessageReader::get(std::vector<T>& list) {
  std::uint16_t count = 0;
  get(count);
  // Each element takes at least one byte.
  if (!good_ || count > kMaxList || count > left_.size()) {
    good_ = false;
    list.clear();
    return;
  }
  list.resize(count);
  for (auto& value : list) get(value);
}

template <typename T>
void MessageReader::get(std::optional<T>& value) {
  bool there = false;
  get(there);
  value.reset();
  if (there && good_) get(value.emplace());
}

template <typename T>
  requires std::is_class_v<T>
void MessageReader::get(T& value) {
  detail::fields(*this, value);
}

}  // namespace ocelli::openvino_c

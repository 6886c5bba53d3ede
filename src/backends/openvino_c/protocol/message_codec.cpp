#include "backends/openvino_c/protocol/message_codec.hpp"

#include <algorithm>
#include <cstring>

namespace ocelli::openvino_c {

void MessageWriter::raw(const void* data, std::size_t bytes) {
  if (bytes > kMaxMessage - std::min(kMaxMessage, bytes_.size())) fits_ = false;
  if (!fits_) return;
  const auto* begin = static_cast<const std::byte*>(data);
  bytes_.insert(bytes_.end(), begin, begin + bytes);
}

void MessageWriter::put(const std::string& text) {
  fits_ = fits_ && text.size() <= kMaxText;
  put(static_cast<std::uint16_t>(text.size()));
  raw(text.data(), text.size());
}

void MessageWriter::put(const Status& status) {
  put(status.code());
  // A runtime's message may be of any length; its beginning says what is wrong.
  if (!status.ok()) put(std::string(status.message().substr(0, kMaxText)));
}

void MessageWriter::put(const Shape& shape) {
  put(static_cast<std::uint8_t>(shape.rank()));
  raw(shape.begin(), shape.rank() * sizeof(std::int64_t));
}

std::optional<MessageType> MessageReader::type_of(std::span<const std::byte> bytes) noexcept {
  std::uint32_t protocol = 0;
  auto type = MessageType{};
  if (bytes.size() < sizeof protocol + sizeof type || bytes.size() > kMaxMessage) return std::nullopt;
  std::memcpy(&protocol, bytes.data(), sizeof protocol);
  std::memcpy(&type, bytes.data() + sizeof protocol, sizeof type);
  if (protocol != kProtocol) return std::nullopt;
  return type;
}

void MessageReader::raw(void* data, std::size_t bytes) {
  good_ = good_ && bytes <= left_.size();
  if (!good_) {
    std::memset(data, 0, bytes);
    return;
  }
  if (bytes == 0) return;
  std::memcpy(data, left_.data(), bytes);
  left_ = left_.subspan(bytes);
}

void MessageReader::get(bool& value) {
  std::uint8_t byte = 0;
  get(byte);
  good_ = good_ && byte <= 1;
  value = byte == 1;
}

void MessageReader::get(DataType& type) {
  std::uint8_t number = 0;
  get(number);
  good_ = good_ && number <= static_cast<std::uint8_t>(DataType::kString);
  type = good_ ? static_cast<DataType>(number) : DataType::kUndefined;
}

void MessageReader::get(std::string& text) {
  std::uint16_t length = 0;
  get(length);
  good_ = good_ && length <= kMaxText && length <= left_.size();
  text.clear();
  if (!good_ || length == 0) return;
  text.assign(reinterpret_cast<const char*>(left_.data()), length);
  left_ = left_.subspan(length);
}

void MessageReader::get(Status& status) {
  std::uint8_t code = 0;
  get(code);
  good_ = good_ && code <= static_cast<std::uint8_t>(StatusCode::kUnavailable);
  status = {};
  if (!good_ || code == 0) return;
  std::string message;
  get(message);
  status = Status(static_cast<StatusCode>(code), std::move(message));
}

void MessageReader::get(Shape& shape) {
  std::uint8_t rank = 0;
  get(rank);
  good_ = good_ && rank <= Shape::kMaxRank;
  shape.clear();
  for (std::uint8_t i = 0; good_ && i < rank; ++i) {
    std::int64_t extent = 0;
    get(extent);
    good_ = good_ && extent >= 0;
    if (good_) shape.push_back(extent);
  }
}

}  // namespace ocelli::openvino_c

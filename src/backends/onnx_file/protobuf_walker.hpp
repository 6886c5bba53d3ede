// ProtobufWalker: walks over protobuf in a stream without reading what nobody asks for.
#pragma once

#include <cstdint>
#include <istream>
#include <string>

namespace ocelli::onnx_file {

// Reads protobuf's wire format (developers.google.com/protocol-buffers/docs/encoding) from a file. Not thread-safe;
// outlived by its stream. Anything that does not fit ends the walk: good() is false from then on.
class ProtobufWalker {
 public:
  explicit ProtobufWalker(std::istream& file) : file_(file) {
    file_.seekg(0, std::ios::end);
    size_ = file_ ? static_cast<std::uint64_t>(file_.tellg()) : 0;
    file_.seekg(0);
  }

  // Of the whole stream.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool good() const noexcept { return good_; }

  // Calls on_number(field, value) and on_bytes(field, length) for each field up to end; on_bytes leaves the position
  // wherever it likes.
  template <typename OnNumber, typename OnBytes>
  void fields(std::uint64_t end, OnNumber on_number, OnBytes on_bytes) {
    while (good_ && position() < end) {
      const std::uint64_t tag = varint();
      const auto number = static_cast<std::uint32_t>(tag >> 3);
      // No message has a field 0, but a file that is not written yet is full of them.
      if (number == 0) return fail();
      switch (tag & 7) {
        case 0:
          on_number(number, varint());
          break;
        case 1:
          skip_to(position() + 8, end);
          break;
        case 5:
          skip_to(position() + 4, end);
          break;
        case 2: {
          const std::uint64_t length = varint();
          const std::uint64_t begin = position();
          if (!good_ || begin > end || length > end - begin) return fail();
          on_bytes(number, begin + length);
          skip_to(begin + length, end);
          break;
        }
        default:
          return fail();
      }
    }
  }

  static constexpr std::uint64_t kMostText = 4096;
  // The bytes up to end; empty when there are more than kMostText.
  std::string text(std::uint64_t end) {
    const std::uint64_t length = end - position();
    if (length > kMostText) return {};
    std::string result(length, '\0');
    file_.read(result.data(), static_cast<std::streamsize>(length));
    return result;
  }

  // Of the next byte in the stream.
  [[nodiscard]] std::uint64_t position() { return good_ ? static_cast<std::uint64_t>(file_.tellg()) : size_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = file_.get();
      if (byte < 0) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }
  void skip_to(std::uint64_t target, std::uint64_t end) {
    if (target > end) return fail();
    if (good_ && position() != target) file_.seekg(static_cast<std::streamoff>(target));
  }
  void fail() noexcept { good_ = false; }

  std::istream& file_;
  std::uint64_t size_ = 0;
  bool good_ = true;
};

// For fields that hold no number of interest.
inline constexpr auto ignore_number = [](std::uint32_t, std::uint64_t) {};

// Descends through the one field that leads to what is wanted.
template <typename Found>
void descend(ProtobufWalker& walker, std::uint64_t end, std::uint32_t wanted, Found found) {
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == wanted) found(stop);
  });
}

}  // namespace ocelli::onnx_file

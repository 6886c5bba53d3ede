// NvJpeg: NVIDIA's JPEG decoder, opened at run time when it is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

struct CUstream_st;

namespace ocelli::image::cuda {

// Thread-safe, but for decode() with the same state. One for each card.
class NvJpeg {
 public:
  // Opaque types of nvjpeg.h.
  struct Handle;
  struct State;

  // What a header says; components is 1 or 3.
  struct Info {
    std::size_t width = 0;
    std::size_t height = 0;
    int components = 0;
  };

  // Of the current card; null when the library is not there or refuses.
  static std::unique_ptr<NvJpeg> open();
  ~NvJpeg();
  NvJpeg(const NvJpeg&) = delete;
  NvJpeg& operator=(const NvJpeg&) = delete;

  // "13".
  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  // Empty for what this decoder does not take: CMYK, broken headers, and pictures that do not end with the marker that
  // ends a JPEG file, which it would decode in part without a word.
  [[nodiscard]] std::optional<Info> info(std::span<const std::byte> encoded) const noexcept;

  // What one picture at a time needs; null when it cannot be made.
  State* create_state() const noexcept;
  void destroy_state(State* state) const noexcept;
  // Starts decoding to interleaved BGR or gray pixels in the card's memory, rows without padding. False when it failed.
  bool decode(State* state, std::span<const std::byte> encoded, const Info& info, std::uint8_t* pixels,
              CUstream_st* stream) const noexcept;

 private:
  struct Functions;
  explicit NvJpeg(std::unique_ptr<Functions> functions);

  std::unique_ptr<Functions> functions_;
  Handle* handle_ = nullptr;
  std::string version_;
};

}  // namespace ocelli::image::cuda

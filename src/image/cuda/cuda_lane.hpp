// CudaLane: a stream of one card with the memory that one picture at a time needs.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.hpp"
#include "image/cuda/nvjpeg.hpp"

namespace ocelli::image::cuda {

// OK, or what CUDA says: kResourceExhausted when memory is out, kUnavailable for any other fault of the card.
Status cuda_status(cudaError_t error, const char* doing);

// Memory of the card or pinned memory of the host that grows to the largest size that was asked for.
class CudaBuffer {
 public:
  enum class Kind : std::uint8_t { kCard, kPinned };
  explicit CudaBuffer(Kind kind) noexcept : kind_(kind) {}
  ~CudaBuffer() { release(); }
  CudaBuffer(const CudaBuffer&) = delete;
  CudaBuffer& operator=(const CudaBuffer&) = delete;

  // Contents are lost when it grows.
  Status reserve(std::size_t bytes);
  // Gives the memory back when it is more than that.
  void keep_at_most(std::size_t bytes) noexcept {
    if (bytes_ > bytes) release();
  }
  [[nodiscard]] std::uint8_t* data() const noexcept { return static_cast<std::uint8_t*>(data_); }

 private:
  void release() noexcept;

  Kind kind_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Not thread-safe: a lane serves one picture at a time.
struct CudaLane {
  // nvjpeg may be null; it must outlive the lane. Errors: as cuda_status().
  static Result<std::unique_ptr<CudaLane>> create(const NvJpeg* nvjpeg);
  ~CudaLane();

  cudaStream_t stream = nullptr;
  NvJpeg::State* jpeg = nullptr;  // null: pictures are decoded on the CPU
  CudaBuffer picture{CudaBuffer::Kind::kCard};
  CudaBuffer tensor{CudaBuffer::Kind::kCard};
  CudaBuffer staged_picture{CudaBuffer::Kind::kPinned};
  CudaBuffer staged_tensor{CudaBuffer::Kind::kPinned};
  const NvJpeg* decoder = nullptr;
};

}  // namespace ocelli::image::cuda

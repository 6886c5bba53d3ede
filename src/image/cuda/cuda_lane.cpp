#include "image/cuda/cuda_lane.hpp"

#include <fmt/format.h>

namespace ocelli::image::cuda {

Status cuda_status(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return {};
  const auto code = error == cudaErrorMemoryAllocation ? StatusCode::kResourceExhausted : StatusCode::kUnavailable;
  return {code, fmt::format("{} on the NVIDIA card failed: {}", doing, cudaGetErrorString(error))};
}

Status CudaBuffer::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return {};
  release();
  const auto error = kind_ == Kind::kCard ? cudaMalloc(&data_, bytes) : cudaMallocHost(&data_, bytes);
  if (error != cudaSuccess) {
    data_ = nullptr;
    return cuda_status(error, "taking memory for a picture");
  }
  bytes_ = bytes;
  return {};
}

void CudaBuffer::release() noexcept {
  if (data_) (void)(kind_ == Kind::kCard ? cudaFree(data_) : cudaFreeHost(data_));
  data_ = nullptr;
  bytes_ = 0;
}

Result<std::unique_ptr<CudaLane>> CudaLane::create(const NvJpeg* nvjpeg) {
  auto lane = std::make_unique<CudaLane>();
  if (auto status = cuda_status(cudaStreamCreateWithFlags(&lane->stream, cudaStreamNonBlocking), "making a stream");
      !status.ok())
    return status;
  lane->decoder = nvjpeg;
  if (nvjpeg) lane->jpeg = nvjpeg->create_state();
  return lane;
}

CudaLane::~CudaLane() {
  if (stream) (void)cudaStreamSynchronize(stream);
  if (decoder) decoder->destroy_state(jpeg);
  if (stream) (void)cudaStreamDestroy(stream);
}

}  // namespace ocelli::image::cuda

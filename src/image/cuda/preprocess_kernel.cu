#include "image/cuda/preprocess_kernel.hpp"

namespace ocelli::image::cuda {
namespace {

constexpr unsigned kBlockWidth = 32;
constexpr unsigned kBlockHeight = 8;

__global__ void preprocess(const PixelJob job) {
  const auto x = static_cast<std::int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  const auto y = static_cast<std::int32_t>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x < job.out_width && y < job.out_height) preprocess_pixel(job, x, y);
}

unsigned blocks(std::int32_t extent, unsigned block) { return (static_cast<unsigned>(extent) + block - 1) / block; }

}  // namespace

int launch_preprocess(const PixelJob& job, CUstream_st* stream) noexcept {
  const dim3 grid(blocks(job.out_width, kBlockWidth), blocks(job.out_height, kBlockHeight));
  preprocess<<<grid, dim3(kBlockWidth, kBlockHeight), 0, stream>>>(job);
  return static_cast<int>(cudaGetLastError());
}

}  // namespace ocelli::image::cuda

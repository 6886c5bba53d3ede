// The entry point of libocelli_image_cuda.so.
#include "image/cuda/cuda_preprocessor.hpp"
#include "image/cuda_module.hpp"

namespace {

ocelli::image::Preprocessor* create(std::uint32_t card, ocelli::BufferPool& pool, std::string* error) noexcept {
  try {
    auto preprocessor = ocelli::image::cuda::CudaPreprocessor::create(card, pool);
    if (preprocessor.ok()) return std::move(*preprocessor).release();
    *error = preprocessor.status().message();
  } catch (const std::exception& failure) {
    *error = failure.what();
  }
  return nullptr;
}

constexpr ocelli::image::CudaModuleEntry kEntry{ocelli::image::kCudaModuleAbi, create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::image::CudaModuleEntry*
ocelli_image_cuda_entry() noexcept {
  return &kEntry;
}

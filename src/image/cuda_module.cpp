#include "image/cuda_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace ocelli::image {

Result<std::unique_ptr<Preprocessor>> load_cuda_preprocessor(const std::filesystem::path& folder, std::uint32_t card,
                                                             BufferPool& pool) {
  const auto file = folder / kCudaModuleFile;
  void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!module) return unavailable(fmt::format("CUDA preprocessing is not available: {}", ::dlerror()));
  const auto entry = reinterpret_cast<CudaModuleEntryFunction>(::dlsym(module, kCudaModuleSymbol));
  if (!entry || entry()->abi != kCudaModuleAbi)
    return unavailable(fmt::format("CUDA preprocessing is not available: {} is of another build", file.string()));
  std::string error;
  std::unique_ptr<Preprocessor> preprocessor(entry()->create(card, pool, &error));
  if (!preprocessor) return unavailable(fmt::format("CUDA preprocessing is not available: {}", error));
  return preprocessor;
}

}  // namespace ocelli::image

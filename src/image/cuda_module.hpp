// The CUDA preprocessor's module, opened at run time, so that the program runs where there is no CUDA.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/status.hpp"
#include "image/preprocess.hpp"

namespace ocelli::image {

inline constexpr const char* kCudaModuleFile = "libocelli_image_cuda.so";
inline constexpr const char* kCudaModuleSymbol = "ocelli_image_cuda_entry";
// Guards against modules of another build.
inline constexpr std::uint32_t kCudaModuleAbi = 2;

// What the module exports.
struct CudaModuleEntry {
  std::uint32_t abi;
  // Never throws; on failure returns null and fills *error with what is missing and the remedy. pool must outlive it.
  Preprocessor* (*create)(std::uint32_t card, BufferPool& pool, std::string* error) noexcept;
};
using CudaModuleEntryFunction = const CudaModuleEntry* (*)() noexcept;

// Opens folder/libocelli_image_cuda.so and makes a preprocessor for a card; the module stays open. Errors: kUnavailable
// with the reason; the caller then goes on with make_cpu_preprocessor().
Result<std::unique_ptr<Preprocessor>> load_cuda_preprocessor(const std::filesystem::path& folder, std::uint32_t card,
                                                             BufferPool& pool);

}  // namespace ocelli::image

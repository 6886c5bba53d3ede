#include "backends/onnxruntime/nvidia_driver.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace ocelli::onnxruntime {
namespace {

// CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h.
constexpr int kComputeMajor = 75;
constexpr int kComputeMinor = 76;
// cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost and cudaErrorMemoryAllocation of driver_types.h.
constexpr int kHostToDevice = 1;
constexpr int kDeviceToHost = 2;
constexpr int kOutOfMemory = 2;

template <typename Function>
bool load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

// The part of the CUDA driver interface (cuda.h, libcuda.so.1) that counts and names cards.
struct CudaDriver {
  int (*init)(unsigned) = nullptr;
  int (*version)(int*) = nullptr;
  int (*count)(int*) = nullptr;
  int (*name)(char*, int, int) = nullptr;
  int (*memory)(std::size_t*, int) = nullptr;
  int (*attribute)(int*, int, int) = nullptr;

  static std::optional<CudaDriver> open() {
    void* library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return std::nullopt;
    CudaDriver driver;
    const bool complete =
        load(library, "cuInit", driver.init) && load(library, "cuDriverGetVersion", driver.version) &&
        load(library, "cuDeviceGetCount", driver.count) && load(library, "cuDeviceGetName", driver.name) &&
        load(library, "cuDeviceTotalMem_v2", driver.memory) && load(library, "cuDeviceGetAttribute", driver.attribute);
    if (!complete || driver.init(0) != 0) return std::nullopt;
    return driver;
  }

  [[nodiscard]] std::optional<NvidiaCard> card(int index) const {
    std::array<char, 256> text{};
    std::size_t bytes = 0;
    int major = 0;
    int minor = 0;
    if (name(text.data(), static_cast<int>(text.size()) - 1, index) != 0 || memory(&bytes, index) != 0 ||
        attribute(&major, kComputeMajor, index) != 0 || attribute(&minor, kComputeMinor, index) != 0) {
      return std::nullopt;
    }
    return NvidiaCard{text.data(), bytes, static_cast<std::uint32_t>(major), static_cast<std::uint32_t>(minor)};
  }
};

}  // namespace

std::string NvidiaCard::architecture() const { return fmt::format("sm_{}{}", compute_major, compute_minor); }

std::vector<NvidiaCard> nvidia_cards() {
  std::vector<NvidiaCard> cards;
  const auto driver = CudaDriver::open();
  int count = 0;
  if (!driver || driver->count(&count) != 0) return cards;
  for (int i = 0; i < count; ++i) {
    // A card that does not answer keeps its number.
    cards.push_back(driver->card(i).value_or(NvidiaCard{"a card that does not answer"}));
  }
  return cards;
}

std::string nvidia_driver_version() {
  const auto driver = CudaDriver::open();
  int version = 0;
  if (!driver || driver->version(&version) != 0) return {};
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

Result<CudaCopy> CudaCopy::open(std::uint32_t card) {
  CudaCopy copy;
  copy.card_ = card;
  for (const char* name : {"libcudart.so.13", "libcudart.so.12"}) {
    // Only what the provider uses will do: a second copy of the library would know nothing of its memory.
    void* library = ::dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (!library) continue;
    if (load(library, "cudaSetDevice", copy.set_device_) && load(library, "cudaMemcpy", copy.memcpy_) &&
        load(library, "cudaGetErrorString", copy.error_text_)) {
      return copy;
    }
  }
  return unavailable("the CUDA library libcudart that ONNX Runtime's provider uses was not found in this process");
}

Status CudaCopy::copy(void* to, const void* from, std::size_t bytes, int kind) const {
  int error = set_device_(static_cast<int>(card_));
  if (error == 0) error = memcpy_(to, from, bytes, kind);
  if (error == 0) return {};
  const auto code = error == kOutOfMemory ? StatusCode::kResourceExhausted : StatusCode::kUnavailable;
  return {code, fmt::format("copying {} bytes to or from NVIDIA card {} failed: {}", bytes, card_, error_text_(error))};
}

Status CudaCopy::to_card(void* card, const void* host, std::size_t bytes) const {
  return copy(card, host, bytes, kHostToDevice);
}

Status CudaCopy::to_host(void* host, const void* card, std::size_t bytes) const {
  return copy(host, card, bytes, kDeviceToHost);
}

}  // namespace ocelli::onnxruntime

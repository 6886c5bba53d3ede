#include "image/cuda/nvjpeg.hpp"

#include <dlfcn.h>

#include <array>
#include <string_view>
#include <utility>

namespace ocelli::image::cuda {
namespace {

// Values and the one structure of nvjpeg.h, the same in versions 11 to 13.
constexpr int kSuccess = 0;
constexpr int kOutputY = 2;
constexpr int kOutputBgrInterleaved = 6;
constexpr std::size_t kMostComponents = 4;

struct Destination {
  unsigned char* channel[kMostComponents];
  std::size_t pitch[kMostComponents];
};

// In the last KiB: further in front it may be that of a thumbnail, and what has more behind it is the CPU's to judge.
bool has_end_marker(std::span<const std::byte> encoded) noexcept {
  constexpr std::size_t kTail = 1024;
  const std::string_view text(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  return text.substr(text.size() > kTail ? text.size() - kTail : 0).find("\xFF\xD9") != std::string_view::npos;
}

// A file of many scans may keep the card as long as it would keep the CPU, which counts them and says so. A thumbnail
// has one of its own.
bool has_few_scans(std::span<const std::byte> encoded) noexcept {
  constexpr int kMostScans = 32;
  const std::string_view text(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  int scans = 0;
  for (auto at = text.find("\xFF\xDA"); at != std::string_view::npos && scans <= kMostScans;
       at = text.find("\xFF\xDA", at + 2))
    ++scans;
  return scans <= kMostScans;
}

}  // namespace

struct NvJpeg::Functions {
  int (*create)(Handle**) = nullptr;
  int (*destroy)(Handle*) = nullptr;
  int (*create_state)(Handle*, State**) = nullptr;
  int (*destroy_state)(State*) = nullptr;
  int (*info)(Handle*, const unsigned char*, std::size_t, int*, int*, int*, int*) = nullptr;
  int (*decode)(Handle*, State*, const unsigned char*, std::size_t, int, Destination*, CUstream_st*) = nullptr;

  bool load(void* library) {
    return load_one(library, "nvjpegCreateSimple", create) && load_one(library, "nvjpegDestroy", destroy) &&
           load_one(library, "nvjpegJpegStateCreate", create_state) &&
           load_one(library, "nvjpegJpegStateDestroy", destroy_state) &&
           load_one(library, "nvjpegGetImageInfo", info) && load_one(library, "nvjpegDecode", decode);
  }

 private:
  template <typename Function>
  static bool load_one(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
  }
};

NvJpeg::NvJpeg(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}

NvJpeg::~NvJpeg() {
  if (handle_) (void)functions_->destroy(handle_);
}

std::unique_ptr<NvJpeg> NvJpeg::open() {
  // From the loader's folders, or where the setup puts NVIDIA's wheels.
  static constexpr std::array<std::pair<const char*, const char*>, 3> kLibraries{
      {{OCELLI_CUDA_WHEELS "/nvidia/cu13/lib/libnvjpeg.so.13", "13"},
       {"libnvjpeg.so.13", "13"},
       {"libnvjpeg.so.12", "12"}}};
  for (const auto& [file, version] : kLibraries) {
    void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    auto functions = std::make_unique<Functions>();
    if (!library || !functions->load(library)) continue;
    std::unique_ptr<NvJpeg> decoder(new NvJpeg(std::move(functions)));
    if (decoder->functions_->create(&decoder->handle_) != kSuccess) continue;
    decoder->version_ = version;
    return decoder;
  }
  return nullptr;
}

std::optional<NvJpeg::Info> NvJpeg::info(std::span<const std::byte> encoded) const noexcept {
  int components = 0;
  int subsampling = 0;
  int widths[kMostComponents] = {};
  int heights[kMostComponents] = {};
  if (!has_end_marker(encoded) || !has_few_scans(encoded)) return std::nullopt;
  if (functions_->info(handle_, reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size(), &components,
                       &subsampling, widths, heights) != kSuccess) {
    return std::nullopt;
  }
  if ((components != 1 && components != 3) || widths[0] <= 0 || heights[0] <= 0) return std::nullopt;
  return Info{static_cast<std::size_t>(widths[0]), static_cast<std::size_t>(heights[0]), components};
}

NvJpeg::State* NvJpeg::create_state() const noexcept {
  State* state = nullptr;
  return functions_->create_state(handle_, &state) == kSuccess ? state : nullptr;
}

void NvJpeg::destroy_state(State* state) const noexcept {
  if (state) (void)functions_->destroy_state(state);
}

bool NvJpeg::decode(State* state, std::span<const std::byte> encoded, const Info& info, std::uint8_t* pixels,
                    CUstream_st* stream) const noexcept {
  Destination destination{};
  destination.channel[0] = pixels;
  destination.pitch[0] = info.width * static_cast<std::size_t>(info.components);
  return functions_->decode(handle_, state, reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size(),
                            info.components == 1 ? kOutputY : kOutputBgrInterleaved, &destination, stream) == kSuccess;
}

}  // namespace ocelli::image::cuda

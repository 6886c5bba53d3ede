#include "image/cuda/cuda_preprocessor.hpp"

#include <fmt/format.h>

#include <cstring>

#include "image/cuda/pixel_job.hpp"

namespace ocelli::image::cuda {
namespace {

// Of each buffer of a lane: a picture of 16 megapixels in colour fits.
constexpr std::size_t kMostKept = std::size_t{64} << 20;

}  // namespace

Result<std::unique_ptr<CudaPreprocessor>> CudaPreprocessor::create(std::uint32_t card, BufferPool& pool) {
  int count = 0;
  const auto error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess)
    return unavailable(fmt::format("no NVIDIA card is visible: {}; check nvidia-smi", cudaGetErrorString(error)));
  if (card >= static_cast<std::uint32_t>(count))
    return unavailable(fmt::format("there is no NVIDIA card number {}; this machine has {}", card, count));
  if (auto status = cuda_status(cudaSetDevice(static_cast<int>(card)), "choosing the card"); !status.ok())
    return status;
  std::unique_ptr<CudaPreprocessor> result(new CudaPreprocessor(card, pool, NvJpeg::open()));
  // The first lane shows whether the card works at all.
  auto lane = result->take_lane();
  if (!lane.ok()) return unavailable(std::string(lane.status().message()));
  result->give_back(std::move(*lane));
  return result;
}

std::string CudaPreprocessor::name() const {
  return nvjpeg_ ? fmt::format("CUDA.{} with nvJPEG {}", card_, nvjpeg_->version()) : fmt::format("CUDA.{}", card_);
}

Result<std::unique_ptr<CudaLane>> CudaPreprocessor::take_lane() {
  if (auto status = cuda_status(cudaSetDevice(static_cast<int>(card_)), "choosing the card"); !status.ok())
    return status;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto lane = std::move(idle_.back());
      idle_.pop_back();
      return lane;
    }
  }
  return CudaLane::create(nvjpeg_.get());
}

void CudaPreprocessor::give_back(std::unique_ptr<CudaLane> lane) {
  // A failed copy or kernel may still be under way, and the next picture must not meet it.
  (void)cudaStreamSynchronize(lane->stream);
  // What one large picture needed is not kept from models for good.
  for (auto* buffer : {&lane->picture, &lane->tensor, &lane->staged_picture, &lane->staged_tensor})
    buffer->keep_at_most(kMostKept);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(lane));
}

Status CudaPreprocessor::finish(CudaLane& lane, const NvJpeg::Info& picture, const PreprocessPlan& plan,
                                std::byte* out) const {
  const auto format = picture.components == 1   ? PixelFormat::kGray
                      : picture.components == 3 ? PixelFormat::kBgr
                                                : PixelFormat::kBgra;
  const auto box = checked_crop(plan, picture.width, picture.height, format);
  if (!box.ok()) return box.status();
  const std::size_t bytes = tensor_bytes(plan);
  auto status = lane.tensor.reserve(bytes);
  if (status.ok()) status = lane.staged_tensor.reserve(bytes);
  if (!status.ok()) return status;
  const PixelJob job = make_job(plan, *box, lane.picture.data(), picture.width,
                                static_cast<std::size_t>(picture.components), lane.tensor.data());
  status = cuda_status(static_cast<cudaError_t>(launch_preprocess(job, lane.stream)), "preprocessing");
  if (status.ok()) {
    status = cuda_status(
        cudaMemcpyAsync(lane.staged_tensor.data(), lane.tensor.data(), bytes, cudaMemcpyDeviceToHost, lane.stream),
        "copying a tensor");
  }
  if (status.ok()) status = cuda_status(cudaStreamSynchronize(lane.stream), "preprocessing");
  if (status.ok()) std::memcpy(out, lane.staged_tensor.data(), bytes);
  return status;
}

Status CudaPreprocessor::decode_on_card(CudaLane& lane, std::span<const std::byte> encoded, const NvJpeg::Info& info,
                                        const PictureTarget& target, bool& decoded) const {
  const std::size_t bytes = info.width * info.height * static_cast<std::size_t>(info.components);
  if (auto status = lane.picture.reserve(bytes); !status.ok()) return status;
  decoded = nvjpeg_->decode(lane.jpeg, encoded, info, lane.picture.data(), lane.stream) &&
            cudaStreamSynchronize(lane.stream) == cudaSuccess;
  return decoded ? finish(lane, info, target.plan, target.out) : Status();
}

Status CudaPreprocessor::run_pixels(CudaLane& lane, const Image& picture, const PreprocessPlan& plan,
                                    std::byte* out) const {
  const std::size_t bytes = picture.bytes();
  auto status = lane.picture.reserve(bytes);
  if (status.ok()) status = lane.staged_picture.reserve(bytes);
  if (!status.ok()) return status;
  std::memcpy(lane.staged_picture.data(), picture.data(), bytes);
  status = cuda_status(
      cudaMemcpyAsync(lane.picture.data(), lane.staged_picture.data(), bytes, cudaMemcpyHostToDevice, lane.stream),
      "copying a picture");
  if (!status.ok()) return status;
  return finish(lane, {picture.width, picture.height, static_cast<int>(channels(picture.format))}, plan, out);
}

Status CudaPreprocessor::run(std::span<const std::byte> encoded, const DecodeLimits& limits,
                             const ChooseTarget& choose) {
  const auto info = nvjpeg_ && detect_codec(encoded) == Codec::kJpeg ? nvjpeg_->info(encoded) : std::nullopt;
  // What is beyond the limits goes the CPU's way, whose error names them.
  const bool on_card = info && info->width <= limits.max_width && info->height <= limits.max_height &&
                       info->width <= limits.max_pixels / info->height;
  if (on_card) {
    const auto target =
        choose({info->width, info->height, info->components == 1 ? PixelFormat::kGray : PixelFormat::kBgr});
    if (!target.ok()) return target.status();
    auto lane = take_lane();
    if (!lane.ok()) return lane.status();
    bool decoded = false;
    Status status;
    if ((*lane)->jpeg) status = decode_on_card(**lane, encoded, *info, *target, decoded);
    give_back(std::move(*lane));
    if (decoded || !status.ok()) return status;
  }
  const auto picture = decode(encoded, pool_, limits);
  if (!picture.ok()) return picture.status();
  const auto target = choose({picture->width, picture->height, picture->format});
  return target.ok() ? run(*picture, target->plan, target->out) : target.status();
}

Status CudaPreprocessor::run(const Image& picture, const PreprocessPlan& plan, std::byte* out) {
  if (const auto box = checked_crop(plan, picture.width, picture.height, picture.format); !box.ok())
    return box.status();
  auto lane = take_lane();
  if (!lane.ok()) return lane.status();
  auto status = run_pixels(**lane, picture, plan, out);
  give_back(std::move(*lane));
  return status;
}

}  // namespace ocelli::image::cuda

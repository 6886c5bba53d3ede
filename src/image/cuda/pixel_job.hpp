// make_job(): a PreprocessPlan as the kernel takes it.
#pragma once

#include "image/cuda/preprocess_kernel.hpp"
#include "image/preprocess.hpp"

namespace ocelli::image::cuda {

// The job for a part of a picture with rows of `width` pixels of `samples` samples each. pixels and out are addresses
// of the card, or of the host when the host runs it.
inline PixelJob make_job(const PreprocessPlan& plan, const CropBox& box, const std::uint8_t* pixels, std::size_t width,
                         std::size_t samples, void* out) {
  PixelJob job;
  job.row_bytes = width * samples;
  job.source = pixels + box.y * job.row_bytes + box.x * samples;
  job.samples = static_cast<std::int32_t>(samples);
  job.width = static_cast<std::int32_t>(box.width);
  job.height = static_cast<std::int32_t>(box.height);
  job.out_width = static_cast<std::int32_t>(plan.width);
  job.out_height = static_cast<std::int32_t>(plan.height);
  job.channels = static_cast<std::int32_t>(plan.channels);
  job.rgb = plan.rgb;
  job.planar = plan.planar;
  job.floats = plan.type == DataType::kFp32;
  for (int c = 0; c < 4; ++c) {
    job.mean[c] = plan.mean[c];
    job.factor[c] = plan.factor[c];
  }
  job.out = out;
  return job;
}

}  // namespace ocelli::image::cuda

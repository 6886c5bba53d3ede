// PixelJob: what the CUDA kernel does for each pixel of the tensor; the host can do it too, one pixel at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "image/pixel_math.hpp"

struct CUstream_st;

namespace ocelli::image::cuda {

// Plain data: it is handed to the kernel by value. Pointers are into the memory of whoever runs it.
struct PixelJob {
  const std::uint8_t* source = nullptr;  // first sample of the part that is used
  std::size_t row_bytes = 0;             // from one row of the picture to the next
  std::int32_t samples = 3;              // of a pixel: 1 gray, 3 BGR, 4 BGRA
  std::int32_t width = 0;                // of the part
  std::int32_t height = 0;
  std::int32_t out_width = 0;
  std::int32_t out_height = 0;
  std::int32_t channels = 3;  // of the tensor
  bool rgb = true;
  bool planar = true;
  bool floats = true;  // else 8 bits
  float mean[4] = {0, 0, 0, 0};
  float factor[4] = {1, 1, 1, 1};
  void* out = nullptr;
};

// Where channel c of the tensor's pixel at (x, y) lies.
OCELLI_HOST_DEVICE inline std::size_t place_of(const PixelJob& job, std::int32_t x, std::int32_t y, std::int32_t c) {
  const auto pixel =
      static_cast<std::size_t>(y) * static_cast<std::size_t>(job.out_width) + static_cast<std::size_t>(x);
  const auto pixels = static_cast<std::size_t>(job.out_width) * static_cast<std::size_t>(job.out_height);
  return job.planar ? static_cast<std::size_t>(c) * pixels + pixel
                    : pixel * static_cast<std::size_t>(job.channels) + static_cast<std::size_t>(c);
}

// Sample c of the pixel at (x, y) of the part.
OCELLI_HOST_DEVICE inline std::uint8_t sample_at(const PixelJob& job, std::int64_t x, std::int64_t y, std::int32_t c) {
  return job.source[static_cast<std::size_t>(y) * job.row_bytes +
                    static_cast<std::size_t>(x) * static_cast<std::size_t>(job.samples) + static_cast<std::size_t>(c)];
}

// resize_bilinear() for one sample.
OCELLI_HOST_DEVICE inline std::uint8_t resized_sample(const PixelJob& job, std::int32_t x, std::int32_t y,
                                                      std::int32_t c) {
  if (job.width == job.out_width && job.height == job.out_height) return sample_at(job, x, y, c);
  if (job.width == 2 * job.out_width && job.height == 2 * job.out_height) {
    const std::int64_t left = 2 * std::int64_t{x};
    const std::int64_t top = 2 * std::int64_t{y};
    return mean_of_four(sample_at(job, left, top, c), sample_at(job, left + 1, top, c),
                        sample_at(job, left, top + 1, c), sample_at(job, left + 1, top + 1, c));
  }
  const LinearTap column = linear_tap(x, job.width, job.out_width, true);
  const LinearTap row = linear_tap(y, job.height, job.out_height, false);
  const auto mixed = [&](std::int64_t at) {
    return mix_columns(sample_at(job, column.first, at, c), sample_at(job, column.second, at, c), column);
  };
  return mix_rows(mixed(row.first), mixed(row.second), row);
}

// resize_bilinear_f32() for one sample.
OCELLI_HOST_DEVICE inline float resized_float(const PixelJob& job, std::int32_t x, std::int32_t y, std::int32_t c) {
  const LinearTap column = linear_tap(x, job.width, job.out_width, true);
  const LinearTap row = linear_tap(y, job.height, job.out_height, true);
  const auto mixed = [&](std::int64_t at) {
    return mix(sample_at(job, column.first, at, c), sample_at(job, column.second, at, c), column.share);
  };
  return mix(mixed(row.first), mixed(row.second), row.share);
}

// All channels of the tensor's pixel at (x, y).
OCELLI_HOST_DEVICE inline void preprocess_pixel(const PixelJob& job, std::int32_t x, std::int32_t y) {
  for (std::int32_t c = 0; c < job.channels; ++c) {
    const std::int32_t from = job.samples == 1 ? 0 : job.rgb && c < 3 ? 2 - c : c;
    const std::size_t to = place_of(job, x, y, c);
    if (job.floats) {
      static_cast<float*>(job.out)[to] = (resized_float(job, x, y, from) - job.mean[c]) * job.factor[c];
    } else {
      static_cast<std::uint8_t*>(job.out)[to] = resized_sample(job, x, y, from);
    }
  }
}

// Starts the kernel for all pixels on a stream of the current card. Gives CUDA's error number, 0 for none.
int launch_preprocess(const PixelJob& job, CUstream_st* stream) noexcept;

}  // namespace ocelli::image::cuda

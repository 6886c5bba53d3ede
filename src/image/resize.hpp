// Bilinear resizing with OpenCV's conventions.
#pragma once

#include <cstddef>

#include "base/status.hpp"
#include "image/image.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::image {

// Bilinear with pixel centres at half-integers, source x = (x + 0.5) * scale - 0.5, edges repeated, no anti-aliasing:
// OpenCV's INTER_LINEAR. 8-bit results use its 11-bit fixed-point weights, so they agree with it to the last bit where
// it uses no vendor library, and its rule that halving both sides exactly averages 2x2 pixels. width and height >= 1.
// Returns image itself when the size is already right. Pixels come from pool.
Image resize_bilinear(const Image& image, std::size_t width, std::size_t height, BufferPool& pool);

// The same, on floats: every sample is converted first, then interpolated without rounding. out holds height x width x
// channels floats (HWC).
void resize_bilinear_f32(const Image& image, std::size_t width, std::size_t height, float* out);

}  // namespace ocelli::image

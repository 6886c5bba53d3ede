// Decodes a picture, optionally resizes it, and writes "WIDTH HEIGHT CHANNELS\n" and the raw pixels to standard output,
// for tests that compare with an independent decoder. Usage: image_tool FILE [WIDTH HEIGHT [f32|kernel]]; kernel:
// colour, resized by the CUDA kernel's arithmetic on the CPU. Exit code 1 and the error on standard error when it
// cannot be decoded.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "image/cuda/pixel_job.hpp"
#include "image/decode.hpp"
#include "image/resize.hpp"

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4 && argc != 5) return 64;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  ocelli::BufferPool pool;
  auto image = ocelli::image::decode(std::as_bytes(std::span(bytes)), pool);
  if (!image.ok()) {
    std::fprintf(stderr, "%s\n", image.status().to_string().c_str());
    return 1;
  }
  const auto channels = ocelli::image::channels(image->format);
  if (argc == 5 && std::strcmp(argv[4], "f32") == 0) {
    const auto width = std::strtoul(argv[2], nullptr, 10);
    const auto height = std::strtoul(argv[3], nullptr, 10);
    std::vector<float> out(width * height * channels);
    ocelli::image::resize_bilinear_f32(*image, width, height, out.data());
    std::printf("%zu %zu %zu\n", width, height, channels);
    std::fwrite(out.data(), sizeof(float), out.size(), stdout);
    return 0;
  }
  if (argc == 5 && std::strcmp(argv[4], "kernel") == 0) {
    ocelli::image::PreprocessPlan plan;
    plan.width = std::strtoul(argv[2], nullptr, 10);
    plan.height = std::strtoul(argv[3], nullptr, 10);
    plan.rgb = false;
    plan.planar = false;
    plan.type = ocelli::DataType::kUint8;
    std::vector<std::byte> out(tensor_bytes(plan));
    const auto job = ocelli::image::cuda::make_job(plan, {0, 0, image->width, image->height}, image->data(),
                                                   image->width, channels, out.data());
    for (std::int32_t y = 0; y < job.out_height; ++y) {
      for (std::int32_t x = 0; x < job.out_width; ++x) preprocess_pixel(job, x, y);
    }
    std::printf("%zu %zu 3\n", plan.width, plan.height);
    std::fwrite(out.data(), 1, out.size(), stdout);
    return 0;
  }
  auto shown = argc == 4 ? ocelli::image::resize_bilinear(*image, std::strtoul(argv[2], nullptr, 10),
                                                          std::strtoul(argv[3], nullptr, 10), pool)
                         : *image;
  std::printf("%zu %zu %zu\n", shown.width, shown.height, channels);
  std::fwrite(shown.data(), 1, shown.bytes(), stdout);
  return 0;
}

// PictureProcessors: who decodes and resizes the pictures that clients send, by the device on which their model runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/log.hpp"
#include "base/status.hpp"
#include "image/preprocess.hpp"
#include "serving/device_board.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::serving {

// Thread-safe. What it gives lives as long as it does.
class PictureProcessors {
 public:
  // Makes the processor of an NVIDIA card, by its number. Errors: kUnavailable with the reason.
  using LoadCard = std::function<Result<std::unique_ptr<image::Preprocessor>>(std::uint32_t card)>;

  // pool must outlive it. Without load_card all pictures go the CPU's way.
  PictureProcessors(BufferPool& pool, Log log, LoadCard load_card = {});

  // For a model on these devices: that of the NVIDIA card on which the first of them that serves runs it, else the
  // CPU's; also for null, a servable without devices of its own. A card's is made when it is first asked for, which may
  // take a second. One that cannot be made is told in the log once, with the reason, and the CPU stands in; so it does
  // for a picture that the card fails to process.
  image::Preprocessor& of(const DeviceBoard* devices);

 private:
  image::Preprocessor& of_card(std::uint32_t card);

  const Log log_;
  const LoadCard load_card_;
  const std::unique_ptr<image::Preprocessor> cpu_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::unique_ptr<image::Preprocessor>> cards_;  // null: the CPU stands in
};

}  // namespace ocelli::serving

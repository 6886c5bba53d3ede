#include "serving/picture_processors.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace ocelli::serving {
namespace {

// The card of a device in ONNX Runtime's words: 1 for "TENSORRT.1,CUDA.1"; empty for what is no NVIDIA card.
std::optional<std::uint32_t> card_of(std::string_view device) noexcept {
  for (const std::string_view provider : {"CUDA.", "TENSORRT."}) {
    if (!device.starts_with(provider)) continue;
    std::uint32_t card = 0;
    const auto number = device.substr(provider.size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), card);
    if (error == std::errc()) return card;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> serving_card(const DeviceBoard& devices) {
  for (const auto& report : devices.reports()) {
    if (report.state == DeviceState::kServing) return card_of(report.info.device);
  }
  return std::nullopt;
}

// A card's processor, with the CPU's for what the card fails at. A picture that is at fault itself is not tried twice.
class CardProcessor final : public image::Preprocessor {
 public:
  CardProcessor(std::unique_ptr<image::Preprocessor> card, image::Preprocessor& cpu, Log log)
      : card_(std::move(card)), cpu_(cpu), log_(std::move(log)) {}

  [[nodiscard]] std::string name() const override { return card_->name(); }

  using Preprocessor::run;
  Status run(std::span<const std::byte> encoded, const image::DecodeLimits& limits,
             const image::ChooseTarget& choose) override {
    const auto status = card_->run(encoded, limits, choose);
    return is_final(status) ? status : cpu_.run(encoded, limits, choose);
  }
  Status run(const image::Image& picture, const image::PreprocessPlan& plan, std::byte* out) override {
    const auto status = card_->run(picture, plan, out);
    return is_final(status) ? status : cpu_.run(picture, plan, out);
  }

 private:
  [[nodiscard]] bool is_final(const Status& status) const {
    if (status.ok() || status.code() == StatusCode::kInvalidArgument) return true;
    log_.warning("A picture is processed on the CPU, because {} failed: {}", card_->name(), status.message());
    return false;
  }

  const std::unique_ptr<image::Preprocessor> card_;
  image::Preprocessor& cpu_;
  const Log log_;
};

}  // namespace

PictureProcessors::PictureProcessors(BufferPool& pool, Log log, LoadCard load_card)
    : log_(std::move(log)), load_card_(std::move(load_card)), cpu_(image::make_cpu_preprocessor(pool)) {}

image::Preprocessor& PictureProcessors::of(const DeviceBoard* devices) {
  if (!load_card_ || !devices) return *cpu_;
  const auto card = serving_card(*devices);
  return card ? of_card(*card) : *cpu_;
}

image::Preprocessor& PictureProcessors::of_card(std::uint32_t card) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = cards_.try_emplace(card);
  auto& processor = entry->second;
  if (is_new) {
    auto loaded = load_card_(card);
    if (loaded.ok()) {
      processor = std::make_unique<CardProcessor>(std::move(*loaded), *cpu_, log_);
      log_.info("Pictures for models on NVIDIA card {} are processed by {}", card, processor->name());
    } else {
      log_.warning("Pictures for models on NVIDIA card {} are processed on the CPU: {}", card,
                   loaded.status().message());
    }
  }
  return processor ? *processor : *cpu_;
}

}  // namespace ocelli::serving

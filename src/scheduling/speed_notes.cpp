#include "scheduling/speed_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "scheduling/note_text.hpp"

namespace ocelli::scheduling {
namespace {

// Changes with everything that makes old findings worthless: this format, and the way of measuring.
constexpr std::string_view kHead = "ocelli speed 1";
// Runs are counted in thousandths, so that whole numbers say it.
constexpr double kThousand = 1000;
constexpr std::int64_t kMostRuns = 1'000'000'000'000'000;
constexpr std::int64_t kLongest = std::chrono::nanoseconds(std::chrono::hours(1)).count();

// 1 to most.
std::optional<std::int64_t> read_number(std::optional<std::string_view> text, std::int64_t most) {
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 1 || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::string SpeedNoteForm::to_text(const DeviceSpeed& speed, std::string_view key) {
  const auto runs = std::clamp(speed.runs_per_second * kThousand, 1.0, static_cast<double>(kMostRuns));
  const auto latency = std::clamp<std::int64_t>(std::chrono::nanoseconds(speed.latency).count(), 1, kLongest);
  return note_text(kHead, key,
                   fmt::format("runs_per_1000_s {}\nlatency_ns {}\n", static_cast<std::int64_t>(runs), latency));
}

std::optional<DeviceSpeed> SpeedNoteForm::from_text(std::string_view text, std::string_view key) {
  if (text.size() > kMostBytes) return std::nullopt;
  NoteReader reader(text, kHead, key);
  const auto runs = read_number(reader.take("runs_per_1000_s"), kMostRuns);
  const auto latency = read_number(reader.take("latency_ns"), kLongest);
  if (!reader.ends_well() || !runs || !latency) return std::nullopt;
  return DeviceSpeed{static_cast<double>(*runs) / kThousand,
                     std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(*latency))};
}

}  // namespace ocelli::scheduling

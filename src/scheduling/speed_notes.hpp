// SpeedNotes: how fast a model was on a device, kept in the cache folder for the next start.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "scheduling/device_speed.hpp"
#include "scheduling/notes.hpp"

namespace ocelli::scheduling {

// How it is kept: see Notes.
struct SpeedNoteForm {
  using Findings = DeviceSpeed;
  static constexpr const char* kExtension = ".speed";
  static constexpr std::size_t kMostBytes = 512;
  // Under the digest of the key, with a digest of its own at the end.
  static std::string to_text(const DeviceSpeed& speed, std::string_view key);
  // Empty when the text is none of ours, is damaged, of another format, holds for another key, or says what no device
  // does. Thread-safe.
  static std::optional<DeviceSpeed> from_text(std::string_view text, std::string_view key);
};

using SpeedNotes = Notes<SpeedNoteForm>;

}  // namespace ocelli::scheduling

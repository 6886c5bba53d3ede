// SteadyWindow: the time in which a measurement had all its requests in flight, and how many ended in it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace ocelli::cli {

// From the first end to the first one after the time is over. Before it the requests are on their way to the model,
// after it fewer and fewer are left: in a short slice both would count against the longer way. Requests that end
// together, as a batch does, are counted right, because the last batch has its first one counted and the first batch
// all but that. Used from one thread at a time.
class SteadyWindow {
 public:
  explicit SteadyWindow(TimePoint until) noexcept : until_(until) {}

  // A request ended then, and another one took its place if the time was not over.
  void end_one(TimePoint at, bool succeeded) noexcept {
    if (closed_) return;
    if (!open_) first_ = last_ = at;
    if (open_ && succeeded) ++ends_;
    open_ = true;
    last_ = std::max(last_, at);
    closed_ = at >= until_;
  }
  // Requests that ended well in it, without the one that opened it.
  [[nodiscard]] std::uint64_t ends() const noexcept { return ends_; }
  // Zero when not even two requests ended.
  [[nodiscard]] Duration length() const noexcept { return last_ - first_; }

 private:
  const TimePoint until_;
  TimePoint first_{};
  TimePoint last_{};
  std::uint64_t ends_ = 0;
  bool open_ = false;
  bool closed_ = false;
};

}  // namespace ocelli::cli

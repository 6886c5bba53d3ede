// eventually(): waits for what is bound to happen, but tells nobody when it has.
#pragma once

#include <chrono>
#include <thread>

namespace ocelli::test {

// Looks again and again until the condition holds; false when it does not within patience, which is for machines that
// are very busy: a test never waits that long for something else. Any thread.
template <typename Condition>
bool eventually(const Condition& condition, std::chrono::nanoseconds patience = std::chrono::seconds(20)) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

}  // namespace ocelli::test

// RunLog: what ARM NN writes to its log while a thread is inside it, the only place where it says why a run failed.
#pragma once

#include <string>
#include <string_view>

namespace ocelli::arm_nn {

// Collects what ARM NN logs on the constructing thread until its end. To be used by that thread alone, one at a time.
class RunLog {
 public:
  // Takes ARM NN's log, of which there is one in a process, away from standard output: warnings and errors go to the
  // RunLog of the thread that they come from, if it has one, and the rest nowhere. From the second call on it does
  // nothing. Thread-safe, but ARM NN itself must not be at work yet.
  static void take_over();

  RunLog() noexcept;
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // The messages so far, a line each, as ARM NN wrote them ("Error: ..."); at most 2000 characters.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  // A message on this object's thread. Never throws: ARM NN calls it from destructors.
  void add(std::string_view message) noexcept;

 private:
  std::string text_;
};

}  // namespace ocelli::arm_nn

// FlatRun: runs tasks one after the other where a completion that comes at once would otherwise recurse without end.
#pragma once

#include <utility>
#include <vector>

namespace ocelli::cli {

// Something that may be run again from within its own completion.
class FlatTask {
 public:
  virtual void go() noexcept = 0;

 protected:
  ~FlatTask() = default;
};

// Runs the task now; when this thread is already inside another one's go(), right after that one has returned.
inline void flat_run(FlatTask& task) noexcept {
  thread_local std::vector<FlatTask*> waiting;
  thread_local bool inside = false;
  waiting.push_back(&task);
  if (std::exchange(inside, true)) return;
  while (!waiting.empty()) {
    auto* next = waiting.back();
    waiting.pop_back();
    next->go();
  }
  inside = false;
}

}  // namespace ocelli::cli

// The timer heap of EventLoop. A timer that is moved later stays where it is in the heap and is put right when it comes
// up: connections push their deadlines back with every request, and that must cost nothing.
#include <utility>

#include "transport/event_loop.hpp"

namespace ocelli::transport {

EventLoop::Timer::~Timer() {
  if (position_ != kNotQueued) loop_.heap_remove(*this);
}

void EventLoop::Timer::arm(TimePoint when) noexcept {
  when_ = when;
  if (when == kNever) return;
  if (position_ == kNotQueued) {
    queued_ = when;
    loop_.heap_push(*this);
  } else if (when < queued_) {
    queued_ = when;
    loop_.heap_up(position_);
  }
}

void EventLoop::run_timers() noexcept {
  while (!timers_.empty() && timers_.front()->queued_ <= now_) {
    Timer& timer = *timers_.front();
    heap_remove(timer);
    if (timer.when_ == kNever) continue;
    if (timer.when_ > now_) {
      timer.queued_ = timer.when_;
      heap_push(timer);
      continue;
    }
    timer.when_ = kNever;
    timer.callback_(timer.context_);
  }
}

void EventLoop::heap_push(Timer& timer) noexcept {
  timers_.push_back(&timer);
  timer.position_ = timers_.size() - 1;
  heap_up(timer.position_);
}

void EventLoop::heap_remove(Timer& timer) noexcept {
  const std::size_t hole = std::exchange(timer.position_, kNotQueued);
  Timer& last = *timers_.back();
  timers_.pop_back();
  if (&last == &timer) return;
  heap_place(hole, last);
  heap_up(hole);
  heap_down(last.position_);
}

void EventLoop::heap_place(std::size_t position, Timer& timer) noexcept {
  timers_[position] = &timer;
  timer.position_ = position;
}

void EventLoop::heap_up(std::size_t position) noexcept {
  Timer& timer = *timers_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (timers_[parent]->queued_ <= timer.queued_) break;
    heap_place(position, *timers_[parent]);
    position = parent;
  }
  heap_place(position, timer);
}

void EventLoop::heap_down(std::size_t position) noexcept {
  Timer& timer = *timers_[position];
  while (true) {
    std::size_t child = 2 * position + 1;
    if (child >= timers_.size()) break;
    if (child + 1 < timers_.size() && timers_[child + 1]->queued_ < timers_[child]->queued_) ++child;
    if (timer.queued_ <= timers_[child]->queued_) break;
    heap_place(position, *timers_[child]);
    position = child;
  }
  heap_place(position, timer);
}

}  // namespace ocelli::transport

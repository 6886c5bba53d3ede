#include "backends/simulated/simulated_device.hpp"

#include <fmt/format.h>

namespace ocelli::simulated {

void Job::on_timer(TimePoint due) noexcept { device_->finish(*this, due); }

bool SimulatedDevice::lost() const noexcept {
  const std::lock_guard lock(mutex_);
  return is_lost();
}

bool SimulatedDevice::is_lost() const noexcept {
  if (!settings_.die_after_runs || runs_ < *settings_.die_after_runs) return false;
  return settings_.lost_for_us.count() == 0 || lost_at_ == kNever || Clock::now() < lost_at_ + settings_.lost_for_us;
}

Status SimulatedDevice::outcome(std::int64_t batch) {
  const bool lost = is_lost();
  const std::uint64_t run = runs_++;
  if (lost) {
    if (lost_at_ == kNever) lost_at_ = Clock::now();
    return unavailable(fmt::format("device {} is lost", settings_.name));
  }
  if (settings_.largest_batch != 0 && batch > settings_.largest_batch) {
    return {StatusCode::kResourceExhausted, fmt::format("device {} has no memory for {} items", settings_.name, batch)};
  }
  if (!settings_.run_error.empty() && (run + 1) % settings_.run_error_every == 0)
    return {settings_.run_error_code, settings_.run_error};
  return {};
}

void SimulatedDevice::submit(Job& job, std::int64_t batch) noexcept {
  std::unique_lock lock(mutex_);
  if (settings_.mode == "instant") {
    Status status = outcome(batch);
    lock.unlock();
    job.on_done(std::move(status));
    return;
  }
  job.device_ = this;
  job.batch_ = batch;
  job.next_ = nullptr;
  job.time_ = settings_.service_time_us + settings_.per_item_time_us * batch;
  if (running_ < settings_.streams) {
    ++running_;
    job.state_ = Job::State::kRunning;
    timer_.schedule(job, Clock::now() + job.time_);
    return;
  }
  job.state_ = Job::State::kWaiting;
  (last_waiting_ ? last_waiting_->next_ : first_waiting_) = &job;
  last_waiting_ = &job;
}

void SimulatedDevice::cancel(Job& job) noexcept {
  if (!settings_.honours_cancel) return;
  const std::lock_guard lock(mutex_);
  // The end is told on the timer's thread, never here, because the caller may hold what its completion needs.
  if (job.state_ == Job::State::kWaiting && remove_waiting(job)) {
    ++running_;  // finish() takes it off again
  } else if (job.state_ != Job::State::kRunning || !timer_.cancel(job)) {
    return;
  }
  job.state_ = Job::State::kCancelled;
  timer_.schedule(job, Clock::now());
}

void SimulatedDevice::finish(Job& job, TimePoint due) noexcept {
  Status status;
  {
    const std::lock_guard lock(mutex_);
    status = job.state_ == Job::State::kCancelled ? Status(StatusCode::kCancelled, "the run was cancelled")
                                                  : outcome(job.batch_);
    job.state_ = Job::State::kIdle;
    --running_;
    if (running_ < settings_.streams) {
      if (Job* next = pop_waiting()) {
        ++running_;
        next->state_ = Job::State::kRunning;
        timer_.schedule(*next, due + next->time_);
      }
    }
  }
  job.on_done(std::move(status));
}

Job* SimulatedDevice::pop_waiting() noexcept {
  Job* job = first_waiting_;
  if (!job) return nullptr;
  first_waiting_ = job->next_;
  if (!first_waiting_) last_waiting_ = nullptr;
  job->next_ = nullptr;
  return job;
}

bool SimulatedDevice::remove_waiting(Job& job) noexcept {
  Job* previous = nullptr;
  for (Job* at = first_waiting_; at; previous = at, at = at->next_) {
    if (at != &job) continue;
    (previous ? previous->next_ : first_waiting_) = job.next_;
    if (last_waiting_ == &job) last_waiting_ = previous;
    job.next_ = nullptr;
    return true;
  }
  return false;
}

Status SimulatedDevice::take_memory(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (settings_.memory_bytes > 0 && memory_used_ + bytes > settings_.memory_bytes) {
    return {StatusCode::kResourceExhausted,
            fmt::format("device {} has {} of {} bytes left; the model needs {}", settings_.name,
                        settings_.memory_bytes - memory_used_, settings_.memory_bytes, bytes)};
  }
  memory_used_ += bytes;
  return {};
}

void SimulatedDevice::give_memory_back(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  memory_used_ -= bytes;
}

}  // namespace ocelli::simulated

#include "cli/bench/load_way.hpp"

#include <sys/resource.h>

namespace ocelli::cli {

void LoadResult::add(const LoadResult& other) {
  latency.add(other.latency);
  seconds += other.seconds;
  steady_ends += other.steady_ends;
  steady_seconds += other.steady_seconds;
  cpu_seconds += other.cpu_seconds;
  errors += other.errors;
  if (first_error.empty()) first_error = other.first_error;
}

double process_cpu_seconds() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace ocelli::cli

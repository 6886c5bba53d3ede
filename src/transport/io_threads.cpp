#include "transport/io_threads.hpp"

#include <pthread.h>

#include <latch>
#include <system_error>

namespace ocelli::transport {

Result<std::unique_ptr<IoThreads>> IoThreads::start(std::size_t count, std::size_t max_connections) {
  std::unique_ptr<IoThreads> threads(new IoThreads(max_connections));
  for (std::size_t i = 0; i < count; ++i) {
    auto loop = EventLoop::create();
    if (!loop.ok()) return std::move(loop).status();
    threads->loops_.push_back(std::move(*loop));
    try {
      threads->threads_.emplace_back([loop = threads->loops_.back().get()] { loop->run(); });
    } catch (const std::system_error& error) {
      return Status(StatusCode::kResourceExhausted, std::string("cannot start a network thread: ") + error.what());
    }
    const std::string name = "ocelli-io-" + std::to_string(i);  // at most 15 characters are kept
    ::pthread_setname_np(threads->threads_.back().native_handle(), name.substr(0, 15).c_str());
    std::latch runs(1);
    EventLoop::Task first([](void* latch) noexcept { static_cast<std::latch*>(latch)->count_down(); }, &runs);
    threads->loops_.back()->submit(first);
    runs.wait();
  }
  return threads;
}

IoThreads::~IoThreads() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
}

bool IoThreads::full() const noexcept {
  std::size_t connections = 0;
  for (const auto& loop : loops_) connections += static_cast<std::size_t>(loop->load());
  return connections >= max_connections_;
}

EventLoop& IoThreads::least_loaded() noexcept {
  EventLoop* best = loops_.front().get();
  for (auto& loop : loops_) {
    if (loop->load() < best->load()) best = loop.get();
  }
  return *best;
}

}  // namespace ocelli::transport

#include "server/signal_watch.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX functions
#include <unistd.h>

#include <utility>

namespace ocelli::server {
namespace {

constexpr int kImpatientExit = 1;
// Signals that come closer together are one: who passes Ctrl-C on to a group sends it twice.
constexpr Duration kOneSignal = std::chrono::seconds(1);

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  // nohup and its like ignore it for good reason.
  struct sigaction hangup {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

SignalWatch::SignalWatch() {
  ::signal(SIGPIPE, SIG_IGN);
  const auto set = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  // The signal is blocked and waited for: it wakes the thread and ends nothing.
  ::pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  thread_.join();
  const auto set = watched_signals();
  if (requested_) {
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
  }
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void SignalWatch::watch() {
  const auto set = watched_signals();
  while (true) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0) continue;
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    if (requested_ && signal == SIGINT && Clock::now() - requested_at_ >= kOneSignal) ::_exit(kImpatientExit);
    if (!std::exchange(requested_, true)) requested_at_ = Clock::now();
    changed_.notify_all();
  }
}

void SignalWatch::wait(const std::function<bool()>& other) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requested_ || other(); });
}

void SignalWatch::notify() noexcept {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

}  // namespace ocelli::server

#include "transport/shared_memory/truncation_guard.hpp"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX functions
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

namespace ocelli::transport {
namespace {

// A handler is given nothing but the address, so what it looks at belongs to the process. Nothing here may take a lock
// or memory.
constinit std::array<TruncationGuard::Range, TruncationGuard::kMost> ranges;
constinit std::atomic<std::size_t> used_ranges{0};  // all beyond were never taken
struct sigaction previous_action;
std::uintptr_t page_bytes = 0;

// Puts zeros in the place of what is gone. False: the address is none of ours.
bool mend(std::uintptr_t address) noexcept {
  const auto count = used_ranges.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    auto& range = ranges[i];
    const auto begin = range.begin.load(std::memory_order_acquire);
    const auto end = range.end.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= end) continue;
    const auto page = address - address % page_bytes;
    // The object ends before this page, so that all behind it is gone as well. The bare system call: mmap() is not
    // among the functions that a handler may call (signal-safety(7)), and sanitizers put their own in its place.
    if (::syscall(SYS_mmap, page, end - page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        -1)
      return false;
    range.hit.store(true, std::memory_order_release);
    return true;
  }
  return false;
}

void on_bus_error(int number, siginfo_t* info, void* context) {
  const int kept_errno = errno;
  const bool mended = info->si_code == BUS_ADRERR && mend(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = kept_errno;
  if (mended) return;
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) return previous_action.sa_sigaction(number, info, context);
  // The instruction runs again, and this time it meets whoever was responsible before.
  ::sigaction(SIGBUS, &previous_action, nullptr);
}

void install_handler() noexcept {
  page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &previous_action);
}

}  // namespace

std::unique_ptr<TruncationGuard> TruncationGuard::create(void* mapping, std::size_t bytes) {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    auto& range = ranges[i];
    if (range.taken.exchange(true, std::memory_order_acq_rel)) continue;
    std::unique_ptr<TruncationGuard> guard(new TruncationGuard(range));
    for (auto used = used_ranges.load(); used <= i && !used_ranges.compare_exchange_weak(used, i + 1);) {
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(mapping);
    range.hit.store(false, std::memory_order_relaxed);
    range.end.store(begin + (bytes + page_bytes - 1) / page_bytes * page_bytes, std::memory_order_release);
    range.begin.store(begin, std::memory_order_release);
    return guard;
  }
  return nullptr;
}

TruncationGuard::~TruncationGuard() {
  range_.begin.store(0, std::memory_order_release);
  range_.taken.store(false, std::memory_order_release);
}

}  // namespace ocelli::transport

#include "base/line_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <utility>

namespace ocelli {
namespace {

// Whether it takes more bytes by then.
bool wait_writable(int file, TimePoint until) noexcept {
  pollfd entry{file, POLLOUT, 0};
  while (true) {
    const auto left = std::max(Duration::zero(), until - Clock::now());
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int ready = ::poll(&entry, 1, static_cast<int>(milliseconds));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// The same pipe or terminal with flags of its own; -1 where that is not allowed.
int open_again(int file) {
  const auto path = "/proc/self/fd/" + std::to_string(file);
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

}  // namespace

LineWriter::LineWriter(int file, bool owned) : file_(file), owned_(owned) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return;  // writing will say what is wrong with it
  if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (S_ISFIFO(status.st_mode) || ::isatty(file) != 0) {
    kind_ = Kind::kPolled;
    if (const int again = open_again(file); again >= 0) {
      if (owned) ::close(file);
      file_ = again;
      owned_ = true;
      kind_ = Kind::kNonBlocking;
    }
  }
}

LineWriter::~LineWriter() {
  if (owned_) ::close(file_);
}

int LineWriter::write(std::string_view line) noexcept {
  const std::lock_guard lock(mutex_);
  int error = 0;
  if (torn_) {
    error = put("\n");
    torn_ = error != 0;
  }
  if (error == 0) error = put(line);
  stalled_ = error == EAGAIN;
  if (stalled_) ++dropped_;
  return error;
}

// All of the bytes, or an errno.
int LineWriter::put(std::string_view bytes) noexcept {
  const auto until = Clock::now() + (stalled_ ? Duration::zero() : kPatience);
  const auto all = bytes.size();
  while (!bytes.empty()) {
    const auto written = write_some(bytes);
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (const int error = written < 0 ? errno : EIO;
               error != EINTR && (error != EAGAIN || !wait_writable(file_, until) || Clock::now() >= until)) {
      torn_ = torn_ || bytes.size() != all;
      return error;
    }
  }
  return 0;
}

ssize_t LineWriter::write_some(std::string_view bytes) noexcept {
  switch (kind_) {
    case Kind::kSocket:
      return ::send(file_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::kPolled:
      // A pipe that is ready takes so many bytes at once (pipe(7)).
      if (wait_writable(file_, TimePoint{}))
        return ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
      errno = EAGAIN;
      return -1;
    default:
      return ::write(file_, bytes.data(), bytes.size());
  }
}

std::uint64_t LineWriter::take_dropped() noexcept {
  const std::lock_guard lock(mutex_);
  return stalled_ ? 0 : std::exchange(dropped_, 0);
}

}  // namespace ocelli

#include "cli/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace ocelli::cli {

void fill_standard_streams() noexcept {
  // open() takes the lowest number that is free, which is this one: those below it are open by now.
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    if (::open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0) return;
  }
}

}  // namespace ocelli::cli

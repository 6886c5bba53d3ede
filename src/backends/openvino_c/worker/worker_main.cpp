// ocelli-openvino-worker: runs one OpenVINO, loaded by its C interface, for the server that started it. Not to be
// started by hand. Arguments: SOCKET_DESCRIPTOR SERVER_PID LIBRARY
#include <sys/prctl.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>

#include "backends/openvino_c/worker/worker_session.hpp"

namespace {

using namespace ocelli::openvino_c;

// A library that cannot close its devices is not waited for longer.
constexpr unsigned kSecondsToClose = 5;

std::optional<int> number(const char* text) {
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace

int main(int count, char** arguments) {
  const auto socket = count == 4 ? number(arguments[1]) : std::nullopt;
  const auto server = count == 4 ? number(arguments[2]) : std::nullopt;
  if (!socket || !server) {
    std::fputs("ocelli-openvino-worker is started by ocelli when --openvino_legacy_dir is given\n", stderr);
    return 64;
  }
  // A server that is gone must not leave a process behind that keeps the device: not now, and not if it ended before
  // this was said.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != *server) return 0;
  try {
    WorkerSession session(PacketSocket{Descriptor(*socket)});
    session.serve(arguments[3]);
    ::alarm(kSecondsToClose);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ocelli-openvino-worker: %s\n", error.what());
    std::_Exit(1);
  }
  // Without the destructors of the library's globals, which wait for threads that may hang with the device.
  std::_Exit(0);
}

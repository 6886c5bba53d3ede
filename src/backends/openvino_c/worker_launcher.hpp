// WorkerProcess: the program that holds the other OpenVINO, started and ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/openvino_c/library_location.hpp"
#include "backends/openvino_c/protocol/packet_socket.hpp"
#include "base/status.hpp"

namespace ocelli::openvino_c {

// A child process and this side of its socket. Not thread-safe. Whoever starts it must end() it before it goes away.
class WorkerProcess {
 public:
  // program is ocelli-openvino-worker. The child inherits nothing but the socket and standard error; it has its own
  // process group, so that a Ctrl-C meant for the server does not end it first. It dies with the thread that calls
  // this. Errors: kUnavailable.
  static Result<WorkerProcess> start(const std::filesystem::path& program, const LibraryLocation& location);

  [[nodiscard]] PacketSocket& socket() noexcept { return socket_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Closes the socket, which asks the worker to end, waits that long, then kills it; says how it ended: "ended by
  // signal 9 (Killed)". Waits at most 5 s more; a process that the kernel will not let go by then is left to reap().
  std::string end(std::chrono::milliseconds patience);
  // True when the process is gone and its entry in the kernel's table too. Does not wait.
  bool reap() noexcept;

 private:
  WorkerProcess(pid_t pid, PacketSocket socket) : pid_(pid), socket_(std::move(socket)) {}
  bool wait(std::chrono::milliseconds limit);

  pid_t pid_ = -1;
  int state_ = 0;  // as waitpid tells it
  bool reaped_ = false;
  PacketSocket socket_;
};

// Where the worker's program lies: OCELLI_LIBEXEC_DIR, else "libexec" beside the folder of the backend modules, else
// ../libexec/ocelli from the running program. The path need not exist.
std::filesystem::path default_worker_program();

}  // namespace ocelli::openvino_c

#include "backends/openvino_c/worker_launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/clock.hpp"
#include "runtime/backend_module.hpp"

namespace ocelli::openvino_c {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "ocelli-openvino-worker";
constexpr int kChildSocket = 3;

// This process's environment with changes.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& changes) {
    for (char** entry = environ; *entry; ++entry) {
      const std::string text(*entry);
      if (!changes.contains(text.substr(0, text.find('=')))) texts_.push_back(text);
    }
    for (const auto& [name, value] : changes) texts_.push_back(fmt::format("{}={}", name, value));
    for (auto& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  char* const* get() { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

// The two lists that posix_spawn wants, freed with this.
struct SpawnSettings {
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // Standard input from nowhere, standard output to standard error (libraries write there), the socket, nothing else.
  bool prepare(int socket) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) == 0 &&
           ::posix_spawn_file_actions_adddup2(&actions, socket, kChildSocket) == 0 &&
           ::posix_spawn_file_actions_addclosefrom_np(&actions, kChildSocket + 1) == 0 &&
           ::posix_spawnattr_setflags(&attributes, flags) == 0 && ::posix_spawnattr_setpgroup(&attributes, 0) == 0 &&
           ::posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
           ::posix_spawnattr_setsigdefault(&attributes, &all) == 0;
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

std::string how_it_ended(int state) {
  if (WIFSIGNALED(state)) {
    const int signal = WTERMSIG(state);
    return fmt::format("was ended by signal {} ({})", signal, ::sigdescr_np(signal) ? ::sigdescr_np(signal) : "?");
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(state));
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const fs::path& program, const LibraryLocation& location) {
  auto sockets = PacketSocket::pair();
  if (!sockets.ok()) return sockets.status();
  auto& [ours, theirs] = *sockets;
  Descriptor moved;
  if (theirs.fd() == kChildSocket) {
    // dup2 onto itself would leave it close-on-exec.
    moved = Descriptor(::fcntl(theirs.fd(), F_DUPFD_CLOEXEC, kChildSocket + 1));
    if (!moved) return unavailable(fmt::format("no descriptor for the OpenVINO worker: {}", std::strerror(errno)));
  }
  SpawnSettings settings;
  if (!settings.prepare(moved ? moved.get() : theirs.fd()))
    return unavailable("the OpenVINO worker cannot be prepared");
  std::array<std::string, 4> texts{program.string(), std::to_string(kChildSocket), std::to_string(::getpid()),
                                   location.library.string()};
  std::array<char*, 5> arguments{texts[0].data(), texts[1].data(), texts[2].data(), texts[3].data(), nullptr};
  Environment environment(location.environment);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &settings.actions, &settings.attributes, arguments.data(),
                                  environment.get());
  if (error != 0)
    return unavailable(fmt::format("the OpenVINO worker {} cannot be started: {}", texts[0], std::strerror(error)));
  return WorkerProcess(pid, std::move(ours));
}

bool WorkerProcess::reap() noexcept {
  if (!reaped_) reaped_ = ::waitpid(pid_, &state_, WNOHANG) == pid_;
  return reaped_;
}

bool WorkerProcess::wait(std::chrono::milliseconds limit) {
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  const TimePoint until = Clock::now() + limit;
  while (!reap()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{ended.get(), POLLIN, 0};
    // Kernels before 5.3 have no such descriptor: then look again soon.
    (void)::poll(&waiting, ended ? 1 : 0, static_cast<int>(ended ? left.count() : std::min<long>(left.count(), 10)));
  }
  return true;
}

std::string WorkerProcess::end(std::chrono::milliseconds patience) {
  constexpr auto kUntilKilled = std::chrono::seconds(5);
  socket_.close();
  if (!wait(patience)) {
    ::kill(pid_, SIGKILL);
    if (!wait(kUntilKilled)) return "cannot be ended: the kernel holds it";
  }
  return how_it_ended(state_);
}

fs::path default_worker_program() {
  if (const char* folder = std::getenv("OCELLI_LIBEXEC_DIR"); folder && *folder) return fs::path(folder) / kProgram;
  std::error_code error;
  fs::path beside = default_backend_folder().parent_path() / "libexec" / kProgram;
  if (fs::exists(beside, error)) return beside;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "libexec" / "ocelli" / kProgram;
}

}  // namespace ocelli::openvino_c

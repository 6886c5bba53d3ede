#include "cli/bench/socket_way.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <thread>
#include <utility>

#include "cli/bench/in_flight.hpp"
#include "tensor/buffer.hpp"
#include "transport/file_descriptor.hpp"

namespace ocelli::cli {
namespace {

using transport::FileDescriptor;

// In front of the outputs: how many bytes they have; this where the run failed.
constexpr std::uint64_t kFailed = std::numeric_limits<std::uint64_t>::max();

Status failed(const char* what) { return unavailable(fmt::format("{} failed: {}", what, std::strerror(errno))); }
Status ended() { return unavailable("the bare socket's other end is closed"); }

// more: what follows goes into the same packets.
bool send_all(const FileDescriptor& socket, std::span<const std::byte> bytes, bool more = false) noexcept {
  while (!bytes.empty()) {
    const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_all(const FileDescriptor& socket, std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const auto got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

std::span<std::byte> bytes_of(const Tensor& tensor) { return {tensor.view.data, tensor.view.bytes}; }

struct Ends {
  FileDescriptor client;
  FileDescriptor server;
};

// The two ends of a TCP connection over the loopback interface.
Result<Ends> connect_ends() {
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener || ::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic, &size) != 0) {
    return failed("listening");
  }
  Ends ends;
  ends.client = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!ends.client || ::connect(ends.client.get(), generic, size) != 0) return failed("connecting");
  ends.server = FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!ends.server) return failed("accepting");
  const int on = 1;
  for (const auto* end : {&ends.client, &ends.server})
    ::setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return ends;
}

// One connection and what serves it.
class SocketSlot final : private InferCompletion {
 public:
  SocketSlot(Ends ends, std::unique_ptr<InferRequest> request, std::size_t outputs)
      : ends_(std::move(ends)), output_count_(outputs), request_(std::move(request)) {}
  // After the clients have their answers, or have given up waiting.
  ~SocketSlot() {
    ::shutdown(ends_.server.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    running_.wait(true);
  }
  SocketSlot(const SocketSlot&) = delete;
  SocketSlot& operator=(const SocketSlot&) = delete;

  Status open(const std::vector<Tensor>& sample) {
    for (std::size_t i = 0; i < sample.size(); ++i) {
      auto view = sample[i].view;
      auto buffer = Buffer::allocate(view.bytes);
      // The runtime may look at the values here already.
      if (view.bytes > 0) std::memcpy(buffer->data(), view.data, view.bytes);
      view.data = buffer->data();
      inputs_.push_back({view, std::move(buffer)});
      if (auto status = request_->set_input(i, view); !status.ok()) return status;
    }
    thread_ = std::thread([this] {
      serve();
      ::shutdown(ends_.server.get(), SHUT_RDWR);  // or the client would wait for ever
    });
    return {};
  }

  // The client's part of one request.
  Status exchange(const std::vector<Tensor>& sample) {
    for (const auto& input : sample) {
      if (!send_all(ends_.client, bytes_of(input))) return failed("sending");
    }
    std::uint64_t size = 0;
    if (!receive_all(ends_.client, std::as_writable_bytes(std::span(&size, 1)))) return ended();
    if (size == kFailed) {
      running_.wait(true);  // as in serve()
      return failure_;
    }
    reply_.resize(size);
    return receive_all(ends_.client, reply_) ? Status() : ended();
  }

 private:
  void serve() noexcept {
    for (;;) {
      pollfd next{ends_.server.get(), POLLIN, 0};
      if (::poll(&next, 1, -1) < 0 && errno != EINTR) return;
      // The client has its answer, so the last run is over; this says so to the memory model, too, which knows nothing
      // of sockets.
      running_.wait(true);
      for (const auto& input : inputs_) {
        if (!receive_all(ends_.server, bytes_of(input))) return;
      }
      running_ = true;
      request_->start(*this);
    }
  }

  // A client that is gone is seen by serve(), too.
  void on_infer_done(const Status& status) noexcept override {
    failure_ = status;
    std::uint64_t size = 0;
    std::size_t last = 0;  // output with bytes: once they are sent, the client may begin the next run
    for (std::size_t i = 0; i < output_count_ && failure_.ok(); ++i) {
      const auto output = request_->output(i);
      if (output.ok()) {
        size += output->bytes;
        if (output->bytes > 0) last = i;
      } else {
        failure_ = output.status();
      }
    }
    if (!failure_.ok()) size = kFailed;
    running_ = false;
    running_.notify_all();
    const bool answers = size > 0 && size != kFailed;
    if (!send_all(ends_.server, std::as_bytes(std::span(&size, 1)), answers) || !answers) return;
    for (std::size_t i = 0; i <= last; ++i) {
      const auto output = request_->output(i);
      if (!send_all(ends_.server, {output->data, output->bytes}, i < last)) return;
    }
  }

  const Ends ends_;
  std::vector<Tensor> inputs_;
  const std::size_t output_count_;
  std::vector<std::byte> reply_;
  Status failure_;  // of the last run; written while it goes on
  std::thread thread_;
  std::atomic<bool> running_{false};
  std::unique_ptr<InferRequest> request_;  // goes first, when the runtime has left on_infer_done()
};

class SocketWay final : public LoadWay {
 public:
  SocketWay(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs)
      : model_(std::move(model)), inputs_(std::move(inputs)) {}

  [[nodiscard]] std::string name() const override { return "socket"; }

  Result<LoadResult> run(std::uint32_t concurrency, Duration duration) override {
    while (slots_.size() < concurrency) {
      if (auto status = add_slot(); !status.ok()) return status;
    }
    InFlight load(duration);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < concurrency; ++i) {
      load.begin_one();
      threads.emplace_back([this, &load, &slot = *slots_[i]] {
        for (bool more = true; more;) {
          const auto began = Clock::now();
          more = load.end_one(began, slot.exchange(inputs_));
        }
      });
    }
    return load.wait();
  }

 private:
  Status add_slot() {
    auto ends = connect_ends();
    if (!ends.ok()) return ends.status();
    auto request = model_->create_request();
    if (!request.ok()) return request.status();
    auto slot = std::make_unique<SocketSlot>(std::move(*ends), std::move(*request), model_->signature().outputs.size());
    if (auto status = slot->open(inputs_); !status.ok()) return status;
    slots_.push_back(std::move(slot));
    return {};
  }

  std::shared_ptr<CompiledModel> model_;
  std::vector<Tensor> inputs_;
  std::vector<std::unique_ptr<SocketSlot>> slots_;
};

}  // namespace

std::unique_ptr<LoadWay> make_socket_way(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs) {
  return std::make_unique<SocketWay>(std::move(model), std::move(inputs));
}

}  // namespace ocelli::cli

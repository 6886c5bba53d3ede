#include "protocols/health/health_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "protocols/wire/tensor_bytes.hpp"
#include "protocols/wire/wire_writer.hpp"

namespace ocelli::health {

void append_health_response(ServingStatus status, std::string& reply) {
  wire::append_integer(reply, 1, static_cast<std::uint64_t>(status));
}

Result<std::string_view> read_health_request(std::span<const std::byte> request) {
  std::string_view service;
  wire::WireReader reader(request);
  wire::Field field;
  while (reader.next(field)) {
    if (field.is(1, wire::WireType::kLength)) service = field.text();
  }
  if (!reader.ok()) return wire::malformed_message();
  return service;
}

// One call. service_ and told_ are guarded by the watch's mutex; gone_ belongs to the connection's thread.
class HealthWatch::Watcher final : public transport::RpcStreamListener, public transport::CancelListener {
 public:
  Watcher(HealthWatch& watch, transport::RpcExchange& exchange) : watch_(watch), exchange_(exchange) {}

  void on_message(transport::RpcExchange&, transport::RpcMessage message) noexcept override {
    if (auto status = wire::check_message_bytes(message.bytes.size(), kMaxRequestBytes); !status.ok())
      return watch_.end(*this, status);
    const auto service = read_health_request(message.bytes);
    if (!service.ok()) return watch_.end(*this, service.status());
    const std::lock_guard lock(watch_.mutex_);
    service_ = std::string(service.value());
    tell_if_changed();
  }
  // The client only listens from now on.
  void on_messages_end(transport::RpcExchange&) noexcept override {}
  void on_client_gone() noexcept override {
    gone_ = true;
    watch_.end(*this, Status(StatusCode::kCancelled, "Request was cancelled"));
  }

  void tell_if_changed() {
    if (!service_) return;
    const auto status = watch_.source_.status_of(*service_);
    if (status == told_) return;
    told_ = status;
    append_health_response(status, exchange_.reply().text());
    exchange_.write();
  }
  [[nodiscard]] transport::RpcExchange& exchange() const noexcept { return exchange_; }
  // The client went away before the watcher was in the list.
  [[nodiscard]] bool gone() const noexcept { return gone_; }

 private:
  HealthWatch& watch_;
  transport::RpcExchange& exchange_;
  std::optional<std::string> service_;
  std::optional<ServingStatus> told_;
  bool gone_ = false;
};

HealthWatch::HealthWatch(const HealthSource& source, ChangeNotifier& changes)
    : source_(source), thread_([this] { tell_changes(); }), subscription_(changes.subscribe([this] { announce(); })) {}

HealthWatch::~HealthWatch() {
  subscription_ = {};
  close();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void HealthWatch::handle(transport::RpcExchange& exchange) noexcept {
  auto watcher = std::make_unique<Watcher>(*this, exchange);
  exchange.set_stream_listener(watcher.get());
  exchange.set_cancel_listener(watcher.get());
  Status refusal;
  {
    const std::lock_guard lock(mutex_);
    if (watcher->gone()) {
      refusal = Status(StatusCode::kCancelled, "Request was cancelled");
    } else if (closed_) {
      refusal = unavailable("The server is shutting down");
    } else if (watchers_.size() == kMaxWatchers) {
      refusal = Status(StatusCode::kResourceExhausted,
                       fmt::format("Too many health watchers - Expected: at most {}", kMaxWatchers));
    } else {
      watchers_.push_back(std::move(watcher));
    }
  }
  // From the moment it is in the list others may end the call: the exchange is not touched here any more.
  if (watcher) exchange.finish(refusal);
}

void HealthWatch::end(const Watcher& watcher, const Status& status) noexcept {
  Watchers ended;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(watchers_.begin(), watchers_.end(), [&](const auto& each) { return each.get() == &watcher; });
    if (found == watchers_.end()) return;
    ended.splice(ended.begin(), watchers_, found);
  }
  ended.front()->exchange().finish(status);
}

void HealthWatch::close() noexcept {
  Watchers ended;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& watcher : watchers_) watcher->tell_if_changed();
    ended.swap(watchers_);
  }
  for (const auto& watcher : ended) watcher->exchange().finish(unavailable("The server is shutting down"));
}

// On the thread that made the change, which is not held up by writing to watchers.
void HealthWatch::announce() {
  {
    const std::lock_guard lock(mutex_);
    changed_ = true;
  }
  wake_.notify_all();
}

void HealthWatch::tell_changes() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || changed_; });
    if (stopping_) return;
    changed_ = false;
    for (const auto& watcher : watchers_) watcher->tell_if_changed();
  }
}

}  // namespace ocelli::health

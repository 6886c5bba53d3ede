// ChangeNotifier: tells whoever subscribed that something has changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace ocelli {

// All members are thread-safe. What changed is not told: a subscriber looks for itself, so that changes may run
// together but the last one is never missed.
class ChangeNotifier {
  struct Subscribers;

 public:
  using Callback = std::function<void()>;

  // A subscriber's place. It may outlive the notifier. When it is destroyed or assigned to, the callback is not called
  // any more and is not running on another thread either; this must not happen within the callback.
  class Subscription {
   public:
    Subscription() noexcept = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { end(); }

   private:
    friend class ChangeNotifier;
    Subscription(std::shared_ptr<Subscribers> subscribers, std::uint64_t number) noexcept
        : subscribers_(std::move(subscribers)), number_(number) {}
    void end() noexcept;

    std::shared_ptr<Subscribers> subscribers_;
    std::uint64_t number_ = 0;
  };

  ChangeNotifier();
  ChangeNotifier(const ChangeNotifier&) = delete;
  ChangeNotifier& operator=(const ChangeNotifier&) = delete;

  // callback runs on the thread that made the change, one at a time: it must be short, must not throw and must not
  // subscribe. Throws std::bad_alloc.
  [[nodiscard]] Subscription subscribe(Callback callback);
  // After a change, without any lock that a callback may need. Returns when everybody has been told.
  void notify() const;

 private:
  std::shared_ptr<Subscribers> subscribers_;
};

}  // namespace ocelli

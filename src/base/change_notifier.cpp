#include "base/change_notifier.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace ocelli {

// The lock is held while callbacks run: whoever has ended a subscription knows that its callback is over.
struct ChangeNotifier::Subscribers {
  std::mutex mutex;
  std::uint64_t next = 1;
  std::map<std::uint64_t, Callback> callbacks;
};

ChangeNotifier::Subscription::Subscription(Subscription&& other) noexcept
    : subscribers_(std::move(other.subscribers_)), number_(other.number_) {}

ChangeNotifier::Subscription& ChangeNotifier::Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  end();
  subscribers_ = std::move(other.subscribers_);
  number_ = other.number_;
  return *this;
}

void ChangeNotifier::Subscription::end() noexcept {
  if (!subscribers_) return;
  {
    const std::lock_guard lock(subscribers_->mutex);
    subscribers_->callbacks.erase(number_);
  }
  subscribers_.reset();
}

ChangeNotifier::ChangeNotifier() : subscribers_(std::make_shared<Subscribers>()) {}

ChangeNotifier::Subscription ChangeNotifier::subscribe(Callback callback) {
  const std::lock_guard lock(subscribers_->mutex);
  const auto number = subscribers_->next++;
  subscribers_->callbacks.emplace(number, std::move(callback));
  return {subscribers_, number};
}

void ChangeNotifier::notify() const {
  const std::lock_guard lock(subscribers_->mutex);
  for (const auto& [number, callback] : subscribers_->callbacks) callback();
}

}  // namespace ocelli

#include "scheduling/work_list.hpp"

#include <utility>

namespace ocelli::scheduling {

void WorkList::swap(WorkList& other) noexcept {
  std::swap(head_, other.head_);
  std::swap(tail_, other.tail_);
  std::swap(size_, other.size_);
}

void WorkList::link_after(WorkItem& item, WorkItem* place) noexcept {
  item.previous_ = place;
  item.next_ = place ? place->next_ : head_;
  (place ? place->next_ : head_) = &item;
  (item.next_ ? item.next_->previous_ : tail_) = &item;
  ++size_;
}

void WorkList::insert(WorkItem& item) noexcept {
  WorkItem* back = tail_;
  WorkItem* front = head_;  // everything before it has at least the item's priority
  while (back && back->priority < item.priority) {
    if (front->priority < item.priority) return link_after(item, front->previous_);
    front = front->next_;
    back = back->previous_;
  }
  link_after(item, back);
}

void WorkList::put_back(WorkItem& item) noexcept {
  const auto goes_first = [&](const WorkItem& other) {
    if (other.priority != item.priority) return other.priority > item.priority;
    return other.times.queued <= item.times.queued;
  };
  WorkItem* place = nullptr;
  for (auto* other = head_; other && goes_first(*other); other = other->next_) place = other;
  link_after(item, place);
}

void WorkList::remove(WorkItem& item) noexcept {
  (item.previous_ ? item.previous_->next_ : head_) = item.next_;
  (item.next_ ? item.next_->previous_ : tail_) = item.previous_;
  item.next_ = item.previous_ = nullptr;
  --size_;
}

WorkItem* WorkList::pop_front() noexcept {
  WorkItem* item = head_;
  if (item) remove(*item);
  return item;
}

}  // namespace ocelli::scheduling

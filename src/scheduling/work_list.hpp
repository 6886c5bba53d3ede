// WorkList: items in order of priority, first in first out inside one priority; linked through the items, so that
// nothing is allocated.
#pragma once

#include <cstddef>

#include "scheduling/work_item.hpp"

namespace ocelli::scheduling {

// Not thread-safe. An item is in at most one list at a time and must be taken out before it is destroyed.
class WorkList {
 public:
  WorkList() = default;
  WorkList(WorkList&& other) noexcept { swap(other); }
  WorkList& operator=(WorkList&& other) noexcept {
    swap(other);
    return *this;
  }

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] WorkItem* front() const noexcept { return head_; }
  [[nodiscard]] static WorkItem* next(const WorkItem& item) noexcept { return item.next_; }

  // Behind every item of at least its priority. Looks from both ends, so it is constant when few priorities are in use.
  void insert(WorkItem& item) noexcept;
  // Where the item would stand had it never left: by its priority, then by WorkTimes::queued. It looks from the front,
  // where what leaves comes from.
  void put_back(WorkItem& item) noexcept;
  // Ignores the priority.
  void push_back(WorkItem& item) noexcept { link_after(item, tail_); }
  void remove(WorkItem& item) noexcept;
  // Null when empty.
  WorkItem* pop_front() noexcept;

 private:
  void link_after(WorkItem& item, WorkItem* place) noexcept;
  void swap(WorkList& other) noexcept;

  WorkItem* head_ = nullptr;
  WorkItem* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ocelli::scheduling

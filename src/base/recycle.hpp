// recycle(): empties what a pooled object keeps for its next use, but not without bound.
#pragma once

#include <cstddef>

namespace ocelli {

// Elements that are kept room for: more than a usual request has of anything.
inline constexpr std::size_t kRecycledElements = 64;

// Empties a vector or string. Its capacity stays, so that the steady state allocates nothing, unless an unusually large
// request made it more than `kept` elements: an idle pool of such objects would hold it for ever.
template <typename Container>
void recycle(Container& container, std::size_t kept = kRecycledElements) noexcept {
  container.clear();
  if (container.capacity() > kept) Container().swap(container);
}

}  // namespace ocelli

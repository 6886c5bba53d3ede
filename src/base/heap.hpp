// The heap of this process, as the system sees it.
#pragma once

namespace ocelli {

// Gives pages that were freed back to the system, so that the process's resident memory falls by what a model took. The
// allocator keeps them otherwise. Takes up to some milliseconds, in which other threads may wait for memory: for the
// end of something large, never for a request. Any thread. Does nothing where the C library has no such call.
void return_free_memory() noexcept;

}  // namespace ocelli

// What a test may need to know about the sanitizers that it was built with.
#pragma once

namespace ocelli::test {

// The sanitizer's allocator keeps freed memory for a while, so that resident memory says nothing about leaks; the
// sanitizer itself looks for those.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryIsTheSanitizers = true;
#else
inline constexpr bool kMemoryIsTheSanitizers = false;
#endif

}  // namespace ocelli::test

// fill_standard_streams(): what a program can count on that was started without stdin, stdout or stderr.
#pragma once

namespace ocelli::cli {

// Opens /dev/null in the place of each of the descriptors 0, 1 and 2 that is closed. Without it the next file or
// connection that is opened gets that number, and what is meant for the console goes into it. Call it before anything
// is opened. Where /dev/null cannot be opened, all stays as it is.
void fill_standard_streams() noexcept;

}  // namespace ocelli::cli

// LineWriter: writes lines to a file, pipe, terminal or socket without ever waiting long for whoever reads them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/clock.hpp"

namespace ocelli {

// Thread-safe; lines do not mix. Where nobody reads for kPatience, lines are dropped at once until somebody does: a
// server must not stand still because its log is not read. Files are written as they are, however long the disk takes.
class LineWriter {
 public:
  static constexpr Duration kPatience = std::chrono::milliseconds(100);

  // Takes the descriptor over where `owned`, else it has to outlive this object. Its flags are left alone, for other
  // processes may share them: a pipe or terminal is opened once more where that is allowed. Where it is not, another
  // writer, of this process too, that fills the pipe between a look at it and the write can make the write wait.
  LineWriter(int file, bool owned);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Writes the line, which ends with a newline. Returns 0, or the errno for which it is missing there, wholly or in
  // part; EAGAIN: nobody reads.
  int write(std::string_view line) noexcept;
  // Lines dropped because nobody read, since the last call, once one could be written again; else 0.
  std::uint64_t take_dropped() noexcept;

 private:
  enum class Kind : std::uint8_t { kFile, kNonBlocking, kSocket, kPolled };

  int put(std::string_view bytes) noexcept;
  ssize_t write_some(std::string_view bytes) noexcept;

  std::mutex mutex_;
  int file_;
  bool owned_;
  Kind kind_ = Kind::kFile;
  bool stalled_ = false;  // nobody read when a line was written last
  bool torn_ = false;     // what was written last is the beginning of a line
  std::uint64_t dropped_ = 0;
};

}  // namespace ocelli

#include "base/line_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace ocelli {
namespace {

// Two ends of which the first is read and the second written.
struct Ends {
  int read = -1;
  int write = -1;
};

Ends pipe_ends() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {ends[0], ends[1]};
}

Ends socket_ends() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {ends[0], ends[1]};
}

// All that lies there, without waiting for more.
std::string drain(int file) {
  ::fcntl(file, F_SETFL, O_NONBLOCK);
  std::string all;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(file, part.data(), part.size())) > 0;)
    all.append(part.data(), static_cast<std::size_t>(got));
  return all;
}

class LineWriterTest : public testing::TestWithParam<Ends (*)()> {};

TEST_P(LineWriterTest, DropsWhatNobodyReadsAndSaysHowMuch) {
  const auto ends = GetParam()();
  {
    LineWriter writer(ends.write, true);
    const std::string line = std::string(99, 'x') + "\n";
    std::size_t written = 0;
    while (writer.write(line) == 0) ++written;
    ASSERT_GT(written, 0U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(writer.write(line), EAGAIN);
    EXPECT_EQ(writer.take_dropped(), 0U) << "nobody reads yet";

    const auto before = drain(ends.read);
    EXPECT_EQ(writer.write("last\n"), 0);
    EXPECT_EQ(writer.take_dropped(), 1001U);
    EXPECT_EQ(writer.take_dropped(), 0U);
    // Nothing but whole lines and, at the end, at most one that was cut off.
    const auto whole = before.substr(0, before.rfind('\n') + 1);
    EXPECT_EQ(whole.size(), written * line.size());
    EXPECT_EQ(drain(ends.read), whole == before ? "last\n" : "\nlast\n");
  }
  ::close(ends.read);
}

TEST_P(LineWriterTest, LeavesTheFlagsOfTheDescriptorAlone) {
  const auto ends = GetParam()();
  const int before = ::fcntl(ends.write, F_GETFL);
  {
    LineWriter writer(ends.write, false);
    EXPECT_EQ(writer.write("line\n"), 0);
  }
  EXPECT_EQ(::fcntl(ends.write, F_GETFL), before) << "still open, and as it was";
  EXPECT_EQ(drain(ends.read), "line\n");
  ::close(ends.read);
  ::close(ends.write);
}

INSTANTIATE_TEST_SUITE_P(Kinds, LineWriterTest, testing::Values(&pipe_ends, &socket_ends),
                         [](const auto& tested) { return tested.index == 0 ? "Pipe" : "Socket"; });

TEST(LineWriter, SaysWhyAFileCannotBeWritten) {
  LineWriter full(::open("/dev/full", O_WRONLY | O_CLOEXEC), true);
  EXPECT_EQ(full.write("line\n"), ENOSPC);
  EXPECT_EQ(full.take_dropped(), 0U);
  LineWriter none(-1, false);
  EXPECT_EQ(none.write("line\n"), EBADF);
}

}  // namespace
}  // namespace ocelli

#include "inventory/machine_files.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

TEST(MachineFiles, FollowsLinksInsideTheRootOnly) {
  MachineTree tree;
  tree.text("/data/file", "inside\n");
  tree.link("/absolute", "/data/file");
  tree.link("/relative", "data/file");
  tree.link("/outside", "../../../../../../../../../../etc/passwd");
  tree.link("/data/up", "../absolute");
  const MachineFiles files(tree.root());
  for (const char* path : {"/absolute", "/relative", "/data/up", "//data/./../data/file"})
    EXPECT_EQ(files.line(path), "inside") << path;
  // The tree's own /etc/passwd, however many steps a link goes up.
  EXPECT_EQ(files.real_path("/outside"), "/etc/passwd");
  EXPECT_EQ(files.line("/outside"), "root:x:0:0::/root:/bin/sh");
  EXPECT_EQ(files.real_path("/data/up"), "/data/file");
}

TEST(MachineFiles, LoopsAndMissingFilesEndInAnAnswer) {
  MachineTree tree;
  tree.link("/a", "b");
  tree.link("/b", "a");
  tree.link("/self", "self/self/self");
  tree.link("/dangling", "/nowhere");
  const MachineFiles files(tree.root());
  EXPECT_EQ(files.facts("/a").kind, FileKind::kUnreadable);
  EXPECT_EQ(files.facts("/self").kind, FileKind::kUnreadable);
  EXPECT_EQ(files.facts("/dangling").kind, FileKind::kAbsent);
  EXPECT_EQ(files.facts("/etc/passwd/below").kind, FileKind::kAbsent);
  EXPECT_FALSE(files.text("/a").has_value());
  EXPECT_TRUE(files.names("/a").empty());
  EXPECT_EQ(files.real_path("/dangling"), "");
}

TEST(MachineFiles, ReadsNoMoreThanTheLimit) {
  MachineTree tree;
  tree.text("/huge", std::string(3 * MachineFiles::kTextLimit, 'x'));
  const MachineFiles files(tree.root());
  EXPECT_EQ(files.text("/huge")->size(), MachineFiles::kTextLimit);
  EXPECT_EQ(files.text("/huge", 10)->size(), 10U);
  EXPECT_EQ(files.bytes("/huge", 3 * MachineFiles::kTextLimit - 4, 100)->size(), 4U);
  EXPECT_LE(files.line("/huge").size(), 4096U);
}

TEST(MachineFiles, PipesAndSocketsDoNotBlock) {
  MachineTree tree;
  ASSERT_EQ(::mkfifo((tree.root() / "pipe").c_str(), 0666), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = tree.root() / "socket";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const MachineFiles files(tree.root());
  EXPECT_FALSE(files.text("/pipe").has_value());
  EXPECT_FALSE(files.text("/socket").has_value());
  EXPECT_EQ(files.facts("/socket").kind, FileKind::kSocket);
  EXPECT_EQ(files.facts("/pipe").kind, FileKind::kOther);
  ::close(socket);
}

TEST(MachineFiles, AFileStandsForANodeInACopyOnly) {
  MachineTree tree;
  tree.node("/dev/mali0");
  EXPECT_TRUE(MachineFiles(tree.root()).is_device("/dev/mali0"));
  EXPECT_TRUE(MachineFiles("/").is_device("/dev/null"));
  EXPECT_FALSE(MachineFiles("/").is_device("/etc/passwd"));
}

TEST(MachineFiles, NamesAreSorted) {
  MachineTree tree;
  for (const char* name : {"c", "a", "b"}) tree.text(std::string("/folder/") + name, "");
  const MachineFiles files(tree.root());
  EXPECT_EQ(files.names("/folder"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(files.names("/folder/a").empty());
  EXPECT_TRUE(files.names("/nowhere").empty());
}

TEST(MachineFiles, UnreadableFoldersAreEmpty) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every folder";
  MachineTree tree;
  tree.text("/folder/a", "");
  const MachineFiles files(tree.root());
  ::chmod((tree.root() / "folder").c_str(), 0);
  EXPECT_TRUE(files.names("/folder").empty());
  EXPECT_EQ(files.facts("/folder/a").kind, FileKind::kUnreadable);
  ::chmod((tree.root() / "folder").c_str(), 0755);
}

}  // namespace
}  // namespace ocelli::inventory

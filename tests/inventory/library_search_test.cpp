#include "inventory/library_search.hpp"

#include <gtest/gtest.h>

#include <string>

#include "inventory/machine_tree.hpp"
#include "support/emulated.hpp"

namespace ocelli::inventory {
namespace {

LibrarySearch search(const MachineTree& tree, const std::string& library_path = "") {
  return {MachineFiles(tree.root()), library_path, "x86_64"};
}

TEST(LibrarySearch, LooksWhereTheLoaderLooks) {
  MachineTree tree;
  tree.text("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/plain  # a comment\n");
  tree.text("/etc/ld.so.conf.d/cuda.conf", "/usr/local/cuda/lib64\n");
  tree.text("/etc/ld.so.conf.d/readme.txt", "/opt/not/this\n");
  const auto found = search(tree, "/first:relative/ignored");
  const auto& folders = found.folders();
  ASSERT_GE(folders.size(), 4U);
  EXPECT_EQ(folders[0], "/first");
  EXPECT_EQ(folders[1], "/usr/local/cuda/lib64");
  EXPECT_EQ(folders[2], "/opt/plain");
  EXPECT_EQ(folders[3], "/lib/x86_64-linux-gnu");

  tree.library("/usr/lib/libone.so");
  tree.library("/opt/plain/libone.so");
  EXPECT_EQ(search(tree).find("libone.so").path, "/opt/plain/libone.so");
  EXPECT_TRUE(search(tree).find("libone.so").is_loadable());
  EXPECT_EQ(search(tree).find("libtwo.so").path, "");
}

TEST(LibrarySearch, IncludesThatGoInCirclesEnd) {
  MachineTree tree;
  tree.text("/etc/ld.so.conf", "include ld.so.conf\n/opt/a\n");
  EXPECT_EQ(search(tree).folders().front(), "/opt/a");
}

TEST(LibrarySearch, SaysWhyTheLoaderWouldRefuse) {
  MachineTree tree;
  tree.library("/usr/lib/libarm.so", {}, "aarch64");
  tree.text("/usr/lib/libtext.so", "INPUT(libreal.so)\n");
  tree.text("/usr/lib/libempty.so", "");
  tree.text("/usr/lib/libcut.so", elf_library_bytes("x86_64", {"liba.so"}).substr(0, 200));
  tree.folder("/usr/lib/libfolder.so");
  tree.library("/usr/lib/libouter.so", {"libc.so.6", "libinner.so.9"});
  tree.library("/usr/lib/libdeep.so", {"libouter.so"});
  const auto problem = [&](const char* name) { return search(tree).find(name).problem; };
  EXPECT_EQ(problem("libarm.so"), "is for aarch64, this machine is x86_64");
  EXPECT_EQ(problem("libtext.so"), "is not a shared library");
  EXPECT_EQ(problem("libempty.so"), "is not a shared library");
  EXPECT_EQ(problem("libcut.so"), "is cut off");
  EXPECT_EQ(problem("libfolder.so"),
            "is a folder; Docker makes one when the file to be mounted is not there on the host");
  EXPECT_EQ(problem("libouter.so"), "needs libinner.so.9, which is nowhere");
  EXPECT_EQ(problem("libdeep.so"), "needs /usr/lib/libouter.so, which needs libinner.so.9, which is nowhere");
  tree.library("/usr/lib/libinner.so.9", {"libouter.so"});  // a circle is no fault
  EXPECT_EQ(problem("libdeep.so"), "");
}

TEST(LibrarySearch, HonoursTheRunPathBesideTheLibrary) {
  MachineTree tree;
  tree.text("/opt/wheel/a/libouter.so", elf_library_bytes("x86_64", {"libinner.so"}, "$ORIGIN/../b"));
  tree.library("/opt/wheel/b/libinner.so");
  EXPECT_EQ(search(tree).find("/opt/wheel/a/libouter.so").problem, "");
}

TEST(LibrarySearch, FindsTheHighestVersion) {
  MachineTree tree;
  for (const char* version : {"9", "10", "8"}) tree.library(std::string("/usr/lib/libx.so.") + version);
  EXPECT_EQ(search(tree).find_any("libx.so.").path, "/usr/lib/libx.so.10");
  EXPECT_EQ(search(tree).find_any("liby.so.").path, "");
}

TEST(LibrarySearch, ThisMachinesOwnLibrariesAreLoadable) {
  // The program itself needs libfmt, so the loader of this machine has found it.
  if (test::emulated()) GTEST_SKIP() << "the libraries are of the machine that really is";
  const MachineFiles files;
  if (!files.exists("/etc/ld.so.conf")) GTEST_SKIP() << "this machine has no /etc/ld.so.conf";
  const LibrarySearch live(files, "", ProcessFacts::current(Accounts(files)).architecture);
  const auto found = live.find_any("libstdc++.so.6");
  EXPECT_FALSE(found.path.empty());
  EXPECT_EQ(found.problem, "");
}

}  // namespace
}  // namespace ocelli::inventory

#include "cli/text_table.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ocelli::cli {
namespace {

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(text_table({"A", "LONG", "C"}, {{{"one", "2", "three"}}, {{"1", "", "x"}}}, 80, 0),
            "A    LONG  C\n"
            "one  2     three\n"
            "1          x\n");
}

TEST(TextTable, OnlyTheLastColumnIsBrokenBetweenWords) {
  const std::string words = "aaaa bbbb cccc dddd eeee ffff";
  EXPECT_EQ(text_table({"HEAD", "TEXT"}, {{{"x", words}}}, 30, 1),
            "HEAD  TEXT\n"
            "x     aaaa bbbb cccc dddd eeee\n"
            "      ffff\n");
  // A narrow terminal gets 24 characters, a word that is longer its own line.
  EXPECT_EQ(text_table({"HEAD", "TEXT"}, {{{"x", "a " + std::string(40, 'b') + " c"}}}, 10, 1),
            "HEAD  TEXT\n"
            "x     a\n"
            "      " +
                std::string(40, 'b') +
                "\n"
                "      c\n");
}

TEST(TextTable, NotesAreNeverBroken) {
  const std::string command = "sudo " + std::string(200, 'x');
  EXPECT_EQ(text_table({"HEAD", "TEXT"}, {{{"x", "y"}, {command}}}, 30, 1),
            "HEAD  TEXT\nx     y\n      " + command + "\n");
}

TEST(TextTable, StylesDoNotCountAsWidth) {
  EXPECT_EQ(text_table({"AA", "STATE", "C"}, {{{"a", "ok", "c"}, {}, "\x1b[32m", 1}}, 80, 0),
            "AA  STATE  C\na   \x1b[32mok\x1b[0m     c\n");
}

TEST(TextTable, MissingCellsAreEmpty) {
  EXPECT_EQ(text_table({"A", "B"}, {{{"only"}}, {}}, 80, 0), "A     B\nonly\n\n");
}

}  // namespace
}  // namespace ocelli::cli

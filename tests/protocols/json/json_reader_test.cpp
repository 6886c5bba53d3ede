#include "protocols/json/json_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocelli::json {
namespace {

JsonError error_of(std::string_view text) {
  TextStore store;
  JsonReader reader(text, store);
  reader.skip();
  reader.finish();
  return reader.error();
}

// The decoded string, or "<error>".
std::string decoded(std::string_view text) {
  TextStore store;
  JsonReader reader(text, store);
  std::string_view value;
  return reader.read_string(value) && reader.finish() ? std::string(value) : "<error>";
}

TEST(JsonReader, AcceptsWhatRfc8259Allows) {
  for (const char* good :
       {"{}", "[]", "0", "\"\"", "true", "false", "null", " [ 1 , 2.5e-3 , \"a\" ] \n",
        "{\"a\":{\"b\":[{}]},\"c\":null}", "[[],[[]]]", "\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xC3\xA9\""}) {
    EXPECT_EQ(error_of(good), JsonError::kNone) << good;
  }
}

TEST(JsonReader, RefusesEverythingElse) {
  for (const char* bad : {"",
                          " ",
                          "{",
                          "[",
                          "[1",
                          "[1,",
                          "[1,]",
                          "[,1]",
                          "[1 2]",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{a:1}",
                          "{\"a\":1 \"b\":2}",
                          "{,}",
                          "tru",
                          "truex",
                          "nul",
                          "nulll",
                          "fals",
                          "\"a",
                          "\"a\\\"",
                          "\"\\x\"",
                          "\"\\u12\"",
                          "\"\\ud800\"",
                          "\"\\udc00\"",
                          "\"\\ud800\\u0041\"",
                          "\"a\nb\"",
                          "\"\x01\"",
                          "\"\xC3\"",
                          "\"\xFF\xFE\"",
                          "\"\xC0\x80\"",
                          "\"\xED\xA0\x80\"",
                          "01",
                          "1.",
                          ".1",
                          "+1",
                          "1e",
                          "0x10",
                          "[1]]",
                          "{}{}",
                          "1 2",
                          "'a'",
                          "[1}",
                          "{\"a\":1]",
                          "// c\n1",
                          "\"\\",
                          "]",
                          "}",
                          ":",
                          ","}) {
    EXPECT_EQ(error_of(bad), JsonError::kSyntax) << bad;
  }
  EXPECT_EQ(error_of(std::string_view("\"a\0b\"", 5)), JsonError::kSyntax) << "a control character";
  EXPECT_EQ(error_of(std::string_view("1\0", 2)), JsonError::kSyntax);
}

TEST(JsonReader, NamesNumbersThatJsonDoesNotHave) {
  for (const char* word : {"[NaN]", "[Infinity]", "[-Infinity]", "[-inf]", "[1, nan]", "NaN"})
    EXPECT_EQ(error_of(word), JsonError::kNotFinite) << word;
}

TEST(JsonReader, LimitsNesting) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(error_of(nested(JsonReader::kMaxDepth)), JsonError::kNone);
  EXPECT_EQ(error_of(nested(JsonReader::kMaxDepth + 1)), JsonError::kTooDeep);
  EXPECT_EQ(error_of(std::string(1000000, '[')), JsonError::kTooDeep);
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
  EXPECT_EQ(error_of(objects), JsonError::kTooDeep);
}

TEST(JsonReader, DecodesStrings) {
  EXPECT_EQ(decoded(R"("plain")"), "plain");
  EXPECT_EQ(decoded(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(decoded(R"("\u0041\u00e9\u20AC\ud83d\ude00")"), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(decoded(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(decoded("\"0123456\\\"789012345678901234567890\""), "0123456\"789012345678901234567890");
}

TEST(JsonReader, UsesTheRoomOfForgottenTextsAgain) {
  TextStore store;
  JsonReader reader(R"(["a\n","b\n","plain","c\n","d\n"])", store);
  std::string_view first;
  std::string_view text;
  ASSERT_TRUE(reader.begin_array() && reader.next_element() && reader.read_string(first));
  const auto* const room = first.data();
  reader.forget(first);
  ASSERT_TRUE(reader.next_element() && reader.read_string(text));
  EXPECT_EQ(text, "b\n");
  EXPECT_EQ(text.data(), room);
  const auto kept = text;
  ASSERT_TRUE(reader.next_element() && reader.read_string(text));
  reader.forget(text);  // lies in the document itself
  ASSERT_TRUE(reader.next_element() && reader.read_string(text));
  EXPECT_NE(text.data(), room);
  reader.forget(kept);  // not the last one: stays
  std::string_view last;
  ASSERT_TRUE(reader.next_element() && reader.read_string(last));
  EXPECT_EQ(kept, "b\n");
  EXPECT_EQ(text, "c\n");
  EXPECT_EQ(last, "d\n");
}

TEST(JsonReader, KeepsNoTextOfWhatIsSkipped) {
  TextStore store;
  JsonReader reader(R"([{"\n": ["\t", {"\t": "\n", "a": ["\n", "\r"]}], "\r": "b"}, "\n"])", store);
  std::string_view text;
  ASSERT_TRUE(reader.begin_array() && reader.next_element() && reader.skip());
  EXPECT_EQ(store.size(), 0U);
  ASSERT_TRUE(reader.next_element());
  {
    const auto moment = reader.moment();
    ASSERT_TRUE(reader.read_string(text));
    EXPECT_EQ(store.size(), 1U);
  }
  EXPECT_EQ(store.size(), 0U);
}

TEST(JsonReader, WalksMembersInAnyShape) {
  TextStore store;
  JsonReader reader(R"({"a": [1, [2, 3], "x"], "b": {}, "c": true})", store);
  std::string_view key;
  std::vector<std::string> keys;
  std::vector<double> numbers;
  ASSERT_TRUE(reader.begin_object());
  while (reader.next_key(key)) {
    keys.emplace_back(key);
    if (key != "a") {
      EXPECT_TRUE(reader.skip());
      continue;
    }
    const auto store_number = [&](const JsonNumber& number) { numbers.push_back(to_double(number)); };
    ASSERT_TRUE(reader.begin_array());
    ASSERT_EQ(reader.read_numbers(store_number), NumberRun::kOther);
    ASSERT_EQ(reader.peek(), JsonKind::kArray);
    ASSERT_TRUE(reader.begin_array());
    ASSERT_EQ(reader.read_numbers(store_number), NumberRun::kArrayEnd);
    ASSERT_EQ(reader.read_numbers(store_number), NumberRun::kOther);
    std::string_view text;
    ASSERT_TRUE(reader.read_string(text));
    EXPECT_EQ(text, "x");
    ASSERT_EQ(reader.read_numbers(store_number), NumberRun::kArrayEnd);
  }
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(numbers, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(reader.depth(), 0);
}

TEST(JsonReader, SaysWhenAnotherKindWasExpected) {
  TextStore store;
  JsonReader reader("[1]", store);
  EXPECT_FALSE(reader.begin_object());
  EXPECT_EQ(reader.error(), JsonError::kWrongKind);
  EXPECT_FALSE(reader.begin_array()) << "an error stays";
}

}  // namespace
}  // namespace ocelli::json

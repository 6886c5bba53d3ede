#include "tensor/string_tensor.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ocelli {
namespace {

std::vector<std::byte> pack(std::vector<std::string_view> elements) {
  std::vector<std::byte> packed(packed_size(elements));
  pack_strings(elements, packed.data());
  return packed;
}

TEST(StringTensor, RoundTripKeepsEmptyAndBinaryElements) {
  const std::vector<std::string_view> elements{"", std::string_view("a\0b", 3), "Grüße"};
  const auto packed = pack(elements);
  EXPECT_EQ(packed.size(), 4u * 3 + 0 + 3 + 7);
  const auto unpacked = unpack_strings(packed, 3);
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(*unpacked, elements);
}

TEST(StringTensor, LengthsThatLieAreNamed) {
  auto packed = pack({"hello"});
  packed[0] = std::byte{200};
  const auto beyond = unpack_strings(packed);
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.status().message(), "string element 0: length 200 goes beyond the 5 bytes that are left");
  const std::array<std::byte, 3> cut{};
  EXPECT_EQ(unpack_strings(cut).status().message(), "string element 0: length prefix is cut off");
}

TEST(StringTensor, CountMustMatch) {
  EXPECT_EQ(unpack_strings(pack({"a"}), 2).status().message(), "string tensor: expected 2 elements, found 1");
  EXPECT_EQ(unpack_strings(pack({"a", "b", "c"}), 1).status().message(),
            "string tensor: expected 1 elements, found at least 2");
}

}  // namespace
}  // namespace ocelli

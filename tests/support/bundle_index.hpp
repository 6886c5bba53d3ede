// bundle_index(): the index of a TensorFlow checkpoint, made in a test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/tensor_bundle/crc32c.hpp"

namespace ocelli::test {

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

inline void append_fixed(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

// A block's content from (key, value) pairs, no key sharing a prefix with the one before.
inline std::string table_block(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string block;
  for (const auto& [key, value] : entries) {
    append_varint(block, 0);
    append_varint(block, key.size());
    append_varint(block, value.size());
    block += key + value;
  }
  append_fixed(block, 0, 4);
  append_fixed(block, 1, 4);
  return block;
}

// Writes a block with its trailer at the end of the table; the handle that says where it is.
inline std::string append_block(std::string& table, const std::string& block) {
  std::string handle;
  append_varint(handle, table.size());
  append_varint(handle, block.size());
  const auto crc = tensor_bundle::crc32c(block + '\0');
  table += block + '\0';
  append_fixed(table, ((crc >> 15) | (crc << 17)) + 0xa282ead8, 4);
  return handle;
}

// A table of one data block with right checksums, whatever the block holds.
inline std::string table_around(const std::string& block) {
  std::string table;
  const auto data = append_block(table, block);
  std::string footer = append_block(table, table_block({}));
  footer += append_block(table, table_block({{"z", data}}));
  footer.resize(40, '\0');
  append_fixed(footer, 0xdb4775248b80fb57, 8);
  return table + footer;
}

struct BundleVariable {
  std::string name;
  std::uint64_t shard = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

inline std::string bundle_index(std::uint64_t shards, const std::vector<BundleVariable>& variables) {
  std::string header = "\x08";
  append_varint(header, shards);
  std::vector<std::pair<std::string, std::string>> entries{{"", header}};
  for (const auto& [name, shard, offset, size] : variables) {
    std::string value = "\x08\x01\x18";
    append_varint(value, shard);
    value += '\x20';
    append_varint(value, offset);
    value += '\x28';
    append_varint(value, size);
    entries.emplace_back(name, value);
  }
  return table_around(table_block(entries));
}

}  // namespace ocelli::test

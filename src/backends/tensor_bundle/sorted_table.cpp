#include "backends/tensor_bundle/sorted_table.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "backends/tensor_bundle/crc32c.hpp"

namespace ocelli::tensor_bundle {
namespace {

using OnValue = std::function<Status(std::string_view)>;

constexpr std::size_t kFooterBytes = 48;
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;
// Behind each block: how it is compressed, and a checksum.
constexpr std::size_t kTrailerBytes = 5;

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Block {
  std::string_view entries;
  bool compressed = false;
};

std::uint32_t fixed32(const char* at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::optional<std::uint64_t> take_varint(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<Handle> take_handle(std::string_view& text) noexcept {
  const auto offset = take_varint(text);
  const auto size = offset ? take_varint(text) : std::nullopt;
  if (!size) return std::nullopt;
  return Handle{*offset, *size};
}

// LevelDB's, so that the checksum of bytes that contain their own is none that they contain.
std::uint32_t masked(std::uint32_t crc) noexcept { return ((crc >> 15) | (crc << 17)) + 0xa282ead8; }

Result<Block> block_at(std::string_view file, const Handle& handle) {
  const auto end = file.size() - kFooterBytes;
  if (end < kTrailerBytes || handle.size > end - kTrailerBytes || handle.offset > end - kTrailerBytes - handle.size)
    return internal_error(fmt::format("a block of {} bytes at {} reaches beyond its end", handle.size, handle.offset));
  const auto checked = file.substr(handle.offset, handle.size + 1);
  if (masked(crc32c(checked)) != fixed32(checked.data() + checked.size()))
    return internal_error(fmt::format("the checksum of the block at {} is wrong", handle.offset));
  const auto bytes = checked.substr(0, handle.size);
  if (checked.back() != 0) return Block{bytes, true};
  // Behind the entries: where some of them begin, and how many those are.
  const auto count = bytes.size() < 4 ? std::uint64_t{0} : fixed32(bytes.data() + bytes.size() - 4);
  if (bytes.size() < 4 || count > (bytes.size() - 4) / 4)
    return internal_error(fmt::format("the block at {} is too short", handle.offset));
  return Block{bytes.substr(0, bytes.size() - 4 * (count + 1)), false};
}

Status read_block(std::string_view file, const Handle& handle, const OnValue& on_value) {
  auto block = block_at(file, handle);
  if (!block.ok()) return block.status();
  if (block->compressed) return {};
  auto rest = block->entries;
  while (!rest.empty()) {
    const auto shared = take_varint(rest);
    const auto key = shared ? take_varint(rest) : std::nullopt;
    const auto value = key ? take_varint(rest) : std::nullopt;
    if (!value || *key > rest.size() || *value > rest.size() - *key)
      return internal_error(fmt::format("an entry reaches beyond the block at {}", handle.offset));
    if (auto status = on_value(rest.substr(*key, *value)); !status.ok()) return status;
    rest.remove_prefix(*key + *value);
  }
  return {};
}

}  // namespace

Status read_sorted_table(std::string_view file, const OnValue& on_value) {
  std::uint64_t magic = 0;
  if (file.size() >= kFooterBytes) std::memcpy(&magic, file.data() + file.size() - sizeof magic, sizeof magic);
  if (magic != kMagic) return internal_error("its end is missing");
  auto footer = file.substr(file.size() - kFooterBytes);
  const auto about_blocks = take_handle(footer);
  const auto index = about_blocks ? take_handle(footer) : std::nullopt;
  // Where bytes are missing or too many before the footer, another block would pass for the index.
  if (!index || index->size > file.size() || index->offset != file.size() - kFooterBytes - kTrailerBytes - index->size)
    return internal_error("its footer is damaged");
  const auto nothing = [](std::string_view) { return Status(); };
  if (auto status = read_block(file, *about_blocks, nothing); !status.ok()) return status;
  return read_block(file, *index, [&](std::string_view value) {
    const auto handle = take_handle(value);
    return handle ? read_block(file, *handle, on_value) : internal_error("its index is damaged");
  });
}

}  // namespace ocelli::tensor_bundle

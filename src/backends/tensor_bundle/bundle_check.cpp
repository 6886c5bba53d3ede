#include "backends/tensor_bundle/bundle_check.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "backends/onnx_file/protobuf_walker.hpp"
#include "backends/tensor_bundle/sorted_table.hpp"
#include "base/small_file.hpp"

namespace ocelli::tensor_bundle {
namespace {

namespace fs = std::filesystem;

// tensor_bundle.proto.
constexpr std::uint32_t kEntryShard = 3;
constexpr std::uint32_t kEntryOffset = 4;
constexpr std::uint32_t kEntrySize = 5;
constexpr std::uint32_t kHeaderShards = 1;

struct Entry {
  std::uint64_t shard = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

template <typename OnNumber>
bool walk(std::string_view message, OnNumber on_number) {
  std::istringstream stream{std::string(message)};
  onnx_file::ProtobufWalker walker(stream);
  walker.fields(walker.size(), on_number, [](std::uint32_t, std::uint64_t) {});
  return walker.good();
}

std::optional<Entry> read_entry(std::string_view message) {
  Entry entry;
  const bool good = walk(message, [&](std::uint32_t number, std::uint64_t value) {
    if (number == kEntryShard) entry.shard = value;
    if (number == kEntryOffset) entry.offset = value;
    if (number == kEntrySize) entry.size = value;
  });
  return good ? std::optional(entry) : std::nullopt;
}

// How many data files there are: the table's first value says so.
std::uint64_t read_shards(std::string_view index) {
  std::optional<std::uint64_t> shards;
  (void)read_sorted_table(index, [&](std::string_view header) -> Status {
    const auto take = [&](std::uint32_t number, std::uint64_t value) {
      if (number == kHeaderShards) shards = value;
    };
    if (!walk(header, take)) shards.reset();
    return internal_error("the first is enough");
  });
  return shards.value_or(1);
}

}  // namespace

Status check_bundle_index(std::string_view index,
                          const std::function<std::optional<std::uintmax_t>(std::uint64_t)>& shard_bytes) {
  bool header = true;
  return read_sorted_table(index, [&](std::string_view value) -> Status {
    if (std::exchange(header, false)) return {};
    const auto entry = read_entry(value);
    if (!entry) return internal_error("a variable's entry is damaged");
    if (entry->size == 0) return {};
    const auto bytes = shard_bytes(entry->shard);
    if (!bytes) return internal_error(fmt::format("data file {}, of which it tells, is missing", entry->shard));
    if (entry->size > *bytes || entry->offset > *bytes - entry->size) {
      return internal_error(fmt::format("it tells of {} bytes at {} in data file {}, which has {}", entry->size,
                                        entry->offset, entry->shard, *bytes));
    }
    return {};
  });
}

Status check_bundle(const fs::path& saved_model) {
  const auto folder = saved_model / "variables";
  const auto path = folder / "variables.index";
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  auto index = read_small_file(path, kMostIndexBytes);
  if (index.ok()) {
    const auto shards = read_shards(*index);
    const auto shard_bytes = [&](std::uint64_t shard) -> std::optional<std::uintmax_t> {
      std::error_code missing;
      const auto bytes = fs::file_size(folder / fmt::format("variables.data-{:05}-of-{:05}", shard, shards), missing);
      return missing ? std::nullopt : std::optional(bytes);
    };
    if (auto status = check_bundle_index(*index, shard_bytes); !status.ok()) index = status;
  }
  if (index.ok()) return {};
  return internal_error(
      fmt::format("{} is broken or cut off, or is from another model: {}", path.string(), index.status().message()));
}

}  // namespace ocelli::tensor_bundle

#include "backends/openvino/compiled_store.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "base/temporary_path.hpp"
#include "runtime/model_digest.hpp"

namespace ocelli::openvino {
namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> kMagic{'O', 'C', 'E', 'L', 'L', 'I', '0', '1'};
// The runtime reads weights straight from the mapping.
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kMaxFacts = std::uint64_t{16} << 20;

struct Head {
  std::array<char, 8> magic = kMagic;
  std::uint64_t facts = 0;
  std::uint64_t blob = 0;
  std::array<char, 32> digest{};
};
static_assert(sizeof(Head) == 56);

std::size_t blob_offset(std::uint64_t facts) {
  return (sizeof(Head) + facts + kAlignment - 1) / kAlignment * kAlignment;
}

// Of everything behind the head.
std::string digest_behind_head(std::span<const std::byte> file) {
  return digest_of({reinterpret_cast<const char*>(file.data()) + sizeof(Head), file.size() - sizeof(Head)});
}

std::optional<Head> read_head(std::span<const std::byte> file) {
  Head head;
  if (file.size() < sizeof(Head)) return std::nullopt;
  std::memcpy(&head, file.data(), sizeof(Head));
  if (head.magic != kMagic || head.facts > kMaxFacts || head.blob == 0) return std::nullopt;
  if (blob_offset(head.facts) > file.size() || file.size() - blob_offset(head.facts) != head.blob) return std::nullopt;
  if (digest_behind_head(file) != std::string_view(head.digest.data(), head.digest.size())) return std::nullopt;
  return head;
}

void write_parts(const fs::path& path, const std::string& facts, const std::function<void(std::ostream&)>& write) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.exceptions(std::ios::failbit | std::ios::badbit);
  Head head;
  head.facts = facts.size();
  const std::string room(blob_offset(facts.size()) - sizeof(Head) - facts.size(), '\0');
  stream.write(reinterpret_cast<const char*>(&head), sizeof(head));
  stream << facts << room;
  write(stream);
  stream.flush();
}

// The sizes and the digest are known only now.
void complete_head(const fs::path& path, std::uint64_t facts) {
  const auto file = MappedFile::open(path);
  if (!file) throw std::ios_base::failure("the entry cannot be read again");
  Head head;
  head.facts = facts;
  head.blob = file->bytes().size() - blob_offset(facts);
  const auto digest = digest_behind_head(file->bytes());
  std::memcpy(head.digest.data(), digest.data(), head.digest.size());
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  stream.exceptions(std::ios::failbit | std::ios::badbit);
  stream.write(reinterpret_cast<const char*>(&head), sizeof(head));
  stream.flush();
}

}  // namespace

CompiledStore::CompiledStore(const fs::path& folder, const std::string& name) : path_(folder / (name + ".ocelli")) {}

std::optional<StoredModel> CompiledStore::load() const {
  StoredModel stored;
  stored.file = MappedFile::open(path_);
  if (!stored.file) return std::nullopt;
  const auto bytes = stored.file->bytes();
  const auto head = read_head(bytes);
  if (!head) return std::nullopt;
  auto facts = facts_from_text({reinterpret_cast<const char*>(bytes.data()) + sizeof(Head), head->facts});
  if (!facts) return std::nullopt;
  stored.facts = std::move(*facts);
  // OpenVINO takes a tensor that may be written to; it only reads this one.
  stored.blob = ov::Tensor(ov::element::u8, ov::Shape{head->blob},
                           const_cast<std::byte*>(bytes.data() + blob_offset(head->facts)));
  return stored;
}

Status CompiledStore::save(const ModelFacts& facts, const std::function<void(std::ostream&)>& write) const noexcept {
  std::error_code error;
  fs::path temporary;
  try {
    temporary = temporary_path(path_);
    fs::create_directories(path_.parent_path());
    const std::string text = facts_to_text(facts);
    write_parts(temporary, text, write);
    complete_head(temporary, text.size());
    fs::rename(temporary, path_);
    return {};
  } catch (const std::exception& reason) {
    fs::remove(temporary, error);
    return internal_error(
        fmt::format("the model cache {} cannot be written: {}", path_.parent_path().string(), reason.what()));
  }
}

}  // namespace ocelli::openvino

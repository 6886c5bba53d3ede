// MappedFile: a file's bytes, read-only and without copying them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace ocelli::openvino {

// Only for files that are replaced, never changed in place: a mapped file that is cut off ends the program.
class MappedFile {
 public:
  // Null when it cannot be opened or is empty.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace ocelli::openvino

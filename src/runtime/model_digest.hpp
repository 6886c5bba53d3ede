// model_digest(): names a model by what its files hold.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.hpp"
#include "runtime/model_source.hpp"

namespace ocelli {

// 32 hexadecimal digits: the 128-bit XXH3 of the names, sizes and bytes of the model's files. Equal for a copy of the
// model elsewhere. Files beside an ONNX model, which may hold its weights, count with size and time of change only.
//
// memo_folder remembers the digest for a path as long as the sizes and times of its files stay as they are, because
// reading takes longer than all the rest of a start from a cache; empty: nothing is remembered. Thread-safe; blocks
// while it reads. Links are followed. Errors: kNotFound, kInternal (unreadable, or a folder with more
// than 4096 entries).
Result<std::string> model_digest(const ModelSource& source, const std::filesystem::path& memo_folder);

// The same 128-bit XXH3 of bytes in memory, in hexadecimal digits.
std::string digest_of(std::string_view bytes);

}  // namespace ocelli

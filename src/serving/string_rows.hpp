// Texts in a two-dimensional UINT8 tensor: one row per text, zero-padded; how OVMS passes strings to models without a
// string type.
#pragma once

#include <string_view>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/charged_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::serving {

// Largest array that texts may become.
inline constexpr std::size_t kMaxStringRowBytes = std::size_t{1} << 30;

// True for UINT8 with exactly two dimensions.
bool takes_string_rows(const TensorSpec& spec) noexcept;

// kInvalidArgument when so many rows of so many bytes are more than that.
Status check_row_bytes(std::string_view name, std::size_t rows, std::size_t width);

// texts: packed strings of shape (N). Row = text + NUL, width = longest + 1, or the model's own width where that is
// larger. Errors: kInvalidArgument. Throws std::bad_alloc. Thread-safe.
Result<Tensor> strings_to_rows(std::string_view name, const TensorSpec& spec, const TensorView& texts,
                               ChargedPool pool);

// The way back: each row up to its first NUL, as packed strings of shape (N). Errors: kInvalidArgument for more rows
// than kMaxStringRowBytes has room for the lengths of.
Result<Tensor> rows_to_strings(std::string_view name, const TensorView& rows, BufferPool& pool);

}  // namespace ocelli::serving

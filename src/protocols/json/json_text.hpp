// Writing JSON: strings and numbers appended to a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "tensor/data_type.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::json {

// Appends value with quotes and escapes. Bytes that are no UTF-8 become U+FFFD, so that the text stays valid.
void append_quoted(std::string& text, std::string_view value);

// Whether value could be a JSON string as it is.
bool is_utf8(std::string_view value) noexcept;

// Append a decimal integer.
void append_integer(std::string& text, std::int64_t value);
// The same for unsigned ones.
void append_unsigned(std::string& text, std::uint64_t value);

// Appends tensor elements [first, first + count) between one another with separator: floats with the fewest digits that
// read back as the same value and always with a point or an exponent ("1.0"), BOOL as true and false. Not for kString.
// The view must hold the elements. Errors: kInvalidArgument for NaN and infinite values, which JSON cannot express: the
// client chose the values and the form; name is the output's, for the message.
Status append_elements(std::string& text, const TensorView& view, std::size_t first, std::size_t count,
                       std::string_view separator, std::string_view name);

// The same for the elements of a string tensor. Errors: kInvalidArgument for bytes that are no UTF-8.
Status append_strings(std::string& text, std::span<const std::string_view> elements, std::string_view separator,
                      std::string_view name);

}  // namespace ocelli::json

// TensorBuilder: a tensor whose shape and kind are found out while its nested JSON arrays are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/json/growing_block.hpp"
#include "protocols/json/json_reader.hpp"
#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::tfserving {

// Numbers are cast to the model's type; strings and {"b64": "..."} objects make a string tensor whatever that type is.
// Not thread-safe.
class TensorBuilder {
 public:
  // type: what numbers become; kUndefined: nobody needs the values, so that they are passed over whatever they are.
  // expected: how many elements are likely, 0 when unknown. whole: fractions are refused, where they would be cut off
  // else.
  TensorBuilder(std::string_view name, DataType type, bool whole, std::size_t expected, ChargedPool pool);

  // Reads one value, nested arrays or a single element, inside `level` arrays: 0 for a whole tensor, 1 for one row of
  // it. False when it does not fit what was read before, or is no tensor; reader.error() then tells faults of the text,
  // and fault() what else is wrong.
  bool read(json::JsonReader& reader, std::size_t level);

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  // Why read() failed, with the value that is at fault where it is one.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  // Values read at level 1.
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  // The finished tensor. in_rows: the outermost extent is rows(). A lone element becomes a tensor of shape (1), or ()
  // when scalar is true.
  [[nodiscard]] Tensor finish(bool in_rows, bool scalar);

 private:
  static constexpr std::int64_t kUnknown = -1;

  bool read_array(json::JsonReader& reader, std::size_t level);
  bool read_leaf(json::JsonReader& reader, std::size_t level);
  bool read_encoded(json::JsonReader& reader);
  bool at_leaf(std::size_t level) noexcept;
  bool set_extent(std::size_t level, std::int64_t extent) noexcept;
  bool add_number(const json::JsonNumber& number);
  bool add_bool(bool value);
  bool add_text(std::string_view text);
  bool begin_strings() noexcept;
  bool wrong_value(const std::string& actual);
  bool ragged();

  std::string_view name_;
  DataType type_;
  bool whole_;
  json::GrowingBlock block_;
  std::size_t elements_ = 0;
  std::size_t rows_ = 0;
  std::int64_t extents_[Shape::kMaxRank];
  std::size_t array_levels_ = 0;           // arrays were seen down to this level
  std::optional<std::size_t> leaf_level_;  // all elements stand inside so many arrays
  std::string fault_;
};

// Whether the value that comes next is {"b64": "..."}: an encoded string, not an object of named tensors.
bool at_encoded_string(json::JsonReader reader);

}  // namespace ocelli::tfserving

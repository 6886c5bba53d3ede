// InferParameter: one entry of a parameters map.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "protocols/wire/wire_reader.hpp"

namespace ocelli::kserve_grpc {

class InferParameter {
 public:
  // Reads a map entry (key 1, InferParameter 2); empty when malformed.
  static std::optional<InferParameter> read(wire::Bytes entry) noexcept;

  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  // The value as the kind asked for. Whole numbers may also come as decimal text. Errors: kInvalidArgument that names
  // the parameter.
  [[nodiscard]] Result<std::uint64_t> as_unsigned() const;
  [[nodiscard]] Result<bool> as_bool() const;
  [[nodiscard]] Result<std::string_view> as_text() const;
  // A number as it is, any other text by its hash: a sequence's id. Never 0 for text.
  [[nodiscard]] Result<std::uint64_t> as_sequence_id() const;

 private:
  enum class Kind : std::uint8_t { kNone, kBool, kInt64, kText, kDouble, kUint64 };
  void read_value(const wire::Field& field) noexcept;
  [[nodiscard]] Status wrong(std::string_view expected) const;

  std::string_view key_;
  Kind kind_ = Kind::kNone;
  std::uint64_t number_ = 0;
  std::string_view text_;
};

}  // namespace ocelli::kserve_grpc

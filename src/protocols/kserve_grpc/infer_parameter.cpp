#include "protocols/kserve_grpc/infer_parameter.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "serving/sequence_name.hpp"

namespace ocelli::kserve_grpc {
namespace {

std::optional<std::uint64_t> decimal(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<InferParameter> InferParameter::read(wire::Bytes entry) noexcept {
  InferParameter parameter;
  wire::WireReader reader(entry);
  wire::Field field;
  while (reader.next(field)) {
    if (field.is(1, wire::WireType::kLength)) parameter.key_ = field.text();
    if (!field.is(2, wire::WireType::kLength)) continue;
    wire::WireReader value(field.bytes);
    wire::Field choice;
    while (value.next(choice)) parameter.read_value(choice);
    if (!value.ok()) return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return parameter;
}

void InferParameter::read_value(const wire::Field& field) noexcept {
  using wire::WireType;
  struct Choice {
    std::uint32_t number;
    WireType type;
    Kind kind;
  };
  static constexpr std::array kChoices{
      Choice{1, WireType::kVarint, Kind::kBool},   Choice{2, WireType::kVarint, Kind::kInt64},
      Choice{3, WireType::kLength, Kind::kText},   Choice{4, WireType::kFixed64, Kind::kDouble},
      Choice{5, WireType::kVarint, Kind::kUint64},
  };
  for (const auto& choice : kChoices) {
    if (!field.is(choice.number, choice.type)) continue;
    kind_ = choice.kind;
    number_ = field.value;
    text_ = field.text();
  }
}

Status InferParameter::wrong(std::string_view expected) const {
  static constexpr std::array<std::string_view, 6> kKinds{"nothing",  "a bool",   "an integer",
                                                          "a string", "a double", "an unsigned integer"};
  return invalid_argument(fmt::format("Invalid parameter - Expected: {}; Actual: {}; parameter name: {}", expected,
                                      kKinds[static_cast<std::size_t>(kind_)], key_));
}

Result<std::uint64_t> InferParameter::as_unsigned() const {
  if (kind_ == Kind::kUint64) return number_;
  if (kind_ == Kind::kInt64 && static_cast<std::int64_t>(number_) >= 0) return number_;
  if (kind_ == Kind::kText) {
    if (const auto value = decimal(text_)) return *value;
  }
  return wrong("an integer of at least 0");
}

Result<bool> InferParameter::as_bool() const {
  if (kind_ == Kind::kBool) return number_ != 0;
  return wrong("a bool");
}

Result<std::string_view> InferParameter::as_text() const {
  if (kind_ == Kind::kText) return text_;
  return wrong("a string");
}

Result<std::uint64_t> InferParameter::as_sequence_id() const {
  if (kind_ == Kind::kText && !text_.empty()) return serving::sequence_id_of(text_);
  if (kind_ == Kind::kInt64 || kind_ == Kind::kUint64) return number_;
  return wrong("an integer or a string that is not empty");
}

}  // namespace ocelli::kserve_grpc

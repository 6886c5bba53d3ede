// Parsed: one parsed KServe request, for tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocols/kserve/infer_request.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::kserve {

// One parsed request together with the body it points into.
struct Parsed {
  BufferPool pool;
  BufferRef body;
  InferRequest request;
  Status status;

  // lead: how many bytes stand before the body in its buffer.
  explicit Parsed(const std::string& json, const std::string& binary = "",
                  std::optional<std::string> length = std::nullopt, std::size_t lead = 0,
                  const transport::SharedMemoryRegistry* regions = nullptr) {
    body = Buffer::allocate(lead + json.size() + binary.size());
    std::memcpy(body->data() + lead, json.data(), json.size());
    std::memcpy(body->data() + lead + json.size(), binary.data(), binary.size());
    if (!binary.empty() && !length) length = std::to_string(json.size());
    InferBody input{{body->data() + lead, json.size() + binary.size()}, body, {}, TimePoint(std::chrono::seconds(100))};
    if (length) input.json_length = *length;
    status = parse_infer_request(input, pool, regions, request);
  }

  template <typename T>
  std::vector<T> values(std::size_t input = 0) {
    const auto& view = request.call.inputs.at(input).tensor.view;
    std::vector<T> result(view.bytes / sizeof(T));
    std::memcpy(result.data(), view.data, view.bytes);
    return result;
  }
  std::vector<std::string> strings(std::size_t input = 0) {
    const auto& view = request.call.inputs.at(input).tensor.view;
    const auto elements = unpack_strings({view.data, view.bytes});
    EXPECT_TRUE(elements.ok());
    return {elements->begin(), elements->end()};
  }
};

// What is wrong with a request: the parser's word, else what it leaves to the servable to say of the first input.
inline std::string error(const std::string& json, const std::string& binary = "",
                         std::optional<std::string> length = std::nullopt) {
  const Parsed parsed(json, binary, std::move(length));
  const auto& inputs = parsed.request.call.inputs;
  return (parsed.status.ok() && !inputs.empty() ? inputs[0].fault : parsed.status).to_string();
}

// A request with one input whose members are given.
inline std::string one_input(const std::string& members) { return R"({"inputs":[{"name":"b",)" + members + "}]}"; }

inline std::string le32(std::uint32_t value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}

}  // namespace ocelli::kserve

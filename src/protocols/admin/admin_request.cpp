#include "protocols/admin/admin_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "protocols/json/base64.hpp"
#include "protocols/json/json_reader.hpp"

namespace ocelli::admin {
namespace {

using json::JsonReader;

Status wrong_member(std::string_view name, std::string_view expected) {
  return invalid_argument(fmt::format("Invalid request body - Expected: {}; member: {}", expected, name));
}

bool blank(std::string_view text) noexcept { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// Calls use(reader, name) for each member of the object that comes next; use() reads the value.
template <typename Use>
Status read_object(JsonReader& reader, Use use) {
  if (!reader.begin_object()) return invalid_argument("Request body should be JSON object");
  std::string_view name;
  while (reader.next_key(name)) {
    if (auto status = use(reader, name); !status.ok()) return status;
  }
  return {};
}

// A whole body. What it reads may point into texts.
template <typename Use>
Status read_body(std::string_view body, json::TextStore& texts, Use use) {
  JsonReader reader(body, texts);
  auto status = read_object(reader, use);
  if (status.ok()) reader.finish();
  switch (reader.error()) {
    case json::JsonError::kNone:
      return status;
    case json::JsonError::kWrongKind:
      return status.ok() ? invalid_argument("Request body should be JSON object") : status;
    default:
      return failed_precondition("The file is not valid json");
  }
}

template <typename Use>
Status read_body(std::string_view body, Use use) {
  json::TextStore texts;
  return read_body(body, texts, std::move(use));
}

Status read_natural(JsonReader& reader, std::string_view name, std::uint64_t& value) {
  json::JsonNumber number;
  const auto natural = reader.read_number(number) ? json::to_uint64(number) : std::nullopt;
  if (!natural) return wrong_member(name, "an integer from 0");
  value = *natural;
  return {};
}

Status pass_over(JsonReader& reader, std::string_view name) {
  reader.skip_member(name);
  return {};
}

// Decodes piece by piece, so that a file is not in memory twice.
Status read_base64(std::string_view path, std::string_view text, const serving::SentFile::Take& take) {
  constexpr std::size_t kPiece = std::size_t{64} * 1024;  // of text: whole groups of four
  std::vector<std::byte> bytes(json::base64_room(std::min(kPiece, text.size())));
  for (std::size_t begin = 0; begin < text.size(); begin += kPiece) {
    const auto piece = text.substr(begin, kPiece);
    const bool last = begin + piece.size() == text.size();
    const auto size = !last && piece.ends_with('=') ? std::nullopt : json::decode_base64(piece, bytes.data());
    if (!size) return wrong_member(path, "the file as base64");
    if (auto status = take({bytes.data(), *size}); !status.ok()) return status;
  }
  return {};
}

Status read_load_parameter(JsonReader& reader, std::string_view name, serving::SentModel& sent) {
  constexpr std::string_view kFile = "file:";
  std::string_view text;
  if (name.starts_with(kFile)) {
    std::string path(name.substr(kFile.size()));
    if (!reader.read_string(text)) return wrong_member(name, "the file as base64");
    // Each of them takes more memory than it has text.
    if (sent.files.size() == serving::SentModel::kMostFiles) {
      return invalid_argument(fmt::format("at most {} files expected with a request", serving::SentModel::kMostFiles));
    }
    sent.files.push_back({path, [member = std::string(name), text](const serving::SentFile::Take& take) {
                            return read_base64(member, text, take);
                          }});
    return {};
  }
  if (name != "config") return pass_over(reader, name);
  if (!reader.read_string(text)) return wrong_member(name, "a string that holds JSON");
  sent.config = text;
  return {};
}

}  // namespace

Result<RegisterRequest> parse_register(std::string_view body) {
  RegisterRequest request;
  bool has_size = false;
  auto status = read_body(body, [&](JsonReader& reader, std::string_view name) -> Status {
    std::string_view text;
    if (name == "key") {
      if (!reader.read_string(text)) return wrong_member(name, "a string");
      request.key = text;
      return {};
    }
    if (name == "offset") return read_natural(reader, name, request.offset);
    if (name != "byte_size") return pass_over(reader, name);
    has_size = true;
    return read_natural(reader, name, request.byte_size);
  });
  if (!status.ok()) return status;
  if (request.key.empty()) return wrong_member("key", "the name of a shared memory object");
  if (!has_size) return wrong_member("byte_size", "an integer from 1");
  return request;
}

Result<bool> parse_index(std::string_view body) {
  bool ready = false;
  if (blank(body)) return ready;
  auto status = read_body(body, [&](JsonReader& reader, std::string_view name) -> Status {
    if (name != "ready") return pass_over(reader, name);
    return reader.read_bool(ready) ? Status() : wrong_member(name, "a boolean");
  });
  if (!status.ok()) return status;
  return ready;
}

Result<serving::SentModel> parse_load(std::string_view body, json::TextStore& texts) {
  serving::SentModel sent;
  if (blank(body)) return sent;
  auto status = read_body(body, texts, [&](JsonReader& reader, std::string_view name) -> Status {
    if (name != "parameters") return pass_over(reader, name);
    return read_object(reader, [&](JsonReader& inner, std::string_view parameter) {
      return read_load_parameter(inner, parameter, sent);
    });
  });
  if (!status.ok()) return status;
  return sent;
}

Status check_body(std::string_view body) {
  if (blank(body)) return {};
  return read_body(body, [](JsonReader& reader, std::string_view name) { return pass_over(reader, name); });
}

}  // namespace ocelli::admin

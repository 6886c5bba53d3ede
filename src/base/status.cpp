#include "base/status.hpp"

#include <array>

namespace ocelli {
namespace {

struct CodeRow {
  StatusCode code;
  std::string_view name;
  int http;
  int grpc;
};

constexpr std::array kCodes{
    CodeRow{StatusCode::kOk, "OK", 200, 0},
    CodeRow{StatusCode::kCancelled, "CANCELLED", 499, 1},
    CodeRow{StatusCode::kInvalidArgument, "INVALID_ARGUMENT", 400, 3},
    CodeRow{StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", 504, 4},
    CodeRow{StatusCode::kNotFound, "NOT_FOUND", 404, 5},
    CodeRow{StatusCode::kNotLoadedYet, "NOT_LOADED_YET", 404, 14},
    CodeRow{StatusCode::kAlreadyExists, "ALREADY_EXISTS", 409, 6},
    CodeRow{StatusCode::kPermissionDenied, "PERMISSION_DENIED", 403, 7},
    CodeRow{StatusCode::kUnauthenticated, "UNAUTHENTICATED", 401, 16},
    CodeRow{StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", 429, 8},
    CodeRow{StatusCode::kPayloadTooLarge, "PAYLOAD_TOO_LARGE", 413, 8},
    CodeRow{StatusCode::kFailedPrecondition, "FAILED_PRECONDITION", 412, 9},
    CodeRow{StatusCode::kAborted, "ABORTED", 204, 10},
    CodeRow{StatusCode::kMethodNotAllowed, "METHOD_NOT_ALLOWED", 406, 12},
    CodeRow{StatusCode::kUnimplemented, "UNIMPLEMENTED", 501, 12},
    CodeRow{StatusCode::kInternal, "INTERNAL", 500, 13},
    CodeRow{StatusCode::kUnavailable, "UNAVAILABLE", 503, 14},
};

const CodeRow& row(StatusCode code) noexcept { return kCodes[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view status_code_name(StatusCode code) noexcept { return row(code).name; }
int http_status(StatusCode code) noexcept { return row(code).http; }
int grpc_status(StatusCode code) noexcept { return row(code).grpc; }

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) rep_ = std::make_unique<Rep>(Rep{code, std::move(message)});
}

Status::Status(const Status& other) : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
  return *this;
}

std::string Status::to_string() const {
  if (ok()) return "OK";
  std::string text(status_code_name(code()));
  return text.append(": ").append(message());
}

}  // namespace ocelli

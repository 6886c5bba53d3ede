// Status: success or a canonical error with a message; Result<T>: a value or such an error.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ocelli {

// Canonical error codes. The code is the contract that callers branch on; the message is for people. Each code maps to
// exactly one HTTP status and one gRPC status (http_status() and grpc_status() below), so no protocol decides for
// itself.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled,           // the caller went away or asked to stop                       499 / CANCELLED
  kInvalidArgument,     // the client's request is wrong                               400 / INVALID_ARGUMENT
  kDeadlineExceeded,    // the request's deadline passed before it was answered        504 / DEADLINE_EXCEEDED
  kNotFound,            // no such model, version, sequence, region                    404 / NOT_FOUND
  kNotLoadedYet,        // the version exists but is still loading                     404 / UNAVAILABLE
  kAlreadyExists,       // a sequence or region of that name is there already          409 / ALREADY_EXISTS
  kPermissionDenied,    // known caller, not allowed                                   403 / PERMISSION_DENIED
  kUnauthenticated,     // missing or wrong API key                                    401 / UNAUTHENTICATED
  kResourceExhausted,   // queue, memory or connection limit reached                   429 / RESOURCE_EXHAUSTED
  kPayloadTooLarge,     // message over the configured limit                           413 / RESOURCE_EXHAUSTED
  kFailedPrecondition,  // body is not JSON, model cannot be reshaped or compiled      412 / FAILED_PRECONDITION
  kAborted,             // a pipeline's demultiplexer gave zero results                204 / ABORTED
  kMethodNotAllowed,    // known path, wrong HTTP method                               406 / UNIMPLEMENTED
  kUnimplemented,       // not offered by this server or device                        501 / UNIMPLEMENTED
  kInternal,            // our fault or the runtime's                                  500 / INTERNAL
  kUnavailable,         // not ready, shutting down, device lost                       503 / UNAVAILABLE
};

// "INVALID_ARGUMENT" and so on; never null. Thread-safe.
std::string_view status_code_name(StatusCode code) noexcept;

// HTTP status of a code, 200 for kOk. The table stands beside the enumerators.
int http_status(StatusCode code) noexcept;

// gRPC status number (0..16) of a code, 0 for kOk.
int grpc_status(StatusCode code) noexcept;

// Success costs one null pointer. Copyable (copies the message), movable; const access from several threads is safe.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(StatusCode code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  [[nodiscard]] bool ok() const noexcept { return rep_ == nullptr; }
  [[nodiscard]] StatusCode code() const noexcept { return rep_ ? rep_->code : StatusCode::kOk; }
  // Empty for success.
  [[nodiscard]] std::string_view message() const noexcept {
    return rep_ ? std::string_view(rep_->message) : std::string_view();
  }
  // "OK" or "INVALID_ARGUMENT: message", for logs.
  [[nodiscard]] std::string to_string() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

// Short ways to write the common errors.
inline Status invalid_argument(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }
inline Status not_found(std::string message) { return {StatusCode::kNotFound, std::move(message)}; }
inline Status internal_error(std::string message) { return {StatusCode::kInternal, std::move(message)}; }
inline Status unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }
inline Status failed_precondition(std::string message) { return {StatusCode::kFailedPrecondition, std::move(message)}; }
inline Status unimplemented(std::string message) { return {StatusCode::kUnimplemented, std::move(message)}; }

// Either a T or a non-OK Status. Reading the value of an error is a programming mistake and asserts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                                  // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  [[nodiscard]] const Status& status() const& noexcept { return status_; }
  [[nodiscard]] Status status() && noexcept { return std::move(status_); }

  // The value; only when ok().
  [[nodiscard]] T& value() & {
    assert(ok());
    return *value_;
  }
  // The same, to read.
  [[nodiscard]] const T& value() const& {
    assert(ok());
    return *value_;
  }
  // Moves the value out; only when ok().
  [[nodiscard]] T value() && {
    assert(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace ocelli

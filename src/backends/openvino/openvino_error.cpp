#include "backends/openvino/openvino_error.hpp"

#include <openvino/runtime/exception.hpp>

#include "backends/openvino_text/error_text.hpp"

namespace ocelli::openvino {

Status to_status(const std::exception_ptr& exception, StatusCode fallback) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const ov::Cancelled&) {
    return {StatusCode::kCancelled, "the run was cancelled"};
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "out of memory"};
  } catch (const std::exception& error) {
    return {code_of_error(error.what(), fallback), readable_error(error.what())};
  } catch (...) {
    return {fallback, "unknown error in OpenVINO"};
  }
}

}  // namespace ocelli::openvino

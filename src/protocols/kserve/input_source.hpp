// InputSource: tensors that a KServe v2 request holds outside of its JSON: behind it, or in shared memory.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "protocols/kserve/infer_parameters.hpp"
#include "serving/inference_call.hpp"
#include "tensor/charged_pool.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::kserve {

// Gives the binary part out in the order of the inputs. Not thread-safe; lives as long as one request is parsed.
class InputSource {
 public:
  // binary: what follows the JSON, owned by owner. regions may be null.
  InputSource(std::span<const std::byte> binary, const BufferRef& owner, ChargedPool pool,
              const transport::SharedMemoryRegistry* regions)
      : rest_(binary), no_binary_(binary.empty()), owner_(owner), pool_(pool), regions_(regions) {}

  // The bytes of the next input without "data". The tensor points to where they are, unless they do not lie on their
  // element's boundary. Whether strings are packed as they must be is left to the servable, which reads them.
  Status take(std::string_view input_name, DataType type, const Shape& shape, const TensorParameters& parameters,
              Tensor& tensor);
  // Where an output is to be written.
  Status destination(std::string_view output_name, const TensorParameters& parameters,
                     serving::RequestedOutput& output);
  // All bytes must have been taken.
  [[nodiscard]] Status finish() const;

 private:
  Status take_region(std::string_view input_name, DataType type, const Shape& shape, const TensorParameters& parameters,
                     Tensor& tensor);
  Status take_pictures(std::string_view input_name, const Shape& shape, std::string_view sizes, Tensor& tensor);
  Status advance(std::string_view input_name, std::uint64_t size, std::span<const std::byte>& bytes);
  void place(DataType type, const Shape& shape, std::span<const std::byte> bytes, const BufferRef& owner,
             Tensor& tensor);

  std::span<const std::byte> rest_;
  const bool no_binary_;
  const BufferRef& owner_;
  ChargedPool pool_;
  const transport::SharedMemoryRegistry* regions_;
};

}  // namespace ocelli::kserve

// ElementTypes: which number the loaded library has for which type.
#pragma once

#include <map>

#include "backends/openvino_c/worker/c_api.hpp"
#include "tensor/data_type.hpp"

namespace ocelli::openvino_c {

// OpenVINO has renumbered ov_element_type_e again and again (2022.3 has u8 as 14, 2026.4 as 16), so the library itself
// is asked: it reads a model with one input of each type, and says their numbers. Immutable.
class ElementTypes {
 public:
  // Errors: kUnavailable when the library cannot read such a model.
  static Result<ElementTypes> ask(const CApi& api, const c::Core& core);

  // kUndefined for types that are not carried.
  [[nodiscard]] DataType ours(int number) const noexcept;
  // type must be one that is carried: not kString, not kUndefined.
  [[nodiscard]] int theirs(DataType type) const noexcept;

 private:
  std::map<int, DataType> ours_;
  std::map<DataType, int> theirs_;
};

}  // namespace ocelli::openvino_c

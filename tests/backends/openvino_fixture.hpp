// OpenvinoBackend: the OpenVINO backend over the generated IR models.
#pragma once

#include <memory>

#include "support/backend_fixture.hpp"

namespace ocelli::openvino {

class OpenvinoBackend : public testing::BackendFixture {
 protected:
  OpenvinoBackend() : BackendFixture("openvino", ModelFormat::kOpenvinoIr, "model.xml") {
    exact_.properties["INFERENCE_PRECISION_HINT"] = "f32";
  }

  std::unique_ptr<InferRequest> request_of(CompiledModel& model) { return std::move(*model.create_request()); }

  CompileOptions exact_;
};

}  // namespace ocelli::openvino

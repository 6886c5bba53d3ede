// The control plane of tensorflow.serving.PredictionService and ModelService: everything but Predict.
#pragma once

#include "protocols/rpc/unary_method.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli::tfserving_grpc {

// GetModelMetadata, GetModelStatus, HandleReloadConfigRequest; Classify, Regress and MultiInference are refused. The
// catalog must outlive them.
rpc::UnaryMethods control_methods(serving::ModelCatalog& catalog);

}  // namespace ocelli::tfserving_grpc

// The reply to a TensorFlow Serving prediction over REST.
#pragma once

#include <string>

#include "base/status.hpp"
#include "protocols/tfserving/predict_request.hpp"
#include "serving/inference_call.hpp"

namespace ocelli::tfserving {

// Writes call's outputs in the request's form: {"predictions": [...]} or {"outputs": ...}, multi-line with four spaces
// a level and arrays on one line. Strings that are no UTF-8, and outputs whose name ends in _bytes, become {"b64":
// "..."} objects, as TensorFlow Serving has it. Errors: kInvalidArgument (NaN and infinite
// values; kRow: outputs that do not share their first extent, which the column format takes), kInternal (the model's
// strings are malformed).
Status write_predict_reply(const serving::InferenceCall& call, PredictFormat format, std::string& text);

}  // namespace ocelli::tfserving

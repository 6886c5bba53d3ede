// The body of a TensorFlow Serving prediction over REST.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "serving/inference_call.hpp"
#include "serving/servable.hpp"
#include "tensor/charged_pool.hpp"

namespace ocelli::tfserving {

// How the client wrote its inputs; the reply has the same form. kRow: "instances", one after another. kColumn:
// "inputs", one tensor each.
enum class PredictFormat : std::uint8_t { kRow, kColumn };

// Reads one of the four forms (row or column, with names or without) into call.inputs; numbers get the types of the
// model's inputs. The views of call point into body or texts. Errors: kInvalidArgument, kFailedPrecondition "The file
// is not valid json".
Result<PredictFormat> parse_predict_request(std::string_view body, const serving::ServableMetadata& model,
                                            ChargedPool pool, json::TextStore& texts, serving::InferenceCall& call);

}  // namespace ocelli::tfserving

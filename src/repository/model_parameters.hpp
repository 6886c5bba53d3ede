// Readers of the texts that a model's parameters are written in, on the command line and in config.json alike. All are
// pure; every error is kInvalidArgument and tells the parameter, what was expected and what was found.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "repository/model_config.hpp"

namespace ocelli::repository {

// "auto"; "0" (as in the file); "8"; "1:8" (inclusive range); "-1" (any).
Result<BatchParameter> parse_batch_size(std::string_view text);

// "auto", or extents in parentheses or brackets, each like a batch size but not 0: "(1,3,224,224)",
// "(-1,3,200:400,200:400)", "()".
Result<ShapeParameter> parse_shape(std::string_view text);

// parse_shape() for the only input (key ""), or a JSON object of input name -> such a text.
Result<std::map<std::string, ShapeParameter>> parse_shapes(std::string_view text);

// Checks one layout, "NHWC:NCHW", "N...", "auto", and returns it in capitals ("auto" stays).
Result<std::string> parse_layout(std::string_view text);

// parse_layout() for the only input (key ""), or a JSON object of input name -> such a text.
Result<std::map<std::string, std::string>> parse_layouts(std::string_view text);

// "1.5", "(1,2,3)" or "[1,2,3]"; name is "mean" or "scale" and stands in the error. A scale of 0 is refused.
Result<std::vector<float>> parse_channel_values(std::string_view name, std::string_view text);

// "BGR", "BGR:RGB" out of RGB, BGR, GRAY, NV12, NV12_2, I420, I420_3; returned in capitals.
Result<std::string> parse_color_format(std::string_view text);

// "fp32", "uint8:fp32" out of fp64, fp32, fp16, bf16, int8 .. int64, uint1, uint8 .. uint64; returned in small letters.
Result<std::string> parse_precision(std::string_view text);

// A JSON object of strings, booleans and numbers, the values turned into text.
Result<std::map<std::string, std::string>> parse_plugin_config(std::string_view json);

// A name of a model or pipeline: 1 to 512 bytes, no control characters.
Status check_name(std::string_view name);

// Requests in flight: at most ModelConfig::kMaxRequests.
Status check_nireq(std::int64_t nireq);

// Refuses a nireq that check_nireq() refuses, contradictory parameters (stateful with auto shapes, stateful extras
// without stateful, mean and the like without layout) and folders that cannot be reached ("s3://...").
Status check_model(const ModelConfig& config);

}  // namespace ocelli::repository

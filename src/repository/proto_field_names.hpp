// to_field_names(): the other names that fields of a protobuf message have in JSON. For this module's .cpp files only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ocelli::repository {

// "max_batch_size" becomes "maxBatchSize", the name that protobuf's printers write and its parsers take as well as the
// field's own (https://protobuf.dev/programming-guides/json).
std::string json_name(std::string_view field);

// Gives the member of that name the field's own, and those of all objects in its value theirs. Where an object has
// both, both stay, for the reader to refuse. Does nothing when object is none. The document's nesting is limited by
// whoever parsed it.
void to_field_names(nlohmann::json& object, const std::string& field);

}  // namespace ocelli::repository

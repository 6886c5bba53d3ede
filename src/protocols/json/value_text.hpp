// What stands in a JSON text, for messages to the people who wrote it.
#pragma once

#include <string>

#include "protocols/json/json_number.hpp"
#include "protocols/json/json_reader.hpp"

namespace ocelli::json {

// The number as it was written, cut off when it is long. What it points into must still be there.
std::string number_text(const JsonNumber& number);

// The value that reader stands at, which nothing is read of: a number, true, false or null as written, "a string", "an
// array", "an object", or "no value". Also for a reader that stopped there with an error. Never fails.
std::string value_text(const JsonReader& reader);

}  // namespace ocelli::json

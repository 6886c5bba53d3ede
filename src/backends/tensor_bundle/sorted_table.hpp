// SortedTable: the values in a LevelDB table, the form of a TensorFlow checkpoint's index.
#pragma once

#include <functional>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::tensor_bundle {

// Calls on_value for each value of the table in its order. Layout: LevelDB's doc/table_format.md: blocks of entries,
// each with a checksum, an index of the blocks, and a footer that says where the index is. Errors: kInternal says what
// does not fit: no footer, a block beyond the end, a wrong checksum, an entry beyond its block; on_value may have been
// called before. Blocks that TensorFlow has compressed are checked but have no values here.
Status read_sorted_table(std::string_view file, const std::function<Status(std::string_view value)>& on_value);

}  // namespace ocelli::tensor_bundle

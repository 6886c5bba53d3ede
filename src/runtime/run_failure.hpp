// judge_run_failure(): whose fault a failed run is.
#pragma once

#include "base/status.hpp"

namespace ocelli {

// status: of a run that failed, as its runtime told it. dynamic: an input of the model has an open dimension. Such a
// model learns only while it runs that the extents which it was given do not go together, and no runtime has a code for
// that: only its message speaks of shapes or dimensions. Then the request is at fault (kInvalidArgument "the model
// refuses these shapes: MESSAGE"), so that nothing is retried and nobody looks for a broken device. Anything else comes
// back as it is. Pure, thread-safe.
Status judge_run_failure(Status status, bool dynamic);

}  // namespace ocelli

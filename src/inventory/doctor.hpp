// Doctor: runs every check that a scope asks for.
#pragma once

#include <cstddef>

#include "inventory/finding.hpp"
#include "inventory/machine.hpp"
#include "inventory/scope.hpp"

namespace ocelli::inventory {

// What was found, in the order of the areas.
struct Report {
  Findings findings;

  // How many findings have this verdict.
  [[nodiscard]] std::size_t count(Verdict verdict) const noexcept;
  // No problem; warnings are allowed.
  [[nodiscard]] bool is_healthy() const noexcept { return count(Verdict::kProblem) == 0; }
};

// Pure: see checks.hpp. `runtimes` are findings about the runtimes of this process, which only its caller can load;
// they stand at their place in the report. Hardware that the scope requires and that is absent, or that no
// backend runs on, becomes a problem; a door none of whose devices is there gets a warning.
Report examine(const Machine& machine, const Scope& scope, const Findings& runtimes = {});

}  // namespace ocelli::inventory

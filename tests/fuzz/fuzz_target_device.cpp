// parse_target_device() and make_plan(): any text gives an expression that reads back as itself, or an error with a
// position.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "devices/device_plan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> simulated{"SIM", "SIM.1"};
  const auto expression = ocelli::devices::parse_target_device(text, simulated);
  if (!expression.ok())
    return expression.status().message().find("position ") == std::string_view::npos ? (std::abort(), 0) : 0;
  const auto again = ocelli::devices::parse_target_device(expression->to_string(), simulated);
  if (!again.ok() || !(*again == *expression)) std::abort();
  const auto plan = ocelli::devices::make_plan(*expression, {});
  if (plan.ok() && (plan->members.empty() || plan->members.front().placements.empty())) std::abort();
  return 0;
}

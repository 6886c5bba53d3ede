// The keys of plugin_config that a plan reads itself.
#pragma once

#include <map>
#include <string>

#include "base/status.hpp"
#include "devices/device_expression.hpp"
#include "devices/device_plan.hpp"

namespace ocelli::devices {

// Reads the plan's own keys, and takes those out of properties that no device is to see:
//  - DEVICE_PROPERTIES (device_properties.hpp): keys of single members.
//  - AUTO_BATCH_TIMEOUT (milliseconds), ALLOW_AUTO_BATCHING.
//  - AUTO: ENABLE_STARTUP_FALLBACK, ENABLE_RUNTIME_FALLBACK, and CUMULATIVE_THROUGHPUT, with MULTI too.
//  - What OpenVINO's AUTO, MULTI, HETERO and BATCH take and this plan does in its own way or not at all, such as
//  SCHEDULE_POLICY: the value is checked, and a remark says that it has no effect. MODEL_PRIORITY goes to the devices
//  that know it besides.
//  - Names of releases up to 2022 (CPU_THROUGHPUT_STREAMS, GPU_THROUGHPUT_STREAMS, CPU_THREADS_NUM, CPU_BIND_THREAD):
//  replaced by today's, for the members of that kind only. Where there is none they stay, for nobody to know them.
// plan.members are those of the expression. Errors: kInvalidArgument naming the key and what is expected.
Status take_plan_keys(const DeviceExpression& expression, std::map<std::string, std::string>& properties,
                      DevicePlan& plan);

}  // namespace ocelli::devices

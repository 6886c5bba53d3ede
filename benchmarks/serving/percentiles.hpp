// Percentiles of latencies, for the load generators.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

// JSON of what a load generator saw. latencies_ns is sorted in place; it may be empty.
inline std::string summary(std::vector<std::int64_t>& latencies_ns, double seconds, std::uint64_t errors) {
  std::sort(latencies_ns.begin(), latencies_ns.end());
  const auto at = [&](double share) {
    if (latencies_ns.empty()) return 0.0;
    const auto index =
        std::min(latencies_ns.size() - 1, static_cast<std::size_t>(share * static_cast<double>(latencies_ns.size())));
    return static_cast<double>(latencies_ns[index]) / 1e3;
  };
  return fmt::format(
      R"({{"requests":{},"seconds":{:.3f},"rate":{:.2f},"p50_us":{:.2f},"p90_us":{:.2f},"p99_us":{:.2f},"errors":{}}})",
      latencies_ns.size(), seconds, static_cast<double>(latencies_ns.size()) / seconds, at(0.50), at(0.90), at(0.99),
      errors);
}

}  // namespace bench

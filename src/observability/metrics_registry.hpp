// MetricsRegistry: every servable's counters, and the page that shows them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "observability/metric_family.hpp"
#include "observability/servable_metrics.hpp"

namespace ocelli::observability {

class PrometheusText;

// One device of a servable's plan now, for ocelli_model_device. reason: why it is not as was asked; usually empty.
struct DeviceFact {
  std::string target;  // as the user named it
  std::string runtime;
  std::string device;
  std::string precision;
  std::string state;
  std::string reason;
};

// Whose counters they are. A pipeline shows only what OVMS shows for one: success, fail and request time, as version 1.
struct ServableIdentity {
  std::string name;
  std::int64_t version = 1;
  bool pipeline = false;
  // Asked at each rendering, in the order of ServableMetrics::device_runs; thread-safe, and must not call the registry.
  // Empty: no devices.
  std::function<std::vector<DeviceFact>()> devices;
};

// Connections of one listener, for ocelli_connections.
struct ConnectionCounts {
  std::uint64_t open = 0;
  std::uint64_t accepted = 0;
};

// One memory that models share, for ocelli_device_memory_*. limit: empty where there is none.
struct DeviceMemoryFact {
  std::string device;
  std::optional<std::uint64_t> limit;
  std::uint64_t used = 0;
};

// Thread-safe.
class MetricsRegistry {
 public:
  // Takes its servable off the page when it goes; it may outlive the registry. Movable, empty by default.
  class Registration {
   public:
    Registration() = default;

   private:
    friend class MetricsRegistry;
    explicit Registration(std::shared_ptr<void> entry) : entry_(std::move(entry)) {}
    std::shared_ptr<void> entry_;
  };

  explicit MetricsRegistry(MetricSelection selection);
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;
  ~MetricsRegistry();

  // From now on the page shows these families.
  void select(MetricSelection selection);

  // From now on the servable's series are on the page, all of them at once, even at 0. Two servables of the same name
  // and version (a reload in progress) are shown as one, their counts added.
  [[nodiscard]] Registration add(ServableIdentity identity, std::shared_ptr<const ServableMetrics> metrics);

  // Counts of a listener, asked for at each rendering; interface is "REST" or "gRPC". The function must be thread-safe
  // and must not call the registry. Call before requests come in.
  void watch_connections(std::string interface, std::function<ConnectionCounts()> counts);

  // The devices' memories, asked for at each rendering; the function must be thread-safe and must not call the
  // registry. It is kept until the registry goes. Call before requests come in.
  void watch_memory(std::function<std::vector<DeviceMemoryFact>()> memories);

  // The page for GET /metrics, content type "text/plain; version=0.0.4".
  [[nodiscard]] std::string render() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ocelli::observability

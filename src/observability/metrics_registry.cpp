#include "observability/metrics_registry.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "observability/process_metrics.hpp"
#include "observability/prometheus_text.hpp"
#include "observability/servable_totals.hpp"

namespace ocelli::observability {
namespace {

constexpr std::array<std::string_view, kInterfaces> kInterfaceNames{"gRPC", "REST"};

// Labels of a method. GetModelStatus and ModelReady are asked about a model as a whole, so that OVMS gives them no
// version label.
struct MethodLabels {
  std::string_view api;
  std::string_view name;
  bool versioned;
};
constexpr std::array<MethodLabels, kMethods> kMethodLabels{{
    {"TensorFlowServing", "Predict", true},
    {"TensorFlowServing", "GetModelMetadata", true},
    {"TensorFlowServing", "GetModelStatus", false},
    {"KServe", "ModelInfer", true},
    {"KServe", "ModelMetadata", true},
    {"KServe", "ModelReady", false},
}};

// Upper bounds of ocelli_batch_size.
constexpr std::array<std::size_t, 8> kBatchBounds{1, 2, 4, 8, 16, 32, 64, kMaxBatchBucket};

struct Entry {
  ServableIdentity identity;
  std::shared_ptr<const ServableMetrics> metrics;
};

// What the series without a version label count: one number per [method][interface].
struct ModelWideCounts {
  std::array<std::array<std::uint64_t, kInterfaces>, kMethods> success{};
  std::array<std::array<std::uint64_t, kInterfaces>, kMethods> fail{};
  void add(const ServableMetrics& metrics) {
    for (std::size_t m = 0; m < kMethods; ++m) {
      for (std::size_t i = 0; i < kInterfaces; ++i) {
        success[m][i] += metrics.success[m][i].load(std::memory_order_relaxed);
        fail[m][i] += metrics.fail[m][i].load(std::memory_order_relaxed);
      }
    }
  }
};

// One name and version as it stands on the page.
struct Row {
  ServableIdentity identity;
  std::string version;
  std::vector<DeviceFact> devices;
  ServableTotals totals;
};

struct Page {
  MetricSelection selection;
  std::vector<Row> rows;                        // by name, then version
  std::map<std::string, ModelWideCounts> wide;  // by name
};

void write_histogram(PrometheusText& out, PrometheusText::Label first, const Row& row, const HistogramTotals& totals) {
  const auto& name = row.identity.name;
  std::uint64_t count = 0;
  for (const auto bucket : totals.counts) count += bucket;
  out.sample("_count", {first, {"name", name}, {"version", row.version}}, count);
  out.sample("_sum", {first, {"name", name}, {"version", row.version}}, totals.sum_us);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < totals.counts.size(); ++i) {
    cumulative += totals.counts[i];
    const auto bound = i < kBucketBoundsUs.size() ? std::to_string(kBucketBoundsUs[i]) : std::string("+Inf");
    out.sample("_bucket", {first, {"name", name}, {"version", row.version}, {"le", bound}}, cumulative);
  }
}

void write_batch_histogram(PrometheusText& out, const Row& row) {
  const auto& name = row.identity.name;
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  for (std::size_t size = 0; size < row.totals.batches.size(); ++size) {
    count += row.totals.batches[size];
    sum += row.totals.batches[size] * size;
  }
  out.sample("_count", {{"name", name}, {"version", row.version}}, count);
  out.sample("_sum", {{"name", name}, {"version", row.version}}, sum);
  std::uint64_t cumulative = 0;
  std::size_t next = 0;
  for (const auto bound : kBatchBounds) {
    for (; next <= bound; ++next) cumulative += row.totals.batches[next];
    out.sample("_bucket", {{"name", name}, {"version", row.version}, {"le", std::to_string(bound)}}, cumulative);
  }
  out.sample("_bucket", {{"name", name}, {"version", row.version}, {"le", "+Inf"}}, count);
}

// success or fail, with and without version labels.
void write_requests(PrometheusText& out, const Page& page, bool success) {
  for (const auto& row : page.rows) {
    const auto& counts = success ? row.totals.success : row.totals.fail;
    for (std::size_t m = 0; m < kMethods; ++m) {
      const auto& method = kMethodLabels[m];
      if (!method.versioned) continue;
      for (std::size_t i = 0; i < kInterfaces; ++i) {
        out.sample("",
                   {{"api", method.api},
                    {"interface", kInterfaceNames[i]},
                    {"method", method.name},
                    {"name", row.identity.name},
                    {"version", row.version}},
                   counts[m][i]);
      }
    }
  }
  for (const auto& [name, wide] : page.wide) {
    const auto& counts = success ? wide.success : wide.fail;
    for (std::size_t m = 0; m < kMethods; ++m) {
      const auto& method = kMethodLabels[m];
      if (method.versioned) continue;
      for (std::size_t i = 0; i < kInterfaces; ++i) {
        out.sample("",
                   {{"api", method.api}, {"interface", kInterfaceNames[i]}, {"method", method.name}, {"name", name}},
                   counts[m][i]);
      }
    }
  }
}

void write_device_number(PrometheusText& out, const Row& row, std::size_t position, MetricFamily family) {
  const auto& fact = row.devices[position];
  const auto member = std::to_string(position);
  // Two members of one plan may be the same device; their position tells them apart.
  const auto put = [&](auto value) {
    out.sample("",
               {{"device", fact.device},
                {"member", member},
                {"name", row.identity.name},
                {"runtime", fact.runtime},
                {"version", row.version}},
               value);
  };
  if (family == MetricFamily::kDeviceUtilization) return put(row.totals.device_use[position]);
  if (family == MetricFamily::kDeviceFailures) return put(row.totals.device_failures[position]);
  put(family == MetricFamily::kDeviceRuns ? row.totals.device_runs[position] : row.totals.device_busy_us[position]);
}

void write_devices(PrometheusText& out, const Row& row, MetricFamily family) {
  for (std::size_t i = 0; i < row.devices.size(); ++i) {
    const auto& fact = row.devices[i];
    if (family == MetricFamily::kModelDevice) {
      out.sample("",
                 {{"device", fact.device},
                  {"name", row.identity.name},
                  {"precision", fact.precision},
                  {"reason", fact.reason},
                  {"runtime", fact.runtime},
                  {"state", fact.state},
                  {"target", fact.target},
                  {"version", row.version}},
                 std::int64_t{1});
    } else if (i < kMaxDevices) {
      write_device_number(out, row, i, family);
    }
  }
}

void write_errors(PrometheusText& out, const Row& row) {
  for (std::size_t code = 1; code < kStatusCodes; ++code) {
    out.sample("",
               {{"cause", status_code_name(static_cast<StatusCode>(code))},
                {"name", row.identity.name},
                {"version", row.version}},
               row.totals.errors[code]);
  }
}

// Families of one row that are a single number; false when the family is not one of those.
bool write_number(PrometheusText& out, const Row& row, MetricFamily family) {
  const auto put = [&](auto value) {
    out.sample("", {{"name", row.identity.name}, {"version", row.version}}, value);
    return true;
  };
  switch (family) {
    case MetricFamily::kStreams:
      return put(row.totals.streams);
    case MetricFamily::kCurrentRequests:
      return put(row.totals.current_requests);
    case MetricFamily::kInferReqQueueSize:
      return put(row.totals.infer_req_queue_size);
    case MetricFamily::kInferReqActive:
      return put(row.totals.infer_req_active);
    case MetricFamily::kQueuedRequests:
      return put(row.totals.queued_requests);
    case MetricFamily::kQueueTime:
      return put(row.totals.queue_time_us);
    case MetricFamily::kInferences:
      return put(row.totals.inferences);
    case MetricFamily::kRequestRetries:
      return put(row.totals.request_retries);
    case MetricFamily::kModelUnloads:
      return put(row.totals.device_unloads);
    case MetricFamily::kModelReturns:
      return put(row.totals.device_returns);
    default:
      return false;
  }
}

void write_servable_family(PrometheusText& out, const Page& page, MetricFamily family) {
  if (family == MetricFamily::kRequestsSuccess || family == MetricFamily::kRequestsFail) {
    write_requests(out, page, family == MetricFamily::kRequestsSuccess);
    return;
  }
  for (const auto& row : page.rows) {
    if (family == MetricFamily::kRequestTime) {
      for (std::size_t i = 0; i < kInterfaces; ++i) {
        write_histogram(out, {"interface", kInterfaceNames[i]}, row, row.totals.request_time[i]);
      }
      continue;
    }
    if (row.identity.pipeline || write_number(out, row, family)) continue;
    switch (family) {
      case MetricFamily::kInferenceTime:
        write_histogram(out, {}, row, row.totals.inference_time);
        break;
      case MetricFamily::kWaitForInferReqTime:
        write_histogram(out, {}, row, row.totals.wait_time);
        break;
      case MetricFamily::kBatchSize:
        write_batch_histogram(out, row);
        break;
      case MetricFamily::kRequestErrors:
        write_errors(out, row);
        break;
      case MetricFamily::kModelDevice:
      case MetricFamily::kDeviceBusy:
      case MetricFamily::kDeviceUtilization:
      case MetricFamily::kDeviceRuns:
      case MetricFamily::kDeviceFailures:
        write_devices(out, row, family);
        break;
      default:
        break;  // families of graphs have no series; the others are written by their own functions
    }
  }
}

}  // namespace

struct MetricsRegistry::State {
  explicit State(MetricSelection wanted) : selection(wanted) {}

  mutable std::mutex mutex;
  MetricSelection selection;  // guarded by mutex
  std::list<Entry> entries;   // guarded by mutex, oldest first
  // Counters of versions that are gone, while another one of that name is there: the series without a version label
  // must not fall. Guarded by mutex.
  std::map<std::string, std::set<std::shared_ptr<const ServableMetrics>>> retired;
  std::vector<std::pair<std::string, std::function<ConnectionCounts()>>> listeners;  // guarded by mutex
  std::function<std::vector<DeviceMemoryFact>()> memories;                           // guarded by mutex

  void remove(std::list<Entry>::iterator entry) {
    const std::lock_guard lock(mutex);
    const auto gone = std::move(*entry);
    entries.erase(entry);
    const auto& name = gone.identity.name;
    const bool last =
        std::none_of(entries.begin(), entries.end(), [&](const Entry& other) { return other.identity.name == name; });
    if (last) {
      retired.erase(name);
    } else {
      retired[name].insert(gone.metrics);
    }
  }

  Page snapshot() const {
    const std::lock_guard lock(mutex);
    std::map<std::pair<std::string, std::int64_t>, Row> rows;
    Page page;
    page.selection = selection;
    // Generations of one version may share their counters, also with one that was retired: each object counts once.
    std::set<const ServableMetrics*> counted;
    for (const auto& entry : entries) {
      auto& row = rows[{entry.identity.name, entry.identity.version}];
      row.identity = entry.identity;
      row.version = std::to_string(entry.identity.version);
      if (!counted.insert(entry.metrics.get()).second) continue;
      row.totals.add(*entry.metrics);
      page.wide[entry.identity.name].add(*entry.metrics);
    }
    for (const auto& [name, all] : retired) {
      for (const auto& metrics : all) {
        if (counted.insert(metrics.get()).second) page.wide[name].add(*metrics);
      }
    }
    for (auto& [key, row] : rows) {
      if (row.identity.devices) row.devices = row.identity.devices();
      page.rows.push_back(std::move(row));
    }
    return page;
  }

  void write_connections(PrometheusText& out, MetricFamily family) const {
    const std::lock_guard lock(mutex);
    for (const auto& [interface, counts] : listeners) {
      const auto now = counts();
      out.sample("", {{"interface", interface}}, family == MetricFamily::kConnections ? now.open : now.accepted);
    }
  }

  void write_memory(PrometheusText& out, MetricFamily family) const {
    const std::lock_guard lock(mutex);
    if (!memories) return;
    for (const auto& fact : memories()) {
      if (family == MetricFamily::kDeviceMemoryUsed) {
        out.sample("", {{"device", fact.device}}, fact.used);
      } else if (fact.limit) {
        out.sample("", {{"device", fact.device}}, *fact.limit);
      }
    }
  }
};

MetricsRegistry::MetricsRegistry(MetricSelection selection) : state_(std::make_shared<State>(selection)) {}
MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::select(MetricSelection selection) {
  const std::lock_guard lock(state_->mutex);
  state_->selection = selection;
}

MetricsRegistry::Registration MetricsRegistry::add(ServableIdentity identity,
                                                   std::shared_ptr<const ServableMetrics> metrics) {
  const std::lock_guard lock(state_->mutex);
  state_->entries.push_back({std::move(identity), std::move(metrics)});
  const auto entry = std::prev(state_->entries.end());
  // The registration closes over the state, so that it may outlive the registry.
  return Registration(std::shared_ptr<void>(nullptr, [state = state_, entry](void*) { state->remove(entry); }));
}

void MetricsRegistry::watch_connections(std::string interface, std::function<ConnectionCounts()> counts) {
  const std::lock_guard lock(state_->mutex);
  state_->listeners.emplace_back(std::move(interface), std::move(counts));
}

void MetricsRegistry::watch_memory(std::function<std::vector<DeviceMemoryFact>()> memories) {
  const std::lock_guard lock(state_->mutex);
  state_->memories = std::move(memories);
}

std::string MetricsRegistry::render() const {
  PrometheusText out;
  const auto page = state_->snapshot();
  const auto process = ProcessMetrics::read();
  for (const auto& info : metric_families()) {
    if (!page.selection.has(info.family)) continue;
    out.family(info.family);
    switch (info.family) {
      case MetricFamily::kConnections:
      case MetricFamily::kConnectionsAccepted:
        state_->write_connections(out, info.family);
        break;
      case MetricFamily::kDeviceMemoryLimit:
      case MetricFamily::kDeviceMemoryUsed:
        state_->write_memory(out, info.family);
        break;
      case MetricFamily::kProcessMemory:
        out.sample("", {}, process.resident_bytes);
        break;
      case MetricFamily::kProcessCpu:
        out.sample("", {}, process.cpu_seconds);
        break;
      case MetricFamily::kProcessThreads:
        out.sample("", {}, process.threads);
        break;
      case MetricFamily::kProcessOpenFiles:
        out.sample("", {}, process.open_files);
        break;
      case MetricFamily::kProcessStart:
        out.sample("", {}, process.start_seconds);
        break;
      default:
        write_servable_family(out, page, info.family);
    }
  }
  return std::move(out).take();
}

}  // namespace ocelli::observability

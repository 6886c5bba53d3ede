#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench/bench_report.hpp"
#include "cli/bench/grpc_way.hpp"
#include "cli/bench/raw_way.hpp"
#include "cli/bench/rest_way.hpp"
#include "cli/bench/sample_input.hpp"
#include "cli/bench/socket_way.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/option_page.hpp"
#include "repository/model_config.hpp"
#include "server/log_setup.hpp"
#include "server/repository_setup.hpp"
#include "server/server.hpp"

namespace ocelli::cli {
namespace {

constexpr std::size_t kHelpColumns = 100;
// Before anything counts: threads start, caches fill, the runtime's own warm-up ends.
constexpr auto kWarmUp = std::chrono::milliseconds(300);

// When none is given.
constexpr const char* kModelName = "model";

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto comma = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

Result<std::vector<std::uint32_t>> concurrencies(const std::string& list) {
  constexpr std::uint32_t kMost = 1024;
  std::vector<std::uint32_t> numbers;
  for (const auto& part : split(list)) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc{} || end != part.data() + part.size() || number < 1 || number > kMost) {
      return invalid_argument(
          fmt::format("concurrency should be a comma list of numbers from 1 to {}; given: {}", kMost, list));
    }
    numbers.push_back(number);
  }
  return numbers;
}

Result<Endpoint> endpoint_of(const std::string& address, const char* option) {
  const auto colon = address.rfind(':');
  Endpoint endpoint;
  const char* const last = address.data() + address.size();
  const auto [end, error] = colon == std::string::npos
                                ? std::from_chars_result{last, std::errc::invalid_argument}
                                : std::from_chars(address.data() + colon + 1, last, endpoint.port);
  if (error != std::errc{} || end != last || colon == 0) {
    return invalid_argument(fmt::format("{} should be HOST:PORT; given: {}", option, address));
  }
  endpoint.host = address.substr(0, colon);
  return endpoint;
}

// What stands in the options of `ocelli bench`, before a server is started for it.
Status check_options(const CommandLine& line) {
  constexpr std::array<std::string_view, 5> kWays{"raw", "socket", "servable", "rest", "grpc"};
  const auto ways = split(line.bench.ways);
  const auto unknown =
      std::ranges::find_if(ways, [&](const auto& way) { return std::ranges::find(kWays, way) == kWays.end(); });
  if (ways.empty() || unknown != ways.end()) {
    return invalid_argument(
        fmt::format("ways should be of raw, socket, servable, rest, grpc; given: {}", ways.empty() ? "" : *unknown));
  }
  for (const auto& [address, option] :
       {std::pair{&line.bench.rest_address, "rest_address"}, std::pair{&line.bench.grpc_address, "grpc_address"}}) {
    if (address->empty()) continue;
    if (auto endpoint = endpoint_of(*address, option); !endpoint.ok()) return endpoint.status();
  }
  auto model = line.server.model;
  if (model.model_name.empty()) model.model_name = kModelName;
  if (auto config = repository::model_config_from_flags(model); !config.ok()) return config.status();
  return server::check_texts(line.server);
}

// A server of this process and the ways into its model.
class Bench {
 public:
  explicit Bench(const CommandLine& line) : line_(line) {}

  Status prepare() {
    auto options = line_.server;
    if (options.model.model_name.empty()) options.model.model_name = kModelName;
    options.rest.any_port = options.grpc.any_port = true;
    options.rest.bind_address = options.grpc.bind_address = "127.0.0.1";
    options.file_system_poll_wait_seconds = 0;
    // The log would stand in the middle of the report.
    auto log = line_.has("log_level") ? server::make_log(options.log) : Result<server::ServerLog>(server::ServerLog());
    if (!log.ok()) return log.status();
    auto server = server::Server::open(options, log->log);
    if (!server.ok()) return server.status();
    server_ = std::move(*server);
    if (auto status = server_->load_models(); !status.ok()) return status;
    auto servable = server_->catalog().find(options.model.model_name, std::nullopt);
    if (!servable.ok()) return servable.status();
    servable_ = std::move(*servable);
    for (const auto& way : split(line_.bench.ways)) {
      if (auto status = add_way(way); !status.ok()) return status;
    }
    return {};
  }

  Result<BenchReport> measure(const std::vector<std::uint32_t>& levels) {
    BenchReport report;
    report.model = line_.server.model.model_path;
    for (const auto& device : servable_->metadata().device_reports()) {
      if (device.state == serving::DeviceState::kServing) report.execution.push_back(device.info);
    }
    const auto slice = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
        static_cast<double>(line_.bench.duration) / static_cast<double>(line_.bench.rounds)));
    for (const auto level : levels) {
      std::vector<BenchLine> lines;
      for (const auto& way : ways_) lines.push_back({way->name(), level, {}, {}});
      for (auto& way : ways_) {
        if (auto warm = way->run(level, kWarmUp); !warm.ok()) return warm.status();
      }
      for (std::uint32_t round = 0; round < line_.bench.rounds; ++round) {
        for (std::size_t i = 0; i < ways_.size(); ++i) {
          // Forth and back: ABCCBA.
          const auto position = round % 2 == 0 ? i : ways_.size() - 1 - i;
          auto result = ways_[position]->run(level, slice);
          if (!result.ok()) return result.status();
          lines[position].result.add(*result);
          lines[position].round_rates.push_back(result->rate());
        }
      }
      std::ranges::move(lines, std::back_inserter(report.lines));
    }
    return report;
  }

  void stop() {
    ways_.clear();
    servable_.reset();
    if (server_) static_cast<void>(server_->stop());
  }

 private:
  Status add_way(const std::string& way) {
    const auto& metadata = servable_->metadata();
    auto inputs = sample_inputs(metadata.inputs);
    if (!inputs.ok()) return inputs.status();
    if (way == "raw" || way == "socket") return add_runtime_alone(way);
    if (way == "servable") {
      ways_.push_back(make_servable_way(servable_, std::move(*inputs)));
    } else if (way == "rest") {
      auto endpoint = line_.bench.rest_address.empty() ? Result<Endpoint>(Endpoint{"127.0.0.1", server_->rest_port()})
                                                       : endpoint_of(line_.bench.rest_address, "rest_address");
      if (!endpoint.ok()) return endpoint.status();
      ways_.push_back(make_rest_way(*endpoint, metadata.name, metadata.inputs, *inputs, metadata.outputs));
    } else if (way == "grpc") {
      auto endpoint = line_.bench.grpc_address.empty() ? Result<Endpoint>(Endpoint{"127.0.0.1", server_->grpc_port()})
                                                       : endpoint_of(line_.bench.grpc_address, "grpc_address");
      if (!endpoint.ok()) return endpoint.status();
      ways_.push_back(make_grpc_way(*endpoint, metadata.name, metadata.inputs, *inputs));
    }
    return {};
  }

  Status add_runtime_alone(const std::string& way) {
    auto model = servable_->compiled_model();
    if (!model) return unavailable("no device serves the model");
    auto inputs = sample_inputs(model->signature().inputs);
    if (!inputs.ok()) return inputs.status();
    const auto& specs = model->signature().inputs;
    const auto is_text = [](const TensorSpec& spec) { return spec.type == DataType::kString; };
    if (way == "socket" && (specs.empty() || std::ranges::any_of(specs, is_text)))
      return invalid_argument("--ways socket needs a model with inputs, none of them of strings");
    ways_.push_back(way == "raw" ? make_raw_way(std::move(model), std::move(*inputs))
                                 : make_socket_way(std::move(model), std::move(*inputs)));
    return {};
  }

  const CommandLine& line_;
  std::unique_ptr<server::Server> server_;
  serving::ServableHandle servable_;
  std::vector<std::unique_ptr<LoadWay>> ways_;
};

int fail(const Status& status, int code) {
  fmt::print(stderr, "{}\n", status.message());
  return code;
}

}  // namespace

int bench_command(Arguments arguments) {
  const auto line = parse_command_line(arguments, OptionUser::kBench);
  if (!line.ok()) return fail(line.status(), kExitUsage);
  if (line->version) return version_command({});
  if (line->help || arguments.empty()) {
    fmt::print("{}", options_help(kHelpColumns, OptionUser::kBench));
    return kExitOk;
  }
  if (line->server.model.model_path.empty()) return fail(invalid_argument("bench needs --model_path"), kExitUsage);
  const auto levels = concurrencies(line->bench.concurrency);
  if (!levels.ok()) return fail(levels.status(), kExitUsage);
  if (auto status = check_options(*line); !status.ok()) return fail(status, kExitUsage);
  Bench bench(*line);
  if (auto status = bench.prepare(); !status.ok()) return fail(status, kExitFailure);
  const auto report = bench.measure(*levels);
  bench.stop();
  if (!report.ok()) return fail(report.status(), kExitFailure);
  fmt::print("{}", line->bench.json ? report_json(*report) : report_text(*report));
  fmt::print(stderr, "{}", failure_text(*report));
  return all_answered(*report) ? kExitOk : kExitFailure;
}

}  // namespace ocelli::cli

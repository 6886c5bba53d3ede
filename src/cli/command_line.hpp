// CommandLine: what the user typed, as values.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "server/server_options.hpp"

namespace ocelli::cli {

// A plain value: the server's options and those that make the program do something else than serve.
struct CommandLine {
  server::ServerOptions server;

  bool help = false;
  bool version = false;

  // Config management: no server is started.
  bool list_models = false;
  bool add_to_config = false;
  bool remove_from_config = false;
  std::string model_repository_path;

  // Known to OVMS, accepted and without effect here (see the table for why).
  struct Ignored {
    std::uint32_t custom_node_resources_cleaner_interval_seconds = 300;
    std::string allowed_media_domains;
    std::string allowed_local_media_path;
    bool verbose_response = false;
    std::string trace_path;
  } ignored;

  // Hugging Face modes of OVMS: refused with a usage error.
  struct Pull {
    bool pull = false;
    bool configure = false;
    bool overwrite_models = false;
    std::string source_model;
    std::string task;
    std::string gguf_filename;
    std::string weight_format = "int8";
    std::string extra_quantization_params;
    std::string source_loras;
  } pull;

  // `ocelli bench`.
  struct Bench {
    std::string concurrency = "1,4";
    std::uint32_t duration = 5;
    std::uint32_t rounds = 10;
    std::string ways = "raw,servable,rest,grpc";
    std::string rest_address;
    std::string grpc_address;
    bool json = false;
  } bench;

  // Names of the options that were typed, without dashes.
  std::set<std::string, std::less<>> given;
  // Whether that option was typed.
  [[nodiscard]] bool has(std::string_view name) const { return given.find(name) != given.end(); }
};

// Commands that take options of the table.
enum class OptionUser : std::uint8_t { kServe, kBench };

// Reads the arguments after the program's name and command by the option table, then the environment
// (apply_environment()). Checks types and ranges only; what options mean together is validate()'s. Errors:
// kInvalidArgument whose message is the line for standard error.
Result<CommandLine> parse_command_line(std::span<const std::string> arguments, OptionUser user = OptionUser::kServe);

}  // namespace ocelli::cli

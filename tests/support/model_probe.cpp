// ocelli_model_probe: runs a model once through a backend and writes its outputs as raw files, for comparison with an
// independent reference.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/backend_module.hpp"

namespace {

using nlohmann::json;
using namespace ocelli;

struct Arguments {
  std::string backend = "openvino";
  std::string model;
  std::string format = "onnx";
  std::string device = "CPU";
  std::string library;
  std::string cache_dir;
  std::string out = ".";
  std::map<std::string, std::string> properties;
  std::map<std::string, std::string> layouts;
  std::vector<std::string> inputs;  // NAME,TYPE,FILE,EXTENT,EXTENT...
  std::vector<float> mean;
  std::vector<float> scale;
  std::string color_format;
  std::string precision;
  bool run = false;
};

[[noreturn]] void fail(const Status& status) {
  std::cerr << status.to_string() << '\n';
  std::exit(1);
}

template <typename T>
T value_or_fail(Result<T> result) {
  if (!result.ok()) fail(result.status());
  return std::move(result).value();
}

ModelFormat format_of(const std::string& name) {
  static const std::map<std::string, ModelFormat> kFormats{
      {"ir", ModelFormat::kOpenvinoIr},         {"onnx", ModelFormat::kOnnx},     {"paddle", ModelFormat::kPaddle},
      {"tensorflow", ModelFormat::kTensorflow}, {"tflite", ModelFormat::kTflite}, {"armnn", ModelFormat::kArmnn}};
  return kFormats.at(name);
}

json describe(const std::vector<TensorSpec>& specs) {
  json result = json::array();
  for (const auto& spec : specs) {
    json shape = json::array();
    for (const auto& dim : spec.shape.dims) shape.push_back(dim.extent_or_dynamic());
    result.push_back(
        {{"name", spec.name}, {"type", kserve_name(spec.type)}, {"shape", shape}, {"layout", spec.layout}});
  }
  return result;
}

struct LoadedInput {
  std::string name;
  std::string bytes;
  TensorView view;
};

LoadedInput load_input(const std::string& text) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    fields.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (fields.size() < 3) fail(invalid_argument("--input needs NAME,TYPE,FILE,EXTENT,..."));
  LoadedInput input;
  input.name = fields[0];
  input.view.type = data_type_from_kserve(fields[1]).value_or(DataType::kUndefined);
  std::ifstream file(fields[2], std::ios::binary);
  input.bytes.assign(std::istreambuf_iterator<char>(file), {});
  for (std::size_t i = 3; i < fields.size(); ++i) input.view.shape.push_back(std::stoll(fields[i]));
  return input;
}

json run(const Arguments& arguments, CompiledModel& model) {
  auto request = value_or_fail(model.create_request());
  std::vector<LoadedInput> inputs;
  for (const auto& text : arguments.inputs) inputs.push_back(load_input(text));
  for (auto& input : inputs) {
    input.view.data = reinterpret_cast<std::byte*>(input.bytes.data());
    input.view.bytes = input.bytes.size();
    const auto& specs = model.signature().inputs;
    std::size_t index = 0;
    while (index < specs.size() && specs[index].name != input.name) ++index;
    if (auto status = request->set_input(index, input.view); !status.ok()) fail(status);
  }
  if (auto status = request->run(); !status.ok()) fail(status);
  json outputs = json::array();
  for (std::size_t i = 0; i < model.signature().outputs.size(); ++i) {
    const auto view = value_or_fail(request->output(i));
    const auto path = std::filesystem::path(arguments.out) / fmt::format("output_{}.raw", i);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(view.data), static_cast<std::streamsize>(view.bytes));
    outputs.push_back({{"name", model.signature().outputs[i].name},
                       {"type", kserve_name(view.type)},
                       {"shape", std::vector<std::int64_t>(view.shape.begin(), view.shape.end())},
                       {"file", path.string()}});
  }
  return outputs;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs a model once through a backend and writes its outputs as raw files; prints what happened as JSON");
  std::vector<std::string> properties;
  std::vector<std::string> layouts;
  app.add_option("--backend", arguments.backend);
  app.add_option("--model", arguments.model)->required();
  app.add_option("--format", arguments.format, "ir onnx paddle tensorflow tflite armnn");
  app.add_option("--device", arguments.device);
  app.add_option("--library", arguments.library, "folder of the vendor's library");
  app.add_option("--cache_dir", arguments.cache_dir);
  app.add_option("--property", properties, "KEY=VALUE")->allow_extra_args(false);
  app.add_option("--layout", layouts, "NAME=NHWC:NCHW")->allow_extra_args(false);
  app.add_option("--mean", arguments.mean);
  app.add_option("--scale", arguments.scale);
  app.add_option("--color_format", arguments.color_format);
  app.add_option("--precision", arguments.precision);
  app.add_option("--input", arguments.inputs, "NAME,TYPE,FILE,EXTENT,...; without it the model is only described")
      ->allow_extra_args(false)
      ->delimiter('\0');
  app.add_flag("--run", arguments.run, "run a model that takes no inputs");
  app.add_option("--out", arguments.out);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  for (const auto& text : properties)
    arguments.properties.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
  for (const auto& text : layouts)
    arguments.layouts.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  BackendContext context;
  context.library_path = arguments.library;
  auto runtime = value_or_fail(load_backend(default_backend_folder(), arguments.backend, context));
  CompileOptions options;
  options.device = arguments.device;
  options.properties = arguments.properties;
  options.cache_dir = arguments.cache_dir;
  options.preprocess = {arguments.layouts, arguments.mean, arguments.scale, arguments.color_format,
                        arguments.precision};
  auto model = value_or_fail(runtime->compile({format_of(arguments.format), arguments.model}, options));
  const ExecutionInfo& info = model->info();
  json report{{"inputs", describe(model->signature().inputs)},
              {"outputs", describe(model->signature().outputs)},
              {"stateful", model->stateful()},
              {"model_info", model->model_info()},
              {"info",
               {{"runtime", info.runtime},
                {"runtime_version", info.runtime_version},
                {"device", info.device},
                {"device_name", info.device_name},
                {"precision", info.precision},
                {"streams", info.streams},
                {"threads", info.threads},
                {"optimal_requests", info.optimal_requests},
                {"loaded_from_cache", info.loaded_from_cache},
                {"note", info.note}}}};
  if (arguments.run || !arguments.inputs.empty()) report["results"] = run(arguments, *model);
  std::cout << report.dump(1) << '\n';
  return 0;
}

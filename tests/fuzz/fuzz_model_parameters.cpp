// The parameter texts of the command line: any text gives values within their bounds, or an error. The first byte
// chooses the reader: 0xfe an override, 0xff the path of a file that was sent, any other one of the rest.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "repository/config_file.hpp"
#include "repository/model_parameters.hpp"
#include "repository/sent_folder.hpp"

namespace {

using namespace ocelli::repository;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const ocelli::Dimension& extent) {
  require(extent.min >= 0 && (extent.max == ocelli::Dimension::kUnbounded || extent.max >= extent.min));
}

void read(unsigned reader, std::string_view text) {
  switch (reader) {
    case 0:
      if (const auto batch = parse_batch_size(text); batch.ok()) check(batch->extent);
      break;
    case 1:
      if (const auto shapes = parse_shapes(text); shapes.ok()) {
        for (const auto& [name, shape] : *shapes) {
          require(shape.extents.dims.size() <= ocelli::Shape::kMaxRank);
          for (const auto& extent : shape.extents.dims) check(extent);
        }
      }
      break;
    case 2:
      // What was accepted is accepted again, unchanged.
      if (const auto layout = parse_layout(text); layout.ok()) require(*parse_layout(*layout) == *layout);
      break;
    case 3:
      (void)parse_layouts(text);
      break;
    case 4:
      if (const auto values = parse_channel_values("scale", text); values.ok()) {
        for (const float value : *values) require(std::isfinite(value) && value != 0);
      }
      break;
    case 5:
      if (const auto format = parse_color_format(text); format.ok()) require(*parse_color_format(*format) == *format);
      break;
    case 6:
      if (const auto precision = parse_precision(text); precision.ok())
        require(*parse_precision(*precision) == *precision);
      break;
    case 7:
      (void)parse_plugin_config(text);
      break;
    case 10:
      (void)check_sent_path(text);
      break;
    case 9: {
      ModelConfig model;
      model.name = "m";
      model.base_path = "/m";
      const auto overridden = override_model(model, text);
      require(!overridden.ok() || overridden->config.name == "m");
      break;
    }
    default:
      if (const auto policy = parse_version_policy(text); policy.ok()) {
        const auto chosen = select_versions(*policy, {3, 1, 2});
        require(chosen.size() <= 3);
      }
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  read(data[0] >= 0xfe ? data[0] - 245U : data[0] % 9U, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

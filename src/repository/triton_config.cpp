#include "repository/triton_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "devices/device_expression.hpp"
#include "repository/config_check.hpp"
#include "repository/model_document.hpp"
#include "repository/proto_field_names.hpp"
#include "repository/strict_object.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostBatch = 1'000'000;
constexpr std::int64_t kMostDelayUs = 10'000'000;

// What Triton's types are called.
std::optional<DataType> type_of(std::string_view name) {
  if (name == "TYPE_STRING") return DataType::kString;
  if (!name.starts_with("TYPE_")) return std::nullopt;
  const auto type = data_type_from_kserve(name.substr(5));
  return type == DataType::kString ? std::nullopt : type;
}

// protobuf writes 64-bit numbers into JSON as texts.
Json with_numbers(const Json& value) {
  if (!value.is_string()) return value;
  const auto& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return value;
  return number;
}

bool says_nothing(const Json& value) {
  const bool no_text = value.is_string() && value.get_ref<const std::string&>().empty();
  return no_text || value.is_null() || value.empty() || value == false || value == 0;
}

bool is_card(const devices::DeviceMember& member) {
  using devices::DeviceKind;
  switch (member.device.kind) {
    case DeviceKind::kGpu:
    case DeviceKind::kNvidia:
    case DeviceKind::kCuda:
    case DeviceKind::kTensorrt:
      return true;
    case DeviceKind::kArmnn:
      return member.device.instance == "GpuAcc";
    default:
      return false;
  }
}

bool is_cpu(const devices::DeviceMember& member) { return member.device.kind == devices::DeviceKind::kCpu; }

// Whether the target, alone or in its list, names a card.
bool names_card(const std::string& target) {
  const auto plan = devices::parse_target_device(target);
  return plan.ok() && std::ranges::any_of(plan->members, is_card);
}

bool names_cpu_alone(const std::string& target) {
  const auto plan = devices::parse_target_device(target);
  return plan.ok() && !plan->members.empty() && std::ranges::all_of(plan->members, is_cpu);
}

class TritonReader {
 public:
  TritonReader(Json& document, ModelConfig& config, std::vector<std::string>& ignored, JsonProblem& problem)
      : document_(document), config_(config), ignored_(ignored), problem_(problem) {}

  void read() {
    // Keys that hold what nothing here hangs on, with what they must be.
    for (const char* key : {"platform", "backend", "runtime", "default_model_filename"})
      pass_over(key, "a string", &Json::is_string);
    for (const char* key : {"optimization", "parameters", "cc_model_filenames", "metric_tags", "model_operations",
                            "model_repository_agents", "response_cache"})
      pass_over(key, "an object", &Json::is_object);
    for (const char* key : {"model_warmup", "model_metrics"})
      pass_over(key, "an array or an object", &Json::is_structured);
    for (const char* key : {"ensemble_scheduling", "sequence_batching", "batch_input", "batch_output"})
      refuse_unless_empty(key);
    read_transaction_policy();
    read_version_policy_key();
    read_batching();
    read_instances();
    const bool apart = max_batch_size_.value_or(0) > 0;
    read_tensors("input", apart, config_.expected_inputs);
    read_tensors("output", apart, config_.expected_outputs);
  }

 private:
  // The value of a key, which is no longer in the document.
  std::optional<Json> take(const std::string& key) {
    to_field_names(document_, key);
    const auto found = document_.find(key);
    if (found == document_.end()) return std::nullopt;
    Json value = std::move(*found);
    document_.erase(found);
    return value;
  }

  void pass_over(const std::string& key, std::string_view expected, bool (Json::*is)() const noexcept) {
    const auto value = take(key);
    if (!value) return;
    if (!((*value).*is)()) return problem_.expected(key, expected, *value);
    if (!says_nothing(*value)) ignored_.push_back(key);
  }

  // In an object below: only what says something is worth a word.
  void pass_over(StrictObject& object, const std::string& key) {
    const Json* value = object.take(key);
    if (value && !says_nothing(*value)) ignored_.push_back(object.path_of(key));
  }

  void refuse_unless_empty(const std::string& key) {
    const auto value = take(key);
    if (value && !says_nothing(*value)) problem_.set(key, "is not supported");
  }

  // One setting, said in two ways, is said once too often.
  void refuse_beside(const std::string& triton, const std::string& ours) {
    if (document_.contains(ours)) problem_.set(triton, fmt::format("given beside {}, which sets the same", ours));
  }

  std::optional<std::int64_t> whole(StrictObject& object, const std::string& key, std::int64_t least,
                                    std::int64_t most) {
    const Json* value = object.take(key);
    return value ? whole(*value, object.path_of(key), least, most) : std::nullopt;
  }

  std::optional<std::int64_t> whole(const Json& given, const std::string& path, std::int64_t least, std::int64_t most) {
    const Json value = with_numbers(given);
    const bool fits = value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() >> 63U);
    if (fits && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most)
      return value.get<std::int64_t>();
    problem_.expected(path, fmt::format("a whole number from {} to {}", least, most), given);
    return std::nullopt;
  }

  void read_transaction_policy() {
    const auto value = take("model_transaction_policy");
    if (!value) return;
    StrictObject object(*value, "model_transaction_policy", problem_);
    if (object.boolean("decoupled").value_or(false)) problem_.set(object.path_of("decoupled"), "is not supported");
    object.finish();
  }

  void read_version_policy_key() {
    auto value = take("version_policy");
    if (!value) return;
    refuse_beside("version_policy", "model_version_policy");
    // Numbers that came as texts.
    if (value->is_object()) {
      if (const auto latest = value->find("latest"); latest != value->end() && latest->is_object()) {
        if (const auto count = latest->find("num_versions"); count != latest->end()) *count = with_numbers(*count);
      }
      if (const auto specific = value->find("specific"); specific != value->end() && specific->is_object()) {
        if (const auto list = specific->find("versions"); list != specific->end() && list->is_array())
          std::ranges::transform(*list, list->begin(), with_numbers);
      }
    }
    check_config(*value, "version_policy", config_version_policy(), problem_);
    if (!problem_.found()) config_.version_policy = read_version_policy(*value);
  }

  // Triton's batches go up to max_batch_size; 0 says that the dims are the whole shape.
  void read_batching() {
    if (const auto value = take("max_batch_size")) {
      max_batch_size_ = whole(*value, "max_batch_size", 0, kMostBatch);
      if (max_batch_size_.value_or(0) > 0) {
        refuse_beside("max_batch_size", "batch_size");
        config_.batch = {BatchParameter::Kind::kSet, Dimension{1, *max_batch_size_}};
      }
    }
    const auto value = take("dynamic_batching");
    if (!value) return;
    StrictObject object(*value, "dynamic_batching", problem_);
    BatchingParameter batching;
    // A larger batch may come in one request; so many are put together.
    std::uint32_t most = BatchingParameter::kMostItems;
    if (const auto given = max_batch_size_.value_or(0); given > 0) {
      most = static_cast<std::uint32_t>(std::min<std::int64_t>(given, most));
      batching.max_items = most;
    }
    object.each("preferred_batch_size", [&](const Json& element, const std::string& path) {
      auto& sizes = batching.preferred_sizes;
      const auto size = whole(element, path, 1, most);
      if (!size || std::ranges::find(sizes, *size) != sizes.end()) return;
      if (sizes.size() == BatchingParameter::kMostPreferred)
        return problem_.set(path, fmt::format("at most {} sizes expected", BatchingParameter::kMostPreferred));
      sizes.push_back(static_cast<std::uint32_t>(*size));
    });
    batching.max_delay_us =
        static_cast<std::uint32_t>(whole(object, "max_queue_delay_microseconds", 0, kMostDelayUs).value_or(0));
    for (const char* key : {"preserve_ordering", "priority_levels", "default_priority_level", "default_queue_policy",
                            "priority_queue_policy"})
      pass_over(object, key);
    object.finish();
    config_.batching = std::move(batching);
  }

  // What all groups together say.
  struct Instances {
    std::int64_t count = 0;
    std::set<std::string> kinds;
    std::set<std::int64_t> cards;
    std::vector<std::string> card_keys;  // where the cards stand
  };

  void read_instances() {
    const auto value = take("instance_group");
    if (!value) return;
    if (!value->is_array()) return problem_.expected("instance_group", "an array", *value);
    Instances all;
    for (std::size_t i = 0; i < value->size() && !problem_.found(); ++i) {
      StrictObject group((*value)[i], fmt::format("instance_group[{}]", i), problem_);
      read_group(group, all);
    }
    if (all.count > 0) {
      refuse_beside("instance_group.count", "nireq");
      // One above the limit is enough for check_model() to refuse it.
      config_.nireq = static_cast<std::uint32_t>(std::min<std::int64_t>(all.count, ModelConfig::kMaxRequests + 1));
    }
    if (all.kinds.contains("KIND_CPU") && all.kinds.contains("KIND_GPU"))
      problem_.set("instance_group", "one kind expected, not both KIND_CPU and KIND_GPU");
    // Groups that leave the device open beside others are those of a list of devices, which stays.
    const bool card = all.kinds == std::set<std::string>{"KIND_GPU"};
    if (card || all.kinds == std::set<std::string>{"KIND_CPU"}) set_device(card, all.cards);
    if (!card) ignored_.insert(ignored_.end(), all.card_keys.begin(), all.card_keys.end());
  }

  void read_group(StrictObject& group, Instances& all) {
    all.count += whole(group, "count", 0, ModelConfig::kMaxRequests).value_or(0);
    const std::string kind = group.text("kind").value_or("KIND_AUTO");
    if (kind != "KIND_AUTO" && kind != "KIND_CPU" && kind != "KIND_GPU" && kind != "KIND_MODEL")
      problem_.set(group.path_of("kind"),
                   fmt::format("KIND_AUTO, KIND_CPU, KIND_GPU or KIND_MODEL expected, not {}", kind));
    all.kinds.insert(kind);
    bool names_cards = false;
    group.each("gpus", [&](const Json& element, const std::string& path) {
      names_cards = true;
      if (const auto card = whole(element, path, 0, 1023)) all.cards.insert(*card);
    });
    if (names_cards) all.card_keys.push_back(group.path_of("gpus"));
    if (names_cards && kind == "KIND_CPU") problem_.set(group.path_of("gpus"), "given beside KIND_CPU");
    (void)group.text("name");
    for (const char* key : {"secondary_devices", "profile", "passive", "host_policy", "rate_limiter"})
      pass_over(group, key);
    group.finish();
  }

  // A target that is of this kind already says it better.
  void set_device(bool card, const std::set<std::int64_t>& cards) {
    refuse_beside("instance_group.kind", "target_device");
    if (!card) {
      if (!names_cpu_alone(config_.target_device)) config_.target_device = "CPU";
      return;
    }
    if (cards.empty()) {
      if (!names_card(config_.target_device)) config_.target_device = "AUTO:NVIDIA,GPU";
      return;
    }
    // Triton's cards are NVIDIA's, and each of them gets instances.
    std::string list;
    for (const auto number : cards) list += fmt::format("{}NVIDIA.{}", list.empty() ? "" : ",", number);
    config_.target_device = cards.size() == 1 ? list : "MULTI:" + list;
  }

  void read_tensors(const std::string& key, bool batch_apart, std::vector<ExpectedTensor>& into) {
    const auto value = take(key);
    if (!value) return;
    if (!value->is_array()) return problem_.expected(key, "an array", *value);
    for (std::size_t i = 0; i < value->size() && !problem_.found(); ++i) {
      StrictObject object((*value)[i], fmt::format("{}[{}]", key, i), problem_);
      ExpectedTensor& tensor = into.emplace_back();
      tensor.batch_apart = batch_apart;
      tensor.name = object.required_text("name");
      if (const auto type = object.text("data_type"); type && *type != "TYPE_INVALID") {
        tensor.type = type_of(*type);
        if (!tensor.type) problem_.set(object.path_of("data_type"), fmt::format("Triton has no type \"{}\"", *type));
      }
      const bool has_dims = object.each("dims", [&](const Json& element, const std::string& path) {
        tensor.dims.emplace_back(whole(element, path, -1, std::int64_t{1} << 40).value_or(-1));
      });
      tensor.has_dims = has_dims && !tensor.dims.empty();
      if (const Json* reshape = object.take("reshape"); reshape && !says_nothing(*reshape))
        problem_.set(object.path_of("reshape"), "is not supported");
      for (const char* other :
           {"is_shape_tensor", "allow_ragged_batch", "optional", "is_non_linear_format_io", "label_filename"})
        pass_over(object, other);
      if (const auto format = object.text("format"); format && *format != "FORMAT_NONE")
        ignored_.push_back(object.path_of("format"));
      object.finish();
    }
  }

  Json& document_;
  ModelConfig& config_;
  std::vector<std::string>& ignored_;
  JsonProblem& problem_;
  std::optional<std::int64_t> max_batch_size_;
};

}  // namespace

void take_triton_keys(Json& document, ModelConfig& config, std::vector<std::string>& ignored, JsonProblem& problem) {
  if (document.is_object()) TritonReader(document, config, ignored, problem).read();
}

}  // namespace ocelli::repository

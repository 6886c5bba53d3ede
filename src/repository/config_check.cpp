#include "repository/config_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

std::string join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

bool is_whole(const Json& value, std::int64_t least, std::int64_t most) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(ConfigKey::kNoLimit))
    return false;
  const auto number = value.get<std::int64_t>();
  return number >= least && number <= most;
}

// One value against its row. Reports through the problem, which keeps the first; millions may be wrong, so nothing is
// looked at after it.
class ValueCheck {
 public:
  ValueCheck(const Json& value, std::string path, const ConfigKey& key, JsonProblem& problem)
      : value_(value), path_(std::move(path)), key_(key), problem_(problem) {}

  void run() const {
    switch (key_.type) {
      case ConfigType::kText:
        return need(value_.is_string(), "a string");
      case ConfigType::kBoolean:
        return need(value_.is_boolean(), "true or false");
      case ConfigType::kInteger:
        return need(is_whole(value_, key_.least, key_.most), whole_number());
      case ConfigType::kTextOrInteger:
        return need(value_.is_string() || value_.is_number_integer(), "a string or a whole number");
      case ConfigType::kTextOrTexts:
        return value_.is_string() ? void() : members("a string or an object of strings", &Json::is_string, "a string");
      case ConfigType::kChannelValues:
        return need(value_.is_string() || value_.is_number() || is_number_list(),
                    value_.is_array() ? "an array of numbers" : "a number, a string or an array of numbers");
      case ConfigType::kScalars:
        return members("an object of strings, booleans and numbers", &is_scalar, "a string, a boolean or a number");
      case ConfigType::kTexts:
        return members("an object of strings", &Json::is_string, "a string");
      case ConfigType::kTextList:
        return elements([](const Json& element) { return element.is_string(); }, "a string");
      case ConfigType::kIntegerList:
        return elements([this](const Json& element) { return is_whole(element, key_.least, key_.most); },
                        fmt::format("a whole number from {}", key_.least));
      case ConfigType::kObject:
        return check_config(value_, path_, *key_.object, problem_);
      case ConfigType::kObjectList:
        return each([this](const Json& element, const std::string& path) {
          check_config(element, path, *key_.object, problem_);
        });
      case ConfigType::kNamedObjects:
        return each([this](const Json& element, const std::string& path) { named(element, path); });
    }
  }

 private:
  void need(bool fits, std::string_view expected) const {
    if (!fits) problem_.expected(path_, expected, value_);
  }

  [[nodiscard]] std::string whole_number() const {
    if (key_.most == ConfigKey::kNoLimit) return fmt::format("a whole number from {}", key_.least);
    return fmt::format("a whole number from {} to {}", key_.least, key_.most);
  }

  [[nodiscard]] bool is_number_list() const {
    return value_.is_array() && std::ranges::all_of(value_, [](const Json& element) { return element.is_number(); });
  }

  static bool is_scalar(const Json& value) { return scalar_text(value).has_value(); }

  template <typename Fits>
  void members(std::string_view expected, Fits fits, std::string_view of_each) const {
    if (!value_.is_object()) return problem_.expected(path_, expected, value_);
    for (const auto& [name, member] : value_.items()) {
      if (!std::invoke(fits, member)) return problem_.expected(join(path_, name), of_each, member);
    }
  }

  template <typename Check>
  void each(const Check& check) const {
    if (!value_.is_array()) return problem_.expected(path_, "an array", value_);
    std::size_t index = 0;
    for (const auto& element : value_) {
      if (problem_.found()) return;
      check(element, fmt::format("{}[{}]", path_, index++));
    }
  }

  template <typename Fits>
  void elements(const Fits& fits, std::string_view expected) const {
    each([&](const Json& element, const std::string& path) {
      if (!fits(element)) problem_.expected(path, expected, element);
    });
  }

  void named(const Json& element, const std::string& path) const {
    if (!element.is_object()) return problem_.expected(path, "an object with one name", element);
    for (const auto& [name, member] : element.items()) {
      if (problem_.found()) return;
      check_config(member, join(path, name), *key_.object, problem_);
    }
  }

  const Json& value_;
  const std::string path_;
  const ConfigKey& key_;
  JsonProblem& problem_;
};

void check_unknown(const Json& value, const std::string& path, const ConfigObject& object, JsonProblem& problem) {
  for (const auto& [name, member] : value.items()) {
    if (find_key(object, name)) continue;
    if (object.other_texts) {
      if (!member.is_string()) return problem.expected(join(path, name), "a string", member);
      continue;
    }
    std::string known;
    for (const auto& key : object.keys) known += fmt::format("{}{}", known.empty() ? "" : ", ", key.name);
    return problem.set(join(path, name), known.empty() ? "unknown key; none is known here"
                                                       : fmt::format("unknown key; known here are {}", known));
  }
}

void check_one_key(const Json& value, const std::string& path, const ConfigObject& object, JsonProblem& problem) {
  if (value.size() == 1) return;
  std::string names;
  for (std::size_t i = 0; i < object.keys.size(); ++i) {
    const std::string_view comma = i == 0 ? "" : i + 1 == object.keys.size() ? " and " : ", ";
    names += fmt::format("{}{}", comma, object.keys[i].name);
  }
  problem.set(path, fmt::format("exactly one of {} expected", names));
}

}  // namespace

void check_config(const Json& value, const std::string& path, const ConfigObject& object, JsonProblem& problem,
                  bool partial) {
  if (problem.found()) return;
  if (!value.is_object()) return problem.expected(path.empty() ? "document" : path, "an object", value);
  // First, because a key that is misspelt is missing too.
  check_unknown(value, path, object, problem);
  if (object.one_key) check_one_key(value, path, object, problem);
  for (const auto& key : object.keys) {
    if (problem.found()) return;
    const auto found = value.find(key.name);
    if (found != value.end()) {
      ValueCheck(*found, join(path, key.name), key, problem).run();
    } else if (key.need == ConfigNeed::kByFile && !partial) {
      problem.set(join(path, key.name), "is missing");
    }
  }
}

}  // namespace ocelli::repository

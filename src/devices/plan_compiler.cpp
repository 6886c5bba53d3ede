#include "devices/plan_compiler.hpp"

#include <fmt/format.h>

namespace ocelli::devices {
namespace {

// The reasons of all ways that did not work, in one sentence under the first one's code, or that of a user's mistake.
class Refusals {
 public:
  void add(const std::string& way, const Status& status) {
    if (text_.empty() || status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kNotFound)
      code_ = status.code();
    if (!text_.empty()) text_ += "; ";
    text_ += fmt::format("{}: {}", way, status.message());
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Status status() const { return {code_, text_}; }

 private:
  StatusCode code_ = StatusCode::kFailedPrecondition;
  std::string text_;
};

// A wrong parameter or a missing file is as wrong on every other device: going on would hide the mistake.
bool is_users_mistake(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kNotFound;
}

class PlanCompiler {
 public:
  PlanCompiler(const DevicePlan& plan, RuntimeRegistry& registry, const ModelSource& source,
               const CompileOptions& options, const Log& log)
      : plan_(plan), registry_(registry), source_(source), options_(options), log_(log) {
    options_.properties = plan.properties;
  }

  Result<std::vector<CompiledMember>> run() {
    std::vector<CompiledMember> compiled;
    Refusals refusals;
    for (const auto& member : plan_.members) {
      auto made = compile_member(member, refusals);
      if (made) {
        compiled.push_back(std::move(*made));
        if (plan_.use == DevicePlan::Use::kFirst) return compiled;
        refusals = {};
      } else if (plan_.use == DevicePlan::Use::kAll || is_users_mistake(refusals.status())) {
        return refusals.status();
      }
    }
    if (compiled.empty()) return refusals.status();
    return compiled;
  }

 private:
  std::optional<CompiledMember> compile_member(const PlanMember& member, Refusals& refusals) {
    for (const auto& placement : member.placements) {
      auto made = compile_at(member, placement);
      if (made.ok()) {
        CompiledMember compiled = std::move(made).value();
        if (!refusals.empty()) {
          log_.debug("Runs on {} of {}, because of {}", placement.device, placement.runtime, refusals.text());
          if (!compiled.info.note.empty()) compiled.info.note += "; ";
          compiled.info.note += "passed over: " + refusals.text();
        }
        return compiled;
      }
      refusals.add(fmt::format("{} on {}", placement.device, placement.runtime), made.status());
      if (is_users_mistake(made.status())) break;
    }
    return std::nullopt;
  }

  Result<CompiledMember> compile_at(const PlanMember& member, const Placement& placement) {
    auto runtime = registry_.get(placement.runtime);
    if (!runtime.ok()) return runtime.status();
    if (!(*runtime)->supports(source_.format)) {
      return failed_precondition(
          fmt::format("{} does not read {} models", placement.runtime, model_format_name(source_.format)));
    }
    CompileOptions options = options_;
    options.device = placement.device;
    if (member.requests) options.requests = *member.requests;
    auto model = (*runtime)->compile(source_, options);
    if (!model.ok()) return model.status();
    CompiledMember compiled{*runtime, std::move(model).value(), member.target, member.requests, {}};
    compiled.info = compiled.model->info();
    return compiled;
  }

  const DevicePlan& plan_;
  RuntimeRegistry& registry_;
  const ModelSource& source_;
  CompileOptions options_;
  const Log& log_;
};

}  // namespace

Result<std::vector<CompiledMember>> compile_plan(const DevicePlan& plan, RuntimeRegistry& registry,
                                                 const ModelSource& source, const CompileOptions& options,
                                                 const Log& log) {
  return PlanCompiler(plan, registry, source, options, log).run();
}

}  // namespace ocelli::devices

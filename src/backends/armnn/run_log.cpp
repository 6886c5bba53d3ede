#include "backends/armnn/run_log.hpp"

#include <armnn/Logging.hpp>
#include <memory>
#include <mutex>
#include <new>

namespace ocelli::arm_nn {
namespace {

thread_local RunLog* collecting = nullptr;

class ThreadsSink final : public ::armnn::LogSink {
 public:
  void Consume(const std::string& message) override {
    if (collecting) collecting->add(message);
  }
};

}  // namespace

void RunLog::take_over() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::armnn::SetAllLoggingSinks(false, false, false);
    const auto sink = std::make_shared<ThreadsSink>();
    ::armnn::SimpleLogger<::armnn::LogSeverity::Warning>::Get().AddSink(sink);
    ::armnn::SimpleLogger<::armnn::LogSeverity::Error>::Get().AddSink(sink);
    ::armnn::SimpleLogger<::armnn::LogSeverity::Fatal>::Get().AddSink(sink);
  });
}

RunLog::RunLog() noexcept { collecting = this; }

RunLog::~RunLog() { collecting = nullptr; }

void RunLog::add(std::string_view message) noexcept {
  constexpr std::size_t kMost = 2000;
  if (text_.size() >= kMost) return;
  try {
    if (!text_.empty()) text_ += '\n';
    text_ += message.substr(0, kMost - text_.size());
  } catch (const std::bad_alloc&) {
    // The failure is told all the same, with less of its reason.
  }
}

}  // namespace ocelli::arm_nn

#include "observability/process_metrics.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ocelli::observability {
namespace {

std::string file_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Seconds since the epoch at which the machine was started (the "btime" line of /proc/stat).
double boot_time() {
  const auto text = file_text("/proc/stat");
  const auto line = text.find("btime ");
  return line == std::string::npos ? 0 : std::strtod(text.c_str() + line + 6, nullptr);
}

// proc(5): fields of /proc/self/stat counted from the one after the program's name, which may itself hold blanks and
// brackets.
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kThreads = 17;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kResidentPages = 21;

ProcessMetrics read_proc() {
  ProcessMetrics metrics;
  const auto text = file_text("/proc/self/stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return metrics;
  std::istringstream rest(text.substr(name_end + 1));
  std::array<std::string, kResidentPages + 1> fields;
  for (auto& field : fields) rest >> field;
  const auto number = [&](std::size_t i) { return std::strtod(fields[i].c_str(), nullptr); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  metrics.cpu_seconds = (number(kUserTicks) + number(kSystemTicks)) / ticks;
  metrics.threads = static_cast<std::uint64_t>(number(kThreads));
  metrics.start_seconds = boot_time() + number(kStartTicks) / ticks;
  metrics.resident_bytes =
      static_cast<std::uint64_t>(number(kResidentPages)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; !error && file != end;
       file.increment(error)) {
    ++metrics.open_files;
  }
  return metrics;
}

}  // namespace

ProcessMetrics ProcessMetrics::read() noexcept {
  try {
    return read_proc();
  } catch (...) {  // out of memory: the page shows zeros rather than failing
    return {};
  }
}

}  // namespace ocelli::observability

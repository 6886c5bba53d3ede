#include "runtime/host_processor.hpp"

#include <fstream>

namespace ocelli {

std::string host_processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos && (line.starts_with("model name") || line.starts_with("Model")))
      return line.substr(colon + 2);
  }
  std::ifstream tree("/proc/device-tree/model");
  std::string board;
  std::getline(tree, board, '\0');
  return board.empty() ? "CPU" : board;
}

}  // namespace ocelli

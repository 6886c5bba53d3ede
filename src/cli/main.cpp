#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/program.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  const std::span<const std::string> arguments = words;
  if (arguments.empty()) return ocelli::cli::run_program({});
  const std::string_view path = arguments[0];
  return ocelli::cli::run_program(arguments.subspan(1), path.substr(path.rfind('/') + 1));
}

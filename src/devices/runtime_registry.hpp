// RuntimeRegistry: the runtimes of this process, each loaded when it is first asked for.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/status.hpp"
#include "runtime/backend_module.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::devices {

// What is known about one runtime.
struct RuntimeState {
  std::string name;
  bool tried = false;
  // OK: usable. Else why not, with the remedy as the backend words it. Meaningless before it was tried.
  Status status;
};

// Thread-safe. A runtime that cannot be loaded is remembered with its reason and not tried again; nothing here ends the
// program.
class RuntimeRegistry {
 public:
  // folder holds the backend modules; contexts gives some of them their settings, by runtime name.
  RuntimeRegistry(std::filesystem::path folder, const Log& log, std::map<std::string, BackendContext> contexts = {});

  // Puts a runtime of this program in place, under its own name; it wins over a module of that name. For tests.
  void add(std::shared_ptr<Runtime> runtime);

  // Loads on the first call, which may take seconds; two callers of different runtimes do not wait for each other.
  // kUnavailable with the reason.
  Result<std::shared_ptr<Runtime>> get(std::string_view name);

  // Every runtime whose module lies in the folder, or that was asked for or added; names ascending. Loads nothing.
  std::vector<RuntimeState> states();

 private:
  struct Slot {
    std::mutex mutex;  // held while loading
    bool tried = false;
    std::shared_ptr<Runtime> runtime;
    Status status;
  };
  std::shared_ptr<Slot> slot(std::string_view name);

  std::filesystem::path folder_;
  Log log_;
  std::map<std::string, BackendContext> contexts_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>, std::less<>> slots_;
};

}  // namespace ocelli::devices

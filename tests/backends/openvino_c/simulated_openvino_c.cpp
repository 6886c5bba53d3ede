// A simulated libopenvino_c.so: today's OpenVINO, whose CPU it calls MYRIAD. The file named by OCELLI_SIMULATED_STICK
// says how the stick fares: empty or missing: well; "die": the process aborts at the next run; "hang": runs do not end;
// "pulled": it is not listed, does not compile and its runs fail, with the codes but no text, as release 2022.3 has it.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <tuple>

#include "backends/openvino_c/worker/c_api.hpp"

namespace {

namespace c = ocelli::openvino_c::c;

constexpr int kGeneralError = -1;
constexpr std::size_t kMaxArguments = 48;

// The function of the library behind this one.
template <typename Function>
Function* real(const char* name, Function*) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string state() {
  const char* path = std::getenv("OCELLI_SIMULATED_STICK");
  std::ifstream file(path ? path : "");
  std::string word;
  file >> word;
  return word;
}

const char* real_device(const char* device) {
  return std::strncmp(device, "MYRIAD", std::strlen("MYRIAD")) == 0 ? "CPU" : device;
}

// As the library makes them: freed by ov_free.
char* text_of(const char* text) { return std::strcpy(new char[std::strlen(text) + 1], text); }

}  // namespace

extern "C" __attribute__((visibility("default"))) int ov_core_get_available_devices(const c::Core*,
                                                                                    c::AvailableDevices* devices) {
  const bool is_there = state() != "pulled";
  devices->size = is_there ? 2 : 1;
  devices->devices = new char* [2] { text_of("CPU"), is_there ? text_of("MYRIAD") : nullptr };
  return 0;
}

extern "C" __attribute__((visibility("default"))) void ov_available_devices_free(c::AvailableDevices* devices) {
  for (std::size_t i = 0; i < devices->size; ++i) delete[] devices->devices[i];
  delete[] devices->devices;
  *devices = {};
}

extern "C" __attribute__((visibility("default"))) int ov_core_get_property(const c::Core* core, const char* device,
                                                                           const char* key, char** value) {
  if (device != real_device(device) && std::strcmp(key, "FULL_DEVICE_NAME") == 0) {
    *value = text_of("simulated Neural Compute Stick");
    return 0;
  }
  static const auto next = real("ov_core_get_property", &ov_core_get_property);
  return next(core, real_device(device), key, value);
}

extern "C" __attribute__((visibility("default"))) int ov_core_compile_model(const c::Core* core, const c::Model* model,
                                                                            const char* device, std::size_t count,
                                                                            c::CompiledModel** compiled, ...) {
  if (device != real_device(device) && state() == "pulled") return kGeneralError;
  std::array<const char*, kMaxArguments> arguments{};
  std::va_list list;
  va_start(list, compiled);
  for (std::size_t i = 0; i < count && i < kMaxArguments; ++i) arguments[i] = va_arg(list, const char*);
  va_end(list);
  static const auto next = real("ov_core_compile_model", &ov_core_compile_model);
  return std::apply([&](auto... each) { return next(core, model, real_device(device), count, compiled, each...); },
                    arguments);
}

extern "C" __attribute__((visibility("default"))) int ov_infer_request_start_async(c::InferRequest* request) {
  const std::string how = state();
  if (how == "die") std::abort();
  if (how == "pulled") return kGeneralError;
  while (state() == "hang") ::usleep(20'000);
  static const auto next = real("ov_infer_request_start_async", &ov_infer_request_start_async);
  return next(request);
}

extern "C" __attribute__((visibility("default"))) const char* ov_get_last_err_msg() {
  if (state() == "pulled") return nullptr;
  static const auto next = real("ov_get_last_err_msg", &ov_get_last_err_msg);
  return next();
}

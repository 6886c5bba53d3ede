// Message: what the server and its OpenVINO worker say to each other. One message is one packet of a SOCK_SEQPACKET
// socket; tensors never travel here, they lie in shared memory (shared_arena.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"
#include "runtime/model_source.hpp"
#include "tensor/shape.hpp"

namespace ocelli::openvino_c {

// First word of every message: a worker of another build is refused at its first one. Changes with every change below.
inline constexpr std::uint32_t kProtocol = 0x3256434F;  // "OCV2"
// Limits; a message that goes beyond one is refused whole.
inline constexpr std::size_t kMaxMessage = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxText = std::size_t{8} * 1024;
inline constexpr std::size_t kMaxList = 512;

// What a packet holds. To the worker below 100, from the worker above.
enum class MessageType : std::uint16_t {
  kListDevices = 1,
  kCompileModel,
  kReleaseModel,
  kOpenRequest,
  kCloseRequest,
  kStartRun,
  kCancelRun,
  kPing,
  kHello = 101,
  kDevices,
  kModelCompiled,
  kModelReleased,
  kRequestOpened,
  kRunDone,
  kPong,
};

// A key with its value.
using TextPair = std::pair<std::string, std::string>;

// One device as the library lists it.
struct WorkerDevice {
  std::string name;          // "MYRIAD.1.2-ma2480"
  std::string full_name;     // what the plugin calls it; empty when it does not say
  std::string capabilities;  // separated by blanks: "FP16 BATCHED_BLOB"
};

// Where one tensor lies in the request's shared memory.
struct TensorPlace {
  Shape shape;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// --- to the worker ---

// Answered with Devices.
struct ListDevices {
  static constexpr MessageType kType = MessageType::kListDevices;
};

// Reads, reshapes and compiles a file; answered with ModelCompiled.
struct CompileModel {
  static constexpr MessageType kType = MessageType::kCompileModel;
  std::uint64_t model = 0;  // the server's number for it
  std::string path;
  std::string device;  // as the library knows it
  std::vector<TextPair> properties;
  std::vector<std::pair<std::string, PartialShape>> shapes;
  std::optional<Dimension> batch;
  std::vector<TextPair> layouts;  // input name and the letters of its dimensions
};

// Gives the model and its requests back; answered with ModelReleased.
struct ReleaseModel {
  static constexpr MessageType kType = MessageType::kReleaseModel;
  std::uint64_t model = 0;
};

// Makes a request of a model; comes with the descriptor of its shared memory. Answered with RequestOpened.
struct OpenRequest {
  static constexpr MessageType kType = MessageType::kOpenRequest;
  std::uint64_t model = 0;
  std::uint64_t request = 0;
};

// Ends a request; not answered.
struct CloseRequest {
  static constexpr MessageType kType = MessageType::kCloseRequest;
  std::uint64_t request = 0;
};

// Runs a request once; answered with RunDone. The worker writes outputs from outputs_at on.
struct StartRun {
  static constexpr MessageType kType = MessageType::kStartRun;
  std::uint64_t request = 0;
  std::uint64_t run = 0;  // counts the request's runs
  std::uint64_t outputs_at = 0;
  std::vector<TensorPlace> inputs;  // in the model's order
};

// Asks that run to stop early; not answered but by its RunDone.
struct CancelRun {
  static constexpr MessageType kType = MessageType::kCancelRun;
  std::uint64_t request = 0;
  std::uint64_t run = 0;
};

// Is the worker there? Answered with Pong.
struct Ping {
  static constexpr MessageType kType = MessageType::kPing;
};

// --- from the worker ---

// The first message: whether the library could be loaded, and which it is.
struct Hello {
  static constexpr MessageType kType = MessageType::kHello;
  Status status;
  std::string version;  // "2022.3.0-9052-..."
};

// What the library lists.
struct Devices {
  static constexpr MessageType kType = MessageType::kDevices;
  Status status;
  std::vector<WorkerDevice> devices;
};

// The model is ready, or why not.
struct ModelCompiled {
  static constexpr MessageType kType = MessageType::kModelCompiled;
  std::uint64_t model = 0;
  Status status;
  ModelSignature signature;
  ExecutionInfo info;
  bool shapes_follow_inputs = false;  // CompiledModel::shapes_follow_inputs()
};

// The model's memory has been given back.
struct ModelReleased {
  static constexpr MessageType kType = MessageType::kModelReleased;
  std::uint64_t model = 0;
};

// The request can run, or why not.
struct RequestOpened {
  static constexpr MessageType kType = MessageType::kRequestOpened;
  std::uint64_t request = 0;
  Status status;
};

// The run has ended; outputs in the model's order when status is OK.
struct RunDone {
  static constexpr MessageType kType = MessageType::kRunDone;
  std::uint64_t request = 0;
  std::uint64_t run = 0;
  Status status;
  std::vector<TensorPlace> outputs;
};

// Answers Ping.
struct Pong {
  static constexpr MessageType kType = MessageType::kPong;
};

}  // namespace ocelli::openvino_c

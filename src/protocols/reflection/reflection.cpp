#include "protocols/reflection/reflection.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <limits>
#include <set>

#include "grpc/reflection/v1/reflection.pb.h"
#include "protocols/wire/tensor_bytes.hpp"

namespace ocelli::reflection {
namespace {

namespace pb = grpc::reflection::v1;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

const DescriptorPool& pool() { return *DescriptorPool::generated_pool(); }

void fail(StatusCode code, const std::string& message, pb::ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(grpc_status(code));
  response.mutable_error_response()->set_error_message(message);
}

// The file and everything that it imports, each once.
void add_file(const FileDescriptor& file, std::set<const FileDescriptor*>& seen, pb::FileDescriptorResponse& response) {
  if (!seen.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), seen, response);
}

void answer_file(const FileDescriptor* file, const std::string& what, pb::ServerReflectionResponse& response) {
  if (!file) return fail(StatusCode::kNotFound, what + " is not found", response);
  std::set<const FileDescriptor*> seen;
  add_file(*file, seen, *response.mutable_file_descriptor_response());
}

void answer_extension_numbers(const std::string& type, pb::ServerReflectionResponse& response) {
  if (!pool().FindMessageTypeByName(type))
    return fail(StatusCode::kNotFound, "Type " + type + " is not found", response);
  // proto3 messages have no extensions.
  response.mutable_all_extension_numbers_response()->set_base_type_name(type);
}

}  // namespace

Status Reflection::answer(std::span<const std::byte> bytes, std::string& reply) const {
  pb::ServerReflectionResponse response;
  auto& request = *response.mutable_original_request();
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return wire::malformed_message();
  }
  response.set_valid_host(request.host());
  switch (request.message_request_case()) {
    case pb::ServerReflectionRequest::kFileByFilename:
      answer_file(pool().FindFileByName(request.file_by_filename()), "File " + request.file_by_filename(), response);
      break;
    case pb::ServerReflectionRequest::kFileContainingSymbol:
      answer_file(pool().FindFileContainingSymbol(request.file_containing_symbol()),
                  "Symbol " + request.file_containing_symbol(), response);
      break;
    case pb::ServerReflectionRequest::kFileContainingExtension:
      fail(StatusCode::kNotFound,
           "Extensions of " + request.file_containing_extension().containing_type() + " are not found", response);
      break;
    case pb::ServerReflectionRequest::kAllExtensionNumbersOfType:
      answer_extension_numbers(request.all_extension_numbers_of_type(), response);
      break;
    case pb::ServerReflectionRequest::kListServices:
      for (const auto& service : services_) response.mutable_list_services_response()->add_service()->set_name(service);
      break;
    case pb::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      fail(StatusCode::kInvalidArgument, "The request asks for nothing", response);
      break;
  }
  if (!response.AppendToString(&reply)) return internal_error("The reply could not be encoded");
  return {};
}

}  // namespace ocelli::reflection

// Server reflection: what a generic client needs to call every service without having the proto files.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include "grpc/reflection/v1/reflection.pb.h"
#include "router_fixture.hpp"

namespace ocelli::rpc {
namespace {

namespace pb = grpc::reflection::v1;

class ReflectionTest : public RouterFixture {
 protected:
  // One question on a stream of its own.
  pb::ServerReflectionResponse ask(const pb::ServerReflectionRequest& request, const std::string& version = "v1") {
    test::FakeRpcExchange exchange("/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo");
    EXPECT_TRUE(router.streaming(exchange.path()));
    router.handle(exchange);
    exchange.send(request.SerializeAsString());
    exchange.end_messages();
    EXPECT_TRUE(exchange.wait_finished());
    EXPECT_TRUE(exchange.status().ok());
    pb::ServerReflectionResponse response;
    EXPECT_TRUE(response.ParseFromString(exchange.written().at(0)));
    return response;
  }
};

TEST_F(ReflectionTest, EveryListedServiceCanBeRebuilt) {
  pb::ServerReflectionRequest list;
  list.set_list_services("*");
  const auto services = ask(list, "v1alpha").list_services_response();
  ASSERT_EQ(services.service_size(), 6);
  for (const auto& service : services.service()) {
    pb::ServerReflectionRequest request;
    request.set_file_containing_symbol(service.name());
    const auto response = ask(request);
    ASSERT_TRUE(response.has_file_descriptor_response()) << service.name();
    const auto& files = response.file_descriptor_response().file_descriptor_proto();
    google::protobuf::SimpleDescriptorDatabase database;
    for (const auto& bytes : files) {
      google::protobuf::FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      database.Add(file);
    }
    google::protobuf::DescriptorPool rebuilt(&database);
    const auto* descriptor = rebuilt.FindServiceByName(service.name());
    ASSERT_NE(descriptor, nullptr) << service.name();
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const auto path = "/" + service.name() + "/" + descriptor->method(i)->name();
      if (router.streaming(path)) continue;
      test::FakeRpcExchange exchange(path);
      router.handle(exchange);
      ASSERT_TRUE(exchange.wait_finished());
      EXPECT_THAT(std::string(exchange.status().message()), testing::Not(testing::StartsWith("Method is not offered")))
          << path;
    }
  }
}

TEST_F(ReflectionTest, AnswersByFileAndRefusesTheUnknown) {
  pb::ServerReflectionRequest request;
  request.set_host("h");
  request.set_file_by_filename("grpc/health/v1/health.proto");
  const auto response = ask(request);
  EXPECT_EQ(response.valid_host(), "h");
  EXPECT_EQ(response.original_request().file_by_filename(), "grpc/health/v1/health.proto");
  EXPECT_EQ(response.file_descriptor_response().file_descriptor_proto_size(), 1);
  request.set_file_containing_symbol("no.Such");
  EXPECT_EQ(ask(request).error_response().error_code(), 5);
  request.set_all_extension_numbers_of_type("inference.ModelInferRequest");
  EXPECT_EQ(ask(request).all_extension_numbers_response().base_type_name(), "inference.ModelInferRequest");
  EXPECT_EQ(ask(pb::ServerReflectionRequest()).error_response().error_code(), 3);
}

}  // namespace
}  // namespace ocelli::rpc

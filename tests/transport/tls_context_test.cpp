#include "transport/tls_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/test_certificates.hpp"

namespace ocelli::transport {
namespace {

using testing::HasSubstr;

TEST(TlsContext, ErrorsNameTheFile) {
  const testing_support::TestCertificates certificates;
  TlsOptions options{certificates.certificate("server"), certificates.key("server"), certificates.certificate("ca")};
  EXPECT_TRUE(TlsContext::create(options, {"http/1.1"}).ok());

  auto wrong = options;
  wrong.certificate_file = "/no/such/server.crt";
  auto result = TlsContext::create(wrong, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(result.status().message(), "cannot use TLS certificate '/no/such/server.crt': No such file or directory");
  wrong.certificate_file = "/dev/null";
  EXPECT_EQ(TlsContext::create(wrong, {}).status().message(), "cannot use TLS certificate '/dev/null': no start line");

  wrong = options;
  wrong.key_file = certificates.key("client");
  result = TlsContext::create(wrong, {});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("client.key': key values mismatch"));

  wrong = options;
  wrong.client_ca_file = (certificates.folder() / "broken.crt").string();
  std::ofstream(wrong.client_ca_file) << "not a certificate";
  result = TlsContext::create(wrong, {});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("broken.crt': no start line"));
}

}  // namespace
}  // namespace ocelli::transport

// Certificates made by the openssl program for one test run, in a folder that goes with them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace ocelli::testing_support {

// An authority, a server certificate for localhost and 127.0.0.1, a client certificate, and a stranger that signed
// itself.
class TestCertificates {
 public:
  TestCertificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ocelli-tls-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) std::abort();
    folder_ = pattern;
    authority("ca");
    signed_by_authority("server", "subjectAltName=DNS:localhost,IP:127.0.0.1");
    signed_by_authority("client", "extendedKeyUsage=clientAuth");
    authority("stranger");
  }
  ~TestCertificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  [[nodiscard]] std::string certificate(const std::string& name) const { return (folder_ / (name + ".crt")).string(); }
  [[nodiscard]] std::string key(const std::string& name) const { return (folder_ / (name + ".key")).string(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  void run(const std::string& arguments) const {
    const auto command = "cd '" + folder_.string() + "' && openssl " + arguments + " >log 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  void authority(const std::string& name) const {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name + " -keyout " +
        name + ".key -out " + name + ".crt");
  }
  void signed_by_authority(const std::string& name, const std::string& extension) const {
    run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name + " -keyout " + name +
        ".key -out " + name + ".csr");
    std::ofstream(folder_ / (name + ".ext")) << extension;
    run("x509 -req -days 2 -in " + name + ".csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile " + name +
        ".ext -out " + name + ".crt");
  }

  std::filesystem::path folder_;
};

}  // namespace ocelli::testing_support

// A whole REST request, as text: its head is parsed as the transport does, and the router answers it over models of
// every data type. Each request must get exactly one reply with a status of HTTP; an error is a JSON object.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "protocols/rest_router/rest_router.hpp"
#include "support/echo_models.hpp"
#include "support/fake_http_exchange.hpp"
#include "transport/http/request_head.hpp"

namespace {

using namespace ocelli;

constexpr std::size_t kMaxHeaders = 100;

// Outlives all requests, as in the program.
class Service {
 public:
  Service() {
    test::add_echo_models(catalog_);
    catalog_.add_empty("empty");
    catalog_.add_status("retired", {2, serving::VersionState::kEnd, StatusCode::kOk, ""});
    rest::RestServices services(catalog_, background_);
    services.shared_memory = &regions_;
    services.render_metrics = [] { return std::string("metrics 1\n"); };
    services.server_version = "fuzz";
    router_ = std::make_unique<rest::RestRouter>(std::move(services));
  }
  void answer(transport::HttpExchange& exchange) { router_->handle(exchange); }

 private:
  test::FakeCatalog catalog_;
  transport::SharedMemoryRegistry regions_;
  ThreadPool background_{"fuzz-admin", 1, 4};
  std::unique_ptr<rest::RestRouter> router_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Service service;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = transport::find_head_end(text);
  if (end == std::string_view::npos) return 0;
  transport::RequestHead head;
  if (transport::parse_head(text.substr(0, end), kMaxHeaders, head)) return 0;
  std::string target(head.path);
  if (!head.query.empty()) target.append("?").append(head.query);
  test::FakeHttpExchange exchange(head.method, target, std::string(text.substr(end)));
  for (const auto& [name, value] : head.fields) exchange.set_header(std::string(name), std::string(value));
  service.answer(exchange);
  if (!exchange.wait() || exchange.sent() != 1 || exchange.status < 200 || exchange.status > 599) std::abort();
  const auto reply = exchange.reply();
  if (exchange.status >= 400 && !reply.empty() && reply.front() != '{') std::abort();
  return 0;
}

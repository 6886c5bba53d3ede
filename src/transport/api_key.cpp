#include "transport/api_key.hpp"

#include <openssl/crypto.h>

namespace ocelli::transport {

bool is_api_key(std::string_view given, std::string_view key) noexcept {
  return !key.empty() && given.size() == key.size() && ::CRYPTO_memcmp(given.data(), key.data(), key.size()) == 0;
}

bool is_bearer_of(std::string_view authorization, std::string_view key) noexcept {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != kScheme[i]) return false;
  }
  return is_api_key(authorization.substr(kScheme.size()), key);
}

}  // namespace ocelli::transport

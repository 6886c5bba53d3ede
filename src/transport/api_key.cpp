#include "transport/api_key.hpp"

#include <openssl/crypto.h>

#include "base/letter_case.hpp"

namespace ocelli::transport {

bool is_api_key(std::string_view given, std::string_view key) noexcept {
  return !key.empty() && given.size() == key.size() && ::CRYPTO_memcmp(given.data(), key.data(), key.size()) == 0;
}

bool is_bearer_of(std::string_view authorization, std::string_view key) noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  return same_letters(authorization.substr(0, kScheme.size()), kScheme) &&
         is_api_key(authorization.substr(kScheme.size()), key);
}

}  // namespace ocelli::transport

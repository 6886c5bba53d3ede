// Notes: what was measured of a model on a device, kept in the cache folder for the next start.
#pragma once

#include <exception>
#include <filesystem>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "base/small_file.hpp"
#include "runtime/model_digest.hpp"

namespace ocelli::scheduling {

// One model on one device. Form says what is kept and how: Findings, kExtension, kMostBytes, and static to_text() and
// from_text(), which take the key that the text holds for. Immutable and thread-safe; several processes may share the
// folder.
template <typename Form>
class Notes {
 public:
  using Findings = typename Form::Findings;

  // key: everything that the findings depend on, as text: the model's digest, device, library and its version,
  // settings, processor. Settings that only whoever measures knows are given with each call.
  Notes(std::filesystem::path folder, std::string key, Log log)
      : folder_(std::move(folder)), key_(std::move(key)), log_(std::move(log)) {}

  // Empty when there are none, or none that can be trusted; never an error.
  [[nodiscard]] std::optional<Findings> find(const std::string& settings) const noexcept {
    try {
      const auto whole_key = key_ + settings;
      const auto path = path_of(whole_key);
      const auto text = read_small_file(path, Form::kMostBytes);
      if (!text.ok() && text.status().code() == StatusCode::kNotFound) return std::nullopt;
      auto findings = text.ok() ? Form::from_text(*text, whole_key) : std::nullopt;
      if (!findings) log_.info("{} cannot be used and is made anew", path.string());
      return findings;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  // A folder that is full or read-only is a line in the log.
  void keep(const std::string& settings, const Findings& findings) const noexcept {
    try {
      const auto whole_key = key_ + settings;
      const auto status = replace_small_file(path_of(whole_key), Form::to_text(findings, whole_key));
      if (!status.ok()) log_.warning("What was measured is not kept for the next start: {}", status.message());
    } catch (const std::exception& reason) {
      log_.warning("What was measured is not kept for the next start: {}", reason.what());
    }
  }

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& whole_key) const {
    return folder_ / (digest_of(whole_key) + Form::kExtension);
  }

  const std::filesystem::path folder_;
  const std::string key_;
  const Log log_;
};

}  // namespace ocelli::scheduling

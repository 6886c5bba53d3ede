#include "scheduling/batch_notes.hpp"

#include <exception>

#include "base/small_file.hpp"
#include "runtime/model_digest.hpp"

namespace ocelli::scheduling {

BatchNotes::BatchNotes(std::filesystem::path folder, std::string key, Log log)
    : folder_(std::move(folder)), key_(std::move(key)), log_(std::move(log)) {}

std::filesystem::path BatchNotes::path_of(const std::string& whole_key) const {
  return folder_ / (digest_of(whole_key) + ".batching");
}

std::optional<BatchFindings> BatchNotes::find(const std::string& settings) const noexcept {
  try {
    const auto whole_key = key_ + settings;
    const auto path = path_of(whole_key);
    const auto text = read_small_file(path, kMostFindingsText);
    if (!text.ok() && text.status().code() == StatusCode::kNotFound) return std::nullopt;
    auto findings = text.ok() ? findings_from_text(*text, whole_key) : std::nullopt;
    if (!findings) log_.info("{} cannot be used and is made anew", path.string());
    return findings;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void BatchNotes::keep(const std::string& settings, const BatchFindings& findings) const noexcept {
  try {
    const auto whole_key = key_ + settings;
    const auto status = replace_small_file(path_of(whole_key), findings_to_text(findings, whole_key));
    if (!status.ok()) log_.warning("What was measured is not kept for the next start: {}", status.message());
  } catch (const std::exception& reason) {
    log_.warning("What was measured is not kept for the next start: {}", reason.what());
  }
}

}  // namespace ocelli::scheduling

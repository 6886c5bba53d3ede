// BatchNotes: what was found out about batching a model on a device, kept in the cache folder for the next start.
#pragma once

#include "scheduling/batch_findings.hpp"
#include "scheduling/notes.hpp"

namespace ocelli::scheduling {

// How it is kept: see Notes.
struct BatchNoteForm {
  using Findings = BatchFindings;
  static constexpr const char* kExtension = ".batching";
  static constexpr std::size_t kMostBytes = kMostFindingsText;
  static std::string to_text(const BatchFindings& findings, std::string_view key) {
    return findings_to_text(findings, key);
  }
  static std::optional<BatchFindings> from_text(std::string_view text, std::string_view key) {
    return findings_from_text(text, key);
  }
};

using BatchNotes = Notes<BatchNoteForm>;

}  // namespace ocelli::scheduling

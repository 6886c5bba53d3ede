// findings_from_text() and SpeedNoteForm::from_text(): any bytes are refused, or say something that is written and read
// again the same. Each input is tried as it is, and again with the digest that it should have, behind which nothing
// else would be reached.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/model_digest.hpp"
#include "scheduling/batch_findings.hpp"
#include "scheduling/speed_notes.hpp"

namespace {

using namespace ocelli::scheduling;

constexpr std::string_view kKey = "key";

void check_speed(const std::string& text) {
  const auto speed = SpeedNoteForm::from_text(text, kKey);
  if (!speed) return;
  if (speed->runs_per_second <= 0 || speed->latency <= ocelli::Duration::zero()) std::abort();
  if (!SpeedNoteForm::from_text(SpeedNoteForm::to_text(*speed, kKey), kKey)) std::abort();
}

void check(const std::string& text) {
  check_speed(text);
  const auto findings = findings_from_text(text, kKey);
  if (!findings) return;
  if (findings->sizes.empty() || findings->sizes.front() != 1 || findings->remark.size() > BatchFindings::kMostRemark)
    std::abort();
  const auto again = findings_from_text(findings_to_text(*findings, kKey), kKey);
  if (!again || again->sizes != findings->sizes || again->single != findings->single) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  text += "digest " + ocelli::digest_of(text) + "\n";
  check(text);
  return 0;
}

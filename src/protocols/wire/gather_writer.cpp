#include "protocols/wire/gather_writer.hpp"

#include <algorithm>

namespace ocelli::wire {
namespace {

// Room for the fields between tensors of a few dozen outputs.
constexpr std::size_t kSmallBufferBytes = 4096;

}  // namespace

void GatherWriter::bytes(std::string_view text) {
  if (!referenced_) {
    reply_.text().append(text);
    return;
  }
  if (!small_ || small_->size() - end_ < text.size()) {
    flush();
    small_ = pool_.get(std::max(kSmallBufferBytes, text.size()));
    begin_ = end_ = 0;
  }
  if (!text.empty()) std::memcpy(small_->data() + end_, text.data(), text.size());
  end_ += text.size();
}

void GatherWriter::varint(std::uint64_t value) {
  std::byte encoded[kMaxVarintBytes];
  const auto* end = write_varint(encoded, value);
  bytes({reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(end - encoded)});
}

void GatherWriter::payload(Bytes payload, const BufferRef& owner) {
  if (payload.size() <= kCopiedBytes) return bytes({reinterpret_cast<const char*>(payload.data()), payload.size()});
  flush();
  referenced_ = true;
  reply_.add(payload, owner);
}

void GatherWriter::flush() {
  if (end_ == begin_) return;
  reply_.add({small_->data() + begin_, end_ - begin_}, small_);
  begin_ = end_;
}

}  // namespace ocelli::wire

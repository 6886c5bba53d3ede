// JsonReader: walks a JSON text once, strictly by RFC 8259, without building a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <iterator>
#include <string>
#include <string_view>

#include "protocols/json/json_number.hpp"

namespace ocelli::json {

// What a value is, told from its first characters.
enum class JsonKind : std::uint8_t { kObject, kArray, kString, kNumber, kBool, kNull, kInvalid };

// Where JsonReader::read_numbers() stopped.
enum class NumberRun : std::uint8_t {
  kArrayEnd,  // the array's end was consumed
  kOther,     // an element that is no number comes next
  kError,     // see error()
};

// Why a walk ended.
enum class JsonError : std::uint8_t {
  kNone,
  kSyntax,     // the text is no JSON
  kTooDeep,    // more than kMaxDepth containers within each other
  kNotFinite,  // NaN or Infinity, which JSON does not have
  kWrongKind,  // valid so far, but not what was asked for
};

// The texts of decoded strings, kept until clear() or forget(). Addresses stay valid when more are added.
class TextStore {
 public:
  std::string& add() {
    if (spare_.empty()) return texts_.emplace_front();
    texts_.splice_after(texts_.before_begin(), spare_, spare_.before_begin());
    texts_.front().clear();
    return texts_.front();
  }
  // Nobody needs text any more, if it is the one that was added last: its room is used again. Other texts are left
  // alone. So a tensor of a million strings with escapes takes the room of one.
  void forget(std::string_view text) noexcept {
    if (texts_.empty() || texts_.front().data() != text.data()) return;
    spare_.splice_after(spare_.before_begin(), texts_, texts_.before_begin());
  }
  // Forgets all that are added from its making to its end.
  class Moment {
   public:
    explicit Moment(TextStore& store) noexcept : store_(store), last_(store.newest()) {}
    ~Moment() {
      while (store_.newest() != last_) store_.forget(store_.texts_.front());
    }
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;

   private:
    TextStore& store_;
    const std::string* const last_;
  };
  // How many are kept.
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(std::distance(texts_.begin(), texts_.end()));
  }
  void clear() noexcept {
    texts_.clear();
    spare_.clear();
  }

 private:
  [[nodiscard]] const std::string* newest() const noexcept { return texts_.empty() ? nullptr : &texts_.front(); }

  std::forward_list<std::string> texts_;
  std::forward_list<std::string> spare_;
};

// Usage: if (reader.begin_object()) while (reader.next_key(key)) { read or skip one value }. Every function returns
// false on an error, which stays (ok(), error()); so a walk ends by itself and is checked once, at its end. The text
// must live as long as the reader and the views that it gave. Needs no padding behind the text. Copyable: a copy can go
// back to an earlier place. Not thread-safe.
class JsonReader {
 public:
  static constexpr int kMaxDepth = 100;

  // store takes the strings that contain escapes.
  JsonReader(std::string_view text, TextStore& store) noexcept
      : at_(text.data()), end_(text.data() + text.size()), store_(&store) {}

  // The kind of the value that comes next, without reading it. kInvalid: none, or none that JSON knows.
  [[nodiscard]] JsonKind peek() noexcept;

  // Consumes the opening bracket; the object's members follow by next_key(), the array's elements by next_element().
  bool begin_object() noexcept;
  // Reads the next key and its colon; false at the end of the object, which is consumed then.
  bool next_key(std::string_view& key);
  bool begin_array() noexcept;
  // True when another element follows; false at the end of the array, which is consumed then.
  bool next_element() noexcept;

  // The view points into the text, or into the store when the string has escapes.
  bool read_string(std::string_view& value);
  // What read_string() gave last was used up: TextStore::forget().
  void forget(std::string_view value) noexcept { store_->forget(value); }
  // What is read while it lives is used up at its end.
  [[nodiscard]] TextStore::Moment moment() noexcept { return TextStore::Moment(*store_); }
  bool read_bool(bool& value) noexcept;
  bool read_null() noexcept;
  bool read_number(JsonNumber& number) noexcept;
  // Reads elements of the innermost array, begun already, for as long as they are numbers; store(const JsonNumber&)
  // gets each. The fast way through a tensor: one loop without a call per element.
  template <typename Store>
  NumberRun read_numbers(Store&& store);
  // Reads one value of any kind, checking all of it. Keeps none of its texts.
  bool skip();
  // The value of a member that nobody wants, whose key was given last and is not needed any more.
  bool skip_member(std::string_view key);
  // True when nothing but white space is left.
  bool finish() noexcept;

  [[nodiscard]] bool ok() const noexcept { return error_ == JsonError::kNone; }
  [[nodiscard]] JsonError error() const noexcept { return error_; }
  // Always false, so that a caller can write: return reader.fail(...).
  bool fail(JsonError error) noexcept {
    if (error_ == JsonError::kNone) error_ = error;
    return false;
  }
  // Bytes not read yet: no more elements can follow than this.
  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] const char* position() const noexcept { return at_; }
  [[nodiscard]] int depth() const noexcept { return depth_; }

 private:
  static const char* skip_space(const char* at, const char* end) noexcept {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }
  void skip_space() noexcept { at_ = skip_space(at_, end_); }
  // True when the next byte is c, which is consumed then.
  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool begin(char open, JsonKind kind) noexcept;
  bool end_container() noexcept;
  bool expect(JsonKind kind) noexcept;
  bool take_word(std::string_view word) noexcept;
  bool unescape(const char* begin, const char* end, std::string_view& value);

  const char* at_;
  const char* end_;
  TextStore* store_;
  int depth_ = 0;
  bool fresh_ = false;  // a container was opened and nothing was read of it yet
  JsonError error_ = JsonError::kNone;
};

template <typename Store>
NumberRun JsonReader::read_numbers(Store&& store) {
  if (!ok()) return NumberRun::kError;
  JsonNumber number;
  bool first = fresh_;
  const char* const end = end_;
  const char* at = at_;
  fresh_ = false;
  for (;;) {
    at = skip_space(at, end);
    if (at != end && *at == ']') {
      at_ = at + 1;
      --depth_;
      return NumberRun::kArrayEnd;
    }
    if (!first) {
      if (at == end || *at != ',') {
        at_ = at;
        fail(JsonError::kSyntax);
        return NumberRun::kError;
      }
      at = skip_space(at + 1, end);
    }
    const char* const next = scan_number(at, end, number);
    if (!next) {
      at_ = at;
      return NumberRun::kOther;
    }
    store(static_cast<const JsonNumber&>(number));
    at = next;
    first = false;
  }
}

}  // namespace ocelli::json

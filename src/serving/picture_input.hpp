// Encoded pictures as input of a numeric model (KServe BYTES, TensorFlow DT_STRING; spec 3.5).
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "image/preprocess.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/charged_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::serving {

// True for inputs that take pictures: four dimensions, or five with a second one of extent 1 (under a demultiplexer),
// of a type that pixels convert to.
bool takes_pictures(const TensorSpec& spec) noexcept;

// What can be told of pictures before one of them is decoded: whether they begin as pictures do, and whether they
// become too large for a model whose picture size is fixed. Errors: as decode_pictures() has them. Thread-safe.
Status check_pictures(std::string_view name, const TensorSpec& spec, const std::vector<std::string_view>& files);

// What decode_pictures() works with.
struct PictureWork {
  ChargedPool pool;                                // for the tensor; decoded pictures are the processor's own
  image::Preprocessor& processor;                  // on the CPU or on a card
  std::function<Status()> still_wanted = nullptr;  // asked before each picture; an error ends the work
};

// encoded: packed strings of shape (N), each a file that image::decode() reads. Returns the tensor that the model
// takes: colour in BGR order, 8-bit values converted without scaling, resized (bilinear) to the model's height and
// width, which are clamped when they are ranges; where one is open the first picture's size holds and all pictures must
// agree. Packed as the model's layout says; a layout that does not name C, H and W is read from the shape (three
// channels or one in second place: NCHW), else it is NHWC as OVMS has it. Takes tens of milliseconds: not for network
// threads. Errors: kInvalidArgument with OVMS's texts, and what still_wanted says. Throws std::bad_alloc. Thread-safe.
Result<Tensor> decode_pictures(std::string_view name, const TensorSpec& spec, const TensorView& encoded,
                               const PictureWork& work);

}  // namespace ocelli::serving

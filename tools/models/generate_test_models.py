#!/usr/bin/env python3
"""Writes the small models that the tests run, each as ONNX, as OpenVINO IR, as TensorFlow Lite (where that can say it) and as a simulated
signature: OUT/NAME/model.{onnx,xml,bin,tflite}, OUT/NAME/simulated.json. Needs the wheels onnx, openvino and tflite. Does nothing when OUT is up to date."""
import argparse
import hashlib
import json
import pathlib
import re
import sys

import numpy

import tflite_writer

KSERVE = {"bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16",
          "uint32": "UINT32", "uint64": "UINT64", "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64", "string": "BYTES"}
OPENVINO = {"bool": "boolean", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32",
            "uint64": "u64", "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64", "string": "string"}


def onnx_type(name):
    import onnx
    names = {"float32": "FLOAT", "float64": "DOUBLE"}
    return getattr(onnx.TensorProto, names.get(name, name.upper()))


class Writer:
    """Writes one model in all its forms. Tensors are (name, type, shape); a shape's entries are numbers or names of open dimensions."""

    def __init__(self, out):
        self.out = out

    def folder(self, name):
        folder = self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def onnx(self, name, nodes, inputs, outputs, weights=(), metadata=None, opset=17):
        import onnx
        values = [[onnx.helper.make_tensor_value_info(n, onnx_type(t), list(s)) for n, t, s in tensors] for tensors in (inputs, outputs)]
        graph = onnx.helper.make_graph(nodes, name, *values, [onnx.numpy_helper.from_array(a, n) for n, a in weights])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
        onnx.helper.set_model_props(model, metadata or {})
        onnx.checker.check_model(model)
        onnx.save(model, str(self.folder(name) / "model.onnx"))

    def openvino(self, name, build, inputs, rt_info=None):
        """build(parameters) gives the outputs as (name, node) or the results and sinks of a stateful model."""
        import openvino
        from openvino import opset15
        parameters = []
        for tensor, kind, shape in inputs:
            extents = openvino.PartialShape([e if isinstance(e, int) else -1 for e in shape])
            parameter = opset15.parameter(extents, getattr(openvino.Type, OPENVINO[kind]), name=tensor)
            parameter.output(0).set_names({tensor})
            parameters.append(parameter)
        outputs, sinks = build(parameters)
        results = []
        for tensor, node in outputs:
            result = opset15.result(node)
            result.output(0).set_names({tensor})
            results.append(result)
        model = openvino.Model(results, sinks, parameters, name) if sinks else openvino.Model(results, parameters, name)
        for path, value in (rt_info or {}).items():
            model.set_rt_info(value, list(path))
        openvino.save_model(model, str(self.folder(name) / "model.xml"), compress_to_fp16=False)

    def tflite(self, name, inputs, outputs, operators, weights=()):
        """operators: (kind, inputs, outputs, options); what is neither input, output nor weight has the first input's type and shape."""
        model = tflite_writer.TfliteModel()
        for tensor, kind, shape in (*inputs, *outputs):
            # Readers want a scale for 8 bits.
            model.tensor(tensor, kind, shape, scale=1.0 if kind in ("int8", "uint8") else None)
        for tensor, values in weights:
            model.tensor(tensor, values.dtype.name, values.shape, values)
        for kind, ins, outs, options in operators:
            for tensor in outs:
                if tensor not in model.tensors:
                    model.tensor(tensor, *inputs[0][1:])
            model.operator(kind, ins, outs, options)
        model.save(self.folder(name) / "model.tflite", [i[0] for i in inputs], [o[0] for o in outputs])

    def simulated(self, name, inputs, outputs):
        def tensors(values):
            return [{"name": n, "type": KSERVE[t], "shape": [e if isinstance(e, int) else -1 for e in s]} for n, t, s in values]
        text = json.dumps({"inputs": tensors(inputs), "outputs": tensors(outputs)}, indent=1)
        (self.folder(name) / "simulated.json").write_text(text)


def identity(writer, name, kind, shape):
    import onnx
    from openvino import opset15
    inputs, outputs = [("x", kind, shape)], [("y", kind, shape)]
    writer.onnx(name, [onnx.helper.make_node("Identity", ["x"], ["y"])], inputs, outputs)

    def build(parameters):
        # An operation between, so that the two tensors have names of their own; there is none for strings.
        return [("y", parameters[0] if kind == "string" else opset15.reshape(parameters[0], numpy.array(shape), False))], []

    writer.openvino(name, build, inputs)
    if kind != "bfloat16":
        extents = [e if isinstance(e, int) else 1 for e in shape]
        writer.tflite(name, inputs, outputs, [("RESHAPE", ["x"], ["y"], extents)])
    writer.simulated(name, inputs, outputs)


def wide_to_float(writer):
    """y = x, an INT64, as FP32, in which values keep their size that do not fit 32 bits of integer."""
    from openvino import opset15
    writer.openvino("wide_to_float", lambda p: ([("y", opset15.convert(p[0], "f32"))], []), [("x", "int64", (2, 3))])


def rectifier(writer, name, shape):
    """y = max(x, 0): for positive numbers the identity, but computed."""
    import onnx
    from openvino import opset15
    inputs, outputs = [("x", "float32", shape)], [("y", "float32", shape)]
    metadata = {"author": "ocelli"}
    writer.onnx(name, [onnx.helper.make_node("Relu", ["x"], ["y"])], inputs, outputs, metadata=metadata)
    writer.openvino(name, lambda p: ([("y", opset15.relu(p[0]))], []), inputs, {("model_info", "labels"): "a b c", ("model_info", "sub", "depth"): "2"})
    writer.tflite(name, inputs, outputs, [("RELU", ["x"], ["y"], None)])
    writer.simulated(name, inputs, outputs)


def sum_of_two(writer):
    import onnx
    from openvino import opset15
    inputs, outputs = [("a", "float32", ("rows_a", 4)), ("b", "float32", ("rows_b", 4))], [("sum", "float32", ("rows", 4))]
    writer.onnx("sum", [onnx.helper.make_node("Add", ["a", "b"], ["sum"])], inputs, outputs)
    writer.openvino("sum", lambda p: ([("sum", opset15.add(p[0], p[1]))], []), inputs)
    writer.tflite("sum", inputs, outputs, [("ADD", ["a", "b"], ["sum"], None)])
    writer.simulated("sum", inputs, outputs)


def slow(writer, side):
    """A fifth of a second of matrix products (with 768 rows) and hardly a weight, for cancellation."""
    import onnx
    from openvino import opset15
    steps = 30
    inputs, outputs = [("x", "float32", (side, side))], [("y", "float32", (side, side))]
    nodes, last = [], "x"
    for step in range(steps):
        product = f"p{step}"
        nodes.append(onnx.helper.make_node("MatMul", [last, "x"], [product]))
        last = f"t{step}"
        nodes.append(onnx.helper.make_node("Tanh", [product], [last]))
    nodes.append(onnx.helper.make_node("Identity", [last], ["y"]))
    writer.onnx("slow", nodes, inputs, outputs)

    def build(parameters):
        node = parameters[0]
        for _ in range(steps):
            node = opset15.tanh(opset15.matmul(node, parameters[0], False, False))
        return [("y", node)], []

    writer.openvino("slow", build, inputs)
    # TensorFlow Lite has no product of two inputs that every reader takes: here it is the tangents that take the time.
    names = ["x", *[f"t{step}" for step in range(steps - 1)], "y"]
    writer.tflite("slow", inputs, outputs, [("TANH", [a], [b], None) for a, b in zip(names, names[1:])])
    writer.simulated("slow", inputs, outputs)


def heavy(writer):
    """4 MB of weights, for the memory that unloading gives back."""
    import onnx
    from openvino import opset15
    weight = numpy.random.default_rng(1).standard_normal((1024, 1024)).astype("float32")
    inputs, outputs = [("x", "float32", (1, 1024))], [("y", "float32", (1, 1024))]
    writer.onnx("heavy", [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], inputs, outputs, [("w", weight)])
    writer.openvino("heavy", lambda p: ([("y", opset15.matmul(p[0], opset15.constant(weight), False, False))], []), inputs)
    writer.tflite("heavy", inputs, outputs, [("FULLY_CONNECTED", ["x", "w", "b"], ["y"], None)],
                  [("w", numpy.ascontiguousarray(weight.T)), ("b", numpy.zeros(1024, "float32"))])
    writer.simulated("heavy", inputs, outputs)


def half_weights(writer):
    """FP16 weights and arithmetic as the file has it."""
    import onnx
    weight = numpy.eye(8, dtype="float16")
    inputs, outputs = [("x", "float16", (1, 8))], [("y", "float16", (1, 8))]
    writer.onnx("half", [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], inputs, outputs, [("w", weight)])


def quantized(writer):
    import onnx
    weight = (numpy.eye(8) * 64).astype("int8")
    scale = [("s", numpy.float32(1 / 64)), ("z", numpy.int8(0)), ("xs", numpy.float32(0.05)), ("xz", numpy.uint8(128))]
    nodes = [onnx.helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
             onnx.helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
             onnx.helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wd"]),
             onnx.helper.make_node("MatMul", ["xd", "wd"], ["y"])]
    inputs, outputs = [("x", "float32", ("batch", 8))], [("y", "float32", ("batch", 8))]
    writer.onnx("quantized", nodes, inputs, outputs, [("w", weight), *[(n, numpy.array(v)) for n, v in scale]])


def counter(writer):
    """A model with a variable: total += x, in IR only."""
    import openvino
    from openvino import opset15

    def build(parameters):
        info = "total"
        start = opset15.constant(numpy.zeros((1, 2), dtype="float32"))
        read = opset15.read_value(start, info, openvino.Type.f32, openvino.PartialShape([1, 2]))
        total = opset15.add(read, parameters[0])
        return [("total", total)], [opset15.assign(total, info)]

    writer.openvino("counter", build, [("x", "float32", (1, 2))])


def loop(writer):
    """A recurrent model: a loop over one step, in which total += x, in IR only. The loop begins with zeros each time it is run."""
    import openvino
    from openvino import opset15

    def build(parameters):
        step = opset15.parameter([1, 1, 2], openvino.Type.f32)
        before = opset15.parameter([1, 1, 2], openvino.Type.f32)
        total = opset15.add(step, before)
        iterator = opset15.tensor_iterator()
        iterator.set_body(openvino.Model([opset15.result(total)], [step, before], "body"))
        iterator.set_sliced_input(step, parameters[0].output(0), 0, 1, 1, -1, 1)
        iterator.set_merged_input(before, opset15.constant(numpy.zeros((1, 1, 2), dtype="float32")).output(0), total.output(0))
        return [("total", iterator.get_iter_value(total.output(0), -1))], []

    writer.openvino("loop", build, [("x", "float32", (1, 1, 2))])


def unnamed(writer):
    """An IR whose tensors have no names."""
    import openvino
    from openvino import opset15
    parameter = opset15.parameter([1, 2], openvino.Type.f32, name="in_node")
    model = openvino.Model([opset15.result(opset15.relu(parameter, name="out_node"))], [parameter], "unnamed")
    path = writer.folder("unnamed") / "model.xml"
    openvino.save_model(model, str(path), compress_to_fp16=False)
    # Saving makes up a name for the output.
    path.write_text(re.sub(r' (output_)?names="[^"]*"', "", path.read_text()))


def matrix_product(writer):
    """Enough arithmetic for the device to choose a precision of its own."""
    import onnx
    from openvino import opset15
    weight = numpy.random.default_rng(2).standard_normal((64, 64)).astype("float32")
    inputs, outputs = [("x", "float32", ("batch", 64))], [("y", "float32", ("batch", 64))]
    writer.onnx("product", [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], inputs, outputs, [("w", weight)])
    writer.openvino("product", lambda p: ([("y", opset15.matmul(p[0], opset15.constant(weight), False, False))], []), inputs)
    writer.simulated("product", inputs, outputs)


def widened(writer):
    """Little goes in and out, and 64 times as much lies in between."""
    import onnx
    from openvino import opset15
    weight = numpy.random.default_rng(3).standard_normal((64, 4096)).astype("float32")
    inputs, outputs = [("x", "float32", ("batch", 64))], [("y", "float32", ("batch", 1))]
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["wide"]), onnx.helper.make_node("ReduceMax", ["wide"], ["y"], axes=[1], keepdims=1)]
    writer.onnx("widened", nodes, inputs, outputs, [("w", weight)])

    def build(parameters):
        wide = opset15.matmul(parameters[0], opset15.constant(weight), False, False)
        return [("y", opset15.reduce_max(wide, opset15.constant(numpy.array([1], "int64")), True))], []

    writer.openvino("widened", build, inputs)


def kept_rows(writer):
    """The rows whose first number is above zero: how many they are hangs on what is in them. The ONNX file says that they are all."""
    import onnx
    from openvino import opset15
    inputs, outputs = [("x", "float32", ("batch", 4))], [("y", "float32", ("batch", 4))]
    nodes = [onnx.helper.make_node("Gather", ["x", "column"], ["first"], axis=1),
             onnx.helper.make_node("Greater", ["first", "zero"], ["kept"]),
             onnx.helper.make_node("Compress", ["x", "kept"], ["y"], axis=0)]
    weights = [("column", numpy.array(0, "int64")), ("zero", numpy.array(0, "float32"))]
    writer.onnx("kept_rows", nodes, inputs, outputs, weights)

    def build(parameters):
        first = opset15.gather(parameters[0], numpy.array(0, "int64"), numpy.array(1, "int64"))
        kept = opset15.non_zero(opset15.greater(first, numpy.array(0, "float32")), "i64")
        rows = opset15.reshape(kept, numpy.array([-1]), False)
        return [("y", opset15.gather(parameters[0], rows, numpy.array(0, "int64")))], []

    writer.openvino("kept_rows", build, inputs)


def first_three(writer):
    """At most the first three rows: for one and for three rows it looks as if the outputs followed the batch."""
    import onnx
    from openvino import opset15
    inputs, outputs = [("x", "float32", ("batch", 4))], [("y", "float32", ("batch", 4))]
    nodes = [onnx.helper.make_node("Slice", ["x", "begin", "end"], ["part"]), onnx.helper.make_node("Relu", ["part"], ["y"])]
    writer.onnx("first_three", nodes, inputs, outputs, [("begin", numpy.array([0])), ("end", numpy.array([3]))])

    def build(parameters):
        part = opset15.slice(parameters[0], numpy.array([0]), numpy.array([3]), numpy.array([1]), numpy.array([0]))
        return [("y", opset15.relu(part))], []

    writer.openvino("first_three", build, inputs)


def flat(writer):
    """All numbers in one row: the first dimension is not the batch."""
    import onnx
    from openvino import opset15
    inputs, outputs = [("x", "float32", ("batch", 4))], [("y", "float32", ("numbers",))]
    nodes = [onnx.helper.make_node("Reshape", ["x", "shape"], ["row"]), onnx.helper.make_node("Relu", ["row"], ["y"])]
    writer.onnx("flat", nodes, inputs, outputs, [("shape", numpy.array([-1]))])
    writer.openvino("flat", lambda p: ([("y", opset15.relu(opset15.reshape(p[0], numpy.array([-1]), False)))], []), inputs)


def two_rows(writer):
    """ONNX only: the file says that there are two rows whatever comes in, which is not so."""
    import onnx
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"])]
    writer.onnx("two_rows", nodes, [("x", "float32", ("batch", 4))], [("y", "float32", (2, 4))])


def two_ways(writer):
    """own = max(a, 0) by way of two products with many weights, sum = own + max(b, 0): whether a and b go together shows in the middle of a run."""
    import onnx
    from openvino import opset15
    wide = numpy.eye(4, 1024, dtype="float32")
    inputs = [("a", "float32", ("rows_a", 4)), ("b", "float32", ("rows_b", 4))]
    outputs = [("own", "float32", ("rows_a", 4)), ("sum", "float32", ("rows", 4))]
    node = onnx.helper.make_node
    nodes = [node("MatMul", ["a", "wide"], ["hidden"]), node("Relu", ["hidden"], ["kept"]), node("MatMul", ["kept", "narrow"], ["own"]),
             node("Relu", ["b"], ["other"]), node("Add", ["own", "other"], ["sum"])]
    writer.onnx("two_ways", nodes, inputs, outputs, [("wide", wide), ("narrow", wide.T.copy())])

    def build(parameters):
        hidden = opset15.relu(opset15.matmul(parameters[0], wide, False, False))
        own = opset15.matmul(hidden, wide.T.copy(), False, False)
        return [("own", own), ("sum", opset15.add(own, opset15.relu(parameters[1])))], []

    writer.openvino("two_ways", build, inputs)


def shape_of(writer):
    """TensorFlow Lite only: an operator that some readers lack."""
    writer.tflite("shape", [("x", "float32", (2, 3))], [("y", "int32", (2,))], [("SHAPE", ["x"], ["y"], None)])


def quantized_sum(writer):
    """TensorFlow Lite only: y = x + x in 8 bits, steps of 0.5 around 128."""
    model = tflite_writer.TfliteModel()
    model.tensor("x", "uint8", (1, 8), scale=0.5, zero_point=128)
    model.tensor("y", "uint8", (1, 8), scale=1.0, zero_point=128)
    model.operator("ADD", ["x", "x"], ["y"])
    model.save(writer.folder("quantized_sum") / "model.tflite", ["x"], ["y"])


def write_all(out, slow_rows):
    writer = Writer(out)
    for kind in KSERVE:
        identity(writer, f"identity_{kind}", kind, (2, 3) if kind != "string" else ("n",))
    wide_to_float(writer)
    extents = (2, 3, 1, 2, 3, 2)
    for rank in range(7):
        rectifier(writer, f"rank{rank}", extents[:rank])
    rectifier(writer, "row", (1, 64))
    rectifier(writer, "dynamic", ("batch", "width"))
    rectifier(writer, "picture", (1, 3, 4, 5))
    rectifier(writer, "fixed_batch", (1, 4))
    sum_of_two(writer)
    slow(writer, slow_rows)
    heavy(writer)
    half_weights(writer)
    quantized(writer)
    counter(writer)
    loop(writer)
    unnamed(writer)
    matrix_product(writer)
    widened(writer)
    kept_rows(writer)
    first_three(writer)
    flat(writer)
    two_rows(writer)
    two_ways(writer)
    shape_of(writer)
    quantized_sum(writer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="OUT", type=pathlib.Path)
    parser.add_argument("--slow_rows", type=int, default=768, help="rows of the model 'slow'; fewer for an emulated processor")
    wanted = parser.parse_args()
    out = wanted.folder
    sources = b"".join(pathlib.Path(file).read_bytes() for file in (__file__, tflite_writer.__file__))
    stamp, version = out / "stamp", hashlib.sha256(sources + str(wanted.slow_rows).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == version:
        return
    out.mkdir(parents=True, exist_ok=True)
    write_all(out, wanted.slow_rows)
    stamp.write_text(version)


if __name__ == "__main__":
    main()

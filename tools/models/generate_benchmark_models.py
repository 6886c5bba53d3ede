#!/usr/bin/env python3
"""Writes the models of the benchmarks into a repository of version folders: OUT/NAME/1/model.onnx (and IR for the no-op models).

  resnet50      ResNet-50 v1 (He et al. 2015, arXiv:1512.03385): FP32 [batch,3,224,224] -> [batch,1000], 25.6 million weights
  vit_b_32      visual tower of CLIP ViT-B/32 (Radford et al. 2021, arXiv:2103.00020): FP32 [batch,3,224,224] -> [batch,512], 87.8 million
  small, img    no-op: FP32 [1,16] and [1,150528] -> [1,1], the first element

The architectures are exact, the weights are random with a fixed seed and scaled so that activations stay finite: times are real, answers
are not. Usage: generate_benchmark_models.py OUT [--batch dynamic|N] [--only NAME,...]. Needs the wheels onnx and openvino."""
import argparse
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and weights of an ONNX graph."""

    def __init__(self, name, seed):
        self.name, self.nodes, self.weights = name, [], []
        self.random = numpy.random.default_rng(seed)

    def weight(self, array, dtype="float32"):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(numpy.asarray(array, dtype=dtype, order="C"), name))
        return name

    def normal(self, shape, deviation):
        return self.weight(self.random.standard_normal(shape, dtype="float32") * numpy.float32(deviation))

    def node(self, kind, inputs, **attributes):
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def save(self, path, inputs, outputs):
        for old, new in ((self.nodes[-1].output[0], outputs[0][0]),):
            self.nodes[-1].output[0] = new
            assert all(old not in node.input for node in self.nodes)
        values = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in tensors] for tensors in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, self.name, *values, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="ocelli")
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))


class ResNet50:
    """Bottlenecks of 3, 4, 6 and 3; the stride is in the first 1x1 convolution of a stage's first block, as in v1."""

    STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))

    def __init__(self, graph):
        self.graph = graph

    def convolution(self, x, channels_in, channels_out, kernel, stride, relu=True, gain=2.0):
        deviation = (gain / (channels_in * kernel * kernel)) ** 0.5  # He et al. 2015, arXiv:1502.01852
        weight = self.graph.normal((channels_out, channels_in, kernel, kernel), deviation)
        pad = kernel // 2
        x = self.graph.node("Conv", [x, weight], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
        ones, zeros = numpy.ones(channels_out), numpy.zeros(channels_out)
        x = self.graph.node("BatchNormalization", [x, *(self.graph.weight(v) for v in (ones, zeros, zeros, ones))], epsilon=1e-5)
        return self.graph.node("Relu", [x]) if relu else x

    def bottleneck(self, x, channels_in, width, stride):
        channels_out = width * 4
        y = self.convolution(x, channels_in, width, 1, stride)
        y = self.convolution(y, width, width, 3, 1)
        # A small last gain keeps the sum of sixteen blocks in range.
        y = self.convolution(y, width, channels_out, 1, 1, relu=False, gain=0.2)
        if channels_in != channels_out or stride != 1:
            x = self.convolution(x, channels_in, channels_out, 1, stride, relu=False, gain=1.0)
        return self.graph.node("Relu", [self.graph.node("Add", [y, x])])

    def build(self, x):
        x = self.convolution(x, 3, 64, 7, 2)
        x = self.graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        channels = 64
        for width, blocks, stride in self.STAGES:
            for block in range(blocks):
                x = self.bottleneck(x, channels, width, stride if block == 0 else 1)
                channels = width * 4
        x = self.graph.node("Flatten", [self.graph.node("GlobalAveragePool", [x])])
        return self.graph.node("Gemm", [x, self.graph.normal((1000, channels), 0.02), self.graph.weight(numpy.zeros(1000))], transB=1)


class ClipVitB32:
    """12 pre-norm layers of width 768 with 12 heads over 7x7 patches and a class token; QuickGELU; projection to 512."""

    WIDTH, LAYERS, HEADS, TOKENS, OUTPUT = 768, 12, 12, 50, 512

    def __init__(self, graph):
        self.graph = graph

    def norm(self, x):
        scale, bias = self.graph.weight(numpy.ones(self.WIDTH)), self.graph.weight(numpy.zeros(self.WIDTH))
        return self.graph.node("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-5)

    def linear(self, x, inputs, outputs, deviation):
        x = self.graph.node("MatMul", [x, self.graph.normal((inputs, outputs), deviation)])
        return self.graph.node("Add", [x, self.graph.weight(numpy.zeros(outputs))])

    def heads(self, x, order):
        shape = self.graph.weight([0, self.TOKENS, self.HEADS, self.WIDTH // self.HEADS], "int64")
        return self.graph.node("Transpose", [self.graph.node("Reshape", [x, shape])], perm=order)

    def attention(self, x):
        deviation = self.WIDTH ** -0.5
        query, key, value = (self.linear(x, self.WIDTH, self.WIDTH, deviation) for _ in range(3))
        query = self.graph.node("Mul", [query, self.graph.weight(numpy.float32((self.WIDTH // self.HEADS) ** -0.5))])
        scores = self.graph.node("MatMul", [self.heads(query, [0, 2, 1, 3]), self.heads(key, [0, 2, 3, 1])])
        mixed = self.graph.node("MatMul", [self.graph.node("Softmax", [scores], axis=-1), self.heads(value, [0, 2, 1, 3])])
        mixed = self.graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        mixed = self.graph.node("Reshape", [mixed, self.graph.weight([0, self.TOKENS, self.WIDTH], "int64")])
        return self.linear(mixed, self.WIDTH, self.WIDTH, deviation * (2 * self.LAYERS) ** -0.5)

    def perceptron(self, x):
        x = self.linear(x, self.WIDTH, 4 * self.WIDTH, (2 * self.WIDTH) ** -0.5)
        gate = self.graph.node("Sigmoid", [self.graph.node("Mul", [x, self.graph.weight(numpy.float32(1.702))])])
        return self.linear(self.graph.node("Mul", [x, gate]), 4 * self.WIDTH, self.WIDTH, self.WIDTH ** -0.5 * (2 * self.LAYERS) ** -0.5)

    def build(self, x):
        patch = self.graph.normal((self.WIDTH, 3, 32, 32), (3 * 32 * 32) ** -0.5)
        x = self.graph.node("Conv", [x, patch], kernel_shape=[32, 32], strides=[32, 32])
        x = self.graph.node("Reshape", [x, self.graph.weight([0, self.WIDTH, self.TOKENS - 1], "int64")])
        x = self.graph.node("Transpose", [x], perm=[0, 2, 1])
        # The class token, once per picture: a zero of the batch's extent times one row, plus the token.
        first = self.graph.node("Slice", [x, *(self.graph.weight([v], "int64") for v in (0, 1, 1))])
        token = self.graph.node("Add", [self.graph.node("Mul", [first, self.graph.weight(numpy.float32(0))]),
                                        self.graph.normal((1, 1, self.WIDTH), self.WIDTH ** -0.5)])
        x = self.graph.node("Concat", [token, x], axis=1)
        x = self.norm(self.graph.node("Add", [x, self.graph.normal((1, self.TOKENS, self.WIDTH), self.WIDTH ** -0.5)]))
        for _ in range(self.LAYERS):
            x = self.graph.node("Add", [x, self.attention(self.norm(x))])
            x = self.graph.node("Add", [x, self.perceptron(self.norm(x))])
        x = self.graph.node("Gather", [x, self.graph.weight(0, "int64")], axis=1)
        return self.graph.node("MatMul", [self.norm(x), self.graph.normal((self.WIDTH, self.OUTPUT), self.WIDTH ** -0.5)])


def write_network(path, network, output, batch):
    graph = Graph(path.parents[1].name, seed=20151210)
    network(graph).build("image")
    graph.save(path, [("image", [batch, 3, 224, 224])], [("output", [batch, output])])


def write_no_op(folder, name, width):
    """The first element, as a slice: the least that a runtime can be asked for."""
    graph = Graph(name, seed=0)
    graph.node("Slice", ["x", *(graph.weight([v], "int64") for v in (0, 1, 1))])
    graph.save(folder / f"{name}" / "1" / "model.onnx", [("x", [1, width])], [("y", [1, 1])])
    import openvino
    ir = folder / f"{name}_ir" / "1" / "model.xml"
    ir.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(openvino.convert_model(str(folder / name / "1" / "model.onnx")), str(ir), compress_to_fp16=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--batch", default="dynamic", help="dynamic (default) or a number")
    parser.add_argument("--only", default="resnet50,vit_b_32,small,img")
    arguments = parser.parse_args()
    batch = "batch" if arguments.batch == "dynamic" else int(arguments.batch)
    for name in arguments.only.split(","):
        if name == "resnet50":
            write_network(arguments.out / name / "1" / "model.onnx", ResNet50, 1000, batch)
        elif name == "vit_b_32":
            write_network(arguments.out / name / "1" / "model.onnx", ClipVitB32, ClipVitB32.OUTPUT, batch)
        elif name in ("small", "img"):
            write_no_op(arguments.out, name, 16 if name == "small" else 150528)
        else:
            parser.error(f"there is no model {name}")
        print(f"{name} written to {arguments.out / name}")


if __name__ == "__main__":
    main()

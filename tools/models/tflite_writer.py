"""Writes small TensorFlow Lite models out of a list of tensors and operators, with the schema of the wheel tflite."""
from importlib import import_module

import flatbuffers
import numpy
from tflite import ActivationFunctionType, BuiltinOperator, BuiltinOptions, TensorType

# The package's own names for these hide the modules with the writing functions.
AddOptions, Buffer, FullyConnectedOptions, Model, Operator, OperatorCode, QuantizationParameters, ReshapeOptions, SubGraph, Tensor = (
    import_module(f"tflite.{name}") for name in ("AddOptions", "Buffer", "FullyConnectedOptions", "Model", "Operator", "OperatorCode",
                                                 "QuantizationParameters", "ReshapeOptions", "SubGraph", "Tensor"))

TYPES = {"float32": TensorType.FLOAT32, "float16": TensorType.FLOAT16, "int32": TensorType.INT32,
         "uint8": TensorType.UINT8, "int64": TensorType.INT64, "string": TensorType.STRING,
         "bool": TensorType.BOOL, "int16": TensorType.INT16, "int8": TensorType.INT8,
         "float64": TensorType.FLOAT64, "uint64": TensorType.UINT64, "uint32": TensorType.UINT32,
         "uint16": TensorType.UINT16}
OPERATORS = {"RELU": BuiltinOperator.RELU, "TANH": BuiltinOperator.TANH,
             "RESHAPE": BuiltinOperator.RESHAPE, "ADD": BuiltinOperator.ADD,
             "FULLY_CONNECTED": BuiltinOperator.FULLY_CONNECTED, "SHAPE": BuiltinOperator.SHAPE}


class TfliteModel:
    """One graph. Tensors are named; a dimension that is a text is open and stands as 1, as converters write it."""

    def __init__(self):
        self.tensors, self.data, self.operators = {}, {}, []

    def tensor(self, name, kind, shape, values=None, scale=None, zero_point=0):
        """values: a constant's numpy array. scale and zero_point: of a quantized tensor."""
        self.tensors[name] = (kind, shape, values, scale, zero_point)
        return name

    def operator(self, kind, inputs, outputs, options=None):
        """options: for RESHAPE the new extents."""
        self.operators.append((kind, inputs, outputs, options))

    def save(self, path, inputs, outputs):
        builder = flatbuffers.Builder(1024)
        names = list(self.tensors)
        kinds = sorted({operator[0] for operator in self.operators})
        constants = [values for _, _, values, _, _ in self.tensors.values() if values is not None]
        buffers = [self._buffer(builder, None)] + [self._buffer(builder, values) for values in constants]
        tensors, next_buffer = [], 1
        for name in names:
            has_values = self.tensors[name][2] is not None
            tensors.append(self._tensor(builder, name, next_buffer if has_values else 0))
            next_buffer += has_values
        operators = [self._operator(builder, operator, names, kinds) for operator in self.operators]
        codes = [self._code(builder, kind) for kind in kinds]
        graph = self._graph(builder, tensors, operators, [names.index(n) for n in inputs], [names.index(n) for n in outputs])
        lists = [offsets(builder, Model.StartOperatorCodesVector, codes), offsets(builder, Model.StartSubgraphsVector, [graph]),
                 offsets(builder, Model.StartBuffersVector, buffers)]
        description = builder.CreateString("small model for tests")
        Model.Start(builder)
        Model.AddVersion(builder, 3)
        Model.AddOperatorCodes(builder, lists[0])
        Model.AddSubgraphs(builder, lists[1])
        Model.AddDescription(builder, description)
        Model.AddBuffers(builder, lists[2])
        builder.Finish(Model.End(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))

    @staticmethod
    def _buffer(builder, values):
        data = builder.CreateNumpyVector(numpy.frombuffer(values.tobytes(), "uint8")) if values is not None else None
        Buffer.Start(builder)
        if data is not None:
            Buffer.AddData(builder, data)
        return Buffer.End(builder)

    def _tensor(self, builder, name, buffer):
        kind, shape, _, scale, zero_point = self.tensors[name]
        extents = numbers(builder, Tensor.StartShapeVector, [e if isinstance(e, int) else 1 for e in shape])
        is_open = any(not isinstance(e, int) for e in shape)
        signature = numbers(builder, Tensor.StartShapeSignatureVector, [e if isinstance(e, int) else -1 for e in shape]) if is_open else None
        quantization = None
        if scale is not None:
            scales = builder.CreateNumpyVector(numpy.array([scale], "float32"))
            zero_points = builder.CreateNumpyVector(numpy.array([zero_point], "int64"))
            QuantizationParameters.Start(builder)
            QuantizationParameters.AddScale(builder, scales)
            QuantizationParameters.AddZeroPoint(builder, zero_points)
            quantization = QuantizationParameters.End(builder)
        text = builder.CreateString(name)
        Tensor.Start(builder)
        Tensor.AddShape(builder, extents)
        Tensor.AddType(builder, TYPES[kind])
        Tensor.AddBuffer(builder, buffer)
        Tensor.AddName(builder, text)
        if quantization is not None:
            Tensor.AddQuantization(builder, quantization)
        if signature is not None:
            Tensor.AddShapeSignature(builder, signature)
        return Tensor.End(builder)

    @staticmethod
    def _operator(builder, operator, names, kinds):
        kind, inputs, outputs, extents = operator
        ins = numbers(builder, Operator.StartInputsVector, [names.index(n) for n in inputs])
        outs = numbers(builder, Operator.StartOutputsVector, [names.index(n) for n in outputs])
        options, options_type = None, BuiltinOptions.NONE
        none = ActivationFunctionType.NONE
        if kind == "RESHAPE":
            shape = numbers(builder, ReshapeOptions.StartNewShapeVector, extents)
            ReshapeOptions.Start(builder)
            ReshapeOptions.AddNewShape(builder, shape)
            options, options_type = ReshapeOptions.End(builder), BuiltinOptions.ReshapeOptions
        elif kind == "ADD":
            AddOptions.Start(builder)
            AddOptions.AddFusedActivationFunction(builder, none)
            options, options_type = AddOptions.End(builder), BuiltinOptions.AddOptions
        elif kind == "FULLY_CONNECTED":
            FullyConnectedOptions.Start(builder)
            FullyConnectedOptions.AddFusedActivationFunction(builder, none)
            options, options_type = FullyConnectedOptions.End(builder), BuiltinOptions.FullyConnectedOptions
        Operator.Start(builder)
        Operator.AddOpcodeIndex(builder, kinds.index(kind))
        Operator.AddInputs(builder, ins)
        Operator.AddOutputs(builder, outs)
        Operator.AddBuiltinOptionsType(builder, options_type)
        if options is not None:
            Operator.AddBuiltinOptions(builder, options)
        return Operator.End(builder)

    @staticmethod
    def _code(builder, kind):
        OperatorCode.Start(builder)
        OperatorCode.AddDeprecatedBuiltinCode(builder, OPERATORS[kind])
        OperatorCode.AddBuiltinCode(builder, OPERATORS[kind])
        OperatorCode.AddVersion(builder, 1)
        return OperatorCode.End(builder)

    @staticmethod
    def _graph(builder, tensors, operators, inputs, outputs):
        tensor_list = offsets(builder, SubGraph.StartTensorsVector, tensors)
        operator_list = offsets(builder, SubGraph.StartOperatorsVector, operators)
        ins = numbers(builder, SubGraph.StartInputsVector, inputs)
        outs = numbers(builder, SubGraph.StartOutputsVector, outputs)
        SubGraph.Start(builder)
        SubGraph.AddTensors(builder, tensor_list)
        SubGraph.AddInputs(builder, ins)
        SubGraph.AddOutputs(builder, outs)
        SubGraph.AddOperators(builder, operator_list)
        return SubGraph.End(builder)


def numbers(builder, start, values):
    start(builder, len(values))
    for value in reversed(values):
        builder.PrependInt32(value)
    return builder.EndVector()


def offsets(builder, start, values):
    start(builder, len(values))
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return builder.EndVector()

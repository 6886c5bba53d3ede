#include <cstring>
#include <limits>

#include "protocols/rest_router/router_fixture.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::rest {
namespace {

class TfservingTest : public RouterTest {
 protected:
  // A model that answers with its inputs, each under its own name in capital letters, so that outputs are as many.
  void add_echo(const std::string& name, std::vector<TensorSpec> inputs) {
    serving::ServableMetadata metadata;
    metadata.name = name;
    metadata.inputs = inputs;
    metadata.outputs = std::move(inputs);
    catalog.add(std::make_shared<test::FakeServable>(metadata, [this](serving::InferenceCall& call) {
      seen.clear();
      for (const auto& input : call.inputs) {
        seen.push_back(std::string(input.name) + input.tensor.view.shape.to_string() +
                       std::string(kserve_name(input.tensor.view.type)));
        call.outputs.push_back({input.name, input.tensor, false});
      }
    }));
  }
  static TensorSpec spec(const std::string& name, DataType type, const Shape& shape) {
    return {name, type, PartialShape::from(shape), ""};
  }

  std::vector<std::string> seen;
};

constexpr const char* kRowReply = R"(200 {
    "predictions": [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]]
})";
constexpr const char* kColumnReply = R"(200 {
    "outputs": [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]]
})";

TEST_F(TfservingTest, TakesTheFourFormsOfTheSpecification) {
  EXPECT_EQ(posted("/v1/models/dummy:predict",
                   R"({"signature_name":"serving_default","instances":[{"b":[0,1,2,3,4,5,6,7,8,9]}]})"),
            kRowReply);
  EXPECT_EQ(
      posted("/v1/models/dummy:predict", R"({"signature_name":"serving_default","instances":[[0,1,2,3,4,5,6,7,8,9]]})"),
      kRowReply);
  EXPECT_EQ(posted("/v1/models/dummy:predict",
                   R"({"signature_name":"serving_default","inputs":{"b":[[0,1,2,3,4,5,6,7,8,9]]}})"),
            kColumnReply);
  EXPECT_EQ(posted("/v1/models/dummy/versions/1:predict",
                   R"({"signature_name":"serving_default","inputs":[[0,1,2,3,4,5,6,7,8,9]]})"),
            kColumnReply);
  EXPECT_EQ(post("/v1/models/dummy/labels/stable:predict", R"({"inputs":[[0,1,2,3,4,5,6,7,8,9]]})").status, 200)
      << "labels are passed over";
}

TEST_F(TfservingTest, WritesSeveralOutputs) {
  add_echo("two", {spec("x", DataType::kFp32, {2, 2}), spec("y", DataType::kInt64, {2})});
  EXPECT_EQ(posted("/v1/models/two:predict", R"({"instances":[{"x":[1,2],"y":3},{"y":5,"x":[4,0.5]}]})"), R"(200 {
    "predictions": [{
            "x": [1.0, 2.0],
            "y": 3
        }, {
            "x": [4.0, 0.5],
            "y": 5
        }]
})");
  EXPECT_EQ(posted("/v1/models/two:predict", R"({"inputs":{"x":[[1,2],[4,0.5]],"y":[3,5]}})"), R"(200 {
    "outputs": {
        "x": [[1.0, 2.0], [4.0, 0.5]],
        "y": [3, 5]
    }
})");
}

TEST_F(TfservingTest, FindsShapes) {
  add_echo("any", {spec("x", DataType::kFp32, {1})});
  add_echo("scalar", {spec("x", DataType::kFp32, {})});
  const auto shape = [&](const std::string& model, const std::string& body) {
    EXPECT_EQ(post("/v1/models/" + model + ":predict", body).status, 200) << body;
    return seen.at(0);
  };
  EXPECT_EQ(shape("any", R"({"inputs":[[[1,2,3],[4,5,6]]]})"), "x(1,2,3)FP32");
  EXPECT_EQ(shape("any", R"({"inputs":[[],[]]})"), "x(2,0)FP32");
  EXPECT_EQ(shape("any", R"({"inputs":5})"), "x(1)FP32");
  EXPECT_EQ(shape("scalar", R"({"inputs":5})"), "x()FP32");
  EXPECT_EQ(shape("any", R"({"instances":[1,2,3]})"), "x(3)FP32");
  EXPECT_EQ(shape("any", R"({"instances":[{"x":1},{"x":2}]})"), "x(2)FP32");
  EXPECT_EQ(shape("any", R"({"instances":[{"x":[[1],[2]]}]})"), "x(1,2,1)FP32");
  EXPECT_EQ(shape("any", R"({"inputs":{"x":"text"}})"), "x(1)BYTES");
  EXPECT_EQ(shape("any", R"({"instances":["a","b"]})"), "x(2)BYTES");
  EXPECT_EQ(shape("any", R"({"instances":[{"b64":"YQ=="},{"b64":"Yg"}]})"), "x(2)BYTES");
  EXPECT_EQ(shape("any", R"({"inputs":{"b64":"YQ=="}})"), "x(1)BYTES");
  EXPECT_EQ(shape("any", R"({"inputs":{"x":[{"b64":"YQ=="}]}})"), "x(1)BYTES");
  EXPECT_EQ(shape("any", R"({"instances":[{"x":{"b64":"YQ=="}},{"x":{"b64":""}}]})"), "x(2)BYTES");
}

TEST_F(TfservingTest, CastsToTheTypeOfTheModel) {
  const auto echo = [&](DataType type, const std::string& values) {
    add_echo("m", {spec("x", type, {1})});
    return posted("/v1/models/m:predict", R"({"inputs":)" + values + "}");
  };
  const auto good = [](const std::string& values) { return "200 {\n    \"outputs\": " + values + "\n}"; };
  EXPECT_EQ(echo(DataType::kInt32, "[1.9,-1.9,2e2]"), good("[1, -1, 200]"));
  EXPECT_EQ(echo(DataType::kUint8, "[0,255,255.5]"), good("[0, 255, 255]"));
  EXPECT_EQ(echo(DataType::kInt8, "[-128,127]"), good("[-128, 127]"));
  EXPECT_EQ(echo(DataType::kInt64, "[9223372036854775807,-9223372036854775808]"),
            good("[9223372036854775807, -9223372036854775808]"));
  EXPECT_EQ(echo(DataType::kUint64, "[18446744073709551615]"), good("[18446744073709551615]"));
  EXPECT_EQ(echo(DataType::kFp64, "[0.1]"), good("[0.1]"));
  EXPECT_EQ(echo(DataType::kFp16, "[0.1,65504,1e-8]"), good("[0.099975586, 65504.0, 0.0]"));
  EXPECT_EQ(echo(DataType::kBf16, "[3.14159]"), good("[3.140625]"));
  EXPECT_EQ(echo(DataType::kBool, "[true,false,1,0]"), good("[true, false, true, false]"));
  EXPECT_EQ(echo(DataType::kString, R"(["a\u00e9"])"), good("[\"a\xC3\xA9\"]"));
  EXPECT_EQ(echo(DataType::kString, R"([{"b64":"/w=="}])"), good(R"([{"b64": "/w=="}])"));
  for (const auto& [type, value] :
       std::initializer_list<std::pair<DataType, const char*>>{{DataType::kUint8, "256"},
                                                               {DataType::kUint8, "-1"},
                                                               {DataType::kUint8, "256.0"},
                                                               {DataType::kInt8, "-129"},
                                                               {DataType::kInt32, "2147483648.0"},
                                                               {DataType::kInt64, "9223372036854775808"},
                                                               {DataType::kInt64, "1e19"},
                                                               {DataType::kUint64, "1e20"},
                                                               {DataType::kFp32, "1e39"},
                                                               {DataType::kFp16, "65520"},
                                                               {DataType::kBf16, "3.4e38"},
                                                               {DataType::kFp32, "true"},
                                                               {DataType::kString, "1"},
                                                               {DataType::kFp32, "null"}}) {
    const auto reply = echo(type, std::string("[") + value + "]");
    EXPECT_EQ(reply, R"(400 {"error":"Could not parse input content. Not valid ndarray detected - Expected: )" +
                         std::string(precision_name(type)) + " values; Actual: " + value +
                         R"( at element 0; input name: x"})")
        << value;
  }
}

TEST_F(TfservingTest, NamesTheErrorsOfTheSpecification) {
  const auto error = [&](const std::string& body) { return posted("/v1/models/dummy:predict", body); };
  const std::string kRagged =
      R"( - Expected: arrays of equal lengths and depths, of one kind of values; input name: b"})";
  EXPECT_EQ(error("{"), R"(412 {"error":"The file is not valid json"})");
  EXPECT_EQ(error("[]"), R"(400 {"error":"Request body should be JSON object"})");
  EXPECT_EQ(error(R"({"instances":[]})"), R"(400 {"error":"Invalid JSON structure. Missing instances in row format"})");
  EXPECT_EQ(error(R"({"inputs":[[0]],"instances":[[0]]})"),
            R"(400 {"error":"Invalid JSON structure. Could not detect row or column format"})");
  EXPECT_EQ(error(R"({"instances":[[0]],"instances":[[0]]})"),
            R"(400 {"error":"Invalid JSON structure. instances given twice"})");
  EXPECT_EQ(error(R"({"inputs":[[0]],"inputs":[[0]]})"),
            R"(400 {"error":"Invalid JSON structure. inputs given twice"})");
  EXPECT_EQ(
      error(R"({"instances":[{"b":[0],"b":[1]},{}]})"),
      R"(400 {"error":"Could not parse instance content. Not valid ndarray detected - Input given twice; input name: b"})");
  EXPECT_EQ(error("{}"), R"(400 {"error":"Invalid JSON structure. Could not detect row or column format"})");
  EXPECT_EQ(error(R"({"instances":3})"),
            R"(400 {"error":"Invalid JSON structure. Could not detect row or column format"})");
  EXPECT_EQ(error(R"({"inputs":{}})"), R"(400 {"error":"Invalid JSON structure, missing inputs"})");
  EXPECT_EQ(error(R"({"inputs":null})"), R"(400 {"error":"Invalid JSON structure, missing inputs"})");
  EXPECT_EQ(error(R"({"instances":[null]})"),
            R"(400 {"error":"Invalid JSON structure. Nonamed instance is not an array."})");
  EXPECT_EQ(error(R"({"instances":[[0,1],[2]]})"),
            R"(400 {"error":"Could not parse instance content. Not valid ndarray detected)" + kRagged);
  EXPECT_EQ(error(R"({"instances":[{"b":[0]},{"b":[0,1]}]})"),
            R"(400 {"error":"Could not parse instance content. Not valid ndarray detected)" + kRagged);
  EXPECT_EQ(error(R"({"inputs":[[0,1],[2]]})"),
            R"(400 {"error":"Could not parse input content. Not valid ndarray detected)" + kRagged);
  for (const char* ragged : {"[1,[2]]", "[[1],2]", "[[],[1]]", "[[1],[]]", "[[[1]],[2]]", "[[1],[[2]]]", "[1,\"a\"]",
                             "[\"a\",1]", "[[],1]"}) {
    EXPECT_EQ(post("/v1/models/dummy:predict", std::string(R"({"inputs":)") + ragged + "}").status, 400) << ragged;
  }
  EXPECT_EQ(
      error(R"({"instances":[{"b":[0]},{}]})"),
      R"(400 {"error":"Invalid JSON structure. Request inputs have different batch sizes - Expected: 2; Actual: 1; input name: b"})");
  EXPECT_EQ(
      error(R"({"instances":[{"a":[1]},{"a":[1],"b":[5],"b":[6]}]})"),
      R"(400 {"error":"Invalid JSON structure. Request inputs have different batch sizes - Expected: 1; Actual: 0; input name: b"})")
      << "the second must not make up for what the first instance lacks";
  EXPECT_EQ(error(R"({"inputs":[[NaN]]})"),
            R"(412 {"error":"The file is not valid json - NaN and Infinity are no JSON numbers"})");
  EXPECT_EQ(
      post("/v1/models/dummy:predict", R"({"inputs":)" + std::string(200, '[') + std::string(200, ']') + "}").status,
      400);
  EXPECT_EQ(post("/v1/models/dummy:predict", R"({"inputs":[[0]]} x)").status, 412);
  EXPECT_EQ(post("/v1/models/dummy:predict", R"({"inputs":{"b":[0],"b":[1]}})").status, 400);
  EXPECT_EQ(post("/v1/models/dummy:predict", R"({"instances":[{"b64":"%%%%"}]})").status, 400);
  add_echo("two", {spec("x", DataType::kFp32, {1}), spec("y", DataType::kFp32, {1})});
  EXPECT_TRUE(posted("/v1/models/two:predict", R"({"inputs":[1]})")
                  .starts_with(R"(400 {"error":"Inputs inside buffer does not match expected format.)"));

  EXPECT_EQ(posted("/v1/models/none:predict", "{"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v1/models/none"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v1/models"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v1/models/none/metadata"), R"(404 {"error":"Model with requested name is not found"})");
  EXPECT_EQ(got("/v1/models/dummy/versions/9"), R"(404 {"error":"Model with requested version is not found"})");
  EXPECT_EQ(got("/v1/models/dummy:predict"), R"(406 {"error":"Unsupported method"})");
  EXPECT_EQ(posted("/v1/models/dummy:classify", "{}"), R"(404 {"error":"Requested REST resource not found"})");
  EXPECT_EQ(posted("/v1/models/dummy/versions/1:regress", "{}"),
            R"(404 {"error":"Requested REST resource not found"})");
  EXPECT_EQ(got("/v1/models/dummy:explain"), R"(400 {"error":"Invalid request URL"})");
}

TEST_F(TfservingTest, SaysWhichValueIsWrong) {
  const auto wrong = [&](const std::string& body) {
    const auto text = posted("/v1/models/dummy:predict", body);
    return text.substr(std::min(text.size(), text.find(" - ")));
  };
  EXPECT_EQ(wrong(R"({"inputs":[[0,1,1e39,3]]})"),
            R"( - Expected: FP32 values; Actual: 1e39 at element 2; input name: b"})");
  EXPECT_EQ(wrong(R"({"instances":[{"b":[0,true]}]})"),
            R"( - Expected: FP32 values; Actual: true at element 1; input name: b"})");
  EXPECT_EQ(wrong(R"({"inputs":{"b":[[0,null]]}})"),
            R"( - Expected: FP32 values; Actual: null at element 1; input name: b"})");
  EXPECT_EQ(wrong(R"({"inputs":{"b":[[0]],"sequence_id":[1.5]}})"),
            R"( - Expected: UINT64 values; Actual: 1.5 at element 0; input name: sequence_id"})")
      << "no other sequence than the one that was meant";
  EXPECT_EQ(wrong(R"({"inputs":{"b":{"b64":"%"}}})"),
            R"( - Expected: {\"b64\": \"...\"} with base64 text, where an object stands; input name: b"})");
  EXPECT_EQ(wrong(R"({"inputs":{"b":[[0]],"b":[[0]]}})"), R"( - Input given twice; input name: b"})");
}

TEST_F(TfservingTest, WhatAnUnknownInputHoldsMakesNoDifference) {
  for (const char* value : {"true", "[[1,2],[3]]", "null", "\"x\"", "{\"y\":1}", "[1,\"a\"]"}) {
    // The model, which refuses it for its name, is asked.
    const int calls = dummy->calls();
    post("/v1/models/dummy:predict", std::string(R"({"inputs":{"zz":)") + value + "}}");
    post("/v1/models/dummy:predict", std::string(R"({"instances":[{"zz":)") + value + "}]}");
    EXPECT_EQ(dummy->calls(), calls + 2) << value;
  }
  EXPECT_EQ(post("/v1/models/dummy:predict", R"({"inputs":{"zz":[1,}})").status, 412);
}

TEST_F(TfservingTest, InventedInputsAreNotAllRead) {
  std::string names;
  for (int i = 0; i < 17; ++i) names += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":[0]";
  const std::string refusal = R"(400 {"error":"Invalid number of inputs - Expected: 1; Actual: more than 17"})";
  EXPECT_EQ(posted("/v1/models/dummy:predict", R"({"inputs":{)" + names + R"(,"x":[0]}})"), refusal);
  EXPECT_EQ(posted("/v1/models/dummy:predict", R"({"instances":[{)" + names + R"(,"x":[0]}]})"), refusal);
  EXPECT_NE(posted("/v1/models/dummy:predict", R"({"inputs":{)" + names + "}}"), refusal)
      << "a few are left to the servable, which counts them";
}

TEST_F(TfservingTest, RowFormatNeedsACommonFirstExtent) {
  auto metadata = dummy->metadata();
  metadata.name = "mixed";
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall& call) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    call.outputs.push_back({"x", test::make_tensor(DataType::kFp32, {2, 3}, values, 24), false});
    call.outputs.push_back({"y", test::make_tensor(DataType::kFp32, {3}, values, 12), false});
  }));
  EXPECT_EQ(post("/v1/models/mixed:predict", R"({"instances":[[0]]})").status, 400);
  EXPECT_EQ(post("/v1/models/mixed:predict", R"({"inputs":[[0]]})").status, 200);
}

TEST_F(TfservingTest, DescribesAModel) {
  EXPECT_EQ(got("/v1/models/dummy"),
            "200 {\n \"model_version_status\": [\n  {\n   \"version\": \"1\",\n   \"state\": \"AVAILABLE\",\n   "
            "\"status\": {\n"
            "    \"error_code\": \"OK\",\n    \"error_message\": \"OK\"\n   }\n  }\n ]\n}");
  EXPECT_EQ(got("/v1/models/dummy/versions/1"), got("/v1/models/dummy"));
  EXPECT_EQ(got("/v1/models/dummy/labels/any"), got("/v1/models/dummy"));
  const auto tensor = [](const std::string& name) {
    return "      \"" + name +
           "\": {\n       \"dtype\": \"DT_FLOAT\",\n       \"tensorShape\": {\n        \"dim\": [\n         {\n        "
           "  \"size\": \"1\",\n"
           "          \"name\": \"\"\n         },\n         {\n          \"size\": \"10\",\n          \"name\": \"\"\n "
           "        }\n        ],\n"
           "        \"unknownRank\": false\n       },\n       \"name\": \"" +
           name + "\"\n      }\n";
  };
  EXPECT_EQ(got("/v1/models/dummy/metadata"),
            "200 {\n \"modelSpec\": {\n  \"name\": \"dummy\",\n  \"signatureName\": \"\",\n  \"version\": \"1\"\n },\n "
            "\"metadata\": {\n  \"signature_def\": {\n"
            "   \"@type\": \"type.googleapis.com/tensorflow.serving.SignatureDefMap\",\n   \"signatureDef\": {\n    "
            "\"serving_default\": {\n     \"inputs\": {\n" +
                tensor("b") + "     },\n     \"outputs\": {\n" + tensor("a") +
                "     },\n     \"methodName\": \"\"\n    }\n   }\n  }\n }\n}");
}

TEST_F(TfservingTest, CountsRequestsByMethod) {
  using observability::Method;
  post("/v1/models/dummy:predict", R"({"inputs":[[0,1,2,3,4,5,6,7,8,9]]})");
  post("/v1/models/dummy:predict", "{}");
  get("/v1/models/dummy");
  get("/v1/models/dummy/metadata");
  const auto& metrics = dummy->metrics();
  const auto rest = static_cast<std::size_t>(observability::Interface::kRest);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kPredict)][rest], 1u);
  EXPECT_EQ(metrics.fail[static_cast<std::size_t>(Method::kPredict)][rest], 1u);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kGetModelStatus)][rest], 1u);
  EXPECT_EQ(metrics.success[static_cast<std::size_t>(Method::kGetModelMetadata)][rest], 1u);
}

}  // namespace
}  // namespace ocelli::rest

#include "protocols/kserve/infer_request.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsed_request.hpp"

namespace ocelli::kserve {
namespace {

TEST(InferRequest, ReadsTheExampleOfTheSpecification) {
  Parsed parsed(R"({"id":"7","inputs":[{"name":"b","shape":[1,10],"datatype":"FP32","data":[0,1,2,3,4,5,6,7,8,9]}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_EQ(parsed.request.id, "7");
  const auto& input = parsed.request.call.inputs.at(0);
  EXPECT_EQ(input.name, "b");
  EXPECT_EQ(input.tensor.view.type, DataType::kFp32);
  EXPECT_EQ(input.tensor.view.shape, (Shape{1, 10}));
  EXPECT_EQ(parsed.values<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(parsed.request.call.deadline, kNever);
  EXPECT_TRUE(parsed.request.call.requested.empty());
}

TEST(InferRequest, FlattensNestedDataAndTakesMembersInAnyOrder) {
  Parsed parsed(
      R"({"inputs":[{"data":[[1.5,2],[3,4e0]],"parameters":{},"datatype":"FP64","shape":[2,2],"name":"b","extra":{"x":[1]}}],"model_name":"n"})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_EQ(parsed.values<double>(), (std::vector<double>{1.5, 2, 3, 4}));
}

TEST(InferRequest, ReadsEveryType) {
  EXPECT_EQ(Parsed(one_input(R"("shape":[2],"datatype":"INT8","data":[-128,127])")).values<std::int8_t>(),
            (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[2],"datatype":"UINT8","data":[0,255])")).values<std::uint8_t>(),
            (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[1],"datatype":"INT16","data":[-32768])")).values<std::int16_t>(),
            (std::vector<std::int16_t>{-32768}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[1],"datatype":"UINT16","data":[65535])")).values<std::uint16_t>(),
            (std::vector<std::uint16_t>{65535}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[1],"datatype":"INT32","data":[-2147483648])")).values<std::int32_t>(),
            (std::vector<std::int32_t>{INT32_MIN}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[1],"datatype":"UINT32","data":[4294967295])")).values<std::uint32_t>(),
            (std::vector<std::uint32_t>{UINT32_MAX}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[2],"datatype":"INT64","data":[-9223372036854775808,9223372036854775807])"))
                .values<std::int64_t>(),
            (std::vector<std::int64_t>{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(
      Parsed(one_input(R"("shape":[1],"datatype":"UINT64","data":[18446744073709551615])")).values<std::uint64_t>(),
      (std::vector<std::uint64_t>{UINT64_MAX}));
  EXPECT_EQ(Parsed(one_input(R"("shape":[2,1],"datatype":"BOOL","data":[[true],[false]])")).values<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 0}));
  Parsed texts(one_input(R"("shape":[3],"datatype":"BYTES","data":["a","","\u00e9\"x"])"));
  EXPECT_EQ(texts.strings(), (std::vector<std::string>{"a", "", "\xC3\xA9\"x"}));
  Parsed scalar(one_input(R"("shape":[],"datatype":"FP32","data":[5])"));
  EXPECT_EQ(scalar.values<float>(), std::vector<float>{5});
  Parsed empty(one_input(R"("shape":[0,4],"datatype":"FP32","data":[])"));
  EXPECT_TRUE(empty.status.ok());
  EXPECT_EQ(empty.request.call.inputs.at(0).tensor.view.bytes, 0u);
}

TEST(InferRequest, RefusesWhatIsNoJsonObject) {
  for (const char* bad :
       {"", "{", "nonsense", R"({"inputs":[)", R"({"inputs":[]} x)", "[1,",
        R"({"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1,]}]})", R"({"x": tru, "inputs": []})"}) {
    EXPECT_EQ(error(bad), "FAILED_PRECONDITION: The file is not valid json") << bad;
  }
  for (const char* bad : {"[]", "1", "\"a\"", "null"})
    EXPECT_EQ(error(bad), "INVALID_ARGUMENT: Request body should be JSON object") << bad;
  EXPECT_EQ(error("{\"a\":" + std::string(200, '[') + std::string(200, ']') + "}"),
            "INVALID_ARGUMENT: The file is not valid json - Expected: at most 100 levels of nesting");
}

TEST(InferRequest, NamesWhatIsWrongWithAnInput) {
  for (const char* bad : {"{}", R"({"inputs":[]})", R"({"inputs":{}})", R"({"inputs":null})"}) {
    EXPECT_EQ(error(bad), "INVALID_ARGUMENT: Invalid JSON structure, missing inputs") << bad;
  }
  const std::pair<const char*, const char*> cases[] = {
      {R"({"inputs":[1]})", "Expected: an input as an object; Actual: 1"},
      {R"({"inputs":[{}]})", "Missing name"},
      {R"({"inputs":[{"name":"b","datatype":"FP32","data":[1]}]})", "Missing shape; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[1]}]})", "Missing datatype; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[1],"datatype":"FP32"}]})", "Missing data; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":null}]})", "Missing data; input name: b"},
      {R"({"inputs":[{"name":1,"shape":[1],"datatype":"FP32","data":[1]}]})", "Expected: name as a string; Actual: 1"},
      {R"({"inputs":[{"name":"b","shape":1,"datatype":"FP32","data":[1]}]})",
       "Expected: shape as an array of integers from 0; Actual: 1; input name: b"},
      {R"({"inputs":[{"name":"b","shape":["1"],"datatype":"FP32","data":[1]}]})",
       "Expected: shape as an array of integers from 0; Actual: a string; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[2,-1.5],"datatype":"FP32","data":[1]}]})",
       "Expected: shape as an array of integers from 0; Actual: -1.5; input name: b"},
      {R"({"id":7,"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})",
       "Expected: id as a string; Actual: 7"},
      {R"({"inputs":[{"name":"b","shape":[1],"datatype":7,"data":[1]}]})",
       "Expected: datatype as a string; Actual: 7; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":{"x":1}}]})",
       "Expected: data as an array; Actual: an object; input name: b"},
      {R"({"inputs":[{"name":"b","shape":[],"datatype":"FP32","data":5}]})",
       "Expected: data as an array; Actual: 5; input name: b"}};
  for (const auto& [bad, text] : cases) {
    EXPECT_EQ(error(bad),
              std::string("INVALID_ARGUMENT: Could not parse input content. Not valid ndarray detected - ") + text);
  }
  EXPECT_EQ(error(one_input(R"("shape":[1,10],"datatype":"FP32","data":[0,1,2,3,4,5,6,7,8])")),
            "INVALID_ARGUMENT: Invalid number of values in tensor proto container - Expected: 10 values; Actual: 9 "
            "values; input name: b");
  EXPECT_EQ(error(one_input(R"("shape":[1],"datatype":"FP32","data":[0,1,2])")),
            "INVALID_ARGUMENT: Invalid number of values in tensor proto container - Expected: 1 values; Actual: 3 "
            "values; input name: b");
  EXPECT_EQ(error(one_input(R"("shape":[1],"datatype":"FOO","data":[0])")),
            "INVALID_ARGUMENT: Invalid input precision - Expected: one of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, "
            "INT16, INT32, INT64, FP16, BF16, FP32, FP64, BYTES; Actual: FOO; input name: b");
  for (const char* type : {"FP16", "BF16"}) {
    EXPECT_TRUE(
        error(one_input(std::string(R"("shape":[1],"datatype":")") + type + R"(","data":[0])"))
            .starts_with("INVALID_ARGUMENT: Could not parse input content. Unsupported data precision detected"));
  }
  EXPECT_TRUE(error(one_input(R"("shape":[9223372036854775807,9],"datatype":"FP32","data":[0])"))
                  .starts_with("INVALID_ARGUMENT: Invalid input shape"));
  EXPECT_TRUE(error(one_input(R"("shape":[1,1,1,1,1,1,1,1,1,1,1,1,1],"datatype":"FP32","data":[0])"))
                  .starts_with("INVALID_ARGUMENT: Invalid number of shape dimensions"));
}

TEST(InferRequest, RefusesMembersThatAreGivenTwice) {
  const std::string inputs = R"("inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}])";
  const auto refusal = [](const std::string& what) { return "INVALID_ARGUMENT: Invalid JSON structure, " + what; };
  EXPECT_EQ(error("{\"inputs\":[]," + inputs + "}"), refusal("inputs given twice"));
  EXPECT_EQ(error("{" + inputs + "," + inputs + "}"), refusal("inputs given twice"));
  EXPECT_EQ(error(R"({"id":"1","id":"2",)" + inputs + "}"), refusal("id given twice"));
  EXPECT_EQ(error(R"({"parameters":{},"parameters":null,)" + inputs + "}"), refusal("parameters given twice"));
  EXPECT_EQ(error(R"({"outputs":[],"outputs":[],)" + inputs + "}"), refusal("outputs given twice"));
  EXPECT_EQ(error(R"({"outputs":[{"name":"a","name":"c"}],)" + inputs + "}"), refusal("name given twice in an output"));
  EXPECT_EQ(error(R"({"outputs":[{"name":"a","parameters":{},"parameters":{}}],)" + inputs + "}"),
            refusal("parameters given twice in an output"));
  const std::string members = R"("shape":[1],"datatype":"FP32","data":[1])";
  for (const char* again : {R"("name":"c")", R"("shape":[1])", R"("datatype":"FP32")", R"("data":[1])"}) {
    const std::string name(again + 1, std::string_view(again + 1).find('"'));
    EXPECT_EQ(error(one_input(members + "," + again)), refusal(name + " given twice; input name: b"));
  }
  EXPECT_EQ(error(one_input(members + R"(,"parameters":{},"parameters":{})")),
            refusal("parameters given twice; input name: b"));
  EXPECT_EQ(error(one_input(members + R"(,"own":1,"own":2)")), "OK") << "unknown members are not read";
}

TEST(InferRequest, AShapeThatPromisesMuchClaimsNoMemory) {
  Parsed parsed(one_input(R"("shape":[1000000000000],"datatype":"FP64","data":[1,2,3])"));
  ASSERT_TRUE(parsed.status.ok()) << "the servable says first what else is wrong";
  const auto& input = parsed.request.call.inputs.at(0);
  EXPECT_EQ(input.tensor.view.bytes, 0u);
  EXPECT_EQ(input.fault.message(),
            "Invalid number of values in tensor proto container - Expected: 1000000000000 values; Actual: 3 values; "
            "input name: b");
  EXPECT_LT(parsed.pool.idle_bytes(), 100000u);
}

TEST(InferRequest, RefusesValuesThatTheTypeDoesNotHave) {
  const auto bad = [](const std::string& type, const std::string& value) {
    return error(one_input(R"("shape":[1],"datatype":")" + type + R"(","data":[)" + value + "]"));
  };
  const auto expected = [](const std::string& type, std::string actual) {
    if (actual.front() == '"') actual = "a string";
    if (actual.front() == '{') actual = "an object";
    return "INVALID_ARGUMENT: Could not parse input content. Not valid ndarray detected - Expected: " + type +
           " values; Actual: " + actual + " at element 0; input name: b";
  };
  for (const char* value : {"-1", "256", "1.0", "1e1", "true", "\"1\"", "null", "{}", "99999999999999999999999"})
    EXPECT_EQ(bad("UINT8", value), expected("UINT8", value));
  for (const char* value : {"-129", "128", "0.5"}) EXPECT_EQ(bad("INT8", value), expected("INT8", value));
  for (const char* value : {"9223372036854775808", "-9223372036854775809"})
    EXPECT_EQ(bad("INT64", value), expected("INT64", value));
  for (const char* value : {"18446744073709551616", "-1"}) EXPECT_EQ(bad("UINT64", value), expected("UINT64", value));
  for (const char* value : {"1e39", "-1e39", "true", "\"x\""}) EXPECT_EQ(bad("FP32", value), expected("FP32", value));
  EXPECT_EQ(bad("FP64", "1e309"), expected("FP64", "1e309"));
  for (const char* value : {"1", "0", "\"true\""}) EXPECT_EQ(bad("BOOL", value), expected("BOOL", value));
  for (const char* value : {"1", "true", "null"}) EXPECT_EQ(bad("BYTES", value), expected("BYTES", value));
  for (const char* value : {"NaN", "Infinity", "-Infinity"}) {
    EXPECT_EQ(bad("FP32", value),
              "FAILED_PRECONDITION: The file is not valid json - NaN and Infinity are no JSON numbers");
  }
}

TEST(InferRequest, BoundsTheNumberOfTensors) {
  const auto many = [](const std::string& one, std::size_t count) {
    std::string list = one;
    for (std::size_t i = 1; i < count; ++i) list += "," + one;
    return list;
  };
  const std::string input = R"({"name":"b","shape":[1],"datatype":"FP32","data":[1]})";
  constexpr auto kMost = InferRequest::kMaxTensors;
  EXPECT_EQ(error(R"({"inputs":[)" + many(input, kMost + 1) + "]}"),
            "INVALID_ARGUMENT: Request has too many inputs - Expected: at most 4096");
  EXPECT_EQ(error(R"({"outputs":[)" + many(R"({"name":"a"})", kMost + 1) + R"(],"inputs":[)" + input + "]}"),
            "INVALID_ARGUMENT: Request has too many requested outputs - Expected: at most 4096");
  EXPECT_TRUE(
      Parsed(R"({"outputs":[)" + many(R"({"name":"a"})", kMost) + R"(],"inputs":[)" + input + "]}").status.ok());
}

TEST(InferRequest, SaysWhichValueIsWrong) {
  const auto bad = [](const std::string& type, const std::string& data) {
    const auto text = error(one_input(R"("shape":[2,3],"datatype":")" + type + R"(","data":)" + data));
    return text.substr(std::min(text.size(), text.find("Actual: ")));
  };
  EXPECT_EQ(bad("INT8", "[[1,2,3],[4,500,-600]]"), "Actual: 500 at element 4; input name: b");
  EXPECT_EQ(bad("FP32", "[[1,2,3],[4,\"five\",6]]"), "Actual: a string at element 4; input name: b");
  EXPECT_EQ(bad("BOOL", "[true,false,true,1,0,1]"), "Actual: 1 at element 3; input name: b");
  EXPECT_EQ(bad("BYTES", R"(["a","b",["c",3,"d","e"]])"), "Actual: 3 at element 3; input name: b");
  EXPECT_EQ(bad("INT8", "[1,2,3,4,5," + std::string(1000, '9') + "]"),
            "Actual: " + std::string(40, '9') + "... at element 5; input name: b");
}

TEST(InferRequest, BinaryInputsAreUsedInPlace) {
  const float values[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::string json = one_input(R"("shape":[1,10],"datatype":"FP32","parameters":{"binary_data_size":40})");
  const std::size_t lead = 64 - json.size() % 64;  // as the transport places it
  Parsed parsed(json, std::string(reinterpret_cast<const char*>(values), sizeof values), {}, lead);
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  const auto& tensor = parsed.request.call.inputs.at(0).tensor;
  EXPECT_EQ(tensor.view.data, parsed.body->data() + lead + json.size());
  EXPECT_EQ(tensor.owner.get(), parsed.body.get());
  EXPECT_EQ(parsed.values<float>()[9], 9);
}

TEST(InferRequest, BinaryInputsOffTheirBoundaryAreCopied) {
  const double value = 2.5;
  const std::string json = one_input(R"("shape":[1],"datatype":"FP64")");
  Parsed parsed(json, std::string(reinterpret_cast<const char*>(&value), sizeof value), {}, 65 - json.size() % 64);
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_NE(parsed.request.call.inputs.at(0).tensor.owner.get(), parsed.body.get());
  EXPECT_EQ(parsed.values<double>(), std::vector<double>{2.5});
}

TEST(InferRequest, MixesBinaryAndJsonInputsInOrder) {
  Parsed parsed(R"({"inputs":[{"name":"x","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}},
    {"name":"y","shape":[1],"datatype":"INT32","data":[7]},{"name":"z","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}}]})",
                "\x01\x02" + le32(3) + "abc" + le32(0));
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_EQ(parsed.values<std::uint8_t>(0), (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(parsed.values<std::int32_t>(1), std::vector<std::int32_t>{7});
  EXPECT_EQ(parsed.strings(2), (std::vector<std::string>{"abc", ""}));
}

TEST(InferRequest, MissingBinarySizesFollowFromTheShape) {
  EXPECT_EQ(Parsed(one_input(R"("shape":[2],"datatype":"FP16")"), "abcd").values<std::uint16_t>().size(), 2u);
  EXPECT_EQ(Parsed(one_input(R"("shape":[1],"datatype":"BYTES")"), le32(5) + "hello").strings(),
            std::vector<std::string>{"hello"});
  EXPECT_TRUE(error(one_input(R"("shape":[2],"datatype":"BYTES")"), le32(1) + "a" + le32(1) + "b")
                  .starts_with("INVALID_ARGUMENT: Invalid binary_data_size"));
}

TEST(InferRequest, TakesTheSizesOf2022) {
  Parsed pictures(one_input(R"("shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":"3,0,2"})"), "abcde");
  ASSERT_TRUE(pictures.status.ok()) << pictures.status.to_string();
  EXPECT_EQ(pictures.strings(), (std::vector<std::string>{"abc", "", "de"}));
  Parsed number(one_input(R"("shape":[1],"datatype":"FP32","parameters":{"binary_data_size":"4"})"), "abcd");
  EXPECT_TRUE(number.status.ok()) << number.status.to_string();
  for (const char* sizes : {"3,1", "3,0,2,1", "3,,2", "a", "", "3,0,-2", "3,0,2,", "5,", "99999999999,0,0"}) {
    EXPECT_TRUE(error(one_input(std::string(R"("shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":")") +
                                sizes + "\"}"),
                      "abcde")
                    .starts_with("INVALID_ARGUMENT: Invalid binary_data_size"))
        << sizes;
  }
}

TEST(InferRequest, RefusesLengthsThatLie) {
  const auto sized = [](const std::string& size) {
    return one_input(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":)" + size + "}");
  };
  EXPECT_EQ(error(sized("9"), "12345678"),
            "INVALID_ARGUMENT: Invalid binary_data_size - Expected: at most 8 bytes; Actual: 9 bytes; input name: b");
  EXPECT_EQ(error(sized("18446744073709551615"), "12345678").substr(0, 43),
            "INVALID_ARGUMENT: Invalid binary_data_size ");
  EXPECT_EQ(error(sized("4"), "12345678"),
            "INVALID_ARGUMENT: Inputs inside buffer does not match expected format. - 4 bytes are left over behind the "
            "last input");
  EXPECT_TRUE(error(sized("-4"), "12345678").starts_with("INVALID_ARGUMENT: Invalid request parameter"));
  EXPECT_TRUE(error(sized("4.0"), "12345678").starts_with("INVALID_ARGUMENT: Invalid request parameter"));
  EXPECT_TRUE(
      error(one_input(R"("shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":4})"), "1234")
          .starts_with("INVALID_ARGUMENT: Input has data both in JSON and outside of it"));
}

TEST(InferRequest, RefusesWrongHeaderLengths) {
  const std::string json = one_input(R"("shape":[1],"datatype":"FP32")");
  for (const char* length : {"x", "-1", "", "1e2", "99999999999999999999", " 5"}) {
    EXPECT_TRUE(error(json, "1234", length)
                    .starts_with("INVALID_ARGUMENT: Invalid Inference-Header-Content-Length - Expected: "))
        << length;
  }
  EXPECT_TRUE(error(json, "1234", std::to_string(json.size() + 5))
                  .starts_with("INVALID_ARGUMENT: Invalid Inference-Header-Content-Length"));
  EXPECT_EQ(error(json, "1234", std::to_string(json.size() - 1)), "FAILED_PRECONDITION: The file is not valid json");
}

TEST(InferRequest, PointsIntoSharedMemory) {
  const std::string key = "/ocelli_kserve_test_" + std::to_string(::getpid());
  const int descriptor = ::shm_open(key.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::ftruncate(descriptor, 64), 0);
  transport::SharedMemoryRegistry regions;
  ASSERT_TRUE(regions.register_region("r", key, 0, 64).ok());
  ::close(descriptor);
  ::shm_unlink(key.c_str());

  const auto request = [](const std::string& offset, const std::string& size) {
    return R"({"inputs":[{"name":"b","shape":[2],"datatype":"FP32","parameters":{"shared_memory_region":"r","shared_memory_offset":)" +
           offset + R"(,"shared_memory_byte_size":)" + size +
           R"(}}],"outputs":[{"name":"a","parameters":{"shared_memory_region":"r","shared_memory_offset":32,
           "shared_memory_byte_size":8}}]})";
  };
  Parsed parsed(request("16", "8"), "", {}, 0, &regions);
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  const auto view = regions.view("r", 0, 64);
  EXPECT_EQ(parsed.request.call.inputs.at(0).tensor.view.data, view->data + 16);
  EXPECT_EQ(parsed.request.call.requested.at(0).destination.data, view->data + 32);
  EXPECT_EQ(parsed.request.call.requested.at(0).destination.bytes, 8u);
  EXPECT_EQ(Parsed(request("60", "8"), "", {}, 0, &regions).status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Parsed(request("16", "8")).status.code(), StatusCode::kInvalidArgument) << "a server without shared memory";
  regions.unregister_all();
  EXPECT_EQ(Parsed(request("16", "8"), "", {}, 0, &regions).status.code(), StatusCode::kNotFound);
}

TEST(InferRequest, IsReusable) {
  BufferPool pool;
  InferRequest request;
  const std::string json =
      R"({"id":"\u0041","inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"a"}]})";
  for (int i = 0; i < 3; ++i) {
    request.clear();
    const InferBody body{std::as_bytes(std::span(json)), {}, {}, {}};
    ASSERT_TRUE(parse_infer_request(body, pool, nullptr, request).ok());
    EXPECT_EQ(request.id, "A");
    EXPECT_EQ(request.call.inputs.size(), 1u);
    EXPECT_EQ(request.formats.size(), 1u);
  }
}

// Texts with escapes take memory that no body pays for.
TEST(InferRequest, KeepsNoTextThatNobodyWants) {
  const Parsed parsed(R"({"\u0078": ["\n", "\n"], "\u0079": "\n", "inputs": [{"name": "x", "\u007a": {"\t": "\t"},
    "parameters": {"\u0061": "\n", "\u0062": 1}, "shape": [1], "datatype": "FP32", "data": [1]}],
    "outputs": [{"name": "y", "\u0063": "\n"}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_EQ(parsed.request.texts.size(), 0U);
}

}  // namespace
}  // namespace ocelli::kserve

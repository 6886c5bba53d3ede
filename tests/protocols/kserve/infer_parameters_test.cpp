#include "protocols/kserve/infer_parameters.hpp"

#include "parsed_request.hpp"
#include "serving/priority_level.hpp"
#include "serving/sequence_name.hpp"

namespace ocelli::kserve {
namespace {

TEST(InferParameters, WhatIsNullWasLeftOut) {
  Parsed parsed(
      R"({"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"b","shape":[1],"datatype":"FP32","parameters":null,"data":[1]}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  EXPECT_FALSE(parsed.request.id);
  EXPECT_TRUE(parsed.request.call.requested.empty());
  Parsed within(
      R"({"parameters":{"timeout":null,"sequence_id":null,"own":null},"outputs":[{"name":"a","parameters":null}],
      "inputs":[{"name":"b","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":null},"data":[1]}]})");
  ASSERT_TRUE(within.status.ok()) << within.status.to_string();
  EXPECT_EQ(within.request.call.deadline, kNever);
  Parsed binary(one_input(R"("shape":[1],"datatype":"FP32","data":null,"parameters":{"binary_data_size":4})"), "abcd");
  EXPECT_TRUE(binary.status.ok()) << binary.status.to_string();
}

TEST(InferParameters, SequencesHaveNumbersOrNames) {
  const auto sequence = [](const std::string& parameters) {
    Parsed parsed(R"({"parameters":{)" + parameters +
                  R"(},"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})");
    EXPECT_TRUE(parsed.status.ok()) << parsed.status.to_string();
    return parsed.request.call.sequence.value_or(serving::SequenceControl{});
  };
  EXPECT_EQ(sequence(R"("sequence_id":18446744073709551615)").id, UINT64_MAX);
  EXPECT_EQ(sequence(R"("sequence_id":"42")").id, 42U);
  EXPECT_EQ(sequence(R"("sequence_id":"camera 1")").id, serving::sequence_id_of("camera 1"));
  EXPECT_NE(serving::sequence_id_of("camera 1"), serving::sequence_id_of("camera 2"));
  EXPECT_EQ(sequence(R"("sequence_id":1,"sequence_start":true,"sequence_end":true)").control, 3U)
      << "a sequence of one request";
  EXPECT_EQ(sequence(R"("sequence_id":1,"sequence_end":true)").control, 2U);
}

TEST(InferParameters, ReadsParameters) {
  Parsed parsed(
      R"({"parameters":{"timeout":2500000,"priority":3,"sequence_id":42,"sequence_start":true,"binary_data_output":true,"own":"x","share":0.5},
    "outputs":[{"name":"a"},{"name":"c","parameters":{"binary_data":false}}],"inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.to_string();
  const auto& call = parsed.request.call;
  EXPECT_EQ(call.deadline, TimePoint(std::chrono::milliseconds(102500)));
  EXPECT_EQ(call.priority, serving::priority_of_level(3));
  EXPECT_GT(call.priority, 0);
  ASSERT_TRUE(call.sequence);
  EXPECT_EQ(call.sequence->id, 42u);
  EXPECT_EQ(call.sequence->control, 1u);
  ASSERT_EQ(call.requested.size(), 2u);
  EXPECT_EQ(call.requested[1].name, "c");
  EXPECT_TRUE(parsed.request.formats[0].binary) << "binary_data_output holds for listed outputs that say nothing else";
  EXPECT_FALSE(parsed.request.formats[1].binary);
}

TEST(InferParameters, BinaryDataOutputHoldsForAllWhereNoneIsNamed) {
  const std::string input = R"("inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})";
  EXPECT_TRUE(Parsed(R"({"parameters":{"binary_data_output":true},)" + input).request.binary_outputs);
  EXPECT_FALSE(Parsed(R"({"parameters":{"binary_data_output":false},)" + input).request.binary_outputs);
  EXPECT_FALSE(Parsed("{" + input).request.binary_outputs);
}

TEST(InferParameters, EachIsGivenOnce) {
  const std::string input = R"("inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}])";
  for (const char* name : {"timeout", "priority", "sequence_id", "sequence_start", "binary_data_output"}) {
    const std::string null = std::string("\"") + name + "\":null";
    EXPECT_EQ(error(R"({"parameters":{)" + null + "," + null + "}," + input + "}"),
              std::string("INVALID_ARGUMENT: Invalid request parameter - Given twice; parameter name: ") + name);
  }
  EXPECT_EQ(
      error(one_input(R"("shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4,"binary_data_size":8})"),
            "abcdefgh"),
      "INVALID_ARGUMENT: Invalid request parameter - Given twice; parameter name: binary_data_size");
  EXPECT_EQ(error(R"({"outputs":[{"name":"a","parameters":{"classification":1,"classification":5}}],)" + input + "}"),
            "INVALID_ARGUMENT: Invalid request parameter - Given twice; parameter name: classification");
  EXPECT_EQ(error(R"({"parameters":{"own":1,"own":2},)" + input + "}"), "OK") << "unknown ones are not read";
}

TEST(InferParameters, RefusesParametersOfOtherKinds) {
  const std::string input = R"("inputs":[{"name":"b","shape":[1],"datatype":"FP32","data":[1]}])";
  for (const char* bad : {R"({"timeout":-1})", R"({"timeout":"1"})", R"({"priority":4294967296})", R"({"timeout":1.5})",
                          R"({"sequence_id":-1})", R"({"sequence_id":""})", R"({"sequence_start":1})", R"({"own":[]})",
                          R"({"own":{}})", R"({"binary_data_output":"true"})"}) {
    EXPECT_TRUE(error(std::string(R"({"parameters":)") + bad + "," + input + "}")
                    .starts_with("INVALID_ARGUMENT: Invalid request parameter - Expected: "))
        << bad;
  }
  EXPECT_EQ(error(R"({"parameters":[],)" + input + "}"),
            "INVALID_ARGUMENT: Invalid request parameters - Expected: an object");
  EXPECT_EQ(error(R"({"parameters":{"a":},)" + input + "}"), "FAILED_PRECONDITION: The file is not valid json");
  for (const char* count : {"-1", "true", R"("1")", "1.5", "4294967296"}) {
    EXPECT_EQ(
        error(R"({"outputs":[{"name":"a","parameters":{"classification":)" + std::string(count) + "}}]," + input + "}"),
        "INVALID_ARGUMENT: Invalid request parameter - Expected: an integer from 0 to 4294967295; parameter "
        "name: classification");
  }
  for (const char* bad : {R"({"outputs":{},)", R"({"outputs":[1],)", R"({"outputs":[{}],)"}) {
    EXPECT_TRUE(error(bad + input + "}").starts_with("INVALID_ARGUMENT: Invalid ")) << bad;
  }
}

}  // namespace
}  // namespace ocelli::kserve

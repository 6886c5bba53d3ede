#include "repository/pipeline_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class PipelineSetTest : public test::RepositoryTest {
 protected:
  // A chain through these models ("a" or "a/2").
  static std::string chain(const std::string& name, const std::vector<std::string>& models) {
    std::string nodes;
    for (const auto& model : models) {
      const auto slash = model.find('/');
      nodes +=
          (nodes.empty() ? "" : ",") + (R"({"name":"n)" + std::to_string(nodes.size())) +
          R"(","type":"DL model","model_name":")" + model.substr(0, slash) + "\"" +
          (slash == std::string::npos ? "" : ",\"version\":" + model.substr(slash + 1)) +
          R"(,"inputs":[{"x":{"node_name":"request","data_item":"x"}}],"outputs":[{"data_item":"y","alias":"y"}]})";
    }
    return R"({"name":")" + name + R"(","inputs":["x"],"nodes":[)" + nodes +
           R"(],"outputs":[{"y":{"node_name":"n0","data_item":"y"}}]})";
  }
  static std::string pipelines(const std::string& list) { return R"(,"pipeline_config_list":[)" + list + "]"; }
  std::string reason(const std::string& name) { return repository_->status(name, 1)->versions.at(0).reason; }
};

TEST_F(PipelineSetTest, IsListedAndFoundLikeAModelOfVersionOne) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a"), entry("b")}, pipelines(chain("p", {"a", "b"})));
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(states("p"), "1:AVAILABLE");
  EXPECT_EQ(served("p"), "a;b;");
  EXPECT_EQ(served("p", 1), "a;b;");
  EXPECT_EQ(served("p", 2), "Model with requested version is not found");
  EXPECT_EQ(repository_->all_statuses().size(), 3U);
  EXPECT_EQ(reload(), "unchanged");
  EXPECT_EQ(factory_->pipelines_built, 1);
}

TEST_F(PipelineSetTest, IsPutTogetherAnewWhenAModelUnderItChanges) {
  folder_.write("a/1/m.onnx", "one");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a"), entry("b")}, pipelines(chain("p", {"a"}) + "," + chain("q", {"b"})));
  ASSERT_TRUE(start().ok());
  folder_.write("a/2/m.onnx", "two");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("p"), "two;");
  EXPECT_EQ(factory_->pipelines_built, 3) << "q has nothing to do with it";
  folder_.write("a/3/m.onnx", "unfit");
  EXPECT_THAT(reload(), HasSubstr("Reloading models versions failed"));
  EXPECT_EQ(states("p"), "1:LOADING!");
  EXPECT_EQ(reason("p"), "node n0 does not fit");
  EXPECT_EQ(served("q"), "b;");
  folder_.write("a/4/m.onnx", "four");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("p"), "four;");
}

TEST_F(PipelineSetTest, WaitsForModelsThatAreNotThere) {
  folder_.write("a/1/m.onnx", "refused");
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  ASSERT_TRUE(start().ok()) << "a failed pipeline is not fatal";
  EXPECT_EQ(states("p"), "1:LOADING!");
  EXPECT_EQ(reason("p"), "node n0: model a is not available");
  EXPECT_EQ(repository_->status("p", 1)->versions.at(0).error, StatusCode::kFailedPrecondition);
  EXPECT_EQ(served("p", 1), "Model with requested version is not loaded yet");
  EXPECT_EQ(served("p"), "Model with requested version is not loaded yet") << "it has no versions to choose from";
  folder_.write("a/1/m.onnx", "a");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("p"), "a;");
}

TEST_F(PipelineSetTest, UsesTheVersionThatANodeNames) {
  folder_.write("a/1/m.onnx", "one");
  folder_.write("a/2/m.onnx", "two");
  configure({entry("a", R"(,"model_version_policy":{"all":{}})")},
            pipelines(chain("p", {"a/1"}) + "," + chain("q", {"a/3"})));
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("p"), "one;");
  EXPECT_EQ(reason("q"), "node n0: model a version 3 is not available");
}

TEST_F(PipelineSetTest, RefusesModelsThatItCannotUse) {
  for (const char* name : {"auto", "memory"}) folder_.write(std::string(name) + "/1/m.onnx", name);
  configure({entry("auto", R"(,"shape":"auto")"), entry("memory", R"(,"stateful":true)")},
            pipelines(chain("p", {"auto"}) + "," + chain("q", {"memory"}) + "," + chain("r", {"none"}) + "," +
                      chain("s", {"p"})));
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(reason("p"), "node n0: model auto has batch_size or shape auto, which a pipeline cannot use");
  EXPECT_EQ(reason("q"), "node n0: model memory is stateful, which a pipeline cannot use");
  EXPECT_EQ(reason("r"), "node n0: there is no model none");
  EXPECT_EQ(reason("s"), "node n0: p is a pipeline; a node runs a model");
  EXPECT_EQ(factory_->pipelines_built, 0);
}

// The model goes on as it was, and so does what is built on it.
TEST_F(PipelineSetTest, OutlivesAChangeOfItsModelThatIsRefused) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"stateful":true)")}, pipelines(chain("p", {"a"})));
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(states("p"), "1:AVAILABLE");
  EXPECT_EQ(served("p"), "a;");
}

TEST_F(PipelineSetTest, OutlivesAChangeToAutoThatIsRefused) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  ASSERT_TRUE(start().ok());
  folder_.write("a/1/m.onnx", "refused");
  configure({entry("a", R"(,"shape":"auto")")}, pipelines(chain("p", {"a"})));
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(states("p"), "1:AVAILABLE");
}

TEST_F(PipelineSetTest, ServesAgainWhenItsMistakeIsTakenBack) {
  folder_.write("a/1/m.onnx", "a");
  const std::string right = chain("p", {"a"});
  configure({entry("a")}, pipelines(right));
  ASSERT_TRUE(start().ok());
  configure({entry("a")}, pipelines(R"({"name":"p","inputs":["x"],"nodes":[{"name":"n0","type":"no such type",)"
                                    R"("inputs":[],"outputs":[]}],"outputs":[]})"));
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(states("p"), "1:LOADING!");
  configure({entry("a")}, pipelines(right));
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("p"), "a;");
  EXPECT_EQ(reload(), "unchanged");
}

TEST_F(PipelineSetTest, GivesItsNameToAModel) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("p/1/m.onnx", "model p");
  folder_.write("q/7/m.onnx", "model q");
  const auto both = pipelines(chain("p", {"a"}) + "," + chain("q", {"a"}));
  configure({entry("a")}, both);
  ASSERT_TRUE(start().ok());
  configure({entry("a"), entry("p"), entry("q")}, pipelines(chain("q", {"a"})));
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed")) << "q has the name that a model has";
  EXPECT_EQ(served("p"), "model p");
  EXPECT_EQ(served("q"), "model q");
  EXPECT_EQ(states("p"), "1:AVAILABLE");
  EXPECT_EQ(states("q"), "1:END 7:AVAILABLE");
  configure({entry("a")}, both);
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("p"), "a;") << "and takes it again";
  EXPECT_EQ(served("q"), "a;");
}

TEST_F(PipelineSetTest, IsListedWhileItsModelsLoad) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  factory_->hold();
  make();
  auto starting = std::async(std::launch::async, [this] { return repository_->start(); });
  ASSERT_TRUE(factory_->wait_for_loads(1));
  EXPECT_EQ(states("p"), "1:START");
  EXPECT_EQ(served("p"), "Model with requested version is not loaded yet") << "so that requests wait";
  factory_->release();
  EXPECT_TRUE(starting.get().ok());
  EXPECT_EQ(served("p"), "a;");
}

TEST_F(PipelineSetTest, EndsWithItsEntry) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  ASSERT_TRUE(start().ok());
  configure({entry("a")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("p"), "1:END");
  EXPECT_EQ(factory_->alive, 1);
  configure({entry("a")}, pipelines(chain("p", {"a"})));
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("p"), "1:AVAILABLE");
}

TEST_F(PipelineSetTest, CustomNodesAndSharedNamesAreErrorsOfTheirOwn) {
  folder_.write("a/1/m.onnx", "a");
  configure(
      {entry("a")},
      pipelines(
          chain("a", {"a"}) +
          R"(,{"name":"c","inputs":[],"outputs":[],"nodes":[{"name":"n","type":"custom","library_name":"l","inputs":[],"outputs":[]}]})"));
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("a"), "a") << "the model had the name first";
  EXPECT_THAT(reason("c"), HasSubstr("custom nodes (library \"l\") are not supported"));
}

}  // namespace
}  // namespace ocelli::repository

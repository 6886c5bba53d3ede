// Reloading while requests run: no request is lost, none meets a half-loaded model, nothing stays behind.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "repository/fake_factory.hpp"
#include "repository/model_repository.hpp"
#include "repository/snapshot.hpp"
#include "repository/temporary_folder.hpp"

namespace ocelli::repository {
namespace {

constexpr int kReaders = 3;

TEST(ReloadRace, EveryRequestFindsAWholeModel) {
  const test::TemporaryFolder folder;
  const auto configure = [&](int nireq) {
    folder.write("new.json", R"({"model_config_list":[{"config":{"name":"m","base_path":"m","nireq":)" +
                                 std::to_string(nireq) + "}}]}");
    std::filesystem::rename(folder.path() / "new.json", folder.path() / "config.json");
  };
  folder.write("m/1/m.onnx", "whole");
  configure(1);
  const auto factory = std::make_shared<test::FakeFactory>();
  RepositoryOptions options;
  options.config_path = (folder.path() / "config.json").string();
  options.poll_interval = std::chrono::milliseconds(1);
  ModelRepository repository(options, factory, Log());
  ASSERT_TRUE(repository.start().ok());

  std::atomic<bool> over{false};
  std::atomic<int> failures{0};
  std::atomic<std::int64_t> requests{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      Version highest = 0;
      while (!over) {
        const auto handle = repository.find("m", std::nullopt);
        const bool whole =
            handle.ok() && (*handle)->metadata().platform == "whole" && (*handle)->metadata().version >= highest;
        if (whole) {
          highest = (*handle)->metadata().version;
        } else {
          ++failures;
        }
        ++requests;
        (void)repository.all_statuses();
      }
    });
  }
  for (int round = 2; round < 40; ++round) {
    if (round % 3 == 0) {
      // A version appears whole, as a careful deployer lets it.
      folder.write("next/m.onnx", "whole");
      std::filesystem::rename(folder.path() / "next", folder.path() / "m" / std::to_string(round));
    }
    configure(round);
    if (round % 2 == 0) {
      EXPECT_TRUE(repository.reload().ok());
    } else {
      EXPECT_TRUE(test::eventually([&] {
        return !factory->loads().empty() && factory->loads().back().config.nireq == static_cast<std::uint32_t>(round);
      }));
    }
  }
  over = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failures, 0);
  EXPECT_GT(requests, 100);
  EXPECT_TRUE(test::eventually([&] { return factory->alive == 1; })) << factory->alive;
  repository.stop();
  EXPECT_EQ(factory->alive, 0);
}

TEST(ReloadRace, WaitersAreAnsweredOnceEach) {
  const test::TemporaryFolder folder;
  folder.write("m/1/m.onnx", "whole");
  const auto factory = std::make_shared<test::FakeFactory>();
  RepositoryOptions options;
  ModelConfig config;
  config.name = "m";
  config.base_path = (folder.path() / "m").string();
  options.models = {config};
  options.load_wait = test::kSoon;
  ModelRepository repository(options, factory, Log());
  factory->hold();
  std::thread starting([&] { EXPECT_TRUE(repository.start().ok()); });
  ASSERT_TRUE(factory->wait_for_loads(1));
  std::atomic<int> found{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kReaders; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        repository.find_when_loaded(
            "m", std::nullopt, Clock::now(),
            [&](const Result<serving::ServableHandle>& handle) { found += handle.ok() ? 1 : -1000; });
        if (j == 50) factory->release();
      }
    });
  }
  for (auto& caller : callers) caller.join();
  starting.join();
  EXPECT_TRUE(test::eventually([&] { return found == kReaders * 200; })) << found;
}

TEST(Snapshot, ReadersSeeOneWholeValue) {
  struct Pair {
    int a, b;
  };
  Snapshot<Pair> snapshot(std::make_shared<const Pair>(Pair{0, 0}));
  std::atomic<bool> over{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (!over) {
        const Pair pair = snapshot.read([](const Pair& value) { return value; });
        if (pair.a != pair.b || pair.a < last) ++torn;
        last = pair.a;
      }
    });
  }
  for (int i = 1; i <= 2000; ++i) {
    const auto before = snapshot.publish(std::make_shared<const Pair>(Pair{i, i}));
    EXPECT_EQ(before->a, i - 1);
  }
  over = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(snapshot.get()->a, 2000);
}

}  // namespace
}  // namespace ocelli::repository

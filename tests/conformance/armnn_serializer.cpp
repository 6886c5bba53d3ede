// ocelli_armnn_serializer FOLDER: writes model.armnn beside every FOLDER/NAME/model.tflite that ARM NN can read.
#include <armnnSerializer/ISerializer.hpp>
#include <armnnTfLiteParser/ITfLiteParser.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

namespace fs = std::filesystem;

void serialize(const fs::path& from, const fs::path& to) {
  const auto parser = armnnTfLiteParser::ITfLiteParser::Create();
  const auto network = parser->CreateNetworkFromBinaryFile(from.c_str());
  const auto serializer = armnnSerializer::ISerializer::Create();
  serializer->Serialize(*network);
  std::ofstream file(to, std::ios::binary);
  serializer->SaveSerializedToStream(file);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: ocelli_armnn_serializer FOLDER\n";
    return 2;
  }
  int written = 0;
  for (const auto& entry : fs::directory_iterator(arguments[1])) {
    const auto from = entry.path() / "model.tflite";
    if (!fs::exists(from)) continue;
    try {
      serialize(from, entry.path() / "model.armnn");
      ++written;
    } catch (const std::exception&) {
      // What ARM NN cannot read has no .armnn file: the tests expect none.
    }
  }
  std::cout << written << " files written\n";
  return written > 0 ? 0 : 1;
}

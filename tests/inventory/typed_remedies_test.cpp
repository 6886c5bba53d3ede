#include "inventory/typed_remedies.hpp"

#include <gtest/gtest.h>

namespace ocelli::inventory {
namespace {

// What machine_tree.hpp asks of every remedy.
TEST(TypedRemedies, SentencesAreNoCommands) {
  for (const char* sentence :
       {"sudo rm -r /lib/firmware/mali_csffw.bin && install the firmware of the board's vendor there",
        "install libmali for this board and a 64-bit system from its vendor",
        "mount the host's own file: -v /usr/lib/libmali.so:/usr/lib/libmali.so:ro",
        "start the container with: --device /dev/mali0", "choose another device: ocelli devices",
        "sudo apt-get install -y level-zero && reboot the machine", "on the host: sudo reboot",
        "ls -l /dev/mali0   (only boards with an Arm Mali GPU have it)", "sudo reboot && "}) {
    EXPECT_NE(typing_fault(sentence), "") << sentence;
  }
  for (const char* command : {"", "sudo reboot", "export A=1   # a comment (with anything) && more",
                              "echo 'a && b' | sudo tee /etc/x && sudo udevadm trigger", "sudo -u '#1000' ocelli serve",
                              "docker run --group-add $(stat -c %g /dev/dri/render* | head -n 1) IMAGE"}) {
    EXPECT_EQ(typing_fault(command), "") << command;
  }
}

}  // namespace
}  // namespace ocelli::inventory

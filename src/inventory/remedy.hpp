// Remedies: commands to type. A shell takes each as it stands; what else there is to say stands behind it as a comment.
#pragma once

#include <string>
#include <string_view>

#include "inventory/machine.hpp"

namespace ocelli::inventory {

// "sudo reboot   # note". A note that the command has already stays, the new one comes behind it.
std::string with_note(std::string command, std::string_view note);

// The text as one word of a command: quoted where a shell would take it for more.
std::string shell_word(std::string_view text);

// A command that this container cannot carry out, but the machine below it can.
std::string on_host(std::string command);

// What starts this container again with more options: "docker run --gpus all IMAGE   # ...". IMAGE is to be replaced.
std::string container_with(std::string_view options);

// How the GPU of Windows gets into WSL2, or from there into a container.
std::string reach_windows_gpu(const Machine& machine);

}  // namespace ocelli::inventory

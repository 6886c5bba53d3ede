#pragma once
namespace ocelli::serving { class SequenceManager {}; }

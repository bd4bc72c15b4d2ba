#pragma once

#include <cstdint>
#include <string>

namespace dreamrunner {

/// What a process that is locked down may still use.
struct LockDownLimits {
  int64_t memory_bytes = 0;  ///< Of address space, with what is mapped already.
  int64_t processor_s = 0;   ///< Of processor time; SIGXCPU ends the process then.
};

/// Takes from this process, for good, what decoding a video does not need. Afterwards it can read and write what it has
/// open (descriptors 0 to `last_descriptor`, all others are closed), take memory within its limit, look at the clock, and end.
/// It cannot open a file or a socket, start a thread or a process, touch another process, make memory executable, gain
/// a privilege, or leave a core file. And it ends when the other end of the socket at descriptor 0 is closed, whatever it does.
///
/// There are two fences. Limits (`setrlimit`, capabilities dropped) are in place on return, else Error(storage) is
/// thrown. A filter of system calls (seccomp) stands before them; returns an empty text, or why this system refuses it.
/// The limits alone stop every new descriptor, so that nothing can be read, written or sent, and more memory, more time and,
/// for users other than root, more processes. They do not stop calls on names (deleting a file) and signals.
///
/// Call it with one thread.
std::string lock_down(int last_descriptor, const LockDownLimits& limits);

}  // namespace dreamrunner
